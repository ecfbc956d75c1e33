/* SPDX-License-Identifier: BSD-3-Clause */
/* Features by which a client drives PASIDs: what is shown, its address spaces, page requests, records, the eventfd. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "serve/feature.h"

/* --- PCG_FEATURE_PASID --- */

static uint32_t wish_flags(const struct pcg_pasid_wish *w)
{
	return (w->execute ? PCG_FEATURE_PASID_EXECUTE : 0u) | (w->privileged ? PCG_FEATURE_PASID_PRIVILEGED : 0u) |
	       (w->ats ? PCG_FEATURE_PASID_ATS : 0u) | (w->page_requests ? PCG_FEATURE_PASID_PAGE_REQUESTS : 0u);
}

int feature_pasid_get(struct feature_call *call)
{
	struct pcg_feature_pasid p = { 0 };
	struct pcg_pasid_offer offer;

	pcg_function_pasid_offer(call->c->slot->function, &offer);
	p.shown = wish_flags(&offer.shown);
	p.shown_width = offer.shown.width;
	p.can = wish_flags(&offer.can);
	p.can_width = offer.can.width;
	p.page_requests = offer.page_requests;
	p.state = (offer.spoken ? PCG_FEATURE_PASID_SPOKEN : 0u) |
		  (offer.forced ? (uint32_t)PCG_FEATURE_PASID_FORCED : 0u);
	p.pasid_at = offer.pasid_at;
	p.ats_at = offer.ats_at;
	p.pri_at = offer.pri_at;
	strncpy(p.reason, offer.why, sizeof(p.reason) - 1);
	memcpy(call->payload, &p, sizeof(p));
	return 0;
}

int feature_pasid_set(struct feature_call *call)
{
	struct pcg_feature_pasid p;
	struct pcg_pasid_wish wish;

	memcpy(&p, call->payload, sizeof(p));
	if ((p.shown & ~(uint32_t)PCG_FEATURE_PASID_ALL) != 0 || p.shown_width > PCG_PASID_MAX_WIDTH)
		return -EINVAL;
	wish = (struct pcg_pasid_wish){
		.width = (uint8_t)p.shown_width,
		.execute = (p.shown & PCG_FEATURE_PASID_EXECUTE) != 0,
		.privileged = (p.shown & PCG_FEATURE_PASID_PRIVILEGED) != 0,
		.ats = (p.shown & PCG_FEATURE_PASID_ATS) != 0,
		.page_requests = (p.shown & PCG_FEATURE_PASID_PAGE_REQUESTS) != 0,
	};
	return pcg_function_pasid(call->c->slot->function, &wish, NULL);
}

/* --- PCG_FEATURE_SPACE --- */

/* The answer waits in c->feature, behind the head, whenever it comes. */
static void space_answer(struct serve_connection *c)
{
	struct pcg_feature_space s;

	memcpy(&s, c->feature + WIRE_FEATURE_HEAD, sizeof(s));
	s.space = c->space.space;
	memcpy(c->feature + WIRE_FEATURE_HEAD, &s, sizeof(s));
}

static void space_done(struct pcg_request *request)
{
	struct serve_connection *c = serve_container(request, struct serve_connection, request);

	space_answer(c);
	serve_connection_finish(c, request->result);
}

int feature_space_set(struct feature_call *call)
{
	struct serve_connection *c = call->c;
	struct pcg_feature_space s;
	int r;

	memcpy(&s, call->payload, sizeof(s));
	if (s.verb > PCG_SPACE_DETACH)
		return -EINVAL;
	c->space = (struct pcg_space){ .verb = (enum pcg_space_verb)s.verb,
				       .space = s.space,
				       .pasid = s.pasid,
				       .flags = s.flags,
				       .iova = s.iova,
				       .size = s.size,
				       .address = s.address };
	c->request = (struct pcg_request){ .kind = PCG_REQUEST_SPACE, .space = &c->space, .done = space_done };
	r = pcg_function_submit(c->slot->function, &c->request);
	if (r == 0)
		space_answer(c);
	return r;
}

/* --- batches --- */

/*
 * What is taken is gone: no more of it than the answer has room for.
 * Return: how many, or a negative errno.
 */
static int batch_begin(struct feature_call *call, size_t entry, struct pcg_feature_batch *batch)
{
	memcpy(batch, call->payload, sizeof(*batch));
	if (batch->count == 0 || batch->count > PCG_FEATURE_BATCH || call->room < sizeof(*batch) + batch->count * entry)
		return -EINVAL;
	return (int)batch->count;
}

/* -ENOENT ends a batch; anything else that comes first is the answer. */
static int batch_end(struct feature_call *call, size_t entry, uint32_t count, int result)
{
	const struct pcg_feature_batch batch = { .count = count };

	if (count == 0 && result != 0 && result != -ENOENT)
		return result;
	memcpy(call->payload, &batch, sizeof(batch));
	call->size = sizeof(batch) + count * entry;
	return 0;
}

/* --- PCG_FEATURE_PAGE_REQUEST --- */

static struct pcg_feature_page_request page_request_entry(const struct pcg_page_request *request)
{
	struct pcg_feature_page_request entry = { .address = request->address,
						  .pasid = request->has_pasid ? request->pasid : 0,
						  .group = request->group };

