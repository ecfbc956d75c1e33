/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVE_DESCRIPTORS_H
#define SERVE_DESCRIPTORS_H

/*
 * Close a descriptor that a client sent. Closing some kinds waits for whoever stands behind them (a FUSE server, a
 * lingering TCP socket): those are closed aside.
 */
void descriptors_close(int fd);

#endif
