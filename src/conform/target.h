/* SPDX-License-Identifier: BSD-3-Clause */
/* What is checked: one function behind one small table, wherever it lives. */
#ifndef CONFORM_TARGET_H
#define CONFORM_TARGET_H

#include <pcigate/host.h>
#include <pcigate/view.h>

#include "conform/probe.h"

struct target;

/**
 * struct target_ops - a kind of target
 * @access: one access as the guest makes it: @region (PCG_REGION_CONFIG is configuration space), any offset, any
 *          length. 0 or a negative errno
 * @reset: reset the function through the device. 0 or a negative errno
 * @destroy: give the function back
 */
struct target_ops {
	int (*access)(struct target *target, bool write, unsigned int region, uint64_t offset, void *data,
		      size_t length);
	int (*reset)(struct target *target);
	void (*destroy)(struct target *target);
};

/**
 * struct target - one function
 * @config_size: 256 or 4096
 * @is_vf: known to be a VF; conform_run() may find it out
 * @memory_preset: Memory Space Enable may be set after a reset: it is not the function's own
 * @has_reset: @ops->reset is worth trying
 * @lost: the other side is gone: nothing can be asked any more
 * @settle_ms: how long to wait after a reset or a change of power: 0 where the access itself waits
 * @region_size: bytes; 0: not there
 * @host: the host side; NULL: it cannot be seen
 */
struct target {
	const struct target_ops *ops;
	uint16_t config_size;
	bool is_vf;
	bool memory_preset;
	bool has_reset;
	bool lost;
	unsigned int settle_ms;
	uint64_t region_size[PCG_NUM_REGIONS];
	struct probe *host;
};

/**
 * target_open() - by the kind that its name begins with
 * @target: set to it
 * @name: which
 * @view: profile and policies for a function that is opened here; no profile: what is usual for the kind. @view->spoken
 *        is what the suite says that it drives, to whoever asks
 * @log: the hook; must outlive the target
 *
 * Return: 0, or a negative errno after a note.
 */
int target_open(struct target **target, const char *name, const struct pcg_view_options *view,
		const struct pcg_log *log);

/** target_close() - NULL is allowed */
void target_close(struct target *target);

/**
 * struct target_kind - where functions come from
 * @prefix: what a target's name begins with; "": what no other kind takes
 * @help: of one target, for usage
 * @profile: that of a function that is opened here, unless the user names one
 * @open: @name is what follows the prefix. Sets *@target, or returns a negative errno after a note
 *
 * A new kind is one file with one of these, and a row in the table of target.c.
 */
struct target_kind {
	const char *prefix;
	const char *help;
	const char *profile;
	int (*open)(struct target **target, const char *name, const struct pcg_view_options *view,
		    const struct pcg_log *log);
};

extern const struct target_kind target_client, target_vfio, target_function;

/** target_kind() - kind number @n, or NULL past the last */
const struct target_kind *target_kind(unsigned int n);

/* An operation that may finish later, waited for. */
struct target_op {
	struct pcg_op op;
	int result;
};

void target_op_init(struct target_op *op);

/** target_op_wait() - @result is what starting it returned; -ETIMEDOUT gives it up */
int target_op_wait(struct pcg_host *host, struct target_op *op, int result);

#endif
