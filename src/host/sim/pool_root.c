/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The root complex of a fabric whose leaves are served one by one: each requester reaches the memory of its own client,
 * as the IOMMU allows.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/sim/pool_internal.h"

/* Where writes are interrupts (Intel SDM 3A, 11.11.1): a fabric of our own has nobody there. */
#define INTERRUPTS_FIRST UINT64_C(0xfee00000)
#define INTERRUPTS_LAST  UINT64_C(0xfeefffff)

/** struct sim_access - a request on its way into a client's memory */
struct sim_access {
	struct pcg_op op;
	struct sim_access *next;
	struct sim_fabric *shared;
	struct pcg_op *outer;
	struct pcg_dma *dma;
	struct tlp tlp;
	uint64_t at;
};

static struct sim_access *take_access(struct sim_fabric *shared)
{
	struct sim_access *access = shared->spare;

	shared->spare = NULL;
	return access != NULL ? access : calloc(1, sizeof(*access));
}

static void give_back(struct sim_fabric *shared, struct sim_access *access)
{
	if (shared->spare == NULL)
		shared->spare = access;
	else
		free(access);
}

static void unlink_access(struct sim_fabric *shared, struct sim_access *access)
{
	struct sim_access **link = &shared->accesses;

	while (*link != access)
		link = &(*link)->next;
	*link = access->next;
}

static void access_done(struct pcg_op *op, int result)
{
	struct sim_access *access = (void *)((char *)op - offsetof(struct sim_access, op));
	struct sim_fabric *shared = access->shared;
	struct pcg_op *outer = access->outer;

	unlink_access(shared, access);
	if (result < 0)
		iommu_failed(shared->iommu, &access->tlp, access->at, result);
	give_back(shared, access);
	outer->done(outer, result);
}

static int move(struct sim_fabric *shared, const struct tlp *tlp, uint64_t at, const struct iommu_answer *answer,
		void *data, size_t length, enum tlp_status *status, struct pcg_op *op)
{
	struct sim_access *access = take_access(shared);
	int r;

	if (access == NULL)
		return -ENOMEM;
	*access = (struct sim_access){
		.op.done = access_done, .shared = shared, .outer = op, .dma = answer->dma, .tlp = *tlp, .at = at
	};
	/* Payloads and what page requests ask belong to the caller, who may be gone by then. */
	access->tlp.data = NULL;
	access->tlp.page = NULL;
	r = tlp->type == TLP_MEMORY_WRITE ? pcg_dma_write(answer->dma, answer->address, data, length, &access->op)
					  : pcg_dma_read(answer->dma, answer->address, data, length, &access->op);
	if (r == PCG_PENDING) {
		access->next = shared->accesses;
		shared->accesses = access;
		return PCG_PENDING;
	}
	give_back(shared, access);
	if (r < 0)
		iommu_failed(shared->iommu, tlp, at, r);
	*status = r == PCG_DONE ? TLP_SUCCESS : TLP_UNSUPPORTED;
	return PCG_DONE;
}

static bool is_interrupt(const struct tlp *tlp, uint64_t at)
{
	return !tlp->pasid.present && tlp->at == TLP_UNTRANSLATED && at >= INTERRUPTS_FIRST && at <= INTERRUPTS_LAST;
}

static enum tlp_status interrupt(struct sim_fabric *shared, const struct tlp *tlp, uint64_t at, size_t length)
{
	if (tlp->type != TLP_MEMORY_WRITE || length != 4 || at % 4 != 0) {
		iommu_failed(shared->iommu, tlp, at, -EFAULT);
		return TLP_UNSUPPORTED;
	}
	if (shared->interrupts++ == 0)
		base_log(
			&shared->log, PCG_WARN,
			"sim: %02x:%02x.%x writes an interrupt to 0x%llx, which reaches nobody; interrupts of functions "
			"that are served are signalled without such writes",
			tlp->requester >> 8, tlp->requester >> 3 & 31u, tlp->requester & 7u, (unsigned long long)at);
	return TLP_SUCCESS;
}

