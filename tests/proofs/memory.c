/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The function room's arithmetic: how an access is cut around the MSI-X table and the PBA, how their pages are taken
 * out of what a client can map, and how a configuration access becomes dwords.
 */
#include "proof.h"

#include "function/config.c"
#include "function/memory.c"

#ifndef LOW
#define LOW UINT64_MAX
#endif
#define TABLE_MAX (PCG_MSIX_MAX * 16u)

extern struct pcg_function function;
extern uint8_t data[16];
static struct pcg_request request;
static uint64_t served;

static struct pci_window some_window(void)
{
	struct pci_window w = { nondet_u32(), nondet_u64(), nondet_u64() };

	/* What place() in msix.c gives: inside a BAR, or nothing. */
	ASSUME(w.start <= w.end && w.end - w.start <= TABLE_MAX && w.end <= LOW && w.bar < PCG_NUM_BARS);
	return w;
}

/* A cut keeps order, makes progress, and is wholly inside the window or wholly outside. */
void a_cut_is_inside_or_outside(void)
{
	struct pci_window w = some_window();
	uint64_t offset = nondet_u64(), at = nondet_u64();
	size_t left = nondet_size(), n;
	bool inside;

	ASSUME(left <= UINT64_MAX - offset);
	request.region = nondet_u32();
	n = clip(&w, &request, offset, left, &inside);
	PROVE(n <= left);
	PROVE(IF(left > 0, n > 0));
	PROVE(IF(inside, w.bar == request.region && offset >= w.start && offset + n <= w.end));
	ASSUME(at >= offset && at - offset < n);
	PROVE(IF(!inside && w.bar == request.region, at < w.start || at >= w.end));
}

/* --- one piece of an access to a region --- */

int order_again(struct pcg_function *f)
{
	(void)f;
	return PCG_DONE;
}

static void moves(uint64_t offset, const void *to, size_t length)
{
	PROVE(offset == request.offset + served);
	PROVE(to == data + served);
	PROVE(length > 0 && length <= request.length - served);
}

void msix_read(const struct pcg_function *f, const struct pci_window *w, uint64_t offset, uint8_t *to, size_t length)
{
	PROVE(w == &f->table || w == &f->pba);
	PROVE(offset + length <= w->end - w->start);
	PROVE(w->bar == request.region);
	moves(w->start + offset, to, length);
}

void msix_write(struct pcg_function *f, uint64_t offset, const uint8_t *from, size_t length)
{
	PROVE(offset + length <= f->table.end - f->table.start);
	PROVE(offset + length <= TABLE_MAX);
	moves(f->table.start + offset, from, length);
}

static bool meets(const struct pci_window *w, uint64_t offset, size_t length)
{
	return w->bar == request.region && offset < w->end && offset + length > w->start && w->end > w->start;
}

static int region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *to, size_t length,
		       struct pcg_op *op)
{
	(void)host;
	(void)op;
	PROVE(region == request.region);
	PROVE(!meets(&function.table, offset, length) && !meets(&function.pba, offset, length));
	moves(offset, to, length);
	return PCG_DONE;
}

static int region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *from, size_t length,
			struct pcg_op *op)
{
	return region_read(host, region, offset, (void *)(uintptr_t)from, length, op);
}

/* A piece goes to one place, all of it, in order; the table and the PBA never reach the function. */
void a_piece_has_one_owner(void)
{
	static const struct pcg_host_ops ops = { .region_read = region_read, .region_write = region_write };
	static struct pcg_host host = { .ops = &ops };

	function.host = &host;
	function.request = &request;
	function.table = some_window();
	function.pba = some_window();
	request.kind = nondet_bool() ? PCG_REQUEST_READ : PCG_REQUEST_WRITE;
	request.region = nondet_u32();
	request.offset = nondet_u64();
	request.length = nondet_size();
	request.data = data;
	/* As memory_check() lets it pass: inside a region. */
	ASSUME(request.length <= sizeof(data) && request.offset <= LOW - sizeof(data));
	served = nondet_u64();
	ASSUME(served <= request.length);
	function.moved = served;
	PROVE(memory_piece(&function) == PCG_DONE);
	PROVE(function.moved >= served && function.moved <= request.length);
	PROVE(IF(served<request.length, function.moved> served));
}

/* What may be mapped: still inside, still in order, and no page of the cut range among it. */
void a_cut_page_is_not_mapped(void)
{
	struct pcg_region region, before;
	uint64_t start = nondet_u64(), end = nondet_u64(), at = nondet_u64();
	unsigned int i = nondet_u32(), k;
	bool covered = false;

	/* One area to begin with, and one more for each window that was cut before. */
	ASSUME(region.nareas <= 2);
	ASSUME(start <= end && end <= UINT64_MAX - PAGE);
	/* The runner says how large regions are. */
	for (k = 0; k < 2; k++)
		ASSUME(region.areas[k].size <= LOW && region.areas[k].offset <= LOW);
	ASSUME(end <= LOW);
	before = region;
	cut(&region, start, end);
	PROVE(region.nareas <= PCG_MAX_AREAS);
	PROVE(IF(region.nareas == 0, region.fd == -1 && !(region.flags & PCG_REGION_MMAP)));
	ASSUME(i < region.nareas);
	ASSUME(at >= region.areas[i].offset && at - region.areas[i].offset < region.areas[i].size);
	for (k = 0; k < before.nareas; k++)
		covered |= at >= before.areas[k].offset && at - before.areas[k].offset < before.areas[k].size;
	PROVE(covered);
	PROVE(IF(start < end, (at | (PAGE - 1)) < start || (at & ~(uint64_t)(PAGE - 1)) >= end));
}

/* --- a configuration access becomes dwords --- */

static void some_access(void)
{
	function.request = &request;
	request.data = data;
	request.offset = nondet_u64();
	request.length = nondet_size();
	/* As submit_config() lets it pass; the length of the buffer stands for any. */
	ASSUME(request.offset <= 4096 && request.length <= 4096 - request.offset && request.length <= sizeof(data));
	function.moved = nondet_size();
	ASSUME(function.moved < request.length);
}

/* A piece is one dword of the space and the bytes of it that the access still has, in order. */
void a_configuration_piece_is_one_dword(void)
{
	unsigned int n, byte = nondet_u32();
	uint64_t at;

	some_access();
	n = config_piece(&function);
	ASSUME(byte < 4);
	at = function.at * 4u + byte;
	PROVE(n >= 1 && n <= 4 && function.moved + n <= request.length);
	PROVE(function.at < PCG_CONFIG_DWORDS);
	PROVE((function.be >> byte & 1) ==
	      (at >= request.offset + function.moved && at < request.offset + function.moved + n));
	PROVE(function.be < 16);
}

/* The bytes of a piece go where they belong and no others are touched. */
void a_configuration_piece_moves_its_bytes(void)
{
	uint32_t value = nondet_u32();
	size_t other = nondet_size();
	unsigned int n;
	uint8_t had;

	some_access();
	n = config_piece(&function);
	ASSUME(other < sizeof(data) && (other < function.moved || other >= function.moved + n));
	had = data[other];
	config_put(&function, value);
	PROVE(data[other] == had);
	PROVE(((config_get(&function) ^ value) & pcg_be_mask(function.be)) == 0);
	PROVE((config_get(&function) & ~pcg_be_mask(function.be)) == 0);
}
