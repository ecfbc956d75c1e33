/* SPDX-License-Identifier: BSD-3-Clause */
/* The client library against a server that is slow or wrong. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

#define LONG         5000
#define SHORT        50
#define PATIENT      60000
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the steps below send; each test sets what it needs. */
struct answer {
	struct wire_header header; /* id, command: added to those of the message */
	uint8_t body[256];
	size_t size;
	unsigned int nfds;
};

static void step_answer(struct peer *peer, const struct peer_message *message)
{
	const struct answer *answer = peer->arg;
	struct wire_header header = answer->header;
	int fds[WIRE_FDS_LIMIT] = { 0 }; /* standard input, again and again */

	header.id = (uint16_t)(header.id + message->header.id);
	header.command = (uint16_t)(header.command + message->header.command);
	peer_send(peer, header, answer->body, answer->size, fds, answer->nfds);
}

/* A connection with one scripted step, played for the one call a test makes. */
static const peer_step one_answer[] = { step_answer };

static struct pcg_client *begin(void **state, const struct answer *answer, uint32_t timeout_ms)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct pcg_client *client = NULL;

	assert_non_null(peer);
	*state = peer;
	peer->json = "{}";
	if (answer != NULL) {
		peer->arg = answer;
		peer->steps = one_answer;
		peer->nsteps = 1;
	}
	/* Beside other work the greeting alone may take long. */
	assert_int_equal(peer_start(peer, &client, PATIENT), 0);
	pcg_client_timeout(client, timeout_ms);
	return client;
}

static void end(void **state, struct pcg_client *client)
{
	peer_stop(*state, client);
	free(*state);
	*state = NULL;
}

/* What pcg_client_irq_info() says to this answer, and what became of the connection. */
static int told(const struct answer *answer, int *dead, uint32_t timeout_ms)
{
	struct pcg_client_irq_info info;
	void *state = NULL;
	int before = peer_lowest_fd(), r;
	struct pcg_client *client = begin(&state, answer, timeout_ms);

	r = pcg_client_irq_info(client, 0, &info);
	*dead = pcg_client_dead(client);
	if (r != 0)
		assert_int_equal(((struct peer *)state)->notes, 1);
	/* Alive is not a word: the next answer answers the next call. */
	if (*dead == 0)
		assert_int_equal(pcg_client_irq_info(client, 3, &info), 0);
	end(&state, client);
	assert_int_equal(peer_lowest_fd(), before);
	return r;
}

static void answers_that_lose_the_place(void **state)
{
	static const struct {
		struct answer answer;
		int error;
	} rows[] = {
		{ { .header = { .flags = WIRE_REPLY, .size = 15 }, .size = 16 }, -EPROTO },
		{ { .header = { .flags = WIRE_REPLY, .size = UINT32_MAX }, .size = 16, .nfds = 2 }, -EPROTO },
		{ { .header = { .flags = WIRE_REPLY, .size = 33 }, .size = 16 },
		  -ETIMEDOUT }, /* the rest never comes */
		{ { .header = { .flags = WIRE_REPLY, .id = 1 }, .size = 16 }, -EPROTO },
		{ { .header = { .flags = WIRE_REPLY, .command = 1 }, .size = 16 }, -EPROTO },
		{ { .header = { .flags = 2 }, .size = 16 }, -EPROTO },
	};
	int dead;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(told(&rows[i].answer, &dead, rows[i].error == -ETIMEDOUT ? SHORT : PATIENT),
				 rows[i].error);
		assert_int_equal(dead, rows[i].error);
	}
}

