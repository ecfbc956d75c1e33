/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/dump/memory.h"
#include "host/dump/settings.h"
#include "host/dump/vf.h"
#include "host/model/model.h"

#define VPD_SIZE  256u
#define ROM_BYTES (16u << 20) /* PCI 3.0, 6.2.5.2 */

/**
 * struct dump - a recorded function
 * @power: with plain memory, where PMCSR does not follow: what was asked for last
 */
struct dump {
	struct pcg_host host;
	struct dump_facts facts;
	struct dump_memory memory;
	enum pcg_power power;
	uint8_t vpd[VPD_SIZE];
	struct model model;
};

static struct dump *of(struct pcg_host *host)
{
	return (struct dump *)host;
}

static void dump_destroy(struct pcg_host *host)
{
	struct dump *dump = of(host);

	dump_memory_finish(&dump->memory);
	free(dump);
}

static int dump_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	(void)be;
	(void)op;
	*value = model_read(&of(host)->model, dword);
	return PCG_DONE;
}

/* PCIe 6.0, 6.6.2: what the user before left must not be readable afterwards. */
static void reset_function(struct dump *dump)
{
	model_reset(&dump->model);
	dump_memory_clear(&dump->memory);
}

static void act(struct dump *dump, unsigned int actions)
{
	if (actions & (MODEL_FLR | MODEL_LOST))
		reset_function(dump);
	else if ((actions & MODEL_VPD) && !dump->facts.vpd_fails)
		model_vpd(&dump->model, dump->vpd, sizeof(dump->vpd));
}

static int dump_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	(void)op;
	act(of(host), model_write(&of(host)->model, dword, be, value));
	return PCG_DONE;
}

static int dump_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
			    struct pcg_op *op)
{
	(void)op;
	return dump_memory_read(&of(host)->memory, region, offset, data, length);
}

static int dump_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data,
			     size_t length, struct pcg_op *op)
{
	(void)op;
	return dump_memory_write(&of(host)->memory, region, offset, data, length);
}

static int dump_reset(struct pcg_host *host, struct pcg_op *op)
{
	(void)op;
	if (!of(host)->facts.ram)
		reset_function(of(host));
	return PCG_DONE;
}

static int dump_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	struct dump *dump = of(host);

	(void)op;
	if (dump->facts.ram) {
		dump->power = state;
		return PCG_DONE;
	}
	if (dump->model.pm == 0 && state != PCG_D0)
		return -ENOTSUP;
	act(dump, model_set_power(&dump->model, state));
	return model_power(&dump->model) == state ? PCG_DONE : -ENOTSUP;
}

static int dump_release(struct pcg_host *host, struct pcg_op *op)
{
	(void)op;
	return dump_memory_renew(&of(host)->memory, &host->info);
}

/* A read that crosses the end is short, one behind it gives nothing; neither is an error. */
static int dump_vpd(struct pcg_host *host, bool write, uint16_t address, uint32_t *value, struct pcg_op *op)
{
	struct dump *dump = of(host);
	unsigned int i;

	(void)op;
	if (dump->facts.vpd_fails)
		return -EIO;
	if (write && (address % 4 != 0 || address + 4u > VPD_SIZE))
		return -EINVAL;
	if (write) {
		pcg_put32(dump->vpd + address, *value);
		return PCG_DONE;
	}
	*value = 0;
	for (i = 0; i < 4 && address + i < VPD_SIZE; i++)
		*value |= (uint32_t)dump->vpd[address + i] << 8 * i;
	return PCG_DONE;
}

/* Nothing is ever pending. */
static void dump_cancel(struct pcg_host *host, struct pcg_op *op)
{
	(void)host;
	(void)op;
}

static const struct pcg_host_ops dump_ops = {
	.name = "dump",
	.help = DUMP_FORM "  a function recorded by lspci -xxxx",
	.destroy = dump_destroy,
	.config_read = dump_config_read,
	.config_write = dump_config_write,
	.region_read = dump_region_read,
	.region_write = dump_region_write,
	.reset = dump_reset,
	.power = dump_power,
	.vpd = dump_vpd,
	.release = dump_release,
	.cancel = dump_cancel,
};

const struct dump_facts *dump_facts(const struct pcg_host *host)
{
	return host->ops == &dump_ops ? &((const struct dump *)host)->facts : NULL;
}

static int fill_model(struct dump *dump, const struct dump_text *text, const struct pcg_layout *layout)
{
	static const struct pcg_bar no_bars[PCG_NUM_BARS];
	const struct pcg_host_info *info = &dump->host.info;
	const struct model_facts facts = {
		.config = text->config,
		.size = text->size,
		.layout = layout,
		/* A VF's BARs are decoded by its PF's SR-IOV capability (PCIe 6.0, 9.3.4.1.11). */
		.bars = info->is_vf ? no_bars : info->bars,
		.rom = &info->rom,
		.is_vf = info->is_vf,
		.no_memory_bit = info->is_vf || info->no_command_memory,
		.ram = dump->facts.ram,
	};

	return model_init(&dump->model, &facts);
}

