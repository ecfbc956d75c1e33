/* SPDX-License-Identifier: BSD-3-Clause */
/* The function below the mediator: registers that behave, memory that remembers. */
#include <string.h>

#include "host/sim/broken.h"

static struct broken_hardware *of(struct pcg_host *host)
{
	return (struct broken_hardware *)host;
}

/* Its memory goes with the mediator. */
static void hardware_destroy(struct pcg_host *host)
{
	(void)host;
}

static int hardware_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	(void)be;
	(void)op;
	*value = model_read(&of(host)->model, dword);
	return PCG_DONE;
}

static int hardware_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	(void)op;
	model_write(&of(host)->model, dword, be, value);
	return PCG_DONE;
}

static int hardware_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
				struct pcg_op *op)
{
	(void)op;
	memcpy(data, of(host)->memory[region] + offset, length);
	return PCG_DONE;
}

static int hardware_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data,
				 size_t length, struct pcg_op *op)
{
	(void)op;
	memcpy(of(host)->memory[region] + offset, data, length);
	return PCG_DONE;
}

static int hardware_reset(struct pcg_host *host, struct pcg_op *op)
{
	(void)op;
	model_reset(&of(host)->model);
	return PCG_DONE;
}

static int hardware_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	(void)op;
	model_set_power(&of(host)->model, state);
	return PCG_DONE;
}

static void hardware_cancel(struct pcg_host *host, struct pcg_op *op)
{
	(void)host;
	(void)op;
}

const struct pcg_host_ops broken_hardware_ops = {
	.name = "sim",
	.help = "",
	.destroy = hardware_destroy,
	.config_read = hardware_config_read,
	.config_write = hardware_config_write,
	.region_read = hardware_region_read,
	.region_write = hardware_region_write,
	.reset = hardware_reset,
	.power = hardware_power,
	.cancel = hardware_cancel,
};
