/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/control_client.h"

#define CONTROL_ANSWER_MAX (1u << 20)
#define CONTROL_SECONDS    10
#define CONTROL_COMMAND    512u

struct control_reader {
	struct control_function *function;
	void (*each)(void *arg, const struct control_function *function);
	void *arg;
	size_t filled; /* bytes of configuration space read so far */
	bool any;
	int error;
	bool ended;
};

/* Sends @line and collects the answer, NUL-terminated. Return: 0 or a negative errno. */
static int control_exchange(int fd, const char *line, char **answer)
{
	size_t size = 0, room = 32768;
	ssize_t n;
	char *more;

	*answer = malloc(room);
	if (*answer == NULL)
		return -ENOMEM;
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
		return -EPIPE;
	while ((n = recv(fd, *answer + size, room - size - 1, 0)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		size += (size_t)n;
		if (size + 1 < room)
			continue;
		room *= 2;
		more = room <= CONTROL_ANSWER_MAX ? realloc(*answer, room) : NULL;
		if (more == NULL)
			return -EMSGSIZE;
		*answer = more;
	}
	(*answer)[size] = '\0';
	return 0;
}

static int control_ask(const char *path, const char *line, char **answer)
{
	const struct timeval patience = { .tv_sec = CONTROL_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	*answer = NULL;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		r = -errno;
	else
		r = control_exchange(fd, line, answer);
	close(fd);
	return r;
}

static void control_flush(struct control_reader *reader)
{
	if (reader->any && reader->each != NULL)
		reader->each(reader->arg, reader->function);
}

static void control_bar(struct control_function *function, const char *line)
{
	char kind[8], word[16];
	unsigned int index;
	uint64_t size;
	int n = sscanf(line, "bar %x %7s %" SCNx64 " %15s", &index, kind, &size, word);
	struct pcg_bar *bar;

	if (n < 3 || index >= PCG_NUM_BARS)
		return;
	bar = &function->bars[index];
	bar->size = size;
	bar->prefetchable = n == 4 && strcmp(word, "prefetchable") == 0;
	bar->kind = strcmp(kind, "io") == 0 ? PCG_BAR_IO : strcmp(kind, "mem64") == 0 ? PCG_BAR_MEM64 : PCG_BAR_MEM32;
	if (bar->kind == PCG_BAR_MEM64 && index + 1 < PCG_NUM_BARS)
		function->bars[index + 1].kind = PCG_BAR_UPPER;
}

static void control_bytes(struct control_reader *reader, const char *line)
{
	const char *p = strchr(line, ':');
	unsigned int byte;
	int used;

	for (p = p == NULL ? "" : p + 1; sscanf(p, " %2x%n", &byte, &used) == 1; p += used) {
		if (reader->filled < PCG_CONFIG_EXTENDED)
			reader->function->config[reader->filled++] = (uint8_t)byte;
	}
}

static void control_line(struct control_reader *reader, const char *line)
{
	struct control_function *f = reader->function;
	unsigned int number;
	int at = 0;

	if (sscanf(line, "function %x %n", &number, &at) == 1 && at > 0) {
		control_flush(reader);
		memset(f, 0, sizeof(*f));
		f->number = number;
		snprintf(f->func, sizeof(f->func), "%s", line + at);
		reader->any = true;
	} else if (strncmp(line, "socket ", 7) == 0) {
		snprintf(f->socket, sizeof(f->socket), "%s", line + 7);
	} else if (strncmp(line, "state ", 6) == 0) {
		snprintf(f->state, sizeof(f->state), "%s", line + 6);
	} else if (strncmp(line, "bar ", 4) == 0) {
		control_bar(f, line);
	} else if (sscanf(line, "rom %" SCNx64, &f->rom.size) == 1) {
		f->rom.kind = PCG_BAR_MEM32;
	} else if (control_rules_take(&f->rules, line)) {
		return;
	} else if (sscanf(line, "config %x", &number) == 1) {
		f->size = number <= PCG_CONFIG_EXTENDED ? number : 0;
	} else if (isxdigit((unsigned char)line[0]) && strchr(line, ':') != NULL) {
		control_bytes(reader, line);
	} else if (sscanf(line, "error %x", &number) == 1) {
		reader->error = number > 0 && number < 4096 ? -(int)number : -EIO;
		reader->ended = true;
	} else if (strcmp(line, "ok") == 0) {
		reader->ended = true;
	}
}

static int control_run(const char *path, const char *line, struct control_reader *reader, const struct pcg_log *log)
{
	char *answer, *rest, *next;
	int r = control_ask(path, line, &answer);

	for (rest = answer; r == 0 && (next = strsep(&rest, "\n")) != NULL;)
		control_line(reader, next);
	if (r == 0)
		r = reader->ended ? reader->error : -EPROTO;
	if (r == 0)
		control_flush(reader);
	free(answer);
	if (r != 0)
		base_log(log, PCG_ERROR, "live:%s: %s; the socket that `pcigate serve --control` made answers here",
			 path, r == -ENODEV ? "no function of that number" : strerror(-r));
	return r;
}

int control_config(const char *path, unsigned int n, enum control_side side, struct control_function *function,
		   const struct pcg_log *log)
{
	struct control_reader reader = { .function = function };
	char line[64];
	int r;

	memset(function, 0, sizeof(*function));
	snprintf(line, sizeof(line), "config %x %s\n", n, side == CONTROL_HOST ? "host" : "guest");
	r = control_run(path, line, &reader, log);
	if (r == 0 && (function->size == 0 || reader.filled != function->size)) {
		base_log(log, PCG_ERROR, "live:%s: the answer is not whole; ask again", path);
		r = -EPROTO;
	}
	return r;
}

int control_list(const char *path, void (*each)(void *arg, const struct control_function *function), void *arg,
		 const struct pcg_log *log)
{
	struct control_function function = { 0 };
	struct control_reader reader = { .function = &function, .each = each, .arg = arg };

	return control_run(path, "list\n", &reader, log);
}

int control_command(const char *path, unsigned int n, const char *command, void (*each)(void *arg, const char *line),
		    void *arg)
{
	char line[CONTROL_COMMAND + 32], *answer, *rest, *next;
	unsigned int error;
	int r;

	if (strlen(command) >= CONTROL_COMMAND || strchr(command, '\n') != NULL)
		return -EMSGSIZE;
	snprintf(line, sizeof(line), "control %x %s\n", n, command);
	r = control_ask(path, line, &answer);
	if (r != 0) {
		free(answer);
		return r;
	}
	r = -EPROTO;
	for (rest = answer; (next = strsep(&rest, "\n")) != NULL;) {
		if (strncmp(next, "answer ", 7) == 0)
			each(arg, next + 7);
		else if (strcmp(next, "ok") == 0)
			r = 0;
		else if (sscanf(next, "error %x", &error) == 1)
			r = error > 0 && error < 4096 ? -(int)error : -EIO;
	}
	free(answer);
	return r;
}

int control_split(const char *where, char *path, size_t size, unsigned int *n)
{
	const char *at = strrchr(where, '@');
	size_t length = strlen(where);
	char *end;

	*n = 0;
	if (at != NULL) {
		unsigned long number = strtoul(at + 1, &end, 10);

		if (end != at + 1 && *end == '\0' && number <= UINT_MAX) {
			*n = (unsigned int)number;
			length = (size_t)(at - where);
		}
	}
	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(path, where, length);
	path[length] = '\0';
	return 0;
}
