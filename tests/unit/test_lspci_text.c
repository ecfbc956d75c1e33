/* SPDX-License-Identifier: BSD-3-Clause */
/* What is printed reads back the same: by the dump backend and by lspci -F. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/dump/dump.h"
#include "host/dump/lspci_text.h"
#include "host/dump/text.h"

#define TEXT_MAX 65536

/* One function, taken from a backend, and its text. */
struct printed {
	struct pcg_host *host;
	struct pcg_layout layout;
	uint8_t config[PCG_CONFIG_EXTENDED];
	char text[TEXT_MAX];
};

static struct pcg_host *open_function(const char *file, const char *more)
{
	struct pcg_host *host = NULL;
	char func[700];

	snprintf(func, sizeof(func), "dump:%.500s%s,hw=ram", file, more);
	assert_int_equal(pcg_host_create(&host, func, NULL), 0);
	return host;
}

static void print(struct printed *p, const char *bdf, unsigned int verbosity, struct lspci_names *names)
{
	struct lspci_function function = {
		.bdf = bdf,
		.config = p->config,
		.layout = &p->layout,
		.bars = p->host->info.bars,
		.rom = &p->host->info.rom,
		.vendor = p->host->info.vendor,
		.device = p->host->info.device,
	};
	const struct lspci_options options = { .verbosity = verbosity, .hex = 4096, .names = names };
	FILE *out = fmemopen(p->text, sizeof(p->text), "w");
	uint16_t i;

	assert_non_null(out);
	for (i = 0; i < p->host->info.config_size / 4; i++) {
		uint32_t value;

		assert_int_equal(p->host->ops->config_read(p->host, i, 0xf, &value, NULL), 0);
		pcg_put32(p->config + 4 * (size_t)i, value);
	}
	assert_int_equal(pcg_layout_parse(&p->layout, p->config, p->host->info.config_size, NULL), 0);
	assert_int_equal(lspci_print(out, &function, &options), 0);
	assert_int_equal(fclose(out), 0);
}

