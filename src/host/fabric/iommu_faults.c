/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of what was blocked. */
#include <errno.h>
#include <stdlib.h>

#include "host/fabric/internal.h"
#include "host/fabric/iommu_internal.h"

static bool faults_room(struct iommu_faults *faults)
{
	if (faults->ring == NULL)
		faults->ring = calloc(IOMMU_MAX_FAULTS, sizeof(*faults->ring));
	return faults->ring != NULL;
}

static struct pcg_fault *faults_at(const struct iommu_faults *faults, uint32_t number)
{
	return &faults->ring[(faults->first + number) % IOMMU_MAX_FAULTS];
}

/* How a full ring goes on: the first ones say how it began, so it is the newest that gives way and is counted. */
static uint32_t faults_displace(struct iommu_faults *faults)
{
	uint32_t lost = faults_at(faults, faults->count - 1)->lost;

	faults->count--;
	return lost < UINT32_MAX ? lost + 1 : lost;
}

void iommu_watch(struct iommu *iommu,
		 void (*blocked)(void *arg, uint16_t bdf, const struct pcg_fault *fault, uint64_t untold), void *arg)
{
	iommu->watch = blocked;
	iommu->watch_arg = arg;
}

/* A driver that went wrong is blocked a million times: that is one thing to say. */
static void faults_tell(struct iommu_requester *r)
{
	struct iommu_faults *faults = &r->faults;
	uint64_t now = fabric_now();

	if (r->iommu->watch == NULL)
		return;
	if (faults->all > 1 && now - faults->watched < IOMMU_WATCH_MS) {
		faults->untold++;
		return;
	}
	r->iommu->watch(r->iommu->watch_arg, r->bdf, &faults->newest, faults->untold);
	faults->watched = now;
	faults->untold = 0;
}

void iommu_record(struct iommu_requester *r, enum pcg_fault_reason reason, bool write, const struct tlp_pasid *pasid,
		  uint64_t address)
{
	struct iommu_faults *faults = &r->faults;
	struct pcg_fault fault = { .reason = reason, .write = write, .has_pasid = pasid->present, .address = address };
	bool more = faults->count < IOMMU_MAX_FAULTS;

	if (pasid->present) {
		fault.pasid = pasid->value;
		fault.execute = pasid->execute;
		fault.privileged = pasid->privileged;
	}
	faults->all++;
	faults->newest = fault;
	faults_tell(r);
	if (!faults_room(faults)) {
		faults->lost += faults->lost < UINT32_MAX;
		return;
	}
	if (more)
		fault.lost = faults->lost;
	else
		fault.lost = faults_displace(faults);
	faults->lost = 0;
	*faults_at(faults, faults->count++) = fault;
	if (more && r->events.fault != NULL)
		r->events.fault(r->events.arg);
}

void iommu_failed(struct iommu *iommu, const struct tlp *tlp, uint64_t address, int error)
{
	struct iommu_requester *r = iommu_find(iommu, tlp->requester);
	bool write = tlp->type == TLP_MEMORY_WRITE;
	enum pcg_fault_reason reason = PCG_FAULT_NOT_MAPPED;

	if (error == -EPERM)
		reason = write ? PCG_FAULT_WRITE : PCG_FAULT_READ;
	if (r != NULL)
		iommu_record(r, reason, write, &tlp->pasid, address);
}

void iommu_deny(struct iommu *iommu, const struct tlp *tlp, uint64_t address)
{
	struct iommu_requester *r = iommu_find(iommu, tlp->requester);

	if (r != NULL)
		iommu_record(r, PCG_FAULT_BLOCKED, tlp->type == TLP_MEMORY_WRITE, &tlp->pasid, address);
}

uint64_t iommu_fault_count(const struct iommu *iommu, uint16_t bdf)
{
	const struct iommu_requester *r = iommu_find(iommu, bdf);

	return r != NULL ? r->faults.all : 0;
}

const struct pcg_fault *iommu_fault_newest(const struct iommu *iommu, uint16_t bdf)
{
	const struct iommu_requester *r = iommu_find(iommu, bdf);

	return r != NULL && r->faults.all > 0 ? &r->faults.newest : NULL;
}

int iommu_fault_next(struct iommu_requester *r, struct pcg_fault *fault)
{
	struct iommu_faults *faults = &r->faults;

	if (faults->count == 0)
		return -ENOENT;
	*fault = *faults_at(faults, 0);
	faults->first = (faults->first + 1) % IOMMU_MAX_FAULTS;
	faults->count--;
	return 0;
}

void iommu_faults_clear(struct iommu_requester *r)
{
	r->faults.first = 0;
	r->faults.count = 0;
	r->faults.lost = 0;
}

void iommu_faults_end(struct iommu_requester *r)
{
	free(r->faults.ring);
	r->faults.ring = NULL;
	iommu_faults_clear(r);
}
