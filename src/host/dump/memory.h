/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory behind a recorded function's BARs: one sparse file of memory each, sealed to its size.
 *
 * A guest may write all of a BAR, so what all of them together may take is bounded (the option memory=, 256 MiB by
 * default). Pages that a client touches through a mapping cannot be counted as they come, so a BAR can be mapped
 * only if it is small: at most a quarter of the bound each, three quarters all together. The others are reached by
 * messages, and what is written once their share is used up is dropped, which a note says once.
 */
#ifndef HOST_DUMP_MEMORY_H
#define HOST_DUMP_MEMORY_H

#include <pcigate/host.h>

#define DUMP_MEMORY_DEFAULT (UINT64_C(256) << 20)
#define DUMP_MEMORY_MIN     (UINT64_C(1) << 20)
#define DUMP_MEMORY_MAX     (UINT64_C(1) << 40)

/** The BARs, then the ROM. */
#define DUMP_AREAS (PCG_NUM_BARS + 1)

/** struct dump_memory - the memory of one function */
struct dump_memory {
	int fds[DUMP_AREAS];
	uint64_t sizes[DUMP_AREAS];
	bool bounded[DUMP_AREAS]; /* not mapped: pages are counted */
	uint64_t left;            /* what the bounded ones may take together */
	uint64_t page;
	bool said;
	const struct pcg_log *log;
};

/** dump_memory_init() - nothing yet; dump_memory_finish() is due from now on */
void dump_memory_init(struct dump_memory *memory, const struct pcg_log *log);

/**
 * dump_memory_add() - make the memory that @info->bars and @info->rom ask for
 * @info: its regions are filled in
 * @bound: what all may take
 * @image: what the ROM holds, @image_size bytes; may be NULL
 *
 * Return: 0 or a negative errno after a note.
 */
int dump_memory_add(struct dump_memory *memory, struct pcg_host_info *info, uint64_t bound, const uint8_t *image,
		    size_t image_size);

/** dump_memory_finish() - close all */
void dump_memory_finish(struct dump_memory *memory);

/** dump_memory_clear() - the BARs read as zero again */
void dump_memory_clear(struct dump_memory *memory);

/**
 * dump_memory_renew() - memory that no client has yet in place of what @info handed out; all zero
 *
 * Return: 0 or a negative errno after a note.
 */
int dump_memory_renew(struct dump_memory *memory, struct pcg_host_info *info);

/* 0, or -EINVAL outside the region, or what the system says. */
int dump_memory_read(const struct dump_memory *memory, unsigned int area, uint64_t offset, void *data, size_t length);
int dump_memory_write(struct dump_memory *memory, unsigned int area, uint64_t offset, const void *data, size_t length);

#endif
