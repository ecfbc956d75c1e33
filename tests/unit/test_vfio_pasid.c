/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Address spaces by PASID on real functions: an iommufd and a device file of our own keep what is mapped and what
 * stands at which PASID, by the kernel's rules. Asked is always what a request of the function would reach.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_iommufd.h"
#include "host/vfio/group.h"
#include "host/vfio/internal.h"
#include "host/vfio/spaces.h"
#include "host/vfio/pool.h"
#include "host/vfio/uapi.h"

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_close(int fd);
int __real_close(int fd);

#define PAGE    FAKE_PAGE
#define SIZE    (64 * PAGE)
#define OBJECTS 512u
#define WIDTH   8u
#define PASIDS  (1u << WIDTH)

#define RWU (PCG_SPACE_READ | PCG_SPACE_WRITE | PCG_SPACE_USER)

/* --- the kernel --- */

/* What an id is: an address space, or a page table of one. */
static struct {
	bool there;
	uint32_t pt; /* 0: an address space */
	bool pasids;
} objects[OBJECTS];

static uint32_t last_id, at_rid, at[PASIDS];
static unsigned long order[4096]; /* of what could be told from outside: attach and detach, and unmap */
static unsigned int norder;

static struct {
	unsigned long request; /* that fails, */
	int error;
	unsigned int after; /* so many that do not */
} failure;

static uint32_t stuck; /* a PASID that the kernel does not detach; 0: none */
static bool stays;     /* nor the function itself */
static int device;     /* the file that all is attached to */

static struct {
	uint8_t width;
	int hw_info, table;
} machine;

static bool in_use(uint32_t id)
{
	for (uint32_t i = 1; i < OBJECTS; i++) {
		if (objects[i].there && objects[i].pt == id)
			return true;
	}
	for (uint32_t i = 0; i < PASIDS; i++) {
		if (at[i] == id)
			return true;
	}
	return at_rid == id;
}

static int destroy(uint32_t id)
{
	assert_true(id < OBJECTS && objects[id].there);
	if (in_use(id))
		return fake_fails(EBUSY);
	fake_forget(id);
	objects[id].there = false;
	return 0;
}

static uint32_t object(uint32_t pt, bool pasids)
{
	assert_true(last_id + 1 < OBJECTS);
	objects[++last_id].there = true;
	objects[last_id].pt = pt;
	objects[last_id].pasids = pasids;
	return last_id;
}

static int hwpt_alloc(struct uapi_hwpt_alloc *alloc)
{
	bool pasids = (alloc->flags & UAPI_HWPT_PASID) != 0;

	if (pasids && machine.table != 0)
		return fake_fails(machine.table);
	alloc->out_id = object(alloc->pt, pasids);
	return 0;
}

static int hw_info(struct uapi_hw_info *info)
{
	if (machine.hw_info != 0)
		return fake_fails(machine.hw_info);
	info->out_pasid_log2 = machine.width;
	info->out_capabilities = 6;
	return 0;
}

/* Both of requests without PASID and beside them: a page table of the right kind, or the kernel refuses. */
static int attach(const struct uapi_attach *attach)
{
	bool pasids = objects[attach->pt_id].pasids;

	assert_true(objects[attach->pt_id].there);
	if ((attach->flags & UAPI_ATTACH_PASID) == 0) {
		at_rid = attach->pt_id;
		return 0;
	}
	assert_true(attach->argsz >= 16);
	assert_true(attach->pasid < PASIDS);
	if (!pasids || (at_rid != 0 && !objects[at_rid].pasids))
		return fake_fails(EINVAL);
	if (attach->pasid == 0)
		at_rid = attach->pt_id;
	at[attach->pasid] = attach->pt_id;
	return 0;
}

static int detach(const struct uapi_detach *detach)
{
	if ((detach->flags & UAPI_ATTACH_PASID) == 0 && stays)
		return fake_fails(EIO);
	if ((detach->flags & UAPI_ATTACH_PASID) == 0)
		at_rid = 0;
	else if (stuck != 0 && detach->pasid == stuck)
		return fake_fails(EIO);
	else
		at[detach->pasid] = 0;
	return 0;
}

