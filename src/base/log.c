/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

void base_log(const struct pcg_log *log, enum pcg_level level, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pcg_say(log, level, PCG_NOWHERE, 0, text);
}
