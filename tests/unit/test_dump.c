/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions recorded as text: reading any of it, refusing what cannot be, behaving as the registers say. */
#include <errno.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/dump/dump.h"
#include "host/dump/text.h"

struct fixture {
	char path[64];
	char notes[16384];
	char errors[4096];
	struct pcg_log log;
	struct pcg_host *host;
};

static void note(void *arg, const struct pcg_note *n)
{
	struct fixture *f = arg;
	size_t used = strlen(f->notes);

	snprintf(f->notes + used, sizeof(f->notes) - used, "%s\n", n->text);
	if (n->level == PCG_ERROR) {
		used = strlen(f->errors);
		snprintf(f->errors + used, sizeof(f->errors) - used, "%s\n", n->text);
	}
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

static void put(struct fixture *f, const char *text, size_t length)
{
	FILE *out = fopen(f->path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
}

/* Open the text with what follows the file's name. */
static int open_with(struct fixture *f, const char *text, const char *more)
{
	char func[256];

	put(f, text, strlen(text));
	pcg_host_destroy(f->host);
	f->host = NULL;
	f->notes[0] = '\0';
	f->errors[0] = '\0';
	snprintf(func, sizeof(func), "dump:%s%s", f->path, more);
	return pcg_host_create(&f->host, func, &f->log);
}

static uint32_t reg(struct fixture *f, uint16_t offset)
{
	uint32_t value = 0;

	assert_int_equal(f->host->ops->config_read(f->host, offset / 4, 0xf, &value, NULL), PCG_DONE);
	return value;
}

static void set(struct fixture *f, uint16_t offset, uint32_t value)
{
	assert_int_equal(f->host->ops->config_write(f->host, offset / 4, 0xf, value, NULL), PCG_DONE);
}

static void assert_note(const struct fixture *f, const char *part)
{
	if (strstr(f->notes, part) == NULL)
		fail_msg("no note says \"%s\"; they say: %s", part, f->notes);
}

/* Exactly one error, and it names the way out. */
static void assert_one_error(const struct fixture *f, const char *part)
{
	const char *end = strchr(f->errors, '\n');

	if (strstr(f->errors, part) == NULL || end == NULL || end[1] != '\0')
		fail_msg("one error with \"%s\" was expected: %s", part, f->errors);
}

#define HEADER(title)                                                                                                  \
	title "\n"                                                                                                     \
	      "00: 34 12 01 90 06 00 10 00 01 00 00 02 00 00 00 00\n"
#define NO_BARS                                                                                                        \
	"10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"                                                        \
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
#define TAIL  "30: 00 00 00 00 00 00 00 00 00 00 00 00 0b 01 00 00\n"
#define SMALL HEADER("00:02.0 Ethernet controller: Device 1234:9001") NO_BARS TAIL

static void sizes_come_from_the_text(void **state)
{
	struct fixture *f = *state;
	const struct pcg_host_info *info;

	assert_int_equal(open_with(f,
				   "0000:00:02.0 Ethernet controller: Device 1234:9001\r\n"
				   "\tRegion 0: Memory at 381fe00000 (64-bit, prefetchable) [size=128K]\r\n"
				   "\tRegion 2: I/O ports at d000 [disabled] [size=64]\r\n"
				   "\tRegion 3: Memory at fe000000 (32-bit, non-prefetchable) [size=16M]\r\n"
				   "\tExpansion ROM at fd000000 [disabled] [size=32K]\r\n"
				   "\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)\r\n"
				   "\t\tRegion 0: Memory at 00000000fca00000 (64-bit, prefetchable) [size=4K]\r\n"
				   "000: 34 12 01 90 06 00 10 00 01 00 00 02 00 00 00 00\r\n"
				   "010: 0c 00 e0 1f 38 00 00 00 01 d0 00 00 00 00 00 fe\r\n"
				   "020: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\r\n"
				   "030: 00 00 00 fd 00 00 00 00 00 00 00 00 00 00 00 00\r\n",
				   ""),
			 0);
	info = &f->host->info;
	assert_int_equal(info->bars[0].kind, PCG_BAR_MEM64);
	assert_int_equal(info->bars[0].size, 128 << 10);
	assert_true(info->bars[0].prefetchable);
	assert_int_equal(info->bars[1].kind, PCG_BAR_UPPER);
	assert_int_equal(info->bars[2].kind, PCG_BAR_IO);
	assert_int_equal(info->bars[2].size, 64);
	assert_int_equal(info->bars[3].kind, PCG_BAR_MEM32);
	assert_int_equal(info->bars[3].size, 16 << 20);
	assert_int_equal(info->rom.size, 32 << 10);
	assert_int_equal(info->regions[PCG_REGION_ROM].flags, PCG_REGION_READ);
	assert_int_equal(info->config_size, 256);
}

static void lspci_v_does_not_number_its_regions(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		open_with(
			f,
			HEADER("00:02.0 Ethernet controller: Device 1234:9001\n"
			       "\tMemory at fe000000 (32-bit, non-prefetchable) [size=16M]\n"
			       "\tI/O ports at d000 [size=64]\n"
			       "\tMemory at fd000000 (64-bit, prefetchable) [size=1M]") "10: 00 00 00 fe 00 00 00 00 01 d0 00 00 00 00 00 00\n"
											"20: 0c 00 00 fd 00 00 00 00 00 00 00 00 00 00 00 00\n" TAIL,
			""),
		0);
	assert_int_equal(f->host->info.bars[0].size, 16 << 20);
	assert_int_equal(f->host->info.bars[2].size, 64);
	assert_int_equal(f->host->info.bars[4].size, 1 << 20);
}

static void defaults_stand_in_for_missing_sizes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f,
				   HEADER("00:02.0 x") "10: 00 00 00 fe 04 08 00 fd 00 00 00 00 01 d0 00 00\n"
						       "20: 09 e0 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
						       "30: 00 00 b0 fe 00 00 00 00 00 00 00 00 00 00 00 00\n",
				   ""),
			 0);
	assert_int_equal(f->host->info.bars[0].size, 4096);
	/* Never more than the address is aligned to. */
	assert_int_equal(f->host->info.bars[1].size, 2048);
	assert_int_equal(f->host->info.bars[3].size, 32);
	assert_int_equal(f->host->info.bars[4].size, 8);
	assert_int_equal(f->host->info.bars[4].kind, PCG_BAR_IO);
	assert_int_equal(f->host->info.rom.size, 64 << 10);
	assert_note(f, "BAR 0");
	assert_note(f, "bar3=SIZE");
}

