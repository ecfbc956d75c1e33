/* SPDX-License-Identifier: BSD-3-Clause */
/* Capabilities that the kernel's VFIO hides are linked again by show=: files stand for sysfs and for the device. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/vfio/internal.h"

/* PCIe 6.0, 7.9: extended capability ids. */
#define AER 0x01
#define LTR 0x18
#define PTM 0x1f
#define DOE 0x2e

struct header {
	uint16_t offset;
	uint16_t id;
};

static struct vfio v;
static uint8_t config[PCG_CONFIG_EXTENDED];
static char said[1024];

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	strncpy(said, note->text, sizeof(said) - 1);
}

static int set_up(void **state)
{
	(void)state;
	memset(&v, 0, sizeof(v));
	said[0] = '\0';
	v.host.log.write = say;
	v.host.info.config_size = PCG_CONFIG_EXTENDED;
	strcpy(v.place.bdf, "0000:03:10.1");
	strcpy(v.place.directory, "/tmp/pcigate-show-XXXXXX");
	v.device = memfd_create("device", MFD_CLOEXEC);
	return v.device < 0 || mkdtemp(v.place.directory) == NULL;
}

static void sysfs(char path[PATH_MAX + 16])
{
	snprintf(path, PATH_MAX + 16, "%s/config", v.place.directory);
}

static int tear_down(void **state)
{
	char path[PATH_MAX + 16];

	(void)state;
	sysfs(path);
	unlink(path);
	free(v.shown);
	close(v.device);
	return rmdir(v.place.directory);
}

/* A function whose extended capabilities are these; ids of 0 end the list. */
static void make(const struct header *headers)
{
	memset(config, 0, sizeof(config));
	pcg_put32(config, 0x10ca8086);
	pcg_put16(config + PCG_STATUS, 0x10);
	config[0x34] = 0x40;
	pcg_put32(config + 0x40, 0x00020010);
	for (const struct header *at = headers; at->offset != 0; at++) {
		pcg_put32(config + at->offset, 0x10000u | at->id | (uint32_t)at[1].offset << 20);
		/* What it holds tells whose it is. */
		pcg_put32(config + at->offset + 4, 0xc0de0000u | at->offset);
	}
}

/* The machine has these. */
static void real(const struct header *headers, size_t readable)
{
	char path[PATH_MAX + 16];
	int fd;

	make(headers);
	sysfs(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, config, readable), readable);
	close(fd);
}

/* VFIO's chain is these; the registers of the others stand where they stood. */
static void kernel(const struct header *headers)
{
	uint8_t before[PCG_CONFIG_EXTENDED];

	memcpy(before, config, sizeof(before));
	make(headers);
	for (unsigned int i = PCG_CONFIG_CONVENTIONAL; i < PCG_CONFIG_EXTENDED; i += 8)
		memcpy(config + i + 4, before + i + 4, 4);
	assert_int_equal(pwrite(v.device, config, sizeof(config), 0), sizeof(config));
}

/* "100:1 140:18", as a client finds them. */
static const char *chain(void)
{
	static char text[256];
	struct pcg_log quiet = { 0 };
	struct pcg_layout layout;

	text[0] = '\0';
	assert_int_equal(vfio_config_read(&v, 0, config, sizeof(config)), 0);
	assert_true(pcg_layout_parse(&layout, config, sizeof(config), &quiet) >= 0);
	for (unsigned int i = 0; i < layout.necaps; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%x:%x", i == 0 ? "" : " ", layout.ecaps[i].offset,
			 layout.ecaps[i].id);
		assert_int_equal(pcg_get32(config + layout.ecaps[i].offset) >> 16 & 0xf,
				 layout.ecaps[i].id == 0 ? 0 : 1);
	}
	return text;
}

static void show(unsigned int id)
{
	v.settings.show |= UINT64_C(1) << id;
}

static const struct header all[] = { { 0x100, AER }, { 0x140, LTR }, { 0x158, PTM }, { 0x168, DOE }, { 0, 0 } };
static const struct header aer_alone[] = { { 0x100, AER }, { 0, 0 } };

static void nothing_is_linked_that_was_not_asked_for(void **state)
{
	(void)state;
	real(all, sizeof(config));
	kernel(aer_alone);
	assert_int_equal(vfio_show(&v), 0);
	assert_null(v.shown);
	assert_string_equal(chain(), "100:1");
}

