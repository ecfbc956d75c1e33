/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets a function that a process may still reach by what it has mapped: nobody else, whatever becomes of its next
 * connection. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/connection.h"
#include "serve/eventfd.h"
#include "serve/peers.h"

struct room {
	struct serve_loop loop;
	struct eventfd_signaller signaller;
	struct peers peers;
	struct pcg_host_pool *pool;
	struct serve_options options;
	struct slot_home home;
	struct serve_slot *slot;
	struct pcg_host_ops ops;
	int far[4]; /* the clients' ends */
	unsigned int nfar;
};

static void leave(void *arg, struct serve_slot *slot)
{
	(void)arg;
	(void)slot;
}

static int refuse(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op)
{
	(void)host;
	(void)op;
	return dma != NULL ? -EIO : PCG_DONE;
}

static int setup(void **state)
{
	struct room *room = calloc(1, sizeof(*room));

	assert_non_null(room);
	assert_int_equal(serve_loop_init(&room->loop), 0);
	assert_int_equal(eventfd_signaller_init(&room->signaller, false), 0);
	assert_int_equal(pcg_host_pool_create(&room->pool), 0);
	room->options = (struct serve_options){ .timeout = SERVE_TIMEOUT,
						.dma_timeout = SERVE_DMA_TIMEOUT,
						.view = { .profile = pcg_profile_find("guarded") } };
	room->home = (struct slot_home){ .loop = &room->loop,
					 .options = &room->options,
					 .signaller = &room->signaller,
					 .pool = room->pool,
					 .peers = &room->peers,
					 .leave = leave };
	assert_int_equal(serve_slot_create(&room->slot, "sim:endpoint-test", &room->home, NULL, false), 0);
	assert_int_equal(room->slot->state, SLOT_READY);
	room->ops = *room->slot->host->ops;
	*state = room;
	return 0;
}

static int teardown(void **state)
{
	struct room *room = *state;

	serve_slot_destroy(room->slot);
	for (unsigned int i = 0; i < room->nfar; i++)
		close(room->far[i]);
	pcg_host_pool_destroy(room->pool);
	serve_loop_finish(&room->loop);
	eventfd_signaller_finish(&room->signaller);
	free(room);
	return 0;
}

/* A connection of this process. */
static struct serve_connection *connect_one(struct room *room)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	room->far[room->nfar++] = pair[0];
	assert_int_equal(serve_connection_create(room->slot, pair[1]), 0);
	return room->slot->connections;
}

/* It has the function, maps it, and leaves. */
static void map_and_leave(struct room *room)
{
	struct serve_connection *first = connect_one(room);

	assert_int_equal(serve_slot_claim(room->slot, first), PCG_DONE);
	assert_int_equal(room->slot->state, SLOT_SERVING);
	room->slot->host->info.lends_function = true;
	assert_true(serve_slot_lends(room->slot));
	serve_slot_release(room->slot, first);
	assert_int_equal(room->slot->state, SLOT_HELD);
}

static void it_is_kept_for_who_has_mapped_it(void **state)
{
	struct room *room = *state;
	struct serve_connection *again;

	map_and_leave(room);
	again = connect_one(room);
	assert_int_equal(serve_slot_claim(room->slot, again), PCG_DONE);
	serve_slot_release(room->slot, again);
	assert_int_equal(room->slot->state, SLOT_HELD);
}

static void so_it_is_where_it_cannot_be_attached(void **state)
{
	struct room *room = *state;

	map_and_leave(room);
	room->ops.dma = refuse;
	room->slot->host->ops = &room->ops;
	assert_int_equal(serve_slot_claim(room->slot, connect_one(room)), -EIO);
	assert_null(room->slot->client);
	assert_int_equal(room->slot->state, SLOT_HELD);
	assert_true(holder_lives(&room->slot->holder));
}

/* A control client reads, so it waits; and does so no longer. */
static void so_it_is_for_one_that_does_not_wait(void **state)
{
	struct room *room = *state;
	struct serve_connection *again;

	map_and_leave(room);
	again = connect_one(room);
	room->slot->job = (void *)room;
	assert_int_equal(serve_slot_claim(room->slot, again), PCG_PENDING);
	serve_slot_release(room->slot, again);
	room->slot->job = NULL;
	assert_int_equal(room->slot->state, SLOT_HELD);
	assert_true(holder_lives(&room->slot->holder));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_kept_for_who_has_mapped_it),
		TEST(so_it_is_where_it_cannot_be_attached),
		TEST(so_it_is_for_one_that_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
