/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "bench.h"

struct spread {
	double min;
	double median;
	double max;
};

/* One row, with its repetitions put together. */
struct summary {
	struct spread ratio; /* ours to the floor beside it */
	struct spread ahead; /* ours to the plain floor beside it, over libvfio-user's to its own */
	double floor;
	double rate;
	double p50;
	double p99;
	double floor_p50;
};

static int report_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread report_spread(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), report_compare);
	return (struct spread){ values[0], n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2,
				values[n - 1] };
}

enum figure {
	FIGURE_RATIO,
	FIGURE_AHEAD,
	FIGURE_FLOOR,
	FIGURE_RATE,
	FIGURE_P50,
	FIGURE_P99,
	FIGURE_FLOOR_P50,
	FIGURES,
};

static double report_figure(const struct row *row, unsigned int i, enum figure figure)
{
	/* A rate that was not pinned says nothing of one that is. */
	double theirs = row->reference.free ? 0 : row->reference.rate / row->reference.floor;

	switch (figure) {
	case FIGURE_RATIO:
		return row->ours[i].rate / row->floor[i].rate;
	case FIGURE_AHEAD:
		return theirs > 0 ? row->ours[i].rate / row->plain[i].rate / theirs : 0;
	case FIGURE_FLOOR:
		return row->floor[i].rate;
	case FIGURE_RATE:
		return row->ours[i].rate;
	case FIGURE_P50:
		return row->ours[i].p50;
	case FIGURE_P99:
		return row->ours[i].p99;
	case FIGURE_FLOOR_P50:
		return row->floor[i].p50;
	case FIGURES:
		break;
	}
	return 0;
}

static struct summary report_summary(const struct row *row)
{
	struct spread spreads[FIGURES];

	for (int figure = 0; figure < FIGURES; figure++) {
		double values[BENCH_REPETITIONS];

		for (unsigned int i = 0; i < row->repetitions; i++)
			values[i] = report_figure(row, i, (enum figure)figure);
		spreads[figure] = report_spread(values, row->repetitions);
	}
	return (struct summary){
		.ratio = spreads[FIGURE_RATIO],
		.ahead = spreads[FIGURE_AHEAD],
		.floor = spreads[FIGURE_FLOOR].median,
		.rate = spreads[FIGURE_RATE].median,
		.p50 = spreads[FIGURE_P50].median,
		.p99 = spreads[FIGURE_P99].median,
		.floor_p50 = spreads[FIGURE_FLOOR_P50].median,
	};
}

static void text_row(const struct row *row, const char *name)
{
	struct summary s;

	if (row->failed || row->repetitions == 0) {
		printf("%-34s FAILED: %s\n", name, row->why);
		return;
	}
	s = report_summary(row);
	if (s.p50 > 0)
		printf("%-34s %9.0f %6.1f %9.0f %6.1f %6.1f ", name, s.floor, s.floor_p50, s.rate, s.p50, s.p99);
	else
		printf("%-34s %9.0f %6s %9.0f %6s %6s ", name, s.floor, "-", s.rate, "-", "-");
	printf("  %5.2f %6.2f %5.2f ", s.ratio.min, s.ratio.median, s.ratio.max);
	printf("  %8.0f%s %8.2f ", row->reference.rate, row->reference.free ? "+" : " ",
	       row->reference.rate / row->reference.floor);
	if (row->reference.free)
		printf("%6s\n", "-");
	else
		printf("%6.2f\n", s.ahead.median);
}

static void text_heading(const char *what)
{
	printf("\n%-34s %16s %23s   %19s  %25s\n", "", "floor", "pcigate", "ratio to the floor", "libvfio-user*");
	printf("%-34s %9s %6s %9s %6s %6s   %5s %6s %5s  %9s %8s %6s\n", what, "op/s", "p50 us", "op/s", "p50 us",
	       "p99 us", "min", "median", "max", "op/s", "ratio", "ahead");
}

static const char *text_error(int error)
{
	return error == ETIME ? "the time for it was over" : strerror(error);
}

static void text_levels(const struct bench *bench)
{
	text_heading("DMA, at so many live maps");
	for (unsigned int i = 0; i < bench->nlevels; i++) {
		const struct level *level = &bench->levels[i];
		char name[64];

		if (level->failed) {
			printf("%-34s FAILED: %s\n", level->map.name, level->why);
			continue;
		}
		snprintf(name, sizeof(name), "map%s, %" PRIu32, level->files ? " with descriptor" : "", level->live);
		text_row(&level->map, name);
		snprintf(name, sizeof(name), "unmap, %" PRIu32, level->live);
		text_row(&level->unmap, name);
	}
	printf("\n%-22s %9s %9s %12s %10s %9s %12s  %s\n", "live maps", "wanted", "reached", "filled, /s", "RSS, kB",
	       "bytes/map", "hang-up, ms", "");
	for (unsigned int i = 0; i < bench->nlevels; i++) {
		const struct level *level = &bench->levels[i];

		if (level->failed)
			continue;
		printf("%-22s %9" PRIu32 " %9" PRIu32 " %12.0f %10ld %9.0f %12.2f  %s\n",
		       level->files ? "with descriptor" : "without", level->wanted, level->live, level->fill,
		       level->resident, (double)(level->resident - bench->resident) * 1024 / level->live,
		       level->hang_up_ms, level->error != 0 ? text_error(level->error) : "");
	}
	printf("%-22s %9s %9s %12s %10ld\n", "at rest", "", "", "", bench->resident);
}

