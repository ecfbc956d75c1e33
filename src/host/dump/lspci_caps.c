/* SPDX-License-Identifier: BSD-3-Clause */
/* Capabilities in lspci's line shapes; the ones most asked for with what stands in them. */
#include <inttypes.h>

#include "host/dump/lspci_text.h"

/* One capability of one function. Registers past its end read as zero. */
struct body {
	const struct lspci_function *function;
	FILE *out;
	const uint8_t *config;
	const struct pcg_cap *cap;
	bool verbose;
};

static uint32_t reg(const struct body *body, unsigned int at, unsigned int width)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < width && at + i < body->cap->length; i++)
		value |= (uint32_t)body->config[body->cap->offset + at + i] << (8 * i);
	return value;
}

static char sign(uint32_t bits)
{
	return bits != 0 ? '+' : '-';
}

static void print_pm(const struct body *body)
{
	static const unsigned int milliamps[] = { 0, 55, 100, 160, 220, 270, 320, 375 };
	uint32_t pmc = reg(body, PCG_PM_PMC, 2), csr = reg(body, PCG_PM_CSR, 2);

	fprintf(body->out, "Power Management version %u\n", pmc & 7);
	if (!body->verbose)
		return;
	fprintf(body->out, "\t\tFlags: PMEClk%c DSI%c D1%c D2%c AuxCurrent=%umA PME(D0%c,D1%c,D2%c,D3hot%c,D3cold%c)\n",
		sign(pmc & 0x8), sign(pmc & 0x20), sign(pmc & 0x200), sign(pmc & 0x400), milliamps[pmc >> 6 & 7],
		sign(pmc & 0x800), sign(pmc & 0x1000), sign(pmc & 0x2000), sign(pmc & 0x4000), sign(pmc & 0x8000));
	fprintf(body->out, "\t\tStatus: D%u NoSoftRst%c PME-Enable%c DSel=%u DScale=%u PME%c\n", csr & 3, sign(csr & 8),
		sign(csr & 0x100), csr >> 9 & 0xf, csr >> 13 & 3, sign(csr & 0x8000));
}

static void print_msi(const struct body *body)
{
	uint32_t control = reg(body, PCG_MSI_CONTROL, 2);
	unsigned int data = control & PCG_MSI_64BIT ? 12 : 8;

	fprintf(body->out, "MSI: Enable%c Count=%u/%u Maskable%c 64bit%c\n", sign(control & PCG_MSI_ENABLE),
		1u << (control >> 4 & 7), 1u << (control >> 1 & 7), sign(control & PCG_MSI_MASKABLE),
		sign(control & PCG_MSI_64BIT));
	if (!body->verbose)
		return;
	if (control & PCG_MSI_64BIT)
		fprintf(body->out, "\t\tAddress: %08x%08x  Data: %04x\n", reg(body, 8, 4), reg(body, 4, 4),
			reg(body, data, 2));
	else
		fprintf(body->out, "\t\tAddress: %08x  Data: %04x\n", reg(body, 4, 4), reg(body, data, 2));
	if (control & PCG_MSI_MASKABLE)
		fprintf(body->out, "\t\tMasking: %08x  Pending: %08x\n", reg(body, data + 4, 4),
			reg(body, data + 8, 4));
}

static void print_msix(const struct body *body)
{
	uint32_t control = reg(body, PCG_MSIX_CONTROL, 2), table = reg(body, PCG_MSIX_TABLE, 4);
	uint32_t pba = reg(body, PCG_MSIX_PBA, 4);

	fprintf(body->out, "MSI-X: Enable%c Count=%u Masked%c\n", sign(control & PCG_MSIX_ENABLE),
		(control & PCG_MSIX_SIZE) + 1, sign(control & PCG_MSIX_FUNCTION_MASK));
	if (!body->verbose)
		return;
	fprintf(body->out, "\t\tVector table: BAR=%u offset=%08x\n", table & 7, table & ~7u);
	fprintf(body->out, "\t\tPBA: BAR=%u offset=%08x\n", pba & 7, pba & ~7u);
}

static const char *port_type(unsigned int type)
{
	/* PCIe 6.0, 7.5.3.2: the types that a type 0 header goes with, and who should not be there. */
	static const char *const types[16] = {
		[0] = "Endpoint",
		[1] = "Legacy Endpoint",
		[4] = "Root Port",
		[5] = "Upstream Port",
		[6] = "Downstream Port",
		[7] = "PCI-Express to PCI/PCI-X Bridge",
		[8] = "PCI/PCI-X to PCI-Express Bridge",
		[9] = "Root Complex Integrated Endpoint",
		[10] = "Root Complex Event Collector",
	};

	return types[type & 0xf] != NULL ? types[type & 0xf] : "Unknown type";
}