static void answers_that_are_only_wrong(void **state)
{
	static const struct {
		struct answer answer;
		int error;
	} rows[] = {
		{ { .header = { .flags = WIRE_REPLY }, .size = 15 }, -EPROTO },
		{ { .header = { .flags = WIRE_REPLY }, .body = { [8] = 1 }, .size = 16 }, -EPROTO }, /* another index */
		{ { .header = { .flags = WIRE_REPLY | WIRE_ERROR, .error = EBUSY } }, -EBUSY },
		{ { .header = { .flags = WIRE_REPLY | WIRE_ERROR, .error = EBUSY }, .nfds = 3 }, -EBUSY },
		{ { .header = { .flags = WIRE_REPLY | WIRE_ERROR } }, -EIO },
		{ { .header = { .flags = WIRE_REPLY | WIRE_ERROR, .error = 0x80000000u } }, -EIO },
		/* What the server calls so is not what happened to the stream. */
		{ { .header = { .flags = WIRE_REPLY | WIRE_ERROR, .error = ETIMEDOUT } }, -ETIMEDOUT },
	};
	int dead;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(told(&rows[i].answer, &dead, rows[i].error == -ETIMEDOUT ? SHORT : PATIENT),
				 rows[i].error);
		assert_int_equal(dead, 0);
	}
}

static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
	static const struct answer some = { .header = { .flags = WIRE_REPLY }, .size = 16, .nfds = 5 };
	static const struct answer all = { .header = { .flags = WIRE_REPLY }, .size = 16, .nfds = 253 };
	int dead;

	(void)state;
	assert_int_equal(told(&some, &dead, PATIENT), 0);
	assert_int_equal(told(&all, &dead, PATIENT), 0);
}

static void a_late_answer_ends_it_for_good(void **state)
{
	static const peer_step silence[] = { peer_silent };
	struct pcg_client *client = begin(state, NULL, SHORT);
	struct peer *peer = *state;
	uint32_t value;

	peer->steps = silence;
	peer->nsteps = 1;
	assert_int_equal(pcg_client_read32(client, 0, 0, &value), -ETIMEDOUT);
	assert_non_null(strstr(peer->note, "REGION_READ region 0 at 0x0, 4 bytes"));
	assert_non_null(strstr(peer->note, "connection is over"));
	assert_int_equal(pcg_client_dead(client), -ETIMEDOUT);
	assert_int_equal(pcg_client_fd(client), -1);
	assert_int_equal(pcg_client_read32(client, 0, 0, &value), -ENOTCONN);
	assert_int_equal(pcg_client_serve(client), -ENOTCONN);
	assert_int_equal(pcg_client_wait(client, 0, 0), -ENOTCONN);
	assert_int_equal(pcg_client_irq_disable(client, PCG_IRQ_MSI), -ENOTCONN);
	end(state, client);
}

static void a_server_that_hangs_up(void **state)
{
	static const peer_step hang_up[] = { NULL };
	struct pcg_client *client = begin(state, NULL, LONG);
	struct peer *peer = *state;

	peer->steps = hang_up;
	peer->nsteps = 1;
	assert_int_equal(pcg_client_reset(client), -ENOTCONN);
	assert_int_equal(pcg_client_dead(client), -ENOTCONN);
	end(state, client);
}

/* Bigger than any socket buffer, to one who does not read. */
static void step_stall(struct peer *peer, const struct peer_message *message)
{
	struct pollfd gone = { .fd = peer->fd, .events = POLLRDHUP };

	(void)message;
	poll(&gone, 1, LONG);
}

static void a_server_that_does_not_read(void **state)
{
	static const peer_step stall[] = { step_stall };
	struct pcg_client *client = begin(state, NULL, SHORT);
	struct peer *peer = *state;
	uint8_t *data = calloc(8, 1048576);

	assert_non_null(data);
	peer->steps = stall;
	peer->nsteps = 1;
	assert_int_equal(pcg_client_post(client, 0, 0, data, 8 * 1048576), -ETIMEDOUT);
	assert_int_equal(pcg_client_dead(client), -ETIMEDOUT);
	end(state, client);
	free(data);
}

/* --- the beginning --- */

static int first_answer(const char *json, const struct answer *answer, uint32_t timeout_ms)
{
	static const peer_step silence[] = { peer_silent };
	struct peer *peer = calloc(1, sizeof(*peer));
	struct pcg_client *client = NULL;
	int before = peer_lowest_fd(), r;

	assert_non_null(peer);
	peer->json = json;
	peer->arg = answer;
	peer->steps = answer != NULL ? one_answer : silence;
	peer->nsteps = 1;
	r = peer_start(peer, &client, timeout_ms);
	if (r != 0) {
		assert_null(client);
		assert_int_equal(peer->notes, 1);
	}
	peer_stop(peer, client);
	free(peer);
	assert_int_equal(peer_lowest_fd(), before);
	return r;
}

