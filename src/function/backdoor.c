/* SPDX-License-Identifier: BSD-3-Clause */
#include <pcigate/log.h>

#include "function/internal.h"

/*
 * A function can lose what it holds behind our back: a reset through the host, through another function of its
 * slot, by itself. It shows at the next write of COMMAND: an enable bit that was on reads off, or a BAR does not hold
 * what it held when the function was opened. Only bits that the function has count, so that one that is not there
 * (memory of a VF, I/O of a function without) is never taken for one that was lost.
 */

static uint32_t has(const struct pcg_function *f)
{
	return (f->view.memory_bit ? PCG_COMMAND_MEMORY : 0) | (f->view.io_bit ? PCG_COMMAND_IO : 0);
}

/* Enable bits that the guest has had on, keeps on, and the function has: it must have them on as well. */
static uint32_t expected(const struct pcg_function *f)
{
	return f->write.before & f->write.after & has(f);
}

bool backdoor_concerns(const struct pcg_function *f)
{
	const struct pcg_view_write *w = &f->write;

	return w->effects & PCG_EFFECT_COMMAND && f->be & 1 && !f->host->info.is_vf && f->power == PCG_D0 &&
	       w->after & (PCG_COMMAND_MEMORY | PCG_COMMAND_IO);
}

/* BARs that the host has placed. A VF's read 0, and its addresses are its PF's. */
static bool is_placed(const struct pcg_function *f, unsigned int bar)
{
	return f->host->info.bars[bar].kind != PCG_BAR_NONE && pcg_get32(f->opened + PCG_BAR0 + 4 * bar) != 0;
}

/* What the write read before, in its own byte: the function's enable bits. */
static int look_at_command(struct pcg_function *f)
{
	f->due = f->silent || (expected(f) & ~f->host_value) != 0;
	return PCG_DONE;
}

/* Ones in the lower byte may be a function of long ago; ones in all of the dword are nobody's (PCIe 6.0, 7.5.1.1.3). */
static bool looks_silent(const struct pcg_function *f)
{
	return (f->host_value & 0xffu) == 0xffu;
}

static int look_closer(struct pcg_function *f)
{
	f->number = looks_silent(f);
	return f->number ? f->host->ops->config_read(f->host, PCG_COMMAND / 4, 0xf, &f->host_value, &f->op) : PCG_DONE;
}

/*
 * What the guest writes counts for the guest, and is not mixed with ones that are nobody's. When the function answers
 * again it is put right by the next write.
 */
static int leave_alone(struct pcg_function *f)
{
	static const step_fn nothing[] = { NULL };
	bool silent = f->number != 0 && f->host_value == UINT32_MAX;

	f->number = PCG_NUM_BARS;
	if (silent) {
		if (!f->silent) {
			pcg_say(&f->log, PCG_ERROR, PCG_COMMAND, f->host_value,
				"the function does not answer: it is gone, or its configuration space is; its client "
				"is asked to give it back");
			irqs_raise(f, PCG_IRQ_REQ, 0, true);
		}
		f->steps = nothing;
	}
	f->silent = silent;
	return PCG_DONE;
}

static int look_at_bars(struct pcg_function *f)
{
	/* All ones is a function that is gone: there is nothing to mend. */
	if (f->number < PCG_NUM_BARS && f->host_value != UINT32_MAX &&
	    f->host_value != pcg_get32(f->opened + PCG_BAR0 + 4 * f->number))
		f->due = true;
	while (f->index < PCG_NUM_BARS && !is_placed(f, f->index))
		f->index++;
	if (f->due || f->index == PCG_NUM_BARS)
		return PCG_DONE;
	f->number = f->index++;
	order_again(f);
	return f->host->ops->config_read(f->host, (uint16_t)(PCG_BAR0 / 4 + f->number), 0xf, &f->host_value, &f->op);
}

static int mend(struct pcg_function *f)
{
	if (f->due) {
		pcg_say(&f->log, PCG_WARN, PCG_COMMAND, f->host_value,
			"the function was reset from elsewhere: its addresses and payload size are put back");
		order_push(f, contract_mend_steps);
	}
	return PCG_DONE;
}

/* What the guest has in COMMAND's upper byte was lost with the rest, and a write of the lower does not bring it back.
 */
static bool lacks_upper(const struct pcg_function *f)
{
	return f->due && !(f->be & 2);
}

static int read_upper(struct pcg_function *f)
{
	return lacks_upper(f) ? f->host->ops->config_read(f->host, PCG_COMMAND / 4, 2, &f->host_value, &f->op)
			      : PCG_DONE;
}

static int add_upper(struct pcg_function *f)
{
	uint32_t ours = f->view.write_host[PCG_COMMAND / 4];
	uint32_t upper = (f->host_value & ~ours) | (f->write.after & ours);

	if (!lacks_upper(f))
		return PCG_DONE;
	f->write.host_be |= 2;
	f->write.host = (f->write.host & ~0xff00u) | (upper & 0xff00u);
	return PCG_DONE;
}

/* The write itself, as it goes with nothing amiss. */
static int go_on(struct pcg_function *f)
{
	order_push(f, contract_for_command(f));
	return PCG_DONE;
}

const step_fn backdoor_steps[] = {
	look_at_command, look_closer, leave_alone, contract_rewind, look_at_bars, mend, read_upper,
	add_upper,       go_on,       NULL,
};

/*
 * Whether the function has an enable bit can be unknown to all who could say: a VF that a lower hypervisor hands over
 * does not look like one. The bit tells when it is first turned on: one that still reads 0 then is not there.
 */
int backdoor_probe(struct pcg_function *f)
{
	f->number = f->write.after & has(f) & ~f->probed;
	if (f->number == 0)
		return PCG_DONE;
	return f->host->ops->config_read(f->host, PCG_COMMAND / 4, 1, &f->host_value, &f->op);
}

int backdoor_learn(struct pcg_function *f)
{
	uint32_t absent = f->number & ~f->host_value;

	f->probed |= f->number;
	if (absent != 0)
		pcg_say(&f->log, PCG_INFO, PCG_COMMAND, absent,
			"the function has no such enable bit: it is virtual from now on");
	if (absent & PCG_COMMAND_MEMORY)
		f->view.memory_bit = false;
	if (absent & PCG_COMMAND_IO)
		f->view.io_bit = false;
	return PCG_DONE;
}
