/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maps, unmaps, reads and writes in 64 pages, beside an array that knows which page is whose. Files may be cut short
 * at any time; then an access may fail, and nothing worse.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pcigate/dma.h>

#include "fuzz.h"

#define PAGE  4096u
#define PAGES 64u
#define FILES 3u

struct page {
	uint32_t map; /* 0: none */
	uint32_t flags;
};

struct room {
	struct pcg_dma *dma;
	struct page pages[PAGES];
	struct {
		uint64_t iova, size;
	} maps[PAGES + 1];
	uint8_t behind[PAGES * PAGE]; /* what messages reach */
	int files[FILES];
};

static int message_read(void *arg, uint64_t iova, void *data, size_t length, struct pcg_op *op)
{
	struct room *room = arg;

	(void)op;
	HOLDS(length > 0 && length <= PCG_DMA_MESSAGE_MAX);
	if (iova >= sizeof(room->behind) || length > sizeof(room->behind) - iova)
		return -EFAULT;
	memcpy(data, room->behind + iova, length);
	return PCG_DONE;
}

static int message_write(void *arg, uint64_t iova, const void *data, size_t length, struct pcg_op *op)
{
	struct room *room = arg;

	(void)op;
	HOLDS(length > 0 && length <= PCG_DMA_MESSAGE_MAX);
	if (iova >= sizeof(room->behind) || length > sizeof(room->behind) - iova)
		return -EFAULT;
	memcpy(room->behind + iova, data, length);
	return PCG_DONE;
}

static void message_cancel(void *arg, struct pcg_op *op)
{
	(void)arg;
	(void)op;
}

static void map(struct room *room, struct input *input)
{
	uint64_t start = take8(input) % PAGES, pages = 1u + take8(input) % 8;
	uint32_t flags = 1u + take8(input) % 3, file = take8(input) % (FILES + 1), free = 1;
	uint64_t i;
	int r;

	while (free <= PAGES && room->maps[free].size != 0)
		free++;
	r = pcg_dma_map(room->dma, start * PAGE, pages * PAGE, flags, file < FILES ? room->files[file] : -1,
			take8(input) % 8 * PAGE);
	if (r != 0) {
		HOLDS(r == -EEXIST || r == -ENOSPC || r == -EINVAL);
		return;
	}
	HOLDS(free <= PAGES);
	room->maps[free].iova = start * PAGE;
	room->maps[free].size = pages * PAGE;
	for (i = start; i < start + pages && i < PAGES; i++) {
		HOLDS(room->pages[i].map == 0);
		room->pages[i] = (struct page){ free, flags };
	}
}

static void unmap(struct room *room, struct input *input)
{
	uint64_t iova = (uint64_t)(take8(input) % PAGES) * PAGE, size = (1u + take8(input) % 8) * PAGE;
	int r = pcg_dma_unmap(room->dma, iova, size);
	uint32_t map = room->pages[iova / PAGE].map, i;

	if (map == 0 || room->maps[map].iova != iova || room->maps[map].size != size) {
		HOLDS(r == -ENOENT);
		return;
	}
	HOLDS(r == 0);
	room->maps[map].size = 0;
	for (i = 0; i < PAGES; i++)
		if (room->pages[i].map == map)
			room->pages[i].map = 0;
}

/* Whether a page forbids it. */
static bool forbidden(const struct room *room, uint64_t iova, size_t length, uint32_t flag)
{
	uint64_t at;

	for (at = iova / PAGE; at <= (iova + length - 1) / PAGE; at++)
		if (at < PAGES && room->pages[at].map != 0 && !(room->pages[at].flags & flag))
			return true;
	return false;
}

static void access_memory(struct room *room, struct input *input, bool write)
{
	static uint8_t data[3 * PAGE];
	uint64_t iova = take32(input) % (PAGES * PAGE);
	size_t length = 1u + take16(input) % sizeof(data);
	struct pcg_op op = { 0 };
	int r;

	r = write ? pcg_dma_write(room->dma, iova, data, length, &op)
		  : pcg_dma_read(room->dma, iova, data, length, &op);
	HOLDS(r <= 0);
	if (forbidden(room, iova, length, write ? PCG_DMA_WRITE : PCG_DMA_READ))
		HOLDS(r == -EPERM || r == -EFAULT);
}

static void step(struct room *room, struct input *input)
{
	switch (take8(input) % 8) {
	case 0:
	case 1:
	case 2:
		map(room, input);
		break;
	case 3:
		unmap(room, input);
		break;
	case 4:
	case 5:
		access_memory(room, input, false);
		break;
	case 6:
		access_memory(room, input, true);
		break;
	case 7:
		HOLDS(ftruncate(room->files[take8(input) % FILES], (off_t)(take8(input) % 16) * PAGE) == 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct room room;
	static const struct pcg_dma_limits limits = { .max_maps = 16, .page_size = PAGE, .max_files = 2 };
	const struct pcg_dma_messages messages = { &room, message_read, message_write, message_cancel };
	struct input input = { data, size };
	unsigned int i, maps = 0;

	memset(&room, 0, sizeof(room));
	for (i = 0; i < FILES; i++) {
		room.files[i] = memfd_create("fuzz", MFD_CLOEXEC);
		HOLDS(room.files[i] >= 0 && ftruncate(room.files[i], 16 * PAGE) == 0);
	}
	HOLDS(pcg_dma_create(&room.dma, &limits, &messages, NULL) == 0);
	while (input.left > 0)
		step(&room, &input);
	for (i = 1; i <= PAGES; i++)
		maps += room.maps[i].size != 0;
	HOLDS(pcg_dma_maps(room.dma) == maps);
	pcg_dma_destroy(room.dma);
	for (i = 0; i < FILES; i++)
		close(room.files[i]);
	return 0;
}
