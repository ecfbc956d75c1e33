/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of the server that a socket test cannot reach: the loop, the note limiter, signalling without AIO. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/eventfd.h"
#include "serve/loop.h"
#include "serve/note.h"
#include "serve/output.h"

/* --- eventfds --- */

static void signals_are_counted(void **state)
{
	for (int no_aio = 0; no_aio < 2; no_aio++) {
		struct eventfd_signaller signaller;
		int fd = eventfd(0, EFD_NONBLOCK);
		uint64_t n;

		(void)state;
		assert_int_equal(eventfd_signaller_init(&signaller, no_aio), 0);
		assert_true(eventfd_check(&signaller, fd));
		assert_int_equal(read(fd, &n, sizeof(n)), -1); /* looking changed nothing */
		for (int i = 0; i < 1000; i++)
			assert_int_equal(eventfd_signal(&signaller, fd), 0);
		assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
		assert_int_equal(n, 1000);
		eventfd_signaller_finish(&signaller);
		close(fd);
	}
}

static void other_files_are_refused(void **state)
{
	for (int no_aio = 0; no_aio < 2; no_aio++) {
		struct eventfd_signaller signaller;
		int pair[2], epoll = epoll_create1(0);

		(void)state;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		assert_int_equal(eventfd_signaller_init(&signaller, no_aio), 0);
		assert_false(eventfd_check(&signaller, pair[0]));
		assert_false(eventfd_check(&signaller, epoll));
		assert_false(eventfd_check(&signaller, -1));
		eventfd_signaller_finish(&signaller);
		close(pair[0]);
		close(pair[1]);
		close(epoll);
	}
}

static void full_blocking_counter_does_not_wait(void **state)
{
	for (int no_aio = 0; no_aio < 2; no_aio++) {
		struct eventfd_signaller signaller;
		int fd = eventfd(0, 0);
		uint64_t n = UINT64_MAX - 1;

		(void)state;
		assert_int_equal(write(fd, &n, sizeof(n)), sizeof(n));
		assert_int_equal(eventfd_signaller_init(&signaller, no_aio), 0);
		alarm(5);
		for (int i = 0; i < 10; i++)
			eventfd_signal(&signaller, fd);
		alarm(0);
		assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
		assert_true(n >= UINT64_MAX - 1);
		eventfd_signaller_finish(&signaller);
		close(fd);
	}
}

/* --- the loop --- */

static struct serve_loop loop;
static char order[32];

static void note(char what)
{
	size_t n = strlen(order);

	if (n < sizeof(order) - 1)
		order[n] = what;
}

static void due_a(struct serve_timer *timer)
{
	(void)timer;
	note('a');
}

static void due_b(struct serve_timer *timer)
{
	(void)timer;
	note('b');
	serve_loop_stop(&loop);
}

static int loop_setup(void **state)
{
	(void)state;
	memset(order, 0, sizeof(order));
	return serve_loop_init(&loop);
}

static int loop_teardown(void **state)
{
	(void)state;
	serve_loop_finish(&loop);
	return 0;
}

static void timers_come_by_deadline(void **state)
{
	struct serve_timer a = { .due = due_a }, b = { .due = due_b }, never = { .due = due_a };
	int64_t began = serve_now();

	(void)state;
	/* Apart by more than a busy machine sleeps too long: of two that are both late none is first. */
	serve_timer_arm(&loop, &b, 300);
	serve_timer_arm(&loop, &never, 20);
	serve_timer_arm(&loop, &a, 10);
	serve_timer_disarm(&never);
	serve_loop_run(&loop);
	assert_string_equal(order, "ab");
	assert_true(serve_now() - began >= 300000000);
	assert_false(a.armed || b.armed);
}

static bool turn_five(struct serve_task *task)
{
	(void)task;
	note('t');
	return strlen(order) < 10;
}

static void ready_one(struct serve_watch *watch, uint32_t events)
{
	uint64_t n;

	(void)events;
	note('w');
	assert_int_equal(read(watch->fd, &n, sizeof(n)), sizeof(n));
	if (strlen(order) < 9)
		assert_int_equal(eventfd_write(watch->fd, 1), 0);
	else
		serve_loop_stop(&loop);
}

static void work_and_messages_take_turns(void **state)
{
	struct serve_task task = { .turn = turn_five };
	struct serve_watch watch = { .ready = ready_one, .fd = eventfd(1, 0) };

	(void)state;
	assert_int_equal(serve_watch(&loop, &watch, EPOLLIN), 0);
	serve_task_queue(&loop, &task);
	serve_task_queue(&loop, &task);
	serve_loop_run(&loop);
	assert_memory_equal(order, "wtwtwtwt", 8);
	serve_task_drop(&task);
	serve_unwatch(&loop, &watch);
	close(watch.fd);
}

