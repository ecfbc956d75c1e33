/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_CLIENT_H
#define PCIGATE_CLIENT_H

/**
 * DOC: use a PCI function that somebody serves over vfio-user
 *
 * A blocking client: one call, one answer. One struct pcg_client is one connection to one function. It holds for
 * every server, not only for ours; the protocol is the vfio-user specification (docs/interop/vfio-user.rst of QEMU),
 * what flags and indexes mean is <linux/vfio.h>.
 *
 * Waiting. Every call has one deadline for all it waits for (5 s unless changed). While it waits, it answers what the
 * server asks of memory; a program that waits elsewhere polls pcg_client_fd() and calls pcg_client_serve().
 *
 * Errors. A call returns a negative errno after one note through the hook. A refusal by the server is the server's own
 * errno, and nothing else changes. When the stream has lost its place (a call that was not answered in time, a header
 * that is none, a hang-up) that call returns -ETIMEDOUT, -EPROTO or -ENOTCONN, or what else the socket said, and from
 * then on every call returns -ENOTCONN: what still comes would answer something else. pcg_client_dead() tells the two
 * apart.
 *
 * Trust. A server is believed as little as it believes us: lengths are checked, descriptors that nobody asked for are
 * closed, and no more than PCG_CLIENT_MAX_FDS come in with one message. What is mapped of a server's file is the
 * exception: the server may change it at any time.
 *
 * Threads. None of its own and no locks: one thread at a time for each client. A client's calls may be made from a hook
 * of another client, never from its own.
 *
 * What pcigate's servers have besides, address spaces by PASID above all, is in <pcigate/client_pasid.h>.
 *
 * Examples that are built and run: examples/.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pcigate/dma.h>
#include <pcigate/host.h>
#include <pcigate/log.h>
#include <pcigate/pci.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pcg_client;

/** PCG_CLIENT_TIMEOUT - milliseconds that a call has, unless the caller says otherwise; QEMU waits as long */
#define PCG_CLIENT_TIMEOUT 5000u

/** PCG_CLIENT_MAX_FDS - the most descriptors taken with one message */
#define PCG_CLIENT_MAX_FDS 16

/** PCG_CLIENT_MAX_AREAS - the most pieces of a region that are told apart */
#define PCG_CLIENT_MAX_AREAS 64

/** PCG_CLIENT_MAX_VECTORS - the most vectors of an interrupt index (PCIe 6.0, 7.7.2.2) */
#define PCG_CLIENT_MAX_VECTORS 2048u

/** PCG_CLIENT_MAX_DATA - the most bytes that either side sends in one message, before the server's own limit */
#define PCG_CLIENT_MAX_DATA 1048576u

/* --- the connection --- */

/**
 * struct pcg_client_memory - memory that was mapped without a descriptor
 * @arg: handed to the calls
 * @read: the function reads: fill in @length bytes at @data
 * @write: the function writes
 *
 * The server chooses @iova: it may be any address, in a map or not; @length is 1..PCG_CLIENT_MAX_DATA. The calls
 * return 0 or a negative errno, which the server is told, and must not call into the client that asks.
 */
struct pcg_client_memory {
	void *arg;
	int (*read)(void *arg, uint64_t iova, void *data, size_t length);
	int (*write)(void *arg, uint64_t iova, const void *data, size_t length);
};

/**
 * struct pcg_client_limits - what the server said that it takes, or what its silence stands for
 * @major: version of the protocol: 0
 * @minor: as the server said; 0.0 is what is spoken
 * @max_msg_fds: descriptors in one message; 8
 * @max_data_xfer_size: bytes of data in one message; 1 MiB
 * @max_dma_maps: live maps; 65535
 * @pgsizes: bit mask of the page sizes for maps; 4 KiB. The lowest one is what iova, size and offset are multiples of
 * @write_multiple: it takes several writes in one message (REGION_WRITE_MULTI)
 */
struct pcg_client_limits {
	uint16_t major;
	uint16_t minor;
	uint32_t max_msg_fds;
	uint64_t max_data_xfer_size;
	uint64_t max_dma_maps;
	uint64_t pgsizes;
	bool write_multiple;
};

