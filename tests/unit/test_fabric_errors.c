/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors: logged, graded, masked, reported (PCIe 6.0, 6.2). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fabric_room.h"

static uint32_t aer(struct room *room, const struct fabric_function *f, uint16_t offset)
{
	return room_get(room, f, (uint16_t)(0x100 + offset), 4);
}

/* PCIe 6.0, 7.8.4.8 and 2.2.7: the header of the packet, first byte uppermost; a 3-dword memory write. */
static void test_header_of_write(void **state)
{
	struct room *room = *state;
	uint8_t data[256] = { 0 };

	room->a->f.tag = 0x42;
	room_put(room, &room->a->f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x2830);
	room_dma(room->a, true, 0x10004, data, 256, NULL);
	assert_int_equal(aer(room, room->dp0, 0x04), 1u << 18);
	assert_int_equal(aer(room, room->dp0, 0x18) & 0x1f, 18);
	assert_int_equal(aer(room, room->dp0, 0x1c), 0x40000040);
	assert_int_equal(aer(room, room->dp0, 0x20), 0x030042ff);
	assert_int_equal(aer(room, room->dp0, 0x24), 0x00010004);
	assert_int_equal(aer(room, room->dp0, 0x28), 0);
}

/* PCIe 6.0, 2.2.7: above 4 GiB four dwords; 2.2.5: byte enables of the first and the last; 6.20.2: the PASID prefix. */
static void test_header_of_long_read(void **state)
{
	struct room *room = *state;
	uint8_t data[8];
	struct fabric_dma dma = { .f = &room->a->f,
				  .address = 0x1234567801,
				  .data = data,
				  .length = 5,
				  .pasid = { .present = true, .execute = true, .value = 0x54321 } };

	room_put(room, room->dp0, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	room_put(room, room->dp0, PORT_AER + 0x14, 4, 0);
	assert_int_equal(fabric_dma(&dma), -EIO);
	assert_int_equal(aer(room, room->dp0, 0x1c), 0x20000002);
	assert_int_equal(aer(room, room->dp0, 0x20), 0x0300003e);
	assert_int_equal(aer(room, room->dp0, 0x24), 0x12);
	assert_int_equal(aer(room, room->dp0, 0x28), 0x34567800);
	assert_int_equal(aer(room, room->dp0, 0x18) & 0x0800, 0x0800);
	assert_int_equal(aer(room, room->dp0, 0x38), 0x91454321);
}

/* PCIe 6.0, 2.2.9: the header of a completion. */
static void test_header_of_completion(void **state)
{
	struct room *room = *state;
	uint8_t data[256];

	room_put(room, room->rp1, PORT_EXP + PCG_EXP_DEVCTL, 2, 0x2830);
	room_dma(room->a, false, 0x1000, data, 256, NULL);
	assert_int_equal(aer(room, room->up, 0x1c), 0x4a000040);
	assert_int_equal(aer(room, room->up, 0x20), 0x00000100);
	assert_int_equal(aer(room, room->up, 0x24) & 0xffff0000, 0x03000000);
}

/* PCIe 6.0, 6.2.3.2.4.1: who sends a completion that says so logs an advisory error, and no more while it is masked. */
static void test_advisory_masked(void **state)
{
	struct room *room = *state;
	uint32_t value;

	fabric_read(room->fabric, A_BASE + LEAF_SIZE, &value, 4);
	assert_int_equal(aer(room, &room->a->f, 0x10), 0x2000);
	assert_int_equal(aer(room, &room->a->f, 0x04), 0);
	/* correctable, and unsupported request */
	assert_int_equal(room_get(room, &room->a->f, LEAF_EXP + PCG_EXP_DEVSTA, 2) & 0xf, 0x9);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->message, 0);
}

