/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/control.h"
#include "serve/server.h"
#include "serve/slot.h"
#include "serve/sockets.h"

/* What a client of a few vectors and one or two memory files takes. */
#define SERVER_DESCRIPTORS 16

struct serve_server {
	struct serve_loop loop;
	struct serve_options options;
	struct pcg_log log;
	struct eventfd_signaller signaller;
	struct serve_watch signals;
	sigset_t mask; /* as it was before */
	struct pcg_host_pool *pool;
	struct slot_home home;
	struct peers peers;
	struct serve_slot *slots; /* in the order given */
	struct serve_control *control;
	pid_t child;
	int status;
};

static void server_child_ended(struct serve_server *server, int status)
{
	server->child = 0;
	server->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	serve_loop_stop(&server->loop);
}

static void server_signal(struct serve_watch *watch, uint32_t events)
{
	struct serve_server *server = serve_container(watch, struct serve_server, signals);
	struct signalfd_siginfo info;
	int status;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			serve_loop_stop(&server->loop);
		else if (server->child > 0 && waitpid(server->child, &status, WNOHANG) == server->child)
			server_child_ended(server, status);
	}
}

/* From here on signals are read in the loop; a client that is gone shows as EPIPE, not as a signal. */
static int server_signals(struct serve_server *server)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, &server->mask) != 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	server->signals = (struct serve_watch){ .ready = server_signal };
	server->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (server->signals.fd < 0)
		return -errno;
	r = serve_watch(&server->loop, &server->signals, EPOLLIN);
	return r;
}

/* Each client may send thousands of descriptors. */
static void server_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The others go on; with the last one the server ends, and can be started again for it. */
static void server_leave(void *arg, struct serve_slot *slot)
{
	struct serve_server *server = arg;
	struct serve_slot **p = &server->slots;

	if (slot->failed)
		server->status = SERVE_CANNOT;
	else
		base_log(&server->log, PCG_WARN, "%s is given back to the host", slot->func);
	while (*p != slot)
		p = &(*p)->next;
	*p = slot->next;
	serve_slot_destroy(slot);
	if (server->slots == NULL)
		serve_loop_stop(&server->loop);
}

int serve_server_create(struct serve_server **result, const struct serve_options *options, const struct pcg_log *log)
{
	struct serve_server *server = calloc(1, sizeof(*server));
	int r;

	if (server == NULL)
		return -ENOMEM;
	server->options = *options;
	if (log != NULL)
		server->log = *log;
	server->signals.fd = -1;
	server->signaller.readable = server->signaller.unreadable = -1;
	server_raise_limits();
	sigemptyset(&server->mask);
	server->home = (struct slot_home){ .loop = &server->loop,
					   .options = &server->options,
					   .signaller = &server->signaller,
					   .peers = &server->peers,
					   .arg = server,
					   .leave = server_leave };
	r = serve_loop_init(&server->loop);
	if (r == 0)
		r = pcg_host_pool_create(&server->pool);
	server->home.pool = server->pool;
	if (r == 0 && options->trust_client)
		pcg_host_pool_trust(server->pool);
	if (r == 0 && options->humble)
		pcg_host_pool_humble(server->pool);
	if (r == 0)
		r = eventfd_signaller_init(&server->signaller, false);
	if (r == 0)
		r = server_signals(server);
	if (r != 0)
		base_log(log, PCG_ERROR, "the server cannot start: %s", strerror(-r));
	if (r == 0 && options->control != NULL)
		r = serve_control_create(&server->control, options->control, &server->loop, &server->slots,
					 &server->log);
	if (r != 0) {
		serve_server_destroy(server);
		return r;
	}
	*result = server;
	return 0;
}

