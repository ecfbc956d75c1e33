/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ram.h"

static struct ram *of(struct pcg_host *host)
{
	return (struct ram *)(void *)host;
}

uint32_t ram_get(const struct ram *ram, unsigned int dword)
{
	return pcg_get32(ram->config + dword * 4u);
}

/* Now, or when ram_submit() comes round. */
static int end(struct ram *ram, struct pcg_op *op, uint32_t *value, uint32_t got)
{
	if (ram->late.state == 0 || dice_of(&ram->late, 2)) {
		if (value != NULL)
			*value = got;
		return PCG_DONE;
	}
	if (ram->pending.op != NULL)
		abort();
	ram->pending.op = op;
	ram->pending.value = value;
	ram->pending.got = got;
	return PCG_PENDING;
}

static void finish(struct ram *ram)
{
	struct pcg_op *op = ram->pending.op;

	ram->pending.op = NULL;
	if (ram->pending.value != NULL)
		*ram->pending.value = ram->pending.got;
	op->done(op, 0);
}

static int config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	uint32_t bits = pcg_be_mask(be);

	if (dword * 4u >= host->info.config_size || be == 0 || be >= 16)
		return -EINVAL;
	/* What was not asked for is noise. */
	return end(of(host), op, value, (ram_get(of(host), dword) & bits) | (0xdeadbeefu & ~bits));
}

static int config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	struct ram *ram = of(host);
	uint32_t bits = pcg_be_mask(be), now = ram_get(ram, dword), rw1c = ram->rw1c[dword];

	if (dword * 4u >= host->info.config_size || be == 0 || be >= 16)
		return -EINVAL;
	now = (now & (~bits | rw1c)) | (value & bits & ~rw1c);
	now &= ~(value & bits & rw1c);
	pcg_put32(ram->config + dword * 4u, now);
	ram->writes[dword]++;
	ram->written++;
	return end(ram, op, NULL, 0);
}

static int region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
		       struct pcg_op *op)
{
	(void)host;
	(void)region;
	(void)offset;
	(void)op;
	memset(data, 0, length);
	return PCG_DONE;
}

static int region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data, size_t length,
			struct pcg_op *op)
{
	(void)host;
	(void)region;
	(void)offset;
	(void)data;
	(void)length;
	(void)op;
	return PCG_DONE;
}

static int reset(struct pcg_host *host, struct pcg_op *op)
{
	return end(of(host), op, NULL, 0);
}

static int power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	(void)state;
	return end(of(host), op, NULL, 0);
}

static void cancel(struct pcg_host *host, struct pcg_op *op)
{
	if (of(host)->pending.op == op)
		of(host)->pending.op = NULL;
}

static const struct pcg_host_ops ops = {
	.name = "ram",
	.config_read = config_read,
	.config_write = config_write,
	.region_read = region_read,
	.region_write = region_write,
	.reset = reset,
	.power = power,
	.cancel = cancel,
};

void ram_init(struct ram *ram, const struct subject *subject)
{
	memset(ram, 0, sizeof(*ram));
	ram->host.ops = &ops;
	ram->host.info = subject->info;
	memcpy(ram->config, subject->config, sizeof(ram->config));
}

struct pcg_function *ram_open(struct ram *ram, const char *profile)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find(profile) };
	const struct pcg_function_events events = { 0 };
	struct pcg_request request = { .kind = PCG_REQUEST_READ };
	struct pcg_function *function;
	void *memory = malloc(pcg_function_size());

	if (memory == NULL)
		abort();
	if (pcg_function_init(memory, &ram->host, &options, &events, NULL, &request, &function) == PCG_DONE)
		return function;
	free(memory);
	return NULL;
}

void ram_close(struct pcg_function *function)
{
	pcg_function_finish(function);
	free(function);
}

static void ended(struct pcg_request *request)
{
	request->done = NULL;
}

int ram_submit(struct ram *ram, struct pcg_function *function, struct pcg_request *request)
{
	int ret;

	request->done = ended;
	ret = pcg_function_submit(function, request);
	if (ret != PCG_PENDING)
		return ret;
	while (request->done != NULL) {
		if (ram->pending.op == NULL)
			abort();
		finish(ram);
	}
	return request->result;
}

int ram_read(struct ram *ram, struct pcg_function *function, unsigned int offset, void *data, size_t length)
{
	struct pcg_request request = {
		.kind = PCG_REQUEST_READ, .region = PCG_REGION_CONFIG, .offset = offset, .length = length, .data = data
	};

	return ram_submit(ram, function, &request);
}

int ram_write(struct ram *ram, struct pcg_function *function, unsigned int offset, const void *data, size_t length)
{
	struct pcg_request request = {
		.kind = PCG_REQUEST_WRITE,
		.region = PCG_REGION_CONFIG,
		.offset = offset,
		.length = length,
		.data = (void *)(uintptr_t)data,
	};

	return ram_submit(ram, function, &request);
}
