/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that the function reaches. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio-user/client.h"

/* The server's smallest page. */
static uint64_t dma_page(const struct pcg_client *client)
{
	return client->limits.pgsizes & (~client->limits.pgsizes + 1);
}

int pcg_client_dma_map(struct pcg_client *client, uint64_t iova, uint64_t size, uint32_t flags, int fd, uint64_t offset)
{
	struct wire_dma_map map = {
		.argsz = WIRE_DMA_MAP_SIZE, .flags = flags, .offset = offset, .iova = iova, .size = size
	};
	uint8_t head[WIRE_DMA_MAP_SIZE];
	struct client_call call = { .command = WIRE_DMA_MAP,
				    .head = head,
				    .head_size = sizeof(head),
				    .fds = &fd,
				    .nfds = fd >= 0 ? 1 : 0,
				    .address = iova,
				    .count = size };
	uint64_t page = dma_page(client);

	if (size == 0 || iova + (size - 1) < iova || offset + (size - 1) < offset)
		return client_complain(client, &call, -EINVAL, "there are no such addresses");
	if ((iova | size | offset) % page != 0)
		return client_complain(client, &call, -EINVAL, "not in pages of %llu bytes, which the server wants",
				       (unsigned long long)page);
	if (fd >= 0 && client->limits.max_msg_fds == 0)
		return client_complain(client, &call, -E2BIG, "the server takes no descriptors");
	wire_dma_map_write(&map, head);
	return client_call(client, &call);
}

int pcg_client_dma_unmap(struct pcg_client *client, uint64_t iova, uint64_t size)
{
	struct wire_dma_unmap unmap = { .argsz = WIRE_DMA_UNMAP_SIZE, .iova = iova, .size = size };
	uint8_t head[WIRE_DMA_UNMAP_SIZE];
	struct client_call call = { .command = WIRE_DMA_UNMAP,
				    .head = head,
				    .head_size = sizeof(head),
				    .address = iova,
				    .count = size,
				    .least = WIRE_DMA_UNMAP_SIZE };

	wire_dma_unmap_write(&unmap, head);
	return client_call(client, &call);
}

/* --- buffers --- */

static void buffer_free(struct pcg_client_buffer *buffer)
{
	if (buffer->address != NULL)
		munmap(buffer->address, buffer->size);
	if (buffer->fd >= 0)
		close(buffer->fd);
	*buffer = (struct pcg_client_buffer){ .fd = -1 };
}

/* The last seal keeps the server from sealing the file against our own writes. */
static int buffer_allocate(struct pcg_client_buffer *buffer)
{
	void *p;

	buffer->fd = memfd_create("pcigate-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (buffer->fd < 0)
		return -errno;
	if (ftruncate(buffer->fd, (off_t)buffer->size) != 0 ||
	    fcntl(buffer->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return -errno;
	p = mmap(NULL, buffer->size, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	buffer->address = p;
	return 0;
}

int pcg_client_buffer_init(struct pcg_client *client, uint64_t iova, size_t size, struct pcg_client_buffer *buffer)
{
	uint64_t page = dma_page(client), ours = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t rounded;
	int r;

	*buffer = (struct pcg_client_buffer){ .iova = iova, .fd = -1 };
	page = page > ours ? page : ours;
	rounded = (size + (page - 1)) / page * page;
	if (size == 0 || rounded < size || rounded > INT64_MAX || rounded > SIZE_MAX) {
		client_note(client, PCG_ERROR, "a buffer of %zu bytes in pages of %llu cannot be had", size,
			    (unsigned long long)page);
		return -EINVAL;
	}
	buffer->size = (size_t)rounded;
	r = buffer_allocate(buffer);
	if (r != 0)
		client_note(client, PCG_ERROR, "a buffer of %zu bytes: %s", buffer->size, strerror(-r));
	else
		r = pcg_client_dma_map(client, iova, buffer->size, PCG_DMA_READ | PCG_DMA_WRITE, buffer->fd, 0);
	if (r != 0)
		buffer_free(buffer);
	return r;
}

int pcg_client_buffer_finish(struct pcg_client *client, struct pcg_client_buffer *buffer)
{
	int r = 0;

	/* Never begun: a descriptor of 0 in a structure that is all zero is not ours. */
	if (buffer->address == NULL)
		return 0;
	if (client != NULL)
		r = pcg_client_dma_unmap(client, buffer->iova, buffer->size);
	buffer_free(buffer);
	return r;
}
