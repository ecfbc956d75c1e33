/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The doors of the kernel: the function's own device file, bound to an iommufd, or, where there is none, its group and
 * a container.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "base/log.h"
#include "host/vfio/group.h"
#include "host/vfio/internal.h"
#include "host/vfio/spaces.h"
#include "host/vfio/staging.h"
#include "host/vfio/uapi.h"

#define IOMMU_FILE     "/dev/iommu"
#define CONTAINER_FILE "/dev/vfio/vfio"

static int open_failed(const struct vfio *v, const char *file, int error, const char *way_out)
{
	base_log(&v->host.log, PCG_ERROR, "vfio: %s of %s: %s; %s", file, v->place.bdf, strerror(error), way_out);
	return -error;
}

static const char *open_hint(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "give this user the file (udev rule or group), or start it where systemd opens it (fd=)";
	case EBUSY:
		return "another program holds the function; end that first";
	case ENOENT:
		return "load vfio-pci and bind the function to it: `pcigate doctor` says how";
	case EBADF:
	case EBADFD:
		return "iommufd= has to be a descriptor of an open /dev/iommu";
	default:
		return "`pcigate doctor` looks for the cause";
	}
}

/* Linux says no more: iommufd_device_bind() and vfio_iommu_type1_attach_group() refuse both with EPERM. */
static const char forbidden[] =
	"the machine has no interrupt remapping, or another program has a function of its IOMMU group; `pcigate doctor` "
	"names which";

/* --- device file and iommufd --- */

static int bind_failed(const struct vfio *v, int error)
{
	if (error == EACCES && v->place.is_vf)
		return open_failed(v, "binding the device file", error,
				   "its PF is held through VFIO with a token: give the same one with token=");
	if (error == EACCES)
		return open_failed(v, "binding the device file", error,
				   "its VFs are held with a token: give the same one with token=");
	if (error == EINVAL && v->settings.has_token)
		return open_failed(
			v, "binding the device file", error,
			"the kernel wants no token for it, or has no device files that take one (iommu=type1)");
	if (error == EPERM)
		return open_failed(v, "binding the device file", error, forbidden);
	return open_failed(v, "binding the device file", error, open_hint(error));
}

static int bind_device(struct vfio *v)
{
	struct uapi_bind bind = { .argsz = UAPI_BIND_SIZE, .iommufd = v->iommufd };

	if (v->settings.has_token) {
		bind.argsz = sizeof(bind);
		bind.flags = UAPI_BIND_TOKEN;
		bind.token = (uint64_t)(uintptr_t)v->settings.token;
	}
	if (ioctl(v->device, UAPI_DEVICE_BIND, &bind) != 0)
		return -errno;
	vfio_pool_bound(v->pool, v, bind.out_devid);
	return 0;
}

static int open_ioas(struct vfio *v)
{
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };
	int error = 0;

	pthread_mutex_lock(&v->common->lock);
	if (v->common->ioas == 0 && ioctl(v->iommufd, UAPI_IOAS_ALLOC, &alloc) != 0)
		error = errno;
	else if (v->common->ioas == 0)
		v->common->ioas = alloc.out_id;
	v->ioas = v->common->ioas;
	pthread_mutex_unlock(&v->common->lock);
	return error == 0 ? 0 : open_failed(v, IOMMU_FILE, error, "this kernel's iommufd gives no address space");
}

/* Return: -ENOENT without a note where this door is not there. */
static int open_cdev(struct vfio *v)
{
	int r;

	r = vfio_pool_iommufd(v->pool, v->settings.iommufd, &v->iommufd);
	if (r == -ENOENT)
		return r;
	if (r == -EXDEV)
		return open_failed(
			v, "iommufd=", -r,
			"functions of one server share one iommufd: give all of them the same, or the first alone");
	if (r != 0)
		return open_failed(v, IOMMU_FILE, -r, open_hint(-r));
	if (v->device < 0) {
		if (v->place.cdev[0] == '\0')
			return -ENOENT;
		v->device = open(v->place.cdev, O_RDWR | O_CLOEXEC);
		if (v->device < 0)
			return open_failed(v, v->place.cdev, errno, open_hint(errno));
	}
	r = bind_device(v);
	if (r != 0)
		return bind_failed(v, -r);
	v->iommu = &vfio_iommufd;
	return open_ioas(v);
}

/* --- group and container --- */

static int open_group(struct vfio *v)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[32];

	if (v->place.group < 0)
		return open_failed(
			v, "the IOMMU group", ENODEV,
			"the machine has no IOMMU, or it is off: intel_iommu=on or amd_iommu=on on the kernel's command line");
	snprintf(path, sizeof(path), "/dev/vfio/%d", v->place.group);
	v->group = open(path, O_RDWR | O_CLOEXEC);
	if (v->group < 0)
		return open_failed(v, path, errno, open_hint(errno));
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status) != 0)
		return open_failed(v, path, errno, open_hint(errno));
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
		return open_failed(
			v, path, EPERM,
			"another function of its group has a driver that is not VFIO's; `pcigate doctor` names it");
	return 0;
}

static int open_container(struct vfio *v)
{
	v->container = open(CONTAINER_FILE, O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return open_failed(v, CONTAINER_FILE, errno, open_hint(errno));
	if (ioctl(v->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		return open_failed(v, CONTAINER_FILE, ENOTSUP, "the kernel lacks vfio_iommu_type1; load it");
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) != 0)
		return open_failed(v, "its group", errno, "it is in another container already");
	if (ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0)
		return open_failed(v, CONTAINER_FILE, errno, errno == EPERM ? forbidden : open_hint(errno));
	return 0;
}

static int type1_device(const struct vfio *v)
{
	char name[PLACE_BDF + 64];

	snprintf(name, sizeof(name), "%s%s%s", v->place.bdf, v->settings.has_token ? " vf_token=" : "",
		 v->settings.token_text);
	return ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, name);
}

