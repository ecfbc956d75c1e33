/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The address spaces of an iommufd, by the kernel's rules: what is mapped where, and by which map of a file a page is
 * pinned. What else an iommufd has is each test's own, and so is ioctl().
 */
#ifndef UNIT_FAKE_IOMMUFD_H
#define UNIT_FAKE_IOMMUFD_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_PAGE  UINT64_C(4096)
#define FAKE_AREAS 8192u

struct fake_area {
	uint32_t ioas;
	uint32_t flags;
	uint64_t iova;
	uint64_t length;
	uint64_t start;     /* in the file */
	unsigned int pages; /* which map of a file it came from: 1 the first one */
};

extern struct fake_area fake_areas[FAKE_AREAS];
extern unsigned int fake_nareas, fake_maps; /* of a file */

/* Nothing is mapped, nothing was. */
void fake_begin(void);

/* Return: -1, as ioctl() does, and errno. */
int fake_fails(int error);

/* What an ioctl that maps, copies or unmaps comes to: whether it was one of these. */
bool fake_ioctl(unsigned long request, void *arg, int *result);

/* An address space is no more. */
void fake_forget(uint32_t ioas);

/* What a request meets at an address; NULL: nothing. */
const struct fake_area *fake_at(uint32_t ioas, uint64_t iova);

/* Bytes that are pinned: a page counts once for all areas that came from one map of a file. */
uint64_t fake_pinned(void);

#endif
