/* SPDX-License-Identifier: BSD-3-Clause */
/* One access of a transfer: as it is, or translated first, with the pages that it needs asked for. */
#include <errno.h>

#include "host/sim/endpoint_test.h"

/* A page that is still not there after so many responses is given up. */
#define MAX_ASKED 4u

/* Bits of the capabilities (PCIe 6.0, 10.5.1.3, 10.5.2.2, 10.5.2.3). */
#define ATS_CTRL       6u
#define ATS_ENABLE     0x8000u
#define PRI_CTRL       4u
#define PRI_ENABLE     0x0001u
#define PRI_STATUS     6u
#define PRI_FAILURE    0x0001u
#define PRI_UNEXPECTED 0x0002u
#define PRI_ALLOCATION 12u

/* Of the functions below: go on with the next stage. */
#define AGAIN 2

/* @pasid: what its requests carry: Execute Requested is of reads alone (PCIe 6.0, 6.20.2.3). */
struct access {
	bool write;
	struct tlp_pasid pasid;
	uint64_t address;
	uint8_t *data;
	uint32_t length;
};

bool endpoint_masters(const struct endpoint *endpoint)
{
	const struct model *model = &endpoint->function.model;

	return (model_get(model, PCG_COMMAND, 2) & PCG_COMMAND_MASTER) != 0 && model_power(model) == PCG_D0;
}

static void result_add(struct endpoint *endpoint, uint32_t bits)
{
	endpoint_set(endpoint, ENDPOINT_RESULT, endpoint_get(endpoint, ENDPOINT_RESULT) | bits);
}

static void result_status(struct endpoint *endpoint, enum tlp_status status)
{
	endpoint_set(endpoint, ENDPOINT_RESULT,
		     (endpoint_get(endpoint, ENDPOINT_RESULT) & ~0xffu) | ((uint32_t)status & 0xffu));
}

/* --- what may be used --- */

static bool ats_on(const struct endpoint *endpoint)
{
	const struct fabric_function *f = &endpoint->function;

	if (endpoint->controlled)
		return endpoint->control.ats;
	return f->at.ats != 0 && (model_get(&f->model, f->at.ats + ATS_CTRL, 2) & ATS_ENABLE) != 0;
}

/* A VF's page requests are its PF's to allow (10.5.2.1). */
static const struct fabric_function *pri_owner(const struct endpoint *endpoint)
{
	const struct fabric_function *f = &endpoint->function;

	return f->physical != NULL ? f->physical : f;
}

static bool pri_on(const struct endpoint *endpoint)
{
	const struct fabric_function *f = pri_owner(endpoint);

	if (endpoint->page_failed)
		return false;
	if (endpoint->controlled)
		return endpoint->control.page_requests && endpoint->control.allocation != 0;
	return f->at.pri != 0 && (model_get(&f->model, f->at.pri + PRI_CTRL, 2) & PRI_ENABLE) != 0 &&
	       model_get(&f->model, f->at.pri + PRI_ALLOCATION, 4) != 0;
}

/* --- requests --- */

static void access_answered(struct pcg_op *op, int result)
{
	struct endpoint_transfer *t = (void *)((char *)op - offsetof(struct endpoint_transfer, op));
	struct endpoint *endpoint = (void *)((char *)t - offsetof(struct endpoint, transfer));

	endpoint_command_answer(endpoint, result);
}

static int access_send(struct endpoint *endpoint, const struct access *a, enum endpoint_stage stage, enum tlp_at at,
		       uint64_t address, uint8_t *data, uint32_t length)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	int r;

	t->stage = stage;
	t->op.done = access_answered;
	t->dma = (struct fabric_dma){
		.f = &endpoint->function,
		.write = stage == ENDPOINT_MOVING && a->write,
		.at = at,
		.pasid = a->pasid,
		.address = address,
		.data = data,
		.length = length,
		.op = &t->op,
	};
	r = fabric_dma(&t->dma);
	if (r == PCG_PENDING) {
		t->waiting = true;
		return PCG_PENDING;
	}
	t->answered = true;
	t->result = r;
	return AGAIN;
}

/* What a request ended with, 0 or as endpoint_access() returns it. */
static int access_result(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;

	t->answered = false;
	t->stage = ENDPOINT_IDLE;
	if (t->result == -EACCES) {
		result_add(endpoint, ENDPOINT_RESULT_OFF);
		return -EACCES;
	}
	result_status(endpoint, t->result == 0 ? TLP_SUCCESS : t->dma.status);
	if (t->result == 0)
		return 0;
	return t->dma.status == TLP_UNSUPPORTED ? -EFAULT : -EIO;
}

