/* SPDX-License-Identifier: BSD-3-Clause */
/* Quirk files: what they may say, what is refused with file and line, what a view makes of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quirks/quirks.h"
#include "recorder.h"

#define HEAD "[a]\nmatch = 8086:1234\nwhy = because\n"

static struct recorder r;
static char noted[4096];

static void note(void *arg, const struct pcg_note *n)
{
	size_t used = strlen(noted);

	(void)arg;
	snprintf(noted + used, sizeof(noted) - used, "%s\n", n->text);
}

static const struct pcg_log notes = { .write = note };

static int parse(struct quirks *quirks, const char *text)
{
	noted[0] = '\0';
	return quirks_parse(quirks, text, strlen(text), "file", &notes);
}

/* Opens the recorder under @profile with what @text says; NULL when it is refused. */
static struct pcg_function *open_with(const char *profile, const char *text, struct quirks *quirks)
{
	struct pcg_view_options options = { .profile = pcg_profile_find(profile) };

	memset(quirks, 0, sizeof(*quirks));
	assert_int_equal(parse(quirks, text), 0);
	options.quirks = quirks->list;
	options.nquirks = quirks->count;
	return recorder_open(&r, &options);
}

static int view_with(const char *profile, const char *text)
{
	static struct pcg_view view;
	struct pcg_view_options options = { .profile = pcg_profile_find(profile) };
	struct quirks quirks = { 0 };
	int ret;

	assert_int_equal(parse(&quirks, text), 0);
	options.quirks = quirks.list;
	options.nquirks = quirks.count;
	ret = pcg_view_init(&view, &r.host.info, r.config, &options, &notes);
	quirks_finish(&quirks);
	return ret;
}

static void close_both(struct pcg_function *f, struct quirks *quirks)
{
	recorder_close(f);
	quirks_finish(quirks);
}

static void init_vendors(void)
{
	recorder_init(&r);
	pcg_put32(r.config + 0xf4, 0x22222222);
	pcg_put32(r.config + AT_DSN, 0x20010003);
	pcg_put32(r.config + 0x200, 0x22010023);
	pcg_put32(r.config + 0x204, 0x02018086);
	pcg_put32(r.config + 0x208, 0x33330007);
	pcg_put32(r.config + 0x20c, 0x33333333);
	pcg_put32(r.config + 0x210, 0x44444444);
	pcg_put32(r.config + 0x220, 0x00010023);
	pcg_put32(r.config + 0x224, 0x02018086);
	pcg_put32(r.config + 0x22c, 0x55555555);
}

/* --- files --- */

static void a_file_says_what_it_is_for_and_what_is_otherwise(void **state)
{
	struct quirks quirks = { 0 };

	(void)state;
	assert_int_equal(
		parse(&quirks,
		      "# first\n\n[one]\nmatch = 8086:1572 10de:*\nsubsystem = 1af4:0001\nvf = only\n"
		      "revision = 01-0f\nwhy = words = words\nno-intx\nopen = ECAP_DVSEC#2 c-f read-write\n"
		      "close = 0xf0-0xff\ndrop = cap:03\nrom-width = 4\nrom-size = 65536\nwrite-combining = bar2\n"
		      "msix-vectors = 2048\nregisters = ff8-fff\nregisters = 700\n"),
		0);
	assert_int_equal(quirks.count, 20);
	assert_int_equal(quirks.list[0].kind, PCG_QUIRK_NO_INTX);
	assert_int_equal(quirks.list[0].vendor, 0x8086);
	assert_int_equal(quirks.list[0].device, 0x1572);
	assert_true(quirks.list[1].device == PCG_QUIRK_ANY);
	assert_int_equal(quirks.list[1].subvendor, 0x1af4);
	assert_int_equal(quirks.list[1].revision, 1);
	assert_int_equal(quirks.list[1].revision_last, 0xf);
	assert_int_equal(quirks.list[1].vf, PCG_QUIRK_VF_ONLY);
	assert_int_equal(quirks.list[2].kind, PCG_QUIRK_OPEN_WRITE);
	assert_int_equal(quirks.list[2].id, PCG_ECAP_DVSEC);
	assert_int_equal(quirks.list[2].instance, 2);
	assert_int_equal(quirks.list[2].start, 0xc);
	assert_int_equal(quirks.list[2].end, 0x10);
	assert_false(quirks.list[4].in_cap);
	assert_int_equal(quirks.list[6].id, PCG_CAP_VPD);
	assert_string_equal(quirks.list[10].where, "file:14");
	assert_int_equal(quirks.list[12].kind, PCG_QUIRK_COMBINE);
	assert_int_equal(quirks.list[12].value, 2);
	assert_int_equal(quirks.list[14].kind, PCG_QUIRK_VECTORS);
	assert_int_equal(quirks.list[14].value, 2048);
	assert_int_equal(quirks.list[16].kind, PCG_QUIRK_REGISTERS);
	assert_int_equal(quirks.list[16].start, 0xff8);
	assert_int_equal(quirks.list[16].end, 0x1000);
	assert_int_equal(quirks.list[18].end, 0x701);
	quirks_finish(&quirks);
}

