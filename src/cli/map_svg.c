/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The picture. A cell is a byte: its eight bits are eight stripes, the highest at the left, each in the colour of
 * what happens to it; the number is what the guest reads. Lines go around what belongs together.
 */
#include <stdio.h>
#include <string.h>

#include "cli/map.h"

#define MARGIN    32
#define WIDTH     1160
#define GRID_X    84
#define CELL_W    32
#define CELL_H    28
#define PAUSE     6 /* between dwords */
#define GRID_W    (16 * CELL_W + 3 * PAUSE)
#define SKIP_H    22 /* a row that stands for many */
#define LABEL_X   (GRID_X + GRID_W + 44)
#define LABEL_W   (WIDTH - MARGIN - LABEL_X)
#define HEAD_Y    212 /* the first row, below title and legend */
#define HELP_LINE 64  /* letters of a line below a name */
#define BAR_Y     80
#define BAR_H     10
#define LEGEND_Y  106
#define LEGEND_H  20 /* a row of it */
#define COLUMN_2  (MARGIN + 372)
#define COLUMN_3  (MARGIN + 752)
#define ROWS      (PCG_CONFIG_EXTENDED / MAP_ROW)

/* One drawn row; @skips: how many like it the band below stands for. */
struct line {
	unsigned int at;
	unsigned int y;
	unsigned int skips;
};

struct drawing {
	const struct map *map;
	FILE *out;
	struct line lines[ROWS];
	unsigned int nlines;
	unsigned int bottom; /* of the grid */
};

/* --- text --- */

/* Text of unknown origin: escaped, without what XML cannot hold, cut to @most letters. */
static void put_text(FILE *out, const char *text, size_t most)
{
	size_t length = strlen(text), i;

	for (i = 0; i < length && i < most; i++) {
		unsigned char c = (unsigned char)text[i];

		if (length > most && i == most - 1)
			fputs("&#8230;", out);
		else if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c == '\n')
			fputc(c, out);
		else if (c < 0x20 || c >= 0x7f)
			fputc('?', out);
		else
			fputc(c, out);
	}
}

static const char *const classes[NUM_FATES] = {
	[FATE_CLOSED] = "f0", [FATE_CONSTANT] = "fc", [FATE_SHADOW] = "fs", [FATE_LOOK] = "fh",
	[FATE_CLEAR] = "f1",  [FATE_THROUGH] = "fw",  [FATE_BOTH] = "fb",   [FATE_MIXED] = "fx",
};

static const char style[] =
	"<style>\n"
	"text{font-family:system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1f2933;font-size:13px}\n"
	".m,.m tspan{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}\n"
	".bg{fill:#fcfcfa}.title{font-size:20px;font-weight:600}.dim{fill:#6b7783}.b{font-weight:600}\n"
	".small{font-size:11px}.l{font-size:12px}.z{opacity:.5}\n"
	".v{font-size:12px;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-opacity:.45;stroke-width:2.5px}\n"
	".gap rect{opacity:.5}\n"
	".f0{fill:#eceeef}.fc{fill:#dcd0f0}.fs{fill:#b4e2b4}.fh{fill:#bcd9f5}.f1{fill:#f7e07a}.fw{fill:#f4ae84}\n"
	".fb{fill:#63cbc4}\n"
	".own{fill:none;stroke:#33414f;stroke-width:2;stroke-linecap:square}\n"
	".hid{fill:none;stroke:#7d8995;stroke-width:1.5;stroke-dasharray:3 4}\n"
	".lead{fill:none;stroke:#9aa5b1;stroke-width:1}.gone{text-decoration:line-through}\n"
	".skip{fill:#f3f3ef}g:hover>.hot{stroke:#1f2933;stroke-width:1.5}.hot{fill:none;stroke:none;"
	"pointer-events:all}\n"
	"@media(prefers-color-scheme:dark){\n"
	"text{fill:#e4e9ee}.bg{fill:#15191e}.dim{fill:#98a4b0}.v{stroke:#000;stroke-opacity:.35}.z{opacity:.6}\n"
	".f0{fill:#232a31}.fc{fill:#4f4372}.fs{fill:#27663a}.fh{fill:#274c77}.f1{fill:#7c6410}.fw{fill:#94481f}\n"
	".fb{fill:#14696a}.own{stroke:#c3ccd5}.hid{stroke:#7f8b97}.lead{stroke:#5f6b77}.skip{fill:#1b2026}\n"
	"g:hover>.hot{stroke:#fff}}\n"
	"</style>\n";

/* --- places --- */

