/* SPDX-License-Identifier: BSD-3-Clause */
/* A bound on MSI-X vectors: all that a client can see or set up agrees with it, and past it nothing is reached. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/sim/endpoint_test.h"
#include "recorder.h"

#define ENTRIES 64u /* the recorder's */
#define TABLE   0x2000u
#define PBA     0x4000u

static struct recorder r;

static struct pcg_function *open_with(const char *profile, uint16_t vectors)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find(profile), .msix_vectors = vectors };

	recorder_init(&r);
	return recorder_open(&r, &options);
}

static unsigned int shown(struct pcg_function *f)
{
	return (guest_read(f, AT_MSIX + PCG_MSIX_CONTROL, 2) & PCG_MSIX_SIZE) + 1;
}

static unsigned int now(const struct pcg_function *f)
{
	unsigned int table, most;
	const char *why;

	return pcg_function_msix(f, &table, &most, &why);
}

static int bar(struct pcg_function *f, enum pcg_request_kind kind, uint64_t offset, void *data, size_t length)
{
	struct pcg_request rq = { .kind = kind, .region = 0, .offset = offset, .data = data, .length = length };

	return pcg_function_submit(f, &rq);
}

static void count_note(void *arg, const struct pcg_note *note)
{
	unsigned int *seen = arg;

	*seen += strstr(note->text, "msix-vectors") != NULL;
}

/* --- what is seen --- */

static void all_that_counts_vectors_agrees(void **state)
{
	static const char *const profiles[] = { "guarded", "strict", "linux" };
	static const uint16_t asked[] = { 1, 2, 3, 63, 64, 65, 2047, 2048 };

	(void)state;
	for (unsigned int p = 0; p < 3; p++) {
		for (unsigned int i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
			struct pcg_function *f = open_with(profiles[p], asked[i]);
			unsigned int n = asked[i] < ENTRIES ? asked[i] : ENTRIES, table, most;
			const char *why;

			assert_int_equal(shown(f), n);
			assert_int_equal(guest_read(f, AT_MSIX, 4) >> 16 & PCG_MSIX_SIZE, n - 1);
			assert_int_equal(guest_read(f, AT_MSIX + 2, 1), (n - 1) & 0xff);
			assert_int_equal(guest_read(f, AT_MSIX + 3, 1) & 7, (n - 1) >> 8);
			assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), n);
			assert_int_equal(pcg_function_msix(f, &table, &most, &why), n);
			assert_int_equal(table, ENTRIES);
			assert_int_equal(most, n);
			assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSIX, n - 1, true), 0);
			assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSIX, n, true), -EINVAL);
			recorder_close(f);
		}
	}
}

static void the_table_stands_where_it_stood(void **state)
{
	struct pcg_function *f = open_with("guarded", 1);
	const struct pcg_region *region = pcg_function_region(f, 0);

	(void)state;
	assert_int_equal(guest_read(f, AT_MSIX + PCG_MSIX_TABLE, 4), TABLE);
	assert_int_equal(guest_read(f, AT_MSIX + PCG_MSIX_PBA, 4), PBA);
	assert_int_equal(region->nareas, 1);
	assert_int_equal(region->areas[0].offset, PBA + 0x1000);
	recorder_close(f);
}

static void assert_whole_table_is_kept(uint16_t bound)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find("guarded"), .msix_vectors = bound };
	struct pcg_function *f;
	const struct pcg_region *region;

	recorder_init(&r);
	pcg_put16(r.config + AT_MSIX + PCG_MSIX_CONTROL, 2047);
	pcg_put32(r.config + AT_MSIX + PCG_MSIX_TABLE, 0x1000);
	pcg_put32(r.config + AT_MSIX + PCG_MSIX_PBA, 0xc000);
	f = recorder_open(&r, &options);
	region = pcg_function_region(f, 0);
	assert_int_equal(shown(f), bound);
	assert_true(region->nareas >= 1);
	for (unsigned int i = 0; i < region->nareas; i++) {
		uint64_t start = region->areas[i].offset, end = start + region->areas[i].size;

		assert_true(end <= 0x1000 || start >= 0x9000);
		assert_true(end <= 0xc000 || start >= 0xd000);
	}
	recorder_close(f);
}

