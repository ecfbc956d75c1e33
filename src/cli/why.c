/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/cli.h"
#include "cli/fate.h"
#include "cli/look.h"
#include "cli/options.h"
#include "cli/policy.h"
#include "cli/reference.h"
#include "cli/regname.h"
#include "pci/registers.h"

struct settings {
	struct cli_view view;
	bool json;
	bool registers;
	bool reference;
	const char *func;
	char **regs;
	int nregs;
};

/* All that is said of one register. */
struct answer {
	const struct look *look;
	const struct pcg_profile *profile;
	const struct pcg_view *view;
	struct regname reg;
	uint32_t host;
	uint32_t guest;
	unsigned int high; /* the bits that were asked for */
	unsigned int low;
	struct fate_range ranges[32];
	unsigned int count;
	bool one_hook; /* all bits set off the same: said once */
};

/* --- what the specification says of it --- */

struct definition {
	uint32_t rw;
	uint32_t rw1c;
	uint32_t act;
	uint32_t zero;
};

/* The masks of the register, moved to the piece of it that was asked for. */
static struct definition define(const struct regname *reg)
{
	const struct pci_register *row = reg->row;
	unsigned int shift = (reg->offset - reg->row_at) * 8;
	uint32_t mask = reg->width == 4 ? UINT32_MAX : (1u << 8 * reg->width) - 1;
	struct definition d = {
		.rw = (row->rw & ~reg->absent) >> shift & mask,
		.rw1c = (row->rw1c & ~reg->absent) >> shift & mask,
		.act = (row->act & ~reg->absent) >> shift & mask,
		.zero = row->zero >> shift & mask,
	};

	return d;
}

static void print_definition(const struct regname *reg)
{
	int digits = reg->width * 2;
	struct definition d;

	if (reg->row == NULL)
		return;
	d = define(reg);
	printf("defined   ");
	if ((d.rw | d.rw1c | d.act | d.zero) == 0)
		printf(" read-only");
	if (d.rw != 0)
		printf(" RW %0*x", digits, d.rw);
	if (d.rw1c != 0)
		printf(" RW1C %0*x", digits, d.rw1c);
	if (d.act != 0)
		printf(" acts and reads 0 %0*x", digits, d.act);
	if (d.zero != 0)
		printf(" RsvdZ %0*x", digits, d.zero);
	printf("\n");
}

/* --- text --- */

static void print_bits(uint32_t value, const struct fate_range *range)
{
	unsigned int bit;

	for (bit = range->high + 1; bit-- > range->low;)
		putchar(value >> bit & 1 ? '1' : '0');
}

static void print_range(const struct answer *a, const struct fate_range *range)
{
	char text[256], where[24];

	if (range->high == range->low)
		snprintf(where, sizeof(where), "bit %u", range->high);
	else
		snprintf(where, sizeof(where), "bits %u:%u", range->high, range->low);
	printf("\n%-10s function ", where);
	print_bits(a->host, range);
	printf("  guest ");
	print_bits(a->guest, range);
	fate_rule(&range->why, a->view, text, sizeof(text));
	printf("\n  rule     %s\n", text);
	printf("  reads    %s\n", fate_reads(&range->why));
	printf("  writes   %s\n", fate_writes(&range->why));
	if (!a->one_hook && fate_hook(&range->why) != NULL)
		printf("  hook     %s\n", fate_hook(&range->why));
	if (fate_note(&range->why) != NULL)
		printf("  note     %s\n", fate_note(&range->why));
	fate_origin(&range->why, a->profile, a->reg.offset, text, sizeof(text));
	printf("  from     %s\n", text);
}

