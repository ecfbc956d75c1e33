/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "vfio-user/wire.h"

#define FLOOR_BUFFER 65536u

int process_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : -errno;
}

void process_child(int cpu, pid_t parent)
{
	/* Whatever becomes of us, nothing of ours goes on. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (process_pin(cpu) != 0 || getppid() != parent)
		_exit(3);
}

/* What a server cannot do without: wait, take, give. Each request says how long it is and how long its answer. */
struct floor {
	size_t filled;
	uint8_t in[FLOOR_BUFFER];
	uint8_t out[FLOOR_BUFFER];
};

/* Return: whether the connection goes on. */
static bool floor_serve(struct floor *floor, int fd)
{
	struct iovec in = { floor->in + floor->filled, sizeof(floor->in) - floor->filled };
	struct msghdr message = { .msg_iov = &in, .msg_iovlen = 1 };
	struct iovec out = { floor->out, 0 };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
	size_t at = 0;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	floor->filled += (size_t)n;
	while (floor->filled - at >= WIRE_HEADER) {
		uint32_t size = wire_get32(floor->in + at + 4), reply = wire_get32(floor->in + at + 12);

		if (floor->filled - at < size || out.iov_len + reply > sizeof(floor->out))
			break;
		at += size;
		out.iov_len += reply;
	}
	floor->filled -= at;
	if (floor->filled > 0)
		memmove(floor->in, floor->in + at, floor->filled);
	message.msg_iov = &out;
	return out.iov_len == 0 || sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)out.iov_len;
}

static void floor_add(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		_exit(3);
}

static void floor_main(int pair, int listener)
{
	static struct floor main_floor, accepted;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];

	floor_add(epoll, pair);
	floor_add(epoll, listener);
	for (;;) {
		int n = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == listener) {
				int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

				if (client >= 0)
					floor_add(epoll, client);
			} else if (!floor_serve(fd == pair ? &main_floor : &accepted, fd)) {
				if (fd == pair)
					_exit(0);
				accepted.filled = 0;
				close(fd);
			}
		}
	}
}

static int process_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 64) == 0)
		return fd;
	return -1;
}

int process_floor(struct process *process, const char *folder, int cpu)
{
	static const struct timeval wait = { .tv_sec = BENCH_WAIT_S };
	pid_t parent = getpid();
	int pair[2], listener;

	snprintf(process->path, sizeof(process->path), "%s/floor", folder);
	listener = process_listen(process->path);
	if (listener < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	process->pid = fork();
	if (process->pid == 0) {
		close(pair[0]);
		process_child(cpu, parent);
		floor_main(pair[1], listener);
	}
	close(pair[1]);
	close(listener);
	process->fd = pair[0];
	setsockopt(process->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(process->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	return process->pid < 0 ? -errno : 0;
}

static void process_server_child(const struct process *process, const struct bench_options *options, pid_t parent)
{
	char *argv[] = { (char *)(uintptr_t)options->program, (char *)"serve",
			 (char *)(uintptr_t)options->func,    (char *)"--socket-path",
			 (char *)(uintptr_t)process->path,    NULL };
	int log = open(process->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	process_child(options->cpu, parent);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(3);
}

int process_server(struct process *process, const char *folder, const struct bench_options *options)
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	pid_t parent = getpid();

	process->fd = -1;
	snprintf(process->path, sizeof(process->path), "%s/server", folder);
	snprintf(process->log, sizeof(process->log), "%s/log", folder);
	process->pid = fork();
	if (process->pid == 0)
		process_server_child(process, options, parent);
	if (process->pid < 0)
		return -errno;
	for (unsigned int i = 0; i < 100 * BENCH_WAIT_S; i++) {
		struct target target = { .fd = -1 };

		if (target_connect(&target, process->path) == 0) {
			target_close(&target);
			return 0;
		}
		if (waitpid(process->pid, NULL, WNOHANG) == process->pid) {
			process->pid = 0;
			return -ECHILD;
		}
		nanosleep(&moment, NULL);
	}
	return -ETIMEDOUT;
}

void process_stop(struct process *process)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	if (process->fd >= 0)
		close(process->fd);
	process->fd = -1;
	if (process->pid <= 0)
		return;
	kill(process->pid, SIGTERM);
	for (unsigned int i = 0; i < 500; i++) {
		if (waitpid(process->pid, NULL, WNOHANG) != 0)
			goto gone;
		nanosleep(&moment, NULL);
	}
	kill(process->pid, SIGKILL);
	waitpid(process->pid, NULL, 0);
gone:
	process->pid = 0;
	unlink(process->path);
}

long process_memory(const struct process *process, const char *key)
{
	char path[64], line[128];
	long kilobytes = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)process->pid);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	while (kilobytes < 0 && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			kilobytes = strtol(line + strlen(key), NULL, 10);
	}
	fclose(file);
	return kilobytes;
}

void process_tell(const struct process *process)
{
	FILE *file = fopen(process->log, "re");
	char line[512];

	if (file == NULL)
		return;
	fprintf(stderr, "bench: the server said:\n");
	for (unsigned int i = 0; i < 20 && fgets(line, sizeof(line), file) != NULL; i++)
		fprintf(stderr, "  %s", line);
	fclose(file);
}

/*
 * What else the machine does is not to be measured: Linux shares a CPU out among sessions first (sched(7), autogroups),
 * so we have one of our own, before all others where we may. Processes inside it are scheduled as ever.
 */
void process_session(void)
{
	FILE *file;

	setsid();
	file = fopen("/proc/self/autogroup", "we");
	if (file == NULL)
		return;
	fputs("-20", file);
	fclose(file);
}
