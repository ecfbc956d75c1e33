/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "pci/msix.h"
#include "pci/lengths.h"
#include "policy/rule.h"
#include "view/linux.h"
#include "view/compile.h"
#include "view/made.h"
#include "view/state.h"

static uint32_t host_now(const struct compiler *c, unsigned int dword)
{
	return dword * 4 < c->info->config_size ? pcg_get32(c->config + dword * 4u) : 0;
}

/* Decide @bits of one dword. Rows that contradict each other are a fault of the tables, found here. */
int compile_decide(struct compiler *c, unsigned int dword, uint32_t bits, const struct rule *rule, uint32_t power_on)
{
	struct pcg_view *v = c->view;

	if (c->decided[dword] & bits || (rule->read == HOST && rule->write & TO_SHADOW) ||
	    (rule->write & RW1C && rule->read != HOST)) {
		pcg_say(c->log, PCG_ERROR, dword * 4, bits, "two rules contradict each other");
		return -EINVAL;
	}
	c->decided[dword] |= bits;
	if (c->observer != NULL)
		c->observer->decided(c->observer->arg, dword, bits, rule);
	if (rule->read == HOST)
		v->read_host[dword] |= bits;
	if (rule->read == FIXED || rule->read == OPENED)
		v->power_on[dword] |= host_now(c, dword) & bits;
	if (rule->read == SHADOW || rule->read == KEPT)
		v->power_on[dword] |= power_on & bits;
	if (rule->read == KEPT || rule->read == OPENED)
		v->kept[dword] |= bits;
	if (rule->write & TO_SHADOW)
		v->write_shadow[dword] |= bits;
	if (rule->write & TO_HOST)
		v->write_host[dword] |= bits;
	if (rule->write & RW1C)
		v->write_clear[dword] |= bits;
	if (rule->write & AS_ZERO)
		v->as_zero[dword] |= bits;
	return 0;
}

/* The bits of a dword that bytes [start, end) take. */
uint32_t compile_span(unsigned int dword, unsigned int start, unsigned int end)
{
	uint8_t be = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (dword * 4 + i >= start && dword * 4 + i < end)
			be |= (uint8_t)(1u << i);
	return pcg_be_mask(be);
}

/* Rows of a register block at [start, end); what lies past the end is not there. */
int compile_rows(struct compiler *c, const struct rules *rules, unsigned int start, unsigned int end)
{
	unsigned int i;

	for (i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->row[i];
		unsigned int at = start + rule->at, dword = at / 4, shift = (at & 3) * 8;
		uint32_t bits;
		int ret;

		if (at >= end)
			continue;
		bits = rule->bits << shift & compile_span(dword, start, end) & ~c->not_rows[dword];
		ret = compile_decide(c, dword, bits, rule, rule->power_on << shift);
		if (ret < 0)
			return ret;
		if (rule->hook != NO_HOOK)
			c->view->hook[dword] = (uint8_t)rule->hook;
	}
	return 0;
}

