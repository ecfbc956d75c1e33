/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function opened here. With a profile that mediates, the guest's side is the function room's and the host's side
 * the backend below it. Without one, the guest meets the backend itself, which is its own hardware: there is no
 * host side, but for the simulated function that plays the mediator.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pcigate/function.h>

#include "base/log.h"
#include "conform/target.h"
#include "host/sim/broken.h"
#include "host/wait.h"

#define PATIENCE 5000 /* ms for one request */

struct mediated {
	struct target target;
	struct probe probe;
	struct pcg_host *host;
	struct pcg_function *function; /* NULL: no mediator */
	void *memory;
};

static struct mediated *of(struct target *target)
{
	return (struct mediated *)target;
}

static void mediated_destroy(struct target *target)
{
	struct mediated *m = of(target);

	if (m->function != NULL)
		pcg_function_finish(m->function);
	pcg_host_destroy(m->host);
	free(m->memory);
	free(m);
}

/* --- through the function room --- */

struct waited {
	struct pcg_request request;
	int result;
};

static void mediated_done(struct pcg_request *request)
{
	((struct waited *)(void *)request)->result = request->result;
}

/* The function's deadline is its server's business; here a request that does not end ends the function. */
static int mediated_wait(struct mediated *m, const struct waited *w, int result)
{
	if (result != PCG_PENDING)
		return result;
	result = host_wait(&m->probe.host, &w->result, PATIENCE);
	if (w->result == PCG_PENDING)
		pcg_function_quarantine(m->function);
	return result;
}

static int mediated_submit(struct mediated *m, struct waited *w)
{
	w->request.done = mediated_done;
	w->result = PCG_PENDING;
	return mediated_wait(m, w, pcg_function_submit(m->function, &w->request));
}

static int mediated_access(struct target *target, bool write, unsigned int region, uint64_t offset, void *data,
			   size_t length)
{
	struct waited w = { .request = {
				    .kind = write ? PCG_REQUEST_WRITE : PCG_REQUEST_READ,
				    .region = region,
				    .offset = offset,
				    .length = length,
				    .data = data,
			    } };

	return mediated_submit(of(target), &w);
}

static int mediated_reset(struct target *target)
{
	struct waited w = { .request = { .kind = PCG_REQUEST_RESET } };

	return mediated_submit(of(target), &w);
}

static const struct target_ops mediated_ops = { mediated_access, mediated_reset, mediated_destroy };

static void mediated_trigger(void *arg, enum pcg_irq_index index, unsigned int vector)
{
	(void)arg;
	(void)index;
	(void)vector;
}

static int mediated_open(struct mediated *m, const struct pcg_view_options *view, const struct pcg_log *log)
{
	const struct pcg_function_events events = { .trigger = mediated_trigger };
	struct waited w = { .request = { .done = mediated_done }, .result = PCG_PENDING };
	unsigned int i;
	int r;

	probe_init(&m->probe, m->host);
	m->target.host = &m->probe;
	m->target.ops = &mediated_ops;
	m->memory = malloc(pcg_function_size());
	if (m->memory == NULL)
		return -ENOMEM;
	r = pcg_function_init(m->memory, &m->probe.host, view, &events, log, &w.request, &m->function);
	r = mediated_wait(m, &w, r);
	for (i = 0; r == 0 && i < PCG_NUM_REGIONS; i++)
		m->target.region_size[i] = pcg_function_region(m->function, i)->size;
	return r;
}

/* --- the backend itself --- */

static int plain_piece(struct pcg_host *host, bool write, uint16_t dword, uint8_t be, uint32_t *value)
{
	struct target_op op;

	target_op_init(&op);
	return target_op_wait(host, &op,
			      write ? host->ops->config_write(host, dword, be, *value, &op.op)
				    : host->ops->config_read(host, dword, be, value, &op.op));
}

static int plain_config(struct pcg_host *host, bool write, uint64_t offset, uint8_t *data, size_t length)
{
	size_t done = 0;

	if (offset > host->info.config_size || length > host->info.config_size - offset)
		return -EINVAL;
	while (done < length) {
		unsigned int at = (unsigned int)(offset + done), first = at & 3u, n = 4 - first, i;
		uint32_t value = 0;
		int r;

		if (n > length - done)
			n = (unsigned int)(length - done);
		for (i = 0; write && i < n; i++)
			value |= (uint32_t)data[done + i] << 8 * (first + i);
		r = plain_piece(host, write, (uint16_t)(at / 4), (uint8_t)(((1u << n) - 1) << first), &value);
		if (r != 0)
			return r;
		for (i = 0; !write && i < n; i++)
			data[done + i] = (uint8_t)(value >> 8 * (first + i));
		done += n;
	}
	return 0;
}

