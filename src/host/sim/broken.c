/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/options.h"
#include "host/sim/broken.h"

#define MRRS_SHIFT 12u

static struct broken *of(struct pcg_host *host)
{
	return (struct broken *)host;
}

static bool twisted(const struct broken *b, enum broken_twist twist, uint16_t dword)
{
	return b->fault != NULL && b->fault->twist == twist && b->fault->at / 4 == dword;
}

static uint8_t bytes_of(uint32_t mask)
{
	return (uint8_t)((mask & 0xffu ? 1 : 0) | (mask & 0xff00u ? 2 : 0) | (mask & 0xff0000u ? 4 : 0) |
			 (mask & 0xff000000u ? 8 : 0));
}

/* --- the function below; it answers at once, whoever stands in between --- */

static uint32_t below_read(struct broken *b, uint16_t dword)
{
	struct pcg_op op = { 0 };
	uint32_t value = 0;

	b->hardware->ops->config_read(b->hardware, dword, 0xf, &value, &op);
	return value;
}

static void below_write(struct broken *b, uint16_t dword, uint8_t be, uint32_t value)
{
	struct pcg_op op = { 0 };

	b->hardware->ops->config_write(b->hardware, dword, be, value, &op);
}

/* PCIe 6.0, 7.5.3.4: never below the payload size of the path; reserved sizes are not passed on. */
static uint32_t request_size(const struct broken *b, uint32_t guest, uint32_t hardware)
{
	uint32_t asked = (guest & PCG_DEVCTL_MRRS) >> MRRS_SHIFT, mps = (hardware & PCG_DEVCTL_MPS) >> 5;

	if (b->act == ACT_MRRS_LOW)
		return asked;
	if (asked > 5)
		return (hardware & PCG_DEVCTL_MRRS) >> MRRS_SHIFT;
	return asked > mps ? asked : mps;
}

/* What a write comes to in the function: the bits it may have, and the status bits that the guest wrote a one to. */
static void pass_on(struct broken *b, uint16_t dword, uint8_t be, uint32_t value)
{
	uint32_t forward = b->forward[dword], clear = b->clear[dword], now, ones = value & clear & pcg_be_mask(be);
	bool devctl = dword == (BROKEN_EXP + PCG_EXP_DEVCTL) / 4;
	uint8_t out;

	if (b->act == ACT_BIST_PASSED && dword == PCG_BIST / 4 && be & 8u)
		below_write(b, dword, 8u, value);
	if (twisted(b, TWIST_NEVER_CLEAR, dword))
		ones = 0;
	if (twisted(b, TWIST_CLEAR_TOGETHER, dword) && ones != 0)
		ones = b->fault->mask;
	out = be & bytes_of(forward | ones);
	if (devctl)
		out |= be & 2u;
	if (twisted(b, TWIST_CLEAR_BESIDE, dword)) {
		ones = b->fault->mask;
		out |= bytes_of(ones);
	}
	if (out == 0)
		return;
	now = below_read(b, dword);
	now = (now & ~(forward | clear)) | (b->guest.value[dword] & forward) | ones;
	if (devctl && out & 2u)
		now = (now & ~(uint32_t)PCG_DEVCTL_MRRS) | request_size(b, b->guest.value[dword], now) << MRRS_SHIFT;
	below_write(b, dword, out, now);
}

/* --- what registers do --- */

/* As model_reset(), for registers that a fault has changed since the model was made. */
static void forget(struct model *m)
{
	unsigned int i;

	for (i = 0; i < PCG_CONFIG_DWORDS; i++) {
		uint32_t lost = m->rw[i] & ~m->kept[i];

		m->value[i] = (m->value[i] & ~lost) | (m->reset[i] & lost);
		m->value[i] &= ~(m->rw1c[i] & ~m->kept[i]);
	}
}

