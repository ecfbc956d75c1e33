/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts as VFIO has them: indexes, vectors, eventfds. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vfio-user/client.h"

int pcg_client_irq_info(struct pcg_client *client, uint32_t index, struct pcg_client_irq_info *info)
{
	struct wire_irq_info wire = { .argsz = WIRE_IRQ_INFO_SIZE, .index = index };
	uint8_t head[WIRE_IRQ_INFO_SIZE];
	struct client_call call = { .command = WIRE_GET_IRQ_INFO,
				    .head = head,
				    .head_size = sizeof(head),
				    .index = index,
				    .least = WIRE_IRQ_INFO_SIZE };
	int r;

	memset(info, 0, sizeof(*info));
	wire_irq_info_write(&wire, head);
	r = client_call(client, &call);
	if (r != 0)
		return r;
	wire_irq_info_read(&wire, call.reply);
	if (wire.index != index)
		return client_complain(client, &call, -EPROTO, "the answer is about index %u", wire.index);
	info->flags = wire.flags;
	info->count = wire.count;
	return 0;
}

static int irqs_set(struct pcg_client *client, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
		    const int *fds, unsigned int nfds)
{
	struct wire_irq_set set = {
		.argsz = WIRE_IRQ_SET_SIZE, .flags = flags, .index = index, .start = start, .count = count
	};
	uint8_t head[WIRE_IRQ_SET_SIZE];
	struct client_call call = { .command = WIRE_SET_IRQS,
				    .head = head,
				    .head_size = sizeof(head),
				    .fds = fds,
				    .nfds = nfds,
				    .index = index,
				    .address = start,
				    .count = count };

	wire_irq_set_write(&set, head);
	if (nfds > 0 && client->limits.max_msg_fds == 0)
		return client_complain(client, &call, -E2BIG, "the server takes no descriptors");
	return client_call(client, &call);
}

/* --- eventfds of ours --- */

void client_vectors_close(struct pcg_client *client, uint32_t index)
{
	struct client_vectors *vectors = &client->vectors[index];

	for (uint32_t i = 0; i < vectors->count; i++)
		if (vectors->fds[i] >= 0)
			close(vectors->fds[i]);
	free(vectors->fds);
	*vectors = (struct client_vectors){ 0 };
}

static int vectors_make(struct client_vectors *vectors, uint32_t start, uint32_t count)
{
	uint32_t end = start + count;

	if (end > vectors->count) {
		int *fds = realloc(vectors->fds, end * sizeof(*fds));

		if (fds == NULL)
			return -ENOMEM;
		vectors->fds = fds;
		while (vectors->count < end)
			fds[vectors->count++] = -1;
	}
	for (uint32_t v = start; v < end; v++) {
		if (vectors->fds[v] < 0)
			vectors->fds[v] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (vectors->fds[v] < 0)
			return -errno;
	}
	return 0;
}

/* The caller's eventfds take over: ours for the same vectors would never be signalled again. */
static void vectors_drop(struct client_vectors *vectors, uint32_t start, uint32_t count)
{
	for (uint32_t v = start; v < start + count && v < vectors->count; v++) {
		if (vectors->fds[v] >= 0)
			close(vectors->fds[v]);
		vectors->fds[v] = -1;
	}
}

/* --- set up --- */

/* In runs: of vectors that signal somebody, as many as fit a message; of others, all. */
static int irqs_attach(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count, const int *fds)
{
	uint32_t most = client->limits.max_msg_fds < WIRE_FDS_LIMIT ? client->limits.max_msg_fds : WIRE_FDS_LIMIT;
	uint32_t i = 0;
	int r = 0;

	while (r == 0 && i < count) {
		bool listens = fds[i] >= 0;
		uint32_t n = 1;

		while (i + n < count && (fds[i + n] >= 0) == listens && (!listens || n < most))
			n++;
		r = irqs_set(client, WIRE_IRQ_FDS | WIRE_IRQ_TRIGGER, index, start + i, n, fds + i, listens ? n : 0);
		i += n;
	}
	return r;
}

int pcg_client_irq_enable(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count, const int *fds)
{
	struct client_vectors *vectors;
	int r;

	if (index >= PCG_NUM_IRQS || count == 0 || start >= PCG_CLIENT_MAX_VECTORS ||
	    count > PCG_CLIENT_MAX_VECTORS - start) {
		client_note(client, PCG_ERROR, "interrupt index %u has no %u vectors from %u", index, count, start);
		return -EINVAL;
	}
	vectors = &client->vectors[index];
	if (fds != NULL) {
		r = irqs_attach(client, index, start, count, fds);
		if (r == 0)
			vectors_drop(vectors, start, count);
		return r;
	}
	r = vectors_make(vectors, start, count);
	if (r != 0) {
		client_note(client, PCG_ERROR, "an eventfd for each of %u vectors: %s", count, strerror(-r));
		return r;
	}
	return irqs_attach(client, index, start, count, vectors->fds + start);
}

int pcg_client_irq_disable(struct pcg_client *client, uint32_t index)
{
	int r = irqs_set(client, WIRE_IRQ_NONE | WIRE_IRQ_TRIGGER, index, 0, 0, NULL, 0);

	if (index < PCG_NUM_IRQS)
		client_vectors_close(client, index);
	return r;
}

int pcg_client_irq_mask(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count)
{
	return irqs_set(client, WIRE_IRQ_NONE | WIRE_IRQ_MASK, index, start, count, NULL, 0);
}

int pcg_client_irq_unmask(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count)
{
	return irqs_set(client, WIRE_IRQ_NONE | WIRE_IRQ_UNMASK, index, start, count, NULL, 0);
}

int pcg_client_irq_trigger(struct pcg_client *client, uint32_t index, uint32_t start, uint32_t count)
{
	/* Without vectors the same message turns the index off. */
	if (count == 0) {
		client_note(client, PCG_ERROR, "interrupt index %u: no vectors to trigger", index);
		return -EINVAL;
	}
	return irqs_set(client, WIRE_IRQ_NONE | WIRE_IRQ_TRIGGER, index, start, count, NULL, 0);
}

int pcg_client_intx_resample(struct pcg_client *client, int fd)
{
	return irqs_set(client, WIRE_IRQ_FDS | WIRE_IRQ_UNMASK, PCG_IRQ_INTX, 0, 1, &fd, fd >= 0 ? 1 : 0);
}

/* --- wait --- */

int pcg_client_irq_fd(const struct pcg_client *client, uint32_t index, uint32_t vector)
{
	if (index >= PCG_NUM_IRQS || vector >= client->vectors[index].count)
		return -1;
	return client->vectors[index].fds[vector];
}

int pcg_client_irq_wait(struct pcg_client *client, uint32_t index, uint32_t vector, uint32_t timeout_ms,
			uint64_t *count)
{
	int fd = pcg_client_irq_fd(client, index, vector);
	uint64_t n = 0;
	int r;

	if (fd < 0) {
		client_note(client, PCG_ERROR, "vector %u of interrupt index %u has no eventfd of ours", vector, index);
		return -EINVAL;
	}
	r = pcg_client_wait(client, fd, timeout_ms);
	if (r == 0 && read(fd, &n, sizeof(n)) != (ssize_t)sizeof(n)) {
		client_note(client, PCG_ERROR, "the eventfd of vector %u of interrupt index %u: %s", vector, index,
			    strerror(errno));
		r = -EIO;
	}
	if (count != NULL)
		*count = n;
	return r;
}
