/* SPDX-License-Identifier: BSD-3-Clause */
/* A PF's SR-IOV capability, and the VFs that it makes and takes away. */
#include <errno.h>
#include <stdlib.h>

#include "host/fabric/internal.h"

/* The capability's registers (PCIe 6.0, 9.3.3), but for SRIOV_CONTROL. */
enum {
	SRIOV_CAPABILITIES = 0x04,
	SRIOV_INITIAL_VFS = 0x0c,
	SRIOV_TOTAL_VFS = 0x0e,
	SRIOV_NUM_VFS = 0x10,
	SRIOV_VF_OFFSET = 0x14,
	SRIOV_VF_STRIDE = 0x16,
	SRIOV_VF_DEVICE = 0x1a,
	SRIOV_SUPPORTED_PAGES = 0x1c,
	SRIOV_SYSTEM_PAGE = 0x20,
	SRIOV_BAR0 = 0x24,
};

enum {
	CONTROL_VF_ENABLE = 0x0001, /* 9.3.3.3.1 */
	CONTROL_VF_MEMORY = 0x0008, /* 9.3.3.3.4 */
	CONTROL_ARI = 0x0010,       /* 9.3.3.3.5 */
	CAPABILITY_ARI_KEPT = 0x02, /* 9.3.3.2.2 */
};

/* 9.3.3.12: 4, 8, 64 and 256 KiB, 1 and 4 MiB have to be there. */
#define PAGES_SUPPORTED 0x00000553u
#define PAGE_4K         0x00000001u

/**
 * struct fabric_sriov - what a PF's VFs are made of
 * @page: the System Page Size register as it counts
 * @vfs: every VF that was on the bus once: whoever holds one keeps it while it is gone. Of them PF.nvirtuals are there
 */
struct fabric_sriov {
	struct fabric_sriov_options options;
	uint32_t page;
	struct fabric_function *vfs[];
};

void fabric_sriov_build(uint8_t *config, uint16_t at, const struct fabric_sriov_options *options)
{
	uint8_t *c = config + at;

	pcg_put32(c, PCG_ECAP_SRIOV | 1u << 16 | (pcg_get32(c) & 0xfff00000u));
	pcg_put32(c + SRIOV_CAPABILITIES, CAPABILITY_ARI_KEPT);
	pcg_put16(c + SRIOV_INITIAL_VFS, options->total);
	pcg_put16(c + SRIOV_TOTAL_VFS, options->total);
	pcg_put16(c + SRIOV_VF_OFFSET, options->offset);
	pcg_put16(c + SRIOV_VF_STRIDE, options->stride);
	pcg_put16(c + SRIOV_VF_DEVICE, options->device);
	pcg_put32(c + SRIOV_SUPPORTED_PAGES, PAGES_SUPPORTED);
	pcg_put32(c + SRIOV_SYSTEM_PAGE, PAGE_4K);
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		if (options->bars[i].kind == PCG_BAR_MEM32 || options->bars[i].kind == PCG_BAR_MEM64)
			pcg_put32(c + SRIOV_BAR0 + 4 * (size_t)i, pcg_bar_low(&options->bars[i]));
}

static uint32_t sriov_get(const struct fabric_function *pf, unsigned int reg, unsigned int width)
{
	return model_get(&pf->model, (uint16_t)(pf->at.sriov + reg), width);
}

/* 9.3.3.14: what each VF has of a BAR starts on a system page. */
static uint64_t slice(const struct fabric_sriov *sriov, unsigned int bar)
{
	uint64_t page = (uint64_t)sriov->page << 12;

	return sriov->options.bars[bar].size < page ? page : sriov->options.bars[bar].size;
}

static bool decodes(const struct fabric_sriov *sriov, unsigned int bar)
{
	const struct pcg_bar *b = &sriov->options.bars[bar];

	return b->size != 0 && (b->kind == PCG_BAR_MEM32 || b->kind == PCG_BAR_MEM64);
}

/* What is written to the registers is kept as far as the sizes of now allow. */
static void set_bar_masks(struct fabric_function *pf)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		unsigned int dword = (pf->at.sriov + SRIOV_BAR0) / 4u + i;
		struct pcg_bar bar = pf->sriov->options.bars[i];
		uint64_t mask;

		if (!decodes(pf->sriov, i))
			continue;
		bar.size = slice(pf->sriov, i);
		mask = pcg_bar_mask(&bar);
		pf->model.rw[dword] = (uint32_t)mask;
		pf->model.value[dword] = (pf->model.value[dword] & (uint32_t)mask) | pcg_bar_low(&bar);
		if (bar.kind != PCG_BAR_MEM64)
			continue;
		pf->model.rw[dword + 1] = (uint32_t)(mask >> 32);
		pf->model.value[dword + 1] &= (uint32_t)(mask >> 32);
	}
}

/*
 * Without ARI a device number is 0 on the bus that the port leads to, so VFs stand on the buses after it, where all of
 * device and function number are theirs (9.2.1.2).
 */
