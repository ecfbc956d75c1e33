/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this backend says to the kernel and <linux/vfio.h> of older distributions does not have: device files bound to
 * an iommufd (Linux 6.6), maps by file (6.14), PASIDs (6.15). Numbers and layouts are the kernel's; whether a call is
 * there is found out by making it.
 */
#ifndef HOST_VFIO_UAPI_H
#define HOST_VFIO_UAPI_H

#include <stdint.h>
#include <linux/ioctl.h>

#define UAPI_TYPE ';'

/* --- the device file --- */

#define UAPI_BIND_TOKEN 1u

struct uapi_bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token; /* address of its 16 bytes */
};

/* Without the token kernels before 6.18 know this much. */
#define UAPI_BIND_SIZE 16u

/* Of both: @pasid counts. PASID 0 is the requests without one. */
#define UAPI_ATTACH_PASID 1u

struct uapi_attach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
	uint32_t pasid;
};

struct uapi_detach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pasid;
};

#define UAPI_DEVICE_BIND   _IO(UAPI_TYPE, 118)
#define UAPI_DEVICE_ATTACH _IO(UAPI_TYPE, 119)
#define UAPI_DEVICE_DETACH _IO(UAPI_TYPE, 120)

/* Linux 6.1 */
#define UAPI_FEATURE_LOW_POWER_ENTRY 3u
#define UAPI_FEATURE_LOW_POWER_EXIT  5u

/* A BAR, or ranges of it, as a dma-buf (6.19). One range here. */
#define UAPI_FEATURE_DMABUF 11u

struct uapi_dmabuf {
	uint32_t region;
	uint32_t open_flags;
	uint32_t flags;
	uint32_t nranges;
	uint64_t offset;
	uint64_t length;
};

/* --- /dev/iommu --- */

#define UAPI_MAP_FIXED    1u
#define UAPI_MAP_WRITABLE 2u
#define UAPI_MAP_READABLE 4u

struct uapi_destroy {
	uint32_t size;
	uint32_t id;
};

struct uapi_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_id;
};

struct uapi_iova_range {
	uint64_t start;
	uint64_t last;
};

struct uapi_ioas_ranges {
	uint32_t size;
	uint32_t ioas;
	uint32_t count;
	uint32_t reserved;
	uint64_t ranges; /* address of @count struct uapi_iova_range */
	uint64_t out_alignment;
};

struct uapi_ioas_copy {
	uint32_t size;
	uint32_t flags;
	uint32_t to;
	uint32_t from;
	uint64_t length;
	uint64_t to_iova;
	uint64_t from_iova;
};

struct uapi_ioas_unmap {
	uint32_t size;
	uint32_t ioas;
	uint64_t iova;
	uint64_t length;
};

struct uapi_ioas_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas;
	int32_t fd;
	uint64_t start;
	uint64_t length;
	uint64_t iova;
};

/* Needed of what stands at PASIDs, and of what stands beside them for requests without one. */
#define UAPI_HWPT_PASID 8u

struct uapi_hwpt_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t dev;
	uint32_t pt;
	uint32_t out_id;
	uint32_t reserved;
	uint32_t data_type;
	uint32_t data_length;
	uint64_t data;
	uint32_t fault;
	uint32_t reserved2;
};

/* Kernels before 6.15 leave @out_pasid_log2 0. */
struct uapi_hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t dev;
	uint32_t data_length;
	uint64_t data;
	uint32_t data_type;
	uint8_t out_pasid_log2;
	uint8_t reserved[3];
	uint64_t out_capabilities;
};

#define UAPI_IOMMU_DESTROY _IO(UAPI_TYPE, 0x80)
#define UAPI_IOAS_ALLOC    _IO(UAPI_TYPE, 0x81)
#define UAPI_IOAS_COPY     _IO(UAPI_TYPE, 0x83)
#define UAPI_IOAS_RANGES   _IO(UAPI_TYPE, 0x84)
#define UAPI_IOAS_UNMAP    _IO(UAPI_TYPE, 0x86)
#define UAPI_HWPT_ALLOC    _IO(UAPI_TYPE, 0x89)
#define UAPI_HW_INFO       _IO(UAPI_TYPE, 0x8a)
#define UAPI_IOAS_MAP_FILE _IO(UAPI_TYPE, 0x8f)

#endif
