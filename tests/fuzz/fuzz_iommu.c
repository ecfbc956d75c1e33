/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two requesters of one IOMMU do what input says, each beside a model of it (iommu_model.h) that says what has to come
 * of it.
 */
#include <errno.h>

#include "fuzz.h"
#include "iommu_model.h"

static struct tlp packet(const struct side *side, struct input *input)
{
	uint8_t what = take8(input);

	return (struct tlp){
		.type = what & 1 ? TLP_MEMORY_WRITE : TLP_MEMORY_READ,
		.requester = side->bdf,
		.pasid = { .present = what & 2 || what & 4,
			   .execute = what & 8,
			   .privileged = what & 16,
			   .value = model_pasids[take8(input) % PASIDS] },
	};
}

static void translate(struct room *room, struct side *side, struct input *input)
{
	struct tlp tlp = packet(side, input);
	unsigned int page = take8(input) % PAGES;
	uint64_t address = model_iova(page) + take16(input) % PAGE, length = take16(input);
	struct iommu_answer answer;
	enum pcg_fault_reason reason;
	enum tlp_status status;

	if (take8(input) % 4 == 0)
		tlp.at = TLP_TRANSLATED;
	reason = model_gate(room, side, &tlp);
	if (reason == PCG_FAULT_NONE && tlp.pasid.present && tlp.at == TLP_UNTRANSLATED)
		reason = model_page(side, &tlp, page, length == 0);
	status = iommu_translate(room->iommu, &tlp, address, length, &answer);
	HOLDS(status == (reason == PCG_FAULT_NONE ? TLP_SUCCESS : TLP_UNSUPPORTED) && answer.reason == reason);
	if (reason != PCG_FAULT_NONE) {
		model_remember(side, reason, tlp.type == TLP_MEMORY_WRITE, &tlp.pasid, address);
		return;
	}
	HOLDS(answer.dma == side->dma && answer.length <= length && (answer.length > 0) == (length > 0));
	if (tlp.pasid.present && tlp.at == TLP_UNTRANSLATED) {
		const struct page *now = &side->pages[model_place(side, tlp.pasid.value)][page];

		HOLDS(answer.address == now->address + address % PAGE && answer.flags == now->flags);
		HOLDS(answer.length == length || answer.length >= PAGE - address % PAGE);
	} else {
		HOLDS(answer.address == address);
		HOLDS(answer.length == length || answer.address + answer.length == 0);
	}
}

static void ask_translation(struct room *room, struct side *side, struct input *input)
{
	struct tlp tlp = packet(side, input);
	unsigned int page = take8(input) % PAGES;
	struct iommu_answer answer;
	enum pcg_fault_reason reason, gate;
	struct cached *c = &side->cache[side->next % CACHE];

	tlp.type = TLP_MEMORY_READ;
	tlp.at = TLP_TRANSLATION_REQUEST;
	tlp.address = model_iova(page) + take16(input) % PAGE;
	gate = model_gate(room, side, &tlp);
	reason = gate == PCG_FAULT_NONE && tlp.pasid.present ? model_page(side, &tlp, page, false) : gate;
	HOLDS(iommu_ats(room->iommu, &tlp, &answer) == (gate == PCG_FAULT_NONE ? TLP_SUCCESS : TLP_UNSUPPORTED));
	HOLDS(answer.reason == reason && (answer.flags != 0) == (reason == PCG_FAULT_NONE));
	if (gate != PCG_FAULT_NONE)
		model_remember(side, gate, false, &tlp.pasid, tlp.address);
	if (answer.flags == 0)
		return;
	HOLDS(answer.dma == side->dma && answer.address % PAGE == tlp.address % PAGE && answer.length > 0);
	if (tlp.pasid.present) {
		uint32_t flags = side->pages[model_place(side, tlp.pasid.value)][page].flags;
		uint64_t block = PAGE;

		while (block < answer.length)
			block <<= 1;
		HOLDS((answer.address - tlp.address) % block == 0);
		HOLDS((answer.flags & 3) == (flags & 3));
		HOLDS(!(answer.flags & PCG_SPACE_EXECUTE) == !(tlp.pasid.execute && (flags & PCG_SPACE_EXECUTE)));
		HOLDS(!(answer.flags & PCG_SPACE_USER) == tlp.pasid.privileged);
	}
	*c = (struct cached){ true,          tlp.pasid.present, tlp.pasid.value, tlp.address,
			      answer.length, answer.address,    answer.flags };
	side->next++;
}

