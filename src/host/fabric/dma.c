/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transfers that functions make. Packets of one transfer that have the same size and fall into the same page of 4 KiB
 * meet the same registers on the same way: one of them is judged, and then the page is moved in one piece. For the root
 * complex it may be more than a page: windows of ports come in units of 1 MiB (PCIe 6.0, 7.5.1.3.8). A function with a
 * fault armed that counts packets has them judged one by one.
 */
#include <errno.h>
#include <stddef.h>

#include "host/fabric/internal.h"

#define PAGE   4096u
#define WINDOW (1u << 20)

static uint32_t packet_size(const struct fabric_dma *dma)
{
	return dma->write ? fabric_mps(dma->f) : fabric_mrrs(dma->f);
}

static size_t rest_of(uint64_t address, uint32_t unit)
{
	return unit - (size_t)(address & (unit - 1));
}

/* The first packet stands for all of a piece: it has to have their size. */
static size_t run_of(const struct fabric_dma *dma, size_t page)
{
	size_t most = dma->f->fabric->ops.most, room = rest_of(dma->address + dma->moved, WINDOW);

	if (most <= page || page < packet_size(dma) || dma->at != TLP_UNTRANSLATED || dma->pasid.present)
		return page;
	return room < most ? room : most;
}

/* PCIe 6.0, 2.2.7: no request crosses a 4 KiB boundary. */
static size_t piece_of(const struct fabric_dma *dma)
{
	size_t left = dma->length - dma->moved;
	size_t room = rest_of(dma->address + dma->moved, PAGE);

	if (dma->f->faults.malform == 0 && (!dma->write || dma->f->faults.poison == 0))
		room = run_of(dma, room);
	else if (room > packet_size(dma))
		room = packet_size(dma);
	return left < room ? left : room;
}

static struct tlp packet_of(const struct fabric_dma *dma, size_t piece)
{
	uint32_t packet = packet_size(dma);

	return (struct tlp){ .type = dma->write ? TLP_MEMORY_WRITE : TLP_MEMORY_READ,
			     .at = dma->at,
			     .requester = fabric_bdf(dma->f),
			     .tag = dma->f->tag,
			     .pasid = dma->pasid,
			     .address = dma->address + dma->moved,
			     .length = (uint32_t)(piece < packet ? piece : packet) };
}

static uint8_t *data_of(const struct fabric_dma *dma)
{
	return dma->data == NULL ? NULL : dma->data + dma->moved;
}

/* The root complex's completions are cut by its port's Max_Payload_Size (PCIe 6.0, 2.3.1.1). */
static enum tlp_status root_completes(struct fabric_dma *dma, size_t piece)
{
	struct tlp tlp = packet_of(dma, piece);
	const struct fabric_bus *bus = fabric_bus_of(dma->f);
	uint32_t payload = tlp.length;

	if (dma->write || bus == NULL || bus->port == NULL)
		return TLP_SUCCESS;
	while (bus->port->bus->port != NULL)
		bus = bus->port->bus;
	if (payload > fabric_mps(bus->port))
		payload = fabric_mps(bus->port);
	return fabric_complete_down(dma->f, &tlp, 0, payload, NULL) ? TLP_SUCCESS : TLP_LOST;
}

static enum tlp_status peer_completes(struct fabric_dma *dma, const struct fabric_route *route, const struct tlp *tlp)
{
	uint32_t payload = fabric_mps(route->f) < tlp->length ? fabric_mps(route->f) : tlp->length;
	bool poisoned = false;

	if (!fabric_complete_up(route->f, tlp, payload, route->turn, &poisoned) ||
	    !fabric_complete_down(dma->f, tlp, fabric_bdf(route->f), payload, route->turn))
		return TLP_LOST;
	if (!poisoned)
		return TLP_SUCCESS;
	dma->spoilt = true;
	fabric_complete_poisoned(dma->f, tlp, fabric_bdf(route->f), payload, route->turn);
	return TLP_UNSUPPORTED;
}

static enum tlp_status to_peer(struct fabric_dma *dma, const struct fabric_route *route, struct tlp *tlp, size_t piece)
{
	struct fabric *fabric = dma->f->fabric;
	enum tlp_status status;
	struct tlp whole = *tlp;

	if (fabric->depth >= FABRIC_MAX_DEPTH)
		return TLP_LOST;
	whole.length = (uint32_t)piece;
	whole.data = data_of(dma);
	fabric->depth++;
	status = fabric_deliver(route->f, route->bar, route->offset, &whole);
	fabric->depth--;
	return status == TLP_SUCCESS && !dma->write ? peer_completes(dma, route, tlp) : status;
}

static enum tlp_status to_root(struct fabric_dma *dma, const struct tlp *tlp, size_t piece)
{
	struct fabric *fabric = dma->f->fabric;
	enum tlp_status status = TLP_SUCCESS;
	int r;

