/* SPDX-License-Identifier: BSD-3-Clause */
#include "quirks/quirks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "quirks/section.h"

struct reader {
	struct quirks *quirks;
	const char *name;
	const struct pcg_log *log;
	unsigned int line;
	struct quirk_section section;
};

static int wrong(const struct reader *r, unsigned int line, const char *what)
{
	base_log(r->log, PCG_ERROR, "%s:%u: %s", r->name, line, what);
	return -EINVAL;
}

/* What notes name a quirk by; kept as long as the quirks. */
static const char *name_line(struct quirks *quirks, const char *file, unsigned int line)
{
	char **names = realloc(quirks->names, (quirks->nnames + 1) * sizeof(*names)), *name;

	if (names == NULL)
		return NULL;
	quirks->names = names;
	if (asprintf(&name, "%s:%u", file, line) < 0)
		return NULL;
	names[quirks->nnames++] = name;
	return name;
}

static int add_all(struct reader *r, const struct quirk_line *line)
{
	const struct quirk_section *s = &r->section;
	struct quirks *quirks = r->quirks;
	struct pcg_quirk *list;
	const char *where;
	unsigned int i;

	if (quirks->count + s->nmatches > QUIRKS_MAX)
		return wrong(r, line->line, "too many quirks: 4096 are read");
	list = realloc(quirks->list, (quirks->count + s->nmatches) * sizeof(*list));
	where = name_line(quirks, r->name, line->line);
	if (list != NULL)
		quirks->list = list;
	if (list == NULL || where == NULL)
		return wrong(r, line->line, strerror(ENOMEM));
	for (i = 0; i < s->nmatches; i++) {
		struct pcg_quirk *q = &list[quirks->count++];

		*q = line->quirk;
		q->vendor = s->match[i].vendor;
		q->device = s->match[i].device;
		q->subvendor = s->common.subvendor;
		q->subsystem = s->common.subsystem;
		q->revision = s->common.revision;
		q->revision_last = s->common.revision_last;
		q->vf = s->common.vf;
		q->where = where;
	}
	return 0;
}

static int end_section(struct reader *r)
{
	unsigned int line, i;
	const char *what;
	int ret = 0;

	if (r->section.line == 0)
		return 0;
	what = section_check(&r->section, &line);
	if (what != NULL)
		return wrong(r, line, what);
	for (i = 0; ret == 0 && i < r->section.nlines; i++)
		ret = add_all(r, &r->section.lines[i]);
	return ret;
}

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
		text[--length] = '\0';
	return text;
}

static int take_line(struct reader *r, char *text)
{
	char *equals, *value = NULL;
	const char *what;
	int ret;

	text = trim(text);
	if (*text == '\0' || *text == '#')
		return 0;
	if (*text == '[') {
		if (text[1] == ']' || text[strlen(text) - 1] != ']')
			return wrong(r, r->line, "a section begins with [NAME]");
		ret = end_section(r);
		section_begin(&r->section, r->line);
		return ret;
	}
	if (r->section.line == 0)
		return wrong(r, r->line, "a section begins with [NAME], and this stands before the first");
	equals = strchr(text, '=');
	if (equals != NULL) {
		*equals = '\0';
		value = trim(equals + 1);
	}
	what = section_take(&r->section, trim(text), value, r->line);
	return what != NULL ? wrong(r, r->line, what) : 0;
}

static int take_text(struct reader *r, const char *text, size_t length)
{
	char line[QUIRKS_MAX_LINE];
	int ret = 0;

	while (ret == 0 && length > 0) {
		const char *newline = memchr(text, '\n', length);
		size_t n = newline != NULL ? (size_t)(newline - text) : length;

		r->line++;
		if (n >= sizeof(line))
			return wrong(r, r->line, "a line is shorter than 512 bytes");
		if (memchr(text, '\0', n) != NULL)
			return wrong(r, r->line, "this is no text");
		memcpy(line, text, n);
		line[n] = '\0';
		ret = take_line(r, line);
		n += newline != NULL;
		text += n;
		length -= n;
	}
	return ret == 0 ? end_section(r) : ret;
}

int quirks_parse(struct quirks *quirks, const char *text, size_t length, const char *name, const struct pcg_log *log)
{
	struct reader *r = calloc(1, sizeof(*r));
	unsigned int before = quirks->count;
	int ret;

	if (r == NULL)
		return -ENOMEM;
	r->quirks = quirks;
	r->name = name;
	r->log = log;
	ret = take_text(r, text, length);
	if (ret < 0)
		quirks->count = before;
	free(r);
	return ret;
}

/* One byte more than is allowed is asked for, so that a file that is too long is noticed. */
static int load_file(struct quirks *quirks, const char *path, const struct pcg_log *log)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(QUIRKS_MAX_FILE + 1);
	size_t length = 0;
	int ret = 0;

	if (file == NULL || text == NULL) {
		ret = text == NULL ? -ENOMEM : -errno;
		base_log(log, PCG_ERROR, "%s: %s", path, strerror(-ret));
	} else {
		length = fread(text, 1, QUIRKS_MAX_FILE + 1, file);
		ret = ferror(file) ? -EIO : length > QUIRKS_MAX_FILE ? -EFBIG : 0;
		if (ret < 0)
			base_log(log, PCG_ERROR, "%s: a quirk file has at most 64 KiB of text", path);
	}
	if (ret == 0)
		ret = quirks_parse(quirks, text, length, path, log);
	if (file != NULL)
		fclose(file);
	free(text);
	return ret;
}

static int is_quirk_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 7 && strcmp(entry->d_name + length - 7, ".quirks") == 0;
}

static int load_directory(struct quirks *quirks, const char *path, const struct pcg_log *log)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_quirk_file, alphasort), i, ret = 0;

	if (n < 0) {
		ret = -errno;
		base_log(log, PCG_ERROR, "%s: %s", path, strerror(-ret));
		return ret;
	}
	for (i = 0; i < n; i++) {
		char *file = NULL;

		if (ret == 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			ret = -ENOMEM;
		else if (ret == 0)
			ret = load_file(quirks, file, log);
		free(file);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

int quirks_load(struct quirks *quirks, const char *path, const struct pcg_log *log)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return load_directory(quirks, path, log);
	return load_file(quirks, path, log);
}

void quirks_finish(struct quirks *quirks)
{
	unsigned int i;

	for (i = 0; i < quirks->nnames; i++)
		free(quirks->names[i]);
	free(quirks->names);
	free(quirks->list);
	memset(quirks, 0, sizeof(*quirks));
}
