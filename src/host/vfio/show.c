/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Extended capabilities that the kernel hides and the operator wants shown (show=). The kernel cuts them out of the
 * chain and leaves their registers where they are, readable and writable; only where they stand is not to be learnt
 * from it. sysfs knows, for those who may read all of it. The chain is linked anew: what the kernel shows, and what was
 * asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/vfio/internal.h"

static bool show_wanted(const struct vfio *v, uint16_t id)
{
	return id < 64 && (v->settings.show >> id & 1) != 0;
}

/* Whether the kernel's own chain has the capability at @offset. */
static bool show_linked(const struct pcg_layout *kernel, uint16_t offset)
{
	for (unsigned int i = 0; i < kernel->necaps; i++) {
		if (kernel->ecaps[i].offset == offset)
			return kernel->ecaps[i].id != 0;
	}
	return false;
}

/* The headers of the new chain, and a byte for each dword that is one: layout as config.c reads it. */
static void show_link(struct vfio *v, const uint8_t *raw, const struct pcg_layout *real,
		      const struct pcg_layout *kernel)
{
	unsigned int previous = 0;

	for (unsigned int i = 0; i < real->necaps; i++) {
		const struct pcg_cap *cap = &real->ecaps[i];

		if (!show_linked(kernel, cap->offset) && !show_wanted(v, cap->id))
			continue;
		pcg_put32(v->shown + cap->offset, pcg_get32(raw + cap->offset) & 0x000fffffu);
		v->shown[PCG_CONFIG_EXTENDED + cap->offset / 4] = 1;
		if (previous != 0)
			pcg_put32(v->shown + previous, pcg_get32(v->shown + previous) | (uint32_t)cap->offset << 20);
		else if (cap->offset != PCG_CONFIG_CONVENTIONAL) {
			/* The chain begins at 100h whatever stands there: an empty capability leads on. */
			pcg_put32(v->shown + PCG_CONFIG_CONVENTIONAL, (uint32_t)cap->offset << 20);
			v->shown[PCG_CONFIG_EXTENDED + PCG_CONFIG_CONVENTIONAL / 4] = 1;
		}
		previous = cap->offset;
	}
}

static void show_missing(const struct vfio *v, const struct pcg_layout *real)
{
	for (uint16_t id = 0; id < 64; id++) {
		if (show_wanted(v, id) && pcg_layout_find_extended(real, id) == NULL)
			base_log(&v->host.log, PCG_WARN, "show=: %s has no %s", v->place.bdf,
				 pcg_cap_text(id, true, NULL));
	}
}

int vfio_show(struct vfio *v)
{
	struct pcg_log quiet = { 0 };
	struct pcg_layout *layouts;
	uint8_t *raw;
	int n, r = -ENOMEM;

	if (v->settings.show == 0)
		return 0;
	if (v->host.info.config_size != PCG_CONFIG_EXTENDED) {
		base_log(
			&v->host.log, PCG_WARN,
			"show=: %s has no extended configuration space, or nothing on the way reaches it: leave show= out",
			v->place.bdf);
		return 0;
	}
	raw = calloc(2, PCG_CONFIG_EXTENDED);
	layouts = calloc(2, sizeof(*layouts));
	v->shown = calloc(1, PCG_CONFIG_EXTENDED + PCG_CONFIG_DWORDS);
	if (raw == NULL || layouts == NULL || v->shown == NULL)
		goto out;
	n = place_config(&v->place, raw, PCG_CONFIG_EXTENDED);
	if (n != (int)PCG_CONFIG_EXTENDED) {
		base_log(&v->host.log, PCG_ERROR,
			 "show=: %s/config shows %d bytes to this user; CAP_SYS_ADMIN reads them all",
			 v->place.directory, n < 0 ? 0 : n);
		r = -EPERM;
		goto out;
	}
	r = vfio_region_access(v, PCG_REGION_CONFIG, 0, raw + PCG_CONFIG_EXTENDED, PCG_CONFIG_EXTENDED, false);
	if (r == 0)
		r = pcg_layout_parse(&layouts[0], raw, PCG_CONFIG_EXTENDED, &quiet);
	if (r == 0)
		r = pcg_layout_parse(&layouts[1], raw + PCG_CONFIG_EXTENDED, PCG_CONFIG_EXTENDED, &quiet);
	if (r < 0)
		goto out;
	r = 0;
	show_link(v, raw, &layouts[0], &layouts[1]);
	show_missing(v, &layouts[0]);
out:
	free(raw);
	free(layouts);
	return r;
}
