/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/kcmp.h>
#include <linux/magic.h>

#include "host/vfio/pieces.h"
#include "host/vfio/pool.h"
#include "host/vfio/staging.h"
#include "host/vfio/uapi.h"

/* --- one file --- */

void staging_destroy_object(int iommufd, uint32_t id)
{
	struct uapi_destroy destroy = { .size = sizeof(destroy), .id = id };

	ioctl(iommufd, UAPI_IOMMU_DESTROY, &destroy);
}

/* An address space pins nothing by itself: a page table that nobody uses does. */
static int staging_make(struct staging *s, const struct vfio *v)
{
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct uapi_hwpt_alloc hwpt = { .size = sizeof(hwpt), .dev = v->devid };
	int r;

	if (s->made || s->failed != 0)
		return s->failed;
	if (ioctl(v->iommufd, UAPI_IOAS_ALLOC, &alloc) != 0) {
		s->failed = -errno;
		return s->failed;
	}
	hwpt.pt = alloc.out_id;
	r = ioctl(v->iommufd, UAPI_HWPT_ALLOC, &hwpt) == 0 ? 0 : -errno;
	if (r != 0) {
		staging_destroy_object(v->iommufd, alloc.out_id);
		s->failed = r;
		return r;
	}
	s->iommufd = v->iommufd;
	s->ioas = alloc.out_id;
	s->hwpt = hwpt.out_id;
	s->made = true;
	return 0;
}

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027 /* Linux 6.10 */
#endif

/*
 * Inode numbers would not do: hugetlbfs and many a tmpfs count to 2^32 and begin again, so a client with some hours of
 * time can have a file with the number of another VM's. What was opened once is one file for sure.
 */
bool staging_same_file(int one, int other)
{
	int r = fcntl(one, F_DUPFD_QUERY, other);

	if (r < 0 && errno == EINVAL)
		r = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, one, other) == 0;
	return r == 1;
}

static struct staging *staging_find(struct vfio_pool *pool, int fd)
{
	struct statfs type;
	struct staging *s;

	for (s = pool->list; s != NULL; s = s->next) {
		if (staging_same_file(s->fd, fd))
			return s;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (s->fd < 0) {
		free(s);
		return NULL;
	}
	s->tells = fstatfs(s->fd, &type) == 0 && type.f_type == TMPFS_MAGIC;
	pthread_mutex_init(&s->lock, NULL);
	s->next = pool->list;
	pool->list = s;
	return s;
}

static void staging_free(struct staging *s)
{
	if (s->made) {
		staging_destroy_object(s->iommufd, s->hwpt);
		staging_destroy_object(s->iommufd, s->ioas);
	}
	pthread_mutex_destroy(&s->lock);
	close(s->fd);
	free(s);
}

/* --- the files of a function --- */

static void staging_let_go(struct vfio *v, unsigned int i)
{
	struct staging *s = v->common->staging[i], **p;
	bool last;

	pthread_mutex_lock(&v->pool->lock);
	v->common->nstaging--;
	v->common->staging[i] = v->common->staging[v->common->nstaging];
	v->common->staged[i] = v->common->staged[v->common->nstaging];
	last = --s->functions == 0;
	for (p = &v->pool->list; last && *p != s;)
		p = &(*p)->next;
	if (last)
		*p = s->next;
	pthread_mutex_unlock(&v->pool->lock);
	if (last)
		staging_free(s);
}

/* Return: when there is more of it to drop; 0: it is all in use. */
static int64_t staging_settle(struct staging *s, int64_t age)
{
	int64_t next;

	pthread_mutex_lock(&s->lock);
	next = pieces_settle(s, vfio_now(), age);
	pthread_mutex_unlock(&s->lock);
	return next;
}

/* A file that nothing is mapped of makes room for another one. */
static void staging_make_room(struct vfio *v)
{
	for (unsigned int i = 0; i < v->common->nstaging && v->common->nstaging == VFIO_STAGED_FILES; i++) {
		if (v->common->staged[i] > 0)
			continue;
		staging_settle(v->common->staging[i], 0);
		staging_let_go(v, i);
	}
}

static struct staging *staging_join(struct vfio *v, int fd)
{
	struct staging *s;