	entry.flags = (uint16_t)((request->read ? PCG_FEATURE_REQUEST_READ : 0) |
				 (request->write ? PCG_FEATURE_REQUEST_WRITE : 0) |
				 (request->execute ? PCG_FEATURE_REQUEST_EXECUTE : 0) |
				 (request->privileged ? PCG_FEATURE_REQUEST_PRIVILEGED : 0) |
				 (request->has_pasid ? PCG_FEATURE_REQUEST_PASID : 0) |
				 (request->last ? PCG_FEATURE_REQUEST_LAST : 0));
	return entry;
}

int feature_page_request_get(struct feature_call *call)
{
	uint8_t *to = call->payload + sizeof(struct pcg_feature_batch);
	struct pcg_feature_batch batch;
	int wanted = batch_begin(call, sizeof(struct pcg_feature_page_request), &batch), r = 0;
	uint32_t n = 0;

	if (wanted < 0)
		return wanted;
	for (; n < batch.count; n++) {
		struct pcg_page_request request;
		struct pcg_feature_page_request entry;

		r = pcg_function_page_request(call->c->slot->function, &request);
		if (r != 0)
			break;
		entry = page_request_entry(&request);
		memcpy(to + n * sizeof(entry), &entry, sizeof(entry));
	}
	return batch_end(call, sizeof(struct pcg_feature_page_request), n, r);
}

static int page_answer(struct serve_connection *c, const uint8_t *from)
{
	struct pcg_feature_page_response entry;
	struct pcg_page_response response;

	memcpy(&entry, from, sizeof(entry));
	if ((entry.flags & ~PCG_FEATURE_REQUEST_PASID) != 0)
		return -EINVAL;
	response = (struct pcg_page_response){ .has_pasid = entry.flags != 0,
					       .pasid = entry.flags != 0 ? entry.pasid : 0,
					       .group = entry.group,
					       .code = entry.code };
	return pcg_function_page_response(c->slot->function, &response);
}

int feature_page_request_set(struct feature_call *call)
{
	struct pcg_feature_batch batch;
	uint32_t n = 0;
	int r = 0;

	memcpy(&batch, call->payload, sizeof(batch));
	if (batch.count == 0 || batch.count > PCG_FEATURE_BATCH ||
	    call->nmore < batch.count * sizeof(struct pcg_feature_page_response))
		return -EINVAL;
	for (; n < batch.count && r == 0; n++)
		r = page_answer(call->c, call->more + n * sizeof(struct pcg_feature_page_response));
	if (r != 0)
		n--;
	if (n == 0)
		return r;
	batch = (struct pcg_feature_batch){ .count = n };
	memcpy(call->payload, &batch, sizeof(batch));
	return 0;
}

/* --- PCG_FEATURE_FAULT --- */

static struct pcg_feature_fault fault_entry(const struct pcg_fault *fault)
{
	struct pcg_feature_fault entry = { .address = fault->address,
					   .pasid = fault->has_pasid ? fault->pasid : 0,
					   .lost = fault->lost,
					   .reason = (uint16_t)fault->reason };

	entry.flags = (uint16_t)((fault->write ? PCG_FEATURE_REQUEST_WRITE : PCG_FEATURE_REQUEST_READ) |
				 (fault->execute ? PCG_FEATURE_REQUEST_EXECUTE : 0) |
				 (fault->privileged ? PCG_FEATURE_REQUEST_PRIVILEGED : 0) |
				 (fault->has_pasid ? PCG_FEATURE_REQUEST_PASID : 0));
	return entry;
}

int feature_fault_get(struct feature_call *call)
{
	uint8_t *to = call->payload + sizeof(struct pcg_feature_batch);
	struct pcg_feature_batch batch;
	int wanted = batch_begin(call, sizeof(struct pcg_feature_fault), &batch), r = 0;
	uint32_t n = 0;

	if (wanted < 0)
		return wanted;
	for (; n < batch.count; n++) {
		struct pcg_fault fault;
		struct pcg_feature_fault entry;

		r = pcg_function_fault(call->c->slot->function, &fault);
		if (r != 0)
			break;
		entry = fault_entry(&fault);
		memcpy(to + n * sizeof(entry), &entry, sizeof(entry));
	}
	return batch_end(call, sizeof(struct pcg_feature_fault), n, r);
}

/* --- PCG_FEATURE_EVENT --- */

int feature_event_get(struct feature_call *call)
{
	struct pcg_feature_event e = { 0 };
	struct pcg_pasid_offer offer;

	pcg_function_pasid_offer(call->c->slot->function, &offer);
	e.lost = offer.lost;
	memcpy(call->payload, &e, sizeof(e));
	return 0;
}

int feature_event_set(struct feature_call *call)
{
	struct serve_connection *c = call->c;
	struct stream_message *message = call->message;
	struct eventfd_signaller *signaller = c->slot->home->signaller;

	if (message->nfds > 1 || (message->nfds == 1 && !eventfd_check(signaller, message->fds[0])))
		return -EINVAL;
	if (c->event >= 0)
		close(c->event);
	c->event = -1;
	if (message->nfds == 1) {
		c->event = message->fds[0];
		message->fds[0] = -1;
	}
	serve_feature_event(c);
	return feature_event_get(call);
}

/* A full counter says as much. */
void serve_feature_event(struct serve_connection *c)
{
	if (c->event >= 0)
		eventfd_signal(c->slot->home->signaller, c->event);
}
