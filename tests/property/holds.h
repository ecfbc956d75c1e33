/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold of a subject; where it does not, the test ends and says of which one, and under which profile. */
#ifndef PROPERTY_HOLDS_H
#define PROPERTY_HOLDS_H

#include "subject.h"

/* The profile that is being looked at; NULL: none. */
extern const char *profile;

__attribute__((format(printf, 2, 3))) void holds_not(const struct subject *subject, const char *format, ...);

#define HOLDS(subject, condition, ...)                                                                                 \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			holds_not(subject, __VA_ARGS__);                                                               \
	} while (0)

#endif
