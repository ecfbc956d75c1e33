/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "host/sim/endpoint_test.h"

/* Accesses made before others have their turn: 256 KiB copied and summed take well under a millisecond. */
#define STEPS_A_TURN 4

/**
 * struct endpoint_row - one command
 * @command: its bit
 * @load: it fetches memory at SRC_ADDR
 * @store: it stores memory at DST_ADDR
 * @success, @fail: what STATUS says afterwards
 *
 * Commands that move nothing end as if they had failed to: with @fail and the interrupt.
 */
struct endpoint_row {
	enum endpoint_command command;
	bool load;
	bool store;
	uint32_t success;
	uint32_t fail;
};

/* Doorbells and BAR sub-ranges are not in CAPS; a driver that asks nonetheless is told. */
static const struct endpoint_row rows[] = {
	{ .command = ENDPOINT_RAISE_INTX },
	{ .command = ENDPOINT_RAISE_MSI },
	{ .command = ENDPOINT_RAISE_MSIX },
	{ .command = ENDPOINT_READ, .load = true, .success = ENDPOINT_READ_SUCCESS, .fail = ENDPOINT_READ_FAIL },
	{ .command = ENDPOINT_WRITE, .store = true, .success = ENDPOINT_WRITE_SUCCESS, .fail = ENDPOINT_WRITE_FAIL },
	{ .command = ENDPOINT_COPY,
	  .load = true,
	  .store = true,
	  .success = ENDPOINT_COPY_SUCCESS,
	  .fail = ENDPOINT_COPY_FAIL },
	{ .command = ENDPOINT_ENABLE_DOORBELL, .fail = ENDPOINT_DOORBELL_ENABLE_FAIL },
	{ .command = ENDPOINT_DISABLE_DOORBELL, .fail = ENDPOINT_DOORBELL_DISABLE_FAIL },
	{ .command = ENDPOINT_BAR_SUBRANGE_SETUP, .fail = ENDPOINT_SUBRANGE_SETUP_FAIL },
	{ .command = ENDPOINT_BAR_SUBRANGE_CLEAR, .fail = ENDPOINT_SUBRANGE_CLEAR_FAIL },
};

/* --- registers --- */

/* What only the function writes. */
static void registers_fix(struct endpoint *endpoint)
{
	const struct endpoint_options *o = &endpoint->options;
	uint32_t caps = ENDPOINT_CAP_UNALIGNED;

	caps |= o->msi > 0 ? ENDPOINT_CAP_MSI : 0;
	caps |= o->msix > 0 ? ENDPOINT_CAP_MSIX : 0;
	caps |= o->intx ? ENDPOINT_CAP_INTX : 0;
	/* The driver cannot reach an I/O BAR: without the bit its test fails instead of being skipped. */
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		caps |= o->bars[i].kind == PCG_BAR_IO ? (uint32_t)ENDPOINT_CAP_BAR0_RESERVED << i : 0;
	endpoint_set(endpoint, ENDPOINT_CAPS, caps);
	endpoint_set(endpoint, ENDPOINT_DB_BAR, UINT32_MAX);
	endpoint_set(endpoint, ENDPOINT_DB_OFFSET, 0);
	endpoint_set(endpoint, ENDPOINT_DB_DATA, 0);
}

void endpoint_registers_init(struct endpoint *endpoint)
{
	memset(endpoint->registers, 0, sizeof(endpoint->registers));
	registers_fix(endpoint);
}

static uint64_t registers_address(const struct endpoint *endpoint, enum endpoint_register reg)
{
	return endpoint_get(endpoint, reg) | (uint64_t)pcg_get32(endpoint->registers + reg + 4) << 32;
}

