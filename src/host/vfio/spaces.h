/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's address spaces by PASID, as spaces of an iommufd. Each is one of its own with a page table of its own, and
 * holds copies of what the function itself reaches: a map of a space leads to addresses that the client has mapped for
 * the function, so nothing can be reached by a PASID that could not be reached without, nothing is pinned twice, and
 * what the client unmaps ends in all spaces before it is told so.
 *
 * A map is kept as it was asked for. What of it the client has memory for is copied, now or when that memory comes; the
 * rest translates nothing.
 *
 * Everything here is the worker's.
 */
#ifndef HOST_VFIO_SPACES_H
#define HOST_VFIO_SPACES_H

#include "host/vfio/internal.h"

/* Bounds of one function. */
#define SPACES_MAX        64u
#define SPACES_MAX_MAPS   65536u /* of all its spaces */
#define SPACES_MAX_PASIDS 4096u
#define SPACES_MAX_COPIES 131072u

#define SPACES_PAGE UINT64_C(4096)

/* One map of a space, as its client asked for it. */
struct space_map {
	RB_ENTRY(space_map) entry;
	uint64_t iova;
	uint64_t last;
	uint64_t address; /* where @iova leads to */
	uint32_t flags;   /* READ and WRITE of enum pcg_space_flags, which are those of enum pcg_dma_flags */
};

RB_HEAD(space_maps, space_map);
RB_PROTOTYPE(space_maps, space_map, entry, )

struct space {
	uint32_t id; /* 0: free */
	uint32_t ioas;
	uint32_t hwpt;
	unsigned int copies;
	bool left; /* its client's no more: the kernel keeps it at a PASID, and it leads nowhere */
	struct space_maps maps;
};

/* What stands at a PASID. */
struct space_pasid {
	RB_ENTRY(space_pasid) entry;
	uint32_t pasid;
	struct space *space;
	bool attached; /* the kernel has it */
};

RB_HEAD(space_pasids, space_pasid);

/* What the function reaches without PASID. */
struct reach {
	RB_ENTRY(reach) entry;
	uint64_t iova;
	uint64_t last;
	uint32_t flags; /* enum pcg_dma_flags */
};

RB_HEAD(reaches, reach);

struct spaces {
	uint8_t width; /* that the kernel enforces, */
	uint8_t limit; /* and that is shown */
	bool on;       /* PASID Enable */
	uint32_t last; /* id */
	unsigned int maps, copies, npasids;
	struct space all[SPACES_MAX];
	struct space_pasids pasids;
	struct reaches reaches;
	uint32_t kept;       /* a PASID that the kernel does not detach at its client's end, to be said once; 0: none */
	int kept_error;      /* why */
	const char *refused; /* what the kernel did not want to do; NULL: the client was at fault */
	uint32_t refused_pasid;
};

/* --- spaces.c --- */

/* As the host op: see struct pcg_space. -ENOTCONN: the function has no memory. */
int spaces_do(struct vfio *v, struct pcg_space *space);

/* PASID Enable and the width that is shown. When it fails no PASID is attached. */
int spaces_control(struct vfio *v, const struct pcg_pasid_control *control);

/* No PASID is attached any more; spaces stay, and are attached again where PASID Enable says so. */
void spaces_block(struct vfio *v);
int spaces_again(struct vfio *v);

/*
 * The function loses its memory, or its client: PASID Enable is off and there are no spaces. What the kernel does not
 * detach is emptied and kept in mind, until it is detached the next time, or the device file closed.
 */
void spaces_leave(struct vfio *v);

/* Something stands at a PASID still that nobody has any more: the function is not as new. */
bool spaces_unclean(const struct vfio *v);

/* In the loop, after a job: says so, once. */
void spaces_note_kept(struct vfio *v);

/* After a failed job: what the kernel refused, if it was the kernel. */
void spaces_note(const struct vfio *v, int result);

/* --- reach.c --- */

/*
 * The function reaches a range, or is about to lose what lies inside (NULL: everything).
 * Return: 0; a negative errno: then the spaces are as they were, or, of what is to be lost, no PASID is attached.
 */
int spaces_mapped(struct vfio *v, const struct pcg_dma_range *range);
int spaces_unmapping(struct vfio *v, const struct pcg_dma_range *range);

/* What of a new map there is memory for. 0, or a negative errno: none of it is copied. */
int space_fill(struct vfio *v, struct space *space, const struct space_map *map);

/* Before a map goes. */
int space_empty(struct vfio *v, struct space *space, const struct space_map *map);

/* The kernel said no. Return: -errno. */
int spaces_refused(struct vfio *v, const char *what);

#endif