static void print_device_registers(const struct body *body)
{
	uint32_t cap = reg(body, PCG_EXP_DEVCAP, 4), ctl = reg(body, PCG_EXP_DEVCTL, 2);
	uint32_t sta = reg(body, PCG_EXP_DEVSTA, 2);

	fprintf(body->out, "\t\tDevCap:\tMaxPayload %u bytes, PhantFunc %u\n", 128u << (cap & 7),
		(1u << (cap >> 3 & 3)) - 1);
	fprintf(body->out, "\t\t\tExtTag%c RBE%c FLReset%c\n", sign(cap & 0x20), sign(cap & 0x8000),
		sign(cap & PCG_DEVCAP_FLR));
	fprintf(body->out, "\t\tDevCtl:\tCorrErr%c NonFatalErr%c FatalErr%c UnsupReq%c\n", sign(ctl & 1), sign(ctl & 2),
		sign(ctl & 4), sign(ctl & 8));
	fprintf(body->out, "\t\t\tRlxdOrd%c ExtTag%c PhantFunc%c AuxPwr%c NoSnoop%c\n", sign(ctl & 0x10),
		sign(ctl & 0x100), sign(ctl & 0x200), sign(ctl & 0x400), sign(ctl & 0x800));
	fprintf(body->out, "\t\t\tMaxPayload %u bytes, MaxReadReq %u bytes\n", 128u << (ctl >> 5 & 7),
		128u << (ctl >> 12 & 7));
	fprintf(body->out, "\t\tDevSta:\tCorrErr%c NonFatalErr%c FatalErr%c UnsupReq%c AuxPwr%c TransPend%c\n",
		sign(sta & 1), sign(sta & 2), sign(sta & 4), sign(sta & 8), sign(sta & 0x10), sign(sta & 0x20));
}

static void print_express(const struct body *body)
{
	uint32_t flags = reg(body, PCG_EXP_FLAGS, 2);

	fprintf(body->out, "Express (v%u) %s, IntMsgNum %u\n", flags & 0xf, port_type(flags >> 4), flags >> 9 & 0x1f);
	if (body->verbose)
		print_device_registers(body);
}

static void print_af(const struct body *body)
{
	uint32_t cap = reg(body, PCG_AF_CAP, 1);

	fprintf(body->out, "PCI Advanced Features\n");
	if (body->verbose)
		fprintf(body->out, "\t\tAFCap: TP%c FLR%c\n", sign(cap & PCG_AF_CAP_TP), sign(cap & PCG_AF_CAP_FLR));
}

static void print_vendor(const struct body *body)
{
	fprintf(body->out, "Vendor Specific Information: Len=%02x <?>\n", reg(body, 2, 1));
}

static void print_vsec(const struct body *body)
{
	uint32_t header = reg(body, 4, 4);

	fprintf(body->out, "Vendor Specific Information: ID=%04x Rev=%u Len=%03x <?>\n", header & 0xffff,
		header >> 16 & 0xf, header >> 20);
}

static void print_serial(const struct body *body)
{
	int i;

	fprintf(body->out, "Device Serial Number ");
	for (i = 11; i >= 4; i--)
		fprintf(body->out, "%02x%s", reg(body, (unsigned int)i, 1), i > 4 ? "-" : "\n");
}

static const struct {
	uint16_t id;
	bool extended;
	void (*print)(const struct body *body);
} decoders[] = {
	{ PCG_CAP_PM, false, print_pm },     { PCG_CAP_MSI, false, print_msi },
	{ PCG_CAP_MSIX, false, print_msix }, { PCG_CAP_EXP, false, print_express },
	{ PCG_CAP_AF, false, print_af },     { PCG_CAP_VNDR, false, print_vendor },
	{ PCG_ECAP_VSEC, true, print_vsec }, { PCG_ECAP_DSN, true, print_serial },
};

static const char *mark_of(const struct body *body)
{
	const char *mark = body->function->mark != NULL ? body->function->mark(body->function->arg, body->cap) : NULL;

	return mark != NULL ? mark : "";
}

static void print_cap(const struct body *body)
{
	const struct pcg_cap *cap = body->cap;
	const char *text = pcg_cap_text(cap->id, cap->extended, NULL);
	size_t i;

	if (cap->extended)
		fprintf(body->out, "\tCapabilities: [%03x v%u] ", cap->offset, cap->version);
	else
		fprintf(body->out, "\tCapabilities: [%02x] ", cap->offset);
	for (i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++) {
		if (decoders[i].id == cap->id && decoders[i].extended == cap->extended) {
			decoders[i].print(body);
			return;
		}
	}
	if (text != NULL)
		fprintf(body->out, "%s%s\n", text, mark_of(body));
	else
		fprintf(body->out, cap->extended ? "Extended Capability ID %#x\n" : "#%02x\n", cap->id);
}

void lspci_print_caps(FILE *out, const struct lspci_function *function, unsigned int verbosity)
{
	const struct pcg_layout *layout = function->layout;
	struct body body = { .function = function, .out = out, .config = function->config, .verbose = verbosity > 1 };
	unsigned int i;

	for (i = 0; i < layout->ncaps; i++) {
		body.cap = &layout->caps[i];
		print_cap(&body);
	}
	for (i = 0; i < layout->necaps; i++) {
		body.cap = &layout->ecaps[i];
		print_cap(&body);
	}
}
