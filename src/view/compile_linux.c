/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "view/linux.h"

#define STEPS ((PCG_CONFIG_CONVENTIONAL - PCG_HEADER_END) / 4)
#define NEXT  0xffcu

#define CLASS_IDE 0x0101

/*
 * Linux's own walk: pointers are neither masked nor checked, a chain that comes back is walked until the steps run
 * out, the later owner of a byte wins. Nothing leaves the arrays here: what would run past the end is cut.
 */
struct walk {
	struct pcg_view *view;
	const struct pcg_host_info *info;
	const struct pcg_log *log;
	struct linux_probe probe;
	bool extended; /* something says that there is an extended chain */
	bool has_msi;
};

static uint8_t power_on8(const struct walk *w, unsigned int at)
{
	return (uint8_t)(w->view->power_on[at / 4] >> 8 * (at & 3));
}

static void set_power_on8(struct walk *w, unsigned int at, uint8_t value)
{
	uint32_t *dword = &w->view->power_on[at / 4];
	unsigned int shift = 8 * (at & 3);

	*dword = (*dword & ~(0xffu << shift)) | (uint32_t)value << shift;
}

/* @length bytes belong to @owner and start with what hardware holds. */
static void claim(struct walk *w, unsigned int at, unsigned int length, uint8_t owner)
{
	unsigned int end = at + length, i;

	if (end > w->probe.size) {
		pcg_say(w->log, PCG_WARN, at, owner, "a capability runs past the end of configuration space; cut");
		end = w->probe.size;
	}
	for (i = at; i < end; i++) {
		w->view->owner[i] = owner;
		set_power_on8(w, i, w->probe.config[i]);
	}
}

/* --- the standard chain --- */

/* Some ids tell more when they are met. Linux reads these as words, which fails at odd offsets. */
static int meet(struct walk *w, uint8_t id, unsigned int at)
{
	uint16_t word = linux_probe16(&w->probe, at + 2);

	if ((id == PCG_CAP_MSI || id == PCG_CAP_PCIX) && at & 1) {
		pcg_say(w->log, PCG_ERROR, at, id, "a capability at an odd offset: Linux does not open this function");
		return -EFAULT;
	}
	if (id == PCG_CAP_MSI && !w->has_msi) {
		w->has_msi = true;
		w->view->own.msi_layout = (word & PCG_MSI_64BIT ? 1 : 0) | (word & PCG_MSI_MASKABLE ? 2 : 0);
	}
	if (id == PCG_CAP_EXP || (id == PCG_CAP_PCIX && word & 0x3000))
		w->extended = linux_probe32(&w->probe, PCG_CONFIG_CONVENTIONAL) != 0;
	return 0;
}

/* No PME reaches a guest, so none is offered (PCI PM 1.2, 3.2.3 and 3.2.4). */
static void hide_pme(struct walk *w, unsigned int at)
{
	if (at + PCG_PM_CSR + 2 > w->probe.size)
		return;
	set_power_on8(w, at + PCG_PM_PMC + 1, power_on8(w, at + PCG_PM_PMC + 1) & 0x07);
	set_power_on8(w, at + PCG_PM_CSR + 1, power_on8(w, at + PCG_PM_CSR + 1) & 0x7e);
}

static int walk_standard(struct walk *w)
{
	unsigned int at = linux_probe8(&w->probe, PCG_CAPABILITIES), from = PCG_CAPABILITIES, steps, shown = 0;

	if (!(linux_probe16(&w->probe, PCG_STATUS) & PCG_STATUS_CAPABILITIES))
		return 0;
	for (steps = 0; at != 0 && steps < STEPS; steps++) {
		uint8_t id = linux_probe8(&w->probe, at), next = linux_probe8(&w->probe, at + 1);
		unsigned int length;
		int ret = meet(w, id, at);

		if (ret < 0)
			return ret;
		length = linux_length(&w->probe, false, id, at);
		if (length == 0) {
			if (from < w->probe.size)
				set_power_on8(w, from, next);
			at = next;
			continue;
		}
		claim(w, at, length, id);
		if (id == PCG_CAP_PM)
			hide_pme(w, at);
		from = at + 1;
		at = next;
		shown++;
	}
	if (shown == 0)
		w->view->power_on[PCG_STATUS / 4] &= ~((uint32_t)PCG_STATUS_CAPABILITIES << 16);
	return 0;
}

/* --- the extended chain --- */

