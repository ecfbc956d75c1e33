/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traces observed from Linux's own policy code, run under the profile `linux`: those in tests/golden, and all that
 * stand in PCI_GOLDEN. And what the reader of traces does with text that is no trace.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/line.h"
#include "trace/replay.h"

static const char *const options[][2] = {
	{ ".vf", ",vf=on" },         { ".ncm", ",no-command-memory=on" }, { ".intxfollow", ",intx=follow" },
	{ ".vpdfail", ",vpd=fail" }, { ".nointx", ",nointx=on" },
};

static const char trace_end[] = ".trace.gz";

/* The directory of this file's sources, with or without what the compiler was told before it. */
static void own_golden(char *path, size_t size)
{
	const char *slash = strrchr(__FILE__, '/');

	snprintf(path, size, "%.*s/../golden", slash != NULL ? (int)(slash - __FILE__) : 1,
		 slash != NULL ? __FILE__ : ".");
}

/* "NAME.OPTION.trace.gz" wants images/NAME.txt and the option. */
static void function_of(const char *folder, const char *trace, char *func, size_t size)
{
	char name[256];
	const char *more = "";
	size_t i;

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(trace) - strlen(trace_end)), trace);
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t length = strlen(name), end = strlen(options[i][0]);

		if (length > end && strcmp(name + length - end, options[i][0]) == 0) {
			name[length - end] = '\0';
			more = options[i][1];
		}
	}
	snprintf(func, size, "dump:%.256s/images/%s.txt,hw=ram%s", folder, name, more);
}

static unsigned long replay(const char *folder, const char *trace, const char *profile, struct replay_result *result)
{
	struct pcg_view_options view = { .profile = pcg_profile_find(profile) };
	struct replay_settings settings = { .view = &view, .name = trace, .effects = true, .report = stderr };
	char func[1024], path[1024];

	function_of(folder, trace, func, sizeof(func));
	snprintf(path, sizeof(path), "%.256s/traces/%s", folder, trace);
	if (strcmp(profile, "linux") != 0)
		settings.report = NULL;
	assert_int_equal(pcg_host_create(&settings.host, func, NULL), 0);
	assert_int_equal(replay_file(&settings, path, result), 0);
	pcg_host_destroy(settings.host);
	return result->differences;
}

static unsigned int replay_all(const char *folder)
{
	char path[512];
	struct dirent *entry;
	unsigned int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%.256s/traces", folder);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		size_t length = strlen(entry->d_name), end = sizeof(trace_end) - 1;
		struct replay_result result;

		if (length <= end || strcmp(entry->d_name + length - end, trace_end) != 0)
			continue;
		assert_int_equal(replay(folder, entry->d_name, "linux", &result), 0);
		assert_true(result.checks > 1000);
		count++;
	}
	closedir(dir);
	return count;
}

static void golden_traces_of_the_project_hold(void **state)
{
	char folder[512];

	(void)state;
	own_golden(folder, sizeof(folder));
	if (replay_all(folder) == 0) {
		print_message("# tests/golden is not there\n");
		skip();
	}
}

static void golden_traces_elsewhere_hold(void **state)
{
	const char *folder = getenv("PCI_GOLDEN");

	(void)state;
	if (folder == NULL || replay_all(folder) == 0) {
		print_message("# PCI_GOLDEN names no folder of golden traces\n");
		skip();
	}
}

static void a_trace_of_linux_differs_under_guarded(void **state)
{
	struct replay_result result;
	char folder[512];

	(void)state;
	own_golden(folder, sizeof(folder));
	assert_true(replay(folder, "synth-02-pci-conventional.trace.gz", "guarded", &result) > 0);
}

/* --- traces from memory --- */

struct text {
	const char *at;
};

static int next_line(void *arg, char *line, size_t size)
{
	struct text *text = arg;
	size_t length = strcspn(text->at, "\n");

	if (*text->at == '\0')
		return 0;
	if (length >= size)
		return -E2BIG;
	memcpy(line, text->at, length);
	line[length] = '\0';
	text->at += length + (text->at[length] != '\0');
	return 1;
}

