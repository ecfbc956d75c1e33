/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BARs that clients map themselves. A descriptor shows all of a BAR, the MSI-X table included, and a client that keeps
 * its mapping reaches the function whatever anybody says: so this takes an operator who trusts the VMM (--trust-client)
 * and an IOMMU that does not let the function's interrupts be forged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "base/log.h"
#include "host/vfio/arch.h"
#include "host/vfio/internal.h"
#include "host/vfio/uapi.h"

#define PAGE 4096u

static int map_refused(const struct vfio *v, unsigned int bar, const char *why)
{
	base_log(&v->host.log, PCG_ERROR, "bar%u= of %s: %s", bar, v->place.bdf, why);
	return -EPERM;
}

static bool map_unsafe(const char *parameter)
{
	FILE *file = fopen(parameter, "re");
	int c = 'N';

	if (file != NULL) {
		c = fgetc(file);
		fclose(file);
	}
	return c == 'Y';
}

/* Whether the kernel lets it be mapped at all: it says so only when it is tried. */
static bool map_works(int fd, uint64_t offset)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	if (page == MAP_FAILED)
		return false;
	munmap(page, PAGE);
	return true;
}

static int map_sysfs(const struct vfio *v, unsigned int bar, enum pcg_memory memory)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/resource%u%s", v->place.directory, bar,
		 memory == PCG_MEMORY_WRITE_COMBINING ? "_wc" : "");
	return open(path, O_RDWR | O_CLOEXEC);
}

static int map_dmabuf(const struct vfio *v, unsigned int bar)
{
	union {
		uint64_t align;
		uint8_t bytes[sizeof(struct vfio_device_feature) + sizeof(struct uapi_dmabuf)];
	} memory = { 0 };
	struct vfio_device_feature *feature = (struct vfio_device_feature *)&memory;
	struct uapi_dmabuf dmabuf = {
		.region = bar, .open_flags = O_RDWR | O_CLOEXEC, .nranges = 1, .length = v->regions[bar].size
	};

	feature->argsz = sizeof(memory);
	feature->flags = VFIO_DEVICE_FEATURE_GET | UAPI_FEATURE_DMABUF;
	memcpy(memory.bytes + sizeof(*feature), &dmabuf, sizeof(dmabuf));
	return ioctl(v->device, VFIO_DEVICE_FEATURE, feature);
}

/* The descriptor that clients get of a BAR, and where it starts in it. */
static int map_open(const struct vfio *v, unsigned int bar, uint64_t *offset)
{
	*offset = 0;
	switch (v->settings.map[bar]) {
	case VFIO_MAP_SYSFS:
		return map_sysfs(v, bar, PCG_MEMORY_UNCACHED);
	case VFIO_MAP_DEVICE:
		*offset = v->regions[bar].offset;
		return fcntl(v->device, F_DUPFD_CLOEXEC, 3);
	case VFIO_MAP_DMABUF:
		return map_dmabuf(v, bar);
	case VFIO_MAP_TRAP:
		break;
	}
	return -1;
}

static const char *map_hint(enum vfio_map map)
{
	switch (map) {
	case VFIO_MAP_SYSFS:
		return "the kernel does not let its resource file be mapped: IO_STRICT_DEVMEM without iomem=relaxed on its command line, or lockdown; `pcigate doctor` foretells it. bar=device does without";
	case VFIO_MAP_DMABUF:
		return "this kernel has no dma-buf of it that can be mapped; bar=sysfs or bar=device may do";
	case VFIO_MAP_DEVICE:
	case VFIO_MAP_TRAP:
		break;
	}
	return "the kernel does not let it be mapped";
}

