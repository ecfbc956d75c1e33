/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "function/internal.h"

/*
 * What a chunk written under the profile `linux` sets off, before and after the write itself. Each is a table of
 * steps; f->plan says where the chunk and its owner start, f->value what was written, in its place in the dword.
 */

void linux_tell(struct pcg_function *f, enum pcg_deed deed, uint32_t value)
{
	if (f->events.deed != NULL)
		f->events.deed(f->events.arg, deed, value);
}

/* Linux ignores how this ends; so must we. f->forgiven has it at the next step. */
int linux_forgive(struct pcg_function *f, int ret)
{
	f->forgiving = ret == PCG_PENDING;
	f->forgiven = ret;
	return ret < 0 ? PCG_DONE : ret;
}

int linux_zap(struct pcg_function *f)
{
	linux_tell(f, PCG_DEED_ZAP, 0);
	return contract_revoke(f);
}

/* 2.1: below D3hot, and with memory enable or without such a bit. */
int linux_allow(struct pcg_function *f)
{
	if (f->host->ops->allow == NULL || f->power >= PCG_D3HOT)
		return PCG_DONE;
	if (!f->view.no_command_memory && !pcg_view_memory_on(&f->view))
		return PCG_DONE;
	return f->host->ops->allow(f->host, &f->op);
}

/* The bytes of @at up to the end of its dword; Linux's accessors refuse what is not aligned. */
static bool reachable(const struct pcg_function *f, unsigned int at, unsigned int width)
{
	return at % width == 0 && at + width <= f->host->info.config_size;
}

static int read_at(struct pcg_function *f, unsigned int at, unsigned int width)
{
	uint8_t be = (uint8_t)(((1u << width) - 1) << (at & 3));

	f->host_value = 0;
	return f->host->ops->config_read(f->host, (uint16_t)(at / 4), be, &f->host_value, &f->op);
}

static int write16(struct pcg_function *f, unsigned int at, uint32_t value)
{
	return f->host->ops->config_write(f->host, (uint16_t)(at / 4), (uint8_t)(3u << (at & 2)),
					  (value & 0xffff) << 8 * (at & 2), &f->op);
}

/* --- registers that a reset or D3hot loses; Linux's PCI core keeps them --- */

static const struct {
	uint16_t at;
	uint8_t be;
} kept[] = {
	{ PCG_CACHE_LINE, 3 }, { PCG_BAR0, 15 },      { PCG_BAR0 + 4, 15 },  { PCG_BAR0 + 8, 15 },
	{ PCG_BAR0 + 12, 15 }, { PCG_BAR0 + 16, 15 }, { PCG_BAR0 + 20, 15 }, { PCG_ROM, 15 },
	{ PCG_INT_LINE, 1 },   { PCG_EXP_DEVCTL, 3 }, { PCG_COMMAND, 3 },
};
#define NUM_KEPT (sizeof(kept) / sizeof(kept[0]))

/* Where row @n stands: those past the header's start are of the first Express capability. */
static uint16_t kept_dword(const struct pcg_function *f, unsigned int n)
{
	return (uint16_t)((kept[n].at == PCG_EXP_DEVCTL ? f->view.own.express + PCG_EXP_DEVCTL : kept[n].at) / 4);
}

static bool is_kept(const struct pcg_function *f, unsigned int n)
{
	return kept[n].at != PCG_EXP_DEVCTL || f->view.own.express != 0;
}

int linux_save(struct pcg_function *f)
{
	uint16_t dword;

	if (f->index < NUM_KEPT && !is_kept(f, f->index))
		f->index++;
	if (f->index == NUM_KEPT)
		return PCG_DONE;
	dword = kept_dword(f, f->index);
	order_again(f);
	return f->host->ops->config_read(f->host, dword, kept[f->index++].be, &f->saved[dword], &f->op);
}

int linux_restore(struct pcg_function *f)
{
	uint16_t dword;

	if (f->index < NUM_KEPT && !is_kept(f, f->index))
		f->index++;
	if (f->index == NUM_KEPT)
		return PCG_DONE;
	dword = kept_dword(f, f->index);
	order_again(f);
	return f->host->ops->config_write(f->host, dword, kept[f->index++].be, f->saved[dword], &f->op);
}

