/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVE_SOCKETS_H
#define SERVE_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

#include <pcigate/log.h>

/* The soft limit is raised to the hard one when the server begins. */
#define SOCKETS_MORE "allow more descriptors: ulimit -Hn, or LimitNOFILE= of a systemd unit"

/* A socket of ours in the file system; all zero: none. */
struct sockets_file {
	char *path;
	dev_t dev;
	ino_t ino;
};

/*
 * sockets_listen() - a listening UNIX socket at @path, its mode by umask
 * @option: what the user gave the path with, for notes
 * @file: filled in, for sockets_remove()
 * A socket that nobody listens to any more is replaced. Return: the descriptor; or a negative errno after a note.
 */
int sockets_listen(const char *path, const char *option, struct sockets_file *file, const struct pcg_log *log);

/* Remove it, unless somebody has put another in its place. */
void sockets_remove(struct sockets_file *file);

/*
 * sockets_check() - whether @fd is a UNIX stream socket that can be served, made non-blocking and close-on-exec
 * @listening: set
 * Return: 0; -EBADF, -ENOTSOCK, -EPROTOTYPE, -ENOTCONN (neither listening nor connected).
 */
int sockets_check(int fd, bool *listening);

#endif
