/* SPDX-License-Identifier: BSD-3-Clause */
/* Accesses through the device file. All of this may wait in the kernel: it runs in the worker. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host/vfio/internal.h"

#define VPD_ADDRESS 2u
#define VPD_DATA    4u
#define VPD_FLAG    0x8000u /* PCIe 6.0, 7.9.18 */

int vfio_region_access(struct vfio *v, unsigned int region, uint64_t offset, void *data, size_t length, bool write)
{
	off_t at = (off_t)(v->regions[region].offset + offset);
	uint8_t *p = data;

	while (length > 0) {
		ssize_t n = write ? pwrite(v->device, p, length, at) : pread(v->device, p, length, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		p += n;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

/* The headers that show= has changed stand in place of the kernel's. */
static void config_shown(const struct vfio *v, unsigned int offset, uint8_t *data, size_t length)
{
	for (size_t i = 0; v->shown != NULL && i < length; i++) {
		unsigned int at = offset + (unsigned int)i;
		const uint8_t *known = v->shown + PCG_CONFIG_EXTENDED; /* one byte a dword: replaced */

		if (at < PCG_CONFIG_EXTENDED && known[at / 4] != 0)
			data[i] = v->shown[at];
	}
}

int vfio_config_read(struct vfio *v, unsigned int offset, void *data, size_t length)
{
	int r = vfio_region_access(v, PCG_REGION_CONFIG, offset, data, length, false);

	if (r == 0)
		config_shown(v, offset, data, length);
	return r;
}

int vfio_config_write(struct vfio *v, unsigned int offset, const void *data, size_t length)
{
	uint8_t bytes[4];

	memcpy(bytes, data, length);
	/* The kernel gates memory by a bit that this function does not have. */
	if (v->hold_memory && offset == PCG_COMMAND)
		bytes[0] |= PCG_COMMAND_MEMORY;
	return vfio_region_access(v, PCG_REGION_CONFIG, offset, bytes, length, true);
}

/* A run of bytes that the kernel takes as one access, the widest there is; taken out of *be. */
static unsigned int access_piece(uint8_t *be, unsigned int *length)
{
	unsigned int start = 0;

	while ((*be >> start & 1) == 0)
		start++;
	*length = 1;
	if (*be == 0xf)
		*length = 4;
	else if (start % 2 == 0 && (*be >> start & 3) == 3)
		*length = 2;
	*be &= (uint8_t) ~(((1u << *length) - 1u) << start);
	return start;
}

/* What the enables leave out is not touched: the kernel writes whole accesses back. */
int vfio_config_write_be(struct vfio *v, unsigned int offset, uint8_t be, const uint8_t data[4])
{
	int r = 0;

	while (be != 0 && r == 0) {
		unsigned int length, start = access_piece(&be, &length);

		r = vfio_config_write(v, offset + start, data + start, length);
	}
	return r;
}

/*
 * The kernel's bit that gates memory is on, and so is what was last written to the function: setting up vectors, the
 * kernel writes COMMAND back as it reads, and a lower hypervisor may go by what is written.
 */
int vfio_hold_memory(struct vfio *v)
{
	uint8_t command[2];
	int r;

	if (!v->hold_memory)
		return 0;
	r = vfio_config_read(v, PCG_COMMAND, command, sizeof(command));
	return r == 0 ? vfio_config_write(v, PCG_COMMAND, command, sizeof(command)) : r;
}

/* The kernel does the transfer while the address is written. */
int vfio_vpd(struct vfio *v, bool write, uint16_t address, uint8_t data[4])
{
	uint8_t bytes[2];
	int r = 0;

	pcg_put16(bytes, (uint16_t)(write ? address | VPD_FLAG : address & ~VPD_FLAG));
	if (write)
		r = vfio_config_write(v, v->vpd + VPD_DATA, data, 4);
	if (r == 0)
		r = vfio_config_write(v, v->vpd + VPD_ADDRESS, bytes, 2);
	if (r == 0)
		r = vfio_config_read(v, v->vpd + VPD_ADDRESS, bytes, 2);
	/* The flag turns when it is done; it stays when it failed. */
	if (r == 0 && ((pcg_get16(bytes) & VPD_FLAG) != 0) == write)
		return -EIO;
	if (r == 0 && !write)
		r = vfio_config_read(v, v->vpd + VPD_DATA, data, 4);
	return r;
}

/* The kernel's PCI core changes the state, waits as the spec asks, and keeps registers where they would be lost. */
int vfio_power(struct vfio *v, enum pcg_power state)
{
	uint8_t bytes[2];
	int r;

	if (v->pm == 0)
		return state == PCG_D0 ? 0 : -EOPNOTSUPP;
	r = vfio_config_read(v, v->pm + PCG_PM_CSR, bytes, 2);
	if (r != 0)
		return r;
	pcg_put16(bytes, (uint16_t)((pcg_get16(bytes) & ~0x8003u) | (unsigned int)state));
	r = vfio_config_write(v, v->pm + PCG_PM_CSR, bytes, 2);
	if (r == 0)
		r = vfio_config_read(v, v->pm + PCG_PM_CSR, bytes, 2);
	if (r == 0 && (bytes[0] & 3u) != (unsigned int)state)
		return -EIO;
	return r;
}
