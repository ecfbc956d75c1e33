/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA_MAP and DMA_UNMAP. The address space is kept here; a backend with an IOMMU follows it, which may take its time,
 * and is then what the answer waits for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/connection.h"

static void dma_done(struct pcg_request *request)
{
	struct serve_connection *c = serve_container(request, struct serve_connection, request);

	serve_connection_finish(c, request->result);
}

static int dma_submit(struct serve_connection *c, enum pcg_request_kind kind, bool everything)
{
	c->request = (struct pcg_request){ .kind = kind, .range = everything ? NULL : &c->range, .done = dma_done };
	return pcg_function_submit(c->slot->function, &c->request);
}

int serve_dma_map_finish(struct serve_connection *c, int result)
{
	if (c->range.fd >= 0)
		close(c->range.fd);
	c->range.fd = -1;
	if (result == 0)
		serve_connection_reply(c, &c->header, NULL, 0, -1);
	else if (c->slot->dma != NULL)
		pcg_dma_unmap(c->slot->dma, c->range.iova, c->range.size);
	return result;
}

/* What the client calls its file; the kernel tells without asking whoever serves it. */
static const char *dma_file_name(int fd, char name[128])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, 127);
	if (n <= 0)
		return "a file";
	name[n] = '\0';
	for (char *p = name; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	return name;
}

/* Behind an IOMMU such memory is not reached by messages instead: the function would meet nothing there. */
static int dma_check_file(struct serve_connection *c, int fd)
{
	char name[128];

	if (fd < 0 || !c->slot->host->info.memory_files || fcntl(fd, F_GET_SEALS) >= 0)
		return 0;
	base_log(&c->slot->log, PCG_ERROR,
		 "DMA_MAP: refused %s: neither shmem nor hugetlbfs, and the kernel maps no other file for a function; "
		 "share the guest's memory from memfd, /dev/shm or hugetlbfs (QEMU: memory-backend-memfd,share=on)",
		 dma_file_name(fd, name));
	return -EOPNOTSUPP;
}

int serve_dma_map(struct serve_connection *c, struct stream_message *message)
{
	struct wire_dma_map map;
	int fd = message->nfds == 1 ? message->fds[0] : -1;
	int r;

	wire_dma_map_read(&map, message->body);
	if (map.argsz < WIRE_DMA_MAP_SIZE || message->nfds > 1)
		return -EINVAL;
	r = dma_check_file(c, fd);
	if (r == 0)
		r = pcg_dma_map(c->slot->dma, map.iova, map.size, map.flags, fd, map.offset);
	if (r != 0)
		return r;
	c->header = message->header;
	c->range = (struct pcg_dma_range){
		.iova = map.iova, .size = map.size, .flags = map.flags, .fd = fd, .offset = map.offset
	};
	if (fd >= 0)
		message->fds[0] = -1; /* closed when the backend is done with it */
	r = dma_submit(c, PCG_REQUEST_DMA_MAP, false);
	return r == PCG_PENDING ? r : serve_dma_map_finish(c, r);
}

int serve_dma_unmap_finish(struct serve_connection *c, int result)
{
	if (result == 0)
		serve_connection_reply(c, &c->header, c->unmap, WIRE_DMA_UNMAP_SIZE, -1);
	return result;
}

/* Once answered, nothing of the range is reached any more. SPDK sends the descriptor again: closed unseen. */
int serve_dma_unmap(struct serve_connection *c, struct stream_message *message)
{
	struct wire_dma_unmap unmap;
	bool everything;
	int r = 0;

	wire_dma_unmap_read(&unmap, message->body);
	if (unmap.argsz < WIRE_DMA_UNMAP_SIZE || (unmap.flags & ~(uint32_t)(WIRE_UNMAP_DIRTY | WIRE_UNMAP_ALL)) != 0)
		return -EINVAL;
	if ((unmap.flags & WIRE_UNMAP_DIRTY) != 0)
		return -ENOTSUP;
	everything = (unmap.flags & WIRE_UNMAP_ALL) != 0;
	if (everything && (unmap.iova != 0 || unmap.size != 0))
		return -EINVAL;
	if (everything)
		pcg_dma_unmap_all(c->slot->dma);
	else
		r = pcg_dma_unmap(c->slot->dma, unmap.iova, unmap.size);
	if (r != 0)
		return r;
	c->header = message->header;
	memcpy(c->unmap, message->body, WIRE_DMA_UNMAP_SIZE);
	c->range = (struct pcg_dma_range){ .iova = unmap.iova, .size = unmap.size, .fd = -1 };
	r = dma_submit(c, PCG_REQUEST_DMA_UNMAP, everything);
	return r == PCG_PENDING ? r : serve_dma_unmap_finish(c, r);
}
