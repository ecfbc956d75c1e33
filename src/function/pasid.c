/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "function/internal.h"

/*
 * PASID, ATS and page requests: what the guest's configuration space says goes to the backend, which enforces it; what
 * the client says that it can drive is shown.
 */

/* --- what is shown --- */

static bool is_nothing(const struct pcg_pasid_wish *w)
{
	return w->width == 0 && !w->ats && !w->page_requests;
}

static bool is_same(const struct pcg_pasid_wish *a, const struct pcg_pasid_wish *b)
{
	return a->width == b->width && a->execute == b->execute && a->privileged == b->privileged && a->ats == b->ats &&
	       a->page_requests == b->page_requests;
}

static bool has_spoken(const struct pcg_function *f)
{
	return !is_nothing(&f->options.spoken);
}

/* Of a wish what can be had. */
static struct pcg_pasid_wish limited(const struct pcg_pasid_wish *wish, const struct pcg_pasid_wish *can)
{
	struct pcg_pasid_wish w = { .width = wish->width < can->width ? wish->width : can->width };

	w.execute = w.width != 0 && wish->execute && can->execute;
	w.privileged = w.width != 0 && wish->privileged && can->privileged;
	w.ats = wish->ats && can->ats;
	w.page_requests = w.ats && wish->page_requests && can->page_requests;
	return w;
}

/* What is forced beyond what the backend enforces no client can drive. */
static struct pcg_pasid_wish drivable(const struct pcg_function *f)
{
	const struct pcg_pasid_facts *facts = &f->host->info.pasid;
	const struct pcg_pasid_wish enforced = { facts->width, facts->execute, facts->privileged, facts->ats,
						 facts->page_requests != 0 };

	return limited(&f->view.pasid.offer, &enforced);
}

/* What the guest wrote, what its writes have taught us, and what its client chose. */
struct kept {
	uint32_t shadow[PCG_CONFIG_DWORDS];
	unsigned int vectors;
	bool memory_bit;
	bool io_bit;
};

static void keep(const struct pcg_function *f, struct kept *kept)
{
	memcpy(kept->shadow, f->view.shadow, sizeof(kept->shadow));
	kept->vectors = f->view.msix_vectors;
	kept->memory_bit = f->view.memory_bit;
	kept->io_bit = f->view.io_bit;
}

/* The image with another set of capabilities; @kept stays. */
static int compile_again(struct pcg_function *f, const struct kept *kept)
{
	unsigned int i;
	/* What is odd about the function was said when it was opened. */
	int ret = pcg_view_init(&f->view, &f->host->info, f->opened, &f->options, NULL);

	if (ret < 0)
		return ret;
	f->view.memory_bit = kept->memory_bit;
	f->view.io_bit = kept->io_bit;
	pcg_view_msix(&f->view, kept->vectors);
	for (i = 0; i < PCG_CONFIG_DWORDS; i++)
		f->view.shadow[i] =
			(f->view.shadow[i] & ~f->view.write_shadow[i]) | (kept->shadow[i] & f->view.write_shadow[i]);
	return 0;
}

static int speak(struct pcg_function *f, const struct pcg_pasid_wish *wish)
{
	struct pcg_pasid_wish before = f->options.spoken;
	struct kept kept;
	int ret;

	keep(f, &kept);
	f->options.spoken = *wish;
	ret = compile_again(f, &kept);
	if (ret == 0)
		return 0;
	f->options.spoken = before;
	compile_again(f, &kept);
	return ret;
}

/* What would be shown: what is forced stays whatever is said. */
static bool shows_already(const struct pcg_function *f, const struct pcg_pasid_wish *wish)
{
	const struct pcg_view_pasid *p = &f->view.pasid;
	bool forced_pasid = p->forced & 1u << PCG_MADE_PASID;
	struct pcg_pasid_wish would = *wish;

	if (forced_pasid) {
		would.width = p->offer.width;
		would.execute = p->offer.execute;
		would.privileged = p->offer.privileged;
	}
	would.ats |= (p->forced & 1u << PCG_MADE_ATS) != 0;
	would.page_requests |= (p->forced & 1u << PCG_MADE_PRI) != 0;
	return is_same(&would, &p->shown);
}

