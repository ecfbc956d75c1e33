/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "sim:broken[,fault=NAME]": a function behind a small mediator of its own, which does everything right but for one
 * fault. It is what a conformance suite is tried on: served without mediation (profile raw), what it shows is what a
 * guest of that faulty mediator would meet.
 */
#ifndef HOST_SIM_BROKEN_H
#define HOST_SIM_BROKEN_H

#include <pcigate/host.h>

#include "host/model/model.h"

/* Where the capabilities stand. SLOTID and PTM are hidden from the guest. */
enum broken_place {
	BROKEN_PM = 0x40,
	BROKEN_VPD = 0x48,
	BROKEN_MSI = 0x50,
	BROKEN_MSIX = 0x70,
	BROKEN_SLOTID = 0x7c,
	BROKEN_EXP = 0x80,
	BROKEN_AF = 0xc0,
	BROKEN_VNDR = 0xc8,
	BROKEN_AER = 0x100,
	BROKEN_DSN = 0x150,
	BROKEN_ARI = 0x160,
	BROKEN_ACS = 0x170,
	BROKEN_ATS = 0x180,
	BROKEN_PRI = 0x190,
	BROKEN_PASID = 0x1a0,
	BROKEN_LTR = 0x1b0,
	BROKEN_REBAR = 0x1c0,
	BROKEN_VSEC = 0x1d0,
	BROKEN_DVSEC = 0x1e0,
	BROKEN_SRIOV = 0x200,
	BROKEN_TPH = 0x240,
	BROKEN_PTM = 0x270,
	BROKEN_PB = 0x280,
};

#define BROKEN_MSIX_TABLE 0x1000u
#define BROKEN_MSIX_PBA   0x2000u
#define BROKEN_VECTORS    8u
#define BROKEN_BAR0       0x10000u
#define BROKEN_BAR2       0x100000u
#define BROKEN_BAR3       0x20u
#define BROKEN_ROM        0x1000u

/* What a fault does to some bits of one dword. */
enum broken_twist {
	TWIST_VALUE,          /* they read otherwise from the start */
	TWIST_STUCK,          /* they are so for ever */
	TWIST_READ_ONLY,      /* writes are dropped */
	TWIST_WRITABLE,       /* writes are taken */
	TWIST_FORWARD,        /* writes reach the function */
	TWIST_FROM_HARDWARE,  /* the function's own shows */
	TWIST_CLEAR_BESIDE,   /* any write of the dword clears them in the function */
	TWIST_CLEAR_TOGETHER, /* clearing one clears all */
	TWIST_NEVER_CLEAR,    /* ones written to them are dropped */
	TWIST_KEPT,           /* a reset leaves them */
	TWIST_LOST,           /* a reset takes them */
	TWIST_NARROW_WRITES,  /* writes of less than the dword are dropped */
	TWIST_NARROW_READS,   /* reads of less than the dword show something else */
	TWIST_NARROW_LEAKS,   /* reads of less than the dword show the function's own */
	TWIST_ACT,            /* something else: enum broken_act in @mask */
};

