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
#include "host/vfio/staging.h"
#include "host/vfio/uapi.h"

struct vfio_pool {
	pthread_mutex_t lock;
	unsigned int users;
	int iommufd;
	struct staging *list;
	struct vfio *functions;
};

/* --- the pool --- */

int vfio_pool_create(struct vfio_pool **result)
{
	struct vfio_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return -ENOMEM;
	pool->iommufd = -1;
	pool->users = 1;
	pthread_mutex_init(&pool->lock, NULL);
	*result = pool;
	return 0;
}

struct vfio_pool *vfio_pool_join(struct vfio_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->users++;
	pthread_mutex_unlock(&pool->lock);
	return pool;
}

void vfio_pool_destroy(struct vfio_pool *pool)
{
	bool last;

	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	last = --pool->users == 0;
	pthread_mutex_unlock(&pool->lock);
	if (!last)
		return;
	if (pool->iommufd >= 0)
		close(pool->iommufd);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

int vfio_pool_iommufd(struct vfio_pool *pool, int given, int *fd)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	if (pool->iommufd < 0)
		pool->iommufd = given >= 0 ? fcntl(given, F_DUPFD_CLOEXEC, 3) : open("/dev/iommu", O_RDWR | O_CLOEXEC);
	else if (given >= 0 && !staging_same_file(pool->iommufd, given))
		r = -EXDEV;
	if (pool->iommufd < 0)
		r = -errno;
	*fd = pool->iommufd;
	pthread_mutex_unlock(&pool->lock);
	return r == -ENODEV ? -ENOENT : r;
}

void vfio_pool_add(struct vfio_pool *pool, struct vfio *v)
{
	pthread_mutex_lock(&pool->lock);
	v->next = pool->functions;
	pool->functions = v;
	pthread_mutex_unlock(&pool->lock);
}

void vfio_pool_remove(struct vfio_pool *pool, const struct vfio *v)
{
	struct vfio **p;

	pthread_mutex_lock(&pool->lock);
	for (p = &pool->functions; *p != NULL && *p != v;)
		p = &(*p)->next;
	if (*p != NULL)
		*p = v->next;
	pthread_mutex_unlock(&pool->lock);
}

int vfio_pool_attached(struct vfio_pool *pool, struct vfio *v, bool attached)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	if (attached && v->resetter != NULL)
		r = -EBUSY;
	else
		v->attached = attached;
	pthread_mutex_unlock(&pool->lock);
	return r;
}

void vfio_pool_bound(struct vfio_pool *pool, struct vfio *v, uint32_t devid)
{
	pthread_mutex_lock(&pool->lock);
	v->devid = devid;
	pthread_mutex_unlock(&pool->lock);
}

static bool pool_same_vm(const struct vfio *a, const struct vfio *b)
{
	for (unsigned int i = 0; i < a->nstaging; i++) {
		for (unsigned int j = 0; j < b->nstaging; j++) {
			if (a->staging[i] == b->staging[j])
				return true;
		}
	}
	return false;
}

/*
 * Nobody uses it, or the VM of @v does. A number that is not known here is a function that was opened just now, or
 * another program's with the same iommufd: nobody knows whose VM has it.
 */
static bool pool_yields(const struct vfio *v, const struct vfio *other)
{
	if (other == v)
		return true;
	return other != NULL && other->resetter == NULL && (!other->attached || pool_same_vm(v, other));
}

/* Functions behind a group have no number. */
static struct vfio *pool_find(struct vfio_pool *pool, uint32_t devid)
{
	struct vfio *v = pool->functions;

	while (v != NULL && (v->group >= 0 || v->devid != devid))
		v = v->next;
	return v;
}

int vfio_pool_reset_begin(struct vfio_pool *pool, const struct vfio *v, const uint32_t *devids, unsigned int count)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	/* 0: open nowhere. */
	for (unsigned int i = 0; r == 0 && i < count; i++) {
		if (devids[i] != 0 && !pool_yields(v, pool_find(pool, devids[i])))
			r = -EBUSY;
	}
	for (unsigned int i = 0; r == 0 && i < count; i++) {
		struct vfio *other = devids[i] != 0 ? pool_find(pool, devids[i]) : NULL;

		if (other == NULL || other == v)
			continue;
		other->resetter = v;
		atomic_store(&other->touched, true);
		/* Under the lock, so that it is not destroyed meanwhile; who is inside does not want the lock. */
		vfio_wait_outside(other);
	}
	pthread_mutex_unlock(&pool->lock);
	return r;
}

