/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages in and out of bytes, and VERSION texts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vfio-user/version.h"
#include "vfio-user/wire.h"

/* --- layouts: written with one set of offsets, looked at with another --- */

static void header_layout(void **state)
{
	const struct wire_header out = { .id = 0x0102, .command = 0x0304, .size = 5, .flags = 6, .error = 7 };
	struct {
		uint16_t id, command;
		uint32_t size, flags, error;
	} bytes;
	struct wire_header in;

	(void)state;
	assert_int_equal(sizeof(bytes), WIRE_HEADER);
	wire_header_write(&out, (uint8_t *)&bytes);
	assert_int_equal(bytes.id, 0x0102);
	assert_int_equal(bytes.command, 0x0304);
	assert_int_equal(bytes.size, 5);
	assert_int_equal(bytes.flags, 6);
	assert_int_equal(bytes.error, 7);
	wire_header_read(&in, (uint8_t *)&bytes);
	assert_memory_equal(&in, &out, sizeof(in));
}

static void unaligned_bytes_are_fine(void **state)
{
	const struct wire_access out = { .offset = 0x1122334455667788u, .region = 9, .count = 0xfffffffeu };
	uint8_t bytes[WIRE_ACCESS_SIZE + 1];
	struct wire_access in;

	(void)state;
	wire_access_write(&out, bytes + 1);
	wire_access_read(&in, bytes + 1);
	assert_memory_equal(&in, &out, sizeof(in));
}

static void dma_layouts(void **state)
{
	const struct wire_dma_map map = { .argsz = 1, .flags = 2, .offset = 3, .iova = 4, .size = 5 };
	const struct wire_dma_unmap unmap = { .argsz = 6, .flags = 7, .iova = 8, .size = 9 };
	const struct wire_dma_access access = { .address = 10, .count = 11 };
	uint8_t bytes[WIRE_DMA_MAP_SIZE];
	struct wire_dma_map map_in;
	struct wire_dma_unmap unmap_in;
	struct wire_dma_access access_in;

	(void)state;
	wire_dma_map_write(&map, bytes);
	assert_int_equal(wire_get64(bytes + 8), 3);
	assert_int_equal(wire_get64(bytes + 16), 4);
	assert_int_equal(wire_get64(bytes + 24), 5);
	wire_dma_map_read(&map_in, bytes);
	assert_memory_equal(&map_in, &map, sizeof(map));

	wire_dma_unmap_write(&unmap, bytes);
	assert_int_equal(wire_get64(bytes + 8), 8);
	assert_int_equal(wire_get64(bytes + 16), 9);
	wire_dma_unmap_read(&unmap_in, bytes);
	assert_memory_equal(&unmap_in, &unmap, sizeof(unmap));

	wire_dma_access_write(&access, bytes);
	assert_int_equal(wire_get64(bytes), 10);
	wire_dma_access_read(&access_in, bytes);
	assert_memory_equal(&access_in, &access, sizeof(access));
}

static void info_layouts(void **state)
{
	const struct wire_info info = { .argsz = 1, .flags = 2, .regions = 3, .irqs = 4 };
	const struct wire_region_info region = {
		.argsz = 1, .flags = 2, .index = 3, .cap_offset = 4, .size = 5, .offset = 6
	};
	const struct wire_irq_info irq = { .argsz = 1, .flags = 2, .index = 3, .count = 4 };
	const struct wire_irq_set set = { .argsz = 1, .flags = 2, .index = 3, .start = 4, .count = 5 };
	uint8_t bytes[WIRE_REGION_INFO_SIZE];
	struct wire_info info_in;
	struct wire_region_info region_in;
	struct wire_irq_info irq_in;
	struct wire_irq_set set_in;

	(void)state;
	wire_info_write(&info, bytes);
	assert_int_equal(wire_get32(bytes + 12), 4);
	wire_info_read(&info_in, bytes);
	assert_memory_equal(&info_in, &info, sizeof(info));
	wire_region_info_write(&region, bytes);
	assert_int_equal(wire_get32(bytes + 12), 4);
	assert_int_equal(wire_get64(bytes + 16), 5);
	assert_int_equal(wire_get64(bytes + 24), 6);
	wire_region_info_read(&region_in, bytes);
	assert_memory_equal(&region_in, &region, sizeof(region));
	wire_irq_info_write(&irq, bytes);
	wire_irq_info_read(&irq_in, bytes);
	assert_memory_equal(&irq_in, &irq, sizeof(irq));
	wire_irq_set_write(&set, bytes);
	assert_int_equal(wire_get32(bytes + 8), 3);
	assert_int_equal(wire_get32(bytes + 12), 4);
	wire_irq_set_read(&set_in, bytes);
	assert_memory_equal(&set_in, &set, sizeof(set));
}

