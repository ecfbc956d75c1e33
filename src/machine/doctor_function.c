/* SPDX-License-Identifier: BSD-3-Clause */
/* What a function is, who drives it, and how it is reset and put to sleep. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/doctor.h"

#define LINK_UP 1u /* IFF_UP, include/uapi/linux/if.h */

/* A Routing ID with its domain above it: VFs of one PF are counted in these (PCIe 6.0, 9.2.1.2). */
static bool routing_id(const char *bdf, long *id)
{
	unsigned int domain, bus, device, function;

	if (sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		return false;
	*id = (long)domain << 16 | (long)(bus << 8 | device << 3 | function);
	return true;
}

/* Which VF of @pf would stand at @bdf; negative: none. */
static long vf_at(const struct machine_function *pf, const char *bdf)
{
	long first, stride, at, id;

	if (pf->total_vfs == 0 || !place_number(&pf->place, "sriov_offset", &first) ||
	    !place_number(&pf->place, "sriov_stride", &stride) || !routing_id(pf->place.bdf, &at) ||
	    !routing_id(bdf, &id))
		return -1;
	id -= at + first;
	if (id < 0 || (id > 0 && (stride <= 0 || id % stride != 0)))
		return -1;
	id = id > 0 ? id / stride : 0;
	return id < (long)pf->total_vfs ? id : -1;
}

/* Nothing is there. A VF that nobody has made yet is the likeliest of all reasons. */
static enum doctor_verdict find_missing(const struct doctor *d, struct doctor_row *row)
{
	struct machine_function pf = { 0 };
	struct tree_names names;
	long number = -1;

	(void)machine_list(d->tree, &names, NULL);
	for (size_t i = 0; i < names.count && number < 0; i++)
		number = machine_look(d->tree, names.name[i], &pf, NULL) == 0 ? vf_at(&pf, d->bdf) : -1;
	tree_names_finish(&names);
	if (number >= 0)
		doctor_mend(row, "pcigate vf %s --create %ld --no-probe%s", pf.place.bdf, number + 1,
			    pf.vfs > 0 ? "  # those that are there are removed first" : "");
	doctor_mend(row, "lspci -D  # what is there");
	doctor_mend(row, "echo 1 > /sys/bus/pci/rescan  # looks for what was plugged in or removed");
	if (number < 0)
		return doctor_found(row, DOCTOR_BAD, "there is no %s in this machine", d->bdf);
	return doctor_found(row, DOCTOR_BAD,
			    "there is no %s in this machine; it would be VF %ld of %s, which has %u of %u", d->bdf,
			    number, pf.place.bdf, pf.vfs, pf.total_vfs);
}

enum doctor_verdict doctor_function(const struct doctor *d, struct doctor_row *row)
{
	const struct machine_function *f = &d->function;
	char kind[64] = "";

	if (!d->there)
		return find_missing(d, row);
	if (f->place.is_vf)
		snprintf(kind, sizeof(kind), ", a VF of %s", f->place.pf);
	else if (f->total_vfs > 0)
		snprintf(kind, sizeof(kind), ", a PF with %u of %u VFs", f->vfs, f->total_vfs);
	return doctor_found(row, DOCTOR_OK, "%04x:%04x, class %06x%s", f->vendor, f->device, f->class_code, kind);
}

enum doctor_verdict doctor_header(const struct doctor *d, struct doctor_row *row)
{
	struct pcg_layout layout;

	if (d->nconfig <= 0)
		return doctor_found(row, DOCTOR_WARN, "its configuration space cannot be read");
	if (machine_layout(&layout, d->config, (size_t)d->nconfig) == -ENODEV) {
		doctor_mend(row,
			    "echo on > " MACHINE_DEVICES "/%s/power/control  # if that does not help, power it off "
			    "and on",
			    d->bdf);
		return doctor_found(row, DOCTOR_BAD, "the function does not answer: all of its header reads FFh");
	}
	if (d->function.header_type != 0)
		return doctor_found(row, DOCTOR_BAD, "type %d, a bridge; VFIO takes functions with a header of type 0",
				    d->function.header_type);
	if (machine_is_bridge(&d->function))
		return doctor_found(row, machine_is_vfio(d->tree, &d->function.place) ? DOCTOR_WARN : DOCTOR_BAD,
				    "type 0, but of the class of bridges: the machine's own, as a rule");
	return doctor_found(row, DOCTOR_OK, "type 0");
}

/* The first name in one of the folders that drivers make in a function's, or in a virtio device's below it. */
static bool find_below(const struct doctor *d, const char *device, char *text, size_t size)
{
	static const char *const folders[] = { "net", "nvme", "block" };
	struct tree_names names;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && text[0] == '\0'; i++) {
		if (tree_list(d->tree, &names, MACHINE_DEVICES "/%s/%s%s", d->bdf, device, folders[i]) == 0 &&
		    names.count > 0)
			snprintf(text, size, ", in use as %s", names.name[0]);
		tree_names_finish(&names);
	}
	return text[0] != '\0';
}

