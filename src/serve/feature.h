/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files that answer DEVICE_FEATURE. */
#ifndef SERVE_FEATURE_H
#define SERVE_FEATURE_H

#include <pcigate/feature.h>

#include "serve/connection.h"

/*
 * One GET or SET.
 * @payload: as the feature's size has it, what came in; worked on in place, it is the answer
 * @more, @nmore: what came behind it
 * @room: bytes that the client takes as a payload
 * @size: of the answer; the feature's, and more only within @room and FEATURE_MOST
 */
struct feature_call {
	struct serve_connection *c;
	struct stream_message *message;
	uint8_t *payload;
	const uint8_t *more;
	size_t nmore;
	size_t room;
	size_t size;
};

/* Return: 0; a negative errno; with SET also PCG_PENDING: serve_connection_finish() follows. */
typedef int feature_handler(struct feature_call *call);

#define FEATURE_MOST (sizeof(struct pcg_feature_batch) + PCG_FEATURE_BATCH * sizeof(struct pcg_feature_fault))

/* feature_pasid.c */
feature_handler feature_pasid_get;
feature_handler feature_pasid_set;
feature_handler feature_space_set;
feature_handler feature_page_request_get;
feature_handler feature_page_request_set;
feature_handler feature_fault_get;
feature_handler feature_event_get;
feature_handler feature_event_set;

#endif
