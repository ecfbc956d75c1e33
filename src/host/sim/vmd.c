/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/fabric/fabric.h"
#include "host/options.h"
#include "host/sim/control.h"
#include "host/sim/description.h"
#include "host/sim/endpoint.h"
#include "host/sim/vmd.h"

/* What the driver expects where: BAR 0 configuration space, BAR 2 memory below 4 GiB, BAR 4 the rest. */
enum {
	CONFIG_BAR = 0,
	LOW_BAR = 2,
	HIGH_BAR = 4,
};

/* The head of BAR 4 is this function's own: its MSI-X table and pending bits. */
#define OWN_SIZE 0x2000u
#define OWN_PBA  0x1000u

/* Where the windows stand on the root bus; the capability "SHDW" tells the driver, whatever address the BARs got. */
#define LOW_BASE  UINT64_C(0xc0000000)
#define HIGH_BASE UINT64_C(0x4000000000)

#define SHDW 0x53484457u

enum {
	AT_VNDR = 0x50,
	VNDR_LENGTH = 24,
	AT_MSIX = 0x80,
};

#define MSI_WINDOW 0xfee00000u

/** struct vmd_access - a request on its way into the client's memory */
struct vmd_access {
	struct pcg_op op;
	struct vmd_access *next;
	struct vmd *vmd;
	struct pcg_op *outer;
};

struct vmd {
	struct pcg_host host;
	struct model model;
	struct fabric *fabric;
	struct description *description;
	struct endpoint_home home;
	struct sim_error_log errors;
	struct sim_transfers transfers;
	struct pcg_dma *dma;
	struct vmd_access *accesses;
	uint8_t own[OWN_SIZE];
};

static struct vmd *vmd_of(struct pcg_host *host)
{
	return (void *)((char *)host - offsetof(struct vmd, host));
}

/* --- what comes up from the fabric --- */

static bool vmd_masters(const struct vmd *vmd)
{
	return (model_get(&vmd->model, PCG_COMMAND, 2) & PCG_COMMAND_MASTER) != 0 && model_power(&vmd->model) == PCG_D0;
}

static enum tlp_status vmd_interrupt(struct vmd *vmd, uint64_t address)
{
	unsigned int vector = (unsigned int)(address >> 12) & 0xffu;
	unsigned int table = model_get(&vmd->model, AT_MSIX + PCG_MSIX_CONTROL, 2) & PCG_MSIX_SIZE;

	if (vector > table)
		return TLP_UNSUPPORTED;
	if (vmd->host.events.irq != NULL)
		vmd->host.events.irq(vmd->host.events.arg, PCG_IRQ_MSIX, vector, true);
	return TLP_SUCCESS;
}

static void vmd_unlink(struct vmd_access *access)
{
	struct vmd_access **link = &access->vmd->accesses;

	while (*link != access)
		link = &(*link)->next;
	*link = access->next;
}

static void vmd_access_done(struct pcg_op *op, int result)
{
	struct vmd_access *access = (void *)((char *)op - offsetof(struct vmd_access, op));
	struct pcg_op *outer = access->outer;

	vmd_unlink(access);
	free(access);
	outer->done(outer, result);
}

static int vmd_move(struct vmd *vmd, bool write, uint64_t at, void *data, size_t length, struct pcg_op *op)
{
	struct vmd_access *access = malloc(sizeof(*access));
	int r;

	if (access == NULL)
		return -ENOMEM;
	*access = (struct vmd_access){ .op.done = vmd_access_done, .vmd = vmd, .outer = op };
	r = write ? pcg_dma_write(vmd->dma, at, data, length, &access->op)
		  : pcg_dma_read(vmd->dma, at, data, length, &access->op);
	if (r == PCG_PENDING) {
		access->next = vmd->accesses;
		vmd->accesses = access;
	} else {
		free(access);
	}
	return r;
}

static int vmd_access(void *arg, const struct tlp *tlp, uint64_t at, void *data, size_t length, enum tlp_status *status,
		      struct pcg_op *op)
{
	struct vmd *vmd = arg;
	int r;

	*status = TLP_UNSUPPORTED;
	/* There is no IOMMU in here: the client's own knows this function, and nobody behind it. */
	if (!vmd_masters(vmd) || tlp->at != TLP_UNTRANSLATED || tlp->pasid.present)
		return PCG_DONE;
	if (tlp->type == TLP_MEMORY_WRITE && at >> 20 == MSI_WINDOW >> 20) {
		*status = vmd_interrupt(vmd, at);
		return PCG_DONE;
	}
	if (vmd->dma == NULL)
		return PCG_DONE;
	*status = TLP_SUCCESS;
	if (data == NULL || length == 0)
		return PCG_DONE;
	r = vmd_move(vmd, tlp->type == TLP_MEMORY_WRITE, at, data, length, op);
	if (r < 0)
		*status = TLP_UNSUPPORTED;
	return r == PCG_PENDING ? PCG_PENDING : PCG_DONE;
}

