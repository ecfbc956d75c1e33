/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_DMA_H
#define PCIGATE_DMA_H

/**
 * DOC: the memory a client lets its function reach
 *
 * One struct pcg_dma is one client's I/O address space: ranges of IOVA, each either a piece of a file that the
 * client shares or, where it shares none, memory to be reached by messages. Shared memory is never touched by a
 * plain load or store: a client may truncate its file at any time, and gets an error for it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pcigate/log.h>
#include <pcigate/op.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pcg_dma;

/** What a map allows the function to do, with vfio-user's values. */
enum pcg_dma_flags {
	PCG_DMA_READ = 1,
	PCG_DMA_WRITE = 2,
};

/** PCG_DMA_MESSAGE_MAX - the largest piece asked of a client in one message: QEMU 11 stalls at 256 KiB */
#define PCG_DMA_MESSAGE_MAX 65536u

/**
 * struct pcg_dma_messages - reach memory that is not shared, by asking the client
 * @arg: handed to the calls
 * @read: fetch @length (at most PCG_DMA_MESSAGE_MAX) bytes at @iova
 * @write: store them
 * @cancel: give up a pending one; its done() will not be called and its buffer not touched
 *
 * The implementation gives each a deadline and ends it with -ETIMEDOUT when the client does not answer, or
 * -ENOTCONN when it is gone.
 */
struct pcg_dma_messages {
	void *arg;
	int (*read)(void *arg, uint64_t iova, void *data, size_t length, struct pcg_op *op);
	int (*write)(void *arg, uint64_t iova, const void *data, size_t length, struct pcg_op *op);
	void (*cancel)(void *arg, struct pcg_op *op);
};

/**
 * struct pcg_dma_limits - bounds on one client
 * @max_maps: live maps
 * @page_size: alignment asked of iova, size and file offset; a power of two, at least 4
 * @max_files: distinct files, each of which costs a descriptor for as long as it is mapped; 0: no bound of its own
 */
struct pcg_dma_limits {
	uint32_t max_maps;
	uint32_t page_size;
	uint32_t max_files;
};

/**
 * pcg_dma_create() - an empty address space
 * @dma: set to it
 * @limits: bounds, copied
 * @messages: for memory that is not shared, copied; NULL: such memory cannot be reached
 * @log: the hook, copied; may be NULL
 *
 * Return: 0; -EINVAL (page size); -ENOMEM.
 */
int pcg_dma_create(struct pcg_dma **dma, const struct pcg_dma_limits *limits, const struct pcg_dma_messages *messages,
		   const struct pcg_log *log);

/**
 * struct pcg_dma_client - who has an address space
 * @number: the same for all address spaces of one process, while it lives, and never another's; 0: nobody knows, and it
 *          is the same as no other
 * @pid: for notes; 0: not seen from here
 *
 * What hardware cannot keep apart, functions of one IOMMU group, only one client may have at a time: backends know it
 * by this.
 */
struct pcg_dma_client {
	uint64_t number;
	int32_t pid;
};

/** pcg_dma_set_client() - say who has it, before a function gets it; nobody known until then */
void pcg_dma_set_client(struct pcg_dma *dma, const struct pcg_dma_client *client);

/** pcg_dma_client() - who has it */
struct pcg_dma_client pcg_dma_client(const struct pcg_dma *dma);

/** pcg_dma_destroy() - drop every map and file; NULL is allowed */
void pcg_dma_destroy(struct pcg_dma *dma);

/**
 * pcg_dma_map() - add a range
 * @dma: the address space
 * @iova: first address, aligned to the page size
 * @size: bytes, aligned, not 0
 * @flags: enum pcg_dma_flags, not 0
 * @fd: the file that holds it, or -1; stays the caller's, who may close it at once
 * @offset: where in the file, aligned
 *
 * A file is taken when it is memory that cannot block us (shmem, hugetlbfs); behind another kind of file the range
 * is reached by messages, and a note says so once.
 *
 * Return: 0; -EINVAL (alignment, zero, wrap past 2^64, flags, range past the end of the file, or a file not open
 * for what @flags ask); -EEXIST (overlaps a map); -ENOSPC (max_maps, max_files); -EMFILE (out of descriptors);
 * -ENOMEM.
 */
int pcg_dma_map(struct pcg_dma *dma, uint64_t iova, uint64_t size, uint32_t flags, int fd, uint64_t offset);

/**
 * pcg_dma_unmap() - remove exactly one earlier map, or sweep a block
 *
 * A naturally aligned block of a power of two bytes, 1 MiB or more, takes all maps inside it along: QEMU's virtual
 * IOMMUs forget a domain so.
 *
 * Guarantees: after it returned nothing of the range is read or written any more.
 *
 * Return: 0; -ENOENT, with nothing changed, when no map has this @iova and @size, and it is no block that holds maps
 * and cuts none.
 */
int pcg_dma_unmap(struct pcg_dma *dma, uint64_t iova, uint64_t size);

/** pcg_dma_unmap_all() - remove every map */
void pcg_dma_unmap_all(struct pcg_dma *dma);

/** pcg_dma_maps() - how many maps are live */
uint32_t pcg_dma_maps(const struct pcg_dma *dma);

/**
 * pcg_dma_read() - the function reads memory
 * @dma: the address space
 * @iova: first address; ranges may span maps that touch
 * @data: filled in
 * @length: bytes, 1..PCG_DMA_MESSAGE_MAX
 * @op: for memory behind messages
 *
 * An address in no map is asked for by messages as well when the client speaks them (behind a first-stage virtual
 * IOMMU QEMU maps nothing).
 *
 * Return: PCG_DONE, PCG_PENDING; -EINVAL (length); -EFAULT (no map, or the file shrank under it), -EPERM (the map
 * does not allow it), -ENOMEM, -EBUSY (too many under way), or what the messages ended with.
 */
int pcg_dma_read(struct pcg_dma *dma, uint64_t iova, void *data, size_t length, struct pcg_op *op);

/** pcg_dma_write() - the function writes memory; as pcg_dma_read() */
int pcg_dma_write(struct pcg_dma *dma, uint64_t iova, const void *data, size_t length, struct pcg_op *op);

/** pcg_dma_cancel() - give up a pending read or write; its done() will not be called */
void pcg_dma_cancel(struct pcg_dma *dma, struct pcg_op *op);

#ifdef __cplusplus
}
#endif
#endif
