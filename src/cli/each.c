/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/each.h"

/* TotalVFs has 16 bits (PCIe 6.0, 9.3.3.6). */
#define EACH_LAST 65535u
/* Functions of one server: far more than one loop serves well. */
#define EACH_MOST 4096

#define EACH_SIGN "%n"

static bool each_number(const char **text, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(*text, &end, 10);
	if (errno != 0 || **text < '0' || **text > '9' || *value > EACH_LAST)
		return false;
	*text = end;
	return true;
}

static int each_range(const char *range, unsigned long *first, unsigned long *last)
{
	const char *at = range;

	if (each_number(&at, first) && *at++ == '-' && each_number(&at, last) && *at == '\0' && *first <= *last)
		return 0;
	return cli_error("serve", CLI_USAGE, "--each %s: give FIRST-LAST, numbers from 0 to %u", range, EACH_LAST);
}

/* @text with @number in place of every sign. */
static char *each_one(const char *text, unsigned long number)
{
	const char *from = text, *sign;
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);
	bool failed;

	if (out == NULL)
		return NULL;
	while ((sign = strstr(from, EACH_SIGN)) != NULL) {
		fprintf(out, "%.*s%lu", (int)(sign - from), from, number);
		from = sign + strlen(EACH_SIGN);
	}
	fputs(from, out);
	failed = ferror(out) != 0;
	if (fclose(out) == 0 && !failed)
		return made;
	free(made);
	return NULL;
}

static int each_add(struct each *each, const char *text, unsigned long first, unsigned long last)
{
	for (unsigned long n = first; n <= last; n++) {
		if (each->count == EACH_MOST)
			return cli_error("serve", CLI_USAGE, "--each: more than %d functions; start a second server",
					 EACH_MOST);
		each->funcs[each->count] = each_one(text, n);
		if (each->funcs[each->count] == NULL)
			return cli_error("serve", CLI_CANNOT, "%s", strerror(ENOMEM));
		each->count++;
	}
	return 0;
}

int each_expand(struct each *each, const char *range, char *const *funcs, int count)
{
	unsigned long first = 0, last = 0;
	bool any = false;
	int r = each_range(range, &first, &last);

	if (r != 0)
		return r;
	each->funcs = calloc(EACH_MOST, sizeof(*each->funcs));
	if (each->funcs == NULL)
		return cli_error("serve", CLI_CANNOT, "%s", strerror(ENOMEM));
	for (int i = 0; i < count && r == 0; i++) {
		bool many = strstr(funcs[i], EACH_SIGN) != NULL;

		any = any || many;
		r = each_add(each, funcs[i], many ? first : 0, many ? last : 0);
	}
	if (r == 0 && !any)
		r = cli_error("serve", CLI_USAGE, "--each %s: no function has %s in it, which it stands for", range,
			      EACH_SIGN);
	return r;
}

void each_finish(struct each *each)
{
	for (int i = 0; i < each->count; i++)
		free(each->funcs[i]);
	free(each->funcs);
	*each = (struct each){ 0 };
}
