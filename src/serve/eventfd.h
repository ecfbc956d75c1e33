/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signalling a client's eventfd without ever waiting for it.
 *
 * write() to an eventfd waits while its counter is full, unless O_NONBLOCK is set; but that flag belongs to the open
 * file that the client shares and may clear at any moment, and RWF_NOWAIT is not supported for it. The kernel's own
 * way never waits: an asynchronous read of nothing (io_submit with IOCB_FLAG_RESFD on /dev/null) ends at once and
 * signals the eventfd as an interrupt would, a full counter staying full. It also refuses what is not an eventfd, so
 * no other kind of file is ever touched. It costs 0.4 us, a write() 0.2.
 *
 * Where the kernel has no AIO, a write() is cut short by a timer signal after a millisecond.
 */
#ifndef SERVE_EVENTFD_H
#define SERVE_EVENTFD_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/aio_abi.h>

struct eventfd_signaller {
	aio_context_t context;
	bool aio;
	int readable; /* /dev/null */
	int unreadable;
};

/* @no_aio: act as if the kernel had none. Return: 0 or a negative errno. */
int eventfd_signaller_init(struct eventfd_signaller *signaller, bool no_aio);
void eventfd_signaller_finish(struct eventfd_signaller *signaller);

/* Adds one to the counter of @fd. Return: 0; -EINVAL, no eventfd; -EAGAIN, it is full and stays so. */
int eventfd_signal(struct eventfd_signaller *signaller, int fd);

/* Whether @fd is an eventfd; it is not changed. */
bool eventfd_check(struct eventfd_signaller *signaller, int fd);

#endif
