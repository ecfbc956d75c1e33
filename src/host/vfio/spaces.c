/* SPDX-License-Identifier: BSD-3-Clause */
/* Address spaces by PASID: what a client asks of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "host/vfio/spaces.h"
#include "host/vfio/uapi.h"

/* Maps that overlap compare equal. */
static int space_map_compare(const struct space_map *a, const struct space_map *b)
{
	if (a->last < b->iova)
		return -1;
	return a->iova > b->last;
}

static int space_pasid_compare(const struct space_pasid *a, const struct space_pasid *b)
{
	return a->pasid < b->pasid ? -1 : a->pasid > b->pasid;
}

RB_GENERATE(space_maps, space_map, entry, space_map_compare)
RB_GENERATE_INTERNAL(space_pasids, space_pasid, entry, space_pasid_compare, __attribute__((unused)) static)

/* --- the kernel --- */

int spaces_refused(struct vfio *v, const char *what)
{
	int error = errno;

	v->spaces->refused = what;
	return -error;
}

static int pasid_detach(struct vfio *v, struct space_pasid *p)
{
	struct uapi_detach detach = { .argsz = sizeof(detach), .flags = UAPI_ATTACH_PASID, .pasid = p->pasid };

	/* With the device file everything that was attached to it has gone. */
	if (p->attached && v->device >= 0 && ioctl(v->device, UAPI_DEVICE_DETACH, &detach) != 0) {
		v->spaces->refused_pasid = p->pasid;
		v->spaces->kept_error = spaces_refused(v, "detach PASID");
		return v->spaces->kept_error;
	}
	p->attached = false;
	return 0;
}

/* In place of what stood there: the kernel replaces it in one step. */
static int pasid_attach(struct vfio *v, uint32_t pasid, const struct space *space)
{
	struct uapi_attach attach = {
		.argsz = sizeof(attach), .flags = UAPI_ATTACH_PASID, .pt_id = space->hwpt, .pasid = pasid
	};

	if (ioctl(v->device, UAPI_DEVICE_ATTACH, &attach) == 0)
		return 0;
	v->spaces->refused_pasid = pasid;
	return spaces_refused(v, "attach PASID");
}

static bool pasid_may(const struct spaces *s, uint32_t pasid)
{
	return s->on && pasid >> s->limit == 0;
}

static void space_drop(const struct vfio *v, uint32_t id)
{
	struct uapi_destroy destroy = { .size = sizeof(destroy), .id = id };

	if (id != 0)
		ioctl(v->iommufd, UAPI_IOMMU_DESTROY, &destroy);
}

/* An address space, and a page table of the kind that can stand at PASIDs. */
static int space_make(struct vfio *v, struct space *space)
{
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct uapi_hwpt_alloc hwpt = { .size = sizeof(hwpt), .flags = UAPI_HWPT_PASID, .dev = v->devid };
	int r;

	if (ioctl(v->iommufd, UAPI_IOAS_ALLOC, &alloc) != 0)
		return spaces_refused(v, "make an address space");
	hwpt.pt = alloc.out_id;
	if (ioctl(v->iommufd, UAPI_HWPT_ALLOC, &hwpt) != 0) {
		r = spaces_refused(v, "make a page table for PASIDs");
		space_drop(v, alloc.out_id);
		return r;
	}
	space->ioas = alloc.out_id;
	space->hwpt = hwpt.out_id;
	return 0;
}

/* --- what is there --- */

static struct space *space_find(struct spaces *s, uint32_t id)
{
	for (unsigned int i = 0; id != 0 && i < SPACES_MAX; i++) {
		if (s->all[i].id == id && !s->all[i].left)
			return &s->all[i];
	}
	return NULL;
}

static struct space_pasid *pasid_find(struct spaces *s, uint32_t pasid)
{
	struct space_pasid key = { .pasid = pasid };

	return RB_FIND(space_pasids, &s->pasids, &key);
}

static void pasid_forget(struct spaces *s, struct space_pasid *p)
{
	RB_REMOVE(space_pasids, &s->pasids, p);
	s->npasids--;
	free(p);
}

