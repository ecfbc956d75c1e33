/* SPDX-License-Identifier: BSD-3-Clause */
/* A check nobody has seen fail is no check: each one is tried on a function that has just the fault it looks for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conform/check.h"
#include "conform/conform.h"
#include "host/sim/broken.h"

#define MAX_CHECKS 512

/* What a run came to. */
struct run {
	const char *id; /* the check that is looked for */
	enum conform_verdict verdict;
	unsigned int found;
	unsigned int count[CONFORM_VERDICTS];
	unsigned int evidence;
	char failed[512];
};

static void take(void *arg, const struct conform_result *r)
{
	struct run *run = arg;
	size_t used = strlen(run->failed);

	run->count[r->verdict]++;
	if (run->id != NULL && strcmp(run->id, r->id) == 0) {
		run->found++;
		run->verdict = r->verdict;
		run->evidence = r->naccesses;
	}
	if (r->verdict == CONFORM_FAIL)
		snprintf(run->failed + used, sizeof(run->failed) - used, "%s (%s) ", r->id, r->message);
}

static void check_view(struct run *run, const char *func, const struct pcg_view_options *view, const char *only)
{
	const struct conform_options options = { .only = &only, .nonly = only != NULL, .result = take, .arg = run };
	struct target *target;

	assert_non_null(view->profile);
	assert_int_equal(target_open(&target, func, view, NULL), 0);
	assert_int_equal(conform_run(target, &options), 0);
	target_close(target);
}

static void check_func(struct run *run, const char *func, const char *profile, const char *only)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find(profile) };

	check_view(run, func, &view, only);
}

static void the_good_function_is_clean(void **state)
{
	struct run run = { 0 };

	(void)state;
	check_func(&run, "sim:broken", "raw", NULL);
	assert_string_equal(run.failed, "");
	assert_int_equal(run.count[CONFORM_UNKNOWN], 0);
	/* It has everything but the lack of a reset, and of PASID beside page requests. */
	assert_int_equal(run.count[CONFORM_NONE], 2);
}

static void every_check_fails_on_its_fault(void **state)
{
	struct conform_entry e;
	unsigned int i;

	(void)state;
	for (i = 0; conform_entry(i, &e); i++) {
		struct run run = { .id = e.id };
		/* What is left behind shows only after the others. */
		const char *only = strcmp(e.id, "suite.restores") == 0 ? NULL : e.id;
		char func[128];

		snprintf(func, sizeof(func), "sim:broken,fault=%s", e.id);
		check_func(&run, func, "raw", only);
		assert_int_equal(run.found, 1);
		if (run.verdict != CONFORM_FAIL || run.evidence == 0)
			fail_msg("%s: %s with %u accesses as evidence", e.id, conform_verdict_text(run.verdict),
				 run.evidence);
	}
	assert_in_range(i, 60, MAX_CHECKS);
}

static void every_fault_belongs_to_a_check(void **state)
{
	const struct broken_fault *fault;
	struct conform_entry e;
	unsigned int i, k;

	(void)state;
	for (i = 0; (fault = broken_fault(i)) != NULL; i++) {
		bool found = false;

		for (k = 0; conform_entry(k, &e); k++)
			found |= strcmp(e.id, fault->name) == 0;
		if (!found)
			fail_msg("fault=%s is for no check", fault->name);
	}
}

static void ids_are_distinct(void **state)
{
	struct conform_entry a, b;
	unsigned int i, k;

	(void)state;
	for (i = 0; conform_entry(i, &a); i++)
		for (k = 0; k < i && conform_entry(k, &b); k++)
			if (strcmp(a.id, b.id) == 0)
				fail_msg("%s is there twice", a.id);
}

static void known_faults_name_checks_that_exist(void **state)
{
	const struct conform_fault *fault;
	unsigned int i, k, n;

	(void)state;
	for (i = 0; (fault = conform_fault(i)) != NULL; i++) {
		for (k = 0; k < sizeof(fault->checks) / sizeof(fault->checks[0]) && fault->checks[k] != NULL; k++) {
			const char *only = fault->checks[k];
			const struct conform_options options = { .only = &only, .nonly = 1 };

			n = conform_count(&options);
			if (n == 0)
				fail_msg("%s: %s names no check", fault->name, only);
		}
		/* The last place stays empty: that is how the list ends. */
		assert_in_range(k, 1, sizeof(fault->checks) / sizeof(fault->checks[0]) - 1);
	}
}

static void a_fault_chooses_its_checks(void **state)
{
	const char *only = "linux.7.1.9-aer-to-hardware";
	const struct conform_options options = { .only = &only, .nonly = 1 };

	(void)state;
	assert_int_equal(conform_count(&options), 1);
}

