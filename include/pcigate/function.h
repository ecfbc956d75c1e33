/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_FUNCTION_H
#define PCIGATE_FUNCTION_H

/**
 * DOC: one assigned function
 *
 * Between a client's requests and a backend stands a struct pcg_function: it splits configuration accesses, asks
 * the view what they mean, gates memory, keeps the interrupt state and puts every operation in the order that the
 * safety contract (docs/architecture.md) asks for. One request at a time; each may finish later.
 */

#include <pcigate/host.h>
#include <pcigate/op.h>
#include <pcigate/view.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pcg_function;

/** PCG_MSIX_MAX - the most MSI-X vectors of a function (PCIe 6.0, 7.7.2.2: Table Size is 11 bits) */
#define PCG_MSIX_MAX 2048u

/** enum pcg_request_kind - what can be asked of a function */
enum pcg_request_kind {
	PCG_REQUEST_READ, /* a region, configuration space included */
	PCG_REQUEST_WRITE,
	PCG_REQUEST_RESET,     /* function level reset, asked through the device */
	PCG_REQUEST_CLOSE,     /* the client is gone: quiet, reset, as if just opened */
	PCG_REQUEST_LEAVE,     /* the same, but what the client has mapped of the function is still in use */
	PCG_REQUEST_MEMORY,    /* the region's descriptor is to map as @memory: see pcg_function_memory() */
	PCG_REQUEST_DMA_MAP,   /* @range is in the client's address space now */
	PCG_REQUEST_DMA_UNMAP, /* @range is no longer, or with NULL nothing is */
};

/**
 * struct pcg_request - one request; the caller owns it and its data until it is done
 * @kind: what
 * @region: enum pcg_region_index, for READ and WRITE
 * @offset: in bytes, from the start of the region
 * @length: in bytes
 * @data: read into, or written from
 * @memory: for MEMORY
 * @range: for DMA_MAP and DMA_UNMAP
 * @done: called once after PCG_PENDING, from the loop's thread
 * @result: 0 or a negative errno, valid in @done
 */
struct pcg_request {
	enum pcg_request_kind kind;
	unsigned int region;
	uint64_t offset;
	size_t length;
	void *data;
	enum pcg_memory memory;
	const struct pcg_dma_range *range;
	void (*done)(struct pcg_request *request);
	int result;
};

/** enum pcg_deed - what a function does to its surroundings, one by one and in order */
enum pcg_deed {
	PCG_DEED_ZAP,         /* mappings are revoked */
	PCG_DEED_RESET,       /* the function is reset */
	PCG_DEED_POWER,       /* value: enum pcg_power */
	PCG_DEED_BAR_RESTORE, /* BARs that were lost are written back */
	PCG_DEED_INTX_MASK,   /* COMMAND masks INTx */
	PCG_DEED_INTX_UNMASK, /* and unmasks it */
	PCG_DEED_READRQ,      /* value: the read request size in bytes */
	PCG_DEED_READRQ_FAILED,
	PCG_DEED_VPD_READ, /* value: the address */
	PCG_DEED_VPD_READ_FAILED,
	PCG_DEED_VPD_WRITE,
	PCG_DEED_VPD_WRITE_FAILED,
	PCG_NUM_DEEDS,
};

/**
 * struct pcg_function_events - what a function tells its user
 * @arg: handed to the calls
 * @trigger: signal the client's eventfd of this vector
 * @wake: the backend has work: call its ops->work soon
 * @effects: what a configuration write asked of its surroundings (enum pcg_effect bits), before it is done; for
 *           traces, may be NULL
 * @deed: under the profile `linux`, instead of @effects: what is done, when it is done; may be NULL
 * @wanted: the host wants the function back; may be NULL
 */
struct pcg_function_events {
	void *arg;
	void (*trigger)(void *arg, enum pcg_irq_index index, unsigned int vector);
	void (*wake)(void *arg);
	void (*effects)(void *arg, const struct pcg_view_write *write);
	void (*deed)(void *arg, enum pcg_deed deed, uint32_t value);
	void (*wanted)(void *arg);
};

/**
 * pcg_function_size() - bytes to give to pcg_function_init()
 */
size_t pcg_function_size(void);

/**
 * pcg_function_init() - take a backend's function, compile its view
 * @memory: pcg_function_size() bytes, aligned for any type; the function lives in it
 * @host: the backend; stays the caller's, must outlive the function; its events are taken over
 * @options: what the operator decides
 * @events: what to tell whom, copied
 * @log: the hook, copied; may be NULL
 * @request: done() of it is called when the function is open, after PCG_PENDING
 * @function: set to the function, at once
 *
 * Return: PCG_DONE, PCG_PENDING, or what reading the function or pcg_view_init() ended with.
 */
int pcg_function_init(void *memory, struct pcg_host *host, const struct pcg_view_options *options,
		      const struct pcg_function_events *events, const struct pcg_log *log, struct pcg_request *request,
		      struct pcg_function **function);

/**
 * pcg_function_finish() - give the backend back
 *
 * Pending requests are dropped without a word.
 */