static void a_hidden_one_is_linked_behind_those_that_are_shown(void **state)
{
	(void)state;
	real(all, sizeof(config));
	kernel(aer_alone);
	show(LTR);
	assert_int_equal(vfio_show(&v), 0);
	assert_string_equal(chain(), "100:1 140:18");
	/* Its registers are the device's. */
	assert_int_equal(pcg_get32(config + 0x144), 0xc0de0140u);
	assert_string_equal(said, "");
}

static void several_keep_the_order_of_the_hardware(void **state)
{
	static const struct header shown[] = { { 0x100, AER }, { 0x158, PTM }, { 0, 0 } };

	(void)state;
	real(all, sizeof(config));
	kernel(shown);
	show(DOE);
	show(LTR);
	assert_int_equal(vfio_show(&v), 0);
	assert_string_equal(chain(), "100:1 140:18 158:1f 168:2e");
}

/* Where the first one is hidden the kernel leaves an empty header that leads on. */
static void the_first_of_all_is_put_back_in_its_place(void **state)
{
	static const struct header first[] = { { 0x100, LTR }, { 0x140, AER }, { 0, 0 } };
	static const struct header empty[] = { { 0x100, 0 }, { 0x140, AER }, { 0, 0 } };

	(void)state;
	real(first, sizeof(config));
	kernel(empty);
	show(LTR);
	assert_int_equal(vfio_show(&v), 0);
	assert_string_equal(chain(), "100:18 140:1");
}

/* The chain begins at 100h, whatever is linked first. */
static void one_behind_a_hidden_first_one_is_found(void **state)
{
	static const struct header first[] = { { 0x100, PTM }, { 0x140, LTR }, { 0, 0 } };
	static const struct header none[] = { { 0, 0 } };

	(void)state;
	real(first, sizeof(config));
	kernel(none);
	show(LTR);
	assert_int_equal(vfio_show(&v), 0);
	assert_int_equal(vfio_config_read(&v, 0, config, sizeof(config)), 0);
	assert_int_equal(pcg_get32(config + 0x100), 0x14000000u);
	assert_int_equal(pcg_get32(config + 0x140), 0x00010000u | LTR);
}

static void one_that_is_not_there_is_named(void **state)
{
	(void)state;
	real(aer_alone, sizeof(config));
	kernel(aer_alone);
	show(LTR);
	assert_int_equal(vfio_show(&v), 0);
	assert_string_equal(chain(), "100:1");
	assert_non_null(strstr(said, "0000:03:10.1 has no"));
	assert_non_null(strstr(said, "Latency Tolerance Reporting"));
}

/* sysfs gives an ordinary user the first 64 bytes. */
/* A bridge on the way, or a function that is conventional PCI: of all that was asked for it has none. */
static void without_extended_space_there_are_none(void **state)
{
	(void)state;
	v.host.info.config_size = PCG_CONFIG_CONVENTIONAL;
	v.settings.show = UINT64_C(1) << PTM;
	assert_int_equal(vfio_show(&v), 0);
	assert_null(v.shown);
	assert_non_null(strstr(said, "show=: 0000:03:10.1 has no extended configuration space"));
}

static void whoever_may_not_read_all_is_told_what_it_takes(void **state)
{
	(void)state;
	real(all, 64);
	kernel(aer_alone);
	show(LTR);
	assert_int_equal(vfio_show(&v), -EPERM);
	assert_non_null(strstr(said, "/config shows 64 bytes to this user; CAP_SYS_ADMIN"));
}

static void a_file_that_cannot_be_opened_is_told_of_in_the_same_way(void **state)
{
	(void)state;
	kernel(aer_alone);
	show(LTR);
	assert_int_equal(vfio_show(&v), -EPERM);
	assert_non_null(strstr(said, v.place.directory));
	assert_non_null(strstr(said, "shows 0 bytes"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_linked_that_was_not_asked_for),
		TEST(a_hidden_one_is_linked_behind_those_that_are_shown),
		TEST(several_keep_the_order_of_the_hardware),
		TEST(the_first_of_all_is_put_back_in_its_place),
		TEST(one_behind_a_hidden_first_one_is_found),
		TEST(one_that_is_not_there_is_named),
		TEST(without_extended_space_there_are_none),
		TEST(whoever_may_not_read_all_is_told_what_it_takes),
		TEST(a_file_that_cannot_be_opened_is_told_of_in_the_same_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
