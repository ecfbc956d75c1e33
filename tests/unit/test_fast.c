/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way of configuration accesses where it meets the long one, and what it may cost: memory that is stated and
 * no more. test_function.c, test_linux.c and the property tests say what accesses mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

#define AT_DEVCTL (AT_EXP + PCG_EXP_DEVCTL)

static struct recorder r;

/* The linker leads all allocations of this program here. */
static unsigned int allocations;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	allocations++;
	return __real_realloc(memory, size);
}

static struct pcg_function *open_as(const char *profile)
{
	struct pcg_view_options options = { .profile = pcg_profile_find(profile) };

	return recorder_open(&r, &options);
}

/* --- memory --- */

static void memory_is_as_stated(void **state)
{
	(void)state;
	assert_true(sizeof(struct pcg_view) <= PCG_VIEW_MEMORY);
	assert_true(pcg_function_size() <= 96 * 1024);
}

static void submit(struct pcg_function *f, enum pcg_request_kind kind, unsigned int region, unsigned int offset,
		   size_t length, void *data)
{
	struct pcg_request rq = { .kind = kind, .region = region, .offset = offset, .length = length, .data = data };

	recorder_clear(&r);
	assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
}

static void live(struct pcg_function *f)
{
	static uint8_t space[PCG_CONFIG_EXTENDED];
	uint8_t ones[4] = { 0xff, 0xff, 0xff, 0xff };
	unsigned int at;

	submit(f, PCG_REQUEST_READ, PCG_REGION_CONFIG, 0, sizeof(space), space);
	for (at = 0; at < sizeof(space); at++)
		submit(f, PCG_REQUEST_WRITE, PCG_REGION_CONFIG, at, at % 4 == 0 ? 4 : at % 2 == 0 ? 2 : 1, ones);
	submit(f, PCG_REQUEST_RESET, 0, 0, 0, NULL);
	submit(f, PCG_REQUEST_CLOSE, 0, 0, 0, NULL);
}

static void nothing_is_allocated_once_it_is_open(void **state)
{
	const char *profile;
	unsigned int n, before;

	(void)state;
	for (n = 0; (profile = pcg_profile_name(n)) != NULL; n++) {
		struct pcg_function *f;

		recorder_init(&r);
		before = allocations;
		f = open_as(profile);
		/* The one of this test itself. */
		assert_int_equal(allocations, before + 1);
		live(f);
		assert_int_equal(allocations, before + 1);
		recorder_close(f);
	}
}

static void a_function_stays_inside_its_memory(void **state)
{
	static uint8_t memory[128 * 1024] __attribute__((aligned(16)));
	size_t size = pcg_function_size(), i;
	const char *profile;
	unsigned int n;

	(void)state;
	for (n = 0; (profile = pcg_profile_name(n)) != NULL; n++) {
		struct pcg_view_options options = { .profile = pcg_profile_find(profile) };
		const struct pcg_function_events events = { .arg = NULL };
		struct pcg_request request = { .length = 0 };
		struct pcg_function *f;

		recorder_init(&r);
		memset(memory, 0xa5, sizeof(memory));
		assert_int_equal(pcg_function_init(memory, &r.host, &options, &events, NULL, &request, &f), PCG_DONE);
		live(f);
		pcg_function_finish(f);
		for (i = size; i < sizeof(memory); i++)
			assert_int_equal(memory[i], 0xa5);
	}
}

/* A server may have hundreds: room for 2048 MSI-X entries takes no memory where there are a few. */
static void room_for_more_vectors_is_not_touched(void **state)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find("guarded") };
	const struct pcg_function_events events = { .arg = NULL };
	size_t size = pcg_function_size(), untouched = 0, i;
	struct pcg_request request = { .length = 0 };
	uint8_t *memory = malloc(size);
	struct pcg_function *f;

	(void)state;
	assert_non_null(memory);
	recorder_init(&r);
	memset(memory, 0xa5, size);
	assert_int_equal(pcg_function_init(memory, &r.host, &options, &events, NULL, &request, &f), PCG_DONE);
	live(f);
	pcg_function_finish(f);
	for (i = size; i > 0 && memory[i - 1] == 0xa5; i--)
		untouched++;
	assert_true(untouched > 31 * 1024);
	free(memory);
}

/* --- DEVCTL, when the backend finishes later --- */

static unsigned int done;

static void count_done(struct pcg_request *request)
{
	assert_int_equal(request->result, 0);
	done++;
}

static int read_at_once(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	(void)be;
	(void)op;
	*value = pcg_get32(((struct recorder *)(void *)host)->config + dword * 4u);
	return PCG_DONE;
}

static struct pcg_function *open_slow(const char *profile, bool reads_too)
{
	static struct pcg_host_ops ops;

	recorder_init(&r);
	ops = *r.host.ops;
	if (!reads_too)
		ops.config_read = read_at_once;
	r.host.ops = &ops;
	return open_as(profile);
}

static void write_devctl_late(const char *profile, bool reads_too, uint16_t value, const char *calls)
{
	uint8_t data[2];
	struct pcg_request rq = {
		.kind = PCG_REQUEST_WRITE,
		.region = PCG_REGION_CONFIG,
		.offset = AT_DEVCTL,
		.length = 2,
		.data = data,
		.done = count_done,
	};
	struct pcg_function *f;

	f = open_slow(profile, reads_too);
	pcg_put16(data, value);
	done = 0;
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_PENDING);
	while (r.pending != NULL)
		recorder_finish(&r, 0);
	r.pend = false;
	assert_int_equal(done, 1);
	assert_string_equal(r.calls, calls);
	assert_int_equal(guest_read(f, AT_DEVCTL, 2), value);
	recorder_close(f);
}

static void devctl_is_the_same_from_a_slow_backend(void **state)
{
	(void)state;
	write_devctl_late("guarded", true, 0x2807, "r0a8/3 w0a8/3=2827 ");
	write_devctl_late("guarded", false, 0x2807, "w0a8/3=2827 ");
	write_devctl_late("linux", true, 0x281f, "r0a8/3 w0a8/3=283f ");
	write_devctl_late("linux", false, 0x281f, "w0a8/3=283f ");
}

/* 7.1b.7: the size is asked for by itself. */
static void devctl_with_another_request_size_goes_the_long_way(void **state)
{
	(void)state;
	write_devctl_late("linux", true, 0x581f, "r0a8/3 w0a8/3=283f r0a8/3 w0a8/3=583f ");
}

/* --- what looks like a BAR --- */

static void a_capability_on_top_of_a_bar_is_no_bar(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.config[PCG_CAPABILITIES] = PCG_BAR0;
	pcg_put32(r.config + PCG_BAR0, 0x00080000 | AT_PM << 8 | PCG_CAP_VNDR);
	f = open_as("linux");
	guest_write(f, PCG_BAR0 + 4, 4, 0x12345678);
	assert_string_equal(r.calls, "w014/f=12345678 ");
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_as_stated),
		cmocka_unit_test(nothing_is_allocated_once_it_is_open),
		cmocka_unit_test(a_function_stays_inside_its_memory),
		cmocka_unit_test(room_for_more_vectors_is_not_touched),
		cmocka_unit_test(devctl_is_the_same_from_a_slow_backend),
		cmocka_unit_test(devctl_with_another_request_size_goes_the_long_way),
		cmocka_unit_test(a_capability_on_top_of_a_bar_is_no_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