static int plain_region(struct pcg_host *host, bool write, unsigned int region, uint64_t offset, void *data,
			size_t length)
{
	const struct pcg_region *r;
	struct target_op op;

	if (region >= PCG_NUM_REGIONS)
		return -EINVAL;
	r = &host->info.regions[region];
	if (offset > r->size || length > r->size - offset)
		return -EINVAL;
	target_op_init(&op);
	return target_op_wait(host, &op,
			      write ? host->ops->region_write(host, region, offset, data, length, &op.op)
				    : host->ops->region_read(host, region, offset, data, length, &op.op));
}

static int plain_access(struct target *target, bool write, unsigned int region, uint64_t offset, void *data,
			size_t length)
{
	struct pcg_host *host = of(target)->host;
	int r = region == PCG_REGION_CONFIG ? plain_config(host, write, offset, data, length)
					    : plain_region(host, write, region, offset, data, length);

	return broken_whole(host, write, region, offset, data, length, r);
}

static int plain_reset(struct target *target)
{
	struct pcg_host *host = of(target)->host;
	struct target_op op;

	target_op_init(&op);
	return target_op_wait(host, &op, host->ops->reset(host, &op.op));
}

static const struct target_ops plain_ops = { plain_access, plain_reset, mediated_destroy };

static void plain_open(struct mediated *m)
{
	struct pcg_host **hardware = broken_hardware(m->host);
	unsigned int i;

	m->target.ops = &plain_ops;
	for (i = 0; i < PCG_NUM_REGIONS; i++)
		m->target.region_size[i] = m->host->info.regions[i].size;
	m->target.region_size[PCG_REGION_CONFIG] = m->host->info.config_size;
	if (hardware == NULL)
		return;
	probe_init(&m->probe, *hardware);
	*hardware = &m->probe.host;
	m->target.host = &m->probe;
}

/* What the guest would say that it drives. */
static int mediated_speak(struct mediated *m, const struct pcg_pasid_wish *wish, const struct pcg_log *log)
{
	const char *why = "";
	int r;

	if (wish->width == 0)
		return 0;
	if (m->function == NULL)
		return -EOPNOTSUPP;
	r = pcg_function_pasid(m->function, wish, &why);
	if (r != 0)
		base_log(log, PCG_ERROR, "--pasid: %s", why);
	return r;
}

/* Without a mediator nobody carries out what a policy says. */
static int plain_refuse(const struct pcg_view_options *view, const struct pcg_log *log)
{
	const struct pcg_pasid_options *p = &view->pasid;
	const char *what = NULL;

	if (view->msix_vectors != 0)
		what = "msix-vectors: the profile raw keeps no bound";
	else if (p->pasid.shown != PCG_SHOWN_NEVER || p->ats.shown != PCG_SHOWN_NEVER ||
		 p->pri.shown != PCG_SHOWN_NEVER)
		what = "pasid, ats, pri: the profile raw makes up no capability";
	else if (view->spoken.width != 0)
		what = "--pasid: with the profile raw nobody listens";
	if (what == NULL)
		return 0;
	base_log(log, PCG_ERROR, "%s; take another one, or leave that out", what);
	return -EINVAL;
}

static int open_here(struct mediated **mediated, struct pcg_host *host, const struct pcg_view_options *view,
		     const struct pcg_log *log)
{
	struct mediated *m = calloc(1, sizeof(*m));
	struct pcg_view_options silent = *view;
	int r;

	if (m == NULL) {
		pcg_host_destroy(host);
		return -ENOMEM;
	}
	m->host = host;
	m->target.config_size = host->info.config_size;
	m->target.is_vf = host->info.is_vf;
	m->target.has_reset = host->info.can_reset;
	m->target.memory_preset = host->info.is_vf || host->info.no_command_memory || view->no_command_memory;
	if (view->profile != pcg_profile_find("raw")) {
		memset(&silent.spoken, 0, sizeof(silent.spoken));
		r = mediated_open(m, &silent, log);
		if (r == 0)
			r = mediated_speak(m, &view->spoken, log);
	} else {
		r = plain_refuse(view, log);
		if (r == 0)
			plain_open(m);
	}
	*mediated = m;
	return r;
}

static int function_open(struct target **target, const char *name, const struct pcg_view_options *view,
			 const struct pcg_log *log)
{
	struct mediated *m = NULL;
	struct pcg_host *host;
	int r = pcg_host_create(&host, name, log);

	if (r < 0)
		return r;
	r = open_here(&m, host, view, log);
	if (r < 0) {
		base_log(log, PCG_ERROR, "the function cannot be opened: %s", strerror(-r));
		if (m != NULL)
			mediated_destroy(&m->target);
		return r;
	}
	*target = &m->target;
	return 0;
}

const struct target_kind target_function = {
	.prefix = "",
	.help = "dump:FILE[@BDF], sim:MODEL: opened here, mediated by --profile",
	.profile = "guarded",
	.open = function_open,
};
