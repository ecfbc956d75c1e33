/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/vfio/uapi.h"
#include "vfio.h"

static void device_path(char *path, size_t size, const struct function *f, const char *file)
{
	snprintf(path, size, "/sys/bus/pci/devices/%s/%s", f->bdf, file);
}

void function_find(struct function *f, const char *bdf, enum door door)
{
	char path[PATH_MAX];
	struct stat stat;

	*f = (struct function){ .bdf = bdf, .door = door, .container = -1, .group = -1, .device = -1 };
	device_path(path, sizeof(path), f, "config");
	f->sysfs = open(path, O_RDWR | O_CLOEXEC);
	if (f->sysfs < 0 || fstat(f->sysfs, &stat) < 0)
		err(3, "%s", path);
	f->size = (size_t)stat.st_size;
	if (f->size != CONFIG_MAX && f->size != 256)
		errx(3, "%s: %zu bytes of configuration space", bdf, f->size);
}

static void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(3, "%s", path);
	close(fd);
}

/* vfio-pci in place of whatever driver has it. */
void function_bind(struct function *f)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	device_path(path, sizeof(path), f, "driver/unbind");
	if (access(path, F_OK) == 0)
		put_text(path, f->bdf);
	device_path(path, sizeof(path), f, "driver_override");
	put_text(path, "vfio-pci");
	put_text("/sys/bus/pci/drivers_probe", f->bdf);
	device_path(path, sizeof(path), f, "driver");
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	if (strcmp(strrchr(target, '/') != NULL ? strrchr(target, '/') : "", "/vfio-pci") != 0)
		errx(3, "%s: vfio-pci did not take it; the kernel's log says why", f->bdf);
}

static void open_group(struct function *f)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	device_path(path, sizeof(path), f, "iommu_group");
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		err(3, "%s", path);
	target[length] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%.32s", strrchr(target, '/') + 1);
	f->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	f->group = open(path, O_RDWR | O_CLOEXEC);
	if (f->container < 0 || f->group < 0)
		err(3, "%s", path);
	if (ioctl(f->group, VFIO_GROUP_GET_STATUS, &status) < 0 || !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		errx(3, "%s: the group is not viable: another function of it has a driver", path);
	if (ioctl(f->group, VFIO_GROUP_SET_CONTAINER, &f->container) < 0)
		err(3, "%s: VFIO_GROUP_SET_CONTAINER", path);
	if (ioctl(f->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		err(3, "%s: VFIO_SET_IOMMU", path);
}

static void open_by_group(struct function *f)
{
	if (f->group < 0)
		open_group(f);
	f->device = ioctl(f->group, VFIO_GROUP_GET_DEVICE_FD, f->bdf);
	if (f->device < 0)
		err(3, "%s: VFIO_GROUP_GET_DEVICE_FD", f->bdf);
}

/* The device's own file is named in its folder vfio-dev. */
static int open_cdev(const struct function *f)
{
	char path[PATH_MAX] = "";
	const struct dirent *entry;
	DIR *folder;
	int fd;

	device_path(path, sizeof(path), f, "vfio-dev");
	folder = opendir(path);
	if (folder == NULL)
		err(3, "%s", path);
	do
		entry = readdir(folder);
	while (entry != NULL && strncmp(entry->d_name, "vfio", 4) != 0);
	if (entry == NULL)
		errx(3, "%s is empty: a kernel without CONFIG_VFIO_DEVICE_CDEV", path);
	snprintf(path, sizeof(path), "/dev/vfio/devices/%.32s", entry->d_name);
	closedir(folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(3, "%s", path);
	return fd;
}

static void open_iommufd(struct function *f)
{
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };

	f->container = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (f->container < 0)
		err(3, "/dev/iommu");
	if (ioctl(f->container, UAPI_IOAS_ALLOC, &alloc) < 0)
		err(3, "IOMMU_IOAS_ALLOC");
	f->space = alloc.out_id;
}

static void open_by_cdev(struct function *f)
{
	struct uapi_bind bind = { .argsz = UAPI_BIND_SIZE };
	struct uapi_attach attach = { .argsz = sizeof(attach) };

	if (f->container < 0)
		open_iommufd(f);
	f->device = open_cdev(f);
	bind.iommufd = f->container;
	if (ioctl(f->device, UAPI_DEVICE_BIND, &bind) < 0)
		err(3, "%s: VFIO_DEVICE_BIND_IOMMUFD", f->bdf);
	attach.pt_id = f->space;
	if (ioctl(f->device, UAPI_DEVICE_ATTACH, &attach) < 0)
		err(3, "%s: VFIO_DEVICE_ATTACH_IOMMUFD_PT", f->bdf);
}

void function_open(struct function *f)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX };

	if (f->door == DOOR_CDEV)
		open_by_cdev(f);
	else
		open_by_group(f);
	if (ioctl(f->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		err(3, "%s: VFIO_DEVICE_GET_REGION_INFO", f->bdf);
	if (info.size > CONFIG_MAX)
		errx(3, "%s: a region of %llu bytes", f->bdf, (unsigned long long)info.size);
	f->at = info.offset;
	f->size = (size_t)info.size;
}

void function_close(struct function *f)
{
	close(f->device);
	f->device = -1;
}

void hardware_read(const struct function *f, size_t offset, size_t length, uint8_t *data)
{
	if (pread(f->sysfs, data, length, (off_t)offset) != (ssize_t)length)
		err(3, "%s: hardware cannot be read at %03zx", f->bdf, offset);
}

void hardware_write(const struct function *f, size_t offset, size_t length, const uint8_t *data)
{
	if (pwrite(f->sysfs, data, length, (off_t)offset) != (ssize_t)length)
		err(3, "%s: hardware cannot be written at %03zx", f->bdf, offset);
}

static int outcome(const struct function *f, ssize_t done, size_t length, uint64_t offset)
{
	if (done < 0)
		return errno;
	if ((size_t)done != length)
		errx(3, "%s: %zd of %zu bytes at %03llx", f->bdf, done, length, (unsigned long long)offset);
	return 0;
}

int guest_read(const struct function *f, uint64_t offset, size_t length, uint8_t *data)
{
	return outcome(f, pread(f->device, data, length, (off_t)(f->at + offset)), length, offset);
}

int guest_write(const struct function *f, uint64_t offset, size_t length, const uint8_t *data)
{
	return outcome(f, pwrite(f->device, data, length, (off_t)(f->at + offset)), length, offset);
}
