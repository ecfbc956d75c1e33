/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's memory. Its maps are handed on with their descriptors, so the server reaches shared memory without us.
 * What it asks for by message goes through the client's own address space, and from there to the client at most.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/remote/internal.h"

/* Asked by the server at a time; each may cost LINK_DATA bytes. */
#define REQUESTS_MAX 64u

/* What the server has asked of memory and not been answered. */
struct remote_request {
	struct remote_request *next;
	struct pcg_op op;
	struct remote *remote;
	struct wire_header header;
	struct wire_dma_access access;
	uint8_t data[];
};

/* --- maps --- */

static int step_map(struct remote *r, const struct link_in *reply)
{
	const struct pcg_dma_range *range = &r->job.range;
	struct wire_dma_map map = { .argsz = WIRE_DMA_MAP_SIZE,
				    .flags = range->flags,
				    .offset = range->offset,
				    .iova = range->iova,
				    .size = range->size };
	struct dma_map kept = { .iova = range->iova, .last = range->iova + (range->size - 1) };
	uint8_t head[WIRE_DMA_MAP_SIZE];
	struct link_message message = { .header.command = WIRE_DMA_MAP,
					.head = head,
					.head_size = sizeof(head),
					.fds = &range->fd,
					.nfds = range->fd >= 0 ? 1 : 0 };
	int ret;

	if (reply != NULL) {
		ret = remote_refusal(reply);
		if (ret != 0) {
			remote_note(r, PCG_WARN, "DMA_MAP of 0x%llx bytes at 0x%llx: the server refuses: %s",
				    (unsigned long long)range->size, (unsigned long long)range->iova, strerror(-ret));
			dma_maps_remove(&r->maps, dma_maps_find(&r->maps, range->iova));
		}
		return ret;
	}
	ret = dma_maps_add(&r->maps, &kept);
	if (ret != 0)
		return ret;
	wire_dma_map_write(&map, head);
	remote_call(r, CALL_JOB, &message);
	return PCG_PENDING;
}

int remote_dma_map(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op)
{
	struct remote *r = remote_of(host);
	const struct remote_job job = { .step = step_map, .range = *range };

	if (!remote_there(r) && !r->open.on)
		return -EIO;
	return remote_job_start(r, op, &job);
}

/* A sweep may take several maps, and foreign servers know of no sweeps: one after the other. */
static int step_unmap(struct remote *r, const struct link_in *reply)
{
	const struct pcg_dma_range *range = &r->job.range;
	uint64_t last = range->iova + (range->size - 1);
	struct dma_map *map = dma_maps_next(&r->maps, range->iova);
	uint8_t head[WIRE_DMA_UNMAP_SIZE];
	struct link_message message = { .header.command = WIRE_DMA_UNMAP, .head = head, .head_size = sizeof(head) };
	struct wire_dma_unmap unmap = { .argsz = WIRE_DMA_UNMAP_SIZE };

	if (reply != NULL) {
		int ret = remote_refusal(reply);

		if (ret != 0)
			remote_note(r, PCG_ERROR, "DMA_UNMAP: the server refuses: %s", strerror(-ret));
		if (ret != 0)
			return ret;
		if (map != NULL)
			dma_maps_remove(&r->maps, map);
		map = dma_maps_next(&r->maps, range->iova);
	}
	if (map == NULL || map->iova > last)
		return PCG_DONE;
	unmap.iova = map->iova;
	unmap.size = map->last - map->iova + 1;
	wire_dma_unmap_write(&unmap, head);
	remote_call(r, CALL_JOB, &message);
	return PCG_PENDING;
}

/* Everything at once; where the server cannot do that, one after the other. */
static int step_unmap_all(struct remote *r, const struct link_in *reply)
{
	struct wire_dma_unmap unmap = { .argsz = WIRE_DMA_UNMAP_SIZE, .flags = WIRE_UNMAP_ALL };
	uint8_t head[WIRE_DMA_UNMAP_SIZE];
	struct link_message message = { .header.command = WIRE_DMA_UNMAP, .head = head, .head_size = sizeof(head) };

	if (reply != NULL && remote_refusal(reply) == 0) {
		dma_maps_clear(&r->maps);
		return PCG_DONE;
	}
	if (reply != NULL) {
		r->job.step = step_unmap;
		r->job.range = (struct pcg_dma_range){ .iova = 0, .size = UINT64_MAX };
		return step_unmap(r, NULL);
	}
	wire_dma_unmap_write(&unmap, head);
	remote_call(r, CALL_JOB, &message);
	return PCG_PENDING;
}

/* When the new connection is there. */
static int step_anew(struct remote *r, const struct link_in *reply)
{
	(void)r;
	(void)reply;
	return PCG_DONE;
}

static int dma_drop(struct remote *r, struct pcg_op *op)
{
	const struct remote_job keep = { .step = step_unmap_all }, anew = { .step = step_anew };
	int ret;

	r->closed = true;
	if (r->settings.session == REMOTE_SESSION_KEEP && remote_there(r) && r->given_up == 0)
		return remote_job_start(r, op, &keep);
	ret = remote_open_start(r);
	return ret == PCG_PENDING ? remote_job_start(r, op, &anew) : ret;
}

