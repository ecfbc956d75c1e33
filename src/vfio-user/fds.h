/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that come along with the bytes of a socket. */
#ifndef VFIO_USER_FDS_H
#define VFIO_USER_FDS_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Takes those of a message that was received. Beyond @room of them they are closed.
 * @fds: where they are added, behind the @nfds that are there
 * Return: whether there were more than could be taken: what is left of them is of no use then.
 */
bool fds_take(struct msghdr *message, int *fds, unsigned int *nfds, unsigned int room);

#endif