static int map_check(const struct vfio *v, unsigned int bar)
{
	if (!v->trusted)
		return map_refused(v, bar,
				   "a mapping shows all of the BAR for as long as the VMM keeps it; serve with "
				   "--trust-client if it may");
	if (map_unsafe("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts") ||
	    map_unsafe("/sys/module/iommufd/parameters/allow_unsafe_interrupts"))
		return map_refused(v, bar,
				   "allow_unsafe_interrupts is set: there is no interrupt remapping to rely on");
	if (v->host.info.bars[bar].kind != PCG_BAR_MEM32 && v->host.info.bars[bar].kind != PCG_BAR_MEM64)
		return map_refused(v, bar, "it is no memory BAR");
	if (v->regions[bar].size < PAGE || (v->regions[bar].flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
		return map_refused(v, bar, "it is smaller than a page, or shares one with something else");
	return 0;
}

static int map_one(struct vfio *v, unsigned int bar)
{
	struct pcg_region *region = &v->host.info.regions[bar];
	uint64_t offset;
	int r = map_check(v, bar);
	int fd;

	if (r != 0)
		return r;
	fd = map_open(v, bar, &offset);
	if (fd < 0 || !map_works(fd, offset)) {
		if (fd >= 0)
			close(fd);
		return map_refused(v, bar, map_hint(v->settings.map[bar]));
	}
	region->fd = fd;
	region->fd_offset = offset;
	region->flags |= PCG_REGION_MMAP;
	v->host.info.lends_function = true;
	/* Nobody can take this mapping back: the function's memory stays on while somebody may have it. */
	if (v->settings.map[bar] == VFIO_MAP_SYSFS) {
		v->host.info.no_command_memory = true;
		v->hold_memory = true;
	}
	return 0;
}

static int map_hold_memory(struct vfio *v)
{
	uint8_t command[2];
	int r;

	if (!v->hold_memory)
		return 0;
	r = vfio_config_read(v, PCG_COMMAND, command, sizeof(command));
	return r == 0 ? vfio_config_write(v, PCG_COMMAND, command, sizeof(command)) : r;
}

void vfio_map_finish(struct vfio *v)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		if ((v->host.info.regions[i].flags & PCG_REGION_MMAP) != 0)
			close(v->host.info.regions[i].fd);
	}
}

/* --- attributes --- */

/* What a BAR is mapped as before anybody has asked. */
static enum pcg_memory map_default(const struct vfio *v, unsigned int bar)
{
	return v->host.info.bars[bar].prefetchable && arch_prefetchable_combines() ? PCG_MEMORY_WRITE_COMBINING
										   : PCG_MEMORY_UNCACHED;
}

static const char *map_impossible(const struct vfio *v, unsigned int bar)
{
	if (v->settings.map[bar] != VFIO_MAP_SYSFS)
		return "only resource files (bar=sysfs) can be mapped write-combining on this kernel";
	if (!v->host.info.bars[bar].prefetchable)
		return "the BAR is not prefetchable: its reads may have side effects, and writes must not be put together";
	return NULL;
}

int vfio_map_memory(struct pcg_host *host, unsigned int region, enum pcg_memory memory, bool set, const char **why)
{
	struct vfio *v = vfio_of(host);
	int fd;

	if (region >= PCG_NUM_BARS || memory >= PCG_NUM_MEMORIES)
		return -EINVAL;
	if (memory == PCG_MEMORY_WRITE_COMBINING)
		*why = map_impossible(v, region);
	if (memory == PCG_MEMORY_WRITE_COMBINING && *why != NULL)
		return -EOPNOTSUPP;
	*why = "";
	if (host->info.regions[region].memory == memory)
		return 0;
	/* Where the processor cannot, the kernel has no such file. */
	fd = map_sysfs(v, region, memory);
	if (fd < 0 || !map_works(fd, 0)) {
		if (fd >= 0)
			close(fd);
		*why = "this kernel gives no such mapping of it (no resource file, or it cannot be mapped)";
		return -EOPNOTSUPP;
	}
	if (!set) {
		close(fd);
		return 0;
	}
	close(host->info.regions[region].fd);
	host->info.regions[region].fd = fd;
	host->info.regions[region].memory = memory;
	return 0;
}

/* What this client chose is not the next one's. */
void vfio_map_forget(struct vfio *v)
{
	const char *why;

	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		if (v->settings.map[i] == VFIO_MAP_SYSFS)
			vfio_map_memory(&v->host, i, map_default(v, i), true, &why);
	}
}

int vfio_map(struct vfio *v)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < PCG_NUM_BARS; i++) {
		if (v->settings.map[i] != VFIO_MAP_TRAP)
			r = map_one(v, i);
	}
	if (r == 0)
		vfio_map_forget(v);
	return r == 0 ? map_hold_memory(v) : r;
}
