/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LD_PRELOAD for a pcigate that is to meet a slow kernel: while the file /run/slow-reset (/run/slow-map) is there, a
 * VFIO_DEVICE_RESET (a map for the IOMMU) of this process does not begin. At most a minute.
 */
#include <stdarg.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/vfio.h>

/* <linux/iommufd.h>, which is not everywhere */
#define IOAS_MAP_FILE _IO(VFIO_TYPE, 0x8f)

static void wait_for_end_of(const char *path)
{
	for (int i = 0; i < 6000 && access(path, F_OK) == 0; i++)
		nanosleep(&(const struct timespec){ .tv_nsec = 10000000 }, NULL);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (request == VFIO_DEVICE_RESET)
		wait_for_end_of("/run/slow-reset");
	else if (request == IOAS_MAP_FILE || request == VFIO_IOMMU_MAP_DMA)
		wait_for_end_of("/run/slow-map");
	return (int)syscall(SYS_ioctl, fd, request, argument);
}
