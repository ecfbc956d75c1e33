/* SPDX-License-Identifier: BSD-3-Clause */
/* The PCI functions of a machine: what sysfs says of each, its IOMMU group, and who may open it. */
#ifndef MACHINE_FUNCTION_H
#define MACHINE_FUNCTION_H

#include <pcigate/pci.h>

#include "host/vfio/place.h"
#include "machine/tree.h"

/** MACHINE_DEVICES - where sysfs has them */
#define MACHINE_DEVICES "/sys/bus/pci/devices"

/**
 * struct machine_function - one function
 * @place: where it stands
 * @class_code: base class, subclass, programming interface, in this order from bit 23
 * @header_type: of its header, without the multifunction bit; -1: nobody can read it
 * @multifunction: that bit
 * @total_vfs: of a PF; 0: it is none
 * @vfs: VFs that it has now
 * @vf_number: of a VF: which of its PF's; -1 where that is not to be learnt
 * @override: the driver it is kept for (driver_override); "": none
 */
struct machine_function {
	struct place place;
	uint16_t vendor;
	uint16_t device;
	uint16_t subvendor;
	uint16_t subsystem;
	uint32_t class_code;
	uint8_t revision;
	int header_type;
	bool multifunction;
	unsigned int total_vfs;
	unsigned int vfs;
	int vf_number;
	char override[TREE_NAME];
};

/** machine_look() - what there is to know of @bdf. 0; -EINVAL (no BDF) or -ENODEV (not there) after a note */
int machine_look(const struct tree *tree, const char *bdf, struct machine_function *function,
		 const struct pcg_log *log);

/** machine_list() - the BDFs of all functions; tree_names_finish() afterwards. 0 or a negative errno after a note */
int machine_list(const struct tree *tree, struct tree_names *names, const struct pcg_log *log);

/** machine_is_vfio() - whether a driver is vfio-pci or one made of it */
bool machine_is_vfio(const struct tree *tree, const struct place *place);

/** machine_is_bridge() - whether VFIO takes no such function: it leads to others, or is the machine's own */
bool machine_is_bridge(const struct machine_function *function);

/**
 * machine_layout() - the capabilities of a function or of a bridge
 * @layout: filled in
 * @config: what was read of its configuration space
 * @size: bytes of that; below 256 there are no capabilities
 *
 * Return: 0; -ENODEV: nobody answers; -ENOTSUP: a CardBus bridge.
 */
int machine_layout(struct pcg_layout *layout, const uint8_t *config, size_t size);

/** machine_config() - place_config(), cut to a size that a configuration space can have: 64, 256 or 4096, or <= 0 */
int machine_config(const struct place *place, uint8_t config[PCG_CONFIG_EXTENDED]);

/** machine_config_size() - how much of it there is for those who may read all: 256 or 4096 */
unsigned int machine_config_size(const struct place *place);

/** machine_bars() - what BARs and ROM decode, by the file "resource". False: it cannot be read; all are 0 then */
bool machine_bars(const struct place *place, struct pcg_bar bars[PCG_NUM_BARS], struct pcg_bar *rom);

/** machine_msix() - the vectors of a function's MSI-X table; 0: none; -EACCES: this user sees too little of it */
int machine_msix(const struct place *place);

#define MACHINE_MEMBERS 32

/**
 * struct machine_member - one function of a group
 * @blocks: its driver does DMA on the host's behalf: the group cannot be had while it is there
 */
struct machine_member {
	char name[TREE_NAME];
	char driver[TREE_NAME];
	bool bridge;
	bool blocks;
};

/**
 * struct machine_group - an IOMMU group: what can only be given away together
 * @count: all its members; the first MACHINE_MEMBERS stand in @members
 * @blocking: how many of all block
 */
struct machine_group {
	size_t count;
	size_t blocking;
	struct machine_member members[MACHINE_MEMBERS];
};

/** machine_group() - the members of group @number */
void machine_group(const struct tree *tree, int number, struct machine_group *group);

/**
 * struct machine_door - the files through which a function is opened
 * @cdev: its own device file and /dev/iommu; else that of its group and /dev/vfio/vfio
 * @files: both
 * @errors: what stands against opening each for reading and writing: 0 or a negative errno
 */
struct machine_door {
	bool cdev;
	char files[2][TREE_NAME];
	int errors[2];
};

/** machine_door() - which door @place has, and whether this user may use it */
void machine_door(const struct tree *tree, const struct place *place, struct machine_door *door);

/** enum machine_obstacle - what stands between a function and "vfio:BDF" */
enum machine_obstacle {
	MACHINE_READY,
	MACHINE_BRIDGE,
	MACHINE_DRIVER,
	MACHINE_IOMMU,
	MACHINE_GROUP,
	MACHINE_ACCESS,
};

/** machine_obstacle() - the first of them */
enum machine_obstacle machine_obstacle(const struct tree *tree, const struct machine_function *function);

/** machine_obstacle_word() - in a word: "ready", "bridge", … */
const char *machine_obstacle_word(enum machine_obstacle obstacle);

/**
 * machine_holder() - the process that has a function open, as far as this user sees into processes
 * @pid: set to its number
 * @name: and to its name
 *
 * Return: whether there is one.
 */
bool machine_holder(const struct tree *tree, const struct place *place, long *pid, char name[TREE_NAME]);

#endif