static void what_is_wrong_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ "no-intx\n", "file:1: a section begins" },
		{ "[a\n", "file:1: a section begins" },
		{ HEAD "nointx\n", "file:4: no such key" },
		{ HEAD "no-intx = yes\n", "file:4: no-intx takes no value" },
		{ HEAD "drop\n", "file:4: this key takes a value" },
		{ HEAD "open = 40-4f\n", "file:4: say how at the end" },
		{ HEAD "open = 40-4f write\n", "file:4: say how at the end" },
		{ HEAD "open = 4f-40 read\n", "file:4: name bytes" },
		{ HEAD "open = 0-3 read\n", "file:4: the header is no place" },
		{ HEAD "open = 40-1000 read\n", "file:4: name bytes" },
		{ HEAD "open = ECAP_NONSENSE 4-7 read\n", "file:4: name bytes" },
		{ HEAD "drop = ECAP_TPH#0\n", "file:4: drop takes" },
		{ HEAD "drop = ECAP_TPH ECAP_LTR\n", "file:4: drop takes" },
		{ HEAD "rom-width = 8\n", "file:4: rom-width is" },
		{ HEAD "write-combining = bar6\n", "file:4: write-combining names" },
		{ HEAD "write-combining = 2\n", "file:4: write-combining names" },
		{ HEAD "write-combining = bar22\n", "file:4: write-combining names" },
		{ HEAD "msix-vectors = 0\n", "file:4: msix-vectors is" },
		{ HEAD "msix-vectors = 2049\n", "file:4: msix-vectors is" },
		{ HEAD "msix-vectors = 3 4\n", "file:4: msix-vectors is" },
		{ HEAD "msix-vectors = 4\nmsix-vectors = 4\n", "file:5: a section says this once" },
		{ HEAD "registers = ECAP_VNDR 4-7\n", "file:4: registers takes" },
		{ HEAD "registers = ff8-fff read\n", "file:4: registers takes" },
		{ HEAD "registers = fff-1000\n", "file:4: name bytes" },
		{ HEAD "registers = ff8-fff\nregisters = fff\n", "file:5: these registers are named twice" },
		{ HEAD "rom-size = 5000\n", "file:4: rom-size is" },
		{ HEAD "rom-size = -1\n", "file:4: a number" },
		{ HEAD "\nno-intx\nno-intx\n", "file:6: a section says this once" },
		{ HEAD "why = again\n", "file:4: a section says this once" },
		{ HEAD "open = 40-4f read\nclose = 4f-50\n", "file:5: these bytes" },
		{ HEAD "drop = ECAP_DVSEC\nopen = ECAP_DVSEC#2 c-f read\n", "file:5: a capability is dropped" },
		{ HEAD, "file:1: the section does nothing" },
		{ "[a]\nwhy = x\nno-intx\n", "file:1: the section has no match" },
		{ "[a]\nmatch = 8086:1234\nno-intx\n[b]\n", "file:1: the section has no why" },
		{ "[a]\nmatch = 8086\n", "file:2: match takes" },
		{ "[a]\nmatch = 18086:1234\n", "file:2: match takes" },
		{ "[a]\nvf = yes\n", "file:2: vf takes" },
		{ "[a]\nrevision = 10-01\n", "file:2: revision takes" },
		{ "[a]\nsubsystem = x\n", "file:2: subsystem takes" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct quirks quirks = { 0 };

		assert_int_equal(parse(&quirks, cases[i].text), -EINVAL);
		if (strncmp(noted, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("\"%s\" is told as \"%s\"", cases[i].text, noted);
		assert_int_equal(quirks.count, 0);
		quirks_finish(&quirks);
	}
}

static void sizes_are_bounded(void **state)
{
	struct quirks quirks = { 0 };
	static char text[QUIRKS_MAX_FILE];
	unsigned int i;

	(void)state;
	memset(text, 'x', 600);
	text[600] = '\0';
	assert_int_equal(parse(&quirks, text), -EINVAL);
	strcpy(text, HEAD);
	for (i = 0; i < QUIRKS_LINES + 1; i++)
		sprintf(text + strlen(text), "close = %x-%x\n", 0x100 + 4 * i, 0x103 + 4 * i);
	assert_int_equal(parse(&quirks, text), -EINVAL);
	assert_non_null(strstr(noted, "at most 64 things"));
	assert_int_equal(quirks_parse(&quirks, "[a]\n\0x", 6, "file", &notes), -EINVAL);
	assert_int_equal(quirks_load(&quirks, "/nowhere/at/all", &notes), -ENOENT);
	assert_int_equal(quirks_load(&quirks, "/dev/zero", &notes), -EFBIG);
	quirks_finish(&quirks);
}

static void a_refused_file_leaves_what_was_there(void **state)
{
	struct quirks quirks = { 0 };

	(void)state;
	assert_int_equal(parse(&quirks, HEAD "no-intx\n"), 0);
	assert_int_equal(parse(&quirks, HEAD "no-intx\n[b]\nmatch = 8086:1\nwhy = x\nfrobnicate\n"), -EINVAL);
	assert_int_equal(quirks.count, 1);
	quirks_finish(&quirks);
}

/* --- matching --- */

static bool has_intx(const char *match)
{
	struct quirks quirks;
	struct pcg_function *f;
	char text[256];
	bool has;

	snprintf(text, sizeof(text), "[a]\n%s\nwhy = x\nno-intx\n", match);
	f = open_with("guarded", text, &quirks);
	has = pcg_function_irqs(f, PCG_IRQ_INTX) == 1;
	assert_int_equal(guest_read(f, PCG_INT_PIN, 1), has);
	close_both(f, &quirks);
	return has;
}

static void quirks_are_for_the_functions_they_name(void **state)
{
	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + PCG_SUBVENDOR, 0x00021af4);
	assert_false(has_intx("match = 8086:1234"));
	assert_false(has_intx("match = 8086:*"));
	assert_false(has_intx("match = 10de:1 8086:1234"));
	assert_true(has_intx("match = 8086:1235"));
	assert_true(has_intx("match = 8087:1234"));
	assert_false(has_intx("match = 8086:*\nrevision = 01"));
	assert_true(has_intx("match = 8086:*\nrevision = 02-ff"));
	assert_true(has_intx("match = 8086:*\nrevision = 00"));
	assert_false(has_intx("match = 8086:*\nvf = no"));
	assert_true(has_intx("match = 8086:*\nvf = only"));
	assert_false(has_intx("match = 8086:*\nsubsystem = 1af4:0002"));
	assert_true(has_intx("match = 8086:*\nsubsystem = 1af4:0001"));
}