/* The same, unmasked: its own status, the header, and a correctable message. */
static void test_advisory_reported(void **state)
{
	struct room *room = *state;
	uint32_t value;

	room_loud(room);
	fabric_read(room->fabric, A_BASE + LEAF_SIZE, &value, 4);
	assert_int_equal(aer(room, &room->a->f, 0x04), 1u << 20);
	assert_int_equal(aer(room, &room->a->f, 0x24), A_BASE + LEAF_SIZE);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->message, TLP_ERR_COR);
	assert_int_equal(aer(room, room->rp1, 0x30) & 0x7f, 0x01);
	assert_int_equal(aer(room, room->rp1, 0x34), 0x0300);
}

/* PCIe 6.0, 6.2.3.2.4.1: nobody answers a posted request: its error is not advisory. */
static void test_posted(void **state)
{
	struct room *room = *state;
	uint32_t value = 0;

	room_loud(room);
	fabric_write(room->fabric, A_BASE + LEAF_SIZE, &value, 4);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->message, TLP_ERR_NONFATAL);
	assert_int_equal(aer(room, room->rp1, 0x30) & 0x7f, 0x24);
	assert_int_equal(aer(room, room->rp1, 0x34), 0x03000000);
}

/* PCIe 6.0, 7.8.4.4: severity grades an error; fatal ones are never advisory. */
static void test_severity(void **state)
{
	struct room *room = *state;
	uint32_t value;

	room_loud(room);
	room_put(room, &room->a->f, LEAF_AER + 0x0c, 4, 0x00562030);
	fabric_read(room->fabric, A_BASE + LEAF_SIZE, &value, 4);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->message, TLP_ERR_FATAL);
	/* fatal received, first fatal, uncorrectable received */
	assert_int_equal(aer(room, room->rp1, 0x30) & 0x7f, 0x54);
}

/* PCIe 6.0, 7.8.4.3: a masked error is in the status, without pointer, header or message. */
static void test_masked(void **state)
{
	struct room *room = *state;
	uint32_t value = 0;

	room_loud(room);
	room_put(room, &room->a->f, LEAF_AER + 0x08, 4, 1u << 20);
	fabric_write(room->fabric, A_BASE + LEAF_SIZE, &value, 4);
	assert_int_equal(aer(room, &room->a->f, 0x04), 1u << 20);
	assert_int_equal(aer(room, &room->a->f, 0x1c), 0);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->message, 0);
	assert_int_equal(aer(room, room->rp1, 0x30), 0);
}

/* PCIe 6.0, 6.2.4.2: the first error keeps pointer and header until its status is cleared. */
static void test_first_error(void **state)
{
	struct room *room = *state;
	struct tlp first = { .type = TLP_MEMORY_WRITE, .address = 0x1000, .length = 4 };
	struct tlp second = { .type = TLP_MEMORY_WRITE, .address = 0x2000, .length = 4 };
	struct fabric_function *f = &room->a->f;

	fabric_error(f, FABRIC_MALFORMED, &first);
	fabric_error(f, FABRIC_UNSUPPORTED, &second);
	assert_int_equal(aer(room, f, 0x18) & 0x1f, 18);
	assert_int_equal(aer(room, f, 0x24), 0x1000);
	room_put(room, f, LEAF_AER + 0x04, 4, 1u << 18);
	fabric_error(f, FABRIC_POISONED, &second);
	assert_int_equal(aer(room, f, 0x18) & 0x1f, 12);
	assert_int_equal(aer(room, f, 0x24), 0x2000);
	assert_int_equal(aer(room, f, 0x04), 1u << 20 | 1u << 12);
}

/* PCIe 6.0, 7.5.3.4: reporting enables; unsupported requests have one of their own. */
static void test_reporting_enables(void **state)
{
	struct room *room = *state;
	uint32_t value = 0;

	room_loud(room);
	room_put(room, &room->a->f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x2817);
	fabric_write(room->fabric, A_BASE + LEAF_SIZE, &value, 4);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->message, 0);
	/* SERR# Enable stands for all of them (7.5.1.1.3). */
	room_put(room, &room->a->f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_SERR);
	fabric_write(room->fabric, A_BASE + LEAF_SIZE, &value, 4);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->message, TLP_ERR_NONFATAL);
	assert_int_equal(room_get(room, &room->a->f, PCG_STATUS, 2) & 0x4000, 0x4000);
}

