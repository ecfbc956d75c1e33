/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions of one IOMMU group: whose they are, and what they reach together. An iommufd of our own attaches as the
 * kernel does: functions of one group to one address space, or not at all.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vfio.h>

#include <cmocka.h>

#include "host/vfio/vfio.c"
#include "host/vfio/uapi.h"

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left);
int __real_nanosleep(const struct timespec *duration, struct timespec *left);

#define PAGE  UINT64_C(4096)
#define AREAS 64u

/* --- the kernel --- */

struct area {
	uint32_t ioas;
	uint64_t iova;
	uint64_t length;
};

static struct area areas[AREAS];
static unsigned int nareas;
static uint32_t last_id;
static uint32_t objects;
static uint32_t at[2]; /* what each function is attached to */
static int refuse_reset;
static bool woken; /* out of low power, when nothing was attached yet */

static int fails(int error)
{
	errno = error;
	return -1;
}

static int area_add(uint32_t ioas, uint32_t flags, uint64_t *iova, uint64_t length)
{
	if ((flags & UAPI_MAP_FIXED) == 0)
		*iova = (UINT64_C(1) << 40) + last_id++ * (1 << 20);
	for (unsigned int i = 0; i < nareas; i++) {
		if (areas[i].ioas == ioas && *iova < areas[i].iova + areas[i].length && areas[i].iova < *iova + length)
			return fails(EEXIST);
	}
	assert_true(nareas < AREAS);
	areas[nareas++] = (struct area){ ioas, *iova, length };
	return 0;
}

static int area_remove(uint32_t ioas, uint64_t iova, uint64_t length)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < nareas; i++) {
		if (areas[i].ioas != ioas || areas[i].iova < iova || areas[i].iova - iova > length - areas[i].length)
			continue;
		areas[i--] = areas[--nareas];
		found++;
	}
	return found > 0 ? 0 : fails(ENOENT);
}

/* Device files are 1000 and 1001. */
static int attach_device(int fd, uint32_t id)
{
	unsigned int which = (unsigned int)fd - 1000;

	if (at[1 - which] != 0 && at[1 - which] != id)
		return fails(EINVAL);
	at[which] = id;
	return 0;
}

static int answer(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case UAPI_IOAS_ALLOC:
		objects++;
		((struct uapi_ioas_alloc *)arg)->out_id = ++last_id;
		return 0;
	case UAPI_HWPT_ALLOC:
		objects++;
		((struct uapi_hwpt_alloc *)arg)->out_id = ++last_id;
		return 0;
	case UAPI_IOMMU_DESTROY:
		area_remove(((struct uapi_destroy *)arg)->id, 0, UINT64_MAX);
		objects--;
		return 0;
	case UAPI_IOAS_MAP_FILE: {
		struct uapi_ioas_map_file *map = arg;

		return area_add(map->ioas, map->flags, &map->iova, map->length);
	}
	case UAPI_IOAS_COPY: {
		struct uapi_ioas_copy *copy = arg;

		return area_add(copy->to, copy->flags, &copy->to_iova, copy->length);
	}
	case UAPI_IOAS_UNMAP: {
		const struct uapi_ioas_unmap *unmap = arg;

		return area_remove(unmap->ioas, unmap->iova, unmap->length);
	}
	case UAPI_DEVICE_ATTACH:
		return attach_device(fd, ((struct uapi_attach *)arg)->pt_id);
	case UAPI_DEVICE_DETACH:
		at[fd - 1000] = 0;
		return 0;
	case VFIO_DEVICE_FEATURE:
		woken = ((struct vfio_device_feature *)arg)->flags ==
				(VFIO_DEVICE_FEATURE_SET | UAPI_FEATURE_LOW_POWER_EXIT) &&
			at[0] == 0;
		return 0;
	case UAPI_IOAS_RANGES:
		return fails(EOPNOTSUPP);
	case VFIO_DEVICE_RESET:
		return refuse_reset != 0 ? fails(-refuse_reset) : 0;
	default:
		fail_msg("request %#lx", request);
		return -1;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return answer(fd, request, arg);
}

/* Who is refused in the end is so sooner. */
static bool patient;

int __wrap_nanosleep(const struct timespec *duration, struct timespec *left)
{
	const struct timespec instant = { .tv_nsec = 1000 };

	return __real_nanosleep(patient ? duration : &instant, left);
}

/* --- two functions of one group, and clients --- */