void vfio_pool_reset_end(struct vfio_pool *pool, const struct vfio *v)
{
	pthread_mutex_lock(&pool->lock);
	for (struct vfio *other = pool->functions; other != NULL; other = other->next) {
		if (other->resetter != v)
			continue;
		other->resetter = NULL;
		atomic_store(&other->touched, false);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* --- one file --- */

static void staging_destroy_object(int iommufd, uint32_t id)
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
	struct staging *s = v->staging[i], **p;
	bool last;

	pthread_mutex_lock(&v->pool->lock);
	v->nstaging--;
	v->staging[i] = v->staging[v->nstaging];
	v->staged[i] = v->staged[v->nstaging];
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
	for (unsigned int i = 0; i < v->nstaging && v->nstaging == VFIO_STAGED_FILES; i++) {
		if (v->staged[i] > 0)
			continue;
		staging_settle(v->staging[i], 0);
		staging_let_go(v, i);
	}
}

static struct staging *staging_join(struct vfio *v, int fd)
{
	struct staging *s;

	for (unsigned int i = 0; i < v->nstaging; i++) {
		if (staging_same_file(v->staging[i]->fd, fd))
			return v->staging[i];
	}
	staging_make_room(v);
	if (v->nstaging == VFIO_STAGED_FILES)
		return NULL;
	pthread_mutex_lock(&v->pool->lock);
	s = staging_find(v->pool, fd);
	if (s != NULL) {
		s->functions++;
		v->staged[v->nstaging] = 0;
		v->staging[v->nstaging++] = s;
	}
	pthread_mutex_unlock(&v->pool->lock);
	return s;
}

static void staging_count(struct vfio *v, const struct staging *s, int more)
{
	v->nmaps += (unsigned int)more;
	for (unsigned int i = 0; i < v->nstaging; i++) {
		if (v->staging[i] == s)
			v->staged[i] += (unsigned int)more;
	}
}

static void staging_tidy_at(struct vfio *v, int64_t when)
{
	if (v->tidy == 0 || when < v->tidy)
		v->tidy = when;
}

void staging_tidy(struct vfio *v)
{
	v->tidy = 0;
	for (unsigned int i = v->nstaging; i-- > 0;) {
		struct staging *s = v->staging[i];
		int64_t now = vfio_now(), next;

		/* Another function of the VM pins memory just now, which may take long. */
		if (pthread_mutex_trylock(&s->lock) != 0) {
			staging_tidy_at(v, now + STAGED_IDLE_MS);
			continue;
		}
		next = pieces_settle(s, now, STAGED_IDLE_MS);
		pthread_mutex_unlock(&s->lock);
		if (next != 0)
			staging_tidy_at(v, next);
		else if (v->staged[i] == 0)
			staging_let_go(v, i);
	}
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
		r = piece_copy(s, piece, range, v->ioas);
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
	return r == 0 ? 0 : piece_map_file(v->iommufd, v->ioas, UAPI_MAP_FIXED | piece_flags(range), range, &iova);
}

static void map_forget(struct vfio *v, struct staged_map *map)
{
	pthread_mutex_lock(&map->file->lock);
	piece_release(map, vfio_now());
	pthread_mutex_unlock(&map->file->lock);
	staging_count(v, map->file, -1);
	RB_REMOVE(staged_maps, &v->maps, map);
	free(map);
}

int staging_map(struct vfio *v, const struct pcg_dma_range *range)
{
	struct staged_map *map = v->nmaps < STAGED_MAPS ? calloc(1, sizeof(*map)) : NULL;
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
	for (unsigned int i = 0; r == -ENOMEM && i < v->nstaging; i++)
		staging_settle(v->staging[i], 0);
	if (r == -ENOMEM)
		r = staging_try(v, s, range, map);
	if (r == 0 && s != NULL) {
		struct staged_map *gone;

		/* The kernel took it: what is on record there is no more. */
		while ((gone = RB_INSERT(staged_maps, &v->maps, map)) != NULL)
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

	while ((map = RB_NFIND(staged_maps, &v->maps, &key)) != NULL && map->iova >= range->iova && map->last <= last)
		map_forget(v, map);
	staging_tidy_at(v, vfio_now() + STAGED_IDLE_MS);
}

void staging_leave(struct vfio *v)
{
	struct staged_map *map;

	while ((map = RB_ROOT(&v->maps)) != NULL)
		map_forget(v, map);
	while (v->nstaging > 0) {
		/* Others may have parts of what this one had whole, and would not look. */
		staging_settle(v->staging[v->nstaging - 1], 0);
		staging_let_go(v, v->nstaging - 1);
	}
	v->tidy = 0;
}