int __wrap_close(int fd)
{
	if (fd == device) {
		memset(at, 0, sizeof(at));
		at_rid = 0;
	}
	return __real_close(fd);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int r;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == failure.request && failure.after-- == 0) {
		failure.request = 0;
		return fake_fails(failure.error);
	}
	if (norder < sizeof(order) / sizeof(order[0]))
		order[norder++] = request;
	if (fake_ioctl(request, arg, &r))
		return r;
	switch (request) {
	case UAPI_IOAS_ALLOC:
		((struct uapi_ioas_alloc *)arg)->out_id = object(0, false);
		return 0;
	case UAPI_HWPT_ALLOC:
		return hwpt_alloc(arg);
	case UAPI_IOMMU_DESTROY:
		return destroy(((struct uapi_destroy *)arg)->id);
	case UAPI_HW_INFO:
		return hw_info(arg);
	case UAPI_DEVICE_BIND:
		device = fd;
		((struct uapi_bind *)arg)->out_devid = 1;
		return 0;
	case UAPI_DEVICE_ATTACH:
		return attach(arg);
	case UAPI_DEVICE_DETACH:
		return detach(arg);
	default:
		fail_msg("request %#lx", request);
		return -1;
	}
}

static uint32_t ioas_of(uint32_t pt)
{
	return objects[pt].pt != 0 ? objects[pt].pt : pt;
}

static const struct fake_area *reached(uint32_t pt, uint64_t iova)
{
	return pt != 0 ? fake_at(ioas_of(pt), iova) : NULL;
}

/* The page of the client's file that a request with this PASID meets; -1: it is blocked. */
static int meets(uint32_t pasid, uint64_t page)
{
	const struct fake_area *area = reached(at[pasid], page * PAGE);

	return area != NULL ? (int)((area->start + (page * PAGE - area->iova)) / PAGE) : -1;
}

static unsigned int live(void)
{
	unsigned int n = 0;

	for (uint32_t i = 1; i < OBJECTS; i++)
		n += objects[i].there;
	return n;
}

/* --- a function and its client --- */

static struct vfio_pool *pool;
static struct vfio *v;
static int memory;
static unsigned int before; /* objects of the function itself */

static void control(bool on)
{
	const struct pcg_pasid_control c = { .pasid = on };

	assert_int_equal(spaces_control(v, &c), 0);
}

static int set_up_machine(void)
{
	fake_begin();
	memset(objects, 0, sizeof(objects));
	memset(at, 0, sizeof(at));
	memset(&failure, 0, sizeof(failure));
	norder = 0;
	last_id = at_rid = stuck = 0;
	stays = false;
	device = 1000;
	v = calloc(1, sizeof(*v));
	if (v == NULL || vfio_pool_create(&pool) != 0)
		return -1;
	v->pool = pool;
	v->iommu = &vfio_iommufd;
	if (vfio_group_join(v, -1) != 0)
		return -1;
	v->ioas = v->common->ioas = object(0, false);
	v->group = -1;
	v->device = device;
	v->settings.device = v->irqs.error = v->irqs.request = -1;
	strcpy(v->place.cdev, "/dev/null");
	memory = memfd_create("test", MFD_CLOEXEC);
	return ftruncate(memory, SIZE);
}

static int set_up(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	machine.width = WIDTH;
	if (set_up_machine() != 0 || vfio_pasid(v) != 0 || vfio_attach(v) != 0)
		return -1;
	control(true);
	before = live();
	return 0;
}

static int tear_down(void **state)
{
	unsigned int left = 0;

	(void)state;
	vfio_iommufd.finish(v);
	vfio_iommufd.unmap(v, NULL);
	vfio_group_leave(v);
	for (uint32_t i = 0; i < PASIDS; i++)
		left += at[i] != 0;
	free(v);
	vfio_pool_destroy(pool);
	close(memory);
	/* Whatever a test did: nothing of a client outlives it. */
	return left != 0 || live() != 0 || fake_nareas != 0;
}

static int dma(uint64_t iova, uint64_t pages, uint64_t offset, uint32_t flags)
{
	const struct pcg_dma_range range = { iova * PAGE, pages * PAGE, flags, memory, offset * PAGE };

	return vfio_iommufd.map(v, &range);
}

static void mapped(uint64_t iova, uint64_t pages, uint64_t offset)
{
	assert_int_equal(dma(iova, pages, offset, PCG_DMA_READ | PCG_DMA_WRITE), 0);
}

static void unmapped(uint64_t iova, uint64_t pages)
{
	const struct pcg_dma_range range = { .iova = iova * PAGE, .size = pages * PAGE, .fd = -1 };

	assert_int_equal(vfio_iommufd.unmap(v, &range), 0);
}

static uint32_t create(void)
{
	struct pcg_space s = { .verb = PCG_SPACE_CREATE };

	assert_int_equal(spaces_do(v, &s), 0);
	assert_int_not_equal(s.space, 0);
	return s.space;
}

static int do_map(uint32_t space, uint64_t iova, uint64_t pages, uint64_t address, uint32_t flags)
{
	struct pcg_space s = {
		.verb = PCG_SPACE_MAP, .space = space, .flags = flags, .iova = iova * PAGE, .size = pages * PAGE
	};

	s.address = address * PAGE;
	return spaces_do(v, &s);
}

