/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small fabric for tests:
 *
 *     root bus ─┬─ rp1 (00:01.0) ═ bus 1 ─ up (01:00.0) ─ bus 2 ─┬─ dp0 (02:00.0) ═ bus 3 ─ a (03:00.0)
 *               │                                                └─ dp1 (02:01.0) ═ bus 4 ─ b (04:00.0)
 *               └─ rp2 (00:02.0) ═ bus 5 ─ c (05:00.0)
 *
 * Each leaf has 64 KiB of memory behind a 32-bit BAR 0, at the window of its port, and could have four VFs of the same
 * kind, on the bus after its own.
 */
#ifndef TESTS_FABRIC_ROOM_H
#define TESTS_FABRIC_ROOM_H

#include "host/fabric/fabric.h"

/* Where the leaves' registers stand. */
enum {
	LEAF_PM = 0x40,
	LEAF_MSI = 0x50,
	LEAF_EXP = 0x70,
	LEAF_MSIX = 0xb0,
	LEAF_AER = 0x100,
	LEAF_SRIOV = 0x150,
};

/* And the ports'. */
enum {
	PORT_PM = 0x40,
	PORT_MSI = 0x48,
	PORT_EXP = 0x60,
	PORT_AER = 0x100,
	PORT_ACS = 0x148,
};

#define A_BASE      0xc0000000u
#define B_BASE      0xc0100000u
#define C_BASE      0xc0200000u
#define LEAF_SIZE   0x10000u
#define ROOM_ROOT   0x20000u
#define ROOM_ERRORS 64u

struct room;

struct leaf {
	struct fabric_function f;
	uint8_t memory[LEAF_SIZE];
	uint32_t longest; /* of the accesses that reached it */
	unsigned int resets;
	unsigned int alives;
	unsigned int writes;
	enum fabric_reset last;
	enum tlp_status answer;
	struct fabric_dma *chain; /* a write sets this off */
	struct room *room;
};

struct room {
	struct fabric *fabric;
	struct fabric_function *rp1, *rp2, *up, *dp0, *dp1;
	struct leaf *a, *b, *c;
	uint8_t root[ROOM_ROOT];
	/* what the root complex saw */
	unsigned int accesses;
	struct tlp last;
	uint64_t last_at;
	size_t last_length;
	enum tlp_status answer;
	bool pend;
	struct pcg_op *pending;
	unsigned int cancels;
	unsigned int blocked;
	struct tlp blocked_tlp;
	unsigned int messages;
	struct tlp message;
	uint64_t msi_address;
	uint32_t msi_data;
	unsigned int msis;
	struct fabric_report errors[ROOM_ERRORS];
	unsigned int nerrors;
	unsigned int destroyed;
};

/** room_setup() - as above, but for what @ports says beyond sizes of 512, payloads of 128; not enumerated */
int room_bare(struct room *room, const struct fabric_port_options *ports);

/** room_enumerate() - bus numbers, windows, BARs, memory and bus mastering everywhere */
void room_enumerate(struct room *room);

int room_setup(void **state);
int room_setup_full(void **state); /* ACS, ARI, slots, payload 256 */
int room_teardown(void **state);

uint32_t room_get(struct room *room, const struct fabric_function *f, uint16_t offset, unsigned int width);
void room_put(struct room *room, const struct fabric_function *f, uint16_t offset, unsigned int width, uint32_t value);

/** room_second() - one more leaf beside another */
struct leaf *room_second(struct room *room, struct leaf *beside, uint16_t devfn);

/** room_dma() - a transfer that ends at once. Return: as fabric_dma(); *status is how it ended */
int room_dma(struct leaf *leaf, bool write, uint64_t address, void *data, size_t length, enum tlp_status *status);

/** room_report() - the last report of @error, or NULL */
const struct fabric_report *room_report(const struct room *room, enum fabric_error error);

/** room_loud() - everybody reports everything: DEVCTL, SERR, Bridge Control, no masks, root interrupts and their MSI */
void room_loud(struct room *room);

#endif
