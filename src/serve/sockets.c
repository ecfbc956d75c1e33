/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

/* By a descriptor: in a directory of somebody else's the name may stand for another file by now. */
static int sockets_give(const char *path, gid_t group)
{
	struct stat st;
	int r = 0, fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode))
		r = -EIO;
	else if (fchownat(fd, "", (uid_t)-1, group, AT_EMPTY_PATH) != 0)
		r = -errno;
	close(fd);
	return r;
}

/* A socket's permissions are all that the umask leaves; there is no other way to have it made with the right ones. */
static int sockets_make(int fd, const struct sockaddr_un *address, const struct sockets_access *access)
{
	mode_t mask = access != NULL ? umask(~access->mode & 0777) : 0;
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;

	if (access != NULL)
		umask(mask);
	return r;
}

/* The socket of @fd stands at its path from now on. */
static int sockets_bind(int fd, const struct sockaddr_un *address, const struct sockets_access *access,
			struct sockets_file *file, bool *given)
{
	struct stat st;
	int r = sockets_make(fd, address, access);

	if (r != 0)
		return r;
	if (access != NULL && access->group != SOCKETS_ANY_GROUP)
		r = sockets_give(address->sun_path, access->group);
	*given = r == 0;
	/* At once: whoever waits for the file to appear connects when it does. */
	if (r == 0)
		r = listen(fd, SOCKETS_BACKLOG) == 0 ? 0 : -errno;
	file->path = strdup(address->sun_path);
	if (file->path == NULL || lstat(address->sun_path, &st) != 0) {
		unlink(address->sun_path);
		return file->path == NULL ? -ENOMEM : -EIO;
	}
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	return r;
}

void sockets_remove(struct sockets_file *file)
{
	struct stat st;

	if (file->path != NULL && lstat(file->path, &st) == 0 && st.st_dev == file->dev && st.st_ino == file->ino)
		unlink(file->path);
	free(file->path);
	*file = (struct sockets_file){ 0 };
}

static const char *sockets_hint(int error, bool given)
{
	if (!given)
		return "--socket-group: only root gives it to a group that the user is not in";
	return error == -EMFILE ? SOCKETS_MORE : "the directory must exist and let us write";
}

int sockets_listen(const char *path, const char *option, const struct sockets_access *access, struct sockets_file *file,
		   const struct pcg_log *log)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bool given = true;
	int fd, r;

	*file = (struct sockets_file){ 0 };
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
	if (r == 0)
		r = sockets_bind(fd, &address, access, file, &given);
	if (r == 0)
		return fd;
	sockets_remove(file);
	base_log(log, PCG_ERROR, "%s %s: %s; %s", option, path, strerror(-r), sockets_hint(r, given));
	if (fd >= 0)
		close(fd);
	return r;
}

int sockets_check(int fd, bool *listening)
{
	int domain = 0, type = 0, accepts = 0, flags;
	socklen_t size = sizeof(int);
	struct sockaddr_un peer;

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
	size = sizeof(peer);
	if (accepts == 0 && getpeername(fd, (struct sockaddr *)&peer, &size) != 0)
		return -errno;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return -errno;
	*listening = accepts != 0;
	return 0;
}
