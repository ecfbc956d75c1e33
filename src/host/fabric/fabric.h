/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated PCI Express fabric: a root complex, root ports, switches, links, and functions at the leaves.
 *
 *     root complex ─ root bus ─┬─ root port ═ link ═ bus ─ function (a PF and its VFs)
 *         │                    └─ root port ═ link ═ bus ─ upstream port ─ bus ─┬─ downstream port ═ link ═ bus ─ …
 *       memory, by the IOMMU                                                    └─ downstream port ═ …
 *
 * Requests are routed by the registers of the ports that they meet, by address or by routing id, and are judged by
 * each receiver: what it cannot bear is refused, logged in its AER registers and reported to the root port above. What
 * the root complex does with a request that reached it is for its owner to say (struct fabric_root_ops): our backend
 * translates it by an IOMMU (fabric/iommu.h), or hands it to a guest that owns the whole fabric.
 *
 * All of it runs in the thread of the caller's loop. Nothing here knows of policies, guests or sockets.
 */
#ifndef HOST_FABRIC_FABRIC_H
#define HOST_FABRIC_FABRIC_H

#include <pcigate/dma.h>
#include <pcigate/log.h>
#include <pcigate/op.h>
#include <pcigate/pci.h>

#include "host/fabric/tlp.h"
#include "host/model/model.h"

struct fabric;
struct fabric_bus;
struct fabric_function;
struct fabric_sriov;

/** Bounds: what one fabric holds. 256 buses are all that a segment has; a function with 256 VFs takes two. */
#define FABRIC_BUSES         256u
#define FABRIC_MAX_FUNCTIONS 1024u
#define FABRIC_ROM           6u /* where BARs are counted: the expansion ROM */

/** enum fabric_reset - what resets a function (PCIe 6.0, 6.6) */
enum fabric_reset {
	FABRIC_RESET_FLR,      /* a function level reset: sticky values stay */
	FABRIC_RESET_HOT,      /* the link above was reset or went down: sticky values stay, the sizes do not */
	FABRIC_RESET_BACKDOOR, /* as FLR, but nobody asked: firmware, a fault of the function's own */
};

/**
 * enum fabric_error - errors as AER numbers them: bits of the uncorrectable status register (PCIe 6.0, 7.8.4.2), and
 * from FABRIC_CORRECTABLE on those of the correctable one (7.8.4.5)
 */
enum fabric_error {
	FABRIC_DATA_LINK = 4,
	FABRIC_SURPRISE_DOWN = 5,
	FABRIC_POISONED = 12,
	FABRIC_FLOW_CONTROL = 13,
	FABRIC_COMPLETION_TIMEOUT = 14,
	FABRIC_COMPLETER_ABORT = 15,
	FABRIC_UNEXPECTED_COMPLETION = 16,
	FABRIC_RECEIVER_OVERFLOW = 17,
	FABRIC_MALFORMED = 18,
	FABRIC_UNSUPPORTED = 20,
	FABRIC_ACS_VIOLATION = 21,
	FABRIC_CORRECTABLE = 32,
	FABRIC_ADVISORY = FABRIC_CORRECTABLE + 13,
};

/**
 * struct fabric_report - an error as it arrives at the root complex
 * @reporter: who found and logged it
 * @requester: whose packet it was; the reporter itself where there was none
 * @about: whom it is about: the requester, or who owed the completion that did not come
 * @root_port: whose root error registers took the message
 * @message: TLP_ERR_COR, TLP_ERR_NONFATAL, TLP_ERR_FATAL; 0: logged, but masked or not to be reported
 */
struct fabric_report {
	uint16_t reporter;
	uint16_t requester;
	uint16_t about;
	uint16_t root_port;
	uint8_t message;
	enum fabric_error error;
	uint32_t header[4];
};

/**
 * struct fabric_root_ops - what stands above the root bus. All may be NULL
 * @access: a memory request reached the root complex: translate it and carry it out. @at: from where on, @length: how
 *          much of it (more than one packet's worth of the same kind, all in one page of 4 KiB, or @most bytes where
 *          there is neither PASID nor translation: the packets were judged one by one). @data NULL: only judge. Return:
 * PCG_DONE with *status set, or PCG_PENDING and @op is done later with 0 or an errno, which counts as TLP_UNSUPPORTED
 * @most: 0: a page
 * @cancel: gives up an access that is pending
 * @blocked: an access was refused before it was asked for (struct fabric_faults), from @at on
 * @message: a message reached the root complex
 * @error: an error was logged somewhere
 *
 * Interrupts come as memory writes by @access, those of root ports too.
 */
