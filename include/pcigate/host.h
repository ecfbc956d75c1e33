/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_HOST_H
#define PCIGATE_HOST_H

/**
 * DOC: where functions come from
 *
 * A backend is one folder below src/host and one struct pcg_host_ops. It owns "the hardware": the registers as the
 * function itself holds them, before any policy. It knows nothing of guests; what it must not be asked, the
 * function room does not ask.
 *
 * Everything runs in the thread of the caller's loop. A backend with threads of its own delivers through @fd and
 * @work.
 */

#include <pcigate/feature.h>
#include <pcigate/log.h>
#include <pcigate/op.h>
#include <pcigate/pci.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pcg_dma;
struct pcg_host;

/** Flags of struct pcg_region, with VFIO's values. */
enum pcg_region_flags {
	PCG_REGION_READ = 1,
	PCG_REGION_WRITE = 2,
	PCG_REGION_MMAP = 4,
};

/** PCG_MAX_AREAS - the most separate pieces of a region that can be mapped */
#define PCG_MAX_AREAS 4

/**
 * struct pcg_region - one region of the function
 * @size: bytes; 0: not there
 * @flags: enum pcg_region_flags; MMAP only together with @fd
 * @fd: a descriptor that shows the region's memory, owned by the backend; -1: none
 * @fd_offset: where the region starts in @fd, a multiple of the page size
 * @nareas: how many of @areas count; 0 with MMAP: the whole region can be mapped
 * @areas: page-aligned pieces that can be mapped
 * @memory: as what @fd maps it
 */
struct pcg_region {
	uint64_t size;
	uint32_t flags;
	int fd;
	uint64_t fd_offset;
	unsigned int nareas;
	struct {
		uint64_t offset;
		uint64_t size;
	} areas[PCG_MAX_AREAS];
	enum pcg_memory memory;
};

/**
 * struct pcg_pasid_facts - what a backend enforces of PASID, ATS and page requests (PCIe 6.0, 6.20 and chapter 10)
 * @width: Max PASID Width, 1 to 20; 0: it enforces nothing, and a PASID capability would be a lie
 * @execute: Execute Requested can be allowed and refused for this function alone
 * @privileged: likewise Privileged Mode Requested
 * @ats: translation requests are answered
 * @page_requests: how many may be outstanding; 0: there is no page request interface
 * @pasid_at, @ats_at, @pri_at: where the function, or the PF that it is a VF of, has these capabilities itself; 0: it
 *                              has not
 * @why: a constant sentence where @width is 0
 */
struct pcg_pasid_facts {
	uint8_t width;
	bool execute;
	bool privileged;
	bool ats;
	uint32_t page_requests;
	uint16_t pasid_at;
	uint16_t ats_at;
	uint16_t pri_at;
	const char *why;
};

/**
 * struct pcg_pasid_control - what the guest's configuration space says of them now
 * @pasid: PASID Enable; @execute, @privileged: the bits of those names (PCIe 6.0, 7.8.9.3)
 * @ats: ATS Enable (10.5.1.3)
 * @page_requests: Page Request Enable (10.5.2.2); @allocation: Outstanding Page Request Allocation (10.5.2.5)
 * @page_reset: Page Request Reset was written: what is outstanding is forgotten
 * @width: Max PASID Width that it shows (7.8.9.2); 0: all of @info.pasid.width
 */
struct pcg_pasid_control {
	bool pasid;
	bool execute;
	bool privileged;
	bool ats;
	bool page_requests;
	bool page_reset;
	uint8_t width;
	uint32_t allocation;
};

/** enum pcg_space_flags - what a page of an address space allows */
enum pcg_space_flags {
	PCG_SPACE_READ = 1,
	PCG_SPACE_WRITE = 2,
	PCG_SPACE_EXECUTE = 4,
	PCG_SPACE_USER = 8, /* requests that are not privileged may use it, too */
};

