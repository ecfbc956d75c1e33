/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "function/internal.h"
#include "policy/rule.h"

/*
 * The short way of configuration accesses: whatever the flat image decides alone, done at once. What sets something
 * off, what is cut in odd ways, and what the backend finishes later goes on with the steps of config.c or linux.c.
 */

#define COLD __attribute__((noinline, cold))

/* Byte enables that Linux would not cut: 1, 2 or 4 bytes in their natural places. */
#define NATURAL    ((1u << 1) | (1u << 2) | (1u << 3) | (1u << 4) | (1u << 8) | (1u << 12) | (1u << 15))
#define IS_CUT(be) (!(NATURAL & 1u << (be)))

static unsigned int width_of(uint8_t be)
{
	return be == 15 ? 4 : be & (be - 1u) ? 2 : 1;
}

/* The backend finishes later: the rest is done by steps. */
static int wait_for(struct pcg_function *f, struct pcg_request *rq, size_t moved, const step_fn *steps)
{
	f->request = rq;
	f->moved = moved;
	f->steps = steps;
	f->depth = 0;
	f->index = 0;
	f->waiting = true;
	return PCG_PENDING;
}

/* By steps from here on, from the first or another one. */
COLD static int go_on(struct pcg_function *f, struct pcg_request *rq, const step_fn *steps)
{
	int ret;

	f->request = rq;
	f->moved = 0;
	ret = order_start(f, steps);
	if (ret != PCG_PENDING)
		f->request = NULL;
	return ret;
}

/* --- reads --- */

/* One chunk by the long way, without leaving the loop of the others. */
COLD static int read_slow(struct pcg_function *f, struct pcg_request *rq, size_t *moved)
{
	int ret;

	f->request = rq;
	f->moved = *moved;
	ret = linux_read_steps[0](f);
	if (ret == PCG_PENDING)
		return wait_for(f, rq, *moved, &linux_read_steps[1]);
	if (ret == PCG_DONE)
		linux_read_steps[1](f);
	*moved = f->moved;
	f->request = NULL;
	return ret;
}

/* What the backend said instead of DONE. */
COLD static int read_stops(struct pcg_function *f, struct pcg_request *rq, size_t moved, uint8_t be, int ret)
{
	unsigned int at = (unsigned int)(rq->offset + moved);

	if (ret != PCG_PENDING)
		return ret;
	f->at = (uint16_t)(at / 4);
	f->be = be;
	if (f->view.chunked)
		linux_plan(&f->view, at, width_of(be), &f->plan);
	return wait_for(f, rq, moved, f->view.chunked ? &linux_read_steps[1] : &config_read_steps[1]);
}

/* Whether a special dword can still be read from the image. */
COLD static bool reads_flat(struct pcg_function *f, unsigned int at, uint8_t be)
{
	uint8_t special = f->view.special[at / 4];

	if (be != 15 && special & PCG_SPECIAL_WIDTH)
		return false;
	if (special & (PCG_SPECIAL_BORDERS | PCG_SPECIAL_MEMORY | PCG_SPECIAL_MSI))
		return false;
	if (special & PCG_SPECIAL_BAR)
		linux_before_read(&f->view, at, 1);
	return true;
}

/* Whole dwords, up to the end or to the first that is cut. */
static __attribute__((noinline)) int read_dwords(struct pcg_function *f, struct pcg_request *rq, size_t *moved)
{
	const struct pcg_view *v = &f->view;
	unsigned int dword = (unsigned int)(rq->offset + *moved) / 4;
	unsigned int end = dword + (unsigned int)(rq->length - *moved) / 4;
	uint8_t *data = (uint8_t *)rq->data + *moved;

	do {
		uint32_t bits = v->read_host[dword], value;

		if (v->special[dword] != 0 && !reads_flat(f, dword * 4, 15)) {
			*moved = (size_t)(data - (uint8_t *)rq->data);
			return read_slow(f, rq, moved);
		}
		value = v->shadow[dword];
		if (bits != 0) {
			int ret = f->host->ops->config_read(f->host, (uint16_t)dword, v->read_be[dword], &f->host_value,
							    &f->op);

			if (ret != PCG_DONE)
				return read_stops(f, rq, (size_t)(data - (uint8_t *)rq->data), 15, ret);
			value = (value & ~bits) | (f->host_value & bits);
		}
		pcg_put32(data, value);
		data += 4;
	} while (++dword < end);
	*moved = (size_t)(data - (uint8_t *)rq->data);
	return PCG_DONE;
}