static void map(struct room *room, struct side *side, struct input *input)
{
	unsigned int place = take8(input) % SPACES, first = take8(input) % PAGES, count = 1u + take8(input) % 4, i;
	uint32_t flags = take8(input) % 32;
	struct pcg_space wish = { .verb = PCG_SPACE_MAP,
				  .space = side->ids[place],
				  .iova = model_iova(first),
				  .flags = flags,
				  .address = (uint64_t)take8(input) * PAGE };
	bool wrong = (flags & 3) == 0 || (flags & 16) || (flags & 5) == 4, taken = false;
	int r;

	if (first < PAGES / 2 && first + count > PAGES / 2)
		count = PAGES / 2 - first;
	wish.size = count * PAGE;
	if (take8(input) == 1)
		wish.size |= 8;
	wrong = wrong || wish.size % PAGE != 0 || first + count > PAGES;
	for (i = first; i < first + count && i < PAGES; i++)
		taken = taken || side->pages[place][i].flags != 0;
	r = iommu_space(side->r, &wish);
	if (!side->attached)
		HOLDS(r == -ENOTCONN);
	else if (side->ids[place] == 0)
		HOLDS(r == -ENOENT);
	else
		HOLDS(r == (wrong ? -EINVAL : taken ? -EEXIST : 0));
	for (room->maps++, i = first; r == 0 && i < first + count; i++)
		side->pages[place][i] = (struct page){ flags, room->maps, wish.address + (i - first) * PAGE };
}

static void unmap(struct room *room, struct side *side, struct input *input)
{
	unsigned int place = take8(input) % SPACES, first = take8(input) % PAGES, count = take8(input) % 24, i,
		     found = 0;
	struct pcg_space wish = { .verb = PCG_SPACE_UNMAP, .space = side->ids[place] };
	uint32_t which = side->pages[place][first].map;
	bool exact;
	int r;

	(void)room;
	for (i = 0; i < PAGES; i++)
		found += side->pages[place][i].map == which;
	if (count > 4 && which != 0) { /* oftener than chance would */
		count = found;
		while (first > 0 && side->pages[place][first - 1].map == which)
			first--;
	}
	wish.iova = model_iova(first);
	wish.size = count * PAGE;
	r = iommu_space(side->r, &wish);
	exact = which != 0 && found == count && (first == 0 || side->pages[place][first - 1].map != which);
	if (!side->attached)
		HOLDS(r == -ENOTCONN);
	else
		HOLDS(r == (side->ids[place] != 0 && (count == 0 || exact) ? 0 : -ENOENT));
	for (i = 0; r == 0 && i < PAGES; i++)
		if (count == 0 || side->pages[place][i].map == which)
			side->pages[place][i] = (struct page){ 0 };
}

static void space(struct room *room, struct side *side, struct input *input)
{
	unsigned int place = take8(input) % SPACES, i;
	struct pcg_space wish = { .verb = side->ids[place] == 0 ? PCG_SPACE_CREATE : PCG_SPACE_DESTROY,
				  .space = side->ids[place] };
	int r = iommu_space(side->r, &wish);

	(void)room;
	HOLDS(r == (side->attached ? 0 : -ENOTCONN));
	if (r != 0)
		return;
	side->ids[place] = side->ids[place] == 0 ? wish.space : 0;
	memset(side->pages[place], 0, sizeof(side->pages[place]));
	for (i = 0; i < PASIDS; i++)
		if (side->where[i] == place)
			side->where[i] = SPACES;
}

static void table(struct room *room, struct side *side, struct input *input)
{
	unsigned int place = take8(input) % SPACES, i = take8(input) % PASIDS;
	bool attach = take8(input) % 4 != 0;
	struct pcg_space wish = { .verb = attach ? PCG_SPACE_ATTACH : PCG_SPACE_DETACH,
				  .space = side->ids[place],
				  .pasid = model_pasids[i] };
	int r = iommu_space(side->r, &wish);
	uint64_t end = attach ? model_width(room, side) : UINT64_C(1) << room->facts.pasid_width;

	if (!side->attached)
		HOLDS(r == -ENOTCONN);
	else if (model_pasids[i] >= end)
		HOLDS(r == -ERANGE);
	else if (attach ? side->ids[place] == 0 : side->where[i] == SPACES)
		HOLDS(r == -ENOENT);
	else
		HOLDS(r == 0);
	if (r == 0)
		side->where[i] = attach ? place : SPACES;
}

