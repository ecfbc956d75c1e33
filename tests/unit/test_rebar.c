/* SPDX-License-Identifier: BSD-3-Clause */
/* Resizable BARs that are resized (PCIe 6.0, 7.8.6): what is offered, in which order it happens, who has the size. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

#define SIZES    (AT_REBAR + 12u)
#define CONTROL  (AT_REBAR + 16u)
#define MIB(n)   ((uint64_t)(n) << 20)
#define BAR2     (PCG_BAR0 + 8u)
#define SIZE(n)  (0x00000002u | (uint32_t)(n) << 8)
#define CONTROL0 (AT_REBAR + 8u)

static struct recorder r;
static unsigned int notes;
static char note[512];

static void write_note(void *arg, const struct pcg_note *said)
{
	(void)arg;
	notes++;
	strncpy(note, said->text, sizeof(note) - 1);
}

static struct pcg_function *open_as(const char *profile, bool rebar)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find(profile), .rebar = rebar };

	return recorder_open(&r, &options);
}

static struct pcg_function *open_resizable(void)
{
	recorder_init(&r);
	recorder_resizable(&r);
	return open_as("guarded", true);
}

static void done(struct pcg_request *request)
{
	(void)request;
}

static int ask(struct pcg_function *f, enum pcg_request_kind kind)
{
	static struct pcg_request rq;

	rq = (struct pcg_request){ .kind = kind, .done = done };
	return pcg_function_submit(f, &rq);
}

static int access_at(struct pcg_function *f, uint64_t offset)
{
	static uint8_t data[4];
	struct pcg_request rq = { .region = 2, .offset = offset, .length = 4, .data = data, .done = done };

	return pcg_function_submit(f, &rq);
}

static unsigned int sized(struct pcg_function *f)
{
	return guest_read(f, CONTROL + 1, 1) & 0x3f;
}

/* --- what is offered --- */

static void only_what_the_backend_can_is_offered(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	assert_int_equal(guest_read(f, SIZES, 4), 0x00000450);
	assert_int_equal(guest_read(f, CONTROL, 4), SIZE(0));
	assert_int_equal(guest_read(f, AT_REBAR + 4, 4), 0x00000010);
	assert_int_equal(guest_read(f, CONTROL0, 4), 0x00000040);
	recorder_close(f);
}

static void without_the_policy_it_has_the_size_it_has(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	recorder_resizable(&r);
	f = open_as("guarded", false);
	assert_int_equal(guest_read(f, SIZES, 4), 0x00000010);
	guest_write(f, CONTROL, 4, SIZE(2));
	assert_int_equal(sized(f), 0);
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

static void the_msix_table_stays_inside(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	recorder_resizable(&r);
	r.host.info.bars[2].size = r.host.info.regions[2].size = MIB(4);
	pcg_put32(r.config + CONTROL, SIZE(2));
	/* The table stands behind the first MiB of BAR2. */
	pcg_put32(r.config + AT_MSIX + PCG_MSIX_TABLE, 0x00300002);
	f = open_as("strict", true);
	assert_int_equal(guest_read(f, SIZES, 4), 0x00000440);
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 64);
	recorder_close(f);
}

static void who_cannot_turn_memory_off_resizes_nothing(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	recorder_resizable(&r);
	r.host.info.no_command_memory = true;
	f = open_as("guarded", true);
	assert_int_equal(guest_read(f, SIZES, 4), 0x00000010);
	guest_write(f, CONTROL, 4, SIZE(2));
	assert_int_equal(sized(f), 0);
	recorder_close(f);
}

static void linux_takes_no_such_policy(void **state)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find("linux"), .rebar = true };
	struct pcg_view *view = malloc(sizeof(*view));

	(void)state;
	recorder_init(&r);
	recorder_resizable(&r);
	assert_non_null(view);
	assert_int_equal(pcg_view_init(view, &r.host.info, r.config, &options, NULL), -EINVAL);
	free(view);
}

/* --- what happens --- */