/* Up to three bytes of a dword. */
static int read_bytes(struct pcg_function *f, struct pcg_request *rq, size_t *moved)
{
	const struct pcg_view *v = &f->view;
	unsigned int at = (unsigned int)(rq->offset + *moved), dword = at / 4, n = 4 - (at & 3);
	uint8_t *data = (uint8_t *)rq->data + *moved, be;
	uint32_t bits, value;

	if (n > rq->length - *moved)
		n = (unsigned int)(rq->length - *moved);
	be = (uint8_t)(((1u << n) - 1) << (at & 3));
	if (v->chunked && (IS_CUT(be) || (v->special[dword] != 0 && !reads_flat(f, at, be))))
		return read_slow(f, rq, moved);
	bits = v->read_host[dword] & view_mask(be);
	value = v->shadow[dword];
	if (bits != 0) {
		uint8_t needs = v->chunked ? be : view_bytes(bits);
		int ret = f->host->ops->config_read(f->host, (uint16_t)dword, needs, &f->host_value, &f->op);

		if (ret != PCG_DONE)
			return read_stops(f, rq, *moved, be, ret);
		value = (value & ~bits) | (f->host_value & bits);
	}
	*moved += n;
	for (value >>= 8 * (at & 3); n > 0; n--, value >>= 8)
		*data++ = (uint8_t)value;
	return PCG_DONE;
}

static __attribute__((noinline)) int read_any(struct pcg_function *f, struct pcg_request *rq)
{
	size_t moved = 0;
	int ret;

	do {
		if (((rq->offset + moved) & 3) == 0 && rq->length - moved >= 4)
			ret = read_dwords(f, rq, &moved);
		else
			ret = read_bytes(f, rq, &moved);
	} while (ret == PCG_DONE && moved < rq->length);
	return ret;
}

/* One dword that the function has part of. */
static __attribute__((noinline)) int read_merged(struct pcg_function *f, struct pcg_request *rq, uint16_t dword)
{
	int ret = f->host->ops->config_read(f->host, dword, f->view.read_be[dword], &f->host_value, &f->op);

	if (ret != PCG_DONE)
		return read_stops(f, rq, 0, 15, ret);
	pcg_put32(rq->data, pcg_view_read(&f->view, dword, f->host_value));
	return PCG_DONE;
}

/* What guests read most stands first: one whole dword. */
int fast_read(struct pcg_function *f, struct pcg_request *rq)
{
	unsigned int at = (unsigned int)rq->offset, dword = at / 4;

	if (rq->length != 4 || (at & 3) != 0 || f->view.special[dword] != 0)
		return read_any(f, rq);
	if (f->view.read_be[dword] != 0)
		return read_merged(f, rq, (uint16_t)dword);
	pcg_put32(rq->data, f->view.shadow[dword]);
	return PCG_DONE;
}

/* --- writes of up to four bytes of one dword --- */

struct write {
	unsigned int dword;
	uint8_t be;
	uint32_t mask;
	uint32_t value; /* in its place */
};

static inline bool begin(const struct pcg_request *rq, struct write *w)
{
	unsigned int first = rq->offset & 3, n = (unsigned int)rq->length;
	const uint8_t *data = rq->data;

	if (rq->length + first > 4)
		return false;
	w->dword = (unsigned int)rq->offset / 4;
	w->be = (uint8_t)(((1u << n) - 1) << first);
	w->mask = view_mask(w->be);
	w->value = data[0];
	if (n == 4)
		w->value = pcg_get32(data);
	else if (n > 1)
		w->value = pcg_get16(data) | (n == 3 ? (uint32_t)data[2] << 16 : 0);
	w->value <<= 8 * first;
	return true;
}

static inline void to_shadow(struct pcg_view *v, unsigned int dword, uint32_t value, uint32_t mask)
{
	uint32_t bits = v->write_shadow[dword] & mask;

	v->shadow[dword] = (v->shadow[dword] & ~bits) | (value & bits);
}

/* The state that the steps of a write go on from. */
COLD static void leave_off(struct pcg_function *f, const struct write *w)
{
	f->at = (uint16_t)w->dword;
	f->be = w->be;
	f->value = w->value;
	if (f->view.chunked)
		linux_plan(&f->view,
			   w->dword * 4 + (w->be & 1   ? 0
					   : w->be & 2 ? 1
					   : w->be & 4 ? 2
						       : 3),
			   width_of(w->be), &f->plan);
}

