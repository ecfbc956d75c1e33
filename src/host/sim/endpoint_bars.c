/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "host/sim/endpoint_test.h"

/* Ours alone: the registers act, and the table beside them is kept from clients. */
static uint8_t *bars_private(uint64_t size)
{
	return mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/*
 * What a client may map, it may also try to resize: sealed against that, plain loads and stores are safe. The last
 * seal keeps it from sealing the file against our own writes.
 */
static uint8_t *bars_shared(uint64_t size, int *shared)
{
	int fd = memfd_create("pcigate-bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *memory = MAP_FAILED;

	if (fd < 0)
		return MAP_FAILED;
	if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (memory == MAP_FAILED)
		close(fd);
	else
		*shared = fd;
	return memory;
}

bool endpoint_bars_shared(const struct endpoint *endpoint, unsigned int bar)
{
	const struct pcg_bar *b = &endpoint->function.bars[bar];

	/* A piece of a page cannot be mapped, nor can I/O. */
	return bar != 0 && b->size >= ENDPOINT_PAGE && b->kind != PCG_BAR_IO;
}

static void bars_drop(struct endpoint *endpoint, unsigned int bar)
{
	if (endpoint->memory[bar] == NULL)
		return;
	munmap(endpoint->memory[bar], (size_t)endpoint->sizes[bar]);
	if (endpoint->fds[bar] >= 0)
		close(endpoint->fds[bar]);
	endpoint->memory[bar] = NULL;
	endpoint->fds[bar] = -1;
	endpoint->dirty[bar] = false;
}

static int bars_make(struct endpoint *endpoint, unsigned int bar, uint64_t size)
{
	int fd = -1;
	uint8_t *memory = endpoint_bars_shared(endpoint, bar) ? bars_shared(size, &fd) : bars_private(size);

	if (memory == MAP_FAILED) {
		base_log(&endpoint->log, PCG_ERROR, "sim:endpoint-test: no memory for BAR %u: %s", bar,
			 strerror(errno));
		return -ENOMEM;
	}
	bars_drop(endpoint, bar);
	endpoint->memory[bar] = memory;
	endpoint->sizes[bar] = size;
	endpoint->fds[bar] = fd;
	if (bar == 0)
		endpoint_irq_mask(endpoint);
	return 0;
}

int endpoint_bars_need(struct endpoint *endpoint, unsigned int bar)
{
	uint64_t size = endpoint->function.bars[bar].size;

	if (size == 0)
		return 0;
	/* A VF's BARs grow with the system page size (PCIe 6.0, 9.3.3.13). */
	return endpoint->memory[bar] == NULL || endpoint->sizes[bar] != size ? bars_make(endpoint, bar, size) : 0;
}

void endpoint_bars_init(struct endpoint *endpoint)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		endpoint->fds[i] = -1;
}

void endpoint_bars_destroy(struct endpoint *endpoint)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		bars_drop(endpoint, i);
}

/* Memory of the same size that no client has yet. */
int endpoint_bars_renew(struct endpoint *endpoint)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < PCG_NUM_BARS; i++)
		if (endpoint->fds[i] >= 0)
			r = bars_make(endpoint, i, endpoint->sizes[i]);
	return r;
}

void endpoint_bars_resize(struct endpoint *endpoint, unsigned int bar, uint64_t size)
{
	endpoint->function.bars[bar].size = size;
	bars_drop(endpoint, bar);
}

/* A constant size is one access: who maps the BAR sees no half of it. */
static void bars_move(void *to, const void *from, size_t length)
{
	switch (length) {
	case 2:
		memcpy(to, from, 2);
		break;
	case 4:
		memcpy(to, from, 4);
		break;
	case 8:
		memcpy(to, from, 8);
		break;
	default:
		memcpy(to, from, length);
	}
}

/* What nobody wrote yet reads 0 and takes no memory, but for the table of MSI-X, which is not 0. */
int endpoint_bars_read(struct endpoint *endpoint, unsigned int bar, uint64_t offset, void *data, size_t length)
{
	if (bar == 0 && endpoint->function.model.msix != 0 && offset + length > ENDPOINT_MSIX_TABLE)
		endpoint_bars_need(endpoint, bar);
	if (endpoint->memory[bar] == NULL || offset + length > endpoint->sizes[bar])
		memset(data, 0, length);
	else
		bars_move(data, endpoint->memory[bar] + offset, length);
	return 0;
}

int endpoint_bars_write(struct endpoint *endpoint, unsigned int bar, uint64_t offset, const void *data, size_t length)
{
	int r = endpoint_bars_need(endpoint, bar);

	if (r != 0)
		return r;
	endpoint->dirty[bar] = true;
	bars_move(endpoint->memory[bar] + offset, data, length);
	return 0;
}

/* Whether there may be anything in a BAR: what clients have mapped tells by the pages it takes. */
static bool bars_used(const struct endpoint *endpoint, unsigned int bar)
{
	int fd = endpoint->fds[bar];
	struct stat st;

	if (fd < 0)
		return endpoint->dirty[bar];
	return fstat(fd, &st) != 0 || st.st_blocks != 0;
}

/* To give pages back and fault them in again costs more than to clear a few. */
static void bars_zero(uint8_t *memory, size_t size)
{
	if (size <= 4 * ENDPOINT_PAGE)
		memset(memory, 0, size);
	else
		madvise(memory, size, MADV_DONTNEED);
}

void endpoint_bars_clear(struct endpoint *endpoint)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		if (endpoint->memory[i] == NULL || !bars_used(endpoint, i))
			continue;
		endpoint->dirty[i] = false;
		if (endpoint->fds[i] >= 0)
			fallocate(endpoint->fds[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				  (off_t)endpoint->sizes[i]);
		else
			bars_zero(endpoint->memory[i], (size_t)endpoint->sizes[i]);
		if (i == 0)
			endpoint_irq_mask(endpoint);
	}
}
