/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/effects.h"

#define EFFECTS_MAX 16384u /* more than one access of the longest kind can have */

void effects_finish(struct effects *effects)
{
	free(effects->text);
	memset(effects, 0, sizeof(*effects));
}

void effects_add(struct effects *effects, const char *text)
{
	size_t room = effects->room == 0 ? 16 : effects->room * 2;

	if (effects->count == effects->room) {
		void *more = room > EFFECTS_MAX ? NULL : realloc(effects->text, room * sizeof(effects->text[0]));

		if (more == NULL) {
			effects->lost = true;
			return;
		}
		effects->text = more;
		effects->room = room;
	}
	snprintf(effects->text[effects->count++], EFFECT_TEXT, "%s", text);
}

bool effects_same(const struct effects *a, const struct effects *b)
{
	size_t i;

	if (a->count != b->count || a->lost || b->lost)
		return false;
	for (i = 0; i < a->count; i++)
		if (strcmp(a->text[i], b->text[i]) != 0)
			return false;
	return true;
}

void effects_deed(void *arg, enum pcg_deed deed, uint32_t value)
{
	static const char *const forms[PCG_NUM_DEEDS] = {
		[PCG_DEED_ZAP] = "zap",
		[PCG_DEED_RESET] = "reset_function",
		[PCG_DEED_POWER] = "power D%u",
		[PCG_DEED_BAR_RESTORE] = "bar_restore",
		[PCG_DEED_INTX_MASK] = "intx mask",
		[PCG_DEED_INTX_UNMASK] = "intx unmask",
		[PCG_DEED_READRQ] = "set_readrq %u",
		[PCG_DEED_READRQ_FAILED] = "set_readrq %u refused",
		[PCG_DEED_VPD_READ] = "vpd read %x",
		[PCG_DEED_VPD_READ_FAILED] = "vpd read %x failed",
		[PCG_DEED_VPD_WRITE] = "vpd write %x",
		[PCG_DEED_VPD_WRITE_FAILED] = "vpd write %x failed",
	};
	char text[EFFECT_TEXT];

	snprintf(text, sizeof(text), forms[deed], value);
	effects_add(arg, text);
}

void effects_write(void *arg, const struct pcg_view_write *write)
{
	if (write->effects & PCG_EFFECT_COMMAND && write->before & ~write->after & PCG_COMMAND_MEMORY)
		effects_deed(arg, PCG_DEED_ZAP, 0);
	if (write->effects & PCG_EFFECT_POWER) {
		if (write->power != PCG_D0)
			effects_deed(arg, PCG_DEED_ZAP, 0);
		effects_deed(arg, PCG_DEED_POWER, write->power);
	}
	if (write->effects & PCG_EFFECT_FLR) {
		effects_deed(arg, PCG_DEED_ZAP, 0);
		effects_deed(arg, PCG_DEED_RESET, 0);
	}
}