static unsigned int cell_x(unsigned int i)
{
	return GRID_X + i * CELL_W + i / 4 * PAUSE;
}

static void lay_out(struct drawing *d)
{
	unsigned int at = 0, y = HEAD_Y;

	while (at < d->map->look.size) {
		struct line *line = &d->lines[d->nlines++];

		line->at = at;
		line->y = y;
		line->skips = map_repeats(d->map, at, true);
		/* A single row is drawn rather than spoken of. */
		if (line->skips == 1)
			line->skips = 0;
		y += CELL_H + (line->skips != 0 ? SKIP_H : 0);
		at += MAP_ROW * (1 + line->skips);
	}
	d->bottom = y;
}

/* The border between cells @i - 1 and @i: in the middle of the pause, where there is one. */
static unsigned int edge_x(unsigned int i)
{
	if (i == 0)
		return GRID_X;
	return i == MAP_ROW ? GRID_X + GRID_W : (cell_x(i - 1) + CELL_W + cell_x(i)) / 2;
}

/* --- cells --- */

/* The bits of one byte, as runs of one colour. */
static void draw_cell(const struct drawing *d, unsigned int at, unsigned int x, unsigned int y)
{
	unsigned int guest = d->map->look.guest[at], bit = 8;

	while (bit > 0) {
		unsigned int low = bit - 1;
		struct why why, next;

		view_why(&d->map->record, at * 8 + low, &why);
		while (low > 0) {
			view_why(&d->map->record, at * 8 + low - 1, &next);
			if (next.fate != why.fate)
				break;
			low--;
		}
		fprintf(d->out, "<rect class=\"%s\" x=\"%g\" y=\"%u\" width=\"%g\" height=\"%u\"/>", classes[why.fate],
			x + 1 + (8 - bit) * (CELL_W - 2) / 8.0, y + 1, (bit - low) * (CELL_W - 2) / 8.0,
			(unsigned int)CELL_H - 2);
		bit = low;
	}
	fprintf(d->out, "<text class=\"m v%s\" x=\"%u\" y=\"%u\">%02x</text>\n", guest == 0 ? " z" : "", x + CELL_W / 2,
		y + CELL_H / 2 + 4, guest);
}

/* What the pointer is told over a register. */
static void put_title(const struct drawing *d, const struct regname *reg)
{
	const struct look *look = &d->map->look;
	struct fate_range ranges[32];
	unsigned int n = fate_ranges(&d->map->record, reg->offset, reg->width, ranges), i;
	int digits = reg->width * 2;
	char name[64], text[512];

	map_name(d->map, d->map->owner[reg->offset], name, sizeof(name));
	fputs("<title>", d->out);
	snprintf(text, sizeof(text), "%s  %s\n%03x, %s\nfunction %0*x, guest %0*x", reg->setpci, reg->name, reg->offset,
		 name, digits, regname_value(look->host, reg->offset, reg->width), digits,
		 regname_value(look->guest, reg->offset, reg->width));
	put_text(d->out, text, sizeof(text));
	for (i = 0; i < n; i++) {
		char rule[256];

		fate_rule(&ranges[i].why, &d->map->record.view, rule, sizeof(rule));
		snprintf(text, sizeof(text), "\n%u:%u  reads %s, writes: %s\n      %s", ranges[i].high, ranges[i].low,
			 fate_reads(&ranges[i].why), fate_writes(&ranges[i].why), rule);
		put_text(d->out, text, sizeof(text));
	}
	fputs("</title>\n", d->out);
}

/* A row, register by register. */
static void draw_line(const struct drawing *d, const struct line *line)
{
	unsigned int at = line->at, end = line->at + MAP_ROW;

	fprintf(d->out, "<text class=\"m dim\" x=\"%u\" y=\"%u\">%03x</text>\n", (unsigned int)MARGIN,
		line->y + CELL_H / 2 + 5, line->at);
	while (at < end) {
		unsigned int first = cell_x(at % MAP_ROW), stop;
		struct regname reg;

		regname_at(&reg, &d->map->look.layout, d->map->look.host, at);
		stop = reg.offset + (unsigned int)reg.width;
		if (stop > end)
			stop = end;
		fputs(d->map->owner[at] == MAP_GAP ? "<g class=\"gap\">" : "<g>", d->out);
		put_title(d, &reg);
		for (; at < stop; at++)
			draw_cell(d, at, cell_x(at % MAP_ROW), line->y);
		fprintf(d->out, "<rect class=\"hot\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"/></g>\n", first + 1,
			line->y + 1, cell_x((at - 1) % MAP_ROW) + CELL_W - first - 2, (unsigned int)CELL_H - 2);
	}
	if (line->skips == 0)
		return;
	fprintf(d->out,
		"<rect class=\"skip\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"/>"
		"<text class=\"small dim\" text-anchor=\"middle\" x=\"%u\" y=\"%u\">%u more rows like this, to %03x"
		"</text>\n",
		(unsigned int)GRID_X + 1, line->y + CELL_H + 1, (unsigned int)GRID_W - 2, (unsigned int)SKIP_H - 2,
		(unsigned int)GRID_X + GRID_W / 2, line->y + CELL_H + 15, line->skips,
		line->at + MAP_ROW * (1 + line->skips) - 1);
}

