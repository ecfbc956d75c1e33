/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the VFIO backend needs no kernel: its options, addresses, and the thread that waits. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/vfio/place.h"
#include "host/vfio/settings.h"
#include "host/vfio/staging.h"
#include "host/vfio/worker.h"

static char said[1024];

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	strncpy(said, note->text, sizeof(said) - 1);
}

static int settings(struct vfio_settings *s, const char *text)
{
	const struct pcg_log log = { .write = say };

	said[0] = '\0';
	return vfio_settings_init(s, text, &log);
}

static void addresses_are_spelt_as_sysfs_does(void **state)
{
	char bdf[PLACE_BDF];

	(void)state;
	assert_true(place_bdf("03:10.1", bdf));
	assert_string_equal(bdf, "0000:03:10.1");
	assert_true(place_bdf("10000:e1:00.0", bdf));
	assert_string_equal(bdf, "10000:e1:00.0");
	assert_false(place_bdf("03:20.0", bdf));
	assert_false(place_bdf("03:10.8", bdf));
	assert_false(place_bdf("03:10.1x", bdf));
	assert_false(place_bdf("../../03:10.1", bdf));
	assert_false(place_bdf("", bdf));
}

static void a_token_is_a_uuid(void **state)
{
	struct vfio_settings s;

	(void)state;
	assert_int_equal(settings(&s, "03:10.1,token=01234567-89ab-cdef-0123-456789abcdef"), 0);
	assert_true(s.has_token);
	assert_int_equal(s.token[0], 0x01);
	assert_int_equal(s.token[15], 0xef);
	assert_int_equal(settings(&s, "03:10.1,token=01234567-89ab"), -EINVAL);
	assert_non_null(strstr(said, "uuidgen"));
	assert_int_equal(settings(&s, "03:10.1,token=0123456789ab-cdef-0123-456789abcdef-0"), -EINVAL);
}

static void capabilities_to_show_go_by_their_names(void **state)
{
	struct vfio_settings s;

	(void)state;
	assert_int_equal(settings(&s, "03:10.1,show=LTR+ecap_ptm"), 0);
	assert_int_equal(s.show, UINT64_C(1) << 0x18 | UINT64_C(1) << 0x1f);
	assert_int_equal(settings(&s, "03:10.1,show=LTR+NOPE"), -EINVAL);
	assert_non_null(strstr(said, "NOPE"));
}

static void a_function_is_named_or_its_file_is(void **state)
{
	struct vfio_settings s;

	(void)state;
	assert_int_equal(settings(&s, ""), -EINVAL);
	assert_int_equal(settings(&s, ",fd=7,iommufd=8"), 0);
	assert_int_equal(s.device, 7);
	assert_int_equal(s.iommufd, 8);
	assert_int_equal(settings(&s, ",fd=7,iommufd=8,iommu=type1"), -EINVAL);
}

static void bars_are_mapped_one_by_one(void **state)
{
	struct vfio_settings s;

	(void)state;
	assert_int_equal(settings(&s, "03:10.1,bar0=device,bar5=sysfs"), 0);
	assert_int_equal(s.map[0], VFIO_MAP_DEVICE);
	assert_int_equal(s.map[1], VFIO_MAP_TRAP);
	assert_int_equal(s.map[5], VFIO_MAP_SYSFS);
	assert_int_equal(settings(&s, "03:10.1,bar6=trap"), -EINVAL);
}

/* --- the thread --- */

struct job {
	pthread_mutex_t lock; /* held: the job does not end */
	int result;
	int freed;
	int begun;
	int ran;
	int pipe[2];
};

/* Slow enough to be missed by whoever does not wait for it. */
static void job_begin(void *arg)
{
	struct job *job = arg;

	usleep(20000);
	job->begun++;
}

static int job_run(void *arg)
{
	struct job *job = arg;

	pthread_mutex_lock(&job->lock);
	pthread_mutex_unlock(&job->lock);
	job->ran++;
	return job->result;
}