/* PCIe 6.0, 7.5.1.3.13: SERR# Enable of Bridge Control lets messages from below pass. */
static void test_bridge_serr(void **state)
{
	struct room *room = *state;

	room_loud(room);
	room_put(room, room->dp0, 0x3e, 2, 0);
	fabric_error(&room->a->f, FABRIC_MALFORMED, NULL);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->message, 0);
	assert_int_equal(aer(room, room->rp1, 0x30), 0);
	/* Received System Error in the Secondary Status all the same (7.5.1.3.7) */
	assert_int_equal(room_get(room, room->dp0, 0x1e, 2) & 0x4000, 0x4000);
}

/* PCIe 6.0, 7.8.4.10 and 7.8.4.11: the source is the first one's; more are told as such. */
static void test_root_source(void **state)
{
	struct room *room = *state;

	room_loud(room);
	fabric_error(&room->a->f, FABRIC_MALFORMED, NULL);
	fabric_error(&room->b->f, FABRIC_POISONED, NULL);
	assert_int_equal(aer(room, room->rp1, 0x34), 0x03000000);
	assert_int_equal(aer(room, room->rp1, 0x30) & 0x7f, 0x7c);
	room_put(room, room->rp1, PORT_AER + 0x30, 4, 0x7f);
	fabric_error(&room->b->f, FABRIC_POISONED, NULL);
	assert_int_equal(aer(room, room->rp1, 0x34), 0x04000000);
	assert_int_equal(aer(room, room->rp1, 0x30) & 0x7f, 0x24);
}

/* PCIe 6.0, 6.2.4.1.2: an interrupt when the condition begins to hold, and not again while it does. */
static void test_root_interrupt(void **state)
{
	struct room *room = *state;

	room_loud(room);
	fabric_error(&room->a->f, FABRIC_MALFORMED, NULL);
	assert_int_equal(room->msis, 1);
	assert_int_equal(room->msi_address, 0xfee00000);
	assert_int_equal(room->last.requester, 0x0008);
	fabric_error(&room->a->f, FABRIC_MALFORMED, NULL);
	assert_int_equal(room->msis, 1);
	room_put(room, room->rp1, PORT_AER + 0x30, 4, 0x7f);
	fabric_error(&room->a->f, FABRIC_MALFORMED, NULL);
	assert_int_equal(room->msis, 2);
	/* Another root port is not concerned. */
	fabric_error(&room->c->f, FABRIC_MALFORMED, NULL);
	assert_int_equal(room->msi_address, 0xfee01000);
}

/* PCIe 6.0, 2.7.2: poison is passed on, told by switches as advisory, and ends as an error at the root port. */
static void test_poisoned_write(void **state)
{
	struct room *room = *state;
	uint8_t data[4] = { 1 };
	enum tlp_status status;

	room_loud(room);
	room->a->f.faults.poison = 1;
	assert_int_equal(room_dma(room->a, true, 0, data, 4, &status), -EIO);
	assert_int_equal(room->accesses, room->msis);
	assert_int_equal(room->root[0], 0);
	assert_int_equal(room_report(room, FABRIC_POISONED)->reporter, 0x0008);
	assert_int_equal(aer(room, room->dp0, 0x10), 0x2000);
	assert_int_equal(aer(room, room->rp1, 0x04), 1u << 12);
	assert_int_equal(room->errors[0].header[0] & 0x4000, 0x4000);
	assert_int_equal(room_dma(room->a, true, 0, data, 4, &status), PCG_DONE);
}