static void reset_view(struct broken *b)
{
	forget(&b->guest);
	if (b->act != ACT_FLR_UNMASKS)
		broken_entries_reset(b);
	if (b->act == ACT_FLR_IDENTITY)
		b->guest.value[PCG_SUBVENDOR / 4] ^= 1;
	/* The function behind is reset too, as far as it follows the guest. */
	below_write(b, PCG_COMMAND / 4, 3, below_read(b, PCG_COMMAND / 4) & ~b->forward[PCG_COMMAND / 4]);
}

static void act_express(struct broken *b, uint16_t dword, uint8_t be, uint32_t value, unsigned int actions)
{
	bool asked = dword == (BROKEN_EXP + PCG_EXP_DEVCTL) / 4 && be & 2 && value & PCG_DEVCTL_FLR;
	bool af = dword == (BROKEN_AF + PCG_AF_CTRL) / 4 && be & 1 && value & PCG_AF_CTRL_FLR;
	bool inside = dword >= BROKEN_EXP / 4 && dword < BROKEN_AF / 4;

	if ((af && b->act == ACT_AF_INERT) || (asked && b->act == ACT_FLR_NO_BYTE && !(be & 1)))
		return;
	if (asked && model_get(&b->guest, BROKEN_EXP + PCG_EXP_DEVCAP, 4) & PCG_DEVCAP_FLR)
		reset_view(b);
	else if ((actions & MODEL_FLR && !asked) || (asked && b->act == ACT_FLR_UNOFFERED) ||
		 (inside && b->act == ACT_FLR_ALWAYS))
		reset_view(b);
	if (asked && b->act == ACT_FLR_STICKS)
		b->guest.value[dword] |= PCG_DEVCTL_FLR;
	if (af && b->act == ACT_AF_STICKS)
		b->guest.value[dword] |= PCG_AF_CTRL_FLR;
}

static void act_power(struct broken *b, uint16_t dword, uint8_t be, uint32_t value, uint32_t before)
{
	uint32_t now;

	if (dword != (BROKEN_PM + PCG_PM_CSR) / 4 || !(be & 1))
		return;
	if (b->act == ACT_PM_ANY_STATE)
		model_set(&b->guest, BROKEN_PM + PCG_PM_CSR, 1, PCG_PM_STATE, value);
	now = b->guest.value[dword];
	if ((before & PCG_PM_STATE) == PCG_D3HOT && (now & PCG_PM_STATE) == PCG_D0 && b->act == ACT_D3_FORGETS)
		forget(&b->guest);
}

static void act_vpd(struct broken *b, unsigned int actions)
{
	if (!(actions & MODEL_VPD) || b->act == ACT_VPD_DEAD)
		return;
	if (b->act == ACT_VPD_UNSTABLE)
		b->vpd[0]++;
	model_vpd(&b->guest, b->vpd, sizeof(b->vpd));
	if (b->act == ACT_VPD_ADDRESS)
		model_set(&b->guest, BROKEN_VPD + 2, 2, 0x7fff, 0);
}

/* PCIe 6.0, 7.8.6.3: the size that is chosen is the BAR's. */
static void act_rebar(struct broken *b, uint16_t dword)
{
	uint32_t size = model_get(&b->guest, BROKEN_REBAR + 9, 1) & 0x3f;

	if (dword != (BROKEN_REBAR + 8) / 4 || b->act == ACT_REBAR_INERT)
		return;
	if (size > 2)
		size = 0;
	b->guest.rw[PCG_BAR0 / 4 + 2] = ~((BROKEN_BAR2 << size) - 1);
	b->guest.value[PCG_BAR0 / 4 + 2] &= b->guest.rw[PCG_BAR0 / 4 + 2] | 15u;
}

static void act_bars(struct broken *b, uint16_t dword, uint8_t be, uint32_t value)
{
	uint32_t *bar = &b->guest.value[PCG_BAR0 / 4];

	if (dword == PCG_BAR0 / 4 + 1 && b->act == ACT_BAR_HALVES)
		bar[0] &= 15u;
	if (dword != PCG_BAR0 / 4 + 2)
		return;
	if (b->act == ACT_BAR_PARTIAL && be == 0xf && value == 0xfffffff0u)
		bar[2] &= 15u;
	if (b->act == ACT_BAR_FORGETS && be == 0xf && value < 0xfff00000u)
		bar[2] &= ~0x20000000u;
}