static void set_offset(struct fabric_function *pf)
{
	uint16_t offset = pf->sriov->options.offset;

	if (!(sriov_get(pf, SRIOV_CONTROL, 2) & CONTROL_ARI) && offset < 256)
		offset = 256;
	model_set(&pf->model, (uint16_t)(pf->at.sriov + SRIOV_VF_OFFSET), 2, UINT16_MAX, offset);
}

/* 9.3.3.3.5, 9.3.3.7, 9.3.3.13: what decides where VFs stand cannot be changed while they are there. */
static void set_locks(struct fabric_function *pf, bool locked)
{
	uint32_t *rw = &pf->model.rw[pf->at.sriov / 4];

	rw[SRIOV_CONTROL / 4] &= ~(uint32_t)CONTROL_ARI;
	rw[SRIOV_CONTROL / 4] |= locked ? 0 : CONTROL_ARI;
	rw[SRIOV_NUM_VFS / 4] &= ~(uint32_t)UINT16_MAX;
	rw[SRIOV_NUM_VFS / 4] |= locked ? 0 : UINT16_MAX;
	rw[SRIOV_SYSTEM_PAGE / 4] = locked ? 0 : UINT32_MAX;
}

/* A reset takes them, and the model knows only of registers that can be written when it is made. */
static void add_lost(struct model *model, uint16_t dword)
{
	for (unsigned int i = 0; i < model->nlost; i++)
		if (model->lost[i] == dword)
			return;
	if (model->nlost < PCG_CONFIG_DWORDS)
		model->lost[model->nlost++] = dword;
}

int fabric_sriov_init(struct fabric_function *pf, const struct fabric_sriov_options *options)
{
	struct fabric_sriov *sriov;

	if (pf->at.sriov == 0 || pf->sriov != NULL || options->total == 0 || options->stride == 0 ||
	    pcg_bars_check(options->bars) != 0 || (uint32_t)options->total * options->stride > UINT16_MAX)
		return -EINVAL;
	sriov = calloc(1, sizeof(*sriov) + options->total * sizeof(sriov->vfs[0]));
	if (sriov == NULL)
		return -ENOMEM;
	sriov->options = *options;
	sriov->page = PAGE_4K;
	pf->sriov = sriov;
	pf->virtuals = sriov->vfs;
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		add_lost(&pf->model, (uint16_t)((pf->at.sriov + SRIOV_BAR0) / 4u + i));
	set_bar_masks(pf);
	set_offset(pf);
	return 0;
}

void fabric_sriov_finish(struct fabric_function *pf)
{
	struct fabric_sriov *sriov = pf->sriov;

	if (sriov == NULL)
		return;
	fabric_sriov_reset(pf);
	for (unsigned int n = 0; n < sriov->options.total; n++)
		if (sriov->vfs[n] != NULL)
			fabric_function_destroy(sriov->vfs[n]);
	pf->sriov = NULL;
	pf->virtuals = NULL;
	free(sriov);
}

void fabric_sriov_forget(struct fabric_function *vf)
{
	struct fabric_sriov *sriov = vf->physical != NULL ? vf->physical->sriov : NULL;

	if (sriov == NULL || vf->number >= sriov->options.total || sriov->vfs[vf->number] != vf)
		return;
	sriov->vfs[vf->number] = NULL;
	/* Those behind it would stand at its place. */
	if (vf->number < vf->physical->nvirtuals)
		vf->physical->nvirtuals = vf->number;
}

struct fabric_function *fabric_sriov_made(const struct fabric_function *pf, unsigned int number)
{
	return pf->sriov != NULL && number < pf->sriov->options.total ? pf->sriov->vfs[number] : NULL;
}

/* --- VFs come and go --- */

/* Where it stands: it is found there by its PF, and only while it is one of nvirtuals. */
static void put(struct fabric_function *pf, struct fabric_function *vf)
{
	vf->bus = pf->bus;
	vf->devfn = (uint16_t)(pf->devfn + sriov_get(pf, SRIOV_VF_OFFSET, 2) +
			       vf->number * sriov_get(pf, SRIOV_VF_STRIDE, 2));
}

static int make(struct fabric_function *pf, unsigned int number, struct fabric_function **made)
{
	struct fabric_function *vf = NULL;
	int r = pf->ops->virtual_function != NULL ? pf->ops->virtual_function(pf, number, &vf) : -ENOSYS;

	if (r != 0)
		return r;
	vf->physical = pf;
	vf->number = (uint16_t)number;
	put(pf, vf);
	*made = vf;
	return 0;
}

static void tell(struct fabric_function *vf)
{
	if (vf->ops->alive != NULL)
		vf->ops->alive(vf);
}

/* Routing ids end with bus 255: what would be past it is nowhere. */
static unsigned int reachable(const struct fabric_function *pf, unsigned int count)
{
	uint32_t first = (uint32_t)fabric_bdf(pf) + sriov_get(pf, SRIOV_VF_OFFSET, 2);
	uint32_t room = first > UINT16_MAX ? 0 : (UINT16_MAX - first) / sriov_get(pf, SRIOV_VF_STRIDE, 2) + 1;

	return count < room ? count : room;
}

