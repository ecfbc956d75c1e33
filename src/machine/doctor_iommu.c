/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands between a function and everybody else's memory and interrupts. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/doctor.h"

enum {
	TYPE_ROOT_PORT = 4, /* PCIe 6.0, 7.5.3.2 */
	TYPE_DOWNSTREAM = 6,
	TYPE_TO_PCI = 7,
	ACS_CAPABILITY = 4, /* PCIe 6.0, 7.7.11 */
	ACS_CONTROL = 6,
	ACS_REDIRECT = 0x1d, /* source validation, P2P request and completion redirect, upstream forwarding */
};

/* --- translation --- */

static void mend_iommu(const struct doctor *d, struct doctor_row *row)
{
	bool intel = tree_there(d->tree, "/sys/firmware/acpi/tables/DMAR");
	bool amd = tree_there(d->tree, "/sys/firmware/acpi/tables/IVRS");

	if (intel)
		doctor_mend(row, "intel_iommu=on on the kernel's command line, and boot again");
	else if (amd)
		doctor_mend(row, "no amd_iommu=off and no iommu=off on the kernel's command line; boot again");
	else
		doctor_mend(row, "switch the IOMMU on in the firmware (VT-d, AMD-Vi, SMMU); Intel: intel_iommu=on on "
				 "the kernel's command line too");
}

enum doctor_verdict doctor_iommu(const struct doctor *d, struct doctor_row *row)
{
	int group = d->function.place.group;
	char type[32], name[64];
	struct tree_names names;
	size_t count;

	(void)tree_list(d->tree, &names, "/sys/class/iommu");
	count = names.count;
	tree_names_finish(&names);
	if (group < 0) {
		mend_iommu(d, row);
		return doctor_found(row, DOCTOR_BAD,
				    count > 0 ? "there is one, but it does not translate for this function"
					      : "none: nothing would keep the function out of the host's memory");
	}
	if (tree_text(d->tree, name, sizeof(name), "/sys/kernel/iommu_groups/%d/name", group) &&
	    strstr(name, "noiommu") != NULL) {
		mend_iommu(d, row);
		return doctor_found(row, DOCTOR_BAD, "none: vfio's no-IOMMU mode is on, and translates nothing");
	}
	if (!tree_text(d->tree, type, sizeof(type), "/sys/kernel/iommu_groups/%d/type", group))
		type[0] = '\0';
	return doctor_found(row, DOCTOR_OK, "on%s%s", type[0] != '\0' ? ", the host's own domain: " : "", type);
}

/* --- interrupts --- */

/*
 * How /proc/interrupts names the chips of messages: with "IR-" before them where an x86 remaps them, "ITS-" where an
 * Arm's translator checks who sends them. What other prefixes mean is not known here.
 */
static void find_chips(const struct doctor *d, bool *remapped, bool *plain)
{
	static const char *const chips[] = { "PCI-MSI", "IO-APIC" };
	char path[PATH_MAX], line[4096];
	unsigned int lines = 0;
	FILE *file;

	*remapped = false;
	*plain = false;
	file = tree_path(d->tree, path, sizeof(path), "/proc/interrupts") ? fopen(path, "re") : NULL;
	while (file != NULL && lines++ < 100000 && fgets(line, sizeof(line), file) != NULL) {
		for (unsigned int i = 0; i < 2; i++) {
			const char *at = strstr(line, chips[i]);

			if (at == NULL)
				continue;
			if ((at - line >= 3 && strncmp(at - 3, "IR-", 3) == 0) ||
			    (at - line >= 4 && strncmp(at - 4, "ITS-", 4) == 0))
				*remapped = true;
			else if (at == line || at[-1] != '-')
				*plain = true;
		}
	}
	if (file != NULL)
		fclose(file);
}

enum doctor_verdict doctor_interrupts(const struct doctor *d, struct doctor_row *row)
{
	static const char *const modules[] = { "vfio_iommu_type1", "iommufd" };
	bool remapped, plain;

	for (unsigned int i = 0; i < 2; i++) {
		if (!tree_flag(d->tree, "/sys/module/%s/parameters/allow_unsafe_interrupts", modules[i]))
			continue;
		doctor_mend(row, "echo N > /sys/module/%s/parameters/allow_unsafe_interrupts", modules[i]);
		return doctor_found(row, DOCTOR_WARN,
				    "allow_unsafe_interrupts of %s is on: a guest can forge interrupts of the host, "
				    "and pcigate lends it no BARs (barN=)",
				    modules[i]);
	}
	find_chips(d, &remapped, &plain);
	if (remapped)
		return doctor_found(row, DOCTOR_OK, "remapped (/proc/interrupts)");
	if (!plain)
		return DOCTOR_ABSENT;
	doctor_mend(row, "switch interrupt remapping on: in the firmware (x2APIC, VT-d), and no intremap=off on the "
			 "kernel's command line");
	doctor_mend(row, "echo Y > /sys/module/iommufd/parameters/allow_unsafe_interrupts  # where every guest is "
			 "trusted; type1: vfio_iommu_type1");
	return doctor_found(
		row, DOCTOR_BAD,
		"not remapped: the kernel refuses to attach the function, for a guest could forge interrupts");
}

/* --- the group --- */

static void list_members(const struct doctor *d, char *text, size_t size)
{
	const struct machine_group *group = &d->group;
	size_t used = 0, shown = group->count < MACHINE_MEMBERS ? group->count : MACHINE_MEMBERS;

	text[0] = '\0';
	for (size_t i = 0; i < shown && used < size; i++) {
		const struct machine_member *member = &group->members[i];

		if (strcmp(member->name, d->bdf) != 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s (%s)", used > 0 ? ", " : "",
						 member->name,
						 member->driver[0] != '\0' ? member->driver : "no driver");
	}
}

