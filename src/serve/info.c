/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that say what the function is, and DEVICE_SET_IRQS. */
#include <errno.h>

#include "serve/connection.h"

/* The most a region info can take: all areas of a region that is mapped in pieces. */
#define REGION_INFO_MAX (WIRE_REGION_INFO_SIZE + WIRE_SPARSE_HEADER + PCG_MAX_AREAS * WIRE_SPARSE_AREA)

int serve_info(struct serve_connection *c, struct stream_message *message)
{
	struct wire_info info;
	uint8_t body[WIRE_INFO_SIZE];

	/* Cloud Hypervisor counts the header into argsz: more than ours is fine. */
	wire_info_read(&info, message->body);
	if (info.argsz < WIRE_INFO_SIZE)
		return -EINVAL;
	info = (struct wire_info){
		.argsz = WIRE_INFO_SIZE,
		.flags = WIRE_INFO_PCI | WIRE_INFO_RESET,
		.regions = PCG_NUM_REGIONS,
		.irqs = PCG_NUM_IRQS,
	};
	wire_info_write(&info, body);
	serve_connection_reply(c, &message->header, body, sizeof(body), -1);
	return 0;
}

/*
 * A region that can be mapped whole has no capability, one in pieces a sparse mmap capability, complete or not at
 * all: with too small an argsz only the size to come back with. The descriptor goes with the complete answer, as
 * Cloud Hypervisor keeps only that one.
 */
int serve_region_info(struct serve_connection *c, struct stream_message *message)
{
	uint8_t body[REGION_INFO_MAX] = { 0 };
	const struct pcg_region *region;
	struct wire_region_info info;
	uint32_t size = WIRE_REGION_INFO_SIZE;
	unsigned int areas;
	bool fits, maps;

	wire_region_info_read(&info, message->body);
	if (info.argsz < WIRE_REGION_INFO_SIZE || info.index >= PCG_NUM_REGIONS)
		return -EINVAL;
	region = pcg_function_region(c->slot->function, info.index);
	maps = region->size > 0 && (region->flags & PCG_REGION_MMAP) != 0 && serve_slot_lends(c->slot);
	areas = maps ? region->nareas : 0;
	if (areas > 0)
		size += WIRE_SPARSE_HEADER + areas * WIRE_SPARSE_AREA;
	fits = info.argsz >= size;

	info = (struct wire_region_info){ .argsz = size, .index = info.index, .size = region->size };
	if (region->size > 0)
		info.flags = (region->flags & ~(uint32_t)(maps ? 0 : PCG_REGION_MMAP)) |
			     (areas > 0 ? (uint32_t)WIRE_REGION_CAPS : 0);
	if ((info.flags & PCG_REGION_MMAP) != 0)
		info.offset = region->fd_offset;
	/* QEMU checks this against argsz even where it is about to come back for the capability. */
	if (areas > 0)
		info.cap_offset = WIRE_REGION_INFO_SIZE;
	wire_region_info_write(&info, body);
	if (areas > 0 && fits) {
		uint8_t *p = body + WIRE_REGION_INFO_SIZE;

		wire_sparse_header_write(areas, p);
		p += WIRE_SPARSE_HEADER;
		for (unsigned int i = 0; i < areas; i++, p += WIRE_SPARSE_AREA)
			wire_sparse_area_write(region->areas[i].offset, region->areas[i].size, p);
	}
	serve_connection_reply(
		c, &message->header, body, fits ? size : WIRE_REGION_INFO_SIZE,
		fits && (info.flags & PCG_REGION_MMAP) != 0 ? pcg_function_lend(c->slot->function, info.index) : -1);
	return 0;
}

int serve_irq_info(struct serve_connection *c, struct stream_message *message)
{
	/*
	 * As VFIO has it, but for MSI-X without NORESIZE: with it QEMU sends the whole set again for every vector.
	 */
	static const uint32_t flags[PCG_NUM_IRQS] = {
		[PCG_IRQ_INTX] = WIRE_IRQ_EVENTFD | WIRE_IRQ_MASKABLE | WIRE_IRQ_AUTOMASKED,
		[PCG_IRQ_MSI] = WIRE_IRQ_EVENTFD | WIRE_IRQ_NORESIZE,
		[PCG_IRQ_MSIX] = WIRE_IRQ_EVENTFD,
		[PCG_IRQ_ERR] = WIRE_IRQ_EVENTFD | WIRE_IRQ_NORESIZE,
		[PCG_IRQ_REQ] = WIRE_IRQ_EVENTFD | WIRE_IRQ_NORESIZE,
	};
	uint8_t body[WIRE_IRQ_INFO_SIZE];
	struct wire_irq_info info;

	wire_irq_info_read(&info, message->body);
	if (info.argsz < WIRE_IRQ_INFO_SIZE || info.index >= PCG_NUM_IRQS)
		return -EINVAL;
	if (info.index == PCG_IRQ_MSIX)
		pcg_function_msix_told(c->slot->function);
	info = (struct wire_irq_info){
		.argsz = WIRE_IRQ_INFO_SIZE,
		.flags = flags[info.index],
		.index = info.index,
		.count = irqs_count(&c->slot->irqs, info.index),
	};
	wire_irq_info_write(&info, body);
	serve_connection_reply(c, &message->header, body, sizeof(body), -1);
	return 0;
}

int serve_set_irqs(struct serve_connection *c, struct stream_message *message)
{
	int r = irqs_set(&c->slot->irqs, message);

	if (r == 0)
		serve_connection_reply(c, &message->header, NULL, 0, -1);
	return r;
}
