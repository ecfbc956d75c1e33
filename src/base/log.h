/* SPDX-License-Identifier: BSD-3-Clause */
/* Formatted notes for the hosted rooms. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <pcigate/log.h>

void base_log(const struct pcg_log *log, enum pcg_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