struct fabric_root_ops {
	int (*access)(void *arg, const struct tlp *tlp, uint64_t at, void *data, size_t length, enum tlp_status *status,
		      struct pcg_op *op);
	size_t most;
	void (*cancel)(void *arg, struct pcg_op *op);
	void (*blocked)(void *arg, const struct tlp *tlp, uint64_t at);
	enum tlp_status (*message)(void *arg, const struct tlp *tlp);
	void (*error)(void *arg, const struct fabric_report *report);
};

/**
 * struct fabric_function_ops - what a kind of function does beyond its registers. All but @destroy may be NULL
 * @destroy: ends and frees it
 * @refresh: about to be read: bring up to date what its registers show of its state
 * @written: configuration space was written; @actions: enum model_action bits. FLR, power, SR-IOV and the like are
 *           already carried out when this is called
 * @read, @write: memory behind BAR @bar (6: the ROM; of a VF: its own) at @offset; inside the BAR
 * @reset: forget everything but what the registers hold; these are reset after it returned
 * @message: a message for it
 * @virtual_function: of a PF: make its VF @number, not on a bus yet; NULL: it has none. 0 or a negative errno
 * @alive: it was told that others' doings matter to it: the link came or went, its PF changed. See fabric_alive()
 */
struct fabric_function_ops {
	const char *kind;
	void (*destroy)(struct fabric_function *f);
	void (*refresh)(struct fabric_function *f, uint16_t dword);
	void (*written)(struct fabric_function *f, uint16_t dword, uint8_t be, unsigned int actions);
	enum tlp_status (*read)(struct fabric_function *f, unsigned int bar, uint64_t offset, void *data,
				size_t length);
	enum tlp_status (*write)(struct fabric_function *f, unsigned int bar, uint64_t offset, const void *data,
				 size_t length);
	void (*reset)(struct fabric_function *f, enum fabric_reset reset);
	void (*message)(struct fabric_function *f, const struct tlp *tlp);
	int (*virtual_function)(struct fabric_function *pf, unsigned int number, struct fabric_function **vf);
	void (*alive)(struct fabric_function *f);
};

/**
 * struct fabric_places - where capabilities stand, for those who act by them; 0: not there
 */
struct fabric_places {
	uint16_t aer;
	uint16_t acs;
	uint16_t ari;
	uint16_t ats;
	uint16_t sriov;
	uint16_t pri;
	uint16_t pasid;
	uint16_t rebar;
};

/**
 * struct fabric_faults - what was asked to go wrong with a function; cleared by fabric_faults_clear() and by use where
 * it says so
 * @poison: its next so many payloads are poisoned
 * @malform: its next so many packets are malformed
 * @mute: the next so many requests to it get no answer; UINT32_MAX: all
 * @abort: the next so many memory requests to it end in Completer Abort
 * @block: its next so many transfers that reach the root complex are refused there, whatever is allowed
 * @config_ones: its configuration space answers with all ones
 * @stuck_power: writes of PMCSR's power state do nothing
 * @flr_ms: how long its function level resets take from now on
 * @flr_never: they do not end
 */
struct fabric_faults {
	uint32_t poison;
	uint32_t malform;
	uint32_t mute;
	uint32_t abort;
	uint32_t block;
	bool config_ones;
	bool stuck_power;
	bool flr_never;
	uint32_t flr_ms;
};

