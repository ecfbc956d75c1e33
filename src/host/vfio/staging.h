/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of one VM, pinned once. QEMU maps the same memory again and again while it boots, and every function of
 * the VM maps it too; each time the kernel would pin it anew. So a piece of a file is mapped into an address space of
 * its own first, which no function uses and which a parked page table keeps pinned, and functions get copies. It stays
 * there for as long as somebody has it mapped, and a moment longer (pieces.h).
 *
 * A VM is known by the file that holds its memory, as it was opened: its functions are sent the same descriptor.
 * Everything here may wait in the kernel and runs in workers, with the lock of the function's group (staging_tidy()
 * takes it); files of different VMs do not wait for each other.
 */
#ifndef HOST_VFIO_STAGING_H
#define HOST_VFIO_STAGING_H

#include "host/vfio/group.h"
#include "host/vfio/internal.h"
#include "host/vfio/pool.h"

/*
 * Map a range that a file holds for @v, by way of the staged memory of its VM.
 * Return: 0 or a negative errno.
 */
int staging_map(struct vfio *v, const struct pcg_dma_range *range);

/* The kernel has unmapped whatever lies inside the range: what nothing else needs may go. */
void staging_unmap(struct vfio *v, const struct pcg_dma_range *range);

/* Once the group's tidy is over: what nobody has mapped for a while is unpinned, and a file without maps is closed. */
void staging_tidy(struct vfio *v);

/* Whether two descriptors are of one opening of one file. false where the kernel cannot tell. */
bool staging_same_file(int one, int other);

/* The kernel has unmapped everything that the functions of the group reach. */
void staging_forget(struct vfio *v);

/* What no map of the group needs any more is unpinned, at once. */
void staging_leave(struct vfio *v);

/* One of an iommufd's. */
void staging_destroy_object(int iommufd, uint32_t id);

#endif