static void vmd_cancel_access(void *arg, struct pcg_op *op)
{
	struct vmd *vmd = arg;

	for (struct vmd_access *access = vmd->accesses; access != NULL; access = access->next)
		if (access->outer == op) {
			vmd_unlink(access);
			pcg_dma_cancel(vmd->dma, &access->op);
			free(access);
			return;
		}
}

/* What waits for memory that goes ends now: whoever asked may be reset next, and could not give it up any more. */
static void vmd_end_accesses(struct vmd *vmd)
{
	struct pcg_dma *dma = vmd->dma;
	struct vmd_access *access;

	vmd->dma = NULL;
	while ((access = vmd->accesses) != NULL) {
		pcg_dma_cancel(dma, &access->op);
		vmd_access_done(&access->op, -ENOTCONN);
	}
}

static void vmd_wake(void *arg)
{
	struct vmd *vmd = arg;

	if (vmd->host.events.wake != NULL)
		vmd->host.events.wake(vmd->host.events.arg);
}

static void vmd_error(void *arg, const struct fabric_report *report)
{
	struct vmd *vmd = arg;

	sim_errors_count(&vmd->errors, report);
	sim_errors_note(vmd->fabric, report, &vmd->host.log);
}

static const struct fabric_root_ops vmd_root = {
	.access = vmd_access,
	.cancel = vmd_cancel_access,
	.error = vmd_error,
};

/* --- operations --- */

static void vmd_destroy(struct pcg_host *host)
{
	struct vmd *vmd = vmd_of(host);

	sim_transfers_drop(&vmd->transfers, NULL);
	fabric_destroy(vmd->fabric);
	description_destroy(vmd->description);
	sim_errors_finish(&vmd->errors);
	free(vmd);
}

static int vmd_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	(void)be;
	(void)op;
	*value = model_read(&vmd_of(host)->model, dword);
	return PCG_DONE;
}

static int vmd_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	(void)op;
	model_write(&vmd_of(host)->model, dword, be, value);
	return PCG_DONE;
}

/* A piece of a dword of some function's configuration space. PCIe 6.0, 7.2.2: bus 27:20, device 19:15, function 14:12
 */
static void vmd_fabric_config(struct vmd *vmd, bool write, uint64_t offset, uint8_t *data, unsigned int n)
{
	uint16_t bdf = (uint16_t)(offset >> 12), dword = (uint16_t)(offset % 4096 / 4);
	unsigned int shift = offset % 4;
	uint8_t be = (uint8_t)(((1u << n) - 1) << shift);
	uint32_t value = 0;

	if (write) {
		for (unsigned int i = 0; i < n; i++)
			value |= (uint32_t)data[i] << (8 * (shift + i));
		fabric_config_write(vmd->fabric, bdf, dword, be, value);
		return;
	}
	/* A root complex makes all ones of what nobody answers, RRS without software visibility too (2.3.2). */
	if (fabric_config_read(vmd->fabric, bdf, dword, be, &value) != TLP_SUCCESS)
		value = UINT32_MAX;
	for (unsigned int i = 0; i < n; i++)
		data[i] = (uint8_t)(value >> (8 * (shift + i)));
}

static void vmd_config_window(struct vmd *vmd, bool write, uint64_t offset, uint8_t *data, size_t length)
{
	while (length > 0) {
		unsigned int n = 4 - offset % 4;

		if (n > length)
			n = (unsigned int)length;
		vmd_fabric_config(vmd, write, offset, data, n);
		offset += n;
		data += n;
		length -= n;
	}
}

static void vmd_memory_window(struct vmd *vmd, bool write, uint64_t address, uint8_t *data, size_t length)
{
	if (write)
		fabric_write(vmd->fabric, address, data, length);
	else if (fabric_read(vmd->fabric, address, data, length) != TLP_SUCCESS)
		memset(data, 0xff, length);
}

