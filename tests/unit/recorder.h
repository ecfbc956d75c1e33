/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A backend for tests: configuration space is plain memory, every call is written down in order, and any of them
 * can be made to finish later, to fail, or never to finish.
 */
#ifndef TESTS_RECORDER_H
#define TESTS_RECORDER_H

#include <pcigate/function.h>

struct recorder {
	struct pcg_host host;
	uint8_t config[PCG_CONFIG_EXTENDED];
	uint8_t bar[65536];
	char calls[65536];      /* what was called, a word each */
	bool pend;              /* every op finishes later */
	int fail;               /* the next op fails with this */
	struct pcg_op *pending; /* what has not finished */
	unsigned int cancelled;
	unsigned int triggers[PCG_NUM_IRQS][PCG_MSIX_MAX];
	bool quiet;         /* no words for config reads */
	uint16_t hardwired; /* bits of COMMAND that cannot be set */
	struct pcg_pasid_control control;
	unsigned int recorded;
	int resize_fails; /* what every resize ends with */
	int power_fails;  /* what every change of the power state ends with */
};

/* A PCIe endpoint: BAR0 64 KiB 32-bit memory, BAR1 I/O, PM, MSI (32, maskable, 64-bit), MSI-X (64), Express, AER. */
void recorder_init(struct recorder *r);

/* After recorder_init(): it translates memory and signals interrupts itself, as a function behind an IOMMU does. */
void recorder_direct(struct recorder *r);

/* After recorder_init(): it enforces PASID, ATS and page requests; what it was told is in @r->control. */
void recorder_pasid(struct recorder *r);

/* After recorder_init(): BAR2, 64 bits wide, has 1 MiB and can have 4 MiB and 64 MiB; it is the second resizable BAR,
 * after BAR0, now of 1 MiB, which the backend cannot resize. */
void recorder_resizable(struct recorder *r);

/* Give memory and the answers to pcg_function_init(); fails the test unless it is open at the end. */
struct pcg_function *recorder_open(struct recorder *r, const struct pcg_view_options *options);
void recorder_close(struct pcg_function *f);

/* End the pending op. */
void recorder_finish(struct recorder *r, int result);

/* Forget the words so far. */
void recorder_clear(struct recorder *r);

uint32_t guest_read(struct pcg_function *f, unsigned int offset, unsigned int width);
int guest_write(struct pcg_function *f, unsigned int offset, unsigned int width, uint32_t value);

/* Where recorder_init() puts things. */
enum {
	AT_PM = 0x40,
	AT_MSI = 0x50,
	AT_MSIX = 0x70,
	AT_EXP = 0xa0,
	AT_AER = 0x100,
	AT_PASID = 0x150,
	AT_DSN = 0x160,
	AT_REBAR = 0x200,
};

#endif