static const char *cannot(const struct pcg_function *f)
{
	const struct pcg_pasid_options *o = &f->options.pasid;

	if (!f->open)
		return "the function is not open";
	if (o->pasid.shown == PCG_SHOWN_NEVER && o->ats.shown == PCG_SHOWN_NEVER)
		return f->host->info.pasid.width != 0 || f->host->info.pasid.why == NULL
			       ? "the operator does not offer it: --policy pasid=on"
			       : f->host->info.pasid.why;
	return f->host->info.pasid.why != NULL ? f->host->info.pasid.why : "the backend enforces none of it";
}

static bool is_on(const struct pcg_pasid_control *c)
{
	return c->pasid || c->ats || c->page_requests;
}

/* What the guest has turned on does not vanish, or grow narrower, while the backend still carries it out. */
static const char *too_late(const struct pcg_function *f)
{
	if (f->request != NULL || memory_in_use(f))
		return "an interrupt or a mapping is set up already, or COMMAND has something on";
	return is_on(&f->controlled) ? "PASID, ATS or page requests are enabled: turn them off first" : "";
}

void pcg_function_pasid_offer(const struct pcg_function *f, struct pcg_pasid_offer *offer)
{
	const struct pcg_view_pasid *p = &f->view.pasid;

	memset(offer, 0, sizeof(*offer));
	offer->why = "";
	offer->can = drivable(f);
	offer->shown = p->shown;
	offer->page_requests = offer->can.page_requests ? p->requests : 0;
	offer->pasid_at = p->place[PCG_MADE_PASID];
	offer->ats_at = p->place[PCG_MADE_ATS];
	offer->pri_at = p->place[PCG_MADE_PRI];
	offer->spoken = has_spoken(f);
	offer->forced = p->forced != 0;
	offer->lost = f->host->info.lost;
	if (!f->open || is_nothing(&offer->can))
		offer->why = cannot(f);
	else
		offer->why = too_late(f);
}

int pcg_function_pasid(struct pcg_function *f, const struct pcg_pasid_wish *wish, const char **why)
{
	struct pcg_pasid_wish w, can;
	const char *ignored;
	int ret;

	why = why != NULL ? why : &ignored;
	*why = "";
	if (!f->open || f->quarantined)
		return -EIO;
	if (wish->width > PCG_PASID_MAX_WIDTH)
		return -EINVAL;
	can = drivable(f);
	w = limited(wish, &can);
	if (is_nothing(&w) && !is_nothing(wish)) {
		*why = is_nothing(&can) ? cannot(f) : "nothing that this client can drive is offered";
		return -EOPNOTSUPP;
	}
	if (shows_already(f, &w)) {
		f->options.spoken = w;
		f->view.options.spoken = w;
		return 0;
	}
	*why = too_late(f);
	if (**why != '\0')
		return -EBUSY;
	ret = speak(f, &w);
	if (ret < 0) {
		*why = "what was asked for cannot be shown: a quirk speaks of bytes that it takes";
		pcg_say(&f->log, PCG_ERROR, f->view.pasid.place[PCG_MADE_PASID], 0,
			"pasid, ats, pri: what the client asked for cannot be shown: a quirk speaks of bytes that it "
			"takes; leave the quirk or the policy out");
	}
	return ret;
}

void pasid_forget(struct pcg_function *f)
{
	const struct pcg_pasid_wish nothing = { 0 };

	if (!has_spoken(f))
		return;
	speak(f, &nothing);
	pcg_view_power_on(&f->view);
}

/* --- what the backend is told --- */

static int tell(struct pcg_function *f)
{
	return linux_forgive(f, f->host->ops->pasid(f->host, &f->control, &f->op));
}

