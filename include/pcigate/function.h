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
	PCG_REQUEST_SPACE,     /* @space: the client's address spaces by PASID: see pcg_function_pasid() */
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
 * @space: for SPACE; what it is to say is set when the request is done
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
	struct pcg_space *space;
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
 * @recorded: a fault record or a page request can be had, or there is none where there were, or what others took from
 *            the function (struct pcg_pasid_offer) changed; may be NULL
 */
struct pcg_function_events {
	void *arg;
	void (*trigger)(void *arg, enum pcg_irq_index index, unsigned int vector);
	void (*wake)(void *arg);
	void (*effects)(void *arg, const struct pcg_view_write *write);
	void (*deed)(void *arg, enum pcg_deed deed, uint32_t value);
	void (*wanted)(void *arg);
	void (*recorded)(void *arg);
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
 * @request: done() of it is called when the function reaches what @dma maps, after PCG_PENDING; NULL with @dma NULL
 *
 * The backend loses it during every reset and gets it back after. One that translates what clients map is told with the
 * next PCG_REQUEST_CLOSE that it went away, in the order that a reset keeps, and may use it until that has ended: empty
 * it, and keep it so long.
 *
 * Return: PCG_DONE; PCG_PENDING; -EBUSY (a request is under way); or why the function cannot reach memory: it has none
 * then.
 */
int pcg_function_dma(struct pcg_function *function, struct pcg_dma *dma, struct pcg_request *request);

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

/**
 * pcg_function_msix() - how many MSI-X vectors the client has, and may have
 * @function: the function
 * @table: set to how many entries the function's own table has
 * @most: set to how many the operator allows
 * @why: set to a constant sentence where the number cannot be changed, now or ever; "" otherwise
 *
 * Return: how many there are now: Table Size, the interrupt index and what can be set up agree on it. 0: no MSI-X.
 */
unsigned int pcg_function_msix(const struct pcg_function *function, unsigned int *table, unsigned int *most,
			       const char **why);

/**
 * pcg_function_msix_set() - another number for this client
 * @function: the function
 * @vectors: 1 to what the operator allows
 *
 * Entries past it are memory that reaches nothing. PCG_REQUEST_CLOSE and PCG_REQUEST_LEAVE make it the operator's
 * again.
 *
 * Return: 0; -EINVAL (0, or more than the operator allows); -EOPNOTSUPP (no MSI-X, or no mediation); -EBUSY (the
 * client was told the number already, an interrupt is set up, a descriptor given out, or COMMAND has anything on).
 */
int pcg_function_msix_set(struct pcg_function *function, unsigned int vectors);

/** pcg_function_msix_told() - the client has been told the number: it stays for as long as it has the function */
void pcg_function_msix_told(struct pcg_function *function);

/**
 * struct pcg_pasid_offer - PASID, ATS and page requests of one function
 * @can: what a client may be shown: what the operator asked for and the backend enforces
 * @shown: what its configuration space shows now
 * @page_requests: how many page requests may be outstanding at a time
 * @pasid_at, @ats_at, @pri_at: where these capabilities stand, or will when they are shown; 0: nowhere
 * @spoken: this client said what it can drive
 * @forced: some of it is shown whatever a client says
 * @lost: enum pcg_feature_lost: what others took from the function
 * @why: a constant sentence: why there is nothing in @can, or why @shown cannot be changed now; "": it can
 */
struct pcg_pasid_offer {
	struct pcg_pasid_wish can;
	struct pcg_pasid_wish shown;
	uint32_t page_requests;
	uint16_t pasid_at;
	uint16_t ats_at;
	uint16_t pri_at;
	bool spoken;
	bool forced;
	uint32_t lost;
	const char *why;
};

/** pcg_function_pasid_offer() - look; changes nothing */
void pcg_function_pasid_offer(const struct pcg_function *function, struct pcg_pasid_offer *offer);

/**
 * pcg_function_pasid() - the client says what it can drive, and is shown that much of what is offered
 * @function: the function
 * @wish: what it can drive; bits that are not offered, and a greater width, are left out; all zero: it takes it back
 * @why: set to a constant sentence where it is refused; "" otherwise. May be NULL
 *
 * From then on PCG_REQUEST_SPACE and the calls below work. PCG_REQUEST_CLOSE and PCG_REQUEST_LEAVE hide it again. Where
 * it changes what is shown nothing may be set up yet; saying the same again is always possible.
 *
 * Return: 0; -EOPNOTSUPP (nothing is offered); -EBUSY (COMMAND has anything on, an interrupt is set up or a region's
 * descriptor given out, one of the capabilities is enabled, or a request is under way); -EINVAL (@wish->width above 20,
 * or a quirk speaks of bytes that they take); -EIO (closed, quarantined).
 */
int pcg_function_pasid(struct pcg_function *function, const struct pcg_pasid_wish *wish, const char **why);

/*
 * PCG_REQUEST_SPACE hands @space to the backend: see struct pcg_space for its errors; -EOPNOTSUPP as well before
 * pcg_function_pasid(), -ERANGE for a PASID wider than is shown. A reset takes the function's memory away meanwhile,
 * and with it its spaces: after a RESET or an FLR they are made anew.
 */

/**
 * pcg_function_fault() - take the oldest record of a blocked request
 *
 * Return: 0; -ENOENT (none); -EOPNOTSUPP (the client has not spoken, or the backend records none).
 */
int pcg_function_fault(struct pcg_function *function, struct pcg_fault *fault);

/** pcg_function_page_request() - take the oldest page request; errors as pcg_function_fault() */
int pcg_function_page_request(struct pcg_function *function, struct pcg_page_request *request);

/** pcg_function_page_response() - answer a group. Return: 0; -ENOENT (not outstanding); -EINVAL (code); -EOPNOTSUPP */
int pcg_function_page_response(struct pcg_function *function, const struct pcg_page_response *response);

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
 * PCG_REQUEST_CLOSE and PCG_REQUEST_DMA_UNMAP is refused with -EIO; a CLOSE that succeeds ends the quarantine.
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
