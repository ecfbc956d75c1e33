/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "holds.h"

const char *profile;

void holds_not(const struct subject *subject, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print_error("%s%s%s: %s\n", profile != NULL ? profile : "", profile != NULL ? ", " : "", subject->name, text);
	fail();
}
