/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel is told of interrupts, in which order: every DEVICE_SET_IRQS is written down instead of made. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <linux/vfio.h>

#include <cmocka.h>

#include "host/vfio/internal.h"
#include "host/vfio/staging.h"
#include "host/vfio/uapi.h"

int __wrap_ioctl(int fd, unsigned long request, ...);

static struct vfio v;
static char calls[4096];
static unsigned int refuse; /* counts down to the call that is refused */
static int gate[2];

static void write_down(const struct vfio_irq_set *set)
{
	size_t used = strlen(calls);

	used += (size_t)snprintf(calls + used, sizeof(calls) - used, "%u:%u+%u", set->index, set->start, set->count);
	for (uint32_t i = 0; (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) != 0 && i < set->count; i++) {
		int32_t number;

		memcpy(&number, set->data + i * sizeof(number), sizeof(number));
		used += (size_t)snprintf(calls + used, sizeof(calls) - used, "%c%d", i == 0 ? '=' : ',', number);
	}
	snprintf(calls + used, sizeof(calls) - used, " ");
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct vfio_irq_set *set;
	va_list args;

	(void)fd;
	va_start(args, request);
	set = va_arg(args, const struct vfio_irq_set *);
	va_end(args);
	if (request != UAPI_DEVICE_BIND) {
		assert_int_equal(request, VFIO_DEVICE_SET_IRQS);
		write_down(set);
	}
	if (refuse > 0 && --refuse == 0) {
		errno = EIO;
		return -1;
	}
	return 0;
}

/* The worker's job lasts until the gate is opened. */
static int job(void *arg)
{
	char byte;

	(void)arg;
	return read(gate[0], &byte, 1) == 1 ? 0 : -EIO;
}

static void last(void *arg)
{
	(void)arg;
}

static int set_up(void **state)
{
	static const struct vfio_worker_calls worker = { .run = job, .last = last };

	(void)state;
	memset(&v, 0, sizeof(v));
	memset(v.irqs.fds, 0xff, sizeof(v.irqs.fds));
	v.irqs.fixed[PCG_IRQ_MSI] = true;
	calls[0] = '\0';
	refuse = 0;
	return pipe(gate) != 0 || vfio_pool_create(&v.pool) != 0 || vfio_worker_create(&v.worker, &worker, NULL) != 0;
}

static int tear_down(void **state)
{
	(void)state;
	vfio_worker_destroy(v.worker);
	vfio_pool_destroy(v.pool);
	close(gate[0]);
	close(gate[1]);
	return 0;
}

static int route(enum pcg_irq_index index, unsigned int start, unsigned int count, const int *fds)
{
	calls[0] = '\0';
	return vfio_irq_route(&v.host, index, start, count, fds);
}

static const int fds[] = { 100, 101, 102, 103 };

static void vectors_are_added_while_others_are_on(void **state)
{
	(void)state;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 1, fds), 0);
	assert_string_equal(calls, "2:0+1=100 ");
	assert_int_equal(route(PCG_IRQ_MSIX, 2, 1, fds + 2), 0);
	assert_string_equal(calls, "2:2+1=102 ");
}

static void a_late_first_vector_brings_those_before_it(void **state)
{
	(void)state;
	assert_int_equal(route(PCG_IRQ_MSIX, 2, 1, fds + 2), 0);
	assert_string_equal(calls, "2:0+3=-1,-1,102 ");
}

static void vectors_that_nobody_hears_wait_for_the_first(void **state)
{
	(void)state;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 4, NULL), 0);
	assert_string_equal(calls, "");
}

/* Where the kernel cannot add any. Whatever was raised in between is raised again: those before it, once. */
static void a_set_that_cannot_grow_is_made_anew(void **state)
{
	(void)state;
	assert_int_equal(route(PCG_IRQ_MSI, 0, 2, fds), 0);
	assert_int_equal(route(PCG_IRQ_MSI, 2, 2, fds + 2), 0);
	assert_string_equal(calls, "1:0+0 1:0+4=100,101,102,103 1:0+2 ");
}

