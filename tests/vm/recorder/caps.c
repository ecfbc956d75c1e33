/* SPDX-License-Identifier: BSD-3-Clause */
#include "caps.h"

size_t cap_find(const uint8_t *config, uint8_t id)
{
	size_t at = config[0x06] & 0x10 ? config[0x34] & 0xfcu : 0;
	int left;

	for (left = 48; at >= 0x40 && left > 0; left--) {
		if (config[at] == id)
			return at;
		at = config[at + 1] & 0xfcu;
	}
	return 0;
}

size_t ecap_find(const uint8_t *config, size_t size, uint16_t id)
{
	size_t at = 0x100;
	int left;

	for (left = 960; at >= 0x100 && at + 4 <= size && left > 0; left--) {
		if ((config[at] | config[at + 1] << 8) == id)
			return at;
		at = (size_t)(config[at + 2] >> 4 | config[at + 3] << 4) & 0xffcu;
	}
	return 0;
}