static void a_register_that_the_text_passes_over_is_no_bar(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		open_with(
			f,
			HEADER("00:02.0 x\n\tRegion 0: Memory at fe000000 (32-bit, non-prefetchable) [size=8K]") "10: 00 00 00 fe 00 00 00 fd 00 00 00 00 00 00 00 00\n"
														 "20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n" TAIL,
			""),
		0);
	assert_int_equal(f->host->info.bars[0].size, 8192);
	assert_int_equal(f->host->info.bars[1].kind, PCG_BAR_NONE);
	assert_note(f, "bar1=SIZE");
}

static void a_default_holds_the_msix_table(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f,
				   "00:02.0 x\n"
				   "00: 34 12 01 90 06 00 10 00 01 00 00 02 00 00 00 00\n"
				   "10: 00 00 00 fe 00 00 00 00 00 00 00 00 00 00 00 00\n"
				   "20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
				   "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"
				   "40: 11 00 3f 00 00 20 00 00 00 80 00 00 00 00 00 00\n",
				   ""),
			 0);
	/* The PBA stands at 8000h. */
	assert_int_equal(f->host->info.bars[0].size, 64 << 10);
}

static void options_override_bars(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, SMALL, ",bar0=16K:mem64:prefetch,bar2=0x100:io,bar3=1M,bar4=none"), 0);
	assert_int_equal(f->host->info.bars[0].kind, PCG_BAR_MEM64);
	assert_int_equal(f->host->info.bars[0].size, 16 << 10);
	assert_true(f->host->info.bars[0].prefetchable);
	assert_int_equal(f->host->info.bars[2].kind, PCG_BAR_IO);
	assert_int_equal(f->host->info.bars[3].kind, PCG_BAR_MEM32);
	set(f, 0x10, UINT32_MAX);
	assert_int_equal(reg(f, 0x10), 0xffffc00c);
}

static void options_that_cannot_be_are_refused(void **state)
{
	static const struct {
		const char *more, *part;
	} bad[] = {
		{ ",colour=red", "known are: hw, vf" },
		{ ",hw=fast", "spec or ram" },
		{ ",hw", "wants a value" },
		{ ",hw=", "wants a value" },
		{ ",hw=ram,hw=ram", "twice" },
		{ ",vf=maybe", "on or off" },
		{ ",irq=all", "none" },
		{ ",vpd=x", "ram or fail" },
		{ ",intx=x", "record or follow" },
		{ ",id=12:34,vf=on", "VVVV:DDDD" },
		{ ",id=1234:5678", "vf=on" },
		{ ",bar0=3K", "power of two" },
		{ ",bar0=8", "power of two" },
		{ ",bar0=-4K", "SIZE" },
		{ ",bar0=4K:mem16", "SIZE" },
		{ ",bar0=16:io:prefetch", "SIZE" },
		{ ",bar0=128K:io", "power of two" },
		{ ",bar0=4G:mem32", "power of two" },
		{ ",bar5=4K:mem64", "mem64" },
		{ ",bar0=4K:mem64,bar1=4K", "upper half" },
		{ ",bar6=4K", "known are" },
		{ ",bar0=99999999999999999999G", "SIZE" },
		{ ",memory=1", "memory" },
		{ ",rom=/nonexistent", "/nonexistent" },
		{ ",rom=/dev/null", "empty" },
		{ ",rom=/dev/zero", "more than" },
		{ "@1:2.3:4", "cannot open" },
		{ "@00:1f.0", "there is no such function" },
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(open_with(f, SMALL, bad[i].more) < 0);
		assert_null(f->host);
		assert_one_error(f, bad[i].part);
	}
}