static void vmd_region(struct vmd *vmd, bool write, unsigned int region, uint64_t offset, uint8_t *data, size_t length)
{
	size_t own = 0;

	if (region == CONFIG_BAR) {
		vmd_config_window(vmd, write, offset, data, length);
	} else if (region == LOW_BAR) {
		vmd_memory_window(vmd, write, LOW_BASE + offset, data, length);
	} else {
		if (offset < OWN_SIZE)
			own = length < OWN_SIZE - offset ? length : (size_t)(OWN_SIZE - offset);
		if (own > 0)
			memcpy(write ? vmd->own + offset : data, write ? data : vmd->own + offset, own);
		if (own < length)
			vmd_memory_window(vmd, write, HIGH_BASE + offset + own, data + own, length - own);
	}
}

static int vmd_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
			   struct pcg_op *op)
{
	(void)op;
	vmd_region(vmd_of(host), false, region, offset, data, length);
	return PCG_DONE;
}

static int vmd_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data,
			    size_t length, struct pcg_op *op)
{
	(void)op;
	vmd_region(vmd_of(host), true, region, offset, (uint8_t *)(uintptr_t)data, length);
	return PCG_DONE;
}

static int vmd_reset(struct pcg_host *host, struct pcg_op *op)
{
	struct vmd *vmd = vmd_of(host);

	(void)op;
	sim_transfers_drop(&vmd->transfers, NULL);
	for (struct fabric_function *f = fabric_each(vmd->fabric, NULL); f != NULL; f = fabric_each(vmd->fabric, f))
		fabric_flr(f, FABRIC_RESET_HOT);
	model_reset(&vmd->model);
	memset(vmd->own, 0, sizeof(vmd->own));
	return PCG_DONE;
}

static int vmd_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	(void)host;
	(void)op;
	return state == PCG_D0 ? PCG_DONE : -EINVAL;
}

static int vmd_dma(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op)
{
	struct vmd *vmd = vmd_of(host);

	(void)op;
	if (dma == vmd->dma)
		return PCG_DONE;
	sim_transfers_drop(&vmd->transfers, NULL);
	vmd_end_accesses(vmd);
	vmd->dma = dma;
	return PCG_DONE;
}

static void vmd_cancel(struct pcg_host *host, struct pcg_op *op)
{
	(void)host;
	(void)op;
}

static int vmd_work(struct pcg_host *host)
{
	struct vmd *vmd = vmd_of(host);
	int wait = fabric_work(vmd->fabric);

	return endpoint_home_work(&vmd->home) ? 0 : wait;
}

static int vmd_command(struct pcg_host *host, const char *line, char *answer, size_t size)
{
	struct vmd *vmd = vmd_of(host);
	struct sim_control control = {
		.fabric = vmd->fabric,
		.description = vmd->description,
		.errors = &vmd->errors,
		.transfers = &vmd->transfers,
		.log = &host->log,
	};
	int r = sim_control(&control, line, answer, size);

	vmd_wake(vmd);
	return r;
}

const struct pcg_host_ops vmd_ops = {
	.name = "sim",
	.help = "sim:vmd,file=FILE[,vectors=1..64][,buses=1..256][,low=SIZE][,high=SIZE]; the fabric that FILE describes, "
		"for the guest's own PCI code (Linux: vmd)",
	.destroy = vmd_destroy,
	.config_read = vmd_config_read,
	.config_write = vmd_config_write,
	.region_read = vmd_region_read,
	.region_write = vmd_region_write,
	.reset = vmd_reset,
	.power = vmd_power,
	.dma = vmd_dma,
	.control = vmd_command,
	.cancel = vmd_cancel,
	.work = vmd_work,
};

/* --- opening --- */

