/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "host/sim/endpoint_test.h"

#define DEVSTA_PENDING 0x0020u /* PCIe 6.0, 7.5.3.5: Transactions Pending */

static struct endpoint *endpoint_of(struct pcg_host *host)
{
	return (void *)((char *)host - offsetof(struct endpoint, host));
}

static uint64_t endpoint_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* PCIe 6.0, 6.6.2: nothing of what was there may be seen afterwards, in memory neither. */
static void endpoint_reset_now(struct endpoint *endpoint)
{
	endpoint_command_drop(endpoint);
	model_reset(&endpoint->model);
	endpoint_bars_clear(endpoint);
	endpoint_registers_init(endpoint);
}

/* --- operations --- */

static void endpoint_destroy(struct pcg_host *host)
{
	struct endpoint *endpoint = endpoint_of(host);

	if (endpoint->memory[0] != NULL)
		endpoint_command_drop(endpoint);
	endpoint_bars_destroy(endpoint);
	free(endpoint);
}

static int endpoint_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	struct endpoint *endpoint = endpoint_of(host);

	(void)be;
	(void)op;
	model_set(&endpoint->model, endpoint->model.express + PCG_EXP_DEVSTA, 2, DEVSTA_PENDING,
		  endpoint->transfer.waiting ? DEVSTA_PENDING : 0);
	*value = model_read(&endpoint->model, dword);
	return PCG_DONE;
}

static int endpoint_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	struct endpoint *endpoint = endpoint_of(host);

	(void)op;
	if ((model_write(&endpoint->model, dword, be, value) & MODEL_FLR) != 0)
		endpoint_reset_now(endpoint);
	return PCG_DONE;
}

static int endpoint_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
				struct pcg_op *op)
{
	(void)op;
	endpoint_bars_read(endpoint_of(host), region, offset, data, length);
	return PCG_DONE;
}

static int endpoint_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data,
				 size_t length, struct pcg_op *op)
{
	struct endpoint *endpoint = endpoint_of(host);

	(void)op;
	if (region == 0 && offset < ENDPOINT_REGISTERS_END)
		endpoint_registers_write(endpoint, offset, data, length);
	else
		endpoint_bars_write(endpoint, region, offset, data, length);
	return PCG_DONE;
}

static int endpoint_reset(struct pcg_host *host, struct pcg_op *op)
{
	struct endpoint *endpoint = endpoint_of(host);

	endpoint_reset_now(endpoint);
	if (endpoint->options.flr_ms == 0)
		return PCG_DONE;
	endpoint->resetting = op;
	endpoint->reset_end = endpoint_now() + endpoint->options.flr_ms;
	if (host->events.wake != NULL)
		host->events.wake(host->events.arg);
	return PCG_PENDING;
}

static int endpoint_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	struct endpoint *endpoint = endpoint_of(host);

	(void)op;
	/* No_Soft_Reset is set: nothing is lost on the way back. A transfer under way fails at its next piece. */
	model_set_power(&endpoint->model, state);
	return model_power(&endpoint->model) == state ? PCG_DONE : -EINVAL;
}

static int endpoint_release(struct pcg_host *host, struct pcg_op *op)
{
	(void)op;
	return endpoint_bars_renew(endpoint_of(host));
}

static void endpoint_dma(struct pcg_host *host, struct pcg_dma *dma)
{
	struct endpoint *endpoint = endpoint_of(host);

	if (dma != endpoint->dma)
		endpoint_command_drop(endpoint);
	endpoint->dma = dma;
}

static void endpoint_cancel(struct pcg_host *host, struct pcg_op *op)
{
	struct endpoint *endpoint = endpoint_of(host);

	if (endpoint->resetting == op)
		endpoint->resetting = NULL;
}

/* Milliseconds until the reset under way ends, -1 when none does. */
static int endpoint_reset_work(struct endpoint *endpoint)
{
	struct pcg_op *op = endpoint->resetting;
	uint64_t now = endpoint_now();

	if (op == NULL || endpoint->options.flr_ms == ENDPOINT_FLR_NEVER)
		return -1;
	if (now < endpoint->reset_end)
		return (int)(endpoint->reset_end - now);
	endpoint->resetting = NULL;
	op->done(op, 0);
	return -1;
}

static int endpoint_work(struct pcg_host *host)
{
	struct endpoint *endpoint = endpoint_of(host);
	bool more = endpoint_command_work(endpoint);
	int wait = endpoint_reset_work(endpoint);

	return more ? 0 : wait;
}

const struct pcg_host_ops endpoint_ops = {
	.name = "sim",
	.help = "sim:endpoint-test[,id=VENDOR:DEVICE][,subsystem=VENDOR:DEVICE][,revision=NN][,class=CCSSPP][,msi=0..32]"
		"[,msix=0..2048][,mps=BYTES][,payload=BYTES][,intx=on|off][,memory-bit=on|off][,max=BYTES][,flr=MS|never]"
		"[,bars=default|mem64|io|BAR0/BAR1/...]"
		"; a BAR is auto (BAR 0), SIZE[K|M|G][:mem32|:mem64|:io][:prefetch] or -",
	.destroy = endpoint_destroy,
	.config_read = endpoint_config_read,
	.config_write = endpoint_config_write,
	.region_read = endpoint_region_read,
	.region_write = endpoint_region_write,
	.reset = endpoint_reset,
	.power = endpoint_power,
	.release = endpoint_release,
	.dma = endpoint_dma,
	.cancel = endpoint_cancel,
	.work = endpoint_work,
};

static uint64_t endpoint_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = endpoint_now();
	return seed != 0 ? seed : 1; /* the generator never leaves 0 */
}

int endpoint_create(struct pcg_host **host, const char *text, const struct pcg_log *log)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int r;

	*host = NULL;
	if (endpoint == NULL)
		return -ENOMEM;
	if (log != NULL)
		endpoint->host.log = *log;
	endpoint->host.ops = &endpoint_ops;
	endpoint->random = endpoint_seed();
	r = endpoint_options_parse(&endpoint->options, text, log);
	if (r == 0) {
		struct pcg_host_info *info = &endpoint->host.info;

		info->config_size = PCG_CONFIG_EXTENDED;
		info->can_reset = true;
		info->no_command_memory = endpoint->options.no_memory_bit;
		for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
			info->bars[i] = endpoint->options.bars[i];
		r = endpoint_bars_create(endpoint);
	}
	if (r == 0)
		r = endpoint_config_init(endpoint);
	if (r != 0) {
		endpoint_destroy(&endpoint->host);
		return r;
	}
	endpoint_registers_init(endpoint);
	*host = &endpoint->host;
	return 0;
}
