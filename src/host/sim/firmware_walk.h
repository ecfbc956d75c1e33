/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of the firmware: what it has found, and how it speaks to it. */
#ifndef HOST_SIM_FIRMWARE_WALK_H
#define HOST_SIM_FIRMWARE_WALK_H

#include "host/sim/firmware.h"

/** Registers of a type 1 header (PCIe 6.0, 7.5.1.3) and others that only firmware writes. */
enum firmware_registers {
	BRIDGE_PRIMARY = 0x18,
	BRIDGE_SECONDARY = 0x19,
	BRIDGE_SUBORDINATE = 0x1a,
	BRIDGE_IO_BASE = 0x1c,
	BRIDGE_MEMORY_BASE = 0x20,
	BRIDGE_MEMORY_LIMIT = 0x22,
	BRIDGE_PREF_BASE = 0x24,
	BRIDGE_PREF_LIMIT = 0x26,
	BRIDGE_PREF_BASE_UPPER = 0x28,
	BRIDGE_PREF_LIMIT_UPPER = 0x2c,
	BRIDGE_CONTROL = 0x3e,
	ACS_CONTROL = 0x06, /* 7.7.11.3 */
	SRIOV_CONTROL = 0x08,
	SRIOV_TOTAL_VFS = 0x0e,
	SRIOV_NUM_VFS = 0x10,
	SRIOV_VF_OFFSET = 0x14,
	SRIOV_VF_STRIDE = 0x16,
	SRIOV_SYSTEM_PAGE = 0x20,
	SRIOV_BAR0 = 0x24,
};

/**
 * struct firmware_place - one function that answered
 * @bridge: it has a bus below, @secondary to @subordinate
 * @parent: the bridge above: an index; -1: the root bus
 * @express, @sriov: where these capabilities stand, 0: not there
 */
struct firmware_place {
	uint16_t bdf;
	bool bridge;
	uint8_t secondary;
	uint8_t subordinate;
	int parent;
	uint16_t express;
	uint16_t sriov;
};

/** struct firmware - one run; @places in the order in which they were found, what is above first */
struct firmware {
	struct fabric *fabric;
	const struct description *description;
	const struct pcg_log *log;
	struct firmware_place *places;
	unsigned int nplaces;
	unsigned int last_bus;
	uint64_t low; /* what is taken from here on, downwards */
	uint64_t high;
	uint32_t io;
};

uint32_t firmware_get(struct fabric *fabric, uint16_t bdf, uint16_t offset, unsigned int width);
void firmware_put(struct fabric *fabric, uint16_t bdf, uint16_t offset, unsigned int width, uint32_t value);

/** firmware_extended() - where an extended capability stands; 0: nowhere */
uint16_t firmware_extended(struct firmware *fw, uint16_t bdf, uint16_t id);

/** firmware_space() - windows and BARs of everything that was found */
void firmware_space(struct firmware *fw);

#endif
