/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of the fabric. */
#ifndef HOST_FABRIC_INTERNAL_H
#define HOST_FABRIC_INTERNAL_H

#include "host/fabric/fabric.h"

/** The most interrupts of one fabric that the root complex has not finished with; more are lost, and said so. */
#define FABRIC_MAX_INTERRUPTS 256u

/** A function may act on what another wrote to it, and write in turn: so deep, and then packets are lost. */
#define FABRIC_MAX_DEPTH 8u

/** Registers of ports (PCIe 6.0, 7.5.1.3), of Express (7.5.3), error reporting (7.8.4) and access control (7.7.11). */
enum fabric_registers {
	PORT_SECONDARY = 0x19,
	PORT_SUBORDINATE = 0x1a,
	PORT_SECONDARY_STATUS = 0x1e,
	PORT_MEMORY_BASE = 0x20,
	PORT_MEMORY_LIMIT = 0x22,
	PORT_PREF_BASE = 0x24,
	PORT_PREF_LIMIT = 0x26,
	PORT_PREF_BASE_UPPER = 0x28,
	PORT_PREF_LIMIT_UPPER = 0x2c,
	PORT_BRIDGE_CONTROL = 0x3e,
	EXP_LNKCAP = 0x0c,
	EXP_LNKCTL = 0x10,
	EXP_LNKSTA = 0x12,
	EXP_SLTCAP = 0x14,
	EXP_SLTCTL = 0x18,
	EXP_SLTSTA = 0x1a,
	AER_UESTA = 0x04,
	AER_UEMSK = 0x08,
	AER_UESVRT = 0x0c,
	AER_CESTA = 0x10,
	AER_CEMSK = 0x14,
	AER_CAP = 0x18,
	AER_HEADER = 0x1c,
	AER_ROOT_COMMAND = 0x2c,
	AER_ROOT_STATUS = 0x30,
	AER_ROOT_SOURCE = 0x34,
	AER_PREFIX = 0x38,
	ACS_CONTROL = 0x06,
	SRIOV_CONTROL = 0x08,
};

/** Their fields. */
enum fabric_fields {
	STATUS_MDPE = 0x0100,
	STATUS_SIGNALED_ABORT = 0x0800,
	STATUS_RECEIVED_ABORT = 0x1000,
	STATUS_RECEIVED_MASTER_ABORT = 0x2000,
	STATUS_SIGNALED_ERROR = 0x4000, /* in the secondary status: received */
	STATUS_PARITY = 0x8000,
	BRIDGE_PARITY = 0x0001,
	BRIDGE_SERR = 0x0002,
	BRIDGE_RESET = 0x0040,
	LNKCAP_SURPRISE = 0x00080000,
	LNKCTL_DISABLE = 0x0010,
	LNKSTA_ACTIVE = 0x2000,
	SLTCAP_SURPRISE = 0x0020,
	SLT_PRESENCE = 0x0008,
	SLTCTL_INTERRUPT = 0x0020,
	SLTCTL_LINK = 0x1000,
	SLTSTA_PRESENT = 0x0040,
	SLTSTA_LINK = 0x0100,
	DEVCTL2_NO_TIMEOUT = 0x0010,
	DEVCTL2_ARI = 0x0020,
	DEVCAP2_PREFIX = 0x00200000,
	AER_POINTER = 0x001f,
	AER_PREFIX_LOGGED = 0x0800,
	ACS_VALIDATE = 0x01,
	ACS_BLOCK = 0x02,
	ACS_REDIRECT = 0x04,
	ACS_FORWARD = 0x10,
	ACS_DIRECT = 0x40,
	SRIOV_ENABLE = 0x0001,
	SRIOV_MSE = 0x0008,
};

struct fabric_interrupt;

struct fabric {
	struct fabric_root_ops ops;
	void *arg;
	struct pcg_log log;
	struct fabric_bus root;
	struct fabric_function *all[FABRIC_MAX_FUNCTIONS];
	unsigned int n;
	unsigned int nbuses;
	struct fabric_interrupt *interrupts;
	unsigned int ninterrupts;
	unsigned int depth; /* of transfers that set off transfers */
	bool resetting;     /* some function's reset takes time, and has an end */
	bool ending;
};

/**
 * struct fabric_port - a port; every function with a bus below is one
 * @slot_raised, @root_raised: the conditions of the hot-plug and of the error interrupt hold: one is sent when they
 *                             begin to (PCIe 6.0, 6.7.3.4 and 6.2.4.1.2)
 * @in_reset: Secondary Bus Reset is set
 */
