/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "machine/doctor.h"

/* In the order in which they are mended. */
static const struct {
	const char *name;
	enum doctor_verdict (*check)(const struct doctor *doctor, struct doctor_row *row);
} checks[] = {
	{ "function", doctor_function },     { "header", doctor_header }, { "iommu", doctor_iommu },
	{ "interrupts", doctor_interrupts }, { "vfs", doctor_vfs },       { "link", doctor_link },
	{ "driver", doctor_driver },         { "group", doctor_group },   { "isolation", doctor_isolation },
	{ "files", doctor_files },           { "holder", doctor_holder }, { "token", doctor_token },
	{ "reset", doctor_reset },           { "power", doctor_power },   { "memlock", doctor_memlock },
	{ "lockdown", doctor_lockdown },     { "devmem", doctor_devmem }, { "autoprobe", doctor_autoprobe },
};

#define NCHECKS (sizeof(checks) / sizeof(checks[0]))

int doctor_init(struct doctor *doctor, const struct tree *tree, const char *bdf, uint64_t memory,
		const struct pcg_log *log)
{
	memset(doctor, 0, sizeof(*doctor));
	doctor->tree = tree;
	doctor->memory = memory;
	if (!place_bdf(bdf, doctor->bdf)) {
		base_log(log, PCG_ERROR, "\"%.64s\" is no PCI address; give one as lspci -D prints it, 0000:03:10.1",
			 bdf);
		return -EINVAL;
	}
	if (!tree_there(tree, MACHINE_DEVICES)) {
		base_log(log, PCG_ERROR, "%s" MACHINE_DEVICES " is not there; is /sys mounted, and is there PCI here?",
			 tree->root);
		return -ENOENT;
	}
	doctor->there = machine_look(tree, doctor->bdf, &doctor->function, NULL) == 0;
	if (!doctor->there)
		return 0;
	doctor->nconfig = machine_config(&doctor->function.place, doctor->config);
	if (doctor->function.place.is_vf)
		(void)place_find_below(&doctor->pf, tree->root, doctor->function.place.pf, NULL);
	if (doctor->function.place.group >= 0)
		machine_group(tree, doctor->function.place.group, &doctor->group);
	return 0;
}

bool doctor_check(const struct doctor *doctor, unsigned int n, struct doctor_row *row)
{
	memset(row, 0, sizeof(*row));
	if (n >= NCHECKS)
		return false;
	row->name = checks[n].name;
	/* Of a function that is not there only this can be said. */
	row->verdict = n > 0 && !doctor->there ? DOCTOR_ABSENT : checks[n].check(doctor, row);
	return true;
}

const char *doctor_word(enum doctor_verdict verdict)
{
	static const char *const words[] = {
		[DOCTOR_ABSENT] = "-", [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_BAD] = "bad"
	};

	return words[verdict];
}

enum doctor_verdict doctor_found(struct doctor_row *row, enum doctor_verdict verdict, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(row->found, sizeof(row->found), format, args);
	va_end(args);
	return verdict;
}

void doctor_mend(struct doctor_row *row, const char *format, ...)
{
	va_list args;

	if (row->nmends == DOCTOR_MENDS)
		return;
	va_start(args, format);
	vsnprintf(row->mends[row->nmends++], DOCTOR_TEXT, format, args);
	va_end(args);
}

void doctor_bind(const struct doctor *doctor, const char *bdf, struct doctor_row *row)
{
	const char *module = tree_there(doctor->tree, "/sys/bus/pci/drivers/vfio-pci") ? "" : "modprobe vfio-pci; ";
	char unbind[2 * TREE_NAME + 64] = "", driver[TREE_NAME];

	if (tree_link(doctor->tree, driver, sizeof(driver), MACHINE_DEVICES "/%s/driver", bdf))
		snprintf(unbind, sizeof(unbind), "echo %s > " MACHINE_DEVICES "/%s/driver/unbind; ", bdf, bdf);
	doctor_mend(row, "%sdriverctl set-override %s vfio-pci", module, bdf);
	doctor_mend(row,
		    "%secho vfio-pci > " MACHINE_DEVICES "/%s/driver_override; %secho %s > "
		    "/sys/bus/pci/drivers_probe  # the same, until the next boot",
		    module, bdf, unbind, bdf);
}