static void versions_that_are_none(void **state)
{
	static const struct answer minor = { .header = { .flags = WIRE_REPLY }, .body = { 0, 0, 1, 1 }, .size = 4 };
	static const struct answer major = { .header = { .flags = WIRE_REPLY }, .body = { 1, 1, 0, 0 }, .size = 4 };
	static const struct answer cut = { .header = { .flags = WIRE_REPLY }, .size = 3 };
	static const struct answer bare = { .header = { .flags = WIRE_REPLY }, .size = 4 };
	static const struct answer refused = { .header = { .flags = WIRE_REPLY | WIRE_ERROR, .error = EACCES } };

	(void)state;
	assert_int_equal(first_answer(NULL, &bare, LONG), 0);
	assert_int_equal(first_answer(NULL, &minor, LONG), 0);
	assert_int_equal(first_answer(NULL, &major, LONG), -EPROTO);
	assert_int_equal(first_answer(NULL, &cut, LONG), -EPROTO);
	assert_int_equal(first_answer(NULL, &refused, LONG), -EACCES);
	assert_int_equal(first_answer(NULL, NULL, SHORT), -ETIMEDOUT);
	assert_int_equal(first_answer("[]", NULL, LONG), -EPROTO);
	assert_int_equal(first_answer("{\"capabilities\":{\"max_data_xfer_size\":0}}", NULL, LONG), -EPROTO);
}

static void nobody_to_connect_to(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[] = "/tmp/pcigate-test-XXXXXX", path[64], endless[200];
	struct pcg_client *client;
	int listener, filler, r, before = peer_lowest_fd();

	(void)state;
	assert_non_null(mkdtemp(name));
	snprintf(path, sizeof(path), "%s/socket", name);
	assert_int_equal(pcg_client_create(&client, path, 0, NULL), -ENOENT);
	assert_null(client);
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(pcg_client_create(&client, endless, 0, NULL), -ENAMETOOLONG);

	/* A listener that never accepts, with its backlog full. */
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	filler = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(connect(filler, (struct sockaddr *)&address, sizeof(address)), 0);
	r = pcg_client_create(&client, path, SHORT, NULL);
	close(filler);
	close(listener);
	unlink(path);
	rmdir(name);
	assert_int_equal(r, -ETIMEDOUT);
	assert_int_equal(peer_lowest_fd(), before);
}

/* --- region info --- */

struct info {
	uint32_t flags, index, cap_offset;
	uint64_t size;
	uint16_t cap;
	uint32_t next, areas;
	uint64_t area_offset, area_size;
	unsigned int nfds;
};

static int region_told(const struct info *info, struct pcg_client_region *region)
{
	struct answer answer = { .header = { .flags = WIRE_REPLY }, .size = 64, .nfds = info->nfds };
	struct wire_region_info wire = { .argsz = 32,
					 .flags = info->flags,
					 .index = info->index,
					 .cap_offset = info->cap_offset,
					 .size = info->size };
	void *state = NULL;
	int before = peer_lowest_fd(), r;
	struct pcg_client *client;

	wire_region_info_write(&wire, answer.body);
	wire_put16(answer.body + 32, info->cap);
	wire_put32(answer.body + 36, info->next);
	wire_put32(answer.body + 40, info->areas);
	wire_put64(answer.body + 48, info->area_offset);
	wire_put64(answer.body + 56, info->area_size);
	client = begin(&state, &answer, LONG);
	r = pcg_client_region_init(client, 1, region);
	assert_int_equal(pcg_client_dead(client), 0);
	if (r == 0) {
		assert_true(region->nareas == 0 || region->nfds > 0);
		pcg_client_region_finish(region);
	}
	end(&state, client);
	assert_int_equal(peer_lowest_fd(), before);
	return r;
}