void serve_server_destroy(struct serve_server *server)
{
	if (server == NULL)
		return;
	serve_control_destroy(server->control);
	while (server->slots != NULL) {
		struct serve_slot *slot = server->slots;

		server->slots = slot->next;
		serve_slot_destroy(slot);
	}
	pcg_host_pool_destroy(server->pool);
	if (server->signals.fd >= 0) {
		serve_unwatch(&server->loop, &server->signals);
		close(server->signals.fd);
		sigprocmask(SIG_SETMASK, &server->mask, NULL);
	}
	eventfd_signaller_finish(&server->signaller);
	serve_loop_finish(&server->loop);
	free(server);
}

/* The socket of a slot: made here, or handed in. @fd is the slot's, or closed. */
static int server_socket(struct serve_server *server, struct serve_slot *slot, const char *path, int fd)
{
	bool listening = true;
	int r = 0;

	if (path != NULL) {
		fd = sockets_listen(path, "--socket-path", server->options.access, &slot->file, &server->log);
		if (fd < 0)
			return fd;
	} else {
		r = sockets_check(fd, &listening);
	}
	if (r != 0) {
		base_log(&server->log, PCG_ERROR,
			 "descriptor %d: %s; hand in a UNIX stream socket, listening or connected", fd, strerror(-r));
		return r;
	}
	return listening ? serve_slot_listen(slot, fd) : serve_slot_connected(slot, fd);
}

int serve_server_add(struct serve_server *server, const char *func, const char *path, int fd)
{
	struct serve_slot **last = &server->slots;
	struct serve_slot *slot;
	int r;

	while (*last != NULL)
		last = &(*last)->next;
	r = serve_slot_create(&slot, func, &server->home, &server->log, server->options.several);
	if (r != 0)
		return r;
	if (server->options.trace != NULL)
		r = trace_create(&slot->trace, server->options.trace, func, &server->loop, &server->log);
	if (r == 0)
		r = server_socket(server, slot, path, fd);
	if (r != 0) {
		serve_slot_destroy(slot);
		return r;
	}
	*last = slot;
	return 0;
}

void serve_server_follow(struct serve_server *server, pid_t child)
{
	int status;

	server->child = child;
	/* It may have ended before anybody looked. */
	if (waitpid(child, &status, WNOHANG) == child)
		server_child_ended(server, status);
}

pid_t serve_server_child(const struct serve_server *server)
{
	return server->child;
}

/* Listeners are opened last, so the highest of them tells how many descriptors there are. */
static void server_count_descriptors(const struct serve_server *server, rlim_t limit, rlim_t slots)
{
	rlim_t taken = 0, left;

	for (const struct serve_slot *slot = server->slots; slot != NULL; slot = slot->next)
		if (slot->listener.fd >= 0 && (rlim_t)slot->listener.fd >= taken)
			taken = (rlim_t)slot->listener.fd + 1;
	left = limit > taken ? limit - taken : 0;
	if (slots == 0 || left / slots >= SERVER_DESCRIPTORS)
		return;
	base_log(&server->log, PCG_WARN,
		 "%llu descriptors are left for the clients of %llu functions, and each client takes one, and one for "
		 "each interrupt and each piece of memory that it shares; " SOCKETS_MORE,
		 (unsigned long long)left, (unsigned long long)slots);
}

/*
 * Half of our descriptors may hold clients' memory, the same share for each function: no client can take what another
 * needs. The other half is for interrupts, connections and what is on its way.
 */
static void server_share_descriptors(struct serve_server *server)
{
	struct rlimit limit = { .rlim_cur = 1024 };
	struct serve_slot *slot;
	rlim_t slots = 0, share;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (slot = server->slots; slot != NULL; slot = slot->next)
		slots++;
	server_count_descriptors(server, limit.rlim_cur, slots);
	share = limit.rlim_cur / 2 / (slots == 0 ? 1 : slots);
	if (share < 1)
		share = 1;
	for (slot = server->slots; slot != NULL; slot = slot->next)
		slot->max_files = share < UINT32_MAX ? (uint32_t)share : UINT32_MAX;
}

int serve_server_run(struct serve_server *server)
{
	server_share_descriptors(server);
	serve_loop_run(&server->loop);
	return server->status;
}