/* A table of 2048 takes eight pages: none of them may be mapped, however few entries are shown. */
static void no_page_of_the_whole_table_is_mapped(void **state)
{
	static const uint16_t bounds[] = { 1, 2, 2047 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		assert_whole_table_is_kept(bounds[i]);
}

static void a_reset_leaves_the_number_alone(void **state)
{
	static const char *const profiles[] = { "guarded", "linux" };
	struct pcg_request reset = { .kind = PCG_REQUEST_RESET };

	(void)state;
	for (unsigned int p = 0; p < 2; p++) {
		struct pcg_function *f = open_with(profiles[p], 5);

		guest_write(f, AT_MSIX + PCG_MSIX_CONTROL, 2, 0xffff);
		assert_int_equal(shown(f), 5);
		assert_int_equal(pcg_function_submit(f, &reset), 0);
		assert_int_equal(shown(f), 5);
		assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 5);
		recorder_close(f);
	}
}

static void more_than_there_are_is_said(void **state)
{
	unsigned int notes = 0;
	const struct pcg_log log = { count_note, &notes };
	struct pcg_view_options options = { .profile = pcg_profile_find("guarded"), .msix_vectors = ENTRIES };
	struct pcg_view view;

	(void)state;
	recorder_init(&r);
	assert_int_equal(pcg_view_init(&view, &r.host.info, r.config, &options, &log), 0);
	assert_int_equal(notes, 0);
	options.msix_vectors = ENTRIES + 1;
	assert_int_equal(pcg_view_init(&view, &r.host.info, r.config, &options, &log), 0);
	assert_int_equal(notes, 1);
	assert_int_equal(view.msix_vectors, ENTRIES);
	r.config[AT_MSI + 1] = AT_EXP; /* MSI-X is in no chain any more */
	assert_int_equal(pcg_view_init(&view, &r.host.info, r.config, &options, &log), 0);
	assert_int_equal(notes, 2);
	assert_int_equal(view.msix_vectors, 0);
}

static void what_cannot_be_bounded_is_refused(void **state)
{
	unsigned int notes = 0;
	const struct pcg_log log = { count_note, &notes };
	struct pcg_view_options options = { .profile = pcg_profile_find("raw"), .msix_vectors = 2 };
	struct pcg_view view;

	(void)state;
	recorder_init(&r);
	assert_int_equal(pcg_view_init(&view, &r.host.info, r.config, &options, &log), -EINVAL);
	assert_int_equal(notes, 1);
	options.profile = pcg_profile_find("guarded");
	options.msix_vectors = 2049;
	assert_int_equal(pcg_view_init(&view, &r.host.info, r.config, &options, &log), -EINVAL);
	assert_int_equal(notes, 2);
}

static int view_with(uint16_t vectors, const uint32_t *values, unsigned int n, struct pcg_view *view)
{
	struct pcg_quirk quirks[2];
	const struct pcg_view_options options = {
		.profile = pcg_profile_find("guarded"), .msix_vectors = vectors, .quirks = quirks, .nquirks = n
	};

	for (unsigned int i = 0; i < n; i++)
		quirks[i] = (struct pcg_quirk){ .vendor = PCG_QUIRK_ANY,
						.device = PCG_QUIRK_ANY,
						.subvendor = PCG_QUIRK_ANY,
						.subsystem = PCG_QUIRK_ANY,
						.revision_last = 0xff,
						.kind = PCG_QUIRK_VECTORS,
						.value = values[i] };
	recorder_init(&r);
	return pcg_view_init(view, &r.host.info, r.config, &options, NULL);
}

