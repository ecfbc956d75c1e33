/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "cli/policy.h"
#include "pci/registers.h"

/* One register whose two sides differ, or a run of bytes that no table names. */
struct difference {
	unsigned int offset;
	unsigned int width;
	char name[32];    /* as setpci takes it: CAP_EXP+08.w */
	const char *text; /* as the specification calls it */
	uint32_t host;
	uint32_t guest;
};

static uint32_t value_of(const uint8_t *config, unsigned int offset, unsigned int width)
{
	uint32_t value = 0;

	while (width-- > 0)
		value = value << 8 | config[offset + width];
	return value;
}

static void name_it(struct difference *d, const struct pcg_cap *cap)
{
	char letter = d->width == 1 ? 'b' : d->width == 2 ? 'w' : 'l';
	const char *setpci = NULL;

	if (cap != NULL)
		pcg_cap_text(cap->id, cap->extended, &setpci);
	if (setpci != NULL)
		snprintf(d->name, sizeof(d->name), "%s+%02x.%c", setpci, d->offset - cap->offset, letter);
	else
		snprintf(d->name, sizeof(d->name), "%02x.%c", d->offset, letter);
}

/* The register that byte @at belongs to: its own width where a table knows it, else the aligned dword. */
static void find_register(const struct look *look, unsigned int at, struct difference *d)
{
	const struct pcg_cap *cap = at < PCG_HEADER_END ? NULL : pcg_layout_at(&look->host_layout, (uint16_t)at);
	struct pci_register_place place;

	d->text = "";
	d->offset = at & ~3u;
	d->width = 4;
	if (pci_register_at(&place, &look->host_layout, look->host, (uint16_t)at)) {
		d->offset = place.offset;
		d->width = place.row->width;
		d->text = place.row->name;
	} else if (cap != NULL && at - cap->offset < (cap->extended ? 4u : 2u)) {
		d->width = cap->extended ? 4 : 2;
		d->text = "capability header";
	}
	d->host = value_of(look->host, d->offset, d->width);
	d->guest = value_of(look->guest, d->offset, d->width);
	name_it(d, cap);
}

struct list {
	struct difference all[PCG_CONFIG_EXTENDED];
	unsigned int count;
};

static void compare(const struct look *look, struct list *list)
{
	unsigned int at = 0;

	list->count = 0;
	while (at < look->size) {
		struct difference *d = &list->all[list->count];

		if (look->host[at] == look->guest[at]) {
			at++;
			continue;
		}
		find_register(look, at, d);
		list->count++;
		at = d->offset + d->width;
	}
}

static const struct difference *find_devctl(const struct look *look, const struct list *list)
{
	const struct pcg_cap *cap = pcg_layout_find(&look->host_layout, PCG_CAP_EXP);
	unsigned int i;

	for (i = 0; cap != NULL && i < list->count; i++)
		if (list->all[i].offset == cap->offset + (unsigned int)PCG_EXP_DEVCTL)
			return &list->all[i];
	return NULL;
}

static void print_size(const char *what, uint32_t host, uint32_t guest)
{
	printf("  %-18s %-19s %4u bytes %4u bytes\n", "", what, 128u << host, 128u << guest);
}

/* Payload and request sizes first: that is where the path and the guest disagree by design. */
static void print_row(const struct difference *d)
{
	int digits = (int)d->width * 2;

	printf("  %-18s %-19s %*s%0*x %*s%0*x\n", d->name, d->text, 10 - digits, "", digits, d->host, 10 - digits, "",
	       digits, d->guest);
}

static void print_table(const struct look *look, const struct list *list)
{
	const struct difference *devctl = find_devctl(look, list);
	unsigned int i;

	printf("%s: %u registers differ\n", look->func, list->count);
	if (list->count == 0)
		return;
	printf("  %-18s %-19s %10s %10s\n", "register", "", "host", "guest");
	if (devctl != NULL) {
		print_row(devctl);
		print_size("MaxPayload", (devctl->host & PCG_DEVCTL_MPS) >> 5, (devctl->guest & PCG_DEVCTL_MPS) >> 5);
		print_size("MaxReadReq", (devctl->host & PCG_DEVCTL_MRRS) >> 12,
			   (devctl->guest & PCG_DEVCTL_MRRS) >> 12);
	}
	for (i = 0; i < list->count; i++)
		if (&list->all[i] != devctl)
			print_row(&list->all[i]);
}

static void print_json(const struct look *look, const struct list *list)
{
	struct json_object *root = json_object_new_object(), *rows = json_object_new_array();
	unsigned int i;

	for (i = 0; i < list->count; i++) {
		const struct difference *d = &list->all[i];
		struct json_object *row = json_object_new_object();

		json_object_object_add(row, "offset", json_object_new_int((int)d->offset));
		json_object_object_add(row, "width", json_object_new_int((int)d->width));
		json_object_object_add(row, "setpci", json_object_new_string(d->name));
		json_object_object_add(row, "name", json_object_new_string(d->text));
		json_object_object_add(row, "host", json_object_new_int64(d->host));
		json_object_object_add(row, "guest", json_object_new_int64(d->guest));
		json_object_array_add(rows, row);
	}
	json_object_object_add(root, "function", json_object_new_string(look->func));
	json_object_object_add(root, "differences", rows);
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	json_object_put(root);
}

static void usage(FILE *out)
{
	fprintf(out, "usage: pcigate diff FUNC [--json]\n\n"
		     "Lists the registers that the guest reads otherwise than the function holds them.\n\n"
		     "  --json                   for programs\n");
	fputs(cli_policy_help, out);
	fprintf(out, "\nExit status 0: nothing differs, 1: something does.\n");
}

int cli_diff(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "profile", required_argument, NULL, 'p' },
		{ "policy", required_argument, NULL, 'P' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct look look;
	static struct list list;
	struct pcg_view_options view = { .profile = pcg_profile_find("guarded") };
	struct pcg_log notes = cli_log(PCG_WARN);
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return CLI_DONE;
		}
		if (option == 'j')
			json = true;
		else if (option == '?' || (option == 'p' && cli_profile("diff", &view, optarg) < 0) ||
			 (option == 'P' && cli_policy("diff", &view, optarg) < 0))
			return CLI_USAGE;
	}
	if (optind != argc - 1)
		return cli_error("diff", CLI_USAGE, "name one function; pcigate diff --help says how");
	if (look_at(&look, argv[optind], &view, &notes) < 0)
		return CLI_CANNOT;
	compare(&look, &list);
	if (json)
		print_json(&look, &list);
	else
		print_table(&look, &list);
	return list.count == 0 ? CLI_DONE : CLI_FOUND;
}
