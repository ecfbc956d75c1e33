/* SPDX-License-Identifier: BSD-3-Clause */
/* The process that keeps a mapping of a function, and which clients are one. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/holder.h"
#include "serve/peers.h"

/* An abstract name: nothing to remove afterwards. */
static socklen_t address(struct sockaddr_un *name)
{
	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1, "pcigate-holder-%d", (int)getpid());
	return (socklen_t)(sizeof(sa_family_t) + 1 + strlen(name->sun_path + 1));
}

/* Another process, connected. */
static pid_t client(int listener, int *fd)
{
	struct sockaddr_un name;
	socklen_t size = address(&name);
	pid_t pid = fork();

	if (pid == 0) {
		int mine = socket(AF_UNIX, SOCK_STREAM, 0);

		if (connect(mine, (struct sockaddr *)&name, size) == 0)
			pause();
		_exit(1);
	}
	assert_true(pid > 0);
	*fd = accept(listener, NULL, NULL);
	assert_true(*fd >= 0);
	return pid;
}

static int listen_here(void)
{
	struct sockaddr_un name;
	socklen_t size = address(&name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, size), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void it_is_held_until_the_process_ends_not_its_connection(void **state)
{
	struct holder holder = { .pidfd = -1 };
	int listener = listen_here(), fd;
	pid_t pid = client(listener, &fd);

	(void)state;
	assert_false(holder_lives(&holder));
	assert_int_equal(holder_take(&holder, fd), 0);
	assert_int_equal(holder.pid, pid);
	assert_true(holder_is(&holder, fd));
	close(fd);
	assert_true(holder_lives(&holder));
	end(pid);
	assert_false(holder_lives(&holder));
	holder_drop(&holder);
	close(listener);
}

static void another_process_is_not_the_holder(void **state)
{
	struct holder holder = { .pidfd = -1 };
	int listener = listen_here(), first, second;
	pid_t one = client(listener, &first), two = client(listener, &second);

	(void)state;
	assert_int_equal(holder_take(&holder, first), 0);
	assert_int_equal(holder_take(&holder, first), 0);
	assert_int_equal(holder_take(&holder, second), -EBUSY);
	assert_false(holder_is(&holder, second));
	holder_drop(&holder);
	assert_false(holder_is(&holder, first));
	end(one);
	end(two);
	close(first);
	close(second);
	close(listener);
}

/* One that hands its connection on, and ends: who has it now is nobody that could be waited for. */
static void a_connection_outlives_its_holder_in_vain(void **state)
{
	struct holder holder = { .pidfd = -1 };
	int listener = listen_here(), fd;
	pid_t pid = client(listener, &fd);

	(void)state;
	assert_int_equal(holder_take(&holder, fd), 0);
	end(pid);
	assert_true(holder_take(&holder, fd) < 0);
	holder_drop(&holder);
	assert_true(holder_take(&holder, fd) < 0);
	assert_int_equal(holder.pidfd, -1);
	close(fd);
	close(listener);
}

/* --- which clients are one process --- */

/* Whether this kernel tells the process that connected from another one with its pid (Linux 6.5). */
static bool told(int fd)
{
	struct holder holder = { .pidfd = -1 };
	bool sure = holder_take(&holder, fd) == 0 && holder.sure;

	holder_drop(&holder);
	return sure;
}

/* Two connections of this very process, which is the same one as its third. */
static void connect_here(int listener, int fds[2], int mine[2])
{
	struct sockaddr_un name;
	socklen_t size = address(&name);

	for (unsigned int i = 0; i < 2; i++) {
		mine[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(mine[i], (struct sockaddr *)&name, size), 0);
		fds[i] = accept(listener, NULL, NULL);
		assert_true(fds[i] >= 0);
	}
}

static void connections_of_a_process_are_one_client(void **state)
{
	struct pcg_dma_client one, same, another;
	struct peers peers = { 0 };
	int listener = listen_here(), fds[2], mine[2], fd;
	pid_t pid;

	(void)state;
	connect_here(listener, fds, mine);
	if (!told(fds[0]))
		skip();
	pid = client(listener, &fd);
	peers_take(&peers, fds[0], &one);
	peers_take(&peers, fds[1], &same);
	peers_take(&peers, fd, &another);
	assert_int_not_equal(one.number, 0);
	assert_int_equal(one.pid, getpid());
	assert_int_equal(same.number, one.number);
	assert_int_equal(another.pid, pid);
	assert_int_not_equal(another.number, 0);
	assert_int_not_equal(another.number, one.number);
	/* Known for as long as one of them is. */
	peers_drop(&peers, one.number);
	peers_take(&peers, fds[0], &same);
	assert_int_equal(same.number, one.number);
	peers_drop(&peers, one.number);
	peers_drop(&peers, one.number);
	peers_drop(&peers, another.number);
	assert_null(peers.list);
	peers_take(&peers, fds[0], &same);
	assert_true(same.number > another.number);
	peers_drop(&peers, same.number);
	end(pid);
	for (unsigned int i = 0; i < 2; i++) {
		close(fds[i]);
		close(mine[i]);
	}
	close(fd);
	close(listener);
}

/* Its pid may be somebody else's next. */
static void a_process_that_has_ended_is_nobody(void **state)
{
	struct pcg_dma_client before, after;
	struct peers peers = { 0 };
	int listener = listen_here(), fd;
	pid_t pid = client(listener, &fd);

	(void)state;
	peers_take(&peers, fd, &before);
	end(pid);
	peers_take(&peers, fd, &after);
	assert_int_equal(after.number, 0);
	peers_drop(&peers, before.number);
	peers_drop(&peers, 0);
	assert_null(peers.list);
	close(fd);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_held_until_the_process_ends_not_its_connection),
		cmocka_unit_test(another_process_is_not_the_holder),
		cmocka_unit_test(a_connection_outlives_its_holder_in_vain),
		cmocka_unit_test(connections_of_a_process_are_one_client),
		cmocka_unit_test(a_process_that_has_ended_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
