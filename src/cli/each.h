/* SPDX-License-Identifier: BSD-3-Clause */
/* `pcigate serve --each FIRST-LAST`: one operand for many functions. */
#ifndef CLI_EACH_H
#define CLI_EACH_H

/**
 * struct each - the operands, those with %n in them once for every number
 * @funcs: @count of them; each is its own
 */
struct each {
	char **funcs;
	int count;
};

/**
 * each_expand() - make them
 * @range: FIRST-LAST
 * @funcs: the operands as they were given, @count of them
 *
 * Return: 0, or how the program ends after a line on stderr. each_finish() either way.
 */
int each_expand(struct each *each, const char *range, char *const *funcs, int count);
void each_finish(struct each *each);

#endif