/* The largest block that can be told: aligned at both ends, no longer than what is known of it. */
static uint64_t block_of(uint64_t iova, const struct iommu_answer *answer)
{
	uint64_t size = 4096;

	while (2 * size <= answer->length && ((iova | answer->address) & (2 * size - 1)) == 0 && size < 1u << 30)
		size *= 2;
	return size;
}

/* PCIe 6.0, 10.2.3: a translation completion. No write is meant, and so none allowed, where the request says so. */
static enum tlp_status translation(struct sim_fabric *shared, const struct tlp *tlp, uint8_t *data, size_t length)
{
	struct tlp request = *tlp;
	struct iommu_answer answer;
	uint64_t value, size;

	request.address &= ~UINT64_C(4095);
	if (length != 8 || data == NULL || iommu_ats(shared->iommu, &request, &answer) != TLP_SUCCESS)
		return TLP_UNSUPPORTED;
	size = block_of(request.address, &answer);
	value = answer.flags & PCG_SPACE_READ ? TLP_TRANSLATION_READ : 0;
	if ((answer.flags & PCG_SPACE_WRITE) && !(tlp->address & TLP_TRANSLATION_NO_WRITE))
		value |= TLP_TRANSLATION_WRITE;
	value |= answer.flags & PCG_SPACE_EXECUTE ? TLP_TRANSLATION_EXECUTE : 0;
	if (tlp->pasid.present && tlp->pasid.privileged && !(answer.flags & PCG_SPACE_USER))
		value |= TLP_TRANSLATION_PRIVILEGED;
	if (value != 0)
		value |= answer.address |
			 (size > 4096 ? TLP_TRANSLATION_SIZE | (((size / 2) - 1) & ~UINT64_C(4095)) : 0);
	for (unsigned int i = 0; i < 8; i++)
		data[i] = (uint8_t)(value >> (56 - 8 * i));
	return TLP_SUCCESS;
}

static int root_access(void *arg, const struct tlp *tlp, uint64_t at, void *data, size_t length,
		       enum tlp_status *status, struct pcg_op *op)
{
	struct sim_fabric *shared = arg;
	struct iommu_answer answer;

	*status = TLP_UNSUPPORTED;
	if (tlp->at == TLP_TRANSLATION_REQUEST) {
		*status = translation(shared, tlp, data, length);
		return PCG_DONE;
	}
	if (is_interrupt(tlp, at)) {
		*status = interrupt(shared, tlp, at, length);
		return PCG_DONE;
	}
	if (iommu_translate(shared->iommu, tlp, at, length, &answer) != TLP_SUCCESS)
		return PCG_DONE;
	if (answer.length < length) {
		iommu_failed(shared->iommu, tlp, at, -EFAULT);
		return PCG_DONE;
	}
	if (data == NULL || length == 0) {
		*status = TLP_SUCCESS;
		return PCG_DONE;
	}
	return move(shared, tlp, at, &answer, data, length, status, op);
}

static void root_cancel(void *arg, struct pcg_op *op)
{
	struct sim_fabric *shared = arg;

	for (struct sim_access *access = shared->accesses; access != NULL; access = access->next)
		if (access->outer == op) {
			unlink_access(shared, access);
			pcg_dma_cancel(access->dma, &access->op);
			give_back(shared, access);
			return;
		}
}

void sim_root_forget(struct sim_fabric *shared, struct pcg_dma *dma)
{
	struct sim_access *access = shared->accesses;

	while (access != NULL) {
		struct pcg_op *outer = access->outer;

		if (access->dma != dma) {
			access = access->next;
			continue;
		}
		unlink_access(shared, access);
		pcg_dma_cancel(dma, &access->op);
		give_back(shared, access);
		outer->done(outer, -ENOTCONN);
		/* Whoever was told may have begun another. */
		access = shared->accesses;
	}
}

static void root_blocked(void *arg, const struct tlp *tlp, uint64_t at)
{
	iommu_deny(((struct sim_fabric *)arg)->iommu, tlp, at);
}

