/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "host/vfio/notes.h"
#include "host/vfio/uapi.h"

#define RANGES_MAX 8u

/* Which addresses the IOMMU translates, for a map outside them. */
static void note_ranges(const struct vfio *v, char *text, size_t size)
{
	struct uapi_iova_range ranges[RANGES_MAX];
	struct uapi_ioas_ranges query = {
		.size = sizeof(query), .ioas = v->ioas, .count = RANGES_MAX, .ranges = (uint64_t)(uintptr_t)ranges
	};
	size_t used = 0;

	snprintf(text, size, "unknown");
	if (v->iommu != &vfio_iommufd || ioctl(v->iommufd, UAPI_IOAS_RANGES, &query) != 0)
		return;
	for (uint32_t i = 0; i < query.count && i < RANGES_MAX && used < size; i++) {
		int n = snprintf(text + used, size - used, "%s%#" PRIx64 "-%#" PRIx64, i > 0 ? ", " : "",
				 ranges[i].start, ranges[i].last);

		used += n > 0 ? (size_t)n : 0;
	}
}

static void note_map(struct vfio *v, int result)
{
	const struct pcg_dma_range *range = &v->job.range;
	struct rlimit limit = { 0 };
	char text[256];

	switch (-result) {
	case ENOMEM:
		getrlimit(RLIMIT_MEMLOCK, &limit);
		base_log(
			&v->host.log, PCG_ERROR,
			"DMA_MAP of %" PRIu64
			" KiB: the kernel cannot pin so much memory for this user: RLIMIT_MEMLOCK is %llu KiB. Raise it above the guest's memory (LimitMEMLOCK= of the unit, ulimit -l)",
			range->size >> 10, (unsigned long long)limit.rlim_cur >> 10);
		break;
	case EBADFD:
	case EOPNOTSUPP:
		base_log(
			&v->host.log, PCG_ERROR,
			"DMA_MAP: the kernel maps no such file; share the guest's memory from memfd, /dev/shm or hugetlbfs");
		break;
	default:
		note_ranges(v, text, sizeof(text));
		base_log(&v->host.log, PCG_ERROR,
			 "DMA_MAP of %#" PRIx64 " size %#" PRIx64 ": %s; the IOMMU translates %s", range->iova,
			 range->size, strerror(-result), text);
	}
}

void vfio_note_job(struct vfio *v, int result)
{
	const struct pcg_log *log = &v->host.log;

	switch (v->job.work) {
	case WORK_MAP:
		note_map(v, result);
		break;
	case WORK_UNMAP:
		base_log(log, PCG_ERROR, "DMA_UNMAP of %#" PRIx64 " size %#" PRIx64 ": %s", v->job.range.iova,
			 v->job.range.size, strerror(-result));
		break;
	case WORK_RESET:
		base_log(log, PCG_ERROR, "reset of %s: %s%s", v->place.bdf, strerror(-result),
			 result == -EBUSY || result == -EINVAL
				 ? "; it has to be reset together with functions that others use"
				 : "");
		break;
	case WORK_POWER:
		base_log(log, PCG_WARN, "%s does not go to D%d: %s", v->place.bdf, (int)v->job.power,
			 strerror(-result));
		break;
	case WORK_READ:
	case WORK_WRITE:
	case WORK_VPD:
		break; /* the guest meets it */
	}
}

void vfio_note_attach(struct vfio *v, int result)
{
	base_log(&v->host.log, PCG_ERROR, "%s reaches no memory: its address space cannot be attached: %s; %s",
		 v->place.bdf, strerror(-result),
		 result == -EPERM ? "the machine has no interrupt remapping; `pcigate doctor` says what to do"
				  : "a reset may be under way; try again");
}

void vfio_note_without_file(struct vfio *v, const struct pcg_dma_range *range)
{
	v->without_file += range->size;
	if (v->told_peer || (range->flags & PCG_DMA_WRITE) == 0 || v->with_file == 0)
		return;
	v->told_peer = true;
	base_log(&v->host.log, PCG_INFO,
		 "the client maps memory without a file at %#" PRIx64
		 " (a window to a function's BAR, as a rule): %s does not reach it",
		 range->iova, v->place.bdf);
}

void vfio_note_master(struct vfio *v, uint16_t command)
{
	if (v->told_private || (command & PCG_COMMAND_MASTER) == 0 || v->with_file > 0 || v->without_file == 0)
		return;
	v->told_private = true;
	base_log(
		&v->host.log, PCG_ERROR,
		"the guest turns bus mastering on, but its memory came without files: %s cannot reach any of it. Start "
		"the VM with shared memory (QEMU: memory-backend-memfd,share=on)",
		v->place.bdf);
}

void vfio_note_forget(struct vfio *v)
{
	v->told_peer = false;
	v->told_private = false;
	v->with_file = 0;
	v->without_file = 0;
}
