/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the running kernel's vfio-pci did to functions of a virtual machine (tests/golden/kernel; tests/vm/record makes
 * it anew), under the profile `linux`. The head of a trace names the options of its function.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "trace/replay.h"

#define TRACES_LEAST 8u /* one machine of functions */

static const char trace_end[] = ".trace.gz";

/* The directory of this file's sources, with or without what the compiler was told before it. */
static void kernel_folder(char *path, size_t size)
{
	const char *slash = strrchr(__FILE__, '/');

	snprintf(path, size, "%.*s/../golden/kernel", slash != NULL ? (int)(slash - __FILE__) : 1,
		 slash != NULL ? __FILE__ : ".");
}

/* The text after "# KEY: " in the head of a trace; the empty text where there is none. */
static void head_of(const char *path, const char *key, char *value, size_t size)
{
	char line[256];
	gzFile file = gzopen(path, "rb");
	int length = (int)strlen(key);

	value[0] = '\0';
	assert_non_null(file);
	while (value[0] == '\0' && gzgets(file, line, sizeof(line)) != NULL && line[0] == '#') {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line + 2, key, (size_t)length) == 0 && line[2 + length] == ':')
			snprintf(value, size, "%s", line + 4 + length);
	}
	gzclose(file);
}

static unsigned long replay(const char *folder, const char *trace, const char *profile, struct replay_result *result)
{
	struct pcg_view_options view = { .profile = pcg_profile_find(profile) };
	struct replay_settings settings = { .view = &view, .name = trace };
	char path[1024], func[1024], image[256], options[128];

	snprintf(path, sizeof(path), "%.512s/traces/%.256s", folder, trace);
	head_of(path, "image", image, sizeof(image));
	head_of(path, "options", options, sizeof(options));
	snprintf(func, sizeof(func), "dump:%.512s/%s%s", folder, image, options);
	if (strcmp(profile, "linux") == 0)
		settings.report = stderr;
	assert_int_equal(pcg_host_create(&settings.host, func, NULL), 0);
	assert_int_equal(replay_file(&settings, path, result), 0);
	pcg_host_destroy(settings.host);
	return result->differences;
}

static void recordings_of_the_running_kernel_hold(void **state)
{
	char folder[512], path[1024];
	struct dirent *entry;
	unsigned int count = 0;
	DIR *dir;

	(void)state;
	kernel_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/traces", folder);
	dir = opendir(path);
	assert_non_null(dir);
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
	assert_true(count >= TRACES_LEAST);
}

static void a_recording_differs_under_guarded(void **state)
{
	struct replay_result result;
	char folder[512];

	(void)state;
	kernel_folder(folder, sizeof(folder));
	assert_true(replay(folder, "synth-02-pci-conventional.trace.gz", "guarded", &result) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings_of_the_running_kernel_hold),
		cmocka_unit_test(a_recording_differs_under_guarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