static void resets_can_be_left_out(void **state)
{
	const struct conform_options all = { .nonly = 0 }, none = { .no_reset = true };
	const char *only = "flr.*";
	const struct conform_options flr = { .only = &only, .nonly = 1, .no_reset = true };

	(void)state;
	assert_in_range(conform_count(&none), 1, conform_count(&all) - 1);
	assert_int_equal(conform_count(&flr), 0);
}

/* Both sides, so that nothing is left behind below either. */
static void a_function_is_left_as_it_was(void **state)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find("raw") };
	struct run run = { 0 };
	const struct conform_options options = { .result = take, .arg = &run };
	uint8_t before[PCG_CONFIG_EXTENDED], after[PCG_CONFIG_EXTENDED];
	struct target *target;

	(void)state;
	assert_int_equal(target_open(&target, "sim:broken", &view, NULL), 0);
	assert_int_equal(target->ops->access(target, false, PCG_REGION_CONFIG, 0, before, sizeof(before)), 0);
	assert_int_equal(conform_run(target, &options), 0);
	assert_int_equal(target->ops->access(target, false, PCG_REGION_CONFIG, 0, after, sizeof(after)), 0);
	/* Vital Product Data that was read shows so: no write takes the flag and the data back. */
	memset(before + BROKEN_VPD + 2, 0, 6);
	memset(after + BROKEN_VPD + 2, 0, 6);
	assert_memory_equal(before, after, sizeof(before));
	target_close(target);
}

/* The guest's side and the function's own, but for what Vital Product Data last read. */
static void look(struct target *target, uint8_t *both)
{
	unsigned int dword;
	uint32_t value;

	assert_int_equal(target->ops->access(target, false, PCG_REGION_CONFIG, 0, both, PCG_CONFIG_EXTENDED), 0);
	for (dword = 0; dword < PCG_CONFIG_DWORDS; dword++) {
		assert_int_equal(probe_get(target->host, dword * 4, 4, &value), 0);
		pcg_put32(both + PCG_CONFIG_EXTENDED + 4 * dword, value);
	}
	memset(both + BROKEN_VPD + 2, 0, 6);
	memset(both + PCG_CONFIG_EXTENDED + BROKEN_VPD + 2, 0, 6);
}

static void a_mediated_function_is_left_as_it_was_on_both_sides(void **state)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find("guarded") };
	struct run run = { 0 };
	const struct conform_options options = { .result = take, .arg = &run };
	static uint8_t before[2 * PCG_CONFIG_EXTENDED], after[sizeof(before)];
	struct target *target;

	(void)state;
	assert_int_equal(target_open(&target, "sim:broken", &view, NULL), 0);
	look(target, before);
	assert_int_equal(conform_run(target, &options), 0);
	look(target, after);
	assert_memory_equal(before, after, sizeof(before));
	target_close(target);
}

/* A run that is stopped at its @left-th access. */
struct patience {
	struct run run;
	unsigned int left;
};

static void take_patiently(void *arg, const struct conform_result *r)
{
	take(&((struct patience *)arg)->run, r);
}

static bool out_of_patience(void *arg)
{
	struct patience *p = arg;

	return p->left == 0 || --p->left == 0;
}

static void a_run_that_is_stopped_anywhere_puts_back(void **state)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find("raw") };
	static uint8_t before[2 * PCG_CONFIG_EXTENDED], after[sizeof(before)];
	unsigned int left, stopped = 0;
	int r = -EINTR;

	(void)state;
	for (left = 1; r == -EINTR; left += left < 2000 ? 7 : 997) {
		struct patience p = { .left = left };
		const struct conform_options options = { .result = take_patiently, .stop = out_of_patience, .arg = &p };
		struct target *target;

		assert_int_equal(target_open(&target, "sim:broken", &view, NULL), 0);
		look(target, before);
		r = conform_run(target, &options);
		look(target, after);
		target_close(target);
		assert_memory_equal(before, after, sizeof(before));
		assert_string_equal(p.run.failed, "");
		stopped += r == -EINTR;
	}
	assert_int_equal(r, 0);
	assert_in_range(stopped, 200, 100000);
}

