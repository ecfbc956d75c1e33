/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What pcg_view_init() owes to the access core, dword by dword. The proofs take it for granted; the property tests
 * look whether it holds for every image they compile. So neither can drift away from the other.
 */
#ifndef PROPERTY_CONTRACT_H
#define PROPERTY_CONTRACT_H

#include <pcigate/view.h>

#include "policy/rule.h"

/* A capability with state: an aligned offset that leaves room for @need bytes. */
static inline bool contract_place(uint16_t at, unsigned int need)
{
	return at >= PCG_HEADER_END && (at & 3) == 0 && at + need <= PCG_CONFIG_CONVENTIONAL;
}

/* No two masks say different things of one bit. */
static inline bool contract_masks(const struct pcg_view *view, uint16_t dword)
{
	uint32_t shadow = view->write_shadow[dword], host = view->write_host[dword];
	uint32_t clear = view->write_clear[dword], zero = view->as_zero[dword];

	/* What reads from the function is not written to the shadow. */
	if (view->read_host[dword] & shadow)
		return false;
	/* What is cleared by ones reads from the function, and is written in no other way. */
	if (clear & ~view->read_host[dword] || clear & (shadow | host | zero))
		return false;
	/* What is written as zero is not written with a value. */
	return (zero & (host | shadow)) == 0;
}

/* Extended space begins where conventional space ends; so it does where the proofs have less of both. */
static inline bool contract_extended(uint16_t at, unsigned int need)
{
	return at >= PCG_CONFIG_CONVENTIONAL && (at & 3) == 0 && at + need <= PCG_CONFIG_EXTENDED;
}

/* A control of a capability that is made up: there is nothing of the function's. */
static inline bool contract_made(const struct pcg_view *view, uint16_t dword)
{
	static const uint8_t lengths[PCG_NUM_MADE] = { 8, 8, 16 };
	bool here = false;
	unsigned int kind;

	for (kind = 0; kind < PCG_NUM_MADE; kind++) {
		uint16_t at = view->pasid.at[kind];

		here = here || (contract_extended(at, lengths[kind]) &&
				(dword * 4u == at + 4u ||
				 (kind == PCG_MADE_PRI && dword * 4u == at + (unsigned int)PCG_PRI_ALLOCATION)));
	}
	return here &&
	       !(view->read_host[dword] | view->write_host[dword] | view->write_clear[dword] | view->as_zero[dword]);
}

/* A control of the Resizable BAR capability names a BAR, and a write reaches its size alone. */
static inline bool contract_rebar(const struct pcg_view *view, uint16_t dword)
{
	unsigned int first = view->rebar + 8u, at = dword * 4u;

	return contract_extended(view->rebar, 12) && at >= first && at < first + 8 * PCG_NUM_BARS &&
	       (at - first) % 8 == 0 && (view->shadow[dword] & 7) < PCG_NUM_BARS &&
	       view->write_shadow[dword] == 0x3f00 &&
	       !(view->read_host[dword] | view->write_host[dword] | view->write_clear[dword] | view->as_zero[dword]);
}

/* A hook stands where the register is that it serves. */
static inline bool contract_hook(const struct pcg_view *view, uint16_t dword)
{
	switch (view->hook[dword]) {
	case NO_HOOK:
		return true;
	case ON_COMMAND:
		return dword == PCG_COMMAND / 4;
	case ON_POWER:
		return contract_place(view->pm, 6) && dword == (view->pm + PCG_PM_CSR) / 4 &&
		       !((view->write_host[dword] | view->read_host[dword]) & PCG_PM_STATE);
	case ON_DEVCTL:
		return contract_place(view->express, 0xa) && dword == (view->express + PCG_EXP_DEVCTL) / 4 &&
		       !((view->write_host[dword] | view->read_host[dword] | view->as_zero[dword]) &
			 (PCG_DEVCTL_MRRS | PCG_DEVCTL_MPS));
	case ON_AF:
		return contract_place(view->af, 5) && dword == (view->af + PCG_AF_CTRL) / 4;
	case ON_MSI:
		return contract_place(view->msi, 4);
	case ON_MSIX:
		return contract_place(view->msix, 4);
	case ON_PASID:
		return contract_made(view, dword);
	case ON_REBAR:
		return contract_rebar(view, dword);
	default:
		return false;
	}
}

static inline bool contract_dword(const struct pcg_view *view, uint16_t dword)
{
	return contract_masks(view, dword) && contract_hook(view, dword);
}

/* What a whole dword reads from the function is known beforehand, and nothing but `linux` reads otherwise. */
static inline bool contract_read(const struct pcg_view *view, uint16_t dword)
{
	unsigned int i, be = 0;

	for (i = 0; i < 4; i++)
		if (view->read_host[dword] >> 8 * i & 0xff)
			be |= 1u << i;
	return view->read_be[dword] == be && view->special[dword] == 0;
}

/*
 * The word DEVCTL that the short path knows, if there is one: all of its bits read back and are written to the
 * function, and none of them clears by ones.
 */
static inline bool contract_devctl(const struct pcg_view *view)
{
	uint16_t dword = view->own.devctl;

	if (dword == UINT16_MAX)
		return true;
	return dword < PCG_CONFIG_DWORDS && view->hook[dword] == ON_DEVCTL && contract_hook(view, dword) &&
	       (view->write_host[dword] & 0xff) != 0 &&
	       ((view->write_clear[dword] | view->as_zero[dword]) & 0xffff) == 0 &&
	       (view->write_shadow[dword] & PCG_DEVCTL_MRRS) == PCG_DEVCTL_MRRS;
}

#endif
