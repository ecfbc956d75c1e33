/* SPDX-License-Identifier: BSD-3-Clause */
/* Rights that a thread gives up for good. */
#ifndef BASE_PRIVILEGE_H
#define BASE_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>

/* Capabilities are each thread's own: one that is given up here is still held by the other threads. */

/* Whether this thread has it: CAP_… of <linux/capability.h>. */
bool base_capable(unsigned int capability);

/* All capabilities of this thread, and what an exec could bring back. Return: 0 or a negative errno. */
int base_drop_privileges(void);

#endif
