/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "cli/options.h"
#include "cli/policy.h"
#include "cli/fate.h"
#include "cli/regname.h"

/*
 * What is compared: the function and its guest, or the guests of two profiles.
 * @fates: NULL, or what happens to each side's bits, which may differ where values do not
 */
struct sides {
	const struct look *look; /* names registers */
	const char *names[2];
	const uint8_t *config[2];
	const struct view_record *fates[2];
};

/* One register whose two sides differ, or a run of bytes that no table names. */
struct difference {
	struct regname reg;
	uint32_t value[2];
	char fates[2][5]; /* letters as `map` draws them, the highest byte first */
};

struct list {
	struct difference all[PCG_CONFIG_EXTENDED];
	unsigned int count;
};

static void find_register(const struct sides *sides, unsigned int at, struct difference *d)
{
	unsigned int side, i;

	memset(d, 0, sizeof(*d));
	regname_at(&d->reg, &sides->look->layout, sides->look->host, at);
	for (side = 0; side < 2; side++) {
		d->value[side] = regname_value(sides->config[side], d->reg.offset, d->reg.width);
		for (i = 0; sides->fates[side] != NULL && i < d->reg.width; i++)
			d->fates[side][d->reg.width - 1 - i] =
				fate_letter(view_fate(sides->fates[side], d->reg.offset + i));
	}
}

static bool same_fate(const struct sides *sides, unsigned int at)
{
	unsigned int bit;

	for (bit = at * 8; sides->fates[0] != NULL && bit < at * 8 + 8; bit++) {
		struct why why[2];

		view_why(sides->fates[0], bit, &why[0]);
		view_why(sides->fates[1], bit, &why[1]);
		if (why[0].fate != why[1].fate)
			return false;
	}
	return true;
}

static void compare(const struct sides *sides, struct list *list)
{
	unsigned int at = 0;

	list->count = 0;
	while (at < sides->look->size) {
		struct difference *d = &list->all[list->count];

		if (sides->config[0][at] == sides->config[1][at] && same_fate(sides, at)) {
			at++;
			continue;
		}
		find_register(sides, at, d);
		list->count++;
		at = d->reg.offset + (unsigned int)d->reg.width;
	}
}

static const struct difference *find_devctl(const struct sides *sides, const struct list *list)
{
	const struct pcg_cap *cap = pcg_layout_find(&sides->look->layout, PCG_CAP_EXP);
	unsigned int i;

	for (i = 0; cap != NULL && i < list->count; i++)
		if (list->all[i].reg.offset == cap->offset + (unsigned int)PCG_EXP_DEVCTL)
			return &list->all[i];
	return NULL;
}

static void print_size(const char *what, uint32_t first, uint32_t second)
{
	printf("  %-18s %-19s %4u bytes %4u bytes\n", "", what, 128u << first, 128u << second);
}

static bool alike(const struct difference *a, const struct difference *b)
{
	return a->reg.name[0] == '\0' && b->reg.name[0] == '\0' && a->reg.cap == b->reg.cap &&
	       a->reg.offset + (unsigned int)a->reg.width == b->reg.offset && a->reg.width == b->reg.width &&
	       memcmp(a->value, b->value, sizeof(a->value)) == 0 && memcmp(a->fates, b->fates, sizeof(a->fates)) == 0;
}

/* @last: the end of a run of registers that have no name and do not differ from each other. */
static void print_row(const struct difference *d, const struct difference *last)
{
	int digits = d->reg.width * 2;
	char name[80];

	snprintf(name, sizeof(name), d == last ? "%s" : "%s to %s", d->reg.setpci, last->reg.setpci);
	printf("  %-18s %-19s %*s%0*x %*s%0*x", name, d->reg.name, 10 - digits, "", digits, d->value[0], 10 - digits,
	       "", digits, d->value[1]);
	if (d->fates[0][0] != '\0')
		printf("   %4s %4s", d->fates[0], d->fates[1]);
	putchar('\n');
}

/* What a lone letter of the last columns means, where there are any. */
static void print_legend(const struct sides *sides)
{
	unsigned int i;

	if (sides->fates[0] == NULL)
		return;
	printf("\nThe last columns: what happens to each byte, the highest first; closed bits do not count beside others.\n");
	for (i = 0; i < NUM_FATES; i++)
		printf("  %c  %s\n", fate_letter((enum why_fate)i), fate_word((enum why_fate)i));
}

/* Payload and request sizes first: that is where the path and the guest disagree by design. */
static void print_table(const struct sides *sides, const struct list *list)
{
	const struct difference *devctl = find_devctl(sides, list);
	unsigned int i;

	printf("%s: %u registers differ\n", sides->look->func, list->count);
	if (list->count == 0)
		return;
	printf("  %-18s %-19s %10s %10s\n", "register", "", sides->names[0], sides->names[1]);
	if (devctl != NULL) {
		const uint32_t *value = devctl->value;

		print_row(devctl, devctl);
		print_size("MaxPayload", (value[0] & PCG_DEVCTL_MPS) >> 5, (value[1] & PCG_DEVCTL_MPS) >> 5);
		print_size("MaxReadReq", (value[0] & PCG_DEVCTL_MRRS) >> 12, (value[1] & PCG_DEVCTL_MRRS) >> 12);
	}
	for (i = 0; i < list->count; i++) {
		const struct difference *first = &list->all[i];

		while (i + 1 < list->count && alike(&list->all[i], &list->all[i + 1]))
			i++;
		if (first != devctl)
			print_row(first, &list->all[i]);
	}
	print_legend(sides);
}

