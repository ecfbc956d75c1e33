/* SPDX-License-Identifier: BSD-3-Clause */
/* What sysfs says of one function. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "machine/function.h"

/* Linux's resource flags, as the file "resource" shows them (include/linux/ioport.h). */
enum {
	RESOURCE_IO = 0x100,
	RESOURCE_MEMORY = 0x200,
	RESOURCE_PREFETCH = 0x2000,
	RESOURCE_64BIT = 0x100000,
};

enum {
	TYPE_MASK = 0x7f,
	TYPE_MULTIFUNCTION = 0x80,
	TYPE_BRIDGE = 1,
	CLASS_BRIDGE = 0x06,
	VFS_MAX = 65535,
};

static unsigned long number_of(const struct place *place, const char *name)
{
	long value;

	return place_number(place, name, &value) && value > 0 ? (unsigned long)value : 0;
}

/* Which of its PF's links leads to it. */
static int vf_number(const struct tree *tree, const struct place *place)
{
	struct tree_names names;
	char target[TREE_NAME];
	int number = -1;

	if (tree_list(tree, &names, MACHINE_DEVICES "/%s", place->pf) == 0) {
		for (size_t i = 0; i < names.count && number < 0; i++)
			if (strncmp(names.name[i], "virtfn", 6) == 0 &&
			    tree_link(tree, target, sizeof(target), MACHINE_DEVICES "/%s/%s", place->pf,
				      names.name[i]) &&
			    strcmp(target, place->bdf) == 0)
				number = atoi(names.name[i] + 6);
	}
	tree_names_finish(&names);
	return number;
}

static void fill(const struct tree *tree, struct machine_function *f)
{
	uint8_t header[PCG_HEADER_END];
	unsigned long vfs = number_of(&f->place, "sriov_totalvfs");

	f->vendor = (uint16_t)number_of(&f->place, "vendor");
	f->device = (uint16_t)number_of(&f->place, "device");
	f->subvendor = (uint16_t)number_of(&f->place, "subsystem_vendor");
	f->subsystem = (uint16_t)number_of(&f->place, "subsystem_device");
	f->class_code = (uint32_t)number_of(&f->place, "class") & 0xffffffu;
	f->revision = (uint8_t)number_of(&f->place, "revision");
	f->header_type = -1;
	if (place_config(&f->place, header, sizeof(header)) == (int)sizeof(header)) {
		f->header_type = header[PCG_HEADER_TYPE] & TYPE_MASK;
		f->multifunction = (header[PCG_HEADER_TYPE] & TYPE_MULTIFUNCTION) != 0;
	}
	f->total_vfs = vfs < VFS_MAX ? (unsigned int)vfs : VFS_MAX;
	vfs = number_of(&f->place, "sriov_numvfs");
	f->vfs = vfs < VFS_MAX ? (unsigned int)vfs : VFS_MAX;
	f->vf_number = f->place.is_vf ? vf_number(tree, &f->place) : -1;
	/* The kernel writes "(null)" for none. */
	if (!tree_text(tree, f->override, sizeof(f->override), MACHINE_DEVICES "/%s/driver_override", f->place.bdf) ||
	    f->override[0] == '(')
		f->override[0] = '\0';
}

int machine_look(const struct tree *tree, const char *bdf, struct machine_function *function, const struct pcg_log *log)
{
	int error;

	memset(function, 0, sizeof(*function));
	error = place_find_below(&function->place, tree->root, bdf, log);
	if (error == 0)
		fill(tree, function);
	return error;
}

int machine_list(const struct tree *tree, struct tree_names *names, const struct pcg_log *log)
{
	char bdf[PLACE_BDF];
	size_t kept = 0;
	int error = tree_list(tree, names, MACHINE_DEVICES);

	if (error != 0)
		base_log(log, PCG_ERROR, "%s" MACHINE_DEVICES ": %s; is /sys mounted, and is there PCI in this kernel?",
			 tree->root, strerror(-error));
	for (size_t i = 0; error == 0 && i < names->count; i++)
		if (place_bdf(names->name[i], bdf))
			memmove(names->name[kept++], names->name[i], TREE_NAME);
	names->count = kept;
	return error;
}

bool machine_is_vfio(const struct tree *tree, const struct place *place)
{
	return place->driver[0] != '\0' &&
	       (strstr(place->driver, "vfio") != NULL || tree_there(tree, MACHINE_DEVICES "/%s/vfio-dev", place->bdf));
}

bool machine_is_bridge(const struct machine_function *function)
{
	return function->header_type > 0 || function->class_code >> 16 == CLASS_BRIDGE;
}

