/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets, removal and insertion, power, faults, time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fabric_room.h"

static enum tlp_status probe(struct room *room, const struct leaf *leaf)
{
	uint32_t value;

	return fabric_config_read(room->fabric, fabric_bdf(&leaf->f), 0, 0xf, &value);
}

/* PCIe 6.0, 6.6.2: what an FLR changes and what it leaves alone. */
static void test_flr(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;

	room_put(room, f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x5830);
	room_put(room, f, LEAF_AER + 0x08, 4, 1u << 20);
	room_put(room, f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x5830 | PCG_DEVCTL_FLR);
	assert_int_equal(room->a->resets, 1);
	assert_int_equal(room->a->last, FABRIC_RESET_FLR);
	assert_int_equal(room_get(room, f, PCG_COMMAND, 2), 0);
	assert_int_equal(room_get(room, f, PCG_BAR0, 4), 0);
	/* the payload size stays, the request size goes; sticky masks stay; so does the bus number */
	assert_int_equal(room_get(room, f, LEAF_EXP + PCG_EXP_DEVCTL, 2), 0x2830);
	assert_int_equal(room_get(room, f, LEAF_AER + 0x08, 4), 1u << 20);
	assert_int_equal(fabric_bdf(f), 0x0300);
	assert_int_equal(room->b->resets, 0);
}

/* PCIe 6.0, 6.6.2: while it goes on, configuration requests are retried, memory is not there, nothing is asked for. */
static void test_flr_takes_time(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;
	uint8_t data[4];
	uint32_t value = 0;

	f->faults.flr_ms = 30;
	room_put(room, f, LEAF_EXP + PCG_EXP_DEVCTL, 2, PCG_DEVCTL_FLR);
	assert_int_equal(fabric_config_read(room->fabric, 0x0300, 0, 0xf, &value), TLP_RETRY);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(room_dma(room->a, true, 0, data, 4, NULL), -EIO);
	assert_false(fabric_alive(f));
	assert_in_range(fabric_work(room->fabric), 1, 30);
	f->flr_end = 1;
	assert_int_equal(fabric_work(room->fabric), -1);
	assert_true(fabric_alive(f));
	assert_int_equal(room->a->alives, 1);
	assert_int_equal(probe(room, room->a), TLP_SUCCESS);
}

/* Each ends in its time, whichever began first, and so does the next one after all of them are over. */
static void test_flr_of_several(void **state)
{
	struct room *room = *state;
	struct fabric_function *a = &room->a->f, *b = &room->b->f;

	a->faults.flr_ms = 60000;
	b->faults.flr_ms = 30000;
	fabric_flr(a, FABRIC_RESET_FLR);
	fabric_flr(b, FABRIC_RESET_FLR);
	assert_in_range(fabric_work(room->fabric), 20000, 30000);
	b->flr_end = 1;
	assert_in_range(fabric_work(room->fabric), 50000, 60000);
	assert_true(fabric_alive(b));
	assert_false(fabric_alive(a));
	a->flr_end = 1;
	assert_int_equal(fabric_work(room->fabric), -1);
	assert_true(fabric_alive(a));
	fabric_flr(b, FABRIC_RESET_FLR);
	assert_in_range(fabric_work(room->fabric), 20000, 30000);
	b->flr_end = 1;
	assert_int_equal(fabric_work(room->fabric), -1);
	assert_true(fabric_alive(b));
}

/* One that never ends, until the fault is taken back. */
static void test_flr_never(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;

	f->faults.flr_never = true;
	fabric_flr(f, FABRIC_RESET_FLR);
	assert_int_equal(fabric_work(room->fabric), -1);
	assert_int_equal(probe(room, room->a), TLP_RETRY);
	assert_int_equal(probe(room, room->b), TLP_SUCCESS);
	fabric_faults_clear(f);
	fabric_work(room->fabric);
	assert_int_equal(probe(room, room->a), TLP_SUCCESS);
}

/* PCIe 6.0, 6.6.1 and 7.5.1.3.13: Secondary Bus Reset takes the link down and resets all below; sticky bits stay. */
static void test_secondary_bus_reset(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;

	room_put(room, f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x2830);
	room_put(room, f, LEAF_AER + 0x08, 4, 1u << 20);
	room_put(room, room->dp0, 0x3e, 2, 0x40);
	assert_int_equal(room->a->last, FABRIC_RESET_HOT);
	assert_int_equal(room->b->resets, 0);
	assert_int_equal(probe(room, room->a), TLP_UNSUPPORTED);
	assert_int_equal(room_get(room, room->dp0, PORT_EXP + 0x12, 2) & 0x2000, 0);
	room_put(room, room->dp0, 0x3e, 2, 0);
	assert_int_equal(room_get(room, room->dp0, PORT_EXP + 0x12, 2) & 0x2000, 0x2000);
	/* told of the way down and of the way up */
	assert_int_equal(room->a->alives, 2);
	/* Its bus number is forgotten until the next write (2.2.6.2). */
	assert_int_equal(fabric_bdf(f), 0);
	assert_int_equal(fabric_config_write(room->fabric, 0x0300, PCG_INT_LINE / 4, 1, 0), TLP_SUCCESS);
	assert_int_equal(room_get(room, f, LEAF_EXP + PCG_EXP_DEVCTL, 2), 0x2810);
	assert_int_equal(room_get(room, f, LEAF_AER + 0x08, 4), 1u << 20);
	assert_null(room_report(room, FABRIC_SURPRISE_DOWN));
}

