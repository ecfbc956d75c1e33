/* SPDX-License-Identifier: BSD-3-Clause */
#include "pci/registers.h"
#include "view/compile.h"

/*
 * What a VF does not have: PCIe 6.0, 9.3.4 and 9.3.5 hardwire to zero, or reserve, what its PF decides for all of its
 * VFs. The tables of registers know which bits those are.
 */
static const struct rule of_the_pf = {
	.read = ZERO,
	.write = DROPPED,
	.why = "not of a VF 9.3.4, 9.3.5: its PF's registers decide",
};

/*
 * What the guest keeps all the same, since it reaches no function: memory enable gates what we let through, and the
 * sizes of payload and request are those of the port that the guest believes in.
 */
static uint32_t kept_virtual(const struct pcg_cap *cap, unsigned int at)
{
	if (cap == NULL)
		return at == PCG_COMMAND ? PCG_COMMAND_MEMORY : 0;
	return !cap->extended && cap->id == PCG_CAP_EXP && at == PCG_EXP_DEVCTL ? PCG_DEVCTL_MPS | PCG_DEVCTL_MRRS : 0;
}

static int decide_register(struct compiler *c, unsigned int at, uint32_t bits, unsigned int end)
{
	unsigned int dword = at / 4;

	bits = bits << (at & 3u) * 8 & compile_span(dword, at, end);
	if (bits == 0)
		return 0;
	c->not_rows[dword] |= bits;
	return compile_decide(c, dword, bits, &of_the_pf, 0);
}

int vf_decide(struct compiler *c, const struct pcg_cap *cap)
{
	struct pci_register_place place = { .base = cap != NULL ? cap->offset : 0 };
	unsigned int size = c->info->config_size, end = PCG_HEADER_END, i, n;
	int ret = 0;

	if (!c->info->is_vf)
		return 0;
	if (cap != NULL)
		end = cap->offset + (unsigned int)cap->length;
	place.registers = cap != NULL ? pci_cap_registers(cap, c->config, size)
				      : pci_header_registers(pcg_layout_find(&c->view->layout, PCG_CAP_EXP) != NULL);
	for (i = 0; place.registers != NULL && i < place.registers->nrows; i++) {
		const struct pci_register *row = place.row = &place.registers->rows[i];
		uint32_t bits = row->not_vf & ~kept_virtual(cap, row->offset);

		if (bits == 0)
			continue;
		for (n = pci_register_count(&place, c->config, size); ret == 0 && n-- > 0;)
			ret = decide_register(c, place.base + row->offset + n * row->stride, bits, end);
	}
	return ret;
}
