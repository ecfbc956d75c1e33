/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts go from the server to the client's eventfds without us. Servers mask INTx by message, and most nothing
 * else: a masked vector of MSI or MSI-X signals an eventfd of ours instead, so that what is raised meanwhile pends
 * here. Nothing is waited for: a server takes commands in order, and a refusal is told of when it comes.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/remote/internal.h"

static void irqs_ask(struct remote *r, enum remote_call_kind kind, uint32_t flags, unsigned int index,
		     unsigned int start, unsigned int count, const int *fds, unsigned int nfds)
{
	struct wire_irq_set set = {
		.argsz = WIRE_IRQ_SET_SIZE, .flags = flags, .index = index, .start = start, .count = count
	};
	uint8_t head[WIRE_IRQ_SET_SIZE];
	struct link_message message = {
		.header.command = WIRE_SET_IRQS, .head = head, .head_size = sizeof(head), .fds = fds, .nfds = nfds
	};

	wire_irq_set_write(&set, head);
	remote_call(r, kind, &message);
}

static void irqs_set(struct remote *r, uint32_t flags, unsigned int index, unsigned int start, unsigned int count,
		     const int *fds, unsigned int nfds)
{
	irqs_ask(r, CALL_IRQS, flags, index, start, count, fds, nfds);
}

/*
 * Whose are the vectors has to enable them, as a host's kernel does: what the guest writes into the capability never
 * comes here. PCIe 6.0, 7.7.1.2 and 7.7.2.2.
 */
static void irqs_enable(struct remote *r)
{
	unsigned int at = r->irqs.index == PCG_IRQ_MSI ? r->msi + PCG_MSI_CONTROL : r->msix + PCG_MSIX_CONTROL;
	uint8_t bytes[2];

	pcg_put16(bytes, r->irqs.control);
	if (r->irqs.index == PCG_IRQ_INTX || at <= PCG_MSI_CONTROL)
		return;
	remote_ask_write(r, CALL_QUIET, PCG_REGION_CONFIG, at, bytes, sizeof(bytes));
}

void remote_irqs_again(struct remote *r)
{
	if (r->irqs.on && remote_there(r))
		irqs_enable(r);
}

/* With vectors up to @end. Some servers keep mask bits for each, which start set; others know of no such thing. */
static void irqs_open(struct remote *r, unsigned int index, unsigned int start, unsigned int count)
{
	uint16_t control = PCG_MSIX_ENABLE;

	if (index == PCG_IRQ_INTX)
		return;
	if (index == PCG_IRQ_MSI) {
		unsigned int log = (r->irqs.control & PCG_MSI_MME) >> 4;

		while (1u << log < start + count)
			log++;
		control = (uint16_t)(PCG_MSI_ENABLE | log << 4);
	}
	/* From the first on: QEMU's server takes the count for where they end. What is masked here is so by its
	 * eventfd. */
	irqs_ask(r, CALL_QUIET, WIRE_IRQ_NONE | WIRE_IRQ_UNMASK, index, 0, start + count, NULL, 0);
	if (control == r->irqs.control)
		return;
	r->irqs.control = control;
	irqs_enable(r);
}

/* In runs: of vectors that signal somebody, as many as fit a message; of others, all. */
static void irqs_attach(struct remote *r, unsigned int index, unsigned int start, unsigned int count)
{
	unsigned int most = r->limits.max_msg_fds < LINK_FDS ? r->limits.max_msg_fds : LINK_FDS;

	for (unsigned int i = 0; i < count;) {
		const int *fds = r->irqs.fds + start + i;
		bool listens = fds[0] >= 0;
		unsigned int n = 1;

		while (i + n < count && (fds[n] >= 0) == listens && (!listens || n < most))
			n++;
		irqs_set(r, WIRE_IRQ_FDS | WIRE_IRQ_TRIGGER, index, start + i, n, fds, listens ? n : 0);
		i += n;
	}
}

static void irqs_unpark(struct remote_irqs *irqs, unsigned int vector)
{
	if (irqs->parked[vector] >= 0)
		close(irqs->parked[vector]);
	irqs->parked[vector] = -1;
}