static void vmd_config(uint8_t *config, unsigned int vectors)
{
	pcg_put16(config + PCG_VENDOR, 0x8086);
	pcg_put16(config + PCG_DEVICE, 0xa77f); /* QEMU 11 ends by a fault of its own on 201d, 467f, 4c3d and 9a0b */
	pcg_put16(config + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	config[PCG_CLASS + 1] = 0x04; /* RAID controller */
	config[PCG_CLASS + 2] = 0x01;
	config[PCG_CAPABILITIES] = AT_VNDR;
	config[AT_VNDR] = PCG_CAP_VNDR;
	config[AT_VNDR + 1] = AT_MSIX;
	config[AT_VNDR + 2] = VNDR_LENGTH;
	pcg_put32(config + AT_VNDR + 4, SHDW);
	pcg_put32(config + AT_VNDR + 8, (uint32_t)LOW_BASE);
	pcg_put32(config + AT_VNDR + 16, (uint32_t)HIGH_BASE);
	pcg_put32(config + AT_VNDR + 20, (uint32_t)(HIGH_BASE >> 32));
	config[AT_MSIX] = PCG_CAP_MSIX;
	pcg_put16(config + AT_MSIX + PCG_MSIX_CONTROL, (uint16_t)(vectors - 1));
	pcg_put32(config + AT_MSIX + PCG_MSIX_TABLE, HIGH_BAR);
	pcg_put32(config + AT_MSIX + PCG_MSIX_PBA, OWN_PBA | HIGH_BAR);
}

static int vmd_registers(struct vmd *vmd, unsigned int vectors)
{
	struct pcg_host_info *info = &vmd->host.info;
	struct pcg_layout *layout = malloc(sizeof(*layout));
	uint8_t config[PCG_CONFIG_CONVENTIONAL] = { 0 };
	const struct model_facts facts = {
		.config = config,
		.size = sizeof(config),
		.layout = layout,
		.bars = info->bars,
		.rom = &info->rom,
	};
	int r = -ENOMEM;

	vmd_config(config, vectors);
	if (layout != NULL)
		r = pcg_layout_parse(layout, config, sizeof(config), &vmd->host.log);
	if (r == 0)
		r = model_init(&vmd->model, &facts);
	free(layout);
	return r;
}

static void vmd_bar(struct vmd *vmd, unsigned int bar, enum pcg_bar_kind kind, uint64_t size)
{
	struct pcg_host_info *info = &vmd->host.info;

	info->bars[bar] = (struct pcg_bar){ .size = size, .kind = kind, .prefetchable = kind == PCG_BAR_MEM64 };
	if (kind == PCG_BAR_MEM64)
		info->bars[bar + 1].kind = PCG_BAR_UPPER;
	info->regions[bar].size = size;
	info->regions[bar].flags = PCG_REGION_READ | PCG_REGION_WRITE;
}

enum {
	FILE_OPTION,
	VECTORS,
	BUSES,
	LOW,
	HIGH,
};

static const char *const names[] = { "file", "vectors", "buses", "low", "high", NULL };

static int vmd_open(struct vmd *vmd, const struct options *given)
{
	uint64_t vectors = 32, buses = 32, low = 32u << 20, high = 64u << 20;
	int r;

	if (options_size(given, VECTORS, 1, 64, &vectors) != 0 || options_size(given, BUSES, 1, 256, &buses) != 0 ||
	    options_size(given, LOW, 1u << 20, 512u << 20, &low) != 0 ||
	    options_size(given, HIGH, 1u << 20, UINT64_C(1) << 40, &high) != 0)
		return -EINVAL;
	if ((buses & (buses - 1)) != 0 || (low & (low - 1)) != 0 || (high & (high - 1)) != 0) {
		base_log(given->log, PCG_ERROR, "sim:vmd: buses, low and high are sizes of BARs: powers of two");
		return -EINVAL;
	}
	if (given->values[FILE_OPTION] == NULL) {
		base_log(given->log, PCG_ERROR, "sim:vmd: file=FILE is missing: the description of a fabric");
		return -EINVAL;
	}
	vmd->host.info.config_size = PCG_CONFIG_CONVENTIONAL;
	vmd->host.info.can_reset = true;
	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++)
		vmd->host.info.regions[i].fd = -1;
	vmd_bar(vmd, CONFIG_BAR, PCG_BAR_MEM32, buses << 20);
	vmd_bar(vmd, LOW_BAR, PCG_BAR_MEM32, low);
	vmd_bar(vmd, HIGH_BAR, PCG_BAR_MEM64, high);
	vmd->home = (struct endpoint_home){ .arg = vmd, .wake = vmd_wake };
	r = description_read(&vmd->description, given->values[FILE_OPTION], &vmd->host.log);
	if (r == 0)
		r = fabric_create(&vmd->fabric, &vmd_root, vmd, &vmd->host.log);
	if (r == 0)
		r = description_build(vmd->description, vmd->fabric, &vmd->home, &vmd->host.log);
	if (r == 0)
		r = vmd_registers(vmd, (unsigned int)vectors);
	return r;
}

int vmd_create(struct pcg_host **host, const char *text, const struct pcg_log *log)
{
	struct vmd *vmd = calloc(1, sizeof(*vmd));
	struct options given;
	int r;

	*host = NULL;
	if (vmd == NULL)
		return -ENOMEM;
	if (log != NULL)
		vmd->host.log = *log;
	vmd->host.ops = &vmd_ops;
	r = options_init(&given, "sim:vmd", text, names, log);
	if (r == 0) {
		r = vmd_open(vmd, &given);
		options_finish(&given);
	}
	if (r != 0) {
		vmd_destroy(&vmd->host);
		return r;
	}
	*host = &vmd->host;
	return 0;
}
