/* SPDX-License-Identifier: BSD-3-Clause */
/* The SR-IOV capability of a PF behind a root port, seen by configuration and memory requests. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/fabric/fabric.h"
#include "host/sim/firmware.h"

#define SRIOV   0x100u
#define EXPRESS 0x40u
#define TOTAL   300u
#define BAR     0x2000u /* of one VF */
#define PF      TLP_BDF(1, 0)

/* Registers of the capability (PCIe 6.0, 9.3.3). */
enum {
	CONTROL = SRIOV + 0x08,
	NUM_VFS = SRIOV + 0x10,
	OFFSET = SRIOV + 0x14,
	STRIDE = SRIOV + 0x16,
	PAGE = SRIOV + 0x20,
	VF_BAR0 = SRIOV + 0x24,
	ENABLE = 1,
	MEMORY = 8,
	ARI = 16,
};

struct function {
	struct fabric_function f;
	unsigned int resets;
	unsigned int told;
	uint64_t offset; /* of the last read */
};

struct rig {
	struct fabric *fabric;
	struct fabric_function *port;
	struct function *pf;
	unsigned int made;
	unsigned int ended;
	unsigned int room; /* VFs that can be made */
};

static struct rig *rig_of(const struct fabric_function *f)
{
	return f->owner;
}

static void function_destroy(struct fabric_function *f)
{
	rig_of(f)->ended++;
	free((struct function *)f);
}

static void function_reset(struct fabric_function *f, enum fabric_reset reset)
{
	(void)reset;
	((struct function *)f)->resets++;
}

static void function_told(struct fabric_function *f)
{
	((struct function *)f)->told++;
}

static enum tlp_status function_read(struct fabric_function *f, unsigned int bar, uint64_t offset, void *data,
				     size_t length)
{
	memset(data, (int)(f->number + bar), length);
	((struct function *)f)->offset = offset;
	return TLP_SUCCESS;
}

static int make_vf(struct fabric_function *pf, unsigned int number, struct fabric_function **vf);

static const struct fabric_function_ops ops = {
	.kind = "test",
	.destroy = function_destroy,
	.reset = function_reset,
	.alive = function_told,
	.read = function_read,
	.virtual_function = make_vf,
};

#define VF_BARS                                                                                                        \
	{                                                                                                              \
		{ .kind = PCG_BAR_MEM64, .size = BAR, .prefetchable = true },                                          \
		{                                                                                                      \
			.kind = PCG_BAR_UPPER                                                                          \
		}                                                                                                      \
	}

static const struct pcg_bar vf_bars[PCG_NUM_BARS] = VF_BARS;

static struct function *make(struct rig *rig, struct fabric_bus *bus, uint8_t *config, bool is_vf)
{
	struct function *made = calloc(1, sizeof(*made));
	const struct fabric_facts facts = { .config = config, .bars = is_vf ? vf_bars : NULL, .is_vf = is_vf };

	assert_non_null(made);
	made->f.owner = rig;
	rig->made++;
	pcg_put16(config + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	config[PCG_CAPABILITIES] = EXPRESS;
	config[EXPRESS] = PCG_CAP_EXP;
	pcg_put16(config + EXPRESS + PCG_EXP_FLAGS, 2);
	pcg_put32(config + EXPRESS + PCG_EXP_DEVCAP, PCG_DEVCAP_FLR | 0x8000);
	assert_int_equal(fabric_function_init(&made->f, rig->fabric, &ops, bus, 0, &facts), 0);
	return made;
}

static int make_vf(struct fabric_function *pf, unsigned int number, struct fabric_function **vf)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0xff, 0xff, 0xff, 0xff };

	if (number >= rig_of(pf)->room)
		return -ENOMEM;
	*vf = &make(rig_of(pf), NULL, config, true)->f;
	return 0;
}

/* --- as software asks --- */

