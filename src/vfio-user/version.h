/* SPDX-License-Identifier: BSD-3-Clause */
/* The VERSION message: two numbers and, if the sender likes, a JSON object. */
#ifndef VFIO_USER_VERSION_H
#define VFIO_USER_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the other side can take; its defaults where it said nothing. */
struct version {
	uint16_t major;
	uint16_t minor;
	uint32_t max_msg_fds;
	uint64_t max_data_xfer_size;
	uint64_t max_dma_maps;
	uint64_t pgsizes; /* bit mask */
	bool write_multiple;
};

/* Longest JSON text looked at, its NUL included, and how deep it may nest. */
#define VERSION_JSON_MAX   16384
#define VERSION_JSON_DEPTH 64

/*
 * Read a VERSION payload. @why: set to a constant sentence when it is refused.
 * Return: 0; -EINVAL (shorter than its numbers, no NUL, no JSON object, a known key with a value that is no number);
 * -E2BIG (longer than VERSION_JSON_MAX).
 */
int version_read(struct version *version, const uint8_t *bytes, size_t size, const char **why);

/* What we say: version 0.0 and exactly what QEMU 11 takes without a murmur. Return: bytes used, 0 if @size is short. */
size_t version_write(uint8_t *bytes, size_t size);

#endif