/** enum pcg_space_verb - what is asked of the address spaces of one function */
enum pcg_space_verb {
	PCG_SPACE_CREATE,  /* @space: set */
	PCG_SPACE_DESTROY, /* @space; detached first, wherever it is */
	PCG_SPACE_MAP,     /* @space: @iova, @size, @flags: leads to @address in the client's memory */
	PCG_SPACE_UNMAP,   /* @space: @iova, @size: exactly one earlier map; size 0: all */
	PCG_SPACE_ATTACH,  /* @pasid goes through @space from now on, or through it instead of another */
	PCG_SPACE_DETACH,  /* @pasid goes nowhere */
};

/**
 * struct pcg_space - one such wish. Numbers, not pointers: it comes from clients
 *
 * Errors: -ENOENT (no such space, map or PASID), -EEXIST (overlaps a map), -ERANGE (a PASID wider than allowed),
 * -ENOSPC (too many), -EINVAL (alignment to 4 KiB, wrap, flags), -EOPNOTSUPP.
 */
struct pcg_space {
	enum pcg_space_verb verb;
	uint32_t space;
	uint32_t pasid;
	uint32_t flags;
	uint64_t iova;
	uint64_t size;
	uint64_t address;
};

/** enum pcg_fault_reason - why a request of the function was blocked */
enum pcg_fault_reason {
	PCG_FAULT_NONE,
	PCG_FAULT_BLOCKED,        /* the function has no memory, or lost it: its PF was reset or withdrawn */
	PCG_FAULT_PASID_OFF,      /* a PASID while PASID Enable is clear */
	PCG_FAULT_PASID_WIDE,     /* a PASID wider than the capability shows */
	PCG_FAULT_PASID_UNKNOWN,  /* no address space stands at this PASID */
	PCG_FAULT_NOT_MAPPED,     /* nothing there */
	PCG_FAULT_READ,           /* the page cannot be read */
	PCG_FAULT_WRITE,          /* or written */
	PCG_FAULT_EXECUTE,        /* or executed */
	PCG_FAULT_EXECUTE_OFF,    /* an execute request while its enable bit is clear */
	PCG_FAULT_PRIVILEGED_OFF, /* likewise a privileged one */
	PCG_FAULT_SUPERVISOR,     /* a page for privileged requests alone */
	PCG_FAULT_TRANSLATED,     /* an address said to be translated while ATS is off */
	PCG_NUM_FAULT_REASONS,
};

/** struct pcg_fault - one record. @lost: how many before it there was no room for */
struct pcg_fault {
	enum pcg_fault_reason reason;
	uint32_t lost;
	bool write;
	bool execute;
	bool privileged;
	bool has_pasid;
	uint32_t pasid;
	uint64_t address;
};

/** struct pcg_page_request - the function asks for a page (PCIe 6.0, 10.4.1) */
struct pcg_page_request {
	uint64_t address;
	uint32_t pasid;
	uint16_t group; /* Page Request Group Index, 9 bits */
	bool has_pasid;
	bool read;
	bool write;
	bool execute;
	bool privileged;
	bool last;
};

/** enum pcg_page_code - PRG Response codes (PCIe 6.0, 10.4.2.1) */
enum pcg_page_code {
	PCG_PAGE_SUCCESS = 0,
	PCG_PAGE_INVALID = 1,
	PCG_PAGE_FAILURE = 15,
};

/** struct pcg_page_response - the client's answer to a group */
struct pcg_page_response {
	uint32_t pasid;
	uint16_t group;
	bool has_pasid;
	uint8_t code;
};

