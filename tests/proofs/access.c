/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The access core, for every image that pcg_view_init() may build (tests/property/contract.h says what that means,
 * and the property tests find it so), every dword, byte enable and value.
 */
#include "proof.h"
#include "view.h"

#include "../property/contract.h"

/* Without a definition it is anything. */
extern struct pcg_view view;

/*
 * AT names the dword: COMMAND's, or 48h where each of the other hooks can stand, or one of extended space where
 * controls that are made up can, and those of resizable BARs. To the core a dword is an index and nothing else, but
 * for those hooks, and each of them looks at its own capability alone. Without AT it is any of 1024; so it is proven
 * that no index leaves its array.
 */
static uint16_t some_compiled(void)
{
#ifdef AT
	uint16_t dword = AT / 4;

	view.express = 0x40;
	view.pm = 0x44;
	view.af = 0x44;
	view.rebar = AT >= PCG_CONFIG_CONVENTIONAL ? AT - 8 : 0;
	view.pasid.at[PCG_MADE_PASID] = view.pasid.at[PCG_MADE_ATS] = AT >= PCG_CONFIG_CONVENTIONAL ? AT - 4 : 0;
	view.pasid.at[PCG_MADE_PRI] = AT >= PCG_CONFIG_CONVENTIONAL && nondet_bool() ? AT - 4 : 0;
#else
	uint16_t dword = nondet_u16();
#endif

	ASSUME(dword < PCG_CONFIG_DWORDS);
	ASSUME(contract_dword(&view, dword) && !view.chunked);
	return dword;
}

static uint8_t some_be(void)
{
	uint8_t be = nondet_u8();

	ASSUME(be < 16);
	return be;
}

/* A mask has the bits of the bytes enabled, all of them and no other. */
void be_mask_is_exact(void)
{
	uint8_t be = nondet_u8();
	unsigned int bit = nondet_u32();

	ASSUME(bit < 32);
	PROVE((pcg_be_mask(be) >> bit & 1) == (be >> bit / 8 & 1));
}

/* The table of the same, and its converse by multiplication. */
void tables_and_tricks_are_exact(void)
{
	uint8_t be = nondet_u8();
	uint32_t bits = nondet_u32();
	unsigned int byte = nondet_u32();

	ASSUME(be < 16 && byte < 4);
	PROVE(view_mask(be) == pcg_be_mask(be));
	PROVE(view_bytes(bits) < 16);
	PROVE((view_bytes(bits) >> byte & 1) == ((bits >> 8 * byte & 0xff) != 0));
}

/* A read asks for no byte beside those enabled, and its result depends on no byte that it did not ask for. */
void a_read_needs_what_it_uses(void)
{
	uint16_t dword = some_compiled();
	uint8_t be = some_be(), needs = pcg_view_read_needs(&view, dword, be);
	uint32_t a = nondet_u32(), b = nondet_u32();

	PROVE((needs & ~be) == 0);
	ASSUME(((a ^ b) & pcg_be_mask(needs)) == 0);
	PROVE(((pcg_view_read(&view, dword, a) ^ pcg_view_read(&view, dword, b)) & pcg_be_mask(be)) == 0);
}

/* Bits that a hook decides by itself, not the value written: states that change, and a size that is asked for. */
static uint32_t by_hook(uint16_t dword)
{
	switch (view.hook[dword]) {
	case ON_POWER:
		return PCG_PM_STATE;
	case ON_PASID:
		return PRI_CLEARS | (uint32_t)PCG_PRI_STOPPED << 16;
	case ON_REBAR:
		return CTRL_SIZE;
	default:
		return 0;
	}
}

/* The shadow changes in one dword, there in the bytes enabled and in bits that are virtual, to the value written. */
void a_write_keeps_the_rest_of_the_shadow(void)
{
	uint16_t dword = some_compiled(), other = nondet_u16();
	uint8_t be = some_be();
	uint32_t value = nondet_u32(), host = nondet_u32(), had, had_other, bits;
	struct pcg_view_write w;

	ASSUME(other < PCG_CONFIG_DWORDS && other != dword);
	had = view.shadow[dword];
	had_other = view.shadow[other];
	bits = view.write_shadow[dword] & pcg_be_mask(be);
	pcg_view_write(&view, dword, be, value, host, &w);
	PROVE(view.shadow[other] == had_other);
	PROVE(((view.shadow[dword] ^ had) & ~(bits | by_hook(dword))) == 0);
	PROVE(w.before == had);
	PROVE(w.after == view.shadow[dword]);
	PROVE(((view.shadow[dword] ^ value) & bits & ~by_hook(dword)) == 0);
}

