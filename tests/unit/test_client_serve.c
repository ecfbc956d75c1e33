/* SPDX-License-Identifier: BSD-3-Clause */
/* The client library against a server that asks for its memory. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"

#define LONG         5000
#define SHORT        50
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct pcg_client *begin(void **state, uint32_t timeout_ms)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct pcg_client *client = NULL;

	assert_non_null(peer);
	*state = peer;
	peer->json = "{}";
	assert_int_equal(peer_start(peer, &client, timeout_ms), 0);
	return client;
}

static void end(void **state, struct pcg_client *client)
{
	peer_stop(*state, client);
	free(*state);
	*state = NULL;
}

struct ask {
	uint16_t command;
	uint64_t address, count;
	size_t data; /* bytes that come with it */
	uint32_t error;
};

struct memory {
	struct pcg_client *client;
	uint8_t bytes[64];
	unsigned int asked;
};

static int memory_read(void *arg, uint64_t iova, void *data, size_t length)
{
	struct memory *memory = arg;

	memory->asked++;
	if (iova < 0x1000 || length > 64 || iova - 0x1000 > 64 - length)
		return -EFAULT;
	memcpy(data, memory->bytes + (iova - 0x1000), length);
	return 0;
}

static int memory_write(void *arg, uint64_t iova, const void *data, size_t length)
{
	struct memory *memory = arg;
	uint32_t value;

	memory->asked++;
	assert_int_equal(pcg_client_read32(memory->client, 0, 0, &value), -EBUSY);
	assert_int_equal(pcg_client_serve(memory->client), -EBUSY);
	if (iova < 0x1000 || length > 64 || iova - 0x1000 > 64 - length)
		return -EFAULT;
	memcpy(memory->bytes + (iova - 0x1000), data, length);
	return 0;
}

/* Before it answers, the server asks; what it is told goes to the peer's memory. */
static void step_ask(struct peer *peer, const struct peer_message *message)
{
	static struct peer_message told;
	const struct ask *ask = peer->arg;
	const struct wire_header header = { .id = 77, .command = ask->command };
	uint8_t body[WIRE_ACCESS_SIZE + 64] = { 0 };

	wire_put64(body, ask->address);
	wire_put64(body + 8, ask->count);
	memcpy(body + WIRE_ACCESS_SIZE, "written", 7);
	peer_send(peer, header, body, WIRE_ACCESS_SIZE + ask->data, NULL, 0);
	peer_receive(peer, &told);
	pcg_put32(peer->bar0, told.header.id);
	pcg_put32(peer->bar0 + 4, told.header.flags);
	pcg_put32(peer->bar0 + 8, told.header.error);
	memcpy(peer->bar0 + 16, told.body, 64);
	peer_device(peer, message);
}

static void memory_is_served_within_a_call(void **state)
{
	static const struct ask asks[] = {
		{ WIRE_DMA_READ, 0x1008, 8, 0, 0 },
		{ WIRE_DMA_WRITE, 0x1010, 7, 7, 0 },
		{ WIRE_DMA_READ, 0x2000, 8, 0, EFAULT },
		{ WIRE_DMA_READ, 0x1000, 0, 0, EINVAL },
		{ WIRE_DMA_READ, 0x1000, 1048577, 0, EINVAL },
		{ WIRE_DMA_READ, 0x1000, UINT64_MAX, 0, EINVAL },
		{ WIRE_DMA_READ, UINT64_MAX, 2, 0, EINVAL },
		{ WIRE_DMA_READ, 0x1000, 8, 1, EINVAL },
		{ WIRE_DMA_WRITE, 0x1000, 8, 7, EINVAL },
		{ WIRE_RESET, 0x1000, 8, 0, ENOTSUP },
		{ 0xffff, 0x1000, 8, 0, ENOTSUP },
	};
	static const peer_step steps[] = { step_ask };

	for (size_t i = 0; i < COUNT(asks); i++) {
		struct pcg_client *client = begin(state, LONG);
		struct memory memory = { .client = client, .bytes = "0123456789abcdef" };
		const struct pcg_client_memory hooks = { &memory, memory_read, memory_write };
		struct peer *peer = *state;
		uint8_t result[32];

		peer->steps = steps;
		peer->nsteps = 1;
		peer->arg = &asks[i];
		pcg_client_memory(client, &hooks);
		assert_int_equal(pcg_client_reset(client), 0);
		assert_int_equal(pcg_client_read(client, 0, 0, result, sizeof(result)), 0);
		assert_int_equal(pcg_get32(result), 77);
		assert_int_equal(pcg_get32(result + 4), asks[i].error != 0 ? WIRE_REPLY | WIRE_ERROR : WIRE_REPLY);
		assert_int_equal(pcg_get32(result + 8), asks[i].error);
		assert_int_equal(memory.asked, i < 3 ? 1 : 0);
		if (i == 0)
			assert_memory_equal(peer->bar0 + 16 + WIRE_ACCESS_SIZE, "89abcdef", 8);
		if (i == 1)
			assert_memory_equal(memory.bytes + 0x10, "written", 7);
		end(state, client);
	}
}

