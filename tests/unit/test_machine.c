/* SPDX-License-Identifier: BSD-3-Clause */
/* What of a machine needs none: why a fabric refuses, what a capture leaves out, files that say anything. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine/capture.h"
#include "machine/function.h"
#include "machine/vfs.h"

/**
 * struct stub - a fabric with one PF and its VFs, that refuses when told to
 * @said: what was asked of it, a letter and a number each
 * @notes: the last note
 * @count_error, @msix_error: what setting answers
 * @made: VFs that its driver makes at most
 * @held: the VF that process 42 has open; -1: none
 */
struct stub {
	struct sriov sriov;
	struct sriov_pf pf;
	struct sriov_vf vf;
	struct pcg_log log;
	char said[128];
	char notes[1024];
	int count_error;
	int msix_error;
	unsigned int made;
	int held;
};

static struct stub *of(struct sriov *sriov)
{
	return (struct stub *)sriov;
}

static void say(struct sriov *sriov, char what, unsigned int number)
{
	char *said = of(sriov)->said;

	snprintf(said + strlen(said), sizeof(of(sriov)->said) - strlen(said), "%c%u ", what, number);
}

static int stub_pf(struct sriov *sriov, const char *bdf, struct sriov_pf *pf)
{
	*pf = of(sriov)->pf;
	return strcmp(bdf, pf->bdf) == 0 ? 0 : strcmp(bdf, of(sriov)->vf.bdf) == 0 ? -ENOTTY : -ENODEV;
}

static int stub_vf(struct sriov *sriov, const char *bdf, struct sriov_vf *vf)
{
	*vf = of(sriov)->vf;
	return strcmp(bdf, vf->bdf) == 0 ? 0 : strcmp(bdf, of(sriov)->pf.bdf) == 0 ? -ENOTTY : -ENODEV;
}

static int stub_vf_of(struct sriov *sriov, const char *pf, unsigned int number, struct sriov_vf *vf)
{
	(void)pf;
	*vf = of(sriov)->vf;
	vf->number = (int)number;
	snprintf(vf->bdf, sizeof(vf->bdf), "0000:01:10.%u", number & 7);
	return number < of(sriov)->pf.count ? 0 : -ENOENT;
}

static long stub_holder(struct sriov *sriov, const char *vf)
{
	return of(sriov)->held == vf[strlen(vf) - 1] - '0' ? 42 : 0;
}

static int stub_set_probe(struct sriov *sriov, const char *pf, bool probe)
{
	(void)pf;
	say(sriov, 'p', probe);
	of(sriov)->pf.probe = probe;
	return 0;
}

static int stub_set_count(struct sriov *sriov, const char *pf, unsigned int count)
{
	struct stub *stub = of(sriov);

	(void)pf;
	say(sriov, 'c', count);
	if (stub->count_error != 0)
		return stub->count_error;
	/* As Linux does. */
	if (stub->pf.count != 0 && count != 0)
		return -EBUSY;
	stub->pf.count = count < stub->made ? count : stub->made;
	return 0;
}

static int stub_set_msix(struct sriov *sriov, const char *vf, unsigned int vectors)
{
	(void)vf;
	say(sriov, 'm', vectors);
	if (of(sriov)->msix_error == 0)
		of(sriov)->vf.msix = (int)vectors;
	return of(sriov)->msix_error;
}

static const struct sriov_ops stub_ops = {
	.pf = stub_pf,
	.vf = stub_vf,
	.vf_of = stub_vf_of,
	.holder = stub_holder,
	.set_probe = stub_set_probe,
	.set_count = stub_set_count,
	.set_msix = stub_set_msix,
};

static void note(void *arg, const struct pcg_note *n)
{
	struct stub *stub = arg;

	snprintf(stub->notes, sizeof(stub->notes), "%s", n->text);
}