void pcg_function_finish(struct pcg_function *function);

/**
 * pcg_function_dma() - the client's memory
 * @function: the function
 * @dma: its address space, or NULL when it goes away; stays the caller's
 *
 * The backend loses it during every reset and gets it back after.
 */
void pcg_function_dma(struct pcg_function *function, struct pcg_dma *dma);

/** pcg_function_view() - what the guest sees; valid as long as the function */
const struct pcg_view *pcg_function_view(const struct pcg_function *function);

/**
 * pcg_function_region() - what a region is, as a client may be told
 * @function: the function
 * @index: enum pcg_region_index
 *
 * Return: the region; its size is 0 where there is none. An MSI-X table or PBA is never part of what can be mapped.
 */
const struct pcg_region *pcg_function_region(const struct pcg_function *function, unsigned int index);

/**
 * pcg_function_lend() - the descriptor of a region, to be handed to the client
 * @function: the function
 * @index: enum pcg_region_index
 *
 * From now on the client may keep what it maps; the next PCG_REQUEST_CLOSE gives the function memory that this client
 * does not have.
 *
 * Return: the descriptor, which stays the backend's, or -1.
 */
int pcg_function_lend(struct pcg_function *function, unsigned int index);

/**
 * pcg_function_memory() - could a region be mapped so by those who get its descriptor?
 * @function: the function
 * @index: enum pcg_region_index
 * @memory: the attribute
 * @why: set to a constant sentence where it cannot; "" otherwise
 *
 * PCG_REQUEST_MEMORY makes it so: a reset of the function may come with it, so it is refused with -EBUSY once a
 * descriptor was given out, an interrupt is set up or COMMAND has anything on.
 *
 * Return: 0; -EINVAL (no such region); -EOPNOTSUPP (see @why).
 */
int pcg_function_memory(struct pcg_function *function, unsigned int index, enum pcg_memory memory, const char **why);

/** pcg_function_irqs() - how many vectors an interrupt index has; 0: none */
unsigned int pcg_function_irqs(const struct pcg_function *function, enum pcg_irq_index index);

/**
 * pcg_function_submit() - ask something
 * @function: the function
 * @request: what
 *
 * Reads of memory that is off, or of a function in D3hot or in quarantine, are refused with -EIO and nothing of
 * @request->data is filled in. A configuration access that runs off the end is refused whole.
 *
 * Return: PCG_DONE; PCG_PENDING; -EINVAL (no such region, or outside it); -EIO (refused); -EBUSY (one is under
 * way); or the backend's errno.
 */
int pcg_function_submit(struct pcg_function *function, struct pcg_request *request);

/**
 * pcg_function_quarantine() - give up on a function that does not answer
 *
 * The request under way, if any, is dropped: its done() is not called. From now on everything but
 * PCG_REQUEST_CLOSE is refused with -EIO; a CLOSE that succeeds ends the quarantine.
 */
void pcg_function_quarantine(struct pcg_function *function);

/** pcg_function_quarantined() - whether it is */
bool pcg_function_quarantined(const struct pcg_function *function);

/**
 * pcg_function_attach() - the client listens to a vector, or no longer does
 * @function: the function
 * @index: which interrupts; only one of INTx, MSI and MSI-X can be set up at a time
 * @vector: which one
 * @listens: whether there is somebody to signal
 *
 * What was raised while nobody listened is signalled now.
 *
 * Return: 0; -EINVAL (no such vector, or another index is set up).
 */
int pcg_function_attach(struct pcg_function *function, enum pcg_irq_index index, unsigned int vector, bool listens);

/**
 * pcg_function_route() - the eventfds of vectors, for a backend that signals them itself
 * @function: the function
 * @index: which interrupts
 * @start: first vector
 * @count: how many
 * @fds: one a vector, -1 for none; NULL: none of them; they stay the caller's, open until replaced
 *
 * Goes before pcg_function_attach() of the same vectors. Backends whose interrupts come by us have no use for it.
 *
 * Return: 0; -EINVAL (no such vectors, or another index is set up); what the backend ended with, nothing changed.
 */
int pcg_function_route(struct pcg_function *function, enum pcg_irq_index index, unsigned int start, unsigned int count,
		       const int *fds);

/**
 * pcg_function_resample() - INTx is to be unmasked by this eventfd; -1: no longer
 *
 * Return: 0; -ENOSYS: the caller has to watch it, and to say pcg_function_intx_mask(); what the backend ended with.
 */
int pcg_function_resample(struct pcg_function *function, int fd);

/** pcg_function_irq_off() - nothing of an index is set up any more; what was pending is forgotten */
void pcg_function_irq_off(struct pcg_function *function, enum pcg_irq_index index);

/** pcg_function_intx_mask() - the client masks or unmasks INTx; a line still asserted signals again */
int pcg_function_intx_mask(struct pcg_function *function, bool masked);

/** pcg_function_signal() - signal a vector as if the function had raised it (SET_IRQS without data) */
int pcg_function_signal(struct pcg_function *function, enum pcg_irq_index index, unsigned int vector);

#ifdef __cplusplus
}
#endif
#endif
