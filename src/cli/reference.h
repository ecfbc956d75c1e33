/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_REFERENCE_H
#define CLI_REFERENCE_H

#include <stdio.h>

/** reference_print() - docs/policy-reference.md, from the tables that decide */
void reference_print(FILE *out);

#endif
