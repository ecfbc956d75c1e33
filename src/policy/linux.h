/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The profile `linux`: what vfio-pci of Linux 7.2 does, its faults included. Its policy has another shape than the
 * rest of this room: ownership goes byte by byte, by capability id alone, and an access is judged by the offset at
 * which a chunk of it starts. src/view/linux.c turns that into the flat image wherever the two mean the same.
 */
#ifndef POLICY_LINUX_H
#define POLICY_LINUX_H

#include <pcigate/pci.h>

/* Owners of a byte that are no capability id. */
enum linux_owner {
	LINUX_HEADER = 0x00,  /* the type 0 header */
	LINUX_VIRTUAL = 0xfe, /* nothing but a shadow: only an id whose low byte says so gets it (7.1b.3) */
	LINUX_NOBODY = 0xff,  /* hardware itself, read and written */
};

/* How an owner's bytes are accessed. */
enum linux_access {
	LINUX_DIRECT,     /* hardware, to look at; the first bytes are the shadow's */
	LINUX_DIRECT_RAW, /* the same, and written to hardware */
	LINUX_TABLE,      /* by the bits of its rows */
};

/* What a write sets off, by owner. */
enum linux_hook {
	LINUX_NO_HOOK,
	LINUX_ON_HEADER,
	LINUX_ON_POWER,
	LINUX_ON_VPD,
	LINUX_ON_MSI,
	LINUX_ON_EXPRESS,
	LINUX_ON_AF,
};

/**
 * struct linux_row - some bits of one register
 * @at: offset from the start of the capability
 * @virt: bits that are the shadow's
 * @write: bits that a guest changes: of the shadow, or, by writing back the whole chunk, of hardware
 * @why: the register
 */
struct linux_row {
	uint16_t at;
	uint32_t virt;
	uint32_t write;
	const char *why;
};

struct linux_rows {
	const struct linux_row *row;
	unsigned int count;
};

#define LINUX_ROWS(table)                                                                                              \
	{                                                                                                              \
		table, sizeof(table) / sizeof((table)[0])                                                              \
	}

/**
 * struct linux_probe - what a capability's length is read from
 * @config: configuration space as it stands
 * @size: its bytes; what lies behind reads 0
 * @express: the flags of the first Express capability, which decide for every one (7.1b.8)
 */
struct linux_probe {
	const uint8_t *config;
	unsigned int size;
	uint16_t express;
};

uint32_t linux_probe32(const struct linux_probe *probe, unsigned int at);
uint16_t linux_probe16(const struct linux_probe *probe, unsigned int at);
uint8_t linux_probe8(const struct linux_probe *probe, unsigned int at);

/**
 * struct linux_cap - one capability id
 * @length: its bytes; 0: hidden, unless there is
 * @measure: a function that tells
 * @why: what a guest gets, in words
 */
struct linux_cap {
	uint16_t length;
	unsigned int (*measure)(const struct linux_probe *probe, unsigned int at);
	enum linux_access access;
	enum linux_hook hook;
	const struct linux_rows *rows;
	const char *why;
};

/** linux_standard() - what becomes of an id below 100h; never NULL */
const struct linux_cap *linux_standard(uint8_t id);

/** linux_extended() - the same at 100h and up, where the map of owners has eight bits of it */
const struct linux_cap *linux_extended(uint8_t id);

/** linux_length() - bytes of a capability at @at; 0: hidden. @id as the header states it */
unsigned int linux_length(const struct linux_probe *probe, bool extended, uint16_t id, unsigned int at);

/** linux_msi - the rows of MSI, by the 64-bit bit (1) and the masking bit (2) of its flags */
extern const struct linux_rows linux_msi[4];

#endif
