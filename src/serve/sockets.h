/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVE_SOCKETS_H
#define SERVE_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

#include <pcigate/log.h>

/* The soft limit is raised to the hard one when the server begins. */
#define SOCKETS_MORE "allow more descriptors: ulimit -Hn, or LimitNOFILE= of a systemd unit"

/*
 * struct sockets_access - who may connect to a socket that is made
 * @group: whose it becomes, or SOCKETS_ANY_GROUP: as files of the directory come
 * @mode: its permissions, whatever the umask says
 */
struct sockets_access {
	gid_t group;
	mode_t mode;
};

#define SOCKETS_ANY_GROUP ((gid_t)-1)

/* A socket of ours in the file system; all zero: none. */
struct sockets_file {
	char *path;
	dev_t dev;
	ino_t ino;
};

/*
 * sockets_listen() - a listening UNIX socket at @path
 * @option: what the user gave the path with, for notes
 * @access: NULL: the starter's, its mode by umask. Nobody can connect before it is so.
 * @file: filled in, for sockets_remove()
 * A socket that nobody listens to any more is replaced. Return: the descriptor; or a negative errno after a note.
 */
int sockets_listen(const char *path, const char *option, const struct sockets_access *access, struct sockets_file *file,
		   const struct pcg_log *log);

/* Remove it, unless somebody has put another in its place. */
void sockets_remove(struct sockets_file *file);

/*
 * sockets_check() - whether @fd is a UNIX stream socket that can be served, made non-blocking and close-on-exec
 * @listening: set
 * Return: 0; -EBADF, -ENOTSOCK, -EPROTOTYPE, -ENOTCONN (neither listening nor connected).
 */
int sockets_check(int fd, bool *listening);

#endif
