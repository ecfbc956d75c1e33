/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user messages in and out of bytes. Byte order is the host's (both ends share a machine); nothing is assumed
 * of alignment. What is read and written on every access is inline, the rest is in wire.c.
 * Source of the layouts: the vfio-user specification (docs/interop/vfio-user.rst of QEMU) and <linux/vfio.h>.
 */
#ifndef VFIO_USER_WIRE_H
#define VFIO_USER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum wire_command {
	WIRE_VERSION = 1,
	WIRE_DMA_MAP = 2,
	WIRE_DMA_UNMAP = 3,
	WIRE_GET_INFO = 4,
	WIRE_GET_REGION_INFO = 5,
	WIRE_GET_REGION_IO_FDS = 6,
	WIRE_GET_IRQ_INFO = 7,
	WIRE_SET_IRQS = 8,
	WIRE_REGION_READ = 9,
	WIRE_REGION_WRITE = 10,
	WIRE_DMA_READ = 11,
	WIRE_DMA_WRITE = 12,
	WIRE_RESET = 13,
	WIRE_DIRTY_PAGES = 14,
	WIRE_REGION_WRITE_MULTI = 15,
	WIRE_FEATURE = 16,
	WIRE_MIG_DATA_READ = 17,
	WIRE_MIG_DATA_WRITE = 18,
};

enum wire_flags {
	WIRE_TYPE = 0xf, /* 0 command, 1 reply */
	WIRE_REPLY = 0x1,
	WIRE_NO_REPLY = 0x10,
	WIRE_ERROR = 0x20,
};

/* Sizes of what follows the header. */
enum wire_sizes {
	WIRE_HEADER = 16,
	WIRE_VERSION_FIXED = 4,
	WIRE_DMA_MAP_SIZE = 32,
	WIRE_DMA_UNMAP_SIZE = 24,
	WIRE_INFO_SIZE = 16,
	WIRE_REGION_INFO_SIZE = 32,
	WIRE_SPARSE_HEADER = 16,
	WIRE_SPARSE_AREA = 16,
	WIRE_IRQ_INFO_SIZE = 16,
	WIRE_IRQ_SET_SIZE = 20,
	WIRE_ACCESS_SIZE = 16,
	WIRE_FEATURE_HEAD = 8, /* argsz, flags */
	WIRE_MULTI_HEADER = 8,
	WIRE_MULTI_ENTRY = 24,
	WIRE_MULTI_DATA = 8, /* the most one entry writes */
};

/* What we say in VERSION; QEMU 11 refuses more of the first and third, and warns of keys that it does not know. */
#define WIRE_MAX_FDS  16u
#define WIRE_MAX_DATA 1048576u
#define WIRE_MAX_MAPS 65535u
#define WIRE_PAGE     4096u

/* The most descriptors one sendmsg can carry (SCM_MAX_FD), whatever was negotiated. */
#define WIRE_FDS_LIMIT 253u

enum wire_info_flags {
	WIRE_INFO_RESET = 1,
	WIRE_INFO_PCI = 2,
};

enum wire_region_flags {
	WIRE_REGION_CAPS = 8, /* the others are enum pcg_region_flags */
};

#define WIRE_CAP_SPARSE_MMAP 1u

enum wire_irq_info_flags {
	WIRE_IRQ_EVENTFD = 1,
	WIRE_IRQ_MASKABLE = 2,
	WIRE_IRQ_AUTOMASKED = 4,
	WIRE_IRQ_NORESIZE = 8,
};

enum wire_irq_set_flags {
	WIRE_IRQ_NONE = 1,
	WIRE_IRQ_BOOL = 2,
	WIRE_IRQ_FDS = 4,
	WIRE_IRQ_DATA = 7,
	WIRE_IRQ_MASK = 8,
	WIRE_IRQ_UNMASK = 16,
	WIRE_IRQ_TRIGGER = 32,
	WIRE_IRQ_ACTION = 56,
};

enum wire_unmap_flags {
	WIRE_UNMAP_DIRTY = 1,
	WIRE_UNMAP_ALL = 2,
};

static inline uint16_t wire_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t wire_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t wire_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void wire_put16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void wire_put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void wire_put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

struct wire_header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* of the whole message */
	uint32_t flags;
	uint32_t error; /* an errno, with WIRE_ERROR */
};

static inline void wire_header_read(struct wire_header *h, const uint8_t *p)
{
	h->id = wire_get16(p);
	h->command = wire_get16(p + 2);
	h->size = wire_get32(p + 4);
	h->flags = wire_get32(p + 8);
	h->error = wire_get32(p + 12);
}

static inline void wire_header_write(const struct wire_header *h, uint8_t *p)
{
	wire_put16(p, h->id);
	wire_put16(p + 2, h->command);
	wire_put32(p + 4, h->size);
	wire_put32(p + 8, h->flags);
	wire_put32(p + 12, h->error);
}

/* REGION_READ and REGION_WRITE. */
struct wire_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

static inline void wire_access_read(struct wire_access *a, const uint8_t *p)
{
	a->offset = wire_get64(p);
	a->region = wire_get32(p + 8);
	a->count = wire_get32(p + 12);
}

static inline void wire_access_write(const struct wire_access *a, uint8_t *p)
{
	wire_put64(p, a->offset);
	wire_put32(p + 8, a->region);
	wire_put32(p + 12, a->count);
}

/* DMA_READ and DMA_WRITE. */
struct wire_dma_access {
	uint64_t address;
	uint64_t count;
};

void wire_dma_access_read(struct wire_dma_access *a, const uint8_t *p);
void wire_dma_access_write(const struct wire_dma_access *a, uint8_t *p);

struct wire_dma_map {
	uint32_t argsz;
	uint32_t flags; /* enum pcg_dma_flags */
	uint64_t offset;
	uint64_t iova;
	uint64_t size;
};

void wire_dma_map_read(struct wire_dma_map *m, const uint8_t *p);
void wire_dma_map_write(const struct wire_dma_map *m, uint8_t *p);

struct wire_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova;
	uint64_t size;
};

void wire_dma_unmap_read(struct wire_dma_unmap *u, const uint8_t *p);
void wire_dma_unmap_write(const struct wire_dma_unmap *u, uint8_t *p);

struct wire_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t regions;
	uint32_t irqs;
};

void wire_info_read(struct wire_info *i, const uint8_t *p);
void wire_info_write(const struct wire_info *i, uint8_t *p);

struct wire_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset; /* where the region starts in the descriptor */
};

void wire_region_info_read(struct wire_region_info *r, const uint8_t *p);
void wire_region_info_write(const struct wire_region_info *r, uint8_t *p);

/* The header of a sparse mmap capability that is the last of its chain; areas follow. */
void wire_sparse_header_write(uint32_t areas, uint8_t *p);
void wire_sparse_area_write(uint64_t offset, uint64_t size, uint8_t *p);

/* GET_IRQ_INFO. */
struct wire_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

void wire_irq_info_read(struct wire_irq_info *i, const uint8_t *p);
void wire_irq_info_write(const struct wire_irq_info *i, uint8_t *p);

struct wire_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
};

void wire_irq_set_read(struct wire_irq_set *s, const uint8_t *p);
void wire_irq_set_write(const struct wire_irq_set *s, uint8_t *p);

/* One entry of REGION_WRITE_MULTI; its data follow at offset 16. */
struct wire_multi_entry {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

void wire_multi_entry_read(struct wire_multi_entry *e, const uint8_t *p);
void wire_multi_entry_write(const struct wire_multi_entry *e, uint8_t *p);

#endif
