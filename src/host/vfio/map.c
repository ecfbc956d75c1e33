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
static int map_try(int fd, uint64_t offset)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	if (page == MAP_FAILED)
		return -errno;
	munmap(page, PAGE);
	return 0;
}

/* All that may be asked for: later this program may not be let open them. */
static int map_sysfs(struct vfio *v, unsigned int bar)
{
	char path[PATH_MAX + 32];

	for (unsigned int i = 0; i < PCG_NUM_MEMORIES; i++) {
		snprintf(path, sizeof(path), "%s/resource%u%s", v->place.directory, bar,
			 i == PCG_MEMORY_WRITE_COMBINING ? "_wc" : "");
		v->resources[bar][i] = open(path, O_RDWR | O_CLOEXEC);
	}
	return v->resources[bar][PCG_MEMORY_UNCACHED];
}

/* pci_mmap_resource() tells them apart (Linux 7.2): lockdown is asked first. */
static const char *map_hint_sysfs(bool opened, int error)
{
	if (!opened)
		return "its resource file cannot be opened for writing: root may, where /sys is not mounted read-only "
		       "(ProtectKernelTunables=no in the unit). bar=device does without";
	if (error == -EPERM)
		return "lockdown: this kernel lets nobody map resource files; `pcigate doctor` foretells it. bar=device "
		       "does without";
	if (error == -EINVAL)
		return "IO_STRICT_DEVMEM: the kernel does not let the resource file of what VFIO holds be mapped without "
		       "iomem=relaxed on its command line; `pcigate doctor` foretells it. bar=device does without";
	return "the kernel does not let its resource file be mapped; bar=device does without";
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
static int map_open(struct vfio *v, unsigned int bar, uint64_t *offset)
{
	*offset = 0;
	switch (v->settings.map[bar]) {
	case VFIO_MAP_SYSFS:
		return map_sysfs(v, bar);
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

static const char *map_hint(enum vfio_map map, bool opened, int error)
{
	switch (map) {
	case VFIO_MAP_SYSFS:
		return map_hint_sysfs(opened, error);
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
	r = fd >= 0 ? map_try(fd, offset) : -EACCES;
	if (r != 0) {
		if (fd >= 0 && v->settings.map[bar] != VFIO_MAP_SYSFS)
			close(fd);
		return map_refused(v, bar, map_hint(v->settings.map[bar], fd >= 0, r));
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

/* --- attributes --- */

/* What a BAR is mapped as before anybody has asked. */
static enum pcg_memory map_default(const struct vfio *v, unsigned int bar)
{
	return v->host.info.bars[bar].prefetchable && arch_prefetchable_combines() ? PCG_MEMORY_WRITE_COMBINING
										   : PCG_MEMORY_UNCACHED;
}

int vfio_memory_possible(struct pcg_host *host, unsigned int region, enum pcg_memory memory, const char **why)
{
	const struct vfio *v = vfio_of(host);

	*why = "";
	if (memory == PCG_MEMORY_UNCACHED)
		return 0;
	if (region >= PCG_NUM_BARS || memory >= PCG_NUM_MEMORIES)
		return -EINVAL;
	if (v->settings.map[region] != VFIO_MAP_SYSFS)
		*why = "only resource files (bar=sysfs) can be mapped write-combining on this kernel";
	else if (!host->info.bars[region].prefetchable)
		*why = "the BAR is not prefetchable: its reads may have side effects";
	else if (v->resources[region][memory] < 0)
		*why = "the kernel has no write-combining resource file of it that this user may write";
	else if (!vfio_can_reopen(v))
		*why = "the function would have to be opened again, and its file was handed in, is lent (bar=device, "
		       "bar=dmabuf), or is closed to this user";
	return **why == '\0' ? 0 : -EOPNOTSUPP;
}

/*
 * In the worker. The kernel maps all of a BAR uncached when the function is opened (Linux 7.2), and a second mapping of
 * the same memory gets the kind of the first. So the kind that is wanted is mapped while the function is closed, and
 * kept mapped here while it lasts.
 */
int vfio_memory(struct vfio *v, unsigned int bar, enum pcg_memory memory)
{
	struct pcg_region *region = &v->host.info.regions[bar];
	void *held = NULL;
	int fd, r;

	if (region->memory == memory)
		return 0;
	fd = v->resources[bar][memory];
	if (fd < 0)
		return -EOPNOTSUPP;
	r = vfio_shut(v);
	if (v->combined[bar] != NULL)
		munmap(v->combined[bar], (size_t)v->regions[bar].size);
	v->combined[bar] = NULL;
	if (r == 0 && memory == PCG_MEMORY_WRITE_COMBINING) {
		held = mmap(NULL, (size_t)v->regions[bar].size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		r = held == MAP_FAILED ? -errno : 0;
	}
	if (held != MAP_FAILED)
		v->combined[bar] = held;
	/* Open it is again whatever came of it. */
	if (vfio_reopen(v) != 0)
		r = -EIO;
	if (r != 0)
		return r;
	region->fd = fd;
	region->memory = memory;
	return vfio_hold_memory(v);
}

/* In the worker: what a client chose is not the next one's. */
int vfio_memory_forget(struct vfio *v)
{
	int r = 0;

	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		int one = v->settings.map[i] == VFIO_MAP_SYSFS ? vfio_memory(v, i, map_default(v, i)) : 0;

		r = r == 0 ? one : r;
	}
	return r;
}

bool vfio_memory_chosen(const struct vfio *v)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		if (v->settings.map[i] == VFIO_MAP_SYSFS && v->host.info.regions[i].memory != map_default(v, i))
			return true;
	}
	return false;
}

int vfio_map(struct vfio *v)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < PCG_NUM_BARS; i++) {
		if (v->settings.map[i] != VFIO_MAP_TRAP)
			r = map_one(v, i);
	}
	return r == 0 ? vfio_hold_memory(v) : r;
}

void vfio_map_finish(struct vfio *v)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		if ((v->host.info.regions[i].flags & PCG_REGION_MMAP) != 0 && v->settings.map[i] != VFIO_MAP_SYSFS)
			close(v->host.info.regions[i].fd);
		for (unsigned int kind = 0; kind < PCG_NUM_MEMORIES; kind++) {
			if (v->resources[i][kind] >= 0)
				close(v->resources[i][kind]);
		}
		if (v->combined[i] != NULL)
			munmap(v->combined[i], (size_t)v->regions[i].size);
	}
}