static void a_vf_is_matched_by_the_ids_it_is_shown_with(void **state)
{
	struct quirks quirks;
	struct pcg_function *f;

	(void)state;
	init_vendors();
	pcg_put32(r.config, 0xffffffff);
	r.host.info.is_vf = true;
	r.host.info.vendor = 0x8086;
	r.host.info.device = 0x154c;
	f = open_with("guarded", "[a]\nmatch = 8086:154c\nvf = only\nwhy = x\nclose = f4-f7\n", &quirks);
	assert_int_equal(guest_read(f, 0xf4, 4), 0);
	close_both(f, &quirks);
}

static void linux_and_raw_have_no_quirks(void **state)
{
	struct quirks quirks;
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_with("linux", HEAD "no-intx\n", &quirks);
	assert_int_equal(guest_read(f, PCG_INT_PIN, 1), 1);
	close_both(f, &quirks);
	f = open_with("raw", HEAD "no-intx\ndrop = CAP_MSI\n", &quirks);
	assert_int_equal(guest_read(f, PCG_INT_PIN, 1), 1);
	close_both(f, &quirks);
}

/* --- what they do --- */

static void bytes_are_opened_under_strict(void **state)
{
	struct quirks quirks;
	struct pcg_function *f;

	(void)state;
	init_vendors();
	f = open_with("strict",
		      HEAD
		      "open = f4-f5 read-write\nopen = ECAP_DVSEC#1 c-f read\nopen = ECAP_DVSEC#1 10-11 read-write\n",
		      &quirks);
	assert_int_equal(guest_read(f, 0xf4, 4), 0x00002222);
	guest_write(f, 0xf4, 4, 0x99999999);
	assert_int_equal(pcg_get32(r.config + 0xf4), 0x22229999);
	assert_int_equal(guest_read(f, 0x200, 4), 0x00010023); /* the second one stays hidden */
	assert_int_equal(guest_read(f, 0x204, 4), 0x02018086);
	assert_int_equal(guest_read(f, 0x208, 4), 0x00000007);
	assert_int_equal(guest_read(f, 0x20c, 4), 0x33333333);
	guest_write(f, 0x20c, 4, 0);
	guest_write(f, 0x210, 4, 0);
	assert_int_equal(pcg_get32(r.config + 0x20c), 0x33333333);
	assert_int_equal(pcg_get32(r.config + 0x210), 0x44440000);
	assert_int_equal(guest_read(f, 0x22c, 4), 0);
	close_both(f, &quirks);
}

