/* SPDX-License-Identifier: BSD-3-Clause */
/* The forms in which a recorded function arrives: quoted, indented, in another encoding, as bytes, in two pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/dump/dump.h"

#define LINES 16

/* An NVMe-like function, line by line; its first BAR stands above 4 GiB with nothing in its lower half. */
static const char *const recorded[LINES] = {
	"0000:01:00.0 Class 0108: Device 1234:9001",
	"\tFlags: bus master, fast devsel, latency 0",
	"\tMemory at 380000000000 (64-bit, prefetchable) [size=32M]",
	"\tMemory at fe000000 (32-bit, non-prefetchable) [size=16K]",
	"\tExpansion ROM at fd000000 [disabled] [size=32K]",
	"\tCapabilities: [40] Power Management version 3",
	"00: 34 12 01 90 06 00 10 00 01 00 08 01 00 00 00 00",
	"10: 0c 00 00 00 00 38 00 00 00 00 00 fe 00 00 00 00",
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
	"30: 00 00 00 fd 40 00 00 00 00 00 00 00 0b 01 00 00",
	"40: 01 00 03 00 08 00 00 00 00 00 00 00 00 00 00 00",
};

struct fixture {
	char path[64];
	char notes[4096];
	struct pcg_log log;
	struct pcg_host *host;
};

static void note(void *arg, const struct pcg_note *n)
{
	struct fixture *f = arg;
	size_t used = strlen(f->notes);

	snprintf(f->notes + used, sizeof(f->notes) - used, "%s\n", n->text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	strcpy(f->path, "/tmp/pcigate-dump-XXXXXX");
	fd = mkstemp(f->path);
	if (fd < 0)
		return -1;
	close(fd);
	f->log.write = note;
	f->log.arg = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pcg_host_destroy(f->host);
	unlink(f->path);
	free(f);
	return 0;
}

static int open_bytes(struct fixture *f, const void *bytes, size_t length)
{
	FILE *out = fopen(f->path, "w");
	char func[128];

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
	pcg_host_destroy(f->host);
	f->host = NULL;
	f->notes[0] = '\0';
	snprintf(func, sizeof(func), "dump:%s", f->path);
	return pcg_host_create(&f->host, func, &f->log);
}

/* @recorded with something before each line and behind it. */
static size_t write_lines(char *text, size_t size, const char *before, const char *behind)
{
	size_t used = 0, i;

	for (i = 0; i < LINES && recorded[i] != NULL; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s%s", before, recorded[i], behind);
	return used;
}

static void assert_note(const struct fixture *f, const char *part)
{
	if (strstr(f->notes, part) == NULL)
		fail_msg("no note says \"%s\"; they say: %s", part, f->notes);
}

static uint32_t reg(struct fixture *f, uint16_t offset)
{
	uint32_t value = 0;

	assert_int_equal(f->host->ops->config_read(f->host, offset / 4, 0xf, &value, NULL), PCG_DONE);
	return value;
}

static void assert_registers(struct fixture *f)
{
	assert_int_equal(reg(f, 0x00), 0x90011234);
	assert_int_equal(reg(f, 0x40), 0x00030001);
}

static void assert_whole(struct fixture *f)
{
	assert_registers(f);
	assert_int_equal(f->host->info.bars[0].kind, PCG_BAR_MEM64);
	assert_int_equal(f->host->info.bars[0].size, 32 << 20);
	assert_int_equal(f->host->info.bars[2].size, 16 << 10);
	assert_int_equal(f->host->info.rom.size, 32 << 10);
}

static void a_region_above_4_gib_keeps_its_size_without_a_number(void **state)
{
	struct fixture *f = *state;
	char text[4096];

	assert_int_equal(open_bytes(f, text, write_lines(text, sizeof(text), "", "\n")), 0);
	assert_whole(f);
}

/* A bus whose addresses are not the processor's: lspci -v shows the latter. */
static void regions_at_other_addresses_go_by_their_order_and_kind(void **state)
{
	struct fixture *f = *state;
	char text[4096], *at;
	size_t length = write_lines(text, sizeof(text), "", "\n");

	at = strstr(text, "at 38");
	memcpy(at, "at 60", 5);
	at = strstr(text, "at fe");
	memcpy(at, "at 5e", 5);
	assert_int_equal(open_bytes(f, text, length), 0);
	assert_whole(f);
}

static void quoted_and_indented_text_is_read(void **state)
{
	static const char *const before[] = { "> ", ">", "> > ", ">> ", "| ", "    ", "\t", ">     ", "  > " };
	static const char *const behind[] = { "\n", "\r\n", "  \n" };
	struct fixture *f = *state;
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		size_t length = write_lines(text, sizeof(text), before[i], behind[i % 3]);

		assert_int_equal(open_bytes(f, text, length), 0);
		assert_whole(f);
	}
}

static void an_indented_word_is_no_byte(void **state)
{
	struct fixture *f = *state;
	char text[4096];
	size_t length = write_lines(text, sizeof(text), "", "\n");

	length += (size_t)snprintf(text + length, sizeof(text) - length, "\t\tab: cd ef\n  80: 12 34\n");
	assert_int_equal(open_bytes(f, text, length), 0);
	assert_int_equal(reg(f, 0x80), 0);
	assert_int_equal(reg(f, 0xa8), 0);
}

static void utf_16_of_both_orders_is_read(void **state)
{
	struct fixture *f = *state;
	char text[4096], wide[8194];
	size_t length = write_lines(text, sizeof(text), "", "\r\n"), i;
	unsigned int big;

	for (big = 0; big < 2; big++) {
		memcpy(wide, big ? "\xfe\xff" : "\xff\xfe", 2);
		for (i = 0; i < length; i++) {
			wide[2 + 2 * i + big] = text[i];
			wide[2 + 2 * i + !big] = '\0';
		}
		assert_int_equal(open_bytes(f, wide, 2 + 2 * length), 0);
		assert_whole(f);
	}
}

static void blanks_that_do_not_break_are_blanks(void **state)
{
	struct fixture *f = *state;
	char text[4096], *at;
	size_t length = write_lines(text, sizeof(text), "", "\n");

	for (at = strstr(text, "\n00: "); at != NULL; at = strstr(at + 1, "0: ")) {
		char *blank = strchr(at, ' ');

		memmove(blank + 2, blank + 1, strlen(blank));
		memcpy(blank, "\xc2\xa0", 2);
		length++;
	}
	assert_int_equal(open_bytes(f, text, length), 0);
	assert_whole(f);
}

/* As /sys/bus/pci/devices/BDF/config has it; 64 bytes are what a user who is not root gets. */
static void configuration_space_itself_is_read(void **state)
{
	static const size_t sizes[] = { 64, 256, 4096 };
	struct fixture *f = *state;
	uint8_t bytes[4096] = { 0x34, 0x12, 0x01, 0x90, 6, 0, 0x10, 0, 1, 0, 0, 2 };
	size_t i;

	bytes[PCG_CAPABILITIES] = 0x40;
	pcg_put32(bytes + 0x40, 0x00030001);
	pcg_put32(bytes + 0x100, 0x00010001);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(open_bytes(f, bytes, sizes[i]), 0);
		assert_int_equal(f->host->info.config_size, sizes[i] == 4096 ? 4096 : 256);
		assert_int_equal(reg(f, 0), 0x90011234);
		assert_int_equal(reg(f, 0x40), sizes[i] > 64 ? 0x00030001 : 0);
	}
	assert_int_equal(reg(f, 0x100), 0x00010001);
}

