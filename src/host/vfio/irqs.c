/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts go from the function to the client's eventfds without us; the kernel is given the descriptors as they
 * came, so that a hypervisor can post them. What is kept here is enough to say it all again: a kernel that cannot add a
 * vector while others are on is told the whole set.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>

#include "base/log.h"
#include "host/vfio/internal.h"

/* Return: 0, a negative errno, or how many vectors the kernel could have given. */
static int irqs_set(struct vfio *v, unsigned int index, uint32_t flags, unsigned int start, unsigned int count,
		    const int *fds)
{
	size_t size = sizeof(struct vfio_irq_set) + (fds != NULL ? count * sizeof(int32_t) : 0);
	struct vfio_irq_set *set = calloc(1, size);
	int r;

	if (set == NULL)
		return -ENOMEM;
	set->argsz = (uint32_t)size;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	for (unsigned int i = 0; fds != NULL && i < count; i++) {
		int32_t fd = fds[i];

		memcpy(set->data + i * sizeof(fd), &fd, sizeof(fd));
	}
	r = ioctl(v->device, VFIO_DEVICE_SET_IRQS, set);
	r = r < 0 ? -errno : r;
	free(set);
	vfio_hold_memory(v);
	return r;
}

#define TRIGGER_FDS  (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define TRIGGER_NONE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)

static const char *index_name(unsigned int index)
{
	static const char *const names[PCG_NUM_IRQS] = { "INTx", "MSI", "MSI-X", "ERR", "REQ" };

	return names[index];
}

static int irqs_refused(struct vfio *v, unsigned int index, unsigned int wanted, int r)
{
	if (r > 0) {
		base_log(
			&v->host.log, PCG_ERROR,
			"%s of %s: the host has %d interrupt vectors left for it, %u were asked for; ask for fewer in the guest, or free some on the host",
			index_name(index), v->place.bdf, r, wanted);
		return -ENOSPC;
	}
	base_log(&v->host.log, PCG_ERROR, "%s of %s: the kernel refuses %u vectors: %s", index_name(index),
		 v->place.bdf, wanted, strerror(-r));
	return r;
}

/* The descriptor that the kernel has of a vector: none while it is masked. It pends in the function then. */
static int shown_fd(const struct vfio_irqs *irqs, unsigned int vector)
{
	return irqs->masked[vector] ? -1 : irqs->fds[vector];
}

static int irqs_tell(struct vfio *v, unsigned int index, unsigned int start, unsigned int count)
{
	int fds[PCG_MSIX_MAX];

	for (unsigned int i = 0; i < count; i++)
		fds[i] = shown_fd(&v->irqs, start + i);
	return irqs_set(v, index, TRIGGER_FDS, start, count, fds);
}

/*
 * All at once, from the beginning. What was raised in between found nobody: each listener is signalled once, as
 * interrupts may come without a cause, but must not get lost.
 */
static int irqs_grow(struct vfio *v, unsigned int index, unsigned int count)
{
	struct vfio_irqs *irqs = &v->irqs;
	unsigned int before = irqs->count;
	int r = irqs_set(v, index, TRIGGER_NONE, 0, 0, NULL);

	if (r == 0)
		r = irqs_tell(v, index, 0, count);
	if (r == 0) {
		irqs->count = count;
		return irqs_set(v, index, TRIGGER_NONE, 0, before, NULL);
	}
	return irqs_refused(v, index, count, r);
}

/*
 * What was refused may have been half done: the kernel is told again what it had before, and each listener signalled
 * as when a set grows.
 */
static void irqs_restore(struct vfio *v, unsigned int index, const struct vfio_irqs *before)
{
	memcpy(v->irqs.fds, before->fds, sizeof(before->fds));
	memcpy(v->irqs.masked, before->masked, sizeof(before->masked));
	if (!before->on)
		return;
	v->irqs.on = irqs_tell(v, index, 0, before->count) == 0;
	if (v->irqs.on)
		irqs_set(v, index, TRIGGER_NONE, 0, before->count, NULL);
	else
		base_log(&v->host.log, PCG_ERROR, "%s of %s: those that were on are off now; set them up again",
			 index_name(index), v->place.bdf);
}

/* On its way in or out of low power the kernel takes them all the same, and while memory is unpinned. */
static bool irqs_busy(const struct vfio *v)
{
	return vfio_worker_busy(v->worker) && v->job.work != WORK_SLEEP && v->job.work != WORK_WAKE &&
	       v->job.work != WORK_TIDY;
}

