/* SPDX-License-Identifier: BSD-3-Clause */
/* The type 0 header but for its addresses. */
#include "conform/check.h"

static void check_present(struct conform *c, const struct check *check)
{
	uint32_t id = check_get(c, PCG_VENDOR, 2);

	(void)check;
	if (id == 0xffff && c->target->is_vf)
		check_fail(c, "a VF's own ids, ffff: who shows it to a guest puts its PF's there (9.3.4.1.1)");
	else if (id == 0xffff || id == 0)
		check_fail(c, "the vendor id reads %04x: nothing answers", id);
}

static void check_type(struct conform *c, const struct check *check)
{
	uint32_t type = check_get(c, PCG_HEADER_TYPE, 1);

	(void)check;
	if ((type & 0x7f) != 0)
		check_fail(c, "the header type reads %02x; a function is assigned with a type 0 header", type);
}

/* 7.5.1.1.3: there for what the function decodes; hardwired to 0 otherwise. */
static void check_enable(struct conform *c, const struct check *check)
{
	bool io = check->mask == PCG_COMMAND_IO, there = false;
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++)
		there |= io ? c->bar[i].kind == PCG_BAR_IO
			    : c->bar[i].kind == PCG_BAR_MEM32 || c->bar[i].kind == PCG_BAR_MEM64;
	/* 9.3.4.1.3: a VF has no I/O, and the bit is hardwired. */
	if (io && c->target->is_vf)
		check_bits_zero(c, PCG_COMMAND, 2, PCG_COMMAND_IO);
	else if (!there)
		check_none(c, "the function decodes no %s", io ? "I/O" : "memory");
	else
		check_readback(c, check);
}

static void check_intx_off(struct conform *c, const struct check *check)
{
	/* 7.5.1.1.3: a function that has no INTx may hardwire the bit. */
	if (check_get(c, PCG_INT_PIN, 1) == 0)
		check_readback_or_zero(c, check);
	else
		check_readback(c, check);
}

static void check_pin(struct conform *c, const struct check *check)
{
	uint32_t pin = check_get(c, PCG_INT_PIN, 1);

	(void)check;
	if (pin > 4)
		check_fail(c, "the interrupt pin reads %u: there are INTA to INTD", pin);
	if (c->target->is_vf && pin != 0)
		check_fail(c, "a VF shows interrupt pin %u: it has none", pin);
}

static void check_has_list(struct conform *c, const struct check *check)
{
	(void)check;
	if (c->target->config_size == PCG_CONFIG_CONVENTIONAL || check_get(c, PCG_CONFIG_CONVENTIONAL, 4) == 0)
		check_none(c, "a function without extended capabilities need not have standard ones");
	else if (!(check_get(c, PCG_STATUS, 2) & PCG_STATUS_CAPABILITIES))
		check_fail(c, "Status says that there are no capabilities, but there are extended ones");
}

/* Not a start of a self-test: only where the register says that there is none. */
static void check_bist(struct conform *c, const struct check *check)
{
	uint32_t bist = check_get(c, PCG_BIST, 1);

	(void)check;
	if (bist & 0x80)
		check_none(c, "the function can test itself, which is not tried");
	else
		check_bits_zero(c, PCG_BIST, 1, 0xff);
}

/* A self-test takes the function away for seconds. None is started: what is written here goes no further. */
static void check_bist_host(struct conform *c, const struct check *check)
{
	uint32_t host = check_host(c, PCG_BIST, 1);

	(void)check;
	if (!(host & 0x80)) {
		check_none(c, "the function cannot test itself");
		return;
	}
	probe_hold(c->target->host, PCG_BIST);
	check_watch(c);
	check_put(c, PCG_BIST, 1, 0x40);
	if (check_host_wrote(c, PCG_BIST, 1, 0x40, 0) == 2)
		check_fail(c, "a guest's start of a self-test would have reached the function");
}

