/* SPDX-License-Identifier: BSD-3-Clause */
/* What a function shares, who may open it, and who has. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/function.h"

#define GROUPS "/sys/kernel/iommu_groups"

/* Drivers that do no DMA for the host: the kernel lets a group go that they hold members of. */
static const char *const harmless[] = { "pci-stub", "pcieport" };

static bool blocks(const struct tree *tree, int group, const struct machine_member *member)
{
	if (member->driver[0] == '\0' || strstr(member->driver, "vfio") != NULL ||
	    tree_there(tree, GROUPS "/%d/devices/%s/vfio-dev", group, member->name))
		return false;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (strcmp(member->driver, harmless[i]) == 0)
			return false;
	return true;
}

void machine_group(const struct tree *tree, int number, struct machine_group *group)
{
	struct tree_names names;

	memset(group, 0, sizeof(*group));
	/* A failure leaves the list empty. */
	(void)tree_list(tree, &names, GROUPS "/%d/devices", number);
	for (size_t i = 0; i < names.count; i++) {
		struct machine_member member = { 0 };
		long class_code;

		memcpy(member.name, names.name[i], TREE_NAME);
		if (!tree_link(tree, member.driver, sizeof(member.driver), GROUPS "/%d/devices/%s/driver", number,
			       member.name))
			member.driver[0] = '\0';
		member.bridge = tree_number(tree, &class_code, GROUPS "/%d/devices/%s/class", number, member.name) &&
				class_code >> 16 == 0x06;
		member.blocks = blocks(tree, number, &member);
		group->blocking += member.blocks;
		if (i < MACHINE_MEMBERS)
			group->members[i] = member;
	}
	group->count = names.count;
	tree_names_finish(&names);
}

void machine_door(const struct tree *tree, const struct place *place, struct machine_door *door)
{
	door->cdev = place->cdev[0] != '\0' && tree_there(tree, "/dev/iommu");
	if (door->cdev) {
		snprintf(door->files[0], sizeof(door->files[0]), "%s", place->cdev);
		snprintf(door->files[1], sizeof(door->files[1]), "/dev/iommu");
	} else {
		snprintf(door->files[0], sizeof(door->files[0]), "/dev/vfio/%d", place->group);
		snprintf(door->files[1], sizeof(door->files[1]), "/dev/vfio/vfio");
	}
	for (unsigned int i = 0; i < 2; i++)
		door->errors[i] = tree_access(tree, "%s", door->files[i]);
}

enum machine_obstacle machine_obstacle(const struct tree *tree, const struct machine_function *function)
{
	struct machine_group group;
	struct machine_door door;

	if (machine_is_bridge(function))
		return MACHINE_BRIDGE;
	if (!machine_is_vfio(tree, &function->place))
		return MACHINE_DRIVER;
	if (function->place.group < 0)
		return MACHINE_IOMMU;
	machine_group(tree, function->place.group, &group);
	if (group.blocking > 0)
		return MACHINE_GROUP;
	machine_door(tree, &function->place, &door);
	return door.errors[0] != 0 || door.errors[1] != 0 ? MACHINE_ACCESS : MACHINE_READY;
}

const char *machine_obstacle_word(enum machine_obstacle obstacle)
{
	static const char *const words[] = {
		[MACHINE_READY] = "ready", [MACHINE_BRIDGE] = "bridge", [MACHINE_DRIVER] = "driver",
		[MACHINE_IOMMU] = "iommu", [MACHINE_GROUP] = "group",   [MACHINE_ACCESS] = "access",
	};

	return words[obstacle];
}

/* Whether process @pid has one of @files open. */
static bool has_open(const struct tree *tree, const char *pid, char files[2][TREE_NAME])
{
	struct tree_names names;
	char target[TREE_NAME];
	bool found = false;

	(void)tree_list(tree, &names, "/proc/%s/fd", pid);
	for (size_t i = 0; i < names.count && !found; i++) {
		if (!tree_target(tree, target, sizeof(target), "/proc/%s/fd/%s", pid, names.name[i]))
			continue;
		found = strcmp(target, files[0]) == 0 || strcmp(target, files[1]) == 0;
	}
	tree_names_finish(&names);
	return found;
}

bool machine_holder(const struct tree *tree, const struct place *place, long *pid, char name[TREE_NAME])
{
	char files[2][TREE_NAME] = { "" };
	struct tree_names names;
	bool found = false;

	if (place->group < 0 && place->cdev[0] == '\0')
		return false;
	snprintf(files[0], sizeof(files[0]), "/dev/vfio/%d", place->group);
	snprintf(files[1], sizeof(files[1]), "%s", place->cdev);
	(void)tree_list(tree, &names, "/proc");
	for (size_t i = 0; i < names.count && !found; i++) {
		if (names.name[i][0] < '1' || names.name[i][0] > '9' || !has_open(tree, names.name[i], files))
			continue;
		*pid = atol(names.name[i]);
		if (!tree_text(tree, name, TREE_NAME, "/proc/%s/comm", names.name[i]))
			name[0] = '\0';
		found = true;
	}
	tree_names_finish(&names);
	return found;
}