/* What the host would lose: a network interface, a disk. */
static void find_use(const struct doctor *d, char *text, size_t size)
{
	struct tree_names names;
	char below[TREE_NAME + 2];

	text[0] = '\0';
	if (find_below(d, "", text, size))
		return;
	(void)tree_list(d->tree, &names, MACHINE_DEVICES "/%s", d->bdf);
	for (size_t i = 0; i < names.count && text[0] == '\0'; i++) {
		if (strncmp(names.name[i], "virtio", 6) != 0)
			continue;
		snprintf(below, sizeof(below), "%s/", names.name[i]);
		(void)find_below(d, below, text, size);
	}
	tree_names_finish(&names);
}

enum doctor_verdict doctor_driver(const struct doctor *d, struct doctor_row *row)
{
	const struct machine_function *f = &d->function;
	char use[TREE_NAME + 32];

	if (machine_is_bridge(f))
		return DOCTOR_ABSENT;
	if (machine_is_vfio(d->tree, &f->place))
		return doctor_found(row, DOCTOR_OK, "%s", f->place.driver);
	find_use(d, use, sizeof(use));
	doctor_bind(d, d->bdf, row);
	if (f->place.driver[0] == '\0')
		return doctor_found(row, DOCTOR_BAD, "no driver%s%s; VFIO needs vfio-pci or a variant of it",
				    f->override[0] != '\0' ? ", kept for " : "", f->override);
	return doctor_found(row, DOCTOR_BAD, "%s%s; VFIO needs vfio-pci or a variant of it", f->place.driver, use);
}

enum doctor_verdict doctor_vfs(const struct doctor *d, struct doctor_row *row)
{
	const struct machine_function *f = &d->function;

	if (f->total_vfs == 0)
		return DOCTOR_ABSENT;
	if (f->vfs == 0)
		return doctor_found(row, DOCTOR_OK, "none of %u", f->total_vfs);
	if (machine_is_vfio(d->tree, &f->place))
		return doctor_found(row, DOCTOR_OK, "%u of %u, made by %s", f->vfs, f->total_vfs, f->place.driver);
	doctor_mend(row, "pcigate vf %s  # lists them: give a guest one of these", d->bdf);
	doctor_mend(row, "pcigate vf %s --create 0  # removes them", d->bdf);
	return doctor_found(row, DOCTOR_BAD, "%u of %u are there: vfio-pci does not take a PF that has VFs (EBUSY)",
			    f->vfs, f->total_vfs);
}

/* A guest's VF of a network card waits for its PF, whose interface nobody needs in the host. */
enum doctor_verdict doctor_link(const struct doctor *d, struct doctor_row *row)
{
	struct tree_names names;
	char name[TREE_NAME] = "", flags[32];

	if (!d->function.place.is_vf)
		return DOCTOR_ABSENT;
	if (tree_list(d->tree, &names, MACHINE_DEVICES "/%s/net", d->function.place.pf) == 0 && names.count > 0)
		snprintf(name, sizeof(name), "%s", names.name[0]);
	tree_names_finish(&names);
	if (name[0] == '\0' ||
	    !tree_text(d->tree, flags, sizeof(flags), MACHINE_DEVICES "/%s/net/%s/flags", d->function.place.pf, name))
		return DOCTOR_ABSENT;
	if ((strtoul(flags, NULL, 16) & LINK_UP) != 0)
		return doctor_found(row, DOCTOR_OK, "%s of %s is up", name, d->function.place.pf);
	doctor_mend(row, "ip link set dev %s up", name);
	return doctor_found(row, DOCTOR_WARN, "%s of %s is down: most VFs have no carrier before it is up", name,
			    d->function.place.pf);
}

enum doctor_verdict doctor_autoprobe(const struct doctor *d, struct doctor_row *row)
{
	long probe;

	if (d->function.total_vfs == 0 || !place_number(&d->function.place, "sriov_drivers_autoprobe", &probe))
		return DOCTOR_ABSENT;
	if (probe == 0)
		return doctor_found(row, DOCTOR_OK, "new VFs stay without a driver");
	doctor_mend(row, "pcigate vf %s --create N --no-probe  # N: as many as guests are to get", d->bdf);
	return doctor_found(row, DOCTOR_WARN,
			    "new VFs go to the host's drivers at once, and have to be taken from them again");
}