static void bars_are_placed_apart_and_aligned(void **state)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find("raw") };
	const struct conform_options options = { .arg = NULL };
	struct conform *c = calloc(1, sizeof(*c));
	uint64_t at[PCG_NUM_BARS] = { 0 };
	unsigned int n, k;

	(void)state;
	assert_non_null(c);
	assert_int_equal(target_open(&c->target, "sim:broken", &view, NULL), 0);
	c->options = &options;
	assert_int_equal(session_begin(c), 0);
	check_place(c);
	for (n = 0; n < PCG_NUM_BARS; n++) {
		if (c->bar[n].kind == PCG_BAR_NONE || c->bar[n].kind == PCG_BAR_UPPER)
			continue;
		at[n] = check_get(c, PCG_BAR0 + 4 * n, 4) & (c->bar[n].kind == PCG_BAR_IO ? ~3u : ~15u);
		if (c->bar[n].kind == PCG_BAR_MEM64)
			at[n] |= (uint64_t)check_get(c, PCG_BAR0 + 4 * n + 4, 4) << 32;
		assert_int_not_equal(at[n], 0);
		assert_int_equal(at[n] & (c->bar[n].size - 1), 0);
		for (k = 0; k < n; k++)
			assert_true(at[k] + c->bar[k].size <= at[n] || at[n] + c->bar[n].size <= at[k]);
	}
	assert_int_equal(check_get(c, PCG_COMMAND, 2) & 3, 0);
	target_close(c->target);
	free(c);
}

static void what_is_held_is_counted_and_goes_no_further(void **state)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find("raw") };
	uint8_t bytes[4] = { 0x47, 0x01, 0, 0 };
	struct target *target;
	uint32_t before, after;

	(void)state;
	assert_int_equal(target_open(&target, "sim:broken", &view, NULL), 0);
	assert_int_equal(probe_get(target->host, PCG_COMMAND, 2, &before), 0);
	probe_hold(target->host, PCG_COMMAND);
	assert_int_equal(target->ops->access(target, true, PCG_REGION_CONFIG, PCG_COMMAND, bytes, 2), 0);
	assert_int_equal(probe_get(target->host, PCG_COMMAND, 2, &after), 0);
	assert_int_equal(after, before);
	assert_int_equal(target->host->nwrites, 1);
	probe_calm(target->host);
	assert_int_equal(target->ops->access(target, true, PCG_REGION_CONFIG, PCG_COMMAND, bytes, 2), 0);
	assert_int_equal(probe_get(target->host, PCG_COMMAND, 2, &after), 0);
	assert_int_not_equal(after, before);
	target_close(target);
}

static void raised_bits_show_until_they_are_calmed(void **state)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find("raw") };
	struct target *target;
	uint32_t value;

	(void)state;
	assert_int_equal(target_open(&target, "sim:broken", &view, NULL), 0);
	probe_raise(target->host, PCG_STATUS, 2, 0x8000);
	assert_int_equal(probe_get(target->host, PCG_STATUS, 2, &value), 0);
	assert_int_equal(value & 0x8000, 0x8000);
	probe_calm(target->host);
	assert_int_equal(probe_get(target->host, PCG_STATUS, 2, &value), 0);
	assert_int_equal(value & 0x8000, 0);
	target_close(target);
}

/* The function's own side as sysfs shows it: what stands there, no more. @pending: Device Status bits. */
static enum conform_verdict blind(const char *fault, const char *only, uint32_t pending)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find("raw") };
	struct run run = { .id = only };
	const struct conform_options options = { .only = &only, .nonly = 1, .result = take, .arg = &run };
	struct target *target;
	char func[128];

	snprintf(func, sizeof(func), "sim:broken%s%s", fault != NULL ? ",fault=" : "", fault != NULL ? fault : "");
	assert_int_equal(target_open(&target, func, &view, NULL), 0);
	target->host->blind = true;
	probe_raise(target->host, BROKEN_EXP + PCG_EXP_DEVSTA, 2, pending);
	assert_int_equal(conform_run(target, &options), 0);
	target_close(target);
	assert_int_equal(run.found, 1);
	return run.verdict;
}

static void what_stands_in_the_function_is_enough_for_many(void **state)
{
	static const char *const checks[] = {
		"express.devctl.mps-host",  "express.devctl2.host", "aer.host.masks",     "msix.host.control",
		"header.command.intx-host", "hidden.body.closed",   "leak.bar-addresses",
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (blind(checks[i], checks[i], 0) != CONFORM_FAIL)
			fail_msg("%s does not find its fault", checks[i]);
		if (blind(NULL, checks[i], 0) != CONFORM_PASS)
			fail_msg("%s does not pass", checks[i]);
	}
}

