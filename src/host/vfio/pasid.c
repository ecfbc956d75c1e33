/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of PASIDs the kernel enforces for a function: it tells by IOMMU_GET_HW_INFO, and a page table of the kind that
 * PASIDs take is tried at once.
 *
 * No more is claimed than can be kept apart for this function. Execute and privileged requests the kernel enables or
 * not when it finds the function, for the PF and its VFs together, and no call turns them off; so it is with ATS, which
 * the IOMMU's driver turns on as it likes, and page requests take ATS (PCIe 6.0, 10.4.1).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "host/vfio/spaces.h"
#include "host/vfio/uapi.h"

#define WIDTH_MAX 20u

/* PCIe 6.0, 7.8.9.3 */
#define PASID_SIZE    8
#define PASID_CONTROL 6
#define PASID_ENABLE  1

/* The page table that stands beside PASIDs for requests without one. */
static int pasid_table(struct vfio *v)
{
	struct uapi_hwpt_alloc alloc = {
		.size = sizeof(alloc), .flags = UAPI_HWPT_PASID, .dev = v->devid, .pt = v->ioas
	};

	if (ioctl(v->iommufd, UAPI_HWPT_ALLOC, &alloc) != 0)
		return -errno;
	v->hwpt = alloc.out_id;
	return 0;
}

/* Return: why there are none; NULL: there are. */
static const char *pasid_probe(struct vfio *v, bool enabled, uint8_t *width)
{
	struct uapi_hw_info info = { .size = sizeof(info), .dev = v->devid };

	if (v->iommu != &vfio_iommufd)
		return "groups and containers (type 1) attach nothing by PASID: iommu=iommufd does, on Linux 6.15 and newer";
	if (place_has_company(&v->place))
		return "its IOMMU group has other functions, which would reach the same by the same PASIDs";
	/* Linux 7.2 tells a width, too, where it could not enable them, and warns of itself. */
	if (enabled && ioctl(v->iommufd, UAPI_HW_INFO, &info) != 0)
		return "this kernel's iommufd does not tell of PASIDs: Linux 6.15 and newer do";
	if (info.out_pasid_log2 == 0 && v->place.is_vf)
		return "the host has not enabled PASIDs in its PF: that has no such capability, or the IOMMU or a bridge "
		       "on the way lets none through, or the kernel is older than Linux 6.15";
	if (info.out_pasid_log2 == 0)
		return "the host has not enabled PASIDs in it: it has no such capability, or the IOMMU or a bridge on the "
		       "way lets none through, or the kernel is older than Linux 6.15";
	if (pasid_table(v) != 0)
		return "the IOMMU's driver makes no page table that PASIDs could use";
	*width = info.out_pasid_log2 < WIDTH_MAX ? info.out_pasid_log2 : WIDTH_MAX;
	return NULL;
}

static uint16_t pasid_place(const struct pcg_layout *layout, uint16_t id)
{
	const struct pcg_cap *cap = pcg_layout_find_extended(layout, id);

	return cap != NULL ? cap->offset : 0;
}

/*
 * The kernel hides some of them, and a VF has its PF's: sysfs has all, for those who may read it.
 * Return: false: PASID Enable is seen to be clear.
 */
static bool pasid_places(struct vfio *v)
{
	struct pcg_pasid_facts *facts = &v->host.info.pasid;
	struct pcg_log quiet = { 0 };
	struct pcg_layout *layout = calloc(1, sizeof(*layout));
	uint8_t *config = calloc(1, PCG_CONFIG_EXTENDED);
	struct place *pf = calloc(1, sizeof(*pf));
	const struct place *from = &v->place;
	bool enabled = true;

	if (layout == NULL || config == NULL || pf == NULL)
		goto out;
	if (v->place.is_vf) {
		if (place_find(pf, v->place.pf, &quiet) != 0)
			goto out;
		from = pf;
	}
	if (place_config(from, config, PCG_CONFIG_EXTENDED) != (int)PCG_CONFIG_EXTENDED ||
	    pcg_layout_parse(layout, config, PCG_CONFIG_EXTENDED, &quiet) < 0)
		goto out;
	facts->pasid_at = pasid_place(layout, PCG_ECAP_PASID);
	facts->ats_at = pasid_place(layout, PCG_ECAP_ATS);
	facts->pri_at = pasid_place(layout, PCG_ECAP_PRI);
	enabled = facts->pasid_at != 0 && facts->pasid_at <= PCG_CONFIG_EXTENDED - PASID_SIZE &&
		  (config[facts->pasid_at + PASID_CONTROL] & PASID_ENABLE) != 0;
out:
	free(layout);
	free(config);
	free(pf);
	return enabled;
}

int vfio_pasid(struct vfio *v)
{
	struct pcg_pasid_facts *facts = &v->host.info.pasid;
	bool enabled = pasid_places(v);
	uint8_t width = 0;

	facts->why = pasid_probe(v, enabled, &width);
	if (width == 0)
		return 0;
	v->spaces = calloc(1, sizeof(*v->spaces));
	if (v->spaces == NULL)
		return -ENOMEM;
	v->spaces->width = v->spaces->limit = width;
	facts->width = width;
	return 0;
}

void vfio_pasid_finish(struct vfio *v)
{
	struct uapi_destroy destroy = { .size = sizeof(destroy), .id = v->hwpt };

	spaces_unmapping(v, NULL);
	if (v->hwpt != 0)
		ioctl(v->iommufd, UAPI_IOMMU_DESTROY, &destroy);
	v->hwpt = 0;
	free(v->spaces);
	v->spaces = NULL;
}
