/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a case. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"

#define MOST 8192u /* bytes of one step */

static void wrong(struct run *run, const struct step *step, const char *what, uint64_t is, uint64_t wanted)
{
	run->wrong++;
	fprintf(stderr, "# %s %s: step %td (%04x+%03x): %s is %#" PRIx64 ", not %#" PRIx64 "\n", run->row->section,
		run->row->says, step - run->row->steps + 1, step->who, step->offset, what, is, wanted);
}

static void same(struct run *run, const struct step *step, const char *what, uint64_t is, uint64_t wanted)
{
	if (is != wanted)
		wrong(run, step, what, is, wanted);
}

static void same_status(struct run *run, const struct step *step, int is)
{
	if (step->status == STATUS_FAILS ? is == TLP_SUCCESS : step->status != STATUS_ANY && is != step->status)
		wrong(run, step, "status", (uint64_t)is, (uint64_t)step->status);
}

static struct leaf *leaf_of(struct run *run, const struct step *step)
{
	struct room *room = run->room;

	if (step->who == A)
		return room->a;
	if (step->who == B)
		return room->b;
	if (step->who == B1 || step->who == B8)
		return run->beside;
	if (step->who == C)
		return room->c;
	if (step->who >= VF0 && step->who - VF0 < room->c->f.nvirtuals)
		return (struct leaf *)room->c->f.virtuals[step->who - VF0];
	wrong(run, step, "leaf", 0, step->who);
	return NULL;
}

static struct fabric_function *function_of(struct run *run, const struct step *step)
{
	switch (step->who) {
	case RP1:
		return run->room->rp1;
	case RP2:
		return run->room->rp2;
	case UP:
		return run->room->up;
	case DP0:
		return run->room->dp0;
	case DP1:
		return run->room->dp1;
	default:
		return &leaf_of(run, step)->f;
	}
}

static uint32_t lanes(const struct step *step)
{
	return step->width == 4 ? ~0u : (1u << (8 * step->width)) - 1;
}

static void config(struct run *run, const struct step *step)
{
	unsigned int shift = 8 * (step->offset & 3u);
	uint8_t be = (uint8_t)((0xfu >> (4 - step->width)) << (step->offset & 3u));
	uint16_t dword = step->offset / 4;
	uint32_t value = step->value << shift;

	if (step->kind == STEP_PUT) {
		same_status(run, step, fabric_config_write(run->room->fabric, step->who, dword, be, value));
		return;
	}
	value = 0;
	same_status(run, step, fabric_config_read(run->room->fabric, step->who, dword, be, &value));
	same(run, step, "register", value >> shift & step->mask & lanes(step), step->value & lanes(step));
}

static void fill(uint8_t *data, size_t length, unsigned int seed)
{
	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i * 5 + seed);
}

static void memory(struct run *run, const struct step *step)
{
	struct fabric *fabric = run->room->fabric;
	uint8_t data[MOST] = { 0 };
	struct leaf *leaf = step->who != 0 ? leaf_of(run, step) : NULL;

	if (step->kind == STEP_WRITE) {
		fill(data, step->length, 0x31);
		same_status(run, step, fabric_write(fabric, step->address, data, step->length));
	} else {
		if (leaf != NULL)
			fill(leaf->memory + step->value, step->length, (unsigned int)step->address >> 4 | 1);
		same_status(run, step, fabric_read(fabric, step->address, data, step->length));
	}
	if (leaf != NULL && memcmp(data, leaf->memory + step->value, step->length) != 0)
		wrong(run, step, "data", data[0], leaf->memory[step->value]);
}

static void dma(struct run *run, const struct step *step)
{
	uint8_t data[MOST] = { 0 };
	struct leaf *leaf = leaf_of(run, step);
	struct fabric_dma dma = { .write = step->kind == STEP_STORE, .at = step->at, .address = step->address };
	int r;

	if (leaf == NULL)
		return;
	dma.f = &leaf->f;
	dma.data = step->length != 0 ? data : NULL;
	dma.length = step->length;
	if (dma.write)
		fill(data, step->length, 0x77);
	r = fabric_dma(&dma);
	same_status(run, step, r == -EACCES ? STATUS_NOTHING : (int)dma.status);
	same(run, step, "success", r == PCG_DONE, r != -EACCES && dma.status == TLP_SUCCESS);
	if (step->status == TLP_SUCCESS && step->address + step->length <= ROOM_ROOT &&
	    memcmp(data, run->room->root + step->address, step->length) != 0)
		wrong(run, step, "data", data[0], run->room->root[step->address]);
}

