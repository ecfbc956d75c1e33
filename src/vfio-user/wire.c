/* SPDX-License-Identifier: BSD-3-Clause */
#include "vfio-user/wire.h"

void wire_dma_access_read(struct wire_dma_access *a, const uint8_t *p)
{
	a->address = wire_get64(p);
	a->count = wire_get64(p + 8);
}

void wire_dma_access_write(const struct wire_dma_access *a, uint8_t *p)
{
	wire_put64(p, a->address);
	wire_put64(p + 8, a->count);
}

void wire_dma_map_read(struct wire_dma_map *m, const uint8_t *p)
{
	m->argsz = wire_get32(p);
	m->flags = wire_get32(p + 4);
	m->offset = wire_get64(p + 8);
	m->iova = wire_get64(p + 16);
	m->size = wire_get64(p + 24);
}

void wire_dma_map_write(const struct wire_dma_map *m, uint8_t *p)
{
	wire_put32(p, m->argsz);
	wire_put32(p + 4, m->flags);
	wire_put64(p + 8, m->offset);
	wire_put64(p + 16, m->iova);
	wire_put64(p + 24, m->size);
}

void wire_dma_unmap_read(struct wire_dma_unmap *u, const uint8_t *p)
{
	u->argsz = wire_get32(p);
	u->flags = wire_get32(p + 4);
	u->iova = wire_get64(p + 8);
	u->size = wire_get64(p + 16);
}

void wire_dma_unmap_write(const struct wire_dma_unmap *u, uint8_t *p)
{
	wire_put32(p, u->argsz);
	wire_put32(p + 4, u->flags);
	wire_put64(p + 8, u->iova);
	wire_put64(p + 16, u->size);
}

void wire_info_read(struct wire_info *i, const uint8_t *p)
{
	i->argsz = wire_get32(p);
	i->flags = wire_get32(p + 4);
	i->regions = wire_get32(p + 8);
	i->irqs = wire_get32(p + 12);
}

void wire_info_write(const struct wire_info *i, uint8_t *p)
{
	wire_put32(p, i->argsz);
	wire_put32(p + 4, i->flags);
	wire_put32(p + 8, i->regions);
	wire_put32(p + 12, i->irqs);
}

void wire_region_info_read(struct wire_region_info *r, const uint8_t *p)
{
	r->argsz = wire_get32(p);
	r->flags = wire_get32(p + 4);
	r->index = wire_get32(p + 8);
	r->cap_offset = wire_get32(p + 12);
	r->size = wire_get64(p + 16);
	r->offset = wire_get64(p + 24);
}

void wire_region_info_write(const struct wire_region_info *r, uint8_t *p)
{
	wire_put32(p, r->argsz);
	wire_put32(p + 4, r->flags);
	wire_put32(p + 8, r->index);
	wire_put32(p + 12, r->cap_offset);
	wire_put64(p + 16, r->size);
	wire_put64(p + 24, r->offset);
}

void wire_sparse_header_write(uint32_t areas, uint8_t *p)
{
	wire_put16(p, WIRE_CAP_SPARSE_MMAP);
	wire_put16(p + 2, 1); /* version */
	wire_put32(p + 4, 0); /* no capability after this one */
	wire_put32(p + 8, areas);
	wire_put32(p + 12, 0);
}

void wire_sparse_area_write(uint64_t offset, uint64_t size, uint8_t *p)
{
	wire_put64(p, offset);
	wire_put64(p + 8, size);
}

void wire_irq_info_read(struct wire_irq_info *i, const uint8_t *p)
{
	i->argsz = wire_get32(p);
	i->flags = wire_get32(p + 4);
	i->index = wire_get32(p + 8);
	i->count = wire_get32(p + 12);
}

void wire_irq_info_write(const struct wire_irq_info *i, uint8_t *p)
{
	wire_put32(p, i->argsz);
	wire_put32(p + 4, i->flags);
	wire_put32(p + 8, i->index);
	wire_put32(p + 12, i->count);
}

void wire_irq_set_read(struct wire_irq_set *s, const uint8_t *p)
{
	s->argsz = wire_get32(p);
	s->flags = wire_get32(p + 4);
	s->index = wire_get32(p + 8);
	s->start = wire_get32(p + 12);
	s->count = wire_get32(p + 16);
}

void wire_irq_set_write(const struct wire_irq_set *s, uint8_t *p)
{
	wire_put32(p, s->argsz);
	wire_put32(p + 4, s->flags);
	wire_put32(p + 8, s->index);
	wire_put32(p + 12, s->start);
	wire_put32(p + 16, s->count);
}

void wire_multi_entry_read(struct wire_multi_entry *e, const uint8_t *p)
{
	e->offset = wire_get64(p);
	e->region = wire_get32(p + 8);
	e->count = wire_get32(p + 12);
}

void wire_multi_entry_write(const struct wire_multi_entry *e, uint8_t *p)
{
	wire_put64(p, e->offset);
	wire_put32(p + 8, e->region);
	wire_put32(p + 12, e->count);
}
