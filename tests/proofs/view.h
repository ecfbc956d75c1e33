/* SPDX-License-Identifier: BSD-3-Clause */
/* The access core and what its hooks need, for harnesses: one translation unit, so names that two files share part. */
#ifndef PROOFS_VIEW_H
#define PROOFS_VIEW_H

#include "view/access.c"
#include "view/pasid.c"
#define control rebar_control
#include "view/rebar.c"
#undef control

#endif