void report_text(const struct bench *bench)
{
	const struct bench_options *o = &bench->options;

	printf("%s serve %s, beside a bare socket pair; all on CPU %d; %u repetitions of %u ms each, in turn; %.0f s\n",
	       o->program, o->func, o->cpu, o->repetitions, o->phase_ms, bench->seconds);
	if (bench->nrows > 0)
		text_heading("messages");
	for (unsigned int i = 0; i < bench->nrows; i++)
		text_row(&bench->rows[i], bench->rows[i].name);
	if (bench->nlevels > 0)
		text_levels(bench);
	printf("\n*  libvfio-user: measured elsewhere, on another run, beside a ping-pong of %.0f op/s (+ not pinned, %.0f\n"
	       "   op/s); 65,498 maps with descriptors at most. \"ahead\": the ratio of pcigate to the ping-pong of this run\n"
	       "   over the ratio of libvfio-user to its own. Rates by themselves say how busy the machine was.\n",
	       REFERENCE_FLOOR, REFERENCE_FREE);
}

static void json_add(json_object *object, const char *key, json_object *value)
{
	json_object_object_add(object, key, value);
}

static json_object *json_spread(const struct spread *spread)
{
	json_object *o = json_object_new_object();

	json_add(o, "min", json_object_new_double(spread->min));
	json_add(o, "median", json_object_new_double(spread->median));
	json_add(o, "max", json_object_new_double(spread->max));
	return o;
}

static json_object *json_reference(const struct reference *reference)
{
	json_object *o = json_object_new_object();

	json_add(o, "what", json_object_new_string("libvfio-user, measured elsewhere, on another run"));
	json_add(o, "pinned", json_object_new_boolean(!reference->free));
	json_add(o, "rate", json_object_new_double(reference->rate));
	json_add(o, "floor", json_object_new_double(reference->floor));
	json_add(o, "ratio", json_object_new_double(reference->rate / reference->floor));
	return o;
}

static json_object *json_row(const struct row *row)
{
	json_object *o = json_object_new_object();
	struct summary s;

	json_add(o, "name", json_object_new_string(row->name));
	if (row->failed || row->repetitions == 0) {
		json_add(o, "failed", json_object_new_string(row->why));
		return o;
	}
	s = report_summary(row);
	json_add(o, "floor_rate", json_object_new_double(s.floor));
	json_add(o, "rate", json_object_new_double(s.rate));
	if (s.p50 > 0) {
		json_add(o, "floor_p50_us", json_object_new_double(s.floor_p50));
		json_add(o, "p50_us", json_object_new_double(s.p50));
		json_add(o, "p99_us", json_object_new_double(s.p99));
	}
	json_add(o, "ratio", json_spread(&s.ratio));
	if (!row->reference.free)
		json_add(o, "ahead", json_spread(&s.ahead));
	json_add(o, "reference", json_reference(&row->reference));
	return o;
}

static json_object *json_level(const struct level *level)
{
	json_object *o = json_object_new_object();

	json_add(o, "descriptors", json_object_new_boolean(level->files));
	json_add(o, "wanted", json_object_new_int64(level->wanted));
	json_add(o, "live", json_object_new_int64(level->live));
	if (level->failed) {
		json_add(o, "failed", json_object_new_string(level->why));
		return o;
	}
	if (level->error != 0)
		json_add(o, "stopped_by", json_object_new_string(text_error(level->error)));
	json_add(o, "fill_rate", json_object_new_double(level->fill));
	json_add(o, "resident_kb", json_object_new_int64(level->resident));
	json_add(o, "hang_up_ms", json_object_new_double(level->hang_up_ms));
	json_add(o, "map", json_row(&level->map));
	json_add(o, "unmap", json_row(&level->unmap));
	return o;
}

int report_json(const struct bench *bench)
{
	const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	const struct bench_options *options = &bench->options;
	json_object *o = json_object_new_object();
	json_object *rows = json_object_new_array(), *levels = json_object_new_array();
	int r = 0;

	for (unsigned int i = 0; i < bench->nrows; i++)
		json_object_array_add(rows, json_row(&bench->rows[i]));
	for (unsigned int i = 0; i < bench->nlevels; i++)
		json_object_array_add(levels, json_level(&bench->levels[i]));
	json_add(o, "function", json_object_new_string(options->func));
	json_add(o, "cpu", json_object_new_int(options->cpu));
	json_add(o, "quick", json_object_new_boolean(options->quick));
	json_add(o, "repetitions", json_object_new_int64(options->repetitions));
	json_add(o, "phase_ms", json_object_new_int64(options->phase_ms));
	json_add(o, "seconds", json_object_new_double(bench->seconds));
	json_add(o, "resident_kb", json_object_new_int64(bench->resident));
	json_add(o, "messages", rows);
	json_add(o, "dma", levels);
	if (strcmp(options->json, "-") == 0)
		puts(json_object_to_json_string_ext(o, flags));
	else
		r = json_object_to_file_ext(options->json, o, flags);
	json_object_put(o);
	return r;
}

unsigned int report_failures(const struct bench *bench)
{
	unsigned int failures = 0;

	for (unsigned int i = 0; i < bench->nrows; i++)
		failures += bench->rows[i].failed;
	for (unsigned int i = 0; i < bench->nlevels; i++)
		failures += bench->levels[i].failed;
	return failures;
}