static struct json_object *json_row(const struct sides *sides, const struct difference *d)
{
	struct json_object *row = json_object_new_object(), *fates;
	unsigned int side;

	json_object_object_add(row, "offset", json_object_new_int(d->reg.offset));
	json_object_object_add(row, "width", json_object_new_int(d->reg.width));
	json_object_object_add(row, "setpci", json_object_new_string(d->reg.setpci));
	json_object_object_add(row, "name", json_object_new_string(d->reg.name));
	for (side = 0; side < 2; side++)
		json_object_object_add(row, sides->names[side], json_object_new_int64(d->value[side]));
	if (sides->fates[0] == NULL)
		return row;
	fates = json_object_new_object();
	for (side = 0; side < 2; side++)
		json_object_object_add(fates, sides->names[side], json_object_new_string(d->fates[side]));
	json_object_object_add(row, "fates", fates);
	return row;
}

static void print_json(const struct sides *sides, const struct list *list)
{
	struct json_object *root = json_object_new_object(), *rows = json_object_new_array();
	unsigned int i;

	for (i = 0; i < list->count; i++)
		json_object_array_add(rows, json_row(sides, &list->all[i]));
	json_object_object_add(root, "function", json_object_new_string(sides->look->func));
	json_object_object_add(root, "differences", rows);
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	json_object_put(root);
}

struct settings {
	struct cli_view view;
	struct pcg_view_options against; /* .profile NULL: the function itself */
	bool json;
	const char *func;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate diff FUNC [--json]\n"
		"       pcigate diff FUNC --profile A --against B [--json]\n\n"
		"Lists the registers that the guest reads otherwise than the function holds them; or those of which the\n"
		"guests of two profiles read another value, or whose bits are not treated alike.\n\n"
		"  --against NAME           another profile, instead of the function\n"
		"  --json                   for programs\n");
	fputs(cli_policy_help, out);
	fprintf(out, "\nExit status 0: nothing differs, 1: something does.\n");
}

static int take(void *settings, int option)
{
	struct settings *s = settings;

	s->json |= option == 'j';
	return option == 'a' && cli_profile("diff", &s->against, optarg) < 0 ? CLI_USAGE : CLI_DONE;
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "against", required_argument, NULL, 'a' },
	{ NULL, 0, NULL, 0 },
};

static const struct cli_form form = {
	.verb = "diff",
	.options = long_options,
	.take = take,
	.usage = usage,
};

static int parse(int argc, char **argv, struct settings *s)
{
	int ret = cli_options(&form, argc, argv, &s->view, s);

	if (ret != CLI_DONE)
		return ret;
	s->func = argv[optind];
	if (s->against.profile != NULL && strncmp(s->func, "live:", 5) == 0)
		return cli_error("diff", CLI_USAGE,
				 "--against: a running server has one profile; name its FUNC instead");
	if (s->against.profile == s->view.options.profile)
		return cli_error("diff", CLI_USAGE, "--against: two different profiles are compared");
	return CLI_DONE;
}

/* The other profile's guest, and what both do to each bit. */
static int look_again(struct sides *sides, const struct settings *s, struct look *other)
{
	static struct view_record records[2];
	const struct look *looks[2] = { sides->look, other };
	struct cli_view view = s->view;
	unsigned int i;
	int ret;

	view.options.profile = s->against.profile;
	ret = look_at(other, s->func, &view, NULL);
	if (ret != CLI_DONE)
		return cli_error("diff", ret, "--against: %s cannot be opened with that profile", s->func);
	for (i = 0; i < 2; i++) {
		sides->names[i] = looks[i]->view.profile->name;
		sides->config[i] = looks[i]->guest;
		sides->fates[i] = &records[i];
		ret = look_record(looks[i], "diff", &records[i]);
		if (ret != CLI_DONE)
			return ret;
	}
	return CLI_DONE;
}

int cli_diff(int argc, char **argv)
{
	static struct look look, other;
	static struct list list;
	struct settings s = { 0 };
	struct pcg_log notes = cli_log(PCG_WARN);
	struct sides sides = {
		.look = &look,
		.names = { "host", "guest" },
		.config = { look.host, look.guest },
	};
	int ret = parse(argc, argv, &s);

	if (ret != CLI_DONE)
		return cli_status(ret);
	ret = look_at(&look, s.func, &s.view, &notes);
	if (ret == CLI_DONE && s.against.profile != NULL)
		ret = look_again(&sides, &s, &other);
	if (ret != CLI_DONE)
		return ret;
	compare(&sides, &list);
	if (s.json)
		print_json(&sides, &list);
	else
		print_table(&sides, &list);
	if (fflush(stdout) != 0 || ferror(stdout))
		return CLI_CANNOT;
	return list.count == 0 ? CLI_DONE : CLI_FOUND;
}
