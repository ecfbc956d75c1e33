/* SPDX-License-Identifier: BSD-3-Clause */
/* For those who have one function and nothing else to do: wait for it. */
#ifndef HOST_WAIT_H
#define HOST_WAIT_H

#include <pcigate/host.h>

/*
 * Let the backend work until *result is no longer PCG_PENDING, which a done() of the caller's sees to.
 * Return: *result; -ETIMEDOUT after @milliseconds.
 */
int host_wait(struct pcg_host *host, const int *result, unsigned int milliseconds);

#endif