#define MAPPED (PCG_REGION_READ | PCG_REGION_MMAP | WIRE_REGION_CAPS)

static void region_infos_that_lie(void **state)
{
	static const struct {
		struct info info;
		int error;
	} rows[] = {
		{ { MAPPED, 1, 32, 0x4000, 1, 0, 1, 0x1000, 0x1000, 1 }, 0 },
		{ { MAPPED, 2, 32, 0x4000, 1, 0, 1, 0x1000, 0x1000, 1 }, -EPROTO },  /* another region */
		{ { MAPPED, 1, 32, 0x4000, 1, 32, 1, 0x1000, 0x1000, 1 }, -EPROTO }, /* a loop */
		{ { MAPPED, 1, 31, 0x4000, 1, 0, 1, 0x1000, 0x1000, 1 }, -EPROTO },  /* inside the head */
		{ { MAPPED, 1, 57, 0x4000, 1, 0, 1, 0x1000, 0x1000, 1 }, -EPROTO },  /* over the end */
		{ { MAPPED, 1, UINT32_MAX, 0x4000, 1, 0, 1, 0x1000, 0x1000, 1 }, -EPROTO },
		{ { MAPPED, 1, 56, 0x4000, 1, 0, 1, 0x1000, 1, 1 }, -EPROTO },      /* an empty capability */
		{ { MAPPED, 1, 32, 0x4000, 1, 0, 2, 0x1000, 0x1000, 1 }, -EPROTO }, /* areas cut off */
		{ { MAPPED, 1, 32, 0x4000, 1, 0, UINT32_MAX, 0x1000, 0x1000, 1 }, -EPROTO },
		{ { MAPPED, 1, 32, 0x4000, 1, 0, 1, 0x1000, 0, 1 }, -EPROTO }, /* an empty area */
		{ { MAPPED, 1, 32, 0x4000, 1, 0, 1, 0x4000, 1, 1 }, -EPROTO }, /* outside */
		{ { MAPPED, 1, 32, 0x4000, 1, 0, 1, 0x1000, UINT64_MAX, 1 }, -EPROTO },
		{ { MAPPED, 1, 32, 0x4000, 1, 0, 1, 0x1000, 0x1000, 2 }, -EPROTO },  /* 2 descriptors, 1 area */
		{ { MAPPED, 1, 32, 0x4000, 1, 0, 1, 0x1000, 0x1000, 17 }, -EPROTO }, /* more than are taken */
		{ { PCG_REGION_READ, 1, 0, 0x4000, 0, 0, 0, 0, 0, 16 }, 0 },         /* as many as are taken */
		{ { PCG_REGION_READ, 1, 0, 0x4000, 0, 0, 0, 0, 0, 17 }, -EPROTO },
		{ { MAPPED, 1, 32, 0x4000, 1, 0, 1, 0x1000, 0x1000, 0 }, 0 }, /* nothing to map with */
		{ { MAPPED, 1, 32, 0x4000, 2, 0, 1, 0x1000, 0x1000, 1 }, 0 }, /* an unknown capability */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pcg_client_region region;

		assert_int_equal(region_told(&rows[i].info, &region), rows[i].error);
	}
}

static void a_region_that_wants_ever_more_room(void **state)
{
	static const peer_step twice[] = { step_answer, step_answer };
	struct answer answer = { .header = { .flags = WIRE_REPLY }, .size = 32 };
	struct pcg_client *client = begin(state, &answer, LONG);
	struct peer *peer = *state;
	struct pcg_client_region region;

	wire_put32(answer.body + 8, 1);
	wire_put32(answer.body, 4160); /* asked again, with the same answer */
	peer->steps = twice;
	peer->nsteps = 2;
	assert_int_equal(pcg_client_region_init(client, 1, &region), 0);
	wire_put32(answer.body, 0x10000040);
	end(state, client);
	client = begin(state, &answer, LONG);
	assert_int_equal(pcg_client_region_init(client, 1, &region), -EPROTO);
	end(state, client);
}

