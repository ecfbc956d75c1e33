/* SPDX-License-Identifier: BSD-3-Clause */
/* Where requests of the root complex lead: configuration by bus numbers, memory by windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fabric_room.h"

static uint32_t id_at(struct room *room, uint16_t bdf)
{
	uint32_t value = 0;

	fabric_config_read(room->fabric, bdf, 0, 0xf, &value);
	return value;
}

/* PCIe 6.0, 7.3.2 and 7.5.1.3: type 1 requests go where secondary and subordinate bus numbers say. */
static void test_config_by_bus(void **state)
{
	struct room *room = *state;

	assert_int_equal(id_at(room, 0x0008), 0x0f541912);
	assert_int_equal(id_at(room, 0x0100), 0x0f551912);
	assert_int_equal(id_at(room, 0x0208), 0x0f561912);
	assert_int_equal(id_at(room, 0x0300), 0x00011912);
	assert_ptr_equal(fabric_find(room->fabric, 0x0400), &room->b->f);
	assert_ptr_equal(fabric_find(room->fabric, 0x0500), &room->c->f);
}

/* PCIe 6.0, 2.3.2: nobody there is an Unsupported Request, and software reads all ones. */
static void test_config_to_nobody(void **state)
{
	static const uint16_t nobody[] = { 0x0000, 0x0020, 0x0301, 0x0600, 0xff00, 0x0210 };
	struct room *room = *state;
	uint32_t value;

	for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		value = 0;
		assert_int_equal(fabric_config_read(room->fabric, nobody[i], 0, 0xf, &value), TLP_UNSUPPORTED);
		assert_int_equal(value, UINT32_MAX);
	}
	assert_int_equal(fabric_config_read(room->fabric, 0x0300, 1024, 0xf, &value), TLP_UNSUPPORTED);
}

/* PCIe 6.0, 2.2.6.2: a function's bus number is that of the last configuration write to it. */
static void test_captured_bus(void **state)
{
	struct room *room = *state;

	assert_int_equal(fabric_bdf(&room->a->f), 0x0300);
	room_put(room, room->dp0, 0x18, 4, 0x00070702);
	room_put(room, room->up, 0x18, 4, 0x00070201);
	room_put(room, room->rp1, 0x18, 4, 0x00070100);
	/* A read teaches it nothing. */
	assert_int_equal(id_at(room, 0x0700), 0x00011912);
	assert_int_equal(fabric_bdf(&room->a->f), 0x0300);
	assert_int_equal(fabric_config_write(room->fabric, 0x0700, PCG_INT_LINE / 4, 1, 5), TLP_SUCCESS);
	assert_int_equal(fabric_bdf(&room->a->f), 0x0700);
}

/* PCIe 6.0, 7.3.1 and 6.13: device numbers other than 0 are behind a link only with ARI Forwarding. */
static void test_device_zero(void **state)
{
	struct room *room = *state;

	assert_int_equal(fabric_config_read(room->fabric, 0x0508, 0, 0xf, &(uint32_t){ 0 }), TLP_UNSUPPORTED);
	room->c->f.devfn = 9;
	assert_int_equal(id_at(room, 0x0509), UINT32_MAX);
	room_put(room, room->rp2, PORT_EXP + PCG_EXP_DEVCTL2, 2, 0x20);
	assert_int_equal(id_at(room, 0x0509), 0x00011912);
}

/* PCIe 6.0, 7.5.3.16: where Device Capabilities 2 do not offer it, ARI Forwarding cannot be turned on. */
static void test_no_ari(void **state)
{
	struct room *room = *state;

	room_put(room, room->rp2, PORT_EXP + PCG_EXP_DEVCTL2, 2, 0x20);
	assert_int_equal(room_get(room, room->rp2, PORT_EXP + PCG_EXP_DEVCTL2, 2) & 0x20, 0);
}

/* Byte enables (PCIe 6.0, 2.2.5): bytes that are not enabled keep their value. */
static void test_byte_enables(void **state)
{
	struct room *room = *state;

	room_put(room, &room->a->f, PCG_INT_LINE, 4, 0x11);
	assert_int_equal(fabric_config_write(room->fabric, 0x0300, PCG_INT_LINE / 4, 0xe, 0x22222222), TLP_SUCCESS);
	assert_int_equal(room_get(room, &room->a->f, PCG_INT_LINE, 1), 0x11);
}