static void map_forget(struct spaces *s, struct space *space, struct space_map *map)
{
	RB_REMOVE(space_maps, &space->maps, map);
	s->maps--;
	free(map);
}

/* Nothing stands at a PASID of it any more. */
static void space_end(struct vfio *v, struct space *space)
{
	struct space_map *map;

	space_drop(v, space->hwpt);
	space_drop(v, space->ioas);
	while ((map = RB_ROOT(&space->maps)) != NULL)
		map_forget(v->spaces, space, map);
	v->spaces->copies -= space->copies;
	memset(space, 0, sizeof(*space));
}

/* --- verbs --- */

static int space_create(struct vfio *v, struct pcg_space *wish)
{
	struct spaces *s = v->spaces;
	struct space *space = NULL;
	int r;

	for (unsigned int i = 0; space == NULL && i < SPACES_MAX; i++)
		space = s->all[i].id == 0 ? &s->all[i] : NULL;
	if (space == NULL)
		return -ENOSPC;
	r = space_make(v, space);
	if (r != 0)
		return r;
	/* A number that was given back means nothing else soon. */
	do {
		s->last++;
	} while (s->last == 0 || space_find(s, s->last) != NULL);
	space->id = s->last;
	wish->space = space->id;
	return 0;
}

static int space_destroy(struct vfio *v, const struct pcg_space *wish)
{
	struct spaces *s = v->spaces;
	struct space *space = space_find(s, wish->space);
	struct space_pasid *p, *next;

	if (space == NULL)
		return -ENOENT;
	for (p = RB_MIN(space_pasids, &s->pasids); p != NULL; p = next) {
		int r = p->space == space ? pasid_detach(v, p) : 0;

		next = RB_NEXT(space_pasids, &s->pasids, p);
		if (r != 0)
			return r;
		if (p->space == space)
			pasid_forget(s, p);
	}
	space_end(v, space);
	return 0;
}

/* Without USER a page is for privileged requests alone, and an iommufd tells these from others no more than EXECUTE. */
static int map_check(const struct pcg_space *wish)
{
	const uint32_t known = PCG_SPACE_READ | PCG_SPACE_WRITE | PCG_SPACE_EXECUTE | PCG_SPACE_USER;

	if (((wish->iova | wish->size | wish->address) & (SPACES_PAGE - 1)) != 0 || wish->size == 0 ||
	    wish->iova + (wish->size - 1) < wish->iova || wish->address + (wish->size - 1) < wish->address)
		return -EINVAL;
	if ((wish->flags & ~known) != 0 || (wish->flags & (PCG_SPACE_READ | PCG_SPACE_WRITE)) == 0)
		return -EINVAL;
	return (wish->flags & PCG_SPACE_EXECUTE) != 0 || (wish->flags & PCG_SPACE_USER) == 0 ? -EOPNOTSUPP : 0;
}

static int do_map(struct vfio *v, const struct pcg_space *wish)
{
	struct spaces *s = v->spaces;
	struct space *space = space_find(s, wish->space);
	struct space_map *map;
	int r = map_check(wish);

	if (r != 0)
		return r;
	if (space == NULL)
		return -ENOENT;
	map = s->maps < SPACES_MAX_MAPS ? calloc(1, sizeof(*map)) : NULL;
	if (map == NULL)
		return s->maps < SPACES_MAX_MAPS ? -ENOMEM : -ENOSPC;
	map->iova = wish->iova;
	map->last = wish->iova + (wish->size - 1);
	map->address = wish->address;
	map->flags = wish->flags & (PCG_SPACE_READ | PCG_SPACE_WRITE);
	if (RB_INSERT(space_maps, &space->maps, map) != NULL) {
		free(map);
		return -EEXIST;
	}
	s->maps++;
	r = space_fill(v, space, map);
	if (r != 0)
		map_forget(s, space, map);
	return r;
}