static void trace_options_are_kept(void **state)
{
	struct fixture *f = *state;
	const struct dump_facts *facts;

	assert_int_equal(open_with(f, SMALL, ",hw=ram,vf=on,id=8086:10ca,nointx=on,irq=none,vpd=fail,intx=follow"), 0);
	facts = dump_facts(f->host);
	assert_true(facts->ram && facts->nointx && facts->irq_none && facts->vpd_fails);
	assert_int_equal(facts->intx, DUMP_INTX_FOLLOW);
	assert_true(f->host->info.is_vf);
	assert_true(f->host->info.no_command_memory);
	assert_int_equal(f->host->info.vendor, 0x8086);
	assert_int_equal(f->host->info.device, 0x10ca);
	assert_int_equal(open_with(f, SMALL, ",no-command-memory=on"), 0);
	assert_false(f->host->info.is_vf);
	assert_true(f->host->info.no_command_memory);
	assert_false(dump_facts(f->host)->ram);
}

static void a_comma_in_a_file_name_is_doubled(void **state)
{
	char path[80], func[128];
	struct fixture *f = *state;

	put(f, SMALL, sizeof(SMALL) - 1);
	snprintf(path, sizeof(path), "%s,hw=ram", f->path);
	assert_int_equal(rename(f->path, path), 0);
	snprintf(func, sizeof(func), "dump:%s,,hw=ram@00:02.0,bar0=4K", f->path);
	assert_int_equal(pcg_host_create(&f->host, func, &f->log), 0);
	unlink(path);
	assert_false(dump_facts(f->host)->ram);
	assert_int_equal(f->host->info.bars[0].size, 4096);
}

static void several_functions_want_a_name(void **state)
{
	struct fixture *f = *state;
	const char *text = HEADER("00:02.0 a") NO_BARS TAIL HEADER("0001:03:00.1 b") NO_BARS TAIL;

	assert_int_equal(open_with(f, text, ""), -EINVAL);
	assert_one_error(f, "00:02.0 0001:03:00.1");
	assert_int_equal(open_with(f, "10:15.3 it was cold\n" SMALL "1:02.0 x\n", ""), 0);
	assert_int_equal(open_with(f, text, "@03:00.1"), 0);
	assert_int_equal(open_with(f, text, "@0001:03:00.1"), 0);
	assert_int_equal(open_with(f, text, "@0000:00:02.0"), 0);
	assert_int_equal(open_with(f, text, "@0001:00:02.0"), -ENOENT);
}

static void one_function_among_bridges_needs_no_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f,
				   "00:01.0 PCI bridge: x\n"
				   "00: 34 12 02 90 06 00 10 00 01 00 04 06 00 00 01 00\n" NO_BARS TAIL SMALL,
				   ""),
			 0);
	assert_int_equal(reg(f, 0), 0x90011234);
}

static void bridges_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f,
				   "00:01.0 PCI bridge: x\n"
				   "00: 34 12 02 90 06 00 10 00 01 00 04 06 00 00 01 00\n" NO_BARS TAIL,
				   ""),
			 -ENOTSUP);
	assert_one_error(f, "00:01.0 has a type 1 header");
	assert_int_equal(open_with(f,
				   "00:01.0 CardBus bridge: x\n"
				   "00: 34 12 02 90 06 00 10 00 01 00 04 06 00 00 82 00\n" NO_BARS TAIL SMALL,
				   "@00:01.0"),
			 -ENOTSUP);
	assert_one_error(f, "CardBus bridge");
}

static void a_user_dump_of_64_bytes_serves(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f,
				   "00:02.0 x\n"
				   "\tCapabilities: <access denied>\n"
				   "00: 34 12 01 90 06 00 10 00 01 00 00 02 00 00 00 00\n" NO_BARS
				   "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n",
				   ""),
			 0);
	assert_note(f, "192 of 256 bytes are missing");
	assert_note(f, "as root");
	assert_int_equal(f->host->info.config_size, 256);
	assert_int_equal(reg(f, 0x34), 0);
	assert_int_equal(reg(f, 0x04) & 0x00100000, 0);
}

static void a_cut_chain_ends_before_the_gap(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f,
				   "00:02.0 x\n"
				   "00: 34 12 01 90 06 00 10 00 01 00 00 02 00 00 00 00\n" NO_BARS
				   "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"
				   "40: 01 50 03 00 00 00 00 00 00 00",
				   ""),
			 0);
	assert_int_equal(reg(f, 0x40), 0x00030001);
}

static void extended_space_may_be_cut_too(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, SMALL "100: 03 00 01 20 01 02 03 04\n", ""), 0);
	assert_int_equal(f->host->info.config_size, 4096);
	assert_int_equal(reg(f, 0x100), 0x00010003);
	assert_int_equal(reg(f, 0x104), 0x04030201);
	assert_int_equal(reg(f, 0xffc), 0);
}

static void hex_in_any_order_counts_once(void **state)
{
	struct fixture *f = *state;
	const char *backwards =
		"00:02.0 x\n" TAIL NO_BARS "00: 34 12 01 90 06 00 10 00 01 00 00 02 00 00 00 00 |4.......|\n";

	assert_int_equal(open_with(f, backwards, ""), 0);
	assert_int_equal(open_with(f, SMALL TAIL, ""), 0);
	assert_int_equal(open_with(f, SMALL "30: 01\n", ""), -EINVAL);
	assert_one_error(f, "line 6: byte 30h is 01 here and 00 before");
	assert_int_equal(open_with(f, SMALL "1000: 00\n", ""), -EINVAL);
	assert_one_error(f, "line 6: offset 1000h");
	assert_int_equal(open_with(f, SMALL "fffffff8: 00\n", ""), -EINVAL);
	assert_int_equal(open_with(f, SMALL "ff8: 00 00 00 00 00 00 00 00 00\n", ""), -EINVAL);
	/* Nine digits are no offset. */
	assert_int_equal(open_with(f, SMALL "1ffffffff: 00\n", ""), 0);
}

