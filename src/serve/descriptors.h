/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVE_DESCRIPTORS_H
#define SERVE_DESCRIPTORS_H

#include <stdbool.h>

/*
 * Close a descriptor that a client sent. Closing some kinds waits for whoever stands behind them (a FUSE server, a
 * lingering TCP socket): those are closed aside.
 */
void descriptors_close(int fd);

/*
 * So many closings wait for somebody that no more descriptors should be taken from anyone: leave them in the message
 * (a receive buffer without room for them), where dropping them waits for nobody.
 */
bool descriptors_stuck(void);

#endif