static int do_unmap(uint32_t space, uint64_t iova, uint64_t pages)
{
	struct pcg_space s = { .verb = PCG_SPACE_UNMAP, .space = space, .iova = iova * PAGE, .size = pages * PAGE };

	return spaces_do(v, &s);
}

static int do_at(enum pcg_space_verb verb, uint32_t pasid, uint32_t space)
{
	struct pcg_space s = { .verb = verb, .space = space, .pasid = pasid };

	return spaces_do(v, &s);
}

/* A space with one map of ten pages at 100, which leads to the client's page @address, at a PASID. */
static uint32_t space_at(uint32_t pasid, uint64_t address)
{
	uint32_t space = create();

	assert_int_equal(do_map(space, 100, 10, address, RWU), 0);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, pasid, space), 0);
	return space;
}

/* --- what is said of it --- */

static void width_is_the_kernels_and_nothing_else_is_claimed(void **state)
{
	const struct pcg_pasid_facts *facts = &v->host.info.pasid;

	(void)state;
	assert_int_equal(facts->width, WIDTH);
	assert_null(facts->why);
	assert_false(facts->execute || facts->privileged || facts->ats);
	assert_int_equal(facts->page_requests, 0);
}

static void without_pasids_the_reason_is_given(void **state)
{
	const struct {
		uint8_t width;
		int hw_info, table;
		bool type1, vf;
		const char *why;
	} cases[] = {
		{ .width = 0, .why = "has not enabled PASIDs in it" },
		{ .width = 0, .vf = true, .why = "in its PF" },
		{ .width = 20, .hw_info = ENOTTY, .why = "does not tell" },
		{ .width = 20, .table = EOPNOTSUPP, .why = "makes no page table" },
		{ .width = 20, .type1 = true, .why = "type 1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		machine.width = cases[i].width;
		machine.hw_info = cases[i].hw_info;
		machine.table = cases[i].table;
		assert_int_equal(set_up_machine(), 0);
		v->place.is_vf = cases[i].vf;
		if (cases[i].type1)
			v->iommu = &vfio_type1;
		assert_int_equal(vfio_pasid(v), 0);
		assert_int_equal(v->host.info.pasid.width, 0);
		assert_non_null(strstr(v->host.info.pasid.why, cases[i].why));
		assert_null(v->spaces);
		v->iommu = &vfio_iommufd;
		assert_int_equal(vfio_attach(v), 0);
		mapped(0, 4, 0);
		unmapped(0, 4);
		vfio_detach(v);
		assert_int_equal(tear_down(NULL), 0);
	}
	memset(&machine, 0, sizeof(machine));
}

/* Linux 7.2 tells a width of functions in which it could not enable them. */
static void what_hardware_has_not_enabled_is_not_claimed(void **state)
{
	static const uint8_t express[] = { PCG_CAP_EXP, 0, 2, 0 };
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	char path[64];
	FILE *file;

	(void)state;
	machine.width = WIDTH;
	config[PCG_STATUS] = 0x10;
	config[PCG_CAPABILITIES] = 0x40;
	memcpy(config + 0x40, express, sizeof(express));
	pcg_put32(config + 0x100, 0x20010000u | PCG_ECAP_ATS);
	pcg_put32(config + 0x200, 0x00010000u | PCG_ECAP_PASID);
	for (uint8_t on = 0; on < 2; on++) {
		assert_int_equal(set_up_machine(), 0);
		strcpy(v->place.directory, "/tmp/pcigate-pasid-XXXXXX");
		assert_non_null(mkdtemp(v->place.directory));
		snprintf(path, sizeof(path), "%.40s/config", v->place.directory);
		config[0x206] = on;
		file = fopen(path, "w");
		assert_int_equal(fwrite(config, sizeof(config), 1, file), 1);
		fclose(file);
		assert_int_equal(vfio_pasid(v), 0);
		assert_int_equal(v->host.info.pasid.width, on ? WIDTH : 0);
		assert_int_equal(v->host.info.pasid.pasid_at, 0x200);
		assert_int_equal(v->host.info.pasid.ats_at, 0x100);
		unlink(path);
		rmdir(v->place.directory);
		assert_int_equal(tear_down(NULL), 0);
	}
}

/* --- what is reached --- */

static void a_map_leads_to_the_clients_memory(void **state)
{
	(void)state;
	mapped(16, 32, 0);
	space_at(5, 20);
	assert_int_equal(meets(5, 100), 4);
	assert_int_equal(meets(5, 109), 13);
	assert_int_equal(meets(5, 110), -1);
	assert_int_equal(meets(6, 100), -1);
	assert_int_equal(fake_maps, 1);
}

static void it_may_lie_in_several_maps_of_the_client(void **state)
{
	(void)state;
	mapped(16, 8, 40);
	mapped(24, 8, 0);
	space_at(5, 20);
	assert_int_equal(meets(5, 103), 47);
	assert_int_equal(meets(5, 104), 0);
}

static void what_has_no_memory_yet_is_reached_when_it_comes(void **state)
{
	(void)state;
	mapped(16, 6, 0);
	space_at(5, 20);
	assert_int_equal(meets(5, 101), 5);
	assert_int_equal(meets(5, 102), -1);
	mapped(22, 20, 30);
	assert_int_equal(meets(5, 102), 30);
	assert_int_equal(meets(5, 109), 37);
}

static void no_more_is_allowed_than_both_allow(void **state)
{
	uint32_t space = create();

	(void)state;
	assert_int_equal(dma(0, 4, 0, PCG_DMA_READ), 0);
	assert_int_equal(do_map(space, 0, 4, 0, RWU), 0);
	assert_int_equal(do_map(space, 8, 4, 0, PCG_SPACE_WRITE | PCG_SPACE_USER), 0);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 1, space), 0);
	assert_int_equal(reached(at[1], 0)->flags & (UAPI_MAP_READABLE | UAPI_MAP_WRITABLE), UAPI_MAP_READABLE);
	assert_int_equal(meets(1, 8), -1);
}