static void what_is_no_dump_is_refused(void **state)
{
	static const struct {
		const char *text, *part;
	} bad[] = {
		{ "", "nothing to serve" },
		{ "hello\n", "nothing to serve" },
		{ "00:02.0 Ethernet controller: x\n", "lspci -xxxx" },
		{ "00:02.0 x\n00: 34 12 01\n", "nothing to serve" },
		{ HEADER("00:02.0 x") "10: 00\n", "byte 11h of the header is missing" },
		{ HEADER("00:02.0 x") TAIL, "byte 10h" },
		{ "00:02.0 x\n"
		  "00: ff ff ff ff ff ff ff ff ff ff ff ff ff ff 00 ff\n" NO_BARS TAIL,
		  "ids of this VF" },
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(open_with(f, bad[i].text, "") < 0);
		assert_one_error(f, bad[i].part);
	}
	unlink(f->path);
	assert_int_equal(pcg_host_create(&f->host, "dump:/nonexistent/file", &f->log), -ENOENT);
	assert_int_equal(pcg_host_create(&f->host, "dump:/tmp", &f->log), -EISDIR);
	assert_int_equal(pcg_host_create(&f->host, "dump:", &f->log), -EINVAL);
	assert_int_equal(pcg_host_create(&f->host, "", &f->log), -EINVAL);
}

static void sizes_that_cannot_be_are_put_right(void **state)
{
	static const struct {
		const char *size;
		uint64_t taken;
	} sizes[] = {
		{ "[size=99999999999999999G]", 4096 },
		{ "[size=-4K]", 4096 },
		{ "[size=0]", 4096 },
		{ "[size=]", 4096 },
		{ "[size=4Q]", 4096 },
		{ "[size=4G]", 4096 },
		{ "[size=3K]", 4096 },
		{ "[size=5K]", 8192 },
		{ "[size=1]", 16 },
		{ "[size=18446744073709551615]", 4096 },
		{ "[size=8K", 4096 },
		{ "", 4096 },
	};
	struct fixture *f = *state;
	char text[1024];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(
			text, sizeof(text),
			HEADER("00:02.0 x\n\tRegion 0: Memory at fe000000 (32-bit, non-prefetchable) %s") "10: 00 00 00 fe 00 00 00 00 00 00 00 00 00 00 00 00\n"
													  "20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n" TAIL,
			sizes[i].size);
		assert_int_equal(open_with(f, text, ""), 0);
		assert_int_equal(f->host->info.bars[0].size, sizes[i].taken);
	}
}

static void awkward_region_lines_are_understood(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		open_with(
			f,
			HEADER("00:02.0 x\n"
			       "        Region 0: [virtual] Memory at 000001f0 (32-bit, non-prefetchable) [disabled] [size=8]\n"
			       "        Region 1: Memory at <ignored> (64-bit, prefetchable) [size=8K]\n"
			       "        Region 3: [virtual] Memory at 843060000000 (32-bit, non-prefetchable) [size=1M]\n"
			       "        Region 4: Memory at <unassigned> (64-bit, prefetchable) [disabled] [size=32]\n"
			       "        Region 9: Memory at 0 (32-bit) [size=4K]\n"
			       "        Expansion ROM at <unassigned> [disabled]") "10: 00 00 00 00 0c 00 00 00 00 00 00 00 00 00 00 00\n"
										   "20: 0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n" TAIL,
			""),
		0);
	assert_int_equal(f->host->info.bars[0].kind, PCG_BAR_NONE);
	assert_int_equal(f->host->info.bars[1].size, 8192);
	assert_int_equal(f->host->info.bars[3].size, 1 << 20);
	assert_int_equal(f->host->info.bars[4].size, 32);
	assert_int_equal(f->host->info.rom.size, 64 << 10);
}

/* As bug reports show an IDE controller in compatibility mode: two of its four fixed addresses have no size. */
static void compatibility_addresses_are_no_bars(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	assert_int_equal(
		open_with(
			f,
			HEADER("00:02.0 IDE interface: x\n"
			       "\tRegion 0: [virtual] Memory at 000001f0 (32-bit, non-prefetchable) [size=8]\n"
			       "\tRegion 1: [virtual] Memory at 000003f0 (type 3, non-prefetchable)\n"
			       "\tRegion 2: [virtual] Memory at 00000170 (32-bit, non-prefetchable) [size=8]\n"
			       "\tRegion 3: [virtual] Memory at 00000370 (type 3, non-prefetchable)\n"
			       "\tRegion 4: I/O ports at c040 [size=16]") "10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
									  "20: 41 c0 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n" TAIL,
			""),
		0);
	for (i = 0; i < 4; i++)
		assert_int_equal(f->host->info.bars[i].kind, PCG_BAR_NONE);
	assert_int_equal(f->host->info.bars[4].size, 16);
}

