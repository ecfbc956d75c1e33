/* SPDX-License-Identifier: BSD-3-Clause */
/* What functions ask of memory and of each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fabric_room.h"

static void put_devctl(struct room *room, const struct fabric_function *f, uint16_t at, uint32_t mps, uint32_t mrrs)
{
	room_put(room, f, at + PCG_EXP_DEVCTL, 2, 0x0810 | mps << 5 | mrrs << 12);
}

/* PCIe 6.0, 2.2.7: no request crosses 4 KiB; the root complex gets a page at a time. */
static void test_pages(void **state)
{
	struct room *room = *state;
	static uint8_t data[10000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	assert_int_equal(room_dma(room->a, true, 0x0ff0, data, sizeof(data), NULL), PCG_DONE);
	assert_memory_equal(room->root + 0x0ff0, data, sizeof(data));
	/* 16, 4096, 4096 and the rest */
	assert_int_equal(room->accesses, 4);
	assert_int_equal(room->last_at, 0x3000);
	memset(data, 0, sizeof(data));
	assert_int_equal(room_dma(room->a, false, 0x0ff0, data, sizeof(data), NULL), PCG_DONE);
	assert_memory_equal(room->root + 0x0ff0, data, sizeof(data));
}

/* PCIe 6.0, 2.2.6.2: requests carry who asks. */
static void test_requester(void **state)
{
	struct room *room = *state;
	uint8_t data[4];

	assert_int_equal(room_dma(room->b, false, 0, data, 4, NULL), PCG_DONE);
	assert_int_equal(room->last.requester, 0x0400);
	assert_int_equal(room->last.type, TLP_MEMORY_READ);
}

/* PCIe 6.0, 2.2.2 and 7.5.3.4: a payload beyond a receiver's Max_Payload_Size is malformed. */
static void test_payload_too_long(void **state)
{
	struct room *room = *state;
	uint8_t data[256] = { 0 };
	enum tlp_status status;

	put_devctl(room, &room->a->f, LEAF_EXP, 1, 2);
	assert_int_equal(room_dma(room->a, true, 0, data, 256, &status), -EIO);
	assert_int_equal(status, TLP_LOST);
	assert_int_equal(room->accesses, 0);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->reporter, 0x0200);
	/* The downstream port takes it now, the root port does not. */
	put_devctl(room, room->dp0, PORT_EXP, 1, 2);
	assert_int_equal(room_dma(room->a, true, 0, data, 256, &status), -EIO);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->reporter, 0x0008);
	put_devctl(room, room->rp1, PORT_EXP, 1, 2);
	assert_int_equal(room_dma(room->a, true, 0, data, 256, &status), PCG_DONE);
	/* As long as it is short enough, the setting alone harms nobody. */
	put_devctl(room, room->rp1, PORT_EXP, 0, 2);
	assert_int_equal(room_dma(room->a, true, 0, data, 128, &status), PCG_DONE);
}

/* PCIe 6.0, 2.3.1.1 and 2.8: completions are cut by the root port; who cannot bear them drops them, and the requester
 * times out. */
static void test_completion_too_long(void **state)
{
	struct room *room = *state;
	uint8_t data[512];
	enum tlp_status status;

	put_devctl(room, room->rp1, PORT_EXP, 1, 2);
	assert_int_equal(room_dma(room->a, false, 0, data, 512, &status), -EIO);
	assert_int_equal(status, TLP_LOST);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->reporter, 0x0100);
	assert_int_equal(room_report(room, FABRIC_COMPLETION_TIMEOUT)->reporter, 0x0300);
	put_devctl(room, room->up, PORT_EXP, 1, 2);
	assert_int_equal(room_dma(room->a, false, 0, data, 512, &status), -EIO);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->reporter, 0x0300);
	/* Reads that are short enough never see a long completion. */
	put_devctl(room, &room->a->f, LEAF_EXP, 0, 0);
	assert_int_equal(room_dma(room->a, false, 0, data, 512, &status), PCG_DONE);
}

/* PCIe 6.0, 7.5.3.4: encodings past what the function can do are not more than that. */
static void test_reserved_sizes(void **state)
{
	struct room *room = *state;
	static uint8_t data[4096];

	put_devctl(room, &room->a->f, LEAF_EXP, 7, 7);
	put_devctl(room, room->dp0, PORT_EXP, 2, 2);
	put_devctl(room, room->rp1, PORT_EXP, 2, 2);
	assert_int_equal(room_dma(room->a, true, 0, data, 4096, NULL), PCG_DONE);
	assert_int_equal(room->last.length, 512);
}