static void what_the_client_unmaps_ends_in_all_spaces_first(void **state)
{
	const struct pcg_dma_range range = { .iova = 16 * PAGE, .size = 8 * PAGE, .fd = -1 };

	(void)state;
	mapped(16, 8, 0);
	mapped(24, 8, 8);
	space_at(5, 20);
	space_at(7, 16);
	failure.request = UAPI_IOAS_UNMAP;
	failure.error = EIO;
	failure.after = 2; /* two spaces, and the third is the function's own */
	assert_int_equal(vfio_iommufd.unmap(v, &range), -EIO);
	assert_int_equal(meets(5, 100), -1);
	assert_int_equal(meets(7, 100), -1);
	assert_int_equal(meets(5, 104), 8);
	assert_non_null(reached(v->ioas, 16 * PAGE));
	unmapped(16, 8);
	assert_null(reached(v->ioas, 16 * PAGE));
	/* And comes back with new memory. */
	mapped(16, 8, 50);
	assert_int_equal(meets(5, 100), 54);
}

static void what_cannot_be_taken_back_is_detached(void **state)
{
	const struct pcg_dma_range range = { .iova = 16 * PAGE, .size = 16 * PAGE, .fd = -1 };

	(void)state;
	mapped(16, 16, 0);
	space_at(5, 16);
	failure.request = UAPI_IOAS_UNMAP;
	failure.error = EIO;
	assert_int_equal(vfio_iommufd.unmap(v, &range), -EIO);
	assert_int_equal(at[5], 0);
}

static void when_all_is_unmapped_spaces_are_empty(void **state)
{
	(void)state;
	mapped(16, 32, 0);
	space_at(5, 20);
	assert_int_equal(vfio_iommufd.unmap(v, NULL), 0);
	assert_int_equal(meets(5, 100), -1);
	assert_int_equal(v->spaces->copies, 0);
	mapped(16, 32, 1);
	assert_int_equal(meets(5, 100), 5);
}

static void a_map_that_no_space_takes_fails_whole(void **state)
{
	(void)state;
	space_at(5, 16);
	space_at(6, 16);
	failure.request = UAPI_IOAS_COPY;
	failure.error = ENOMEM;
	failure.after = 2; /* the function's own, and one space */
	assert_int_equal(dma(16, 8, 0, PCG_DMA_READ), -ENOMEM);
	assert_null(reached(v->ioas, 16 * PAGE));
	assert_int_equal(meets(5, 100), -1);
	assert_int_equal(v->spaces->copies, 0);
	mapped(16, 8, 0);
	assert_int_equal(meets(6, 100), 0);
}

/* --- PASIDs --- */

static void another_space_replaces_without_a_gap(void **state)
{
	uint32_t other = create();

	(void)state;
	mapped(0, 64, 0);
	space_at(5, 20);
	assert_int_equal(do_map(other, 100, 1, 63, RWU), 0);
	norder = 0;
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 5, other), 0);
	assert_int_equal(meets(5, 100), 63);
	for (unsigned int i = 0; i < norder; i++)
		assert_int_not_equal(order[i], UAPI_DEVICE_DETACH);
}

