/* SPDX-License-Identifier: BSD-3-Clause */
/* An endpoint that nobody serves alone: its interrupts are memory writes, as its own registers and table say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/sim/endpoint_test.h"

#define ADDRESS  0xfee01000u
#define DATA     0x4041u
#define EP_BDF   0x0100u
#define EP_BAR   0x80000000u
#define ENTRY(n) (ENDPOINT_MSIX_TABLE + 16 * (n))

struct room {
	struct fabric *fabric;
	struct fabric_function *port;
	struct fabric_function *f;
	struct endpoint_home home;
	unsigned int wakes;
	unsigned int writes;
	uint64_t address;
	uint32_t data;
};

static int on_access(void *arg, const struct tlp *tlp, uint64_t at, void *data, size_t length, enum tlp_status *status,
		     struct pcg_op *op)
{
	struct room *room = arg;

	(void)op;
	assert_int_equal(tlp->type, TLP_MEMORY_WRITE);
	assert_int_equal(tlp->requester, EP_BDF);
	assert_int_equal(length, 4);
	room->writes++;
	room->address = at;
	room->data = pcg_get32(data);
	*status = TLP_SUCCESS;
	return PCG_DONE;
}

static void on_wake(void *arg)
{
	((struct room *)arg)->wakes++;
}

static const struct fabric_root_ops root = { .access = on_access };

static void put(struct room *room, uint16_t bdf, uint16_t offset, uint8_t be, uint32_t value)
{
	assert_int_equal(fabric_config_write(room->fabric, bdf, offset / 4, be, value), TLP_SUCCESS);
}

static uint32_t get(struct room *room, uint16_t offset)
{
	uint32_t value;

	assert_int_equal(fabric_config_read(room->fabric, EP_BDF, offset / 4, 15, &value), TLP_SUCCESS);
	return value;
}

static void write_bar(struct room *room, uint64_t offset, uint32_t value)
{
	uint8_t bytes[4];

	pcg_put32(bytes, value);
	assert_int_equal(fabric_write(room->fabric, EP_BAR + offset, bytes, 4), TLP_SUCCESS);
}

static uint32_t read_bar(struct room *room, uint64_t offset)
{
	uint8_t bytes[4];

	assert_int_equal(fabric_read(room->fabric, EP_BAR + offset, bytes, 4), TLP_SUCCESS);
	return pcg_get32(bytes);
}

static uint16_t control(struct room *room, uint16_t capability)
{
	return capability == PCG_CAP_MSIX ? room->f->model.msix : room->f->model.msi;
}

static int setup(void **state)
{
	const struct fabric_port_options port = { .mps = 512, .payload = 128 };
	struct room *room = calloc(1, sizeof(*room));
	struct endpoint_options options;

	assert_non_null(room);
	room->home = (struct endpoint_home){ .arg = room, .wake = on_wake };
	assert_int_equal(endpoint_options_parse(&options, "endpoint-test,msix=64", NULL), 0);
	assert_int_equal(fabric_create(&room->fabric, &root, room, NULL), 0);
	assert_int_equal(fabric_port_create(&room->port, room->fabric, FABRIC_ROOT_PORT, fabric_root_bus(room->fabric),
					    0, &port),
			 0);
	assert_int_equal(endpoint_make(&room->f, room->fabric, room->port->below, 0, &options, &room->home, NULL), 0);
	put(room, 0, 0x18, 7, 0x010100);
	put(room, 0, 0x20, 15, (EP_BAR >> 16) | EP_BAR);
	put(room, 0, PCG_COMMAND, 3, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	put(room, EP_BDF, PCG_BAR0, 15, EP_BAR);
	put(room, EP_BDF, PCG_COMMAND, 3, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	*state = room;
	return 0;
}

static int teardown(void **state)
{
	struct room *room = *state;

	fabric_destroy(room->fabric);
	free(room);
	return 0;
}

static void work(struct room *room)
{
	for (unsigned int i = 0; endpoint_home_work(&room->home); i++)
		assert_true(i < 100);
}

static void raise(struct room *room, uint32_t command, uint32_t type, uint32_t number)
{
	write_bar(room, ENDPOINT_IRQ_TYPE, type);
	write_bar(room, ENDPOINT_IRQ_NUMBER, number);
	write_bar(room, ENDPOINT_COMMAND, command);
	assert_true(room->wakes > 0);
	work(room);
}

static void entry(struct room *room, unsigned int n, uint32_t masked)
{
	write_bar(room, ENTRY(n), ADDRESS);
	write_bar(room, ENTRY(n) + 4, 0);
	write_bar(room, ENTRY(n) + 8, DATA + n);
	write_bar(room, ENTRY(n) + 12, masked);
}

static void enable_msix(struct room *room, uint32_t bits)
{
	put(room, EP_BDF, control(room, PCG_CAP_MSIX), 12, bits << 16);
}

static void msix_is_a_write(void **state)
{
	struct room *room = *state;

	entry(room, 37, 0);
	enable_msix(room, PCG_MSIX_ENABLE);
	raise(room, ENDPOINT_RAISE_MSIX, ENDPOINT_IRQ_MSIX, 38);
	assert_int_equal(room->writes, 1);
	assert_int_equal(room->address, ADDRESS);
	assert_int_equal(room->data, DATA + 37);
}

/* PCIe 6.0, 7.7.2.6 and on: pending while masked, by the entry or by all, and sent when it is not. */
static void masked_vectors_pend(void **state)
{
	struct room *room = *state;
	uint32_t pba = get(room, (uint16_t)(control(room, PCG_CAP_MSIX) + PCG_MSIX_PBA)) & ~7u;

	entry(room, 37, 1);
	enable_msix(room, PCG_MSIX_ENABLE);
	raise(room, ENDPOINT_RAISE_MSIX, ENDPOINT_IRQ_MSIX, 38);
	assert_int_equal(room->writes, 0);
	assert_int_equal(read_bar(room, pba + 4), 1u << 5);
	write_bar(room, ENTRY(37) + 12, 0);
	work(room);
	assert_int_equal(room->writes, 1);
	assert_int_equal(read_bar(room, pba + 4), 0);
	enable_msix(room, PCG_MSIX_ENABLE | PCG_MSIX_FUNCTION_MASK);
	raise(room, ENDPOINT_RAISE_MSIX, ENDPOINT_IRQ_MSIX, 38);
	assert_int_equal(room->writes, 1);
	enable_msix(room, PCG_MSIX_ENABLE);
	work(room);
	assert_int_equal(room->writes, 2);
}