static struct vfio_pool *pool;
static struct vfio *a, *b;
static struct pcg_dma *one, *other, *unknown;
static int memory;
static int ended;
static char said[4096];

static void take_note(void *arg, const struct pcg_note *note)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", note->text);
}

static void done(struct pcg_op *op, int result)
{
	(void)op;
	ended = result == 0 ? 1 : result;
}

static struct pcg_op op = { .done = done };

static void nothing(void *arg)
{
	(void)arg;
}

static struct vfio *function_of(const char *bdf, int device, int group)
{
	static const struct vfio_worker_calls worker = { .run = vfio_work, .last = nothing };
	struct vfio *v = calloc(1, sizeof(*v));
	struct uapi_ioas_alloc alloc = { 0 };

	assert_non_null(v);
	v->host.ops = &ops;
	v->host.log.write = take_note;
	v->host.info.can_reset = v->resets = true;
	snprintf(v->place.bdf, sizeof(v->place.bdf), "%s", bdf);
	v->device = device;
	v->group = v->container = v->poll = v->irqs.error = v->irqs.request = -1;
	v->job.buffer = v->job.small;
	v->queued.buffer = v->queued.small;
	v->job.range.fd = v->queued.range.fd = -1;
	v->iommu = &vfio_iommufd;
	v->pool = vfio_pool_join(pool);
	assert_int_equal(vfio_group_join(v, group), 0);
	if (v->common->ioas == 0) {
		assert_int_equal(ioctl(0, UAPI_IOAS_ALLOC, &alloc), 0);
		v->common->ioas = alloc.out_id;
	}
	v->ioas = v->common->ioas;
	assert_int_equal(vfio_worker_create(&v->worker, &worker, v), 0);
	vfio_pool_add(pool, v);
	return v;
}

static struct vfio *function_make(const char *bdf, int device)
{
	return function_of(bdf, device, 7);
}

static void function_end(struct vfio *v)
{
	if (v == NULL)
		return;
	ops.destroy(&v->host);
	v->iommu->finish(v);
	vfio_group_unmap(v, NULL);
	vfio_group_leave(v);
	vfio_pool_destroy(v->pool);
	free(v);
}

static struct pcg_dma *client_make(uint64_t number)
{
	const struct pcg_dma_limits limits = { .page_size = 4096, .max_maps = 16 };
	const struct pcg_dma_client client = { .number = number, .pid = (int32_t)number * 100 };
	struct pcg_dma *dma;

	assert_int_equal(pcg_dma_create(&dma, &limits, NULL, NULL), 0);
	pcg_dma_set_client(dma, &client);
	return dma;
}