static void print_text(const struct answer *a)
{
	const struct regname *reg = &a->reg;
	const struct why *why = &a->ranges[0].why;
	int digits = reg->width * 2;
	unsigned int i;
	char cap[64], text[256];

	printf("%s%s%s at %03x of %s, profile %s\n", reg->setpci, reg->name[0] != '\0' ? "  " : "", reg->name,
	       reg->offset, a->look->func, a->profile->name);
	if (reg->cap != NULL) {
		regname_cap(reg->cap, cap, sizeof(cap));
		printf("in         %s, %03x to %03x, ", cap, reg->cap->offset,
		       reg->cap->offset + reg->cap->length - 1u);
		fate_cap(a->view, reg->cap, text, sizeof(text));
		printf("%s%s%s\n", why->shown ? "shown" : "", why->shown && text[0] != '\0' ? ": " : "", text);
	} else {
		printf("in         %s\n", reg->offset < PCG_HEADER_END ? "the header" : "no capability");
	}
	if (reg->section != NULL)
		printf("section    %s\n", reg->section);
	print_definition(reg);
	printf("function   %0*x\nguest      %0*x\n", digits, a->host, digits, a->guest);
	if (a->one_hook && fate_hook(why) != NULL)
		printf("on a write %s\n", fate_hook(why));
	for (i = 0; i < a->count; i++)
		print_range(a, &a->ranges[i]);
}

static bool same_hook(const struct answer *a)
{
	unsigned int i;

	for (i = 1; i < a->count; i++)
		if (fate_hook(&a->ranges[i].why) != fate_hook(&a->ranges[0].why))
			return false;
	return true;
}

/* --- JSON --- */

static struct json_object *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_object_new_string(text) : NULL;
}

static struct json_object *json_range(const struct answer *a, const struct fate_range *range)
{
	struct json_object *row = json_object_new_object();
	uint32_t mask = (uint32_t)((2ull << (range->high - range->low)) - 1);
	char text[256], letter[2] = { fate_letter(range->why.fate), '\0' };

	json_object_object_add(row, "high", json_object_new_int((int)range->high));
	json_object_object_add(row, "low", json_object_new_int((int)range->low));
	json_object_object_add(row, "host", json_object_new_int64(a->host >> range->low & mask));
	json_object_object_add(row, "guest", json_object_new_int64(a->guest >> range->low & mask));
	json_object_object_add(row, "fate", json_object_new_string(letter));
	json_object_object_add(row, "reads", json_object_new_string(fate_reads(&range->why)));
	json_object_object_add(row, "writes", json_object_new_string(fate_writes(&range->why)));
	json_object_object_add(row, "hook", text_or_null(fate_hook(&range->why)));
	json_object_object_add(row, "note", text_or_null(fate_note(&range->why)));
	fate_rule(&range->why, a->view, text, sizeof(text));
	json_object_object_add(row, "rule", json_object_new_string(text));
	fate_origin(&range->why, a->profile, a->reg.offset, text, sizeof(text));
	json_object_object_add(row, "from", json_object_new_string(text));
	return row;
}

static struct json_object *json_cap(const struct answer *a)
{
	const struct pcg_cap *cap = a->reg.cap;
	struct json_object *entry;
	char name[64];

	if (cap == NULL)
		return NULL;
	entry = json_object_new_object();
	regname_cap(cap, name, sizeof(name));
	json_object_object_add(entry, "name", json_object_new_string(name));
	json_object_object_add(entry, "id", json_object_new_int(cap->id));
	json_object_object_add(entry, "extended", json_object_new_boolean(cap->extended));
	json_object_object_add(entry, "offset", json_object_new_int(cap->offset));
	json_object_object_add(entry, "length", json_object_new_int(cap->length));
	json_object_object_add(entry, "shown", json_object_new_boolean(a->ranges[0].why.shown));
	return entry;
}

static struct json_object *json_definition(const struct regname *reg)
{
	struct json_object *entry;
	struct definition d;

	if (reg->row == NULL)
		return NULL;
	d = define(reg);
	entry = json_object_new_object();
	json_object_object_add(entry, "rw", json_object_new_int64(d.rw));
	json_object_object_add(entry, "rw1c", json_object_new_int64(d.rw1c));
	json_object_object_add(entry, "acts", json_object_new_int64(d.act));
	json_object_object_add(entry, "rsvdz", json_object_new_int64(d.zero));
	return entry;
}

