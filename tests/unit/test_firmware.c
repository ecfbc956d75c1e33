/* SPDX-License-Identifier: BSD-3-Clause */
/* What our firmware makes of fabrics: all of it read back as software would, by configuration and memory requests. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/sim/description.h"
#include "host/sim/endpoint.h"
#include "host/sim/firmware.h"

struct rig {
	struct description *description;
	struct fabric *fabric;
	struct endpoint_home home;
	int result;
};

static char noted[1024];

static void note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	snprintf(noted, sizeof(noted), "%s", n->text);
}

static const struct pcg_log hook = { .write = note };

static void begin(struct rig *rig, const char *text)
{
	memset(rig, 0, sizeof(*rig));
	noted[0] = '\0';
	if (description_parse(&rig->description, text, strlen(text), "FILE", &hook) != 0)
		fail_msg("%s", noted);
	assert_int_equal(fabric_create(&rig->fabric, NULL, NULL, &hook), 0);
	assert_int_equal(description_build(rig->description, rig->fabric, &rig->home, &hook), 0);
	rig->result = firmware_run(rig->fabric, rig->description, &hook);
}

static void end(struct rig *rig)
{
	fabric_destroy(rig->fabric);
	description_destroy(rig->description);
}

static uint32_t get(struct rig *rig, uint16_t bdf, unsigned int offset, unsigned int width)
{
	uint32_t value;

	fabric_config_read(rig->fabric, bdf, (uint16_t)(offset / 4), 15, &value);
	return value >> (8 * (offset & 3)) & (width == 4 ? UINT32_MAX : (1u << (8 * width)) - 1);
}

static struct fabric_function *named(struct rig *rig, const char *name)
{
	struct description_node *node = description_find(rig->description, name);

	assert_non_null(node);
	return node->f;
}

static uint16_t bdf_of(struct rig *rig, const char *name)
{
	return fabric_bdf(named(rig, name));
}

static uint32_t express(struct rig *rig, const char *name, unsigned int reg, unsigned int width)
{
	return get(rig, bdf_of(rig, name), named(rig, name)->model.express + reg, width);
}

static unsigned int payload(struct rig *rig, const char *name)
{
	return 128u << ((express(rig, name, PCG_EXP_DEVCTL, 2) & PCG_DEVCTL_MPS) >> 5);
}

/* --- buses --- */

static const char tree[] = "root-port rp1\n"
			   "switch sw below=rp1 ports=2\n"
			   "endpoint-test a below=sw.0\n"
			   "endpoint-test b below=sw.1\n"
			   "root-port rp2\n"
			   "endpoint-test c below=rp2\n";

static void test_buses_depth_first(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, tree);
	assert_int_equal(rig.result, 0);
	assert_int_equal(get(&rig, 0, 0x18, 4) & 0xffffff, 0x040100);
	assert_int_equal(bdf_of(&rig, "sw"), TLP_BDF(1, 0));
	assert_int_equal(bdf_of(&rig, "sw.1"), TLP_BDF(2, 1 << 3));
	assert_int_equal(bdf_of(&rig, "a"), TLP_BDF(3, 0));
	assert_int_equal(bdf_of(&rig, "b"), TLP_BDF(4, 0));
	assert_int_equal(bdf_of(&rig, "c"), TLP_BDF(5, 0));
	assert_int_equal(get(&rig, TLP_BDF(0, 1 << 3), 0x18, 4) & 0xffffff, 0x050500);
	assert_ptr_equal(fabric_find(rig.fabric, TLP_BDF(4, 0)), named(&rig, "b"));
	end(&rig);
}

static void test_nobody_is_lost(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, tree);
	for (struct fabric_function *f = fabric_each(rig.fabric, NULL); f != NULL; f = fabric_each(rig.fabric, f))
		assert_ptr_equal(fabric_find(rig.fabric, fabric_bdf(f)), f);
	end(&rig);
}

/* Enumerating is no error of anybody's. */
static void test_no_errors_are_left(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, tree);
	for (struct fabric_function *f = fabric_each(rig.fabric, NULL); f != NULL; f = fabric_each(rig.fabric, f)) {
		if ((get(&rig, fabric_bdf(f), f->model.express + PCG_EXP_DEVSTA, 2) & 0xf) != 0)
			fail_msg("%s has logged an error", f->name);
		if (f->at.aer != 0)
			assert_int_equal(get(&rig, fabric_bdf(f), f->at.aer + 4u, 4), 0);
	}
	end(&rig);
}