	for (unsigned int i = 0; i < v->common->nstaging; i++) {
		if (staging_same_file(v->common->staging[i]->fd, fd))
			return v->common->staging[i];
	}
	staging_make_room(v);
	if (v->common->nstaging == VFIO_STAGED_FILES)
		return NULL;
	pthread_mutex_lock(&v->pool->lock);
	s = staging_find(v->pool, fd);
	if (s != NULL) {
		s->functions++;
		v->common->staged[v->common->nstaging] = 0;
		v->common->staging[v->common->nstaging++] = s;
	}
	pthread_mutex_unlock(&v->pool->lock);
	return s;
}

static void staging_count(struct vfio *v, const struct staging *s, int more)
{
	v->common->nmaps += (unsigned int)more;
	for (unsigned int i = 0; i < v->common->nstaging; i++) {
		if (v->common->staging[i] == s)
			v->common->staged[i] += (unsigned int)more;
	}
}

static void staging_tidy_at(struct vfio *v, int64_t when)
{
	if (v->common->tidy == 0 || when < v->common->tidy)
		v->common->tidy = when;
}

void staging_tidy(struct vfio *v)
{
	struct vfio_group *g = v->common;

	/* Another function of the group pins memory just now, which may take long. */
	if (pthread_mutex_trylock(&g->lock) != 0) {
		g->tidy = vfio_now() + STAGED_IDLE_MS;
		return;
	}
	g->tidy = 0;
	for (unsigned int i = g->nstaging; i-- > 0;) {
		struct staging *s = g->staging[i];
		int64_t now = vfio_now(), next;

		/* Or one of another group, of the same VM. */
		if (pthread_mutex_trylock(&s->lock) != 0) {
			staging_tidy_at(v, now + STAGED_IDLE_MS);
			continue;
		}
		next = pieces_settle(s, now, STAGED_IDLE_MS);
		pthread_mutex_unlock(&s->lock);
		if (next != 0)
			staging_tidy_at(v, next);
		else if (g->staged[i] == 0)
			staging_let_go(v, i);
	}
	pthread_mutex_unlock(&g->lock);
}

/* --- maps --- */

/* Ranges that overlap compare equal. */
static int maps_compare(const struct staged_map *a, const struct staged_map *b)
{
	if (a->last < b->iova)
		return -1;
	return a->iova > b->last;
}

RB_GENERATE_INTERNAL(staged_maps, staged_map, entry, maps_compare, __attribute__((unused)) static)

/* By way of a piece; under the lock, or the piece might be dropped in between. */
static int staging_through(const struct vfio *v, struct staging *s, const struct pcg_dma_range *range,
			   struct staged_map *map)
{
	struct staged *piece = piece_find(s, range);
	int r = 0;

	if (piece == NULL)
		r = staging_make(s, v);
	if (piece == NULL && r == 0)
		r = piece_stage(s, range, vfio_now(), &piece);
	if (r == 0)
		r = piece_copy(s, piece, range, v->common->ioas);
	if (r == 0)
		piece_use(piece, map);
	return r;
}

static int staging_try(const struct vfio *v, struct staging *s, const struct pcg_dma_range *range,
		       struct staged_map *map)
{
	uint64_t iova = range->iova;
	int r = -ENOSPC;

	if (s != NULL) {
		pthread_mutex_lock(&s->lock);
		r = staging_through(v, s, range, map);
		pthread_mutex_unlock(&s->lock);
	}
	return r == 0 ? 0
		      : piece_map_file(v->iommufd, v->common->ioas, UAPI_MAP_FIXED | piece_flags(range), range, &iova);
}

static void map_forget(struct vfio *v, struct staged_map *map)
{
	pthread_mutex_lock(&map->file->lock);
	piece_release(map, vfio_now());
	pthread_mutex_unlock(&map->file->lock);
	staging_count(v, map->file, -1);
	RB_REMOVE(staged_maps, &v->common->maps, map);
	free(map);
}

int staging_map(struct vfio *v, const struct pcg_dma_range *range)
{
	struct staged_map *map = v->common->nmaps < STAGED_MAPS ? calloc(1, sizeof(*map)) : NULL;
	struct staging *s = map != NULL ? staging_join(v, range->fd) : NULL;
	int r;

	if (map != NULL) {
		map->iova = range->iova;
		map->last = range->iova + (range->size - 1);
		map->offset = range->offset;
		map->file = s;
	}
	r = staging_try(v, s, range, map);
	/* What is kept for nobody's use does not stand in the way of what is wanted. */
	for (unsigned int i = 0; r == -ENOMEM && i < v->common->nstaging; i++)
		staging_settle(v->common->staging[i], 0);
	if (r == -ENOMEM)
		r = staging_try(v, s, range, map);
	if (r == 0 && s != NULL) {
		struct staged_map *gone;

		/* The kernel took it: what is on record there is no more. */
		while ((gone = RB_INSERT(staged_maps, &v->common->maps, map)) != NULL)
			map_forget(v, gone);
		staging_count(v, s, 1);
		return 0;
	}
	free(map);
	staging_tidy_at(v, vfio_now() + STAGED_IDLE_MS);
	return r;
}

void staging_unmap(struct vfio *v, const struct pcg_dma_range *range)
{
	uint64_t last = range->iova + (range->size - 1);
	struct staged_map key = { .iova = range->iova, .last = range->iova };
	struct staged_map *map;

	while ((map = RB_NFIND(staged_maps, &v->common->maps, &key)) != NULL && map->iova >= range->iova &&
	       map->last <= last)
		map_forget(v, map);
	staging_tidy_at(v, vfio_now() + STAGED_IDLE_MS);
}

void staging_forget(struct vfio *v)
{
	struct staged_map *map;

	while ((map = RB_ROOT(&v->common->maps)) != NULL)
		map_forget(v, map);
}

void staging_leave(struct vfio *v)
{
	struct vfio_group *g = v->common;

	for (unsigned int i = g->nstaging; i-- > 0;) {
		/* Others may have parts of what this one had whole, and would not look. */
		staging_settle(g->staging[i], 0);
		if (g->staged[i] == 0)
			staging_let_go(v, i);
	}
	if (g->nstaging == 0)
		g->tidy = 0;
}
