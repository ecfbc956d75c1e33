/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the VFIO backend's worker is asked, in which order, and what becomes of what was given up: an IOMMU that writes
 * down what it is told, and whose maps and attaching can be made to take their time.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/vfio/vfio.c"

static struct vfio *v;
static struct vfio_pool *pool;
static char calls[4096];
static int gate[2];  /* a byte lets a map end */
static int begun[2]; /* and one says that it has begun */
static bool slow;
static int refuse; /* attaching fails with this, */
static int times;  /* so often */
static int refuse_map;
static pthread_t asker; /* who asks for the ranges */
static int memory;
static int ended;

static struct pcg_dma *client;

static void write_down(const char *what, const struct pcg_dma_range *range)
{
	size_t used = strlen(calls);

	used += (size_t)snprintf(calls + used, sizeof(calls) - used, "%s", what);
	if (range != NULL)
		used += (size_t)snprintf(calls + used, sizeof(calls) - used, "%x", (unsigned int)range->iova);
	snprintf(calls + used, sizeof(calls) - used, " ");
}

static int fake_attach(struct vfio *of)
{
	(void)of;
	write_down("attach", NULL);
	if (times == 0)
		return 0;
	times--;
	return refuse;
}

static int fake_detach(struct vfio *of)
{
	(void)of;
	write_down("detach", NULL);
	return 0;
}

static int fake_map(struct vfio *of, const struct pcg_dma_range *range)
{
	char byte;

	(void)of;
	write_down("map", range);
	if (!slow)
		return refuse_map;
	return write(begun[1], "x", 1) == 1 && read(gate[0], &byte, 1) == 1 ? 0 : -EIO;
}

static int fake_unmap(struct vfio *of, const struct pcg_dma_range *range)
{
	(void)of;
	write_down(range != NULL ? "unmap" : "unmap*", range);
	return 0;
}

static unsigned int fake_ranges(const struct vfio *of, struct vfio_range *ranges, unsigned int room)
{
	(void)of;
	assert_true(room > 0);
	asker = pthread_self();
	ranges[0] = (struct vfio_range){ 0, 0xffff };
	return 1;
}

static void fake_finish(struct vfio *of)
{
	(void)of;
}

static struct vfio_iommu iommu = {
	.attach = fake_attach,
	.detach = fake_detach,
	.map = fake_map,
	.unmap = fake_unmap,
	.ranges = fake_ranges,
	.finish = fake_finish,
};

static char said[512];

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

static struct vfio *function_make(uint32_t devid)
{
	static const struct vfio_worker_calls worker = { .run = vfio_work, .last = vfio_last };
	struct vfio *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	made->host.ops = &ops;
	made->host.log.write = take_note;
	made->device = memfd_create("device", MFD_CLOEXEC);
	made->group = made->container = made->poll = -1;
	made->irqs.error = made->irqs.request = -1;
	memset(made->resources, -1, sizeof(made->resources));
	made->job.buffer = made->job.small;
	made->queued.buffer = made->queued.small;
	made->job.range.fd = made->queued.range.fd = -1;
	made->iommu = &iommu;
	made->devid = devid;
	made->regions[0].size = 4096;
	assert_int_equal(ftruncate(made->device, 4096), 0);
	made->pool = vfio_pool_join(pool);
	assert_int_equal(vfio_group_join(made, -1), 0);
	assert_int_equal(vfio_worker_create(&made->worker, &worker, made), 0);
	vfio_pool_add(pool, made);
	return made;
}