/**
 * struct fabric_function - one function: a port or a leaf; embedded in what it is, filled in by fabric_function_init()
 * @bus: the bus it is on
 * @devfn: its device and function number there; with ARI its function number. May reach past 255 for VFs: the rest
 *         counts into the bus number
 * @bars: what its BARs decode; a VF's: what its PF's VF BARs give each
 * @below: the bus below, if it is a port
 * @physical: of a VF: its PF
 * @virtuals: of a PF: its VFs that are enabled now, @nvirtuals of them
 * @number: of a VF: which
 * @sriov: of a PF: what its VFs are made of, and those that are gone for now; sriov.c's own, with @virtuals
 * @captured: the bus number of the last configuration write to it (PCIe 6.0, 2.2.6.2); a VF's is its PF's
 * @placed: where software last put its BARs (6: the ROM), by configuration writes; resets leave it alone
 * @initial: its registers at power-on, PCG_CONFIG_DWORDS
 * @order: which in fabric_each()
 * @name: as the description calls it, "" without
 * @owner: for who made it
 */
struct fabric_function {
	const struct fabric_function_ops *ops;
	struct fabric *fabric;
	struct fabric_bus *bus;
	struct fabric_function *next; /* on the same bus */
	uint16_t devfn;
	struct model model;
	struct fabric_places at;
	struct pcg_bar bars[PCG_NUM_BARS];
	struct pcg_bar rom;
	struct fabric_bus *below;
	struct fabric_function *physical;
	struct fabric_function **virtuals;
	uint16_t nvirtuals;
	uint16_t number;
	struct fabric_sriov *sriov;
	struct fabric_faults faults;
	uint64_t flr_end; /* until when (CLOCK_MONOTONIC, ms) it answers nothing; 0: it does */
	uint8_t tag;
	uint8_t captured;
	uint16_t order;
	uint32_t *initial;
	uint64_t placed[PCG_NUM_BARS + 1];
	char name[32];
	void *owner;
};

/**
 * struct fabric_bus - functions that share a bus, and the link that leads there
 * @port: the port above; NULL: the root bus
 * @up: the link works
 * @link: it is a link (below root ports and downstream ports) and not a switch's inside
 * @removed: what is on it was pulled out: it stays in @functions and answers nothing
 */
struct fabric_bus {
	struct fabric_function *port;
	struct fabric_function *functions;
	bool link;
	bool up;
	bool removed;
};

/** fabric_create() - an empty one: a root bus and nothing on it. 0 or -ENOMEM */
int fabric_create(struct fabric **fabric, const struct fabric_root_ops *root, void *arg, const struct pcg_log *log);

/** fabric_destroy() - and everything in it; NULL is allowed */
void fabric_destroy(struct fabric *fabric);

/** fabric_root_bus() - where root ports and integrated endpoints are put */
struct fabric_bus *fabric_root_bus(struct fabric *fabric);

/**
 * struct fabric_facts - what a function is made of
 * @config: its registers at power-on, 4096 bytes, chains complete
 * @bars, @rom: what it decodes
 * @is_vf, @no_memory_bit: as struct model_facts says
 */
struct fabric_facts {
	const uint8_t *config;
	const struct pcg_bar *bars;
	const struct pcg_bar *rom;
	bool is_vf;
	bool no_memory_bit;
};

/**
 * fabric_function_init() - make a function of @facts and put it on a bus
 * @f: its memory; from now on the fabric's, which ends it by @ops->destroy
 * @bus: where; NULL: nowhere yet (a VF)
 * @devfn: its place there
 *
 * Return: 0; -EEXIST: the place is taken; -EINVAL: no such registers; -ENOSPC: FABRIC_MAX_FUNCTIONS.
 */
int fabric_function_init(struct fabric_function *f, struct fabric *fabric, const struct fabric_function_ops *ops,
			 struct fabric_bus *bus, uint16_t devfn, const struct fabric_facts *facts);

/**
 * fabric_function_destroy() - take it off its bus and out of the fabric, then call @ops->destroy(), which frees what is
 * its own. For VFs that vanish and for whoever could not finish making a function; the rest goes with fabric_destroy()
 */
void fabric_function_destroy(struct fabric_function *f);

/* --- ports (port.c) --- */

/** enum fabric_port_kind - PCIe 6.0, 7.5.3.2: device/port type */
enum fabric_port_kind {
	FABRIC_ROOT_PORT = 4,
	FABRIC_UPSTREAM = 5,
	FABRIC_DOWNSTREAM = 6,
};