static void what_has_to_be_watched_cannot_be_told(void **state)
{
	static const char *const checks[] = {
		"hidden.body.unwritable", "header.bist.host",      "vendor.vsec.host",
		"gate.no-recovery",       "gate.memory-off.write", "rw1c.devsta.neighbour",
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (blind(checks[i], checks[i], 0) != CONFORM_UNKNOWN)
			fail_msg("%s knows what it cannot", checks[i]);
}

static void pending_status_does_for_raised(void **state)
{
	(void)state;
	assert_int_equal(blind("rw1c.devsta.neighbour", "rw1c.devsta.neighbour", 0x3), CONFORM_FAIL);
	assert_int_equal(blind(NULL, "rw1c.devsta.neighbour", 0x3), CONFORM_PASS);
	assert_int_equal(blind("rw1c.devsta.single", "rw1c.devsta.single", 0x3), CONFORM_FAIL);
}

static void an_unknown_fault_is_refused(void **state)
{
	struct pcg_host *host;

	(void)state;
	assert_true(pcg_host_create(&host, "sim:broken,fault=no.such", NULL) < 0);
	assert_null(host);
}

/* --- what there is of functions --- */

static void clean(const char *func, struct pcg_view_options *view)
{
	static const char *const profiles[] = { "guarded", "strict" };
	unsigned int i;

	for (i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		struct run run = { 0 };

		view->profile = pcg_profile_find(profiles[i]);
		check_view(&run, func, view, NULL);
		if (run.failed[0] != '\0')
			fail_msg("%s %s: %s", func, profiles[i], run.failed);
	}
}

#define SPACES "pasid=20:exec:priv,ats=on,pri=32,acs=on"

static const char *const functions[] = {
	"sim:endpoint-test",
	"sim:endpoint-test,memory-bit=off",
	"sim:endpoint-test,intx=off,msi=0",
	"sim:endpoint-test,vfs=4",
	"sim:endpoint-test,vfs=4," SPACES,
	"sim:endpoint-test,vfs=4,vf=1," SPACES,
	"sim:endpoint-test,vfs=4,detached=on,vf=1",
	"sim:endpoint-test,bars=auto/-/1M:mem64:prefetch,rebar=2:1M/4M",
};

static void every_kind_of_function_is_clean(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		struct pcg_view_options view = { .profile = NULL };

		clean(functions[i], &view);
	}
}

static void capabilities_that_are_made_are_clean(void **state)
{
	static const enum pcg_shown shown = PCG_SHOWN_FORCED;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		struct pcg_view_options view = {
			.pasid = { .pasid.shown = shown, .ats.shown = shown, .pri.shown = shown },
		};

		clean(functions[i], &view);
	}
}

static void bounded_tables_and_bars_that_resize_are_clean(void **state)
{
	static const uint16_t vectors[] = { 1, 2, 2047 };
	struct pcg_view_options resize = { .rebar = true };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct pcg_view_options view = { .msix_vectors = vectors[i] };

		clean("sim:endpoint-test,msix=2048", &view);
	}
	clean("sim:endpoint-test,bars=auto/-/1M:mem64:prefetch,rebar=2:1M/4M", &resize);
}

/* Without mediation the simulated function itself is judged. */
static void simulated_hardware_is_clean(void **state)
{
	struct run run = { 0 };

	(void)state;
	check_func(&run, "sim:endpoint-test,vfs=4," SPACES, "raw", NULL);
	assert_string_equal(run.failed, "");
}

/* --- VFs that nobody says are some --- */

static bool taken_for_a_vf(const char *func, const char *profile, bool said, enum conform_vf vf)
{
	const struct pcg_view_options view = { .profile = pcg_profile_find(profile) };
	const char *only = "header.cache-line.readback";
	struct run run = { .id = only };
	const struct conform_options options = { .only = &only, .nonly = 1, .result = take, .arg = &run, .vf = vf };
	struct target *target;
	bool is_vf;

	assert_int_equal(target_open(&target, func, &view, NULL), 0);
	target->is_vf &= said;
	assert_int_equal(conform_run(target, &options), 0);
	is_vf = target->is_vf;
	target_close(target);
	assert_int_equal(run.found, 1);
	assert_int_equal(run.verdict == CONFORM_NONE, is_vf);
	return is_vf;
}

static void a_vf_is_known_by_what_it_has_hardwired(void **state)
{
	(void)state;
	assert_true(taken_for_a_vf("sim:endpoint-test,vfs=4,vf=1", "guarded", false, CONFORM_VF_LOOK));
	assert_true(taken_for_a_vf("sim:endpoint-test,vfs=4,detached=on,vf=1", "raw", false, CONFORM_VF_LOOK));
	assert_false(taken_for_a_vf("sim:endpoint-test,vfs=4", "guarded", false, CONFORM_VF_LOOK));
	assert_false(taken_for_a_vf("sim:endpoint-test,intx=off,msi=0", "guarded", false, CONFORM_VF_LOOK));
	/* One register that is dead is a fault, not a VF. */
	assert_false(taken_for_a_vf("sim:broken,fault=header.line.readback", "raw", false, CONFORM_VF_LOOK));
}

