/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/options.h"
#include "host/pool.h"
#include "host/sim/pool_internal.h"
#include "host/sim/vectors.h"

struct sim_pool {
	struct sim_fabric *fabrics;
	struct sim_fabric **end;
	uint16_t count;
};

/**
 * struct wish - what a FUNC asks for
 * @key: what all FUNCs of one fabric have in common
 * @file: the description; NULL: @text describes one endpoint
 * @at: which function; NULL: the only one
 */
struct wish {
	char *key;
	char *file;
	char *text;
	char *at;
	struct sim_token token;
};

static void wish_finish(struct wish *wish)
{
	free(wish->key);
	free(wish->file);
	free(wish->text);
	free(wish->at);
}

/* --- "fabric,file=FILE,at=NAME" --- */

static const char *const fabric_names[] = { "file", "at", "token", NULL };

static int wish_for_file(struct wish *wish, const char *text, const struct pcg_log *log)
{
	struct options o;
	int r = options_init(&o, "sim:fabric", text, fabric_names, log);

	if (r != 0)
		return r;
	if (o.values[0] == NULL) {
		base_log(log, PCG_ERROR,
			 "sim:fabric: file=FILE is missing: the description of a fabric, docs/fabric.md");
		r = -EINVAL;
	} else {
		r = sim_token_parse(&wish->token, o.values[2], log);
	}
	if (r == 0) {
		wish->file = strdup(o.values[0]);
		wish->key = realpath(o.values[0], NULL);
		wish->at = o.values[1] != NULL ? strdup(o.values[1]) : NULL;
		if (wish->key == NULL && errno != ENOMEM) {
			base_log(log, PCG_ERROR, "sim:fabric: file=%s: %s", o.values[0], strerror(errno));
			r = -ENOENT;
		} else if (wish->file == NULL || wish->key == NULL || (o.values[1] != NULL && wish->at == NULL)) {
			r = -ENOMEM;
		}
	}
	options_finish(&o);
	return r;
}

/* --- "endpoint-test,vfs=4,vf=0" --- */

/* Cut ",KEY=VALUE" out of @text; *value is its own, NULL: not there. A comma inside a value is doubled. */
static int cut_option(char *text, const char *key, char **value)
{
	size_t length = strlen(key);
	char *from = text;

	*value = NULL;
	while ((from = strchr(from, ',')) != NULL) {
		char *end = from + 1;

		if (*end == ',') {
			from += 2;
			continue;
		}
		if (strncmp(end, key, length) != 0) {
			from++;
			continue;
		}
		end += length;
		free(*value);
		*value = strndup(end, strcspn(end, ","));
		if (*value == NULL)
			return -ENOMEM;
		end += strcspn(end, ",");
		memmove(from, end, strlen(end) + 1);
	}
	return 0;
}

static bool has_option(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at != NULL && at > text && at[-1] == ',';
}

static int wish_for_vf(struct wish *wish, char *vf, const struct pcg_log *log)
{
	if (vf == NULL) {
		wish->at = strdup("endpoint");
		return wish->at != NULL ? 0 : -ENOMEM;
	}
	if (has_option(wish->text, "vfs="))
		return asprintf(&wish->at, "endpoint.vf%s", vf) < 0 ? -ENOMEM : 0;
	base_log(log, PCG_ERROR, "sim:endpoint-test: vf=%.16s wants a PF that has VFs: vfs=N", vf);
	return -EINVAL;
}

static int wish_for_one(struct wish *wish, const char *text, const struct pcg_log *log)
{
	char *vf = NULL, *token = NULL;
	int r;

	wish->text = strdup(text);
	r = wish->text != NULL ? cut_option(wish->text, "vf=", &vf) : -ENOMEM;
	if (r == 0)
		r = cut_option(wish->text, "token=", &token);
	if (r == 0)
		r = sim_token_parse(&wish->token, token, log);
	if (r == 0)
		r = wish_for_vf(wish, vf, log);
	/* Without VFs nobody shares: the same text twice is two of them. */
	if (r == 0 && has_option(wish->text, "vfs=")) {
		wish->key = strdup(wish->text);
		r = wish->key != NULL ? 0 : -ENOMEM;
	}
	free(vf);
	free(token);
	return r;
}

/* --- fabrics --- */

static void forward(void *arg, const struct pcg_note *note)
{
	const struct sim_fabric *shared = arg;
	const struct pcg_log *log = shared->opener;

	if (log == NULL && shared->seats != NULL)
		log = &shared->seats->host->log;
	if (log != NULL && log->write != NULL)
		log->write(log->arg, note);
}

static void home_wake(void *arg)
{
	sim_fabric_wake(arg);
}

static void fabric_end(struct sim_fabric *shared)
{
	struct sim_physical *physical;

	if (shared == NULL)
		return;
	sim_transfers_drop(&shared->transfers, NULL);
	fabric_destroy(shared->fabric);
	sim_root_finish(shared);
	iommu_destroy(shared->iommu);
	description_destroy(shared->description);
	while ((physical = shared->physicals) != NULL) {
		shared->physicals = physical->next;
		free(physical);
	}
	free(shared->kept);
	free(shared->key);
	free(shared);
}