static int set_up(void **state)
{
	(void)state;
	memset(at, 0, sizeof(at));
	nareas = objects = 0;
	last_id = 100;
	refuse_reset = 0;
	patient = woken = false;
	said[0] = '\0';
	memory = memfd_create("memory", MFD_CLOEXEC);
	if (vfio_pool_create(&pool) != 0 || ftruncate(memory, 64 * PAGE) != 0)
		return -1;
	a = function_make("0000:01:00.0", 1000);
	b = function_make("0000:01:00.1", 1001);
	one = client_make(1);
	other = client_make(2);
	unknown = client_make(0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	function_end(a);
	function_end(b);
	vfio_pool_destroy(pool);
	pcg_dma_destroy(one);
	pcg_dma_destroy(other);
	pcg_dma_destroy(unknown);
	close(memory);
	/* Whatever a test did: nothing outlives the last function. */
	return nareas != 0 || objects != 0;
}

/* As a loop does. Return: what the operation ended with. */
static int wait_for(struct vfio *v, int r)
{
	struct pollfd ready = { .fd = vfio_worker_fd(v->worker), .events = POLLIN };

	if (r != PCG_PENDING)
		return r;
	ended = 0;
	while (ended == 0) {
		assert_int_equal(poll(&ready, 1, 10000), 1);
		ops.work(&v->host);
	}
	return ended == 1 ? 0 : ended;
}

static int give(struct vfio *v, struct pcg_dma *dma)
{
	return wait_for(v, ops.dma(&v->host, dma, &op));
}

static int map_at(struct vfio *v, uint64_t page, uint64_t pages, uint64_t offset, int fd)
{
	const struct pcg_dma_range range = {
		.iova = page * PAGE, .size = pages * PAGE, .flags = 3, .fd = fd, .offset = offset * PAGE
	};

	return wait_for(v, ops.dma_map(&v->host, &range, &op));
}

static int map(struct vfio *v, uint64_t page, uint64_t pages)
{
	return map_at(v, page, pages, page, memory);
}

static int unmap(struct vfio *v, uint64_t page, uint64_t pages)
{
	const struct pcg_dma_range range = { .iova = page * PAGE, .size = pages * PAGE, .fd = -1 };

	return wait_for(v, ops.dma_unmap(&v->host, &range, &op));
}

/* In the order of the function room, when a client hangs up. */
static int leave(struct vfio *v)
{
	int r = wait_for(v, ops.dma(&v->host, NULL, &op));

	if (r == 0)
		r = wait_for(v, ops.dma_unmap(&v->host, NULL, &op));
	return r == 0 ? wait_for(v, ops.reset(&v->host, &op)) : r;
}

static bool reached(uint64_t page)
{
	for (unsigned int i = 0; i < nareas; i++) {
		if (areas[i].ioas == a->common->ioas && page * PAGE >= areas[i].iova &&
		    page * PAGE - areas[i].iova < areas[i].length)
			return true;
	}
	return false;
}

/* --- whose they are --- */

static void one_process_has_them_all(void **state)
{
	(void)state;
	assert_int_equal(give(a, one), 0);
	assert_int_equal(give(b, one), 0);
	assert_int_not_equal(at[0], 0);
	assert_int_equal(at[0], at[1]);
}

static void another_one_is_refused_by_name(void **state)
{
	(void)state;
	assert_int_equal(give(a, one), 0);
	assert_int_equal(give(b, other), -EBUSY);
	assert_int_equal(at[1], 0);
	assert_non_null(strstr(said, "0000:01:00.0 of the same IOMMU group belongs to process 100."));
	/* It has left nothing behind. */
	assert_int_equal(leave(a), 0);
	assert_int_equal(give(a, other), 0);
	assert_int_equal(give(b, other), 0);
}

static void who_cannot_be_told_from_others_is_another_one(void **state)
{
	(void)state;
	assert_int_equal(give(a, unknown), 0);
	assert_int_equal(give(b, unknown), -EBUSY);
	assert_int_equal(give(b, one), -EBUSY);
	assert_non_null(strstr(said, "belongs to a process that cannot be told from others"));
}

/* Detached, it reaches what the group reaches: the kernel has one page table for all of them. */
static void a_function_that_was_not_reset_is_still_its_clients(void **state)
{
	(void)state;
	assert_int_equal(give(a, one), 0);
	refuse_reset = -EIO;
	assert_int_equal(leave(a), -EIO);
	assert_int_equal(give(b, other), -EBUSY);
	assert_non_null(strstr(said, "was left by process 100 and is not as new yet"));
	assert_int_equal(give(b, one), 0);
	refuse_reset = 0;
	assert_int_equal(leave(b), 0);
	assert_int_equal(leave(a), 0);
	assert_int_equal(give(b, other), 0);
}

/* A client that has mapped a BAR can do what it likes to it, for as long as it lives. */
static void so_is_one_that_was_lent_until_it_is_released(void **state)
{
	(void)state;
	a->host.info.lends_function = true;
	assert_int_equal(give(a, one), 0);
	assert_int_equal(leave(a), 0);
	assert_int_equal(give(b, other), -EBUSY);
	assert_int_equal(ops.release(&a->host, &op), PCG_DONE);
	assert_int_equal(give(b, other), 0);
}

static void a_reset_that_the_client_asks_for_does_not_open_the_group(void **state)
{
	(void)state;
	assert_int_equal(give(a, one), 0);
	assert_int_equal(wait_for(a, ops.dma(&a->host, NULL, &op)), 0);
	assert_int_equal(wait_for(a, ops.reset(&a->host, &op)), 0);
	assert_int_equal(give(b, other), -EBUSY);
	assert_int_equal(give(a, one), 0);
}

/* What is unmapped at once is not always what a client leaves: the same message may come from one that stays. */
static void a_client_that_unmaps_everything_stays(void **state)
{
	(void)state;
	assert_int_equal(give(a, one), 0);
	assert_int_equal(map(a, 0, 16), 0);
	assert_int_equal(wait_for(a, ops.dma_unmap(&a->host, NULL, &op)), 0);
	assert_int_equal(give(b, other), -EBUSY);
	/* Nor do both together, unmapping and a reset, make it somebody else's for a moment. */
	assert_int_equal(wait_for(a, ops.dma(&a->host, NULL, &op)), 0);
	assert_int_equal(wait_for(a, ops.reset(&a->host, &op)), 0);
	assert_int_equal(give(b, other), -EBUSY);
	assert_non_null(strstr(said, "belongs to process 100."));
	assert_int_equal(give(a, one), 0);
}

/* Detached it is, too, after a reset that failed. */
static void so_does_one_that_does_so_after_a_reset_that_failed(void **state)
{
	(void)state;
	assert_int_equal(give(a, one), 0);
	refuse_reset = -EIO;
	assert_int_equal(wait_for(a, ops.dma(&a->host, NULL, &op)), 0);
	assert_int_equal(wait_for(a, ops.reset(&a->host, &op)), -EIO);
	assert_int_equal(wait_for(a, ops.dma_unmap(&a->host, NULL, &op)), 0);
	refuse_reset = 0;
	assert_int_equal(wait_for(a, ops.dma(&a->host, NULL, &op)), 0);
	assert_int_equal(wait_for(a, ops.reset(&a->host, &op)), 0);
	assert_int_equal(give(b, other), -EBUSY);
	assert_int_equal(give(a, one), 0);
	assert_int_equal(leave(a), 0);
	assert_int_equal(give(b, other), 0);
}

/* The bus resets both: only who has both may want that, and not by leaving one. */
static void a_reset_by_the_bus_is_for_who_has_them_all(void **state)
{
	const uint32_t both[] = { 1, 2 };

	(void)state;
	vfio_pool_bound(pool, a, 1);
	vfio_pool_bound(pool, b, 2);
	assert_int_equal(give(a, one), 0);
	assert_int_equal(give(b, one), 0);
	assert_int_equal(vfio_pool_reset_begin(pool, a, both, 2), 0);
	vfio_pool_reset_end(pool, a);
	assert_int_equal(wait_for(a, ops.dma(&a->host, NULL, &op)), 0);
	assert_int_equal(wait_for(a, ops.dma_unmap(&a->host, NULL, &op)), 0);
	assert_int_equal(vfio_pool_reset_begin(pool, a, both, 2), -EBUSY);
}

/* A file that several VMs were given, as for ivshmem, does not make one of them. */
static void memory_in_common_does_not_make_two_clients_one(void **state)
{
	const uint32_t both[] = { 1, 2 };
	struct vfio *c;

	(void)state;
	function_end(b);
	b = NULL;
	c = function_of("0000:01:00.1", 1001, 8);
	vfio_pool_bound(pool, a, 1);
	vfio_pool_bound(pool, c, 2);
	at[1] = 0;
	assert_int_equal(give(a, one), 0);
	assert_int_equal(map(a, 0, 16), 0);
	assert_int_equal(vfio_pool_attached(pool, c, true), 0);
	c->hold = HOLD_CLIENT;
	c->client.number = 2;
	assert_int_equal(map(c, 0, 16), 0);
	assert_ptr_equal(a->common->staging[0], c->common->staging[0]);
	assert_int_equal(vfio_pool_reset_begin(pool, a, both, 2), -EBUSY);
	/* Nobody knows who this is: then that has to tell. */
	c->client.number = 0;
	assert_int_equal(vfio_pool_reset_begin(pool, a, both, 2), 0);
	vfio_pool_reset_end(pool, a);
	function_end(c);
}

static void a_function_is_awake_before_its_client_comes(void **state)
{
	(void)state;
	a->asleep = true;
	assert_int_equal(give(a, one), 0);
	assert_true(woken);
	assert_false(a->asleep);
}

static void a_group_is_not_entered_while_its_only_function_is_used(void **state)
{
	struct vfio late = { .pool = pool };

	(void)state;
	function_end(b);
	function_end(a);
	b = NULL;
	a = function_make("0000:01:00.0", 1000);
	assert_int_equal(give(a, one), 0);
	assert_int_equal(vfio_group_join(&late, 7), -EBUSY);
	assert_int_equal(leave(a), 0);
	assert_int_equal(vfio_group_join(&late, 7), 0);
	vfio_group_leave(&late);
}

/* --- what they reach --- */

static void share(void)
{
	assert_int_equal(give(a, one), 0);
	assert_int_equal(give(b, one), 0);
}

static void the_same_map_counts(void **state)
{
	unsigned int before;

	(void)state;
	share();
	assert_int_equal(map(a, 0, 16), 0);
	before = nareas;
	assert_int_equal(map(b, 0, 16), 0);
	assert_int_equal(nareas, before);
	assert_int_equal(unmap(a, 0, 16), 0);
	assert_true(reached(3));
	assert_int_equal(unmap(b, 0, 16), 0);
	assert_false(reached(3));
}

static void what_only_one_has_mapped_ends_with_its_unmap(void **state)
{
	(void)state;
	share();
	assert_int_equal(map(a, 0, 16), 0);
	assert_int_equal(unmap(b, 0, 16), 0);
	assert_true(reached(3));
	assert_int_equal(unmap(a, 0, 16), 0);
	assert_false(reached(3));
}

static void another_map_of_the_place_is_refused_by_name(void **state)
{
	int file = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(file, 64 * PAGE), 0);
	share();
	assert_int_equal(map(a, 0, 16), 0);
	assert_int_equal(map_at(b, 0, 16, 0, file), -EEXIST);
	assert_non_null(strstr(said, "0000:01:00.0 of the same IOMMU group maps it otherwise"));
	assert_int_equal(map_at(b, 0, 16, 1, memory), -EEXIST);
	assert_int_equal(map(b, 8, 16), -EEXIST);
	assert_int_equal(map(b, 16, 16), 0);
	assert_int_equal(unmap(b, 0, 64), 0);
	assert_true(reached(0));
	assert_false(reached(16));
	close(file);
}