/* --- stages --- */

static uint32_t access_wants(const struct access *a)
{
	if (a->write)
		return PCG_SPACE_WRITE;
	return PCG_SPACE_READ | (a->pasid.execute ? PCG_SPACE_EXECUTE : 0);
}

static int access_start(struct endpoint *endpoint, const struct access *a)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	uint64_t at = a->address + t->done;
	uint32_t left = a->length - t->done;
	const struct endpoint_atc_entry *entry;

	if (left == 0) {
		t->done = 0;
		return PCG_DONE;
	}
	if ((t->flags & ENDPOINT_TRANSLATE) == 0)
		return access_send(endpoint, a, ENDPOINT_MOVING, TLP_UNTRANSLATED, at, a->data + t->done, left);
	if (!ats_on(endpoint)) {
		result_add(endpoint, ENDPOINT_RESULT_OFF);
		return -EACCES;
	}
	entry = endpoint_atc_find(&endpoint->atc, &a->pasid, at, access_wants(a));
	if (entry == NULL)
		return access_send(endpoint, a, ENDPOINT_TRANSLATING, TLP_TRANSLATION_REQUEST,
				   (at & ~(uint64_t)(ENDPOINT_PAGE - 1)) | (a->write ? 0 : TLP_TRANSLATION_NO_WRITE),
				   t->translation, sizeof(t->translation));
	if (left > entry->size - (at - entry->iova))
		left = (uint32_t)(entry->size - (at - entry->iova));
	return access_send(endpoint, a, ENDPOINT_MOVING, TLP_TRANSLATED, entry->address + (at - entry->iova),
			   a->data + t->done, left);
}

/* PCIe 6.0, 10.4.1: one page, in a group of its own. The response can come before the message returns. */
static int access_ask(struct endpoint *endpoint, const struct access *a)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	uint32_t group = endpoint_get(endpoint, ENDPOINT_PAGE_GROUP) & 0x1ffu;
	struct pcg_page_request page = {
		.address = (a->address + t->done) & ~(uint64_t)(ENDPOINT_PAGE - 1),
		.pasid = a->pasid.value,
		.group = (uint16_t)group,
		.has_pasid = a->pasid.present,
		.read = !a->write,
		.write = a->write,
		.execute = a->pasid.execute,
		.privileged = a->pasid.privileged,
		.last = true,
	};
	struct tlp tlp = {
		.type = TLP_MESSAGE,
		.message = TLP_PAGE_REQUEST,
		.requester = fabric_bdf(&endpoint->function),
		.pasid = a->pasid,
		.address = page.address,
		.page = &page,
	};
	enum tlp_status status;

	t->group = (uint16_t)group;
	t->stage = ENDPOINT_ASKING;
	t->waiting = true;
	t->asked++;
	endpoint_set(endpoint, ENDPOINT_PAGE_GROUP, (group + 1) & 0x1ffu);
	status = fabric_message(&endpoint->function, &tlp);
	if (status == TLP_SUCCESS) {
		result_add(endpoint, ENDPOINT_RESULT_PAGE_ASKED);
		return t->answered ? AGAIN : PCG_PENDING;
	}
	t->stage = ENDPOINT_IDLE;
	t->waiting = false;
	t->answered = false;
	result_status(endpoint, status);
	return -EFAULT;
}

static int access_missed(struct endpoint *endpoint, const struct access *a)
{
	struct endpoint_transfer *t = &endpoint->transfer;

	result_add(endpoint, ENDPOINT_RESULT_MISS);
	if ((t->flags & ENDPOINT_REQUEST_PAGE) == 0 || t->asked == MAX_ASKED)
		return -EFAULT;
	if (!endpoint_masters(endpoint) || !pri_on(endpoint)) {
		result_add(endpoint, ENDPOINT_RESULT_OFF);
		return -EFAULT;
	}
	return access_ask(endpoint, a);
}

static int access_translated(struct endpoint *endpoint, const struct access *a)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	struct endpoint_atc_entry entry;
	int r = access_result(endpoint);

	if (r != 0)
		return r;
	endpoint_atc_decode(&entry, t->translation, a->address + t->done);
	entry.pasid = a->pasid;
	if (entry.size == 0 || (access_wants(a) & ~entry.flags) != 0)
		return access_missed(endpoint, a);
	endpoint_atc_add(&endpoint->atc, &entry);
	return AGAIN;
}