/* A write changes nothing of the view but the shadow. */
void a_write_keeps_the_image(void)
{
	uint16_t dword = some_compiled(), other = nondet_u16();
	uint32_t power_on, read_host, write_shadow, write_host, write_clear, as_zero;
	uint16_t pm = view.pm, express = view.express, af = view.af;
	struct pcg_view_write w;
	uint8_t hook;

	ASSUME(other < PCG_CONFIG_DWORDS);
	power_on = view.power_on[other];
	read_host = view.read_host[other];
	write_shadow = view.write_shadow[other];
	write_host = view.write_host[other];
	write_clear = view.write_clear[other];
	as_zero = view.as_zero[other];
	hook = view.hook[other];
	pcg_view_write(&view, dword, some_be(), nondet_u32(), nondet_u32(), &w);
	PROVE(view.power_on[other] == power_on && view.read_host[other] == read_host);
	PROVE(view.write_shadow[other] == write_shadow && view.write_host[other] == write_host);
	PROVE(view.write_clear[other] == write_clear && view.as_zero[other] == as_zero);
	PROVE(view.hook[other] == hook && view.pm == pm && view.express == express && view.af == af);
}

/* Bits that DEVCTL's hook decides: the request size, if its byte is written. */
static uint32_t hooked(uint16_t dword, uint8_t be)
{
	return view.hook[dword] == ON_DEVCTL && be & 2 ? PCG_DEVCTL_MRRS : 0;
}

/* What reaches the function is in the bytes enabled, and each bit of it is what its mask says. */
void a_write_reaches_hardware_by_its_masks(void)
{
	uint16_t dword = some_compiled();
	uint8_t be = some_be();
	uint32_t value = nondet_u32(), host = nondet_u32(), bits, mine;
	struct pcg_view_write w;

	mine = view.write_host[dword] | view.write_clear[dword] | view.as_zero[dword] | hooked(dword, be);
	pcg_view_write(&view, dword, be, value, host, &w);
	bits = pcg_be_mask(w.host_be);
	PROVE((w.host_be & ~be) == 0);
	PROVE(((w.host ^ host) & bits & ~mine) == 0);
	PROVE(((w.host ^ value) & bits & view.write_host[dword]) == 0);
	PROVE(((w.host ^ value) & bits & view.write_clear[dword]) == 0);
	PROVE((w.host & bits & view.as_zero[dword]) == 0);
	/* Nothing that the write asked for is left out. */
	PROVE((view.write_host[dword] & pcg_be_mask(be) & ~bits) == 0);
	PROVE((view.write_clear[dword] & value & pcg_be_mask(be) & ~bits) == 0);
}

/* Without a bit to write there, no byte is written. */
void a_write_leaves_bytes_without_reason(void)
{
	uint16_t dword = some_compiled();
	uint8_t be = some_be();
	uint32_t value = nondet_u32(), reasons;
	unsigned int byte = nondet_u32();
	struct pcg_view_write w;

	ASSUME(byte < 4);
	reasons = view.write_host[dword] | (view.write_clear[dword] & value) | hooked(dword, be);
	pcg_view_write(&view, dword, be, value, nondet_u32(), &w);
	PROVE(IF((reasons >> 8 * byte & 0xff) == 0, (w.host_be >> byte & 1) == 0));
}

/*
 * What a write comes to depends on no byte of the function that it did not ask for. The second write starts where the
 * first did: of the view only shadow[dword] has changed, as the two proofs above say.
 */
void a_write_needs_what_it_uses(void)
{
	uint16_t dword = some_compiled();
	uint8_t be = some_be();
	uint32_t value = nondet_u32(), a = nondet_u32(), b = nondet_u32(), had;
	uint8_t needs = pcg_view_write_needs(&view, dword, be, value);
	struct pcg_view_write one, two;

	PROVE(needs < 16);
	ASSUME(((a ^ b) & pcg_be_mask(needs)) == 0);
	had = view.shadow[dword];
	pcg_view_write(&view, dword, be, value, a, &one);
	view.shadow[dword] = had;
	pcg_view_write(&view, dword, be, value, b, &two);
	PROVE(one.host_be == two.host_be);
	PROVE(((one.host ^ two.host) & pcg_be_mask(one.host_be)) == 0);
	PROVE(one.before == two.before && one.after == two.after);
	PROVE(one.effects == two.effects && one.power == two.power);
}

