/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What firmware and a kernel do with a fabric before anybody drives a function: bus numbers, windows, addresses,
 * payload sizes, routing, error reporting, VFs. All of it by configuration requests, as software does it.
 */
#ifndef HOST_SIM_FIRMWARE_H
#define HOST_SIM_FIRMWARE_H

#include "host/fabric/fabric.h"
#include "host/sim/description.h"

/** Where things are put: memory by 32-bit addresses, 64-bit prefetchable memory, I/O. Given out from the end down. */
#define FIRMWARE_LOW_BASE  UINT64_C(0x10000000)
#define FIRMWARE_LOW_END   UINT64_C(0xf0000000)
#define FIRMWARE_HIGH_BASE UINT64_C(0x10000000000)
#define FIRMWARE_HIGH_END  UINT64_C(0x800000000000)
#define FIRMWARE_IO_BASE   0x1000u
#define FIRMWARE_IO_END    0x10000u

/**
 * firmware_run() - set a fabric up that was just built of @description
 *
 * What finds no room for its BAR is noted and left without an address, as firmware does.
 *
 * Return: 0, or a negative errno after a note: -ENOSPC (bus numbers are used up), -EIO (a PF did not make its VFs),
 * -ENOMEM.
 */
int firmware_run(struct fabric *fabric, const struct description *description, const struct pcg_log *log);

/**
 * firmware_virtuals() - let a PF have @count VFs, from none; 0: none
 *
 * Return: 0; -ENOTTY: it is no PF; -EBUSY: there are some; -ERANGE; -EIO: it did not do it.
 */
int firmware_virtuals(struct fabric_function *pf, unsigned int count);

/** struct firmware_kept - how firmware_run() left everything that can be pulled out; freed by free() */
struct firmware_kept;

/** firmware_keep() - remember it, for firmware_again(). 0 or -ENOMEM */
int firmware_keep(struct firmware_kept **kept, struct fabric *fabric);

/**
 * firmware_again() - a function or port that was put back is set up as it was: numbers, windows, payload, error
 * reporting, routing. What is above it has to be set up before; BARs are its driver's, and VFs of a PF its host's
 *
 * Return: false: it has not been out, or is.
 */
bool firmware_again(const struct firmware_kept *kept, struct fabric_function *f);

/** struct firmware_saved - what a reset takes from a PF's SR-IOV capability */
struct firmware_saved {
	uint32_t page;
	uint32_t bars[PCG_NUM_BARS];
	bool ari;
};

/** firmware_save() - remember it, for firmware_restore() after a reset */
void firmware_save(struct fabric_function *pf, struct firmware_saved *saved);
void firmware_restore(struct fabric_function *pf, const struct firmware_saved *saved);

#endif
