/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each profile makes of each function of tests/golden/images, as text: tests/golden/views/NAME.PROFILE.txt, and
 * what options make of some, NAME.PROFILE.OPTION.txt. A change of policy is a difference in these files;
 * tests/golden/renew writes them anew.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pcigate/host.h>

#include "view/why.h"

static const char *const profiles[] = { "guarded", "strict", "linux" };

static struct view_record record;
static char folder[512];

/* The directory of this file's sources, with or without what the compiler was told before it. */
static void find_folder(void)
{
	const char *slash = strrchr(__FILE__, '/');

	snprintf(folder, sizeof(folder), "%.*s/../golden", slash != NULL ? (int)(slash - __FILE__) : 1,
		 slash != NULL ? __FILE__ : ".");
}

/* --- one line a range --- */

static const char *reads(const struct pcg_view *view, unsigned int bit, const struct why *why)
{
	if (view->read_host[bit / 32] & 1u << (bit & 31))
		return "function";
	return why->rule == NULL || why->rule->read != ZERO ? "shadow" : "0";
}

static const char *writes(const struct pcg_view *view, unsigned int bit)
{
	static const char *const words[] = { "-", "shadow", "function", "both" };
	uint32_t mask = 1u << (bit & 31);

	if (view->write_clear[bit / 32] & mask)
		return "clears";
	if (view->as_zero[bit / 32] & mask)
		return "as zero";
	return words[(view->write_shadow[bit / 32] & mask ? 1 : 0) + (view->write_host[bit / 32] & mask ? 2 : 0)];
}

static const char *decides(const struct why *why)
{
	static const char *const rests[] = { "the rest: closed", "the rest: to look at", "the rest: open" };

	if (why->row != NULL)
		return why->row->why;
	if (why->owner != NULL)
		return why->owner->why;
	if (why->rule == NULL)
		return "the function itself";
	if (why->rule->why != NULL)
		return why->rule->why;
	if (why->rule->read != HOST)
		return why->cap != NULL && !why->shown && why->policy != NULL ? why->policy->why : rests[0];
	return rests[why->rule->write & TO_HOST ? 2 : 1];
}

static const char *owner(const struct why *why)
{
	const char *setpci = NULL;

	if (why->cap == NULL)
		return why->part == WHY_GAP ? "gap" : why->part == WHY_PAST_END ? "past the end" : "header";
	return pcg_cap_text(why->cap->id, why->cap->extended, &setpci) != NULL && setpci != NULL ? setpci : "?";
}

/* Whether bit @b, which is the next one, goes on with the range that began at @a. */
static bool same(unsigned int a, const struct why *x, unsigned int b, const struct why *y)
{
	const struct pcg_view *v = &record.view;

	if (x->cap != y->cap || x->part != y->part || x->rule != y->rule || x->row != y->row || x->owner != y->owner)
		return false;
	/* A number for each dword of the shadow, but one line for any amount of nothing. */
	if (b % 32 == 0 &&
	    (v->power_on[b / 32 - 1] & ~v->read_host[b / 32 - 1] || v->power_on[b / 32] & ~v->read_host[b / 32]))
		return false;
	return strcmp(reads(v, a, x), reads(v, b, y)) == 0 && strcmp(writes(v, a), writes(v, b)) == 0 &&
	       v->hook[a / 32] == v->hook[b / 32];
}

/* "040-041" for whole bytes, "040.0-041.2" otherwise. */
static void print_place(FILE *out, unsigned int first, unsigned int last)
{
	char text[32];

	if (first % 8 == 0 && last % 8 == 7 && first / 8 == last / 8)
		snprintf(text, sizeof(text), "%03x", first / 8);
	else if (first % 8 == 0 && last % 8 == 7)
		snprintf(text, sizeof(text), "%03x-%03x", first / 8, last / 8);
	else if (first == last)
		snprintf(text, sizeof(text), "%03x.%u", first / 8, first % 8);
	else
		snprintf(text, sizeof(text), "%03x.%u-%03x.%u", first / 8, first % 8, last / 8, last % 8);
	fprintf(out, "%-12s", text);
}

/* Where the shadow is read: its value at power-on, as far as one number says it. */
static void print_value(FILE *out, unsigned int first, unsigned int last)
{
	char text[16] = "";

	if (first / 32 == last / 32 && !(record.view.read_host[first / 32] & 1u << (first & 31))) {
		uint32_t value = record.view.power_on[first / 32] >> (first & 31);

		if (last - first < 31)
			value &= (1u << (last - first + 1)) - 1;
		snprintf(text, sizeof(text), "%x", value);
	}
	fprintf(out, " %-8s", text);
}

static void print_range(FILE *out, unsigned int first, unsigned int last, const struct why *why)
{
	const struct pcg_view *v = &record.view;
	const char *decided = decides(why);

	print_place(out, first, last);
	fprintf(out, " %-9s", reads(v, first, why));
	print_value(out, first, last);
	fprintf(out, " %-9s %-12s%s%s", writes(v, first), owner(why), decided, v->hook[first / 32] ? " *" : "");
	fprintf(out, "%s\n", why->by_width ? " (by width)" : "");
}

static void print_view(FILE *out, const char *name, const char *profile)
{
	unsigned int bit, first = 0, bits = record.size * 8u;
	struct why current, next;

	fprintf(out, "%s under %s\n\n%-12s %-9s %-8s %-9s %-12s%s\n", name, profile, "bytes", "reads", "value",
		"writes", "owner", "decided by; *: writes set something off");
	view_why(&record, 0, &current);
	for (bit = 1; bit <= bits; bit++) {
		if (bit < bits) {
			view_why(&record, bit, &next);
			if (same(first, &current, bit, &next))
				continue;
		}
		print_range(out, first, bit - 1, &current);
		first = bit;
		current = next;
	}
}