static void a_replacement_that_fails_leaves_the_old_one(void **state)
{
	uint32_t other = create(), first;

	(void)state;
	mapped(0, 64, 0);
	first = space_at(5, 20);
	failure.request = UAPI_DEVICE_ATTACH;
	failure.error = EBUSY;
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 5, other), -EBUSY);
	assert_int_equal(meets(5, 100), 20);
	failure.request = UAPI_DEVICE_ATTACH;
	failure.after = 0;
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 6, other), -EBUSY);
	assert_int_equal(do_at(PCG_SPACE_DETACH, 6, 0), -ENOENT);
	assert_int_equal(do_at(PCG_SPACE_DETACH, 5, 0), 0);
	assert_int_equal(meets(5, 100), -1);
	assert_int_equal(do_at(PCG_SPACE_DESTROY, 0, first), 0);
}

static void a_space_may_stand_at_several(void **state)
{
	uint32_t space;

	(void)state;
	mapped(0, 64, 0);
	space = space_at(5, 20);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 6, space), 0);
	assert_int_equal(meets(6, 100), 20);
	assert_int_equal(do_at(PCG_SPACE_DESTROY, 0, space), 0);
	assert_int_equal(at[5] | at[6], 0);
	assert_int_equal(live(), before + 2); /* the staged file's */
	assert_int_equal(v->spaces->copies, 0);
}

static void without_pasid_enable_none_is_attached(void **state)
{
	(void)state;
	mapped(0, 64, 0);
	space_at(5, 20);
	control(false);
	assert_int_equal(at[5], 0);
	space_at(6, 30);
	assert_int_equal(at[6], 0);
	control(true);
	assert_int_equal(meets(5, 100), 20);
	assert_int_equal(meets(6, 100), 30);
}

static void enabling_is_all_or_nothing(void **state)
{
	const struct pcg_pasid_control on = { .pasid = true };

	(void)state;
	control(false);
	for (uint32_t pasid = 1; pasid < 4; pasid++)
		space_at(pasid, 0);
	failure.request = UAPI_DEVICE_ATTACH;
	failure.error = EBUSY;
	failure.after = 1;
	assert_int_equal(spaces_control(v, &on), -EBUSY);
	assert_int_equal(at[1] | at[2] | at[3], 0);
	control(true);
	assert_true(at[1] != 0 && at[2] != 0 && at[3] != 0);
}

static void wider_ones_than_are_shown_are_not_attached(void **state)
{
	const struct pcg_pasid_control narrow = { .pasid = true, .width = 4 };

	(void)state;
	space_at(15, 0);
	space_at(16, 0);
	assert_int_equal(spaces_control(v, &narrow), 0);
	assert_int_not_equal(at[15], 0);
	assert_int_equal(at[16], 0);
}

/* It stands for requests without one: whoever got it would have those. */
static void pasid_0_cannot_be_had(void **state)
{
	uint32_t space = create(), rid = at_rid;

	(void)state;
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 0, space), -EOPNOTSUPP);
	assert_int_equal(at_rid, rid);
}

/* --- the end --- */

static void losing_memory_ends_pasids_before_the_function(void **state)
{
	unsigned int detached = 0;

	(void)state;
	mapped(0, 64, 0);
	space_at(5, 20);
	space_at(6, 20);
	norder = 0;
	failure.request = UAPI_DEVICE_DETACH;
	failure.error = EIO;
	failure.after = 2;      /* the last one is the function's own */
	v->settings.device = 3; /* and is not made up for */
	assert_int_equal(vfio_detach(v), -EIO);
	for (unsigned int i = 0; i < norder; i++)
		detached += order[i] == UAPI_DEVICE_DETACH;
	assert_int_equal(detached, 2);
	assert_int_equal(at[5] | at[6], 0);
	assert_int_not_equal(at_rid, 0);
	assert_int_equal(vfio_detach(v), 0);
	assert_int_equal(at_rid, 0);
	assert_int_equal(live(), before);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 5, 1), -ENOTCONN);
}

static void after_a_reset_spaces_are_made_anew(void **state)
{
	uint32_t old;

	(void)state;
	mapped(0, 64, 0);
	old = space_at(5, 20);
	vfio_detach(v);
	assert_int_equal(vfio_attach(v), 0);
	assert_int_equal(at[5], 0);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 5, old), -ENOENT);
	space_at(5, 21);
	assert_int_equal(at[5], 0); /* PASID Enable is off after it */
	control(true);
	assert_int_equal(meets(5, 100), 21);
}

static char noted[512];

static void note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	snprintf(noted, sizeof(noted), "%s", n->text);
}

/* A client comes, as the server has it come: its number tells it from others. */
static int comes(uint64_t number)
{
	struct vfio_job job = { .work = WORK_ATTACH, .client.number = number, .range.fd = -1 };

	return vfio_attach_client(v, &job);
}

/* And leaves: what the contract asks of a backend then. */
static void goes(void)
{
	v->job = (struct vfio_job){ .work = WORK_DETACH, .range.fd = -1 };
	assert_int_equal(vfio_work(v), 0);
	v->job = (struct vfio_job){ .work = WORK_UNMAP, .everything = true, .last = true, .range.fd = -1 };
	assert_int_equal(vfio_work(v), 0);
}

