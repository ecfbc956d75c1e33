/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/descriptors.h"
#include "serve/waiting.h"

struct waiting_command {
	struct waiting_command *next;
	struct stream_message message; /* body and fds point into this or into @message.owned */
	size_t size;
	int fds[]; /* the body behind them */
};

void waiting_init(struct waiting *waiting)
{
	*waiting = (struct waiting){ .last = &waiting->first };
}

void waiting_finish(struct waiting *waiting, struct descriptors *aside)
{
	while (waiting->first != NULL)
		waiting_free(waiting_take(waiting), aside);
}

bool waiting_full(const struct waiting *waiting)
{
	return waiting->size >= WAITING_BYTES || waiting->fds >= WAITING_FDS;
}

int waiting_put(struct waiting *waiting, struct stream_message *message)
{
	size_t body = message->owned != NULL ? 0 : message->size;
	size_t fds = message->nfds * sizeof(int);
	struct waiting_command *w = malloc(sizeof(*w) + fds + body);

	if (w == NULL)
		return -ENOMEM;
	w->next = NULL;
	w->size = sizeof(*w) + fds + message->size;
	w->message = *message;
	w->message.fds = w->fds;
	if (fds > 0)
		memcpy(w->fds, message->fds, fds);
	for (unsigned int i = 0; i < message->nfds; i++)
		message->fds[i] = -1;
	if (message->owned == NULL) {
		w->message.body = (uint8_t *)w->fds + fds;
		memcpy((uint8_t *)w->fds + fds, message->body, body);
	}
	message->owned = NULL;
	*waiting->last = w;
	waiting->last = &w->next;
	waiting->size += w->size;
	waiting->fds += message->nfds;
	return 0;
}

struct waiting_command *waiting_take(struct waiting *waiting)
{
	struct waiting_command *w = waiting->first;

	waiting->first = w->next;
	if (waiting->first == NULL)
		waiting->last = &waiting->first;
	waiting->size -= w->size;
	waiting->fds -= w->message.nfds;
	return w;
}

struct stream_message *waiting_message(struct waiting_command *command)
{
	return &command->message;
}

void waiting_free(struct waiting_command *command, struct descriptors *aside)
{
	for (unsigned int i = 0; i < command->message.nfds; i++) {
		if (command->fds[i] >= 0)
			descriptors_close(aside, command->fds[i]);
	}
	free(command->message.owned);
	free(command);
}
