/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client against any server: whatever comes back, each call ends, descriptors do not pile up, and what is said of
 * a region can be relied on. Input: for each call which one, then what the server sends before it is made.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pcigate/client_pasid.h>

#include "fuzz.h"
#include "vfio-user/client.h"

#define CALLS 16
#define WAIT  20 /* ms: the server has said everything before we ask */

enum send_flags {
	SEND_RAW = 1,     /* no header of ours */
	SEND_ASK = 2,     /* a request of the server's before it */
	SEND_SHORT = 4,   /* a size in the header that is not that of the body */
	SEND_REFUSAL = 8, /* with an errno */
	SEND_FDS = 0x30,  /* how many descriptors: none, 1, 2, 20 */
};

static int memory_read(void *arg, uint64_t iova, void *data, size_t length)
{
	(void)arg;
	HOLDS(length > 0 && length <= PCG_CLIENT_MAX_DATA && iova + (length - 1) >= iova);
	memset(data, (int)iova, length);
	return iova & 1 ? -EFAULT : 0;
}

static int memory_write(void *arg, uint64_t iova, const void *data, size_t length)
{
	uint32_t *sum = arg;

	HOLDS(length > 0 && length <= PCG_CLIENT_MAX_DATA && iova + (length - 1) >= iova);
	for (size_t i = 0; i < length; i++)
		*sum += ((const uint8_t *)data)[i];
	return 0;
}

static void put(int fd, const void *data, size_t size, unsigned int nfds)
{
	static const unsigned int counts[] = { 0, 1, 2, 20 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(20 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)data, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[20] = { 0 };
	ssize_t n;

	nfds = counts[nfds & 3];
	if (nfds > 0) {
		for (unsigned int i = 0; i < nfds; i++)
			fds[i] = fd;
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, nfds * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	}
	n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)n;
}

/* What the server sends before the call with @command is made. */
static void answer(struct input *input, const struct pcg_client *client, int fd, uint16_t command)
{
	uint8_t flags = take8(input), bytes[WIRE_HEADER + 255];
	struct wire_header header = { .id = client->id, .command = command, .flags = WIRE_REPLY };
	size_t size = take8(input);

	if (flags & SEND_ASK) {
		struct wire_header ask = { .command = (uint16_t)(WIRE_DMA_READ + (size & 1)) };
		uint8_t request[WIRE_HEADER + WIRE_ACCESS_SIZE + 8] = { 0 };

		ask.size = WIRE_HEADER + WIRE_ACCESS_SIZE + (take8(input) & 15);
		ask.size = ask.size > sizeof(request) ? sizeof(request) : ask.size;
		take(input, request + WIRE_HEADER, WIRE_ACCESS_SIZE);
		wire_header_write(&ask, request);
		put(fd, request, ask.size, 0);
	}
	take(input, bytes + WIRE_HEADER, size);
	if (flags & SEND_RAW) {
		put(fd, bytes + WIRE_HEADER, size, flags >> 4);
		return;
	}
	header.size = (uint32_t)(WIRE_HEADER + size);
	if (flags & SEND_SHORT)
		header.size = take16(input);
	if (flags & SEND_REFUSAL) {
		header.flags |= WIRE_ERROR;
		header.error = take32(input);
	}
	wire_header_write(&header, bytes);
	put(fd, bytes, WIRE_HEADER + size, flags >> 4);
}

static void ask_region(struct pcg_client *client)
{
	struct pcg_client_region region;
	void *p;

	if (pcg_client_region_init(client, 1, &region) != 0)
		return;
	HOLDS(region.nareas <= PCG_CLIENT_MAX_AREAS && region.nfds <= PCG_CLIENT_MAX_FDS);
	HOLDS(region.nareas == 0 || region.nfds == 1 || region.nfds == region.nareas);
	for (unsigned int i = 0; i < region.nareas; i++) {
		HOLDS(region.areas[i].size > 0 && region.areas[i].offset < region.size);
		HOLDS(region.areas[i].size <= region.size - region.areas[i].offset);
	}
	/* The descriptors are sockets: no mapping comes of it. */
	if (region.nareas > 0)
		HOLDS(pcg_client_region_map(client, &region, region.areas[0].offset, 4096, &p) != 0);
	pcg_client_region_finish(&region);
}