/* Inside. */
static void irqs_pay(struct vfio *v)
{
	if (v->irqs.late)
		irqs_set(v, v->irqs.index, TRIGGER_NONE, 0, 0, NULL);
	v->irqs.late = false;
}

/*
 * While the function is being reset, by itself or along with another, the kernel would keep us here until that has
 * ended, and with us everybody else. To turn interrupts off can wait; for the rest there is no client whose wish it
 * could be, or one that did the other reset itself. irqs_end() after 0.
 */
static int irqs_begin(struct vfio *v, unsigned int index)
{
	bool busy = irqs_busy(v);

	if (!busy && vfio_enter(v)) {
		/* Before what is to come, which it would end. */
		irqs_pay(v);
		return 0;
	}
	base_log(&v->host.log, PCG_WARN, "%s of %s cannot be set up: %s is still under way", index_name(index),
		 v->place.bdf, busy ? "what was given up" : "a reset of another function of its slot");
	return -EBUSY;
}

static int irqs_end(struct vfio *v, int result)
{
	vfio_exit(v);
	return result;
}

void vfio_irqs_late(struct vfio *v)
{
	if (!v->irqs.late || !vfio_enter(v))
		return;
	irqs_pay(v);
	vfio_exit(v);
}

static void irqs_wake(const struct vfio *v)
{
	if (v->host.events.wake != NULL)
		v->host.events.wake(v->host.events.arg);
}

static int irqs_off(struct vfio *v, unsigned int index)
{
	struct vfio_irqs *irqs = &v->irqs;
	int r = 0;

	if (irqs->on && irqs->index == index) {
		irqs->late = irqs_busy(v) || !vfio_enter(v);
		if (irqs->late)
			irqs_wake(v);
		else
			r = irqs_end(v, irqs_set(v, index, TRIGGER_NONE, 0, 0, NULL));
	}
	irqs->on = false;
	irqs->count = 0;
	memset(irqs->masked, 0, sizeof(irqs->masked));
	for (unsigned int i = 0; i < PCG_MSIX_MAX; i++)
		irqs->fds[i] = -1;
	return r;
}

static bool nobody(const struct vfio_irqs *irqs, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (irqs->fds[i] >= 0)
			return false;
	}
	return true;
}

/* What the shadow says of [start, start + count) becomes true. */
static int irqs_apply(struct vfio *v, unsigned int index, unsigned int start, unsigned int count)
{
	struct vfio_irqs *irqs = &v->irqs;
	unsigned int end = start + count;
	int r;

	if (!irqs->on) {
		/* A vector that nobody listens to need not be set aside yet. */
		if (nobody(irqs, end))
			return 0;
		r = irqs_tell(v, index, 0, end);
	} else if (end > irqs->count && irqs->fixed[index]) {
		return irqs_grow(v, index, end);
	} else {
		r = irqs_tell(v, index, start, count);
	}
	if (r != 0)
		return irqs_refused(v, index, end, r);
	irqs->on = true;
	irqs->index = (enum pcg_irq_index)index;
	if (end > irqs->count)
		irqs->count = end;
	return 0;
}

int vfio_irq_route(struct pcg_host *host, enum pcg_irq_index index, unsigned int start, unsigned int count,
		   const int *fds)
{
	struct vfio *v = vfio_of(host);
	struct vfio_irqs *irqs = &v->irqs;
	const struct vfio_irqs before = *irqs;
	int r;

	/* ERR and REQ come by us: the host has its say in them. */
	if (index > PCG_IRQ_MSIX)
		return 0;
	if (count == 0)
		return irqs_off(v, index);
	if (irqs->on && irqs->index != index)
		return -EINVAL;
	if (start >= PCG_MSIX_MAX || count > PCG_MSIX_MAX - start)
		return -EINVAL;
	r = irqs_begin(v, index);
	if (r != 0)
		return r;
	for (unsigned int i = 0; i < count; i++) {
		irqs->fds[start + i] = fds != NULL ? fds[i] : -1;
		irqs->masked[start + i] = 0;
	}
	r = irqs_apply(v, index, start, count);
	if (r != 0)
		irqs_restore(v, index, &before);
	return irqs_end(v, r);
}