/* Faults that are no matter of single bits. */
enum broken_act {
	ACT_NONE,
	ACT_BAR_PARTIAL,      /* only all ones size a BAR */
	ACT_BAR_FORGETS,      /* an address loses a bit */
	ACT_BAR_HALVES,       /* the upper half clears the lower */
	ACT_BAR_REGION,       /* a region of another size */
	ACT_BAR_STRAY_REGION, /* a region without a BAR */
	ACT_MRRS_LOW,         /* read requests below the path's payload */
	ACT_BIST_PASSED,      /* a self-test is started */
	ACT_MSI_REWRITES,     /* a write of the header rewrites the function's control word */
	ACT_MSIX_DWORD,       /* the control word cannot be written as part of a dword */
	ACT_ENTRY_DROPPED,    /* writes of the table are dropped */
	ACT_PBA_WRITABLE,
	ACT_PRI_ONES_SET, /* ones written to errors of page requests set them */
	ACT_REBAR_INERT,
	ACT_PM_ANY_STATE,
	ACT_D3_DEAF,
	ACT_D3_FORGETS,
	ACT_VPD_DEAD,
	ACT_VPD_ADDRESS,
	ACT_VPD_UNSTABLE,
	ACT_READS_THREE,
	ACT_READS_CROSSING,
	ACT_READS_EIGHT,
	ACT_READS_WHOLE,
	ACT_RESTLESS,
	ACT_READ_REFUSED,  /* a vendor's register cannot be read */
	ACT_WRITE_REFUSED, /* the ids cannot be written, by words */
	ACT_PAST_READ,
	ACT_PAST_WRITE,
	ACT_WRAPS,
	ACT_REGION_PAST,
	ACT_GATE_SHUT,
	ACT_GATE_READ,
	ACT_GATE_WRITE,
	ACT_GATE_MOVES,
	ACT_GATE_IO,
	ACT_GATE_ROM,
	ACT_GATE_D3,
	ACT_RECOVERS,
	ACT_FLR_ALWAYS,
	ACT_FLR_UNOFFERED,
	ACT_FLR_STICKS,
	ACT_FLR_NO_BYTE,
	ACT_FLR_UNMASKS,
	ACT_FLR_IDENTITY,
	ACT_AF_STICKS,
	ACT_AF_INERT,
	ACT_RESET_INERT,
	ACT_DRIFTS,
};

/* One fault: by the id of the check that it is made for. */
struct broken_fault {
	const char *name;
	uint16_t at;
	enum broken_twist twist;
	uint32_t mask;
	uint32_t value;
};

/** broken_fault() - fault number @n, or NULL past the last */
const struct broken_fault *broken_fault(unsigned int n);

/* The function itself, below the mediator. */
struct broken_hardware {
	struct pcg_host host;
	struct model model;
	uint8_t *memory[PCG_NUM_REGIONS];
};

/**
 * struct broken - the mediator, and the function that it stands in front of
 * @hardware: what is written to: @own, unless somebody put himself in between
 * @guest: the guest's registers
 * @forward: bits whose writes reach the function
 * @show: bits that show the function's own
 * @clear: of those: what a one clears in the function
 * @fault: NULL: everything is right
 * @act: its enum broken_act
 * @reads: how often something was read
 */
struct broken {
	struct pcg_host host;
	struct broken_hardware own;
	struct pcg_host *hardware;
	struct model guest;
	uint32_t forward[PCG_CONFIG_DWORDS];
	uint32_t show[PCG_CONFIG_DWORDS];
	uint32_t clear[PCG_CONFIG_DWORDS];
	const struct broken_fault *fault;
	enum broken_act act;
	uint8_t vpd[64];
	uint8_t table[BROKEN_VECTORS * 16];
	uint8_t pba[8];
	unsigned int reads;
};

extern const struct pcg_host_ops broken_ops;

int broken_create(struct pcg_host **host, const char *text, const struct pcg_log *log);

/** broken_hardware() - where the mediator keeps the function below it, for an observer to put himself in; or NULL */
struct pcg_host **broken_hardware(struct pcg_host *host);

/**
 * broken_whole() - the last word on a whole access, for faults that a dword cannot have
 * @host: any function; others than this one's are left alone
 * @result: how the access ended
 *
 * Return: how it ends.
 */
int broken_whole(struct pcg_host *host, bool write, unsigned int region, uint64_t offset, void *data, size_t length,
		 int result);

/* broken_config.c: fill in both sides' registers. */
int broken_config_init(struct broken *broken);

/* broken_regions.c: memory, and what switches it off. */
int broken_regions_init(struct broken *broken);
void broken_regions_finish(struct broken *broken);
void broken_entries_reset(struct broken *broken);
int broken_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
		       struct pcg_op *op);
int broken_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data, size_t length,
			struct pcg_op *op);

/* broken_hardware.c */
extern const struct pcg_host_ops broken_hardware_ops;

#endif
