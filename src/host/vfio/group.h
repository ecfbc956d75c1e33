/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions of one IOMMU group. Hardware cannot keep them apart, so the kernel gives them one address space, and each
 * reaches whatever one of them may: one client has them all, or nobody else has any. A function is its client's from
 * before it is attached until it was reset after that client: detached it still reaches what the others do.
 *
 * What several of them have mapped is mapped once, and translated until the last has unmapped it.
 */
#ifndef HOST_VFIO_GROUP_H
#define HOST_VFIO_GROUP_H

#include <pthread.h>

#include "host/vfio/internal.h"

struct staging;
struct staged_map;
struct group_map;

/* What the functions reach, by address: with the memory that it was copied from, */
RB_HEAD(staged_maps, staged_map);
/* and with who of them it is for. */
RB_HEAD(group_maps, group_map);

/* More files than a VM's memory has; what is beyond is mapped without being staged. */
#define VFIO_STAGED_FILES 16u

/* Functions of one group that this program can have: bits of a map's users. */
#define VFIO_GROUP_MAX 64u

struct vfio_group {
	struct vfio_group *next; /* of the pool; its lock, as what follows */
	int number;              /* the kernel's; -1: its function is in none */
	bool shared;             /* there are several functions, or were */
	struct vfio *functions;

	pthread_mutex_t lock; /* of what follows; held while memory is being pinned */
	uint32_t ioas;        /* of an iommufd; 0: none */
	int group;            /* or of type 1 */
	int container;
	struct group_maps shares;                   /* where the group is shared */
	struct staging *staging[VFIO_STAGED_FILES]; /* changed under the pool's lock as well */
	unsigned int nstaging;
	unsigned int staged[VFIO_STAGED_FILES]; /* maps of each */
	struct staged_maps maps;
	unsigned int nmaps;
	_Atomic int64_t tidy; /* when to look for what nobody needs any more; 0: there is nothing */
};

/* Return: 0; -ENOMEM; -ENOSPC; -EBUSY: one that was alone has a client, and what that has mapped is not on record. */
int vfio_group_join(struct vfio *v, int number);
void vfio_group_leave(struct vfio *v); /* its device file is closed; the last one ends the address space */

/* In the worker, as what follows. Return: 0; -EBUSY: @rival says who has a function of the group. */
int vfio_group_claim(struct vfio *v, const struct pcg_dma_client *client, struct vfio_rival *rival);
void vfio_group_left(struct vfio *v); /* its client has gone, and has nothing mapped any more */
void vfio_group_anew(struct vfio *v); /* after that: now nothing of him is left in it. Any thread. */

/* As the client maps them. Return: 0; -EEXIST with a @rival: that one's function maps it otherwise; a negative errno.
 */
int vfio_group_map(struct vfio *v, const struct pcg_dma_range *range, struct vfio_rival *rival);
int vfio_group_unmap(struct vfio *v, const struct pcg_dma_range *range);

#endif
