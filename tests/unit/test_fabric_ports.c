/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports: their registers as software finds them, links, slots, interrupts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fabric_room.h"

/* PCIe 6.0, 7.5.1.1.9, 7.5.1.1.6 and 7.5.3.2: what kind of bridge it is. */
static void test_kinds(void **state)
{
	struct room *room = *state;
	const struct fabric_function *ports[] = { room->rp1, room->up, room->dp0 };

	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(room_get(room, ports[i], PCG_HEADER_TYPE, 1), 1);
		assert_int_equal(room_get(room, ports[i], 0x08, 4) >> 8, 0x060400);
		assert_int_equal(room_get(room, ports[i], PORT_EXP + PCG_EXP_FLAGS, 2) & 0xff, 0x02 | (4 + i) << 4);
	}
}

/* PCIe 6.0, 7.5.1.3: which bits of the header can be written. No I/O window: those read 0 (7.5.1.3.6). */
static void test_header_bits(void **state)
{
	static const struct {
		uint16_t offset;
		uint32_t all;
	} rows[] = {
		{ 0x10, 0 },          { 0x14, 0 },          { 0x18, 0x00ffffff },
		{ 0x20, 0xfff0fff0 }, { 0x24, 0xfff1fff1 }, { 0x28, 0xffffffff },
		{ 0x2c, 0xffffffff }, { 0x30, 0 },          { 0x38, 0 },
	};
	struct room *room = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		room_put(room, room->rp2, rows[i].offset, 4, UINT32_MAX);
		assert_int_equal(room_get(room, room->rp2, rows[i].offset, 4), rows[i].all);
	}
	room_put(room, room->rp2, 0x1c, 2, 0xffff);
	assert_int_equal(room_get(room, room->rp2, 0x1c, 2), 0);
}

/* PCIe 6.0, 7.5.1.3.7: the Secondary Status clears by ones. */
static void test_secondary_status(void **state)
{
	struct room *room = *state;

	model_set(&room->rp1->model, 0x1e, 2, 0x4000, 0x4000);
	room_put(room, room->rp1, 0x1e, 2, 0);
	assert_int_equal(room_get(room, room->rp1, 0x1e, 2), 0x4000);
	room_put(room, room->rp1, 0x1e, 2, 0x4000);
	assert_int_equal(room_get(room, room->rp1, 0x1e, 2), 0);
}

/* PCIe 6.0, 7.5.3.6 and 7.5.3.8: both ends of a link say the same of it; the port says that it is active. */
static void test_link_registers(void **state)
{
	struct room *room = *state;
	uint32_t above = room_get(room, room->dp0, PORT_EXP + 0x12, 2);

	assert_int_equal(above & 0x2000, 0x2000);
	assert_int_equal(above & 0x03ff, room_get(room, &room->a->f, LEAF_EXP + 0x12, 2) & 0x03ff);
	assert_int_equal(room_get(room, room->rp1, PORT_EXP + 0x12, 2) & 0x03ff,
			 room_get(room, room->up, PORT_EXP + 0x12, 2) & 0x03ff);
	assert_int_equal(room_get(room, room->rp1, PORT_EXP + 0x0c, 4) & 0x00100000, 0x00100000);
	assert_int_equal(room_get(room, room->up, PORT_EXP + 0x0c, 4) & 0x00100000, 0);
}

/* PCIe 6.0, 7.5.3.9 and 7.5.3.11: a slot that functions can be pulled from, and something in it. */
static void test_slot(void **state)
{
	struct room *room = *state;

	assert_int_equal(room_get(room, room->rp2, PORT_EXP + PCG_EXP_FLAGS, 2) & 0x100, 0x100);
	assert_int_equal(room_get(room, room->rp2, PORT_EXP + 0x14, 4), 0x000c0060);
	assert_int_equal(room_get(room, room->rp2, PORT_EXP + 0x1a, 2), 0x40);
	room_put(room, room->rp2, PORT_EXP + 0x18, 2, 0xffff);
	assert_int_equal(room_get(room, room->rp2, PORT_EXP + 0x18, 2), 0x1028);
	/* upstream ports have none */
	assert_int_equal(room_get(room, room->up, PORT_EXP + PCG_EXP_FLAGS, 2) & 0x100, 0);
}

/* PCIe 6.0, 7.5.3.10 and 7.5.3.11: nothing to control; presence is wired to 1. */
static void test_no_slot(void **state)
{
	struct room *room = *state;

	room_put(room, room->rp2, PORT_EXP + 0x18, 2, 0xffff);
	assert_int_equal(room_get(room, room->rp2, PORT_EXP + 0x18, 4), 0x00400000);
}