static void put(struct rig *rig, uint16_t bdf, unsigned int offset, unsigned int width, uint32_t value)
{
	assert_int_equal(fabric_config_write(rig->fabric, bdf, (uint16_t)(offset / 4),
					     (uint8_t)(((1u << width) - 1) << (offset & 3)),
					     value << (8 * (offset & 3))),
			 TLP_SUCCESS);
}

static uint32_t get(struct rig *rig, uint16_t bdf, unsigned int offset, unsigned int width)
{
	uint32_t value;

	fabric_config_read(rig->fabric, bdf, (uint16_t)(offset / 4), 15, &value);
	return value >> (8 * (offset & 3)) & (width == 4 ? UINT32_MAX : (1u << (8 * width)) - 1);
}

static bool answers(struct rig *rig, uint16_t bdf)
{
	uint32_t value;

	return fabric_config_read(rig->fabric, bdf, 1, 15, &value) == TLP_SUCCESS;
}

static void enable(struct rig *rig, unsigned int count)
{
	put(rig, PF, NUM_VFS, 2, count);
	put(rig, PF, CONTROL, 2, (get(rig, PF, CONTROL, 2) & ARI) | ENABLE | MEMORY);
}

/* Windows of the port wide open, and ARI forwarded. */
static void open_port(struct rig *rig)
{
	uint32_t at;

	put(rig, 0, 0x18, 4, 0x00ff0100);
	put(rig, 0, 0x20, 4, 0xe0000000);
	put(rig, 0, 0x24, 4, 0x0001fff1);
	put(rig, 0, 0x28, 4, 0x1);
	put(rig, 0, 0x24, 4, 0xfff10001);
	put(rig, 0, 0x2c, 4, 0xff);
	put(rig, 0, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	at = rig->port->model.express;
	put(rig, 0, at + PCG_EXP_DEVCTL2, 2, 0x20);
	put(rig, PF, PCG_COMMAND, 2, 0);
}

static int setup(void **state)
{
	static const struct fabric_sriov_options sriov = {
		.total = TOTAL, .offset = 1, .stride = 1, .device = 0x1234, .bars = VF_BARS
	};
	static const struct fabric_port_options port = { .mps = 512, .payload = 128, .ari = true };
	struct rig *rig = calloc(1, sizeof(*rig));
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0x12, 0x19, 0x2d, 0 };

	assert_non_null(rig);
	rig->room = TOTAL;
	assert_int_equal(fabric_create(&rig->fabric, NULL, NULL, NULL), 0);
	assert_int_equal(
		fabric_port_create(&rig->port, rig->fabric, FABRIC_ROOT_PORT, fabric_root_bus(rig->fabric), 0, &port),
		0);
	fabric_sriov_build(config, SRIOV, &sriov);
	rig->pf = make(rig, rig->port->below, config, false);
	assert_int_equal(fabric_sriov_init(&rig->pf->f, &sriov), 0);
	open_port(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	fabric_destroy(rig->fabric);
	assert_int_equal(rig->made, rig->ended);
	free(rig);
	return 0;
}

/* --- the capability --- */

static void test_power_on(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(get(rig, PF, SRIOV, 2), PCG_ECAP_SRIOV);
	assert_int_equal(get(rig, PF, SRIOV + 0x0c, 2), TOTAL);
	assert_int_equal(get(rig, PF, SRIOV + 0x0e, 2), TOTAL);
	assert_int_equal(get(rig, PF, NUM_VFS, 2), 0);
	assert_int_equal(get(rig, PF, SRIOV + 0x1a, 2), 0x1234);
	assert_int_equal(get(rig, PF, SRIOV + 0x1c, 4), 0x553);
	assert_int_equal(get(rig, PF, PAGE, 4), 1);
	assert_false(answers(rig, PF + 1));
}

static void test_vfs_appear_and_vanish(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, 3);
	assert_true(answers(rig, PF + 1));
	assert_true(answers(rig, PF + 3));
	assert_false(answers(rig, PF + 4));
	assert_ptr_equal(fabric_find(rig->fabric, PF + 2), rig->pf->f.virtuals[1]);
	assert_int_equal(((struct function *)rig->pf->f.virtuals[1])->told, 1);
	put(rig, PF, CONTROL, 2, ARI);
	assert_false(answers(rig, PF + 1));
	assert_int_equal(rig->pf->f.nvirtuals, 0);
}