static void test_room_is_left_for_vfs(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, "root-port rp1\nendpoint-test pf below=rp1 vfs=256\n"
		    "root-port rp2 ari=off\nendpoint-test qf below=rp2 vfs=300 enabled=300\n"
		    "root-port rp3\nendpoint-test c below=rp3\n");
	assert_int_equal(rig.result, 0);
	assert_int_equal(get(&rig, 0, 0x18, 4) & 0xffffff, 0x020100);
	assert_int_equal(bdf_of(&rig, "qf"), TLP_BDF(3, 0));
	/* Without ARI they begin on the next bus, and 300 of them take two. */
	assert_int_equal(get(&rig, TLP_BDF(0, 1 << 3), 0x18, 4) & 0xffffff, 0x050300);
	assert_int_equal(bdf_of(&rig, "c"), TLP_BDF(6, 0));
	assert_int_equal(named(&rig, "qf")->nvirtuals, 300);
	assert_ptr_equal(fabric_find(rig.fabric, TLP_BDF(4, 0) + 299), named(&rig, "qf")->virtuals[299]);
	end(&rig);
}

static void test_buses_that_do_not_suffice(void **state)
{
	char text[8192], *at = text;
	struct rig rig;

	(void)state;
	/* Each function takes a bus for its link, and four for VFs that nobody has enabled. */
	for (unsigned int i = 0; i < 32; i++) {
		at += sprintf(at, "root-port p%u\nswitch s%u below=p%u ari=off\n", i, i, i);
		at += sprintf(at, "endpoint-test a%u below=s%u.0 vfs=1000 enabled=0\n", i, i);
		at += sprintf(at, "endpoint-test b%u below=s%u.1 vfs=1000 enabled=0\n", i, i);
	}
	begin(&rig, text);
	assert_int_equal(rig.result, -ENOSPC);
	assert_non_null(strstr(noted, "256"));
	end(&rig);
}

/* --- addresses --- */

static void check_bars(struct fabric_function *f)
{
	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++) {
		uint8_t byte = 0;

		if (f->bars[bar].size == 0 || f->bars[bar].kind == PCG_BAR_IO)
			continue;
		if (fabric_function_write(f, bar, f->bars[bar].size - 1, &byte, 1) != TLP_SUCCESS ||
		    fabric_function_read(f, bar, f->bars[bar].size - 1, &byte, 1) != TLP_SUCCESS)
			fail_msg("%s%s: BAR %u is out of reach", f->name, f->physical != NULL ? " VF" : "", bar);
	}
}

static void test_every_bar_is_reached(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, "root-port rp1\n"
		    "switch sw below=rp1 ports=3\n"
		    "endpoint-test a below=sw.0 bars=auto/64K/1G/4K:prefetch\n"
		    "endpoint-test b below=sw.1 bars=auto:mem64/1M:mem64:prefetch/32G:mem64\n"
		    "endpoint-test c below=sw.2 vfs=20\n"
		    "root-port rp2\n"
		    "endpoint-test d below=rp2 bars=auto/256M/16M/128M/1M/8M vfs=3\n");
	assert_int_equal(rig.result, 0);
	assert_string_equal(noted, "");
	for (struct fabric_function *f = fabric_each(rig.fabric, NULL); f != NULL; f = fabric_each(rig.fabric, f)) {
		if (f->below != NULL)
			continue;
		fabric_config_write(rig.fabric, fabric_bdf(f), 1, 3, PCG_COMMAND_MEMORY);
		check_bars(f);
	}
	end(&rig);
}

static void test_addresses_do_not_meet(void **state)
{
	struct rig rig;
	uint64_t from[64], to[64];
	unsigned int n = 0;

	(void)state;
	begin(&rig, tree);
	for (struct fabric_function *f = fabric_each(rig.fabric, NULL); f != NULL; f = fabric_each(rig.fabric, f)) {
		for (unsigned int bar = 0; f->below == NULL && bar < PCG_NUM_BARS; bar++) {
			if (f->bars[bar].size == 0 || f->bars[bar].kind != PCG_BAR_MEM32)
				continue;
			from[n] = get(&rig, fabric_bdf(f), PCG_BAR0 + 4 * bar, 4) & ~UINT32_C(15);
			to[n] = from[n] + f->bars[bar].size;
			assert_int_equal(from[n] % f->bars[bar].size, 0);
			assert_true(from[n] >= FIRMWARE_LOW_BASE && to[n] <= FIRMWARE_LOW_END);
			for (unsigned int i = 0; i < n; i++)
				assert_true(from[n] >= to[i] || to[n] <= from[i]);
			n++;
		}
	}
	assert_true(n > 10);
	end(&rig);
}

/* Whoever makes a resizable BAR larger need not move it: at each size all of it is reached where it stands. */
static void test_room_is_left_for_the_largest_size(void **state)
{
	static const uint32_t sizes[] = { 6, 0, 12, 2 };
	struct rig rig;

	(void)state;
	begin(&rig, "root-port rp1\n"
		    "endpoint-test a below=rp1 bars=auto/-/1M:mem64:prefetch/-/64K rebar=2:1M/4M/64M/4G\n"
		    "root-port rp2\n"
		    "endpoint-test b below=rp2 bars=auto/1M rebar=1:1M/4M/64M\n");
	assert_int_equal(rig.result, 0);
	assert_string_equal(noted, "");
	for (struct fabric_function *f = fabric_each(rig.fabric, NULL); f != NULL; f = fabric_each(rig.fabric, f)) {
		for (unsigned int i = 0; f->at.rebar != 0 && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint16_t at = (uint16_t)(f->at.rebar + 8), bdf = fabric_bdf(f);
			uint32_t now = get(&rig, bdf, at, 4);

			fabric_config_write(rig.fabric, bdf, at / 4, 15, (now & 0xffu) | sizes[i] << 8);
			fabric_config_write(rig.fabric, bdf, 1, 3, PCG_COMMAND_MEMORY);
			check_bars(f);
		}
	}
	end(&rig);
}

