/* SPDX-License-Identifier: BSD-3-Clause */
/* What a capture need not tell: serial numbers, and where the host keeps things. */
#include <stdio.h>
#include <string.h>

#include "machine/capture.h"

enum {
	TYPE_MASK = 0x7f,
	BRIDGE_BARS = 2,
	BRIDGE_ROM = 0x38,
	SRIOV_VF_BARS = 0x24, /* PCIe 6.0, 9.3.3.14 */
	MSI_ADDRESS = 4,
	EA_ENTRIES = 4,
};

struct redaction {
	uint8_t *config;
	char *what;
	size_t used;
};

/** struct secret - bytes of a capability that are replaced; what a capability does not have is left out */
struct secret {
	uint16_t id;
	bool extended;
	uint16_t offset;
	uint16_t length;
};

static const struct secret secrets[] = {
	/* Serial number (PCIe 6.0, 7.9.3). */
	{ .id = PCG_ECAP_DSN, .extended = true, .offset = 4, .length = 8 },
	/* Address and data of vital product data: the last that was read (PCI 3.0, appendix I). */
	{ .id = PCG_CAP_VPD, .offset = 2, .length = 6 },
	/* The request that was logged, with its address (PCIe 6.0, 7.8.4.8 and 7.8.4.12). */
	{ .id = PCG_ECAP_AER, .extended = true, .offset = 0x1c, .length = 16 },
	{ .id = PCG_ECAP_AER, .extended = true, .offset = 0x38, .length = 16 },
	/* The same of a root port (PCIe 6.0, 7.9.14.13 and on). */
	{ .id = PCG_ECAP_DPC, .extended = true, .offset = 0x20, .length = 0x24 },
	/* Multicast base address (PCIe 6.0, 7.9.11.4). */
	{ .id = PCG_ECAP_MCAST, .extended = true, .offset = 8, .length = 8 },
	/* Link entries with the addresses of register blocks (PCIe 6.0, 7.9.8.3). */
	{ .id = PCG_ECAP_RCLINK, .extended = true, .offset = 0x10, .length = 0xff0 },
	/* The hierarchy's id and the system's GUID (PCIe 6.0, 7.9.17). */
	{ .id = PCG_ECAP_HIERID, .extended = true, .offset = 8, .length = 24 },
};

static void told(struct redaction *r, const char *what)
{
	if (strstr(r->what, what) != NULL || r->used >= REDACTED_TEXT)
		return;
	r->used += (size_t)snprintf(r->what + r->used, REDACTED_TEXT - r->used, "%s%s", r->used > 0 ? ", " : "", what);
}

/* Keeps the bits @keep of a dword. */
static void cut(struct redaction *r, unsigned int at, uint32_t keep, const char *what)
{
	uint32_t value = pcg_get32(r->config + at);

	if ((value & ~keep) == 0)
		return;
	pcg_put32(r->config + at, value & keep);
	told(r, what);
}

static void cut_bytes(struct redaction *r, unsigned int at, unsigned int length, const char *what)
{
	for (unsigned int i = 0; i < length; i++) {
		if (r->config[at + i] != 0)
			told(r, what);
		r->config[at + i] = 0;
	}
}

/* PCIe 6.0, 7.5.1.2.1. */
static void cut_bars(struct redaction *r, unsigned int at, unsigned int count, const char *what)
{
	for (unsigned int i = 0; i < count; i++) {
		uint32_t low = pcg_get32(r->config + at + 4 * i);

		cut(r, at + 4 * i, low & 1 ? 3 : 15, what);
		if ((low & 7) == 4 && i + 1 < count)
			cut(r, at + 4 * ++i, 0, what);
	}
}

/* A base above its limit is a closed window; the low digits say how wide the registers are (PCIe 6.0, 7.5.1.3). */
static void close_windows(struct redaction *r)
{
	uint8_t *config = r->config;

	config[0x1c] = (uint8_t)(0xf0 | (config[0x1c] & 0xf));
	config[0x1d] &= 0xf;
	pcg_put32(config + 0x20, 0x0000fff0);
	pcg_put32(config + 0x24, 0x0000fff0 | (pcg_get32(config + 0x24) & 0x000f000f));
	memset(config + 0x28, 0, 12);
	told(r, "bridge windows");
}

/* Entries of an enhanced allocation: where each resource begins (PCIe 6.0, 7.8.5.3). How large it is stays. */
static void cut_allocation(struct redaction *r, const struct pcg_cap *cap)
{
	unsigned int end = cap->offset + (unsigned int)cap->length, at = cap->offset + EA_ENTRIES;
	unsigned int count = r->config[cap->offset + 2] & 0x3f;

	for (; count > 0 && at + 12 <= end; count--) {
		unsigned int length = 4 * (1 + (r->config[at] & 7u));
		bool wide = (r->config[at + 4] & 2) != 0;

		cut(r, at + 4, 3, "CAP_EA");
		if (wide && at + 16 <= end)
			cut(r, at + 12, 0, "CAP_EA");
		at += length;
	}
}

static void cut_capability(struct redaction *r, const struct pcg_cap *cap)
{
	const char *setpci = NULL;
	unsigned int length;

	(void)pcg_cap_text(cap->id, cap->extended, &setpci);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const struct secret *secret = &secrets[i];

		if (secret->id != cap->id || secret->extended != cap->extended || secret->offset >= cap->length)
			continue;
		length = cap->length - secret->offset;
		cut_bytes(r, cap->offset + secret->offset, length < secret->length ? length : secret->length, setpci);
	}
	if (cap->extended && cap->id == PCG_ECAP_SRIOV && cap->length >= SRIOV_VF_BARS + 4 * PCG_NUM_BARS)
		cut_bars(r, cap->offset + SRIOV_VF_BARS, PCG_NUM_BARS, "VF BARs");
	if (!cap->extended && cap->id == PCG_CAP_EA)
		cut_allocation(r, cap);
	if (!cap->extended && cap->id == PCG_CAP_MSI && cap->length >= 10) {
		/* PCI 3.0, 6.8.1: address, and the data behind it. */
		length = pcg_get16(r->config + cap->offset + PCG_MSI_CONTROL) & PCG_MSI_64BIT ? 10 : 6;
		if (MSI_ADDRESS + length <= cap->length)
			cut_bytes(r, cap->offset + MSI_ADDRESS, length, "CAP_MSI");
	}
}

void machine_redact(uint8_t *config, const struct pcg_layout *layout, char what[REDACTED_TEXT])
{
	struct redaction r = { .config = config, .what = what };
	bool bridge = (config[PCG_HEADER_TYPE] & TYPE_MASK) == 1;

	what[0] = '\0';
	cut_bars(&r, PCG_BAR0, bridge ? BRIDGE_BARS : PCG_NUM_BARS, "BARs");
	cut(&r, bridge ? BRIDGE_ROM : PCG_ROM, 1, "expansion ROM");
	if (bridge)
		close_windows(&r);
	for (unsigned int i = 0; i < layout->ncaps; i++)
		cut_capability(&r, &layout->caps[i]);
	for (unsigned int i = 0; i < layout->necaps; i++)
		cut_capability(&r, &layout->ecaps[i]);
}