/* --- lines around what belongs together --- */

static bool solid(const struct drawing *d, int owner)
{
	return owner != MAP_GAP && map_shown(d->map, owner);
}

/* Which of two neighbours' outlines their border is: the one that is shown. */
static const char *border(const struct drawing *d, int a, int b)
{
	if (a == b)
		return NULL;
	if ((a != MAP_GAP && solid(d, a)) || (b != MAP_GAP && solid(d, b)))
		return "own";
	return "hid";
}

/* The border between two drawn rows; -1: what lies outside is a gap. */
static void draw_across(const struct drawing *d, int above, int below, unsigned int y)
{
	unsigned int i = 0;

	while (i < MAP_ROW) {
		unsigned int from = i;
		const char *kind = NULL;

		for (; i < MAP_ROW; i++) {
			int a = above < 0 ? MAP_GAP : d->map->owner[(unsigned int)above + i];
			int b = below < 0 ? MAP_GAP : d->map->owner[(unsigned int)below + i];
			const char *now = border(d, a, b);

			if (i == from)
				kind = now;
			else if (now != kind)
				break;
		}
		if (kind != NULL)
			fprintf(d->out, "<path class=\"%s\" d=\"M%u %uH%u\"/>\n", kind, edge_x(from), y, edge_x(i));
	}
}

static void draw_along(const struct drawing *d, const struct line *line)
{
	unsigned int height = CELL_H + (line->skips != 0 ? SKIP_H : 0), i;

	for (i = 0; i <= MAP_ROW; i++) {
		int a = i == 0 ? MAP_GAP : d->map->owner[line->at + i - 1];
		int b = i == MAP_ROW ? MAP_GAP : d->map->owner[line->at + i];
		const char *kind = border(d, a, b);

		if (kind != NULL)
			fprintf(d->out, "<path class=\"%s\" d=\"M%u %uv%u\"/>\n", kind, edge_x(i), line->y, height);
	}
}

static void draw_borders(const struct drawing *d)
{
	unsigned int i;

	for (i = 0; i < d->nlines; i++) {
		const struct line *line = &d->lines[i];

		draw_across(d, i == 0 ? -1 : (int)d->lines[i - 1].at, (int)line->at, line->y);
		draw_along(d, line);
	}
	draw_across(d, (int)d->lines[d->nlines - 1].at, -1, d->bottom);
}

/* --- names --- */

static void label_help(const struct drawing *d, int owner, char *text, size_t size)
{
	text[0] = '\0';
	if (owner >= 0)
		fate_cap(&d->map->record.view, map_cap(d->map, owner), text, size);
}

/* Where the first of at most two lines ends: at a blank, as far right as it may be. */
static size_t help_break(const char *help)
{
	size_t length = strlen(help), at = HELP_LINE;

	if (length <= HELP_LINE)
		return length;
	while (at > HELP_LINE / 2 && help[at] != ' ')
		at--;
	return help[at] == ' ' ? at : HELP_LINE;
}

/* How much room a name and what is said below it take. */
static unsigned int label_height(const char *help)
{
	if (help[0] == '\0')
		return 20;
	return help[help_break(help)] == '\0' ? 35 : 49;
}

static void put_help(const struct drawing *d, const char *help, unsigned int y)
{
	size_t first = help_break(help);
	char line[HELP_LINE + 1];

	snprintf(line, sizeof(line), "%.*s", (int)first, help);
	fprintf(d->out, "<text class=\"small dim\" x=\"%u\" y=\"%u\">", (unsigned int)LABEL_X + 66, y + 28);
	put_text(d->out, line, HELP_LINE);
	fputs("</text>\n", d->out);
	help += first + strspn(help + first, " ");
	if (help[0] == '\0')
		return;
	fprintf(d->out, "<text class=\"small dim\" x=\"%u\" y=\"%u\">", (unsigned int)LABEL_X + 66, y + 42);
	put_text(d->out, help, HELP_LINE);
	fputs("</text>\n", d->out);
}

