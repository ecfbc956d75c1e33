/* SPDX-License-Identifier: BSD-3-Clause */
/* What a processor promises of the memory of functions. */
#ifndef HOST_VFIO_ARCH_H
#define HOST_VFIO_ARCH_H

#include <stdbool.h>

/*
 * Whether a prefetchable BAR may be mapped write-combining because it is prefetchable. Prefetchable says that reads
 * have no side effect and that bridges may merge writes (PCIe 6.0, 7.5.1.2.1), nothing about the order that a driver
 * relies on. Only where all mappings of such memory are of one kind anyway does the one follow from the other; of the
 * processors that Linux gives resourceN_wc to, none says so.
 */
static inline bool arch_prefetchable_combines(void)
{
#if defined(__x86_64__) || defined(__aarch64__) || defined(__s390x__)
	return false;
#else
	return false;
#endif
}

#endif