COLD static int write_stops(struct pcg_function *f, struct pcg_request *rq, const struct write *w, const step_fn *next,
			    int ret)
{
	if (ret != PCG_PENDING)
		return ret;
	leave_off(f, w);
	return wait_for(f, rq, 0, next);
}

/* Hardware's part under `linux`: read, change, write back the whole chunk; the shadow has its part. */
static inline int write_back(struct pcg_function *f, struct pcg_request *rq, const struct write *w, uint32_t bits)
{
	struct pcg_host *host = f->host;
	int ret;

	f->host_value = 0;
	if (bits != w->mask) {
		ret = host->ops->config_read(host, (uint16_t)w->dword, w->be, &f->host_value, &f->op);
		if (ret != PCG_DONE)
			return write_stops(f, rq, w, &linux_write_steps[LINUX_WRITE_THROUGH], ret);
	}
	ret = host->ops->config_write(host, (uint16_t)w->dword, w->be, (f->host_value & ~bits) | (w->value & bits),
				      &f->op);
	return ret == PCG_DONE ? ret : write_stops(f, rq, w, &linux_write_steps[LINUX_WRITE_ACT], ret);
}

static __attribute__((noinline)) int write_linux(struct pcg_function *f, struct pcg_request *rq)
{
	struct pcg_view *v = &f->view;
	struct write w;
	uint32_t bits;

	if (!begin(rq, &w) || IS_CUT(w.be) || v->special[w.dword] & (PCG_SPECIAL_BORDERS | PCG_SPECIAL_WIDTH))
		return go_on(f, rq, linux_write_steps);
	if (v->hook[w.dword] != 0)
		return go_on(f, rq, linux_write_steps);
	to_shadow(v, w.dword, w.value, w.mask);
	bits = v->write_host[w.dword] & w.mask;
	return bits != 0 ? write_back(f, rq, &w, bits) : PCG_DONE;
}

/* Something is to be done besides: by the contract's steps. */
COLD static int write_acts(struct pcg_function *f, struct pcg_request *rq, const struct write *w)
{
	leave_off(f, w);
	f->request = rq;
	return go_on(f, rq, &config_write_steps[CONFIG_WRITE_ACT]);
}

/* By rules: what is read, changed and written is the view's to say. */
static __attribute__((noinline)) int write_rules(struct pcg_function *f, struct pcg_request *rq)
{
	struct pcg_host *host = f->host;
	struct write write, *w = &write;
	uint8_t needs;
	int ret;

	if (!begin(rq, w))
		return go_on(f, rq, config_write_steps);
	needs = pcg_view_write_needs(&f->view, (uint16_t)w->dword, w->be, w->value);

	f->host_value = 0;
	if (needs != 0) {
		ret = host->ops->config_read(host, (uint16_t)w->dword, needs, &f->host_value, &f->op);
		if (ret != PCG_DONE)
			return write_stops(f, rq, w, &config_write_steps[CONFIG_WRITE_DECIDE], ret);
	}
	pcg_view_write(&f->view, (uint16_t)w->dword, w->be, w->value, f->host_value, &f->write);
	if (f->write.effects != 0)
		return write_acts(f, rq, w);
	if (f->write.host_be == 0)
		return PCG_DONE;
	ret = host->ops->config_write(host, (uint16_t)w->dword, f->write.host_be, f->write.host, &f->op);
	return ret == PCG_DONE ? ret : write_stops(f, rq, w, &config_write_steps[CONFIG_WRITE_NEXT], ret);
}

/* --- the word DEVCTL: the only register with a hook that drivers write all the time --- */

COLD static int devctl_stops(struct pcg_function *f, struct pcg_request *rq, uint32_t value, const step_fn *next,
			     int ret)
{
	struct write w = { .dword = f->view.own.devctl, .be = 3, .value = value };

	return write_stops(f, rq, &w, next, ret);
}

COLD static int devctl_linux_stops(struct pcg_function *f, struct pcg_request *rq, uint32_t value, const step_fn *next,
				   int ret)
{
	/* What the step before the first of these would have kept. */
	f->number = f->view.shadow[f->view.own.devctl] & PCG_DEVCTL_MRRS;
	return devctl_stops(f, rq, value, next, ret);
}