static void the_user_has_the_last_word_about_vfs(void **state)
{
	(void)state;
	assert_false(taken_for_a_vf("sim:endpoint-test,vfs=4,vf=1", "guarded", true, CONFORM_VF_NO));
	assert_true(taken_for_a_vf("sim:endpoint-test,vfs=4", "guarded", false, CONFORM_VF_YES));
}

/* --- chains that lie --- */

static void put_header(uint8_t *config, unsigned int at, uint32_t header)
{
	pcg_put32(config + at, header);
}

static void the_walk_ends_on_every_kind_of_lie(void **state)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	struct walk *walk = malloc(sizeof(*walk));

	(void)state;
	assert_non_null(walk);
	config[PCG_STATUS] = PCG_STATUS_CAPABILITIES;
	config[PCG_CAPABILITIES] = 0x43;
	config[0x40] = PCG_CAP_PM;
	config[0x41] = 0x40;
	put_header(config, 0x100, 0x10010001);
	walk_chains(walk, config, sizeof(config));
	assert_int_equal(walk->ncaps, 2);
	assert_int_equal(walk->standard, WALK_UNALIGNED | WALK_LOOP);
	assert_int_equal(walk->extended, WALK_LOOP);

	config[PCG_CAPABILITIES] = 0x10;
	put_header(config, 0x100, 0x0fc10001);
	walk_chains(walk, config, sizeof(config));
	assert_int_equal(walk->standard, WALK_OUTSIDE);
	assert_int_equal(walk->extended, WALK_OUTSIDE);

	memset(config, 0xff, sizeof(config));
	walk_chains(walk, config, sizeof(config));
	assert_int_equal(walk->ncaps, 0);
	assert_true(walk->standard & WALK_NO_ANSWER);
	assert_int_equal(walk->extended, WALK_NO_ANSWER);
	free(walk);
}

static void the_walk_ends_on_noise(void **state)
{
	uint8_t config[PCG_CONFIG_EXTENDED];
	struct walk *walk = malloc(sizeof(*walk));
	unsigned int seed, i;
	uint32_t x = 1;

	(void)state;
	assert_non_null(walk);
	for (seed = 0; seed < 2000; seed++) {
		for (i = 0; i < sizeof(config); i++) {
			x = x * 1664525u + 1013904223u;
			config[i] = (uint8_t)(x >> 24);
		}
		config[PCG_STATUS] |= PCG_STATUS_CAPABILITIES;
		walk_chains(walk, config, sizeof(config));
		assert_in_range(walk->ncaps, 0, WALK_MAX);
		for (i = 0; i < walk->ncaps; i++)
			assert_in_range(walk->cap[i].at + walk->cap[i].room, 0, sizeof(config));
	}
	free(walk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_good_function_is_clean),
		cmocka_unit_test(every_check_fails_on_its_fault),
		cmocka_unit_test(every_fault_belongs_to_a_check),
		cmocka_unit_test(ids_are_distinct),
		cmocka_unit_test(known_faults_name_checks_that_exist),
		cmocka_unit_test(a_fault_chooses_its_checks),
		cmocka_unit_test(resets_can_be_left_out),
		cmocka_unit_test(a_function_is_left_as_it_was),
		cmocka_unit_test(a_mediated_function_is_left_as_it_was_on_both_sides),
		cmocka_unit_test(a_run_that_is_stopped_anywhere_puts_back),
		cmocka_unit_test(bars_are_placed_apart_and_aligned),
		cmocka_unit_test(what_is_held_is_counted_and_goes_no_further),
		cmocka_unit_test(raised_bits_show_until_they_are_calmed),
		cmocka_unit_test(what_stands_in_the_function_is_enough_for_many),
		cmocka_unit_test(what_has_to_be_watched_cannot_be_told),
		cmocka_unit_test(pending_status_does_for_raised),
		cmocka_unit_test(an_unknown_fault_is_refused),
		cmocka_unit_test(every_kind_of_function_is_clean),
		cmocka_unit_test(capabilities_that_are_made_are_clean),
		cmocka_unit_test(bounded_tables_and_bars_that_resize_are_clean),
		cmocka_unit_test(simulated_hardware_is_clean),
		cmocka_unit_test(a_vf_is_known_by_what_it_has_hardwired),
		cmocka_unit_test(the_user_has_the_last_word_about_vfs),
		cmocka_unit_test(the_walk_ends_on_every_kind_of_lie),
		cmocka_unit_test(the_walk_ends_on_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
