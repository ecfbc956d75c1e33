/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "function/internal.h"
#include "policy/rule.h"

/*
 * The safety contract: in which order things happen when a guest turns memory on or off, changes the power state,
 * resets the function, or goes away. Each sequence is a table; docs/architecture.md has the reasons.
 */

/* --- single steps --- */

int contract_revoke(struct pcg_function *f)
{
	return f->host->ops->revoke != NULL ? f->host->ops->revoke(f->host, &f->op) : PCG_DONE;
}

static int mappings_allow(struct pcg_function *f)
{
	if (f->host->ops->allow == NULL || f->power != PCG_D0 || !pcg_view_memory_on(&f->view))
		return PCG_DONE;
	return f->host->ops->allow(f->host, &f->op);
}

static int irqs_quiet(struct pcg_function *f)
{
	irqs_reset(f);
	return PCG_DONE;
}

/* Told to the function itself: the view's bit follows with the reset. */
int contract_read_command(struct pcg_function *f)
{
	return f->host->ops->config_read(f->host, PCG_COMMAND / 4, 3, &f->host_value, &f->op);
}

/* PCIe 6.0, 7.5.1.1.3: COMMAND's upper bits are reserved; ones there are what nobody answered. */
static bool answered(const struct pcg_function *f)
{
	return (f->host_value & 0xffffu) != 0xffffu;
}

/* Ones that nobody answered are not written into a function that may be back by then. */
int contract_master_off(struct pcg_function *f)
{
	f->silent = !answered(f);
	if (f->silent || !(f->host_value & PCG_COMMAND_MASTER))
		return PCG_DONE;
	return f->host->ops->config_write(f->host, PCG_COMMAND / 4, 3, f->host_value & ~(uint32_t)PCG_COMMAND_MASTER,
					  &f->op);
}

int contract_detach(struct pcg_function *f)
{
	return f->host->ops->dma != NULL ? f->host->ops->dma(f->host, NULL, &f->op) : PCG_DONE;
}

int contract_attach(struct pcg_function *f)
{
	if (f->host->ops->dma == NULL || f->dma == NULL)
		return PCG_DONE;
	return f->host->ops->dma(f->host, f->dma, &f->op);
}

static int host_reset(struct pcg_function *f)
{
	return f->host->info.can_reset ? f->host->ops->reset(f->host, &f->op) : PCG_DONE;
}

/* One that gave no answer before may give one now. */
static int look_again(struct pcg_function *f)
{
	return f->silent ? contract_read_command(f) : PCG_DONE;
}

static int has_answered(struct pcg_function *f)
{
	if (!f->silent)
		return PCG_DONE;
	f->silent = !answered(f);
	if (!f->silent)
		return PCG_DONE;
	pcg_say(&f->log, PCG_ERROR, PCG_COMMAND, f->host_value,
		"the function does not answer, and did not before its reset: it reaches nothing, and nobody reaches it, "
		"until it answers and is reset again");
	return -ENODEV;
}

static int registers_reset(struct pcg_function *f)
{
	order_push(f, registers_reset_steps);
	return PCG_DONE;
}

/*
 * The first client meets the registers as every later one does, not as the host has set them up. What has a reset of
 * its own shows its power-on values by that, and a record is shown as it was taken.
 */
static int registers_open(struct pcg_function *f)
{
	return f->host->info.restores ? registers_reset(f) : PCG_DONE;
}

static int registers_end(struct pcg_function *f)
{
	order_push(f, registers_end_steps);
	return PCG_DONE;
}

static int power_on(struct pcg_function *f)
{
	pcg_view_reset(&f->view);
	irqs_power_on(f);
	f->power = PCG_D0;
	return PCG_DONE;
}

static int host_power(struct pcg_function *f)
{
	return f->host->ops->power(f->host, f->write.power, &f->op);
}

static int power_reached(struct pcg_function *f)
{
	f->power = f->write.power;
	return PCG_DONE;
}

static int host_power_up(struct pcg_function *f)
{
	return linux_forgive(f, host_power(f));
}

/* The guest drives what sleeps: nothing that it reads would be true. */
static int has_woken(struct pcg_function *f)
{
	int ret = f->forgiven;

	if (ret == 0)
		return PCG_DONE;
	pcg_say(&f->log, PCG_ERROR, f->view.pm + PCG_PM_CSR, f->write.power,
		"the function does not come back to D0: it is in quarantine until the next client comes");
	pcg_function_quarantine(f);
	return ret;
}

static int irqs_follow(struct pcg_function *f)
{
	irqs_update(f);
	return PCG_DONE;
}

/*
 * After a reset the function has forgotten what the host had set up and no guest may change: where its BARs are,
 * and the payload size of the path, with a request size that is not below it.
 */