enum doctor_verdict doctor_group(const struct doctor *d, struct doctor_row *row)
{
	const struct machine_group *group = &d->group;
	char members[DOCTOR_TEXT - 128];
	size_t others = 0;

	if (d->function.place.group < 0)
		return DOCTOR_ABSENT;
	if (group->count <= 1)
		return doctor_found(row, DOCTOR_OK, "%d, alone in it", d->function.place.group);
	list_members(d, members, sizeof(members));
	for (size_t i = 0; i < group->count && i < MACHINE_MEMBERS; i++) {
		const struct machine_member *member = &group->members[i];

		if (!member->blocks || strcmp(member->name, d->bdf) == 0)
			continue;
		others++;
		if (others == 1)
			doctor_bind(d, member->name, row);
		else if (others == 2)
			doctor_mend(row, "likewise the others that have a driver");
	}
	if (others > 0)
		return doctor_found(row, DOCTOR_BAD, "%d, with %s: none of them may have a driver of the host's",
				    d->function.place.group, members);
	return doctor_found(row, DOCTOR_OK, "%d, with %s", d->function.place.group, members);
}

/* --- isolation --- */

enum fault {
	FAULT_NONE,
	FAULT_UNKNOWN,
	FAULT_BUS,
	FAULT_NO_ACS,
	FAULT_ACS_OFF
};

/* What is wrong with one bridge on the way up. */
static enum fault port_fault(const struct doctor *d, const char *bdf)
{
	uint8_t config[PCG_CONFIG_EXTENDED];
	const struct pcg_cap *express, *acs;
	struct pcg_layout layout;
	struct place place;
	unsigned int type;
	int n;

	if (place_find_below(&place, d->tree->root, bdf, NULL) != 0)
		return FAULT_NONE;
	n = machine_config(&place, config);
	if (n < (int)PCG_CONFIG_CONVENTIONAL || machine_layout(&layout, config, (size_t)n) != 0)
		return FAULT_UNKNOWN;
	express = pcg_layout_find(&layout, PCG_CAP_EXP);
	if (express == NULL)
		return FAULT_BUS;
	type = pcg_get16(config + express->offset + PCG_EXP_FLAGS) >> 4 & 0xf;
	if (type == TYPE_TO_PCI)
		return FAULT_BUS;
	if (type != TYPE_ROOT_PORT && type != TYPE_DOWNSTREAM)
		return FAULT_NONE;
	acs = pcg_layout_find_extended(&layout, PCG_ECAP_ACS);
	if (acs == NULL || acs->length < ACS_CONTROL + 2)
		return FAULT_NO_ACS;
	/* What a port does not offer, it need not do (PCIe 6.0, 6.12.1.1). */
	type = pcg_get16(config + acs->offset + ACS_CAPABILITY) & ACS_REDIRECT;
	return (pcg_get16(config + acs->offset + ACS_CONTROL) & type) == type ? FAULT_NONE : FAULT_ACS_OFF;
}

/* The bridges above the function, nearest first, up to the first that does not keep its sides apart. */
static enum fault path_fault(const struct doctor *d, char port[PLACE_BDF])
{
	char *path = realpath(d->function.place.directory, NULL), *slash;
	enum fault fault = FAULT_NONE;

	if (path == NULL)
		return FAULT_UNKNOWN;
	for (slash = strrchr(path, '/'); slash != NULL && fault == FAULT_NONE; slash = strrchr(path, '/')) {
		bool bdf = place_bdf(slash + 1, port);

		*slash = '\0';
		if (!bdf)
			break;
		if (strcmp(port, d->bdf) != 0)
			fault = port_fault(d, port);
	}
	free(path);
	return fault;
}

/* Other functions of its own slot in the group: then it lacks ACS itself. */
static bool shares_with_siblings(const struct doctor *d)
{
	size_t slot = strlen(d->bdf) - 1;

	for (size_t i = 0; i < d->group.count && i < MACHINE_MEMBERS; i++)
		if (strncmp(d->group.members[i].name, d->bdf, slot) == 0 &&
		    strcmp(d->group.members[i].name, d->bdf) != 0)
			return true;
	return false;
}

enum doctor_verdict doctor_isolation(const struct doctor *d, struct doctor_row *row)
{
	char port[PLACE_BDF] = "";

	if (d->function.place.group < 0)
		return DOCTOR_ABSENT;
	if (d->group.count <= 1)
		return doctor_found(row, DOCTOR_OK, "a group of its own");
	doctor_mend(row, "give all of its group to one guest, or put the card into another slot");
	switch (path_fault(d, port)) {
	case FAULT_BUS:
		return doctor_found(row, DOCTOR_WARN,
				    "%s leads to a bus of conventional PCI: those behind it cannot be told apart",
				    port);
	case FAULT_NO_ACS:
		return doctor_found(row, DOCTOR_WARN,
				    "port %s has no ACS: functions behind it can reach each other past the IOMMU",
				    port);
	case FAULT_ACS_OFF:
		doctor_mend(row, "no pci=disable_acs_redir or pci=config_acs for %s on the kernel's command line",
			    port);
		return doctor_found(row, DOCTOR_WARN, "ACS of port %s does not redirect all that it could (%s+6.w)",
				    port, "ECAP_ACS");
	case FAULT_UNKNOWN:
		return doctor_found(row, DOCTOR_WARN, "shared; why, this user cannot see: run it as root");
	case FAULT_NONE:
		break;
	}
	if (shares_with_siblings(d))
		return doctor_found(row, DOCTOR_WARN,
				    "the functions of its card have no ACS between them, and share the group");
	return doctor_found(row, DOCTOR_WARN, "shared, though the ports above it keep their sides apart");
}