static void a_read_with_another_length(void **state)
{
	struct answer answer = { .header = { .flags = WIRE_REPLY }, .size = 19 };
	uint32_t value = 7;

	wire_put32(answer.body + 12, 4);
	for (answer.size = 19; answer.size <= 21; answer.size++) {
		struct pcg_client *client = begin(state, &answer, LONG);

		assert_int_equal(pcg_client_read32(client, 0, 0, &value), answer.size == 20 ? 0 : -EPROTO);
		assert_int_equal(value, answer.size == 19 ? 7 : 0);
		end(state, client);
	}
	answer.size = 20;
	wire_put32(answer.body + 12, 3);
	{
		struct pcg_client *client = begin(state, &answer, LONG);

		assert_int_equal(pcg_client_read32(client, 0, 0, &value), -EPROTO);
		end(state, client);
	}
}

static void a_feature_that_answers_another(void **state)
{
	struct answer answer = { .header = { .flags = WIRE_REPLY }, .size = 12, .nfds = 1 };
	struct pcg_client_feature feature = { .flags = 5 | PCG_CLIENT_FEATURE_GET };
	int before = peer_lowest_fd();
	struct pcg_client *client = begin(state, &answer, LONG);

	assert_int_equal(pcg_client_feature(client, &feature), -EPROTO);
	assert_int_equal(feature.fd, -1);
	end(state, client);
	wire_put32(answer.body + 4, feature.flags);
	client = begin(state, &answer, LONG);
	assert_int_equal(pcg_client_feature(client, &feature), 0);
	assert_int_equal(feature.length, 4);
	assert_true(feature.fd >= 0);
	close(feature.fd);
	end(state, client);
	assert_int_equal(peer_lowest_fd(), before);
}

static void a_feature_that_is_not_there(void **state)
{
	static const struct answer none = { .header = { .flags = WIRE_REPLY | WIRE_ERROR, .error = ENOTTY } };
	static const struct answer busy = { .header = { .flags = WIRE_REPLY | WIRE_ERROR, .error = EBUSY } };
	struct pcg_client *client = begin(state, &none, LONG);

	assert_int_equal(pcg_client_feature_probe(client, 5, 0), -ENOTTY);
	assert_int_equal(((struct peer *)*state)->notes, 0);
	end(state, client);
	client = begin(state, &busy, LONG);
	assert_int_equal(pcg_client_feature_probe(client, 5, 0), -EBUSY);
	assert_int_equal(((struct peer *)*state)->notes, 1);
	end(state, client);
	client = begin(state, &none, LONG);
	assert_int_equal(pcg_client_feature_set(client, 5, "x", 1), -ENOTTY);
	assert_int_equal(((struct peer *)*state)->notes, 1);
	end(state, client);
}

static void a_descriptor_that_is_not_open(void **state)
{
	struct pcg_client *client = begin(state, NULL, LONG);
	int closed = 999;
	uint32_t value;

	assert_int_equal(pcg_client_irq_enable(client, PCG_IRQ_ERR, 0, 1, &closed), -EBADF);
	assert_int_equal(pcg_client_wait(client, closed, LONG), -EBADF);
	assert_int_equal(pcg_client_dead(client), 0);
	assert_int_equal(pcg_client_read32(client, 0, 0, &value), 0);
	end(state, client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_lose_the_place),
		cmocka_unit_test(answers_that_are_only_wrong),
		cmocka_unit_test(descriptors_that_nobody_asked_for_are_closed),
		cmocka_unit_test(a_late_answer_ends_it_for_good),
		cmocka_unit_test(a_server_that_hangs_up),
		cmocka_unit_test(a_server_that_does_not_read),
		cmocka_unit_test(versions_that_are_none),
		cmocka_unit_test(nobody_to_connect_to),
		cmocka_unit_test(region_infos_that_lie),
		cmocka_unit_test(a_region_that_wants_ever_more_room),
		cmocka_unit_test(a_read_with_another_length),
		cmocka_unit_test(a_feature_that_answers_another),
		cmocka_unit_test(a_feature_that_is_not_there),
		cmocka_unit_test(a_descriptor_that_is_not_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