static const uint16_t host_registers[] = { PCG_BAR0,      PCG_BAR0 + 4,  PCG_BAR0 + 8, PCG_BAR0 + 12,
					   PCG_BAR0 + 16, PCG_BAR0 + 20, PCG_ROM };
#define NUM_HOST_REGISTERS (sizeof(host_registers) / sizeof(host_registers[0]))

static int restore_addresses(struct pcg_function *f)
{
	unsigned int at;
	int ret;

	if (!f->view.mediated || f->index == NUM_HOST_REGISTERS)
		return PCG_DONE;
	at = host_registers[f->index++];
	ret = f->host->ops->config_write(f->host, (uint16_t)(at / 4), 0xf, pcg_get32(f->opened + at), &f->op);
	order_again(f);
	return ret;
}

/* An Express capability that another one cuts short before its device control has none. */
static bool has_devctl(const struct pcg_function *f)
{
	return f->view.express != 0 && f->view.hook[(f->view.express + PCG_EXP_DEVCTL) / 4] == ON_DEVCTL;
}

static int read_devctl(struct pcg_function *f)
{
	f->host_value = 0;
	if (!has_devctl(f))
		return PCG_DONE;
	return f->host->ops->config_read(f->host, (uint16_t)((f->view.express + PCG_EXP_DEVCTL) / 4), 3, &f->host_value,
					 &f->op);
}

/* A request size of the guest's that a reset from elsewhere has undone counts again; its own reset ended it. */
static unsigned int request_size(const struct pcg_function *f)
{
	unsigned int guest = (view_get16(&f->view, f->view.express + PCG_EXP_DEVCTL) & PCG_DEVCTL_MRRS) >> 12;

	return policy_mrrs(guest, (uint16_t)f->host_value);
}

/* What the guest reads as it wrote it, the function is to hold again, too. */
static int restore_payload(struct pcg_function *f)
{
	unsigned int mps, mrrs, dword = (f->view.express + PCG_EXP_DEVCTL) / 4;
	uint32_t devctl, both = f->view.write_shadow[dword] & f->view.write_host[dword] & 0xffffu;

	if (!has_devctl(f))
		return PCG_DONE;
	mps = (pcg_get16(f->opened + f->view.express + PCG_EXP_DEVCTL) & PCG_DEVCTL_MPS) >> 5;
	mrrs = request_size(f);
	devctl = f->host_value & 0xffffu & ~(uint32_t)(PCG_DEVCTL_MPS | PCG_DEVCTL_MRRS);
	devctl |= mps << 5 | (mrrs > mps ? mrrs : mps) << 12;
	devctl = (devctl & ~both) | (f->view.shadow[dword] & both);
	return f->host->ops->config_write(f->host, (uint16_t)dword, 3, devctl, &f->op);
}

/*
 * A function without No_Soft_Reset loses its registers on the way back from D3hot. Those that the guest has set in
 * it are read before and written after.
 */
static bool is_guests(const struct pcg_function *f, unsigned int dword)
{
	if (dword == PCG_COMMAND / 4)
		return true;
	if (dword < PCG_HEADER_END / 4)
		return dword == PCG_CACHE_LINE / 4 && f->view.write_host[dword] != 0;
	if (!f->view.chunked && (f->view.write_shadow[dword] & f->view.write_host[dword]) != 0)
		return true;
	return f->view.hook[dword] != 0 && f->view.write_host[dword] != 0;
}

static bool keeps_registers(const struct pcg_function *f)
{
	return view_get(&f->view, f->view.pm + PCG_PM_CSR) & PCG_PM_NO_SOFT_RESET;
}

static int save_registers(struct pcg_function *f)
{
	int ret;

	if (keeps_registers(f))
		return PCG_DONE;
	while (f->index < PCG_CONFIG_DWORDS && !is_guests(f, f->index))
		f->index++;
	if (f->index == PCG_CONFIG_DWORDS)
		return PCG_DONE;
	ret = f->host->ops->config_read(f->host, (uint16_t)f->index, 0xf, &f->saved[f->index], &f->op);
	f->index++;
	order_again(f);
	return ret;
}

/* What was kept when the power went, and of that as the guest reads it whatever it has written since. */
static uint32_t kept_value(const struct pcg_function *f, unsigned int dword)
{
	const struct pcg_view *v = &f->view;
	uint32_t value = f->saved[dword] & ~(v->write_clear[dword] | v->as_zero[dword]);
	uint32_t both = v->write_shadow[dword] & v->write_host[dword];

	value = (value & ~both) | (v->shadow[dword] & both);
	if (v->express != 0 && dword == (v->express + PCG_EXP_DEVCTL) / 4u) {
		unsigned int guest = (v->shadow[dword] & PCG_DEVCTL_MRRS) >> 12;

		value = (value & ~(uint32_t)PCG_DEVCTL_MRRS) | policy_mrrs(guest, (uint16_t)value) << 12;
	}
	return value;
}