int remote_dma_unmap(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op)
{
	struct remote *r = remote_of(host);
	struct remote_job job = { .step = step_unmap, .as_bus = true };

	if (range == NULL)
		return dma_drop(r, op);
	/* A server that is not there reaches nothing that it could be asked to let go. */
	if (!remote_there(r) && !r->open.on)
		return PCG_DONE;
	job.range = *range;
	return remote_job_start(r, op, &job);
}

/* --- what the server asks --- */

static void request_reply(struct remote *r, const struct wire_header *header, int result,
			  const struct wire_dma_access *access, const uint8_t *data)
{
	struct link_message message = { .header = *header };
	uint8_t head[WIRE_ACCESS_SIZE];

	if ((header->flags & WIRE_NO_REPLY) != 0)
		return;
	message.header.flags = WIRE_REPLY;
	message.header.error = 0;
	if (result != 0) {
		message.header.flags |= WIRE_ERROR;
		message.header.error = (uint32_t)-result;
	} else {
		wire_dma_access_write(access, head);
		message.head = head;
		message.head_size = sizeof(head);
		message.data = data;
		message.data_size = data != NULL ? (size_t)access->count : 0;
	}
	link_send(&r->link, &message);
	if (r->link.error != 0 || link_waits(&r->link))
		remote_wake(r);
}

static void request_end(struct remote_request *request, int result)
{
	bool read = request->header.command == WIRE_DMA_READ;

	request_reply(request->remote, &request->header, result, &request->access, read ? request->data : NULL);
	free(request);
}

static void request_done(struct pcg_op *op, int result)
{
	struct remote_request *request =
		(struct remote_request *)(void *)((char *)op - offsetof(struct remote_request, op));
	struct remote_request **p = &request->remote->requests;

	while (*p != request)
		p = &(*p)->next;
	*p = request->next;
	request->remote->nrequests--;
	request_end(request, result);
}

void remote_requests_end(struct remote *r, bool answer)
{
	while (r->requests != NULL) {
		struct remote_request *request = r->requests;

		r->requests = request->next;
		r->nrequests--;
		pcg_dma_cancel(r->dma, &request->op);
		if (answer)
			request_end(request, -ENODEV);
		else
			free(request);
	}
}

/* Return: PCG_PENDING, or what to answer. */
static int request_start(struct remote *r, const struct link_in *in, const struct wire_dma_access *access)
{
	bool read = in->header.command == WIRE_DMA_READ;
	struct remote_request *request;
	int ret;

	if (access->count == 0 || access->count > LINK_DATA ||
	    in->size != WIRE_ACCESS_SIZE + (read ? 0 : (size_t)access->count))
		return -EINVAL;
	if (r->dma == NULL)
		return -ENODEV;
	if (r->nrequests == REQUESTS_MAX)
		return -EBUSY;
	request = calloc(1, sizeof(*request) + (size_t)access->count);
	if (request == NULL)
		return -ENOMEM;
	request->op.done = request_done;
	request->remote = r;
	request->header = in->header;
	request->access = *access;
	if (!read)
		memcpy(request->data, in->body + WIRE_ACCESS_SIZE, (size_t)access->count);
	ret = read ? pcg_dma_read(r->dma, access->address, request->data, (size_t)access->count, &request->op)
		   : pcg_dma_write(r->dma, access->address, request->data, (size_t)access->count, &request->op);
	if (ret != PCG_PENDING) {
		request_end(request, ret);
		return PCG_PENDING;
	}
	request->next = r->requests;
	r->requests = request;
	r->nrequests++;
	return PCG_PENDING;
}

void remote_asked(struct remote *r, const struct link_in *in)
{
	struct wire_dma_access access = { 0 };
	int ret = -EINVAL;

	if ((in->header.flags & WIRE_TYPE) != 0) {
		link_fail(&r->link, -EPROTO, "it sent a message that is neither command nor reply");
		return;
	}
	if (in->header.command != WIRE_DMA_READ && in->header.command != WIRE_DMA_WRITE) {
		ret = -ENOTSUP;
	} else if (in->size >= WIRE_ACCESS_SIZE) {
		wire_dma_access_read(&access, in->body);
		ret = request_start(r, in, &access);
	}
	if (ret != PCG_PENDING)
		request_reply(r, &in->header, ret, NULL, NULL);
}

int remote_dma(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op)
{
	struct remote *r = remote_of(host);

	(void)op;
	if (dma == r->dma)
		return PCG_DONE;
	remote_requests_end(r, true);
	r->dma = dma;
	if (dma == NULL || !r->closed)
		return PCG_DONE;
	/* A new client. The server may have gone while nobody needed it. */
	r->closed = false;
	if (!remote_there(r) && !r->open.on && remote_open_start(r) == PCG_PENDING)
		remote_wake(r);
	return PCG_DONE;
}
