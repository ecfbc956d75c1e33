/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a function stands in this machine, as sysfs says. */
#ifndef HOST_VFIO_PLACE_H
#define HOST_VFIO_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pcigate/log.h>

#define PLACE_BDF 16

/**
 * struct place - one function
 * @bdf: as sysfs spells it: "0000:03:10.1"
 * @directory: its folder in sysfs
 * @driver: the driver that holds it; "": none
 * @cdev: its VFIO device file; "": there is none
 * @group: its IOMMU group; -1: none
 * @is_vf: Linux knows it for a VF
 * @pf: then, the BDF of its PF
 */
struct place {
	char bdf[PLACE_BDF];
	char directory[PATH_MAX];
	char driver[64];
	char cdev[64];
	int group;
	bool is_vf;
	char pf[PLACE_BDF];
};

/* "03:10.1" or "0000:03:10.1" as sysfs spells it. Return: whether it is a BDF. */
bool place_bdf(const char *text, char bdf[PLACE_BDF]);

/* A number for a place, as VFIO_DEVICE_GET_PCI_HOT_RESET_INFO tells it: not 0 for a function. */
static inline uint32_t place_number_of(uint32_t segment, uint8_t bus, uint8_t devfn)
{
	return segment << 16 | (uint32_t)bus << 8 | devfn;
}

uint32_t place_id(const struct place *place);

/* Whether its IOMMU group has others in it, bridges included. */
bool place_has_company(const struct place *place);

/* Look a function up. Return: 0; -EINVAL, -ENODEV after a note. */
int place_find(struct place *place, const char *bdf, const struct pcg_log *log);

/* The same where the folder @root holds the /sys of another machine. */
int place_find_below(struct place *place, const char *root, const char *bdf, const struct pcg_log *log);

/* The function behind an open VFIO device file. The same; -ENODEV without a note when it is no such file. */
int place_of_file(struct place *place, int fd, const struct pcg_log *log);

/* One number of a file in the function's folder, "%i" or "0x%x". Return: whether there is one. */
bool place_number(const struct place *place, const char *name, long *value);

/* The function's configuration space as sysfs shows it: bytes read, or a negative errno. Needs CAP_SYS_ADMIN past 64.
 */
int place_config(const struct place *place, uint8_t *config, size_t size);

#endif