/**
 * pcg_client_create() - connect to a server and agree on a version
 * @client: set to the connection; NULL on failure
 * @path: its UNIX socket
 * @timeout_ms: the deadline of every call, of this one too; 0: PCG_CLIENT_TIMEOUT
 * @log: the hook, copied; may be NULL
 *
 * Return: 0; -ENAMETOOLONG; what connect() said (-ENOENT, -ECONNREFUSED, -EACCES …); -ETIMEDOUT (nobody accepts or
 * answers); -EPROTO (its VERSION is none, or not 0.x); -ENOTCONN; -ENOMEM; the server's errno.
 */
int pcg_client_create(struct pcg_client **client, const char *path, uint32_t timeout_ms, const struct pcg_log *log);

/**
 * pcg_client_create_fd() - the same over a connected socket
 * @client: set to the connection; NULL on failure
 * @fd: a connected UNIX stream socket, blocking or not; taken over, on failure closed
 * @timeout_ms: as above
 * @log: as above
 *
 * Return: as pcg_client_create().
 */
int pcg_client_create_fd(struct pcg_client **client, int fd, uint32_t timeout_ms, const struct pcg_log *log);

/**
 * pcg_client_destroy() - hang up; NULL is allowed
 *
 * Eventfds that the library made are closed. Buffers, regions and mappings stay the caller's and valid; the function
 * does not reach the buffers any more.
 */
void pcg_client_destroy(struct pcg_client *client);

/** pcg_client_limits() - what the server takes; valid as long as the client */
const struct pcg_client_limits *pcg_client_limits(const struct pcg_client *client);

/** pcg_client_timeout() - milliseconds for each call from now on; 0: PCG_CLIENT_TIMEOUT */
void pcg_client_timeout(struct pcg_client *client, uint32_t timeout_ms);

/** pcg_client_dead() - 0, or the negative errno that ended the connection for good */
int pcg_client_dead(const struct pcg_client *client);

/** pcg_client_fd() - the socket, to poll for POLLIN and then call pcg_client_serve(); -1 when the client is dead */
int pcg_client_fd(const struct pcg_client *client);

/**
 * pcg_client_memory() - who answers for memory without a descriptor
 * @client: the client
 * @memory: copied; NULL: nobody, the server is told -ENODEV
 */
void pcg_client_memory(struct pcg_client *client, const struct pcg_client_memory *memory);

/**
 * pcg_client_serve() - answer what the server has asked by now
 *
 * Returns at once when nothing has come; what has begun to come is waited for, within the deadline. At most 64
 * requests are answered in one call, so that a server that never stops asking cannot keep it.
 *
 * Return: how many were answered; -ENOTCONN, -EPROTO, -ETIMEDOUT: the client is dead.
 */
int pcg_client_serve(struct pcg_client *client);

/**
 * pcg_client_wait() - wait for a descriptor, and serve meanwhile
 * @client: the client
 * @fd: anything that can be polled for POLLIN
 * @timeout_ms: how long; 0: only look
 *
 * Return: 0 when @fd can be read; -ETIMEDOUT, without a note and with the client alive, when it cannot; otherwise as
 * pcg_client_serve().
 */
int pcg_client_wait(struct pcg_client *client, int fd, uint32_t timeout_ms);

/* --- the function --- */

/**
 * struct pcg_client_info - what is served
 * @regions: indexes below this are answered by pcg_client_region_init()
 * @irqs: indexes below this are answered by pcg_client_irq_info()
 * @pci: it is a PCI function, with enum pcg_region_index and enum pcg_irq_index
 * @reset: pcg_client_reset() works
 */
struct pcg_client_info {
	uint32_t regions;
	uint32_t irqs;
	bool pci;
	bool reset;
};

/** pcg_client_info() - DEVICE_GET_INFO. Return: 0 or a negative errno. */
int pcg_client_info(struct pcg_client *client, struct pcg_client_info *info);

/**
 * pcg_client_reset() - DEVICE_RESET: the function as after power-on
 *
 * Maps and eventfds stay. A reset may take long: see pcg_client_timeout().
 *
 * Return: 0 or a negative errno.
 */
int pcg_client_reset(struct pcg_client *client);

/* --- regions --- */

/**
 * struct pcg_client_region - one region
 * @index: which
 * @flags: enum pcg_region_flags
 * @size: bytes; 0: not there
 * @offset: where the region starts in its descriptors
 * @nfds: descriptors in @fds: none, one for the region, or one for each area
 * @fds: owned by this structure
 * @nareas: pieces that can be mapped; 0: it cannot be mapped
 * @areas: the pieces, offsets from the start of the region; one that spans it where all of it can be mapped
 *
 * Guarantees: areas lie inside the region and are not empty; there are none without a descriptor.
 */
