/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says of a function that was just opened. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/vfio.h>

#include "base/log.h"
#include "host/vfio/internal.h"

#define CONFIG(v, offset, data) vfio_config_read(v, offset, data, sizeof(data))

static int describe_regions(struct vfio *v)
{
	struct pcg_host_info *info = &v->host.info;

	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++) {
		struct vfio_region_info region = { .argsz = sizeof(region), .index = i };

		info->regions[i].fd = -1;
		if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &region) != 0) {
			if (i == PCG_REGION_CONFIG)
				return -errno;
			continue;
		}
		v->regions[i].size = region.size;
		v->regions[i].offset = region.offset;
		v->regions[i].flags = region.flags;
		/* Nothing is mapped unless the operator says so: a descriptor shows all of a BAR, for good. */
		info->regions[i].size = region.size;
		info->regions[i].flags = region.flags & (PCG_REGION_READ | PCG_REGION_WRITE);
	}
	return 0;
}

static bool power_of_two(uint64_t size)
{
	return size != 0 && (size & (size - 1)) == 0;
}

static int describe_bars(struct vfio *v)
{
	struct pcg_host_info *info = &v->host.info;
	uint8_t config[PCG_NUM_BARS * 4];
	int r = CONFIG(v, PCG_BAR0, config);

	for (unsigned int i = 0; r == 0 && i < PCG_NUM_BARS; i++) {
		uint32_t low = pcg_get32(config + i * 4);
		struct pcg_bar *bar = &info->bars[i];

		if (!power_of_two(v->regions[i].size))
			continue;
		bar->size = v->regions[i].size;
		bar->prefetchable = (low & 9u) == 8u;
		bar->kind = (low & 1u) != 0 ? PCG_BAR_IO : PCG_BAR_MEM32;
		if ((low & 7u) == 4u && i + 1 < PCG_NUM_BARS) {
			bar->kind = PCG_BAR_MEM64;
			info->bars[++i].kind = PCG_BAR_UPPER;
		}
	}
	if (power_of_two(v->regions[PCG_REGION_ROM].size)) {
		info->rom.kind = PCG_BAR_MEM32;
		info->rom.size = v->regions[PCG_REGION_ROM].size;
	}
	return r;
}

static int describe_capabilities(struct vfio *v)
{
	struct pcg_log quiet = { 0 };
	uint8_t config[PCG_CONFIG_EXTENDED];
	struct pcg_layout layout;
	const struct pcg_cap *cap;
	int r = vfio_region_access(v, PCG_REGION_CONFIG, 0, config, v->host.info.config_size, false);

	if (r == 0)
		r = pcg_layout_parse(&layout, config, v->host.info.config_size, &quiet);
	if (r < 0)
		return r;
	cap = pcg_layout_find(&layout, PCG_CAP_PM);
	v->pm = cap != NULL ? cap->offset : 0;
	cap = pcg_layout_find(&layout, PCG_CAP_VPD);
	v->vpd = cap != NULL ? cap->offset : 0;
	return 0;
}

/*
 * Whether COMMAND has a memory enable bit. Of a VF that it knows the kernel says so itself; one that a lower hypervisor
 * handed over does not look like a VF, and its bit can be found out: it does not stay on.
 */
static int describe_memory_bit(struct vfio *v)
{
	struct pcg_host_info *info = &v->host.info;
	uint8_t command[2];
	bool memory = false;
	int r;

	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		memory = memory || info->bars[i].kind == PCG_BAR_MEM32 || info->bars[i].kind == PCG_BAR_MEM64;
	if (info->is_vf || !memory || v->settings.memory_bit == VFIO_MEMORY_PRESENT)
		return 0;
	r = CONFIG(v, PCG_COMMAND, command);
	if (r != 0)
		return r;
	command[0] |= PCG_COMMAND_MEMORY;
	r = vfio_region_access(v, PCG_REGION_CONFIG, PCG_COMMAND, command, sizeof(command), true);
	if (r == 0)
		r = CONFIG(v, PCG_COMMAND, command);
	if (r != 0 || (v->settings.memory_bit == VFIO_MEMORY_PROBE && (command[0] & PCG_COMMAND_MEMORY) != 0))
		return r;
	info->no_command_memory = true;
	v->hold_memory = true;
	base_log(
		&v->host.log, PCG_INFO,
		"%s has no memory enable bit (%s); the kernel takes it for a function that has one, so its own is kept on",
		v->place.bdf,
		v->settings.memory_bit == VFIO_MEMORY_PROBE ? "it does not stay on" : "memory-bit=absent");
	return 0;
}

int vfio_describe(struct vfio *v)
{
	struct vfio_device_info device = { .argsz = sizeof(device) };
	struct vfio_irq_info intx = { .argsz = sizeof(intx), .index = PCG_IRQ_INTX };
	struct pcg_host_info *info = &v->host.info;
	uint8_t ids[4];
	int r;

	if (ioctl(v->device, VFIO_DEVICE_GET_INFO, &device) != 0)
		return -errno;
	if ((device.flags & VFIO_DEVICE_FLAGS_PCI) == 0)
		return -ENOTSUP;
	v->resets = (device.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
	r = describe_regions(v);
	if (r != 0)
		return r;
	info->config_size = v->regions[PCG_REGION_CONFIG].size >= PCG_CONFIG_EXTENDED ? PCG_CONFIG_EXTENDED
										      : PCG_CONFIG_CONVENTIONAL;
	info->can_reset = vfio_reset_possible(v);
	info->is_vf = v->place.is_vf;
	info->shows_intx = true;
	info->keeps_registers = true;
	info->restores = true;
	r = CONFIG(v, PCG_VENDOR, ids);
	info->vendor = pcg_get16(ids);
	info->device = pcg_get16(ids + 2);
	info->no_intx = ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &intx) != 0 || intx.count == 0;
	if (r == 0)
		r = describe_bars(v);
	if (r == 0)
		r = describe_capabilities(v);
	return r == 0 ? describe_memory_bit(v) : r;
}
