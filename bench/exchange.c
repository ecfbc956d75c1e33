/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <pcigate/dma.h>
#include <pcigate/pci.h>

#include "bench.h"
#include "vfio-user/wire.h"

int target_failed(struct target *target, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(target->why, sizeof(target->why), format, args);
	va_end(args);
	return -1;
}

void exchange_build(struct exchange *x, uint16_t command, uint32_t flags, const void *body, size_t size,
		    size_t reply_body)
{
	struct wire_header header = { .command = command, .flags = flags, .size = (uint32_t)(WIRE_HEADER + size) };

	memset(x, 0, sizeof(*x));
	wire_header_write(&header, x->request);
	if (size > 0)
		memcpy(x->request + WIRE_HEADER, body, size);
	x->request_size = header.size;
	x->reply_size = (flags & WIRE_NO_REPLY) != 0 ? 0 : WIRE_HEADER + reply_body;
	x->fd = -1;
}

void exchange_access(struct exchange *x, uint16_t command, uint32_t flags, uint32_t region, uint64_t offset,
		     uint32_t count, uint32_t value)
{
	const struct wire_access access = { .offset = offset, .region = region, .count = count };
	bool write = command == WIRE_REGION_WRITE;
	uint8_t body[WIRE_ACCESS_SIZE + 4];

	wire_access_write(&access, body);
	wire_put32(body + WIRE_ACCESS_SIZE, value);
	exchange_build(x, command, flags, body, WIRE_ACCESS_SIZE + (write ? count : 0),
		       WIRE_ACCESS_SIZE + (write ? 0 : count));
}

void exchange_irqs(struct exchange *x, uint32_t flags, int fd)
{
	const struct wire_irq_set set = {
		.argsz = WIRE_IRQ_SET_SIZE, .flags = flags | WIRE_IRQ_TRIGGER, .index = PCG_IRQ_MSIX, .count = 1
	};
	uint8_t body[WIRE_IRQ_SET_SIZE];

	wire_irq_set_write(&set, body);
	exchange_build(x, WIRE_SET_IRQS, 0, body, sizeof(body), 0);
	x->fd = fd;
}

void exchange_map(struct exchange *x, uint64_t iova, uint64_t offset, uint64_t size, int file)
{
	const struct wire_dma_map map = {
		.argsz = WIRE_DMA_MAP_SIZE,
		.flags = PCG_DMA_READ | PCG_DMA_WRITE,
		.offset = file >= 0 ? offset : 0,
		.iova = iova,
		.size = size,
	};
	uint8_t body[WIRE_DMA_MAP_SIZE];

	wire_dma_map_write(&map, body);
	exchange_build(x, WIRE_DMA_MAP, 0, body, sizeof(body), 0);
	x->fd = file;
}

void exchange_bare(struct exchange *bare, const struct exchange *x)
{
	*bare = *x;
	bare->fd = -1;
	wire_put32(bare->request + 12, (uint32_t)x->reply_size);
}

static int exchange_send_fd(struct target *target, const struct exchange *x)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)x->request, x->request_size };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *cmsg = &control.align;

	memset(&control, 0, sizeof(control));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &x->fd, sizeof(int));
	return (int)sendmsg(target->fd, &message, MSG_NOSIGNAL);
}

int exchange_send(struct target *target, const struct exchange *x)
{
	ssize_t n;

	if (x->fd >= 0)
		n = exchange_send_fd(target, x);
	else
		n = send(target->fd, x->request, x->request_size, MSG_NOSIGNAL);
	if (n == (ssize_t)x->request_size)
		return 0;
	if (n < 0)
		return target_failed(target, "send: %s", strerror(errno));
	return target_failed(target, "send: only %zd of %zu bytes taken", n, x->request_size);
}

int exchange_check(struct target *target, const struct exchange *x, const uint8_t *reply, size_t size)
{
	uint16_t command = wire_get16(x->request + 2);
	struct wire_header header;

	if (target->bare || size < WIRE_HEADER)
		return 0;
	wire_header_read(&header, reply);
	if ((header.flags & WIRE_ERROR) != 0) {
		errno = (int)header.error;
		return target_failed(target, "command %u refused: %s", command, strerror((int)header.error));
	}
	errno = EPROTO;
	if ((header.flags & WIRE_TYPE) != WIRE_REPLY || header.command != command)
		return target_failed(target, "command %u: the answer is none to it", command);
	if (header.size != x->reply_size)
		return target_failed(target, "command %u: an answer of %u bytes, expected %zu", command, header.size,
				     x->reply_size);
	return 0;
}

int exchange_receive(struct target *target, struct exchange *x)
{
	size_t filled = 0;

	if (x->reply_size == 0)
		return 0;
	do {
		ssize_t n = recv(target->fd, x->reply + filled, x->reply_size - filled, 0);

		if (n == 0)
			return target_failed(target, "the server closed the connection");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return target_failed(target, "no answer to command %u: %s", wire_get16(x->request + 2),
					     errno == EAGAIN ? "timed out" : strerror(errno));
		filled += (size_t)n;
		if (exchange_check(target, x, x->reply, filled) != 0)
			return -1;
	} while (filled < x->reply_size);
	return 0;
}

int exchange_once(struct target *target, struct exchange *x)
{
	uint64_t count;

	if (exchange_send(target, x) != 0)
		return -1;
	if (target->event >= 0 && read(target->event, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return target_failed(target, "the eventfd was not signalled: %s", strerror(errno));
	return exchange_receive(target, x);
}

int target_connect(struct target *target, const char *path)
{
	static const struct timeval wait = { .tv_sec = BENCH_WAIT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	target->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (target->fd < 0)
		return target_failed(target, "socket: %s", strerror(errno));
	/* The end of every wait. */
	setsockopt(target->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(target->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(target->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	target_failed(target, "connect to %s: %s", path, strerror(errno));
	target_close(target);
	return -1;
}

void target_close(struct target *target)
{
	if (target->fd >= 0)
		close(target->fd);
	target->fd = -1;
}

int target_version(struct target *target, struct exchange *x)
{
	/* QEMU 11's words, so that the server has as much to read. */
	static const char json[] = "{\"capabilities\":{\"pgsizes\":4096,\"max_msg_fds\":16,\"max_dma_maps\":65535,"
				   "\"max_data_xfer_size\":1048576,\"migration\":{\"max_bitmap_size\":268435456,"
				   "\"pgsize\":4096},\"write_multiple\":true}}";
	uint8_t body[WIRE_VERSION_FIXED + sizeof(json)];
	struct wire_header header;
	ssize_t n;

	memset(body, 0, WIRE_VERSION_FIXED);
	memcpy(body + WIRE_VERSION_FIXED, json, sizeof(json));
	exchange_build(x, WIRE_VERSION, 0, body, sizeof(body), 0);
	if (exchange_send(target, x) != 0)
		return -1;
	n = recv(target->fd, x->reply, sizeof(x->reply), 0);
	if (n < (ssize_t)WIRE_HEADER)
		return target_failed(target, "no answer to VERSION: %s", n < 0 ? strerror(errno) : "closed");
	wire_header_read(&header, x->reply);
	x->reply_size = (size_t)n;
	return exchange_check(target, x, x->reply, (size_t)n);
}