struct pcg_client_region {
	uint32_t index;
	uint32_t flags;
	uint64_t size;
	uint64_t offset;
	unsigned int nfds;
	int fds[PCG_CLIENT_MAX_FDS];
	unsigned int nareas;
	struct {
		uint64_t offset;
		uint64_t size;
	} areas[PCG_CLIENT_MAX_AREAS];
};

/**
 * pcg_client_region_init() - DEVICE_GET_REGION_INFO
 * @client: the client
 * @index: enum pcg_region_index, or another of a server that has more
 * @region: filled in; to be given to pcg_client_region_finish() after 0 was returned
 *
 * Return: 0; -EPROTO (capabilities that loop or overrun, areas outside the region, a wrong number of descriptors);
 * -E2BIG (more than PCG_CLIENT_MAX_AREAS); or as any call.
 */
int pcg_client_region_init(struct pcg_client *client, uint32_t index, struct pcg_client_region *region);

/** pcg_client_region_finish() - close its descriptors; what was mapped stays mapped */
void pcg_client_region_finish(struct pcg_client_region *region);

/**
 * pcg_client_region_map() - see a piece of a region as memory
 * @client: the client
 * @region: the region
 * @offset: where in the region; a multiple of the page size
 * @length: bytes, not 0; inside one area
 * @address: set to the mapping, readable and writable as @region->flags say; munmap() it with @length
 *
 * The server may shrink its file later: touching what is gone then ends in SIGBUS, unless the file is sealed against
 * it. What is no ordinary file (a VFIO device, a dma-buf) may stop answering as well, when memory decoding goes off.
 *
 * Return: 0; -EOPNOTSUPP (this piece cannot be mapped: use pcg_client_read() and pcg_client_write()); -EINVAL
 * (alignment); -EPROTO (the file ends before the region does); what mmap() said.
 */
int pcg_client_region_map(struct pcg_client *client, const struct pcg_client_region *region, uint64_t offset,
			  size_t length, void **address);

/**
 * pcg_client_read() - REGION_READ
 * @client: the client
 * @region: enum pcg_region_index
 * @offset: where in the region
 * @data: filled in; on failure some of it may be
 * @length: bytes, not 0; more than the server takes at once goes in pieces, of multiples of 8 where that can be
 *
 * Return: 0; -EINVAL (nothing, or wraps past 2^64); or as any call.
 */
int pcg_client_read(struct pcg_client *client, uint32_t region, uint64_t offset, void *data, size_t length);

/** pcg_client_write() - REGION_WRITE; as pcg_client_read(). At 0 the write has taken effect. */
int pcg_client_write(struct pcg_client *client, uint32_t region, uint64_t offset, const void *data, size_t length);

/**
 * pcg_client_post() - the same without an answer: a posted write
 *
 * Whatever becomes of it, nobody tells. The next call that is answered finds it done: commands are taken in order.
 */
int pcg_client_post(struct pcg_client *client, uint32_t region, uint64_t offset, const void *data, size_t length);

/**
 * pcg_client_read8() - a register: one access of exactly that width, so for the nine that follow
 * @client: the client
 * @region: enum pcg_region_index
 * @offset: where in the region; need not be aligned
 * @value: a number; bytes in a region are little-endian. Unchanged on failure
 *
 * A write returns when it has taken effect; a post does not wait.
 *
 * Return: 0; -E2BIG (the server takes less than the width in one message); or as any call.
 */
int pcg_client_read8(struct pcg_client *client, uint32_t region, uint64_t offset, uint8_t *value);
int pcg_client_read16(struct pcg_client *client, uint32_t region, uint64_t offset, uint16_t *value);
int pcg_client_read32(struct pcg_client *client, uint32_t region, uint64_t offset, uint32_t *value);
int pcg_client_read64(struct pcg_client *client, uint32_t region, uint64_t offset, uint64_t *value);
int pcg_client_write8(struct pcg_client *client, uint32_t region, uint64_t offset, uint8_t value);
int pcg_client_write16(struct pcg_client *client, uint32_t region, uint64_t offset, uint16_t value);
int pcg_client_write32(struct pcg_client *client, uint32_t region, uint64_t offset, uint32_t value);
int pcg_client_write64(struct pcg_client *client, uint32_t region, uint64_t offset, uint64_t value);
int pcg_client_post32(struct pcg_client *client, uint32_t region, uint64_t offset, uint32_t value);
int pcg_client_post64(struct pcg_client *client, uint32_t region, uint64_t offset, uint64_t value);