static int setup(void **state)
{
	static struct stub stub;

	stub = (struct stub){
		.sriov.ops = &stub_ops,
		.pf = { .bdf = "0000:01:00.0", .driver = "mlx5_core", .total = 8, .has_pool = true, .pool = 500 },
		.vf = { .bdf = "0000:01:10.0", .pf = "0000:01:00.0", .group = 5, .msix = 11 },
		.log = { .write = note, .arg = &stub },
		.made = 8,
		.held = -1,
	};
	*state = &stub;
	return 0;
}

static int create(struct stub *stub, unsigned int count, enum vfs_probe probe)
{
	struct sriov_pf pf;

	stub->said[0] = '\0';
	stub->notes[0] = '\0';
	return vfs_create(&stub->sriov, stub->pf.bdf, count, probe, &pf, &stub->log);
}

static int give(struct stub *stub, unsigned int vectors)
{
	struct sriov_vf vf;

	stub->said[0] = '\0';
	stub->notes[0] = '\0';
	return vfs_msix(&stub->sriov, stub->vf.bdf, vectors, &vf, &stub->log);
}

static void a_number_is_changed_through_0(void **state)
{
	struct stub *stub = *state;

	assert_int_equal(create(stub, 4, VFS_PROBE_AS_IS), 0);
	assert_string_equal(stub->said, "c4 ");
	assert_int_equal(create(stub, 6, VFS_PROBE_AS_IS), 0);
	assert_string_equal(stub->said, "c0 c6 ");
	assert_int_equal(create(stub, 6, VFS_PROBE_AS_IS), 0);
	assert_string_equal(stub->said, "");
	assert_int_equal(create(stub, 0, VFS_PROBE_AS_IS), 0);
	assert_string_equal(stub->said, "c0 ");
}

static void drivers_are_kept_off_before_the_vfs_are_there(void **state)
{
	struct stub *stub = *state;

	stub->pf.probe = true;
	assert_int_equal(create(stub, 4, VFS_PROBE_OFF), 0);
	assert_string_equal(stub->said, "p0 c4 ");
	assert_int_equal(create(stub, 4, VFS_PROBE_OFF), 0);
	assert_string_equal(stub->said, "");
}

static void vfs_that_are_open_stay(void **state)
{
	struct stub *stub = *state;

	stub->pf.count = 4;
	stub->held = 2;
	assert_int_equal(create(stub, 0, VFS_PROBE_AS_IS), -EBUSY);
	assert_string_equal(stub->said, "");
	assert_non_null(strstr(stub->notes, "process 42 has VF 0000:01:10.2"));
}

static void fewer_than_asked_for_are_told_of(void **state)
{
	struct stub *stub = *state;

	stub->made = 3;
	assert_int_equal(create(stub, 4, VFS_PROBE_AS_IS), 0);
	assert_non_null(strstr(stub->notes, "4 VFs were asked for, and its driver made 3"));
}

static void refused_numbers_are_explained(void **state)
{
	static const struct {
		int error;
		const char *driver;
		const char *text;
	} rows[] = {
		{ -ENOENT, "", "pci-pf-stub" },
		{ -ENOENT, "vfio-pci", "enable_sriov" },
		{ -ENOENT, "e1000e", "makes no VFs" },
		{ -ENOMEM, "igb", "pci=realloc" },
		{ -EPERM, "igb", "root" },
		{ -EACCES, "igb", "root" },
		{ -EROFS, "igb", "read-only" },
		{ -EBUSY, "igb", "only changed from 0" },
		{ -ENODATA, "igb", "dmesg" },
	};
	struct stub *stub = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stub->count_error = rows[i].error;
		snprintf(stub->pf.driver, sizeof(stub->pf.driver), "%s", rows[i].driver);
		assert_int_equal(create(stub, 4, VFS_PROBE_AS_IS), rows[i].error);
		if (strstr(stub->notes, rows[i].text) == NULL || strstr(stub->notes, "0000:01:00.0") == NULL)
			fail_msg("%d of \"%s\": %s", rows[i].error, rows[i].driver, stub->notes);
	}
}