static void of_a_quirk_and_a_policy_the_lower_counts(void **state)
{
	struct pcg_view view;

	(void)state;
	assert_int_equal(view_with(0, (const uint32_t[]){ 8 }, 1, &view), 0);
	assert_int_equal(view.msix_vectors, 8);
	assert_int_equal(view_with(4, (const uint32_t[]){ 8 }, 1, &view), 0);
	assert_int_equal(view.msix_vectors, 4);
	assert_int_equal(view_with(16, (const uint32_t[]){ 8, 8 }, 2, &view), 0);
	assert_int_equal(view.msix_vectors, 8);
	assert_int_equal(view_with(0, (const uint32_t[]){ 2048 }, 1, &view), 0);
	assert_int_equal(view.msix_vectors, ENTRIES);
	assert_int_equal(view_with(0, (const uint32_t[]){ 8, 9 }, 2, &view), -EINVAL);
	assert_int_equal(view_with(0, (const uint32_t[]){ 0 }, 1, &view), -EINVAL);
	assert_int_equal(view_with(0, (const uint32_t[]){ 2049 }, 1, &view), -EINVAL);
}

/* --- a backend that signals vectors itself --- */

static void the_backend_is_never_asked_for_more(void **state)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find("guarded"), .msix_vectors = 3 };
	const int fds[4] = { 10, 11, 12, 13 };
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	recorder_direct(&r);
	f = recorder_open(&r, &options);
	recorder_clear(&r);
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 0, 4, fds), -EINVAL);
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 3, 1, fds), -EINVAL);
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 2, UINT32_MAX, fds), -EINVAL);
	assert_string_equal(r.calls, "");
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 0, 3, fds), 0);
	assert_string_not_equal(r.calls, "");
	recorder_close(f);
}

/* --- a client asks for fewer --- */

static void a_client_lowers_and_raises_below_the_operators(void **state)
{
	static const char *const profiles[] = { "guarded", "strict", "linux" };

	(void)state;
	for (unsigned int p = 0; p < 3; p++) {
		struct pcg_function *f = open_with(profiles[p], 16);

		assert_int_equal(pcg_function_msix_set(f, 4), 0);
		assert_int_equal(shown(f), 4);
		assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 4);
		assert_int_equal(pcg_function_msix_set(f, 16), 0);
		assert_int_equal(shown(f), 16);
		assert_int_equal(pcg_function_msix_set(f, 17), -EINVAL);
		assert_int_equal(pcg_function_msix_set(f, 0), -EINVAL);
		assert_int_equal(shown(f), 16);
		recorder_close(f);
	}
}

static void what_is_set_up_or_told_stays(void **state)
{
	struct pcg_function *f = open_with("guarded", 0);

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 4);
	assert_int_equal(pcg_function_msix_set(f, 2), -EBUSY);
	guest_write(f, PCG_COMMAND, 2, 0);
	pcg_function_attach(f, PCG_IRQ_MSIX, 0, true);
	assert_int_equal(pcg_function_msix_set(f, 2), -EBUSY);
	assert_int_equal(pcg_function_msix_set(f, ENTRIES), 0); /* what is, can be asked for */
	pcg_function_irq_off(f, PCG_IRQ_MSIX);
	assert_int_equal(pcg_function_msix_set(f, 2), 0);
	pcg_function_msix_told(f);
	assert_int_equal(pcg_function_msix_set(f, 1), -EBUSY);
	assert_int_equal(now(f), 2);
	recorder_close(f);
}

static void the_next_client_has_the_operators_number(void **state)
{
	static const enum pcg_request_kind ends[] = { PCG_REQUEST_CLOSE, PCG_REQUEST_LEAVE };
	static const char *const profiles[] = { "guarded", "linux" };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct pcg_function *f = open_with(profiles[i / 2], i % 2 == 0 ? 8 : 0);
		unsigned int before = now(f);
		struct pcg_request end = { .kind = ends[i % 2] };

		assert_int_equal(pcg_function_msix_set(f, 3), 0);
		pcg_function_msix_told(f);
		assert_int_equal(pcg_function_submit(f, &end), 0);
		assert_int_equal(now(f), before);
		assert_int_equal(shown(f), before);
		assert_int_equal(pcg_function_msix_set(f, 2), 0);
		recorder_close(f);
	}
}