static int irqs_mask(struct vfio *v, enum pcg_irq_index index, unsigned int vector, bool masked)
{
	int r;

	if (index == PCG_IRQ_INTX)
		return irqs_set(v, index,
				VFIO_IRQ_SET_DATA_NONE |
					(masked ? VFIO_IRQ_SET_ACTION_MASK : VFIO_IRQ_SET_ACTION_UNMASK),
				0, 1, NULL);
	/* The kernel masks a vector in the function when its descriptor goes, where it then pends. */
	v->irqs.masked[vector] = masked;
	r = irqs_tell(v, index, vector, 1);
	if (r == 0)
		return 0;
	v->irqs.masked[vector] = !masked;
	return irqs_refused(v, index, 1, r);
}

int vfio_irq_mask(struct pcg_host *host, enum pcg_irq_index index, unsigned int vector, bool masked)
{
	struct vfio *v = vfio_of(host);
	struct vfio_irqs *irqs = &v->irqs;
	int r;

	if (!irqs->on || irqs->index != index || vector >= irqs->count)
		return -EINVAL;
	r = irqs_begin(v, index);
	return r == 0 ? irqs_end(v, irqs_mask(v, index, vector, masked)) : r;
}

int vfio_irq_resample(struct pcg_host *host, int fd)
{
	struct vfio *v = vfio_of(host);
	int r;

	if (!v->irqs.on || v->irqs.index != PCG_IRQ_INTX)
		return fd < 0 ? 0 : -EINVAL;
	r = irqs_begin(v, PCG_IRQ_INTX);
	if (r == 0)
		r = irqs_end(v, irqs_set(v, PCG_IRQ_INTX, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, 0, 1,
					 &fd));
	return r;
}

/* --- ERR and REQ --- */

static int irqs_own(struct vfio *v, unsigned int index, int *fd)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };
	int r;

	if (ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &info) != 0 || info.count == 0)
		return 0;
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		return -errno;
	r = irqs_set(v, index, TRIGGER_FDS, 0, 1, fd);
	return r > 0 ? -EINVAL : r;
}

int vfio_irqs_init(struct vfio *v)
{
	int r;

	for (unsigned int i = 0; i < PCG_MSIX_MAX; i++)
		v->irqs.fds[i] = -1;
	for (unsigned int i = PCG_IRQ_MSI; i <= PCG_IRQ_MSIX; i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = i };

		if (ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &info) == 0)
			v->irqs.fixed[i] = (info.flags & VFIO_IRQ_INFO_NORESIZE) != 0;
	}
	r = irqs_own(v, PCG_IRQ_ERR, &v->irqs.error);
	return r == 0 ? irqs_own(v, PCG_IRQ_REQ, &v->irqs.request) : r;
}

int vfio_irqs_again(struct vfio *v)
{
	int r = v->irqs.error >= 0 ? irqs_set(v, PCG_IRQ_ERR, TRIGGER_FDS, 0, 1, &v->irqs.error) : 0;

	if (r == 0 && v->irqs.request >= 0)
		r = irqs_set(v, PCG_IRQ_REQ, TRIGGER_FDS, 0, 1, &v->irqs.request);
	return r > 0 ? -EINVAL : r;
}

void vfio_irqs_finish(struct vfio *v)
{
	if (v->irqs.error >= 0)
		close(v->irqs.error);
	if (v->irqs.request >= 0)
		close(v->irqs.request);
	v->irqs.error = -1;
	v->irqs.request = -1;
}

static bool irqs_came(int fd)
{
	uint64_t count;

	return fd >= 0 && read(fd, &count, sizeof(count)) == sizeof(count);
}

void vfio_irqs_look(struct vfio *v)
{
	const struct pcg_host_events *events = &v->host.events;

	if (irqs_came(v->irqs.error)) {
		base_log(&v->host.log, PCG_ERROR, "%s reported an uncorrectable error (AER); %s", v->place.bdf,
			 v->settings.keep_errors ? "the client is not told (err=keep)" : "the client is told");
		if (!v->settings.keep_errors && events->irq != NULL)
			events->irq(events->arg, PCG_IRQ_ERR, 0, true);
	}
	if (irqs_came(v->irqs.request)) {
		base_log(&v->host.log, PCG_WARN, "the host wants %s back", v->place.bdf);
		if (events->irq != NULL)
			events->irq(events->arg, PCG_IRQ_REQ, 0, true);
		if (events->wanted != NULL)
			events->wanted(events->arg);
	}
}