/**
 * pcg_client_poll32() - read a register until it says so
 * @client: the client
 * @region: which region
 * @offset: where
 * @mask: the bits that matter
 * @want: what they are to be
 * @timeout_ms: how long to go on; it is read at least once, and then every millisecond
 * @value: set to what was read last; may be NULL
 *
 * Return: 0; -ETIMEDOUT, with a note and the client alive; or as any call.
 */
int pcg_client_poll32(struct pcg_client *client, uint32_t region, uint64_t offset, uint32_t mask, uint32_t want,
		      uint32_t timeout_ms, uint32_t *value);

/* --- configuration space --- */

/** pcg_client_config_read8() - one byte of configuration space; as pcg_client_read8(), so for the others */
static inline int pcg_client_config_read8(struct pcg_client *client, uint16_t offset, uint8_t *value)
{
	return pcg_client_read8(client, PCG_REGION_CONFIG, offset, value);
}

static inline int pcg_client_config_read16(struct pcg_client *client, uint16_t offset, uint16_t *value)
{
	return pcg_client_read16(client, PCG_REGION_CONFIG, offset, value);
}

static inline int pcg_client_config_read32(struct pcg_client *client, uint16_t offset, uint32_t *value)
{
	return pcg_client_read32(client, PCG_REGION_CONFIG, offset, value);
}

static inline int pcg_client_config_write8(struct pcg_client *client, uint16_t offset, uint8_t value)
{
	return pcg_client_write8(client, PCG_REGION_CONFIG, offset, value);
}

static inline int pcg_client_config_write16(struct pcg_client *client, uint16_t offset, uint16_t value)
{
	return pcg_client_write16(client, PCG_REGION_CONFIG, offset, value);
}

static inline int pcg_client_config_write32(struct pcg_client *client, uint16_t offset, uint32_t value)
{
	return pcg_client_write32(client, PCG_REGION_CONFIG, offset, value);
}

/**
 * pcg_client_config_update16() - read, change, write
 * @client: the client
 * @offset: the register
 * @clear: bits to clear
 * @set: bits to set afterwards; bits that a write of 1 clears are nothing for this call
 *
 * Return: 0, or as any call.
 */
int pcg_client_config_update16(struct pcg_client *client, uint16_t offset, uint16_t clear, uint16_t set);

/**
 * pcg_client_find() - the first capability of a kind
 * @client: the client
 * @id: enum pcg_cap_id, or enum pcg_ecap_id with @extended
 * @extended: which numbering
 * @cap: filled in
 *
 * Reads all of configuration space. What a server lets be chosen only before it was seen, as PCG_FEATURE_MSIX_VECTORS,
 * is chosen first.
 *
 * Return: 0; -ENOENT, without a note: there is none; -EPROTO: no configuration space of 256 or 4096 bytes, or not of a
 * type 0 function; -ENODEV: it reads all ones; or as any call.
 */
int pcg_client_find(struct pcg_client *client, uint16_t id, bool extended, struct pcg_cap *cap);

/* --- memory --- */

/**
 * pcg_client_dma_map() - DMA_MAP: let the function reach memory
 * @client: the client
 * @iova: first address that the function will use; a multiple of the server's page size
 * @size: bytes; a multiple, not 0
 * @flags: enum pcg_dma_flags
 * @fd: the file that holds it, stays the caller's, who may close it; -1: reached through struct pcg_client_memory
 * @offset: where in the file; a multiple
 *
 * Return: 0; -EINVAL (alignment, nothing, wraps); or as any call: -EEXIST where a map is already.
 */
int pcg_client_dma_map(struct pcg_client *client, uint64_t iova, uint64_t size, uint32_t flags, int fd,
		       uint64_t offset);

/**
 * pcg_client_dma_unmap() - DMA_UNMAP: exactly one earlier map
 *
 * Guarantees: at 0 the server has said that nothing of it is read or written any more.
 */
