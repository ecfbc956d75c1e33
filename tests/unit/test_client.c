/* SPDX-License-Identifier: BSD-3-Clause */
/* The client library: what goes over the wire for each call, against a server that is played here. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

#define LONG         5000
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct peer *peer_new(void **state)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	assert_non_null(peer);
	peer->json = "{}";
	*state = peer;
	return peer;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* --- VERSION --- */

static void limits_that_nobody_stated(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	const struct pcg_client_limits *limits;

	assert_int_equal(peer_start(peer, &client, LONG), 0);
	limits = pcg_client_limits(client);
	assert_int_equal(limits->max_msg_fds, 8);
	assert_int_equal(limits->max_data_xfer_size, 1048576);
	assert_int_equal(limits->max_dma_maps, 65535);
	assert_int_equal(limits->pgsizes, 4096);
	assert_false(limits->write_multiple);
	peer_stop(peer, client);
}

static void limits_of_the_server(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	const struct pcg_client_limits *limits;

	peer->json = "{\"capabilities\":{\"max_msg_fds\":3,\"max_data_xfer_size\":100,\"max_dma_maps\":7,"
		     "\"pgsizes\":2097152,\"write_multiple\":true}}";
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	limits = pcg_client_limits(client);
	assert_int_equal(limits->max_msg_fds, 3);
	assert_int_equal(limits->max_data_xfer_size, 100);
	assert_int_equal(limits->max_dma_maps, 7);
	assert_int_equal(limits->pgsizes, 2097152);
	assert_true(limits->write_multiple);
	peer_stop(peer, client);
}

/* --- regions --- */

static void registers_are_little_endian(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	for (uint8_t i = 0; i < 16; i++)
		peer->bar0[i] = (uint8_t)(i + 1);
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_read8(client, 0, 3, &v8), 0);
	assert_int_equal(v8, 4);
	assert_int_equal(pcg_client_read16(client, 0, 2, &v16), 0);
	assert_int_equal(v16, 0x0403);
	assert_int_equal(pcg_client_read32(client, 0, 4, &v32), 0);
	assert_int_equal(v32, 0x08070605);
	assert_int_equal(pcg_client_read64(client, 0, 8, &v64), 0);
	assert_true(v64 == UINT64_C(0x100f0e0d0c0b0a09));
	assert_int_equal(pcg_client_write16(client, 0, 0x20, 0x1234), 0);
	assert_int_equal(pcg_client_write64(client, 0, 0x28, UINT64_C(0x1122334455667788)), 0);
	assert_int_equal(pcg_client_post32(client, 0, 0x30, 0xcafef00d), 0);
	assert_int_equal(pcg_client_read32(client, 0, 0x30, &v32), 0);
	assert_int_equal(v32, 0xcafef00d);
	peer_stop(peer, client);
	assert_memory_equal(peer->bar0 + 0x20, "\x34\x12\0", 3);
	assert_memory_equal(peer->bar0 + 0x28, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(wire_get32(peer->seen[i].body + 12), 1u << i);
	assert_int_equal(peer->seen[6].header.flags, WIRE_NO_REPLY);
	assert_int_equal(peer->notes, 0);
}

static void bulk_goes_in_whole_registers(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	uint8_t data[40], back[40];

	peer->json = "{\"capabilities\":{\"max_data_xfer_size\":20}}";
	for (uint8_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 3);
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_write(client, 0, 8, data, sizeof(data)), 0);
	assert_int_equal(pcg_client_read(client, 0, 8, back, sizeof(back)), 0);
	peer_stop(peer, client);
	assert_memory_equal(back, data, sizeof(data));
	assert_int_equal(peer->nseen, 6);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(wire_get64(peer->seen[i].body), 8 + 16 * (i % 3));
		assert_int_equal(wire_get32(peer->seen[i].body + 12), i % 3 == 2 ? 8 : 16);
	}
}