/* Of a whole switch: its ports lose their bus numbers, too. */
static void test_reset_of_switch(void **state)
{
	struct room *room = *state;

	room_put(room, room->rp1, 0x3e, 2, 0x40);
	room_put(room, room->rp1, 0x3e, 2, 0);
	assert_int_equal(room->a->resets, 1);
	assert_int_equal(room->b->resets, 1);
	assert_int_equal(room->c->resets, 0);
	assert_int_equal(fabric_config_write(room->fabric, 0x0100, PCG_INT_LINE / 4, 1, 0), TLP_SUCCESS);
	assert_int_equal(room_get(room, room->up, 0x18, 4), 0);
	assert_int_equal(room_get(room, room->up, 0x20, 4), 0x0000fff0);
	room_enumerate(room);
	assert_int_equal(probe(room, room->a), TLP_SUCCESS);
}

/* PCIe 6.0, 7.5.3.7: Link Disable. */
static void test_link_disable(void **state)
{
	struct room *room = *state;

	room_put(room, room->rp2, PORT_EXP + 0x10, 2, 0x10);
	assert_int_equal(probe(room, room->c), TLP_UNSUPPORTED);
	assert_int_equal(room->c->last, FABRIC_RESET_HOT);
	assert_null(room_report(room, FABRIC_SURPRISE_DOWN));
	room_put(room, room->rp2, PORT_EXP + 0x10, 2, 0);
	assert_int_equal(fabric_config_read(room->fabric, 0x0500, 0, 0xf, &(uint32_t){ 0 }), TLP_SUCCESS);
}

/* PCIe 6.0, 3.2.1: a link that goes down by itself is Surprise Down, where the slot does not expect it. */
static void test_surprise_down(void **state)
{
	struct room *room = *state;

	room_loud(room);
	assert_int_equal(fabric_remove(&room->c->f), 0);
	assert_int_equal(room_report(room, FABRIC_SURPRISE_DOWN)->reporter, 0x0010);
	assert_int_equal(room_report(room, FABRIC_SURPRISE_DOWN)->message, TLP_ERR_FATAL);
	assert_false(fabric_alive(&room->c->f));
	assert_int_equal(room->c->alives, 1);
	assert_int_equal(fabric_remove(&room->c->f), -EALREADY);
}

/* PCIe 6.0, 6.7.3.3 and 6.7.3.4: a slot that does tells of presence and link, once, by its interrupt. */
static void test_hot_plug(void **state)
{
	struct room *room = *state;

	room_loud(room);
	room_put(room, room->rp2, PORT_EXP + 0x18, 2, 0x1028);
	assert_int_equal(fabric_remove(&room->c->f), 0);
	assert_null(room_report(room, FABRIC_SURPRISE_DOWN));
	assert_int_equal(room_get(room, room->rp2, PORT_EXP + 0x1a, 2), 0x0108);
	assert_int_equal(room->msis, 1);
	assert_int_equal(room->msi_address, 0xfee01000);
	room_put(room, room->rp2, PORT_EXP + 0x1a, 2, 0x0108);
	assert_int_equal(fabric_insert(&room->c->f), 0);
	assert_int_equal(room_get(room, room->rp2, PORT_EXP + 0x1a, 2), 0x0148);
	assert_int_equal(room->msis, 2);
	assert_int_equal(fabric_insert(&room->c->f), -EALREADY);
	/* It comes back as at power-on. */
	assert_int_equal(fabric_config_write(room->fabric, 0x0500, PCG_INT_LINE / 4, 1, 0), TLP_SUCCESS);
	assert_int_equal(room_get(room, &room->c->f, PCG_COMMAND, 2), 0);
	assert_int_equal(room_get(room, &room->c->f, LEAF_AER + 0x14, 4), 0x2000);
}

/* What is pulled out is a card: a switch goes with all that is behind it. */
static void test_remove_switch(void **state)
{
	struct room *room = *state;

	assert_int_equal(fabric_remove(room->dp1), 0);
	assert_false(fabric_alive(&room->a->f));
	assert_false(fabric_alive(&room->b->f));
	assert_true(fabric_alive(&room->c->f));
	assert_int_equal(fabric_insert(room->dp1), 0);
	room_enumerate(room);
	assert_int_equal(probe(room, room->b), TLP_SUCCESS);
	assert_int_equal(fabric_remove(room->rp1), -ENOTSUP);
}