static int add_physicals(struct sim_fabric *shared)
{
	for (unsigned int i = 0; i < shared->description->nnodes; i++) {
		struct description_node *node = &shared->description->nodes[i];
		struct sim_physical *physical;

		if (node->kind != DESCRIPTION_ENDPOINT || node->f->at.sriov == 0)
			continue;
		physical = calloc(1, sizeof(*physical));
		if (physical == NULL)
			return -ENOMEM;
		physical->f = node->f;
		physical->enabled = node->f->nvirtuals;
		firmware_save(node->f, &physical->saved);
		physical->next = shared->physicals;
		shared->physicals = physical;
	}
	return 0;
}

static int describe(struct sim_fabric *shared, const struct wish *wish, const struct pcg_log *log)
{
	if (wish->file != NULL)
		return description_read(&shared->description, wish->file, log);
	return description_single(&shared->description, wish->text, log);
}

static int fabric_begin(struct sim_fabric **made, const struct wish *wish, const struct pcg_log *log)
{
	struct sim_fabric *shared = calloc(1, sizeof(*shared));
	int r;

	*made = shared;
	if (shared == NULL)
		return -ENOMEM;
	shared->log = (struct pcg_log){ .write = forward, .arg = shared };
	shared->opener = log;
	shared->home = (struct endpoint_home){ .arg = shared, .wake = home_wake };
	if (wish->key != NULL && (shared->key = strdup(wish->key)) == NULL)
		return -ENOMEM;
	r = describe(shared, wish, log);
	if (r == 0)
		r = iommu_create(&shared->iommu, &shared->description->iommu, &shared->log);
	if (r == 0)
		iommu_watch(shared->iommu, sim_root_watch, shared);
	if (r == 0)
		r = fabric_create(&shared->fabric, &sim_root_ops, shared, &shared->log);
	if (r == 0)
		r = description_build(shared->description, shared->fabric, &shared->home, &shared->log);
	if (r == 0)
		r = firmware_run(shared->fabric, shared->description, &shared->log);
	if (r == 0)
		r = firmware_keep(&shared->kept, shared->fabric);
	/* What is not there was looked for, and that was an error to some. */
	shared->errors.count = 0;
	return r == 0 ? add_physicals(shared) : r;
}

static struct sim_pool *pool_of(struct pcg_host_pool *pool)
{
	if (pool == NULL)
		return NULL;
	if (pool->sim == NULL) {
		pool->sim = calloc(1, sizeof(*pool->sim));
		if (pool->sim != NULL)
			pool->sim->end = &pool->sim->fabrics;
	}
	return pool->sim;
}

/* The fabric that @wish is about; *fresh: it was made now. */
static int find_or_make(struct sim_fabric **shared, struct sim_pool *pool, const struct wish *wish, bool *fresh,
			const struct pcg_log *log)
{
	int r;

	*fresh = false;
	for (*shared = pool != NULL && wish->key != NULL ? pool->fabrics : NULL; *shared != NULL;
	     *shared = (*shared)->next)
		if (strcmp((*shared)->key, wish->key) == 0)
			return 0;
	*fresh = true;
	r = fabric_begin(shared, wish, log);
	if (r != 0) {
		fabric_end(*shared);
		*shared = NULL;
	}
	return r;
}

static void keep(struct sim_fabric *shared, struct sim_pool *pool)
{
	if (pool == NULL || shared->key == NULL)
		return;
	shared->pool = pool;
	shared->domain = pool->count++;
	*pool->end = shared;
	pool->end = &shared->next;
}

/* --- functions --- */

static int seat(struct sim_fabric *shared, struct pcg_host **host, const struct wish *wish, const struct pcg_log *log)
{
	struct fabric_function *f = sim_fabric_function(shared, wish->at, log);
	struct sim_seat *made;
	char name[64];
	int r;

	if (f == NULL)
		return -ENOENT;
	sim_name(f, name, sizeof(name));
	if (sim_fabric_seat(shared, f) != NULL) {
		base_log(log, PCG_ERROR, "sim: %s is open already, and a function is one client's; name another", name);
		return -EBUSY;
	}
	/* Nothing but its address tells its requests and its registers from another's. */
	if (fabric_find(shared->fabric, fabric_bdf(f)) != f) {
		base_log(log, PCG_ERROR,
			 "sim: %s has no address of its own, as it was pulled out, or its PF moved it: put it back",
			 name);
		return -ENODEV;
	}
	r = sim_token_open(shared, f, &wish->token, log);
	if (r != 0)
		return r;
	made = calloc(1, sizeof(*made));
	r = made != NULL ? leaf_create(host, shared, f, log) : -ENOMEM;
	if (r != 0) {
		free(made);
		sim_token_left(shared, f);
		return r;
	}
	sim_peers_note(shared, f, log);
	*made = (struct sim_seat){ .next = shared->seats, .f = f, .host = *host };
	shared->seats = made;
	return 0;
}