/* Whatever no row named in [start, end). */
int compile_rest(struct compiler *c, enum rest rest, unsigned int start, unsigned int end)
{
	/* Without a reason of their own: view/why tells them by that. */
	static const struct rule rules[] = {
		[REST_CLOSED] = { .read = ZERO, .write = DROPPED },
		[REST_READ_ONLY] = { .read = HOST, .write = DROPPED },
		[REST_OPEN] = { .read = HOST, .write = TO_HOST },
	};
	unsigned int dword;

	for (dword = start / 4; dword * 4 < end; dword++) {
		int ret =
			compile_decide(c, dword, compile_span(dword, start, end) & ~c->decided[dword], &rules[rest], 0);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int decide_bar(struct compiler *c, unsigned int n)
{
	static const struct rule fixed = { .read = SHADOW,
					   .write = DROPPED,
					   .why = "BAR 7.5.1.2.1: type, and the bits below its size" };
	static const struct rule address = { .read = SHADOW,
					     .write = TO_SHADOW,
					     .why = "BAR 7.5.1.2.1: the guest's own address" };
	const struct pcg_bar *bars = c->info->bars;
	bool upper = bars[n].kind == PCG_BAR_UPPER;
	uint64_t mask = pcg_bar_mask(upper ? &bars[n - 1] : &bars[n]);
	uint32_t writable = (uint32_t)(upper ? mask >> 32 : mask);
	unsigned int dword = PCG_BAR0 / 4 + n;
	int ret = compile_decide(c, dword, writable, &address, 0);

	return ret < 0 ? ret : compile_decide(c, dword, ~writable, &fixed, pcg_bar_low(&bars[n]));
}

/* PCIe 6.0, 7.5.1.2.4: address bits from bit 11 up, and the enable bit. */
static int decide_rom(struct compiler *c)
{
	static const struct rule fixed = { .read = ZERO,
					   .write = DROPPED,
					   .why = "ROM 7.5.1.2.4: no ROM, or the bits below its size" };
	static const struct rule address = { .read = SHADOW,
					     .write = TO_SHADOW,
					     .why = "ROM 7.5.1.2.4: the guest's own address and enable bit" };
	uint32_t writable = 0;
	int ret;

	if (c->view->rom.kind != PCG_BAR_NONE)
		writable = ((uint32_t)pcg_bar_mask(&c->view->rom) & 0xfffff800u) | 1u;
	ret = compile_decide(c, PCG_ROM / 4, writable, &address, 0);
	return ret < 0 ? ret : compile_decide(c, PCG_ROM / 4, ~writable, &fixed, 0);
}

static int decide_header(struct compiler *c)
{
	struct pcg_view *v = c->view;
	unsigned int i;
	int ret = vf_decide(c, NULL);

	if (ret == 0)
		ret = compile_rows(c, v->profile->header, 0, PCG_HEADER_END);
	for (i = 0; ret == 0 && i < PCG_NUM_BARS; i++)
		ret = decide_bar(c, i);
	if (ret == 0)
		ret = decide_rom(c);
	if (ret == 0)
		ret = compile_rest(c, REST_CLOSED, 0, PCG_HEADER_END);
	if (ret < 0)
		return ret;
	limits_command(c);
	/* Nobody tells us of the line, so the function's own bit has to. */
	if (c->info->shows_intx && !v->no_intx)
		v->read_host[PCG_COMMAND / 4] |= (uint32_t)PCG_STATUS_INTX << 16;
	if (c->info->is_vf)
		v->power_on[PCG_VENDOR / 4] = c->info->vendor | (uint32_t)c->info->device << 16;
	if (v->no_intx)
		v->power_on[PCG_INT_PIN / 4] &= ~0x0000ff00u;
	return 0;
}

/* Capabilities with state of their own: there is one of each, a second instance could not be made true. */
static uint16_t *state_of(struct pcg_view *v, const struct pcg_cap *cap)
{
	if (cap->extended)
		return NULL;
	switch (cap->id) {
	case PCG_CAP_PM:
		return &v->pm;
	case PCG_CAP_MSI:
		return &v->msi;
	case PCG_CAP_MSIX:
		return &v->msix;
	case PCG_CAP_EXP:
		return &v->express;
	case PCG_CAP_AF:
		return &v->af;
	default:
		return NULL;
	}
}

/*
 * Bytes without which a capability with state cannot be served: hooks, resets and interrupts would reach registers of
 * the neighbour that begins inside it.
 */
static unsigned int least_length(const struct compiler *c, const struct pcg_cap *cap)
{
	switch (cap->id) {
	case PCG_CAP_PM:
		return PCG_PM_CSR + 2;
	case PCG_CAP_MSI:
		return pci_claimed_length(c->config, c->info->config_size, cap);
	case PCG_CAP_MSIX:
		return PCG_MSIX_PBA + 4;
	case PCG_CAP_EXP:
		return PCG_EXP_DEVSTA + 2;
	case PCG_CAP_AF:
		return PCG_AF_CTRL + 1;
	default:
		return 0;
	}
}

static bool is_shown(struct compiler *c, const struct pcg_cap *cap)
{
	uint16_t *state = state_of(c->view, cap);
	struct pci_msix msix;

	if (view_made(c->view, cap) >= 0)
		return true;
	if (!policy_cap(c->view->profile, cap)->shown || quirks_hide(c, cap))
		return false;
	if (cap->extended && cap->id == PCG_ECAP_REBAR && !rebar_check(c->config, cap, c->info->bars)) {
		pcg_say(c->log, PCG_WARN, cap->offset, cap->id,
			"resizable BARs are hidden: what they say fits no BAR of this function");
		return false;
	}
	if (cap->extended && cap->id == PCG_ECAP_REBAR)
		rebar_plan(c, cap);
	if (!cap->extended && cap->id == PCG_CAP_MSIX && !pci_msix_find(&msix, c->config, cap->offset, c->info->bars)) {
		pcg_say(c->log, PCG_WARN, cap->offset, cap->id,
			"MSI-X is hidden: its table and pending bits do not lie apart inside BARs that exist");
		return false;
	}
	if (state != NULL && cap->length < least_length(c, cap)) {
		pcg_say(c->log, PCG_WARN, cap->offset, cap->length,
			"a capability is cut short by the next one: hidden");
		return false;
	}
	if (state != NULL && *state != 0 && *state != cap->offset) {
		pcg_say(c->log, PCG_WARN, cap->offset, cap->id, "a second capability of this kind is hidden");
		return false;
	}
	if (state != NULL)
		*state = cap->offset;
	return true;
}

static int decide_cap(struct compiler *c, const struct pcg_cap *cap, bool shown)
{
	const struct cap_policy *policy = view_policy(c->view, cap);
	/* Appendix H of PCI 3.0. One that overruns its room is shown with the room it has. */
	static const struct rule vendor_length = {
		.read = SHADOW, .write = DROPPED, .why = "VNDR_LENGTH PCI 3.0 appendix H: the bytes that are its own"
	};
	unsigned int end = cap->offset + cap->length, variant = 0;
	int ret = 0, made = view_made(c->view, cap);

	if (made >= 0)
		return made_decide(c, cap, (enum pcg_made_kind)made);
	if (!shown) {
		ret = quirks_refuse(c, cap);
		return ret < 0 ? ret : compile_rest(c, REST_CLOSED, cap->offset, end);
	}
	if (policy->variant != NULL)
		variant = policy->variant(c->config, cap);
	if (variant != 0 && variant >= policy->variants) {
		pcg_say(c->log, PCG_ERROR, cap->offset, variant, "a capability's policy has no such variant");
		return -EINVAL;
	}
	ret = made_prefixes(c, cap);
	if (ret == 0)
		ret = vf_decide(c, cap);
	if (ret == 0 && policy->rules != NULL)
		ret = compile_rows(c, &policy->rules[variant], cap->offset, end);
	if (ret == 0 && !cap->extended && cap->id == PCG_CAP_VNDR)
		ret = compile_decide(c, cap->offset / 4, 0x00ff0000, &vendor_length, (uint32_t)cap->length << 16);
	if (ret == 0)
		ret = quirks_decide(c, cap);
	if (ret == 0 && cap->extended && cap->id == PCG_ECAP_REBAR)
		rebar_limit(c->view, cap, c->info->bars);
	return ret < 0 ? ret : compile_rest(c, policy_rest(c->view->profile, policy), cap->offset, end);
}

/* The standard chain as the guest walks it: every pointer is virtual. */
static int decide_chain(struct compiler *c)
{
	static const struct rule next = { .read = SHADOW,
					  .write = DROPPED,
					  .why = "next capability, PCI 3.0 6.7: the next one that is shown" };
	static const struct rule id = { .read = FIXED, .write = DROPPED, .why = "capability id, PCI 3.0 6.7" };
	const struct pcg_layout *layout = &c->view->layout;
	unsigned int i, from = PCG_CAPABILITIES;
	int ret = 0;

	for (i = 0; ret == 0 && i < layout->ncaps; i++) {
		const struct pcg_cap *cap = &layout->caps[i];
		bool shown = is_shown(c, cap);

		if (shown) {
			c->view->power_on[from / 4] |= (uint32_t)cap->offset << (from & 3) * 8;
			from = cap->offset + 1u;
			ret = compile_decide(c, cap->offset / 4, 0xff, &id, 0);
			if (ret == 0)
				ret = compile_decide(c, cap->offset / 4, 0xff00, &next, 0);
		}
		if (ret == 0)
			ret = decide_cap(c, cap, shown);
	}
	if (from != PCG_CAPABILITIES)
		c->view->power_on[PCG_STATUS / 4] |= (uint32_t)PCG_STATUS_CAPABILITIES << 16;
	return ret;
}

/*
 * The extended chain. Its head cannot move: a hidden first capability leaves a Null one (PCIe 6.0, 7.9.28), and a
 * chain with nothing in it is a header of zeros (7.6.3).
 */
static int decide_extended_chain(struct compiler *c)
{
	static const struct rule header = {
		.read = SHADOW,
		.write = DROPPED,
		.why = "extended capability header 7.6.3: id, version, the next that is shown"
	};
	const struct pcg_layout *layout = &c->view->layout;
	unsigned int i, from = 0;
	int ret = 0;

	for (i = 0; ret == 0 && i < layout->necaps; i++) {
		const struct pcg_cap *cap = &layout->ecaps[i];
		bool shown = is_shown(c, cap);

		if (shown && from != 0)
			c->view->power_on[from / 4] |= (uint32_t)cap->offset << 20;
		if (shown || i == 0) {
			uint32_t value = shown ? cap->id | (uint32_t)cap->version << 16 : 0;

			from = cap->offset;
			ret = compile_decide(c, cap->offset / 4, 0xffffffffu, &header, value);
		}
		if (ret == 0)
			ret = decide_cap(c, cap, shown);
	}
	return ret;
}

static int check_options(const struct pcg_view_options *options, const struct pcg_host_info *info,
			 const struct pcg_log *log)
{
	uint16_t mps = options->mps_supported;

	if (options->profile == NULL) {
		pcg_say(log, PCG_ERROR, PCG_NOWHERE, 0, "a view needs a profile");
		return -EINVAL;
	}
	if (mps != 0 && (mps < 128 || mps > 4096 || (mps & (mps - 1)) != 0)) {
		pcg_say(log, PCG_ERROR, PCG_NOWHERE, mps, "mps-supported is a power of two, 128 to 4096");
		return -EINVAL;
	}
	if (options->msix_vectors > VIEW_MSIX_MAX) {
		pcg_say(log, PCG_ERROR, PCG_NOWHERE, options->msix_vectors, "msix-vectors is 1 to 2048");
		return -EINVAL;
	}
	if (options->msix_vectors != 0 && !options->profile->mediated) {
		pcg_say(log, PCG_ERROR, PCG_NOWHERE, options->msix_vectors,
			"msix-vectors: without mediation the function's own MSI-X table is all there is, and nothing bounds it; "
			"take another profile than raw, or leave the policy out");
		return -EINVAL;
	}
	if (options->rebar && options->profile->as_linux) {
		pcg_say(log, PCG_ERROR, PCG_NOWHERE, 0,
			"rebar: the profile linux drops writes of sizes, as the kernel does; take guarded or strict, or leave "
			"the policy out");
		return -EINVAL;
	}
	if (pcg_bars_check(info->bars) < 0) {
		pcg_say(log, PCG_ERROR, PCG_BAR0, 0, "the backend states BARs that cannot be");
		return -EINVAL;
	}
	return 0;
}

static int compile(struct compiler *c)
{
	int ret = quirks_facts(c);

	if (ret == 0)
		ret = decide_header(c);
	if (ret == 0)
		ret = decide_chain(c);
	if (ret == 0)
		ret = made_insert(c);
	if (ret == 0)
		ret = decide_extended_chain(c);
	if (ret == 0)
		ret = quirks_decide(c, NULL);
	if (ret == 0)
		ret = compile_rest(c, c->view->profile->gaps, 0, c->info->config_size);
	if (ret == 0)
		ret = compile_rest(c, REST_CLOSED, 0, PCG_CONFIG_EXTENDED);
	if (ret == 0) {
		limits_express(c);
		limits_msi(c);
	}
	return ret;
}

/* Where no table decides, where MSI and MSI-X stand is known all the same: vectors need a count. */
static void find_state(struct pcg_view *view)
{
	unsigned int i;

	for (i = 0; i < view->layout.ncaps; i++) {
		uint16_t *state = state_of(view, &view->layout.caps[i]);

		if (state != NULL && *state == 0)
			*state = view->layout.caps[i].offset;
	}
}

/* Profile `raw`: the function itself. */
static void unmediated(struct pcg_view *view, unsigned int size)
{
	find_state(view);
	memset(view->read_host, 0xff, size);
	memset(view->write_host, 0xff, size);
}

static void find_reads(struct pcg_view *view)
{
	unsigned int i;

	for (i = 0; i < PCG_CONFIG_DWORDS; i++)
		view->read_be[i] = view->chunked && view->read_host[i] != 0 ? 15 : view_bytes(view->read_host[i]);
}

int view_init_observed(struct pcg_view *view, const struct pcg_host_info *info, const uint8_t *config,
		       const struct pcg_view_options *options, const struct pcg_log *log,
		       const struct view_observer *observer)
{
	struct compiler c = { .view = view, .info = info, .config = config, .log = log, .observer = observer };
	int ret = check_options(options, info, log);

	if (ret < 0)
		return ret;
	memset(view, 0, sizeof(*view));
	ret = pcg_layout_parse(&view->layout, config, info->config_size, log);
	if (ret < 0)
		return ret;
	view->profile = options->profile;
	view->options = *options;
	view->own.devctl = UINT16_MAX;
	view->no_intx = info->is_vf || info->no_intx;
	view->rom = info->rom;
	view->mediated = view->profile->mediated;
	ret = made_plan(&c);
	if (ret < 0)
		return ret;
	if (!view->mediated) {
		unmediated(view, info->config_size);
	} else if (view->profile->as_linux) {
		find_state(view);
		ret = linux_compile(view, info, config, log);
	} else {
		ret = compile(&c);
	}
	if (ret < 0)
		return ret;
	view_msix_bound(view, config, log);
	find_reads(view);
	pcg_view_power_on(view);
	return 0;
}

int pcg_view_init(struct pcg_view *view, const struct pcg_host_info *info, const uint8_t *config,
		  const struct pcg_view_options *options, const struct pcg_log *log)
{
	return view_init_observed(view, info, config, options, log, NULL);
}

void pcg_view_reset(struct pcg_view *view)
{
	unsigned int i;

	for (i = 0; i < PCG_CONFIG_DWORDS; i++)
		view->shadow[i] = (view->shadow[i] & view->kept[i]) | (view->power_on[i] & ~view->kept[i]);
}

void pcg_view_power_on(struct pcg_view *view)
{
	memcpy(view->shadow, view->power_on, sizeof(view->shadow));
	view->own.bars_dirty = true;
	view->own.intx_off = false;
}