int pcg_client_dma_unmap(struct pcg_client *client, uint64_t iova, uint64_t size);

/**
 * struct pcg_client_buffer - memory that program and function share
 * @address: here
 * @iova: for the function
 * @size: bytes, rounded up to pages of both sides; zero at first
 * @fd: the file behind it
 */
struct pcg_client_buffer {
	void *address;
	uint64_t iova;
	size_t size;
	int fd;
};

/**
 * pcg_client_buffer_init() - a new file in memory, mapped here and, readable and writable, at an IOVA
 * @client: the client
 * @iova: a multiple of the server's page size
 * @size: bytes, not 0
 * @buffer: filled in; to be given to pcg_client_buffer_finish() after 0 was returned
 *
 * The file is sealed against resizing: the server cannot take the memory away under us.
 *
 * Return: 0; -EINVAL; -ENOMEM; -EMFILE; or as pcg_client_dma_map().
 */
int pcg_client_buffer_init(struct pcg_client *client, uint64_t iova, size_t size, struct pcg_client_buffer *buffer);

/**
 * pcg_client_buffer_finish() - unmap and free
 * @client: the client; NULL: it is destroyed already
 * @buffer: the buffer; freed whatever the server says. One that is all zero, or finished, is fine
 *
 * Return: 0, or as pcg_client_dma_unmap(): a server that did not confirm may still use the memory, which only it then
 * holds.
 */
int pcg_client_buffer_finish(struct pcg_client *client, struct pcg_client_buffer *buffer);

/* --- interrupts --- */

/** Flags of struct pcg_client_irq_info, with VFIO's values. */
enum pcg_client_irq_flags {
	PCG_CLIENT_IRQ_EVENTFD = 1,
	PCG_CLIENT_IRQ_MASKABLE = 2,
	PCG_CLIENT_IRQ_AUTOMASKED = 4, /* masked by being raised: INTx */
	PCG_CLIENT_IRQ_NORESIZE = 8,   /* to add vectors, disable and enable all */
};

/**
 * struct pcg_client_irq_info - one interrupt index
 * @flags: enum pcg_client_irq_flags
 * @count: vectors; 0: the function has none of these
 */
struct pcg_client_irq_info {
	uint32_t flags;
	uint32_t count;
};

/** pcg_client_irq_info() - DEVICE_GET_IRQ_INFO of an enum pcg_irq_index. Return: 0, or as any call. */
int pcg_client_irq_info(struct pcg_client *client, uint32_t index, struct pcg_client_irq_info *info);

/**
 * pcg_client_irq_enable() - signal eventfds for vectors (DEVICE_SET_IRQS)
 * @client: the client
 * @index: enum pcg_irq_index. ERR tells of uncorrectable errors, REQ that the function is wanted back
 * @start: the first vector
 * @count: how many, 1..PCG_CLIENT_MAX_VECTORS
 * @fds: @count eventfds, which stay the caller's, who may close them; -1: that vector signals nobody. NULL: the library
 *       makes them, see pcg_client_irq_wait()
 *
 * Goes in as many messages as the server's max_msg_fds asks for. When one fails, what the earlier ones set up stays;
 * pcg_client_irq_disable() clears it. INTx, MSI and MSI-X exclude each other.
 *
 * This is VFIO's side of it only. A function also wants its enable bit: see pcg_client_msi_start().
 *
 * Return: 0; -EINVAL (no such index or range); -E2BIG (the server takes no descriptors); -EMFILE; or as any call.
 */
int pcg_client_irq_enable(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count, const int *fds);

/** pcg_client_irq_disable() - nothing of the index is set up any more; the library's eventfds of it are closed */
int pcg_client_irq_disable(struct pcg_client *client, uint32_t index);

/** pcg_client_irq_fd() - the library's eventfd of a vector, non-blocking, not to be closed; -1: there is none */
int pcg_client_irq_fd(const struct pcg_client *client, uint32_t index, uint32_t vector);

/**
 * pcg_client_irq_wait() - wait for an interrupt, and serve meanwhile
 * @client: the client
 * @index: enum pcg_irq_index
 * @vector: one whose eventfd the library made
 * @timeout_ms: how long; 0: only look
 * @count: set to how often it was raised since the last look; may be NULL
 *
 * Return: 0; -ETIMEDOUT, without a note and with the client alive: it was not raised; -EINVAL (no eventfd of ours); or
 * as pcg_client_serve().
 */
