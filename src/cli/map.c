/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/map.h"
#include "cli/options.h"
#include "cli/policy.h"
#include "host/dump/lspci_text.h"

/* --- what is drawn --- */

static void find_title(struct map *map)
{
	struct lspci_names *names = lspci_names_create();
	const uint8_t *guest = map->look.guest;

	map->ids[0] = pcg_get16(guest + PCG_VENDOR);
	map->ids[1] = pcg_get16(guest + PCG_DEVICE);
	snprintf(map->title, sizeof(map->title), "Device %04x:%04x", map->ids[0], map->ids[1]);
	if (names != NULL)
		lspci_names_find(names, LSPCI_NAME_DEVICE, map->ids, map->title, sizeof(map->title));
	lspci_names_destroy(names);
}

static void find_owners(struct map *map)
{
	const struct pcg_layout *layout = &map->look.layout;
	unsigned int at, i;

	for (at = 0; at < PCG_CONFIG_EXTENDED; at++)
		map->owner[at] = at < PCG_HEADER_END ? MAP_HEADER : MAP_GAP;
	for (i = 0; i < layout->ncaps + (unsigned int)layout->necaps; i++) {
		const struct pcg_cap *cap = map_cap(map, (int)i);

		for (at = cap->offset; at < cap->offset + (unsigned int)cap->length; at++)
			map->owner[at] = (int16_t)i;
	}
}

int map_init(struct map *map, const char *func, const struct cli_view *view, const struct pcg_log *log)
{
	unsigned int at;
	int ret = look_at(&map->look, func, view, log);

	if (ret == CLI_DONE)
		ret = look_record(&map->look, "map", &map->record);
	if (ret != CLI_DONE)
		return ret;
	map->profile = map->look.view.profile;
	find_title(map);
	find_owners(map);
	for (at = 0; at < PCG_CONFIG_EXTENDED; at++)
		map->fate[at] = view_fate(&map->record, at);
	return CLI_DONE;
}

const struct pcg_cap *map_cap(const struct map *map, int owner)
{
	const struct pcg_layout *layout = &map->look.layout;

	if (owner < 0)
		return NULL;
	return owner < layout->ncaps ? &layout->caps[owner] : &layout->ecaps[owner - layout->ncaps];
}

bool map_shown(const struct map *map, int owner)
{
	return owner < 0 || view_shows(&map->record.view, map_cap(map, owner));
}

void map_name(const struct map *map, int owner, char *text, size_t size)
{
	if (owner < 0)
		snprintf(text, size, owner == MAP_HEADER ? "header" : "no capability");
	else
		regname_cap(map_cap(map, owner), text, size);
}

bool map_starts(const struct map *map, unsigned int at)
{
	return at == 0 || map->owner[at] != map->owner[at - 1];
}

static bool one_owner(const struct map *map, unsigned int at)
{
	unsigned int i;

	for (i = 1; i < MAP_ROW; i++)
		if (map->owner[at + i] != map->owner[at])
			return false;
	return true;
}

unsigned int map_repeats(const struct map *map, unsigned int at, bool values)
{
	unsigned int rows = 0, next;

	if (!one_owner(map, at))
		return 0;
	for (next = at + MAP_ROW; next < map->look.size; next += MAP_ROW) {
		if (map->owner[next] != map->owner[at] || !one_owner(map, next) ||
		    memcmp(&map->fate[next], &map->fate[at], MAP_ROW * sizeof(map->fate[0])) != 0 ||
		    (values && memcmp(&map->look.guest[next], &map->look.guest[at], MAP_ROW) != 0))
			break;
		rows++;
	}
	return rows;
}

unsigned int map_count(const struct map *map, enum why_fate fate)
{
	unsigned int at, count = 0;

	for (at = 0; at < map->look.size; at++)
		count += map->fate[at] == fate;
	return count;
}

/* --- as text --- */

static const char *const colours[NUM_FATES] = {
	[FATE_CLOSED] = "\033[2m", [FATE_CONSTANT] = "\033[35m", [FATE_SHADOW] = "\033[32m", [FATE_LOOK] = "\033[34m",
	[FATE_CLEAR] = "\033[33m", [FATE_THROUGH] = "\033[31m",  [FATE_BOTH] = "\033[36m",   [FATE_MIXED] = "\033[1m",
};

static void print_letter(enum why_fate fate, bool colour)
{
	if (colour)
		printf("%s%c\033[0m", colours[fate], fate_letter(fate));
	else
		putchar(fate_letter(fate));
}

