/* SPDX-License-Identifier: BSD-3-Clause */
/* Words for CBMC. What is declared without a body returns anything. */
#ifndef PROOFS_PROOF_H
#define PROOFS_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSUME(condition) __CPROVER_assume(condition)
#define PROVE(condition)  __CPROVER_assert(condition, #condition)

void __CPROVER_assume(_Bool condition);
void __CPROVER_assert(_Bool condition, const char *text);

bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);

/* a implies b */
#define IF(a, b) (!(a) || (b))

#endif