static int do_unmap(struct vfio *v, const struct pcg_space *wish)
{
	struct spaces *s = v->spaces;
	struct space *space = space_find(s, wish->space);
	struct space_map key = { .iova = wish->iova, .last = wish->iova }, *map;
	int r = 0;

	if (space == NULL)
		return -ENOENT;
	if (wish->size == 0) {
		while (r == 0 && (map = RB_ROOT(&space->maps)) != NULL) {
			r = space_empty(v, space, map);
			if (r == 0)
				map_forget(s, space, map);
		}
		return r;
	}
	map = RB_FIND(space_maps, &space->maps, &key);
	if (map == NULL || map->iova != wish->iova || map->last - map->iova != wish->size - 1)
		return -ENOENT;
	r = space_empty(v, space, map);
	if (r == 0)
		map_forget(s, space, map);
	return r;
}

/* PASID 0 is what Linux gives requests without one: another space there would be theirs. */
static int pasid_check(const struct spaces *s, uint32_t pasid)
{
	if (pasid >> s->width != 0)
		return -ERANGE;
	return pasid == 0 ? -EOPNOTSUPP : 0;
}

static int do_attach(struct vfio *v, const struct pcg_space *wish)
{
	struct spaces *s = v->spaces;
	struct space *space = space_find(s, wish->space);
	struct space_pasid *p = pasid_find(s, wish->pasid);
	int r = pasid_check(s, wish->pasid);

	if (r == 0 && space == NULL)
		r = -ENOENT;
	if (r == 0 && p == NULL && s->npasids >= SPACES_MAX_PASIDS)
		r = -ENOSPC;
	if (r != 0)
		return r;
	if (p == NULL) {
		p = calloc(1, sizeof(*p));
		if (p == NULL)
			return -ENOMEM;
		p->pasid = wish->pasid;
		RB_INSERT(space_pasids, &s->pasids, p);
		s->npasids++;
	} else if (p->space == space) {
		return 0;
	}
	if (pasid_may(s, p->pasid)) {
		r = pasid_attach(v, p->pasid, space);
		p->attached = p->attached || r == 0;
	} else {
		/* What the kernel did not want to detach stands at the space before: that must not be lost sight of. */
		r = pasid_detach(v, p);
	}
	if (r == 0)
		p->space = space;
	else if (p->space == NULL)
		pasid_forget(s, p);
	return r;
}

static int do_detach(struct vfio *v, const struct pcg_space *wish)
{
	struct space_pasid *p = pasid_find(v->spaces, wish->pasid);
	int r;

	if (p == NULL)
		return -ENOENT;
	r = pasid_detach(v, p);
	if (r == 0)
		pasid_forget(v->spaces, p);
	return r;
}

int spaces_do(struct vfio *v, struct pcg_space *wish)
{
	v->spaces->refused = NULL;
	v->spaces->refused_pasid = 0;
	if (!v->attached)
		return -ENOTCONN;
	switch (wish->verb) {
	case PCG_SPACE_CREATE:
		return space_create(v, wish);
	case PCG_SPACE_DESTROY:
		return space_destroy(v, wish);
	case PCG_SPACE_MAP:
		return do_map(v, wish);
	case PCG_SPACE_UNMAP:
		return do_unmap(v, wish);
	case PCG_SPACE_ATTACH:
		return do_attach(v, wish);
	case PCG_SPACE_DETACH:
		return do_detach(v, wish);
	}
	return -EINVAL;
}

/* --- PASID Enable, and the end --- */

void spaces_block(struct vfio *v)
{
	struct space_pasid *p;

	if (v->spaces == NULL)
		return;
	for (p = RB_MIN(space_pasids, &v->spaces->pasids); p != NULL; p = RB_NEXT(space_pasids, &v->spaces->pasids, p))
		pasid_detach(v, p);
}

int spaces_again(struct vfio *v)
{
	struct spaces *s = v->spaces;
	struct space_pasid *p;
	int r = 0;

	if (s == NULL)
		return 0;
	for (p = RB_MIN(space_pasids, &s->pasids); r == 0 && p != NULL; p = RB_NEXT(space_pasids, &s->pasids, p)) {
		bool may = pasid_may(s, p->pasid);

		if (p->space->left) {
			pasid_detach(v, p);
			continue;
		}
		if (p->attached == may)
			continue;
		r = may ? pasid_attach(v, p->pasid, p->space) : pasid_detach(v, p);
		p->attached = r == 0 ? may : p->attached;
	}
	return r;
}