static void put_file(char path[64], const char *text)
{
	int fd;
	FILE *out;

	strcpy(path, "/tmp/pcigate-text-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	out = fdopen(fd, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void assert_reads_back(const struct printed *p)
{
	const struct pcg_host_info *a = &p->host->info, *b;
	struct pcg_host *again;
	char path[64];
	uint16_t i;

	put_file(path, p->text);
	again = open_function(path, "");
	unlink(path);
	b = &again->info;
	assert_int_equal(a->config_size, b->config_size);
	assert_int_equal(a->is_vf, b->is_vf);
	assert_int_equal(a->vendor, b->vendor);
	assert_int_equal(a->device, b->device);
	assert_int_equal(a->rom.size, b->rom.size);
	for (i = 0; i < PCG_NUM_BARS; i++) {
		assert_int_equal(a->bars[i].kind, b->bars[i].kind);
		assert_int_equal(a->bars[i].size, b->bars[i].size);
		assert_int_equal(a->bars[i].prefetchable, b->bars[i].prefetchable);
	}
	for (i = 0; i < a->config_size / 4; i++) {
		uint32_t value;

		assert_int_equal(again->ops->config_read(again, i, 0xf, &value, NULL), 0);
		assert_int_equal(value, pcg_get32(p->config + 4 * (size_t)i));
	}
	pcg_host_destroy(again);
}

static bool have_lspci(void)
{
	return system("lspci --version >/dev/null 2>&1") == 0;
}

/* The hex lines that lspci -F prints of the text are the text's own. */
static void assert_lspci_agrees(const struct printed *p)
{
	char path[64], command[256], line[512];
	const char *at = p->text;
	unsigned int same = 0;
	FILE *in;

	put_file(path, p->text);
	snprintf(command, sizeof(command), "lspci -F %s -vvxxxx 2>&1", path);
	in = popen(command, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		uint8_t bytes[16];
		uint32_t offset;
		char *found;

		if (strncmp(line, "pcilib:", 7) == 0)
			fail_msg("%s", line);
		if (dump_hex_line(line, &offset, bytes) != 16)
			continue;
		found = strstr(at, line);
		if (found == NULL)
			fail_msg("not in the text: %s", line);
		at = found;
		same++;
	}
	assert_int_equal(pclose(in), 0);
	unlink(path);
	assert_int_equal(same, p->layout.size / 16u);
}

static const char sample[] = "00:02.0 Ethernet controller: Device 1234:9001 (rev 01)\n"
			     "\tRegion 0: Memory at 381fe00000 (64-bit, prefetchable) [size=128K]\n"
			     "\tRegion 2: I/O ports at d000 [size=64]\n"
			     "\tRegion 3: Memory at <unassigned> (32-bit, non-prefetchable) [size=16]\n"
			     "\tExpansion ROM at fd000000 [disabled] [size=32K]\n"
			     "00: 34 12 01 90 05 04 10 00 01 00 00 02 00 00 00 00\n"
			     "10: 0c 00 e0 1f 38 00 00 00 01 d0 00 00 00 00 00 00\n"
			     "20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 01 11\n"
			     "30: 00 00 00 fd 40 00 00 00 00 00 00 00 0b 01 00 00\n"
			     "40: 01 50 03 c8 08 00 00 00 00 00 00 00 00 00 00 00\n"
			     "50: 11 60 07 80 03 20 00 00 03 30 00 00 00 00 00 00\n"
			     "60: 10 a0 02 00 02 80 00 10 2f 28 09 00 00 00 00 00\n"
			     "a0: 05 00 84 01 00 00 e0 fe 00 00 00 00 21 40 00 00\n"
			     "100: 03 00 01 00 11 22 33 44 55 66 77 88 00 00 00 00\n";

static int setup(void **state)
{
	struct printed *p = calloc(1, sizeof(*p));
	char path[64];

	put_file(path, sample);
	p->host = open_function(path, "");
	unlink(path);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct printed *p = *state;

	pcg_host_destroy(p->host);
	free(p);
	return 0;
}

static void assert_has(const struct printed *p, const char *line)
{
	if (strstr(p->text, line) == NULL)
		fail_msg("no \"%s\" in:\n%.2500s", line, p->text);
}

static void regions_are_printed_with_their_sizes(void **state)
{
	struct printed *p = *state;

	print(p, "00:02.0", 0, NULL);
	assert_has(p, "00:02.0 Class 0200: Device 1234:9001 (rev 01)\n");
	assert_has(p, "\tRegion 0: Memory at 381fe00000 (64-bit, prefetchable) [disabled] [size=128K]\n");
	assert_has(p, "\tRegion 2: I/O ports at d000 [size=64]\n");
	assert_has(p, "\tRegion 3: Memory at <unassigned> (32-bit, non-prefetchable) [disabled] [size=16]\n");
	assert_has(p, "\tExpansion ROM at fd000000 [disabled] [size=32K]\n");
	assert_has(p, "\nff0: 00 00");
	assert_null(strstr(p->text, "Capabilities"));
	assert_reads_back(p);
}

static void capabilities_get_a_line_each(void **state)
{
	struct printed *p = *state;

	print(p, "0000:00:02.0", 1, NULL);
	assert_has(p, "\tCapabilities: [40] Power Management version 3\n");
	assert_has(p, "\tCapabilities: [60] Express (v2) Endpoint, IntMsgNum 0\n");
	assert_has(p, "\tCapabilities: [100 v1] Device Serial Number 88-77-66-55-44-33-22-11\n");
	assert_null(strstr(p->text, "MaxPayload"));
}

static void the_fields_most_asked_for_are_decoded(void **state)
{
	struct printed *p = *state;

	print(p, "00:02.0", 2, NULL);
	assert_has(p, "\tControl: I/O+ Mem- BusMaster+ SpecCycle-");
	assert_has(p, "DisINTx+\n\tStatus: Cap+ 66MHz-");
	assert_has(p, "\tInterrupt: pin A routed to IRQ 11\n");
	assert_has(p, "PME(D0+,D1-,D2-,D3hot+,D3cold+)\n\t\tStatus: D0 NoSoftRst+ PME-Enable-");
	assert_has(p, "MSI-X: Enable+ Count=8 Masked-\n\t\tVector table: BAR=3 offset=00002000\n"
		      "\t\tPBA: BAR=3 offset=00003000\n");
	assert_has(p, "MSI: Enable- Count=1/4 Maskable+ 64bit+\n\t\tAddress: 00000000fee00000  Data: 4021\n");
	assert_has(p, "\t\tDevCap:\tMaxPayload 512 bytes, PhantFunc 0\n\t\t\tExtTag- RBE+ FLReset+\n");
	assert_has(p, "\t\t\tMaxPayload 256 bytes, MaxReadReq 512 bytes\n");
	assert_has(p, "\t\tDevSta:\tCorrErr+ NonFatalErr- FatalErr- UnsupReq+ AuxPwr- TransPend-\n");
}

/* What lspci says of the very bytes: our lines are in it, word for word. */
static void lines_have_lspcis_shapes(void **state)
{
	static const char *const lines[] = { "\tControl:",       "\tStatus:",    "\t\tFlags: PMEClk", "\t\tStatus: D0",
					     "\t\tVector table", "\t\tAddress:", "\t\t\tMaxPayload" };
	char path[64], command[128], *theirs = calloc(1, TEXT_MAX);
	struct printed *p = *state;
	size_t i, n;
	FILE *in;

	if (!have_lspci()) {
		free(theirs);
		print_message("# lspci is not installed: skipped\n");
		skip();
	}
	print(p, "00:02.0", 2, NULL);
	put_file(path, p->text);
	snprintf(command, sizeof(command), "lspci -F %s -vv 2>/dev/null", path);
	in = popen(command, "r");
	assert_non_null(in);
	n = fread(theirs, 1, TEXT_MAX - 1, in);
	assert_true(n > 0);
	assert_int_equal(pclose(in), 0);
	unlink(path);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *ours = strstr(p->text, lines[i]);
		char line[256];

		assert_non_null(ours);
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(ours, "\n") + 1, ours);
		if (strstr(theirs, line) == NULL)
			fail_msg("lspci has no line: %s", line);
	}
	free(theirs);
}