/* What stands around a dump in a mail may look like one at the beginning of a line. */
static void words_that_look_like_offsets_are_no_bytes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, SMALL "\nAdded: the dump above\nFeed: back\nab: cd ef\nfade: 12 34\n80:\n", ""),
			 0);
	assert_int_equal(reg(f, 0xa8), 0);
	assert_int_equal(f->host->info.config_size, 256);
}

static void a_byte_order_mark_does_not_hide_the_title(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		open_with(
			f,
			"\xef\xbb\xbf" HEADER(
				"00:02.0 x\n\tRegion 0: Memory at fe000000 (32-bit) [size=16M]") "10: 00 00 00 fe 00 00 00 00 00 00 00 00 00 00 00 00\n"
												 "20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n" TAIL,
			"@00:02.0"),
		0);
	assert_int_equal(f->host->info.bars[0].size, 16 << 20);
}

static void bars_are_memory_that_can_be_mapped(void **state)
{
	struct fixture *f = *state;
	const struct pcg_region *region;
	uint8_t value[4];
	uint8_t *mapped;

	assert_int_equal(open_with(f, SMALL, ",bar0=64K,bar1=256,bar2=32:io"), 0);
	region = &f->host->info.regions[0];
	assert_int_equal(region->flags, PCG_REGION_READ | PCG_REGION_WRITE | PCG_REGION_MMAP);
	assert_int_equal(f->host->info.regions[1].flags, PCG_REGION_READ | PCG_REGION_WRITE);
	assert_int_equal(f->host->info.regions[2].flags, PCG_REGION_READ | PCG_REGION_WRITE);
	assert_int_equal(f->host->info.regions[1].fd, -1);
	mapped = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	assert_ptr_not_equal(mapped, MAP_FAILED);
	pcg_put32(value, 0x12345678);
	assert_int_equal(f->host->ops->region_write(f->host, 0, 0xfffc, value, 4, NULL), PCG_DONE);
	assert_int_equal(pcg_get32(mapped + 0xfffc), 0x12345678);
	mapped[1] = 0x5a;
	assert_int_equal(f->host->ops->region_read(f->host, 0, 0, value, 4, NULL), PCG_DONE);
	assert_int_equal(pcg_get32(value), 0x5a00);
	munmap(mapped, region->size);
	assert_int_equal(f->host->ops->region_write(f->host, 2, 28, value, 4, NULL), PCG_DONE);
	assert_int_equal(f->host->ops->region_read(f->host, 2, 29, value, 4, NULL), -EINVAL);
	assert_int_equal(f->host->ops->region_read(f->host, 3, 0, value, 4, NULL), -EINVAL);
	assert_int_equal(f->host->ops->region_read(f->host, 99, 0, value, 4, NULL), -EINVAL);
	assert_int_equal(f->host->ops->region_read(f->host, 0, UINT64_MAX, value, 4, NULL), -EINVAL);
}

static void a_client_cannot_resize_a_bar(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, SMALL, ",bar0=64K"), 0);
	assert_int_equal(ftruncate(f->host->info.regions[0].fd, 0), -1);
	assert_int_equal(ftruncate(f->host->info.regions[0].fd, 1 << 20), -1);
}

static void huge_bars_cost_nothing_and_stay_bounded(void **state)
{
	struct fixture *f = *state;
	static uint8_t page[65536];
	uint64_t at;
	uint8_t byte;

	assert_int_equal(open_with(f, SMALL, ",memory=1M,bar0=64G:mem64,bar2=256K"), 0);
	assert_int_equal(f->host->info.regions[0].flags, PCG_REGION_READ | PCG_REGION_WRITE);
	assert_true(f->host->info.regions[2].flags & PCG_REGION_MMAP);
	memset(page, 0xa5, sizeof(page));
	for (at = 0; at < 2u << 20; at += sizeof(page))
		assert_int_equal(f->host->ops->region_write(f->host, 0, at, page, sizeof(page), NULL), PCG_DONE);
	assert_note(f, "memory=SIZE");
	assert_ptr_equal(strstr(strstr(f->notes, "memory=SIZE") + 1, "memory=SIZE"), NULL);
	/* What was taken stays in use, what came too late is not there. */
	byte = 0x77;
	assert_int_equal(f->host->ops->region_write(f->host, 0, 5, &byte, 1, NULL), PCG_DONE);
	assert_int_equal(f->host->ops->region_read(f->host, 0, 5, &byte, 1, NULL), PCG_DONE);
	assert_int_equal(byte, 0x77);
	assert_int_equal(f->host->ops->region_read(f->host, 0, (2u << 20) - 1, &byte, 1, NULL), PCG_DONE);
	assert_int_equal(byte, 0);
	/* After a reset there is room again. */
	assert_int_equal(f->host->ops->reset(f->host, NULL), PCG_DONE);
	byte = 0x78;
	assert_int_equal(f->host->ops->region_write(f->host, 0, UINT64_C(63) << 30, &byte, 1, NULL), PCG_DONE);
	assert_int_equal(f->host->ops->region_read(f->host, 0, UINT64_C(63) << 30, &byte, 1, NULL), PCG_DONE);
	assert_int_equal(byte, 0x78);
}