static void test_vf_that_is_held_stays_allocated(void **state)
{
	struct rig *rig = *state;
	struct fabric_function *held;

	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, 2);
	held = rig->pf->f.virtuals[1];
	put(rig, PF, CONTROL, 2, ARI);
	assert_false(fabric_alive(held));
	assert_int_equal(((struct function *)held)->resets, 1);
	assert_int_equal(((struct function *)held)->told, 2);
	enable(rig, 2);
	assert_ptr_equal(rig->pf->f.virtuals[1], held);
	assert_true(fabric_alive(held));
}

static void test_locked_while_enabled(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, 2);
	put(rig, PF, NUM_VFS, 2, 7);
	assert_int_equal(get(rig, PF, NUM_VFS, 2), 2);
	put(rig, PF, PAGE, 4, 0x10);
	assert_int_equal(get(rig, PF, PAGE, 4), 1);
	put(rig, PF, CONTROL, 2, ENABLE);
	assert_int_equal(get(rig, PF, CONTROL, 2) & ARI, ARI);
	put(rig, PF, CONTROL, 2, ARI);
	put(rig, PF, NUM_VFS, 2, 7);
	assert_int_equal(get(rig, PF, NUM_VFS, 2), 7);
}

static void test_without_ari_on_the_next_bus(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(get(rig, PF, OFFSET, 2), 256);
	enable(rig, 10);
	assert_false(answers(rig, PF + 1));
	assert_true(answers(rig, TLP_BDF(2, 0)));
	assert_true(answers(rig, TLP_BDF(2, 9)));
	put(rig, PF, CONTROL, 2, 0);
	put(rig, PF, CONTROL, 2, ARI);
	assert_int_equal(get(rig, PF, OFFSET, 2), 1);
}

static void test_more_than_a_bus(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, TOTAL);
	assert_true(answers(rig, TLP_BDF(1, 255)));
	assert_true(answers(rig, TLP_BDF(2, 0)));
	assert_true(answers(rig, PF + TOTAL));
	assert_false(answers(rig, PF + TOTAL + 1));
	assert_int_equal(fabric_bdf(rig->pf->f.virtuals[TOTAL - 1]), PF + TOTAL);
}

static void test_bus_that_no_port_has_is_out_of_reach(void **state)
{
	struct rig *rig = *state;

	put(rig, 0, 0x1a, 1, 1);
	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, TOTAL);
	assert_true(answers(rig, TLP_BDF(1, 255)));
	assert_false(answers(rig, TLP_BDF(2, 0)));
}

static void test_more_than_there_are(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, 0xffff);
	assert_int_equal(rig->pf->f.nvirtuals, TOTAL);
}

static void test_fewer_can_be_made(void **state)
{
	struct rig *rig = *state;

	rig->room = 4;
	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, 8);
	assert_int_equal(rig->pf->f.nvirtuals, 4);
	assert_false(answers(rig, PF + 5));
}

/* --- memory --- */

static void test_bar_is_sized_by_the_page(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, VF_BAR0, 4, UINT32_MAX);
	assert_int_equal(get(rig, PF, VF_BAR0, 4), 0xffffe00c);
	put(rig, PF, PAGE, 4, 0x10); /* 64 KiB */
	put(rig, PF, VF_BAR0, 4, UINT32_MAX);
	assert_int_equal(get(rig, PF, VF_BAR0, 4), 0xffff000c);
	put(rig, PF, VF_BAR0 + 4, 4, 0x12345678);
	assert_int_equal(get(rig, PF, VF_BAR0 + 4, 4), 0x12345678);
	put(rig, PF, VF_BAR0 + 8, 4, UINT32_MAX);
	assert_int_equal(get(rig, PF, VF_BAR0 + 8, 4), 0);
}