/* PCIe 6.0, 7.5.1.3.8: memory windows, and BARs behind them. */
static void test_memory_by_windows(void **state)
{
	struct room *room = *state;
	uint32_t value = 0x12345678, back = 0;

	assert_int_equal(fabric_write(room->fabric, B_BASE + 0x100, &value, 4), TLP_SUCCESS);
	assert_memory_equal(room->b->memory + 0x100, &value, 4);
	assert_int_equal(fabric_read(room->fabric, B_BASE + 0x100, &back, 4), TLP_SUCCESS);
	assert_int_equal(back, value);
}

/* PCIe 6.0, 2.3.1: a read that nobody claims is all ones for the processor. */
static void test_memory_to_nobody(void **state)
{
	struct room *room = *state;
	uint32_t value = 0;

	assert_int_equal(fabric_read(room->fabric, 0x80000000, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(value, UINT32_MAX);
	value = 0;
	/* Inside the window, outside the BAR: the device says so. */
	assert_int_equal(fabric_read(room->fabric, A_BASE + LEAF_SIZE, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->reporter, 0x0300);
}

/* PCIe 6.0, 7.5.1.1.3: Memory Space Enable of the function, and of each port on the way. */
static void test_memory_enable(void **state)
{
	struct room *room = *state;
	const struct fabric_function *on_the_way[] = { &room->a->f, room->dp0, room->up, room->rp1 };
	uint32_t value;

	for (size_t i = 0; i < 4; i++) {
		room_put(room, on_the_way[i], PCG_COMMAND, 2, PCG_COMMAND_MASTER);
		assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_UNSUPPORTED);
		room_put(room, on_the_way[i], PCG_COMMAND, 2, PCG_COMMAND_MASTER | PCG_COMMAND_MEMORY);
		assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_SUCCESS);
	}
}

/* PCIe 6.0, 7.5.1.3.9 and 7.5.1.3.10: the prefetchable window reaches above 4 GiB; the BAR here does not. */
static void test_prefetchable_window(void **state)
{
	struct room *room = *state;
	uint32_t value;

	room_put(room, room->rp1, 0x20, 4, 0x0000fff0);
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_UNSUPPORTED);
	room_put(room, room->rp1, 0x24, 4, 0xc010c000);
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_SUCCESS);
	room_put(room, room->rp1, 0x28, 4, 1);
	room_put(room, room->rp1, 0x2c, 4, 1);
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_UNSUPPORTED);
	/* 64-bit: bits 3:0 are read-only. */
	assert_int_equal(room_get(room, room->rp1, 0x24, 4), 0xc011c001);
}

