/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions of this machine, and which of them can be given to a guest. */
#include <errno.h>
#include <string.h>

#include <pci/pci.h>

#include "cli/machine.h"
#include "host/dump/lspci_text.h"
#include "machine/function.h"

#define FILTER_TEXT 64

/** struct settings - @filter: -s and -d, as lspci has them */
struct settings {
	struct pci_filter filter;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate list [-s [[[DOMAIN]:]BUS]:][DEVICE][.[FUNCTION]]] [-d [VENDOR]:[DEVICE][:CLASS[:IF]]]\n"
		"                    [--json]\n\n"
		"Lists the PCI functions of this machine and says what stands in the way of giving each to a guest:\n\n"
		"  ready   serve it: vfio:BDF\n"
		"  bridge  VFIO takes none\n"
		"  driver  a driver of the host's has it, or none; vfio-pci has to\n"
		"  iommu   nothing translates for it\n"
		"  group   another function of its IOMMU group has a driver of the host's\n"
		"  access  this user may not open its device files\n\n"
		"`pcigate doctor BDF` names the cause, and the command that mends it.\n\n"
		"  -s, -d      only those, as lspci takes them\n"
		"  --json      for programs\n" CLI_ROOT_HELP);
}

static int take(void *settings, int option)
{
	struct pci_filter *filter = &((struct settings *)settings)->filter;
	char text[FILTER_TEXT];
	const char *wrong = "it is too long";

	/* libpci takes the text apart where it stands. */
	if (snprintf(text, sizeof(text), "%s", optarg) < (int)sizeof(text))
		wrong = option == 's' ? pci_filter_parse_slot(filter, text) : pci_filter_parse_id(filter, text);
	return wrong == NULL ? CLI_DONE : cli_error("list", CLI_USAGE, "-%c %.64s: %s", option, optarg, wrong);
}

static const struct option long_options[] = { CLI_MACHINE_OPTIONS };

static const struct cli_machine_form form = {
	.verb = "list",
	.letters = "s:d:",
	.options = long_options,
	.take = take,
	.usage = usage,
};

static bool fits(int wanted, unsigned int value)
{
	return wanted < 0 || (unsigned int)wanted == value;
}

