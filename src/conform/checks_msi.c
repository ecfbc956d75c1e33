/* SPDX-License-Identifier: BSD-3-Clause */
/* Message signalled interrupts. */
#include "conform/check.h"

static uint32_t control(struct conform *c)
{
	return check_get(c, c->base + PCG_MSI_CONTROL, 2);
}

/* Where the registers stand follows the control word. */
static unsigned int data_at(struct conform *c)
{
	return c->base + (control(c) & PCG_MSI_64BIT ? 12u : 8u);
}

static bool maskable(struct conform *c)
{
	if (!(control(c) & PCG_MSI_MASKABLE))
		check_none(c, "the function has no mask bits");
	return !check_over(c);
}

static uint32_t vector_bits(struct conform *c)
{
	uint32_t vectors = 1u << ((control(c) & PCG_MSI_MMC) >> 1);

	return vectors >= 32 ? UINT32_MAX : (1u << vectors) - 1;
}

/* 7.7.1.2: extended message data, by its own capability bit; the rest is reserved. */
static void run_reserved(struct conform *c, const struct check *check)
{
	uint32_t mask = control(c) & 0x0200 ? 0xf800u : 0xfc00u;

	check_bits_zero(c, c->base + check->reg, check->width, mask);
}

static void run_mmc(struct conform *c, const struct check *check)
{
	uint32_t mmc = (control(c) & PCG_MSI_MMC) >> 1;

	(void)check;
	if (mmc > 5)
		check_fail(c, "Multiple Message Capable is %u, which is reserved", mmc);
}

static void run_mme(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t mmc = (control(c) & PCG_MSI_MMC) >> 1, i, now;

	for (i = 0; i <= mmc && i <= 5; i++) {
		check_put(c, at, 2, (control(c) & ~(uint32_t)(PCG_MSI_MME | PCG_MSI_ENABLE)) | i << 4);
		now = (control(c) & PCG_MSI_MME) >> 4;
		if (now != i)
			check_fail(c, "%u vectors were enabled, %u are, of %u", 1u << i, 1u << now, 1u << mmc);
	}
}

static void run_address(struct conform *c, const struct check *check)
{
	check_bits_readback(c, c->base + check->reg, 4, 0xfffffffcu);
	check_bits_zero(c, c->base + check->reg, 4, 3);
}

static void run_upper(struct conform *c, const struct check *check)
{
	(void)check;
	if (control(c) & PCG_MSI_64BIT)
		check_bits_readback(c, c->base + 8, 4, UINT32_MAX);
	else
		check_none(c, "the function has 32-bit addresses only");
}

static void run_data(struct conform *c, const struct check *check)
{
	(void)check;
	check_bits_readback(c, data_at(c), 2, 0xffff);
}

/* Where the mask register follows, the two bytes after the data are the capability's own. */
static void run_data_upper(struct conform *c, const struct check *check)
{
	(void)check;
	if (!maskable(c))
		return;
	if (control(c) & 0x0200)
		check_bits_readback(c, data_at(c) + 2, 2, 0xffff);
	else
		check_bits_zero(c, data_at(c) + 2, 2, 0xffff);
}

static void run_mask(struct conform *c, const struct check *check)
{
	(void)check;
	if (maskable(c))
		check_bits_readback(c, data_at(c) + 4, 4, vector_bits(c));
}

static void run_mask_beyond(struct conform *c, const struct check *check)
{
	uint32_t bits = ~vector_bits(c);

	(void)check;
	if (bits == 0)
		check_none(c, "the function has 32 vectors");
	else if (maskable(c))
		check_bits_zero(c, data_at(c) + 4, 4, bits);
}

static void run_pending(struct conform *c, const struct check *check)
{
	(void)check;
	if (maskable(c))
		check_bits_read_only(c, data_at(c) + 8, 4, UINT32_MAX);
}