static void a_register_is_never_split(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	uint32_t value;

	peer->json = "{\"capabilities\":{\"max_data_xfer_size\":2}}";
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_read32(client, 0, 0, &value), -E2BIG);
	assert_int_equal(pcg_client_write32(client, 0, 0, 1), -E2BIG);
	peer_stop(peer, client);
	assert_int_equal(peer->nseen, 0);
	assert_int_equal(peer->notes, 2);
}

static void nothing_and_too_much_are_not_asked_for(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	uint8_t data[2] = { 0 };

	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_read(client, 0, 0, data, 0), -EINVAL);
	assert_int_equal(pcg_client_write(client, 0, UINT64_MAX, data, 2), -EINVAL);
	assert_int_equal(pcg_client_irq_enable(client, PCG_IRQ_MSIX, 0, 0, NULL), -EINVAL);
	assert_int_equal(pcg_client_irq_enable(client, PCG_IRQ_MSIX, 2047, 2, NULL), -EINVAL);
	assert_int_equal(pcg_client_irq_enable(client, PCG_NUM_IRQS, 0, 1, NULL), -EINVAL);
	assert_int_equal(pcg_client_irq_trigger(client, PCG_IRQ_MSI, 0, 0), -EINVAL);
	assert_int_equal(pcg_client_dma_map(client, 0, 0, 3, -1, 0), -EINVAL);
	assert_int_equal(pcg_client_dma_map(client, 1, 4096, 3, -1, 0), -EINVAL);
	assert_int_equal(pcg_client_dma_map(client, 0, 4097, 3, -1, 0), -EINVAL);
	assert_int_equal(pcg_client_dma_map(client, UINT64_MAX - 4095, 8192, 3, -1, 0), -EINVAL);
	assert_int_equal(pcg_client_dead(client), 0);
	peer_stop(peer, client);
	assert_int_equal(peer->nseen, 0);
	assert_int_equal(peer->notes, 10);
}

static void a_register_is_waited_for(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	uint32_t value = 0;

	pcg_put32(peer->bar0, 0x105);
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_poll32(client, 0, 0, 0x7, 0x5, 0, &value), 0);
	assert_int_equal(value, 0x105);
	assert_int_equal(pcg_client_poll32(client, 0, 0, 0x7, 0x4, 5, &value), -ETIMEDOUT);
	assert_non_null(strstr(peer->note, "region 0 at 0x0: still 0x105"));
	assert_int_equal(pcg_client_dead(client), 0);
	peer_stop(peer, client);
}

/* A region in two pieces, asked for in full when it did not fit. */
static void step_sparse(struct peer *peer, const struct peer_message *message)
{
	const struct wire_header header = { .id = message->header.id,
					    .command = message->header.command,
					    .flags = WIRE_REPLY };
	uint8_t body[WIRE_REGION_INFO_SIZE + WIRE_SPARSE_HEADER + 2 * WIRE_SPARSE_AREA];
	struct wire_region_info info = { .argsz = sizeof(body),
					 .flags = PCG_REGION_READ | PCG_REGION_WRITE | PCG_REGION_MMAP |
						  WIRE_REGION_CAPS,
					 .index = 2,
					 .cap_offset = WIRE_REGION_INFO_SIZE,
					 .size = 0x10000,
					 .offset = 0x1000 };
	bool fits = wire_get32(message->body) >= sizeof(body);

	wire_region_info_write(&info, body);
	wire_sparse_header_write(2, body + WIRE_REGION_INFO_SIZE);
	wire_sparse_area_write(0, 0x1000, body + WIRE_REGION_INFO_SIZE + WIRE_SPARSE_HEADER);
	wire_sparse_area_write(0x4000, 0x2000, body + WIRE_REGION_INFO_SIZE + WIRE_SPARSE_HEADER + WIRE_SPARSE_AREA);
	peer_send(peer, header, body, fits ? sizeof(body) : WIRE_REGION_INFO_SIZE, peer->arg, fits ? peer->narg : 0);
}