static void forget(struct side *side)
{
	side->nasked = 0;
}

static void control(struct room *room, struct side *side, struct input *input)
{
	uint8_t bits = take8(input), more = take8(input);
	struct pcg_pasid_control now = { .pasid = bits & 3,
					 .execute = bits & 4,
					 .privileged = bits & 8,
					 .ats = bits & 48,
					 .page_requests = bits & 192,
					 .page_reset = more % 8 == 0,
					 .width = more & 128 ? more % 24 : 0,
					 .allocation = take8(input) % 10 };

	(void)room;
	HOLDS(iommu_control(side->r, &now) == 0);
	if (now.page_reset && !now.page_requests)
		forget(side);
	side->control = now;
}

static void attach(struct room *room, struct side *side, struct input *input)
{
	struct iommu_events events = { .arg = side, .invalidate = model_invalidate };
	bool give = take8(input) % 4 != 0;
	unsigned int i;

	(void)room;
	HOLDS(iommu_attach(side->r, give ? side->dma : NULL, &events) == 0);
	if (side->attached || !give) {
		memset(&side->control, 0, sizeof(side->control));
		memset(side->ids, 0, sizeof(side->ids));
		memset(side->pages, 0, sizeof(side->pages));
		for (i = 0; i < PASIDS; i++)
			side->where[i] = SPACES;
		forget(side);
		for (i = 0; i < CACHE; i++)
			HOLDS(!side->cache[i].used);
	}
	if (give)
		side->nfaults = 0;
	side->attached = give;
}

/* --- page requests --- */

static void ask_page(struct room *room, struct side *side, struct input *input)
{
	uint8_t bits = take8(input);
	struct asked new = { .request = { .address = take8(input) * PAGE,
					  .pasid = model_pasids[take8(input) % PASIDS],
					  .group = take8(input) % 3,
					  .has_pasid = bits & 3,
					  .read = bits & 4,
					  .write = bits & 8,
					  .execute = bits & 16,
					  .privileged = bits & 32,
					  .last = bits & 192 } };
	struct pcg_page_request *q = &new.request;
	struct tlp message;
	int r, expected;

	new.marker = q->has_pasid && q->last && !q->read && !q->write;
	r = iommu_page_request(room->iommu, side->bdf, q);
	if (!q->has_pasid || new.marker)
		q->execute = q->privileged = false;
	if (!q->has_pasid)
		q->pasid = 0;
	expected = model_page_request(room, side, &new);
	HOLDS(r == expected);
	if (r == 0) {
		HOLDS(side->nasked < QUEUE);
		side->asked[side->nasked++] = new;
		return;
	}
	HOLDS(iommu_page_refused(side->bdf, q, &message) == (q->last && !new.marker));
	if (q->last && !new.marker) {
		HOLDS(message.address == (q->group | 0xf000u) && message.target == side->bdf);
		model_drop_group(side, q->has_pasid, q->pasid, q->group);
	}
}

static void take_page(struct room *room, struct side *side, struct input *input)
{
	struct pcg_page_request got;
	unsigned int i = 0;

	(void)room;
	(void)input;
	while (i < side->nasked && side->asked[i].taken)
		i++;
	HOLDS(iommu_page_request_next(side->r, &got) == (i < side->nasked ? 0 : -ENOENT));
	if (i == side->nasked)
		return;
	HOLDS(got.address == side->asked[i].request.address && got.pasid == side->asked[i].request.pasid &&
	      got.group == side->asked[i].request.group && got.last == side->asked[i].request.last &&
	      got.execute == side->asked[i].request.execute && got.privileged == side->asked[i].request.privileged);
	side->asked[i].taken = true;
	if (side->asked[i].marker) {
		memmove(&side->asked[i], &side->asked[i + 1], (side->nasked - i - 1) * sizeof(side->asked[0]));
		side->nasked--;
	}
}

static void answer_page(struct room *room, struct side *side, struct input *input)
{
	struct pcg_page_response response = { .pasid = model_pasids[take8(input) % PASIDS],
					      .group = take8(input) % 3,
					      .has_pasid = take8(input) % 4 != 0,
					      .code = take8(input) % 16 };
	bool code = response.code <= 1 || response.code == 15, found = false;
	struct tlp message;
	unsigned int i;
	int r = iommu_page_response(side->r, &response, &message);

	(void)room;
	for (i = 0; i < side->nasked; i++)
		found = found ||
			(model_same_group(&side->asked[i], response.has_pasid, response.pasid, response.group) &&
			 side->asked[i].request.last && side->asked[i].taken);
	HOLDS(r == (!code ? -EINVAL : found ? 0 : -ENOENT));
	if (r != 0)
		return;
	HOLDS(message.type == TLP_MESSAGE && message.message == TLP_PRG_RESPONSE && message.target == side->bdf &&
	      message.address == (response.group | (uint64_t)response.code << 12) &&
	      message.pasid.present == response.has_pasid);
	model_drop_group(side, response.has_pasid, response.pasid, response.group);
}

