/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/vfio/group.h"
#include "host/vfio/pool.h"
#include "host/vfio/staging.h"

/*
 * A VMM changes its maps on one connection after the other, and what it sent on another one may come to us a moment
 * later: so long a map waits for what stands in its way.
 */
#define MAP_TRIES 100u
#define MAP_PAUSE 10000000L

/* One range that functions reach. */
struct group_map {
	RB_ENTRY(group_map) entry;
	uint64_t iova;
	uint64_t last;
	uint64_t offset;
	uint64_t users; /* bit n: the function with member n */
	uint32_t flags;
	dev_t device; /* the file; a client that makes two with one number meets nobody's memory but its own */
	ino_t inode;
};

/* Ranges that overlap compare equal. */
static int maps_compare(const struct group_map *a, const struct group_map *b)
{
	if (a->last < b->iova)
		return -1;
	return a->iova > b->last;
}

RB_GENERATE_INTERNAL(group_maps, group_map, entry, maps_compare, __attribute__((unused)) static)

static uint64_t group_bit(const struct vfio *v)
{
	return UINT64_C(1) << v->member;
}

/* --- who is in it --- */

/* Under the pool's lock, as what follows. */
static struct vfio_group *group_find(struct vfio_pool *pool, int number)
{
	struct vfio_group *g = pool->groups;

	while (g != NULL && (number < 0 || g->number != number))
		g = g->next;
	if (g != NULL)
		return g;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return NULL;
	g->number = number;
	g->group = g->container = -1;
	pthread_mutex_init(&g->lock, NULL);
	RB_INIT(&g->shares);
	RB_INIT(&g->maps);
	g->next = pool->groups;
	pool->groups = g;
	return g;
}

static int group_enter(struct vfio_group *g, struct vfio *v)
{
	uint64_t taken = 0;
	unsigned int member = 0;
	bool used = false;

	for (const struct vfio *other = g->functions; other != NULL; other = other->kin) {
		taken |= group_bit(other);
		used = used || other->hold != HOLD_NONE;
	}
	while (member < VFIO_GROUP_MAX && (taken >> member & 1) != 0)
		member++;
	if (member == VFIO_GROUP_MAX)
		return -ENOSPC;
	if (taken != 0 && !g->shared && used)
		return -EBUSY;
	g->shared = taken != 0;
	v->common = g;
	v->member = member;
	v->kin = g->functions;
	g->functions = v;
	return 0;
}

int vfio_group_join(struct vfio *v, int number)
{
	struct vfio_group *g;
	int r = -ENOMEM;

	pthread_mutex_lock(&v->pool->lock);
	g = group_find(v->pool, number);
	if (g != NULL)
		r = group_enter(g, v);
	pthread_mutex_unlock(&v->pool->lock);
	return r;
}