int machine_layout(struct pcg_layout *layout, const uint8_t *config, size_t size)
{
	uint8_t header[PCG_CONFIG_EXTENDED];
	int type = config[PCG_HEADER_TYPE] & TYPE_MASK, error;

	memset(layout, 0, sizeof(*layout));
	layout->size = size < PCG_CONFIG_EXTENDED ? PCG_CONFIG_CONVENTIONAL : PCG_CONFIG_EXTENDED;
	if (type > TYPE_BRIDGE && config[PCG_VENDOR] != 0xff)
		return -ENOTSUP;
	if (size < PCG_CONFIG_CONVENTIONAL)
		return config[PCG_VENDOR] == 0xff && config[PCG_HEADER_TYPE] == 0xff ? -ENODEV : 0;
	/* A bridge of type 1 begins its chain where a function of type 0 does (PCIe 6.0, 7.5.1.1.11). */
	memcpy(header, config, layout->size);
	if (type == TYPE_BRIDGE)
		header[PCG_HEADER_TYPE] = 0;
	error = pcg_layout_parse(layout, header, layout->size, NULL);
	return error;
}

int machine_config(const struct place *place, uint8_t config[PCG_CONFIG_EXTENDED])
{
	int n;

	memset(config, 0, PCG_CONFIG_EXTENDED);
	n = place_config(place, config, PCG_CONFIG_EXTENDED);
	if (n < (int)PCG_HEADER_END)
		return n < 0 ? n : 0;
	if (n == (int)PCG_CONFIG_EXTENDED)
		return n;
	n = n < (int)PCG_CONFIG_CONVENTIONAL ? (int)PCG_HEADER_END : (int)PCG_CONFIG_CONVENTIONAL;
	memset(config + n, 0, PCG_CONFIG_EXTENDED - (size_t)n);
	return n;
}

unsigned int machine_config_size(const struct place *place)
{
	char path[PATH_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/config", place->directory);
	return stat(path, &st) == 0 && st.st_size >= (off_t)PCG_CONFIG_EXTENDED ? PCG_CONFIG_EXTENDED
										: PCG_CONFIG_CONVENTIONAL;
}

/* One line: "0xSTART 0xEND 0xFLAGS". */
static void take_resource(const char *line, struct pcg_bar *bar)
{
	uint64_t start, end, flags;

	if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) != 3 || end < start ||
	    end - start == UINT64_MAX || (flags & (RESOURCE_IO | RESOURCE_MEMORY)) == 0)
		return;
	bar->size = end - start + 1;
	bar->kind = flags & RESOURCE_IO ? PCG_BAR_IO : flags & RESOURCE_64BIT ? PCG_BAR_MEM64 : PCG_BAR_MEM32;
	bar->prefetchable = bar->kind != PCG_BAR_IO && (flags & RESOURCE_PREFETCH) != 0;
}

bool machine_bars(const struct place *place, struct pcg_bar bars[PCG_NUM_BARS], struct pcg_bar *rom)
{
	char path[PATH_MAX + 16], line[128];
	unsigned int i = 0;
	FILE *file;

	memset(bars, 0, PCG_NUM_BARS * sizeof(bars[0]));
	memset(rom, 0, sizeof(*rom));
	snprintf(path, sizeof(path), "%s/resource", place->directory);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	for (; i <= PCG_NUM_BARS && fgets(line, sizeof(line), file) != NULL; i++)
		take_resource(line, i < PCG_NUM_BARS ? &bars[i] : rom);
	fclose(file);
	rom->kind = rom->size != 0 ? PCG_BAR_MEM32 : PCG_BAR_NONE;
	for (unsigned int bar = 0; bar + 1 < PCG_NUM_BARS; bar++)
		if (bars[bar].kind == PCG_BAR_MEM64 && bars[bar + 1].size == 0)
			bars[bar + 1].kind = PCG_BAR_UPPER;
	return i > 0;
}

int machine_msix(const struct place *place)
{
	uint8_t config[PCG_CONFIG_EXTENDED];
	struct pcg_layout layout;
	const struct pcg_cap *cap;
	int n = machine_config(place, config);

	if (n < (int)PCG_CONFIG_CONVENTIONAL)
		return n < 0 ? n : -EACCES;
	if (machine_layout(&layout, config, (size_t)n) != 0)
		return -ENODEV;
	cap = pcg_layout_find(&layout, PCG_CAP_MSIX);
	if (cap == NULL || cap->length < 12)
		return 0;
	return (pcg_get16(config + cap->offset + PCG_MSIX_CONTROL) & PCG_MSIX_SIZE) + 1;
}
