/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients that send any bytes, cut anywhere, one after the other to one server with a simulated function: ending a
 * server costs more than all that a client can ask of it. Whatever one did, the next one must be answered.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "serve/server.h"
#include "vfio-user/version.h"
#include "vfio-user/wire.h"

#define QUIET  2    /* milliseconds without an answer: there will be none */
#define STALLS 2000 /* milliseconds after which a server that takes nothing has stopped */

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_length = sizeof(address);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *run(void *server)
{
	serve_server_run(server);
	return NULL;
}

static void start(void)
{
	static const struct pcg_log quiet;
	static struct serve_options options = { .timeout = 1000, .dma_timeout = 20 };
	static struct serve_server *server;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t thread;
	sigset_t mask;

	options.view.profile = pcg_profile_find("guarded");
	/* Without a name of ours the kernel gives it one, and no file. */
	HOLDS(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0 && listen(fd, 16) == 0);
	HOLDS(getsockname(fd, (struct sockaddr *)&address, &address_length) == 0);
	HOLDS(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
	HOLDS(serve_server_create(&server, &options, &quiet) == 0);
	HOLDS(serve_server_add(server, "sim:endpoint-test,flr=0", NULL, fd) == 0);
	HOLDS(pthread_create(&thread, NULL, run, server) == 0);
	/* The server has blocked the signals that the fuzzer ends by. */
	HOLDS(pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0);
}

/* Say all of it while taking the answers, until it is said and no more of them come, or the server hangs up. */
static void say(int fd, const uint8_t *data, size_t size, size_t cut, int quiet)
{
	static uint8_t answers[65536];

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = (short)(POLLIN | (size > 0 ? POLLOUT : 0)) };
		int n = poll(&wait, 1, size > 0 ? STALLS : quiet);
		ssize_t sent;

		HOLDS(n == 1 || size == 0);
		if (n != 1)
			return;
		if (wait.revents & POLLIN && recv(fd, answers, sizeof(answers), MSG_DONTWAIT) == 0)
			return;
		if (wait.revents & (POLLERR | POLLHUP))
			return;
		if (!(wait.revents & POLLOUT))
			continue;
		sent = send(fd, data, size < cut ? size : cut, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0) {
			data += sent;
			size -= (size_t)sent;
		}
	}
}

/* Agree on a version, and wait for the answer: the server is alive, and through with the client before. */
static bool agree(int fd)
{
	struct wire_header header = { .command = WIRE_VERSION };
	uint8_t hello[256];
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	header.size = (uint32_t)(WIRE_HEADER + version_write(hello + WIRE_HEADER, sizeof(hello) - WIRE_HEADER));
	wire_header_write(&header, hello);
	if (send(fd, hello, header.size, MSG_NOSIGNAL) != (ssize_t)header.size)
		return false;
	HOLDS(poll(&wait, 1, 3 * STALLS) == 1);
	return recv(fd, hello, sizeof(hello), 0) > WIRE_HEADER;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t how = take8(&input);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	HOLDS(pthread_once(&once, start) == 0);
	HOLDS(fd >= 0 && connect(fd, (struct sockaddr *)&address, address_length) == 0);
	if (!(how & 1) || agree(fd))
		say(fd, input.at, input.left, how & 2 ? 1u + (how >> 2) : 65536, QUIET);
	close(fd);
	return 0;
}