static void walk_extended(struct walk *w)
{
	uint32_t *power_on = w->view->power_on;
	unsigned int at = PCG_CONFIG_CONVENTIONAL, from = 0, steps, shown = 0;

	if (!w->extended || w->probe.size <= PCG_CONFIG_CONVENTIONAL)
		return;
	for (steps = 0; steps < (w->probe.size - PCG_CONFIG_CONVENTIONAL) / 4 && at >= PCG_CONFIG_CONVENTIONAL;
	     steps++) {
		uint32_t header = linux_probe32(&w->probe, at);
		unsigned int length = linux_length(&w->probe, true, (uint16_t)header, at);
		unsigned int next = (header >> 20) & NEXT;
		bool hidden = length == 0;

		if (hidden && from != 0) {
			power_on[from / 4] = (power_on[from / 4] & ~(NEXT << 20)) | (uint32_t)next << 20;
			at = next;
			continue;
		}
		/* 7.1b.3: a hidden head stays, owned by the low byte of its id. */
		claim(w, at, hidden ? 4 : length, (uint8_t)header);
		if (hidden)
			power_on[at / 4] &= NEXT << 20;
		else
			shown++;
		from = at;
		at = next;
	}
	if (shown == 0)
		power_on[PCG_CONFIG_CONVENTIONAL / 4] = 0;
}

/* --- the header --- */

static void place_bars(struct walk *w)
{
	const struct pcg_host_info *info = w->info;
	unsigned int i;

	for (i = 0; i <= PCG_NUM_BARS; i++) {
		const struct pcg_bar *bar = i < PCG_NUM_BARS ? &info->bars[i] : &info->rom;
		uint64_t mask = ~(bar->size - 1);

		w->view->own.saved[i] = linux_probe32(&w->probe, i < PCG_NUM_BARS ? PCG_BAR0 + 4 * i : PCG_ROM);
		if (bar->kind == PCG_BAR_NONE || bar->kind == PCG_BAR_UPPER || info->unplaced & 1u << i)
			continue;
		w->view->own.bars[i].placed = true;
		w->view->own.bars[i].low = (uint32_t)mask;
		w->view->own.bars[i].high = (uint32_t)(mask >> 32);
		w->view->own.bars[i].type = pcg_bar_low(bar);
	}
}

/*
 * An IDE controller's channels in compatibility mode have ports of their own, whatever the registers hold (PCI IDE
 * Controller Specification 1.0, 2.1). Linux's PCI core gives them to the first four BARs.
 */
static void place_legacy_ide(struct walk *w)
{
	static const struct {
		uint8_t native;
		uint8_t ports;
	} legacy[] = { { 1, 8 }, { 1, 1 }, { 4, 8 }, { 4, 1 } };
	uint8_t mode = linux_probe8(&w->probe, PCG_CLASS);
	unsigned int i;

	if (linux_probe16(&w->probe, PCG_CLASS + 1) != CLASS_IDE)
		return;
	for (i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++) {
		if (mode & legacy[i].native)
			continue;
		w->view->own.bars[i].placed = true;
		w->view->own.bars[i].low = ~(uint32_t)(legacy[i].ports - 1);
		w->view->own.bars[i].high = UINT32_MAX;
		w->view->own.bars[i].type = 1;
	}
}

static void start_header(struct walk *w)
{
	const struct pcg_host_info *info = w->info;
	struct pcg_view *v = w->view;

	memset(v->owner, LINUX_NOBODY, sizeof(v->owner));
	claim(w, 0, PCG_HEADER_END, LINUX_HEADER);
	place_bars(w);
	place_legacy_ide(w);
	v->own.is_vf = info->is_vf;
	v->no_command_memory = info->is_vf || info->no_command_memory || v->options.no_command_memory;
	if (info->is_vf)
		v->power_on[PCG_VENDOR / 4] = info->vendor | (uint32_t)info->device << 16;
	if (v->no_command_memory)
		v->power_on[PCG_COMMAND / 4] |= PCG_COMMAND_MEMORY;
	if (info->is_vf || info->no_intx)
		set_power_on8(w, PCG_INT_PIN, 0);
}

