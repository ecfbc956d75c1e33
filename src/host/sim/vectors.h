/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PF's MSI-X vectors for its VFs: one pool, and each VF's share of it, which is the size of its MSI-X table. Rules as
 * Linux has them behind sriov_vf_msix_count.
 */
#ifndef HOST_SIM_VECTORS_H
#define HOST_SIM_VECTORS_H

#include <stdint.h>

/** VECTORS_MOST - what an MSI-X table can have (PCIe 6.0, 7.7.2.2) */
#define VECTORS_MOST 2048u

struct vectors;

/**
 * struct vectors_facts - the PF's
 * @vfs: how many VFs there can be
 * @pool: vectors for all of them; 0: there is no pool, and shares are what they are
 * @each: what a VF has without being told
 * @most: what one can have at most, and its BAR has room for
 */
struct vectors_facts {
	uint16_t vfs;
	uint32_t pool;
	uint32_t each;
	uint32_t most;
};

/** vectors_create() - all VFs have the default. 0; -EINVAL: the pool is too small for that; -ENOMEM */
int vectors_create(struct vectors **vectors, const struct vectors_facts *facts);
void vectors_destroy(struct vectors *vectors);
const struct vectors_facts *vectors_facts(const struct vectors *vectors);

/** vectors_of() - the share of a VF: the Table Size that it is made with, 0: no MSI-X capability */
uint32_t vectors_of(const struct vectors *vectors, unsigned int vf);

/** vectors_left() - what no VF has */
uint32_t vectors_left(const struct vectors *vectors);

/**
 * vectors_set() - change a VF's share, while nobody has it open; @count 0: the default
 *
 * Return: 0; -EOPNOTSUPP: there is no pool; -ENOENT: no such VF; -EOVERFLOW: more than @most; -ENOSPC: more than is
 * left.
 */
int vectors_set(struct vectors *vectors, unsigned int vf, uint32_t count);

#endif