/* A VMM unmaps on both connections, then maps otherwise on both; we may read the one before the other. */
static void a_map_waits_for_the_other_ones_unmap(void **state)
{
	const struct pcg_dma_range range = { .size = 8 * PAGE, .flags = 3, .fd = memory };
	int r;

	(void)state;
	share();
	assert_int_equal(map(a, 0, 16), 0);
	assert_int_equal(map(b, 0, 16), 0);
	assert_int_equal(unmap(a, 0, 16), 0);
	patient = true;
	r = ops.dma_map(&a->host, &range, &op);
	assert_int_equal(r, PCG_PENDING);
	usleep(50000);
	assert_int_equal(unmap(b, 0, 16), 0);
	assert_int_equal(wait_for(a, r), 0);
	assert_true(reached(7));
	assert_false(reached(8));
}

static void one_that_leaves_takes_only_its_own_along(void **state)
{
	(void)state;
	share();
	assert_int_equal(map(a, 0, 16), 0);
	assert_int_equal(map(a, 16, 16), 0);
	assert_int_equal(map(b, 0, 16), 0);
	assert_int_equal(leave(a), 0);
	assert_int_equal(at[0], 0);
	assert_int_not_equal(at[1], 0);
	assert_true(reached(0));
	assert_false(reached(16));
	/* And may come back. */
	assert_int_equal(give(a, one), 0);
	assert_int_equal(map(a, 0, 16), 0);
	assert_int_equal(leave(b), 0);
	assert_true(reached(0));
	assert_int_equal(leave(a), 0);
	assert_int_equal(nareas, 0);
	assert_int_equal(a->common->nstaging, 0);
}