static struct serve_watch pair[2];

static void ready_removes_the_other(struct serve_watch *watch, uint32_t events)
{
	struct serve_watch *other = watch == &pair[0] ? &pair[1] : &pair[0];

	(void)events;
	note('w');
	serve_unwatch(&loop, other);
	close(other->fd);
	other->fd = -1;
	serve_loop_stop(&loop);
}

static void removed_while_ready_is_not_called(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		pair[i] = (struct serve_watch){ .ready = ready_removes_the_other, .fd = eventfd(1, 0) };
		assert_int_equal(serve_watch(&loop, &pair[i], EPOLLIN), 0);
	}
	serve_loop_run(&loop);
	assert_string_equal(order, "w");
	for (int i = 0; i < 2; i++) {
		serve_unwatch(&loop, &pair[i]);
		if (pair[i].fd >= 0)
			close(pair[i].fd);
	}
}

/* --- notes --- */

static unsigned int notes;
static char last[1024];

static void count_note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	notes++;
	snprintf(last, sizeof(last), "%s", n->text);
}

static void notes_are_limited_and_counted(void **state)
{
	const struct pcg_log inner = { .write = count_note };
	struct note_limit limit;
	struct pcg_log log = note_limit_init(&limit, &inner, "me");

	(void)state;
	notes = 0;
	for (int i = 0; i < 1000; i++)
		pcg_say(&log, PCG_WARN, PCG_NOWHERE, 0, "something");
	assert_int_equal(notes, NOTE_BURST);
	assert_string_equal(last, "me: something");
	limit.refilled -= (int64_t)NOTE_SECONDS * 1000000000;
	pcg_say(&log, PCG_WARN, PCG_NOWHERE, 0, "something");
	assert_int_equal(notes, NOTE_BURST + 1);
	assert_non_null(strstr(last, "968 notes"));
	pcg_say(&log, PCG_WARN, PCG_NOWHERE, 0, "something");
	assert_int_equal(notes, NOTE_BURST + 1);
}

/* --- output --- */

/* Sends messages of @size bytes until the socket is full; then everything must come out, in order and whole. */
static void fill_and_read(size_t size, int fd)
{
	static uint8_t message[70000], got[sizeof(message)];
	struct output *output = malloc(sizeof(*output));
	unsigned int sent = 0, seen = 0;
	int sockets[2];

	assert_non_null(output);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	output_init(output, sockets[0]);
	while (output_ready(output)) {
		memset(message, (int)(sent++ & 0xff), size);
		assert_int_equal(output_put(output, message, 16, message + 16, size - 16, fd), 0);
	}
	/* What a caller in the middle of something still has to say is kept. */
	memset(message, (int)(sent++ & 0xff), size);
	assert_int_equal(output_put(output, message, 16, message + 16, size - 16, fd), 0);
	while (seen < sent) {
		assert_int_equal(output_flush(output), 0);
		assert_int_equal(recv(sockets[1], got, size, MSG_WAITALL), (int)size);
		assert_int_equal(got[0], seen & 0xff);
		assert_int_equal(got[size - 1], seen & 0xff);
		seen++;
	}
	assert_true(output_ready(output));
	output_finish(output);
	free(output);
	close(sockets[0]);
	close(sockets[1]);
}

static void what_does_not_fit_waits(void **state)
{
	(void)state;
	fill_and_read(36, -1);
	fill_and_read(5000, -1);
	fill_and_read(65568, -1);
}

static void lost_client_is_an_error(void **state)
{
	static uint8_t message[36];
	struct output *output = malloc(sizeof(*output));
	int sockets[2];

	(void)state;
	assert_non_null(output);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	close(sockets[1]);
	output_init(output, sockets[0]);
	assert_int_equal(output_put(output, message, sizeof(message), NULL, 0, -1), 0);
	assert_int_equal(output_flush(output), -EPIPE);
	output_finish(output);
	free(output);
	close(sockets[0]);
}

#define IN_LOOP(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_are_counted),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(full_blocking_counter_does_not_wait),
		IN_LOOP(timers_come_by_deadline),
		IN_LOOP(work_and_messages_take_turns),
		IN_LOOP(removed_while_ready_is_not_called),
		cmocka_unit_test(notes_are_limited_and_counted),
		cmocka_unit_test(what_does_not_fit_waits),
		cmocka_unit_test(lost_client_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
