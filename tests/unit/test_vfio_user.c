/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages in and out of bytes, VERSION texts, and the client against a server that is played here. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vfio-user/client.h"
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

/* --- the client --- */

struct play {
	int fd;
	const uint8_t *answer; /* sent as soon as a message has come */
	size_t size;
	int send_fd;
	bool close_early;
};

static void *play_server(void *arg)
{
	struct play *play = arg;
	uint8_t buffer[4096];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)play->answer, play->size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (recv(play->fd, buffer, sizeof(buffer), 0) <= 0)
		return NULL;
	if (play->send_fd >= 0) {
		int fds[2] = { play->send_fd, play->send_fd };

		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(&control.align), fds, sizeof(fds));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	if (play->size > 0)
		sendmsg(play->fd, &message, MSG_NOSIGNAL);
	if (play->close_early)
		shutdown(play->fd, SHUT_RDWR);
	return NULL;
}

static int lowest_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* What client_irq_info() says when the server sends these bytes. */
static int told(const uint8_t *answer, size_t size, int send_fd)
{
	struct play play = { .answer = answer, .size = size, .send_fd = send_fd, .close_early = true };
	struct wire_irq_info info;
	struct client client;
	pthread_t thread;
	int pair[2], r, before = lowest_free_fd();

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	play.fd = pair[1];
	assert_int_equal(client_attach(&client, pair[0]), 0);
	assert_int_equal(pthread_create(&thread, NULL, play_server, &play), 0);
	r = client_irq_info(&client, 2, &info);
	pthread_join(thread, NULL);
	client_close(&client);
	close(pair[1]);
	assert_int_equal(lowest_free_fd(), before);
	return r;
}

static size_t answer(uint8_t *bytes, struct wire_header header, size_t body)
{
	memset(bytes, 0, WIRE_HEADER + body);
	if (header.size == 0)
		header.size = (uint32_t)(WIRE_HEADER + body);
	wire_header_write(&header, bytes);
	return WIRE_HEADER + body;
}

static void client_takes_a_good_answer(void **state)
{
	const struct wire_header good = { .command = WIRE_GET_IRQ_INFO, .flags = WIRE_REPLY };
	uint8_t bytes[64];

	(void)state;
	assert_int_equal(told(bytes, answer(bytes, good, WIRE_IRQ_INFO_SIZE), -1), 0);
	assert_int_equal(told(bytes, answer(bytes, good, WIRE_IRQ_INFO_SIZE), 0), 0); /* descriptors are closed */
}

static void client_survives_bad_answers(void **state)
{
	struct wire_header h = { .command = WIRE_GET_IRQ_INFO, .flags = WIRE_REPLY };
	uint8_t bytes[64];

	(void)state;
	assert_int_equal(told(bytes, answer(bytes, h, WIRE_IRQ_INFO_SIZE - 1), -1), -EPROTO);
	h.size = 15;
	assert_int_equal(told(bytes, answer(bytes, h, 16), -1), -EPROTO);
	h.size = UINT32_MAX;
	assert_int_equal(told(bytes, answer(bytes, h, 16), 0), -EPROTO);
	h.size = 48;
	assert_int_equal(told(bytes, answer(bytes, h, 16), -1), -ENOTCONN);
	h.size = 0;
	h.id = 1;
	assert_int_equal(told(bytes, answer(bytes, h, 16), -1), -EPROTO);
	h.id = 0;
	h.command = WIRE_GET_INFO;
	assert_int_equal(told(bytes, answer(bytes, h, 16), -1), -EPROTO);
	assert_int_equal(told(bytes, 7, -1), -ENOTCONN);
	assert_int_equal(told(bytes, 0, -1), -ENOTCONN);
}

static void client_passes_errors_on(void **state)
{
	struct wire_header h = { .command = WIRE_GET_IRQ_INFO, .flags = WIRE_REPLY | WIRE_ERROR, .error = EBUSY };
	uint8_t bytes[64];

	(void)state;
	assert_int_equal(told(bytes, answer(bytes, h, 0), -1), -EBUSY);
	h.error = 0;
	assert_int_equal(told(bytes, answer(bytes, h, 0), -1), -EIO);
	h.error = 0x80000000u;
	assert_int_equal(told(bytes, answer(bytes, h, 0), -1), -EIO);
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
		cmocka_unit_test(client_takes_a_good_answer),
		cmocka_unit_test(client_survives_bad_answers),
		cmocka_unit_test(client_passes_errors_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
