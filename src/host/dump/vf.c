/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/dump/vf.h"

#define NOBODY 0xffffu

/* SR-IOV registers (PCIe 6.0, 9.3.3). */
enum {
	SRIOV_TOTAL_VFS = 0x0e,
	SRIOV_VF_OFFSET = 0x14,
	SRIOV_VF_STRIDE = 0x16,
	SRIOV_VF_DEVICE = 0x1a,
	SRIOV_LENGTH = 0x40,
};

static unsigned int routing_id(const struct dump_bdf *bdf)
{
	return (unsigned int)bdf->bus << 8 | (unsigned int)bdf->device << 3 | bdf->function;
}

/* Whether @pf has a VF at @bdf: First VF Offset and VF Stride from the PF's own routing id (9.3.3.9, 9.3.3.10). */
static bool owns(const struct dump_text *pf, const struct pcg_cap *cap, const struct dump_bdf *bdf)
{
	const uint8_t *registers = pf->config + cap->offset;
	unsigned int total = pcg_get16(registers + SRIOV_TOTAL_VFS), stride = pcg_get16(registers + SRIOV_VF_STRIDE);
	unsigned int first = routing_id(&pf->bdf) + pcg_get16(registers + SRIOV_VF_OFFSET), id = routing_id(bdf);

	if (total == 0 || id < first)
		return false;
	if (stride == 0)
		return id == first;
	return (id - first) % stride == 0 && (id - first) / stride < total;
}

static bool ids_from_pf(struct pcg_host_info *info, const struct dump_text *pf, struct pcg_layout *layout,
			const struct dump_bdf *bdf)
{
	const struct pcg_cap *cap;

	if (pf->bdf.domain != bdf->domain || pcg_layout_parse(layout, pf->config, pf->size, NULL) != 0)
		return false;
	cap = pcg_layout_find_extended(layout, PCG_ECAP_SRIOV);
	if (cap == NULL || cap->length < SRIOV_LENGTH || !owns(pf, cap, bdf))
		return false;
	info->vendor = pcg_get16(pf->config + PCG_VENDOR);
	info->device = pcg_get16(pf->config + cap->offset + SRIOV_VF_DEVICE);
	return true;
}

/* Only functions of nearby buses can be the PF: that also bounds the search through a large text. */
static bool may_be_pf(const struct dump_entry *entry, const struct dump_bdf *bdf)
{
	return entry->has_hex && entry->header_type == 0 && entry->bdf.domain == bdf->domain &&
	       entry->bdf.bus <= bdf->bus && routing_id(&entry->bdf) < routing_id(bdf);
}

#define CANDIDATES_MAX 4096u

static bool find_pf(struct pcg_host_info *info, const struct dump_file *file, const struct dump_bdf *bdf)
{
	struct pcg_layout *layout = malloc(sizeof(*layout));
	struct dump_text *pf = malloc(sizeof(*pf));
	unsigned int tried = 0;
	bool found = false;
	size_t i;

	for (i = 0; layout != NULL && pf != NULL && i < file->nentries && !found && tried < CANDIDATES_MAX; i++) {
		if (!may_be_pf(&file->entries[i], bdf))
			continue;
		tried++;
		found = dump_file_read(file, i, pf, NULL) == 0 && ids_from_pf(info, pf, layout, bdf);
	}
	free(layout);
	free(pf);
	return found;
}

int dump_identity(struct pcg_host_info *info, const struct dump_settings *settings, const struct dump_file *file,
		  const struct dump_text *text, const struct pcg_log *log)
{
	bool silent;

	info->vendor = pcg_get16(text->config + PCG_VENDOR);
	info->device = pcg_get16(text->config + PCG_DEVICE);
	silent = info->vendor == NOBODY && info->device == NOBODY;
	info->is_vf = settings->vf_given ? settings->is_vf : silent;
	info->no_command_memory = settings->no_command_memory || info->is_vf;
	if (settings->has_id) {
		if (!info->is_vf) {
			base_log(log, PCG_ERROR, "dump: id= is for VFs, whose registers do not show it; add vf=on");
			return -EINVAL;
		}
		info->vendor = settings->vendor;
		info->device = settings->device;
		return 0;
	}
	if (!info->is_vf || !silent)
		return 0;
	if (!settings->vf_given)
		base_log(log, PCG_INFO, "dump: the ids read FFFFh: the function is taken as a VF (vf=off says other)");
	if (find_pf(info, file, &text->bdf))
		return 0;
	info->vendor = text->vendor;
	info->device = text->device;
	if (info->vendor != 0)
		return 0;
	base_log(log, PCG_ERROR, "dump: nothing tells the ids of this VF; say id=VVVV:DDDD");
	return -EINVAL;
}