/* Unmasked from under the host's feet, a line that nobody handles is raised for ever. */
static void check_intx_host(struct conform *c, const struct check *check)
{
	uint32_t host = check_host(c, PCG_COMMAND, 2), before = check_get(c, PCG_COMMAND, 2), i;

	for (i = 0; i < 2; i++) {
		check_watch(c);
		check_put(c, PCG_COMMAND, 2, before ^ (i == 0 ? check->mask : 0));
		if (check_host_wrote(c, PCG_COMMAND, 2, check->mask, host) == 2)
			check_fail(c, "the guest's Interrupt Disable reached the function, whose line is the host's");
	}
}

#define RO(name, section, text, at, w, bits)                                                                           \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = check_read_only, .reg = at, .width = w, .mask = bits \
	}

static const struct check checks[] = {
	{ .id = "header.vendor.present",
	  .spec = "PCIe 6.0, 7.5.1.1.1",
	  .what = "the vendor id is one",
	  .run = check_present },
	RO("header.vendor.read-only", "PCIe 6.0, 7.5.1.1.1", "writes leave the vendor id alone", PCG_VENDOR, 2, 0xffff),
	RO("header.device.read-only", "PCIe 6.0, 7.5.1.1.2", "writes leave the device id alone", PCG_DEVICE, 2, 0xffff),
	{ .id = "header.command.reserved",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "reserved Command bits read 0",
	  .run = check_zero,
	  .reg = PCG_COMMAND,
	  .width = 2,
	  .mask = 0xf800 },
	{ .id = "header.command.fixed-zero",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "Command bits that Express hardwires to 0 read 0",
	  .run = check_zero,
	  .reg = PCG_COMMAND,
	  .width = 2,
	  .mask = 0x02b8,
	  .needs = NEEDS_EXPRESS },
	{ .id = "header.command.memory-readback",
	  .spec = "PCIe 6.0, 7.5.1.1.3; VF: 9.3.4.1.3",
	  .what = "Memory Space Enable can be set and cleared",
	  .run = check_enable,
	  .reg = PCG_COMMAND,
	  .width = 2,
	  .mask = PCG_COMMAND_MEMORY },
	{ .id = "header.command.io-readback",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "I/O Space Enable can be set and cleared",
	  .run = check_enable,
	  .reg = PCG_COMMAND,
	  .width = 2,
	  .mask = PCG_COMMAND_IO },
	{ .id = "header.command.master-readback",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "Bus Master Enable can be set and cleared, or is always 0",
	  .run = check_readback_or_zero,
	  .reg = PCG_COMMAND,
	  .width = 2,
	  .mask = PCG_COMMAND_MASTER },
	{ .id = "header.command.errors-readback",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "Parity Error Response and SERR# Enable can be set and cleared",
	  .run = check_readback,
	  .reg = PCG_COMMAND,
	  .width = 2,
	  .mask = PCG_COMMAND_PARITY | PCG_COMMAND_SERR,
	  .needs = NEEDS_EXPRESS | NEEDS_PF },
	{ .id = "header.command.intx-readback",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "Interrupt Disable can be set and cleared",
	  .run = check_intx_off,
	  .reg = PCG_COMMAND,
	  .width = 2,
	  .mask = PCG_COMMAND_INTX_OFF },
	{ .id = "header.command.intx-host",
	  .spec = "PCIe 6.0, 7.5.1.1.3; the host handles the line",
	  .what = "Interrupt Disable stays the guest's own",
	  .run = check_intx_host,
	  .mask = PCG_COMMAND_INTX_OFF,
	  .needs = NEEDS_HOST | NEEDS_PF },
	{ .id = "header.command.bytewise",
	  .spec = "PCIe 6.0, 2.2.5",
	  .what = "a byte written to Command changes that byte",
	  .run = check_bytewise,
	  .reg = PCG_COMMAND,
	  .width = 2,
	  .mask = PCG_COMMAND_MASTER | PCG_COMMAND_SERR,
	  .needs = NEEDS_EXPRESS | NEEDS_PF },
	RO("header.status.read-only", "PCIe 6.0, 7.5.1.1.4", "writes leave Status' capability and timing bits alone",
	   PCG_STATUS, 2, 0x06f0),
	{ .id = "header.status.has-list",
	  .spec = "PCIe 6.0, 7.5.1.1.4",
	  .what = "Status says that there are capabilities",
	  .run = check_has_list },
	{ .id = "header.status.fixed-zero",
	  .spec = "PCIe 6.0, 7.5.1.1.4",
	  .what = "Status bits that Express hardwires to 0 read 0",
	  .run = check_zero,
	  .reg = PCG_STATUS,
	  .width = 2,
	  .mask = 0x06e6,
	  .needs = NEEDS_EXPRESS },
	RO("header.revision.read-only", "PCIe 6.0, 7.5.1.1.5", "writes leave the revision id alone", PCG_REVISION, 1,
	   0xff),
	RO("header.class.read-only", "PCIe 6.0, 7.5.1.1.6", "writes leave the class code alone", PCG_REVISION, 4,
	   0xffffff00),
	{ .id = "header.cache-line.readback",
	  .spec = "PCIe 6.0, 7.5.1.1.7",
	  .what = "Cache Line Size holds what was written",
	  .run = check_readback,
	  .reg = PCG_CACHE_LINE,
	  .width = 1,
	  .mask = 0xff,
	  .needs = NEEDS_EXPRESS | NEEDS_PF },
	{ .id = "header.latency.zero",
	  .spec = "PCIe 6.0, 7.5.1.1.8",
	  .what = "the latency timer is hardwired to 0",
	  .run = check_zero,
	  .reg = PCG_LATENCY,
	  .width = 1,
	  .mask = 0xff,
	  .needs = NEEDS_EXPRESS },
	{ .id = "header.type.zero", .spec = "PCIe 6.0, 7.5.1.1.9", .what = "the header is type 0", .run = check_type },
	RO("header.type.read-only", "PCIe 6.0, 7.5.1.1.9", "writes leave the header type alone", PCG_HEADER_TYPE, 1,
	   0xff),
	{ .id = "header.bist.absent",
	  .spec = "PCIe 6.0, 7.5.1.1.10",
	  .what = "without BIST its register is 0 and stays so",
	  .run = check_bist },
	{ .id = "header.bist.host",
	  .spec = "PCIe 6.0, 7.5.1.1.10; the host decides when",
	  .what = "a guest starts no self-test",
	  .run = check_bist_host,
	  .needs = NEEDS_HOST | NEEDS_WATCH },
	RO("header.cardbus.read-only", "PCIe 6.0, 7.5.1.2.2", "writes leave the CardBus pointer alone", PCG_CARDBUS_CIS,
	   4, 0xffffffff),
	RO("header.subsystem.read-only", "PCIe 6.0, 7.5.1.2.3", "writes leave the subsystem ids alone", PCG_SUBVENDOR,
	   4, 0xffffffff),
	RO("header.capabilities.read-only", "PCIe 6.0, 7.5.1.1.11", "writes leave the capabilities pointer alone",
	   PCG_CAPABILITIES, 1, 0xff),
	{ .id = "header.reserved.zero",
	  .spec = "PCIe 6.0, 7.5.1.2",
	  .what = "the reserved bytes 35h to 3Bh read 0",
	  .run = check_zero,
	  .reg = 0x38,
	  .width = 4,
	  .mask = 0xffffffff },
	{ .id = "header.line.readback",
	  .spec = "PCIe 6.0, 7.5.1.1.12",
	  .what = "Interrupt Line holds what was written",
	  .run = check_readback,
	  .reg = PCG_INT_LINE,
	  .width = 1,
	  .mask = 0xff,
	  .needs = NEEDS_PF },
	{ .id = "header.pin.legal",
	  .spec = "PCIe 6.0, 7.5.1.1.13; VF: 9.3.4.1.18",
	  .what = "Interrupt Pin is one of four, or none",
	  .run = check_pin },
	RO("header.pin.read-only", "PCIe 6.0, 7.5.1.1.13", "writes leave the interrupt pin alone", PCG_INT_PIN, 1,
	   0xff),
	RO("header.timing.read-only", "PCIe 6.0, 7.5.1.2.5", "writes leave Min_Gnt and Max_Lat alone", PCG_MIN_GNT, 2,
	   0xffff),
};

const struct check_group header_group = CHECK_GROUP("header", checks);