/* Only what comes from D3hot has lost anything. */
static int restore_registers(struct pcg_function *f)
{
	uint32_t value;
	int ret;

	if (f->power != PCG_D3HOT || keeps_registers(f))
		return PCG_DONE;
	while (f->index < PCG_CONFIG_DWORDS && !is_guests(f, f->index))
		f->index++;
	if (f->index == PCG_CONFIG_DWORDS)
		return PCG_DONE;
	value = kept_value(f, f->index);
	ret = f->host->ops->config_write(f->host, (uint16_t)f->index, 0xf, value, &f->op);
	f->index++;
	order_again(f);
	return ret;
}

int contract_rewind(struct pcg_function *f)
{
	f->index = 0;
	return PCG_DONE;
}

/* --- the sequences --- */

static const step_fn plain_write[] = { config_host_write, irqs_follow, NULL };

/* memory enable 0→1: hardware first, then mappings become valid */
static const step_fn memory_on[] = {
	config_host_write, backdoor_probe, backdoor_learn, mappings_allow, irqs_follow, NULL,
};

/* COMMAND's other bits */
static const step_fn command_write[] = { config_host_write, backdoor_probe, backdoor_learn, irqs_follow, NULL };

/* memory enable 1→0: mappings revoked first, then hardware */
static const step_fn memory_off[] = { contract_revoke, config_host_write, irqs_follow, NULL };

/* D0→D1, D2, D3hot: mappings revoked first, then hardware */
static const step_fn power_down[] = {
	contract_revoke, contract_rewind, save_registers, config_host_write, power_reached, host_power, NULL,
};

/* →D0: hardware first, then state restored, then mappings */
static const step_fn power_up[] = {
	host_power_up,
	has_woken,
	contract_rewind,
	restore_registers,
	contract_rewind,
	restore_addresses,
	config_host_write,
	power_reached,
	pasid_again,
	mappings_allow,
	NULL,
};

/*
 * reset: interrupts quiet, bus master off, DMA detached, mappings revoked, reset; then the virtual view returns to
 * power-on values, and what the client still holds is rebuilt
 */
const step_fn reset_steps[] = {
	irqs_quiet,          contract_read_command,
	contract_master_off, pasid_off,
	contract_detach,     contract_revoke,
	host_reset,          look_again,
	has_answered,        power_on,
	registers_reset,     rebar_begin,
	rebar_again,         rebar_take,
	contract_rewind,     restore_addresses,
	read_devctl,         restore_payload,
	contract_attach,     mappings_allow,
	irqs_follow,         NULL,
};

/* a reset from elsewhere: mappings revoked first, then hardware; they come back with the write that found it */
const step_fn contract_mend_steps[] = {
	contract_revoke,   rebar_begin, rebar_again,     rebar_take,  contract_rewind,
	restore_addresses, read_devctl, restore_payload, pasid_again, NULL,
};

const step_fn *contract_for_command(struct pcg_function *f)
{
	uint32_t changed = f->write.before ^ f->write.after;

	if (changed & PCG_COMMAND_MEMORY)
		return f->write.after & PCG_COMMAND_MEMORY ? memory_on : memory_off;
	return f->due ? memory_on : command_write;
}

const step_fn *contract_for_write(struct pcg_function *f)
{
	const struct pcg_view_write *w = &f->write;

	if (w->effects & PCG_EFFECT_FLR)
		return reset_steps;
	if (w->effects & PCG_EFFECT_POWER)
		return w->power == PCG_D0 ? power_up : power_down;
	if (w->effects & PCG_EFFECT_PASID)
		return pasid_write_steps;
	if (w->effects & PCG_EFFECT_RESIZE)
		return rebar_write_steps;
	if (backdoor_concerns(f))
		return backdoor_steps;
	f->due = false;
	return w->effects & PCG_EFFECT_COMMAND ? contract_for_command(f) : plain_write;
}

/* --- opening and closing --- */

static int snapshot(struct pcg_function *f)
{
	int ret;

	if (f->index > 0)
		pcg_put32(f->opened + (f->index - 1) * 4, f->host_value);
	if (f->index * 4 == f->host->info.config_size)
		return PCG_DONE;
	ret = f->host->ops->config_read(f->host, (uint16_t)f->index, 0xf, &f->host_value, &f->op);
	f->index++;
	order_again(f);
	return ret;
}