static void client_with_a_stuck_pasid(void)
{
	noted[0] = '\0';
	v->host.log = (struct pcg_log){ .write = note };
	vfio_detach(v);
	assert_int_equal(comes(1), 0);
	control(true);
	mapped(0, 64, 0);
	space_at(5, 20);
	space_at(6, 20);
	stuck = 5;
}

static void a_pasid_that_stays_is_told_and_leads_nowhere(void **state)
{
	(void)state;
	client_with_a_stuck_pasid();
	vfio_detach(v);
	assert_int_not_equal(at[5], 0);
	assert_int_equal(at[6], 0);
	assert_int_equal(meets(5, 100), -1);
	assert_true(spaces_unclean(v));
	spaces_note_kept(v);
	assert_non_null(strstr(noted, "PASID 5"));
	noted[0] = '\0';
	spaces_note_kept(v);
	assert_string_equal(noted, "");
	assert_int_equal(v->spaces->copies, 0);
	/* Until the kernel lets it go. */
	stuck = 0;
	vfio_detach(v);
	spaces_leave(v);
	assert_int_equal(at[5], 0);
	assert_false(spaces_unclean(v));
	assert_int_equal(live(), before + 2);
}

/* The same client goes on after a reset: its next space stands there, and nothing of the old one is found. */
static void the_same_client_gets_it_back_without_the_old_space(void **state)
{
	uint32_t old;

	(void)state;
	client_with_a_stuck_pasid();
	old = v->spaces->last;
	vfio_detach(v);
	assert_int_equal(comes(1), 0);
	assert_int_equal(device, 1000);
	assert_int_equal(do_map(old, 0, 1, 0, RWU), -ENOENT);
	assert_int_equal(do_map(old - 1, 0, 1, 0, RWU), -ENOENT);
	control(true);
	assert_int_equal(meets(5, 100), -1);
	space_at(5, 30);
	assert_int_equal(meets(5, 100), 30);
	stuck = 0;
}

static void before_the_next_client_the_file_is_opened_anew(void **state)
{
	(void)state;
	client_with_a_stuck_pasid();
	goes();
	assert_int_not_equal(device, 1000);
	assert_int_equal(v->device, device);
	assert_int_equal(at[5], 0);
	assert_false(spaces_unclean(v));
	assert_int_equal(live(), before);
	assert_int_equal(comes(2), 0);
	assert_int_equal(v->spaces->npasids, 0);
}

static void a_client_that_cannot_have_it_clean_is_refused(void **state)
{
	(void)state;
	client_with_a_stuck_pasid();
	v->settings.device = 3;
	goes();
	assert_int_equal(comes(2), -EUCLEAN);
	assert_int_equal(comes(3), -EUCLEAN);
	assert_false(v->attached);
	assert_int_not_equal(at[5], 0);
	stuck = 0;
	assert_int_equal(comes(3), 0);
	assert_int_equal(at[5], 0);
}

/* What stands at it goes on leading to that memory, so it is emptied with it. */
static void the_space_of_a_stuck_pasid_is_not_lost_sight_of(void **state)
{
	const struct pcg_pasid_control off = { .pasid = false };
	uint32_t old, new;

	(void)state;
	mapped(0, 64, 0);
	old = space_at(5, 20);
	new = create();
	stuck = 5;
	assert_int_equal(spaces_control(v, &off), -EIO);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 5, new), -EIO);
	assert_int_equal(do_at(PCG_SPACE_DESTROY, 0, old), -EIO);
	unmapped(0, 64);
	assert_int_equal(meets(5, 100), -1);
	stuck = 0;
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 5, new), 0);
	assert_int_equal(at[5], 0);
}

/* --- a function that the kernel does not detach --- */

static void its_file_is_opened_anew(void **state)
{
	(void)state;
	mapped(0, 64, 0);
	space_at(5, 20);
	stays = true;
	v->job = (struct vfio_job){ .work = WORK_DETACH, .range.fd = -1 };
	assert_int_equal(vfio_work(v), 0);
	assert_false(v->attached);
	assert_int_equal(at_rid, 0);
	assert_int_equal(at[5], 0);
	assert_int_not_equal(device, 1000);
	assert_int_equal(v->device, device);
	/* What its client has mapped is there still, for after a reset. */
	assert_non_null(fake_at(v->ioas, 0));
	stays = false;
	assert_int_equal(vfio_attach(v), 0);
}

