/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "host/vfio/notes.h"
#include "host/vfio/spaces.h"

/* Which addresses the IOMMU translates, for a map outside them. */
static void note_ranges(const struct vfio *v, const struct pcg_dma_range *range, int result)
{
	const struct vfio_range *ranges = v->job.ranges;
	char text[256] = "ranges that it does not tell";
	size_t used = 0;

	for (unsigned int i = 0; i < v->job.nranges && used < sizeof(text); i++) {
		int more = snprintf(text + used, sizeof(text) - used, "%s%#" PRIx64 "-%#" PRIx64, i > 0 ? ", " : "",
				    ranges[i].start, ranges[i].last);

		used += more > 0 ? (size_t)more : 0;
	}
	base_log(&v->host.log, PCG_ERROR,
		 "DMA_MAP of %#" PRIx64 " size %#" PRIx64 ": %s; the IOMMU translates %s: give the guest an address "
		 "width and a memory layout that fit",
		 range->iova, range->size, strerror(-result), text);
}

static void note_memory(const struct vfio *v, const struct pcg_dma_range *range)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY) {
		base_log(&v->host.log, PCG_ERROR,
			 "DMA_MAP of %" PRIu64 " KiB: the host has not so much memory to keep in place for a function",
			 range->size >> 10);
		return;
	}
	base_log(&v->host.log, PCG_ERROR,
		 "DMA_MAP of %" PRIu64 " KiB: the kernel cannot pin so much memory for this user: RLIMIT_MEMLOCK is "
		 "%llu KiB. Raise it above the memory of all guests (LimitMEMLOCK= of the unit, ulimit -l)",
		 range->size >> 10, (unsigned long long)limit.rlim_cur >> 10);
}

static void note_shared(const struct vfio *v, const struct pcg_dma_range *range)
{
	if (v->job.rival.bdf[0] == '\0') {
		base_log(&v->host.log, PCG_ERROR,
			 "DMA_MAP of %#" PRIx64 " size %#" PRIx64 ": something is mapped there", range->iova,
			 range->size);
		return;
	}
	base_log(&v->host.log, PCG_ERROR,
		 "DMA_MAP of %#" PRIx64 " size %#" PRIx64
		 ": %s of the same IOMMU group maps it otherwise; functions of "
		 "one group reach one memory, so each has to map the same file, offset and size there",
		 range->iova, range->size, v->job.rival.bdf);
}

static void note_map(struct vfio *v, int result)
{
	const struct pcg_dma_range *range = &v->job.range;

	switch (-result) {
	case ENOMEM:
		note_memory(v, range);
		break;
	case ENOSPC:
		base_log(&v->host.log, PCG_ERROR,
			 "DMA_MAP of %#" PRIx64 ": the kernel takes no more maps for %s; fewer and larger ones, or a "
			 "higher dma_entry_limit of the module vfio_iommu_type1",
			 range->iova, v->place.bdf);
		break;
	case EBADF:
	case EBADFD:
	case EOPNOTSUPP:
		base_log(
			&v->host.log, PCG_ERROR,
			"DMA_MAP: the kernel maps no such file; share the guest's memory from memfd, /dev/shm or hugetlbfs");
		break;
	case EFAULT:
		base_log(&v->host.log, PCG_ERROR,
			 "DMA_MAP of %#" PRIx64 " size %#" PRIx64
			 ": the client's file has no memory there (truncated, or no "
			 "huge page is left for it)",
			 range->iova, range->size);
		break;
	case EEXIST:
		note_shared(v, range);
		break;
	default:
		note_ranges(v, range, result);
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
	case WORK_ATTACH:
		vfio_note_attach(v, result);
		break;
	case WORK_POWER:
		base_log(log, PCG_WARN, "%s does not go to D%d: %s%s", v->place.bdf, (int)v->job.power,
			 strerror(-result),
			 result == -EIO ? "; its PMCSR reads another state: the function or its firmware does not have "
					  "this one, and stays as it is"
					: "");
		break;
	case WORK_MEMORY:
	case WORK_FORGET:
		base_log(log, PCG_ERROR, "%s cannot be mapped otherwise: %s", v->place.bdf, strerror(-result));
		break;
	case WORK_SLEEP:
		base_log(log, PCG_INFO, "idle=low-power: %s cannot be powered down: %s", v->place.bdf,
			 strerror(-result));
		break;
	case WORK_PASID:
	case WORK_SPACE:
		spaces_note(v, result);
		break;
	case WORK_DETACH:
		base_log(
			log, PCG_ERROR,
			"%s: the kernel does not detach it from its client's memory: %s; all of that is unmapped instead, "
			"and the function is of no use before a next client, or before pcigate is started again",
			v->place.bdf, strerror(-result));
		break;
	case WORK_SETTLE:
	case WORK_TIDY:
	case WORK_WAKE:
	case WORK_READ:
	case WORK_WRITE:
	case WORK_VPD:
		break; /* the guest meets it */
	}
}

static const char *attach_hint(int result)
{
	switch (-result) {
	case EPERM:
		return "the machine has no interrupt remapping; `pcigate doctor` says what to do";
	case EINVAL:
		return "another program that shares the iommufd has a function of its IOMMU group attached; `pcigate "
		       "doctor` names the group's";
	case EBUSY:
		return "a reset of it, or of another function of its slot, is under way; try again";
	case EUCLEAN:
		return "a PASID of the client before is attached still, and the device file cannot be opened again "
		       "(handed in, closed to this user, or its BARs are mapped): start pcigate again";
	default:
		return "`pcigate doctor` looks for the cause";
	}
}

/* Which other function stands in the way, and whose it is. */
static void note_rival(const struct vfio *v)
{
	const struct vfio_rival *rival = &v->job.rival;
	char who[48] = "a process that cannot be told from others";

	if (rival->pid > 0)
		snprintf(who, sizeof(who), "process %d", (int)rival->pid);
	base_log(&v->host.log, PCG_ERROR,
		 "%s is refused to this client: %s of the same IOMMU group %s %s%s. Hardware cannot keep functions of "
		 "one group apart, so one process has them all (docs/vfio.md)",
		 v->place.bdf, rival->bdf, rival->leaving ? "was left by" : "belongs to", who,
		 rival->leaving ? " and is not as new yet" : "");
}

void vfio_note_attach(struct vfio *v, int result)
{
	if (v->job.rival.bdf[0] != '\0') {
		note_rival(v);
		return;
	}
	base_log(&v->host.log, PCG_ERROR, "%s reaches no memory: its address space cannot be attached: %s; %s",
		 v->place.bdf, strerror(-result), attach_hint(result));
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
