/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files that compile a view from rules. */
#ifndef VIEW_COMPILE_H
#define VIEW_COMPILE_H

#include "view/why.h"

/** struct compiler - what is known meanwhile: which bits some rule has decided, so that none is decided twice; and
 * which of them rows leave out: what a VF does not have, and what is decided for capabilities that are made up; whether
 * DEVCAP2 says that the function sends prefixes */
struct compiler {
	struct pcg_view *view;
	const struct pcg_host_info *info;
	const uint8_t *config;
	const struct pcg_log *log;
	const struct view_observer *observer;
	uint32_t decided[PCG_CONFIG_DWORDS];
	uint32_t not_rows[PCG_CONFIG_DWORDS];
	bool prefixes;
};

/** compile_decide() - decide @bits of one dword; -EINVAL where they are decided already */
int compile_decide(struct compiler *c, unsigned int dword, uint32_t bits, const struct rule *rule, uint32_t power_on);

/** compile_span() - the bits of a dword that bytes [start, end) take */
uint32_t compile_span(unsigned int dword, unsigned int start, unsigned int end);

/** compile_rows() - decide the rows of a register block at [start, end) */
int compile_rows(struct compiler *c, const struct rules *rules, unsigned int start, unsigned int end);

/** compile_rest() - decide what no row named in [start, end) */
int compile_rest(struct compiler *c, enum rest rest, unsigned int start, unsigned int end);

/** limits_command() - which enable bits COMMAND has; the header is decided */
void limits_command(struct compiler *c);

/** limits_msi() - MSI has a mask bit for each vector that it can have; the chain is decided, likewise the next */
void limits_msi(struct compiler *c);

/** limits_express() - fields of Express, and of the header of functions that have it */
void limits_express(struct compiler *c);

/** quirks_facts() - take those about INTx and the ROM; -EINVAL where they contradict each other */
int quirks_facts(struct compiler *c);

/** quirks_hide() - whether a capability that is shown otherwise is to be hidden */
bool quirks_hide(const struct compiler *c, const struct pcg_cap *cap);

/** quirks_refuse() - @cap is hidden: -EINVAL if a quirk wants some of it all the same */
int quirks_refuse(const struct compiler *c, const struct pcg_cap *cap);

/** quirks_speak() - whether a quirk says anything of bytes of no capability in [start, end) */
bool quirks_speak(const struct compiler *c, unsigned int start, unsigned int end);

/** quirks_drop() - whether a quirk drops all extended capabilities of this id */
bool quirks_drop(const struct compiler *c, uint16_t id);

/** quirks_decide() - decide the bytes that quirks open or close in @cap, or those of no capability (NULL) */
int quirks_decide(struct compiler *c, const struct pcg_cap *cap);

/** vf_decide() - decide what a VF does not have of the header (NULL) or of a capability; before any row */
int vf_decide(struct compiler *c, const struct pcg_cap *cap);

/** VIEW_MSIX_MAX - the most MSI-X vectors of a function (PCIe 6.0, 7.7.2.2: Table Size has 11 bits) */
#define VIEW_MSIX_MAX 2048u

/** view_msix_bound() - how many vectors are shown; the image is compiled, @view->msix_most what a quirk says */
void view_msix_bound(struct pcg_view *view, const uint8_t *config, const struct pcg_log *log);

/** rebar_check() - whether a Resizable BAR capability speaks of BARs that are there (PCIe 6.0, 7.8.6) */
bool rebar_check(const uint8_t *config, const struct pcg_cap *cap, const struct pcg_bar bars[PCG_NUM_BARS]);

/** rebar_plan() - sizes that this capability, which passed rebar_check(), is to offer; says why where it offers none */
void rebar_plan(struct compiler *c, const struct pcg_cap *cap);

/** rebar_limit() - show the sizes that are on offer, and no other */
void rebar_limit(struct pcg_view *view, const struct pcg_cap *cap, const struct pcg_bar bars[PCG_NUM_BARS]);

/** rebar_write() - a guest wrote a size: nothing has changed yet */
void rebar_write(struct pcg_view *view, uint16_t dword, struct pcg_view_write *w);

#endif