static void other_bytes_are_refused_with_the_sizes_that_can_be(void **state)
{
	static const uint8_t bytes[100];
	struct fixture *f = *state;

	assert_true(open_bytes(f, bytes, sizeof(bytes)) < 0);
	assert_note(f, "64, 256 or 4096");
	assert_note(f, f->path);
}

static void a_function_that_did_not_answer_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[256];

	memset(bytes, 0xff, sizeof(bytes));
	assert_true(open_bytes(f, bytes, sizeof(bytes)) < 0);
	assert_note(f, "did not answer");
}

/* First "lspci -v", then "lspci -xxxx". */
static void words_and_bytes_may_stand_apart(void **state)
{
	struct fixture *f = *state;
	char text[4096];
	size_t used = 0, i;

	for (i = 0; i < 6; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", recorded[i]);
	used += (size_t)snprintf(text + used, sizeof(text) - used, "\n$ lspci -xxxx\n%s\n", recorded[0]);
	for (; recorded[i] != NULL; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", recorded[i]);
	assert_int_equal(open_bytes(f, text, used), 0);
	assert_whole(f);
}

static void titles_of_other_forms_are_titles(void **state)
{
	static const char *const titles[] = {
		"01:00.0 0108: 1234:9001 (rev 01)",
		"0000:01:00.0 \"Class 0108\" \"Vendor\" \"Device\" \"\" \"\"",
		"10000:e1:00.0 Class 0108: Device 1234:9001",
		"Slot:\t0000:01:00.0",
		"00:1c.0/01:00.0 Class 0108: Device 1234:9001",
		"0000:00:1c.0/0000:01:00.0 Class 0108: Device 1234:9001",
	};
	struct fixture *f = *state;
	char text[4096];
	size_t i, n;

	for (i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		size_t used = (size_t)snprintf(text, sizeof(text), "%s\n", titles[i]);

		for (n = 1; recorded[n] != NULL; n++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", recorded[n]);
		assert_int_equal(open_bytes(f, text, used), 0);
		assert_whole(f);
	}
}

static void a_size_that_32_bits_cannot_have_is_said_with_its_line(void **state)
{
	struct fixture *f = *state;
	char text[4096], *size;
	size_t length = write_lines(text, sizeof(text), "", "\n");

	size = strstr(text, "[size=16K]");
	memcpy(size, "[size=04G]", 10);
	assert_int_equal(open_bytes(f, text, length), 0);
	assert_note(f, "line 4: BAR 2 cannot have 4294967296 bytes, its register is 32-bit; bar2=SIZE says other");
	assert_int_equal(f->host->info.bars[2].size, 4096);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_region_above_4_gib_keeps_its_size_without_a_number),
		TEST(regions_at_other_addresses_go_by_their_order_and_kind),
		TEST(quoted_and_indented_text_is_read),
		TEST(an_indented_word_is_no_byte),
		TEST(utf_16_of_both_orders_is_read),
		TEST(blanks_that_do_not_break_are_blanks),
		TEST(configuration_space_itself_is_read),
		TEST(other_bytes_are_refused_with_the_sizes_that_can_be),
		TEST(a_function_that_did_not_answer_is_refused),
		TEST(words_and_bytes_may_stand_apart),
		TEST(titles_of_other_forms_are_titles),
		TEST(a_size_that_32_bits_cannot_have_is_said_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