/* As some servers have it: a descriptor for each area. */
static void each_area_may_have_a_file(void **state)
{
	static const peer_step steps[] = { step_sparse, step_sparse };
	struct peer *peer = peer_new(state);
	struct pcg_client_region region;
	struct pcg_client *client;
	int before = peer_lowest_fd(), fds[2];
	void *p;

	for (int i = 0; i < 2; i++) {
		fds[i] = memfd_create("test", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fds[i], 0x7000), 0);
		assert_int_equal(pwrite(fds[i], i == 0 ? "first" : "other", 5, i == 0 ? 0x1000 : 0x5000), 5);
	}
	peer->steps = steps;
	peer->nsteps = COUNT(steps);
	peer->arg = fds;
	peer->narg = 2;
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_region_init(client, 2, &region), 0);
	assert_int_equal(region.nfds, 2);
	assert_int_equal(pcg_client_region_map(client, &region, 0, 0x1000, &p), 0);
	assert_memory_equal(p, "first", 5);
	munmap(p, 0x1000);
	assert_int_equal(pcg_client_region_map(client, &region, 0x4000, 0x1000, &p), 0);
	pcg_client_region_finish(&region);
	assert_memory_equal(p, "other", 5); /* what is mapped stays */
	munmap(p, 0x1000);
	peer_stop(peer, client);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(peer_lowest_fd(), before);
}

static void a_region_in_pieces_is_mapped(void **state)
{
	static const peer_step steps[] = { step_sparse, step_sparse };
	struct peer *peer = peer_new(state);
	struct pcg_client_region region;
	struct pcg_client *client;
	int before = peer_lowest_fd(), fd = memfd_create("test", MFD_CLOEXEC);
	void *p;

	assert_int_equal(ftruncate(fd, 0x7000), 0);
	assert_int_equal(pwrite(fd, "piece", 5, 0x6000), 5);
	peer->steps = steps;
	peer->nsteps = COUNT(steps);
	peer->arg = &fd;
	peer->narg = 1;
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_region_init(client, 2, &region), 0);
	assert_int_equal(region.size, 0x10000);
	assert_int_equal(region.flags, PCG_REGION_READ | PCG_REGION_WRITE | PCG_REGION_MMAP);
	assert_int_equal(region.nareas, 2);
	assert_int_equal(region.areas[1].offset, 0x4000);
	assert_int_equal(region.areas[1].size, 0x2000);

	assert_int_equal(pcg_client_region_map(client, &region, 0x5000, 0x1000, &p), 0);
	assert_memory_equal(p, "piece", 5);
	munmap(p, 0x1000);
	assert_int_equal(pcg_client_region_map(client, &region, 0x1000, 0x1000, &p), -EOPNOTSUPP);
	assert_null(p);
	assert_int_equal(pcg_client_region_map(client, &region, 0x5000, 0x2000, &p), -EOPNOTSUPP);
	assert_int_equal(pcg_client_region_map(client, &region, 0x4010, 0x10, &p), -EINVAL);
	assert_int_equal(pcg_client_region_map(client, &region, 0x4000, 0, &p), -EINVAL);
	assert_int_equal(ftruncate(fd, 0x6000), 0);
	assert_int_equal(pcg_client_region_map(client, &region, 0x5000, 0x1000, &p), -EPROTO);
	pcg_client_region_finish(&region);
	pcg_client_region_finish(&region); /* once is enough, twice is fine */
	peer_stop(peer, client);
	close(fd);
	assert_int_equal(peer_lowest_fd(), before);
}

/* --- configuration space --- */

/* MSI at 50h, MSI-X at 60h with its table in BAR 0 at 100h. */
static void config_of_a_function(struct peer *peer)
{
	pcg_put32(peer->config, 0x56781234);
	pcg_put16(peer->config + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	peer->config[PCG_CAPABILITIES] = 0x50;
	pcg_put32(peer->config + 0x50, 0x00866005);
	pcg_put32(peer->config + 0x60, 0x00070011);
	pcg_put32(peer->config + 0x64, 0x00000100);
	memset(peer->bar0 + 0x100, 0xff, 128);
}

static void capabilities_are_found(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	struct pcg_cap cap;

	config_of_a_function(peer);
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_find(client, PCG_CAP_MSIX, false, &cap), 0);
	assert_int_equal(cap.offset, 0x60);
	assert_int_equal(pcg_client_find(client, PCG_CAP_EXP, false, &cap), -ENOENT);
	assert_int_equal(pcg_client_find(client, PCG_ECAP_AER, true, &cap), -ENOENT);
	assert_int_equal(peer->notes, 0);
	peer_stop(peer, client);
}