static void appear(struct fabric_function *pf)
{
	struct fabric_sriov *sriov = pf->sriov;
	unsigned int count = sriov_get(pf, SRIOV_NUM_VFS, 2), n;

	/* More than there are is a mistake of software's, with any outcome (9.3.3.7). */
	count = reachable(pf, count < sriov->options.total ? count : sriov->options.total);
	for (n = 0; n < count; n++)
		if (sriov->vfs[n] == NULL && make(pf, n, &sriov->vfs[n]) != 0)
			break;
	count = n;
	for (n = 0; n < count; n++)
		put(pf, sriov->vfs[n]);
	pf->nvirtuals = (uint16_t)count;
	for (n = 0; n < count; n++)
		tell(sriov->vfs[n]);
}

/* 9.3.3.3.1: they are gone at once; whatever they held is, too. */
static void vanish(struct fabric_function *pf)
{
	unsigned int count = pf->nvirtuals, n;

	pf->nvirtuals = 0;
	for (n = 0; n < count; n++) {
		struct fabric_function *vf = pf->virtuals[n];

		if (vf == NULL)
			continue;
		if (vf->ops->reset != NULL)
			vf->ops->reset(vf, FABRIC_RESET_HOT);
		fabric_interrupts_drop(vf);
		model_reset(&vf->model);
		vf->flr_end = 0;
		tell(vf);
	}
}

/* 9.3.3.13: a size that is not supported, or several at once, has no meaning; the one before stays. */
static void set_page(struct fabric_function *pf)
{
	uint32_t page = sriov_get(pf, SRIOV_SYSTEM_PAGE, 4);

	if ((page & PAGES_SUPPORTED) != 0 && (page & (page - 1)) == 0)
		pf->sriov->page = page;
	model_set(&pf->model, (uint16_t)(pf->at.sriov + SRIOV_SYSTEM_PAGE), 4, UINT32_MAX, pf->sriov->page);
	set_bar_masks(pf);
}

void fabric_sriov_written(struct fabric_function *pf, uint16_t dword, uint8_t be)
{
	unsigned int reg = dword * 4u - pf->at.sriov;
	bool enable;

	if (pf->sriov == NULL || dword * 4u < pf->at.sriov || be == 0)
		return;
	if (reg == SRIOV_SYSTEM_PAGE)
		set_page(pf);
	if (reg != SRIOV_CONTROL)
		return;
	enable = (sriov_get(pf, SRIOV_CONTROL, 2) & CONTROL_VF_ENABLE) != 0;
	set_locks(pf, enable);
	set_offset(pf);
	if (enable && pf->nvirtuals == 0)
		appear(pf);
	else if (!enable)
		vanish(pf);
}

void fabric_sriov_reset(struct fabric_function *pf)
{
	if (pf->sriov == NULL)
		return;
	model_set(&pf->model, (uint16_t)(pf->at.sriov + SRIOV_CONTROL), 2, CONTROL_VF_ENABLE | CONTROL_VF_MEMORY, 0);
	model_set(&pf->model, (uint16_t)(pf->at.sriov + SRIOV_NUM_VFS), 2, UINT16_MAX, 0);
	model_set(&pf->model, (uint16_t)(pf->at.sriov + SRIOV_SYSTEM_PAGE), 4, UINT32_MAX, PAGE_4K);
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		model_set(&pf->model, (uint16_t)(pf->at.sriov + SRIOV_BAR0 + 4 * i), 4,
			  pf->model.rw[(pf->at.sriov + SRIOV_BAR0) / 4u + i], 0);
	vanish(pf);
	pf->sriov->page = PAGE_4K;
	set_locks(pf, false);
	set_bar_masks(pf);
	set_offset(pf);
}

int fabric_sriov_renew(struct fabric_function *pf, unsigned int number)
{
	struct fabric_function *old = fabric_sriov_made(pf, number), *vf = NULL;
	int r;

	if (old == NULL)
		return pf->sriov != NULL && number < pf->sriov->options.total ? 0 : -ENOENT;
	r = make(pf, number, &vf);
	if (r != 0)
		return r;
	pf->sriov->vfs[number] = vf;
	fabric_function_destroy(old);
	return 0;
}

bool fabric_sriov_bar(const struct fabric_function *pf, unsigned int number, unsigned int bar, uint64_t *address)
{
	const struct fabric_sriov *sriov = pf->sriov;
	unsigned int dword = (pf->at.sriov + SRIOV_BAR0) / 4u + bar;

	if (sriov == NULL || number >= pf->nvirtuals || bar >= PCG_NUM_BARS || !decodes(sriov, bar) ||
	    !(sriov_get(pf, SRIOV_CONTROL, 2) & CONTROL_VF_MEMORY))
		return false;
	*address = pf->model.value[dword] & pf->model.rw[dword];
	if (sriov->options.bars[bar].kind == PCG_BAR_MEM64)
		*address |= (uint64_t)pf->model.value[dword + 1] << 32;
	*address += number * slice(sriov, bar);
	return true;
}
