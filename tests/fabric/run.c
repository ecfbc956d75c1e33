/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs the cases: each on a fabric of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"

static const struct fabric_cases *const groups[] = {
	&cases_config, &cases_down,   &cases_up,    &cases_acs,   &cases_errors, &cases_reports,
	&cases_poison, &cases_resets, &cases_slots, &cases_sriov, &cases_msi,
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static void make_vfs(struct room *room)
{
	const struct fabric_function *c = &room->c->f;

	room_put(room, room->rp2, BUSES, 4, 0x00060500);
	room_put(room, c, SR_BAR, 4, VF_BASE);
	room_put(room, c, SR_NUM, 2, 4);
	room_put(room, c, SR_CTL, 2, 0x0009);
}

static int setup(void **state)
{
	const struct fabric_case *row = *state;
	struct run *run = calloc(1, sizeof(*run));
	void *room = NULL;

	assert_non_null(run);
	run->row = row;
	assert_int_equal(row->full ? room_setup_full(&room) : room_setup(&room), 0);
	run->room = room;
	if (row->beside != 0)
		run->beside = room_second(run->room, run->room->b, row->beside);
	if (row->loud)
		room_loud(run->room);
	if (row->vfs)
		make_vfs(run->room);
	for (size_t i = 0; i < ROOM_ROOT; i++)
		run->room->root[i] = (uint8_t)(i * 7 + (i >> 8));
	*state = run;
	return 0;
}

static int teardown(void **state)
{
	struct run *run = *state;

	fabric_destroy(run->room->fabric);
	free(run->room);
	free(run);
	return 0;
}

static void run_case(void **state)
{
	struct run *run = *state;

	steps_run(run);
	if (run->wrong != 0)
		fail_msg("%s: %s: %u differ", run->row->section, run->row->says, run->wrong);
}

int main(void)
{
	struct CMUnitTest *tests;
	char(*names)[160];
	size_t count = 0, n = 0;
	int r;

	for (size_t g = 0; g < GROUPS; g++)
		count += groups[g]->count;
	tests = calloc(count, sizeof(*tests));
	names = calloc(count, sizeof(*names));
	if (tests == NULL || names == NULL)
		return EXIT_FAILURE;
	for (size_t g = 0; g < GROUPS; g++) {
		for (size_t i = 0; i < groups[g]->count; i++, n++) {
			const struct fabric_case *row = &groups[g]->rows[i];

			snprintf(names[n], sizeof(names[n]), "%s %s", row->section, row->says);
			tests[n] = (struct CMUnitTest){ names[n], run_case, setup, teardown, (void *)(uintptr_t)row };
		}
	}
	r = _cmocka_run_group_tests("fabric cases", tests, count, NULL, NULL);
	free(names);
	free(tests);
	return r;
}