/* --- functions --- */

static void read_config(struct pcg_host *host, uint8_t *config)
{
	struct pcg_op op = { 0 };
	uint32_t value;
	unsigned int dword;

	for (dword = 0; dword < host->info.config_size / 4u; dword++) {
		assert_int_equal(host->ops->config_read(host, (uint16_t)dword, 0xf, &value, &op), PCG_DONE);
		pcg_put32(config + dword * 4u, value);
	}
}

static void compile(const char *func, const struct pcg_view_options *options)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	struct pcg_host *host;

	assert_int_equal(pcg_host_create(&host, func, NULL), 0);
	read_config(host, config);
	assert_int_equal(view_record_init(&record, &host->info, config, options, NULL), 0);
	pcg_host_destroy(host);
}

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t size = 1u << 20, length;
	char *text = calloc(1, size);

	assert_non_null(text);
	if (file == NULL)
		return text;
	length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

static void compare(const char *path, const char *have)
{
	char *want = slurp(path);
	unsigned int line = 1;
	size_t i;

	for (i = 0; have[i] != '\0' && have[i] == want[i]; i++)
		line += have[i] == '\n';
	if (have[i] != want[i])
		print_error("%s:%u is another now; tests/golden/renew, and read the difference\n", path, line);
	assert_true(have[i] == want[i]);
	free(want);
}

/* The view that was compiled last is the one in views/@file.txt. */
static void is_as_it_was(const char *file, const char *name, const char *under)
{
	char path[1024], *text = NULL;
	size_t length;
	FILE *out;

	snprintf(path, sizeof(path), "%s/views/%s.txt", folder, file);
	if (getenv("PCIGATE_RENEW") != NULL) {
		out = fopen(path, "we");
		assert_non_null(out);
		print_view(out, name, under);
		assert_int_equal(fclose(out), 0);
		return;
	}
	out = open_memstream(&text, &length);
	assert_non_null(out);
	print_view(out, name, under);
	assert_int_equal(fclose(out), 0);
	compare(path, text);
	free(text);
}

static void one(const char *image, const char *profile)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find(profile) };
	char func[1024], file[512];

	snprintf(func, sizeof(func), "dump:%s/images/%s,hw=ram", folder, image);
	snprintf(file, sizeof(file), "%.*s.%s", (int)strlen(image) - 4, image, profile);
	compile(func, &options);
	is_as_it_was(file, image, profile);
}

static void all_of(const char *profile)
{
	char path[1024];
	struct dirent *entry;
	unsigned int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/images", folder);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strlen(entry->d_name) > 4 && strcmp(entry->d_name + strlen(entry->d_name) - 4, ".txt") == 0) {
			one(entry->d_name, profile);
			count++;
		}
	closedir(dir);
	assert_in_range(count, 2, 1000);
}

static void guarded_is_as_it_was(void **state)
{
	(void)state;
	all_of(profiles[0]);
}

static void strict_is_as_it_was(void **state)
{
	(void)state;
	all_of(profiles[1]);
}

static void linux_is_as_it_was(void **state)
{
	(void)state;
	all_of(profiles[2]);
}

/* --- options --- */

static const struct {
	const char *name;
	const char *func; /* NULL: the image of that name */
	const char *option;
	const char *said; /* as --policy has it */
	struct pcg_view_options options;
} with[] = {
	{ .name = "synth-07-sriov-pf",
	  .option = "made",
	  .said = "pasid=force, ats=force, pri=force, each at=gap",
	  .options.pasid = { .pasid = { PCG_SHOWN_FORCED, PCG_PLACE_GAP },
			     .ats = { PCG_SHOWN_FORCED, PCG_PLACE_GAP },
			     .pri = { PCG_SHOWN_FORCED, PCG_PLACE_GAP } } },
	/* The end of its space is taken. */
	{ .name = "synth-01-nic-plain",
	  .option = "pasid",
	  .said = "pasid=force, pasid-at=gap, pasid-width=8",
	  .options.pasid = { .pasid = { PCG_SHOWN_FORCED, PCG_PLACE_GAP }, .width = 8 } },
	{ .name = "synth-07-sriov-pf", .option = "msix", .said = "msix-vectors=9", .options.msix_vectors = 9 },
	{ .name = "endpoint-test",
	  .func = "sim:endpoint-test,bars=auto/-/1M:mem64:prefetch,rebar=2:1M/64M",
	  .option = "rebar",
	  .said = "rebar",
	  .options.rebar = true },
};

static void options_make_what_they_made(void **state)
{
	char func[1024], file[512], under[256];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		struct pcg_view_options options = with[i].options;

		options.profile = pcg_profile_find("guarded");
		snprintf(func, sizeof(func), "dump:%s/images/%s.txt,hw=ram", folder, with[i].name);
		snprintf(file, sizeof(file), "%s.guarded.%s", with[i].name, with[i].option);
		snprintf(under, sizeof(under), "guarded with %s", with[i].said);
		compile(with[i].func != NULL ? with[i].func : func, &options);
		is_as_it_was(file, with[i].func != NULL ? with[i].func : with[i].name, under);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guarded_is_as_it_was),
		cmocka_unit_test(strict_is_as_it_was),
		cmocka_unit_test(linux_is_as_it_was),
		cmocka_unit_test(options_make_what_they_made),
	};

	find_folder();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
