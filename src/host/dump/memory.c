/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "host/dump/memory.h"

void dump_memory_init(struct dump_memory *memory, const struct pcg_log *log)
{
	unsigned int i;

	memset(memory, 0, sizeof(*memory));
	memory->log = log;
	memory->page = (uint64_t)sysconf(_SC_PAGESIZE);
	for (i = 0; i < DUMP_AREAS; i++)
		memory->fds[i] = -1;
}

void dump_memory_finish(struct dump_memory *memory)
{
	unsigned int i;

	for (i = 0; i < DUMP_AREAS; i++)
		if (memory->fds[i] >= 0)
			close(memory->fds[i]);
	dump_memory_init(memory, NULL);
}

/* Whoever gets the descriptor must not be able to take pages away under other users of it. */
static int make_file(uint64_t size)
{
	int fd = memfd_create("pcigate-bar", MFD_CLOEXEC | MFD_ALLOW_SEALING), error;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

static int add_area(struct dump_memory *memory, unsigned int area, uint64_t size)
{
	int fd = make_file(size);

	if (fd < 0) {
		base_log(memory->log, PCG_ERROR,
			 "dump: no memory for %s %u of %" PRIu64 " bytes: %s; bar%u=SIZE makes it less",
			 area == PCG_REGION_ROM ? "region" : "BAR", area, size, strerror(-fd), area);
		return fd;
	}
	memory->fds[area] = fd;
	memory->sizes[area] = size;
	return 0;
}

static int write_all(int fd, uint64_t offset, const uint8_t *data, size_t length)
{
	while (length > 0) {
		ssize_t n = pwrite(fd, data, length, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		offset += (size_t)n;
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

static int add_rom(struct dump_memory *memory, struct pcg_host_info *info, const uint8_t *image, size_t image_size)
{
	struct pcg_region *region = &info->regions[PCG_REGION_ROM];
	int error;

	if (info->rom.size == 0)
		return 0;
	error = add_area(memory, PCG_REGION_ROM, info->rom.size);
	if (error == 0)
		error = write_all(memory->fds[PCG_REGION_ROM], 0, image, image_size);
	if (error != 0)
		return error;
	region->size = info->rom.size;
	region->flags = PCG_REGION_READ;
	return 0;
}

int dump_memory_add(struct dump_memory *memory, struct pcg_host_info *info, uint64_t bound, const uint8_t *image,
		    size_t image_size)
{
	uint64_t each = bound / 4, together = bound / 4 * 3;
	unsigned int i;
	int error;

	memory->left = bound;
	for (i = 0; i < PCG_NUM_REGIONS; i++)
		info->regions[i].fd = -1;
	for (i = 0; i < PCG_NUM_BARS; i++) {
		struct pcg_region *region = &info->regions[i];
		uint64_t size = info->bars[i].size;

		if (size == 0)
			continue;
		error = add_area(memory, i, size);
		if (error != 0)
			return error;
		region->size = size;
		region->flags = PCG_REGION_READ | PCG_REGION_WRITE;
		memory->bounded[i] = true;
		if (info->bars[i].kind == PCG_BAR_IO || size < memory->page || size > each || size > together)
			continue;
		together -= size;
		memory->left -= size;
		memory->bounded[i] = false;
		region->flags |= PCG_REGION_MMAP;
		region->fd = memory->fds[i];
	}
	return add_rom(memory, info, image, image_size);
}

void dump_memory_clear(struct dump_memory *memory)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++)
		if (memory->fds[i] >= 0)
			fallocate(memory->fds[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				  (off_t)memory->sizes[i]);
	memory->said = false;
}

int dump_memory_renew(struct dump_memory *memory, struct pcg_host_info *info)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		int fd;

		if (info->regions[i].fd < 0)
			continue;
		fd = make_file(memory->sizes[i]);
		if (fd < 0) {
			base_log(memory->log, PCG_ERROR, "dump: no new memory for BAR %u: %s", i, strerror(-fd));
			return fd;
		}
		close(memory->fds[i]);
		memory->fds[i] = fd;
		info->regions[i].fd = fd;
	}
	return 0;
}

static bool outside(const struct dump_memory *memory, unsigned int area, uint64_t offset, size_t length)
{
	return area >= DUMP_AREAS || memory->fds[area] < 0 || offset > memory->sizes[area] ||
	       length > memory->sizes[area] - offset;
}

int dump_memory_read(const struct dump_memory *memory, unsigned int area, uint64_t offset, void *data, size_t length)
{
	uint8_t *at = data;

	if (outside(memory, area, offset, length))
		return -EINVAL;
	while (length > 0) {
		ssize_t n = pread(memory->fds[area], at, length, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		offset += (size_t)n;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

static uint64_t pages_taken(const struct dump_memory *memory)
{
	uint64_t taken = 0;
	unsigned int i;
	struct stat st;

	for (i = 0; i < PCG_NUM_BARS; i++)
		if (memory->bounded[i] && fstat(memory->fds[i], &st) == 0)
			taken += (uint64_t)st.st_blocks * 512;
	return taken;
}

/* Whether a write stays within the bound: it does where the pages are there already. */
static bool has_room(const struct dump_memory *memory, unsigned int area, uint64_t offset, size_t length)
{
	uint64_t first = offset / memory->page, last = (offset + length - 1) / memory->page;
	off_t hole;

	if (pages_taken(memory) + (last - first + 1) * memory->page <= memory->left)
		return true;
	hole = lseek(memory->fds[area], (off_t)offset, SEEK_HOLE);
	return hole >= 0 && (uint64_t)hole >= offset + length;
}

int dump_memory_write(struct dump_memory *memory, unsigned int area, uint64_t offset, const void *data, size_t length)
{
	if (outside(memory, area, offset, length) || area == PCG_REGION_ROM)
		return -EINVAL;
	if (length == 0)
		return 0;
	/* A BAR of one page or less cannot take more than that, whatever is written. */
	if (memory->bounded[area] && memory->sizes[area] > memory->page && !has_room(memory, area, offset, length)) {
		if (!memory->said)
			base_log(
				memory->log, PCG_WARN,
				"dump: the function's memory is used up, writes to BAR %u are dropped; memory=SIZE allows more",
				area);
		memory->said = true;
		return 0;
	}
	return write_all(memory->fds[area], offset, data, length);
}
