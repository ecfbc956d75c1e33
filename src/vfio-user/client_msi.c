/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSI and MSI-X as a driver wants them: eventfds on one side, the capability on the other. The messages' addresses are
 * the server's affair: with eventfds nobody looks at what stands in the capability or the table.
 */
#include <errno.h>

#include "vfio-user/client.h"

#define MSIX_ENTRY       16u /* PCIe 6.0, 7.7.2.5 */
#define MSIX_VECTOR_CTRL 12u /* bit 0: masked; the others are reserved or a steering tag */

static int msi_capability(struct pcg_client *client, uint32_t index, struct pcg_cap *cap)
{
	int r;

	if (index != PCG_IRQ_MSI && index != PCG_IRQ_MSIX) {
		client_note(client, PCG_ERROR, "interrupt index %u is neither MSI nor MSI-X", index);
		return -EINVAL;
	}
	r = pcg_client_find(client, index == PCG_IRQ_MSI ? PCG_CAP_MSI : PCG_CAP_MSIX, false, cap);
	if (r == -ENOENT)
		client_note(client, PCG_ERROR, "the function has no %s capability",
			    index == PCG_IRQ_MSI ? "MSI" : "MSI-X");
	return r;
}

static int msix_unmask(struct pcg_client *client, const struct pcg_cap *cap, uint32_t count)
{
	uint32_t table = 0, bar;
	int r = pcg_client_config_read32(client, (uint16_t)(cap->offset + PCG_MSIX_TABLE), &table);

	bar = table & 7;
	if (r == 0 && bar >= PCG_NUM_BARS) {
		client_note(client, PCG_ERROR, "MSI-X: the table stands in BAR %u, and there is none", bar);
		return -EPROTO;
	}
	for (uint32_t v = 0; r == 0 && v < count; v++)
		r = pcg_client_write32(client, bar, (uint64_t)(table & ~7u) + v * MSIX_ENTRY + MSIX_VECTOR_CTRL, 0);
	return r;
}

/* PCIe 6.0, 6.1.4.2: masked as a whole while the entries are written. */
static int msix_on(struct pcg_client *client, const struct pcg_cap *cap, uint32_t count)
{
	uint16_t control = (uint16_t)(cap->offset + PCG_MSIX_CONTROL);
	int r = pcg_client_config_update16(client, control, 0, PCG_MSIX_ENABLE | PCG_MSIX_FUNCTION_MASK);

	if (r == 0)
		r = msix_unmask(client, cap, count);
	return r == 0 ? pcg_client_config_update16(client, control, PCG_MSIX_FUNCTION_MASK, 0) : r;
}

static int msi_on(struct pcg_client *client, const struct pcg_cap *cap, uint32_t count)
{
	uint16_t control = (uint16_t)(cap->offset + PCG_MSI_CONTROL), mme = 0;

	while (1u << (mme >> 4) < count)
		mme += 0x10;
	return pcg_client_config_update16(client, control, PCG_MSI_MME, (uint16_t)(mme | PCG_MSI_ENABLE));
}

static int msi_check(struct pcg_client *client, uint32_t index, uint32_t count)
{
	struct pcg_client_irq_info info;
	int r = pcg_client_irq_info(client, index, &info);

	if (r != 0)
		return r;
	if (count == 0 || count > info.count || (index == PCG_IRQ_MSI && (count & (count - 1)) != 0)) {
		client_note(client, PCG_ERROR, "%s: %u vectors are wanted, the function has %u%s",
			    index == PCG_IRQ_MSI ? "MSI" : "MSI-X", count, info.count,
			    index == PCG_IRQ_MSI ? ", in powers of two" : "");
		return -EINVAL;
	}
	return 0;
}

int pcg_client_msi_start(struct pcg_client *client, uint32_t index, uint32_t count)
{
	struct pcg_cap cap;
	int r = msi_capability(client, index, &cap);

	if (r == 0)
		r = msi_check(client, index, count);
	if (r != 0)
		return r;
	r = pcg_client_irq_enable(client, index, 0, count, NULL);
	if (r == 0)
		r = index == PCG_IRQ_MSI ? msi_on(client, &cap, count) : msix_on(client, &cap, count);
	if (r != 0 && client->dead == 0)
		pcg_client_msi_stop(client, index);
	return r;
}

int pcg_client_msi_stop(struct pcg_client *client, uint32_t index)
{
	struct pcg_cap cap;
	int r = msi_capability(client, index, &cap), off;

	if (r == 0)
		r = pcg_client_config_update16(
			client, (uint16_t)(cap.offset + (index == PCG_IRQ_MSI ? PCG_MSI_CONTROL : PCG_MSIX_CONTROL)),
			index == PCG_IRQ_MSI ? PCG_MSI_ENABLE : PCG_MSIX_ENABLE, 0);
	off = index == PCG_IRQ_MSI || index == PCG_IRQ_MSIX ? pcg_client_irq_disable(client, index) : 0;
	return r != 0 ? r : off;
}