/* PCIe 6.0, 7.5.1.1.3: Bus Master Enable of the function. */
static void test_master_off(void **state)
{
	struct room *room = *state;
	uint8_t data[4];

	room_put(room, &room->a->f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(room_dma(room->a, true, 0, data, 4, NULL), -EACCES);
	assert_int_equal(room->nerrors, 0);
}

/* The same of ports: a request from below is unsupported there. */
static void test_port_master_off(void **state)
{
	struct room *room = *state;
	struct fabric_function *ports[] = { room->dp0, room->up, room->rp1 };
	uint8_t data[4];
	enum tlp_status status;

	for (size_t i = 0; i < 3; i++) {
		room_put(room, ports[i], PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
		assert_int_equal(room_dma(room->a, false, 0, data, 4, &status), -EIO);
		assert_int_equal(status, TLP_UNSUPPORTED);
		assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->reporter, fabric_bdf(ports[i]));
		room_put(room, ports[i], PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	}
	/* Received Master Abort (7.5.1.1.4) */
	assert_int_equal(room_get(room, &room->a->f, PCG_STATUS, 2) & 0x2000, 0x2000);
}

/* PCIe 6.0, 5.3.1.4.1: asleep, it asks for nothing. */
static void test_asleep(void **state)
{
	struct room *room = *state;
	uint8_t data[4];

	room_put(room, &room->a->f, LEAF_PM + PCG_PM_CSR, 1, PCG_D3HOT);
	assert_int_equal(room_dma(room->a, true, 0, data, 4, NULL), -EACCES);
}

/* PCIe 6.0, 2.2.5: a zero-length read goes all the way and brings nothing. */
static void test_zero_length(void **state)
{
	struct room *room = *state;

	assert_int_equal(room_dma(room->a, false, 0x1000, NULL, 0, NULL), PCG_DONE);
	assert_int_equal(room->accesses, 1);
	assert_int_equal(room->last_length, 0);
}

static void test_wraps(void **state)
{
	struct room *room = *state;
	uint8_t data[32];

	assert_int_equal(room_dma(room->a, true, UINT64_MAX - 15, data, 32, NULL), -EINVAL);
	assert_int_equal(room_dma(room->a, true, UINT64_MAX - 15, data, 16, NULL), PCG_DONE);
}

/* PCIe 6.0, 2.2.9.1: what the root complex answers is what the requester gets. */
static void test_refused(void **state)
{
	struct room *room = *state;
	uint8_t data[4];
	enum tlp_status status;

	room->answer = TLP_ABORTED;
	assert_int_equal(room_dma(room->a, false, 0, data, 4, &status), -EIO);
	assert_int_equal(status, TLP_ABORTED);
	/* Received Target Abort (7.5.1.1.4) */
	assert_int_equal(room_get(room, &room->a->f, PCG_STATUS, 2) & 0x1000, 0x1000);
}

/* PCIe 6.0, 1.3.3 and 2.2.4.1: a switch passes a request on between its downstream ports. */
static void test_peer(void **state)
{
	struct room *room = *state;
	uint8_t data[512] = { 0x5a }, back[512] = { 0 };

	assert_int_equal(room_dma(room->a, true, B_BASE + 0x40, data, 512, NULL), PCG_DONE);
	assert_memory_equal(room->b->memory + 0x40, data, 512);
	assert_int_equal(room_dma(room->a, false, B_BASE + 0x40, back, 512, NULL), PCG_DONE);
	assert_memory_equal(back, data, 512);
	assert_int_equal(room->accesses, 0);
}

/* Between root ports only where the root complex passes that on (1.3.1). */
/* The first packet stands for those that meet the same: not for those that would go past the BAR. */
static void test_peer_smaller_than_a_page(void **state)
{
	struct room *room = *state;
	uint8_t data[2048];
	enum tlp_status status;

	room->b->f.bars[0].size = 1024;
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(room_dma(room->a, true, B_BASE, data, sizeof(data), &status), -EIO);
	assert_int_equal(status, TLP_UNSUPPORTED);
	assert_int_equal(room->b->memory[1023], 0x5a);
	assert_int_equal(room->b->memory[1024], 0);
	assert_int_equal(room_dma(room->a, false, B_BASE, data, 1024, &status), PCG_DONE);
}

static void test_peer_of_other_root_port(void **state)
{
	struct room *room = *state;
	uint8_t data[4] = { 1 };

	assert_int_equal(room_dma(room->a, true, C_BASE, data, 4, NULL), PCG_DONE);
	assert_int_equal(room->accesses, 1);
	assert_int_equal(room->c->writes, 0);
}

static void test_peer_of_other_root_port_passed(void **state)
{
	struct room *room = *state;
	uint8_t data[4] = { 1 };

	assert_int_equal(room_dma(room->a, true, C_BASE, data, 4, NULL), PCG_DONE);
	assert_int_equal(room->accesses, 0);
	assert_int_equal(room->c->writes, 1);
}

/* PCIe 6.0, 6.12.1.1: P2P Request Redirect sends it to the root complex instead. */
static void test_acs_redirect(void **state)
{
	struct room *room = *state;
	uint8_t data[4] = { 1 };

	room_put(room, room->dp0, PORT_ACS + 6, 2, 0x04);
	assert_int_equal(room_dma(room->a, true, B_BASE, data, 4, NULL), -EIO);
	/* The root port finds it in its own window, and has no Upstream Forwarding yet. */
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->reporter, 0x0008);
	room_put(room, room->rp1, PORT_ACS + 6, 2, 0x10);
	assert_int_equal(room_dma(room->a, true, B_BASE, data, 4, NULL), PCG_DONE);
	assert_int_equal(room->accesses, 1);
	assert_int_equal(room->b->writes, 0);
}

/* PCIe 6.0, 6.12.1.1: Direct Translated P2P lets translated requests go straight all the same. */
static void test_acs_direct_translated(void **state)
{
	struct room *room = *state;
	uint8_t data[4] = { 1 };
	struct fabric_dma dma = {
		.f = &room->a->f, .write = true, .at = TLP_TRANSLATED, .address = B_BASE, .data = data, .length = 4
	};

	room_put(room, room->dp0, PORT_ACS + 6, 2, 0x44);
	assert_int_equal(fabric_dma(&dma), PCG_DONE);
	assert_int_equal(room->b->writes, 1);
}

/* PCIe 6.0, 6.12.1.1: a requester id that is not behind the port is a violation. */
static void test_acs_source_validation(void **state)
{
	struct room *room = *state;
	uint8_t data[4];
	enum tlp_status status;

	room_put(room, room->dp0, PORT_ACS + 6, 2, 0x01);
	assert_int_equal(room_dma(room->a, false, 0, data, 4, NULL), PCG_DONE);
	room->a->f.captured = 9;
	assert_int_equal(room_dma(room->a, false, 0, data, 4, &status), -EIO);
	assert_int_equal(status, TLP_ABORTED);
	assert_int_equal(room_report(room, FABRIC_ACS_VIOLATION)->reporter, 0x0200);
	assert_int_equal(room_report(room, FABRIC_ACS_VIOLATION)->requester, 0x0900);
}

/* PCIe 6.0, 6.12.1.1: Translation Blocking refuses every AT but "untranslated". */
static void test_acs_translation_blocking(void **state)
{
	struct room *room = *state;
	uint8_t data[8];
	struct fabric_dma dma = { .f = &room->a->f, .at = TLP_TRANSLATION_REQUEST, .data = data, .length = 8 };

	assert_int_equal(fabric_dma(&dma), PCG_DONE);
	room_put(room, room->dp0, PORT_ACS + 6, 2, 0x02);
	assert_int_equal(fabric_dma(&dma), -EIO);
	assert_int_equal(dma.status, TLP_ABORTED);
	assert_int_equal(room_report(room, FABRIC_ACS_VIOLATION)->reporter, 0x0200);
}

/* PCIe 6.0, 2.2.4.1: nobody sends a request back where it came from. */
static void test_own_window(void **state)
{
	struct room *room = *state;
	uint8_t data[4];

	assert_int_equal(room_dma(room->a, false, A_BASE, data, 4, NULL), -EIO);
	assert_int_equal(room_report(room, FABRIC_UNSUPPORTED)->reporter, 0x0200);
}

/* PCIe 6.0, 2.2.4.2: completions go by routing id; with bus numbers that leave the requester out none arrives. */
static void test_completion_lost_by_id(void **state)
{
	struct room *room = *state;
	uint8_t data[4];
	enum tlp_status status;

	room->a->f.captured = 9;
	assert_int_equal(room_dma(room->a, false, 0, data, 4, &status), -EIO);
	assert_int_equal(status, TLP_LOST);
	assert_int_equal(room_dma(room->a, true, 0, data, 4, &status), PCG_DONE);
}

/* A function may act on what another wrote, and write in turn: that ends. */
static void test_ping_pong(void **state)
{
	struct room *room = *state;
	uint8_t data[4];
	struct fabric_dma to_b = { .f = &room->a->f, .write = true, .address = B_BASE, .data = data, .length = 4 };
	struct fabric_dma to_a = { .f = &room->b->f, .write = true, .address = A_BASE, .data = data, .length = 4 };

	room->b->chain = &to_a;
	room->a->chain = &to_b;
	fabric_dma(&to_b);
	assert_in_range(room->b->writes, 1, 16);
}

struct waiting {
	struct pcg_op op;
	unsigned int done;
	int result;
};

static void waiting_done(struct pcg_op *op, int result)
{
	struct waiting *w = (struct waiting *)op;

	w->done++;
	w->result = result;
}

/* A root complex that takes its time: <pcigate/op.h>. */
static void test_pending(void **state)
{
	struct room *room = *state;
	static uint8_t data[8192];
	struct waiting w = { .op = { .done = waiting_done } };
	struct fabric_dma dma = { .f = &room->a->f, .write = true, .data = data, .length = 8192, .op = &w.op };

	room->pend = true;
	assert_int_equal(fabric_dma(&dma), PCG_PENDING);
	room->pending->done(room->pending, 0);
	assert_int_equal(w.done, 0);
	assert_int_equal(dma.moved, 4096);
	room->pending->done(room->pending, 0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.result, 0);
	assert_int_equal(dma.moved, 8192);
	assert_int_equal(dma.status, TLP_SUCCESS);
}

/* PCIe 6.0, 7.5.1.1.3: what is on its way ends, what was to follow does not begin; and nothing is left to call off. */
static void test_pending_without_master(void **state)
{
	struct room *room = *state;
	static uint8_t data[8192];
	struct waiting w = { .op = { .done = waiting_done } };
	struct fabric_dma dma = { .f = &room->a->f, .write = true, .data = data, .length = 8192, .op = &w.op };

	room->pend = true;
	assert_int_equal(fabric_dma(&dma), PCG_PENDING);
	room_put(room, &room->a->f, PCG_COMMAND, 2, 0);
	room->pending->done(room->pending, 0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.result, -EACCES);
	assert_int_equal(dma.status, TLP_UNSUPPORTED);
	fabric_dma_cancel(&dma);
	assert_int_equal(room->cancels, 0);
}

static void test_pending_fails(void **state)
{
	struct room *room = *state;
	uint8_t data[4];
	struct waiting w = { .op = { .done = waiting_done } };
	struct fabric_dma dma = { .f = &room->a->f, .data = data, .length = 4, .op = &w.op };

	room->pend = true;
	assert_int_equal(fabric_dma(&dma), PCG_PENDING);
	room->pending->done(room->pending, -EFAULT);
	assert_int_equal(w.result, -EIO);
	assert_int_equal(dma.status, TLP_UNSUPPORTED);
}

static void test_cancel(void **state)
{
	struct room *room = *state;
	uint8_t data[4];
	struct waiting w = { .op = { .done = waiting_done } };
	struct fabric_dma dma = { .f = &room->a->f, .data = data, .length = 4, .op = &w.op };

	room->pend = true;
	assert_int_equal(fabric_dma(&dma), PCG_PENDING);
	fabric_dma_cancel(&dma);
	assert_int_equal(room->cancels, 1);
	fabric_dma_cancel(&dma);
	assert_int_equal(room->cancels, 1);
	assert_int_equal(w.done, 0);
}

/* PCIe 6.0, 10.4.1 among others: messages go to the root complex, whatever Bus Master Enable says. */
static void test_message(void **state)
{
	struct room *room = *state;
	struct tlp tlp = { .message = TLP_PAGE_REQUEST, .address = 0x1000 };

	room_put(room, &room->a->f, PCG_COMMAND, 2, 0);
	assert_int_equal(fabric_message(&room->a->f, &tlp), TLP_SUCCESS);
	assert_int_equal(room->messages, 1);
	assert_int_equal(room->message.requester, 0x0300);
	room->dp0->below->up = false;
	assert_int_equal(fabric_message(&room->a->f, &tlp), TLP_LOST);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, room_setup, room_teardown)
#define FULL(test)  cmocka_unit_test_setup_teardown(test, room_setup_full, room_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_pages),
		PLAIN(test_requester),
		PLAIN(test_payload_too_long),
		PLAIN(test_completion_too_long),
		PLAIN(test_reserved_sizes),
		PLAIN(test_master_off),
		PLAIN(test_port_master_off),
		PLAIN(test_asleep),
		PLAIN(test_zero_length),
		PLAIN(test_wraps),
		PLAIN(test_refused),
		PLAIN(test_peer),
		PLAIN(test_peer_smaller_than_a_page),
		PLAIN(test_peer_of_other_root_port),
		FULL(test_peer_of_other_root_port_passed),
		FULL(test_acs_redirect),
		FULL(test_acs_direct_translated),
		FULL(test_acs_source_validation),
		FULL(test_acs_translation_blocking),
		PLAIN(test_own_window),
		PLAIN(test_completion_lost_by_id),
		PLAIN(test_ping_pong),
		PLAIN(test_pending),
		PLAIN(test_pending_without_master),
		PLAIN(test_pending_fails),
		PLAIN(test_cancel),
		PLAIN(test_message),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