static struct json_object *json_answer(const struct answer *a)
{
	struct json_object *root = json_object_new_object(), *ranges = json_object_new_array();
	unsigned int i;

	json_object_object_add(root, "function", json_object_new_string(a->look->func));
	json_object_object_add(root, "profile", json_object_new_string(a->profile->name));
	json_object_object_add(root, "setpci", json_object_new_string(a->reg.setpci));
	json_object_object_add(root, "name", text_or_null(a->reg.name));
	json_object_object_add(root, "section", text_or_null(a->reg.section));
	json_object_object_add(root, "offset", json_object_new_int(a->reg.offset));
	json_object_object_add(root, "width", json_object_new_int(a->reg.width));
	json_object_object_add(root, "capability", json_cap(a));
	json_object_object_add(root, "definition", json_definition(&a->reg));
	json_object_object_add(root, "host", json_object_new_int64(a->host));
	json_object_object_add(root, "guest", json_object_new_int64(a->guest));
	for (i = 0; i < a->count; i++)
		json_object_array_add(ranges, json_range(a, &a->ranges[i]));
	json_object_object_add(root, "bits", ranges);
	return root;
}

/* --- the verb --- */

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate why FUNC REG… [--json]\n"
		"       pcigate why --registers | --reference\n\n"
		"Tells of a register what the function holds, what its guest reads, and for each bit the rule that decides:\n"
		"where it stands, what writes do, what they set off.\n\n"
		"REG is spelled as for setpci: COMMAND, CAP_EXP+8.w, ECAP108.l, 10.l, CAP_VNDR+4@1.b (the second one);\n"
		"after the plus a register's name will do: CAP_EXP+DEVCTL; CAP_EXP+8.w:14:12, CAP_EXP+8.w:15: only these bits\n\n"
		"  --registers              list the names\n"
		"  --reference              print docs/policy-reference.md: every rule of every profile\n"
		"  --json                   for programs\n");
	fputs(cli_policy_help, out);
	fprintf(out,
		"\nFUNC: vfio:BDF, dump:FILE[@BDF], sim:MODEL, vfio-user:SOCKET, or live:CONTROL[@N] of a running server: its values, its rules\n");
}

static int take(void *settings, int option)
{
	struct settings *s = settings;

	s->json |= option == 'j';
	s->registers |= option == 'r';
	s->reference |= option == 'R';
	return CLI_DONE;
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "registers", no_argument, NULL, 'r' },
	{ "reference", no_argument, NULL, 'R' },
	{ NULL, 0, NULL, 0 },
};

static const struct cli_form form = {
	.verb = "why",
	.options = long_options,
	.take = take,
	.usage = usage,
	.count = CLI_ANY,
};

static int parse(int argc, char **argv, struct settings *s)
{
	int ret = cli_options(&form, argc, argv, &s->view, s);

	if (ret != CLI_DONE)
		return ret;
	s->func = argv[optind];
	s->regs = argv + optind + 1;
	s->nregs = argc - optind - 1;
	if (s->registers || s->reference)
		return s->nregs < 0 ? CLI_DONE : cli_error("why", CLI_USAGE, "--registers and --reference stand alone");
	if (s->nregs < 1)
		return cli_error("why", CLI_USAGE, "name a function and a register; pcigate why --help says how");
	return CLI_DONE;
}

/* "REG:HIGH:LOW", "REG:BIT", bits in decimal as the specifications number them; a minus will do between them. */
static int split_bits(const char *name, char *reg, size_t size, unsigned int *high, unsigned int *low)
{
	size_t length = strcspn(name, ":");
	const char *bits = name + length;
	int used = 0, count;

	*high = 31;
	*low = 0;
	if (length >= size)
		length = size - 1;
	memcpy(reg, name, length);
	reg[length] = '\0';
	if (bits[0] == '\0')
		return CLI_DONE;
	count = sscanf(bits, ":%2u%n%*1[:-]%2u%n", high, &used, low, &used);
	if (count == 1)
		*low = *high;
	if (count < 1 || bits[used] != '\0' || *high > 31 || *low > 31)
		return cli_error("why", CLI_USAGE,
				 "%s: bits are :HIGH:LOW or :BIT, in decimal, as in CAP_EXP+8.w:14:12", name);
	if (*low > *high) {
		unsigned int other = *low;

		*low = *high;
		*high = other;
	}
	return CLI_DONE;
}

