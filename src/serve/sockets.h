/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVE_SOCKETS_H
#define SERVE_SOCKETS_H

#include <stdbool.h>

#include <pcigate/log.h>

/*
 * sockets_listen() - a listening UNIX socket at @path, its mode by umask
 * @option: what the user gave the path with, for notes
 * A socket that nobody listens to any more is replaced. Return: the descriptor; or a negative errno after a note.
 */
int sockets_listen(const char *path, const char *option, const struct pcg_log *log);

/*
 * sockets_check() - whether @fd is a UNIX stream socket that can be served, made non-blocking and close-on-exec
 * @listening: set
 * Return: 0; -EBADF, -ENOTSOCK, -EPROTOTYPE.
 */
int sockets_check(int fd, bool *listening);

#endif