static void msix_is_enabled_and_unmasked(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	int before = peer_lowest_fd();

	config_of_a_function(peer);
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_msi_start(client, PCG_IRQ_MSIX, 2), 0);
	assert_int_equal(pcg_get16(peer->config + 0x62), 0x8007);
	assert_int_equal(pcg_get32(peer->bar0 + 0x10c), 0);
	assert_int_equal(pcg_get32(peer->bar0 + 0x11c), 0);
	assert_int_equal(pcg_get32(peer->bar0 + 0x12c), 0xffffffff);
	assert_true(pcg_client_irq_fd(client, PCG_IRQ_MSIX, 1) >= 0);
	assert_int_equal(pcg_client_msi_stop(client, PCG_IRQ_MSIX), 0);
	assert_int_equal(pcg_get16(peer->config + 0x62), 0x0007);
	assert_int_equal(pcg_client_irq_fd(client, PCG_IRQ_MSIX, 1), -1);
	peer_stop(peer, client);
	assert_int_equal(peer_lowest_fd(), before);
}

static void msi_is_enabled_for_as_many(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;

	config_of_a_function(peer);
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_msi_start(client, PCG_IRQ_MSI, 4), 0);
	assert_int_equal(pcg_get16(peer->config + 0x52), 0x00a7);
	assert_int_equal(pcg_client_msi_start(client, PCG_IRQ_MSI, 3), -EINVAL);
	assert_int_equal(pcg_client_msi_start(client, PCG_IRQ_MSI, 16), -EINVAL);
	assert_int_equal(pcg_client_msi_start(client, PCG_IRQ_INTX, 1), -EINVAL);
	peer_stop(peer, client);
}

/* --- memory --- */

static void a_buffer_is_shared_and_sealed(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client_buffer buffer;
	struct pcg_client *client;
	int before = peer_lowest_fd();
	char seen[6] = "";

	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_buffer_init(client, 0x10000, 5000, &buffer), 0);
	assert_true(buffer.size >= 8192);
	memcpy((uint8_t *)buffer.address + 4096, "hello", 5);
	assert_int_equal(pread(peer->seen[0].fds[0], seen, 5, 4096), 5);
	assert_string_equal(seen, "hello");
	assert_int_equal(ftruncate(peer->seen[0].fds[0], 0), -1);
	assert_int_equal(pcg_client_buffer_finish(client, &buffer), 0);
	assert_int_equal(pcg_client_buffer_finish(client, &buffer), 0);
	peer_stop(peer, client);
	assert_int_equal(peer->nseen, 2);
	assert_int_equal(peer->seen[0].header.command, WIRE_DMA_MAP);
	assert_int_equal(wire_get32(peer->seen[0].body + 4), 3);
	assert_int_equal(wire_get64(peer->seen[0].body + 16), 0x10000);
	assert_int_equal(peer->seen[1].header.command, WIRE_DMA_UNMAP);
	assert_int_equal(peer_lowest_fd(), before);
}

static void step_eexist(struct peer *peer, const struct peer_message *message)
{
	peer_refuse(peer, message, EEXIST);
}