int sim_fabric_open(struct pcg_host **host, const char *text, struct pcg_host_pool *pool, const struct pcg_log *log)
{
	struct sim_fabric *shared = NULL;
	struct wish wish = { .key = NULL };
	bool fresh = false;
	int r = strncmp(text, "fabric", strlen("fabric")) == 0 ? wish_for_file(&wish, text, log)
							       : wish_for_one(&wish, text, log);

	*host = NULL;
	if (r == 0)
		r = find_or_make(&shared, pool_of(pool), &wish, &fresh, log);
	if (r == 0) {
		shared->opener = log;
		r = seat(shared, host, &wish, log);
		shared->opener = NULL;
	}
	if (r == 0 && fresh)
		keep(shared, pool_of(pool));
	else if (r != 0 && fresh)
		fabric_end(shared);
	wish_finish(&wish);
	return r;
}

void sim_fabric_leave(struct sim_fabric *shared, const struct pcg_host *host)
{
	for (struct sim_seat **link = &shared->seats; *link != NULL; link = &(*link)->next) {
		struct sim_seat *gone = *link;

		if (gone->host != host)
			continue;
		*link = gone->next;
		sim_token_left(shared, gone->f);
		free(gone);
		break;
	}
	if (shared->pool == NULL && shared->seats == NULL)
		fabric_end(shared);
}

struct pcg_host *sim_fabric_seat(const struct sim_fabric *shared, const struct fabric_function *f)
{
	for (const struct sim_seat *at = shared->seats; at != NULL; at = at->next)
		if (at->f == f)
			return at->host;
	return NULL;
}

void sim_fabric_wake(struct sim_fabric *shared)
{
	for (struct sim_seat *at = shared->seats; at != NULL; at = at->next)
		if (at->host->events.wake != NULL)
			at->host->events.wake(at->host->events.arg);
}

/* --- PFs and VFs --- */

struct sim_physical *sim_physical_of(const struct sim_fabric *shared, const struct fabric_function *f)
{
	const struct fabric_function *pf = f->physical != NULL ? f->physical : f;

	for (struct sim_physical *physical = shared->physicals; physical != NULL; physical = physical->next)
		if (physical->f == pf)
			return physical;
	return NULL;
}

void sim_fabric_reset_over(struct sim_fabric *shared, struct fabric_function *f)
{
	struct sim_physical *physical = f->physical == NULL ? sim_physical_of(shared, f) : NULL;

	if (physical == NULL || f->nvirtuals != 0)
		return;
	firmware_restore(f, &physical->saved);
	if (physical->enabled > 0)
		firmware_virtuals(f, physical->enabled);
}

int sim_fabric_set_vfs(struct sim_fabric *shared, struct fabric_function *pf, unsigned int count)
{
	struct sim_physical *physical = pf->physical == NULL ? sim_physical_of(shared, pf) : NULL;
	int r = -ENOTTY;

	if (physical != NULL) {
		/* A reset that nobody told the host of has taken its addresses. */
		if (pf->nvirtuals == 0)
			firmware_restore(pf, &physical->saved);
		r = firmware_virtuals(pf, count);
	}
	if (r == 0)
		physical->enabled = (uint16_t)count;
	return r;
}

static struct sim_seat *seat_of(struct sim_fabric *shared, const struct fabric_function *f)
{
	struct sim_seat *at = shared->seats;

	while (at != NULL && at->f != f)
		at = at->next;
	return at;
}

/* A VF of another table is another VF; who has it open, and has no client, gets that one. */
static int renew(struct fabric_function *vf, struct sim_seat *seat)
{
	struct fabric_function *pf = vf->physical;
	unsigned int number = vf->number;
	int r;

	if (seat != NULL)
		leaf_swap(seat->host, NULL);
	r = fabric_sriov_renew(pf, number);
	if (seat != NULL) {
		seat->f = fabric_sriov_made(pf, number);
		leaf_swap(seat->host, seat->f);
	}
	return r;
}

int sim_fabric_set_vectors(struct sim_fabric *shared, struct fabric_function *vf, uint32_t count)
{
	const struct description_node *node = description_of(shared->description, vf);
	struct sim_seat *seat = seat_of(shared, vf);
	unsigned int number = vf->number;
	uint32_t before;
	int r;

	if (vf->physical == NULL || node == NULL || node->vectors == NULL)
		return -ENOTTY;
	if (seat != NULL && leaf_busy(seat->host))
		return -EBUSY;
	before = vectors_of(node->vectors, number);
	r = vectors_set(node->vectors, number, count);
	if (r == 0 && vectors_of(node->vectors, number) != before) {
		r = renew(vf, seat);
		if (r != 0)
			vectors_set(node->vectors, number, before);
	}
	return r;
}

/* --- the pool --- */

struct sim_fabric *sim_pool_next(const struct pcg_host_pool *pool, const struct sim_fabric *after)
{
	if (after != NULL)
		return after->next;
	return pool != NULL && pool->sim != NULL ? pool->sim->fabrics : NULL;
}

void sim_pool_destroy(struct sim_pool *pool)
{
	struct sim_fabric *shared;

	if (pool == NULL)
		return;
	while ((shared = pool->fabrics) != NULL) {
		pool->fabrics = shared->next;
		fabric_end(shared);
	}
	free(pool);
}
