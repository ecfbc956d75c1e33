/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "serve/eventfd.h"

/* What io_setup() maps at the context's address (stable since 2.6; libaio and others read it): completions to take. */
struct eventfd_ring {
	uint32_t id;
	uint32_t events;
	uint32_t head;
	uint32_t tail;
	uint32_t magic;
	uint32_t compatible;
	uint32_t incompatible;
};

#define EVENTFD_RING_MAGIC 0xa10a10a1u
#define EVENTFD_REQUESTS   8

static void eventfd_nothing(int signal_number)
{
	(void)signal_number;
}

int eventfd_signaller_init(struct eventfd_signaller *signaller, bool no_aio)
{
	struct sigaction action;

	memset(signaller, 0, sizeof(*signaller));
	signaller->unreadable = -1;
	signaller->readable = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (signaller->readable < 0)
		return -errno;
	signaller->unreadable = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (signaller->unreadable < 0)
		return -errno;
	signaller->aio = !no_aio && syscall(SYS_io_setup, EVENTFD_REQUESTS, &signaller->context) == 0;
	if (signaller->aio)
		return 0;
	/* No SA_RESTART: the signal must end the write(). */
	memset(&action, 0, sizeof(action));
	action.sa_handler = eventfd_nothing;
	return sigaction(SIGALRM, &action, NULL) == 0 ? 0 : -errno;
}

void eventfd_signaller_finish(struct eventfd_signaller *signaller)
{
	if (signaller->aio)
		syscall(SYS_io_destroy, signaller->context);
	if (signaller->readable >= 0)
		close(signaller->readable);
	if (signaller->unreadable >= 0)
		close(signaller->unreadable);
	signaller->aio = false;
	signaller->readable = signaller->unreadable = -1;
}

/* Makes room for the next request; nobody wants to know how this one went. */
static void eventfd_reap(struct eventfd_signaller *signaller)
{
	struct eventfd_ring *ring = (struct eventfd_ring *)(uintptr_t)signaller->context;
	struct io_event events[EVENTFD_REQUESTS];
	struct timespec now = { 0 };

	if (ring->magic == EVENTFD_RING_MAGIC && ring->incompatible == 0)
		__atomic_store_n(&ring->head, __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
	else
		syscall(SYS_io_getevents, signaller->context, 0, EVENTFD_REQUESTS, events, &now);
}

static int eventfd_submit(struct eventfd_signaller *signaller, int fd, int file)
{
	struct iocb request;
	struct iocb *requests[1] = { &request };

	memset(&request, 0, sizeof(request));
	request.aio_lio_opcode = IOCB_CMD_PREAD;
	request.aio_fildes = (uint32_t)file;
	request.aio_flags = IOCB_FLAG_RESFD;
	request.aio_resfd = (uint32_t)fd;
	if (syscall(SYS_io_submit, signaller->context, 1, requests) != 1)
		return -errno;
	eventfd_reap(signaller);
	return 0;
}

static int eventfd_write_briefly(int fd)
{
	const struct itimerval off = { 0 };
	/* Again and again, should the first signal come before the write() has begun to wait. */
	const struct itimerval brief = { .it_interval.tv_usec = 1000, .it_value.tv_usec = 1000 };
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	uint64_t one = 1;
	ssize_t n;

	if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
		return -EAGAIN;
	setitimer(ITIMER_REAL, &brief, NULL);
	n = write(fd, &one, sizeof(one));
	setitimer(ITIMER_REAL, &off, NULL);
	return n == sizeof(one) ? 0 : -EAGAIN;
}

int eventfd_signal(struct eventfd_signaller *signaller, int fd)
{
	return signaller->aio ? eventfd_submit(signaller, fd, signaller->readable) : eventfd_write_briefly(fd);
}

bool eventfd_check(struct eventfd_signaller *signaller, int fd)
{
	static const char name[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(name) + 1];
	ssize_t n;

	/* One that was opened as a path alone is taken for no descriptor at all below. */
	if (fd < 0 || (fcntl(fd, F_GETFL) & O_PATH) != 0)
		return false;
	/* The eventfd is looked at before the file, which cannot be read: EBADF says that the eventfd is one. */
	if (signaller->aio)
		return eventfd_submit(signaller, fd, signaller->unreadable) == -EBADF;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target));
	return n == (ssize_t)sizeof(name) - 1 && memcmp(target, name, sizeof(name) - 1) == 0;
}