static void more_than_there_can_be_is_not_tried(void **state)
{
	struct stub *stub = *state;

	assert_int_equal(create(stub, 9, VFS_PROBE_OFF), -ERANGE);
	assert_string_equal(stub->said, "");
	assert_non_null(strstr(stub->notes, "at most 8"));
}

static void refused_vectors_are_explained(void **state)
{
	static const struct {
		int error;
		const char *driver;
		const char *text;
	} rows[] = {
		{ -EOPNOTSUPP, "igb", "mlx5_core and ice" },
		{ -EOPNOTSUPP, "vfio-pci", "vfio-pci cannot" },
		{ -EOPNOTSUPP, "", "has none" },
		{ -EINVAL, "mlx5_core", "least" },
		{ -EOVERFLOW, "mlx5_core", "more than" },
		{ -ERANGE, "mlx5_core", "more than" },
		{ -ENOENT, "mlx5_core", "5.13" },
		{ -EPERM, "mlx5_core", "root" },
		{ -ENOSPC, "ice", "share 500" },
	};
	struct stub *stub = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stub->msix_error = rows[i].error;
		snprintf(stub->pf.driver, sizeof(stub->pf.driver), "%s", rows[i].driver);
		assert_int_equal(give(stub, 64), rows[i].error);
		if (strstr(stub->notes, rows[i].text) == NULL || strstr(stub->notes, "0000:01:10.0") == NULL)
			fail_msg("%d of \"%s\": %s", rows[i].error, rows[i].driver, stub->notes);
	}
}

static void a_vf_that_is_held_keeps_its_number(void **state)
{
	struct stub *stub = *state;

	stub->msix_error = -EBUSY;
	strcpy(stub->vf.driver, "vfio-pci");
	assert_int_equal(give(stub, 64), -EBUSY);
	assert_non_null(strstr(stub->notes, "driver vfio-pci, 11 vectors now"));
	assert_non_null(strstr(stub->notes, "until it is assigned next"));
	assert_non_null(strstr(stub->notes, "/driver/unbind"));
}

static void vectors_are_read_back(void **state)
{
	struct stub *stub = *state;
	struct sriov_vf vf;

	assert_int_equal(vfs_msix(&stub->sriov, "0000:01:10.0", 64, &vf, &stub->log), 0);
	assert_int_equal(vf.msix, 64);
	assert_string_equal(stub->notes, "");
	assert_int_equal(vfs_msix(&stub->sriov, "0000:01:00.0", 64, &vf, &stub->log), -ENOTTY);
	assert_non_null(strstr(stub->notes, "no VF"));
	assert_int_equal(vfs_msix(&stub->sriov, "0000:02:00.0", 64, &vf, &stub->log), -ENODEV);
}

/* --- redaction --- */

static void redact(uint8_t *config, char what[REDACTED_TEXT])
{
	struct pcg_layout layout;

	assert_int_equal(machine_layout(&layout, config, PCG_CONFIG_EXTENDED), 0);
	machine_redact(config, &layout, what);
}

static void the_last_bar_has_no_upper_half(void **state)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0x86, 0x80 };
	char what[REDACTED_TEXT];

	(void)state;
	pcg_put32(config + PCG_BAR0 + 20, 0xfed00004);
	pcg_put32(config + PCG_CARDBUS_CIS, 0x12345678);
	redact(config, what);
	assert_int_equal(pcg_get32(config + PCG_BAR0 + 20), 4);
	assert_int_equal(pcg_get32(config + PCG_CARDBUS_CIS), 0x12345678);
	assert_string_equal(what, "BARs");
}

/* One entry of a 64-bit base and a 32-bit size, and a count that promises more than the capability holds. */
static void enhanced_allocations_lose_their_bases(void **state)
{
	static const uint8_t allocation[] = { 0x14, 0x00, 0x3f, 0x00, 0x03, 0xff, 0xff, 0x80, 0x02, 0x00,
					      0xd0, 0xfe, 0xfc, 0xff, 0x0f, 0x00, 0x01, 0x00, 0x00, 0x00 };
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0x86, 0x80 };
	char what[REDACTED_TEXT];

	(void)state;
	config[PCG_STATUS] = PCG_STATUS_CAPABILITIES;
	config[PCG_CAPABILITIES] = 0x40;
	memcpy(config + 0x40, allocation, sizeof(allocation));
	redact(config, what);
	assert_int_equal(pcg_get32(config + 0x48), 2);
	assert_int_equal(pcg_get32(config + 0x4c), 0x000ffffc);
	assert_int_equal(pcg_get32(config + 0x50), 0);
	assert_string_equal(what, "CAP_EA");
}