static int fill_memory(struct dump *dump, const struct dump_settings *settings, const struct dump_text *text)
{
	struct pcg_host_info *info = &dump->host.info;
	const struct pcg_log *log = &dump->host.log;
	size_t image_size = 0;
	uint8_t *image = NULL;
	int error = 0;

	if (settings->rom != NULL && info->is_vf) {
		base_log(log, PCG_ERROR, "dump: rom=: a VF has no expansion ROM");
		return -EINVAL;
	}
	if (settings->rom != NULL)
		error = dump_load(settings->rom, ROM_BYTES, &image, &image_size, log);
	if (error == 0 && settings->rom != NULL && image_size == 0) {
		base_log(log, PCG_ERROR, "dump: rom=%.200s: the file is empty", settings->rom);
		error = -EINVAL;
	}
	if (error == 0 && !info->is_vf)
		error = dump_rom(&info->rom, text, image_size, log);
	if (error == 0)
		error = dump_memory_add(&dump->memory, info, settings->memory, image, image_size);
	free(image);
	return error;
}

static int refuse_bridge(const struct dump_file *file, const struct dump_text *text, const struct pcg_log *log)
{
	unsigned int type = text->config[PCG_HEADER_TYPE] & 0x7f;

	if (type == 0)
		return 0;
	base_log(
		log, PCG_ERROR,
		"dump: \"%.200s\": %02x:%02x.%x has a type %u header (%s); bridges cannot be served, FILE@BDF names another",
		file->name, text->bdf.bus, text->bdf.device, text->bdf.function, type,
		type == 1   ? "PCI bridge"
		: type == 2 ? "CardBus bridge"
			    : "unknown");
	return -ENOTSUP;
}

/* What Linux's PCI core knows of a function beside its registers. */
static void fill_placement(struct dump *dump, const struct dump_text *text)
{
	struct pcg_host_info *info = &dump->host.info;
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++)
		if (text->bars[i].there && text->bars[i].address == 0)
			info->unplaced |= (uint8_t)(1u << i);
	if (text->rom.there && text->rom.address == 0)
		info->unplaced |= 1u << PCG_NUM_BARS;
	info->intx_broken = dump->facts.nointx;
	info->intx_follows = dump->facts.intx == DUMP_INTX_FOLLOW;
	info->keeps_registers = dump->facts.ram;
}

static int fill(struct dump *dump, const struct dump_settings *settings, const struct dump_file *file, size_t n)
{
	struct pcg_host_info *info = &dump->host.info;
	const struct pcg_log *log = &dump->host.log;
	struct pcg_layout *layout = malloc(sizeof(*layout));
	struct dump_text *text = malloc(sizeof(*text));
	int error = layout == NULL || text == NULL ? -ENOMEM : 0;

	if (error == 0)
		error = dump_file_read(file, n, text, log);
	if (error == 0)
		error = refuse_bridge(file, text, log);
	if (error == 0)
		error = pcg_layout_parse(layout, text->config, text->size, log);
	if (error == 0)
		error = dump_identity(info, settings, file, text, log);
	if (error == 0)
		error = dump_bars(info->bars, text, layout, settings->bars, log);
	if (error == 0) {
		info->config_size = text->size;
		info->can_reset = true;
		fill_placement(dump, text);
		error = fill_memory(dump, settings, text);
	}
	if (error == 0)
		error = fill_model(dump, text, layout);
	free(layout);
	free(text);
	return error;
}

static int open_function(struct dump *dump, const char *text)
{
	const struct pcg_log *log = &dump->host.log;
	struct dump_settings settings;
	struct dump_file file;
	long n;
	int error = dump_settings_init(&settings, text, log);

	if (error != 0)
		return error;
	dump->facts = settings.facts;
	dump->host.info.no_intx = settings.facts.nointx || settings.facts.irq_none;
	error = dump_file_init(&file, settings.file, log);
	if (error == 0) {
		n = dump_file_select(&file, settings.has_bdf ? &settings.bdf : NULL, log);
		error = n < 0 ? (int)n : fill(dump, &settings, &file, (size_t)n);
		dump_file_finish(&file);
	}
	dump_settings_finish(&settings);
	return error;
}

int dump_create(struct pcg_host **host, const char *text, const struct pcg_log *log)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	unsigned int i;
	int error;

	if (dump == NULL)
		return -ENOMEM;
	dump->host.ops = &dump_ops;
	if (log != NULL)
		dump->host.log = *log;
	dump_memory_init(&dump->memory, &dump->host.log);
	for (i = 0; i < VPD_SIZE; i++)
		dump->vpd[i] = (uint8_t)(7 * i + 0x31);
	error = open_function(dump, text);
	if (error != 0) {
		dump_destroy(&dump->host);
		return error;
	}
	*host = &dump->host;
	return 0;
}
