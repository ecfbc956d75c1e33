/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pasid_room.h"

struct recorder r;

const struct pcg_pasid_wish all = {
	.width = 20, .execute = true, .privileged = true, .ats = true, .page_requests = true
};

struct pcg_view_options wanting(enum pcg_shown shown)
{
	return (struct pcg_view_options){
		.profile = pcg_profile_find("guarded"),
		.pasid = { .pasid = { (uint8_t)shown, PCG_PLACE_OWN },
			   .ats = { (uint8_t)shown, AT_ATS },
			   .pri = { (uint8_t)shown, AT_PRI } },
	};
}

struct pcg_function *open_silent(void)
{
	struct pcg_view_options options = wanting(PCG_SHOWN_SPOKEN);

	recorder_init(&r);
	recorder_pasid(&r);
	return recorder_open(&r, &options);
}

struct pcg_function *open_spoken(void)
{
	struct pcg_function *f = open_silent();

	assert_int_equal(pcg_function_pasid(f, &all, NULL), 0);
	return f;
}

bool shows(struct pcg_function *f, unsigned int at, unsigned int id)
{
	return guest_read(f, at, 2) == id;
}

void done(struct pcg_request *request)
{
	(void)request;
}

int ask(struct pcg_function *f, enum pcg_request_kind kind, struct pcg_space *space)
{
	struct pcg_request rq = { .kind = kind, .region = PCG_REGION_BAR0, .space = space, .done = done };

	return pcg_function_submit(f, &rq);
}