/* Faults that a write of some register shows. */
static void act_else(struct broken *b, uint16_t dword, uint8_t be, uint32_t value, uint32_t before)
{
	unsigned int i;

	if (b->act == ACT_MSI_REWRITES && dword == BROKEN_MSI / 4 && be & 3)
		below_write(b, dword, 0xf, below_read(b, dword));
	if (b->act == ACT_MSIX_DWORD && dword == BROKEN_MSIX / 4 && be == 0xf)
		b->guest.value[dword] = before;
	if (b->act == ACT_DRIFTS && dword == PCG_INT_LINE / 4)
		b->guest.value[PCG_SUBVENDOR / 4]++;
	if (b->act == ACT_PRI_ONES_SET && dword == (BROKEN_PRI + PCG_PRI_CTRL) / 4 && be & 4)
		b->guest.value[dword] |= value & 0x00030000u;
	if (dword != PCG_COMMAND / 4 || !(be & 3))
		return;
	for (i = 0; i < PCG_NUM_BARS && b->act == ACT_RECOVERS; i++)
		below_write(b, (uint16_t)(PCG_BAR0 / 4 + i), 0xf, below_read(b, (uint16_t)(PCG_BAR0 / 4 + i)));
	if (b->act == ACT_GATE_MOVES && before & ~b->guest.value[dword] & PCG_COMMAND_MEMORY)
		b->guest.value[PCG_BAR0 / 4 + 2] ^= 0x40000000u;
}

/* --- the mediator as a backend --- */

static int broken_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	struct broken *b = of(host);
	uint32_t show = b->show[dword];

	(void)op;
	if (twisted(b, TWIST_NARROW_LEAKS, dword) && be != 0xf)
		show |= b->fault->mask;
	*value = b->guest.value[dword] & ~show;
	if (show != 0)
		*value |= below_read(b, dword) & show;
	if (twisted(b, TWIST_NARROW_READS, dword) && be != 0xf)
		*value ^= b->fault->mask;
	if (b->act == ACT_RESTLESS && dword == (BROKEN_VNDR + 4) / 4)
		*value += b->reads++;
	if (b->act == ACT_D3_DEAF && model_power(&b->guest) == PCG_D3HOT && dword != (BROKEN_PM + PCG_PM_CSR) / 4)
		*value = UINT32_MAX;
	return PCG_DONE;
}

static int broken_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	struct broken *b = of(host);
	uint32_t before = b->guest.value[dword];
	unsigned int actions;

	(void)op;
	if (twisted(b, TWIST_NARROW_WRITES, dword) && be != 0xf)
		return PCG_DONE;
	actions = model_write(&b->guest, dword, be, value);
	pass_on(b, dword, be, value);
	act_power(b, dword, be, value, before);
	act_vpd(b, actions);
	act_rebar(b, dword);
	act_bars(b, dword, be, value);
	act_else(b, dword, be, value, before);
	act_express(b, dword, be, value, actions);
	return PCG_DONE;
}

static int broken_reset(struct pcg_host *host, struct pcg_op *op)
{
	(void)op;
	if (of(host)->act != ACT_RESET_INERT)
		reset_view(of(host));
	return PCG_DONE;
}

static int broken_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	(void)op;
	model_set_power(&of(host)->guest, state);
	return PCG_DONE;
}

/* Nothing is ever pending. */
static void broken_cancel(struct pcg_host *host, struct pcg_op *op)
{
	(void)host;
	(void)op;
}

static void broken_destroy(struct pcg_host *host)
{
	broken_regions_finish(of(host));
	free(host);
}

