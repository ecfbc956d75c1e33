/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets' headers as error logs hold them: the first byte of a header is the uppermost of a dword (7.8.4.8). */
#include "host/fabric/internal.h"

/* Fmt and Type, the first byte (PCIe 6.0, 2.2.1.1). */
enum {
	FMT_4DW = 0x20,
	FMT_DATA = 0x40,
	TYPE_MEMORY = 0x00,
	TYPE_CONFIG0 = 0x04,
	TYPE_CONFIG1 = 0x05,
	TYPE_COMPLETION = 0x0a,
	TYPE_MESSAGE = 0x30, /* a message has four dwords; routed to the root complex */
	PREFIX_PASID = 0x91,
};

/* PCIe 6.0, 2.2.5: which bytes of the first and of the last dword are meant. */
static uint32_t byte_enables(const struct tlp *tlp, uint32_t dwords)
{
	uint32_t first = (uint32_t)(tlp->address & 3u), end = (uint32_t)((tlp->address + tlp->length) & 3u);
	uint32_t low, high;

	if (tlp->length == 0)
		return 0;
	low = 0xfu << first & 0xfu;
	high = end == 0 ? 0xfu : (1u << end) - 1;
	if (dwords == 1)
		return low & high;
	return high << 4 | low;
}

/* A zero-length read asks for one dword and none of its bytes; 1024 dwords are encoded as 0 (2.2.2). */
static uint32_t length_of(const struct tlp *tlp)
{
	uint32_t dwords = (uint32_t)(((tlp->address & 3u) + tlp->length + 3) / 4);

	return dwords == 0 ? 1 : dwords;
}

static uint32_t first_dword(const struct tlp *tlp, uint32_t fmt_type, uint32_t dwords)
{
	return fmt_type << 24 | (tlp->poisoned ? 1u << 14 : 0) | (uint32_t)tlp->at << 10 | (dwords & 0x3ffu);
}

static unsigned int memory(const struct tlp *tlp, uint32_t *header)
{
	uint32_t fmt = tlp->type == TLP_MEMORY_WRITE ? FMT_DATA : 0, dwords = length_of(tlp);
	unsigned int n = 2;

	if (tlp->address >> 32 != 0)
		fmt |= FMT_4DW;
	header[0] = first_dword(tlp, fmt | TYPE_MEMORY, dwords);
	header[1] = (uint32_t)tlp->requester << 16 | (uint32_t)tlp->tag << 8 | byte_enables(tlp, dwords);
	if (fmt & FMT_4DW)
		header[n++] = (uint32_t)(tlp->address >> 32);
	header[n++] = (uint32_t)tlp->address & ~3u;
	return n;
}

static unsigned int config(const struct tlp *tlp, uint32_t *header)
{
	uint32_t fmt = tlp->type == TLP_CONFIG_WRITE ? FMT_DATA : 0;

	header[0] = first_dword(tlp, fmt | (tlp->type1 ? TYPE_CONFIG1 : TYPE_CONFIG0), 1);
	header[1] = (uint32_t)tlp->requester << 16 | (uint32_t)tlp->tag << 8 | tlp->be;
	header[2] = (uint32_t)tlp->target << 16 | ((uint32_t)tlp->address & 0xffcu);
	return 3;
}

static unsigned int message(const struct tlp *tlp, uint32_t *header)
{
	header[0] = first_dword(tlp, TYPE_MESSAGE, 0);
	header[1] = (uint32_t)tlp->requester << 16 | (uint32_t)tlp->tag << 8 | tlp->message;
	header[2] = (uint32_t)(tlp->address >> 32);
	header[3] = (uint32_t)tlp->address;
	return 4;
}

/* PCIe 6.0, 2.2.9: completer, byte count, requester, tag, lower address; only successful ones have data. */
static unsigned int completion(const struct tlp *tlp, uint32_t *header)
{
	header[0] = first_dword(tlp, FMT_DATA | TYPE_COMPLETION, length_of(tlp));
	header[1] = (uint32_t)tlp->requester << 16 | (tlp->length & 0xfffu);
	header[2] = (uint32_t)tlp->target << 16 | (uint32_t)tlp->tag << 8 | ((uint32_t)tlp->address & 0x7fu);
	return 3;
}

/* PCIe 6.0, 6.20.2. */
static uint32_t prefix_of(const struct tlp_pasid *pasid)
{
	if (!pasid->present)
		return 0;
	return (uint32_t)PREFIX_PASID << 24 | (pasid->privileged ? 1u << 23 : 0) | (pasid->execute ? 1u << 22 : 0) |
	       (pasid->value & 0xfffffu);
}

unsigned int fabric_header(const struct tlp *tlp, uint32_t header[4], uint32_t *prefix)
{
	*prefix = prefix_of(&tlp->pasid);
	switch (tlp->type) {
	case TLP_MEMORY_READ:
	case TLP_MEMORY_WRITE:
		return memory(tlp, header);
	case TLP_CONFIG_READ:
	case TLP_CONFIG_WRITE:
		return config(tlp, header);
	case TLP_MESSAGE:
		return message(tlp, header);
	case TLP_COMPLETION:
		return completion(tlp, header);
	}
	return 0;
}
