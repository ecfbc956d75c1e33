/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "view/compile.h"

/* Quirks are matched while a view is compiled: what they say is in the image afterwards, and costs nothing. */

static bool is(uint32_t wanted, uint32_t value)
{
	return wanted == PCG_QUIRK_ANY || wanted == value;
}

static bool is_for(const struct compiler *c, const struct pcg_quirk *q)
{
	uint16_t vendor = c->info->is_vf ? c->info->vendor : pcg_get16(c->config + PCG_VENDOR);
	uint16_t device = c->info->is_vf ? c->info->device : pcg_get16(c->config + PCG_DEVICE);
	uint8_t revision = c->config[PCG_REVISION];

	if (q->vf != PCG_QUIRK_VF_OR_NOT && (q->vf == PCG_QUIRK_VF_ONLY) != c->info->is_vf)
		return false;
	return is(q->vendor, vendor) && is(q->device, device) &&
	       is(q->subvendor, pcg_get16(c->config + PCG_SUBVENDOR)) &&
	       is(q->subsystem, pcg_get16(c->config + PCG_SUBSYSTEM)) && revision >= q->revision &&
	       revision <= q->revision_last;
}

static bool is_range(const struct pcg_quirk *q)
{
	return q->kind <= PCG_QUIRK_CLOSE;
}

/* Which of its kind a capability is in its chain, from 1. */
static unsigned int instance_of(const struct pcg_layout *layout, const struct pcg_cap *cap)
{
	const struct pcg_cap *first = cap->extended ? layout->ecaps : layout->caps;
	unsigned int n = 1;

	for (; first != cap; first++)
		n += first->id == cap->id;
	return n;
}

static bool is_about(const struct compiler *c, const struct pcg_quirk *q, const struct pcg_cap *cap)
{
	if (!q->in_cap || q->extended != cap->extended || q->id != cap->id || !is_for(c, q))
		return false;
	return q->instance == 0 || q->instance == instance_of(&c->view->layout, cap);
}

static int refuse(const struct compiler *c, const struct pcg_quirk *q, unsigned int at, const char *why)
{
	if (q->where != NULL)
		pcg_say(c->log, PCG_ERROR, at, (uint32_t)q->kind, q->where);
	pcg_say(c->log, PCG_ERROR, at, (uint32_t)q->kind, why);
	return -EINVAL;
}

/* Two quirks may say the same, not different things. */
static int take(const struct compiler *c, const struct pcg_quirk *q, uint32_t *value)
{
	if (*value != PCG_QUIRK_ANY && *value != q->value)
		return refuse(c, q, PCG_ROM, "two quirks say different things of the ROM");
	*value = q->value;
	return 0;
}

/* Kept as the most that is allowed until the function's own number is looked at. */
static int take_vectors(struct compiler *c, const struct pcg_quirk *q)
{
	uint16_t *most = &c->view->msix_most;

	if (q->value == 0 || q->value > VIEW_MSIX_MAX)
		return refuse(c, q, PCG_NOWHERE, "msix-vectors is 1 to 2048");
	if (*most != 0 && *most != q->value)
		return refuse(c, q, PCG_NOWHERE, "two quirks say different things of MSI-X vectors");
	*most = (uint16_t)q->value;
	return 0;
}

static int take_fact(struct compiler *c, const struct pcg_quirk *q, uint32_t *width, uint32_t *size)
{
	bool power = q->value != 0 && (q->value & (q->value - 1)) == 0;

	switch (q->kind) {
	case PCG_QUIRK_NO_INTX:
		c->view->no_intx = true;
		return 0;
	case PCG_QUIRK_ROM_WIDTH:
		if (!power || q->value > 4)
			return refuse(c, q, PCG_ROM, "a ROM is accessed by 1, 2 or 4 bytes");
		return take(c, q, width);
	case PCG_QUIRK_ROM_SIZE:
		if (q->value != 0 && (!power || q->value < 2048))
			return refuse(c, q, PCG_ROM, "a ROM's size is a power of two, at least 2048, or 0");
		return take(c, q, size);
	case PCG_QUIRK_COMBINE:
		if (q->value >= PCG_NUM_BARS)
			return refuse(c, q, PCG_BAR0, "there are BARs 0 to 5");
		c->view->combine |= (uint8_t)(1u << q->value);
		return 0;
	case PCG_QUIRK_VECTORS:
		return take_vectors(c, q);
	case PCG_QUIRK_OPEN_READ:
	case PCG_QUIRK_OPEN_WRITE:
	case PCG_QUIRK_CLOSE:
	case PCG_QUIRK_DROP:
	case PCG_QUIRK_REGISTERS:
	case PCG_NUM_QUIRK_KINDS:
		break;
	}
	return 0;
}