/* The kernel opens a group once, and has one container for it. */
static int open_shared(struct vfio *v)
{
	struct vfio_group *g = v->common;
	int r = 0;

	pthread_mutex_lock(&g->lock);
	v->group = g->group;
	v->container = g->container;
	if (g->group < 0)
		r = open_group(v);
	if (r == 0 && g->container < 0)
		r = open_container(v);
	/* What is half open, too, is closed with the last function. */
	g->group = v->group;
	g->container = v->container;
	pthread_mutex_unlock(&g->lock);
	return r;
}

static int open_type1(struct vfio *v)
{
	int r = open_shared(v);

	if (r != 0)
		return r;
	v->device = type1_device(v);
	if (v->device < 0)
		return bind_failed(v, errno);
	vfio_pool_bound(v->pool, v, place_id(&v->place));
	v->iommu = &vfio_type1;
	return 0;
}

/* --- both --- */

/* A name that is another function's would have that one's IOMMU group, files of sysfs and place among resets. */
static int open_same_place(const struct vfio *v)
{
	const struct pcg_log quiet = { 0 };
	struct place place;

	if (v->settings.device < 0 || place_of_file(&place, v->settings.device, &quiet) != 0 ||
	    strcmp(place.bdf, v->place.bdf) == 0)
		return 0;
	base_log(&v->host.log, PCG_ERROR, "vfio: descriptor %d is the device file of %s, not of %s; fd= alone names it",
		 v->settings.device, place.bdf, v->place.bdf);
	return -EINVAL;
}

static int open_place(struct vfio *v)
{
	int r;

	if (v->settings.bdf[0] != '\0') {
		r = place_find(&v->place, v->settings.bdf, &v->host.log);
		return r == 0 ? open_same_place(v) : r;
	}
	r = place_of_file(&v->place, v->settings.device, &v->host.log);
	if (r == -ENODEV && v->place.bdf[0] == '\0')
		base_log(
			&v->host.log, PCG_ERROR,
			"vfio: descriptor %d is no VFIO device file; open /dev/vfio/devices/vfioN for it, or name the function as well",
			v->settings.device);
	return r;
}

static int open_join(struct vfio *v)
{
	int r = vfio_group_join(v, v->place.group);

	if (r == -EBUSY)
		return open_failed(
			v, "the IOMMU group", EBUSY,
			"a client has another function of it: open all that one pcigate is to have of a group at its start");
	if (r == -ENOSPC)
		return open_failed(v, "the IOMMU group", ENOSPC,
				   "it has more functions than one pcigate takes of a group (64)");
	return r;
}

int vfio_open(struct vfio *v)
{
	int r = open_place(v);

	if (r == 0)
		r = open_join(v);
	if (r != 0)
		return r;
	v->device = v->settings.device;
	if (v->settings.way != VFIO_WAY_TYPE1) {
		r = open_cdev(v);
		if (r != -ENOENT)
			return r;
		if (v->settings.way == VFIO_WAY_IOMMUFD || v->device >= 0)
			return open_failed(
				v, "the device file", ENOENT,
				v->place.driver[0] == '\0' || strncmp(v->place.driver, "vfio", 4) != 0
					? open_hint(ENOENT)
					: "this kernel has no VFIO device files or no iommufd; iommu=type1 does without");
	}
	return open_type1(v);
}

/*
 * Not what was handed in: that was opened by somebody who may. Nor what others may have descriptors of: those go on
 * with the old file, and the kernel opens none twice.
 */
bool vfio_can_reopen(const struct vfio *v)
{
	if (v->settings.device >= 0)
		return false;
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		if ((v->host.info.regions[i].flags & PCG_REGION_MMAP) != 0 && v->settings.map[i] != VFIO_MAP_SYSFS)
			return false;
	}
	return v->group >= 0 || access(v->place.cdev, R_OK | W_OK) == 0;
}

int vfio_shut(struct vfio *v)
{
	if (v->device < 0)
		return 0;
	if (v->attached) {
		spaces_block(v);
		v->iommu->detach(v); /* and if not, with the file */
	}
	/* A number that is another's by now must not stand for this one. */
	vfio_pool_bound(v->pool, v, 0);
	close(v->device);
	v->device = -1;
	/* What the kernel did not want to detach went with the file. */
	spaces_block(v);
	return 0;
}

int vfio_reopen(struct vfio *v)
{
	int r = 0;

	if (v->group >= 0)
		v->device = type1_device(v);
	else
		v->device = open(v->place.cdev, O_RDWR | O_CLOEXEC);
	if (v->device < 0)
		return -errno;
	if (v->group < 0)
		r = bind_device(v);
	else
		vfio_pool_bound(v->pool, v, place_id(&v->place));
	if (r == 0)
		r = vfio_irqs_again(v);
	if (r == 0 && v->attached)
		r = v->iommu->attach(v);
	if (r == 0 && v->attached)
		r = spaces_again(v);
	/* One that is half set up is none: the next job tries it again. */
	if (r != 0)
		vfio_shut(v);
	return r;
}

void vfio_close(struct vfio *v)
{
	if (v->iommu != NULL) {
		v->iommu->finish(v);
		vfio_group_unmap(v, NULL);
	}
	if (v->device >= 0)
		close(v->device);
	vfio_group_leave(v);
}