static void a_reset_leaves_nothing_to_read(void **state)
{
	struct fixture *f = *state;
	uint32_t value = 0xdeadbeef;

	assert_int_equal(open_with(f, SMALL, ",bar0=64K"), 0);
	set(f, 0x10, 0xfe000000);
	assert_int_equal(f->host->ops->region_write(f->host, 0, 0x100, &value, 4, NULL), PCG_DONE);
	assert_int_equal(f->host->ops->reset(f->host, NULL), PCG_DONE);
	assert_int_equal(f->host->ops->region_read(f->host, 0, 0x100, &value, 4, NULL), PCG_DONE);
	assert_int_equal(value, 0);
	assert_int_equal(reg(f, 0x10), 0);
}

static void an_option_rom_is_served(void **state)
{
	struct fixture *f = *state;
	char image[64] = "/tmp/pcigate-rom-XXXXXX", more[128];
	uint8_t data[4] = { 0x55, 0xaa, 3, 4 };
	int fd = mkstemp(image);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, 4), 4);
	assert_int_equal(ftruncate(fd, 5000), 0);
	close(fd);
	snprintf(more, sizeof(more), ",rom=%s", image);
	assert_int_equal(open_with(f, SMALL, more), 0);
	unlink(image);
	assert_int_equal(f->host->info.rom.size, 8192);
	assert_int_equal(f->host->info.regions[PCG_REGION_ROM].size, 8192);
	memset(data, 0, 4);
	assert_int_equal(f->host->ops->region_read(f->host, PCG_REGION_ROM, 0, data, 4, NULL), PCG_DONE);
	assert_int_equal(pcg_get32(data), 0x0403aa55);
	assert_int_equal(f->host->ops->region_write(f->host, PCG_REGION_ROM, 0, data, 4, NULL), -EINVAL);
	/* It is not the guest's to lose. */
	assert_int_equal(f->host->ops->reset(f->host, NULL), PCG_DONE);
	assert_int_equal(f->host->ops->region_read(f->host, PCG_REGION_ROM, 0, data, 4, NULL), PCG_DONE);
	assert_int_equal(pcg_get32(data), 0x0403aa55);
	set(f, 0x30, UINT32_MAX);
	assert_int_equal(reg(f, 0x30), 0xffffe001);
}

#define CAPS                                                                                                           \
	"00:02.0 x\n"                                                                                                  \
	"00: 34 12 01 90 06 00 10 00 01 00 00 02 00 00 00 00\n" NO_BARS                                                \
	"30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"                                                        \
	"40: 01 50 03 00 00 00 00 00 00 00 00 00 00 00 00 00\n"                                                        \
	"50: 03 60 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"                                                        \
	"60: 10 00 02 00 02 80 00 10 10 28 00 00 00 00 00 00\n"

static void resets_through_configuration_space_act(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, CAPS, ""), 0);
	set(f, 0x04, 0x4);
	set(f, 0x68, 0x8000);
	assert_int_equal(reg(f, 0x04) & 0xffff, 0);
	assert_int_equal(reg(f, 0x68) & 0xffff, 0x2810);
	/* D3hot to D0 without No_Soft_Reset. */
	set(f, 0x04, 0x4);
	set(f, 0x44, 3);
	assert_int_equal(reg(f, 0x04) & 0xffff, 4);
	set(f, 0x44, 0);
	assert_int_equal(reg(f, 0x04) & 0xffff, 0);
}

static void power_can_be_asked_for(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, CAPS, ""), 0);
	assert_int_equal(f->host->ops->power(f->host, PCG_D3HOT, NULL), PCG_DONE);
	assert_int_equal(reg(f, 0x44) & 3, 3);
	assert_int_equal(f->host->ops->power(f->host, PCG_D1, NULL), -ENOTSUP);
	assert_int_equal(f->host->ops->power(f->host, PCG_D0, NULL), PCG_DONE);
	assert_int_equal(open_with(f, SMALL, ""), 0);
	assert_int_equal(f->host->ops->power(f->host, PCG_D3HOT, NULL), -ENOTSUP);
	assert_int_equal(f->host->ops->power(f->host, PCG_D0, NULL), PCG_DONE);
}

static void vpd_holds_the_stated_bytes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, CAPS, ""), 0);
	set(f, 0x50, 4u << 16);
	assert_int_equal(reg(f, 0x50) >> 16, 0x8004);
	assert_int_equal(reg(f, 0x54), 0x625b544d); /* 7·i + 31h from i = 4 */
	assert_int_equal(open_with(f, CAPS, ",vpd=fail"), 0);
	set(f, 0x50, 4u << 16);
	assert_int_equal(reg(f, 0x50) >> 16, 0x0004);
}

static void plain_memory_does_nothing_by_itself(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, CAPS, ",hw=ram"), 0);
	set(f, 0x00, 0xffffffff);
	set(f, 0x68, 0x8000);
	set(f, 0x50, 4u << 16);
	assert_int_equal(f->host->ops->power(f->host, PCG_D3HOT, NULL), PCG_DONE);
	assert_int_equal(f->host->ops->reset(f->host, NULL), PCG_DONE);
	assert_int_equal(reg(f, 0x00), 0xffffffff);
	assert_int_equal(reg(f, 0x44), 0);
	assert_int_equal(reg(f, 0x50), 4u << 16);
	assert_int_equal(reg(f, 0x68), 0x8000);
}