int quirks_facts(struct compiler *c)
{
	const struct pcg_view_options *options = &c->view->options;
	uint32_t width = PCG_QUIRK_ANY, size = PCG_QUIRK_ANY;
	unsigned int i;

	for (i = 0; i < options->nquirks; i++) {
		const struct pcg_quirk *q = &options->quirks[i];
		int ret = is_for(c, q) ? take_fact(c, q, &width, &size) : 0;

		if (ret < 0)
			return ret;
	}
	if (width != PCG_QUIRK_ANY)
		c->view->rom_width = (uint8_t)width;
	if (size != PCG_QUIRK_ANY && size < c->view->rom.size) {
		c->view->rom.size = size;
		c->view->rom.kind = size == 0 ? PCG_BAR_NONE : c->view->rom.kind;
	}
	return 0;
}

bool quirks_hide(const struct compiler *c, const struct pcg_cap *cap)
{
	const struct pcg_view_options *options = &c->view->options;
	bool closed = c->view->profile->closed && policy_cap(c->view->profile, cap)->opaque;
	unsigned int i;

	for (i = 0; i < options->nquirks; i++) {
		const struct pcg_quirk *q = &options->quirks[i];

		if (!is_about(c, q, cap))
			continue;
		if (q->kind == PCG_QUIRK_DROP)
			return true;
		if (q->kind < PCG_QUIRK_CLOSE)
			closed = false;
	}
	return closed;
}

bool quirks_speak(const struct compiler *c, unsigned int start, unsigned int end)
{
	const struct pcg_view_options *options = &c->view->options;
	unsigned int i;

	for (i = 0; i < options->nquirks; i++) {
		const struct pcg_quirk *q = &options->quirks[i];

		if ((is_range(q) || q->kind == PCG_QUIRK_REGISTERS) && !q->in_cap && q->start < end && q->end > start &&
		    is_for(c, q))
			return true;
	}
	return false;
}

bool quirks_drop(const struct compiler *c, uint16_t id)
{
	const struct pcg_view_options *options = &c->view->options;
	unsigned int i;

	for (i = 0; i < options->nquirks; i++) {
		const struct pcg_quirk *q = &options->quirks[i];

		if (q->kind == PCG_QUIRK_DROP && q->in_cap && q->extended && q->id == id && q->instance == 0 &&
		    is_for(c, q))
			return true;
	}
	return false;
}

int quirks_refuse(const struct compiler *c, const struct pcg_cap *cap)
{
	const struct pcg_view_options *options = &c->view->options;
	unsigned int i;

	for (i = 0; i < options->nquirks; i++) {
		const struct pcg_quirk *q = &options->quirks[i];

		if (q->kind < PCG_QUIRK_CLOSE && is_about(c, q, cap))
			return refuse(c, q, cap->offset,
				      "a quirk opens some of a capability that is hidden; drop the one or the other");
	}
	return 0;
}

/* Bytes [start, end) of configuration space, all of them still undecided. */
static int decide_range(struct compiler *c, const struct pcg_quirk *q, unsigned int start, unsigned int end)
{
	static const struct rule rules[] = {
		[PCG_QUIRK_OPEN_READ] = { .read = HOST, .write = DROPPED, .why = "a quirk: to look at" },
		[PCG_QUIRK_OPEN_WRITE] = { .read = HOST, .write = TO_HOST, .why = "a quirk: open" },
		[PCG_QUIRK_CLOSE] = { .read = ZERO, .write = DROPPED, .why = "a quirk: closed" },
	};
	unsigned int dword;

	for (dword = start / 4; dword * 4 < end; dword++) {
		uint32_t bits = compile_span(dword, start, end);
		int ret;

		if (c->decided[dword] & bits)
			return refuse(c, q, dword * 4,
				      "a quirk is about bytes that a table or another quirk decides; name others");
		ret = compile_decide(c, dword, bits, &rules[q->kind], 0);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int quirks_decide(struct compiler *c, const struct pcg_cap *cap)
{
	const struct pcg_view_options *options = &c->view->options;
	unsigned int base = cap != NULL ? cap->offset : 0, size = cap != NULL ? cap->length : c->info->config_size, i;

	for (i = 0; i < options->nquirks; i++) {
		const struct pcg_quirk *q = &options->quirks[i];
		int ret;

		if (!is_range(q) || (cap != NULL ? !is_about(c, q, cap) : q->in_cap || !is_for(c, q)))
			continue;
		if (q->end <= q->start || q->end > PCG_CONFIG_EXTENDED)
			return refuse(c, q, q->start, "a quirk's bytes end before they begin");
		if (q->start >= size)
			continue;
		ret = decide_range(c, q, base + q->start, base + (q->end < size ? q->end : size));
		if (ret < 0)
			return ret;
	}
	return 0;
}
