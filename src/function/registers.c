/* SPDX-License-Identifier: BSD-3-Clause */
#include "function/internal.h"
#include "pci/registers.h"

/*
 * Registers of the function that its guest writes. A reset leaves them at power-on values, but for those that PCIe 6.0,
 * 6.6.2 excepts; where the backend puts them back as they were, or has no reset, it is done here. At the end of a
 * client those go, too, that a reset leaves alone.
 */

/* Bits of a dword, and what is to stand in them. */
struct registers_aim {
	uint32_t bits;
	uint32_t value;
};

/* A write of the address starts an access, and what it last read is nobody's secret. */
static bool acts(const struct pcg_function *f, unsigned int at)
{
	const struct pcg_cap *cap = pcg_layout_at(&f->view.layout, (uint16_t)at);

	return cap != NULL && !cap->extended && cap->id == PCG_CAP_VPD;
}

/* What the tables know of one byte, where the guest's writes of it reach the function. */
static void add_byte(const struct pcg_function *f, unsigned int at, bool kept, struct registers_aim *aim)
{
	unsigned int shift = 8 * (at & 3u), back;
	struct pci_register_place place;
	uint32_t bits;

	if ((f->view.write_host[at / 4] >> shift & 0xff) == 0 || acts(f, at) ||
	    !pci_register_at(&place, &f->view.layout, f->opened, (uint16_t)at))
		return;
	back = 8 * (at - place.offset);
	bits = place.row->rw & (kept ? place.row->kept : ~place.row->kept);
	bits = (bits >> back & 0xff) << shift & f->view.write_host[at / 4];
	aim->bits |= bits;
	aim->value |= (place.row->reset >> back & 0xff) << shift & bits;
}

static void find_aim(const struct pcg_function *f, unsigned int dword, bool kept, struct registers_aim *aim)
{
	unsigned int i;

	*aim = (struct registers_aim){ 0 };
	if (f->view.write_host[dword] == 0)
		return;
	for (i = 0; i < 4; i++)
		add_byte(f, dword * 4 + i, kept, aim);
}

/* What the client could reach and a reset does not undo, as the function had it before there was a client. */
static void find_end(const struct pcg_function *f, unsigned int dword, struct registers_aim *aim)
{
	struct registers_aim others = { 0 };

	find_aim(f, dword, true, aim);
	/* Linux gives a function back as it got it. */
	if (f->view.chunked)
		find_aim(f, dword, false, &others);
	aim->bits |= others.bits;
	aim->value = pcg_get32(f->opened + dword * 4u) & aim->bits;
}

static void find(const struct pcg_function *f, unsigned int dword, bool end, struct registers_aim *aim)
{
	if (end)
		find_end(f, dword, aim);
	else
		find_aim(f, dword, false, aim);
}

static int begin(struct pcg_function *f)
{
	f->index = 0;
	f->due = false;
	return PCG_DONE;
}

/* A dword that was read is written, where it differs. Status bits beside it are not taken for ones to clear. */
static int put_dword(struct pcg_function *f, const struct registers_aim *aim)
{
	const struct pcg_view *v = &f->view;
	unsigned int dword = f->index++;
	uint32_t beside = f->host_value & ~(aim->bits | v->write_clear[dword] | v->as_zero[dword]);

	f->due = false;
	order_again(f);
	if (((f->host_value ^ aim->value) & aim->bits) == 0)
		return PCG_DONE;
	return f->host->ops->config_write(f->host, (uint16_t)dword, view_bytes(aim->bits), beside | aim->value, &f->op);
}

/* One dword after the other: read, written. */
static int put(struct pcg_function *f, bool end)
{
	struct registers_aim aim = { 0 };

	if (!f->view.mediated)
		return PCG_DONE;
	while (f->index < f->host->info.config_size / 4u) {
		find(f, f->index, end, &aim);
		if (aim.bits != 0)
			break;
		f->index++;
	}
	if (aim.bits == 0)
		return PCG_DONE;
	if (f->due)
		return put_dword(f, &aim);
	f->due = true;
	order_again(f);
	return f->host->ops->config_read(f->host, (uint16_t)f->index, view_bytes(aim.bits), &f->host_value, &f->op);
}

/* Linux' own reset is another; what it leaves is what its guests meet. */
static int put_reset(struct pcg_function *f)
{
	if (f->view.chunked || (f->host->info.can_reset && !f->host->info.restores))
		return PCG_DONE;
	return put(f, false);
}

static int put_opened(struct pcg_function *f)
{
	return put(f, true);
}

const step_fn registers_reset_steps[] = { begin, put_reset, NULL };
const step_fn registers_end_steps[] = { begin, put_opened, NULL };