static void without_msix_or_mediation_there_is_nothing_to_set(void **state)
{
	struct pcg_function *f = open_with("raw", 0);
	unsigned int table, most;
	const char *why;

	(void)state;
	assert_int_equal(pcg_function_msix(f, &table, &most, &why), ENTRIES);
	assert_string_not_equal(why, "");
	assert_int_equal(pcg_function_msix_set(f, 2), -EOPNOTSUPP);
	recorder_close(f);
	recorder_init(&r);
	r.config[AT_MSIX + 4] = 5; /* BAR 5 is not there */
	f = recorder_open(&r, NULL);
	assert_int_equal(pcg_function_msix(f, &table, &most, &why), 0);
	assert_string_not_equal(why, "");
	assert_int_equal(pcg_function_msix_set(f, 2), -EOPNOTSUPP);
	recorder_close(f);
}

/* The function's table has changed while nobody had it, as a VF's does when its PF gives it another share. */
static void opening_finds_the_number_of_today(void **state)
{
	struct pcg_function *f = open_with("guarded", 48);

	(void)state;
	assert_int_equal(now(f), 48);
	pcg_put16(r.config + AT_MSIX + PCG_MSIX_CONTROL, 15);
	assert_int_equal(shown(f), 48); /* fixed for the life of an assignment */
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 48);
	recorder_close(f);
	f = recorder_open(
		&r, &(const struct pcg_view_options){ .profile = pcg_profile_find("guarded"), .msix_vectors = 48 });
	assert_int_equal(now(f), 16);
	assert_int_equal(shown(f), 16);
	recorder_close(f);
}

/* As above, below a server that keeps the function open: the next client has what is there then. */
static void the_next_client_has_the_size_of_today(void **state)
{
	static const char *const profiles[] = { "guarded", "linux" };
	struct pcg_dma *memory = (struct pcg_dma *)(void *)&r; /* nobody looks into it */

	(void)state;
	for (unsigned int p = 0; p < 2; p++) {
		struct pcg_function *f = open_with(profiles[p], 48);
		struct pcg_request attach = { 0 }, close = { .kind = PCG_REQUEST_CLOSE };

		r.host.info.resizes = true;
		assert_int_equal(pcg_function_dma(f, memory, &attach), 0);
		pcg_put16(r.config + AT_MSIX + PCG_MSIX_CONTROL, 15);
		assert_int_equal(now(f), 48);
		assert_int_equal(pcg_function_dma(f, NULL, NULL), 0);
		assert_int_equal(pcg_function_submit(f, &close), 0);
		assert_int_equal(pcg_function_dma(f, memory, &attach), 0);
		assert_int_equal(now(f), 16);
		assert_int_equal(shown(f), 16);
		assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 16);
		pcg_put16(r.config + AT_MSIX + PCG_MSIX_CONTROL, 63);
		assert_int_equal(pcg_function_dma(f, NULL, NULL), 0);
		assert_int_equal(pcg_function_submit(f, &close), 0);
		assert_int_equal(pcg_function_dma(f, memory, &attach), 0);
		assert_int_equal(shown(f), 48);
		recorder_close(f);
	}
}

/* --- past the bound, watched in the simulated function --- */

struct far {
	struct pcg_host *host;
	struct pcg_function *f;
	void *memory;
	uint64_t table, pba;
	unsigned int triggers;
};

static void trigger(void *arg, enum pcg_irq_index index, unsigned int vector)
{
	struct far *far = arg;

	(void)vector;
	far->triggers += index == PCG_IRQ_MSIX;
}

static void opened(struct pcg_request *request)
{
	(void)request;
}

static void far_open(struct far *far, uint16_t vectors)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find("guarded"), .msix_vectors = vectors };
	const struct pcg_function_events events = { .arg = far, .trigger = trigger };
	struct pcg_request request = { .done = opened };
	const struct pcg_view *view;

	memset(far, 0, sizeof(*far));
	assert_int_equal(pcg_host_create(&far->host, "sim:endpoint-test,msix=2048", NULL), 0);
	far->memory = malloc(pcg_function_size());
	assert_non_null(far->memory);
	assert_int_equal(pcg_function_init(far->memory, far->host, &options, &events, NULL, &request, &far->f), 0);
	view = pcg_function_view(far->f);
	far->table = guest_read(far->f, view->msix + PCG_MSIX_TABLE, 4);
	far->pba = guest_read(far->f, view->msix + PCG_MSIX_PBA, 4);
	assert_int_equal((far->table | far->pba) & 7, 0);
	guest_write(far->f, PCG_COMMAND, 2, 6);
}