static void nothing_to_redact_is_nothing(void **state)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0x86, 0x80 };
	char what[REDACTED_TEXT] = "x";

	(void)state;
	redact(config, what);
	assert_string_equal(what, "");
}

/* --- files that say anything --- */

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void resources_are_read_with_distrust(void **state)
{
	struct place place = { 0 };
	struct pcg_bar bars[PCG_NUM_BARS], rom;
	char folder[] = "/tmp/pcigate-machine-XXXXXX", path[256];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(place.directory, sizeof(place.directory), "%s", folder);
	assert_false(machine_bars(&place, bars, &rom));
	write_file(folder, "resource",
		   "0x0000000000000000 0xffffffffffffffff 0x0000000000040200\n"
		   "0x0000000000002000 0x0000000000001000 0x0000000000040200\n"
		   "nonsense\n"
		   "0x000000000000d000 0x000000000000d01f 0x0000000000040101\n"
		   "0x0000000000000000 0x0000000000003fff 0x0000000020140204\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x00000000fee00000 0x00000000fee0ffff 0x0000000000046200\n"
		   "0x00000000fed00000 0x00000000fed0ffff 0x0000000000040200\n");
	assert_true(machine_bars(&place, bars, &rom));
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(bars[i].size, 0);
	assert_int_equal(bars[3].kind, PCG_BAR_IO);
	assert_int_equal(bars[3].size, 32);
	/* One that nobody has placed has a size all the same. */
	assert_int_equal(bars[4].kind, PCG_BAR_MEM64);
	assert_int_equal(bars[4].size, 0x4000);
	assert_int_equal(bars[5].kind, PCG_BAR_UPPER);
	assert_int_equal(rom.size, 0x10000);
	snprintf(path, sizeof(path), "%s/resource", folder);
	unlink(path);
	rmdir(folder);
}

static void paths_that_are_too_long_are_not_there(void **state)
{
	static char root[8192];
	struct tree tree = { .root = root };
	struct tree_names names;
	char text[8] = "x";

	(void)state;
	memset(root, 'a', sizeof(root) - 1);
	assert_false(tree_text(&tree, text, sizeof(text), "/sys"));
	assert_string_equal(text, "");
	assert_false(tree_there(&tree, "/sys"));
	assert_int_equal(tree_list(&tree, &names, "/sys"), -ENAMETOOLONG);
	assert_int_equal(names.count, 0);
	assert_int_equal(tree_write(&tree, "1", "/sys"), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_number_is_changed_through_0, setup),
		cmocka_unit_test_setup(drivers_are_kept_off_before_the_vfs_are_there, setup),
		cmocka_unit_test_setup(vfs_that_are_open_stay, setup),
		cmocka_unit_test_setup(fewer_than_asked_for_are_told_of, setup),
		cmocka_unit_test_setup(refused_numbers_are_explained, setup),
		cmocka_unit_test_setup(more_than_there_can_be_is_not_tried, setup),
		cmocka_unit_test_setup(refused_vectors_are_explained, setup),
		cmocka_unit_test_setup(a_vf_that_is_held_keeps_its_number, setup),
		cmocka_unit_test_setup(vectors_are_read_back, setup),
		cmocka_unit_test(the_last_bar_has_no_upper_half),
		cmocka_unit_test(enhanced_allocations_lose_their_bases),
		cmocka_unit_test(nothing_to_redact_is_nothing),
		cmocka_unit_test(resources_are_read_with_distrust),
		cmocka_unit_test(paths_that_are_too_long_are_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