/* Thread 000: hardware never gets a request size below its payload size, and a reserved one changes nothing. */
void the_request_size_has_a_floor(void)
{
	uint16_t dword = some_compiled();
	uint8_t be = some_be();
	uint32_t host = nondet_u32(), mps = (host & PCG_DEVCTL_MPS) >> 5, mrrs, guest;
	struct pcg_view_write w;

	ASSUME(view.hook[dword] == ON_DEVCTL && be & 2);
	pcg_view_write(&view, dword, be, nondet_u32(), host, &w);
	mrrs = (w.host & PCG_DEVCTL_MRRS) >> 12;
	guest = (w.after & PCG_DEVCTL_MRRS) >> 12;
	PROVE(IF(guest <= 5, mrrs >= (mps > 5 ? 5 : mps) && mrrs >= guest && mrrs <= 5));
	PROVE(IF(guest > 5, mrrs == (host & PCG_DEVCTL_MRRS) >> 12));
	PROVE(IF(w.host_be & 1, ((w.host ^ host) & PCG_DEVCTL_MPS) == 0));
}

/* A power state is asked for only where PMC offers it, and never upwards but to D0. */
void a_power_state_is_one_that_there_is(void)
{
	uint16_t dword = some_compiled();
	uint32_t pmc;
	struct pcg_view_write w;

	ASSUME(view.hook[dword] == ON_POWER);
	pmc = view.shadow[view.pm / 4] >> 16;
	pcg_view_write(&view, dword, some_be(), nondet_u32(), nondet_u32(), &w);
	PROVE(IF(w.effects & PCG_EFFECT_POWER, w.power == (w.after & PCG_PM_STATE)));
	PROVE(IF(w.effects & PCG_EFFECT_POWER, w.power != (w.before & PCG_PM_STATE)));
	PROVE(IF(w.effects & PCG_EFFECT_POWER && w.power == PCG_D1, pmc & 0x0200));
	PROVE(IF(w.effects & PCG_EFFECT_POWER && w.power == PCG_D2, pmc & 0x0400));
	PROVE(IF(w.effects & PCG_EFFECT_POWER && w.power != PCG_D0, w.power > (w.before & PCG_PM_STATE)));
	PROVE(IF(!(w.effects & PCG_EFFECT_POWER), ((w.before ^ w.after) & PCG_PM_STATE) == 0));
}

/* A size is asked for and never taken: only what was resized reads back. */
void a_size_is_asked_for(void)
{
	uint16_t dword = some_compiled();
	uint32_t had;
	struct pcg_view_write w;

	ASSUME(view.hook[dword] == ON_REBAR);
	had = view.shadow[dword];
	pcg_view_write(&view, dword, some_be(), nondet_u32(), nondet_u32(), &w);
	PROVE(view.shadow[dword] == had && w.after == had && w.host_be == 0);
	PROVE((w.effects & ~(uint32_t)PCG_EFFECT_RESIZE) == 0);
	PROVE(IF(w.effects & PCG_EFFECT_RESIZE, w.bar < PCG_NUM_BARS && w.log2 >= 20 && w.log2 < 84));
	PROVE(IF(w.effects & PCG_EFFECT_RESIZE, w.log2 != (had >> 8 & 0x3f) + 20));
}

/* Controls that are made up reach nothing by themselves; what changes in them is said, and no status bit appears. */
void a_control_that_is_made_up_is_told(void)
{
	uint16_t dword = some_compiled();
	bool is_pri;
	uint32_t had, value = nondet_u32();
	struct pcg_view_write w;

	ASSUME(view.hook[dword] == ON_PASID);
	is_pri = view.pasid.at[PCG_MADE_PRI] != 0;
	had = view.shadow[dword];
	pcg_view_write(&view, dword, some_be(), value, nondet_u32(), &w);
	PROVE(w.host_be == 0 && w.before == had && w.after == view.shadow[dword]);
	PROVE((w.effects & ~(uint32_t)PCG_EFFECT_PASID) == 0);
	PROVE(IF(!is_pri && w.after != had, w.effects != 0));
	PROVE(IF((w.after ^ had) & PCG_PRI_ENABLE, w.effects != 0));
	PROVE(IF(w.page_reset, is_pri && w.effects != 0 && value & PCG_PRI_RESET && !(w.after & PCG_PRI_ENABLE)));
	PROVE(IF(is_pri, (w.after & ~had & ~view.write_shadow[dword]) == 0));
}