enum doctor_verdict doctor_token(const struct doctor *d, struct doctor_row *row)
{
	const struct machine_function *f = &d->function;

	if (f->place.is_vf && machine_is_vfio(d->tree, &d->pf)) {
		doctor_mend(row, "vfio:%s,token=UUID, the token that whoever holds %s has set", d->bdf, f->place.pf);
		return doctor_found(row, DOCTOR_WARN, "its PF %s is held by %s: it opens only with the PF's token",
				    f->place.pf, d->pf.driver);
	}
	if (f->place.is_vf && d->pf.driver[0] == '\0') {
		doctor_mend(row, "bind the driver of its maker to %s, or pci-pf-stub", f->place.pf);
		return doctor_found(row, DOCTOR_WARN, "its PF %s has no driver; the VF may not work", f->place.pf);
	}
	if (f->place.is_vf)
		return doctor_found(row, DOCTOR_OK, "none: its PF %s is held by %s", f->place.pf, d->pf.driver);
	if (f->vfs > 0 && machine_is_vfio(d->tree, &f->place)) {
		doctor_mend(row, "vfio:%s,token=UUID", d->bdf);
		return doctor_found(row, DOCTOR_WARN, "while one of its VFs is open, the PF opens only with the token");
	}
	return DOCTOR_ABSENT;
}

enum doctor_verdict doctor_holder(const struct doctor *d, struct doctor_row *row)
{
	char name[TREE_NAME];
	long pid;

	if (!machine_is_vfio(d->tree, &d->function.place))
		return DOCTOR_ABSENT;
	if (!machine_holder(d->tree, &d->function.place, &pid, name))
		return doctor_found(row, DOCTOR_OK, "no process that this user sees has it open");
	row->busy = true;
	doctor_mend(row, "end it, or give the guest another function");
	return doctor_found(row, DOCTOR_WARN, "process %ld (%s) has it, or its group, open", pid, name);
}

enum doctor_verdict doctor_reset(const struct doctor *d, struct doctor_row *row)
{
	char methods[128];
	bool known = tree_text(d->tree, methods, sizeof(methods), MACHINE_DEVICES "/%s/reset_method", d->bdf);

	if (machine_is_bridge(&d->function))
		return DOCTOR_ABSENT;
	/* Linux before 5.15 has only the file that starts one. */
	if (!known && tree_there(d->tree, MACHINE_DEVICES "/%s/reset", d->bdf))
		return doctor_found(row, DOCTOR_OK, "there is one; this kernel does not say which");
	if (!known || methods[0] == '\0') {
		if (known)
			doctor_mend(row, "echo default > " MACHINE_DEVICES "/%s/reset_method", d->bdf);
		doctor_mend(row, "give it to guests only that may see what the last one left in it");
		return doctor_found(row, DOCTOR_WARN, "no method: the function cannot be reset alone between guests");
	}
	if (strcmp(methods, "bus") == 0) {
		doctor_mend(row, "keep the other functions of its bus idle, or give them to the same guest");
		return doctor_found(row, DOCTOR_WARN, "bus only: everything on its bus is reset with it");
	}
	return doctor_found(row, DOCTOR_OK, "%s", methods);
}

enum doctor_verdict doctor_power(const struct doctor *d, struct doctor_row *row)
{
	bool stays = tree_flag(d->tree, "/sys/module/vfio_pci/parameters/disable_idle_d3");
	char state[16];

	if (!tree_text(d->tree, state, sizeof(state), MACHINE_DEVICES "/%s/power_state", d->bdf))
		return DOCTOR_ABSENT;
	if (strcmp(state, "D3cold") == 0) {
		doctor_mend(row,
			    "echo 0 > " MACHINE_DEVICES "/%s/d3cold_allowed  # if it does not wake up; or:", d->bdf);
		/* A module that is loaded takes no options any more, and this parameter is read-only. */
		doctor_mend(row, "echo 'options vfio-pci disable_idle_d3=1' >> /etc/modprobe.d/vfio-pci.conf  # counts "
				 "when vfio-pci is loaded again");
		return doctor_found(row, DOCTOR_WARN,
				    "D3cold: without power while idle; some functions do not come back");
	}
	if (strcmp(state, "error") == 0) {
		doctor_mend(row, "echo on > " MACHINE_DEVICES "/%s/power/control  # or power it off and on", d->bdf);
		return doctor_found(row, DOCTOR_BAD, "the kernel could not bring it to the state it wants");
	}
	return doctor_found(row, DOCTOR_OK, "%s%s", state, stays ? "; vfio-pci keeps idle functions awake" : "");
}
