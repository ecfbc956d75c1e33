/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kcmp.h>

#include "host/vfio/staging.h"
#include "host/vfio/uapi.h"

/* Pieces of one file; QEMU's boot needs one for each block of memory, and a hostile client gets no more. */
#define STAGED_MAX 32u

struct staged {
	uint64_t offset;
	uint64_t size;
	uint64_t iova;
	uint32_t flags;
};

/* The memory of one VM: one file of it. */
struct staging {
	struct staging *next;
	int fd;                 /* the file, opened as its client has it */
	unsigned int functions; /* that may use it; the pool's lock */
	pthread_mutex_t lock;   /* of what follows */
	bool made;
	int failed; /* why nothing can be staged */
	uint32_t ioas;
	uint32_t hwpt;
	unsigned int count;
	struct staged pieces[STAGED_MAX];
};

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

void vfio_pool_attached(struct vfio_pool *pool, struct vfio *v, bool attached)
{
	pthread_mutex_lock(&pool->lock);
	v->attached = attached;
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

bool vfio_pool_yields(struct vfio_pool *pool, const struct vfio *v, uint32_t devid)
{
	const struct vfio *other;
	bool yields;

	pthread_mutex_lock(&pool->lock);
	for (other = pool->functions; other != NULL && other->devid != devid;)
		other = other->next;
	yields = other == NULL || other == v || !other->attached || pool_same_vm(v, other);
	pthread_mutex_unlock(&pool->lock);
	return yields;
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
	pthread_mutex_init(&s->lock, NULL);
	s->next = pool->list;
	pool->list = s;
	return s;
}

static struct staging *staging_join(struct vfio *v, int fd)
{
	struct staging *s;

	for (unsigned int i = 0; i < v->nstaging; i++) {
		if (staging_same_file(v->staging[i]->fd, fd))
			return v->staging[i];
	}
	if (v->nstaging == VFIO_STAGED_FILES)
		return NULL;
	pthread_mutex_lock(&v->pool->lock);
	s = staging_find(v->pool, fd);
	if (s != NULL) {
		s->functions++;
		v->staging[v->nstaging++] = s;
	}
	pthread_mutex_unlock(&v->pool->lock);
	return s;
}

static void staging_free(struct vfio *v, struct staging *s)
{
	if (s->made) {
		staging_destroy_object(v->iommufd, s->hwpt);
		staging_destroy_object(v->iommufd, s->ioas);
	}
	pthread_mutex_destroy(&s->lock);
	close(s->fd);
	free(s);
}

void staging_leave(struct vfio *v)
{
	while (v->nstaging > 0) {
		struct staging *s, **p;
		bool last;

		pthread_mutex_lock(&v->pool->lock);
		s = v->staging[--v->nstaging];
		last = --s->functions == 0;
		for (p = &v->pool->list; last && *p != s;)
			p = &(*p)->next;
		if (last)
			*p = s->next;
		pthread_mutex_unlock(&v->pool->lock);
		if (last)
			staging_free(v, s);
	}
}

/* --- maps --- */

static uint32_t map_flags(const struct pcg_dma_range *range)
{
	return ((range->flags & PCG_DMA_READ) != 0 ? UAPI_MAP_READABLE : 0) |
	       ((range->flags & PCG_DMA_WRITE) != 0 ? UAPI_MAP_WRITABLE : 0);
}

static int staging_map_file(int iommufd, uint32_t ioas, uint32_t flags, const struct pcg_dma_range *range,
			    uint64_t *iova)
{
	struct uapi_ioas_map_file map = {
		.size = sizeof(map),
		.flags = flags,
		.ioas = ioas,
		.fd = range->fd,
		.start = range->offset,
		.length = range->size,
		.iova = *iova,
	};

	if (ioctl(iommufd, UAPI_IOAS_MAP_FILE, &map) != 0)
		return -errno;
	*iova = map.iova;
	return 0;
}

static struct staged *staging_piece(struct staging *s, const struct pcg_dma_range *range)
{
	for (unsigned int i = 0; i < s->count; i++) {
		struct staged *piece = &s->pieces[i];

		if (range->offset >= piece->offset && range->offset - piece->offset <= piece->size &&
		    range->size <= piece->size - (range->offset - piece->offset) &&
		    (map_flags(range) & ~piece->flags) == 0)
			return piece;
	}
	return NULL;
}

/* Where the range stands in the staging address space; it is brought there if it is not. */
static int staging_bring(struct staging *s, const struct vfio *v, const struct pcg_dma_range *range, uint64_t *iova)
{
	struct staged *piece = staging_piece(s, range);
	int r;

	if (piece != NULL) {
		*iova = piece->iova + (range->offset - piece->offset);
		return 0;
	}
	if (s->count == STAGED_MAX)
		return -ENOSPC;
	r = staging_make(s, v);
	if (r != 0)
		return r;
	*iova = 0;
	r = staging_map_file(v->iommufd, s->ioas, map_flags(range), range, iova);
	if (r != 0)
		return r;
	s->pieces[s->count++] = (struct staged){
		.offset = range->offset, .size = range->size, .iova = *iova, .flags = map_flags(range)
	};
	return 0;
}

static int staging_copy(const struct vfio *v, const struct staging *s, const struct pcg_dma_range *range, uint64_t from)
{
	struct uapi_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = UAPI_MAP_FIXED | map_flags(range),
		.to = v->ioas,
		.from = s->ioas,
		.length = range->size,
		.to_iova = range->iova,
		.from_iova = from,
	};

	return ioctl(v->iommufd, UAPI_IOAS_COPY, &copy) == 0 ? 0 : -errno;
}

int staging_map(struct vfio *v, const struct pcg_dma_range *range)
{
	struct staging *s = staging_join(v, range->fd);
	uint64_t iova = range->iova;
	int r = -ENOSPC;

	if (s != NULL) {
		uint64_t from;

		pthread_mutex_lock(&s->lock);
		r = staging_bring(s, v, range, &from);
		pthread_mutex_unlock(&s->lock);
		if (r == 0)
			return staging_copy(v, s, range, from);
	}
	return staging_map_file(v->iommufd, v->ioas, UAPI_MAP_FIXED | map_flags(range), range, &iova);
}