static void take_faults(struct room *room, struct side *side, struct input *input)
{
	struct pcg_fault fault;
	unsigned int i;

	(void)room;
	(void)input;
	for (i = 0; i < side->nfaults; i++) {
		const struct pcg_fault *f = &side->faults[i];

		HOLDS(iommu_fault_next(side->r, &fault) == 0);
		HOLDS(fault.reason == f->reason && fault.lost == f->lost && fault.write == f->write &&
		      fault.execute == f->execute && fault.privileged == f->privileged &&
		      fault.has_pasid == f->has_pasid && fault.pasid == f->pasid && fault.address == f->address);
	}
	HOLDS(iommu_fault_next(side->r, &fault) == -ENOENT);
	side->nfaults = 0;
}

static void block(struct room *room, struct side *side, struct input *input)
{
	(void)room;
	side->blocked = take8(input) % 4 == 0;
	iommu_block(side->r, side->blocked);
}

/* One step in @seldom only is taken: some end all that has come so far. */
static const struct {
	void (*run)(struct room *room, struct side *side, struct input *input);
	uint8_t seldom;
} steps[32] = {
	[0] = { attach, 16 },           [1] = { control, 4 },           [2] = { block, 1 },
	[3 ... 4] = { space, 4 },       [5 ... 7] = { table, 1 },       [8] = { take_faults, 1 },
	[9] = { answer_page, 1 },       [10 ... 11] = { take_page, 1 }, [12 ... 14] = { ask_page, 1 },
	[15 ... 17] = { unmap, 1 },     [18 ... 22] = { map, 1 },       [23 ... 26] = { ask_translation, 1 },
	[27 ... 31] = { translate, 1 },
};

static void step(struct room *room, struct input *input)
{
	uint8_t what = take8(input);

	if (steps[what % 32].seldom == 1 || take8(input) % steps[what % 32].seldom == 0)
		steps[what % 32].run(room, &room->sides[what >> 7], input);
}

/* Everything on, and a space at the first three PASIDs: chance alone takes long to come so far. */
static void begin(struct room *room, struct side *side)
{
	static const uint8_t on[] = { 0xff, 1, 9 }, give[] = { 1 }, first[] = { 0 };
	uint8_t i;

	attach(room, side, &(struct input){ give, sizeof(give) });
	control(room, side, &(struct input){ on, sizeof(on) });
	space(room, side, &(struct input){ first, sizeof(first) });
	for (i = 0; i < 3; i++)
		table(room, side, &(struct input){ (const uint8_t[]){ 0, i, 1 }, 3 });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct room room;
	struct input input = { data, size };
	static const struct pcg_dma_limits limits = { .max_maps = 1, .page_size = PAGE };
	uint8_t how = take8(&input);
	unsigned int i, k;

	memset(&room, 0, sizeof(room));
	room.facts = (struct iommu_facts){ how & 1 ? 20 : 8, true, true, true, QUEUE };
	HOLDS(iommu_create(&room.iommu, &room.facts, NULL) == 0);
	for (i = 0; i < 2; i++) {
		struct side *side = &room.sides[i];

		side->bdf = (uint16_t)(0x0100 + i);
		side->r = iommu_requester(room.iommu, side->bdf);
		HOLDS(side->r != NULL && pcg_dma_create(&side->dma, &limits, NULL, NULL) == 0);
		for (k = 0; k < PASIDS; k++)
			side->where[k] = SPACES;
		if (how & 2)
			begin(&room, side);
	}
	while (input.left > 0) {
		step(&room, &input);
		model_caches_hold(&room, &room.sides[0]);
		model_caches_hold(&room, &room.sides[1]);
	}
	take_faults(&room, &room.sides[0], &input);
	take_faults(&room, &room.sides[1], &input);
	iommu_destroy(room.iommu);
	pcg_dma_destroy(room.sides[0].dma);
	pcg_dma_destroy(room.sides[1].dma);
	return 0;
}