const struct pcg_host_ops broken_ops = {
	.name = "sim",
	.help = "sim:broken[,fault=NAME]  a mediated function with one fault, for conform --profile raw",
	.destroy = broken_destroy,
	.config_read = broken_config_read,
	.config_write = broken_config_write,
	.region_read = broken_region_read,
	.region_write = broken_region_write,
	.reset = broken_reset,
	.power = broken_power,
	.cancel = broken_cancel,
};

struct pcg_host **broken_hardware(struct pcg_host *host)
{
	return host->ops == &broken_ops ? &of(host)->hardware : NULL;
}

static int whole_config(const struct broken *b, bool write, uint64_t offset, uint8_t *data, size_t length, int result)
{
	bool past = result != 0 && (write ? b->act == ACT_PAST_WRITE : b->act == ACT_PAST_READ);

	if (past || (result != 0 && offset > UINT64_MAX - 8 && b->act == ACT_WRAPS)) {
		if (!write)
			memset(data, 0, length);
		return 0;
	}
	if (b->act == ACT_READ_REFUSED && !write && offset == BROKEN_VNDR + 4)
		return -EIO;
	if (b->act == ACT_WRITE_REFUSED && write && offset == PCG_VENDOR && length == 2)
		return -EINVAL;
	if (write || result != 0)
		return result;
	if ((b->act == ACT_READS_THREE && length == 3) || (b->act == ACT_READS_EIGHT && length == 8) ||
	    (b->act == ACT_READS_WHOLE && length > 8) ||
	    (b->act == ACT_READS_CROSSING && length == 4 && offset % 4 != 0))
		data[length - 1] ^= 1;
	return result;
}

int broken_whole(struct pcg_host *host, bool write, unsigned int region, uint64_t offset, void *data, size_t length,
		 int result)
{
	if (host->ops != &broken_ops)
		return result;
	if (region == PCG_REGION_CONFIG)
		return whole_config(of(host), write, offset, data, length, result);
	if (result != 0 && of(host)->act == ACT_REGION_PAST && offset + length > host->info.regions[region].size) {
		if (!write)
			memset(data, 0, length);
		return 0;
	}
	return result;
}

/* --- create --- */

static int find_fault(struct broken *b, const char *name, const struct pcg_log *log)
{
	unsigned int i;

	for (i = 0; name != NULL && (b->fault = broken_fault(i)) != NULL; i++)
		if (strcmp(b->fault->name, name) == 0)
			return 0;
	if (name == NULL)
		return 0;
	base_log(log, PCG_ERROR, "sim:broken: fault=%.64s: no such fault; pcigate conform --list has their names",
		 name);
	return -EINVAL;
}

static int fill(struct broken *b, const char *text, const struct pcg_log *log)
{
	static const char *const names[] = { "fault", NULL };
	struct options options;
	int r = options_init(&options, "sim:broken", text, names, log);

	if (r != 0)
		return r;
	r = find_fault(b, options.values[0], log);
	options_finish(&options);
	if (r == 0 && b->fault != NULL && b->fault->twist == TWIST_ACT)
		b->act = (enum broken_act)b->fault->mask;
	b->host.info.config_size = PCG_CONFIG_EXTENDED;
	b->host.info.can_reset = true;
	if (r == 0)
		r = broken_regions_init(b);
	if (r == 0)
		r = broken_config_init(b);
	return r;
}

int broken_create(struct pcg_host **host, const char *text, const struct pcg_log *log)
{
	struct broken *b = calloc(1, sizeof(*b));
	unsigned int i;
	int r;

	*host = NULL;
	if (b == NULL)
		return -ENOMEM;
	if (log != NULL)
		b->host.log = *log;
	b->host.ops = &broken_ops;
	b->own.host.ops = &broken_hardware_ops;
	b->hardware = &b->own.host;
	for (i = 0; i < sizeof(b->vpd); i++)
		b->vpd[i] = (uint8_t)(3 * i + 0x41);
	r = fill(b, text, log);
	if (r != 0) {
		broken_destroy(&b->host);
		return r;
	}
	*host = &b->host;
	return 0;
}