static void test_page_that_is_not_supported(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, PAGE, 4, 0x4);
	assert_int_equal(get(rig, PF, PAGE, 4), 1);
	put(rig, PF, PAGE, 4, 0x3);
	assert_int_equal(get(rig, PF, PAGE, 4), 1);
	put(rig, PF, PAGE, 4, 0);
	assert_int_equal(get(rig, PF, PAGE, 4), 1);
}

static void test_each_vf_has_its_slice(void **state)
{
	struct rig *rig = *state;
	uint8_t byte = 0;

	put(rig, PF, CONTROL, 2, ARI);
	put(rig, PF, PAGE, 4, 0x10);
	put(rig, PF, VF_BAR0 + 4, 4, 0x20);
	enable(rig, 4);
	assert_int_equal(fabric_read(rig->fabric, 0x2000030010, &byte, 1), TLP_SUCCESS);
	assert_int_equal(byte, 3);
	assert_int_equal(((struct function *)rig->pf->f.virtuals[3])->offset, 0x10);
	/* Behind the BAR, but still in the slice. */
	assert_int_equal(fabric_read(rig->fabric, 0x2000032000, &byte, 1), TLP_UNSUPPORTED);
	assert_int_equal(fabric_read(rig->fabric, 0x2000040000, &byte, 1), TLP_UNSUPPORTED);
}

static void test_memory_enable_is_for_all(void **state)
{
	struct rig *rig = *state;
	uint64_t address;
	uint8_t byte;

	put(rig, PF, CONTROL, 2, ARI);
	put(rig, PF, VF_BAR0 + 4, 4, 0x20);
	enable(rig, 2);
	assert_true(fabric_sriov_bar(&rig->pf->f, 1, 0, &address));
	assert_int_equal(address, 0x2000002000);
	put(rig, PF, CONTROL, 2, ARI | ENABLE);
	assert_false(fabric_sriov_bar(&rig->pf->f, 1, 0, &address));
	assert_int_equal(fabric_read(rig->fabric, 0x2000002000, &byte, 1), TLP_UNSUPPORTED);
	assert_true(answers(rig, PF + 1));
}

/* --- resets --- */

static void flr(struct rig *rig, uint16_t bdf)
{
	put(rig, bdf, EXPRESS + PCG_EXP_DEVCTL, 2, PCG_DEVCTL_FLR);
	fabric_work(rig->fabric);
}

static void test_flr_of_the_pf_takes_the_vfs(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, CONTROL, 2, ARI);
	put(rig, PF, PAGE, 4, 0x10);
	put(rig, PF, VF_BAR0 + 4, 4, 0x20);
	enable(rig, 2);
	flr(rig, PF);
	assert_int_equal(rig->pf->f.nvirtuals, 0);
	assert_int_equal(get(rig, PF, CONTROL, 2), ARI);
	assert_int_equal(get(rig, PF, NUM_VFS, 2), 0);
	assert_int_equal(get(rig, PF, PAGE, 4), 1);
	assert_int_equal(get(rig, PF, VF_BAR0, 4), 0xc);
	assert_int_equal(get(rig, PF, VF_BAR0 + 4, 4), 0);
	assert_false(answers(rig, PF + 1));
}

static void test_flr_of_a_vf_concerns_it_alone(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, 2);
	flr(rig, PF + 1);
	assert_int_equal(((struct function *)rig->pf->f.virtuals[0])->resets, 1);
	assert_int_equal(((struct function *)rig->pf->f.virtuals[1])->resets, 0);
	assert_int_equal(rig->pf->resets, 0);
	assert_true(answers(rig, PF + 2));
}

