/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "trace/line.h"

#define ERRNO_MAX 4095

static const struct form {
	const char *word;
	enum trace_kind kind;
	bool as_bytes;
} forms[] = {
	{ "open", TRACE_OPEN, false },    { "r", TRACE_READ, false },    { "rb", TRACE_READ, true },
	{ "w", TRACE_WRITE, false },      { "wb", TRACE_WRITE, true },   { "R", TRACE_HOST_READ, false },
	{ "W", TRACE_HOST_WRITE, false }, { "flr", TRACE_RESET, false }, { "reset", TRACE_RESET, false },
	{ "close", TRACE_CLOSE, false },
};

/* The next word of *@at, ended in place; NULL at the end. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t\r\n");
	size_t length = strcspn(word, " \t\r\n");

	if (length == 0)
		return NULL;
	*at = word + length + (word[length] != '\0' ? 1 : 0);
	word[length] = '\0';
	return word;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A whole word as a number, up to @max. */
static bool number(const char *word, unsigned int base, uint64_t max, uint64_t *value)
{
	*value = 0;
	if (word == NULL || *word == '\0')
		return false;
	for (; *word != '\0'; word++) {
		int d = digit(*word);

		if (d < 0 || (unsigned int)d >= base || *value > (max - (unsigned int)d) / base)
			return false;
		*value = *value * base + (unsigned int)d;
	}
	return true;
}

/* The errors of Linux by name. */
static bool error_named(const char *word, int *error)
{
	int n;

	if (word == NULL)
		return false;
	for (n = 1; n < ERRNO_MAX; n++) {
		const char *name = strerrorname_np(n);

		if (name != NULL && strcmp(name, word) == 0) {
			*error = -n;
			return true;
		}
	}
	return false;
}

const char *trace_error_name(int error)
{
	const char *name = strerrorname_np(-error);

	return name != NULL ? name : "EIO";
}

static const char *take_data(char **at, char *word, struct trace_line *line)
{
	uint64_t value;
	size_t i;

	if (!line->as_bytes) {
		if (!number(word, 16, line->length == 4 ? UINT32_MAX : (1u << 8 * line->length) - 1, &value))
			return "a value of so many bytes is wanted, in hexadecimal";
		for (i = 0; i < line->length; i++)
			line->data[i] = (uint8_t)(value >> 8 * i);
		return NULL;
	}
	for (i = 0; i < line->length; i++) {
		if (!number(word, 16, 0xff, &value))
			return "as many bytes are wanted as the access has, in hexadecimal";
		line->data[i] = (uint8_t)value;
		if (i + 1 < line->length)
			word = next_word(at);
	}
	return NULL;
}

static const char *take_access(char **at, struct trace_line *line)
{
	bool writes = line->kind == TRACE_WRITE || line->kind == TRACE_HOST_WRITE;
	uint64_t value;
	char *word;

	if (!number(next_word(at), 10, PCG_CONFIG_EXTENDED, &value))
		return "the number of bytes is wanted, at most 4096";
	line->length = (size_t)value;
	if (!line->as_bytes && value != 1 && value != 2 && value != 4)
		return "the width is 1, 2 or 4";
	if (!number(next_word(at), 16, UINT32_MAX, &line->offset))
		return "an offset is wanted, in hexadecimal";
	word = NULL;
	if (writes && line->length > 0) {
		const char *wrong = take_data(at, next_word(at), line);

		if (wrong != NULL)
			return wrong;
	}
	word = next_word(at);
	if (!writes && word != NULL && strcmp(word, "=") == 0) {
		line->expects = true;
		if (line->length > 0) {
			const char *wrong = take_data(at, next_word(at), line);

			if (wrong != NULL)
				return wrong;
		}
		word = next_word(at);
	}
	if (word == NULL)
		return NULL;
	if (strcmp(word, "!") != 0 || line->expects)
		return "something stands behind the access that is neither \"=\" nor \"!\"";
	line->refused = true;
	return error_named(next_word(at), &line->error) ? NULL
							: "an error's name is wanted behind \"!\", as in ! EFAULT";
}

/* A word that stands alone. */
static bool trace_is_bare(enum trace_kind kind)
{
	return kind == TRACE_OPEN || kind == TRACE_RESET || kind == TRACE_CLOSE;
}

static const char *take_word(char **at, char *word, struct trace_line *line)
{
	const char *wrong;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].word, word) == 0)
			break;
	if (i == sizeof(forms) / sizeof(forms[0]))
		return "no such operation; there are open, close, r, rb, w, wb, R, W, flr, reset";
	line->kind = forms[i].kind;
	line->as_bytes = forms[i].as_bytes;
	line->text = forms[i].word;
	if (!trace_is_bare(line->kind)) {
		wrong = take_access(at, line);
		if (wrong != NULL)
			return wrong;
	} else if ((word = next_word(at)) != NULL) {
		if (strcmp(word, "!") != 0 || !error_named(next_word(at), &line->error))
			return "nothing but \"! ERROR\" may follow";
		line->refused = true;
	}
	return next_word(at) == NULL ? NULL : "the line goes on where it should end";
}

const char *trace_parse(char *text, struct trace_line *line)
{
	static const char effect[] = "# effect: ";
	char *at = text, *comment, *word;
	size_t length;

	line->kind = TRACE_NOTHING;
	line->as_bytes = false;
	line->expects = false;
	line->refused = false;
	line->error = 0;
	line->length = 0;
	line->offset = 0;
	line->text = "";
	if (strncmp(text, effect, sizeof(effect) - 1) == 0) {
		line->kind = TRACE_EFFECT;
		line->text = text + sizeof(effect) - 1;
		length = strlen(line->text);
		while (length > 0 && strchr(" \t\r\n", line->text[length - 1]) != NULL)
			text[sizeof(effect) - 1 + --length] = '\0';
		return NULL;
	}
	comment = strchr(text, '#');
	if (comment != NULL)
		*comment = '\0';
	word = next_word(&at);
	return word == NULL ? NULL : take_word(&at, word, line);
}

static void write_data(FILE *out, const struct trace_line *line, const uint8_t *data)
{
	size_t i;

	if (line->as_bytes) {
		for (i = 0; i < line->length; i++)
			fprintf(out, " %02x", data[i]);
		return;
	}
	fputc(' ', out);
	for (i = line->length; i-- > 0;)
		fprintf(out, "%02x", data[i]);
}

void trace_write_line(FILE *out, const struct trace_line *line, const uint8_t *data, int error)
{
	fputs(line->text, out);
	if (!trace_is_bare(line->kind))
		fprintf(out, " %zu %03" PRIx64, line->length, line->offset);
	if (line->kind == TRACE_WRITE || line->kind == TRACE_HOST_WRITE)
		write_data(out, line, line->data);
	if (error < 0) {
		fprintf(out, " ! %s", trace_error_name(error));
	} else if (line->kind == TRACE_READ || line->kind == TRACE_HOST_READ) {
		fputs(" =", out);
		write_data(out, line, data);
	}
	fputc('\n', out);
}
