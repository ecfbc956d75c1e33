/* SPDX-License-Identifier: BSD-3-Clause */
/* A text in memory, and choosing one function of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "host/dump/text.h"

#define LIST_MAX 12 /* functions that an error names */

static int read_all(int fd, size_t most, uint8_t **data, size_t *length)
{
	size_t room = 0, used = 0;
	uint8_t *grown;
	ssize_t n;

	*data = NULL;
	do {
		if (used == room) {
			room = room == 0 ? 65536 : room * 2;
			grown = realloc(*data, room);
			if (grown == NULL)
				return -ENOMEM;
			*data = grown;
		}
		n = read(fd, *data + used, room - used);
		if (n < 0 && errno != EINTR)
			return -errno;
		used += n > 0 ? (size_t)n : 0;
		if (used > most)
			return -EFBIG;
	} while (n != 0);
	*length = used;
	return 0;
}

int dump_load(const char *name, size_t most, uint8_t **data, size_t *length, const struct pcg_log *log)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC), error;

	*data = NULL;
	if (fd < 0) {
		error = -errno;
		base_log(log, PCG_ERROR, "dump: cannot open \"%.200s\": %s", name, strerror(-error));
		return error;
	}
	error = read_all(fd, most, data, length);
	close(fd);
	if (error == 0)
		return 0;
	free(*data);
	*data = NULL;
	if (error == -EFBIG)
		base_log(log, PCG_ERROR, "dump: \"%.200s\" has more than %zu bytes", name, most);
	else
		base_log(log, PCG_ERROR, "dump: cannot read \"%.200s\": %s", name, strerror(-error));
	return error;
}

static struct dump_entry *add_entry(struct dump_file *file, size_t *room)
{
	struct dump_entry *grown;