struct fabric_port {
	struct fabric_function f;
	struct fabric_bus bus;
	enum fabric_port_kind kind;
	bool p2p;
	bool slot_raised;
	bool root_raised;
	bool in_reset;
};

/**
 * struct fabric_route - where a request leads
 * @root: to the root complex
 * @f, @bar, @offset: or into this memory
 * @root_port: which it passed, if any
 * @turn: the bus where a request from below turned down again; NULL: it came from the root complex
 * @payload: bytes of its longest packet
 */
struct fabric_route {
	bool root;
	struct fabric_function *f;
	unsigned int bar;
	uint64_t offset;
	struct fabric_function *root_port;
	struct fabric_bus *turn;
	uint32_t payload;
};

/* fabric.c */
uint64_t fabric_now(void);

/* function.c */
struct fabric_bus *fabric_bus_of(const struct fabric_function *f);
const struct fabric_function *fabric_pf(const struct fabric_function *f);
struct fabric_port *fabric_port_of(const struct fabric_function *f);
uint32_t fabric_mps(const struct fabric_function *f);
uint32_t fabric_mrrs(const struct fabric_function *f);
uint32_t fabric_get(const struct fabric_function *f, uint16_t base, uint16_t offset, unsigned int width);
bool fabric_bar_address(const struct fabric_function *f, unsigned int bar, uint64_t *address);
bool fabric_take(uint32_t *count);
enum tlp_status fabric_deliver_config(struct fabric_function *f, const struct tlp *tlp, uint32_t *value);
enum tlp_status fabric_deliver(struct fabric_function *f, unsigned int bar, uint64_t offset, const struct tlp *tlp);

/* port.c */
bool fabric_port_claims(const struct fabric_function *port, uint64_t address, uint64_t length);
bool fabric_port_claims_bus(const struct fabric_function *port, uint8_t bus);
bool fabric_port_open(const struct fabric_function *port);
void fabric_port_written(struct fabric_function *port);
void fabric_port_lines(struct fabric_function *port);
void fabric_port_link(struct fabric_function *port, bool events);
bool fabric_is_root_port(const struct fabric_function *f);

/* route.c */
struct fabric_function *fabric_port_at(const struct fabric_bus *bus, uint64_t address, uint64_t length);
enum tlp_status fabric_route_down(struct fabric *fabric, struct fabric_bus *bus, const struct tlp *tlp,
				  struct fabric_route *route);
enum tlp_status fabric_receive(struct fabric_function *f, const struct tlp *tlp, uint32_t payload, bool last);

/* completion.c: whether a completion with data arrives: from a function up to @turn, and from there down to one */
bool fabric_complete_up(struct fabric_function *completer, const struct tlp *request, uint32_t payload,
			const struct fabric_bus *turn, bool *poisoned);
bool fabric_complete_down(struct fabric_function *requester, const struct tlp *request, uint16_t completer,
			  uint32_t payload, const struct fabric_bus *turn);

/* what everybody on that way down says when its data is poisoned */
void fabric_complete_poisoned(struct fabric_function *requester, const struct tlp *request, uint16_t completer,
			      uint32_t payload, const struct fabric_bus *turn);

/* up.c */
enum tlp_status fabric_route_up(struct fabric_function *from, const struct tlp *tlp, struct fabric_route *route);

/* errors.c, header.c */
void fabric_log(struct fabric_function *f, enum fabric_error error, const struct tlp *tlp, bool advisory);
void fabric_timeout(struct fabric_function *f, const struct fabric_function *silent);
enum tlp_status fabric_refuse(struct fabric_function *f, enum fabric_error error, const struct tlp *tlp);
void fabric_malformed(struct fabric_function *f, const struct tlp *tlp);
enum tlp_status fabric_refuse_device(struct fabric_bus *bus, const struct tlp *tlp);
bool fabric_is_poison(const struct tlp *tlp);
void fabric_poison_up(struct fabric_function *f, const struct tlp *tlp);
void fabric_poison_down(struct fabric_function *port, const struct tlp *tlp);
void fabric_status(struct fabric_function *f, bool secondary, uint16_t bits);
unsigned int fabric_header(const struct tlp *tlp, uint32_t header[4], uint32_t *prefix);

/* events.c */
void fabric_reset_below(struct fabric_bus *bus);
void fabric_tell_below(struct fabric_bus *bus);
bool fabric_link_alive(const struct fabric_function *f);

/* msi.c */
void fabric_msi_unmasked(struct fabric_function *f, uint16_t dword);
void fabric_interrupts_end(struct fabric *fabric);
void fabric_interrupts_drop(struct fabric_function *f);

#endif
