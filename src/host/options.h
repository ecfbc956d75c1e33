/* SPDX-License-Identifier: BSD-3-Clause */
/* "SUBJECT[,key=value…]": what stands behind the colon of a FUNC. A comma that belongs to a text is doubled. */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <pcigate/log.h>

/** OPTIONS_MAX - the most options that a backend can know */
#define OPTIONS_MAX 32

/**
 * struct options - a text taken apart
 * @subject: what stands before the first comma
 * @values: by the index of the option's name; NULL: not given
 */
struct options {
	const char *subject;
	const char *values[OPTIONS_MAX];
	const char *const *names;
	const char *backend;
	const struct pcg_log *log;
	char *text;
};

/**
 * options_init() - take @text apart
 * @options: filled in; options_finish() when this returned 0
 * @backend: for messages: "dump"
 * @text: the text
 * @names: the known options, NULL-terminated, at most OPTIONS_MAX; must outlive @options
 * @log: told of errors; must outlive @options
 *
 * Return: 0; -EINVAL for an option that is unknown, given twice or without a value, after a note that lists the
 * known ones; -ENOMEM.
 */
int options_init(struct options *options, const char *backend, const char *text, const char *const *names,
		 const struct pcg_log *log);

/** options_finish() - free what options_init() took; the subject and the values are gone with it */
void options_finish(struct options *options);

/* The calls below leave *value alone and return 0 where the option is not given; -EINVAL after a note. */

/** options_bool() - "on" or "off" */
int options_bool(const struct options *options, unsigned int index, bool *value);

/** options_size() - a number with K, M, G, T (powers of 1024) behind it or nothing, @min to @max */
int options_size(const struct options *options, unsigned int index, uint64_t min, uint64_t max, uint64_t *value);

/** options_choice() - one of @choices, NULL-terminated: its index */
int options_choice(const struct options *options, unsigned int index, const char *const *choices, unsigned int *value);

/**
 * options_parse_size() - the number form of options_size()
 * @text: where it starts
 * @end: set to what follows it
 * @value: the number
 *
 * Return: whether there was one that fits 64 bits.
 */
bool options_parse_size(const char *text, const char **end, uint64_t *value);

#endif
