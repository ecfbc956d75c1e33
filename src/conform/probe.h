/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host side of a function, looked at: a backend that stands in front of another, writes down what is written to
 * it, and shows status bits as pending that the function itself has not raised.
 */
#ifndef CONFORM_PROBE_H
#define CONFORM_PROBE_H

#include <pcigate/host.h>

/* One write that reached the function. */
struct probe_write {
	uint16_t dword;
	uint8_t be;
	uint32_t value;
};

#define PROBE_WRITES     256u
#define PROBE_HOLDS_NONE UINT16_MAX

/**
 * struct probe - a backend in front of @real
 * @ops: @real's own with ours in between; what @real leaves out is left out here
 * @raised: bits shown as set until a one is written to them
 * @writes, @nwrites: configuration writes since probe_watch(); those past the end are counted in @nwrites only
 * @region_writes: how many writes of a BAR or the ROM there were since then
 * @held: a dword whose writes are counted and go no further; PROBE_HOLDS_NONE
 * @blind: there is nobody between the mediator and the function: it can be read, no more
 * @op, @user: a read or a resize that is pending; @value, @dword: of the read
 */
struct probe {
	struct pcg_host host;
	struct pcg_host *real;
	struct pcg_host_ops ops;
	uint32_t raised[PCG_CONFIG_DWORDS];
	struct probe_write writes[PROBE_WRITES];
	unsigned int nwrites;
	unsigned int region_writes;
	uint16_t held;
	bool blind;
	struct pcg_op op;
	struct pcg_op *user;
	uint32_t *value;
	uint16_t dword;
};

/** probe_init() - stand in front of @real, which stays the caller's and must outlive the probe */
void probe_init(struct probe *probe, struct pcg_host *real);

/** probe_raise() - show @bits of the @width bytes at @offset as set */
void probe_raise(struct probe *probe, unsigned int offset, unsigned int width, uint32_t bits);

/** probe_hold() - what is written to the dword at @offset does not reach the function until probe_calm() */
void probe_hold(struct probe *probe, unsigned int offset);

/** probe_calm() - no bit is raised any more, and no dword held */
void probe_calm(struct probe *probe);

/** probe_watch() - forget what was written */
void probe_watch(struct probe *probe);

/** probe_get() - what the function holds now, raised bits included; 0 or a negative errno */
int probe_get(struct probe *probe, unsigned int offset, unsigned int width, uint32_t *value);

/** probe_put() - write bytes of the function itself, not counted among @writes */
int probe_put(struct probe *probe, uint16_t dword, uint8_t be, uint32_t value);

#endif