static int set_up(void **state)
{
	const struct pcg_dma_limits limits = { .page_size = 4096, .max_maps = 16 };

	(void)state;
	calls[0] = '\0';
	slow = false;
	times = refuse_map = 0;
	ended = 0;
	iommu.stays = false;
	memory = memfd_create("memory", MFD_CLOEXEC);
	if (pipe(gate) != 0 || pipe(begun) != 0 || vfio_pool_create(&pool) != 0 ||
	    pcg_dma_create(&client, &limits, NULL, NULL) != 0)
		return -1;
	v = function_make(1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ops.destroy(&v->host);
	vfio_pool_destroy(pool);
	pcg_dma_destroy(client);
	close(memory);
	close(gate[0]);
	close(gate[1]);
	close(begun[0]);
	close(begun[1]);
	return 0;
}

/* As a loop does, until the worker has nothing to do. */
static void run(struct vfio *of)
{
	struct pollfd ready = { .fd = vfio_worker_fd(of->worker), .events = POLLIN };

	ops.work(&of->host);
	while (vfio_worker_busy(of->worker)) {
		assert_int_equal(poll(&ready, 1, 10000), 1);
		ops.work(&of->host);
	}
}

/* Until the worker is in the map, which the gate keeps there. */
static void wait_for_map(void)
{
	char byte;

	assert_int_equal(read(begun[0], &byte, 1), 1);
}

static int begin_map(void)
{
	const struct pcg_dma_range range = { .iova = 0x1000, .size = 0x1000, .flags = 3, .fd = memory };

	slow = true;
	return ops.dma_map(&v->host, &range, &op);
}

/* --- attaching --- */

static void attaching_is_the_workers_and_says_what_came_of_it(void **state)
{
	(void)state;
	refuse = -EPERM;
	times = 1;
	assert_int_equal(ops.dma(&v->host, client, &op), PCG_PENDING);
	run(v);
	assert_int_equal(ended, -EPERM);
	assert_false(v->attached);
	assert_int_equal(ops.dma(&v->host, client, &op), PCG_PENDING);
	run(v);
	assert_int_equal(ended, 1);
	assert_true(v->attached);
	assert_int_equal(ops.dma(&v->host, NULL, &op), PCG_PENDING);
	run(v);
	assert_string_equal(calls, "attach attach detach ");
}

/* The kernel attaches nothing to a function that is being reset. */
static void attaching_waits_for_a_reset_to_end(void **state)
{
	(void)state;
	refuse = -EBUSY;
	times = 3;
	assert_int_equal(ops.dma(&v->host, client, &op), PCG_PENDING);
	run(v);
	assert_int_equal(ended, 1);
	assert_string_equal(calls, "attach attach attach attach ");
}

/* --- what was given up --- */

static void attach(void)
{
	assert_int_equal(ops.dma(&v->host, client, &op), PCG_PENDING);
	run(v);
	calls[0] = '\0';
}

static void a_map_that_comes_late_is_undone(void **state)
{
	(void)state;
	attach();
	assert_int_equal(begin_map(), PCG_PENDING);
	wait_for_map();
	ops.cancel(&v->host, &op);
	assert_int_equal(ops.dma(&v->host, NULL, NULL), PCG_DONE);
	assert_int_equal(write(gate[1], "x", 1), 1);
	run(v);
	assert_string_equal(calls, "map1000 detach unmap1000 ");
	assert_false(v->attached);
}

/* Whatever is asked meanwhile comes after it. */
static void it_is_undone_before_what_follows(void **state)
{
	const struct pcg_dma_range other = { .iova = 0x5000, .size = 0x1000, .fd = -1 };

	(void)state;
	attach();
	assert_int_equal(begin_map(), PCG_PENDING);
	wait_for_map();
	ops.cancel(&v->host, &op);
	ended = 0;
	assert_int_equal(ops.dma_unmap(&v->host, &other, &op), PCG_PENDING);
	assert_int_equal(write(gate[1], "x", 1), 1);
	run(v);
	assert_string_equal(calls, "map1000 unmap1000 unmap5000 ");
	assert_int_equal(ended, 1);
}

static void a_map_in_time_stays(void **state)
{
	(void)state;
	attach();
	assert_int_equal(begin_map(), PCG_PENDING);
	assert_int_equal(write(gate[1], "x", 1), 1);
	run(v);
	assert_string_equal(calls, "map1000 ");
}

/* Another function of the group may be having its memory pinned, and a container keeps whoever asks it meanwhile. */
static void why_a_map_is_refused_is_asked_by_the_worker(void **state)
{
	const struct pcg_dma_range range = { .iova = 0x100000, .size = 0x1000, .flags = 3, .fd = memory };

	(void)state;
	attach();
	asker = pthread_self();
	refuse_map = -EINVAL;
	assert_int_equal(ops.dma_map(&v->host, &range, &op), PCG_PENDING);
	run(v);
	assert_int_equal(ended, -EINVAL);
	assert_false(pthread_equal(asker, pthread_self()));
	assert_non_null(strstr(said, "the IOMMU translates 0-0xffff:"));
}

/* What a container translates it translates detached, too. */
static void one_that_cannot_be_detached_loses_its_maps(void **state)
{
	(void)state;
	iommu.stays = true;
	attach();
	assert_int_equal(ops.dma(&v->host, NULL, NULL), PCG_DONE);
	run(v);
	assert_string_equal(calls, "detach unmap* ");
}

/* --- resets by the bus --- */

static void a_reset_waits_for_no_other_vm(void **state)
{
	const uint32_t both[] = { 1, 2 }, alone[] = { 1, 0 }, unknown[] = { 1, 77 };
	struct vfio *other = function_make(2);

	(void)state;
	assert_int_equal(vfio_pool_reset_begin(pool, v, alone, 2), 0);
	vfio_pool_reset_end(pool, v);
	assert_int_equal(vfio_pool_reset_begin(pool, v, both, 2), 0);
	vfio_pool_reset_end(pool, v);
	assert_int_equal(vfio_pool_reset_begin(pool, v, unknown, 2), -EBUSY);
	assert_int_equal(vfio_pool_attached(pool, other, true), 0);
	assert_int_equal(vfio_pool_reset_begin(pool, v, both, 2), -EBUSY);
	assert_false(atomic_load(&other->touched));
	ops.destroy(&other->host);
}

/* Nor does a client come to a function that is being reset along with another one. */
static void nobody_comes_to_what_a_reset_takes_along(void **state)
{
	const uint32_t both[] = { 1, 2 };
	struct vfio *other = function_make(2);
	uint8_t data[4];

	(void)state;
	assert_int_equal(vfio_pool_reset_begin(pool, v, both, 2), 0);
	assert_int_equal(vfio_pool_attached(pool, other, true), -EBUSY);
	/* Its BARs are the worker's meanwhile; those of the one that is reset are anyway. */
	assert_int_equal(ops.region_read(&other->host, 0, 0, data, 4, &op), PCG_PENDING);
	run(other);
	vfio_pool_reset_end(pool, v);
	assert_int_equal(ops.region_read(&other->host, 0, 0, data, 4, &op), PCG_DONE);
	assert_int_equal(vfio_pool_attached(pool, other, true), 0);
	ops.destroy(&other->host);
}

/* A number that the kernel has given to another function since must not stand for this one. */
static void a_closed_function_has_no_number(void **state)
{
	const uint32_t number[] = { 1 };
	struct vfio *other = function_make(2);

	(void)state;
	assert_int_equal(vfio_pool_attached(pool, v, true), 0);
	assert_int_equal(vfio_shut(v), 0);
	vfio_pool_bound(pool, other, 1);
	assert_int_equal(vfio_pool_reset_begin(pool, other, number, 1), 0);
	vfio_pool_reset_end(pool, other);
	ops.destroy(&other->host);
}

static atomic_bool gone;

static void slow_last(void *arg)
{
	char byte;

	(void)arg;
	atomic_store(&gone, read(gate[0], &byte, 1) == 1);
}

/* The kernel resets a function when its file is closed, which one that does not answer makes a matter of a minute. */
static void the_end_of_one_does_not_keep_the_others(void **state)
{
	static const struct vfio_worker_calls calls_of = { .last = slow_last };
	struct vfio_worker *worker;

	(void)state;
	atomic_store(&gone, false);
	assert_int_equal(vfio_worker_create(&worker, &calls_of, NULL), 0);
	vfio_worker_destroy(worker);
	assert_false(atomic_load(&gone));
	assert_int_equal(write(gate[1], "x", 1), 1);
	for (unsigned int i = 0; i < 10000 && !atomic_load(&gone); i++)
		usleep(1000);
	assert_true(atomic_load(&gone));
}

static void functions_of_a_pool_share_one_iommufd(void **state)
{
	int another = memfd_create("another", MFD_CLOEXEC), fd;

	(void)state;
	assert_int_equal(vfio_pool_iommufd(pool, memory, &fd), 0);
	assert_int_equal(vfio_pool_iommufd(pool, -1, &fd), 0);
	assert_int_equal(vfio_pool_iommufd(pool, memory, &fd), 0);
	assert_int_equal(vfio_pool_iommufd(pool, another, &fd), -EXDEV);
	close(another);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(attaching_is_the_workers_and_says_what_came_of_it),
		TEST(attaching_waits_for_a_reset_to_end),
		TEST(a_map_that_comes_late_is_undone),
		TEST(it_is_undone_before_what_follows),
		TEST(a_map_in_time_stays),
		TEST(why_a_map_is_refused_is_asked_by_the_worker),
		TEST(one_that_cannot_be_detached_loses_its_maps),
		TEST(a_reset_waits_for_no_other_vm),
		TEST(nobody_comes_to_what_a_reset_takes_along),
		TEST(a_closed_function_has_no_number),
		TEST(the_end_of_one_does_not_keep_the_others),
		TEST(functions_of_a_pool_share_one_iommufd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