static const char *suffix(const struct map *map, int owner)
{
	if (!map_shown(map, owner))
		return " (hidden)";
	return owner >= 0 && view_forced(&map->record.view, map_cap(map, owner)) ? " (configuration only)" : "";
}

/* Who begins in this row: "040 Power Management, 050 MSI (hidden)". */
static void print_owners(const struct map *map, unsigned int row)
{
	const char *between = "  ";
	unsigned int at;
	char name[64];

	for (at = row; at < row + MAP_ROW; at++) {
		if (!map_starts(map, at))
			continue;
		map_name(map, map->owner[at], name, sizeof(name));
		printf("%s%03x %s%s", between, at, name, suffix(map, map->owner[at]));
		between = ", ";
	}
}

static void print_row(const struct map *map, unsigned int row, bool colour)
{
	unsigned int i;

	printf("%03x ", row);
	for (i = 0; i < MAP_ROW; i++) {
		if (i % 4 == 0 && i > 0)
			putchar(' ');
		putchar(map_starts(map, row + i) ? '|' : ' ');
		print_letter(map->fate[row + i], colour);
	}
	print_owners(map, row);
	putchar('\n');
}

static void print_text(const struct map *map, bool colour)
{
	unsigned int row, repeats, i;

	printf("%s: %s (%04x:%04x), profile %s, %zu bytes\n\n    ", map->look.func, map->title, map->ids[0],
	       map->ids[1], map->profile->name, map->look.size);
	for (i = 0; i < MAP_ROW; i++)
		printf("%s %x", i % 4 == 0 && i > 0 ? " " : "", i);
	putchar('\n');
	for (row = 0; row < map->look.size; row += MAP_ROW * (1 + repeats)) {
		repeats = map_repeats(map, row, false);
		/* One more row takes no more room than saying that there is one. */
		if (repeats == 1)
			repeats = 0;
		print_row(map, row, colour);
		if (repeats != 0)
			printf("*    %u more like this, to %03x\n", repeats, row + MAP_ROW * (1 + repeats) - 1);
	}
	printf("\n|  another owner begins\n");
	for (i = 0; i < NUM_FATES; i++) {
		unsigned int count = map_count(map, (enum why_fate)i);

		if (count == 0)
			continue;
		print_letter((enum why_fate)i, colour);
		printf("  %s (%u bytes)\n", fate_word((enum why_fate)i), count);
	}
}

/* --- the verb --- */

struct settings {
	struct cli_view view;
	const char *output;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate map FUNC [-o FILE.svg]\n\n"
		"Draws configuration space: who owns each byte, what happens to it when a guest reads or writes.\n\n"
		"  -o, --output FILE        as a picture (SVG); -: to standard output\n");
	fputs(cli_policy_help, out);
	fprintf(out,
		"\nFUNC: vfio:BDF, dump:FILE[@BDF], sim:MODEL, vfio-user:SOCKET, or live:CONTROL[@N] of a running server\n");
}

static int take(void *settings, int option)
{
	struct settings *s = settings;

	(void)option;
	s->output = optarg;
	return CLI_DONE;
}

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ NULL, 0, NULL, 0 },
};

static const struct cli_form form = {
	.verb = "map",
	.letters = "o:",
	.options = long_options,
	.take = take,
	.usage = usage,
};

static bool wants_colour(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
}

static int write_svg(const struct map *map, const char *path)
{
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	bool failed;

	if (out == NULL)
		return cli_error("map", CLI_CANNOT, "-o %s: %s; name a file that can be written", path,
				 strerror(errno));
	map_svg(map, out);
	failed = fflush(out) != 0 || ferror(out);
	if (out != stdout && fclose(out) != 0)
		failed = true;
	return failed ? cli_error("map", CLI_CANNOT, "-o %s: %s", path, strerror(errno)) : CLI_DONE;
}

int cli_map(int argc, char **argv)
{
	static struct map map;
	struct settings s = { 0 };
	struct pcg_log notes = cli_log(PCG_WARN);
	int ret = cli_options(&form, argc, argv, &s.view, &s);

	if (ret != CLI_DONE)
		return cli_status(ret);
	ret = map_init(&map, argv[optind], &s.view, &notes);
	if (ret != CLI_DONE)
		return ret;
	if (s.output != NULL)
		return write_svg(&map, s.output);
	print_text(&map, wants_colour());
	return fflush(stdout) == 0 && !ferror(stdout) ? CLI_DONE : CLI_CANNOT;
}