static enum tlp_status root_message(void *arg, const struct tlp *tlp)
{
	struct sim_fabric *shared = arg;
	struct fabric_function *f;
	struct tlp answer;

	if (tlp->message != TLP_PAGE_REQUEST || tlp->page == NULL)
		return TLP_UNSUPPORTED;
	if (iommu_page_request(shared->iommu, tlp->requester, tlp->page) == 0 ||
	    !iommu_page_refused(tlp->requester, tlp->page, &answer))
		return TLP_SUCCESS;
	f = fabric_find(shared->fabric, tlp->requester);
	if (f != NULL && f->ops->message != NULL)
		f->ops->message(f, &answer);
	return TLP_SUCCESS;
}

/* --- errors --- */

static bool concerns(const struct fabric_function *f, const struct fabric_function *reporter)
{
	if (f == reporter || f->physical == reporter)
		return true;
	/* What a port finds wrong concerns all that is below it. */
	for (f = f->physical != NULL ? f->physical : f; f->bus != NULL && f->bus->port != NULL; f = f->bus->port)
		if (f->bus->port == reporter)
			return true;
	return false;
}

/* A port knows whose packet it was: what goes wrong with one function must not stop the others below it. */
static bool is_told(const struct fabric_function *f, const struct fabric_function *reporter,
		    const struct fabric_function *about)
{
	if (about != NULL && about != reporter && reporter->below != NULL && concerns(about, reporter))
		return f == about;
	return concerns(f, reporter);
}

/* Notes go to the first whom it concerns. */
static const struct pcg_log *log_for(const struct sim_fabric *shared, const struct fabric_function *reporter,
				     const struct fabric_function *about)
{
	for (const struct sim_seat *seat = shared->seats; reporter != NULL && seat != NULL; seat = seat->next)
		if (is_told(seat->f, reporter, about))
			return &seat->host->log;
	return &shared->log;
}

static void root_error(void *arg, const struct fabric_report *report)
{
	struct sim_fabric *shared = arg;
	struct fabric_function *reporter = fabric_find(shared->fabric, report->reporter);
	struct fabric_function *about = fabric_find(shared->fabric, report->about);

	sim_errors_count(&shared->errors, report);
	sim_errors_note(shared->fabric, report, log_for(shared, reporter, about));
	if ((report->message != TLP_ERR_NONFATAL && report->message != TLP_ERR_FATAL) || reporter == NULL)
		return;
	for (struct sim_seat *seat = shared->seats; seat != NULL; seat = seat->next)
		if (is_told(seat->f, reporter, about) && seat->host->events.irq != NULL)
			seat->host->events.irq(seat->host->events.arg, PCG_IRQ_ERR, 0, true);
}

void sim_root_watch(void *arg, uint16_t bdf, const struct pcg_fault *fault, uint64_t untold)
{
	struct sim_fabric *shared = arg;
	const struct fabric_function *f = fabric_find(shared->fabric, bdf);
	const struct pcg_host *host = f != NULL ? sim_fabric_seat(shared, f) : NULL;

	sim_blocked_note(f, bdf, fault, untold, host != NULL ? &host->log : &shared->log);
}

const struct sim_errors *sim_fabric_errors(const struct sim_fabric *shared, uint16_t bdf)
{
	return sim_errors_of(&shared->errors, bdf);
}

void sim_root_finish(struct sim_fabric *shared)
{
	struct sim_access *access;

	while ((access = shared->accesses) != NULL) {
		shared->accesses = access->next;
		pcg_dma_cancel(access->dma, &access->op);
		free(access);
	}
	free(shared->spare);
	sim_errors_finish(&shared->errors);
}

const struct fabric_root_ops sim_root_ops = {
	.access = root_access,
	.most = PCG_DMA_MESSAGE_MAX,
	.cancel = root_cancel,
	.blocked = root_blocked,
	.message = root_message,
	.error = root_error,
};
