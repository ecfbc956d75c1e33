/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pieces of one file that are kept in memory, and who uses them. A piece is pinned by a map in an address space that no
 * function uses; functions get copies of it, or of parts.
 *
 * No piece outlives what the client needs by more than a moment: what no map covers entirely is dropped when it has
 * been so for STAGED_IDLE_MS, and what is mapped of it becomes a piece of its own. Nor does it grow stale: where a map
 * covers it its pages are those that the client chose to keep mapped; else it is used again only while the file says
 * that nothing was taken out of it since the pages were pinned.
 */
#ifndef HOST_VFIO_PIECES_H
#define HOST_VFIO_PIECES_H

#include <pthread.h>
#include <sys/queue.h>
#include <time.h>

#include "host/vfio/internal.h"

/* Pieces of one file; QEMU's boot needs one for each block of memory, and a hostile client gets no more. */
#define STAGED_MAX 32u

/* QEMU maps everything anew within milliseconds when its guest's firmware moves a window. */
#define STAGED_IDLE_MS 1000

/* Maps of one function that are remembered; what is beyond is mapped without a piece, and costs nothing here. */
#define STAGED_MAPS 65536u

/* A range that a function reaches. In the tree of its function; the rest is under the lock of the file. */
struct staged_map {
	RB_ENTRY(staged_map) entry;
	LIST_ENTRY(staged_map) sibling;
	uint64_t iova;
	uint64_t last;
	uint64_t offset; /* in the file */
	struct staging *file;
	struct staged *piece; /* NULL: it was mapped without one, or its piece is gone */
};

struct staged {
	LIST_HEAD(, staged_map) maps;
	uint64_t offset;
	uint64_t size; /* 0: free */
	uint64_t iova;
	uint32_t flags;
	uint32_t whole;          /* maps that cover all of it */
	int64_t since;           /* when there were none any more */
	uint64_t pinning;        /* pieces of one are the same pages */
	struct timespec changed; /* the file, at the latest when the pages were pinned, */
	int64_t blocks;          /* and its size then */
};

/* One file of a VM. */
struct staging {
	struct staging *next;
	int fd;                 /* the file, opened as its client has it */
	int iommufd;            /* the pool's */
	unsigned int functions; /* that may use it; the pool's lock */
	pthread_mutex_t lock;   /* of what follows */
	bool made;
	bool tells; /* taking pages out of the file changes its times */
	int failed; /* why nothing can be staged */
	uint32_t ioas;
	uint32_t hwpt;
	uint64_t pinnings;
	struct staged pieces[STAGED_MAX];
};

/* Kinds of access, as maps of an iommufd have them. */
uint32_t piece_flags(const struct pcg_dma_range *range);

/* MAP_FILE into an address space; *iova is the place wanted where @flags say FIXED, and is set to where it came. */
int piece_map_file(int iommufd, uint32_t ioas, uint32_t flags, const struct pcg_dma_range *range, uint64_t *iova);

/* Everything below is called with the lock of the file. */

/* The piece to map a range from, or NULL: there is none, or what there is may be stale. */
struct staged *piece_find(struct staging *s, const struct pcg_dma_range *range);

/* Pin the range as a new piece. Room is made at the cost of pieces that nobody uses. 0 or a negative errno. */
int piece_stage(struct staging *s, const struct pcg_dma_range *range, int64_t now, struct staged **piece);

/* Copy the range out of a piece into an address space. */
int piece_copy(const struct staging *s, const struct staged *piece, const struct pcg_dma_range *range, uint32_t ioas);

void piece_use(struct staged *piece, struct staged_map *map);
void piece_release(struct staged_map *map, int64_t now);

/*
 * Drop what no map has covered for @age milliseconds.
 * Return: when there is more to drop at that age; 0: everything is in use.
 */
int64_t pieces_settle(struct staging *s, int64_t now, int64_t age);

#endif
