/* SPDX-License-Identifier: BSD-3-Clause */
/* Page requests: a queue of what the client has not taken, and groups that wait for its answer. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/fabric/iommu_internal.h"

#define PAGES_INDEX_END 512u /* PCIe 6.0, 10.4.1: Page Request Group Index has 9 bits */

static struct iommu_group_list *pages_chain(struct iommu_pages *pages, uint32_t pasid, uint16_t index)
{
	return &pages->groups[(index ^ pasid) % IOMMU_GROUPS];
}

static struct iommu_group *pages_group(struct iommu_pages *pages, bool has_pasid, uint32_t pasid, uint16_t index)
{
	struct iommu_group *group;

	LIST_FOREACH(group, pages_chain(pages, pasid, index), chain)
	if (group->has_pasid == has_pasid && group->pasid == pasid && group->index == index)
		return group;
	return NULL;
}

/* The group of a request, made if there is none. */
static struct iommu_group *pages_group_of(struct iommu_pages *pages, const struct pcg_page_request *request)
{
	struct iommu_group *group = pages_group(pages, request->has_pasid, request->pasid, request->group);

	if (group != NULL)
		return group;
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return NULL;
	group->has_pasid = request->has_pasid;
	group->pasid = request->pasid;
	group->index = request->group;
	LIST_INIT(&group->waiting);
	LIST_INSERT_HEAD(pages_chain(pages, group->pasid, group->index), group, chain);
	return group;
}

static void pages_group_end(struct iommu_pages *pages, struct iommu_group *group)
{
	struct iommu_page *page;

	while ((page = LIST_FIRST(&group->waiting)) != NULL) {
		LIST_REMOVE(page, same);
		TAILQ_REMOVE(&pages->queue, page, queue);
		free(page);
	}
	pages->unanswered -= group->requests;
	LIST_REMOVE(group, chain);
	free(group);
}

void iommu_pages_init(struct iommu_requester *r)
{
	unsigned int i;

	TAILQ_INIT(&r->pages.queue);
	for (i = 0; i < IOMMU_GROUPS; i++)
		LIST_INIT(&r->pages.groups[i]);
	r->pages.unanswered = 0;
	r->pages.markers = 0;
}

void iommu_pages_forget(struct iommu_requester *r)
{
	struct iommu_pages *pages = &r->pages;
	struct iommu_group *group;
	struct iommu_page *page;
	unsigned int i;

	for (i = 0; i < IOMMU_GROUPS; i++)
		while ((group = LIST_FIRST(&pages->groups[i])) != NULL)
			pages_group_end(pages, group);
	while ((page = TAILQ_FIRST(&pages->queue)) != NULL) { /* Stop Markers */
		TAILQ_REMOVE(&pages->queue, page, queue);
		free(page);
	}
	pages->markers = 0;
}

static bool pages_is_marker(const struct pcg_page_request *request)
{
	return request->has_pasid && request->last && !request->read && !request->write;
}

/* Whether the requester may ask this. */
static int pages_judge(struct iommu_requester *r, const struct pcg_page_request *request)
{
	const struct tlp_pasid pasid = { .present = request->has_pasid,
					 .execute = request->execute,
					 .privileged = request->privileged,
					 .value = request->pasid };
	enum pcg_fault_reason reason = PCG_FAULT_BLOCKED;

	if (r->dma != NULL && !r->blocked) {
		if (!r->control.page_requests)
			return -EACCES;
		reason = iommu_prefix_judge(r, &pasid);
	}
	if (reason == PCG_FAULT_NONE)
		return 0;
	iommu_record(r, reason, request->write, &pasid, request->address);
	return -EACCES;
}

/* Whether there is room for it, its group being @group or not there yet. */
static int pages_room(struct iommu_requester *r, const struct iommu_group *group, bool marker)
{
	const struct iommu_pages *pages = &r->pages;

	if (group != NULL && group->complete)
		return -EPROTO;
	if (!marker && pages->unanswered >= r->control.allocation) {
		IOMMU_NOTE(r, IOMMU_NOTE_ALLOCATION,
			   "page requests of %02x:%02x.%x: more than its allocation of %u without an answer; dropped",
			   IOMMU_WHO(r), (unsigned int)r->control.allocation);
		return -EPROTO;
	}
	if (pages->unanswered + pages->markers >= r->iommu->facts.page_requests) {
		IOMMU_NOTE(r, IOMMU_NOTE_QUEUE,
			   "page requests of %02x:%02x.%x: no room for more than %u; dropped until its client answers",
			   IOMMU_WHO(r), (unsigned int)r->iommu->facts.page_requests);
		return -ENOSPC;
	}
	return 0;
}