/* A control that nobody carries out changes configuration space alone; it has stopped as soon as it is off. */
static int tell_write(struct pcg_function *f)
{
	pcg_view_pasid(&f->view, &f->control);
	f->control.width = f->view.pasid.shown.width;
	f->control.page_reset = f->write.page_reset;
	f->forgiven = 0;
	f->entrusted = f->entrusted || is_on(&f->control);
	if (f->host->ops->pasid != NULL)
		return tell(f);
	if (!f->control.page_requests)
		pcg_view_page_status(&f->view, PCG_PRI_STOPPED);
	return PCG_DONE;
}

/* What could not be done must not read as done. */
static int settle(struct pcg_function *f)
{
	if (f->forgiven == 0) {
		f->controlled = f->control;
		f->controlled.page_reset = false;
		f->entrusted = is_on(&f->control);
		/* 10.5.2.2: nothing is outstanding any more. */
		if (f->control.page_reset)
			pcg_view_page_status(&f->view, PCG_PRI_STOPPED);
		return PCG_DONE;
	}
	pcg_view_pasid_set(&f->view, &f->controlled);
	pcg_say(&f->log, PCG_WARN, f->at * 4u, f->write.after,
		"PASID, ATS or page requests could not be turned on or off: the register reads as before");
	return PCG_DONE;
}

const step_fn pasid_write_steps[] = { tell_write, settle, NULL };

static int tell_off(struct pcg_function *f)
{
	memset(&f->control, 0, sizeof(f->control));
	f->control.page_reset = true;
	return tell(f);
}

/* A reset goes on whatever the backend says: next it takes the function's memory away. */
static int settle_off(struct pcg_function *f)
{
	f->entrusted = f->forgiven != 0;
	return PCG_DONE;
}

static const step_fn off_steps[] = { tell_off, settle_off, NULL };

/* Also what it was told and did not do, or was given up over: it may be on all the same. */
int pasid_off(struct pcg_function *f)
{
	memset(&f->controlled, 0, sizeof(f->controlled));
	if (f->host->ops->pasid != NULL && f->entrusted)
		order_push(f, off_steps);
	return PCG_DONE;
}

/* The function has lost what its guest still reads. */
int pasid_again(struct pcg_function *f)
{
	if (f->host->ops->pasid == NULL || !is_on(&f->controlled))
		return PCG_DONE;
	f->control = f->controlled;
	return tell(f);
}

void pasid_page_status(void *arg, uint16_t raised)
{
	struct pcg_function *f = arg;

	pcg_view_page_status(&f->view, raised);
}

void pasid_recorded(void *arg)
{
	struct pcg_function *f = arg;

	if (f->events.recorded != NULL)
		f->events.recorded(f->events.arg);
}

/* --- what the client drives --- */

static int do_space(struct pcg_function *f)
{
	return f->host->ops->space(f->host, f->request->space, &f->op);
}

const step_fn pasid_space_steps[] = { do_space, NULL };

int pasid_space_check(const struct pcg_function *f, const struct pcg_space *space)
{
	if (f->host->ops->space == NULL || !has_spoken(f) || f->options.spoken.width == 0)
		return -EOPNOTSUPP;
	if (space == NULL)
		return -EINVAL;
	if (space->verb == PCG_SPACE_ATTACH && space->pasid >> f->view.pasid.shown.width != 0)
		return -ERANGE;
	return 0;
}

int pcg_function_fault(struct pcg_function *f, struct pcg_fault *fault)
{
	if (f->host->ops->fault == NULL || !has_spoken(f))
		return -EOPNOTSUPP;
	return f->host->ops->fault(f->host, fault);
}

int pcg_function_page_request(struct pcg_function *f, struct pcg_page_request *request)
{
	if (f->host->ops->page_request == NULL || !f->options.spoken.page_requests)
		return -EOPNOTSUPP;
	return f->host->ops->page_request(f->host, request);
}

int pcg_function_page_response(struct pcg_function *f, const struct pcg_page_response *response)
{
	if (f->host->ops->page_response == NULL || !f->options.spoken.page_requests)
		return -EOPNOTSUPP;
	if (response->code != PCG_PAGE_SUCCESS && response->code != PCG_PAGE_INVALID &&
	    response->code != PCG_PAGE_FAILURE)
		return -EINVAL;
	return f->host->ops->page_response(f->host, response);
}