/* --- COMMAND (1.4) --- */

static int command_gate(struct pcg_function *f)
{
	uint32_t new = f->value, virt = f->view.shadow[PCG_COMMAND / 4], phys = f->host_value;
	uint32_t lost = new &virt & ~phys;

	f->due = lost & PCG_COMMAND_IO || (lost & PCG_COMMAND_MEMORY && !f->view.no_command_memory);
	f->index = 0;
	return new &PCG_COMMAND_MEMORY ? PCG_DONE : linux_zap(f);
}

/* A BAR that held something and now holds something else: the function was reset behind our back. */
static int command_compare(struct pcg_function *f)
{
	const uint32_t *saved = f->view.own.saved;

	if (f->index > 0 && f->host_value != saved[f->index - 1])
		f->due = true;
	while (f->index < PCG_NUM_BARS && saved[f->index] == 0)
		f->index++;
	if (f->due || f->index == PCG_NUM_BARS)
		return PCG_DONE;
	order_again(f);
	return read_at(f, PCG_BAR0 + 4 * f->index++, 4);
}

/* 7.1b.10: not for a VF. */
static int command_restore(struct pcg_function *f)
{
	unsigned int at;

	if (f->view.own.is_vf)
		f->due = false;
	if (!f->due || f->index > PCG_NUM_BARS)
		return PCG_DONE;
	if (f->index == 0)
		linux_tell(f, PCG_DEED_BAR_RESTORE, 0);
	at = f->index < PCG_NUM_BARS ? PCG_BAR0 + 4 * f->index : PCG_ROM;
	order_again(f);
	return f->host->ops->config_write(f->host, (uint16_t)(at / 4), 0xf, f->view.own.saved[f->index++], &f->op);
}

static int command_intx_read(struct pcg_function *f)
{
	return f->due && f->host->info.intx_broken ? contract_read_command(f) : PCG_DONE;
}

static int command_intx_write(struct pcg_function *f)
{
	if (!f->due || !f->host->info.intx_broken)
		return PCG_DONE;
	return write16(f, PCG_COMMAND, f->host_value | PCG_COMMAND_INTX_OFF);
}

static const step_fn command_before[] = {
	contract_read_command, command_gate,      command_compare,    contract_rewind,
	command_restore,       command_intx_read, command_intx_write, NULL,
};

/* Both enable bits are kept, so that the next write can tell when they were lost. */
static int command_after(struct pcg_function *f)
{
	view_set(&f->view, PCG_COMMAND, PCG_COMMAND_MEMORY | PCG_COMMAND_IO, f->value);
	return linux_allow(f);
}

static int intx_judge(struct pcg_function *f)
{
	bool off = view_get(&f->view, PCG_COMMAND) & PCG_COMMAND_INTX_OFF;

	f->due = off != f->view.own.intx_off;
	if (!f->due)
		return PCG_DONE;
	f->view.own.intx_off = off;
	linux_tell(f, off ? PCG_DEED_INTX_MASK : PCG_DEED_INTX_UNMASK, 0);
	irqs_update(f);
	/* 7.1b.4: with no INTx in use hardware's bit follows. */
	f->due = f->host->info.intx_follows && !f->irqs[PCG_IRQ_INTX].active;
	return f->due ? contract_read_command(f) : PCG_DONE;
}

static int intx_follow(struct pcg_function *f)
{
	uint32_t command = f->host_value & 0xffff & ~(uint32_t)PCG_COMMAND_INTX_OFF;

	if (!f->due)
		return PCG_DONE;
	return write16(f, PCG_COMMAND, command | (f->view.own.intx_off ? PCG_COMMAND_INTX_OFF : 0));
}

static const step_fn command_acts[] = { command_after, intx_judge, intx_follow, NULL };
static const step_fn intx_acts[] = { intx_judge, intx_follow, NULL };

static int bar_dirty(struct pcg_function *f)
{
	f->view.own.bars_dirty = true;
	return PCG_DONE;
}

static const step_fn bar_acts[] = { bar_dirty, NULL };

/* --- PMCSR --- */

