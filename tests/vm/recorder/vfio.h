/* SPDX-License-Identifier: BSD-3-Clause */
/* A function of this machine, held by vfio-pci: its guest's side by VFIO, hardware's side by sysfs. */
#ifndef RECORDER_VFIO_H
#define RECORDER_VFIO_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_MAX 4096u

enum door {
	DOOR_GROUP, /* the group's file and a type 1 container */
	DOOR_CDEV,  /* the device's own file and iommufd */
};

/**
 * struct function - one function
 * @container: or what stands for it: iommufd
 * @group: of the group's door alone
 * @size: of configuration space as VFIO has it
 * @at: where configuration space stands in the device file
 * @space: of iommufd, with nothing in it: configuration space needs none, but this is how a function is held
 */
struct function {
	const char *bdf;
	enum door door;
	int sysfs;
	int container;
	int group;
	int device;
	size_t size;
	uint64_t at;
	uint32_t space;
};

/* All of these end the program with a line on standard error when the machine refuses. */
void function_find(struct function *f, const char *bdf, enum door door);
void function_bind(struct function *f);
void function_open(struct function *f);
void function_close(struct function *f);
void hardware_read(const struct function *f, size_t offset, size_t length, uint8_t *data);
void hardware_write(const struct function *f, size_t offset, size_t length, const uint8_t *data);

/* 0 or an errno. */
int guest_read(const struct function *f, uint64_t offset, size_t length, uint8_t *data);
int guest_write(const struct function *f, uint64_t offset, size_t length, const uint8_t *data);

#endif