int pcg_client_irq_wait(struct pcg_client *client, uint32_t index, uint32_t vector, uint32_t timeout_ms,
			uint64_t *count);

/** pcg_client_irq_mask() - by message; what is raised meanwhile pends. INTx at least; other indexes may be refused */
int pcg_client_irq_mask(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count);

/** pcg_client_irq_unmask() - INTx is masked by being raised, and stays so until this, or a resample eventfd */
int pcg_client_irq_unmask(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count);

/** pcg_client_irq_trigger() - have the server signal vectors as if the function had raised them */
int pcg_client_irq_trigger(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count);

/**
 * pcg_client_intx_resample() - unmask INTx whenever an eventfd is signalled
 * @client: the client; INTx is enabled
 * @fd: an eventfd, stays the caller's; -1: no longer
 *
 * Return: 0, or as any call.
 */
int pcg_client_intx_resample(struct pcg_client *client, int fd);

/**
 * pcg_client_msi_start() - MSI or MSI-X, ready to wait for
 * @client: the client
 * @index: PCG_IRQ_MSI or PCG_IRQ_MSIX
 * @count: vectors, from 0 up; for MSI a power of two (PCI 3.0, 6.8.1.3)
 *
 * Makes eventfds, sets up vectors, and enables them in the capability; unmasks them in an MSI-X table, for which memory
 * decoding must be on. Bus Master must be on for the function to raise any (PCIe 6.0, 7.5.1.1.3).
 *
 * Return: 0; -ENOENT (no such capability); -EINVAL (more vectors than it has); or as pcg_client_irq_enable(). On
 * failure nothing is enabled.
 */
int pcg_client_msi_start(struct pcg_client *client, uint32_t index, uint32_t count);

/** pcg_client_msi_stop() - the opposite; the eventfds are closed whatever the server says */
int pcg_client_msi_stop(struct pcg_client *client, uint32_t index);

/* --- features --- */

/** What is asked of a feature, with VFIO's values; GET and SET together only with PROBE. */
enum pcg_client_feature_flags {
	PCG_CLIENT_FEATURE_INDEX = 0xffff,
	PCG_CLIENT_FEATURE_GET = 1 << 16,
	PCG_CLIENT_FEATURE_SET = 1 << 17,
	PCG_CLIENT_FEATURE_PROBE = 1 << 18,
};

/**
 * struct pcg_client_feature - one DEVICE_FEATURE
 * @flags: the feature's index, and enum pcg_client_feature_flags
 * @data: what is sent; NULL with @size 0
 * @size: bytes of it
 * @answer: filled in with what comes back; NULL with @room 0: not wanted
 * @room: bytes there
 * @length: set to the bytes that came back
 * @fd: set to the descriptor that came along, the caller's to close; -1: none
 */
struct pcg_client_feature {
	uint32_t flags;
	const void *data;
	size_t size;
	void *answer;
	size_t room;
	size_t length;
	int fd;
};

/**
 * pcg_client_feature() - DEVICE_FEATURE with any payload
 * @client: the client
 * @feature: what is asked; @length and @fd are set in any case
 *
 * Return: 0; -EINVAL (flags; more than PCG_CLIENT_MAX_DATA); -E2BIG (the answer has @length bytes, more than @room, and
 * @room is not 0; nothing was filled in); -ENOTTY: the server has no such feature, without a note where that was what
 * PROBE asks; or as any call.
 */
int pcg_client_feature(struct pcg_client *client, struct pcg_client_feature *feature);

/** pcg_client_feature_probe() - 0 if the feature can do @flags (GET, SET, both, or 0: is it there at all) */
int pcg_client_feature_probe(struct pcg_client *client, uint16_t index, uint32_t flags);

/**
 * pcg_client_feature_get() - read one of a known size
 * @client: the client
 * @index: which
 * @data: what is asked with, and then the answer; zero it where nothing is asked
 * @size: bytes; another length of the answer is -EPROTO
 */
int pcg_client_feature_get(struct pcg_client *client, uint16_t index, void *data, size_t size);

/** pcg_client_feature_set() - write one */
int pcg_client_feature_set(struct pcg_client *client, uint16_t index, const void *data, size_t size);

#ifdef __cplusplus
}
#endif
#endif
