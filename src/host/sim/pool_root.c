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
	struct sim_access *access = (struct sim_access *)((char *)op - offsetof(struct sim_access, op));
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

static struct sim_errors *record_of(struct sim_fabric *shared, uint16_t bdf)
{
	struct sim_errors *errors;

	for (unsigned int i = 0; i < shared->nerrors; i++)
		if (shared->errors[i].bdf == bdf)
			return &shared->errors[i];
	if (shared->nerrors == FABRIC_MAX_FUNCTIONS)
		return NULL;
	if ((shared->nerrors & (shared->nerrors - 1)) == 0) {
		size_t room = shared->nerrors == 0 ? 1 : 2 * (size_t)shared->nerrors;

		errors = realloc(shared->errors, room * sizeof(*errors));
		if (errors == NULL)
			return NULL;
		shared->errors = errors;
	}
	errors = &shared->errors[shared->nerrors++];
	*errors = (struct sim_errors){ .bdf = bdf };
	return errors;
}

static void count(struct sim_errors *errors, const struct fabric_report *report)
{
	errors->newest = report->error;
	if (report->message == TLP_ERR_COR)
		errors->correctable++;
	else if (report->message == TLP_ERR_NONFATAL)
		errors->nonfatal++;
	else if (report->message == TLP_ERR_FATAL)
		errors->fatal++;
	else
		errors->silent++;
}

static const char *error_text(enum fabric_error error)
{
	switch (error) {
	case FABRIC_DATA_LINK:
		return "Data Link Protocol Error";
	case FABRIC_SURPRISE_DOWN:
		return "Surprise Down";
	case FABRIC_POISONED:
		return "Poisoned TLP";
	case FABRIC_FLOW_CONTROL:
		return "Flow Control Protocol Error";
	case FABRIC_COMPLETION_TIMEOUT:
		return "Completion Timeout";
	case FABRIC_COMPLETER_ABORT:
		return "Completer Abort";
	case FABRIC_UNEXPECTED_COMPLETION:
		return "Unexpected Completion";
	case FABRIC_RECEIVER_OVERFLOW:
		return "Receiver Overflow";
	case FABRIC_MALFORMED:
		return "Malformed TLP";
	case FABRIC_UNSUPPORTED:
		return "Unsupported Request";
	case FABRIC_ACS_VIOLATION:
		return "ACS Violation";
	case FABRIC_ADVISORY:
		return "Advisory Non-Fatal Error";
	default:
		return "an error";
	}
}

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

/* Notes go to the first whom it concerns. */
static const struct pcg_log *log_for(const struct sim_fabric *shared, const struct fabric_function *reporter)
{
	for (const struct sim_seat *seat = shared->seats; reporter != NULL && seat != NULL; seat = seat->next)
		if (concerns(seat->f, reporter))
			return &seat->host->log;
	return &shared->log;
}

static void root_error(void *arg, const struct fabric_report *report)
{
	static const char *const kinds[] = { "a correctable error", "an error that is not fatal", "", "a fatal error" };
	struct sim_fabric *shared = arg;
	struct sim_errors *errors = record_of(shared, report->reporter);
	struct fabric_function *reporter = fabric_find(shared->fabric, report->reporter);
	bool grave = report->message == TLP_ERR_NONFATAL || report->message == TLP_ERR_FATAL;
	char name[64] = "somebody";

	if (errors != NULL)
		count(errors, report);
	if (reporter != NULL)
		sim_name(reporter, name, sizeof(name));
	if (report->message >= TLP_ERR_COR && report->message <= TLP_ERR_FATAL)
		base_log(log_for(shared, reporter), grave ? PCG_WARN : PCG_INFO,
			 "sim: %s (%02x:%02x.%x) reports %s: %s, of a packet of %02x:%02x.%x", name,
			 report->reporter >> 8, report->reporter >> 3 & 31u, report->reporter & 7u,
			 kinds[report->message - TLP_ERR_COR], error_text(report->error), report->requester >> 8,
			 report->requester >> 3 & 31u, report->requester & 7u);
	if (!grave || reporter == NULL)
		return;
	for (struct sim_seat *seat = shared->seats; seat != NULL; seat = seat->next)
		if (concerns(seat->f, reporter) && seat->host->events.irq != NULL)
			seat->host->events.irq(seat->host->events.arg, PCG_IRQ_ERR, 0, true);
}

const struct sim_errors *sim_fabric_errors(const struct sim_fabric *shared, uint16_t bdf)
{
	for (unsigned int i = 0; i < shared->nerrors; i++)
		if (shared->errors[i].bdf == bdf)
			return &shared->errors[i];
	return NULL;
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
	free(shared->errors);
}

const struct fabric_root_ops sim_root_ops = {
	.access = root_access,
	.most = PCG_DMA_MESSAGE_MAX,
	.cancel = root_cancel,
	.message = root_message,
	.error = root_error,
};