static enum pcg_power asked_power(const struct pcg_function *f)
{
	return (enum pcg_power)(f->value >> 8 * (f->plan.at & 3) & PCG_PM_STATE);
}

static bool loses_registers(const struct pcg_function *f)
{
	return !f->host->info.keeps_registers &&
	       !(linux_get16(&f->view, f->plan.start + PCG_PM_CSR) & PCG_PM_NO_SOFT_RESET);
}

static int power_save(struct pcg_function *f)
{
	if (asked_power(f) != PCG_D3HOT || f->power == PCG_D3HOT || !loses_registers(f))
		return PCG_DONE;
	f->saved_d3 = true;
	return linux_save(f);
}

static int power_gate(struct pcg_function *f)
{
	return asked_power(f) == PCG_D3HOT ? linux_zap(f) : PCG_DONE;
}

static int power_change(struct pcg_function *f)
{
	linux_tell(f, PCG_DEED_POWER, asked_power(f));
	return linux_forgive(f, f->host->ops->power(f->host, asked_power(f), &f->op));
}

static int power_reached(struct pcg_function *f)
{
	f->due = f->forgiven == 0 && f->saved_d3 && asked_power(f) == PCG_D0;
	if (f->forgiven == 0)
		f->power = asked_power(f);
	return PCG_DONE;
}

static int power_restore(struct pcg_function *f)
{
	if (!f->due)
		return PCG_DONE;
	f->saved_d3 = false;
	return linux_restore(f);
}

static const step_fn power_acts[] = {
	power_gate,      contract_rewind, power_save,  power_change, power_reached,
	contract_rewind, power_restore,   linux_allow, NULL,
};

/* --- VPD --- */

#define VPD_FLAG 0x8000u

static int vpd_access(struct pcg_function *f)
{
	uint16_t address = linux_get16(&f->view, f->plan.start + 2u);
	unsigned int data = f->plan.start + 4u;
	bool write = address & VPD_FLAG;

	f->number = 0;
	if (write)
		f->number = linux_get16(&f->view, data) | (uint32_t)linux_get16(&f->view, data + 2) << 16;
	if (f->host->ops->vpd == NULL)
		return linux_forgive(f, -ENODEV);
	return linux_forgive(f, f->host->ops->vpd(f->host, write, address & 0x7fff, &f->number, &f->op));
}

static int vpd_done(struct pcg_function *f)
{
	uint16_t address = linux_get16(&f->view, f->plan.start + 2u);
	unsigned int data = f->plan.start + 4u;
	bool write = address & VPD_FLAG, failed = f->forgiven < 0;

	if (write)
		linux_tell(f, failed ? PCG_DEED_VPD_WRITE_FAILED : PCG_DEED_VPD_WRITE, address & 0x7fff);
	else
		linux_tell(f, failed ? PCG_DEED_VPD_READ_FAILED : PCG_DEED_VPD_READ, address);
	/* 7.1b.5: only a failure leaves the flag. */
	if (failed)
		return PCG_DONE;
	if (!write) {
		linux_put16(&f->view, data, (uint16_t)f->number);
		linux_put16(&f->view, data + 2, (uint16_t)(f->number >> 16));
	}
	linux_put16(&f->view, f->plan.start + 2u, address ^ VPD_FLAG);
	return PCG_DONE;
}

static const step_fn vpd_acts[] = { vpd_access, vpd_done, NULL };

/* --- MSI --- */

static int msi_flags(struct pcg_function *f)
{
	unsigned int at = f->plan.start + PCG_MSI_CONTROL;
	uint16_t flags = linux_msi_flags(&f->view, f->plan.start);

	if (at & 1)
		return -EINVAL;
	return reachable(f, at, 2) ? write16(f, at, flags) : PCG_DONE;
}

static int msi_follow(struct pcg_function *f)
{
	irqs_update(f);
	return PCG_DONE;
}

static const step_fn msi_acts[] = { msi_flags, msi_follow, NULL };

/* --- Express --- */

static uint16_t devctl(const struct pcg_function *f)
{
	return linux_get16(&f->view, f->plan.start + PCG_EXP_DEVCTL);
}

static int keep_readrq(struct pcg_function *f)
{
	f->number = devctl(f) & PCG_DEVCTL_MRRS;
	return PCG_DONE;
}

