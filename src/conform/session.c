/* SPDX-License-Identifier: BSD-3-Clause */
/* What was found is put back: each check's writes after the check, all of it compared at the end. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "conform/check.h"

#define VPD_LENGTH   8u
#define PUT_BACK_FEW 16u

static bool inside(const struct walk_cap *cap, unsigned int length, unsigned int at)
{
	return cap != NULL && at >= cap->at && at < cap->at + length;
}

/* Vital Product Data: a write of its address is a command, so the check itself leaves it as it was. */
static bool acts(const struct conform *c, unsigned int at)
{
	return inside(walk_find(&c->walk, PCG_CAP_VPD, false), VPD_LENGTH, at);
}

/* PCIe 6.0, 7.5.1.1.4; 7.5.2.2; 7.5.3; PCI-X 2.0, 7.2.4; PCIe 6.0, 7.7.3 to 7.7.7, 7.8.4, 7.9.12, 7.9.14, 7.9.24 */
static const struct {
	uint16_t cap;
	uint16_t at;
	uint32_t bits;
} rw1c[] = {
	{ PCG_CAP_PM, PCG_PM_CSR, 0x00008000 },
	{ PCG_CAP_PCIX, 4, 0x200c0000 },
	{ PCG_CAP_EXP, PCG_EXP_DEVCTL, 0x004f0000 },
	{ PCG_CAP_EXP, 0x20, 0x00010000 },
	{ PCG_CAP_EXP, 0x30, 0x00200000 },
	{ CHECK_EXT | PCG_ECAP_AER, 0x04, 0xffffffff },
	{ CHECK_EXT | PCG_ECAP_AER, 0x10, 0xffffffff },
	{ CHECK_EXT | PCG_ECAP_SRIOV, 0x08, 0x00010000 },
	{ CHECK_EXT | PCG_ECAP_PRI, 0x04, 0x00030000 },
	{ CHECK_EXT | PCG_ECAP_DPA, 0x0c, 0x00000100 },
	{ CHECK_EXT | PCG_ECAP_SECPCI, 0x08, 0xffffffff },
	{ CHECK_EXT | PCG_ECAP_DPC, 0x08, 0x00002009 },
	{ CHECK_EXT | PCG_ECAP_PL16, 0x0c, 0x00000010 },
	{ CHECK_EXT | PCG_ECAP_PL32, 0x0c, 0x00000010 },
	{ CHECK_EXT | PCG_ECAP_PL64, 0x0c, 0x00000010 },
	{ CHECK_EXT | PCG_ECAP_DOE, 0x0c, 0x00000002 },
};

static uint32_t rw1c_of(const struct walk *walk, unsigned int dword)
{
	unsigned int i, k;

	for (k = 0; k < walk->ncaps; k++) {
		const struct walk_cap *cap = &walk->cap[k];

		for (i = 0; i < sizeof(rw1c) / sizeof(rw1c[0]); i++)
			if (rw1c[i].cap == (cap->id | (cap->extended ? CHECK_EXT : 0)) &&
			    (unsigned int)(cap->at + rw1c[i].at) / 4 == dword)
				return rw1c[i].bits;
	}
	return 0;
}

/* What is hidden from the guest may be open to it: there too a one clears. */
uint32_t check_rw1c_bits(const struct conform *c, unsigned int dword)
{
	if (dword == PCG_COMMAND / 4)
		return 0xf9000000;
	return rw1c_of(&c->walk, dword) | rw1c_of(&c->beneath, dword);
}

static int read_dword(struct conform *c, unsigned int dword, uint32_t *value)
{
	uint8_t bytes[4];
	int r = c->target->ops->access(c->target, false, PCG_REGION_CONFIG, dword * 4u, bytes, sizeof(bytes));

	*value = pcg_get32(bytes);
	return r;
}

/* Each access costs a message and its answer: a thousand of them are for servers that need them. */
static bool read_at_once(struct conform *c, uint8_t *config)
{
	return c->at_once &&
	       c->target->ops->access(c->target, false, PCG_REGION_CONFIG, 0, config, c->target->config_size) == 0;
}

int session_read(struct conform *c, uint8_t *config)
{
	unsigned int dword;
	int r = 0;

	if (read_at_once(c, config))
		return 0;
	for (dword = 0; r == 0 && dword < c->target->config_size / 4u; dword++)
		r = c->target->ops->access(c->target, false, PCG_REGION_CONFIG, dword * 4u, config + dword * 4u, 4);
	return r;
}

static uint32_t size_one(struct conform *c, unsigned int at, uint32_t *before)
{
	static const uint8_t ones[4] = { 0xff, 0xff, 0xff, 0xff };
	uint8_t old[4];
	uint32_t mask = 0;
	struct target *t = c->target;

	read_dword(c, at / 4, before);
	pcg_put32(old, *before);
	t->ops->access(t, true, PCG_REGION_CONFIG, at, (void *)(uintptr_t)ones, 4);
	read_dword(c, at / 4, &mask);
	t->ops->access(t, true, PCG_REGION_CONFIG, at, old, 4);
	return mask;
}

