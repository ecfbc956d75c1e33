/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/options.h"

/* A FUNC names files and sockets: much longer than any path is a mistake. */
#define TEXT_MAX 65536u

static void list_names(char *text, size_t size, const char *const *names, const char *between)
{
	size_t used = 0;

	text[0] = '\0';
	for (; *names != NULL && used < size; names++) {
		int n = snprintf(text + used, size - used, "%s%s", used == 0 ? "" : between, *names);

		used += n > 0 ? (size_t)n : 0;
	}
}

/* Cut @text at its next single comma, undouble the double ones. Return: what follows the cut, or NULL. */
static char *cut(char *text)
{
	char *from = text, *to = text;

	while (*from != '\0') {
		if (*from == ',' && from[1] != ',') {
			*to = '\0';
			return from + 1;
		}
		if (*from == ',')
			from++;
		*to++ = *from++;
	}
	*to = '\0';
	return NULL;
}

static int take(struct options *options, char *piece)
{
	char *value = strchr(piece, '=');
	char known[256];
	unsigned int i;

	if (value != NULL)
		*value++ = '\0';
	for (i = 0; options->names[i] != NULL && i < OPTIONS_MAX; i++) {
		if (strcmp(options->names[i], piece) != 0)
			continue;
		if (value == NULL || *value == '\0') {
			base_log(options->log, PCG_ERROR, "%s: option %s wants a value: %s=…", options->backend, piece,
				 piece);
			return -EINVAL;
		}
		if (options->values[i] != NULL) {
			base_log(options->log, PCG_ERROR, "%s: option %s is given twice", options->backend, piece);
			return -EINVAL;
		}
		options->values[i] = value;
		return 0;
	}
	list_names(known, sizeof(known), options->names, ", ");
	base_log(options->log, PCG_ERROR, "%s: there is no option \"%.64s\"; known are: %s", options->backend, piece,
		 known);
	return -EINVAL;
}

int options_init(struct options *options, const char *backend, const char *text, const char *const *names,
		 const struct pcg_log *log)
{
	char *rest;
	int error = 0;

	memset(options, 0, sizeof(*options));
	options->backend = backend;
	options->names = names;
	options->log = log;
	if (strnlen(text, TEXT_MAX) == TEXT_MAX) {
		base_log(log, PCG_ERROR, "%s: the text behind the colon is longer than %u bytes", backend, TEXT_MAX);
		return -EINVAL;
	}
	options->text = strdup(text);
	if (options->text == NULL)
		return -ENOMEM;
	options->subject = options->text;
	rest = cut(options->text);
	while (rest != NULL && error == 0) {
		char *piece = rest;

		rest = cut(piece);
		error = take(options, piece);
	}
	if (error != 0)
		options_finish(options);
	return error;
}

void options_finish(struct options *options)
{
	free(options->text);
	memset(options, 0, sizeof(*options));
}

static int refuse(const struct options *options, unsigned int index, const char *wanted)
{
	base_log(options->log, PCG_ERROR, "%s: %s=%.64s: must be %s", options->backend, options->names[index],
		 options->values[index], wanted);
	return -EINVAL;
}

int options_bool(const struct options *options, unsigned int index, bool *value)
{
	const char *text = options->values[index];

	if (text == NULL)
		return 0;
	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return refuse(options, index, "on or off");
	*value = strcmp(text, "on") == 0;
	return 0;
}

bool options_parse_size(const char *text, const char **end, uint64_t *value)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	uint64_t number;
	unsigned int shift;
	char *after;

	/* strtoull() would take blanks and signs. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &after, text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
	if (errno != 0)
		return false;
	suffix = *after == '\0' ? NULL : strchr(suffixes, *after);
	if (suffix != NULL) {
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
		if (number > UINT64_MAX >> shift)
			return false;
		number <<= shift;
		after++;
	}
	*end = after;
	*value = number;
	return true;
}

int options_size(const struct options *options, unsigned int index, uint64_t min, uint64_t max, uint64_t *value)
{
	const char *text = options->values[index], *end = text;
	uint64_t number = 0;
	char wanted[96];

	if (text == NULL)
		return 0;
	if (options_parse_size(text, &end, &number) && *end == '\0' && number >= min && number <= max) {
		*value = number;
		return 0;
	}
	snprintf(wanted, sizeof(wanted), "a number (K, M, G or T may follow) from %" PRIu64 " to %" PRIu64, min, max);
	return refuse(options, index, wanted);
}

int options_choice(const struct options *options, unsigned int index, const char *const *choices, unsigned int *value)
{
	const char *text = options->values[index];
	char wanted[128];
	unsigned int i;

	if (text == NULL)
		return 0;
	for (i = 0; choices[i] != NULL; i++) {
		if (strcmp(choices[i], text) == 0) {
			*value = i;
			return 0;
		}
	}
	list_names(wanted, sizeof(wanted), choices, " or ");
	return refuse(options, index, wanted);
}