/* 7.1b.6: any write acts on the bit, also when it was set at open. */
static int flr_asked(struct pcg_function *f)
{
	unsigned int devcap = f->plan.start + PCG_EXP_DEVCAP;

	f->due = devctl(f) & PCG_DEVCTL_FLR;
	if (!f->due)
		return PCG_DONE;
	linux_put16(&f->view, f->plan.start + PCG_EXP_DEVCTL, devctl(f) & ~PCG_DEVCTL_FLR);
	f->due = reachable(f, devcap, 4);
	return f->due ? read_at(f, devcap, 4) : PCG_DONE;
}

static int flr_act(struct pcg_function *f)
{
	if (f->due && f->host_value & PCG_DEVCAP_FLR)
		order_push(f, linux_reset_steps);
	return PCG_DONE;
}

/* The floor is the payload size of the first Express capability, whichever was written (7.1b.8). */
static int readrq_read(struct pcg_function *f)
{
	f->due = (devctl(f) & PCG_DEVCTL_MRRS) != f->number;
	f->host_value = 0;
	if (!f->due || f->view.own.express == 0)
		return PCG_DONE;
	return read_at(f, f->view.own.express + PCG_EXP_DEVCTL, 2);
}

static int readrq_write(struct pcg_function *f)
{
	unsigned int field = (devctl(f) & PCG_DEVCTL_MRRS) >> 12, floor = (f->host_value & PCG_DEVCTL_MPS) >> 5;

	if (!f->due)
		return PCG_DONE;
	if (field < floor)
		field = floor;
	/* 7.1b.7: 8192 and more are passed on, and refused there. */
	linux_tell(f, field > 5 ? PCG_DEED_READRQ_FAILED : PCG_DEED_READRQ, 128u << field);
	if (field > 5 || f->view.own.express == 0)
		return PCG_DONE;
	return write16(f, f->view.own.express + PCG_EXP_DEVCTL,
		       (f->host_value & ~(uint32_t)PCG_DEVCTL_MRRS) | field << 12);
}

static const step_fn express_before[] = { keep_readrq, NULL };
static const step_fn express_acts[] = { flr_asked, flr_act, readrq_read, readrq_write, NULL };

/* --- Advanced Features --- */

static int af_asked(struct pcg_function *f)
{
	unsigned int control = f->plan.start + PCG_AF_CTRL, cap = f->plan.start + PCG_AF_CAP;
	uint8_t value = linux_get8(&f->view, control);

	f->due = value & PCG_AF_CTRL_FLR;
	if (!f->due)
		return PCG_DONE;
	linux_put8(&f->view, control, value & (uint8_t)~PCG_AF_CTRL_FLR);
	f->due = reachable(f, cap, 1);
	return f->due ? read_at(f, cap, 1) : PCG_DONE;
}

static int af_act(struct pcg_function *f)
{
	uint8_t cap = (uint8_t)(f->host_value >> 8 * ((f->plan.start + PCG_AF_CAP) & 3));

	if (f->due && cap & PCG_AF_CAP_FLR && cap & PCG_AF_CAP_TP)
		order_push(f, linux_reset_steps);
	return PCG_DONE;
}

static const step_fn af_acts[] = { af_asked, af_act, NULL };

/* --- all of them --- */

const step_fn *linux_before(enum linux_act act)
{
	if (act == LINUX_ACT_COMMAND)
		return command_before;
	return act == LINUX_ACT_EXPRESS ? express_before : NULL;
}

const step_fn *linux_after(enum linux_act act)
{
	static const step_fn nothing[] = { NULL };
	static const step_fn *const acts[] = {
		[LINUX_ACT_NONE] = nothing, [LINUX_ACT_COMMAND] = command_acts, [LINUX_ACT_INTX] = intx_acts,
		[LINUX_ACT_BAR] = bar_acts, [LINUX_ACT_POWER] = power_acts,     [LINUX_ACT_VPD] = vpd_acts,
		[LINUX_ACT_MSI] = msi_acts, [LINUX_ACT_EXPRESS] = express_acts, [LINUX_ACT_AF] = af_acts,
	};

	return acts[act];
}