/* The PCI core looks for the first Express capability with a walk of its own, which masks pointers. */
static void find_express(struct walk *w)
{
	unsigned int at = linux_probe8(&w->probe, PCG_CAPABILITIES), steps;

	if (w->info->express != 0) {
		w->view->own.express = w->info->express;
		w->probe.express = w->info->express_flags;
		return;
	}
	if (!(linux_probe16(&w->probe, PCG_STATUS) & PCG_STATUS_CAPABILITIES))
		return;
	for (steps = 0; at >= PCG_HEADER_END && steps < STEPS; steps++) {
		uint8_t id = linux_probe8(&w->probe, at &= ~3u);

		if (id == 0xff)
			return;
		if (id == PCG_CAP_EXP) {
			w->view->own.express = (uint16_t)at;
			w->probe.express = linux_probe16(&w->probe, at + PCG_EXP_FLAGS);
			return;
		}
		at = linux_probe8(&w->probe, at + 1);
	}
}

/* --- the image --- */

/* Merge what one chunk means into the image; a byte that means something else than before goes by width. */
static void merge(struct pcg_view *v, const struct linux_plan *plan, uint32_t *decided)
{
	unsigned int dword = plan->at / 4;
	uint32_t chunk = pcg_be_mask((uint8_t)(((1u << plan->width) - 1) << (plan->at & 3))), seen = chunk & *decided;
	uint32_t fresh = chunk & ~*decided;

	if ((~v->read_host[dword] ^ plan->read_shadow) & seen || (v->write_shadow[dword] ^ plan->write_shadow) & seen ||
	    (v->write_host[dword] ^ plan->write_host) & seen)
		v->special[dword] |= PCG_SPECIAL_WIDTH;
	v->read_host[dword] |= ~plan->read_shadow & fresh;
	v->write_shadow[dword] |= plan->write_shadow & fresh;
	v->write_host[dword] |= plan->write_host & fresh;
	*decided |= chunk;
	if (plan->act != LINUX_ACT_NONE)
		v->hook[dword] = 1;
}

/* All chunks that an access can be cut into here, the widest first. */
static void flatten(struct pcg_view *v, unsigned int dword)
{
	unsigned int at = dword * 4, width, i;
	const uint8_t *owner = &v->owner[at];
	uint32_t decided = 0;

	if (owner[0] == LINUX_NOBODY && owner[1] == LINUX_NOBODY && owner[2] == LINUX_NOBODY &&
	    owner[3] == LINUX_NOBODY) {
		v->read_host[dword] = UINT32_MAX;
		v->write_host[dword] = UINT32_MAX;
		return;
	}
	for (i = 0; i < 3; i++)
		if (owner[i] != owner[i + 1])
			v->special[dword] |= (uint8_t)(1u << i);
	for (width = 4; width > 0; width /= 2)
		for (i = 0; i < 4; i += width) {
			struct linux_plan plan;

			if (linux_chunk(v, at + i, width) != width)
				continue;
			linux_plan(v, at + i, width, &plan);
			merge(v, &plan, &decided);
			if (owner[i] == PCG_CAP_MSI && at < PCG_CONFIG_CONVENTIONAL && plan.act == LINUX_ACT_MSI)
				v->special[dword] |= PCG_SPECIAL_MSI;
		}
}

/* Where device control can be written without looking for the start of its capability. */
static void find_devctl(struct pcg_view *v)
{
	unsigned int dword = (v->own.express + PCG_EXP_DEVCTL) / 4u;
	struct linux_plan plan;

	if (v->own.express == 0 || v->special[dword] != 0)
		return;
	linux_plan(v, dword * 4, 4, &plan);
	if (plan.act == LINUX_ACT_EXPRESS && plan.start == v->own.express)
		v->own.devctl = (uint16_t)dword;
}

static void mark_header(struct pcg_view *v)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++)
		v->special[PCG_BAR0 / 4 + i] |= PCG_SPECIAL_BAR;
	v->special[PCG_ROM / 4] |= PCG_SPECIAL_BAR;
	if (v->no_command_memory)
		v->special[PCG_COMMAND / 4] |= PCG_SPECIAL_MEMORY;
}

int linux_compile(struct pcg_view *view, const struct pcg_host_info *info, const uint8_t *config,
		  const struct pcg_log *log)
{
	struct walk w = { .view = view, .info = info, .log = log, .probe = { .config = config } };
	unsigned int dword;
	int ret;

	w.probe.size = info->config_size;
	start_header(&w);
	find_express(&w);
	ret = walk_standard(&w);
	if (ret < 0)
		return ret;
	walk_extended(&w);
	for (dword = 0; dword * 4 < w.probe.size; dword++)
		flatten(view, dword);
	mark_header(view);
	find_devctl(view);
	view->memory_bit = !view->no_command_memory;
	view->io_bit = true;
	view->chunked = true;
	return 0;
}