static void send(struct run *run, const struct step *step)
{
	struct leaf *leaf = leaf_of(run, step);
	const struct tlp message = { .type = TLP_MESSAGE, .message = TLP_PAGE_REQUEST, .requester = step->who };

	if (leaf != NULL)
		same_status(run, step, fabric_message(&leaf->f, &message));
}

static void vector(struct run *run, const struct step *step)
{
	uint8_t *entry = leaf_of(run, step)->memory + 16 * step->offset;

	pcg_put32(entry, (uint32_t)step->address);
	pcg_put32(entry + 4, (uint32_t)(step->address >> 32));
	pcg_put32(entry + 8, step->value);
	pcg_put32(entry + 12, step->mask);
}

/* How an interrupt was sent: TLP_SUCCESS, or not. */
static void interrupt(struct run *run, const struct step *step)
{
	struct leaf *leaf = leaf_of(run, step);
	int r = step->kind == STEP_MSI ? fabric_msi(&leaf->f, step->value)
				       : fabric_msix(&leaf->f, leaf->memory, step->value);

	same_status(run, step, r == 0 ? TLP_SUCCESS : TLP_LOST);
}

static void told(struct run *run, const struct step *step)
{
	const struct fabric_report *report = room_report(run->room, (enum fabric_error)step->offset);

	if (report == NULL) {
		wrong(run, step, "report", 0, 1);
		return;
	}
	same(run, step, "reporter", report->reporter, step->who);
	same(run, step, "message", report->message, step->value);
}

/* What the root complex and the leaves saw. */
static void seen(struct run *run, const struct step *step)
{
	const struct room *room = run->room;

	switch (step->kind) {
	case STEP_CAME:
		same(run, step, "requester", room->last.requester, step->who);
		same(run, step, "address", room->last_at, step->address);
		break;
	case STEP_ACCESSES:
		same(run, step, "accesses", room->accesses, step->value);
		break;
	case STEP_WRITES:
		same(run, step, "writes", leaf_of(run, step)->writes, step->value);
		break;
	case STEP_LONGEST:
		same(run, step, "longest", leaf_of(run, step)->longest, step->value);
		break;
	case STEP_RESETS:
		same(run, step, "resets", leaf_of(run, step)->resets, step->value);
		break;
	case STEP_MESSAGES:
		same(run, step, "messages", room->messages, step->value);
		break;
	default: /* STEP_MSIS */
		same(run, step, "MSIs", room->msis, step->length);
		same(run, step, "MSI address", room->msi_address, step->address);
		same(run, step, "MSI data", room->msi_data, step->value);
	}
}

/* What is done to functions other than by requests. */
static void act(struct run *run, const struct step *step)
{
	struct fabric_function *f = step->kind != STEP_ROOT ? function_of(run, step) : NULL;

	if (step->kind == STEP_POISON)
		f->faults.poison = 1;
	else if (step->kind == STEP_MALFORM)
		f->faults.malform = 1;
	else if (step->kind == STEP_MUTE)
		f->faults.mute = 1;
	else if (step->kind == STEP_ANSWER)
		((struct leaf *)f)->answer = (enum tlp_status)step->status;
	else if (step->kind == STEP_ROOT)
		run->room->answer = (enum tlp_status)step->status;
	else if (step->kind == STEP_REMOVE)
		same(run, step, "removal", (uint64_t)fabric_remove(f), 0);
	else
		same(run, step, "insertion", (uint64_t)fabric_insert(f), 0);
}

static void step_run(struct run *run, const struct step *step)
{
	static void (*const does[])(struct run * run, const struct step *step) = {
		[STEP_PUT] = config,  [STEP_GET] = config,    [STEP_READ] = memory,    [STEP_WRITE] = memory,
		[STEP_FETCH] = dma,   [STEP_STORE] = dma,     [STEP_CAME] = seen,      [STEP_ACCESSES] = seen,
		[STEP_WRITES] = seen, [STEP_LONGEST] = seen,  [STEP_SEND] = send,      [STEP_MESSAGES] = seen,
		[STEP_TOLD] = told,   [STEP_POISON] = act,    [STEP_MALFORM] = act,    [STEP_MUTE] = act,
		[STEP_ANSWER] = act,  [STEP_ROOT] = act,      [STEP_REMOVE] = act,     [STEP_INSERT] = act,
		[STEP_RESETS] = seen, [STEP_MSI] = interrupt, [STEP_MSIX] = interrupt, [STEP_VECTOR] = vector,
		[STEP_MSIS] = seen,
	};

	does[step->kind](run, step);
}

void steps_run(struct run *run)
{
	for (const struct step *step = run->row->steps; step->kind != STEP_END; step++)
		step_run(run, step);
}
