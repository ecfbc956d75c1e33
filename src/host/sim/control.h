/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An operator's commands for a simulated fabric (docs/faults.md): faults on demand, what happened so far, VFs and their
 * vectors. Functions go by NAME, NAME.vfN or [DDDD:]BB:DD.F; ports by NAME.
 */
#ifndef HOST_SIM_CONTROL_H
#define HOST_SIM_CONTROL_H

#include <stddef.h>

#include "host/fabric/fabric.h"
#include "host/fabric/iommu.h"
#include "host/sim/errors.h"
#include "host/sim/transfers.h"

struct description;
struct sim_fabric;

/**
 * struct sim_control - where commands act; the caller's, for the length of a call
 * @iommu: NULL: there is none in it
 * @shared: whose functions are served one by one; NULL: nobody's
 * @self: what is meant where a command names no function; NULL: it has to
 * @log: commands that change something are noted
 * @answer: the text so far, @used of @size bytes; control.c's own
 */
struct sim_control {
	struct fabric *fabric;
	const struct description *description;
	struct iommu *iommu;
	const struct sim_error_log *errors;
	struct sim_transfers *transfers;
	struct sim_fabric *shared;
	struct fabric_function *self;
	const struct pcg_log *log;
	char *answer;
	size_t size;
	size_t used;
};

/**
 * sim_control() - carry out one line
 *
 * Return: as the control op of struct pcg_host_ops.
 */
int sim_control(struct sim_control *control, const char *line, char *answer, size_t size);

/* --- between the files of the commands --- */

/** CONTROL_WORDS - the most of a line */
#define CONTROL_WORDS 16

/** struct control_words - what is left of a line */
struct control_words {
	unsigned int count;
	char **words;
};

/** control_say() - a line of the answer; what does not fit is cut, and says so */
void control_say(struct sim_control *control, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** control_take() - the first word that is left, or NULL */
const char *control_take(struct control_words *words);

/** control_end() - 0; -EINVAL, said, where something is left */
int control_end(struct sim_control *control, const struct control_words *words);

/** control_number() - 0 and *value; -EINVAL, said */
int control_number(struct sim_control *control, const char *text, uint64_t most, uint64_t *value);

/**
 * control_function() - the function that the next word names. Where it is none and the command can do without, @self
 * @ahead: NULL: the word has to be a name; else it may be what follows one, if @ahead says so
 */
struct fabric_function *control_function(struct sim_control *control, struct control_words *words,
					 bool (*ahead)(const char *word));

/** control_bdf() - "01:00.0" */
void control_bdf(const struct fabric_function *f, char text[16]);

/* The commands. 0 or what sim_control() returns. */
int control_fault(struct sim_control *control, struct control_words *words);
int control_reset(struct sim_control *control, struct control_words *words);
int control_remove(struct sim_control *control, struct control_words *words);
int control_insert(struct sim_control *control, struct control_words *words);
int control_dma(struct sim_control *control, struct control_words *words);
int control_errors(struct sim_control *control, struct control_words *words);
int control_show(struct sim_control *control, struct control_words *words);
int control_vfs(struct sim_control *control, struct control_words *words);
int control_vectors(struct sim_control *control, struct control_words *words);

#endif