/* PCIe 6.0, 5.3.1.4.1: in D3hot only configuration requests are taken, by functions and through ports. */
static void test_d3hot(void **state)
{
	struct room *room = *state;
	uint32_t value;

	room_put(room, &room->a->f, LEAF_PM + PCG_PM_CSR, 1, PCG_D3HOT);
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(id_at(room, 0x0300), 0x00011912);
	room_put(room, room->dp1, PORT_PM + PCG_PM_CSR, 1, PCG_D3HOT);
	assert_int_equal(fabric_read(room->fabric, B_BASE, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(id_at(room, 0x0400), UINT32_MAX);
	assert_int_equal(id_at(room, 0x0208), 0x0f561912);
}

/* PCIe 6.0, 2.2.6.2 does not bound what software writes: numbers that loop or overlap end all the same. */
static void test_hostile_bus_numbers(void **state)
{
	struct room *room = *state;

	room_put(room, room->dp0, 0x18, 4, 0x00ff0101);
	room_put(room, room->up, 0x18, 4, 0x00ff0101);
	room_put(room, room->rp1, 0x18, 4, 0x00ff0100);
	for (unsigned int bdf = 0; bdf < 0x10000; bdf += 8)
		id_at(room, (uint16_t)bdf);
	room_put(room, room->rp1, 0x18, 4, 0x00000100);
	assert_int_equal(id_at(room, 0x0100), UINT32_MAX);
	room_put(room, room->rp1, 0x18, 4, 0);
	assert_int_equal(id_at(room, 0x0008), 0x0f541912);
}

/* Windows that overlap: the first port takes it, and what is behind it answers or not. */
static void test_hostile_windows(void **state)
{
	struct room *room = *state;
	uint32_t value;

	room_put(room, room->rp1, 0x20, 4, 0xfff00000);
	room_put(room, room->rp2, 0x20, 4, 0xfff00000);
	assert_int_equal(fabric_read(room->fabric, C_BASE, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(fabric_read(room->fabric, UINT64_MAX - 1, &value, 4), TLP_UNSUPPORTED);
}

/* PCIe 6.0, 2.9.1: with the link down, the port answers for what was behind it. */
static void test_link_down(void **state)
{
	struct room *room = *state;
	uint32_t value;

	room->dp0->below->up = false;
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->reporter, 0x0200);
	assert_int_equal(id_at(room, 0x0300), UINT32_MAX);
}

/* A BAR by its number: the same way, the same refusals. */
static void test_function_access(void **state)
{
	struct room *room = *state;
	struct fabric_function *a = &room->a->f;
	uint32_t value = 77, back = 0;

	assert_int_equal(fabric_function_write(a, 0, 8, &value, 4), TLP_SUCCESS);
	assert_int_equal(fabric_function_read(a, 0, 8, &back, 4), TLP_SUCCESS);
	assert_int_equal(back, 77);
	assert_int_equal(fabric_function_read(a, 0, LEAF_SIZE - 2, &back, 4), TLP_UNSUPPORTED);
	assert_int_equal(fabric_function_read(a, 1, 0, &back, 4), TLP_UNSUPPORTED);
	assert_int_equal(fabric_function_read(a, 17, 0, &back, 4), TLP_UNSUPPORTED);
	room_put(room, room->dp0, 0x20, 4, 0x0000fff0);
	assert_int_equal(fabric_function_read(a, 0, 8, &back, 4), TLP_UNSUPPORTED);
	assert_int_equal(back, UINT32_MAX);
}

/* A BAR that was moved into what other ports take is asked for where it was, and nobody else hears of it. */
static void test_bar_moved_to_a_neighbour(void **state)
{
	static const uint32_t there[] = { B_BASE + 0x80000, B_BASE, C_BASE + 0x80000 };
	struct room *room = *state;
	uint32_t value = 77;

	room_loud(room);
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		room->nerrors = 0;
		room_put(room, &room->a->f, PCG_BAR0, 4, there[i]);
		assert_int_equal(fabric_function_write(&room->a->f, 0, 8, &value, 4), TLP_UNSUPPORTED);
		for (unsigned int n = 0; n < room->nerrors; n++)
			assert_int_equal(room->errors[n].reporter, 0x0300);
		assert_int_equal(room->b->writes + room->c->writes, 0);
	}
	room_put(room, &room->a->f, PCG_BAR0, 4, A_BASE + 0x80000);
	assert_int_equal(fabric_function_write(&room->a->f, 0, 8, &value, 4), TLP_SUCCESS);
}

/* PCIe 6.0, 6.6.2: after a reset that nobody was told of the BAR is not where software has put it. */
static void test_backdoor_reset_moves_bar(void **state)
{
	struct room *room = *state;
	uint32_t value;

	fabric_flr(&room->a->f, FABRIC_RESET_BACKDOOR);
	room_put(room, &room->a->f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(fabric_function_read(&room->a->f, 0, 0, &value, 4), TLP_UNSUPPORTED);
	room_put(room, &room->a->f, PCG_BAR0, 4, A_BASE);
	assert_int_equal(fabric_function_read(&room->a->f, 0, 0, &value, 4), TLP_SUCCESS);
}

/* PCIe 6.0, 2.2.2: the root port's Max_Payload_Size cuts writes; a receiver with a smaller one finds them malformed. */
static void test_write_payload(void **state)
{
	struct room *room = *state;
	uint8_t data[256] = { 1 };

	room_put(room, room->rp1, PORT_EXP + PCG_EXP_DEVCTL, 2, 0x2830);
	assert_int_equal(fabric_write(room->fabric, A_BASE, data, 256), TLP_LOST);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->reporter, 0x0100);
	assert_int_equal(fabric_write(room->fabric, A_BASE, data, 128), TLP_SUCCESS);
	assert_int_equal(room->a->writes, 1);
}

/* PCIe 6.0, 2.2.2 and 2.8: a completion that is too long for a port above is lost, and the root port waits in vain. */
static void test_read_payload(void **state)
{
	struct room *room = *state;
	uint8_t data[256] = { 0 };

	room_put(room, &room->a->f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x2830);
	assert_int_equal(fabric_read(room->fabric, A_BASE, data, 256), TLP_LOST);
	assert_int_equal(data[0], 0xff);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->reporter, 0x0200);
	assert_int_equal(room_report(room, FABRIC_COMPLETION_TIMEOUT)->reporter, 0x0008);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_config_by_bus, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_config_to_nobody, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_captured_bus, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_device_zero, room_setup_full, room_teardown),
		cmocka_unit_test_setup_teardown(test_no_ari, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_byte_enables, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_memory_by_windows, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_memory_to_nobody, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_memory_enable, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_prefetchable_window, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_d3hot, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_hostile_bus_numbers, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_hostile_windows, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_link_down, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_function_access, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_bar_moved_to_a_neighbour, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_backdoor_reset_moves_bar, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_write_payload, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(test_read_payload, room_setup, room_teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