	if (fabric_take(&dma->f->faults.block)) {
		if (fabric->ops.blocked != NULL)
			fabric->ops.blocked(fabric->arg, tlp, tlp->address);
		return TLP_UNSUPPORTED;
	}
	if (fabric->ops.access == NULL)
		return TLP_UNSUPPORTED;
	dma->piece = piece;
	r = fabric->ops.access(fabric->arg, tlp, tlp->address, data_of(dma), piece, &status, &dma->step);
	if (r == PCG_PENDING)
		return TLP_PENDING;
	if (r != PCG_DONE)
		return TLP_UNSUPPORTED;
	return status == TLP_SUCCESS ? root_completes(dma, piece) : status;
}

/* BARs are judged a page at a time, and can be smaller than that: what comes behind is another packet's to meet. */
static size_t rest_of_bar(const struct fabric_route *route, size_t piece)
{
	const struct fabric_function *f = route->f;
	uint64_t size = route->bar == FABRIC_ROM ? f->rom.size : f->bars[route->bar].size;
	size_t page = rest_of(route->offset, PAGE);

	if (piece > page)
		piece = page;
	return piece > size - route->offset ? (size_t)(size - route->offset) : piece;
}

static enum tlp_status send_piece(struct fabric_dma *dma, size_t piece)
{
	struct fabric_function *f = dma->f;
	struct tlp tlp = packet_of(dma, piece);
	struct fabric_route route = { .payload = tlp.length };
	enum tlp_status status;

	tlp.malformed = fabric_take(&f->faults.malform);
	tlp.poisoned = dma->write && fabric_take(&f->faults.poison);
	fabric_poison_up(f, &tlp);
	f->tag = (uint8_t)(f->tag + (piece == 0 ? 1 : (piece + tlp.length - 1) / tlp.length));
	status = fabric_route_up(f, &tlp, &route);
	if (status != TLP_SUCCESS)
		return status;
	if (route.root)
		return to_root(dma, &tlp, piece);
	piece = rest_of_bar(&route, piece);
	dma->piece = piece;
	return to_peer(dma, &route, &tlp, piece);
}

/* What the requester makes of an answer, or of none: writes have neither. */
static void note_end(const struct fabric_dma *dma)
{
	if (dma->write || dma->spoilt)
		return;
	if (dma->status == TLP_LOST)
		fabric_timeout(dma->f, NULL);
	else if (dma->status == TLP_ABORTED)
		fabric_status(dma->f, false, STATUS_RECEIVED_ABORT);
	else
		fabric_status(dma->f, false, STATUS_RECEIVED_MASTER_ABORT);
}

/* @status: of the piece before. */
static int go_on(struct fabric_dma *dma, enum tlp_status status)
{
	for (;;) {
		dma->status = status;
		if (status == TLP_PENDING)
			return PCG_PENDING;
		if (status != TLP_SUCCESS) {
			note_end(dma);
			return -EIO;
		}
		dma->moved += dma->piece;
		if (dma->moved >= dma->length)
			return PCG_DONE;
		dma->piece = piece_of(dma);
		status = send_piece(dma, dma->piece);
	}
}

static int allowed(struct fabric_dma *dma)
{
	const struct fabric_function *f = dma->f;

	if (!fabric_alive(f)) {
		dma->status = TLP_LOST;
		return -EIO;
	}
	/* PCIe 6.0, 7.5.1.1.3 and 5.3.1.4.1. */
	if (!(f->model.value[PCG_COMMAND / 4] & PCG_COMMAND_MASTER) || model_power(&f->model) != PCG_D0) {
		dma->status = TLP_UNSUPPORTED;
		return -EACCES;
	}
	return 0;
}

static void step_done(struct pcg_op *op, int result)
{
	struct fabric_dma *dma = (void *)((char *)op - offsetof(struct fabric_dma, step));
	enum tlp_status status = result == 0 ? root_completes(dma, dma->piece) : TLP_UNSUPPORTED;
	int r = 0;

	/* What was allowed when it began may not be any more when its next piece goes out. */
	if (status == TLP_SUCCESS && dma->moved + dma->piece < dma->length)
		r = allowed(dma);
	if (r == 0)
		r = go_on(dma, status);
	if (r != PCG_PENDING)
		dma->op->done(dma->op, r);
}

int fabric_dma(struct fabric_dma *dma)
{
	int r;

	dma->moved = 0;
	dma->piece = 0;
	dma->spoilt = false;
	dma->status = TLP_UNSUPPORTED;
	dma->step = (struct pcg_op){ .done = step_done };
	if (dma->length != 0 && dma->length - 1 > UINT64_MAX - dma->address)
		return -EINVAL;
	r = allowed(dma);
	if (r != 0)
		return r;
	dma->piece = piece_of(dma);
	return go_on(dma, send_piece(dma, dma->piece));
}

void fabric_dma_cancel(struct fabric_dma *dma)
{
	struct fabric *fabric = dma->f->fabric;

	if (dma->status != TLP_PENDING)
		return;
	dma->status = TLP_LOST;
	if (fabric->ops.cancel != NULL)
		fabric->ops.cancel(fabric->arg, &dma->step);
}
