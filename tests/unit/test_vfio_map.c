/* SPDX-License-Identifier: BSD-3-Clause */
/* Which BARs may be mapped, how, and why not: a file stands for the device, files in a folder for sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vfio.h>

#include <cmocka.h>

#include "host/vfio/internal.h"

#define SIZE 8192u

static struct vfio v;
static char said[1024];
static const char *unsafe; /* the module that was told to do without interrupt remapping */

FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);

/* Modules' parameters are not this machine's. By the name that fopen() has where files may be large. */
FILE *__wrap_fopen64(const char *path, const char *mode)
{
	FILE *file;

	if (strncmp(path, "/sys/module/", strlen("/sys/module/")) != 0)
		return __real_fopen64(path, mode);
	file = tmpfile();
	if (file != NULL) {
		fputs(unsafe != NULL && strstr(path, unsafe) != NULL ? "Y\n" : "N\n", file);
		rewind(file);
	}
	return file;
}

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	strncpy(said, note->text, sizeof(said) - 1);
}

static void path_of(char path[PATH_MAX + 32], const char *name)
{
	snprintf(path, PATH_MAX + 32, "%s/%s", v.place.directory, name);
}

static void resource(const char *name)
{
	char path[PATH_MAX + 32];
	int fd;

	path_of(path, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	close(fd);
}

/* A prefetchable BAR 2 that the kernel lets be mapped, and an operator who does. */
static int set_up(void **state)
{
	(void)state;
	memset(&v, 0, sizeof(v));
	memset(v.resources, 0xff, sizeof(v.resources));
	said[0] = '\0';
	unsafe = NULL;
	v.host.log.write = say;
	v.trusted = true;
	v.settings.device = v.group = -1;
	v.settings.map[2] = VFIO_MAP_SYSFS;
	v.host.info.bars[2] = (struct pcg_bar){ .kind = PCG_BAR_MEM64, .size = SIZE, .prefetchable = true };
	v.regions[2] = (struct vfio_region){ .size = SIZE, .flags = VFIO_REGION_INFO_FLAG_MMAP };
	strcpy(v.place.bdf, "0000:03:10.1");
	strcpy(v.place.cdev, "/dev/null");
	strcpy(v.place.directory, "/tmp/pcigate-map-XXXXXX");
	v.device = memfd_create("device", MFD_CLOEXEC);
	return v.device < 0 || ftruncate(v.device, SIZE) != 0 || mkdtemp(v.place.directory) == NULL;
}

static int tear_down(void **state)
{
	char path[PATH_MAX + 32];

	(void)state;
	vfio_map_finish(&v);
	close(v.device);
	path_of(path, "resource2");
	unlink(path);
	path_of(path, "resource2_wc");
	unlink(path);
	return rmdir(v.place.directory);
}

static void refused(const char *why)
{
	assert_int_equal(vfio_map(&v), -EPERM);
	assert_int_equal(strncmp(said, "bar2= of 0000:03:10.1: ", strlen("bar2= of 0000:03:10.1: ")), 0);
	assert_non_null(strstr(said, why));
	assert_int_equal(v.host.info.regions[2].flags & PCG_REGION_MMAP, 0);
	assert_false(v.host.info.lends_function);
}

/* --- whether it is mapped --- */

static void a_bar_is_lent_by_its_resource_file(void **state)
{
	(void)state;
	resource("resource2");
	assert_int_equal(vfio_map(&v), 0);
	assert_true((v.host.info.regions[2].flags & PCG_REGION_MMAP) != 0);
	assert_int_equal(v.host.info.regions[2].fd, v.resources[2][PCG_MEMORY_UNCACHED]);
	assert_true(v.hold_memory);
}

static void or_by_the_device_file(void **state)
{
	(void)state;
	v.settings.map[2] = VFIO_MAP_DEVICE;
	assert_int_equal(vfio_map(&v), 0);
	assert_true((v.host.info.regions[2].flags & PCG_REGION_MMAP) != 0);
	assert_false(v.hold_memory);
}

static void nobody_maps_for_whom_nobody_vouches(void **state)
{
	(void)state;
	v.trusted = false;
	refused("--trust-client");
}

static void nor_without_interrupt_remapping(void **state)
{
	(void)state;
	resource("resource2");
	unsafe = "vfio_iommu_type1";
	refused("there is no interrupt remapping");
	unsafe = "iommufd";
	refused("there is no interrupt remapping");
}

static void nor_ports(void **state)
{
	(void)state;
	v.host.info.bars[2].kind = PCG_BAR_IO;
	refused("no memory BAR");
}

/* The kernel says of such a page, as of one with the MSI-X table where that must not be seen, that it cannot be mapped.
 */
static void nor_a_page_that_holds_something_else(void **state)
{
	(void)state;
	resource("resource2");
	v.regions[2].flags = 0;
	refused("shares one with something else");
	v.regions[2] = (struct vfio_region){ .size = 2048, .flags = VFIO_REGION_INFO_FLAG_MMAP };
	refused("smaller than a page");
}

static void nor_what_the_kernel_does_not_let_open(void **state)
{
	(void)state;
	refused("cannot be opened for writing");
}

/* --- write combining --- */

static int combining(const char **why)
{
	return vfio_memory_possible(&v.host, 2, PCG_MEMORY_WRITE_COMBINING, why);
}

static void a_prefetchable_bar_may_be_combined(void **state)
{
	const char *why;

	(void)state;
	resource("resource2");
	resource("resource2_wc");
	assert_int_equal(vfio_map(&v), 0);
	assert_int_equal(combining(&why), 0);
	assert_string_equal(why, "");
}

static void uncached_is_always_possible(void **state)
{
	const char *why;

	(void)state;
	v.settings.map[2] = VFIO_MAP_TRAP;
	assert_int_equal(vfio_memory_possible(&v.host, 2, PCG_MEMORY_UNCACHED, &why), 0);
	assert_string_equal(why, "");
}

static void what_is_no_bar_or_no_kind_is_no_question(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(vfio_memory_possible(&v.host, PCG_NUM_BARS, PCG_MEMORY_WRITE_COMBINING, &why), -EINVAL);
	assert_int_equal(vfio_memory_possible(&v.host, 2, PCG_NUM_MEMORIES, &why), -EINVAL);
}

/* Each reason by itself, all else being as it should. */
static void impossible(const char *reason)
{
	const char *why;

	assert_int_equal(combining(&why), -EOPNOTSUPP);
	assert_non_null(strstr(why, reason));
}

static void only_resource_files_can_be_combined(void **state)
{
	(void)state;
	v.settings.map[2] = VFIO_MAP_DEVICE;
	assert_int_equal(vfio_map(&v), 0);
	impossible("bar=sysfs");
}

static void reads_with_side_effects_are_not_combined(void **state)
{
	(void)state;
	resource("resource2");
	resource("resource2_wc");
	assert_int_equal(vfio_map(&v), 0);
	v.host.info.bars[2].prefetchable = false;
	impossible("not prefetchable");
}

static void nor_what_the_kernel_has_no_file_of(void **state)
{
	(void)state;
	resource("resource2");
	assert_int_equal(vfio_map(&v), 0);
	impossible("no write-combining resource file");
}

static void nor_a_function_that_cannot_be_opened_again(void **state)
{
	(void)state;
	resource("resource2");
	resource("resource2_wc");
	assert_int_equal(vfio_map(&v), 0);
	v.settings.device = 7;
	impossible("opened again");
	v.settings.device = -1;
	strcpy(v.place.cdev, "/nowhere/vfio0");
	impossible("opened again");
}

/* The device file stays open behind it, and the kernel opens no function twice. */
static void nor_one_that_is_lent_by_its_device_file_as_well(void **state)
{
	(void)state;
	resource("resource2");
	resource("resource2_wc");
	v.settings.map[0] = VFIO_MAP_DEVICE;
	v.host.info.bars[0] = (struct pcg_bar){ .kind = PCG_BAR_MEM32, .size = SIZE };
	v.regions[0] = (struct vfio_region){ .size = SIZE, .flags = VFIO_REGION_INFO_FLAG_MMAP };
	assert_int_equal(vfio_map(&v), 0);
	impossible("opened again");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bar_is_lent_by_its_resource_file),
		TEST(or_by_the_device_file),
		TEST(nobody_maps_for_whom_nobody_vouches),
		TEST(nor_without_interrupt_remapping),
		TEST(nor_ports),
		TEST(nor_a_page_that_holds_something_else),
		TEST(nor_what_the_kernel_does_not_let_open),
		TEST(a_prefetchable_bar_may_be_combined),
		TEST(uncached_is_always_possible),
		TEST(what_is_no_bar_or_no_kind_is_no_question),
		TEST(only_resource_files_can_be_combined),
		TEST(reads_with_side_effects_are_not_combined),
		TEST(nor_what_the_kernel_has_no_file_of),
		TEST(nor_a_function_that_cannot_be_opened_again),
		TEST(nor_one_that_is_lent_by_its_device_file_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