	if (file->nentries == *room) {
		*room = *room == 0 ? 64 : *room * 2;
		grown = realloc(file->entries, *room * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		file->entries = grown;
	}
	memset(&file->entries[file->nentries], 0, sizeof(file->entries[0]));
	return &file->entries[file->nentries++];
}

/* A title, or the first bytes of a text without titles. */
static bool opens_function(const struct dump_file *file, const char *line, struct dump_bdf *bdf, size_t *indent)
{
	uint8_t bytes[16];
	uint32_t offset;

	if (dump_title(line, bdf, indent))
		return true;
	*bdf = (struct dump_bdf){ .domain = DUMP_ANY_DOMAIN };
	return file->nentries == 0 && dump_hex_line(line + *indent, &offset, bytes) > 0 && offset == 0;
}

static int index_text(struct dump_file *file)
{
	size_t at = 0, room = 0, number = 0, indent, start;
	struct dump_entry *entry = NULL;
	char line[DUMP_LINE_MAX];
	struct dump_bdf bdf;
	uint8_t bytes[16];
	uint32_t offset;

	for (start = 0; dump_next_line(file, &at, file->length, line); start = at) {
		number++;
		if (opens_function(file, line, &bdf, &indent)) {
			if (file->nentries == DUMP_FUNCTIONS_MAX)
				return -E2BIG;
			entry = add_entry(file, &room);
			if (entry == NULL)
				return -ENOMEM;
			entry->start = start;
			entry->line = number;
			entry->indent = indent;
			entry->bdf = bdf;
		}
		if (entry == NULL || entry->has_hex || dump_entry_hex(entry, line, &offset, bytes) != 16 || offset != 0)
			continue;
		entry->has_hex = true;
		entry->header_type = bytes[PCG_HEADER_TYPE] & 0x7f;
	}
	return 0;
}

int dump_file_init(struct dump_file *file, const char *name, const struct pcg_log *log)
{
	uint8_t *data;
	int error;

	memset(file, 0, sizeof(*file));
	file->name = name;
	error = dump_load(name, DUMP_FILE_MAX, &data, &file->length, log);
	if (error != 0)
		return error;
	file->text = (char *)data;
	error = dump_decode(file);
	if (error == 0)
		error = index_text(file);
	if (error == -E2BIG)
		base_log(log, PCG_ERROR, "dump: \"%.200s\" has more than %u functions", name, DUMP_FUNCTIONS_MAX);
	if (error != 0)
		dump_file_finish(file);
	return error;
}

void dump_file_finish(struct dump_file *file)
{
	free(file->text);
	free(file->entries);
	memset(file, 0, sizeof(*file));
}

static void print_bdf(char *text, size_t size, const struct dump_bdf *bdf)
{
	if (bdf->domain == DUMP_ANY_DOMAIN)
		snprintf(text, size, "%02x:%02x.%x", bdf->bus, bdf->device, bdf->function);
	else
		snprintf(text, size, "%04x:%02x:%02x.%x", bdf->domain, bdf->bus, bdf->device, bdf->function);
}

static bool can_serve(const struct dump_entry *entry)
{
	return entry->has_hex && entry->header_type == 0;
}

/* The functions that could be taken, as far as they fit one note. */
static void list_functions(const struct dump_file *file, char *text, size_t size)
{
	size_t i, listed = 0, all = 0, used = 0;
	char bdf[24];

	text[0] = '\0';
	for (i = 0; i < file->nentries; i++) {
		if (!can_serve(&file->entries[i]))
			continue;
		all++;
		if (listed == LIST_MAX)
			continue;
		print_bdf(bdf, sizeof(bdf), &file->entries[i].bdf);
		used += (size_t)snprintf(text + used, size - used, "%s%s", listed++ == 0 ? "" : " ", bdf);
	}
	if (all > listed)
		snprintf(text + used, size - used, " and %zu more", all - listed);
}

static bool matches(const struct dump_bdf *wanted, const struct dump_bdf *bdf)
{
	uint32_t domain = bdf->domain == DUMP_ANY_DOMAIN ? 0 : bdf->domain;

	return wanted->bus == bdf->bus && wanted->device == bdf->device && wanted->function == bdf->function &&
	       (wanted->domain == DUMP_ANY_DOMAIN || wanted->domain == domain);
}

bool dump_same_bdf(const struct dump_bdf *a, const struct dump_bdf *b)
{
	return a->domain == b->domain && matches(a, b);
}

static long refuse(const struct dump_file *file, const struct pcg_log *log, long error, const char *why)
{
	char list[LIST_MAX * 24 + 64];

	list_functions(file, list, sizeof(list));
	if (list[0] == '\0' && file->raw)
		base_log(log, PCG_ERROR,
			 "dump: \"%.200s\": %s; it is no text, and of %zu bytes: configuration space as it is, in "
			 "/sys/bus/pci/devices/BDF/config, has 64, 256 or 4096",
			 file->name, why, file->length);
	else if (list[0] == '\0')
		base_log(log, PCG_ERROR,
			 "dump: \"%.200s\": %s; no type 0 function with a hex dump (lspci -xxxx) is in it", file->name,
			 why);
	else
		base_log(log, PCG_ERROR, "dump: \"%.200s\": %s; name one as FILE@BDF: %s", file->name, why, list);
	return error;
}

static long select_bdf(const struct dump_file *file, const struct dump_bdf *bdf, const struct pcg_log *log)
{
	const struct dump_entry *entries = file->entries;
	long found = -1;
	bool again = false;
	size_t i;

	for (i = 0; i < file->nentries; i++) {
		if (!matches(bdf, &entries[i].bdf))
			continue;
		if (found < 0 || (!entries[found].has_hex && dump_same_bdf(&entries[found].bdf, &entries[i].bdf)))
			found = (long)i;
		else if (!dump_same_bdf(&entries[found].bdf, &entries[i].bdf))
			return refuse(file, log, -EINVAL, "that BDF is there in several domains");
		else
			again = again || entries[i].has_hex;
	}
	if (found < 0)
		return refuse(file, log, -ENOENT, "there is no such function");
	if (!entries[found].has_hex)
		return refuse(file, log, -EINVAL, "that function has no hex dump of its header");
	if (again)
		base_log(log, PCG_WARN,
			 "dump: \"%.200s\" has that function more than once, the one of line %zu is taken", file->name,
			 entries[found].line);
	return found;
}

long dump_file_select(const struct dump_file *file, const struct dump_bdf *bdf, const struct pcg_log *log)
{
	size_t i, candidates = 0, dumps = 0;
	long found = -1;

	if (bdf != NULL)
		return select_bdf(file, bdf, log);
	for (i = 0; i < file->nentries; i++) {
		dumps += file->entries[i].has_hex ? 1 : 0;
		if (!can_serve(&file->entries[i]))
			continue;
		candidates++;
		found = (long)i;
	}
	if (candidates == 1)
		return found;
	if (candidates > 1)
		return refuse(file, log, -EINVAL, "several functions are in it");
	/* One bridge, alone: opening it tells why it cannot be served. */
	for (i = 0; dumps == 1 && i < file->nentries; i++)
		if (file->entries[i].has_hex)
			return (long)i;
	return refuse(file, log, dumps == 0 ? -EINVAL : -ENOTSUP, dumps == 0 ? "nothing to serve" : "only bridges");
}
