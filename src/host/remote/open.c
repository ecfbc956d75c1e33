/* SPDX-License-Identifier: BSD-3-Clause */
/* Connecting to a server, and getting to know what it has: one question after the other. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "host/remote/internal.h"

#define CONNECT_AGAIN_MS 20
#define LEAST_DATA       8u /* of a register */

int remote_watch(struct remote *r, int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event event = { .events = events, .data.u32 = tag };

	return epoll_ctl(r->poll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static void open_drop_fds(struct remote_open *open)
{
	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++) {
		if (open->fds[i] >= 0)
			close(open->fds[i]);
		open->fds[i] = -1;
	}
}

static int open_ask(struct remote *r, uint16_t command, const void *body, size_t size,
		    int (*next)(struct remote *r, const struct link_in *reply))
{
	struct link_message message = { .header.command = command, .head = body, .head_size = size };

	r->open.step = next;
	remote_call(r, CALL_OPEN, &message);
	return PCG_PENDING;
}

static int open_refused(struct remote *r, const char *what, const struct link_in *reply, size_t least)
{
	int refusal = remote_refusal(reply);

	if (refusal == 0 && reply->size >= least)
		return 0;
	remote_note(r, PCG_ERROR, "%s: %s", what,
		    refusal != 0 ? strerror(-refusal) : "the server's answer is too short");
	return refusal != 0 ? refusal : -EPROTO;
}

/* --- the questions, the last one first --- */

/* A number that was given out stays, whatever is behind it. */
static int open_adopt(struct remote *r)
{
	int ret = facts_same(r);

	for (unsigned int i = 0; i < PCG_NUM_REGIONS && ret == 0; i++) {
		int fd = r->host.info.regions[i].fd;

		if (fd >= 0 && dup3(r->open.fds[i], fd, O_CLOEXEC) < 0)
			ret = -errno;
	}
	open_drop_fds(&r->open);
	return ret;
}

/* What has no address does not answer, in a server that takes it seriously. A refusal is the server's business. */
static int open_place(struct remote *r, const struct link_in *reply)
{
	struct remote_open *open = &r->open;
	uint16_t at = open->at;

	(void)reply;
	if (at == sizeof(open->bytes))
		return PCG_DONE;
	open->step = open_place;
	open->at = (uint16_t)(at + 4);
	return remote_ask_write(r, CALL_OPEN, PCG_REGION_CONFIG, PCG_BAR0 + at, open->bytes + at, 4);
}

static int open_config(struct remote *r, const struct link_in *reply)
{
	struct remote_open *open = &r->open;
	size_t left = (size_t)open->facts.config_size - open->at, length = left < r->piece ? left : r->piece;
	int ret;

	if (reply != NULL) {
		ret = open_refused(r, "REGION_READ of configuration space", reply, 0);
		if (ret != 0)
			return ret;
		if (!remote_was_read(r, reply, length))
			return PCG_PENDING;
		memcpy(open->facts.config + open->at, reply->body + WIRE_ACCESS_SIZE, length);
		open->at = (uint16_t)(open->at + length);
		left -= length;
		length = left < r->piece ? left : r->piece;
	}
	open->step = open_config;
	if (left > 0)
		return remote_ask_read(r, CALL_OPEN, PCG_REGION_CONFIG, open->at, length);
	ret = r->known ? open_adopt(r) : facts_learn(r);
	if (ret != 0)
		return ret;
	if (!r->known)
		r->facts = open->facts;
	r->known = true;
	remote_irqs_begin(r);
	open->at = 0;
	return facts_place(r) ? open_place(r, NULL) : PCG_DONE;
}

static int open_irq(struct remote *r, const struct link_in *reply)
{
	struct remote_open *open = &r->open;
	struct wire_irq_info info;
	uint8_t body[WIRE_IRQ_INFO_SIZE];

	/* Servers refuse an index that the function has none of: no ERR without Express, as Linux does. */
	if (reply != NULL) {
		int ret = remote_refusal(reply) == 0 ? open_refused(r, "DEVICE_GET_IRQ_INFO", reply, sizeof(body)) : 0;

		if (ret != 0)
			return ret;
		if (remote_refusal(reply) == 0) {
			wire_irq_info_read(&info, reply->body);
			open->facts.irqs[open->index] = info.count;
		}
		open->index++;
	}
	if (open->index >= PCG_NUM_IRQS || open->index >= open->facts.nirqs)
		return open_config(r, NULL);
	info = (struct wire_irq_info){ .argsz = sizeof(body), .index = open->index };
	wire_irq_info_write(&info, body);
	return open_ask(r, WIRE_GET_IRQ_INFO, body, sizeof(body), open_irq);
}

static int open_config_size(struct remote *r)
{
	uint64_t size = r->open.facts.regions[PCG_REGION_CONFIG].size;

	if (size < PCG_CONFIG_CONVENTIONAL) {
		remote_note(r, PCG_ERROR, "the server's function has no configuration space");
		return -EPROTO;
	}
	r->open.facts.config_size = size < PCG_CONFIG_EXTENDED ? PCG_CONFIG_CONVENTIONAL : PCG_CONFIG_EXTENDED;
	r->open.index = 0;
	return open_irq(r, NULL);
}

/* Return: 0; or PCG_PENDING: the answer was cut short, and is asked for again. */
static int open_region_answer(struct remote *r, const struct link_in *reply)
{
	struct remote_open *open = &r->open;
	uint32_t argsz;
	int ret;

	/* Nor is there a VGA region in most. */
	if (remote_refusal(reply) != 0) {
		open->index++;
		return 0;
	}
	ret = open_refused(r, "DEVICE_GET_REGION_INFO", reply, WIRE_REGION_INFO_SIZE);
	if (ret != 0)
		return ret;
	argsz = wire_get32(reply->body);
	if (argsz > open->argsz && open->argsz == WIRE_REGION_INFO_SIZE && argsz <= REMOTE_REGION_INFO) {
		open->argsz = argsz;
		return PCG_PENDING;
	}
	ret = facts_region(r, &open->facts.regions[open->index], reply);
	if (ret == 0 && (open->facts.regions[open->index].flags & PCG_REGION_MMAP) != 0)
		open->fds[open->index] = r->link.fds[--r->link.nfds];
	open->index++;
	open->argsz = WIRE_REGION_INFO_SIZE;
	return ret;
}

static int open_region(struct remote *r, const struct link_in *reply)
{
	struct remote_open *open = &r->open;
	struct wire_region_info info;
	uint8_t body[WIRE_REGION_INFO_SIZE];
	int ret = reply != NULL ? open_region_answer(r, reply) : 0;

	if (ret < 0)
		return ret;
	if (open->index >= PCG_NUM_REGIONS || open->index >= open->facts.nregions)
		return open_config_size(r);
	info = (struct wire_region_info){ .argsz = open->argsz, .index = open->index };
	wire_region_info_write(&info, body);
	return open_ask(r, WIRE_GET_REGION_INFO, body, sizeof(body), open_region);
}

static int open_info(struct remote *r, const struct link_in *reply)
{
	struct remote_open *open = &r->open;
	struct wire_info info;
	int ret = open_refused(r, "DEVICE_GET_INFO", reply, WIRE_INFO_SIZE);

	if (ret != 0)
		return ret;
	wire_info_read(&info, reply->body);
	if ((info.flags & WIRE_INFO_PCI) == 0) {
		remote_note(r, PCG_ERROR, "what the server has is no PCI function");
		return -EPROTO;
	}
	open->facts.reset = (info.flags & WIRE_INFO_RESET) != 0;
	open->facts.nregions = info.regions;
	open->facts.nirqs = info.irqs;
	open->index = 0;
	open->argsz = WIRE_REGION_INFO_SIZE;
	return open_region(r, NULL);
}

static int open_version(struct remote *r, const struct link_in *reply)
{
	const struct wire_info info = { .argsz = WIRE_INFO_SIZE };
	uint8_t body[WIRE_INFO_SIZE];
	const char *why = "";
	int ret = open_refused(r, "VERSION", reply, WIRE_VERSION_FIXED);

	if (ret != 0)
		return ret;
	ret = version_read(&r->limits, reply->body, reply->size, &why);
	if (ret == 0 && r->limits.major != 0)
		why = "VERSION: a major version other than 0";
	else if (ret == 0 && r->limits.max_data_xfer_size < LEAST_DATA)
		why = "VERSION: a max_data_xfer_size that is less than a register";
	else if (ret == 0)
		why = NULL;
	if (why != NULL) {
		remote_note(r, PCG_ERROR, "the server cannot be talked to; %s", why);
		return -EPROTO;
	}
	r->piece = r->limits.max_data_xfer_size < LINK_DATA ? (size_t)(r->limits.max_data_xfer_size & ~UINT64_C(7))
							    : LINK_DATA;
	wire_info_write(&info, body);
	return open_ask(r, WIRE_GET_INFO, body, sizeof(body), open_info);
}

/* The server's messages are not to be longer than ours: what it asks of memory is kept meanwhile. */
static int open_connect(struct remote *r, const struct link_in *reply)
{
	uint8_t body[256];
	int n, ret = link_connect(&r->link, &r->settings.address);

	(void)reply;
	if (ret == -EAGAIN) {
		r->open.until = remote_now() + CONNECT_AGAIN_MS;
		return PCG_PENDING;
	}
	if (ret == 0)
		ret = remote_watch(r, r->link.fd, EPOLLIN, TAG_SOCKET);
	if (ret != 0) {
		remote_note(r, PCG_ERROR, "%s; is a server listening there?%s", strerror(-ret),
			    r->known && r->settings.session == REMOTE_SESSION_NEW
				    ? " If it ends whenever it is hung up on, say session=keep"
				    : "");
		return ret;
	}
	r->watched = false;
	wire_put32(body, 0);
	n = snprintf((char *)body + WIRE_VERSION_FIXED, sizeof(body) - WIRE_VERSION_FIXED,
		     "{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u,\"max_dma_maps\":%u,"
		     "\"pgsizes\":%u}}",
		     LINK_FDS, LINK_DATA, WIRE_MAX_MAPS, WIRE_PAGE);
	return open_ask(r, WIRE_VERSION, body, WIRE_VERSION_FIXED + (size_t)n + 1, open_version);
}

/* --- the machine --- */

void remote_hang_up(struct remote *r)
{
	remote_requests_end(r, false);
	link_close(&r->link);
	r->link.error = 0;
	memset(r->calls, 0, sizeof(r->calls));
	r->given_up = 0;
	dma_maps_clear(&r->maps);
	remote_irqs_forget(r);
}

int remote_open_start(struct remote *r)
{
	struct remote_open *open = &r->open;
	int result;

	remote_hang_up(r);
	*open = (struct remote_open){ .step = open_connect };
	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++)
		open->fds[i] = -1;
	result = open_connect(r, NULL);
	open->on = result == PCG_PENDING;
	return result;
}

void remote_open_go_on(struct remote *r, const struct link_in *reply)
{
	int result;

	if (!r->open.on)
		return;
	r->open.until = 0;
	result = r->open.step(r, reply);
	link_drop_fds(&r->link);
	if (result != PCG_PENDING)
		remote_open_stop(r, result);
}

void remote_open_stop(struct remote *r, int result)
{
	if (!r->open.on)
		return;
	r->open.on = false;
	open_drop_fds(&r->open);
	if (result != 0)
		remote_hang_up(r);
	remote_opened(r, result);
}
