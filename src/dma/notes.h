/* SPDX-License-Identifier: BSD-3-Clause */
/* A client can repeat a mistake a million times a second: each kind is noted once. */
#ifndef DMA_NOTES_H
#define DMA_NOTES_H

#include <stdbool.h>

#include <pcigate/log.h>

enum dma_subject {
	DMA_NOTE_BAD_MAP = 1,
	DMA_NOTE_OVERLAP = 2,
	DMA_NOTE_MAX_MAPS = 4,
	DMA_NOTE_BAD_FILE = 8,
	DMA_NOTE_FILE_END = 16,
	DMA_NOTE_MAX_FILES = 32,
	DMA_NOTE_DESCRIPTORS = 64,
	DMA_NOTE_FILE_KIND = 128,
	DMA_NOTE_MMAP = 256,
	DMA_NOTE_COPY = 512,
	DMA_NOTE_NO_MESSAGES = 1024,
};

struct dma_notes {
	struct pcg_log log;
	unsigned int told;
};

static inline bool dma_note_first(struct dma_notes *notes, enum dma_subject subject)
{
	bool first = (notes->told & subject) == 0;

	notes->told |= subject;
	return first;
}

#define DMA_NOTE(notes, subject, level, ...)                                                                           \
	do {                                                                                                           \
		if (dma_note_first(notes, subject))                                                                    \
			base_log(&(notes)->log, level, __VA_ARGS__);                                                   \
	} while (0)

#endif