/**
 * struct pcg_host_info - what is fixed for as long as the function is open
 * @config_size: 256 or 4096
 * @is_vf: the function is a VF: no memory enable bit, no INTx, ids to be had from @vendor and @device
 * @no_command_memory: COMMAND has no memory enable bit, VF or not
 * @no_intx: INTx cannot be used: no interrupt pin is shown
 * @vendor: the vendor id to show where @is_vf
 * @device: the device id to show where @is_vf
 * @bars: what the base address registers decode
 * @rom: the expansion ROM; kind NONE: none
 * @regions: as VFIO numbers them; the config region is filled in by the function room
 * @can_reset: @reset works
 * @memory_files: @dma_map takes files in memory (shmem, hugetlbfs) and no others: nobody asks it for those
 * @unplaced: bit n: the host gave BAR n (6: the ROM) no address; Linux shows such a BAR as not there
 * @intx_broken: INTx lies: COMMAND's INTx disable is set again whenever registers are restored
 * @intx_follows: COMMAND's INTx disable is not used by the backend and may follow the guest's
 * @keeps_registers: no power state loses registers, whatever PMCSR says
 * @express: where the host found the first Express capability; 0: look into configuration space
 * @express_flags: its flags register at that time
 * @lends_function: descriptors of regions show the function itself: what a client has mapped stays with it, and nobody
 *                  else can be let to the function before that client's process is gone
 * @restores: after a reset registers are put back as they were before it, by others than us: what a reset clears is
 *            cleared by the function room
 * @resizes: the MSI-X table may have another size when nobody has the function (a VF whose PF shares out a pool): Table
 *           Size is read again for each client
 * @pasid: what it enforces of PASID, ATS and page requests
 * @resizable: bit n: @resize can give this BAR 2^(n+20) bytes, for n up to 43 (PCIe 6.0, 7.8.6); 0: it has the size
 * that it has
 * @lost: enum pcg_feature_lost; changes while it is open, told by events->recorded: what others took, its requests
 * blocked
 * @shows_intx: Status' Interrupt Status is true in the function's own register, where @irq_route leaves us out
 */
struct pcg_host_info {
	uint16_t config_size;
	bool is_vf;
	bool no_command_memory;
	bool no_intx;
	uint16_t vendor;
	uint16_t device;
	struct pcg_bar bars[PCG_NUM_BARS];
	struct pcg_bar rom;
	struct pcg_region regions[PCG_NUM_REGIONS];
	bool can_reset;
	bool memory_files;
	uint8_t unplaced;
	bool intx_broken;
	bool intx_follows;
	bool keeps_registers;
	uint16_t express;
	uint16_t express_flags;
	bool lends_function;
	bool restores;
	bool resizes;
	bool shows_intx;
	uint64_t resizable[PCG_NUM_BARS];
	uint32_t lost;
	struct pcg_pasid_facts pasid;
};

/**
 * struct pcg_dma_range - what a client has mapped, or unmaps
 * @iova: first address
 * @size: bytes, not 0
 * @flags: enum pcg_dma_flags
 * @fd: the file that holds it; -1: none
 * @offset: where in the file
 */
struct pcg_dma_range {
	uint64_t iova;
	uint64_t size;
	uint32_t flags;
	int fd;
	uint64_t offset;
};

/** enum pcg_power - power states (PCI PM 1.2, 3.2.4: PMCSR bits 1:0) */
enum pcg_power {
	PCG_D0,
	PCG_D1,
	PCG_D2,
	PCG_D3HOT,
};

/**
 * struct pcg_host_ops - what a backend can do
 *
 * Ops that take a struct pcg_op follow <pcigate/op.h>; at most one of them is under way at a time, and one that
 * never ends is given up by @cancel. Ops without one answer at once. Optional ops may be NULL where it says so.
 */
struct pcg_host_ops {
	/** @name: what stands before the colon in FUNC */
	const char *name;
	/** @help: one line for --help: the FUNC form and its options */
	const char *help;

	/**
	 * @destroy: end the function and free it.
	 * Guarantees: nothing of it is called afterwards; pending ops are dropped without a word.
	 */
	void (*destroy)(struct pcg_host *host);

	/**
	 * @config_read: one dword of the function's own configuration space.
	 * @dword is 0..config_size/4-1, @be not 0. Bytes outside @be may hold anything.
	 * Guarantees: no side effect beyond what the read of those bytes has on the function.
	 */
	int (*config_read)(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op);