static int run_text(const char *trace, bool effects, struct replay_result *result)
{
	struct pcg_view_options view = { .profile = pcg_profile_find("linux") };
	struct replay_settings settings = { .view = &view, .name = "text", .effects = effects };
	struct text text = { trace };
	struct replay_source source = { .arg = &text, .next = next_line };
	char func[1024], folder[512];
	int ret;

	own_golden(folder, sizeof(folder));
	snprintf(func, sizeof(func), "dump:%s/images/synth-02-pci-conventional.txt,hw=ram", folder);
	assert_int_equal(pcg_host_create(&settings.host, func, NULL), 0);
	ret = replay_run(&settings, &source, result);
	pcg_host_destroy(settings.host);
	return ret;
}

static void every_kind_of_difference_counts(void **state)
{
	struct replay_result result;

	(void)state;
	assert_int_equal(run_text("open\nr 2 000 = 1234\nrb 3 000 = 34 12 02\nR 4 000 = 90021234\n", false, &result),
			 0);
	assert_int_equal(result.differences, 0);
	assert_int_equal(run_text("open\nr 2 000 = 1235\n", false, &result), 0);
	assert_int_equal(result.differences, 1);
	assert_int_equal(run_text("open\nR 1 000 = 35\n", false, &result), 0);
	assert_int_equal(result.differences, 1);
	assert_int_equal(run_text("open\nr 4 0fe = 00000000\n", false, &result), 0);
	assert_int_equal(result.differences, 1);
	assert_int_equal(run_text("open\nw 1 000 00 ! EFAULT\nw 2 0ff 0000 ! EIO\n", false, &result), 0);
	assert_int_equal(result.differences, 2);
}

static void effects_count_when_asked_for(void **state)
{
	static const char missing[] = "open\nw 2 004 0000\nr 2 004 = 0000\n";
	static const char there[] = "open\nw 2 004 0000\n# effect: zap\n";
	static const char other[] = "open\nw 2 004 0000\n# effect: zap\n# effect: zap\n";
	struct replay_result result;

	(void)state;
	assert_int_equal(run_text(missing, false, &result), 0);
	assert_int_equal(result.differences, 0);
	assert_int_equal(run_text(missing, true, &result), 0);
	assert_int_equal(result.differences, 1);
	assert_int_equal(run_text(there, true, &result), 0);
	assert_int_equal(result.differences, 0);
	assert_int_equal(run_text(other, true, &result), 0);
	assert_int_equal(result.differences, 1);
}

static void lines_that_are_none_are_errors(void **state)
{
	static const char *const lines[] = {
		"x",
		"open now",
		"r",
		"r 3 000",
		"r 4",
		"r 4 xyz",
		"r 4 000 =",
		"r 4 000 = 123456789",
		"r 1 000 = 100",
		"r 4 000 == 0",
		"r 4 000 = 0 0",
		"w 4 000",
		"w 1 000 00 !",
		"w 1 000 00 ! ENOSUCH",
		"wb 2 000 00",
		"rb 4097 000",
		"rb 99999999999999999999 000",
		"w 1 fffffffffffffffffffff 00",
		"r 1 000 = 00 ! EIO",
		"flr 1",
	};
	struct replay_result result;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), "open\n# right so far\n%s\n", lines[i]);
		if (run_text(text, false, &result) != -EINVAL || result.lines != 3)
			fail_msg("taken for a line: %s", lines[i]);
	}
	assert_int_equal(run_text("r 1 000\n", false, &result), -EINVAL);
}

static void far_and_wide_accesses_are_refused(void **state)
{
	static const char text[] =
		"open\nr 4 ffffffff ! EFAULT\nR 4 ffffffff ! EFAULT\nrb 4096 000 ! EFAULT\nrb 0 000 =\n"
		"W 4 0fe 00000000 ! EFAULT\nreset\nflr\n";
	struct replay_result result;

	(void)state;
	assert_int_equal(run_text(text, false, &result), 0);
	assert_int_equal(result.differences, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_traces_of_the_project_hold),
		cmocka_unit_test(golden_traces_elsewhere_hold),
		cmocka_unit_test(a_trace_of_linux_differs_under_guarded),
		cmocka_unit_test(every_kind_of_difference_counts),
		cmocka_unit_test(effects_count_when_asked_for),
		cmocka_unit_test(lines_that_are_none_are_errors),
		cmocka_unit_test(far_and_wide_accesses_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