static void group_free(struct vfio_group *g)
{
	/* In this order: the kernel keeps a container for as long as one of its groups is open. */
	if (g->group >= 0)
		close(g->group);
	if (g->container >= 0)
		close(g->container);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void vfio_group_leave(struct vfio *v)
{
	struct vfio_group *g = v->common, **p;
	struct vfio **f;
	bool last;

	if (g == NULL)
		return;
	pthread_mutex_lock(&v->pool->lock);
	for (f = &g->functions; *f != v;)
		f = &(*f)->kin;
	*f = v->kin;
	v->common = NULL;
	last = g->functions == NULL;
	for (p = &v->pool->groups; last && *p != g;)
		p = &(*p)->next;
	if (last)
		*p = g->next;
	pthread_mutex_unlock(&v->pool->lock);
	if (!last)
		return;
	if (g->ioas != 0)
		staging_destroy_object(v->iommufd, g->ioas);
	group_free(g);
}

/* --- whose it is --- */

static bool group_yields(const struct vfio *other, const struct pcg_dma_client *client)
{
	return other->hold == HOLD_NONE || (client->number != 0 && other->client.number == client->number);
}

static void rival_is(struct vfio_rival *rival, const struct vfio *other)
{
	snprintf(rival->bdf, sizeof(rival->bdf), "%s", other->place.bdf);
	rival->pid = other->client.pid;
	rival->leaving = other->hold == HOLD_LEFT;
}

int vfio_group_claim(struct vfio *v, const struct pcg_dma_client *client, struct vfio_rival *rival)
{
	int r = 0;

	pthread_mutex_lock(&v->pool->lock);
	for (const struct vfio *other = v->common->functions; other != NULL; other = other->kin) {
		if (other == v || group_yields(other, client))
			continue;
		rival_is(rival, other);
		r = -EBUSY;
	}
	if (r == 0) {
		v->hold = HOLD_CLIENT;
		v->client = *client;
		rival->bdf[0] = '\0';
	}
	pthread_mutex_unlock(&v->pool->lock);
	return r;
}

static void group_hold(struct vfio *v, enum vfio_hold from, enum vfio_hold to)
{
	pthread_mutex_lock(&v->pool->lock);
	if (v->hold == from)
		v->hold = to;
	pthread_mutex_unlock(&v->pool->lock);
}

void vfio_group_left(struct vfio *v)
{
	group_hold(v, HOLD_CLIENT, HOLD_LEFT);
}

void vfio_group_anew(struct vfio *v)
{
	group_hold(v, HOLD_LEFT, HOLD_NONE);
}

/* --- maps --- */

static int map_of(struct group_map **result, const struct vfio *v, const struct pcg_dma_range *range)
{
	struct group_map *map = calloc(1, sizeof(*map));
	struct stat file;

	if (map == NULL)
		return -ENOMEM;
	if (fstat(range->fd, &file) != 0) {
		free(map);
		return -errno;
	}
	*map = (struct group_map){
		.iova = range->iova,
		.last = range->iova + (range->size - 1),
		.offset = range->offset,
		.flags = range->flags,
		.users = group_bit(v),
		.device = file.st_dev,
		.inode = file.st_ino,
	};
	*result = map;
	return 0;
}

static bool maps_same(const struct group_map *a, const struct group_map *b)
{
	return a->iova == b->iova && a->last == b->last && a->offset == b->offset && a->flags == b->flags &&
	       a->device == b->device && a->inode == b->inode;
}

/* Some other function that has it. */
static void map_rival(const struct vfio *v, const struct group_map *map, struct vfio_rival *rival)
{
	pthread_mutex_lock(&v->pool->lock);
	for (const struct vfio *other = v->common->functions; other != NULL; other = other->kin) {
		if (other != v && (map->users & group_bit(other)) != 0)
			rival_is(rival, other);
	}
	pthread_mutex_unlock(&v->pool->lock);
}

static int map_share(struct vfio *v, const struct pcg_dma_range *range, struct vfio_rival *rival)
{
	struct vfio_group *g = v->common;
	struct group_map *map, *there;
	int r = map_of(&map, v, range);

	if (r != 0)
		return r;
	there = RB_FIND(group_maps, &g->shares, map);
	if (there == NULL) {
		r = v->iommu->map(v, range);
		if (r == 0) {
			RB_INSERT(group_maps, &g->shares, map);
			return 0;
		}
	} else if (maps_same(there, map) && (there->users & group_bit(v)) == 0) {
		there->users |= group_bit(v);
	} else {
		map_rival(v, there, rival);
		r = -EEXIST;
	}
	free(map);
	return r;
}

int vfio_group_map(struct vfio *v, const struct pcg_dma_range *range, struct vfio_rival *rival)
{
	const struct timespec pause = { .tv_nsec = MAP_PAUSE };
	int r;

	for (unsigned int i = 0;; i++) {
		rival->bdf[0] = '\0';
		pthread_mutex_lock(&v->common->lock);
		r = v->common->shared ? map_share(v, range, rival) : v->iommu->map(v, range);
		pthread_mutex_unlock(&v->common->lock);
		if (r != -EEXIST || rival->bdf[0] == '\0' || i >= MAP_TRIES)
			return r;
		nanosleep(&pause, NULL);
	}
}

static int map_end(struct vfio *v, struct group_map *map)
{
	const struct pcg_dma_range range = { .iova = map->iova, .size = map->last - map->iova + 1, .fd = -1 };
	int r;

	if (map->users != group_bit(v)) {
		map->users &= ~group_bit(v);
		return 0;
	}
	r = v->iommu->unmap(v, &range);
	if (r != 0)
		return r;
	RB_REMOVE(group_maps, &v->common->shares, map);
	free(map);
	return 0;
}

static int group_unmap(struct vfio *v, uint64_t first, uint64_t last)
{
	struct group_map key = { .iova = first, .last = first };
	struct group_map *map, *next;
	int r = 0;

	for (map = RB_NFIND(group_maps, &v->common->shares, &key); map != NULL && map->last <= last; map = next) {
		int one = 0;

		next = RB_NEXT(group_maps, &v->common->shares, map);
		if (map->iova >= first && (map->users & group_bit(v)) != 0)
			one = map_end(v, map);
		r = r == 0 ? one : r;
	}
	return r;
}

/* Whether nobody else has anything mapped: then all of it goes at once. */
static bool group_is_mine(struct vfio *v)
{
	struct group_map *map;

	RB_FOREACH(map, group_maps, &v->common->shares)
	{
		if (map->users != group_bit(v))
			return false;
	}
	return true;
}

static int group_unmap_all(struct vfio *v)
{
	struct group_map *map;
	int r;

	if (!v->common->shared)
		return v->iommu->unmap(v, NULL);
	if (!group_is_mine(v)) {
		r = group_unmap(v, 0, UINT64_MAX);
		staging_leave(v);
		return r;
	}
	r = v->iommu->unmap(v, NULL);
	while (r == 0 && (map = RB_ROOT(&v->common->shares)) != NULL) {
		RB_REMOVE(group_maps, &v->common->shares, map);
		free(map);
	}
	return r;
}

int vfio_group_unmap(struct vfio *v, const struct pcg_dma_range *range)
{
	int r;

	pthread_mutex_lock(&v->common->lock);
	if (range == NULL)
		r = group_unmap_all(v);
	else if (v->common->shared)
		r = group_unmap(v, range->iova, range->iova + (range->size - 1));
	else
		r = v->iommu->unmap(v, range);
	pthread_mutex_unlock(&v->common->lock);
	return r;
}
