/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptions of fabrics of any text. What is refused leaves nothing behind but one note with the line; what is taken
 * is a tree, is built, and after our firmware every function answers at its own address.
 */
#include <errno.h>

#include "../property/contract.h"
#include "fuzz.h"
#include "host/sim/description.h"
#include "host/sim/endpoint.h"
#include "host/sim/firmware.h"

#define MOST_BUILT 24u /* more takes long, and finds no more */
#define MOST_VFS   64u

static char noted[512];
static unsigned int notes;

static void note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	if (n->level == PCG_ERROR && notes++ == 0)
		snprintf(noted, sizeof(noted), "%s", n->text);
}

static const struct pcg_log hook = { .write = note };

static void check_refusal(int error, const char *text, size_t size)
{
	int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	HOLDS(error == -EINVAL && notes == 1);
	HOLDS(strncmp(noted, "file:", 5) == 0 && atoi(noted + 5) > 0 && atoi(noted + 5) <= lines);
}

/* What is below something comes after it; a link has one device. */
static void check_tree(const struct description *d)
{
	HOLDS(d->nnodes > 0 && d->nnodes <= DESCRIPTION_MAX_NODES);
	for (unsigned int i = 0; i < d->nnodes; i++) {
		const struct description_node *node = &d->nodes[i];

		HOLDS(node->below < (int)i && (node->below >= 0 || node->kind == DESCRIPTION_ROOT_PORT));
		HOLDS(description_find(d, node->name) == node);
		HOLDS((node->kind == DESCRIPTION_ENDPOINT) == (node->options != NULL));
		for (unsigned int j = 0; j < i; j++)
			HOLDS(d->nodes[j].below != node->below || d->nodes[j].devfn != node->devfn);
	}
}

static bool is_small(const struct description *d)
{
	unsigned int vfs = 0;

	for (unsigned int i = 0; i < d->nnodes; i++)
		vfs += d->nodes[i].options != NULL ? d->nodes[i].options->enabled : 0;
	return d->nnodes <= MOST_BUILT && vfs <= MOST_VFS;
}

static void check_fabric(struct fabric *fabric)
{
	for (struct fabric_function *f = fabric_each(fabric, NULL); f != NULL; f = fabric_each(fabric, f)) {
		uint32_t value;

		if (f->physical != NULL && f->number >= f->physical->nvirtuals)
			continue;
		HOLDS(fabric_find(fabric, fabric_bdf(f)) == f);
		HOLDS(fabric_config_read(fabric, fabric_bdf(f), 1, 15, &value) == TLP_SUCCESS);
	}
}

static void build(struct description *d)
{
	struct endpoint_home home = { .arg = NULL };
	struct fabric *fabric;

	notes = 0;
	HOLDS(fabric_create(&fabric, NULL, NULL, &hook) == 0);
	if (description_build(d, fabric, &home, &hook) == 0 && firmware_run(fabric, d, &hook) == 0)
		check_fabric(fabric);
	else
		HOLDS(notes > 0);
	fabric_destroy(fabric);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct description *d;
	int error;

	notes = 0;
	if (size > 16384)
		return 0;
	error = description_parse(&d, (const char *)data, size, "file", &hook);
	if (error != 0) {
		check_refusal(error, (const char *)data, size);
		return 0;
	}
	HOLDS(notes == 0);
	check_tree(d);
	if (is_small(d))
		build(d);
	description_destroy(d);
	return 0;
}