static void job_last(void *arg)
{
	struct job *job = arg;
	char byte = 1;

	job->freed++;
	assert_int_equal(write(job->pipe[1], &byte, 1), 1);
}

static struct vfio_worker *worker_make(struct job *job)
{
	static const struct vfio_worker_calls calls = { .begin = job_begin, .run = job_run, .last = job_last };
	struct vfio_worker *worker;

	memset(job, 0, sizeof(*job));
	pthread_mutex_init(&job->lock, NULL);
	assert_int_equal(pipe(job->pipe), 0);
	assert_int_equal(vfio_worker_create(&worker, &calls, job), 0);
	return worker;
}

static void job_drop(struct job *job)
{
	char byte;

	/* However long it takes: the end must come. */
	assert_int_equal(read(job->pipe[0], &byte, 1), 1);
	assert_int_equal(job->freed, 1);
	close(job->pipe[0]);
	close(job->pipe[1]);
}

static void a_job_ends_with_its_result(void **state)
{
	struct job job;
	struct vfio_worker *worker = worker_make(&job);
	struct pollfd ready = { .fd = vfio_worker_fd(worker), .events = POLLIN };
	int result = 0;

	(void)state;
	job.result = -EIO;
	assert_false(vfio_worker_busy(worker));
	assert_false(vfio_worker_ended(worker, &result));
	vfio_worker_start(worker);
	assert_int_equal(poll(&ready, 1, -1), 1);
	assert_true(vfio_worker_ended(worker, &result));
	assert_int_equal(result, -EIO);
	assert_false(vfio_worker_busy(worker));
	vfio_worker_destroy(worker);
	job_drop(&job);
}

/* What it does first is to give up rights: nobody may meet it with them. */
static void a_worker_that_is_there_has_begun(void **state)
{
	struct job job;
	struct vfio_worker *worker = worker_make(&job);

	(void)state;
	assert_int_equal(job.begun, 1);
	vfio_worker_destroy(worker);
	job_drop(&job);
}

static void a_job_that_does_not_end_keeps_nobody(void **state)
{
	struct job job;
	struct vfio_worker *worker = worker_make(&job);

	(void)state;
	pthread_mutex_lock(&job.lock);
	vfio_worker_start(worker);
	assert_true(vfio_worker_busy(worker));
	vfio_worker_destroy(worker);
	assert_int_equal(job.freed, 0);
	pthread_mutex_unlock(&job.lock);
	job_drop(&job);
}

/* Whether its thread had come to it or not. */
static void a_job_that_was_started_is_done(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		struct job job;
		struct vfio_worker *worker = worker_make(&job);

		vfio_worker_start(worker);
		vfio_worker_destroy(worker);
		job_drop(&job);
		assert_int_equal(job.ran, 1);
	}
}

/* Two files may have one number: a client must not come by another's memory that way. */
static void a_file_is_known_by_how_it_was_opened(void **state)
{
	int one = memfd_create("memory", MFD_CLOEXEC), same, again;
	char path[32];

	(void)state;
	assert_true(one >= 0);
	same = fcntl(one, F_DUPFD_CLOEXEC, 3);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", one);
	again = open(path, O_RDWR | O_CLOEXEC);
	assert_true(same >= 0 && again >= 0);
	assert_true(staging_same_file(one, same));
	assert_false(staging_same_file(one, again));
	assert_false(staging_same_file(one, -1));
	close(again);
	close(same);
	close(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_spelt_as_sysfs_does),
		cmocka_unit_test(a_token_is_a_uuid),
		cmocka_unit_test(capabilities_to_show_go_by_their_names),
		cmocka_unit_test(a_function_is_named_or_its_file_is),
		cmocka_unit_test(bars_are_mapped_one_by_one),
		cmocka_unit_test(a_file_is_known_by_how_it_was_opened),
		cmocka_unit_test(a_job_ends_with_its_result),
		cmocka_unit_test(a_worker_that_is_there_has_begun),
		cmocka_unit_test(a_job_that_does_not_end_keeps_nobody),
		cmocka_unit_test(a_job_that_was_started_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
