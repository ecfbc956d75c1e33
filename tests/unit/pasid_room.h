/* SPDX-License-Identifier: BSD-3-Clause */
/* A function whose backend enforces PASID, ATS and page requests, and what its clients do first. */
#ifndef TESTS_PASID_ROOM_H
#define TESTS_PASID_ROOM_H

#include "recorder.h"

#define AT_ATS 0x400u
#define AT_PRI 0x500u

extern struct recorder r;
extern const struct pcg_pasid_wish all;

/* What an operator says. */
struct pcg_view_options wanting(enum pcg_shown shown);

/* Of a client that has not spoken, and of one that has, for @all. */
struct pcg_function *open_silent(void);
struct pcg_function *open_spoken(void);

/* Whether a capability stands there. */
bool shows(struct pcg_function *f, unsigned int at, unsigned int id);

/* For requests that nobody waits for, and one of them. */
void done(struct pcg_request *request);
int ask(struct pcg_function *f, enum pcg_request_kind kind, struct pcg_space *space);

#endif
