/* SPDX-License-Identifier: BSD-3-Clause */
/* Message signalled interrupts: memory writes like any other (PCIe 6.0, 6.1.4). */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/fabric/internal.h"

#define MSI_EXTENDED_CAPABLE 0x0200u
#define MSI_EXTENDED_ENABLE  0x0400u
#define MSIX_ENTRY           16u
#define MSIX_MASKED          1u

/* One on its way; ours until the root complex took it. */
struct fabric_interrupt {
	struct fabric_dma dma;
	struct pcg_op op;
	struct fabric_interrupt *next;
	uint8_t data[4];
};

static void unlink_interrupt(struct fabric *fabric, struct fabric_interrupt *gone)
{
	struct fabric_interrupt **at = &fabric->interrupts;

	while (*at != NULL && *at != gone)
		at = &(*at)->next;
	if (*at != NULL) {
		*at = gone->next;
		fabric->ninterrupts--;
	}
	free(gone);
}

static void interrupt_done(struct pcg_op *op, int result)
{
	struct fabric_interrupt *i = (void *)((char *)op - offsetof(struct fabric_interrupt, op));

	(void)result;
	unlink_interrupt(i->dma.f->fabric, i);
}

static int send(struct fabric_function *f, uint64_t address, uint32_t data)
{
	struct fabric *fabric = f->fabric;
	struct fabric_interrupt *i;
	int r;

	if (fabric->ninterrupts >= FABRIC_MAX_INTERRUPTS) {
		base_log(&fabric->log, PCG_WARN, "%s: an interrupt is lost: %u others still wait for the root complex",
			 f->name[0] != '\0' ? f->name : f->ops->kind, FABRIC_MAX_INTERRUPTS);
		return -EBUSY;
	}
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return -ENOMEM;
	pcg_put32(i->data, data);
	i->op.done = interrupt_done;
	i->dma = (struct fabric_dma){
		.f = f, .write = true, .address = address, .data = i->data, .length = 4, .op = &i->op
	};
	r = fabric_dma(&i->dma);
	if (r != PCG_PENDING) {
		free(i);
		return r;
	}
	i->next = fabric->interrupts;
	fabric->interrupts = i;
	fabric->ninterrupts++;
	return 0;
}

void fabric_interrupts_drop(struct fabric_function *f)
{
	struct fabric_interrupt *i, *next;

	for (i = f->fabric->interrupts; i != NULL; i = next) {
		next = i->next;
		if (i->dma.f != f)
			continue;
		fabric_dma_cancel(&i->dma);
		unlink_interrupt(f->fabric, i);
	}
}

void fabric_interrupts_end(struct fabric *fabric)
{
	while (fabric->interrupts != NULL)
		fabric_interrupts_drop(fabric->interrupts->dma.f);
}

/* PCIe 6.0, 7.7.1: where registers stand follows from the width of the address. */
static uint16_t msi_data_at(uint32_t control)
{
	return control & PCG_MSI_64BIT ? 12 : 8;
}

static uint32_t msi_data(const struct fabric_function *f, uint32_t control)
{
	uint16_t at = msi_data_at(control);
	uint32_t data = fabric_get(f, f->model.msi, at, 2);

	if ((control & MSI_EXTENDED_CAPABLE) && (control & MSI_EXTENDED_ENABLE))
		data |= fabric_get(f, f->model.msi, (uint16_t)(at + 2), 2) << 16;
	return data;
}

int fabric_msi(struct fabric_function *f, unsigned int vector)
{
	uint32_t control = fabric_get(f, f->model.msi, PCG_MSI_CONTROL, 2), bit;
	uint16_t mask_at = (uint16_t)(msi_data_at(control) + 4);
	uint32_t capable = (control & PCG_MSI_MMC) >> 1, given = (control & PCG_MSI_MME) >> 4;
	uint64_t address;

	if (f->model.msi == 0 || capable > 5 || vector >= 1u << capable)
		return -EINVAL;
	if (!(control & PCG_MSI_ENABLE))
		return -EAGAIN;
	/* 7.7.1.2: what software gave may be fewer than what is there: vectors share then. */
	if (given > capable)
		given = capable;
	vector &= (1u << given) - 1;
	bit = 1u << vector;
	if ((control & PCG_MSI_MASKABLE) && (fabric_get(f, f->model.msi, mask_at, 4) & bit)) {
		model_set(&f->model, (uint16_t)(f->model.msi + mask_at + 4), 4, bit, bit);
		return -EAGAIN;
	}
	address = fabric_get(f, f->model.msi, 4, 4);
	if (control & PCG_MSI_64BIT)
		address |= (uint64_t)fabric_get(f, f->model.msi, 8, 4) << 32;
	return send(f, address, (msi_data(f, control) & ~((1u << given) - 1)) | vector);
}

/* PCIe 6.0, 6.1.4.5: what pended is sent once its mask is clear. */
void fabric_msi_unmasked(struct fabric_function *f, uint16_t dword)
{
	uint32_t control = fabric_get(f, f->model.msi, PCG_MSI_CONTROL, 2), pending;
	uint16_t mask_at = (uint16_t)(msi_data_at(control) + 4);

	if (f->model.msi == 0 || dword < f->model.msi / 4 || dword > (f->model.msi + mask_at) / 4 ||
	    !(control & PCG_MSI_MASKABLE) || !(control & PCG_MSI_ENABLE))
		return;
	pending = fabric_get(f, f->model.msi, (uint16_t)(mask_at + 4), 4) & ~fabric_get(f, f->model.msi, mask_at, 4);
	for (unsigned int vector = 0; vector < 32 && pending >> vector != 0; vector++) {
		if (!(pending & 1u << vector))
			continue;
		model_set(&f->model, (uint16_t)(f->model.msi + mask_at + 4), 4, 1u << vector, 0);
		fabric_msi(f, vector);
	}
}

int fabric_msix(struct fabric_function *f, const uint8_t *table, unsigned int vector)
{
	uint32_t control = fabric_get(f, f->model.msix, PCG_MSIX_CONTROL, 2);
	const uint8_t *entry = table + (size_t)vector * MSIX_ENTRY;

	if (f->model.msix == 0 || vector > (control & PCG_MSIX_SIZE))
		return -EINVAL;
	/* PCIe 6.0, 7.7.2.2; who owns the table also owns the pending bits. */
	if (!(control & PCG_MSIX_ENABLE) || (control & PCG_MSIX_FUNCTION_MASK) || (pcg_get32(entry + 12) & MSIX_MASKED))
		return -EAGAIN;
	return send(f, pcg_get32(entry) | (uint64_t)pcg_get32(entry + 4) << 32, pcg_get32(entry + 8));
}