static void far_close(struct far *far)
{
	pcg_function_finish(far->f);
	free(far->memory);
	pcg_host_destroy(far->host);
}

static void far_raise(struct far *far, unsigned int vector)
{
	const uint32_t values[3] = { ENDPOINT_IRQ_MSIX, vector + 1, ENDPOINT_RAISE_MSIX };
	static const uint64_t at[3] = { ENDPOINT_IRQ_TYPE, ENDPOINT_IRQ_NUMBER, ENDPOINT_COMMAND };

	for (unsigned int i = 0; i < 3; i++) {
		uint8_t bytes[4];

		pcg_put32(bytes, values[i]);
		assert_int_equal(bar(far->f, PCG_REQUEST_WRITE, at[i], bytes, 4), 0);
	}
	while (far->host->ops->work != NULL && far->host->ops->work(far->host) == 0)
		;
}

static void past_the_bound_nothing_is_reached(void **state)
{
	static const uint16_t bounds[] = { 1, 2, 2047, 2048 };
	static uint8_t before[2048 * 16], after[2048 * 16], guest[2048 * 16], ones[2048 * 16], pba[256];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (unsigned int i = 0; i < 4; i++) {
		struct pcg_op op = { 0 };
		struct far far;
		const struct pcg_host_ops *ops;

		far_open(&far, bounds[i]);
		ops = far.host->ops;
		assert_int_equal(ops->region_read(far.host, 0, far.table, before, sizeof(before), &op), 0);
		assert_int_equal(bar(far.f, PCG_REQUEST_WRITE, far.table, ones, sizeof(ones)), 0);
		assert_int_equal(bar(far.f, PCG_REQUEST_READ, far.table, guest, sizeof(guest)), 0);
		/* The last entry is memory as the first is: what can be kept is kept. */
		assert_int_equal(pcg_get32(guest + 2047 * 16 + 8), 0xffffffff);
		assert_memory_equal(guest, guest + 2047 * 16, 16);
		assert_int_equal(ops->region_read(far.host, 0, far.table, after, sizeof(after), &op), 0);
		assert_memory_equal(before, after, sizeof(before));
		/* Nor has a vector past it a way out, masked, unmasked or pending. */
		assert_int_equal(pcg_function_attach(far.f, PCG_IRQ_MSIX, 0, true), 0);
		memset(guest, 0, sizeof(guest));
		assert_int_equal(bar(far.f, PCG_REQUEST_WRITE, far.table, guest, sizeof(guest)), 0);
		if (bounds[i] < 2048)
			far_raise(&far, bounds[i]);
		far_raise(&far, 0);
		assert_int_equal(far.triggers, 1);
		assert_int_equal(bar(far.f, PCG_REQUEST_READ, far.pba, pba, sizeof(pba)), 0);
		for (unsigned int n = 0; n < sizeof(pba); n++)
			assert_int_equal(pba[n], 0);
		far_close(&far);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_counts_vectors_agrees),
		cmocka_unit_test(the_table_stands_where_it_stood),
		cmocka_unit_test(no_page_of_the_whole_table_is_mapped),
		cmocka_unit_test(a_reset_leaves_the_number_alone),
		cmocka_unit_test(more_than_there_are_is_said),
		cmocka_unit_test(what_cannot_be_bounded_is_refused),
		cmocka_unit_test(of_a_quirk_and_a_policy_the_lower_counts),
		cmocka_unit_test(the_backend_is_never_asked_for_more),
		cmocka_unit_test(a_client_lowers_and_raises_below_the_operators),
		cmocka_unit_test(what_is_set_up_or_told_stays),
		cmocka_unit_test(the_next_client_has_the_operators_number),
		cmocka_unit_test(without_msix_or_mediation_there_is_nothing_to_set),
		cmocka_unit_test(opening_finds_the_number_of_today),
		cmocka_unit_test(the_next_client_has_the_size_of_today),
		cmocka_unit_test(past_the_bound_nothing_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