static void where_that_cannot_be_it_loses_its_memory(void **state)
{
	(void)state;
	mapped(0, 64, 0);
	v->settings.device = 3;
	stays = true;
	v->job = (struct vfio_job){ .work = WORK_DETACH, .range.fd = -1 };
	assert_int_equal(vfio_work(v), -EIO);
	assert_int_equal(v->device, 1000);
	assert_null(fake_at(v->ioas, 0));
	/* And is not taken for one that was detached. */
	assert_true(v->attached);
	stays = false;
	assert_int_equal(vfio_work(v), 0);
	assert_false(v->attached);
}

/* Others' functions keep the iommufd open for long. */
static void nothing_of_it_outlives_the_function(void **state)
{
	(void)state;
	client_with_a_stuck_pasid();
	v->settings.device = 3;
	goes();
	/* tear_down() looks. */
}

static void given_up_work_is_cleared_away(void **state)
{
	const struct vfio_debt leaves = { .leaves = true };

	(void)state;
	mapped(0, 64, 0);
	space_at(5, 20);
	vfio_settle(v, &leaves);
	assert_int_equal(at[5], 0);
	assert_int_equal(live(), before + 2);
}

/* --- what clients may ask --- */

static void what_is_not_there_is_named(void **state)
{
	uint32_t space = create();

	(void)state;
	assert_int_equal(do_map(space + 1, 0, 1, 0, RWU), -ENOENT);
	assert_int_equal(do_unmap(space + 1, 0, 0), -ENOENT);
	assert_int_equal(do_unmap(space, 0, 1), -ENOENT);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 1, space + 1), -ENOENT);
	assert_int_equal(do_at(PCG_SPACE_DESTROY, 0, 0), -ENOENT);
	assert_int_equal(do_at(PCG_SPACE_DETACH, 1, 0), -ENOENT);
	assert_int_equal(do_at((enum pcg_space_verb)77, 1, space), -EINVAL);
	assert_null(v->spaces->refused);
}

static void a_pasid_that_is_too_wide_is_named(void **state)
{
	uint32_t space = create();

	(void)state;
	assert_int_equal(do_at(PCG_SPACE_ATTACH, PASIDS - 1, space), 0);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, PASIDS, space), -ERANGE);
	assert_int_equal(do_at(PCG_SPACE_ATTACH, UINT32_MAX, space), -ERANGE);
}

static void maps_are_checked(void **state)
{
	uint32_t space = create();
	struct pcg_space s = { .verb = PCG_SPACE_MAP, .space = space, .size = PAGE, .flags = RWU };

	(void)state;
	assert_int_equal(do_map(space, 4, 4, 0, RWU), 0);
	assert_int_equal(do_map(space, 7, 1, 0, RWU), -EEXIST);
	assert_int_equal(do_map(space, 3, 2, 0, RWU), -EEXIST);
	assert_int_equal(do_map(space, 20, 0, 0, RWU), -EINVAL);
	assert_int_equal(do_map(space, 20, 1, 0, PCG_SPACE_USER), -EINVAL);
	assert_int_equal(do_map(space, 20, 1, 0, RWU | 16), -EINVAL);
	assert_int_equal(do_map(space, UINT64_MAX / PAGE, 2, 0, RWU), -EINVAL);
	assert_int_equal(do_map(space, 20, 2, UINT64_MAX / PAGE, RWU), -EINVAL);
	s.iova = 20 * PAGE + 1;
	assert_int_equal(spaces_do(v, &s), -EINVAL);
	s.iova = 20 * PAGE;
	s.address = 8;
	assert_int_equal(spaces_do(v, &s), -EINVAL);
	assert_int_equal(do_map(space, 0xfffffffffffff, 1, 0, RWU), 0);
}

/* The kernel has no such bits: a page would be for everybody. */
static void what_cannot_be_enforced_is_not_mapped(void **state)
{
	uint32_t space = create();

	(void)state;
	assert_int_equal(do_map(space, 0, 1, 0, PCG_SPACE_READ | PCG_SPACE_USER | PCG_SPACE_EXECUTE), -EOPNOTSUPP);
	assert_int_equal(do_map(space, 0, 1, 0, PCG_SPACE_READ), -EOPNOTSUPP);
}

static void maps_go_as_they_came(void **state)
{
	uint32_t space;

	(void)state;
	mapped(0, 64, 0);
	space = space_at(5, 20);
	assert_int_equal(do_unmap(space, 100, 9), -ENOENT);
	assert_int_equal(do_unmap(space, 101, 9), -ENOENT);
	assert_int_equal(meets(5, 100), 20);
	assert_int_equal(do_unmap(space, 100, 10), 0);
	assert_int_equal(meets(5, 100), -1);
	assert_int_equal(do_map(space, 0, 1, 0, RWU), 0);
	assert_int_equal(do_map(space, 8, 1, 0, RWU), 0);
	assert_int_equal(do_unmap(space, 0, 0), 0);
	assert_int_equal(meets(5, 0), -1);
	assert_int_equal(v->spaces->maps, 0);
	assert_int_equal(v->spaces->copies, 0);
}