static void ask_feature(struct pcg_client *client)
{
	uint8_t data[40];
	struct pcg_client_feature feature = { .flags = 3 | PCG_CLIENT_FEATURE_GET,
					      .answer = data,
					      .room = sizeof(data) };
	int r = pcg_client_feature(client, &feature);

	HOLDS(r != 0 || feature.length <= sizeof(data));
	if (feature.fd >= 0)
		close(feature.fd);
}

/* Features of our own: what is said to be filled in lies in what was given. */
static void ask_batch(struct pcg_client *client, bool faults)
{
	struct pcg_feature_page_request requests[3];
	struct pcg_feature_fault records[3];
	uint32_t count = 9;
	int r = faults ? pcg_client_faults(client, records, 3, &count)
		       : pcg_client_page_requests(client, requests, 3, &count);

	HOLDS(count <= 3 && (r == 0 || count == 0));
}

static void ask_pasid(struct pcg_client *client, uint8_t which)
{
	static const struct pcg_feature_page_response responses[2] = { { .code = PCG_PAGE_FAILURE } };
	struct pcg_feature_pasid offer;
	uint32_t n = 9;

	switch (which) {
	case 8:
		pcg_client_pasid_offer(client, &offer);
		HOLDS(memchr(offer.reason, 0, sizeof(offer.reason)) != NULL);
		break;
	case 9:
		pcg_client_space_create(client, &n);
		break;
	case 10:
		ask_batch(client, false);
		break;
	case 11:
		ask_batch(client, true);
		break;
	case 12:
		pcg_client_page_respond(client, responses, 2, &n);
		HOLDS(n <= 2);
		break;
	case 13:
		pcg_client_event_enable(client, -1);
		break;
	default:
		pcg_client_event_lost(client, &n);
	}
}

static void ask(struct pcg_client *client, uint8_t which)
{
	struct pcg_client_irq_info irq;
	struct pcg_client_info info;
	uint8_t data[64];

	switch (which) {
	case 0:
		pcg_client_info(client, &info);
		break;
	case 1:
		ask_region(client);
		break;
	case 2:
		pcg_client_irq_info(client, 2, &irq);
		break;
	case 3:
		pcg_client_read(client, 7, 0, data, sizeof(data));
		break;
	case 4:
		pcg_client_write(client, 0, 0, "\1\2\3\4", 4);
		break;
	case 5:
		ask_feature(client);
		break;
	case 6:
		pcg_client_dma_unmap(client, 0, 4096);
		break;
	case 7:
		pcg_client_serve(client);
		break;
	default:
		ask_pasid(client, which);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t commands[] = { WIRE_GET_INFO,    WIRE_GET_REGION_INFO, WIRE_GET_IRQ_INFO,
					     WIRE_REGION_READ, WIRE_REGION_WRITE,    WIRE_FEATURE,
					     WIRE_DMA_UNMAP,   WIRE_DMA_READ,        WIRE_FEATURE };
	static const uint8_t hello[WIRE_HEADER + WIRE_VERSION_FIXED] = {
		[2] = WIRE_VERSION, [4] = 20, [8] = WIRE_REPLY
	};
	struct input input = { data, size };
	struct pcg_client *client = NULL;
	uint32_t sum = 0;
	const struct pcg_client_memory memory = { &sum, memory_read, memory_write };
	int pair[2], before = dup(0), after;

	HOLDS(before >= 0);
	close(before);
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	put(pair[1], hello, wire_get16(hello + 4), 0);
	HOLDS(pcg_client_create_fd(&client, pair[0], WAIT, NULL) == 0);
	pcg_client_memory(client, &memory);
	for (int i = 0; i < CALLS && input.left > 0; i++) {
		uint8_t which = take8(&input) & 15;

		answer(&input, client, pair[1], commands[which < 8 ? which : 8]);
		/* Nothing more is coming: a call that wants more ends at once. */
		if (input.left == 0 || i == CALLS - 1)
			shutdown(pair[1], SHUT_WR);
		ask(client, which);
		HOLDS(pcg_client_dead(client) == 0 || pcg_client_fd(client) == -1);
		if (pcg_client_dead(client) != 0)
			break;
	}
	pcg_client_destroy(client);
	close(pair[1]);
	after = dup(0);
	close(after);
	HOLDS(after == before);
	return 0;
}
