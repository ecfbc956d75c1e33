/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/dump/memory.h"
#include "host/dump/settings.h"
#include "host/options.h"

enum option {
	OPTION_HW,
	OPTION_VF,
	OPTION_ID,
	OPTION_NO_COMMAND_MEMORY,
	OPTION_NOINTX,
	OPTION_IRQ,
	OPTION_VPD,
	OPTION_INTX,
	OPTION_ROM,
	OPTION_MEMORY,
	OPTION_BAR0,
	OPTION_BAR5 = OPTION_BAR0 + 5,
	OPTIONS,
};

static const char *const names[OPTIONS + 1] = {
	[OPTION_HW] = "hw",
	[OPTION_VF] = "vf",
	[OPTION_ID] = "id",
	[OPTION_NO_COMMAND_MEMORY] = "no-command-memory",
	[OPTION_NOINTX] = "nointx",
	[OPTION_IRQ] = "irq",
	[OPTION_VPD] = "vpd",
	[OPTION_INTX] = "intx",
	[OPTION_ROM] = "rom",
	[OPTION_MEMORY] = "memory",
	[OPTION_BAR0] = "bar0",
	"bar1",
	"bar2",
	"bar3",
	"bar4",
	[OPTION_BAR5] = "bar5",
};

static const char *const hw_choices[] = { "spec", "ram", NULL };
static const char *const irq_choices[] = { "none", NULL };
static const char *const vpd_choices[] = { "ram", "fail", NULL };
static const char *const intx_choices[] = { "record", "follow", NULL };

static bool parse_id(const char *text, uint16_t *vendor, uint16_t *device)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	if (strspn(text, digits) != 4 || text[4] != ':' || strspn(text + 5, digits) != 4 || text[9] != '\0')
		return false;
	*vendor = (uint16_t)strtoul(text, NULL, 16);
	*device = (uint16_t)strtoul(text + 5, NULL, 16);
	return true;
}

static int take_id(struct dump_settings *settings, const struct options *options)
{
	const char *text = options->values[OPTION_ID];

	if (text == NULL)
		return 0;
	settings->has_id = true;
	if (parse_id(text, &settings->vendor, &settings->device))
		return 0;
	base_log(options->log, PCG_ERROR, "dump: id=%.64s: must be VVVV:DDDD, four hexadecimal digits each", text);
	return -EINVAL;
}

static int take_bars(struct dump_settings *settings, const struct options *options)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		const char *text = options->values[OPTION_BAR0 + i];

		if (text == NULL || dump_bar_parse(text, &settings->bars[i]))
			continue;
		base_log(
			options->log, PCG_ERROR,
			"dump: bar%u=%.64s: must be none or SIZE[:io|mem32|mem64[:prefetch]], as in bar0=16K:mem64:prefetch",
			i, text);
		return -EINVAL;
	}
	return 0;
}

static int take_choices(struct dump_settings *settings, const struct options *options)
{
	struct dump_facts *facts = &settings->facts;
	unsigned int hw = 0, irq = 1, vpd = 0, intx = DUMP_INTX_RECORD;
	int error;

	error = options_choice(options, OPTION_HW, hw_choices, &hw);
	if (error == 0)
		error = options_choice(options, OPTION_IRQ, irq_choices, &irq);
	if (error == 0)
		error = options_choice(options, OPTION_VPD, vpd_choices, &vpd);
	if (error == 0)
		error = options_choice(options, OPTION_INTX, intx_choices, &intx);
	if (error == 0)
		error = options_bool(options, OPTION_NOINTX, &facts->nointx);
	if (error == 0)
		error = options_bool(options, OPTION_VF, &settings->is_vf);
	if (error == 0)
		error = options_bool(options, OPTION_NO_COMMAND_MEMORY, &settings->no_command_memory);
	facts->ram = hw == 1;
	facts->irq_none = irq == 0;
	facts->vpd_fails = vpd == 1;
	facts->intx = (enum dump_intx)intx;
	settings->vf_given = options->values[OPTION_VF] != NULL;
	return error;
}

/* What stands behind the last @ is a BDF if it looks like one; file names may hold the character too. */
static int take_subject(struct dump_settings *settings, const struct options *options)
{
	const char *at = strrchr(options->subject, '@'), *after;

	if (at != NULL) {
		after = dump_parse_bdf(at + 1, &settings->bdf);
		settings->has_bdf = after != NULL && *after == '\0';
	}
	if (settings->has_bdf)
		settings->file = strndup(options->subject, (size_t)(at - options->subject));
	else
		settings->file = strdup(options->subject);
	if (settings->file == NULL)
		return -ENOMEM;
	if (settings->file[0] != '\0')
		return 0;
	base_log(options->log, PCG_ERROR, "dump: a file is wanted: " DUMP_FORM);
	return -EINVAL;
}

int dump_settings_init(struct dump_settings *settings, const char *text, const struct pcg_log *log)
{
	struct options options;
	int error;

	memset(settings, 0, sizeof(*settings));
	settings->memory = DUMP_MEMORY_DEFAULT;
	error = options_init(&options, "dump", text, names, log);
	if (error != 0)
		return error;
	error = take_subject(settings, &options);
	if (error == 0)
		error = take_choices(settings, &options);
	if (error == 0)
		error = take_id(settings, &options);
	if (error == 0)
		error = take_bars(settings, &options);
	if (error == 0)
		error = options_size(&options, OPTION_MEMORY, DUMP_MEMORY_MIN, DUMP_MEMORY_MAX, &settings->memory);
	if (error == 0 && options.values[OPTION_ROM] != NULL) {
		settings->rom = strdup(options.values[OPTION_ROM]);
		error = settings->rom == NULL ? -ENOMEM : 0;
	}
	options_finish(&options);
	if (error != 0)
		dump_settings_finish(settings);
	return error;
}

void dump_settings_finish(struct dump_settings *settings)
{
	free(settings->file);
	free(settings->rom);
	memset(settings, 0, sizeof(*settings));
}
