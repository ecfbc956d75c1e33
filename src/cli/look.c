/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcigate/function.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/look.h"
#include "host/wait.h"

#define PATIENCE 5000 /* ms for all the backend has to do */

static void trigger(void *arg, enum pcg_irq_index index, unsigned int vector)
{
	(void)arg;
	(void)index;
	(void)vector;
}

static void request_done(struct pcg_request *request)
{
	(void)request;
}

static void op_done(struct pcg_op *op, int result)
{
	*(int *)(void *)op->next = result;
}

static int read_host(struct look *look, struct pcg_host *host)
{
	unsigned int dword;

	for (dword = 0; dword < look->size / 4; dword++) {
		int result = PCG_PENDING;
		struct pcg_op op = { .done = op_done, .next = (struct pcg_op *)(void *)&result };
		uint32_t value;
		int ret = host->ops->config_read(host, (uint16_t)dword, 0xf, &value, &op);

		if (ret == PCG_PENDING) {
			ret = host_wait(host, &result, PATIENCE);
			if (ret == -ETIMEDOUT)
				host->ops->cancel(host, &op);
		}
		if (ret < 0)
			return ret;
		pcg_put32(look->host + dword * 4u, value);
	}
	return 0;
}

static int read_guest(struct look *look, struct pcg_host *host, struct pcg_function *function)
{
	struct pcg_request request = {
		.kind = PCG_REQUEST_READ,
		.region = PCG_REGION_CONFIG,
		.length = look->size,
		.data = look->guest,
		.done = request_done,
		.result = PCG_PENDING,
	};
	int ret = pcg_function_submit(function, &request);

	return ret == PCG_PENDING ? host_wait(host, &request.result, PATIENCE) : ret;
}

static int look_inside(struct look *look, struct pcg_host *host, const struct pcg_view_options *options,
		       const struct pcg_log *log)
{
	const struct pcg_function_events events = { .trigger = trigger };
	struct pcg_request request = { .done = request_done, .result = PCG_PENDING };
	struct pcg_function *function;
	void *memory = malloc(pcg_function_size());
	int ret;

	if (memory == NULL)
		return -ENOMEM;
	look->size = host->info.config_size;
	memcpy(look->bars, host->info.bars, sizeof(look->bars));
	look->rom = host->info.rom;
	look->info = host->info;
	/* The host side first: opening may change it. */
	ret = read_host(look, host);
	if (ret == 0) {
		ret = pcg_function_init(memory, host, options, &events, log, &request, &function);
		if (ret == PCG_PENDING)
			ret = host_wait(host, &request.result, PATIENCE);
		if (ret == 0)
			ret = read_guest(look, host, function);
		pcg_function_finish(function);
	}
	free(memory);
	return ret;
}

static int look_here(struct look *look, const char *func, const struct cli_view *view, const struct pcg_log *log)
{
	struct pcg_host *host;
	int ret = pcg_host_create(&host, func, log);

	if (ret < 0)
		return ret;
	look->view = view->options;
	ret = look_inside(look, host, &look->view, log);
	if (ret < 0)
		base_log(log, PCG_ERROR, "%s: cannot read the function: %s", func, strerror(-ret));
	pcg_host_destroy(host);
	return ret;
}

/* --- a running server's --- */

static void take_live(struct look *look)
{
	const struct control_function *live = &look->live;

	look->size = live->size;
	look->rom = live->rom;
	memcpy(look->bars, live->bars, sizeof(look->bars));
	snprintf(look->func, sizeof(look->func), "%s", live->func);
	look->info = live->rules.facts;
	look->info.config_size = (uint16_t)live->size;
	look->info.rom = live->rom;
	memcpy(look->info.bars, live->bars, sizeof(look->info.bars));
	look->view = live->rules.view;
	look->view.profile = pcg_profile_find(live->rules.profile);
}

static bool same_made(const struct pcg_made *a, const struct pcg_made *b)
{
	return a->shown == b->shown && a->at == b->at;
}

static bool same_policy(const struct pcg_view_options *a, const struct pcg_view_options *b)
{
	return a->mps_supported == b->mps_supported && a->no_command_memory == b->no_command_memory &&
	       a->msix_vectors == b->msix_vectors && a->rebar == b->rebar &&
	       same_made(&a->pasid.pasid, &b->pasid.pasid) && same_made(&a->pasid.ats, &b->pasid.ats) &&
	       same_made(&a->pasid.pri, &b->pasid.pri) && a->pasid.width == b->pasid.width;
}