int spaces_control(struct vfio *v, const struct pcg_pasid_control *control)
{
	struct spaces *s = v->spaces;
	int r;

	s->refused = NULL;
	s->refused_pasid = 0;
	s->on = control->pasid;
	s->limit = control->width != 0 && control->width < s->width ? control->width : s->width;
	r = spaces_again(v);
	if (r != 0) {
		spaces_block(v);
		s->on = false;
	}
	return r;
}

static bool space_stands(struct spaces *s, const struct space *space)
{
	struct space_pasid *p;

	for (p = RB_MIN(space_pasids, &s->pasids); p != NULL; p = RB_NEXT(space_pasids, &s->pasids, p)) {
		if (p->space == space)
			return true;
	}
	return false;
}

/* The page table stays where it stands, and leads nowhere any more. */
static void space_empty_out(struct vfio *v, struct space *space)
{
	struct uapi_ioas_unmap unmap = { .size = sizeof(unmap), .ioas = space->ioas, .length = UINT64_MAX };
	struct space_map *map;

	ioctl(v->iommufd, UAPI_IOAS_UNMAP, &unmap);
	while ((map = RB_ROOT(&space->maps)) != NULL)
		map_forget(v->spaces, space, map);
	v->spaces->copies -= space->copies;
	space->copies = 0;
	space->left = true;
}

static void pasids_forget(struct spaces *s)
{
	struct space_pasid *p, *next;

	for (p = RB_MIN(space_pasids, &s->pasids); p != NULL; p = next) {
		next = RB_NEXT(space_pasids, &s->pasids, p);
		if (!p->attached)
			pasid_forget(s, p);
		else if (!p->space->left)
			s->kept = p->pasid;
	}
}

void spaces_leave(struct vfio *v)
{
	struct spaces *s = v->spaces;

	if (s == NULL)
		return;
	spaces_block(v);
	s->on = false;
	pasids_forget(s);
	for (unsigned int i = 0; i < SPACES_MAX; i++) {
		struct space *space = &s->all[i];

		if (space->id == 0)
			continue;
		if (space_stands(s, space))
			space_empty_out(v, space);
		else
			space_end(v, space);
	}
}

bool spaces_unclean(const struct vfio *v)
{
	for (unsigned int i = 0; v->spaces != NULL && i < SPACES_MAX; i++) {
		if (v->spaces->all[i].left)
			return true;
	}
	return false;
}

static const char *spaces_hint(int result)
{
	switch (-result) {
	case ENOMEM:
		return "the host is short of memory, or this user of what it may keep in place (LimitMEMLOCK=)";
	case ENOSPC:
		return "the IOMMU has no number left for another one; end some";
	case EBUSY:
		return "a reset of it, or of another function of its slot, is under way, or the kernel uses this PASID "
		       "itself; try again, or another one";
	case EPERM:
		return "the client's memory does not allow that access";
	case EINVAL:
	case EOVERFLOW:
	case ERANGE:
		return "the address is none that this IOMMU translates, or its IOMMU group has functions besides";
	case ENODEV:
	case EOPNOTSUPP:
		return "the IOMMU's driver cannot: leave pasid= out";
	default:
		return "`dmesg` may have the cause";
	}
}

void spaces_note(const struct vfio *v, int result)
{
	const struct spaces *s = v->spaces;
	char number[16] = "";

	if (s == NULL || s->refused == NULL)
		return;
	if (s->refused_pasid != 0)
		snprintf(number, sizeof(number), " %u", s->refused_pasid);
	base_log(&v->host.log, PCG_ERROR, "%s: the kernel does not %s%s: %s; %s", v->place.bdf, s->refused, number,
		 strerror(-result), spaces_hint(result));
}

void spaces_note_kept(struct vfio *v)
{
	struct spaces *s = v->spaces;

	if (s == NULL || s->kept == 0)
		return;
	base_log(
		&v->host.log, PCG_ERROR,
		"%s: the kernel does not detach PASID %u at the end of its client: %s; nothing is mapped there any more, "
		"and another client gets the function when it was closed and opened again, or not at all",
		v->place.bdf, s->kept, strerror(-s->kept_error));
	s->kept = 0;
}