static void less_hex_can_be_asked_for(void **state)
{
	struct printed *p = *state;
	const struct lspci_function function = { "00:02.0",          p->config, &p->layout, p->host->info.bars,
						 &p->host->info.rom, 0,         0 };
	struct lspci_options options = { 0, 64, NULL };
	FILE *out;

	print(p, "00:02.0", 0, NULL);
	out = fmemopen(p->text, sizeof(p->text), "w");
	assert_int_equal(lspci_print(out, &function, &options), 0);
	fclose(out);
	assert_has(p, "\n30: ");
	assert_null(strstr(p->text, "\n40: "));
}

static void a_full_disk_is_told(void **state)
{
	struct printed *p = *state;
	const struct lspci_function function = { "00:02.0",          p->config, &p->layout, p->host->info.bars,
						 &p->host->info.rom, 0,         0 };
	const struct lspci_options options = { 0, 4096, NULL };
	FILE *out = fopen("/dev/full", "w");

	if (out == NULL) {
		print_message("# /dev/full is not there: skipped\n");
		skip();
	}
	print(p, "00:02.0", 0, NULL);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_not_equal(lspci_print(out, &function, &options), 0);
	fclose(out);
}

static void names_fall_back_to_numbers(void **state)
{
	struct lspci_names *names = lspci_names_create();
	const uint16_t ids[2] = { 0x1234, 0x9001 };
	char text[64];

	(void)state;
	lspci_names_find(names, LSPCI_NAME_DEVICE, ids, text, sizeof(text));
	assert_string_equal(text, "Device 1234:9001");
	lspci_names_find(NULL, LSPCI_NAME_DEVICE, ids, text, sizeof(text));
	assert_string_equal(text, "Device 1234:9001");
	lspci_names_destroy(names);
	lspci_names_destroy(NULL);
}

static void corpus_file(const char *path, struct lspci_names *names, bool lspci, unsigned int *count)
{
	struct dump_file file;
	struct printed *p = calloc(1, sizeof(*p));
	size_t i;

	assert_non_null(p);
	assert_int_equal(dump_file_init(&file, path, NULL), 0);
	for (i = 0; i < file.nentries; i++) {
		const struct dump_bdf *bdf = &file.entries[i].bdf;
		char name[32], more[40];

		if (!file.entries[i].has_hex || file.entries[i].header_type != 0)
			continue;
		snprintf(name, sizeof(name), "%04x:%02x:%02x.%x", bdf->domain == DUMP_ANY_DOMAIN ? 0 : bdf->domain,
			 bdf->bus, bdf->device, bdf->function);
		snprintf(more, sizeof(more), "@%s", name);
		p->host = open_function(path, more);
		print(p, name, *count % 3, names);
		assert_reads_back(p);
		if (lspci)
			assert_lspci_agrees(p);
		pcg_host_destroy(p->host);
		*count += 1;
	}
	dump_file_finish(&file);
	free(p);
}

static void the_corpus_reads_back(void **state)
{
	static const char *const folders[] = { "pciutils", "qemu" };
	struct lspci_names *names = lspci_names_create();
	const char *corpus = getenv("PCI_CORPUS");
	unsigned int count = 0;
	char path[600];
	size_t i;

	(void)state;
	if (corpus == NULL) {
		lspci_names_destroy(names);
		print_message("# PCI_CORPUS names no folder with recorded functions: skipped\n");
		skip();
	}
	for (i = 0; i < 2; i++) {
		struct dirent *entry;
		DIR *folder;

		snprintf(path, sizeof(path), "%s/%s", corpus, folders[i]);
		folder = opendir(path);
		assert_non_null(folder);
		while ((entry = readdir(folder)) != NULL) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%.200s/%s/%.200s", corpus, folders[i], entry->d_name);
			corpus_file(path, names, have_lspci(), &count);
		}
		closedir(folder);
	}
	lspci_names_destroy(names);
	print_message("# %u functions read back\n", count);
	assert_true(count > 60);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(regions_are_printed_with_their_sizes),
		TEST(capabilities_get_a_line_each),
		TEST(the_fields_most_asked_for_are_decoded),
		TEST(lines_have_lspcis_shapes),
		TEST(less_hex_can_be_asked_for),
		TEST(a_full_disk_is_told),
		cmocka_unit_test(names_fall_back_to_numbers),
		cmocka_unit_test(the_corpus_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
