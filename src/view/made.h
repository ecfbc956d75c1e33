/* SPDX-License-Identifier: BSD-3-Clause */
/* Capabilities that the function does not have, or not for its guest, and that the view makes up: PASID, ATS, PRI. */
#ifndef VIEW_MADE_H
#define VIEW_MADE_H

#include "view/compile.h"
#include "view/state.h"

/** made_plan() - what is offered, where it stands, what is shown now; before the header. -EINVAL after a note */
int made_plan(struct compiler *c);

/** made_prefixes() - DEVCAP2 says that the function sends PASIDs, where PASID is shown; before the rows of Express */
int made_prefixes(struct compiler *c, const struct pcg_cap *cap);

/** made_insert() - the layout has what is shown; after the standard chain, before the extended one */
int made_insert(struct compiler *c);

/** made_decide() - the bits of one of them, its header left out */
int made_decide(struct compiler *c, const struct pcg_cap *cap, enum pcg_made_kind kind);

/** made_policy() - what is to be said of one of them */
const struct cap_policy *made_policy(enum pcg_made_kind kind);

/** made_id() - its capability id; made_length() - its bytes */
uint16_t made_id(unsigned int kind);
uint16_t made_length(unsigned int kind);

/** place_made() - find a place for one, and check it; those before it have theirs. -EINVAL after a note */
int place_made(struct compiler *c, enum pcg_made_kind kind);

/** place_head() - an empty chain begins with a header that has to stand at 100h. -EINVAL after a note */
int place_head(struct compiler *c);

/** made_refuse() - say why an option is refused. Return: -EINVAL */
int made_refuse(const struct compiler *c, unsigned int at, const char *option, const char *why);

/** view_made() - which of them a capability is; -1: none */
int view_made(const struct pcg_view *view, const struct pcg_cap *cap);

/** view_pasid_write() - a guest wrote one of their controls; the virtual bits have changed already */
void view_pasid_write(struct pcg_view *view, uint16_t dword, uint8_t be, uint32_t value, struct pcg_view_write *w);

#endif