/* It takes ARI Capable Hierarchy, which an FLR leaves, and with it where VFs stand. */
static void test_hot_reset(void **state)
{
	struct rig *rig = *state;

	put(rig, PF, CONTROL, 2, ARI);
	put(rig, PF, PAGE, 4, 0x10);
	enable(rig, 2);
	put(rig, 0, 0x3e, 2, 0x40);
	put(rig, 0, 0x3e, 2, 0);
	assert_int_equal(rig->pf->f.nvirtuals, 0);
	assert_int_equal(get(rig, PF, CONTROL, 2), 0);
	assert_int_equal(get(rig, PF, OFFSET, 2), 256);
	put(rig, PF, VF_BAR0, 4, UINT32_MAX);
	assert_int_equal(get(rig, PF, VF_BAR0, 4), 0xffffe00c);
}

static void test_saved_and_restored(void **state)
{
	struct rig *rig = *state;
	struct firmware_saved saved;

	put(rig, PF, CONTROL, 2, ARI);
	put(rig, PF, PAGE, 4, 0x10);
	put(rig, PF, VF_BAR0 + 4, 4, 0x20);
	assert_int_equal(firmware_virtuals(&rig->pf->f, 2), 0);
	firmware_save(&rig->pf->f, &saved);
	flr(rig, PF);
	firmware_restore(&rig->pf->f, &saved);
	assert_int_equal(firmware_virtuals(&rig->pf->f, 2), 0);
	assert_int_equal(get(rig, PF, PAGE, 4), 0x10);
	assert_int_equal(get(rig, PF, VF_BAR0 + 4, 4), 0x20);
	assert_true(answers(rig, PF + 2));
}

static void test_counts_change_from_none(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(firmware_virtuals(&rig->pf->f, TOTAL + 1), -ERANGE);
	assert_int_equal(firmware_virtuals(&rig->pf->f, 2), 0);
	assert_int_equal(firmware_virtuals(&rig->pf->f, 3), -EBUSY);
	assert_int_equal(firmware_virtuals(&rig->pf->f, 0), 0);
	assert_int_equal(firmware_virtuals(&rig->pf->f, 3), 0);
	assert_int_equal(firmware_virtuals(rig->port, 1), -ENOTTY);
}

static void test_renewed_vf_is_another(void **state)
{
	struct rig *rig = *state;
	unsigned int made;

	put(rig, PF, CONTROL, 2, ARI);
	enable(rig, 2);
	made = rig->made;
	assert_int_equal(fabric_sriov_renew(&rig->pf->f, 1), 0);
	assert_int_equal(rig->made, made + 1);
	assert_int_equal(rig->ended, 1);
	assert_true(answers(rig, PF + 2));
	assert_int_equal(rig->pf->f.nvirtuals, 2);
	assert_int_equal(fabric_sriov_renew(&rig->pf->f, TOTAL), -ENOENT);
	rig->room = 0;
	assert_int_equal(fabric_sriov_renew(&rig->pf->f, 1), -ENOMEM);
	assert_true(answers(rig, PF + 2));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_power_on),
		TEST(test_vfs_appear_and_vanish),
		TEST(test_vf_that_is_held_stays_allocated),
		TEST(test_locked_while_enabled),
		TEST(test_without_ari_on_the_next_bus),
		TEST(test_more_than_a_bus),
		TEST(test_bus_that_no_port_has_is_out_of_reach),
		TEST(test_more_than_there_are),
		TEST(test_fewer_can_be_made),
		TEST(test_bar_is_sized_by_the_page),
		TEST(test_page_that_is_not_supported),
		TEST(test_each_vf_has_its_slice),
		TEST(test_memory_enable_is_for_all),
		TEST(test_flr_of_the_pf_takes_the_vfs),
		TEST(test_flr_of_a_vf_concerns_it_alone),
		TEST(test_hot_reset),
		TEST(test_saved_and_restored),
		TEST(test_counts_change_from_none),
		TEST(test_renewed_vf_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