/* Of all that is said of the register only what the bits between @a->high and @a->low are part of. */
static void choose_bits(struct answer *a)
{
	unsigned int i, n = 0;

	for (i = 0; i < a->count; i++) {
		struct fate_range range = a->ranges[i];

		if (range.high < a->low || range.low > a->high)
			continue;
		if (range.high > a->high)
			range.high = a->high;
		if (range.low < a->low)
			range.low = a->low;
		a->ranges[n++] = range;
	}
	a->count = n;
}

/* Return: CLI_DONE, or what the name of the register comes to after a line on stderr. */
static int find_answer(struct answer *a, const char *name, const struct view_record *record)
{
	const struct look *look = a->look;
	char error[512], reg[128];
	enum regname_error wrong;

	if (split_bits(name, reg, sizeof(reg), &a->high, &a->low) != CLI_DONE)
		return CLI_USAGE;
	wrong = regname_parse(&a->reg, reg, &look->layout, look->defining, error, sizeof(error));
	if (wrong != REGNAME_OK)
		return cli_error("why", wrong == REGNAME_WRONG ? CLI_USAGE : CLI_CANNOT, "%s", error);
	a->host = regname_value(look->host, a->reg.offset, a->reg.width);
	a->guest = regname_value(look->guest, a->reg.offset, a->reg.width);
	if (strchr(name, ':') != NULL && a->high >= a->reg.width * 8u)
		return cli_error("why", CLI_USAGE, "%s: %s has bits 0 to %u", name, a->reg.setpci,
				 a->reg.width * 8 - 1);
	a->count = fate_ranges(record, a->reg.offset, a->reg.width, a->ranges);
	choose_bits(a);
	a->one_hook = same_hook(a);
	return CLI_DONE;
}

/* One register: an object; several: a list of them. */
static void print_list(struct json_object *list)
{
	struct json_object *what = json_object_array_length(list) == 1 ? json_object_array_get_idx(list, 0) : list;

	puts(json_object_to_json_string_ext(what, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
}

static int explain(const struct settings *s, const struct pcg_log *notes)
{
	static struct look look;
	static struct view_record record;
	struct answer answer = { .look = &look, .view = &record.view };
	struct json_object *list;
	int ret = look_at(&look, s->func, &s->view, notes), i;

	if (ret == CLI_DONE)
		ret = look_record(&look, "why", &record);
	if (ret != CLI_DONE)
		return ret;
	answer.profile = look.view.profile;
	list = json_object_new_array();
	for (i = 0; ret == CLI_DONE && i < s->nregs; i++) {
		ret = find_answer(&answer, s->regs[i], &record);
		if (ret == CLI_DONE && s->json) {
			json_object_array_add(list, json_answer(&answer));
		} else if (ret == CLI_DONE) {
			printf("%s", i > 0 ? "\n" : "");
			print_text(&answer);
		}
	}
	if (ret == CLI_DONE && s->json)
		print_list(list);
	json_object_put(list);
	return ret;
}

int cli_why(int argc, char **argv)
{
	struct settings s = { 0 };
	struct pcg_log notes = cli_log(PCG_WARN);
	int ret = parse(argc, argv, &s);

	if (ret != CLI_DONE)
		return cli_status(ret);
	if (s.registers)
		regname_list(stdout);
	else if (s.reference)
		reference_print(stdout);
	else
		ret = explain(&s, &notes);
	return fflush(stdout) == 0 && !ferror(stdout) ? ret : CLI_CANNOT;
}
