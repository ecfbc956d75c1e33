/* SPDX-License-Identifier: BSD-3-Clause */
/* The client library's calls for PASIDs: what they send, and servers that answer them with something else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <pcigate/client_pasid.h>

#include "peer.h"

#define PATIENT 60000
#define HEAD    8u

/* What step_answer() says of a feature: flags as asked, and these bytes. */
struct answer {
	uint8_t payload[2048];
	size_t size;
	unsigned int nfds;
};

static void step_answer(struct peer *peer, const struct peer_message *message)
{
	const struct answer *answer = peer->arg;
	struct wire_header header = { .id = message->header.id,
				      .command = message->header.command,
				      .flags = WIRE_REPLY };
	uint8_t body[HEAD + sizeof(answer->payload)];
	int fds[2] = { 0, 0 };

	wire_put32(body, (uint32_t)(HEAD + answer->size));
	wire_put32(body + 4, wire_get32(message->body + 4));
	memcpy(body + HEAD, answer->payload, answer->size);
	peer_send(peer, header, body, HEAD + answer->size, fds, answer->nfds);
}

static const peer_step answers[] = { step_answer, step_answer, step_answer };

static struct pcg_client *begin(void **state, const struct answer *answer)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct pcg_client *client = NULL;

	assert_non_null(peer);
	*state = peer;
	peer->json = "{}";
	peer->arg = answer;
	peer->steps = answers;
	peer->nsteps = 3;
	assert_int_equal(peer_start(peer, &client, PATIENT), 0);
	return client;
}

/* The messages that came are still to be looked at: teardown() frees them. */
static int teardown(void **state)
{
	free(*state);
	return 0;
}

static const struct peer_message *seen(void **state, unsigned int n, uint16_t feature)
{
	const struct peer *peer = *state;

	assert_true(n < peer->nseen);
	assert_int_equal(wire_get32(peer->seen[n].body + 4) & 0xffff, feature);
	return &peer->seen[n];
}

static void a_wish_as_it_is_sent(void **state)
{
	static const struct answer answer = { .size = 0 };
	struct pcg_client *client = begin(state, &answer);
	struct pcg_feature_pasid sent;

	assert_int_equal(pcg_client_pasid(client, 12, PCG_FEATURE_PASID_EXECUTE | PCG_FEATURE_PASID_ATS), 0);
	peer_stop(*state, client);
	memcpy(&sent, seen(state, 0, PCG_FEATURE_PASID)->body + HEAD, sizeof(sent));
	assert_int_equal(sent.shown_width, 12);
	assert_int_equal(sent.shown, 5);
}

static void an_offer_whose_reason_does_not_end(void **state)
{
	struct answer answer = { .size = sizeof(struct pcg_feature_pasid) };
	struct pcg_feature_pasid offer;
	struct pcg_client *client;

	memset(answer.payload, 'x', sizeof(answer.payload));
	client = begin(state, &answer);
	assert_int_equal(pcg_client_pasid_offer(client, &offer), 0);
	assert_int_equal(strlen(offer.reason), sizeof(offer.reason) - 1);
	answer.size--;
	assert_int_equal(pcg_client_pasid_offer(client, &offer), -EPROTO);
	peer_stop(*state, client);
}

static void a_new_space(void **state)
{
	struct answer answer = { .size = sizeof(struct pcg_feature_space), .nfds = 1 };
	struct pcg_feature_space made = { .space = 77 };
	int before = peer_lowest_fd();
	struct pcg_client *client;
	uint32_t space = 5;

	memcpy(answer.payload, &made, sizeof(made));
	client = begin(state, &answer);
	assert_int_equal(pcg_client_space_create(client, &space), 0);
	assert_int_equal(space, 77);
	for (answer.size = sizeof(made) - 1, space = 5; answer.size <= sizeof(made) + 1; answer.size += 2) {
		assert_int_equal(pcg_client_space_create(client, &space), -EPROTO);
		assert_int_equal(space, 5);
	}
	peer_stop(*state, client);
	/* What came along was not asked for. */
	assert_int_equal(peer_lowest_fd(), before);
}

static void a_batch(void **state)
{
	struct answer answer = { .size = sizeof(struct pcg_feature_batch) + 2 * sizeof(struct pcg_feature_fault) };
	struct pcg_feature_batch batch = { .count = 2 };
	struct pcg_feature_fault faults[3] = { { .address = 1 } }, sent = { .address = 0x1234, .reason = 5 };
	struct pcg_client *client;
	uint32_t count = 0;

	memcpy(answer.payload, &batch, sizeof(batch));
	memcpy(answer.payload + sizeof(batch), &sent, sizeof(sent));
	client = begin(state, &answer);
	assert_int_equal(pcg_client_faults(client, faults, 3, &count), 0);
	assert_int_equal(count, 2);
	assert_memory_equal(&faults[0], &sent, sizeof(sent));
	peer_stop(*state, client);
	assert_int_equal(wire_get32(seen(state, 0, PCG_FEATURE_FAULT)->body + HEAD), 3);
	/* As much room as was asked for. */
	assert_int_equal(wire_get32(seen(state, 0, PCG_FEATURE_FAULT)->body), HEAD + sizeof(batch) + 3 * sizeof(sent));
}

