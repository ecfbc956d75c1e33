/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accesses under the profile `linux` once more, byte by byte, from the map of owners and the rows of the policy alone:
 * it shares no code with src/view, and knows of no flat image. What a write sets off (memory and power, BARs, VPD, MSI,
 * resets) is left out: slow_linux_keeps_out() says whether an access stays away from that.
 */
#ifndef PROPERTY_SLOW_LINUX_H
#define PROPERTY_SLOW_LINUX_H

#include "slow.h"

/* @slow: as slow_init() made it; @host[] is what the function holds, and @rw1c of it what ones clear. */
void slow_linux_read(const struct slow *slow, unsigned int at, uint8_t *data, unsigned int length);
void slow_linux_write(struct slow *slow, const uint32_t *rw1c, unsigned int at, const uint8_t *data,
		      unsigned int length);

bool slow_linux_keeps_out(const struct pcg_view *view, unsigned int at, unsigned int length);

#endif