static void a_buffer_that_is_refused_is_freed(void **state)
{
	static const peer_step steps[] = { step_eexist };
	struct pcg_client_buffer buffer, zero = { 0 };
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	int before = peer_lowest_fd();

	peer->steps = steps;
	peer->nsteps = 1;
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_buffer_init(client, 0, 4096, &buffer), -EEXIST);
	assert_null(buffer.address);
	assert_int_equal(pcg_client_buffer_init(client, 0, SIZE_MAX, &buffer), -EINVAL);
	assert_int_equal(pcg_client_buffer_finish(client, &zero), 0);
	assert_true(fcntl(0, F_GETFD) >= 0);
	peer_stop(peer, client);
	assert_int_equal(peer_lowest_fd(), before);
}

/* --- interrupts --- */

static void vectors_go_in_pieces(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	int fd = eventfd(0, 0), fds[] = { fd, fd, fd, -1, -1, -1, fd };
	static const unsigned int want[][3] = { { 4, 2, 2 }, { 6, 1, 1 }, { 7, 3, 0 }, { 10, 1, 1 } };

	peer->json = "{\"capabilities\":{\"max_msg_fds\":2}}";
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_irq_enable(client, PCG_IRQ_MSIX, 4, 7, fds), 0);
	peer_stop(peer, client);
	close(fd);
	assert_int_equal(peer->nseen, COUNT(want));
	for (unsigned int i = 0; i < COUNT(want); i++) {
		assert_int_equal(wire_get32(peer->seen[i].body + 4), WIRE_IRQ_FDS | WIRE_IRQ_TRIGGER);
		assert_int_equal(wire_get32(peer->seen[i].body + 12), want[i][0]);
		assert_int_equal(wire_get32(peer->seen[i].body + 16), want[i][1]);
		assert_int_equal(peer->seen[i].nfds, want[i][2]);
	}
}

static void an_interrupt_is_waited_for(void **state)
{
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	/* The same in either byte order: an emulator swaps what is read, but not what is written to a descriptor passed
	 * on. */
	uint64_t n = 0, three = 0x0300000000000003;
	int before = peer_lowest_fd();

	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_irq_enable(client, PCG_IRQ_MSI, 0, 2, NULL), 0);
	assert_int_equal(pcg_client_irq_wait(client, PCG_IRQ_MSI, 1, 1, &n), -ETIMEDOUT);
	assert_int_equal(write(peer->seen[0].fds[1], &three, 8), 8);
	assert_int_equal(pcg_client_irq_wait(client, PCG_IRQ_MSI, 0, 0, &n), -ETIMEDOUT);
	assert_int_equal(peer->notes, 0);
	assert_int_equal(pcg_client_irq_wait(client, PCG_IRQ_MSI, 1, LONG, &n), 0);
	assert_true(n == three);
	assert_int_equal(pcg_client_irq_wait(client, PCG_IRQ_MSI, 2, 0, &n), -EINVAL);
	assert_int_equal(pcg_client_irq_disable(client, PCG_IRQ_MSI), 0);
	assert_int_equal(pcg_client_irq_wait(client, PCG_IRQ_MSI, 1, 0, &n), -EINVAL);
	peer_stop(peer, client);
	assert_int_equal(peer_lowest_fd(), before);
}

static void intx_messages(void **state)
{
	static const uint32_t flags[] = {
		WIRE_IRQ_FDS | WIRE_IRQ_UNMASK,   WIRE_IRQ_NONE | WIRE_IRQ_MASK,    WIRE_IRQ_NONE | WIRE_IRQ_UNMASK,
		WIRE_IRQ_NONE | WIRE_IRQ_TRIGGER, WIRE_IRQ_NONE | WIRE_IRQ_TRIGGER,
	};
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	int fd = eventfd(0, 0);

	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_intx_resample(client, fd), 0);
	assert_int_equal(pcg_client_irq_mask(client, PCG_IRQ_INTX, 0, 1), 0);
	assert_int_equal(pcg_client_irq_unmask(client, PCG_IRQ_INTX, 0, 1), 0);
	assert_int_equal(pcg_client_irq_trigger(client, PCG_IRQ_INTX, 0, 1), 0);
	assert_int_equal(pcg_client_irq_disable(client, PCG_IRQ_INTX), 0);
	peer_stop(peer, client);
	close(fd);
	for (unsigned int i = 0; i < COUNT(flags); i++) {
		assert_int_equal(wire_get32(peer->seen[i].body + 4), flags[i]);
		assert_int_equal(wire_get32(peer->seen[i].body + 16), i < 4 ? 1 : 0);
		assert_int_equal(peer->seen[i].nfds, i == 0 ? 1 : 0);
	}
}