/* A packet whose length is a lie ends at the first receiver (PCIe 6.0, 2.2.2), a read of it in a timeout (2.8). */
static void test_malformed_fault(void **state)
{
	struct room *room = *state;
	uint8_t data[4];
	enum tlp_status status;

	room->a->f.faults.malform = 1;
	assert_int_equal(room_dma(room->a, false, 0, data, 4, &status), -EIO);
	assert_int_equal(status, TLP_LOST);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->reporter, 0x0200);
	assert_int_equal(room_report(room, FABRIC_COMPLETION_TIMEOUT)->reporter, 0x0300);
	assert_int_equal(room_dma(room->a, false, 0, data, 4, &status), PCG_DONE);
}

/* A function that says nothing: the requester's timeout (PCIe 6.0, 2.8). */
static void test_mute(void **state)
{
	struct room *room = *state;
	uint32_t value = 0;

	room->a->f.faults.mute = 2;
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_LOST);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(room_report(room, FABRIC_COMPLETION_TIMEOUT)->reporter, 0x0008);
	assert_int_equal(room_dma(room->b, false, A_BASE, &value, 4, NULL), -EIO);
	assert_int_equal(room_report(room, FABRIC_COMPLETION_TIMEOUT)->reporter, 0x0400);
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_SUCCESS);
}

/* PCIe 6.0, 2.3.1 and 6.2.3.2.4.1: the completer says that it aborted, and whoever asked gets that for an answer. */
static void test_abort_fault(void **state)
{
	struct room *room = *state;
	uint32_t value = 0;

	room_loud(room);
	room->a->f.faults.abort = 3;
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_ABORTED);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(room_report(room, FABRIC_COMPLETER_ABORT)->reporter, 0x0300);
	assert_int_equal(aer(room, &room->a->f, 0x04), 1u << FABRIC_COMPLETER_ABORT);
	assert_int_equal(room_get(room, &room->a->f, PCG_STATUS, 2) & 0x0800, 0x0800);
	assert_int_equal(room_dma(room->b, false, A_BASE, &value, 4, NULL), -EIO);
	assert_int_equal(room_get(room, &room->b->f, PCG_STATUS, 2) & 0x1000, 0x1000);
	room->a->memory[0] = 7;
	pcg_put32((uint8_t *)&value, 9);
	assert_int_equal(fabric_write(room->fabric, A_BASE, &value, 4), TLP_ABORTED);
	assert_int_equal(room->a->memory[0], 7);
	assert_int_equal(room_report(room, FABRIC_COMPLETER_ABORT)->message, TLP_ERR_NONFATAL);
	assert_int_equal(fabric_write(room->fabric, A_BASE, &value, 4), TLP_SUCCESS);
	assert_int_equal(room->a->memory[0], 9);
}

/* Transfers are counted, however many packets they are; what goes to a peer is not the root complex's to block. */
static void test_block_fault(void **state)
{
	struct room *room = *state;
	uint8_t data[4096] = { 1 };
	enum tlp_status status;

	room->a->f.faults.block = 2;
	assert_int_equal(room_dma(room->a, true, B_BASE, data, 4, &status), PCG_DONE);
	assert_int_equal(room->a->f.faults.block, 2);
	assert_int_equal(room_dma(room->a, true, 0, data, sizeof(data), &status), -EIO);
	assert_int_equal(status, TLP_UNSUPPORTED);
	assert_int_equal(room->blocked_tlp.type, TLP_MEMORY_WRITE);
	assert_int_equal(room_dma(room->b, true, 0, data, 4, &status), PCG_DONE);
	assert_int_equal(room->accesses, 1);
	assert_int_equal(room_dma(room->a, false, 0x40, data, 4, &status), -EIO);
	assert_int_equal(room->blocked, 2);
	assert_int_equal(room->blocked_tlp.requester, 0x0300);
	assert_int_equal(room->blocked_tlp.address, 0x40);
	assert_int_equal(room_get(room, &room->a->f, PCG_STATUS, 2) & 0x2000, 0x2000);
	assert_int_equal(room->accesses, 1);
	assert_int_equal(room_dma(room->a, true, 0, data, 4, &status), PCG_DONE);
}

