/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_QUIRK_H
#define PCIGATE_QUIRK_H

/**
 * DOC: what one device needs and no table says
 *
 * A quirk is data: which functions it is for, and one thing that is otherwise with them. A view takes an array of
 * them, applies those that match its function and refuses what contradicts its rules or another quirk. The profiles
 * `linux` and `raw` have none.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** PCG_QUIRK_ANY - in a match: whatever it is */
#define PCG_QUIRK_ANY UINT32_MAX

/** enum pcg_quirk_vf - which kind of function */
enum pcg_quirk_vf {
	PCG_QUIRK_VF_OR_NOT,
	PCG_QUIRK_VF_ONLY,
	PCG_QUIRK_NO_VF,
};

/** enum pcg_quirk_kind - what is otherwise */
enum pcg_quirk_kind {
	PCG_QUIRK_OPEN_READ,  /* bytes that no row names are the function's, to look at */
	PCG_QUIRK_OPEN_WRITE, /* the same, read and written */
	PCG_QUIRK_CLOSE,      /* bytes that no row names read 0 and take nothing */
	PCG_QUIRK_DROP,       /* a capability is hidden */
	PCG_QUIRK_NO_INTX,    /* INTx lies: no interrupt pin is shown */
	PCG_QUIRK_ROM_WIDTH,  /* @value: the widest access to the ROM, in bytes: 1, 2, 4 */
	PCG_QUIRK_COMBINE,    /* @value: a BAR: who maps it maps it write-combining, where that can be had */
	PCG_QUIRK_ROM_SIZE,   /* @value: bytes of the ROM that are shown, a power of two from 2048 up; 0: none */
	PCG_QUIRK_VECTORS,    /* @value: the most MSI-X vectors that are shown, 1 to 2048 */
	PCG_QUIRK_REGISTERS,  /* bytes of no capability are the vendor's, whatever they read: nothing is put there */
	PCG_NUM_QUIRK_KINDS,
};

/**
 * struct pcg_quirk - one of them
 * @vendor: as the guest would see it, or PCG_QUIRK_ANY; likewise the following
 * @revision: the first, @revision_last the last that it is for
 * @vf: which kind of function
 * @kind: what is otherwise
 * @in_cap: @start and @end count from a capability: @id, @extended; @instance: which of them in chain order, from
 *          1; 0: all. Otherwise from the start of configuration space, and only bytes of no capability are meant
 * @start: the first byte; @end: the one after the last
 * @value: see @kind
 * @where: what notes name it by; may be NULL
 */
struct pcg_quirk {
	uint32_t vendor;
	uint32_t device;
	uint32_t subvendor;
	uint32_t subsystem;
	uint8_t revision;
	uint8_t revision_last;
	enum pcg_quirk_vf vf;
	enum pcg_quirk_kind kind;
	bool in_cap;
	bool extended;
	uint8_t instance;
	uint16_t id;
	uint16_t start;
	uint16_t end;
	uint32_t value;
	const char *where;
};

#ifdef __cplusplus
}
#endif
#endif
