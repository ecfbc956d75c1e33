/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A conformance suite for PCI configuration space as a guest meets it. It knows the specifications and nothing of
 * our own policy tables.
 */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include "conform/target.h"

/* How a check ends. */
enum conform_verdict {
	CONFORM_PASS,
	CONFORM_FAIL,
	CONFORM_NONE,    /* not applicable: the function does not have what is checked */
	CONFORM_UNKNOWN, /* cannot tell: what it takes to know cannot be seen here */
	CONFORM_VERDICTS,
};

/* One access, as evidence. @value: its first eight bytes. @host: on the function's own side. */
struct conform_access {
	uint64_t offset;
	uint64_t value;
	uint32_t length;
	int result;
	uint8_t region;
	bool write;
	bool host;
};

#define CONFORM_EVIDENCE 24u
#define CONFORM_MESSAGE  200u

/**
 * struct conform_result - how one check ended
 * @id, @group, @spec, @what: the check
 * @verdict: how
 * @message: why, for everything but a pass
 * @access: the last accesses before the verdict, oldest first, @naccesses of them; @dropped came before those
 */
struct conform_result {
	const char *id;
	const char *group;
	const char *spec;
	const char *what;
	enum conform_verdict verdict;
	char message[CONFORM_MESSAGE];
	struct conform_access access[CONFORM_EVIDENCE];
	unsigned int naccesses;
	unsigned int dropped;
};

/* Whether the function is a VF. */
enum conform_vf {
	CONFORM_VF_LOOK, /* as its target says, or as its registers look */
	CONFORM_VF_YES,
	CONFORM_VF_NO,
};

/**
 * struct conform_options - what to check, and whom to tell
 * @only: globs, @nonly of them: ids of checks or names of faults; none: everything
 * @no_reset: leave out what resets the function: its memory does not survive that
 * @vf: of a VF what its PF decides is not asked
 * @result: told of each check as it ends
 * @stop: whether to have done: the check under way ends, the function is put back. NULL: never
 * @arg: handed to @result and @stop
 */
struct conform_options {
	const char *const *only;
	unsigned int nonly;
	bool no_reset;
	enum conform_vf vf;
	void (*result)(void *arg, const struct conform_result *result);
	bool (*stop)(void *arg);
	void *arg;
};

/** conform_count() - how many checks @options choose */
unsigned int conform_count(const struct conform_options *options);

/**
 * conform_run() - check a function
 *
 * The function is left as it was found; the last check says whether that worked.
 *
 * @target->is_vf says afterwards what the function was taken for.
 *
 * Return: 0, whatever the checks found; -ENOMEM; what the first look at the function ended with; -ENOTCONN when the
 * other side was lost, in the check that was reported last; -EINTR when @options->stop asked for it.
 */
int conform_run(struct target *target, const struct conform_options *options);

/* One check, for lists. */
struct conform_entry {
	const char *id;
	const char *group;
	const char *spec;
	const char *what;
};

/** conform_entry() - check number @n; false past the last */
bool conform_entry(unsigned int n, struct conform_entry *entry);

/** conform_verdict_text() - "pass", "fail", "not applicable", "cannot tell" */
const char *conform_verdict_text(enum conform_verdict verdict);

/**
 * struct conform_fault - a fault that a mediator in the field is known for
 * @name: its name, to be chosen by
 * @what: in words
 * @checks: globs of the checks that show it, NULL-terminated
 */
struct conform_fault {
	const char *name;
	const char *what;
	const char *checks[24];
};

/** conform_fault() - known fault number @n, or NULL past the last */
const struct conform_fault *conform_fault(unsigned int n);

/** conform_fault_shown_by() - whether check @id shows it */
bool conform_fault_shown_by(const struct conform_fault *fault, const char *id);

#endif
