/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/pool_internal.h"
#include "host/sim/transfers.h"

#define PATTERN 0xa5

struct sim_transfer {
	struct sim_transfer *next;
	struct sim_transfers *all;
	const struct pcg_log *log;
	struct fabric_dma dma;
	struct pcg_op op;
	uint8_t data[];
};

const char *sim_transfer_status(enum tlp_status status)
{
	switch (status) {
	case TLP_SUCCESS:
		return "success";
	case TLP_UNSUPPORTED:
		return "Unsupported Request";
	case TLP_ABORTED:
		return "Completer Abort";
	case TLP_LOST:
		return "lost on its way";
	default:
		return "refused";
	}
}

static void transfer_end(struct sim_transfer *transfer)
{
	struct sim_transfer **at = &transfer->all->first;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	transfer->all->count--;
	free(transfer);
}

static void transfer_done(struct pcg_op *op, int result)
{
	struct sim_transfer *transfer = (void *)((char *)op - offsetof(struct sim_transfer, op));
	const struct fabric_dma *dma = &transfer->dma;
	char name[64];

	sim_name(dma->f, name, sizeof(name));
	base_log(transfer->log, PCG_INFO, "sim: by command: %s %s 0x%llx: %s, %zu of %zu bytes", name,
		 dma->write ? "wrote to" : "read from", (unsigned long long)dma->address,
		 result == 0 ? "success" : sim_transfer_status(dma->status), dma->moved, dma->length);
	transfer_end(transfer);
}

int sim_transfer_begin(struct sim_transfers *transfers, struct fabric_dma *wish, uint8_t **data,
		       const struct pcg_log *log)
{
	struct sim_transfer *transfer;
	int r;

	*data = NULL;
	if (transfers->count == SIM_TRANSFERS)
		return -EBUSY;
	transfer = calloc(1, sizeof(*transfer) + wish->length);
	if (transfer == NULL)
		return -ENOMEM;
	if (wish->write)
		memset(transfer->data, PATTERN, wish->length);
	transfer->all = transfers;
	transfer->log = log;
	transfer->op.done = transfer_done;
	transfer->dma = *wish;
	transfer->dma.data = transfer->data;
	transfer->dma.op = &transfer->op;
	transfer->next = transfers->first;
	transfers->first = transfer;
	transfers->count++;
	r = fabric_dma(&transfer->dma);
	if (r == PCG_PENDING)
		return r;
	wish->status = transfer->dma.status;
	wish->moved = transfer->dma.moved;
	if (!wish->write && wish->moved > 0 && (*data = malloc(wish->moved)) != NULL)
		memcpy(*data, transfer->data, wish->moved);
	transfer_end(transfer);
	return r;
}

void sim_transfers_drop(struct sim_transfers *transfers, const struct fabric_function *f)
{
	struct sim_transfer *next;

	for (struct sim_transfer *transfer = transfers->first; transfer != NULL; transfer = next) {
		next = transfer->next;
		if (f != NULL && transfer->dma.f != f)
			continue;
		fabric_dma_cancel(&transfer->dma);
		transfer_end(transfer);
	}
}