/* MSI-X before Linux 6.5, which says NORESIZE of it as of MSI. */
static void msix_that_cannot_grow_is_made_anew_as_a_whole(void **state)
{
	(void)state;
	v.irqs.fixed[PCG_IRQ_MSIX] = true;
	assert_int_equal(route(PCG_IRQ_MSIX, 1, 1, fds + 1), 0);
	assert_string_equal(calls, "2:0+2=-1,101 ");
	assert_int_equal(route(PCG_IRQ_MSIX, 3, 1, fds + 3), 0);
	assert_string_equal(calls, "2:0+0 2:0+4=-1,101,-1,103 2:0+2 ");
	/* Inside what is set aside nothing is taken down. */
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 1, fds), 0);
	assert_string_equal(calls, "2:0+1=100 ");
	assert_int_equal(route(PCG_IRQ_MSIX, 2, 2, NULL), 0);
	assert_string_equal(calls, "2:2+2=-1,-1 ");
	/* The vectors that were set aside are there still. */
	assert_int_equal(route(PCG_IRQ_MSIX, 3, 1, fds + 3), 0);
	assert_string_equal(calls, "2:3+1=103 ");
}

static void a_masked_vector_is_so_in_the_new_set(void **state)
{
	(void)state;
	v.irqs.fixed[PCG_IRQ_MSIX] = true;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	assert_int_equal(vfio_irq_mask(&v.host, PCG_IRQ_MSIX, 0, true), 0);
	assert_int_equal(route(PCG_IRQ_MSIX, 2, 1, fds + 2), 0);
	assert_string_equal(calls, "2:0+0 2:0+3=-1,101,102 2:0+2 ");
	calls[0] = '\0';
	assert_int_equal(vfio_irq_mask(&v.host, PCG_IRQ_MSIX, 0, false), 0);
	assert_string_equal(calls, "2:0+1=100 ");
}

/* A set that nobody hears any more is one: it grows with those that it has. */
static void a_set_without_listeners_grows_as_well(void **state)
{
	(void)state;
	v.irqs.fixed[PCG_IRQ_MSIX] = true;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, NULL), 0);
	assert_int_equal(route(PCG_IRQ_MSIX, 1, 2, fds + 1), 0);
	assert_string_equal(calls, "2:0+0 2:0+3=-1,101,102 2:0+2 ");
}

/* The kernel had no vector set up for a while, as when it grows: whoever had one may have missed something. */
static void nothing_is_lost_when_growth_is_refused(void **state)
{
	(void)state;
	v.irqs.fixed[PCG_IRQ_MSIX] = true;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	refuse = 2;
	assert_int_equal(route(PCG_IRQ_MSIX, 2, 2, fds + 2), -EIO);
	assert_string_equal(calls, "2:0+0 2:0+4=100,101,102,103 2:0+2=100,101 2:0+2 ");
	assert_int_equal(route(PCG_IRQ_MSIX, 2, 1, fds + 2), 0);
	assert_string_equal(calls, "2:0+0 2:0+3=100,101,102 2:0+2 ");
}

static void what_is_refused_leaves_the_rest_as_it_was(void **state)
{
	static const int others[] = { 200, 201, 202 };

	(void)state;
	assert_int_equal(route(PCG_IRQ_MSI, 0, 2, fds), 0);
	refuse = 2;
	assert_int_equal(route(PCG_IRQ_MSI, 1, 3, others), -EIO);
	assert_string_equal(calls, "1:0+0 1:0+4=100,200,201,202 1:0+2=100,101 1:0+2 ");
	assert_int_equal(route(PCG_IRQ_MSI, 1, 1, others), 0);
	assert_string_equal(calls, "1:1+1=200 ");
}

/* The kernel undoes what it had done of the call, and with it what was there before. */
static void so_does_a_set_that_can_grow(void **state)
{
	static const int others[] = { 200, 201, 202 };

	(void)state;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	refuse = 1;
	assert_int_equal(route(PCG_IRQ_MSIX, 1, 3, others), -EIO);
	assert_string_equal(calls, "2:1+3=200,201,202 2:0+2=100,101 2:0+2 ");
}

static void a_masked_vector_has_no_listener(void **state)
{
	(void)state;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	calls[0] = '\0';
	assert_int_equal(vfio_irq_mask(&v.host, PCG_IRQ_MSIX, 1, true), 0);
	assert_int_equal(vfio_irq_mask(&v.host, PCG_IRQ_MSIX, 1, false), 0);
	assert_string_equal(calls, "2:1+1=-1 2:1+1=101 ");
}

static void errors_and_requests_come_by_us(void **state)
{
	(void)state;
	assert_int_equal(route(PCG_IRQ_ERR, 0, 1, fds), 0);
	assert_int_equal(route(PCG_IRQ_REQ, 0, 1, fds), 0);
	assert_string_equal(calls, "");
}