	/**
	 * @config_write: the same, written.
	 * Guarantees: bytes outside @be are not touched; the write has taken effect at DONE.
	 */
	int (*config_write)(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op);

	/**
	 * @region_read: read a BAR or the ROM; @offset + @length lies inside the region.
	 * Guarantees: naturally aligned accesses of 1, 2, 4, 8 bytes reach the function as such.
	 */
	int (*region_read)(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
			   struct pcg_op *op);

	/** @region_write: the same, written; never called for a region without PCG_REGION_WRITE. */
	int (*region_write)(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data,
			    size_t length, struct pcg_op *op);

	/**
	 * @reset: function level reset, by whatever way the backend has.
	 * Guarantees: at DONE no request of the function is under way, no DMA of before will still land, no
	 * interrupt of before is still raised; registers are at their power-on values, sticky ones kept.
	 */
	int (*reset)(struct pcg_host *host, struct pcg_op *op);

	/**
	 * @power: change the power state.
	 * Guarantees: at DONE the function is in that state, waits of the spec included; a function that loses its
	 * registers on D3hot -> D0 (No_Soft_Reset clear) has lost them.
	 */
	int (*power)(struct pcg_host *host, enum pcg_power state, struct pcg_op *op);

	/**
	 * @vpd: read or write 4 bytes of Vital Product Data at @address. Optional: none can be had.
	 * A read past the end gives zeros and no error; writes that are unaligned or past the end fail.
	 */
	int (*vpd)(struct pcg_host *host, bool write, uint16_t address, uint32_t *value, struct pcg_op *op);

	/**
	 * @revoke: make what clients have mapped of this function's memory stop working. Optional.
	 * Guarantees: at DONE no mapping of a client's reaches the function.
	 * NULL: mappings handed out cannot be taken back (memory of our own that a client may keep).
	 */
	int (*revoke)(struct pcg_host *host, struct pcg_op *op);

	/** @allow: mappings may work again; the counterpart of @revoke, NULL with it. */
	int (*allow)(struct pcg_host *host, struct pcg_op *op);

	/**
	 * @release: a client that was given descriptors of regions, or, with @info.lends_function, could have been, is
	 * gone. Optional: a backend that gives none.
	 * Guarantees: at DONE nothing that the client kept, a mapping or a descriptor, shows or changes what the next
	 * client meets. The descriptors in @info.regions may be others than before.
	 */
	int (*release)(struct pcg_host *host, struct pcg_op *op);

	/**
	 * @memory_possible: whether a region could be mapped so. Optional: there is no choice.
	 * @why: set to a constant sentence where it cannot be
	 *
	 * Return: 0; -EOPNOTSUPP.
	 */
	int (*memory_possible)(struct pcg_host *host, unsigned int region, enum pcg_memory memory, const char **why);

	/**
	 * @memory: map a region so from now on; asked only where it is possible. Its descriptor in @info.regions may be
	 * another afterwards, and the function may have been reset.
	 */
	int (*memory)(struct pcg_host *host, unsigned int region, enum pcg_memory memory, struct pcg_op *op);

	/**
	 * @dma: the client's memory, or NULL to take it away. Optional: a function that never masters the bus.
	 * @op NULL, together with @dma NULL alone: the function is given up and nobody waits for an answer; what could
	 * keep the caller is done as soon as it can be, before anything that is asked later.
	 * Guarantees: once it returned the backend makes no use of the old @dma; at DONE the function reaches what was
	 * mapped of the new one, and nothing of the old. When it fails the function reaches nothing.
	 * Where hardware cannot keep functions apart (an IOMMU group) they reach one memory: one client at a time,
	 * pcg_dma_client(), has any of them, and another one is refused (-EBUSY) until all that it had are as new.
	 */
	int (*dma)(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op);

	/**
	 * @dma_map: translate a piece of a client's file for the function. Optional: @dma is enough to reach memory.
	 * Called after the range was taken into the struct pcg_dma; @fd is -1 where no file holds it, and the caller's
	 * otherwise, open until the op is done.
	 * Guarantees: when it fails nothing of the range is translated.
	 */
	int (*dma_map)(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op);