int contract_compile(struct pcg_function *f)
{
	int ret = pcg_view_init(&f->view, &f->host->info, f->opened, &f->options, &f->log);

	if (ret < 0)
		return ret;
	f->probed = 0;
	memory_init(f);
	rebar_init(f);
	msix_fresh(f);
	irqs_power_on(f);
	f->open = true;
	f->reach = f->host->info.config_size;
	return PCG_DONE;
}

/* --- how regions map --- */

/* What a quirk says of the device, for clients that do not ask. */
static int combine(struct pcg_function *f)
{
	const char *why;
	unsigned int bar;

	while (f->index < PCG_NUM_BARS) {
		bar = f->index++;
		if (!(f->view.combine & 1u << bar) || f->regions[bar].memory == PCG_MEMORY_WRITE_COMBINING ||
		    f->host->ops->memory == NULL || pcg_function_memory(f, bar, PCG_MEMORY_WRITE_COMBINING, &why) < 0)
			continue;
		order_again(f);
		return f->host->ops->memory(f->host, bar, PCG_MEMORY_WRITE_COMBINING, &f->op);
	}
	return PCG_DONE;
}

static int memory_kind(struct pcg_function *f)
{
	f->altered = true;
	return f->host->ops->memory(f->host, f->request->region, f->request->memory, &f->op);
}

static int memory_kind_done(struct pcg_function *f)
{
	memory_init(f);
	return PCG_DONE;
}

const step_fn memory_kind_steps[] = { memory_kind, registers_reset, memory_kind_done, NULL };
static const step_fn combine_steps[] = { combine, registers_reset, memory_kind_done, NULL };

static int combine_all(struct pcg_function *f)
{
	if (f->view.combine != 0)
		order_push(f, combine_steps);
	return PCG_DONE;
}

const step_fn open_steps[] = { snapshot, contract_compile, combine_all, registers_open, NULL };

/* Nothing that this client wrote is there for the next one, sticky or not. */
static int forget(struct pcg_function *f)
{
	pcg_view_power_on(&f->view);
	pcg_view_msix(&f->view, 0);
	pasid_forget(f);
	f->told = false;
	return PCG_DONE;
}

/* What this client keeps must not reach the next one. */
static int release(struct pcg_function *f)
{
	if (!(f->lent || f->altered || f->host->info.lends_function) || f->host->ops->release == NULL)
		return PCG_DONE;
	return f->host->ops->release(f->host, &f->op);
}

static int regions_anew(struct pcg_function *f)
{
	if (f->lent || f->altered)
		memory_init(f);
	f->lent = false;
	f->altered = false;
	return PCG_DONE;
}

static int end_quarantine(struct pcg_function *f)
{
	f->quarantined = false;
	f->reach = f->host->info.config_size;
	return PCG_DONE;
}

static int reset_all(struct pcg_function *f)
{
	order_push(f, reset_steps);
	return PCG_DONE;
}

/*
 * What the backend translates goes before the reset: should that fail, the memory of a client that is gone is not held
 * any longer. Nor is it because registers do not answer any more.
 */
static int drop_read_command(struct pcg_function *f)
{
	return linux_forgive(f, contract_read_command(f));
}

static int drop_master_off(struct pcg_function *f)
{
	return f->forgiven < 0 ? PCG_DONE : linux_forgive(f, contract_master_off(f));
}

static int dma_drop(struct pcg_function *f)
{
	return f->host->ops->dma_unmap(f->host, NULL, &f->op);
}

static const step_fn dma_drop_steps[] = {
	irqs_quiet, drop_read_command, drop_master_off, pasid_off, contract_detach, dma_drop, NULL,
};

static int drop_all(struct pcg_function *f)
{
	if (f->host->ops->dma_unmap != NULL)
		order_push(f, dma_drop_steps);
	return PCG_DONE;
}

const step_fn close_steps[] = {
	drop_all, reset_all, registers_end, rebar_begin, rebar_back,     rebar_take,
	forget,   release,   regions_anew,  combine_all, end_quarantine, NULL,
};

/* What the client has mapped is in use still: that it goes is seen to when it is not. */
const step_fn leave_steps[] = {
	drop_all, reset_all, registers_end, rebar_begin, rebar_back, rebar_take, forget, end_quarantine, NULL,
};

/* --- the client's memory --- */

static int dma_map(struct pcg_function *f)
{
	return f->host->ops->dma_map(f->host, f->request->range, &f->op);
}

static int dma_unmap(struct pcg_function *f)
{
	return f->host->ops->dma_unmap(f->host, f->request->range, &f->op);
}

const step_fn dma_map_steps[] = { dma_map, NULL };
const step_fn dma_unmap_steps[] = { dma_unmap, NULL };