static void there_is_an_end_to_spaces(void **state)
{
	struct pcg_space s = { .verb = PCG_SPACE_CREATE };
	uint32_t first = create();

	(void)state;
	for (unsigned int i = 1; i < SPACES_MAX; i++)
		create();
	assert_int_equal(spaces_do(v, &s), -ENOSPC);
	assert_int_equal(do_at(PCG_SPACE_DESTROY, 0, first), 0);
	assert_int_not_equal(create(), first);
}

static void there_is_an_end_to_maps_and_copies(void **state)
{
	uint32_t space = create();

	(void)state;
	mapped(0, 64, 0);
	v->spaces->copies = SPACES_MAX_COPIES;
	assert_int_equal(do_map(space, 0, 1, 0, RWU), -ENOSPC);
	v->spaces->copies = 0;
	v->spaces->maps = SPACES_MAX_MAPS;
	assert_int_equal(do_map(space, 0, 1, 0, RWU), -ENOSPC);
	v->spaces->maps = 0;
	v->spaces->npasids = SPACES_MAX_PASIDS;
	assert_int_equal(do_at(PCG_SPACE_ATTACH, 1, space), -ENOSPC);
	v->spaces->npasids = 0;
}

static void what_the_kernel_refuses_is_undone(void **state)
{
	const struct {
		unsigned long request;
		unsigned int after;
	} cases[] = { { UAPI_IOAS_ALLOC, 0 }, { UAPI_HWPT_ALLOC, 0 } };
	struct pcg_space s = { .verb = PCG_SPACE_CREATE };
	uint32_t space;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		failure.request = cases[i].request;
		failure.error = ENOMEM;
		failure.after = cases[i].after;
		assert_int_equal(spaces_do(v, &s), -ENOMEM);
		assert_non_null(v->spaces->refused);
		assert_int_equal(live(), before);
	}
	mapped(0, 8, 0);
	mapped(8, 8, 8);
	space = create();
	failure.request = UAPI_IOAS_COPY;
	failure.error = EINVAL;
	failure.after = 1;
	assert_int_equal(do_map(space, 0, 16, 0, RWU), -EINVAL);
	assert_int_equal(v->spaces->copies, 0);
	assert_int_equal(do_map(space, 0, 16, 0, RWU), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(width_is_the_kernels_and_nothing_else_is_claimed),
		cmocka_unit_test(without_pasids_the_reason_is_given),
		cmocka_unit_test(what_hardware_has_not_enabled_is_not_claimed),
		TEST(a_map_leads_to_the_clients_memory),
		TEST(it_may_lie_in_several_maps_of_the_client),
		TEST(what_has_no_memory_yet_is_reached_when_it_comes),
		TEST(no_more_is_allowed_than_both_allow),
		TEST(what_the_client_unmaps_ends_in_all_spaces_first),
		TEST(what_cannot_be_taken_back_is_detached),
		TEST(when_all_is_unmapped_spaces_are_empty),
		TEST(a_map_that_no_space_takes_fails_whole),
		TEST(another_space_replaces_without_a_gap),
		TEST(a_replacement_that_fails_leaves_the_old_one),
		TEST(a_space_may_stand_at_several),
		TEST(without_pasid_enable_none_is_attached),
		TEST(enabling_is_all_or_nothing),
		TEST(wider_ones_than_are_shown_are_not_attached),
		TEST(pasid_0_cannot_be_had),
		TEST(losing_memory_ends_pasids_before_the_function),
		TEST(after_a_reset_spaces_are_made_anew),
		TEST(a_pasid_that_stays_is_told_and_leads_nowhere),
		TEST(the_same_client_gets_it_back_without_the_old_space),
		TEST(before_the_next_client_the_file_is_opened_anew),
		TEST(a_client_that_cannot_have_it_clean_is_refused),
		TEST(the_space_of_a_stuck_pasid_is_not_lost_sight_of),
		TEST(its_file_is_opened_anew),
		TEST(where_that_cannot_be_it_loses_its_memory),
		TEST(nothing_of_it_outlives_the_function),
		TEST(given_up_work_is_cleared_away),
		TEST(what_is_not_there_is_named),
		TEST(a_pasid_that_is_too_wide_is_named),
		TEST(maps_are_checked),
		TEST(what_cannot_be_enforced_is_not_mapped),
		TEST(maps_go_as_they_came),
		TEST(there_is_an_end_to_spaces),
		TEST(there_is_an_end_to_maps_and_copies),
		TEST(what_the_kernel_refuses_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
