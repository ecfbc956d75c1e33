/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Low power while nobody has the function (idle=low-power). The kernel wakes it for whatever is asked of it; what
 * clients have mapped does not work meanwhile, so it is woken for good when one comes.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <time.h>
#include <linux/vfio.h>

#include "host/vfio/internal.h"
#include "host/vfio/uapi.h"

int64_t vfio_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int vfio_sleep(struct vfio *v, bool sleep)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_SET | (sleep ? UAPI_FEATURE_LOW_POWER_ENTRY : UAPI_FEATURE_LOW_POWER_EXIT),
	};

	return ioctl(v->device, VFIO_DEVICE_FEATURE, &feature) == 0 ? 0 : -errno;
}