/**
 * struct fabric_port_options - what a port can do
 * @mps: Max_Payload_Size Supported, bytes; @payload: as it starts, bytes
 * @slot: it has a slot of this number that functions can be pulled from; 0: none
 * @acs, @ari: it has that
 * @p2p: of a root port: requests for other root ports' functions are passed on (the root complex may choose: PCIe 6.0,
 *       1.3.1)
 */
struct fabric_port_options {
	uint32_t mps;
	uint32_t payload;
	uint16_t slot;
	bool acs;
	bool ari;
	bool p2p;
};

/** fabric_port_create() - a port on a bus; *@port->below is the bus behind it. 0 or a negative errno */
int fabric_port_create(struct fabric_function **port, struct fabric *fabric, enum fabric_port_kind kind,
		       struct fabric_bus *bus, uint16_t devfn, const struct fabric_port_options *options);

/* --- from above: the root complex asks (route.c) --- */

/**
 * fabric_config_read() - a configuration request, routed by the ports' bus numbers
 * @value: set; all ones with any status but success
 */
enum tlp_status fabric_config_read(struct fabric *fabric, uint16_t bdf, uint16_t dword, uint8_t be, uint32_t *value);
enum tlp_status fabric_config_write(struct fabric *fabric, uint16_t bdf, uint16_t dword, uint8_t be, uint32_t value);

/** fabric_read() - a memory request from the processors, routed by the ports' windows and the functions' BARs */
enum tlp_status fabric_read(struct fabric *fabric, uint64_t address, void *data, size_t length);
enum tlp_status fabric_write(struct fabric *fabric, uint64_t address, const void *data, size_t length);

/**
 * fabric_function_read() - the same for one function and BAR, wherever it stands in memory: for those who were given
 * the BAR and not an address. Ports on the way have to let it through, and the function has to decode it
 */
enum tlp_status fabric_function_read(struct fabric_function *f, unsigned int bar, uint64_t offset, void *data,
				     size_t length);
enum tlp_status fabric_function_write(struct fabric_function *f, unsigned int bar, uint64_t offset, const void *data,
				      size_t length);

/** fabric_find() - the function at a routing id, as the ports are set up now, or NULL */
struct fabric_function *fabric_find(struct fabric *fabric, uint16_t bdf);

/** fabric_find_name() - by the name that the description gave it, or NULL */
struct fabric_function *fabric_find_name(struct fabric *fabric, const char *name);

/** fabric_bdf() - where a function is now. PCIe 6.0, 2.2.6.2: functions capture their bus number from a write */
uint16_t fabric_bdf(const struct fabric_function *f);

/* --- from below: a function asks (dma.c) --- */

/**
 * struct fabric_dma - a transfer that a function makes; the caller owns it
 * @f: who
 * @write: towards memory
 * @address: first byte
 * @data: @length bytes; 0 with NULL: a zero-length read, which flushes the writes before it
 * @op: done() is called after PCG_PENDING with 0 or an errno
 * @status: how it ended. Of writes hardware would not know: this is what an analyser on the link would have seen
 * @moved: bytes that got through
 *
 * It is cut at 4 KiB, by Max_Payload_Size or Max_Read_Request_Size, as the function's Device Control says now.
 */
struct fabric_dma {
	struct fabric_function *f;
	bool write;
	enum tlp_at at;
	struct tlp_pasid pasid;
	uint64_t address;
	uint8_t *data;
	size_t length;
	struct pcg_op *op;
	enum tlp_status status;
	size_t moved;
	size_t piece; /* from here on the fabric's own */
	bool spoilt;  /* the last completion was poisoned */
	struct pcg_op step;
};

/**
 * fabric_dma() - start it
 *
 * Return: PCG_DONE (success), PCG_PENDING, or -EACCES (bus mastering is off, or the function not in D0), -EIO with
 * @status saying what happened.
 */
int fabric_dma(struct fabric_dma *dma);

/** fabric_dma_cancel() - give it up; nothing of it lands afterwards and done() is not called */
void fabric_dma_cancel(struct fabric_dma *dma);

/** fabric_message() - a function sends a message towards the root complex */
enum tlp_status fabric_message(struct fabric_function *f, const struct tlp *tlp);

/**
 * fabric_msi() - a function raises MSI vector @vector by its capability, or MSI-X vector @vector by its table at
 * @table (the memory behind its BAR): a memory write like any other. -EAGAIN: masked or off
 */