/* PCIe 6.0, 7.5.1.2.1: ones are written, what can be set is read. */
static void size_bars(struct conform *c)
{
	unsigned int i;
	uint32_t before, low;
	uint64_t mask;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		struct check_bar *bar = &c->bar[i];

		low = size_one(c, PCG_BAR0 + 4 * i, &before);
		if (low == 0)
			continue;
		bar->type = before & (before & 1u ? 3u : 15u);
		mask = low & (before & 1u ? ~3u : ~15u);
		bar->kind = before & 1u ? PCG_BAR_IO : PCG_BAR_MEM32;
		if (before & 1u)
			/* PCI 3.0, 6.2.5.1: the upper half may be hardwired to 0. */
			mask |= 0xffff0000u;
		mask |= UINT64_C(0xffffffff) << 32;
		if (!(before & 1u) && (before & 6u) == 4u && i + 1 < PCG_NUM_BARS) {
			bar->kind = PCG_BAR_MEM64;
			mask = (uint32_t)mask | (uint64_t)size_one(c, PCG_BAR0 + 4 * i + 4, &before) << 32;
			c->bar[++i].kind = PCG_BAR_UPPER;
		}
		bar->size = ~mask + 1;
	}
}

/* What cannot be read is taken for all ones; if nothing can, there is no function to check. */
static int read_first(struct conform *c)
{
	unsigned int dword, bad = 0, n = c->target->config_size / 4u;
	int r = 0;

	memset(c->guest, 0xff, sizeof(c->guest));
	for (dword = 0; dword < n && !c->target->lost; dword++) {
		uint32_t value;
		int one = read_dword(c, dword, &value);

		if (one == 0)
			pcg_put32(c->guest + dword * 4u, value);
		else
			r = one;
		c->unreadable[dword] = one != 0;
		bad += one != 0;
	}
	return c->target->lost || bad == n ? r : 0;
}

/* Whether a read of all of it is to be trusted: it must give what the dwords gave. */
static void try_at_once(struct conform *c)
{
	uint8_t config[PCG_CONFIG_EXTENDED];

	c->at_once = true;
	c->at_once =
		!c->target->lost && read_at_once(c, config) && memcmp(config, c->guest, c->target->config_size) == 0;
}

static void read_host(struct conform *c)
{
	unsigned int dword;
	uint32_t value;

	if (c->target->host == NULL)
		return;
	for (dword = 0; dword < c->target->config_size / 4u; dword++) {
		if (probe_get(c->target->host, dword * 4, 4, &value) != 0)
			c->unreadable[dword] = 1;
		pcg_put32(c->host + dword * 4u, value);
	}
	walk_chains(&c->beneath, c->host, c->target->config_size);
}

int session_begin(struct conform *c)
{
	uint8_t command[2], off[2];
	struct target *t = c->target;
	int r;

	r = read_first(c);
	if (r != 0)
		return r;
	try_at_once(c);
	read_host(c);
	walk_chains(&c->walk, c->guest, c->target->config_size);
	c->express = walk_find(&c->walk, PCG_CAP_EXP, false) != NULL;
	memcpy(command, c->guest + PCG_COMMAND, sizeof(command));
	memcpy(off, command, sizeof(off));
	off[0] &= 0xfcu;
	/* Nothing may answer at the addresses that sizing writes. */
	t->ops->access(t, true, PCG_REGION_CONFIG, PCG_COMMAND, off, sizeof(off));
	size_bars(c);
	t->ops->access(t, true, PCG_REGION_CONFIG, PCG_COMMAND, command, sizeof(command));
	if (c->options->vf != CONFORM_VF_LOOK)
		t->is_vf = c->options->vf == CONFORM_VF_YES;
	else if (!t->lost && !t->is_vf)
		t->is_vf = session_looks_like_vf(c);
	return t->lost ? -ENOTCONN : 0;
}

bool session_stopped(struct conform *c)
{
	if (!c->stopped && c->options->stop != NULL)
		c->stopped = c->options->stop(c->options->arg);
	return c->stopped;
}

void session_mark(struct conform *c)
{
	memset(c->dirty, 0, sizeof(c->dirty));
}

void session_save_all(struct conform *c)
{
	uint8_t config[PCG_CONFIG_EXTENDED];
	bool known = read_at_once(c, config);
	unsigned int dword;

	for (dword = 0; dword < c->target->config_size / 4u; dword++) {
		if (!c->dirty[dword] && known)
			c->saved[dword] = pcg_get32(config + dword * 4u);
		else if (!c->dirty[dword])
			read_dword(c, dword, &c->saved[dword]);
		c->dirty[dword] = 1;
	}
}

static bool put_piece(struct conform *c, unsigned int at, unsigned int width, uint32_t value)
{
	uint8_t bytes[4];
	unsigned int i;

	for (i = 0; i < width; i++)
		if (acts(c, at + i))
			return false;
	pcg_put32(bytes, value >> 8 * (at & 3u));
	return c->target->ops->access(c->target, true, PCG_REGION_CONFIG, at, bytes, width) == 0;
}