/* PCIe 6.0, 2.8 and 7.5.3.16: Completion Timeout Disable. */
static void test_timeout_off(void **state)
{
	struct room *room = *state;
	uint32_t value;

	room->a->f.faults.mute = UINT32_MAX;
	room_put(room, room->rp1, PORT_EXP + PCG_EXP_DEVCTL2, 2, 0x10);
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_LOST);
	assert_null(room_report(room, FABRIC_COMPLETION_TIMEOUT));
}

/* A poisoned completion: the processor reads all ones, the root port says why (PCIe 6.0, 2.7.2). */
static void test_poisoned_completion(void **state)
{
	struct room *room = *state;
	uint32_t value = 0;

	room->c->f.faults.poison = 1;
	assert_int_equal(fabric_read(room->fabric, C_BASE, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(room_report(room, FABRIC_POISONED)->reporter, 0x0010);
	assert_int_equal(fabric_read(room->fabric, C_BASE, &value, 4), TLP_SUCCESS);
}

/* PCIe 6.0, 2.3.1: a function that aborts signals it in Status (7.5.1.1.4) and logs it. */
static void test_completer_abort(void **state)
{
	struct room *room = *state;
	uint32_t value;

	room->a->answer = TLP_ABORTED;
	assert_int_equal(fabric_read(room->fabric, A_BASE, &value, 4), TLP_ABORTED);
	assert_int_equal(room_get(room, &room->a->f, PCG_STATUS, 2) & 0x0800, 0x0800);
	assert_int_equal(room_report(room, FABRIC_COMPLETER_ABORT)->reporter, 0x0300);
}

/* Correctable errors: PCIe 6.0, 7.8.4.5 and 7.8.4.6. */
static void test_correctable(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->c->f;

	room_loud(room);
	fabric_error(f, FABRIC_CORRECTABLE, NULL);
	assert_int_equal(aer(room, f, 0x10), 1);
	assert_int_equal(room->errors[0].message, TLP_ERR_COR);
	room_put(room, f, LEAF_AER + 0x14, 4, 1);
	fabric_error(f, FABRIC_CORRECTABLE, NULL);
	assert_int_equal(room->errors[1].message, 0);
}

/* PCIe 6.0, 7.8.4.2: status bits are cleared by ones and by nothing else. */
static void test_status_clears(void **state)
{
	struct room *room = *state;
	struct fabric_function *f = &room->a->f;

	fabric_error(f, FABRIC_MALFORMED, NULL);
	room_put(room, f, LEAF_AER + 0x04, 4, 0);
	assert_int_equal(aer(room, f, 0x04), 1u << 18);
	fabric_flr(f, FABRIC_RESET_FLR);
	assert_int_equal(aer(room, f, 0x04), 1u << 18);
	room_put(room, f, LEAF_AER + 0x04, 4, UINT32_MAX);
	assert_int_equal(aer(room, f, 0x04), 0);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, room_setup, room_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_header_of_write),
		PLAIN(test_header_of_long_read),
		PLAIN(test_header_of_completion),
		PLAIN(test_advisory_masked),
		PLAIN(test_advisory_reported),
		PLAIN(test_posted),
		PLAIN(test_severity),
		PLAIN(test_masked),
		PLAIN(test_first_error),
		PLAIN(test_reporting_enables),
		PLAIN(test_bridge_serr),
		PLAIN(test_root_source),
		PLAIN(test_root_interrupt),
		PLAIN(test_poisoned_write),
		PLAIN(test_malformed_fault),
		PLAIN(test_mute),
		PLAIN(test_abort_fault),
		PLAIN(test_block_fault),
		PLAIN(test_timeout_off),
		PLAIN(test_poisoned_completion),
		PLAIN(test_completer_abort),
		PLAIN(test_correctable),
		PLAIN(test_status_clears),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
