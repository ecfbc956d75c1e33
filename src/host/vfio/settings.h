/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of "vfio:". */
#ifndef HOST_VFIO_SETTINGS_H
#define HOST_VFIO_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <pcigate/log.h>

/** VFIO_FORM - the form of FUNC, for help texts */
#define VFIO_FORM "vfio:BDF[,option=value…]"

/** enum vfio_way - through which door of the kernel */
enum vfio_way {
	VFIO_WAY_AUTO, /* the first that opens */
	VFIO_WAY_IOMMUFD,
	VFIO_WAY_TYPE1,
};

/** enum vfio_map - how a client reaches a BAR */
enum vfio_map {
	VFIO_MAP_TRAP,   /* by messages: we make each access */
	VFIO_MAP_SYSFS,  /* by the resourceN file: cannot be taken back */
	VFIO_MAP_DEVICE, /* by the VFIO device file, which can do everything that we can */
	VFIO_MAP_DMABUF, /* by a dma-buf of the BAR, where the kernel lets it be mapped */
};

/** enum vfio_memory_bit - whether COMMAND has a memory enable bit */
enum vfio_memory_bit {
	VFIO_MEMORY_PROBE,
	VFIO_MEMORY_ABSENT,
	VFIO_MEMORY_PRESENT,
};

/**
 * struct vfio_settings - the options, decided
 * @bdf: the function; "": that of @device
 * @way: iommu=
 * @has_token: token= is there
 * @token: its 16 bytes, in the order in which the text has them
 * @token_text: as it was given
 * @keep_errors: err=keep: errors of the function are noted here and the client is not told
 * @memory_bit: memory-bit=
 * @show: show=: extended capabilities to show although the kernel hides them, bit n for id n
 * @sleeps: idle=low-power: while nobody has it, it may be powered down
 * @map: bar0= to bar5=
 * @device: fd=: the open device file; -1: to be opened
 * @iommufd: iommufd=: the open /dev/iommu; -1: the same
 */
struct vfio_settings {
	char bdf[32];
	enum vfio_way way;
	bool has_token;
	uint8_t token[16];
	char token_text[40];
	bool keep_errors;
	enum vfio_memory_bit memory_bit;
	uint64_t show;
	bool sleeps;
	enum vfio_map map[6];
	int device;
	int iommufd;
};

/** vfio_settings_init() - take the text behind "vfio:" apart. 0 or a negative errno after a note */
int vfio_settings_init(struct vfio_settings *settings, const char *text, const struct pcg_log *log);

#endif