/* Only the bytes that differ, and no one where a one clears; wider where a server takes no bytes. */
static void put_back(struct conform *c, unsigned int dword)
{
	uint32_t now, saved, keep = check_rw1c_bits(c, dword);
	unsigned int i, width;

	if (read_dword(c, dword, &now) != 0)
		return;
	saved = c->saved[dword];
	for (i = 0; i < 4; i++) {
		uint32_t bits = 0xffu << 8 * i;
		bool done = ((now ^ saved) & bits & ~keep) == 0 || acts(c, dword * 4 + i);

		for (width = 1; !done && width <= 4; width *= 2)
			done = put_piece(c, (dword * 4 + i) & ~(width - 1), width, saved & ~keep);
	}
}

/* Where much was saved most of it still stands there. */
static void put_back_all(struct conform *c, unsigned int power)
{
	uint8_t config[PCG_CONFIG_EXTENDED];
	unsigned int dword, many = 0;
	bool known;

	for (dword = 0; dword < c->target->config_size / 4u; dword++)
		many += c->dirty[dword];
	known = many > PUT_BACK_FEW && read_at_once(c, config);
	for (dword = 0; dword < c->target->config_size / 4u; dword++) {
		if (!c->dirty[dword] || dword == power || dword == PCG_COMMAND / 4)
			continue;
		if (!known || pcg_get32(config + dword * 4u) != c->saved[dword])
			put_back(c, dword);
	}
}

void session_restore(struct conform *c)
{
	const struct walk_cap *pm = walk_find(&c->walk, PCG_CAP_PM, false);
	unsigned int power = pm != NULL ? (pm->at + (unsigned int)PCG_PM_CSR) / 4 : 0;

	if (c->target->host != NULL)
		probe_calm(c->target->host);
	if (c->target->lost)
		return;
	/* Power first: in a low state nothing else need be taken. Memory last: its addresses first. */
	if (power != 0 && c->dirty[power]) {
		put_back(c, power);
		check_settle(c);
	}
	put_back_all(c, power != 0 ? power : PCG_COMMAND / 4);
	if (c->dirty[PCG_COMMAND / 4])
		put_back(c, PCG_COMMAND / 4);
	session_mark(c);
}

/* What changes by itself: pending errors, link status, what VPD last read. */
static uint32_t volatile_bits(const struct conform *c, unsigned int dword)
{
	const struct walk_cap *vpd = walk_find(&c->walk, PCG_CAP_VPD, false);
	unsigned int express = check_find(c, PCG_CAP_EXP);
	uint32_t bits = check_rw1c_bits(c, dword);

	if (dword == PCG_COMMAND / 4)
		bits |= (uint32_t)PCG_STATUS_INTX << 16;
	if (express != 0 && (express + PCG_EXP_DEVCTL) / 4 == dword)
		bits |= 0x00200000;
	if (express != 0 && ((express + 0x10) / 4 == dword || (express + 0x30) / 4 == dword))
		bits |= 0xffff0000;
	if (vpd != NULL && dword == vpd->at / 4u)
		bits |= 0xffff0000;
	if (vpd != NULL && dword == vpd->at / 4u + 1)
		bits |= 0xffffffff;
	return bits;
}

void session_restore_host(struct conform *c)
{
	uint8_t config[PCG_CONFIG_EXTENDED];
	bool known = c->target->host != NULL && read_at_once(c, config);
	unsigned int dword, i;
	uint32_t now, was, keep;

	for (dword = 0; c->target->host != NULL && dword < c->target->config_size / 4u; dword++) {
		if (known)
			now = pcg_get32(config + dword * 4u);
		else if (c->unreadable[dword] || read_dword(c, dword, &now) != 0)
			continue;
		keep = volatile_bits(c, dword);
		if (((now ^ pcg_get32(c->guest + dword * 4u)) & ~keep) == 0 ||
		    probe_get(c->target->host, dword * 4, 4, &now) != 0)
			continue;
		was = pcg_get32(c->host + dword * 4u);
		for (i = 0; i < 4; i++)
			if ((now ^ was) & ~keep & 0xffu << 8 * i)
				probe_put(c->target->host, (uint16_t)dword, (uint8_t)(1u << i), was & ~keep);
	}
}

void session_compare(struct conform *c)
{
	uint8_t config[PCG_CONFIG_EXTENDED];
	bool known = read_at_once(c, config);
	unsigned int dword;

	for (dword = 0; !check_over(c) && dword < c->target->config_size / 4u; dword++) {
		uint32_t was = pcg_get32(c->guest + dword * 4u), now;

		if (c->unreadable[dword] || (known && pcg_get32(config + dword * 4u) == was))
			continue;
		now = check_get(c, dword * 4, 4);
		if ((was ^ now) & ~volatile_bits(c, dword))
			check_fail(c, "%03x read %08x before the checks and reads %08x after them", dword * 4, was,
				   now);
	}
}

void check_settle(struct conform *c)
{
	if (c->target->settle_ms != 0)
		poll(NULL, 0, (int)c->target->settle_ms);
}
