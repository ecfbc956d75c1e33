/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/tree.h"

#define NAMES_MAX 65536u

static bool join(const struct tree *tree, char *path, size_t size, const char *format, va_list args)
{
	int root = snprintf(path, size, "%s", tree->root), rest;

	if (root < 0 || (size_t)root >= size)
		return false;
	rest = vsnprintf(path + root, size - (size_t)root, format, args);
	return rest >= 0 && (size_t)rest < size - (size_t)root;
}

/* The path that @format and what follows it in the function's arguments make; @fits: whether it is one. */
#define JOIN(tree, path, fits, format)                                                                                 \
	do {                                                                                                           \
		va_list args_;                                                                                         \
                                                                                                                       \
		va_start(args_, format);                                                                               \
		fits = join(tree, path, sizeof(path), format, args_);                                                  \
		va_end(args_);                                                                                         \
	} while (0)

bool tree_path(const struct tree *tree, char *path, size_t size, const char *format, ...)
{
	va_list args;
	bool fits;

	va_start(args, format);
	fits = join(tree, path, size, format, args);
	va_end(args);
	return fits;
}

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t used = 0;
	ssize_t n = 0;

	text[0] = '\0';
	if (fd < 0)
		return false;
	do {
		n = read(fd, text + used, size - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && used < size - 1) || (n < 0 && errno == EINTR));
	close(fd);
	text[used] = '\0';
	while (used > 0 && text[used - 1] == '\n')
		text[--used] = '\0';
	return n >= 0;
}

bool tree_text(const struct tree *tree, char *text, size_t size, const char *format, ...)
{
	char path[PATH_MAX];
	bool fits;

	JOIN(tree, path, fits, format);
	text[0] = '\0';
	return fits && read_text(path, text, size);
}

bool tree_number(const struct tree *tree, long *value, const char *format, ...)
{
	char path[PATH_MAX], text[32], *end;
	bool fits;

	JOIN(tree, path, fits, format);
	if (!fits || !read_text(path, text, sizeof(text)))
		return false;
	errno = 0;
	*value = strtol(text, &end, 0);
	return errno == 0 && end != text && *end == '\0';
}

bool tree_flag(const struct tree *tree, const char *format, ...)
{
	char path[PATH_MAX], text[8];
	bool fits;

	JOIN(tree, path, fits, format);
	return fits && read_text(path, text, sizeof(text)) && (text[0] == 'Y' || text[0] == '1');
}

static bool read_link(const char *path, char target[PATH_MAX])
{
	ssize_t n = readlink(path, target, PATH_MAX - 1);

	target[n > 0 ? n : 0] = '\0';
	return n > 0;
}

bool tree_link(const struct tree *tree, char *text, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	bool fits;

	JOIN(tree, path, fits, format);
	text[0] = '\0';
	if (!fits || !read_link(path, target))
		return false;
	base = strrchr(target, '/');
	return snprintf(text, size, "%s", base != NULL ? base + 1 : target) < (int)size;
}

bool tree_target(const struct tree *tree, char *text, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	bool fits;

	JOIN(tree, path, fits, format);
	text[0] = '\0';
	return fits && read_link(path, target) && snprintf(text, size, "%s", target) < (int)size;
}

bool tree_there(const struct tree *tree, const char *format, ...)
{
	char path[PATH_MAX];
	bool fits;

	JOIN(tree, path, fits, format);
	return fits && access(path, F_OK) == 0;
}

int tree_access(const struct tree *tree, const char *format, ...)
{
	char path[PATH_MAX];
	bool fits;

	JOIN(tree, path, fits, format);
	if (!fits)
		return -ENAMETOOLONG;
	return faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

int tree_write(const struct tree *tree, const char *text, const char *format, ...)
{
	char path[PATH_MAX];
	size_t length = strlen(text);
	ssize_t n;
	bool fits;
	int fd, error;

	JOIN(tree, path, fits, format);
	if (!fits)
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* One write is one question to the kernel: a part of a number would be another number. */
	n = write(fd, text, length);
	error = n < 0 ? -errno : (size_t)n != length ? -EIO : 0;
	close(fd);
	return error;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool add(struct tree_names *names, size_t *room, const char *name)
{
	if (names->count == *room) {
		size_t more = *room == 0 ? 64 : *room * 2;
		void *grown = realloc(names->name, more * TREE_NAME);

		if (grown == NULL)
			return false;
		names->name = grown;
		*room = more;
	}
	memcpy(names->name[names->count++], name, strlen(name) + 1);
	return true;
}

static int read_folder(const char *path, struct tree_names *names)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	size_t room = 0;
	int error = 0;

	if (folder == NULL)
		return -errno;
	while (error == 0 && names->count < NAMES_MAX && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < TREE_NAME)
			error = add(names, &room, entry->d_name) ? 0 : -ENOMEM;
	}
	closedir(folder);
	if (names->count > 1)
		qsort(names->name, names->count, TREE_NAME, by_name);
	return error;
}

int tree_list(const struct tree *tree, struct tree_names *names, const char *format, ...)
{
	char path[PATH_MAX];
	bool fits;

	JOIN(tree, path, fits, format);
	memset(names, 0, sizeof(*names));
	return fits ? read_folder(path, names) : -ENAMETOOLONG;
}

void tree_names_finish(struct tree_names *names)
{
	free(names->name);
	memset(names, 0, sizeof(*names));
}