int fabric_msi(struct fabric_function *f, unsigned int vector);
int fabric_msix(struct fabric_function *f, const uint8_t *table, unsigned int vector);

/* --- SR-IOV (sriov.c) --- */

/**
 * struct fabric_sriov_options - what a PF's capability says (PCIe 6.0, 9.3.3)
 * @total: TotalVFs and InitialVFs; @offset, @stride: of routing ids; @device: VF Device ID
 * @bars: what one VF decodes; sizes are rounded up to the system page size as it is set
 */
struct fabric_sriov_options {
	uint16_t total;
	uint16_t offset;
	uint16_t stride;
	uint16_t device;
	struct pcg_bar bars[PCG_NUM_BARS];
};

/** fabric_sriov_build() - write the capability's registers at power-on, header without its next pointer */
void fabric_sriov_build(uint8_t *config, uint16_t at, const struct fabric_sriov_options *options);

/** fabric_sriov_init() - the PF's registers are there: its VFs' BARs are @options' */
int fabric_sriov_init(struct fabric_function *pf, const struct fabric_sriov_options *options);

/**
 * fabric_sriov_finish() - the PF ends, and its VFs with it, by fabric_function_destroy(); without VFs: nothing. For
 * fabric_function_destroy(), before the PF's own @destroy
 */
void fabric_sriov_finish(struct fabric_function *pf);

/** fabric_sriov_forget() - a VF ends; other functions: nothing. For fabric_function_destroy() */
void fabric_sriov_forget(struct fabric_function *vf);

/** fabric_sriov_made() - VF @number, on the bus or not, as long as it was on it once. NULL: it was not */
struct fabric_function *fabric_sriov_made(const struct fabric_function *pf, unsigned int number);

/** fabric_sriov_renew() - VF @number is made anew by @virtual_function. 0, or a negative errno: it is the old one */
int fabric_sriov_renew(struct fabric_function *pf, unsigned int number);

/** fabric_sriov_written() - the PF's capability was written: VFs come and go, their memory is on or off */
void fabric_sriov_written(struct fabric_function *pf, uint16_t dword, uint8_t be);

/** fabric_sriov_reset() - the PF was reset: its VFs are gone (9.2.2.2) */
void fabric_sriov_reset(struct fabric_function *pf);

/** fabric_sriov_bar() - where BAR @bar of VF @number stands, as the PF's VF BARs say now; false: it decodes nothing */
bool fabric_sriov_bar(const struct fabric_function *pf, unsigned int number, unsigned int bar, uint64_t *address);

/* --- errors (errors.c) --- */

/**
 * fabric_error() - a function found an error: log it, and tell the root port as its registers allow
 * @tlp: the packet, for the header log; NULL: none
 */
void fabric_error(struct fabric_function *f, enum fabric_error error, const struct tlp *tlp);

/* --- what happens (events.c) --- */

/**
 * fabric_flr() - a reset of one function, a PF with its VFs: its registers are lost at once
 *
 * FLR: it answers again at once, or as its faults say: after flr_ms, when fabric_work() finds it so, or never.
 */
void fabric_flr(struct fabric_function *f, enum fabric_reset reset);

/** fabric_alive() - the function answers: its link is up, its power is on, no reset is under way, and its PF has it */
bool fabric_alive(const struct fabric_function *f);

/**
 * fabric_remove() - a function with all of its device and what is below is pulled out: the link goes down
 *
 * Return: 0; -EALREADY: it is out; -ENOTSUP: it sits in the root complex.
 */
int fabric_remove(struct fabric_function *f);

/** fabric_insert() - it is put back, at power-on. As fabric_remove() */
int fabric_insert(struct fabric_function *f);

/** fabric_faults_clear() - nothing goes wrong with it any more */
void fabric_faults_clear(struct fabric_function *f);

/** fabric_work() - go on with what takes time. Return: milliseconds until there is more to do; -1: nothing */
int fabric_work(struct fabric *fabric);

/** fabric_each() - all functions, in the order of their making; NULL starts. NULL at the end */
struct fabric_function *fabric_each(struct fabric *fabric, struct fabric_function *after);

#endif