static bool wanted(const struct pci_filter *filter, const struct machine_function *f)
{
	unsigned int domain, bus, device, function;

	if (sscanf(f->place.bdf, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		return false;
	return fits(filter->domain, domain) && fits(filter->bus, bus) && fits(filter->slot, device) &&
	       fits(filter->func, function) && fits(filter->vendor, f->vendor) && fits(filter->device, f->device) &&
	       (filter->device_class < 0 ||
		((f->class_code >> 8 ^ (unsigned int)filter->device_class) & filter->device_class_mask) == 0) &&
	       fits(filter->prog_if, f->class_code & 0xff);
}

/**
 * struct line - one function, looked at
 * @class_name, @name: in words
 * @kin: "PF with 2 of 7 VFs", "VF 0 of BDF" or ""
 */
struct line {
	const struct machine_function *function;
	enum machine_obstacle obstacle;
	char class_name[128];
	char name[256];
	char kin[64];
};

static void describe(struct line *line, const struct tree *tree, const struct machine_function *f,
		     struct lspci_names *names)
{
	uint16_t ids[2] = { f->vendor, f->device }, class_code = (uint16_t)(f->class_code >> 8);

	line->function = f;
	line->obstacle = machine_obstacle(tree, f);
	lspci_names_find(names, LSPCI_NAME_CLASS, &class_code, line->class_name, sizeof(line->class_name));
	lspci_names_find(names, LSPCI_NAME_DEVICE, ids, line->name, sizeof(line->name));
	line->kin[0] = '\0';
	if (f->place.is_vf && f->vf_number >= 0)
		snprintf(line->kin, sizeof(line->kin), "VF %d of %s", f->vf_number, f->place.pf);
	else if (f->place.is_vf)
		snprintf(line->kin, sizeof(line->kin), "VF of %s", f->place.pf);
	else if (f->total_vfs > 0)
		snprintf(line->kin, sizeof(line->kin), "PF with %u of %u VFs", f->vfs, f->total_vfs);
}

static struct json_object *text_or_null(const char *text)
{
	return text[0] != '\0' ? json_object_new_string(text) : NULL;
}

static void add_json(struct json_object *list, const struct line *line)
{
	const struct machine_function *f = line->function;
	struct json_object *entry = json_object_new_object();
	char func[32];

	snprintf(func, sizeof(func), "vfio:%s", f->place.bdf);
	json_object_object_add(entry, "bdf", json_object_new_string(f->place.bdf));
	json_object_object_add(entry, "vendor", json_object_new_int(f->vendor));
	json_object_object_add(entry, "device", json_object_new_int(f->device));
	json_object_object_add(entry, "subsystem_vendor", json_object_new_int(f->subvendor));
	json_object_object_add(entry, "subsystem_device", json_object_new_int(f->subsystem));
	json_object_object_add(entry, "class", json_object_new_int((int)f->class_code));
	json_object_object_add(entry, "revision", json_object_new_int(f->revision));
	json_object_object_add(entry, "class_name", json_object_new_string(line->class_name));
	json_object_object_add(entry, "name", json_object_new_string(line->name));
	json_object_object_add(entry, "driver", text_or_null(f->place.driver));
	json_object_object_add(entry, "iommu_group", f->place.group >= 0 ? json_object_new_int(f->place.group) : NULL);
	json_object_object_add(entry, "pf", text_or_null(f->place.pf));
	json_object_object_add(entry, "vf_number", f->vf_number >= 0 ? json_object_new_int(f->vf_number) : NULL);
	json_object_object_add(entry, "total_vfs", json_object_new_int((int)f->total_vfs));
	json_object_object_add(entry, "vfs", json_object_new_int((int)f->vfs));
	json_object_object_add(entry, "verdict", json_object_new_string(machine_obstacle_word(line->obstacle)));
	json_object_object_add(entry, "func", line->obstacle == MACHINE_READY ? json_object_new_string(func) : NULL);
	json_object_array_add(list, entry);
}

static void print_line(const struct line *line)
{
	const struct machine_function *f = line->function;
	char group[16] = "-";

	if (f->place.group >= 0)
		snprintf(group, sizeof(group), "%d", f->place.group);
	printf("%-12s  %04x:%04x  %-5s  %-10s  %-7s  %s: %s%s%s%s\n", f->place.bdf, f->vendor, f->device, group,
	       f->place.driver[0] != '\0' ? f->place.driver : "-", machine_obstacle_word(line->obstacle),
	       line->class_name, line->name, line->kin[0] != '\0' ? " [" : "", line->kin,
	       line->kin[0] != '\0' ? "]" : "");
}

/* Return: how many lines were printed, or added to @list. */
static size_t list_all(const struct cli_machine *machine, const struct pci_filter *filter,
		       const struct tree_names *bdfs, struct json_object *list)
{
	struct lspci_names *names = lspci_names_create();
	size_t count = 0;

	for (size_t i = 0; i < bdfs->count; i++) {
		struct machine_function function;
		struct line line;

		/* One that was unplugged meanwhile is not there. */
		if (machine_look(&machine->tree, bdfs->name[i], &function, NULL) != 0 || !wanted(filter, &function))
			continue;
		describe(&line, &machine->tree, &function, names);
		if (list == NULL && count == 0)
			printf("%-12s  %-9s  %-5s  %-10s  %-7s  %s\n", "FUNCTION", "IDS", "GROUP", "DRIVER", "VERDICT",
			       "WHAT");
		count++;
		if (list != NULL)
			add_json(list, &line);
		else
			print_line(&line);
	}
	lspci_names_destroy(names);
	return count;
}

int cli_list(int argc, char **argv)
{
	struct settings s;
	struct cli_machine machine;
	struct pcg_log notes = cli_log(PCG_WARN);
	struct json_object *list = NULL;
	struct tree_names bdfs = { 0 };
	int ret;

	pci_filter_init(NULL, &s.filter);
	ret = cli_machine_options(&form, argc, argv, &machine, &s);
	if (ret != CLI_DONE)
		return ret == CLI_MACHINE_HELPED ? CLI_DONE : ret;
	if (machine_list(&machine.tree, &bdfs, &notes) != 0)
		return CLI_CANNOT;
	if (machine.json)
		list = json_object_new_array();
	if (list_all(&machine, &s.filter, &bdfs, list) == 0 && list == NULL)
		fprintf(stderr, "pcigate list: %s\n",
			bdfs.count == 0 ? "this machine has no PCI functions"
					: "none of this machine's functions fits");
	tree_names_finish(&bdfs);
	return list != NULL ? cli_machine_print(list) : cli_machine_end(CLI_DONE);
}
