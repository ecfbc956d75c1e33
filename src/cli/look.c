/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcigate/function.h>

#include "base/log.h"
#include "cli/look.h"
#include "serve/control_client.h"

#define PATIENCE 5000 /* ms for all the backend has to do */
#define TURN     10   /* ms between two looks at it */

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

/* Let the backend work until *result is no longer PCG_PENDING. */
static int wait_for(struct pcg_host *host, const int *result)
{
	int left;

	for (left = PATIENCE; *result == PCG_PENDING && left > 0; left -= TURN) {
		poll(NULL, 0, TURN);
		if (host->ops->work != NULL)
			host->ops->work(host);
	}
	return *result == PCG_PENDING ? -ETIMEDOUT : *result;
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
			ret = wait_for(host, &result);
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

	return ret == PCG_PENDING ? wait_for(host, &request.result) : ret;
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
			ret = wait_for(host, &request.result);
		if (ret == 0)
			ret = read_guest(look, host, function);
		pcg_function_finish(function);
	}
	free(memory);
	return ret;
}

static int look_here(struct look *look, const char *func, const struct pcg_view_options *options,
		     const struct pcg_log *log)
{
	struct pcg_host *host;
	int ret = pcg_host_create(&host, func, log);

	if (ret < 0)
		return ret;
	ret = look_inside(look, host, options, log);
	if (ret < 0)
		base_log(log, PCG_ERROR, "%s: cannot read the function: %s", func, strerror(-ret));
	pcg_host_destroy(host);
	return ret;
}

/* A running server tells less than a backend; what it does not tell is as it mostly is. */
static void guess_info(struct look *look)
{
	struct pcg_host_info *info = &look->info;

	info->config_size = (uint16_t)look->size;
	memcpy(info->bars, look->bars, sizeof(info->bars));
	info->rom = look->rom;
	info->can_reset = true;
	info->is_vf = pcg_get16(look->host + PCG_VENDOR) == 0xffff;
	info->vendor = pcg_get16(look->guest + PCG_VENDOR);
	info->device = pcg_get16(look->guest + PCG_DEVICE);
	info->no_intx = look->guest[PCG_INT_PIN] == 0;
}

/* "PATH" or "PATH@N": N counts the functions that the server was given, from 0. */
static int look_live(struct look *look, const char *where, const struct pcg_log *log)
{
	struct control_function answer;
	char path[256];
	const char *at = strrchr(where, '@');
	unsigned long n = 0;
	size_t length = strlen(where);
	int ret;

	if (at != NULL) {
		char *end;

		n = strtoul(at + 1, &end, 10);
		if (end == at + 1 || *end != '\0')
			at = NULL;
		else
			length = (size_t)(at - where);
	}
	if (length >= sizeof(path)) {
		base_log(log, PCG_ERROR, "live: the path of a socket is shorter than this: %s", where);
		return -ENAMETOOLONG;
	}
	snprintf(path, sizeof(path), "%.*s", (int)length, where);
	ret = control_config(path, (unsigned int)n, CONTROL_HOST, &answer, log);
	if (ret < 0)
		return ret;
	memcpy(look->host, answer.config, sizeof(look->host));
	ret = control_config(path, (unsigned int)n, CONTROL_GUEST, &answer, log);
	if (ret < 0)
		return ret;
	memcpy(look->guest, answer.config, sizeof(look->guest));
	look->size = answer.size;
	memcpy(look->bars, answer.bars, sizeof(look->bars));
	look->rom = answer.rom;
	snprintf(look->func, sizeof(look->func), "%s", answer.func);
	guess_info(look);
	return 0;
}

int look_at(struct look *look, const char *func, const struct pcg_view_options *options, const struct pcg_log *log)
{
	int ret;

	memset(look, 0, sizeof(*look));
	snprintf(look->func, sizeof(look->func), "%s", func);
	if (strncmp(func, "live:", 5) == 0)
		ret = look_live(look, func + 5, log);
	else
		ret = look_here(look, func, options, log);
	if (ret == 0)
		ret = pcg_layout_parse(&look->host_layout, look->host, look->size, NULL);
	if (ret == 0)
		ret = pcg_layout_parse(&look->guest_layout, look->guest, look->size, NULL);
	return ret;
}
