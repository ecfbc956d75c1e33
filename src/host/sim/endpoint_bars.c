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

static int bars_add(struct endpoint *endpoint, unsigned int bar, uint64_t size)
{
	struct pcg_region *region = &endpoint->host.info.regions[bar];
	/* A piece of a page cannot be mapped, nor can I/O. */
	bool share = bar != 0 && size >= ENDPOINT_PAGE && endpoint->host.info.bars[bar].kind != PCG_BAR_IO;
	uint8_t *memory = share ? bars_shared(size, &region->fd) : bars_private(size);

	if (memory == MAP_FAILED) {
		base_log(&endpoint->host.log, PCG_ERROR, "sim:endpoint-test: no memory for BAR %u: %s", bar,
			 strerror(errno));
		return -ENOMEM;
	}
	endpoint->memory[bar] = memory;
	region->size = size;
	region->flags = PCG_REGION_READ | PCG_REGION_WRITE | (share ? PCG_REGION_MMAP : 0);
	return 0;
}

int endpoint_bars_create(struct endpoint *endpoint)
{
	int r = 0;

	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++)
		endpoint->host.info.regions[i].fd = -1;
	for (unsigned int i = 0; r == 0 && i < PCG_NUM_BARS; i++)
		if (endpoint->host.info.bars[i].size != 0)
			r = bars_add(endpoint, i, endpoint->host.info.bars[i].size);
	return r;
}

void endpoint_bars_destroy(struct endpoint *endpoint)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		struct pcg_region *region = &endpoint->host.info.regions[i];

		if (endpoint->memory[i] == NULL)
			continue;
		munmap(endpoint->memory[i], (size_t)region->size);
		if (region->fd >= 0)
			close(region->fd);
	}
}

/* Memory of the same size that no client has yet. */
static int bars_renew_one(struct endpoint *endpoint, unsigned int bar)
{
	struct pcg_region *region = &endpoint->host.info.regions[bar];
	int fd = -1;
	uint8_t *memory;

	if (region->fd < 0)
		return 0;
	memory = bars_shared(region->size, &fd);
	if (memory == MAP_FAILED) {
		base_log(&endpoint->host.log, PCG_ERROR, "sim:endpoint-test: no new memory for BAR %u: %s", bar,
			 strerror(errno));
		return -ENOMEM;
	}
	munmap(endpoint->memory[bar], (size_t)region->size);
	close(region->fd);
	endpoint->memory[bar] = memory;
	region->fd = fd;
	return 0;
}

int endpoint_bars_renew(struct endpoint *endpoint)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < PCG_NUM_BARS; i++)
		r = bars_renew_one(endpoint, i);
	return r;
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

void endpoint_bars_read(const struct endpoint *endpoint, unsigned int bar, uint64_t offset, void *data, size_t length)
{
	bars_move(data, endpoint->memory[bar] + offset, length);
}

void endpoint_bars_write(struct endpoint *endpoint, unsigned int bar, uint64_t offset, const void *data, size_t length)
{
	endpoint->dirty[bar] = true;
	bars_move(endpoint->memory[bar] + offset, data, length);
}

/* Whether there may be anything in a BAR: what clients have mapped tells by the pages it takes. */
static bool bars_used(const struct endpoint *endpoint, unsigned int bar)
{
	int fd = endpoint->host.info.regions[bar].fd;
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
		struct pcg_region *region = &endpoint->host.info.regions[i];

		if (endpoint->memory[i] == NULL)
			continue;
		if (!bars_used(endpoint, i))
			continue;
		endpoint->dirty[i] = false;
		if (region->fd >= 0)
			fallocate(region->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)region->size);
		else
			bars_zero(endpoint->memory[i], (size_t)region->size);
	}
}