/* Execute and privileged are bits of the PASID prefix (PCIe 6.0, 6.20.2). */
static void command_take_request(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	uint32_t pasid = endpoint_get(endpoint, ENDPOINT_PASID);

	t->flags = endpoint_get(endpoint, ENDPOINT_REQUEST_FLAGS);
	t->pasid = (struct tlp_pasid){
		.present = (pasid & ENDPOINT_PASID_PRESENT) != 0,
		.value = pasid & ENDPOINT_PASID_VALUE,
	};
	t->pasid.execute = t->pasid.present && (t->flags & ENDPOINT_EXECUTE) != 0;
	t->pasid.privileged = t->pasid.present && (t->flags & ENDPOINT_PRIVILEGED) != 0;
	endpoint_set(endpoint, ENDPOINT_RESULT, 0);
}

/*
 * Take a command: from now on its registers are the driver's again. A command word that is none, or an interrupt
 * type that is none, is taken too and comes to nothing.
 */
static void command_take(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	uint32_t command = endpoint_get(endpoint, ENDPOINT_COMMAND);

	if (t->row != NULL || command == 0)
		return;
	endpoint_set(endpoint, ENDPOINT_COMMAND, 0);
	endpoint_set(endpoint, ENDPOINT_STATUS, 0);
	t->irq_type = endpoint_get(endpoint, ENDPOINT_IRQ_TYPE);
	if (t->irq_type > ENDPOINT_IRQ_MSIX)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].command == command)
			t->row = &rows[i];
	t->irq_number = endpoint_get(endpoint, ENDPOINT_IRQ_NUMBER);
	t->src = registers_address(endpoint, ENDPOINT_SRC_ADDR);
	t->dst = registers_address(endpoint, ENDPOINT_DST_ADDR);
	t->size = endpoint_get(endpoint, ENDPOINT_SIZE);
	t->checksum = endpoint_get(endpoint, ENDPOINT_CHECKSUM);
	t->moved = 0;
	t->piece = 0;
	t->done = 0;
	t->asked = 0;
	t->crc = (uint32_t)crc32(0, NULL, 0);
	t->loaded = false;
	t->answered = false;
	command_take_request(endpoint);
	if (t->row != NULL)
		endpoint_wake(endpoint);
}

void endpoint_registers_read(struct endpoint *endpoint, uint64_t offset, void *data, size_t length)
{
	endpoint_set(endpoint, ENDPOINT_ATC_ENTRIES, endpoint_atc_count(&endpoint->atc));
	memcpy(data, endpoint->registers + offset, length);
}

void endpoint_registers_write(struct endpoint *endpoint, uint64_t offset, const void *data, size_t length)
{
	uint32_t status = endpoint_get(endpoint, ENDPOINT_STATUS);
	uint32_t result = endpoint_get(endpoint, ENDPOINT_RESULT);

	memcpy(endpoint->registers + offset, data, length);
	registers_fix(endpoint);
	/* The driver clears STATUS before some commands; bits of it are nobody's but the function's to set. */
	endpoint_set(endpoint, ENDPOINT_STATUS, endpoint_get(endpoint, ENDPOINT_STATUS) & status);
	endpoint_set(endpoint, ENDPOINT_RESULT, result);
	command_take(endpoint);
}

/* --- the end of a command --- */

static void command_buffer_free(struct endpoint *endpoint)
{
	free(endpoint->transfer.buffer);
	endpoint->transfer.buffer = NULL;
}

static void command_end(struct endpoint *endpoint, uint32_t status)
{
	/* STATUS first: the interrupt handler looks at it. */
	endpoint_set(endpoint, ENDPOINT_STATUS, status | ENDPOINT_IRQ_RAISED);
	endpoint->transfer.row = NULL;
	/* There may be many endpoints, and few that move something. */
	command_buffer_free(endpoint);
	endpoint_irq_raise(endpoint, endpoint->transfer.irq_type, endpoint->transfer.irq_number);
}

/* --- transfers --- */

static void command_fail(struct endpoint *endpoint, int error, bool storing)
{
	uint32_t status = endpoint->transfer.row->fail;

	if (error == -EFAULT)
		status |= storing ? ENDPOINT_DST_ADDR_INVALID : ENDPOINT_SRC_ADDR_INVALID;
	command_end(endpoint, status);
}