#define VF_HEADER                                                                                                      \
	"00: ff ff ff ff 06 04 10 00 01 00 00 02 00 00 00 00\n" NO_BARS                                                \
	"30: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"

static void vf_ids_come_from_whoever_knows_them(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, "01:10.0 Ethernet controller [0200]: Intel [8086:10ca] (rev 01)\n" VF_HEADER, ""),
			 0);
	assert_true(f->host->info.is_vf);
	assert_int_equal(f->host->info.vendor, 0x8086);
	assert_int_equal(f->host->info.device, 0x10ca);
	assert_int_equal(reg(f, 4) & 0xffff, 4);
	assert_int_equal(open_with(f, "01:10.0 0200: 8086:10cb\n" VF_HEADER, ""), 0);
	assert_int_equal(f->host->info.device, 0x10cb);
	assert_int_equal(open_with(f, "01:10.0 Some function\n" VF_HEADER, ""), -EINVAL);
	assert_one_error(f, "id=VVVV:DDDD");
	assert_int_equal(open_with(f, "01:10.0 Some function\n" VF_HEADER, ",id=1af4:1041"), 0);
	assert_int_equal(f->host->info.vendor, 0x1af4);
	assert_int_equal(open_with(f, "01:10.0 Some function\n" VF_HEADER, ",vf=off"), 0);
	assert_false(f->host->info.is_vf);
}

static void vf_ids_come_from_the_pf_in_the_same_text(void **state)
{
	struct fixture *f = *state;
	const char *text = HEADER("01:00.0 x") NO_BARS TAIL "100: 10 00 01 00 00 00 00 00 19 00 00 00 08 00 08 00\n"
							    "110: 02 00 00 00 80 00 02 00 00 00 ca 10 00 00 00 00\n"
							    "120: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
							    "130: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
							    "01:10.2 x\n" VF_HEADER "01:10.1 y\n" VF_HEADER;

	assert_int_equal(open_with(f, text, "@01:10.2"), 0);
	assert_int_equal(f->host->info.vendor, 0x1234);
	assert_int_equal(f->host->info.device, 0x10ca);
	/* Off the stride. */
	assert_int_equal(open_with(f, text, "@01:10.1"), -EINVAL);
}

static void long_lines_and_nul_bytes_do_no_harm(void **state)
{
	struct fixture *f = *state;
	size_t length = (10u << 20) + sizeof(SMALL);
	char *text = malloc(length), func[128];

	assert_non_null(text);
	memset(text, 'a', 10u << 20);
	memset(text + 1000, 0, 1000);
	text[(10u << 20) - 1] = '\n';
	memcpy(text + (10u << 20), SMALL, sizeof(SMALL));
	put(f, text, length);
	free(text);
	snprintf(func, sizeof(func), "dump:%s", f->path);
	assert_int_equal(pcg_host_create(&f->host, func, &f->log), 0);
	assert_int_equal(reg(f, 0), 0x90011234);
}

static void a_hundred_thousand_functions_are_listed_in_part(void **state)
{
	struct fixture *f = *state;
	FILE *out = fopen(f->path, "w");
	char func[128];
	unsigned int i;

	assert_non_null(out);
	for (i = 0; i < 100000; i++)
		fprintf(out, "%04x:%02x:%02x.%x x\n00: 34 12 01 90 06 00 10 00 01 00 00 02 00 00 00 00\n", i >> 16,
			i >> 8 & 0xff, i >> 3 & 0x1f, i & 7);
	fprintf(out, "%s", "0099:00:00.0 x\n" NO_BARS "00: 34 12 07 90 06 00 10 00 01 00 00 02 00 00 00 00\n" TAIL);
	fclose(out);
	snprintf(func, sizeof(func), "dump:%s", f->path);
	assert_int_equal(pcg_host_create(&f->host, func, &f->log), -EINVAL);
	assert_one_error(f, "more");
	snprintf(func, sizeof(func), "dump:%s@0099:00:00.0", f->path);
	assert_int_equal(pcg_host_create(&f->host, func, &f->log), 0);
	assert_int_equal(reg(f, 0), 0x90071234);
}

static void files_past_the_bound_are_refused(void **state)
{
	struct fixture *f = *state;
	char func[128];

	assert_int_equal(truncate(f->path, (64 << 20) + 1), 0);
	snprintf(func, sizeof(func), "dump:%s", f->path);
	assert_int_equal(pcg_host_create(&f->host, func, &f->log), -EFBIG);
	assert_int_equal(pcg_host_create(&f->host, "dump:/dev/zero", &f->log), -EFBIG);
}

/* Cut and spoil a good text in many ways: it opens or is refused, and no more. */
static void spoiled_texts_end_well(void **state)
{
	static const char good[] = CAPS "100: 01 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00\n";
	struct fixture *f = *state;
	char text[sizeof(good)], func[128];
	uint32_t seed = 7;
	unsigned int round;

	snprintf(func, sizeof(func), "dump:%s", f->path);
	for (round = 0; round < 3000; round++) {
		size_t i, length = sizeof(good) - 1;

		memcpy(text, good, sizeof(good));
		for (i = 0; i < 1 + round % 4; i++) {
			seed = seed * 1664525 + 1013904223;
			text[(seed >> 8) % length] = (char)(seed >> 24);
		}
		if (round % 3 == 0)
			length = (seed >> 4) % length;
		put(f, text, length);
		f->notes[0] = '\0';
		f->errors[0] = '\0';
		if (pcg_host_create(&f->host, func, &f->log) == 0)
			set(f, 0x04, UINT32_MAX);
		else
			assert_string_not_equal(f->errors, "");
		pcg_host_destroy(f->host);
		f->host = NULL;
	}
}