static int access_page_answered(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	uint32_t result = endpoint_get(endpoint, ENDPOINT_RESULT) & ~(0xfu << ENDPOINT_RESULT_CODE_SHIFT);

	t->answered = false;
	t->stage = ENDPOINT_IDLE;
	endpoint_set(endpoint, ENDPOINT_RESULT,
		     result | ENDPOINT_RESULT_PAGE_ANSWERED | (uint32_t)t->result << ENDPOINT_RESULT_CODE_SHIFT);
	return t->result == PCG_PAGE_SUCCESS ? AGAIN : -EFAULT;
}

static int access_moved(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	int r = access_result(endpoint);

	if (r != 0)
		return r;
	t->done += (uint32_t)t->dma.length;
	t->asked = 0;
	return AGAIN;
}

static int access_step(struct endpoint *endpoint, const struct access *a)
{
	struct endpoint_transfer *t = &endpoint->transfer;

	if (t->stage == ENDPOINT_IDLE)
		return access_start(endpoint, a);
	if (!t->answered)
		return PCG_PENDING;
	if (t->stage == ENDPOINT_TRANSLATING)
		return access_translated(endpoint, a);
	if (t->stage == ENDPOINT_ASKING)
		return access_page_answered(endpoint);
	return access_moved(endpoint);
}

int endpoint_access(struct endpoint *endpoint, bool write, uint64_t address, uint8_t *data, uint32_t length)
{
	struct access a = {
		.write = write, .pasid = endpoint->transfer.pasid, .address = address, .data = data, .length = length
	};
	int r;

	a.pasid.execute = a.pasid.execute && !write;
	do
		r = access_step(endpoint, &a);
	while (r == AGAIN);
	if (r < 0)
		endpoint->transfer.done = 0;
	return r;
}

void endpoint_access_drop(struct endpoint *endpoint)
{
	struct endpoint_transfer *t = &endpoint->transfer;

	if (t->waiting && (t->stage == ENDPOINT_MOVING || t->stage == ENDPOINT_TRANSLATING))
		fabric_dma_cancel(&t->dma);
	t->stage = ENDPOINT_IDLE;
	t->waiting = false;
	t->answered = false;
}

/* --- what the root complex says --- */

static void page_status(struct endpoint *endpoint, uint16_t raised)
{
	struct fabric_function *f = &endpoint->function;

	if (f->at.pri != 0)
		model_set(&f->model, f->at.pri + PRI_STATUS, 2, raised, raised);
	if (endpoint->sink.page_status != NULL)
		endpoint->sink.page_status(endpoint->sink.arg, raised);
}

static void page_answered(struct endpoint *endpoint, const struct tlp *tlp)
{
	struct endpoint_transfer *t = &endpoint->transfer;
	unsigned int code = TLP_PRG_CODE(tlp->address);

	if (t->stage != ENDPOINT_ASKING || t->answered || TLP_PRG_GROUP(tlp->address) != t->group) {
		page_status(endpoint, PRI_UNEXPECTED);
		return;
	}
	/* 10.5.2.3: after a failure nothing more is asked until software has seen to it. */
	if (code == PCG_PAGE_FAILURE) {
		endpoint->page_failed = true;
		page_status(endpoint, PRI_FAILURE);
	}
	endpoint_command_answer(endpoint, (int)code);
}

void endpoint_message(struct endpoint *endpoint, const struct tlp *tlp)
{
	if (tlp->type == TLP_MESSAGE && tlp->message == TLP_PRG_RESPONSE)
		page_answered(endpoint, tlp);
}

/* What was asked for is forgotten (10.5.2.2, Reset): no response will come. */
void endpoint_pages_reset(struct endpoint *endpoint)
{
	endpoint->page_failed = false;
	if (endpoint->transfer.stage == ENDPOINT_ASKING && !endpoint->transfer.answered)
		endpoint_command_answer(endpoint, PCG_PAGE_FAILURE);
}

/* An access that is under way by such a translation is made again by another: it must not land after this returned. */
void endpoint_invalidate(struct endpoint *endpoint, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size)
{
	struct endpoint_transfer *t = &endpoint->transfer;

	endpoint_atc_invalidate(&endpoint->atc, has_pasid, pasid, iova, size);
	if (t->stage != ENDPOINT_MOVING || !t->waiting || t->dma.at != TLP_TRANSLATED)
		return;
	endpoint_access_drop(endpoint);
	endpoint_wake(endpoint);
}