static void command_finish(struct endpoint *endpoint)
{
	const struct endpoint_transfer *t = &endpoint->transfer;
	/* Linux's crc32_le(~0, ...) leaves out the inversion at the end, which zlib's has. */
	uint32_t crc = ~t->crc;

	if (!t->row->store && crc != t->checksum) {
		command_end(endpoint, t->row->fail);
		return;
	}
	if (!t->row->load)
		endpoint_set(endpoint, ENDPOINT_CHECKSUM, crc);
	command_end(endpoint, t->row->success);
}

/* xorshift64*, 8 bytes a step: data that differs from piece to piece, nothing more is asked of it. */
static void command_randomize(struct endpoint *endpoint, uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i += 8) {
		uint64_t x = endpoint->random;

		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		endpoint->random = x;
		x *= UINT64_C(0x2545f4914f6cdd1d);
		memcpy(data + i, &x, length - i < 8 ? length - i : 8);
	}
}

void endpoint_command_answer(struct endpoint *endpoint, int result)
{
	struct endpoint_transfer *t = &endpoint->transfer;

	t->waiting = false;
	t->answered = true;
	t->result = result;
	endpoint_wake(endpoint);
}

/* The next access of the transfer: fetch a piece, or store the one that is there. As endpoint_access(). */
static int command_ask(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;

	if (t->buffer == NULL)
		t->buffer = malloc(PCG_DMA_MESSAGE_MAX);
	if (t->buffer == NULL)
		return -ENOMEM;
	if (t->loaded)
		return endpoint_access(endpoint, true, t->dst + t->moved, t->buffer, t->piece);
	t->piece = t->size - t->moved < PCG_DMA_MESSAGE_MAX ? t->size - t->moved : PCG_DMA_MESSAGE_MAX;
	if (t->row->load)
		return endpoint_access(endpoint, false, t->src + t->moved, t->buffer, t->piece);
	command_randomize(endpoint, t->buffer, t->piece);
	return PCG_DONE;
}

/* An access ended well: @buffer was filled, or its piece stored. */
static void command_advance(struct endpoint_transfer *t)
{
	if (!t->loaded)
		t->crc = (uint32_t)crc32(t->crc, t->buffer, t->piece);
	t->loaded = !t->loaded && t->row->store;
	if (!t->loaded)
		t->moved += t->piece;
}

static bool command_sound(const struct endpoint *endpoint)
{
	const struct endpoint_transfer *t = &endpoint->transfer;

	return t->size != 0 && t->size <= endpoint->options.max_transfer;
}

/* One step of the command under way. false: it waits. */
static bool command_step(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	bool storing = t->loaded;
	int r;

	if (!t->row->load && !t->row->store) {
		command_end(endpoint, t->row->fail);
		return true;
	}
	r = command_sound(endpoint) ? command_ask(endpoint) : -EINVAL;
	if (r == PCG_PENDING)
		return false;
	if (r != 0) {
		command_fail(endpoint, r, storing);
		return true;
	}
	command_advance(t);
	if (t->moved == t->size)
		command_finish(endpoint);
	return true;
}

bool endpoint_command_work(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;

	for (unsigned int i = 0; i < STEPS_A_TURN; i++) {
		/* What was written while another was under way waits in its register. */
		command_take(endpoint);
		if (t->row == NULL || t->waiting || !command_step(endpoint))
			return false;
	}
	return t->row != NULL || endpoint_get(endpoint, ENDPOINT_COMMAND) != 0;
}

void endpoint_command_drop(struct endpoint *endpoint)
{
	endpoint_access_drop(endpoint);
	command_buffer_free(endpoint);
	endpoint->transfer.row = NULL;
	endpoint_set(endpoint, ENDPOINT_COMMAND, 0);
}