/* --- VERSION --- */

static int read_text(struct version *version, const char *text, size_t size)
{
	uint8_t *bytes = calloc(1, WIRE_VERSION_FIXED + size); /* exact, for the sanitizer to watch */
	const char *why = NULL;
	int r;

	assert_non_null(bytes);
	memcpy(bytes + WIRE_VERSION_FIXED, text, size);
	r = version_read(version, bytes, WIRE_VERSION_FIXED + size, &why);
	if (r != 0)
		assert_non_null(why);
	free(bytes);
	return r;
}

static void version_defaults(void **state)
{
	struct version version;

	(void)state;
	assert_int_equal(read_text(&version, "", 0), 0);
	assert_int_equal(version.max_msg_fds, 8);
	assert_int_equal(version.max_data_xfer_size, 1048576);
	assert_int_equal(version.max_dma_maps, 65535);
	assert_int_equal(read_text(&version, "{}", 3), 0);
	assert_int_equal(version.max_msg_fds, 8);
}

static void version_numbers(void **state)
{
	static const char text[] = "{\"capabilities\":{\"max_msg_fds\":99999999999,\"max_data_xfer_size\":7,"
				   "\"max_dma_maps\":0}} \n";
	struct version version;

	(void)state;
	assert_int_equal(read_text(&version, text, sizeof(text)), 0);
	assert_true(version.max_msg_fds == UINT32_MAX);
	assert_int_equal(version.max_data_xfer_size, 7);
	assert_int_equal(version.max_dma_maps, 0);
}

static void version_texts_refused(void **state)
{
	static const char *const texts[] = {
		"{",
		"[]",
		"1",
		"null",
		"{}{}",
		"{} x",
		"{\"capabilities\":[]}",
		"{\"capabilities\":{\"max_dma_maps\":-1}}",
		"{\"capabilities\":{\"max_data_xfer_size\":1.5}}",
		"{\"a\":\x01}",
	};
	struct version version;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(read_text(&version, texts[i], strlen(texts[i]) + 1), -EINVAL);
	assert_int_equal(read_text(&version, "{}", 2), -EINVAL); /* no NUL */
}

static void version_is_bounded(void **state)
{
	static char deep[VERSION_JSON_MAX + 2];
	struct version version;

	(void)state;
	for (size_t i = 0; i < VERSION_JSON_DEPTH + 10; i++)
		memcpy(deep + i * 5, "{\"a\":", 5);
	assert_int_equal(read_text(&version, deep, (VERSION_JSON_DEPTH + 10) * 5 + 1), -EINVAL);
	memset(deep, ' ', sizeof(deep));
	assert_int_equal(read_text(&version, deep, sizeof(deep)), -E2BIG);
}

static void version_of_ours_reads_back(void **state)
{
	uint8_t bytes[256];
	struct version version;
	const char *why;
	size_t size = version_write(bytes, sizeof(bytes));

	(void)state;
	assert_true(size > WIRE_VERSION_FIXED);
	assert_int_equal(bytes[size - 1], 0);
	assert_int_equal(version_read(&version, bytes, size, &why), 0);
	assert_int_equal(version.max_msg_fds, WIRE_MAX_FDS);
	assert_int_equal(version.max_dma_maps, WIRE_MAX_MAPS);
	for (size_t room = 0; room < size; room++)
		assert_int_equal(version_write(bytes, room), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_layout),
		cmocka_unit_test(unaligned_bytes_are_fine),
		cmocka_unit_test(dma_layouts),
		cmocka_unit_test(info_layouts),
		cmocka_unit_test(version_defaults),
		cmocka_unit_test(version_numbers),
		cmocka_unit_test(version_texts_refused),
		cmocka_unit_test(version_is_bounded),
		cmocka_unit_test(version_of_ours_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