/* --- features --- */

static void step_feature(struct peer *peer, const struct peer_message *message)
{
	uint8_t body[12];

	memcpy(body, message->body, 8);
	wire_put32(body, sizeof(body));
	memcpy(body + 8, "pong", 4);
	peer_reply(peer, message, body, (wire_get32(body + 4) & PCG_CLIENT_FEATURE_GET) != 0 ? 12 : 8);
}

static void features_with_any_payload(void **state)
{
	static const peer_step steps[] = { step_feature, step_feature, step_feature, step_feature };
	struct peer *peer = peer_new(state);
	struct pcg_client *client;
	char data[5] = "ping";
	char small[2];
	struct pcg_client_feature feature = { .flags = 9 | PCG_CLIENT_FEATURE_GET,
					      .answer = small,
					      .room = sizeof(small) };

	peer->steps = steps;
	peer->nsteps = COUNT(steps);
	assert_int_equal(peer_start(peer, &client, LONG), 0);
	assert_int_equal(pcg_client_feature_probe(client, 0x1234, 0), 0);
	assert_int_equal(pcg_client_feature_set(client, 7, data, 4), 0);
	assert_int_equal(pcg_client_feature_get(client, 8, data, 4), 0);
	assert_string_equal(data, "pong");
	assert_int_equal(pcg_client_feature(client, &feature), -E2BIG);
	assert_int_equal(feature.length, 4);
	feature.flags |= PCG_CLIENT_FEATURE_SET;
	assert_int_equal(pcg_client_feature(client, &feature), -EINVAL);
	peer_stop(peer, client);
	assert_int_equal(peer->nseen, 4);
	assert_int_equal(wire_get32(peer->seen[0].body), 8);
	assert_int_equal(wire_get32(peer->seen[0].body + 4), 0x1234 | PCG_CLIENT_FEATURE_PROBE);
	assert_int_equal(wire_get32(peer->seen[1].body), 12);
	assert_int_equal(wire_get32(peer->seen[1].body + 4), 7 | PCG_CLIENT_FEATURE_SET);
	assert_memory_equal(peer->seen[1].body + 8, "ping", 4);
	assert_memory_equal(peer->seen[2].body + 8, "ping", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(limits_that_nobody_stated, teardown),
		cmocka_unit_test_teardown(limits_of_the_server, teardown),
		cmocka_unit_test_teardown(registers_are_little_endian, teardown),
		cmocka_unit_test_teardown(bulk_goes_in_whole_registers, teardown),
		cmocka_unit_test_teardown(a_register_is_never_split, teardown),
		cmocka_unit_test_teardown(nothing_and_too_much_are_not_asked_for, teardown),
		cmocka_unit_test_teardown(a_register_is_waited_for, teardown),
		cmocka_unit_test_teardown(a_region_in_pieces_is_mapped, teardown),
		cmocka_unit_test_teardown(each_area_may_have_a_file, teardown),
		cmocka_unit_test_teardown(capabilities_are_found, teardown),
		cmocka_unit_test_teardown(msix_is_enabled_and_unmasked, teardown),
		cmocka_unit_test_teardown(msi_is_enabled_for_as_many, teardown),
		cmocka_unit_test_teardown(a_buffer_is_shared_and_sealed, teardown),
		cmocka_unit_test_teardown(a_buffer_that_is_refused_is_freed, teardown),
		cmocka_unit_test_teardown(vectors_go_in_pieces, teardown),
		cmocka_unit_test_teardown(an_interrupt_is_waited_for, teardown),
		cmocka_unit_test_teardown(intx_messages, teardown),
		cmocka_unit_test_teardown(features_with_any_payload, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
