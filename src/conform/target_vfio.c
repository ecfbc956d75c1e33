/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's own VFIO device: what a VMM meets that takes a function from Linux without us. The guest's side is our
 * backend with nothing above it; the function's own side is what sysfs lets root read. There nothing can be raised or
 * held, and what the kernel writes to the function shows only by what stands there afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conform/target.h"
#include "host/vfio/place.h"

/* Unprivileged readers get no more. */
#define SYSFS_PUBLIC 64

/*
 * struct kernel - one function
 * @inner: what the accesses go to
 * @sysfs: its configuration space; @fd: the file
 */
struct kernel {
	struct target target;
	struct target *inner;
	struct probe probe;
	struct pcg_host sysfs;
	int fd;
};

static struct kernel *of(struct target *target)
{
	return (struct kernel *)target;
}

/* --- the function's own side --- */

static struct kernel *of_sysfs(struct pcg_host *host)
{
	return (struct kernel *)(void *)((char *)host - offsetof(struct kernel, sysfs));
}

static int sysfs_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	uint8_t bytes[4];
	ssize_t n = pread(of_sysfs(host)->fd, bytes, sizeof(bytes), dword * 4);

	(void)be;
	(void)op;
	if (n != sizeof(bytes))
		return n < 0 ? -errno : -EIO;
	*value = pcg_get32(bytes);
	return PCG_DONE;
}

/* A function that is the kernel's to hold is not written behind its back. */
static int sysfs_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	(void)host;
	(void)dword;
	(void)be;
	(void)value;
	(void)op;
	return -EPERM;
}

static const struct pcg_host_ops sysfs_ops = {
	.name = "sysfs",
	.config_read = sysfs_read,
	.config_write = sysfs_write,
};

/* Without it the checks that need it cannot tell. */
static void sysfs_open(struct kernel *k, const char *name)
{
	char text[PLACE_BDF + 1], bdf[PLACE_BDF], path[PATH_MAX];
	uint8_t byte;

	k->fd = -1;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, ","), name);
	if (!place_bdf(text, bdf))
		return;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	k->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (k->fd < 0 || pread(k->fd, &byte, 1, SYSFS_PUBLIC) != 1)
		return;
	k->sysfs.ops = &sysfs_ops;
	k->sysfs.info.config_size = k->target.config_size;
	probe_init(&k->probe, &k->sysfs);
	k->probe.blind = true;
	k->target.host = &k->probe;
}

/* --- the kernel's --- */

static int kernel_access(struct target *target, bool write, unsigned int region, uint64_t offset, void *data,
			 size_t length)
{
	struct target *inner = of(target)->inner;

	return inner->ops->access(inner, write, region, offset, data, length);
}

static int kernel_reset(struct target *target)
{
	struct target *inner = of(target)->inner;

	return inner->ops->reset(inner);
}

static void kernel_destroy(struct target *target)
{
	struct kernel *k = of(target);

	target_close(k->inner);
	if (k->fd >= 0)
		close(k->fd);
	free(k);
}

static const struct target_ops kernel_ops = { kernel_access, kernel_reset, kernel_destroy };

static int kernel_open(struct target **target, const char *name, const struct pcg_view_options *view,
		       const struct pcg_log *log)
{
	char func[PATH_MAX];
	struct kernel *k;
	int r;

	if (snprintf(func, sizeof(func), "vfio:%s", name) >= (int)sizeof(func))
		return -ENAMETOOLONG;
	if (view->profile != pcg_profile_find("raw"))
		return target_function.open(target, func, view, log);
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return -ENOMEM;
	r = target_function.open(&k->inner, func, view, log);
	if (r != 0) {
		free(k);
		return r;
	}
	k->target = *k->inner;
	k->target.ops = &kernel_ops;
	sysfs_open(k, name);
	*target = &k->target;
	return 0;
}

const struct target_kind target_vfio = {
	.prefix = "vfio:",
	.help = "vfio:BDF: the kernel's own VFIO device; with --profile: mediated by that",
	.profile = "raw",
	.open = kernel_open,
};