/* PCIe 6.0, 7.5.3.12 and 7.8.4.9: root registers are root ports' alone. */
static void test_root_registers(void **state)
{
	struct room *room = *state;

	room_put(room, room->rp1, PORT_AER + 0x2c, 4, UINT32_MAX);
	assert_int_equal(room_get(room, room->rp1, PORT_AER + 0x2c, 4), 7);
	room_put(room, room->dp0, PORT_AER + 0x2c, 4, UINT32_MAX);
	assert_int_equal(room_get(room, room->dp0, PORT_AER + 0x2c, 4), 0);
	room_put(room, room->rp1, PORT_EXP + 0x1c, 2, 0xffff);
	assert_int_equal(room_get(room, room->rp1, PORT_EXP + 0x1c, 2), 0x000f);
	room_put(room, room->dp0, PORT_EXP + 0x1c, 2, 0xffff);
	assert_int_equal(room_get(room, room->dp0, PORT_EXP + 0x1c, 2), 0);
}

/* PCIe 6.0, 7.7.11: ACS, where asked for. */
static void test_acs(void **state)
{
	struct room *room = *state;

	assert_int_equal(room_get(room, room->dp0, PORT_ACS, 2), PCG_ECAP_ACS);
	room_put(room, room->dp0, PORT_ACS + 6, 2, 0xffff);
	assert_int_equal(room_get(room, room->dp0, PORT_ACS + 6, 2), 0x005f);
	assert_int_equal(room->up->at.acs, 0);
}

/* Each kind has its place; the root port of a bus is not a switch's. */
static void test_places(void **state)
{
	struct room *room = *state;
	const struct fabric_port_options options = { .mps = 128, .payload = 128 };
	struct fabric_function *port;
	struct fabric_bus *root = fabric_root_bus(room->fabric);

	assert_int_equal(fabric_port_create(&port, room->fabric, FABRIC_UPSTREAM, root, 0, &options), -EINVAL);
	assert_int_equal(fabric_port_create(&port, room->fabric, FABRIC_ROOT_PORT, room->up->below, 0, &options),
			 -EINVAL);
	assert_int_equal(fabric_port_create(&port, room->fabric, FABRIC_DOWNSTREAM, root, 0, &options), -EINVAL);
	assert_int_equal(fabric_port_create(&port, room->fabric, FABRIC_ROOT_PORT, root, 1 << 3, &options), -EEXIST);
}

/* PCIe 6.0, 7.5.3.8: nothing below, no link. */
static void test_empty_port(void **state)
{
	struct room *room = *state;
	const struct fabric_port_options options = { .mps = 128, .payload = 128, .slot = 3 };
	struct fabric_function *port;
	uint32_t value;

	assert_int_equal(fabric_port_create(&port, room->fabric, FABRIC_ROOT_PORT, fabric_root_bus(room->fabric),
					    3 << 3, &options),
			 0);
	assert_int_equal(room_get(room, port, PORT_EXP + 0x12, 2) & 0x2000, 0);
	assert_int_equal(room_get(room, port, PORT_EXP + 0x1a, 2), 0);
	room_put(room, port, 0x18, 4, 0x00080800);
	assert_int_equal(fabric_config_read(room->fabric, 0x0800, 0, 0xf, &value), TLP_UNSUPPORTED);
}

/* As many buses as a segment has, and no more. */
static void test_bounds(void **state)
{
	struct room *room = *state;
	const struct fabric_port_options options = { .mps = 128, .payload = 128 };
	struct fabric_bus *bus = room->c->f.bus;
	struct fabric_function *port;
	unsigned int n = 0;
	int r;

	for (;;) {
		r = fabric_port_create(&port, room->fabric, FABRIC_UPSTREAM, bus, (uint16_t)(n == 0 ? 1 : 0), &options);
		if (r == 0)
			r = fabric_port_create(&port, room->fabric, FABRIC_DOWNSTREAM, port->below, 0, &options);
		if (r != 0)
			break;
		bus = port->below;
		n++;
		assert_in_range(n, 1, FABRIC_BUSES);
	}
	assert_int_equal(r, -ENOSPC);
	/* Deep as it is, a reset from the top ends. */
	room_put(room, room->rp2, 0x3e, 2, 0x0040);
	assert_int_equal(room->c->resets, 1);
}

/* --- interrupts of functions --- */

static void set_msi(struct room *room, const struct fabric_function *f, uint32_t control)
{
	room_put(room, f, LEAF_MSI + 4, 4, 0xfee12000);
	room_put(room, f, LEAF_MSI + 12, 2, 0x43);
	room_put(room, f, LEAF_MSI + PCG_MSI_CONTROL, 2, control);
}