	/**
	 * @dma_unmap: no longer translate what was mapped inside the range; NULL: anything. With @dma_map.
	 * Guarantees: at DONE the function reaches nothing of it, unless another function of its IOMMU group has the
	 * same mapped for the same client: then when the last of them has unmapped it. A second or two later (after
	 * NULL: at DONE) none of it is kept in memory for the function's sake beyond what other ranges of the same
	 * client need. When it is mapped again, and none of those has covered it all the time, it is the file's memory
	 * of then, not of before.
	 */
	int (*dma_unmap)(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op);

	/**
	 * @irq_route: from now on vectors @start to @start + @count - 1 signal @fds, without us: events->irq is not
	 * called for them. A descriptor of -1, or @fds NULL: nobody listens to it. @count 0: the whole index is off.
	 * The descriptors stay the caller's, who keeps them open until they are replaced. Optional: all interrupts come
	 * by events->irq.
	 *
	 * Return: 0, or a negative errno after a note; the vectors are then as they were.
	 */
	int (*irq_route)(struct pcg_host *host, enum pcg_irq_index index, unsigned int start, unsigned int count,
			 const int *fds);

	/**
	 * @irq_mask: hold back one vector of INTx, MSI or MSI-X, or no longer. What was raised meanwhile is signalled
	 * when it is unmasked. With @irq_route.
	 */
	int (*irq_mask)(struct pcg_host *host, enum pcg_irq_index index, unsigned int vector, bool masked);

	/** @irq_resample: INTx is unmasked whenever this eventfd is signalled; -1: no longer. With @irq_route. */
	int (*irq_resample)(struct pcg_host *host, int fd);

	/**
	 * @pasid: the guest's PASID, ATS and page request controls, as they are from now on. Optional: with
	 * @info.pasid.width.
	 * Guarantees: at DONE what they turn off is blocked and recorded.
	 */
	int (*pasid)(struct pcg_host *host, const struct pcg_pasid_control *control, struct pcg_op *op);

	/** @space: the client's address spaces by PASID. With @pasid. What @space is to say is set at DONE. */
	int (*space)(struct pcg_host *host, struct pcg_space *space, struct pcg_op *op);

	/** @fault: take the oldest record of a blocked request. -ENOENT: there is none. Optional. */
	int (*fault)(struct pcg_host *host, struct pcg_fault *fault);

	/** @page_request: take the oldest page request. -ENOENT: there is none. Optional: there never is. */
	int (*page_request)(struct pcg_host *host, struct pcg_page_request *request);

	/** @page_response: answer one group. -ENOENT: it is not outstanding. With @page_request. */
	int (*page_response)(struct pcg_host *host, const struct pcg_page_response *response);

	/**
	 * @resize: a resizable BAR (PCIe 6.0, 7.8.6) gets another size, 2^@log2 bytes. With @info.resizable; no other
	 * size is asked for. Its region was revoked before, and memory is off.
	 * Guarantees: at DONE @info.bars and @info.regions say so, its register holds an address where it can stand,
	 * and what clients have mapped of it before shows nothing of it; contents are lost. Refused: nothing has
	 * changed.
	 */
	int (*resize)(struct pcg_host *host, unsigned int bar, unsigned int log2, struct pcg_op *op);

	/**
	 * @control: an operator's command, one line of words, that only this backend knows: "fault malformed 3".
	 * Optional.
	 * @answer: @size bytes for a text, what there is to say or why not; always ended with a 0
	 *
	 * Return: 0; -EINVAL: no such command, or not so; another errno with the reason in @answer.
	 */
	int (*control)(struct pcg_host *host, const char *line, char *answer, size_t size);

	/**
	 * @cancel: give up the pending operation @op.
	 * Guarantees: its done() will not be called; its buffers are not touched any more.
	 */
	void (*cancel)(struct pcg_host *host, struct pcg_op *op);