static void without_hooks_there_is_no_memory(void **state)
{
	static const struct ask ask = { WIRE_DMA_READ, 0x1000, 8, 0, ENODEV };
	static const peer_step steps[] = { step_ask };
	struct pcg_client *client = begin(state, LONG);
	struct peer *peer = *state;
	uint32_t error;

	peer->steps = steps;
	peer->nsteps = 1;
	peer->arg = &ask;
	assert_int_equal(pcg_client_reset(client), 0);
	assert_int_equal(pcg_client_read32(client, 0, 8, &error), 0);
	assert_int_equal(error, ENODEV);
	end(state, client);
}

/* Asked by the test's own thread, while the peer's waits for a message. */
static void ask_now(struct peer *peer, uint32_t flags, uint16_t command, size_t size)
{
	const struct wire_header header = { .id = 5, .command = command, .flags = flags };
	uint8_t body[WIRE_ACCESS_SIZE] = { 0 };

	wire_put64(body, 0x1000);
	wire_put64(body + 8, 8);
	peer_send(peer, header, body, size, NULL, 0);
}

static void a_poll_loop_serves(void **state)
{
	struct pcg_client *client = begin(state, LONG);
	struct memory memory = { .client = client };
	const struct pcg_client_memory hooks = { &memory, memory_read, memory_write };
	struct pollfd fd = { .fd = pcg_client_fd(client), .events = POLLIN };

	pcg_client_memory(client, &hooks);
	assert_int_equal(pcg_client_serve(client), 0);
	ask_now(*state, WIRE_NO_REPLY, WIRE_DMA_READ, WIRE_ACCESS_SIZE);
	ask_now(*state, WIRE_NO_REPLY, WIRE_DMA_READ, WIRE_ACCESS_SIZE);
	assert_int_equal(poll(&fd, 1, LONG), 1);
	assert_int_equal(pcg_client_serve(client), 2);
	assert_int_equal(memory.asked, 2);
	assert_int_equal(pcg_client_wait(client, pcg_client_fd(client), 0), -ETIMEDOUT);
	end(state, client);
}

static void an_answer_to_nothing_ends_it(void **state)
{
	struct pcg_client *client = begin(state, LONG);

	ask_now(*state, WIRE_REPLY, WIRE_DMA_READ, WIRE_ACCESS_SIZE);
	assert_int_equal(pcg_client_serve(client), -EPROTO);
	assert_int_equal(pcg_client_dead(client), -EPROTO);
	end(state, client);
}

/* Requests without end do not push the deadline of the call they interrupt. */
static void step_nag(struct peer *peer, const struct peer_message *message)
{
	struct pollfd gone = { .fd = peer->fd, .events = POLLRDHUP };

	(void)message;
	for (int i = 0; i < 5000 && poll(&gone, 1, 1) == 0; i++)
		ask_now(peer, WIRE_NO_REPLY, WIRE_DMA_READ, WIRE_ACCESS_SIZE);
}

static void requests_without_end(void **state)
{
	static const peer_step nag[] = { step_nag };
	struct pcg_client *client = begin(state, SHORT);
	struct peer *peer = *state;

	peer->steps = nag;
	peer->nsteps = 1;
	assert_int_equal(pcg_client_reset(client), -ETIMEDOUT);
	end(state, client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_served_within_a_call),
		cmocka_unit_test(without_hooks_there_is_no_memory),
		cmocka_unit_test(a_poll_loop_serves),
		cmocka_unit_test(an_answer_to_nothing_ends_it),
		cmocka_unit_test(requests_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