/* PCIe 6.0, 6.1.4.4: address and data, the vector in the low bits that software gave. */
static void test_msi(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;

	assert_int_equal(fabric_msi(f, 0), -EAGAIN);
	set_msi(room, f, PCG_MSI_ENABLE | 2 << 4);
	assert_int_equal(fabric_msi(f, 2), 0);
	assert_int_equal(room->msi_address, 0xfee12000);
	assert_int_equal(room->msi_data, 0x42);
	assert_int_equal(room->last.requester, 0x0300);
	assert_int_equal(fabric_msi(f, 4), -EINVAL);
}

/* PCIe 6.0, 7.7.1.2: fewer vectors given than there are: they share. */
static void test_msi_shared(void **state)
{
	struct room *room = *state;

	set_msi(room, &room->a->f, PCG_MSI_ENABLE);
	assert_int_equal(fabric_msi(&room->a->f, 3), 0);
	assert_int_equal(room->msi_data, 0x43);
}

/* PCIe 6.0, 6.1.4.5 and 7.7.1.8: masked vectors pend, and are sent when the mask goes. */
static void test_msi_mask(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;

	set_msi(room, f, PCG_MSI_ENABLE | 2 << 4);
	room_put(room, f, LEAF_MSI + 16, 4, 2);
	assert_int_equal(fabric_msi(f, 1), -EAGAIN);
	assert_int_equal(room->msis, 0);
	assert_int_equal(room_get(room, f, LEAF_MSI + 20, 4), 2);
	room_put(room, f, LEAF_MSI + 16, 4, 0);
	assert_int_equal(room->msis, 1);
	assert_int_equal(room->msi_data, 0x41);
	assert_int_equal(room_get(room, f, LEAF_MSI + 20, 4), 0);
}

/* PCIe 6.0, 6.1.4: an interrupt is a memory write: without Bus Master Enable there is none. */
static void test_msi_needs_master(void **state)
{
	struct room *room = *state;

	set_msi(room, &room->a->f, PCG_MSI_ENABLE);
	room_put(room, &room->a->f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(fabric_msi(&room->a->f, 0), -EACCES);
	room_put(room, &room->a->f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	room_put(room, room->dp0, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(fabric_msi(&room->a->f, 0), -EIO);
	assert_int_equal(room->msis, 0);
}

/* PCIe 6.0, 7.7.2 and 6.1.4.2: enable, function mask, vector mask, and the table's size. */
static void test_msix(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;
	uint8_t table[64] = { 0 };

	pcg_put32(table + 16, 0xfee34000);
	pcg_put32(table + 24, 0x99);
	assert_int_equal(fabric_msix(f, table, 1), -EAGAIN);
	room_put(room, f, LEAF_MSIX + PCG_MSIX_CONTROL, 2, PCG_MSIX_ENABLE | PCG_MSIX_FUNCTION_MASK);
	assert_int_equal(fabric_msix(f, table, 1), -EAGAIN);
	room_put(room, f, LEAF_MSIX + PCG_MSIX_CONTROL, 2, PCG_MSIX_ENABLE);
	table[28] = 1;
	assert_int_equal(fabric_msix(f, table, 1), -EAGAIN);
	table[28] = 0;
	assert_int_equal(fabric_msix(f, table, 1), 0);
	assert_int_equal(room->msi_address, 0xfee34000);
	assert_int_equal(room->msi_data, 0x99);
	assert_int_equal(fabric_msix(f, table, 4), -EINVAL);
}

/* Interrupts that the root complex does not finish with are bounded, and end with the function. */
static void test_msi_pending(void **state)
{
	struct room *room = *state;

	set_msi(room, &room->a->f, PCG_MSI_ENABLE);
	room->pend = true;
	assert_int_equal(fabric_msi(&room->a->f, 0), 0);
	room->pending->done(room->pending, 0);
	room->pend = false;
	assert_int_equal(fabric_msi(&room->a->f, 0), 0);
	room->pend = true;
	assert_int_equal(fabric_msi(&room->a->f, 0), 0);
	fabric_flr(&room->a->f, FABRIC_RESET_FLR);
	assert_int_equal(room->cancels, 1);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, room_setup, room_teardown)
#define FULL(test)  cmocka_unit_test_setup_teardown(test, room_setup_full, room_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_kinds),          PLAIN(test_header_bits), PLAIN(test_secondary_status),
		PLAIN(test_link_registers), FULL(test_slot),         PLAIN(test_no_slot),
		PLAIN(test_root_registers), FULL(test_acs),          PLAIN(test_places),
		PLAIN(test_empty_port),     PLAIN(test_bounds),      PLAIN(test_msi),
		PLAIN(test_msi_shared),     PLAIN(test_msi_mask),    PLAIN(test_msi_needs_master),
		PLAIN(test_msix),           PLAIN(test_msi_pending),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
