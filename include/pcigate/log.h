/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_LOG_H
#define PCIGATE_LOG_H

/**
 * DOC: how the library speaks
 *
 * Every error is a negative errno and one note through the caller's hook. The freestanding rooms cannot format
 * text, so a note carries its facts apart: a constant sentence, and the register it is about.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** enum pcg_level - how much a note matters; lower is graver */
enum pcg_level {
	PCG_ERROR,
	PCG_WARN,
	PCG_INFO,
	PCG_DEBUG,
};

/** PCG_NOWHERE - the offset of a note that is about no register */
#define PCG_NOWHERE UINT32_MAX

/**
 * struct pcg_note - one thing to say
 * @level: how much it matters
 * @text: the sentence; valid during the call only
 * @offset: byte offset in configuration space, or PCG_NOWHERE
 * @value: the value concerned; meaningful only where @offset is a register
 */
struct pcg_note {
	enum pcg_level level;
	const char *text;
	uint32_t offset;
	uint32_t value;
};

/**
 * struct pcg_log - the caller's hook
 * @write: called for every note, from the thread that called the library; NULL says nothing
 * @arg: handed to @write unchanged
 *
 * The hook must not call back into the object that speaks.
 */
struct pcg_log {
	void (*write)(void *arg, const struct pcg_note *note);
	void *arg;
};

/**
 * pcg_say() - send one note
 * @log: the hook; NULL is allowed
 * @level: how much it matters
 * @offset: the register, or PCG_NOWHERE
 * @value: its value
 * @text: the sentence
 */
static inline void pcg_say(const struct pcg_log *log, enum pcg_level level, uint32_t offset, uint32_t value,
			   const char *text)
{
	if (log != NULL && log->write != NULL) {
		struct pcg_note note;

		note.level = level;
		note.text = text;
		note.offset = offset;
		note.value = value;
		log->write(log->arg, &note);
	}
}

#ifdef __cplusplus
}
#endif
#endif