static void batches_that_lie(void **state)
{
	static const struct {
		uint32_t count;
		size_t size;
	} rows[] = {
		{ 3, sizeof(struct pcg_feature_batch) + 3 * sizeof(struct pcg_feature_page_request) },
		{ 2, sizeof(struct pcg_feature_batch) + sizeof(struct pcg_feature_page_request) },
		{ 1, sizeof(struct pcg_feature_batch) + 2 * sizeof(struct pcg_feature_page_request) },
		{ UINT32_MAX, sizeof(struct pcg_feature_batch) },
		{ 0, sizeof(struct pcg_feature_batch) - 1 },
		{ 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer = { .size = rows[i].size };
		struct pcg_feature_page_request requests[2];
		struct pcg_client *client;
		uint32_t count = 9;

		wire_put32(answer.payload, rows[i].count);
		client = begin(state, &answer);
		assert_int_equal(pcg_client_page_requests(client, requests, 2, &count), -EPROTO);
		assert_int_equal(count, 0);
		assert_int_equal(pcg_client_dead(client), 0);
		peer_stop(*state, client);
		free(*state);
		*state = NULL;
	}
}

static void answers_to_groups(void **state)
{
	const struct pcg_feature_page_response responses[2] = { { .pasid = 1, .group = 2, .code = 15, .flags = 16 } };
	struct answer answer = { .size = sizeof(struct pcg_feature_batch) };
	struct pcg_client *client;
	uint32_t done = 9;

	wire_put32(answer.payload, 1);
	client = begin(state, &answer);
	assert_int_equal(pcg_client_page_respond(client, responses, 0, &done), -EINVAL);
	assert_int_equal(pcg_client_page_respond(client, responses, PCG_FEATURE_BATCH + 1, &done), -EINVAL);
	assert_int_equal(pcg_client_page_respond(client, responses, 2, &done), 0);
	assert_int_equal(done, 1);
	assert_int_equal(pcg_client_page_respond(client, responses, 1, NULL), 0);
	/* More than were sent. */
	wire_put32(answer.payload, 2);
	assert_int_equal(pcg_client_page_respond(client, responses, 1, &done), -EPROTO);
	peer_stop(*state, client);
	assert_int_equal(((struct peer *)*state)->nseen, 3);
	assert_memory_equal(seen(state, 0, PCG_FEATURE_PAGE_REQUEST)->body + HEAD + sizeof(struct pcg_feature_batch),
			    responses, sizeof(responses));
}

static void eventfds(void **state)
{
	static const struct answer answer = { .size = sizeof(struct pcg_feature_event) };
	int before = peer_lowest_fd(), fd = eventfd(0, EFD_CLOEXEC);
	struct pcg_client *client = begin(state, &answer);

	assert_int_equal(pcg_client_event_fd(client), -1);
	assert_int_equal(pcg_client_event_wait(client, 0), -EINVAL);
	assert_int_equal(pcg_client_event_enable(client, -1), 0);
	assert_true(pcg_client_event_fd(client) >= 0);
	assert_int_equal(pcg_client_event_wait(client, 0), -ETIMEDOUT);
	assert_int_equal(eventfd_write(pcg_client_event_fd(client), 3), 0);
	assert_int_equal(pcg_client_event_wait(client, 0), 0);
	assert_int_equal(pcg_client_event_wait(client, 0), -ETIMEDOUT);
	assert_int_equal(pcg_client_event_enable(client, fd), 0);
	assert_int_equal(pcg_client_event_fd(client), -1);
	assert_int_equal(pcg_client_event_disable(client), 0);
	peer_stop(*state, client);
	close(fd);
	assert_int_equal(seen(state, 0, PCG_FEATURE_EVENT)->nfds, 1);
	assert_int_equal(seen(state, 1, PCG_FEATURE_EVENT)->nfds, 1);
	assert_int_equal(seen(state, 2, PCG_FEATURE_EVENT)->nfds, 0);
	assert_int_equal(peer_lowest_fd(), before);
}

/* Nothing of the library's is left behind when the client goes with it on. */
static void an_eventfd_that_stays_on(void **state)
{
	static const struct answer answer = { .size = sizeof(struct pcg_feature_event) };
	int before = peer_lowest_fd();
	struct pcg_client *client = begin(state, &answer);

	assert_int_equal(pcg_client_event_enable(client, -1), 0);
	assert_int_equal(pcg_client_event_enable(client, -1), 0);
	peer_stop(*state, client);
	assert_int_equal(peer_lowest_fd(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_wish_as_it_is_sent, teardown),
		cmocka_unit_test_teardown(an_offer_whose_reason_does_not_end, teardown),
		cmocka_unit_test_teardown(a_new_space, teardown),
		cmocka_unit_test_teardown(a_batch, teardown),
		cmocka_unit_test_teardown(batches_that_lie, teardown),
		cmocka_unit_test_teardown(answers_to_groups, teardown),
		cmocka_unit_test_teardown(eventfds, teardown),
		cmocka_unit_test_teardown(an_eventfd_that_stays_on, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