void remote_irqs_forget(struct remote *r)
{
	struct remote_irqs *irqs = &r->irqs;

	for (unsigned int i = 0; irqs->on && i < PCG_MSIX_MAX; i++) {
		irqs_unpark(irqs, i);
		irqs->fds[i] = -1;
	}
	irqs->on = false;
	irqs->told = false;
	irqs->control = 0;
}

static int irqs_off(struct remote *r, unsigned int index)
{
	if (!r->irqs.on || r->irqs.index != index)
		return 0;
	r->irqs.control = 0;
	if (remote_there(r)) {
		irqs_enable(r);
		irqs_set(r, WIRE_IRQ_NONE | WIRE_IRQ_TRIGGER, index, 0, 0, NULL, 0);
	}
	remote_irqs_forget(r);
	return 0;
}

int remote_irq_route(struct pcg_host *host, enum pcg_irq_index index, unsigned int start, unsigned int count,
		     const int *fds)
{
	struct remote *r = remote_of(host);
	struct remote_irqs *irqs = &r->irqs;

	/* ERR and REQ come by us. */
	if (index > PCG_IRQ_MSIX)
		return 0;
	if (count == 0)
		return irqs_off(r, index);
	if (!remote_there(r))
		return r->open.on ? -EBUSY : -EIO;
	if (start >= r->facts.irqs[index] || count > r->facts.irqs[index] - start || start >= PCG_MSIX_MAX ||
	    count > PCG_MSIX_MAX - start || (irqs->on && irqs->index != index))
		return -EINVAL;
	if (fds != NULL && r->limits.max_msg_fds == 0) {
		remote_note(r, PCG_ERROR, "no interrupts: the server takes no descriptors (max_msg_fds is 0)");
		return -E2BIG;
	}
	for (unsigned int i = 0; i < count; i++) {
		irqs_unpark(irqs, start + i);
		irqs->fds[start + i] = fds != NULL ? fds[i] : -1;
	}
	irqs->on = true;
	irqs->index = index;
	irqs_attach(r, index, start, count);
	irqs_open(r, index, start, count);
	return 0;
}

/* Return: the eventfd that stands for a masked vector; -1: there is none to be had, and the server keeps it or not. */
static int irqs_park(struct remote *r, unsigned int vector)
{
	int *fd = &r->irqs.parked[vector];

	if (*fd >= 0)
		return *fd;
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd >= 0 && remote_watch(r, *fd, EPOLLIN, vector) != 0)
		irqs_unpark(&r->irqs, vector);
	return *fd;
}

/* An unmasked vector's eventfd of ours stays: a signal to it may be on its way. */
int remote_irq_mask(struct pcg_host *host, enum pcg_irq_index index, unsigned int vector, bool masked)
{
	struct remote *r = remote_of(host);
	struct remote_irqs *irqs = &r->irqs;
	int fd;

	if (!irqs->on || irqs->index != index || vector >= r->facts.irqs[index] || !remote_there(r))
		return -EINVAL;
	if (index == PCG_IRQ_INTX) {
		irqs_set(r, WIRE_IRQ_NONE | (masked ? WIRE_IRQ_MASK : WIRE_IRQ_UNMASK), index, 0, 1, NULL, 0);
		return 0;
	}
	fd = masked ? irqs_park(r, vector) : irqs->fds[vector];
	irqs_set(r, WIRE_IRQ_FDS | WIRE_IRQ_TRIGGER, index, vector, 1, &fd, fd >= 0 ? 1 : 0);
	return 0;
}

/* --- what comes by us --- */

