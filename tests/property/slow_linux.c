/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/linux.h"
#include "slow_linux.h"

/* Chunks are of one owner, end with their dword, and are 1, 2 or 4 bytes in their natural places. */
static unsigned int chunk_at(const struct pcg_view *view, unsigned int at, unsigned int left)
{
	unsigned int run = 1;

	while (run < left && (at + run) % 4 != 0 && view->owner[at + run] == view->owner[at])
		run++;
	if (run == 3)
		run = 2;
	return run == 2 && at % 2 != 0 ? 1 : run;
}

static const struct linux_cap *owner_of(const struct pcg_view *view, unsigned int at)
{
	uint8_t id = view->owner[at];

	if (id == LINUX_NOBODY || id == LINUX_VIRTUAL)
		return NULL;
	return at < PCG_CONFIG_CONVENTIONAL ? linux_standard(id) : linux_extended(id);
}

/* How far into what its owner has in a row; the header's begins at 0. */
static unsigned int depth_of(const struct pcg_view *view, unsigned int at)
{
	unsigned int first = at < PCG_CONFIG_CONVENTIONAL ? PCG_HEADER_END : PCG_CONFIG_CONVENTIONAL, depth = 0;

	if (view->owner[at] == LINUX_HEADER)
		return at;
	while (at - depth > first && view->owner[at - depth - 1] == view->owner[at])
		depth++;
	return depth;
}

/* One byte of a chunk: bits that the shadow is read for, that are written there, and in the function. */
struct fate {
	uint8_t read;
	uint8_t shadow;
	uint8_t host;
};

static struct fate by_rows(const struct pcg_view *view, const struct linux_cap *cap, unsigned int depth)
{
	const struct linux_rows *rows = cap->rows != NULL ? cap->rows : &linux_msi[view->own.msi_layout];
	uint8_t virtual = 0, written = 0;
	unsigned int i;

	for (i = 0; i < rows->count; i++) {
		const struct linux_row *row = &rows->row[i];

		if (row->at > depth || depth - row->at > 3)
			continue;
		virtual |= (uint8_t)(row->virt >> 8 * (depth - row->at));
		written |= (uint8_t)(row->write >> 8 * (depth - row->at));
	}
	return (struct fate){ virtual, virtual & written, written & (uint8_t) ~virtual };
}

/* Of a capability without rows the guest is shown its own header: as far as an access looks for it. */
static bool is_header(unsigned int chunk, unsigned int width, unsigned int depth, unsigned int nth)
{
	if (chunk >= PCG_CONFIG_CONVENTIONAL)
		return depth < 4;
	if (chunk < PCG_HEADER_END)
		return false;
	return depth == 0 ? width > 1 && nth < 2 : depth == 1 && nth == 0;
}

static struct fate fate_of(const struct pcg_view *view, unsigned int chunk, unsigned int width, unsigned int nth)
{
	const struct linux_cap *cap = owner_of(view, chunk);
	unsigned int depth;

	if (view->owner[chunk] == LINUX_NOBODY)
		return (struct fate){ 0, 0, 0xff };
	if (view->owner[chunk] == LINUX_VIRTUAL)
		return (struct fate){ 0xff, 0xff, 0 };
	depth = depth_of(view, chunk);
	if (cap->access == LINUX_TABLE)
		return by_rows(view, cap, depth + nth);
	return (struct fate){ is_header(chunk, width, depth, nth) ? 0xff : 0, 0,
			      cap->access == LINUX_DIRECT_RAW ? 0xff : 0 };
}

void slow_linux_read(const struct slow *slow, unsigned int at, uint8_t *data, unsigned int length)
{
	unsigned int width, i;

	for (; length > 0; at += width, data += width, length -= width) {
		width = chunk_at(slow->view, at, length);
		for (i = 0; i < width; i++) {
			uint8_t bits = fate_of(slow->view, at, width, i).read;

			data[i] = (uint8_t)((slow->shadow[at + i] & bits) | (slow->host[at + i] & ~bits));
		}
	}
}

/* All of a chunk goes back to the function if any of it does, and clears whatever reads as one and clears by ones. */
static void write_chunk(struct slow *slow, const uint32_t *rw1c, unsigned int at, const uint8_t *data,
			unsigned int width)
{
	bool reaches = false;
	unsigned int i;

	for (i = 0; i < width; i++) {
		struct fate fate = fate_of(slow->view, at, width, i);

		slow->shadow[at + i] = (uint8_t)((slow->shadow[at + i] & ~fate.shadow) | (data[i] & fate.shadow));
		reaches |= fate.host != 0;
	}
	if (!reaches)
		return;
	slow->writes++;
	for (i = 0; i < width; i++) {
		uint8_t host = fate_of(slow->view, at, width, i).host,
			clears = (uint8_t)(rw1c[(at + i) / 4] >> (at + i) % 4 * 8);
		uint8_t back = (uint8_t)((slow->host[at + i] & ~host) | (data[i] & host));

		slow->host[at + i] = (uint8_t)((slow->host[at + i] & clears & ~back) | (back & ~clears));
	}
}

void slow_linux_write(struct slow *slow, const uint32_t *rw1c, unsigned int at, const uint8_t *data,
		      unsigned int length)
{
	unsigned int width;

	for (; length > 0; at += width, data += width, length -= width) {
		width = chunk_at(slow->view, at, length);
		write_chunk(slow, rw1c, at, data, width);
	}
}

bool slow_linux_keeps_out(const struct pcg_view *view, unsigned int at, unsigned int length)
{
	for (; length > 0; at++, length--) {
		const struct linux_cap *cap = owner_of(view, at);

		if (cap == NULL || cap->hook == LINUX_NO_HOOK)
			continue;
		if (cap->hook != LINUX_ON_HEADER || (at & ~1u) == PCG_COMMAND)
			return false;
		if ((at >= PCG_BAR0 && at < PCG_CARDBUS_CIS) || (at & ~3u) == PCG_ROM)
			return false;
	}
	return true;
}