/* A reset that was given up may keep every call about interrupts: nobody waits for it. */
static void nothing_is_told_while_the_kernel_is_busy(void **state)
{
	int result;

	(void)state;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	vfio_worker_start(v.worker);
	assert_int_equal(route(PCG_IRQ_MSIX, 1, 1, fds), -EBUSY);
	assert_int_equal(vfio_irq_mask(&v.host, PCG_IRQ_MSIX, 1, true), -EBUSY);
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 0, NULL), 0);
	assert_string_equal(calls, "");
	assert_int_equal(write(gate[1], "x", 1), 1);
	while (!vfio_worker_ended(v.worker, &result))
		usleep(1000);
	vfio_irqs_late(&v);
	assert_string_equal(calls, "2:0+0 ");
	vfio_irqs_late(&v);
	assert_string_equal(calls, "2:0+0 ");
}

/* Memory that is being unpinned is no reason to wait. */
static void memory_that_goes_keeps_nobody(void **state)
{
	int result;

	(void)state;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	v.job.work = WORK_TIDY;
	vfio_worker_start(v.worker);
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 0, NULL), 0);
	assert_string_equal(calls, "2:0+0 ");
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 1, fds), 0);
	assert_string_equal(calls, "2:0+1=100 ");
	assert_int_equal(write(gate[1], "x", 1), 1);
	while (!vfio_worker_ended(v.worker, &result))
		usleep(1000);
	vfio_irqs_late(&v);
	assert_string_equal(calls, "2:0+1=100 ");
}

static unsigned int woken;

static void wake(void *arg)
{
	(void)arg;
	woken++;
}

/* Nor while another function's reset takes this one along: the kernel would keep the loop until its end. */
static void nothing_is_told_while_its_slot_is_reset(void **state)
{
	(void)state;
	v.host.events.wake = wake;
	woken = 0;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	atomic_store(&v.touched, true);
	assert_int_equal(route(PCG_IRQ_MSIX, 1, 1, fds), -EBUSY);
	assert_int_equal(vfio_irq_mask(&v.host, PCG_IRQ_MSIX, 1, true), -EBUSY);
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 0, NULL), 0);
	vfio_irqs_late(&v);
	assert_string_equal(calls, "");
	assert_int_equal(woken, 1);
	assert_false(atomic_load(&v.inside));
	atomic_store(&v.touched, false);
	vfio_irqs_late(&v);
	assert_string_equal(calls, "2:0+0 ");
}

/* The end of the old ones is not told after the beginning of the new ones. */
static void what_is_late_comes_before_what_is_new(void **state)
{
	(void)state;
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 2, fds), 0);
	atomic_store(&v.touched, true);
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 0, NULL), 0);
	atomic_store(&v.touched, false);
	assert_int_equal(route(PCG_IRQ_MSIX, 0, 1, fds), 0);
	vfio_irqs_late(&v);
	assert_string_equal(calls, "2:0+0 2:0+1=100 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* One that is open, but nobody's, would be in the way of the next attempt. */
static void a_function_that_cannot_be_opened_again_is_closed(void **state)
{
	(void)state;
	strcpy(v.place.cdev, "/dev/null");
	v.group = v.device = -1;
	v.irqs.error = v.irqs.request = -1;
	refuse = 1;
	assert_int_equal(vfio_reopen(&v), -EIO);
	assert_int_equal(v.device, -1);
	assert_int_equal(vfio_shut(&v), 0);
	assert_int_equal(vfio_reopen(&v), 0);
	assert_true(v.device >= 0);
	assert_int_equal(vfio_shut(&v), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vectors_are_added_while_others_are_on),
		TEST(a_late_first_vector_brings_those_before_it),
		TEST(vectors_that_nobody_hears_wait_for_the_first),
		TEST(a_set_that_cannot_grow_is_made_anew),
		TEST(msix_that_cannot_grow_is_made_anew_as_a_whole),
		TEST(a_masked_vector_is_so_in_the_new_set),
		TEST(a_set_without_listeners_grows_as_well),
		TEST(nothing_is_lost_when_growth_is_refused),
		TEST(what_is_refused_leaves_the_rest_as_it_was),
		TEST(so_does_a_set_that_can_grow),
		TEST(a_masked_vector_has_no_listener),
		TEST(errors_and_requests_come_by_us),
		TEST(nothing_is_told_while_the_kernel_is_busy),
		TEST(memory_that_goes_keeps_nobody),
		TEST(what_is_late_comes_before_what_is_new),
		TEST(nothing_is_told_while_its_slot_is_reset),
		TEST(a_function_that_cannot_be_opened_again_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