/* A mediator owns the vectors; a write beside the control word is nothing it need tell the function. */
static void run_next_host(struct conform *c, const struct check *check)
{
	uint32_t host = check_host(c, c->base, 4);

	(void)check;
	check_watch(c);
	check_put(c, c->base + 1, 1, check_get(c, c->base + 1, 1));
	check_put(c, c->base, 1, check_get(c, c->base, 1));
	if (check_host_wrote(c, c->base, 4, 0xffffffff, host) != 0)
		check_fail(c, "a write of the capability's id and pointer was passed on to the function");
}

/* The address would be the guest's physical one: an interrupt to somewhere in the host's memory. */
static void run_host(struct conform *c, const struct check *check)
{
	unsigned int data = data_at(c);
	uint32_t address = check_host(c, c->base + check->reg, 4), message = check_host(c, data, 2);

	check_watch(c);
	check_put(c, c->base + check->reg, 4, 0xfee5a5a4u);
	check_put(c, data, 2, 0x5a5a);
	if (check_host_wrote(c, c->base + check->reg, 4, UINT32_MAX, address) == 2 ||
	    check_host_wrote(c, data, 2, 0xffff, message) == 2)
		check_fail(c, "a message address or data that the guest wrote reached the function");
}

#define ROW(name, text, section, how, at, w, bits_)                                                                    \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = PCG_CAP_MSI, .reg = at, .width = w,      \
		.mask = bits_                                                                                          \
	}

static const struct check checks[] = {
	ROW("msi.control.mmc-legal", "Multiple Message Capable is a number of vectors", "PCIe 6.0, 7.7.1.2", run_mmc,
	    PCG_MSI_CONTROL, 2, 0),
	ROW("msi.control.read-only", "writes leave what the function can do alone", "PCIe 6.0, 7.7.1.2",
	    check_read_only, PCG_MSI_CONTROL, 2, 0x038e),
	ROW("msi.control.reserved", "reserved control bits read 0", "PCIe 6.0, 7.7.1.2", run_reserved, PCG_MSI_CONTROL,
	    2, 0),
	ROW("msi.enable.readback", "MSI Enable can be set and cleared", "PCIe 6.0, 7.7.1.2", check_readback,
	    PCG_MSI_CONTROL, 2, PCG_MSI_ENABLE),
	ROW("msi.mme.readback", "every number of vectors up to the offer can be enabled", "PCIe 6.0, 7.7.1.2", run_mme,
	    PCG_MSI_CONTROL, 2, 0),
	ROW("msi.address.readback", "the address reads back, its low bits 0", "PCIe 6.0, 7.7.1.3", run_address, 4, 4,
	    0),
	ROW("msi.upper.readback", "the upper address reads back", "PCIe 6.0, 7.7.1.4", run_upper, 4, 4, 0),
	ROW("msi.data.readback", "the message data reads back", "PCIe 6.0, 7.7.1.5", run_data, 4, 4, 0),
	ROW("msi.data.extended", "extended data is there as it is said to be", "PCIe 6.0, 7.7.1.6", run_data_upper, 4,
	    4, 0),
	ROW("msi.mask.readback", "each vector's mask bit can be set and cleared", "PCIe 6.0, 7.7.1.7", run_mask, 4, 4,
	    0),
	ROW("msi.mask.bits-beyond-vectors", "mask bits without a vector read 0", "PCIe 6.0, 7.7.1.7", run_mask_beyond,
	    4, 4, 0),
	ROW("msi.pending.read-only", "writes leave the pending bits alone", "PCIe 6.0, 7.7.1.8", run_pending, 4, 4, 0),
	{ .id = "msi.host.address",
	  .spec = "the host delivers its interrupts",
	  .what = "message addresses and data stay the guest's",
	  .run = run_host,
	  .cap = PCG_CAP_MSI,
	  .reg = 4,
	  .width = 4,
	  .needs = NEEDS_HOST },
	{ .id = "msi.host.next",
	  .spec = "PCIe 6.0, 2.2.5",
	  .what = "a write of the header does not rewrite the control word",
	  .run = run_next_host,
	  .cap = PCG_CAP_MSI,
	  .reg = 0,
	  .width = 4,
	  .needs = NEEDS_HOST },
};

const struct check_group msi_group = CHECK_GROUP("msi", checks);