static void mappings_go_then_it_is_resized_then_its_address_is_learnt(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	pcg_put16(r.config + PCG_COMMAND, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	assert_int_equal(guest_write(f, CONTROL, 4, SIZE(6)), PCG_DONE);
	assert_string_equal(r.calls, "revoke r004/3 w004/3=4 resize2:26 r018/f r01c/f ");
	assert_int_equal(guest_read(f, CONTROL, 4), SIZE(6));
	assert_int_equal(pcg_function_region(f, 2)->size, MIB(64));
	recorder_close(f);
}

static void address_bits_follow_the_size(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	guest_write(f, BAR2, 4, 0xfff00000);
	guest_write(f, CONTROL, 4, SIZE(6));
	assert_int_equal(guest_read(f, BAR2, 4), 0xfc000004);
	guest_write(f, BAR2, 4, 0xffffffff);
	guest_write(f, BAR2 + 4, 4, 0xffffffff);
	assert_int_equal(guest_read(f, BAR2, 4), 0xfc000004);
	assert_int_equal(guest_read(f, BAR2 + 4, 4), 0xffffffff);
	guest_write(f, CONTROL + 1, 1, 0);
	guest_write(f, BAR2, 4, 0xffffffff);
	assert_int_equal(guest_read(f, BAR2, 4), 0xfff00004);
	recorder_close(f);
}

static void past_the_end_nothing_answers(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	guest_write(f, CONTROL, 4, SIZE(2));
	guest_write(f, CONTROL, 4, SIZE(0));
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	recorder_clear(&r);
	assert_int_equal(access_at(f, MIB(1)), -EINVAL);
	assert_int_equal(access_at(f, MIB(1) - 2), -EINVAL);
	assert_string_equal(r.calls, "");
	assert_int_equal(access_at(f, 0), PCG_DONE);
	recorder_close(f);
}

static void mappings_come_back_with_memory(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	guest_write(f, CONTROL, 4, SIZE(2));
	assert_null(strstr(r.calls, "allow"));
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_non_null(strstr(r.calls, "allow"));
	recorder_close(f);
}

static void it_may_finish_later(void **state)
{
	struct pcg_function *f = open_resizable();
	struct pcg_request rq = { .kind = PCG_REQUEST_WRITE, .region = PCG_REGION_CONFIG, .done = done };
	uint8_t data[4];
	unsigned int waits = 0;

	(void)state;
	pcg_put32(data, SIZE(2));
	rq.offset = CONTROL;
	rq.length = 4;
	rq.data = data;
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_PENDING);
	while (r.pending != NULL && waits++ < 20)
		recorder_finish(&r, 0);
	assert_int_equal(rq.result, 0);
	r.pend = false;
	assert_int_equal(sized(f), 2);
	recorder_close(f);
}

/* --- what is refused --- */

static void refused(struct pcg_function *f, uint32_t control, const char *why)
{
	notes = 0;
	recorder_clear(&r);
	assert_int_equal(guest_write(f, CONTROL, 4, control), PCG_DONE);
	assert_string_equal(r.calls, "");
	assert_int_equal(sized(f), 0);
	assert_int_equal(notes, 1);
	assert_non_null(strstr(note, why));
}

static struct pcg_function *open_listening(void)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find("guarded"), .rebar = true };
	const struct pcg_log log = { .write = write_note };
	const struct pcg_function_events events = { .trigger = NULL };
	struct pcg_request request = { .done = done };
	struct pcg_function *f;
	void *memory = malloc(pcg_function_size());

	recorder_init(&r);
	recorder_resizable(&r);
	assert_non_null(memory);
	assert_int_equal(pcg_function_init(memory, &r.host, &options, &events, &log, &request, &f), PCG_DONE);
	return f;
}

static void not_while_memory_is_on(void **state)
{
	struct pcg_function *f = open_listening();

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	refused(f, SIZE(2), "while memory is on");
	recorder_close(f);
}

static void not_outside_d0(void **state)
{
	struct pcg_function *f = open_listening();

	(void)state;
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	refused(f, SIZE(2), "outside D0");
	recorder_close(f);
}

static void not_what_is_not_offered(void **state)
{
	struct pcg_function *f = open_listening();
	unsigned int n;

	(void)state;
	for (n = 1; n < 64; n++)
		if (n != 2 && n != 6)
			refused(f, SIZE(n), "not on offer");
	recorder_close(f);
}

static void what_fails_reads_as_before(void **state)
{
	struct pcg_function *f = open_listening();

	(void)state;
	notes = 0;
	guest_write(f, BAR2, 4, 0xfff00000);
	r.resize_fails = -EIO;
	assert_int_equal(guest_write(f, CONTROL, 4, SIZE(2)), PCG_DONE);
	assert_int_equal(sized(f), 0);
	assert_int_equal(guest_read(f, BAR2, 4), 0xfff00004);
	assert_int_equal(pcg_function_region(f, 2)->size, MIB(1));
	assert_int_equal(notes, 1);
	assert_non_null(strstr(note, "could not be resized"));
	recorder_close(f);
}

/* --- resets, and who comes next --- */

static void a_reset_keeps_the_size(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	guest_write(f, CONTROL, 4, SIZE(2));
	recorder_clear(&r);
	assert_int_equal(ask(f, PCG_REQUEST_RESET), PCG_DONE);
	assert_null(strstr(r.calls, "resize"));
	assert_int_equal(sized(f), 2);
	assert_int_equal(guest_read(f, BAR2, 4), 0x00000004);
	guest_write(f, BAR2, 4, 0xffffffff);
	assert_int_equal(guest_read(f, BAR2, 4), 0xffc00004);
	recorder_close(f);
}