static void the_address_space_ends_with_the_last(void **state)
{
	(void)state;
	share();
	assert_int_equal(map(a, 0, 16), 0);
	assert_int_equal(map(b, 0, 16), 0);
	function_end(a);
	a = b;
	assert_true(reached(0));
	function_end(b);
	a = b = NULL;
	assert_int_equal(objects, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_process_has_them_all),
		TEST(another_one_is_refused_by_name),
		TEST(who_cannot_be_told_from_others_is_another_one),
		TEST(a_function_that_was_not_reset_is_still_its_clients),
		TEST(so_is_one_that_was_lent_until_it_is_released),
		TEST(a_reset_that_the_client_asks_for_does_not_open_the_group),
		TEST(a_client_that_unmaps_everything_stays),
		TEST(so_does_one_that_does_so_after_a_reset_that_failed),
		TEST(a_reset_by_the_bus_is_for_who_has_them_all),
		TEST(memory_in_common_does_not_make_two_clients_one),
		TEST(a_function_is_awake_before_its_client_comes),
		TEST(a_group_is_not_entered_while_its_only_function_is_used),
		TEST(the_same_map_counts),
		TEST(what_only_one_has_mapped_ends_with_its_unmap),
		TEST(another_map_of_the_place_is_refused_by_name),
		TEST(a_map_waits_for_the_other_ones_unmap),
		TEST(one_that_leaves_takes_only_its_own_along),
		TEST(the_address_space_ends_with_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