/* Every type 0 function of a file opens, every other one is refused. */
static void try_file(struct fixture *f, const char *path, unsigned int *opened, unsigned int *bridges)
{
	struct dump_file file;
	char func[600];
	size_t i;

	assert_int_equal(dump_file_init(&file, path, &f->log), 0);
	for (i = 0; i < file.nentries; i++) {
		const struct dump_entry *entry = &file.entries[i];
		int error;

		if (!entry->has_hex)
			continue;
		snprintf(func, sizeof(func), "dump:%s@%x:%02x:%02x.%x", path,
			 entry->bdf.domain == DUMP_ANY_DOMAIN ? 0 : entry->bdf.domain, entry->bdf.bus,
			 entry->bdf.device, entry->bdf.function);
		f->notes[0] = '\0';
		f->errors[0] = '\0';
		error = pcg_host_create(&f->host, func, &f->log);
		if (error != (entry->header_type == 0 ? 0 : -ENOTSUP))
			fail_msg("%s: %d: %s", func, error, f->notes);
		*(entry->header_type == 0 ? opened : bridges) += 1;
		pcg_host_destroy(f->host);
		f->host = NULL;
	}
	dump_file_finish(&file);
}

static void the_corpus_opens(void **state)
{
	static const char *const folders[] = { "pciutils", "qemu" };
	const char *corpus = getenv("PCI_CORPUS");
	unsigned int opened = 0, bridges = 0;
	struct fixture *f = *state;
	char path[512];
	size_t i;

	if (corpus == NULL) {
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
			try_file(f, path, &opened, &bridges);
		}
		closedir(folder);
	}
	print_message("# %u functions opened, %u bridges refused\n", opened, bridges);
	assert_true(opened > 60);
	assert_true(bridges > 20);
}

static void corpus_vfs_have_their_ids(void **state)
{
	const char *corpus = getenv("PCI_CORPUS");
	struct fixture *f = *state;
	char func[600];

	if (corpus == NULL) {
		print_message("# PCI_CORPUS names no folder with recorded functions: skipped\n");
		skip();
	}
	snprintf(func, sizeof(func), "dump:%.500s/qemu/zoo.txt@01:10.2", corpus);
	assert_int_equal(pcg_host_create(&f->host, func, &f->log), 0);
	assert_true(f->host->info.is_vf);
	assert_int_equal(f->host->info.vendor, 0x8086);
	assert_int_equal(f->host->info.device, 0x10ca);
	assert_int_equal(f->host->info.bars[0].kind, PCG_BAR_MEM64);
	assert_int_equal(f->host->info.bars[0].size, 16 << 10);
	assert_int_equal(f->host->info.bars[3].size, 16 << 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(sizes_come_from_the_text),
		TEST(lspci_v_does_not_number_its_regions),
		TEST(defaults_stand_in_for_missing_sizes),
		TEST(a_register_that_the_text_passes_over_is_no_bar),
		TEST(a_default_holds_the_msix_table),
		TEST(options_override_bars),
		TEST(options_that_cannot_be_are_refused),
		TEST(trace_options_are_kept),
		TEST(a_comma_in_a_file_name_is_doubled),
		TEST(several_functions_want_a_name),
		TEST(one_function_among_bridges_needs_no_name),
		TEST(bridges_are_refused),
		TEST(a_user_dump_of_64_bytes_serves),
		TEST(a_cut_chain_ends_before_the_gap),
		TEST(extended_space_may_be_cut_too),
		TEST(hex_in_any_order_counts_once),
		TEST(what_is_no_dump_is_refused),
		TEST(sizes_that_cannot_be_are_put_right),
		TEST(awkward_region_lines_are_understood),
		TEST(compatibility_addresses_are_no_bars),
		TEST(words_that_look_like_offsets_are_no_bytes),
		TEST(a_byte_order_mark_does_not_hide_the_title),
		TEST(bars_are_memory_that_can_be_mapped),
		TEST(a_client_cannot_resize_a_bar),
		TEST(huge_bars_cost_nothing_and_stay_bounded),
		TEST(a_reset_leaves_nothing_to_read),
		TEST(an_option_rom_is_served),
		TEST(resets_through_configuration_space_act),
		TEST(power_can_be_asked_for),
		TEST(vpd_holds_the_stated_bytes),
		TEST(plain_memory_does_nothing_by_itself),
		TEST(vf_ids_come_from_whoever_knows_them),
		TEST(vf_ids_come_from_the_pf_in_the_same_text),
		TEST(long_lines_and_nul_bytes_do_no_harm),
		TEST(a_hundred_thousand_functions_are_listed_in_part),
		TEST(files_past_the_bound_are_refused),
		TEST(spoiled_texts_end_well),
		TEST(the_corpus_opens),
		TEST(corpus_vfs_have_their_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