/* A backend whose reset is more than a function level reset. */
static void a_size_that_the_reset_lost_is_put_back(void **state)
{
	struct pcg_function *f = open_resizable();
	const char *reset, *resize;

	(void)state;
	guest_write(f, CONTROL, 4, SIZE(2));
	recorder_clear(&r);
	r.host.info.bars[2].size = r.host.info.regions[2].size = MIB(1);
	assert_int_equal(ask(f, PCG_REQUEST_RESET), PCG_DONE);
	reset = strstr(r.calls, "reset ");
	resize = strstr(r.calls, "resize2:22 ");
	assert_true(reset != NULL && resize != NULL && reset < resize);
	assert_non_null(strstr(resize, "w010/f"));
	assert_int_equal(sized(f), 2);
	assert_int_equal(pcg_function_region(f, 2)->size, MIB(4));
	recorder_close(f);
}

static void a_reset_from_elsewhere_is_mended(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	guest_write(f, CONTROL, 4, SIZE(6));
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	pcg_put16(r.config + PCG_COMMAND, 0);
	r.host.info.bars[2].size = r.host.info.regions[2].size = MIB(1);
	r.host.info.regions[2].fd = 9;
	r.host.events.resized(r.host.events.arg, 2);
	/* Nobody is told more than there is. */
	assert_int_equal(pcg_function_region(f, 2)->size, MIB(1));
	assert_int_equal(pcg_function_region(f, 2)->fd, 9);
	recorder_clear(&r);
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER), PCG_DONE);
	assert_non_null(strstr(r.calls, "revoke r004/3 resize2:26 "));
	assert_int_equal(pcg_function_region(f, 2)->size, MIB(64));
	assert_int_equal(sized(f), 6);
	recorder_close(f);
}

static void a_size_that_cannot_be_put_back_is_not_claimed(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	guest_write(f, CONTROL, 4, SIZE(2));
	r.host.info.bars[2].size = r.host.info.regions[2].size = MIB(1);
	r.resize_fails = -EIO;
	assert_int_equal(ask(f, PCG_REQUEST_RESET), PCG_DONE);
	assert_int_equal(sized(f), 0);
	assert_int_equal(pcg_function_region(f, 2)->size, MIB(1));
	recorder_close(f);
}

static void the_next_client_has_the_first_size(void **state)
{
	struct pcg_function *f = open_resizable();

	(void)state;
	guest_write(f, CONTROL, 4, SIZE(6));
	pcg_function_lend(f, 2);
	recorder_clear(&r);
	assert_int_equal(ask(f, PCG_REQUEST_CLOSE), PCG_DONE);
	assert_true(strstr(r.calls, "reset ") < strstr(r.calls, "resize2:20 "));
	assert_true(strstr(r.calls, "resize2:20 ") < strstr(r.calls, "release "));
	assert_int_equal(sized(f), 0);
	assert_int_equal(pcg_function_region(f, 2)->size, MIB(1));
	guest_write(f, BAR2, 4, 0xffffffff);
	assert_int_equal(guest_read(f, BAR2, 4), 0xfff00004);
	recorder_close(f);
}

/* PASID: the view is compiled anew, and is to know what was resized meanwhile. */
static void a_client_that_speaks_keeps_the_size(void **state)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find("guarded"),
						  .rebar = true,
						  .pasid = { .pasid = { PCG_SHOWN_SPOKEN, PCG_PLACE_OWN } } };
	const struct pcg_pasid_wish wish = { .width = 16 };
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	recorder_pasid(&r);
	recorder_resizable(&r);
	f = recorder_open(&r, &options);
	guest_write(f, CONTROL, 4, SIZE(2));
	assert_int_equal(pcg_function_pasid(f, &wish, NULL), 0);
	assert_int_equal(sized(f), 2);
	assert_int_equal(guest_read(f, SIZES, 4), 0x00000450);
	assert_int_equal(ask(f, PCG_REQUEST_CLOSE), PCG_DONE);
	assert_int_equal(sized(f), 0);
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_the_backend_can_is_offered),
		cmocka_unit_test(without_the_policy_it_has_the_size_it_has),
		cmocka_unit_test(the_msix_table_stays_inside),
		cmocka_unit_test(who_cannot_turn_memory_off_resizes_nothing),
		cmocka_unit_test(linux_takes_no_such_policy),
		cmocka_unit_test(mappings_go_then_it_is_resized_then_its_address_is_learnt),
		cmocka_unit_test(address_bits_follow_the_size),
		cmocka_unit_test(past_the_end_nothing_answers),
		cmocka_unit_test(mappings_come_back_with_memory),
		cmocka_unit_test(it_may_finish_later),
		cmocka_unit_test(not_while_memory_is_on),
		cmocka_unit_test(not_outside_d0),
		cmocka_unit_test(not_what_is_not_offered),
		cmocka_unit_test(what_fails_reads_as_before),
		cmocka_unit_test(a_reset_keeps_the_size),
		cmocka_unit_test(a_size_that_the_reset_lost_is_put_back),
		cmocka_unit_test(a_reset_from_elsewhere_is_mended),
		cmocka_unit_test(a_size_that_cannot_be_put_back_is_not_claimed),
		cmocka_unit_test(the_next_client_has_the_first_size),
		cmocka_unit_test(a_client_that_speaks_keeps_the_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