static void test_bar_without_room_is_said(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, "root-port rp\nendpoint-test a below=rp bars=auto/2G/2G\n");
	assert_int_equal(rig.result, 0);
	assert_non_null(strstr(noted, "01:00.0"));
	end(&rig);
}

/* --- settings --- */

static void test_payload_is_what_all_can_do(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, "root-port rp1 mps=512\nswitch sw below=rp1 mps=1024\n"
		    "endpoint-test a below=sw.0 mps=512\nendpoint-test b below=sw.1 mps=256\n"
		    "root-port rp2 mps=512\nendpoint-test c below=rp2 mps=512\n");
	assert_int_equal(payload(&rig, "rp1"), 256);
	assert_int_equal(payload(&rig, "sw"), 256);
	assert_int_equal(payload(&rig, "sw.0"), 256);
	assert_int_equal(payload(&rig, "a"), 256);
	assert_int_equal(payload(&rig, "c"), 512);
	end(&rig);
}

static void test_payload_as_described(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, "root-port rp payload=128\nendpoint-test a below=rp mps=512\n");
	assert_int_equal(payload(&rig, "rp"), 128);
	assert_int_equal(payload(&rig, "a"), 128);
	end(&rig);
	begin(&rig, "root-port rp payload=512\nendpoint-test a below=rp mps=256\n");
	assert_int_equal(payload(&rig, "a"), 256);
	assert_non_null(strstr(noted, "payload=512"));
	end(&rig);
}

static void test_ports_are_open(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, tree);
	assert_int_equal(get(&rig, bdf_of(&rig, "sw.0"), PCG_COMMAND, 2) & 0x106, 0x106);
	assert_int_equal(get(&rig, bdf_of(&rig, "a"), PCG_COMMAND, 2) & 7, 0);
	assert_int_equal(express(&rig, "a", PCG_EXP_DEVCTL, 2) & 0xf, 0xf);
	assert_int_equal(get(&rig, bdf_of(&rig, "rp1"), named(&rig, "rp1")->at.acs + 6u, 2) & 0x5d, 0x1d);
	end(&rig);
}

static void test_ari_where_both_have_it(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, "root-port rp1\nendpoint-test a below=rp1 vfs=4\n"
		    "root-port rp2 ari=off\nendpoint-test b below=rp2 vfs=4\n"
		    "root-port rp3\nendpoint-test c below=rp3\n");
	assert_int_equal(express(&rig, "rp1", PCG_EXP_DEVCTL2, 2) & 0x20, 0x20);
	assert_int_equal(express(&rig, "rp2", PCG_EXP_DEVCTL2, 2) & 0x20, 0);
	assert_int_equal(express(&rig, "rp3", PCG_EXP_DEVCTL2, 2) & 0x20, 0);
	assert_true(fabric_bdf(named(&rig, "a")->virtuals[3]) < TLP_BDF(2, 0));
	assert_int_equal(fabric_bdf(named(&rig, "b")->virtuals[0]) >> 8, bdf_of(&rig, "b") / 256 + 1);
	end(&rig);
}

static void test_vfs_as_many_as_said(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, "root-port rp1\nendpoint-test a below=rp1 vfs=8 enabled=3\n"
		    "root-port rp2\nendpoint-test b below=rp2 vfs=8 enabled=0\n");
	assert_int_equal(named(&rig, "a")->nvirtuals, 3);
	assert_int_equal(named(&rig, "b")->nvirtuals, 0);
	end(&rig);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buses_depth_first),
		cmocka_unit_test(test_nobody_is_lost),
		cmocka_unit_test(test_no_errors_are_left),
		cmocka_unit_test(test_room_is_left_for_vfs),
		cmocka_unit_test(test_buses_that_do_not_suffice),
		cmocka_unit_test(test_every_bar_is_reached),
		cmocka_unit_test(test_addresses_do_not_meet),
		cmocka_unit_test(test_room_is_left_for_the_largest_size),
		cmocka_unit_test(test_bar_without_room_is_said),
		cmocka_unit_test(test_payload_is_what_all_can_do),
		cmocka_unit_test(test_payload_as_described),
		cmocka_unit_test(test_ports_are_open),
		cmocka_unit_test(test_ari_where_both_have_it),
		cmocka_unit_test(test_vfs_as_many_as_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
