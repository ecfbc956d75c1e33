/* SPDX-License-Identifier: BSD-3-Clause */
/* The endpoint of the model "endpoint-test", as those who put it into a fabric know it. */
#ifndef HOST_SIM_ENDPOINT_H
#define HOST_SIM_ENDPOINT_H

#include <pcigate/host.h>

#include "host/fabric/fabric.h"

struct endpoint;

/* A backend that does not come back is a thing to be tested with. */
#define ENDPOINT_FLR_NEVER UINT32_MAX

/**
 * struct endpoint_options - what the operator chose
 * @vendor, @device, @subvendor, @subdevice, @revision, @class_code: as configuration space shows them
 * @msi: vectors, a power of two up to 32, or 0: no MSI capability
 * @msix: table size, 0: no MSI-X capability
 * @mps: Max_Payload_Size Supported, in bytes
 * @payload: Max_Payload_Size as the platform programmed it, in bytes
 * @intx: there is an interrupt pin
 * @no_memory_bit: COMMAND has no memory enable bit and memory is on, as of a VF that shows no link to its PF
 * @max_transfer: the most bytes one command moves
 * @flr_ms: how long a reset takes, or ENDPOINT_FLR_NEVER
 * @bars: BAR 0 has what the registers and the table need
 * @pasid: Max PASID Width, 0: no such capability; @execute, @privileged: it has these
 * @ats: there is an ATS capability; @pri: how many page requests may be outstanding, 0: no such capability
 * @acs, @ari: there is such a capability; @ari also whenever there are VFs
 * @rebar_bar: a resizable BAR, @rebar: sizes it has, bit n for 2^(n+20) bytes; 0: no such capability
 * @vfs: TotalVFs, 0: none; @enabled: how many of them firmware makes
 * @vf_device: VF Device ID; @vf_bars: what each VF decodes
 * @vf_msix: MSI-X vectors of a VF that nobody told another number; @vf_pool: of all VFs together, 0: no such pool
 * @detached: VFs show their ids themselves, and no link to their PF
 */
struct endpoint_options {
	uint16_t vendor;
	uint16_t device;
	uint16_t subvendor;
	uint16_t subdevice;
	uint8_t revision;
	uint32_t class_code;
	uint32_t msi;
	uint32_t msix;
	uint32_t mps;
	uint32_t payload;
	bool intx;
	bool no_memory_bit;
	uint32_t max_transfer;
	uint32_t flr_ms;
	struct pcg_bar bars[PCG_NUM_BARS];
	uint8_t pasid;
	bool execute;
	bool privileged;
	bool ats;
	uint32_t pri;
	bool acs;
	bool ari;
	uint8_t rebar_bar;
	uint32_t rebar;
	uint16_t vfs;
	uint16_t enabled;
	uint16_t vf_device;
	uint32_t vf_msix;
	uint32_t vf_pool;
	struct pcg_bar vf_bars[PCG_NUM_BARS];
	bool detached;
};

/**
 * struct endpoint_home - where endpoints that nobody serves alone are worked on
 * @wake: one of them has something to do: endpoint_home_work() soon. May be NULL
 * @busy: those
 */
struct endpoint_home {
	void *arg;
	void (*wake)(void *arg);
	struct endpoint *busy;
};

/**
 * struct endpoint_sink - who listens to an endpoint that is served alone
 * @irq: as struct pcg_host_events; NULL: interrupts are memory writes into the fabric
 * @wake: endpoint_work() soon
 * @alive: as struct fabric_function_ops
 * @page_status: as struct pcg_host_events
 * @resized: BAR @bar has another size, and other memory
 * @gone: the endpoint is about to be freed
 */
struct endpoint_sink {
	void *arg;
	void (*irq)(void *arg, enum pcg_irq_index index, unsigned int vector, bool level);
	void (*wake)(void *arg);
	void (*alive)(void *arg);
	void (*page_status)(void *arg, uint16_t raised);
	void (*resized)(void *arg, unsigned int bar);
	void (*gone)(void *arg);
};

/* @text: the model's name and its options. -EINVAL after a note that names the option. */
int endpoint_options_parse(struct endpoint_options *options, const char *text, const struct pcg_log *log);

/* What --help shows of the model. */
extern const char endpoint_help[];

/**
 * endpoint_make() - an endpoint in a fabric; with @options->vfs a PF
 * @f: set to it; ended by the fabric
 * @bus, @devfn: its place
 * @options: copied
 * @home: outlives the fabric; VFs that it makes have the same
 * @log: copied
 */
int endpoint_make(struct fabric_function **f, struct fabric *fabric, struct fabric_bus *bus, uint16_t devfn,
		  const struct endpoint_options *options, struct endpoint_home *home, const struct pcg_log *log);

/**
 * endpoint_vectors() - from now on VFs are made with the MSI-X table size that @of says; NULL: @options' vf_msix
 * @of: 0 to endpoint_vf_most() vectors for VF @number
 */
void endpoint_vectors(struct fabric_function *pf, uint32_t (*of)(void *arg, unsigned int number), void *arg);

/** endpoint_vf_most() - how many vectors there is room for in the BAR 0 that a VF has */
uint32_t endpoint_vf_most(const struct endpoint_options *options);

/** endpoint_of() - the endpoint that a function is, or NULL */
struct endpoint *endpoint_of(struct fabric_function *f);

/** endpoint_home_work() - a bounded share of what @home's have to do; true: there is more that needs no waiting */
bool endpoint_home_work(struct endpoint_home *home);

#endif