/* Nobody makes a vector pend but the function: what is sent into its own bits, or another's, raises nothing. */
static void pending_bits_are_read_only(void **state)
{
	struct room *room = *state;
	uint32_t pba = get(room, (uint16_t)(control(room, PCG_CAP_MSIX) + PCG_MSIX_PBA)) & ~7u;

	entry(room, 0, 0);
	enable_msix(room, PCG_MSIX_ENABLE);
	write_bar(room, pba, UINT32_MAX);
	assert_int_equal(read_bar(room, pba), 0);
	work(room);
	assert_int_equal(room->writes, 0);
}

/* A write to a table sends nothing by itself: that could be a write to another table, and so without end. */
static void what_pends_waits_for_its_turn(void **state)
{
	struct room *room = *state;

	entry(room, 37, 1);
	enable_msix(room, PCG_MSIX_ENABLE);
	raise(room, ENDPOINT_RAISE_MSIX, ENDPOINT_IRQ_MSIX, 38);
	write_bar(room, ENTRY(37) + 12, 0);
	assert_int_equal(room->writes, 0);
	work(room);
	assert_int_equal(room->writes, 1);
}

static void off_is_silent(void **state)
{
	struct room *room = *state;

	raise(room, ENDPOINT_RAISE_MSIX, ENDPOINT_IRQ_MSIX, 1);
	raise(room, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, 1);
	raise(room, ENDPOINT_RAISE_INTX, ENDPOINT_IRQ_INTX, 1);
	assert_int_equal(room->writes, 0);
	assert_int_equal(read_bar(room, ENDPOINT_STATUS), ENDPOINT_IRQ_RAISED);
}

static void msi_is_a_write(void **state)
{
	struct room *room = *state;
	uint16_t msi = control(room, PCG_CAP_MSI);

	put(room, EP_BDF, (uint16_t)(msi + 4), 15, ADDRESS);
	put(room, EP_BDF, (uint16_t)(msi + 12), 3, DATA & ~3u);
	put(room, EP_BDF, msi, 12, (PCG_MSI_ENABLE | 2u << 4) << 16);
	raise(room, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, 3);
	assert_int_equal(room->writes, 1);
	assert_int_equal(room->address, ADDRESS);
	assert_int_equal(room->data, (DATA & ~3u) + 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(msix_is_a_write),
		TEST(masked_vectors_pend),
		TEST(pending_bits_are_read_only),
		TEST(what_pends_waits_for_its_turn),
		TEST(off_is_silent),
		TEST(msi_is_a_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
