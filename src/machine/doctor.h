/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a function can be given to a guest, and what is to be done where not. */
#ifndef MACHINE_DOCTOR_H
#define MACHINE_DOCTOR_H

#include "machine/function.h"

/** enum doctor_verdict - graver ones are greater */
enum doctor_verdict {
	DOCTOR_ABSENT, /* the question does not arise */
	DOCTOR_OK,
	DOCTOR_WARN,
	DOCTOR_BAD,
};

#define DOCTOR_MENDS 3
#define DOCTOR_TEXT  512

/**
 * struct doctor_row - one check
 * @name: of the check, a constant
 * @verdict: what it came to
 * @found: what there is
 * @mends: what to do, @nmends of them: a command, with a remark behind "  # " if it needs one, or plain words; so that
 *         what begins as a command does can be pasted as it stands
 * @busy: nothing is wrong, but just now the function cannot be had
 */
struct doctor_row {
	const char *name;
	enum doctor_verdict verdict;
	char found[DOCTOR_TEXT];
	char mends[DOCTOR_MENDS][DOCTOR_TEXT];
	unsigned int nmends;
	bool busy;
};

/**
 * struct doctor - what checks look at
 * @tree: the machine
 * @bdf: as sysfs spells it
 * @memory: bytes that the guest is to have; 0: nobody said
 * @there: the function is there; else nothing below means anything
 * @config: @nconfig bytes of its configuration space
 * @pf: of a VF: its PF
 * @group: of its IOMMU group
 */
struct doctor {
	const struct tree *tree;
	char bdf[PLACE_BDF];
	uint64_t memory;
	bool there;
	struct machine_function function;
	uint8_t config[PCG_CONFIG_EXTENDED];
	int nconfig;
	struct place pf;
	struct machine_group group;
};

/**
 * doctor_init() - look at a function
 * @tree: must outlive @doctor
 * @bdf: the function; that it is not there is for the first check to say
 *
 * Return: 0; -EINVAL where @bdf is none, -ENOENT where the machine has no PCI at all, after a note.
 */
int doctor_init(struct doctor *doctor, const struct tree *tree, const char *bdf, uint64_t memory,
		const struct pcg_log *log);

/** doctor_check() - make check @n. Return: false when there is no such check */
bool doctor_check(const struct doctor *doctor, unsigned int n, struct doctor_row *row);

/** doctor_word() - "ok", "warn" or "bad" */
const char *doctor_word(enum doctor_verdict verdict);

/* Between the files of the doctor. */

/** doctor_found() - write @row->found; returns @verdict */
enum doctor_verdict doctor_found(struct doctor_row *row, enum doctor_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** doctor_mend() - add to @row->mends */
void doctor_mend(struct doctor_row *row, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** doctor_bind() - how @bdf comes to vfio-pci */
void doctor_bind(const struct doctor *doctor, const char *bdf, struct doctor_row *row);

enum doctor_verdict doctor_function(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_header(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_driver(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_vfs(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_link(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_autoprobe(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_token(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_holder(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_reset(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_power(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_iommu(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_interrupts(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_group(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_isolation(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_files(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_memlock(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_lockdown(const struct doctor *doctor, struct doctor_row *row);
enum doctor_verdict doctor_devmem(const struct doctor *doctor, struct doctor_row *row);

#endif