static void bytes_are_closed_under_guarded(void **state)
{
	struct quirks quirks;
	struct pcg_function *f;

	(void)state;
	init_vendors();
	f = open_with("guarded", HEAD "close = f4-f7\nclose = ECAP_DVSEC 10-1f\n", &quirks);
	assert_int_equal(guest_read(f, 0xf4, 4), 0);
	assert_int_equal(guest_read(f, 0x20c, 4), 0x33333333);
	assert_int_equal(guest_read(f, 0x210, 4), 0);
	recorder_clear(&r);
	guest_write(f, 0xf4, 4, 1);
	assert_string_equal(r.calls, "");
	close_both(f, &quirks);
}

static void a_capability_is_dropped(void **state)
{
	struct quirks quirks;
	struct pcg_function *f;

	(void)state;
	init_vendors();
	f = open_with("guarded", HEAD "drop = CAP_MSI\ndrop = ECAP_DVSEC#1\n", &quirks);
	assert_int_equal(guest_read(f, AT_PM + 1, 1), AT_MSIX);
	assert_int_equal(guest_read(f, AT_MSI, 4), 0);
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSI), 0);
	assert_int_equal(guest_read(f, AT_DSN, 4), 0x22010003);
	assert_int_equal(guest_read(f, 0x20c, 4), 0);
	assert_int_equal(guest_read(f, 0x22c, 4), 0x55555555);
	close_both(f, &quirks);
}

