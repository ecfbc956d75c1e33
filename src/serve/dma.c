/* SPDX-License-Identifier: BSD-3-Clause */
/* DMA_MAP and DMA_UNMAP. */
#include <errno.h>

#include "serve/connection.h"

int serve_dma_map(struct serve_connection *c, struct stream_message *message)
{
	struct wire_dma_map map;
	int r;

	wire_dma_map_read(&map, message->body);
	if (map.argsz < WIRE_DMA_MAP_SIZE || message->nfds > 1)
		return -EINVAL;
	r = pcg_dma_map(c->slot->dma, map.iova, map.size, map.flags, message->nfds == 1 ? message->fds[0] : -1,
			map.offset);
	if (r == 0)
		serve_connection_reply(c, &message->header, NULL, 0, -1);
	return r;
}

/* Once answered, nothing of the range is reached any more. SPDK sends the descriptor again: closed unseen. */
int serve_dma_unmap(struct serve_connection *c, struct stream_message *message)
{
	struct wire_dma_unmap unmap;
	int r = 0;

	wire_dma_unmap_read(&unmap, message->body);
	if (unmap.argsz < WIRE_DMA_UNMAP_SIZE || (unmap.flags & ~(uint32_t)(WIRE_UNMAP_DIRTY | WIRE_UNMAP_ALL)) != 0)
		return -EINVAL;
	if ((unmap.flags & WIRE_UNMAP_DIRTY) != 0)
		return -ENOTSUP;
	if ((unmap.flags & WIRE_UNMAP_ALL) == 0) {
		r = pcg_dma_unmap(c->slot->dma, unmap.iova, unmap.size);
	} else {
		if (unmap.iova != 0 || unmap.size != 0)
			return -EINVAL;
		pcg_dma_unmap_all(c->slot->dma);
	}
	if (r == 0)
		serve_connection_reply(c, &message->header, message->body, WIRE_DMA_UNMAP_SIZE, -1);
	return r;
}