/* What the command line asks for must be what the server does: nothing else can be seen of it. */
static int match_live(const struct look *look, const struct cli_view *view, const struct pcg_log *log)
{
	const struct control_rules *rules = &look->live.rules;
	const struct pcg_view_options *has = &look->view, *wants = &view->options;

	if (has->profile == NULL || !rules->has_facts || rules->too_many) {
		base_log(
			log, PCG_ERROR,
			"live: the server's rules cannot be had from it (profile \"%s\"%s); use the pcigate that serves",
			rules->profile, rules->too_many ? ", too many quirks" : "");
		return -EPROTO;
	}
	if (view->profile && wants->profile != has->profile)
		base_log(
			log, PCG_ERROR,
			"--profile: the running server shows this function by the profile %s, and no other can be seen of it; "
			"leave --profile out, or name %s instead of live:",
			rules->profile, look->func);
	else if (view->policy && !same_policy(wants, has))
		base_log(log, PCG_ERROR,
			 "--policy: the running server has other policies (mps-supported=%u, no-command-memory=%s, "
			 "msix-vectors=%u, rebar=%s; 0: none); leave --policy out, or name %s instead of live:",
			 has->mps_supported, has->no_command_memory ? "on" : "off", has->msix_vectors,
			 has->rebar ? "on" : "off", look->func);
	else if (view->quirks)
		base_log(log, PCG_ERROR,
			 "--quirks: the running server has its own; leave it out, or name %s instead of live:",
			 look->func);
	else
		return 0;
	return -EINVAL;
}

static int look_live(struct look *look, const char *where, const struct cli_view *view, const struct pcg_log *log)
{
	char path[256];
	unsigned int n;
	int ret = control_split(where, path, sizeof(path), &n);

	if (ret != 0)
		base_log(log, PCG_ERROR, "live: the path of a socket is shorter than this: %s", where);
	else
		ret = control_config(path, n, CONTROL_HOST, &look->live, log);
	if (ret < 0)
		return ret;
	memcpy(look->host, look->live.config, sizeof(look->host));
	ret = control_config(path, n, CONTROL_GUEST, &look->live, log);
	if (ret < 0)
		return ret;
	memcpy(look->guest, look->live.config, sizeof(look->guest));
	take_live(look);
	return match_live(look, view, log);
}

/* Capabilities that the guest finds where the function has none. */
static void join_layouts(struct look *look)
{
	const struct pcg_layout *guest = &look->guest_layout;
	struct pcg_layout *all = &look->layout;
	unsigned int i, j;

	*all = look->host_layout;
	memcpy(look->defining, look->host, sizeof(look->defining));
	for (i = 0; i < guest->necaps; i++) {
		for (j = 0; j < all->necaps && all->ecaps[j].offset != guest->ecaps[i].offset; j++)
			;
		if (j < all->necaps || j == PCG_MAX_ECAPS)
			continue;
		all->ecaps[all->necaps++] = guest->ecaps[i];
		memcpy(look->defining + guest->ecaps[i].offset, look->guest + guest->ecaps[i].offset,
		       guest->ecaps[i].length);
	}
}

int look_at(struct look *look, const char *func, const struct cli_view *view, const struct pcg_log *log)
{
	bool live = strncmp(func, "live:", 5) == 0;
	int ret;

	memset(look, 0, sizeof(*look));
	snprintf(look->func, sizeof(look->func), "%s", func);
	ret = live ? look_live(look, func + 5, view, log) : look_here(look, func, view, log);
	if (ret == -EINVAL && live)
		return CLI_USAGE;
	if (ret == 0)
		ret = pcg_layout_parse(&look->host_layout, look->host, look->size, NULL);
	if (ret == 0)
		ret = pcg_layout_parse(&look->guest_layout, look->guest, look->size, NULL);
	if (ret == 0)
		join_layouts(look);
	return ret == 0 ? CLI_DONE : CLI_CANNOT;
}

bool look_forced(const struct look *look, const struct pcg_cap *cap)
{
	const struct pcg_view_options *view = &look->view;

	if (!cap->extended)
		return false;
	switch (cap->id) {
	case PCG_ECAP_PASID:
		return view->pasid.pasid.shown == PCG_SHOWN_FORCED && view->spoken.width == 0;
	case PCG_ECAP_ATS:
		return view->pasid.ats.shown == PCG_SHOWN_FORCED && !view->spoken.ats;
	case PCG_ECAP_PRI:
		return view->pasid.pri.shown == PCG_SHOWN_FORCED && !view->spoken.page_requests;
	default:
		return false;
	}
}

int look_record(const struct look *look, const char *verb, struct view_record *record)
{
	/* What is odd about the function was said when it was looked at. */
	if (view_record_init(record, &look->info, look->host, &look->view, NULL) == 0)
		return CLI_DONE;
	return cli_error(verb, CLI_CANNOT, "%s: profile %s cannot be compiled for it", look->func,
			 look->view.profile->name);
}