/* Under `linux`, of the first Express capability: what sets nothing off is read, changed and written back. */
static __attribute__((noinline)) int write_devctl(struct pcg_function *f, struct pcg_request *rq, uint32_t value)
{
	struct pcg_view *v = &f->view;
	uint32_t *shadow = &v->shadow[v->own.devctl];
	uint32_t after = *shadow ^ ((*shadow ^ value) & v->write_shadow[v->own.devctl] & 0xffff);
	int ret;

	if ((after & (PCG_DEVCTL_FLR | PCG_DEVCTL_MRRS)) != (*shadow & PCG_DEVCTL_MRRS))
		return go_on(f, rq, linux_write_steps);
	ret = f->host->ops->config_read(f->host, v->own.devctl, 3, &f->host_value, &f->op);
	if (ret != PCG_DONE)
		return devctl_linux_stops(f, rq, value, &linux_write_steps[LINUX_WRITE_THROUGH], ret);
	*shadow = after;
	value = f->host_value ^ ((f->host_value ^ value) & v->write_host[v->own.devctl]);
	ret = f->host->ops->config_write(f->host, v->own.devctl, 3, value, &f->op);
	return ret == PCG_DONE ? ret : devctl_linux_stops(f, rq, value, &linux_write_steps[LINUX_WRITE_ACT], ret);
}

#define DEVCTL_PLAIN 0x5fffu /* neither a reset nor a reserved request size (PCIe 6.0, 7.5.3.4) */

/* By rules: what write_rules() does, said for this register and for plain values. */
static __attribute__((noinline)) int write_devctl_rules(struct pcg_function *f, struct pcg_request *rq, uint32_t value)
{
	struct pcg_view *v = &f->view;
	uint32_t host, *shadow;
	int ret;

	if (value > DEVCTL_PLAIN)
		return write_rules(f, rq);
	ret = f->host->ops->config_read(f->host, v->own.devctl, 3, &f->host_value, &f->op);
	if (ret != PCG_DONE)
		return devctl_stops(f, rq, value, &config_write_steps[CONFIG_WRITE_DECIDE], ret);
	host = f->host_value ^ ((f->host_value ^ value) & v->write_host[v->own.devctl]);
	host = (host & ~(uint32_t)PCG_DEVCTL_MRRS) | policy_request_size(value, f->host_value);
	shadow = &v->shadow[v->own.devctl];
	*shadow ^= (*shadow ^ value) & v->write_shadow[v->own.devctl] & 0xffff;
	ret = f->host->ops->config_write(f->host, v->own.devctl, 3, host, &f->op);
	return ret == PCG_DONE ? ret : devctl_stops(f, rq, value, &config_write_steps[CONFIG_WRITE_NEXT], ret);
}

static int write_any(struct pcg_function *f, struct pcg_request *rq)
{
	return f->view.chunked ? write_linux(f, rq) : write_rules(f, rq);
}

/* A BAR under `linux` is put in order when it is read. */
static __attribute__((noinline)) int write_special(struct pcg_function *f, struct pcg_request *rq, uint32_t value,
						   uint32_t mask)
{
	struct pcg_view *v = &f->view;
	unsigned int dword = (unsigned int)rq->offset / 4;

	if (v->special[dword] != PCG_SPECIAL_BAR || v->owner[dword * 4] != LINUX_HEADER)
		return write_any(f, rq);
	v->own.bars_dirty = true;
	to_shadow(v, dword, value, mask);
	return PCG_DONE;
}

/* What only the shadow has of a dword; the commonest. */
static inline int write_flat(struct pcg_function *f, struct pcg_request *rq, uint32_t value, uint32_t mask)
{
	struct pcg_view *v = &f->view;
	unsigned int dword = (unsigned int)rq->offset / 4;

	if ((v->hook[dword] | v->special[dword]) != 0 || ((v->write_host[dword] | v->write_clear[dword]) & mask) != 0)
		return write_special(f, rq, value, mask);
	to_shadow(v, dword, value, mask);
	return PCG_DONE;
}

int fast_write(struct pcg_function *f, struct pcg_request *rq)
{
	unsigned int at = (unsigned int)rq->offset, shift;

	if (rq->length == 2 && at == f->view.own.devctl * 4u) {
		if (f->view.chunked)
			return write_devctl(f, rq, pcg_get16(rq->data));
		return write_devctl_rules(f, rq, pcg_get16(rq->data));
	}
	shift = 8 * (at & 3);
	if (rq->length == 4 && shift == 0)
		return write_flat(f, rq, pcg_get32(rq->data), UINT32_MAX);
	if (rq->length == 2 && (at & 1) == 0)
		return write_flat(f, rq, (uint32_t)pcg_get16(rq->data) << shift, 0xffffu << shift);
	if (rq->length == 1)
		return write_flat(f, rq, (uint32_t) * (const uint8_t *)rq->data << shift, 0xffu << shift);
	return write_any(f, rq);
}