	/** @fd: a descriptor that is readable when there is work, or -1. Optional. */
	int (*fd)(struct pcg_host *host);

	/**
	 * @work: go on with what is under way. Called when @fd is readable, after events->wake, and when the time
	 * given back is over. Optional.
	 * Guarantees: returns within about a millisecond of work, however much there is to do.
	 *
	 * Return: milliseconds until it wants to be called again; 0: at once, when others have had their turn;
	 * -1: not before something happens.
	 */
	int (*work)(struct pcg_host *host);
};

/**
 * struct pcg_host_events - what a backend tells, set by who uses it
 * @arg: handed to the calls
 * @irq: vector @vector of @index is raised; for INTx @level says asserted or not, else it is true
 * @wake: please call @work soon; may be called at any time from the loop's thread
 * @wanted: the host wants the function back: end it soon; may be NULL
 * @recorded: there is a fault record or a page request to be taken, the queue of these stopped, or info.lost changed;
 *            may be NULL
 * @resized: a BAR has another size or another descriptor, and @resize did not do it: @info says what. May be NULL
 * @page_status: page requests: bits of the status register (PCIe 6.0, 10.5.2.3) that the function raised; may be NULL.
 *               Stopped (0100h) too: once they were turned off and none is outstanding any more, at once if none is
 */
struct pcg_host_events {
	void *arg;
	void (*irq)(void *arg, enum pcg_irq_index index, unsigned int vector, bool level);
	void (*wake)(void *arg);
	void (*wanted)(void *arg);
	void (*recorded)(void *arg);
	void (*page_status)(void *arg, uint16_t raised);
	void (*resized)(void *arg, unsigned int bar);
};

/**
 * struct pcg_host - what every backend's own structure starts with
 * @ops: its table
 * @log: its hook
 * @events: filled in by the user before the first op; all zero: nobody listens
 * @info: filled in by the backend when it is created
 */
struct pcg_host {
	const struct pcg_host_ops *ops;
	struct pcg_log log;
	struct pcg_host_events events;
	struct pcg_host_info info;
};

/**
 * pcg_host_create() - open the function that a FUNC text names
 * @host: set to the new function
 * @func: "vfio:BDF[,option=value…]", "vfio-user:SOCKET[,option=value…]", "dump:FILE[@BDF][,option=value…]",
 *        "sim:MODEL[,option=value…]"
 * @log: the hook, copied; may be NULL
 *
 * Return: 0, or a negative errno after a note that names the file or option and the way out.
 */
int pcg_host_create(struct pcg_host **host, const char *func, const struct pcg_log *log);

/**
 * struct pcg_host_pool - what the functions of one process share: the memory of a VM that has several of them, for one
 */
struct pcg_host_pool;

/** pcg_host_pool_create() - an empty one. Return: 0 or -ENOMEM */
int pcg_host_pool_create(struct pcg_host_pool **pool);

/** pcg_host_pool_trust() - the operator trusts the clients of these functions with more than a function: see
 * docs/vfio.md */
void pcg_host_pool_trust(struct pcg_host_pool *pool);

/**
 * pcg_host_pool_humble() - threads that work for functions opened from now on hold no capabilities
 *
 * For a program that gives up its own later, which it can do for one thread at a time, and stays the user that it is.
 * One that becomes another user leaves this out: setuid() needs the capability in every thread, and takes them all.
 */
void pcg_host_pool_humble(struct pcg_host_pool *pool);

/** pcg_host_pool_destroy() - after the last function of it; NULL is allowed */
void pcg_host_pool_destroy(struct pcg_host_pool *pool);

/** pcg_host_create_in() - pcg_host_create(), in a pool; NULL: alone */
int pcg_host_create_in(struct pcg_host **host, const char *func, struct pcg_host_pool *pool, const struct pcg_log *log);

/** pcg_host_destroy() - end it; NULL is allowed */
void pcg_host_destroy(struct pcg_host *host);

#ifdef __cplusplus
}
#endif
#endif