static int pages_keep(struct iommu_pages *pages, const struct pcg_page_request *request, bool marker)
{
	struct iommu_page *page = calloc(1, sizeof(*page));

	if (page == NULL)
		return -ENOMEM;
	page->request = *request;
	if (marker) {
		pages->markers++;
	} else {
		page->group = pages_group_of(pages, request);
		if (page->group == NULL) {
			free(page);
			return -ENOMEM;
		}
		LIST_INSERT_HEAD(&page->group->waiting, page, same);
		page->group->requests++;
		page->group->complete = request->last;
		pages->unanswered++;
	}
	TAILQ_INSERT_TAIL(&pages->queue, page, queue);
	return 0;
}

/* As a receiver sees it: fields that are reserved mean nothing. */
static struct pcg_page_request pages_clean(const struct pcg_page_request *request)
{
	struct pcg_page_request clean = *request;

	clean.address &= ~(uint64_t)(IOMMU_PAGE - 1);
	clean.group %= PAGES_INDEX_END;
	if (!clean.has_pasid)
		clean.pasid = 0;
	if (!clean.has_pasid || pages_is_marker(&clean)) {
		clean.execute = false;
		clean.privileged = false;
	}
	return clean;
}

int iommu_page_request(struct iommu *iommu, uint16_t requester, const struct pcg_page_request *request)
{
	struct iommu_requester *r = iommu_find(iommu, requester);
	struct pcg_page_request clean = pages_clean(request);
	bool marker = pages_is_marker(&clean);
	struct iommu_group *group;
	int error;

	if (r == NULL)
		return -EACCES;
	group = marker ? NULL : pages_group(&r->pages, clean.has_pasid, clean.pasid, clean.group);
	error = pages_judge(r, &clean);
	if (error == 0)
		error = pages_room(r, group, marker);
	if (error == 0)
		error = pages_keep(&r->pages, &clean, marker);
	if (error == 0 && r->events.page_request != NULL)
		r->events.page_request(r->events.arg);
	/* Whoever called answers in the client's stead: what it would say itself would be one answer too many. */
	if (error != 0 && clean.last && group != NULL)
		pages_group_end(&r->pages, group);
	return error;
}

static void pages_message(uint16_t bdf, bool has_pasid, uint32_t pasid, uint16_t index, uint8_t code,
			  struct tlp *message)
{
	*message = (struct tlp){
		.type = TLP_MESSAGE,
		.message = TLP_PRG_RESPONSE,
		.target = bdf,
		.address = index | (uint64_t)code << 12,
		.pasid = { .present = has_pasid, .value = has_pasid ? pasid : 0 },
	};
}

bool iommu_page_refused(uint16_t requester, const struct pcg_page_request *request, struct tlp *message)
{
	struct pcg_page_request clean = pages_clean(request);

	if (!clean.last || pages_is_marker(&clean))
		return false;
	pages_message(requester, clean.has_pasid, clean.pasid, clean.group, PCG_PAGE_FAILURE, message);
	return true;
}

int iommu_page_request_next(struct iommu_requester *r, struct pcg_page_request *request)
{
	struct iommu_page *page = TAILQ_FIRST(&r->pages.queue);

	if (page == NULL)
		return -ENOENT;
	*request = page->request;
	TAILQ_REMOVE(&r->pages.queue, page, queue);
	if (page->group == NULL) {
		r->pages.markers--;
	} else {
		LIST_REMOVE(page, same);
		page->group->given = page->group->given || request->last;
	}
	free(page);
	return 0;
}

int iommu_page_response(struct iommu_requester *r, const struct pcg_page_response *response, struct tlp *message)
{
	uint32_t pasid = response->has_pasid ? response->pasid : 0;
	struct iommu_group *group;

	if (response->group >= PAGES_INDEX_END ||
	    (response->code != PCG_PAGE_SUCCESS && response->code != PCG_PAGE_INVALID &&
	     response->code != PCG_PAGE_FAILURE)) {
		IOMMU_NOTE(
			r, IOMMU_NOTE_RESPONSE,
			"page response for %02x:%02x.%x: refused code %u for group %u; codes are 0, 1 and 15, groups "
			"0 to 511",
			IOMMU_WHO(r), response->code, response->group);
		return -EINVAL;
	}
	group = pages_group(&r->pages, response->has_pasid, pasid, response->group);
	if (group == NULL || !group->given) {
		IOMMU_NOTE(
			r, IOMMU_NOTE_GROUP,
			"page response for %02x:%02x.%x: group %u waits for none; a group is answered once, after its "
			"last request was taken",
			IOMMU_WHO(r), response->group);
		return -ENOENT;
	}
	pages_group_end(&r->pages, group);
	pages_message(r->bdf, response->has_pasid, pasid, response->group, response->code, message);
	return 0;
}
