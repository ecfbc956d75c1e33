/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve/holder.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

static pid_t holder_peer(int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return 0;
	return peer.pid;
}

int holder_take(struct holder *holder, int socket)
{
	socklen_t size = sizeof(holder->pidfd);
	pid_t pid = holder_peer(socket);

	/* The connection of one that has ended is somebody else's by now, who could not be waited for. */
	if (holder->pidfd >= 0)
		return holder->pid == pid && holder_lives(holder) ? 0 : -EBUSY;
	/* 0: of a process that is not seen from here; it could not be waited for. */
	if (pid <= 0)
		return -ESRCH;
	holder->sure = getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &holder->pidfd, &size) == 0;
	if (!holder->sure) {
		/* Only where the kernel has no better: the number may be another's when its process has ended. */
		if (errno != ENOPROTOOPT)
			return -errno;
		holder->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	}
	if (holder->pidfd < 0)
		return -errno;
	holder->pid = pid;
	if (!holder_lives(holder)) {
		holder_drop(holder);
		return -ESRCH;
	}
	return 0;
}

bool holder_lives(const struct holder *holder)
{
	struct pollfd end = { .fd = holder->pidfd, .events = POLLIN };

	return holder->pidfd >= 0 && poll(&end, 1, 0) == 0;
}

bool holder_is(const struct holder *holder, int socket)
{
	return holder_lives(holder) && holder_peer(socket) == holder->pid;
}

void holder_drop(struct holder *holder)
{
	if (holder->pidfd >= 0)
		close(holder->pidfd);
	holder->pidfd = -1;
	holder->pid = 0;
}
