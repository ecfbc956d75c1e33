/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/control.h"
#include "host/sim/pool_internal.h"

#define LINE 512u

/**
 * struct command - one of them
 * @changes: it is noted
 * @local: it needs functions that are served one by one
 */
static const struct command {
	const char *name;
	const char *usage;
	int (*run)(struct sim_control *control, struct control_words *words);
	bool changes;
	bool local;
} commands[] = {
	{ "fault",
	  "fault FUNC malformed [N] | poisoned [N] | timeout [N|forever] | abort [N] | iommu [N] | "
	  "config-ones on|off | stuck-power on|off | flr MS|never|now | clear",
	  control_fault, .changes = true },
	{ "reset", "reset FUNC", control_reset, .changes = true },
	{ "remove", "remove FUNC", control_remove, .changes = true },
	{ "insert", "insert FUNC", control_insert, .changes = true },
	{ "dma", "dma FUNC read|write ADDRESS LENGTH [pasid=N] [exec] [priv]", control_dma, .changes = true },
	{ "errors", "errors [FUNC]", control_errors },
	{ "show", "show [FUNC]", control_show },
	{ "vfs", "vfs PF [N]", control_vfs, .local = true },
	{ "vectors", "vectors PF | VF [N]", control_vectors, .local = true },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

/* --- words --- */

void control_say(struct sim_control *control, const char *format, ...)
{
	static const char cut[] = "(there is more, and no room for it)\n";
	size_t room = control->size - control->used;
	va_list args;
	int n;

	if (room <= sizeof(cut))
		return;
	va_start(args, format);
	n = vsnprintf(control->answer + control->used, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n + 1 + sizeof(cut) > room) {
		memcpy(control->answer + control->used, cut, sizeof(cut));
		control->used = control->size;
		return;
	}
	control->used += (size_t)n;
	control->answer[control->used++] = '\n';
	control->answer[control->used] = '\0';
}

const char *control_take(struct control_words *words)
{
	if (words->count == 0)
		return NULL;
	words->count--;
	return *words->words++;
}

int control_end(struct sim_control *control, const struct control_words *words)
{
	if (words->count == 0)
		return 0;
	control_say(control, "\"%.40s\" is one word too many", words->words[0]);
	return -EINVAL;
}

int control_number(struct sim_control *control, const char *text, uint64_t most, uint64_t *value)
{
	char *end = NULL;

	errno = 0;
	if (text != NULL && isdigit((unsigned char)*text))
		*value = strtoull(text, &end, 0);
	if (end != NULL && *end == '\0' && errno == 0 && *value <= most)
		return 0;
	control_say(control, "\"%.40s\": give a number from 0 to %llu", text == NULL ? "" : text,
		    (unsigned long long)most);
	return -EINVAL;
}

/* --- functions --- */

void control_bdf(const struct fabric_function *f, char text[16])
{
	uint16_t at = fabric_bdf(f);

	snprintf(text, 16, "%02x:%02x.%x", at >> 8, at >> 3 & 31u, at & 7u);
}

static struct fabric_function *by_bdf(struct sim_control *control, const char *name)
{
	unsigned int domain = 0, bus, device, function;
	int used = 0;

	if (sscanf(name, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &used) != 4 || name[used] != '\0') {
		domain = 0;
		if (sscanf(name, "%2x:%2x.%1x%n", &bus, &device, &function, &used) != 3 || name[used] != '\0')
			return NULL;
	}
	if (device > 31 || function > 7 ||
	    (domain != 0 && (control->shared == NULL || control->shared->domain != domain)))
		return NULL;
	return fabric_find(control->fabric, TLP_BDF(bus, device << 3 | function));
}

static struct fabric_function *by_name(struct sim_control *control, const char *name)
{
	const char *dot = strstr(name, ".vf");
	struct fabric_function *f = fabric_find_name(control->fabric, name);
	char first[32], *end;
	unsigned long n;

	if (f != NULL)
		return f;
	if (dot == NULL || (size_t)(dot - name) >= sizeof(first) || !isdigit((unsigned char)dot[3]))
		return by_bdf(control, name);
	snprintf(first, sizeof(first), "%.*s", (int)(dot - name), name);
	f = fabric_find_name(control->fabric, first);
	n = strtoul(dot + 3, &end, 10);
	return f != NULL && *end == '\0' && n < f->nvirtuals ? f->virtuals[n] : NULL;
}

static void list_functions(struct sim_control *control, const char *name)
{
	char text[400];
	size_t used = 0;

	text[0] = '\0';
	for (struct fabric_function *f = fabric_each(control->fabric, NULL); f != NULL && used + 80 < sizeof(text);
	     f = fabric_each(control->fabric, f)) {
		if (f->physical != NULL)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used == 0 ? "" : ", ", f->name);
		if (f->nvirtuals > 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, ", %s.vf0 to %u", f->name,
						 f->nvirtuals - 1u);
	}
	if (name == NULL)
		control_say(control, "name a function; this fabric has %s", text);
	else
		control_say(control, "there is no function \"%.40s\"; this fabric has %s", name, text);
}

struct fabric_function *control_function(struct sim_control *control, struct control_words *words,
					 bool (*ahead)(const char *word))
{
	const char *name;
	struct fabric_function *f;

	if (control->self != NULL && (words->count == 0 || (ahead != NULL && ahead(words->words[0]))))
		return control->self;
	name = control_take(words);
	f = name != NULL ? by_name(control, name) : NULL;
	if (f == NULL)
		list_functions(control, name);
	return f;
}

/* --- one line --- */

static void usage(struct sim_control *control)
{
	control_say(control, "commands are");
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (control->shared != NULL || !commands[i].local)
			control_say(control, "  %s", commands[i].usage);
}

static const struct command *find(const struct sim_control *control, const char *name)
{
	for (size_t i = 0; name != NULL && i < NCOMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0 && (control->shared != NULL || !commands[i].local))
			return &commands[i];
	return NULL;
}

static int run(struct sim_control *control, const char *line, struct control_words *words)
{
	const char *name = control_take(words);
	const struct command *command = find(control, name);
	int r;

	if (command == NULL) {
		if (name != NULL && strcmp(name, "help") != 0)
			control_say(control, "\"%.40s\" is no command", name);
		usage(control);
		return name != NULL && strcmp(name, "help") == 0 ? 0 : -EINVAL;
	}
	r = command->run(control, words);
	if (r == -EINVAL)
		control_say(control, "it is: %s", command->usage);
	else if (r == 0 && command->changes)
		base_log(control->log, PCG_INFO, "sim: by command: %s", line);
	return r;
}

int sim_control(struct sim_control *control, const char *line, char *answer, size_t size)
{
	char copy[LINE], *all[CONTROL_WORDS], *rest = copy, *word;
	struct control_words words = { .words = all };

	control->answer = answer;
	control->size = size;
	control->used = 0;
	answer[0] = '\0';
	for (const char *c = line; *c != '\0'; c++)
		if (!isprint((unsigned char)*c) && *c != '\t')
			return -EINVAL;
	if (strlen(line) >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, line, strlen(line) + 1);
	while ((word = strsep(&rest, " \t")) != NULL) {
		if (*word == '\0')
			continue;
		if (words.count == CONTROL_WORDS) {
			control_say(control, "a command has at most %u words", CONTROL_WORDS);
			return -EINVAL;
		}
		all[words.count++] = word;
	}
	return run(control, line, &words);
}