static void a_rom_is_read_by_as_much_as_it_stands(void **state)
{
	struct quirks quirks;
	struct pcg_function *f;
	uint8_t data[10];
	struct pcg_request rq = {
		.kind = PCG_REQUEST_READ, .region = PCG_REGION_ROM, .offset = 2, .length = 10, .data = data
	};

	(void)state;
	recorder_init(&r);
	r.host.info.rom = (struct pcg_bar){ .size = 65536, .kind = PCG_BAR_MEM32 };
	r.host.info.regions[PCG_REGION_ROM] = (struct pcg_region){ .size = 65536, .flags = 1, .fd = -1 };
	f = open_with("guarded", HEAD "rom-width = 4\nrom-size = 4096\n", &quirks);
	guest_write(f, PCG_COMMAND, 2, 2);
	recorder_clear(&r);
	assert_int_equal(pcg_function_submit(f, &rq), 0);
	assert_string_equal(r.calls, "br6:2+2 br6:4+4 br6:8+4 ");
	assert_int_equal(pcg_function_region(f, PCG_REGION_ROM)->size, 4096);
	guest_write(f, PCG_ROM, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_ROM, 4), 0xfffff001);
	close_both(f, &quirks);
	f = open_with("guarded", HEAD "rom-size = 0\n", &quirks);
	guest_write(f, PCG_ROM, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_ROM, 4), 0);
	assert_int_equal(pcg_function_region(f, PCG_REGION_ROM)->size, 0);
	close_both(f, &quirks);
}

/* --- what a view refuses --- */

static void contradictions_are_refused(void **state)
{
	static const char *const texts[] = {
		HEAD "open = 50-53 read\n",                /* MSI's */
		HEAD "open = CAP_MSI 2-3 read-write\n",    /* a table's */
		HEAD "open = ECAP_PASID 4-7 read-write\n", /* hidden */
		HEAD "open = ECAP_DVSEC 4-7 read\n",       /* its header */
		HEAD "open = ECAP_DVSEC 0-3 read\n",       /* the chain */
		HEAD "open = f0-f7 read\n[b]\nmatch = 8086:*\nwhy = x\nopen = f4-f4 read-write\n",
		HEAD "rom-width = 4\n[b]\nmatch = 8086:*\nwhy = x\nrom-width = 2\n",
		HEAD "drop = ECAP_DVSEC\n[b]\nmatch = 8086:*\nwhy = x\nopen = ECAP_DVSEC c-f read\n",
	};
	unsigned int i;

	(void)state;
	init_vendors();
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(view_with("guarded", texts[i]), -EINVAL);
		if (strstr(noted, "file:") == NULL)
			fail_msg("\"%s\" is refused with \"%s\"", texts[i], noted);
	}
	assert_int_equal(view_with("guarded", HEAD "open = ECAP_TPH 4-7 read\n"), 0); /* it has none */
}

static void quirks_of_others_do_not_count(void **state)
{
	(void)state;
	init_vendors();
	assert_int_equal(view_with("guarded", "[a]\nmatch = 10de:*\nwhy = x\nopen = 50-53 read\n"), 0);
}

static void the_shipped_files_are_right(void **state)
{
	struct quirks quirks = { 0 };
	const char *folder = getenv("PCIGATE_DATA");

	(void)state;
	if (folder == NULL)
		skip();
	assert_int_equal(quirks_load(&quirks, folder, &notes), 0);
	assert_int_not_equal(quirks.count, 0);
	quirks_finish(&quirks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_says_what_it_is_for_and_what_is_otherwise),
		cmocka_unit_test(what_is_wrong_is_refused_with_its_line),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(a_refused_file_leaves_what_was_there),
		cmocka_unit_test(quirks_are_for_the_functions_they_name),
		cmocka_unit_test(a_vf_is_matched_by_the_ids_it_is_shown_with),
		cmocka_unit_test(linux_and_raw_have_no_quirks),
		cmocka_unit_test(bytes_are_opened_under_strict),
		cmocka_unit_test(bytes_are_closed_under_guarded),
		cmocka_unit_test(a_capability_is_dropped),
		cmocka_unit_test(a_rom_is_read_by_as_much_as_it_stands),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(quirks_of_others_do_not_count),
		cmocka_unit_test(the_shipped_files_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