/* PCIe 6.0, 7.5.2.2: D3hot to D0 without No_Soft_Reset is an internal reset. */
static void test_soft_reset(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;

	room_put(room, f, LEAF_PM + PCG_PM_CSR, 1, PCG_D3HOT);
	assert_int_equal(room_get(room, f, PCG_BAR0, 4), A_BASE);
	room_put(room, f, LEAF_PM + PCG_PM_CSR, 1, PCG_D0);
	assert_int_equal(room_get(room, f, PCG_BAR0, 4), 0);
	assert_int_equal(room->a->resets, 1);
}

/* A power state that does not change. */
static void test_stuck_power(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;

	f->faults.stuck_power = true;
	room_put(room, f, LEAF_PM + PCG_PM_CSR, 1, PCG_D3HOT);
	assert_int_equal(room_get(room, f, LEAF_PM + PCG_PM_CSR, 1) & 3, PCG_D0);
	fabric_faults_clear(f);
	room_put(room, f, LEAF_PM + PCG_PM_CSR, 1, PCG_D3HOT);
	f->faults.stuck_power = true;
	room_put(room, f, LEAF_PM + PCG_PM_CSR, 1, PCG_D0);
	assert_int_equal(room_get(room, f, LEAF_PM + PCG_PM_CSR, 1) & 3, PCG_D3HOT);
	assert_int_equal(room_get(room, f, PCG_BAR0, 4), A_BASE);
}

/* Configuration space that turned all ones: reads succeed with them, writes do nothing. */
static void test_config_ones(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;
	uint32_t value = 0;

	f->faults.config_ones = true;
	assert_int_equal(fabric_config_read(room->fabric, 0x0300, 1, 0xf, &value), TLP_SUCCESS);
	assert_int_equal(value, UINT32_MAX);
	room_put(room, f, PCG_COMMAND, 2, 0);
	f->faults.config_ones = false;
	assert_int_equal(room_get(room, f, PCG_COMMAND, 2), PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
}

/* A port that sleeps or resets others does not reset itself, and D3hot keeps its registers (No_Soft_Reset). */
static void test_port_power(void **state)
{
	struct room *room = *state;

	room_put(room, room->dp0, PORT_PM + PCG_PM_CSR, 1, PCG_D3HOT);
	room_put(room, room->dp0, PORT_PM + PCG_PM_CSR, 1, PCG_D0);
	assert_int_equal(room_get(room, room->dp0, 0x18, 4), 0x00030302);
	assert_int_equal(probe(room, room->a), TLP_SUCCESS);
}

/* A function leaves the fabric for good: its port has nothing below any more. */
static void test_destroy(void **state)
{
	struct room *room = *state;
	struct fabric_function *f;
	unsigned int n = 0;

	fabric_function_destroy(&room->c->f);
	assert_int_equal(room->destroyed, 1);
	assert_int_equal(room_get(room, room->rp2, PORT_EXP + 0x12, 2) & 0x2000, 0);
	for (f = fabric_each(room->fabric, NULL); f != NULL; f = fabric_each(room->fabric, f))
		n++;
	assert_int_equal(n, 7);
	assert_null(fabric_find_name(room->fabric, "c"));
	assert_ptr_equal(fabric_find_name(room->fabric, "b"), &room->b->f);
}

/* Guests write every register as they like: nothing of it may hang, recurse without end or leave the fabric. */
static void test_storm(void **state)
{
	struct room *room = *state;
	static uint8_t data[9000];
	struct leaf *leaves[] = { room->a, room->b, room->c };
	uint64_t seed = 0x9e3779b97f4a7c15;
	uint32_t value;

	for (unsigned int i = 0; i < 60000; i++) {
		struct fabric_function *f = NULL;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		for (unsigned int n = 0; n <= seed % 8; n++)
			f = fabric_each(room->fabric, f);
		assert_non_null(f);
		room->nerrors = 0;
		fabric_config_write(room->fabric, (uint16_t)(seed >> 40), (uint16_t)(seed >> 20 & 0x5f),
				    (uint8_t)(seed >> 16 & 0xf), (uint32_t)(seed >> 8));
		model_write(&f->model, (uint16_t)(seed >> 24 & 0x5f), (uint8_t)(seed >> 60), (uint32_t)seed);
		if (i % 64 == 0)
			room_dma(leaves[i / 64 % 3], seed & 1, seed >> (seed & 63), data, seed % sizeof(data), NULL);
		fabric_read(room->fabric, seed >> 32, &value, 4);
		fabric_function_read(&leaves[i % 3]->f, 0, 0, &value, 4);
		fabric_error(f, FABRIC_MALFORMED, NULL);
	}
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, room_setup, room_teardown)
#define FULL(test)  cmocka_unit_test_setup_teardown(test, room_setup_full, room_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_flr),           PLAIN(test_flr_takes_time),      PLAIN(test_flr_of_several),
		PLAIN(test_flr_never),     PLAIN(test_secondary_bus_reset), PLAIN(test_reset_of_switch),
		PLAIN(test_link_disable),  PLAIN(test_surprise_down),       FULL(test_hot_plug),
		PLAIN(test_remove_switch), PLAIN(test_soft_reset),          PLAIN(test_stuck_power),
		PLAIN(test_config_ones),   PLAIN(test_port_power),          PLAIN(test_destroy),
		FULL(test_storm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