static void put_label(const struct drawing *d, unsigned int at, unsigned int end, unsigned int y)
{
	int owner = d->map->owner[at];
	bool hidden = !map_shown(d->map, owner);
	char name[64], range[24], help[200];

	label_help(d, owner, help, sizeof(help));
	map_name(d->map, owner, name, sizeof(name));
	snprintf(range, sizeof(range), "%03x-%03x", at, end - 1);
	fprintf(d->out, "<text class=\"m small dim\" x=\"%u\" y=\"%u\">%s</text>", (unsigned int)LABEL_X, y + 13,
		range);
	fprintf(d->out, "<text class=\"%s%s\" x=\"%u\" y=\"%u\">", owner == MAP_GAP || hidden ? "dim" : "b",
		hidden ? " gone" : "", (unsigned int)LABEL_X + 66, y + 13);
	put_text(d->out, name, 44);
	fputs("</text>\n", d->out);
	if (help[0] != '\0')
		put_help(d, help, y);
}

static void draw_label(const struct drawing *d, const struct line *line, unsigned int at, unsigned int y)
{
	unsigned int end = at + 1;

	while (end < d->map->look.size && d->map->owner[end] == d->map->owner[at])
		end++;
	fprintf(d->out, "<path class=\"lead\" d=\"M%u %uh10L%u %uh8\"/>\n", (unsigned int)GRID_X + GRID_W + 2,
		line->y + CELL_H / 2, (unsigned int)LABEL_X - 14, y + 9);
	put_label(d, at, end, y);
}

/*
 * Every owner has its name beside the row that it begins in, or below the name before.
 * Return: where the last one ends.
 */
static unsigned int place_labels(const struct drawing *d, bool draw)
{
	unsigned int i, j, bottom = HEAD_Y;
	char help[200];

	for (i = 0; i < d->nlines; i++)
		for (j = 0; j < MAP_ROW; j++) {
			const struct line *line = &d->lines[i];
			unsigned int at = line->at + j, y = line->y + 5 > bottom ? line->y + 5 : bottom;

			if (!map_starts(d->map, at))
				continue;
			if (draw)
				draw_label(d, line, at, y);
			label_help(d, d->map->owner[at], help, sizeof(help));
			bottom = y + label_height(help);
		}
	return bottom;
}

/* --- head and frame --- */

/* How many bits have each fate: [0] those of the header and of capabilities, [1] all others. */
static void count_bits(const struct drawing *d, unsigned int counts[2][NUM_FATES])
{
	unsigned int bit;

	memset(counts, 0, 2 * sizeof(counts[0]));
	for (bit = 0; bit < d->map->look.size * 8; bit++) {
		struct why why;

		view_why(&d->map->record, bit, &why);
		counts[d->map->owner[bit / 8] == MAP_GAP][why.fate]++;
	}
}

/* All of the bits side by side: what the function is, at a glance. */
static void draw_shares(const struct drawing *d, unsigned int counts[2][NUM_FATES])
{
	double x = MARGIN, all = (double)d->map->look.size * 8;
	unsigned int i, gap;

	for (gap = 0; gap < 2; gap++) {
		fputs(gap ? "<g class=\"gap\">" : "<g>", d->out);
		for (i = 0; i < NUM_FATES; i++) {
			double width = counts[gap][i] / all * (WIDTH - 2 * MARGIN);

			if (counts[gap][i] == 0)
				continue;
			fprintf(d->out,
				"<rect class=\"%s\" x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%u\"><title>%s%s: %u bits"
				"</title></rect>",
				classes[i], x, (unsigned int)BAR_Y, width, (unsigned int)BAR_H,
				fate_word((enum why_fate)i), gap ? ", of no capability" : "", counts[gap][i]);
			x += width;
		}
		fputs("</g>\n", d->out);
	}
}

static void put_share(FILE *out, unsigned int count, unsigned int all)
{
	unsigned int percent = (count * 100 + all / 2) / all;

	if (count != 0 && percent == 0)
		fputs("&lt; 1 %", out);
	else
		fprintf(out, "%u %%", percent);
}

static void legend_text(const struct drawing *d, unsigned int x, unsigned int y, const char *text)
{
	fprintf(d->out, "<text class=\"l\" x=\"%u\" y=\"%u\">%s</text>\n", x + 30, y + 12, text);
}

