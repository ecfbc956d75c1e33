/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/sockets.h"

#define SOCKETS_BACKLOG 64

/* Return: 0 when the path is free now; -EADDRINUSE; or why nobody can tell. */
static int sockets_remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, r;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
	close(fd);
	/* Anything but a refusal means that there is somebody, or that it is none of ours. */
	if (r != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) == 0 ? 0 : -errno;
}

int sockets_listen(const char *path, const char *option, const struct pcg_log *log)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) == 0 || strlen(path) >= sizeof(address.sun_path)) {
		base_log(log, PCG_ERROR, "%s %s: a socket's path has 1 to %zu characters", option, path,
			 sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path));
	r = sockets_remove_stale(&address);
	if (r != 0) {
		base_log(log, PCG_ERROR, "%s %s: %s; name another path or remove it", option, path,
			 r == -EADDRINUSE ? "another server listens there"
			 : r == -EEXIST   ? "something is there that is no socket"
					  : strerror(-r));
		return r;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : 0;
	if (r == 0 && (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, SOCKETS_BACKLOG) != 0))
		r = -errno;
	if (r == 0)
		return fd;
	base_log(log, PCG_ERROR, "%s %s: %s; the directory must exist and let us write", option, path, strerror(-r));
	if (fd >= 0)
		close(fd);
	return r;
}

int sockets_check(int fd, bool *listening)
{
	int domain = 0, type = 0, accepts = 0, flags;
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
		return -errno;
	size = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
		return -errno;
	size = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) != 0)
		return -errno;
	if (domain != AF_UNIX || type != SOCK_STREAM)
		return -EPROTOTYPE;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return -errno;
	*listening = accepts != 0;
	return 0;
}