int remote_irqs_init(struct remote *r)
{
	for (unsigned int i = 0; i < PCG_MSIX_MAX; i++)
		r->irqs.fds[i] = r->irqs.parked[i] = -1;
	for (unsigned int i = 0; i < PCG_NUM_IRQS; i++)
		r->irqs.own[i] = -1;
	for (unsigned int i = PCG_IRQ_ERR; i <= PCG_IRQ_REQ; i++) {
		int ret;

		r->irqs.own[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (r->irqs.own[i] < 0)
			return -errno;
		ret = remote_watch(r, r->irqs.own[i], EPOLLIN, TAG_OWN + i);
		if (ret != 0)
			return ret;
	}
	return 0;
}

void remote_irqs_finish(struct remote *r)
{
	remote_irqs_forget(r);
	for (unsigned int i = PCG_IRQ_ERR; i <= PCG_IRQ_REQ; i++) {
		if (r->irqs.own[i] >= 0)
			close(r->irqs.own[i]);
	}
}

/*
 * Servers of libvfio-user keep the eventfds of ERR and REQ where vector 0's stands: whatever it raises while the client
 * has none there would be an error to us, or the function given back. So vector 0 is raised once, before there is a
 * client, who alone could hear it otherwise.
 */
static void irqs_doubt(struct remote *r)
{
	struct wire_irq_set set = { .argsz = WIRE_IRQ_SET_SIZE + 1,
				    .flags = WIRE_IRQ_BOOL | WIRE_IRQ_TRIGGER,
				    .count = 1 };
	uint8_t head[WIRE_IRQ_SET_SIZE + 1];
	struct link_message message = { .header.command = WIRE_SET_IRQS, .head = head, .head_size = sizeof(head) };

	while (set.index <= PCG_IRQ_MSIX && r->facts.irqs[set.index] == 0)
		set.index++;
	if (set.index > PCG_IRQ_MSIX)
		return;
	wire_irq_set_write(&set, head);
	head[WIRE_IRQ_SET_SIZE] = 1;
	r->irqs.doubtful = true;
	remote_call(r, CALL_DOUBT, &message);
}

void remote_irqs_begin(struct remote *r)
{
	bool any = false;

	r->irqs.doubtful = r->irqs.heard = r->irqs.confused = false;
	for (unsigned int i = PCG_IRQ_ERR; i <= PCG_IRQ_REQ && r->limits.max_msg_fds > 0; i++) {
		if (r->facts.irqs[i] == 0)
			continue;
		irqs_set(r, WIRE_IRQ_FDS | WIRE_IRQ_TRIGGER, i, 0, 1, &r->irqs.own[i], 1);
		any = true;
	}
	if (any)
		irqs_doubt(r);
}

static bool irqs_heard(struct remote *r, unsigned int index)
{
	uint64_t count;

	return read(r->irqs.own[index], &count, sizeof(count)) == sizeof(count);
}

void remote_irqs_settle(struct remote *r)
{
	struct remote_irqs *irqs = &r->irqs;
	/* Both are looked at: neither is to be heard later. */
	bool err = irqs_heard(r, PCG_IRQ_ERR), req = irqs_heard(r, PCG_IRQ_REQ);

	irqs->doubtful = false;
	irqs->confused = irqs->heard || err || req;
	if (irqs->confused)
		remote_note(r, PCG_INFO,
			    "the server takes its interrupts for ERR or REQ: it is not believed when it reports these");
}

static void irqs_own(struct remote *r, unsigned int index)
{
	const struct pcg_host_events *events = &r->host.events;

	if (!irqs_heard(r, index) || r->irqs.confused)
		return;
	if (r->irqs.doubtful) {
		r->irqs.heard = true;
		return;
	}
	if (index == PCG_IRQ_ERR)
		remote_note(r, PCG_ERROR, "the server reports an uncorrectable error (ERR); the client is told");
	else
		remote_note(r, PCG_WARN, "the server wants the function back (REQ)");
	if (events->irq != NULL)
		events->irq(events->arg, (enum pcg_irq_index)index, 0, true);
	if (index == PCG_IRQ_REQ && events->wanted != NULL)
		events->wanted(events->arg);
}

void remote_irqs_came(struct remote *r, uint32_t tag)
{
	const struct pcg_host_events *events = &r->host.events;
	uint64_t count;

	if (tag >= TAG_OWN) {
		irqs_own(r, tag - TAG_OWN);
		return;
	}
	if (tag >= PCG_MSIX_MAX || r->irqs.parked[tag] < 0 ||
	    read(r->irqs.parked[tag], &count, sizeof(count)) != sizeof(count))
		return;
	if (events->irq != NULL)
		events->irq(events->arg, r->irqs.index, tag, true);
}