/* What the lines are. */
static void draw_line_legend(const struct drawing *d)
{
	unsigned int x = COLUMN_3, y = LEGEND_Y;

	fprintf(d->out, "<rect class=\"own\" x=\"%u\" y=\"%u\" width=\"20\" height=\"13\"/>", x + 1, y + 1);
	legend_text(d, x, y, "shown to the guest");
	y += LEGEND_H;
	fprintf(d->out, "<rect class=\"hid\" x=\"%u\" y=\"%u\" width=\"20\" height=\"13\"/>", x + 1, y + 1);
	legend_text(d, x, y, "a capability that is hidden from it");
	y += LEGEND_H;
	fprintf(d->out, "<g class=\"gap\"><rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"22\" height=\"15\"/></g>",
		classes[FATE_THROUGH], x, y);
	legend_text(d, x, y, "muted: no capability&#8217;s");
}

static void draw_legend(const struct drawing *d)
{
	unsigned int i, n = 0, counts[2][NUM_FATES];

	count_bits(d, counts);
	draw_shares(d, counts);
	for (i = 0; i < NUM_FATES; i++) {
		unsigned int x = n < 4 ? MARGIN : COLUMN_2, y = LEGEND_Y + n % 4 * LEGEND_H;

		if (i == FATE_MIXED)
			continue;
		fprintf(d->out,
			"<rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"22\" height=\"15\"/>"
			"<text class=\"m v\" x=\"%u\" y=\"%u\">%c</text><text class=\"l\" x=\"%u\" y=\"%u\">",
			classes[i], x, y, x + 11, y + 12, fate_letter((enum why_fate)i), x + 30, y + 12);
		put_text(d->out, fate_word((enum why_fate)i), 70);
		fputs(" <tspan class=\"dim\">", d->out);
		put_share(d->out, counts[0][i] + counts[1][i], (unsigned int)d->map->look.size * 8);
		fputs("</tspan></text>\n", d->out);
		n++;
	}
	draw_line_legend(d);
	fprintf(d->out,
		"<text class=\"l dim\" x=\"%u\" y=\"%u\">a cell is a byte, its bits from 7 to 0 side by side; the number "
		"is what the guest reads</text>\n",
		(unsigned int)COLUMN_2, (unsigned int)LEGEND_Y + 3 * LEGEND_H + 12);
}

static void draw_head(const struct drawing *d)
{
	const struct map *map = d->map;
	unsigned int i, shown = 0, ncaps = map->look.layout.ncaps + (unsigned int)map->look.layout.necaps;
	char text[512];

	for (i = 0; i < ncaps; i++)
		shown += map_shown(map, (int)i);
	fprintf(d->out, "<text class=\"title\" x=\"%u\" y=\"42\">", (unsigned int)MARGIN);
	put_text(d->out, map->title, 84);
	fprintf(d->out, "</text>\n<text class=\"dim\" x=\"%u\" y=\"64\">", (unsigned int)MARGIN);
	snprintf(text, sizeof(text), "%04x:%04x, profile %s, %zu bytes, %u of %u capabilities shown, %s", map->ids[0],
		 map->ids[1], map->profile->name, map->look.size, shown, ncaps, map->look.func);
	put_text(d->out, text, 138);
	fputs("</text>\n", d->out);
	draw_legend(d);
	for (i = 0; i < MAP_ROW; i++)
		fprintf(d->out, "<text class=\"m v dim\" x=\"%u\" y=\"%u\">%x</text>", cell_x(i) + CELL_W / 2,
			(unsigned int)HEAD_Y - 6, i);
	fputc('\n', d->out);
}

void map_svg(const struct map *map, FILE *out)
{
	static struct drawing d;
	unsigned int height, i;

	memset(&d, 0, sizeof(d));
	d.map = map;
	d.out = out;
	lay_out(&d);
	height = place_labels(&d, false);
	height = (height > d.bottom ? height : d.bottom) + MARGIN;
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">\n<title>",
		(unsigned int)WIDTH, height, (unsigned int)WIDTH, height);
	put_text(out, map->title, sizeof(map->title));
	fputs("</title>\n", out);
	fputs(style, out);
	fprintf(out, "<rect class=\"bg\" width=\"%u\" height=\"%u\"/>\n", (unsigned int)WIDTH, height);
	draw_head(&d);
	for (i = 0; i < d.nlines; i++)
		draw_line(&d, &d.lines[i]);
	draw_borders(&d);
	place_labels(&d, true);
	fputs("</svg>\n", out);
}
