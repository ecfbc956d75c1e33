/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short path of configuration accesses comes to what the steps come to: for every image that pcg_view_init() may
 * build, any place and length of an access, value, and state left over from before.
 *
 * The steps are run here one after the other, with what the function room and the backend know written down after
 * each. The short path may end where they end, or leave off between two of them: then it has asked the backend for the
 * same, and what the steps that remain look at is the same. So a backend may end its accesses at once, later or not at
 * all.
 */
#include "proof.h"

/* clang-format off: sources, in the order in which they need one another */
#include "view/access.c"
#include "function/config.c"
#include "function/fast.c"
/* clang-format on */

#include "../property/contract.h"

/* Places and lengths of accesses. A longer one is a row of these. */
#if defined(WITHIN)
#define WANTED(offset, length) ((offset) + (length) <= 4) /* inside a dword */
#elif defined(BESIDE)
#define WANTED(offset, length) ((offset) + (length) == 8) /* to the end of the next one */
#else
#define WANTED(offset, length) ((offset) + (length) > 4)
#endif

#define SPAN     8u /* bytes of the longest */
#define DWORDS   3u /* that it can touch */
#define ACCESSES (2 * DWORDS)

/* Without a definition it is anything. */
extern struct pcg_function function;
extern uint8_t noise[SPAN];

static struct pcg_request request;
static uint8_t data[SPAN];
static uint32_t shadow[DWORDS];

/* --- a backend that writes down what it is asked --- */

struct asked {
	unsigned int count;
	struct {
		bool write;
		uint16_t dword;
		uint8_t be;
		uint32_t value; /* in the bytes enabled */
	} access[ACCESSES];
};

static struct asked *asked, by_steps, by_fast;
static uint32_t memory[DWORDS]; /* by dword, modulo DWORDS: an access meets each once */
static unsigned int last_word;  /* this access does not end with DONE */
static int last_ret;

/* Byte enables of the access in a dword. */
static uint8_t enabled(uint16_t dword)
{
	uint8_t be = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (dword * 4u + i >= request.offset && dword * 4u + i < request.offset + request.length)
			be |= (uint8_t)(1u << i);
	return be;
}

static int note(bool write, uint16_t dword, uint8_t be, uint32_t value)
{
	unsigned int n = asked->count++;

	PROVE(dword < PCG_CONFIG_DWORDS && enabled(dword) != 0);
	PROVE(be != 0 && be < 16);
	ASSUME(n < ACCESSES);
	asked->access[n].write = write;
	asked->access[n].dword = dword;
	asked->access[n].be = be;
	asked->access[n].value = value & pcg_be_mask(be);
	return asked == &by_fast && n == last_word ? last_ret : PCG_DONE;
}

/* Bytes that are not asked for are noise, and so is all where the read does not end well. */
static int config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	uint32_t bits = pcg_be_mask(be);
	int ret = note(false, dword, be, 0);

	(void)host;
	PROVE(op == &function.op && value == &function.host_value);
	PROVE(IF(request.kind == PCG_REQUEST_READ, (be & ~enabled(dword)) == 0));
	*value = nondet_u32();
	if (ret == PCG_DONE)
		*value = (memory[dword % DWORDS] & bits) | (*value & ~bits);
	return ret;
}

static int config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	(void)host;
	PROVE(op == &function.op);
	PROVE((be & ~enabled(dword)) == 0);
	return note(true, dword, be, value);
}

static const struct pcg_host_ops ops = { .config_read = config_read, .config_write = config_write };
static struct pcg_host host = { .ops = &ops };

/* --- the rest of the room --- */

static const step_fn *left_for; /* steps that the short path has left the rest to */

int order_start(struct pcg_function *f, const step_fn *steps)
{
	PROVE(f == &function && f->request == &request && f->moved == 0);
	left_for = steps;
	return PCG_PENDING;
}

void order_push(struct pcg_function *f, const step_fn *steps)
{
	(void)f;
	(void)steps;
}

const step_fn *contract_for_write(struct pcg_function *f)
{
	(void)f;
	return NULL;
}

/* `linux` has steps of its own. They make progress, and are met nowhere else. */
static int linux_piece(struct pcg_function *f)
{
	size_t n = nondet_size();

	PROVE(f->view.chunked && f->moved < f->request->length);
	ASSUME(n >= 1 && n <= 4 && n <= f->request->length - f->moved);
	f->moved += n;
	return PCG_DONE;
}

static int linux_nothing(struct pcg_function *f)
{
	PROVE(f->view.chunked);
	return PCG_DONE;
}

const step_fn linux_read_steps[] = { linux_nothing, linux_piece, NULL };
const step_fn linux_write_steps[6] = { linux_nothing };

void linux_plan(const struct pcg_view *view, unsigned int at, unsigned int width, struct linux_plan *plan)
{
	(void)plan;
	PROVE(view->chunked && at + width <= PCG_CONFIG_EXTENDED && (width == 1 || width == 2 || width == 4));
}

void linux_before_read(struct pcg_view *view, unsigned int at, unsigned int width)
{
	linux_plan(view, at, width, NULL);
}

/* --- before and after --- */

/* AT: the first dword. To both ways a dword is an index and nothing else, but for the hooks, which can stand there. */
static void some_access(enum pcg_request_kind kind, unsigned int offset, unsigned int length)
{
	struct pcg_view *v = &function.view;
	unsigned int i;

	request.kind = kind;
	request.region = PCG_REGION_CONFIG;
	request.offset = AT + offset;
	request.length = length;
	request.data = data;
	function.host = &host;
	function.request = NULL;
	function.waiting = false;
	function.events.effects = NULL;
	/* Said, not assumed, so that no way that cannot be is followed. */
	v->chunked = false;
	v->express = 0x40;
	v->pm = 0x44;
	v->af = 0x44;
	/* Their hooks are like any other to both ways, and what they come to stands in access.c. */
	v->rebar = 0;
	v->pasid.at[PCG_MADE_PASID] = v->pasid.at[PCG_MADE_ATS] = v->pasid.at[PCG_MADE_PRI] = 0;
	v->own.devctl = UINT16_MAX;
#ifdef DEVCTL
	v->own.devctl = AT / 4;
	v->hook[AT / 4] = ON_DEVCTL;
#endif
	ASSUME(contract_devctl(v));
	for (i = 0; i < DWORDS; i++) {
		memory[i] = nondet_u32();
		shadow[i] = v->shadow[AT / 4 + i];
		v->special[AT / 4 + i] = 0;
		ASSUME(contract_dword(v, (uint16_t)(AT / 4 + i)));
		ASSUME(contract_read(v, (uint16_t)(AT / 4 + i)));
	}
	for (i = 0; i < SPAN; i++)
		data[i] = noise[i];
	by_steps.count = 0;
	by_fast.count = 0;
}

/* The same again, for the other way. */
static void begin_again(void)
{
	unsigned int i;

	for (i = 0; i < DWORDS; i++)
		function.view.shadow[AT / 4 + i] = shadow[i];
	for (i = 0; i < SPAN; i++)
		data[i] = noise[i];
	function.request = NULL;
	function.moved = nondet_size();
	function.at = nondet_u16();
	function.be = nondet_u8();
	function.value = nondet_u32();
	function.host_value = nondet_u32();
	function.steps = NULL;
	left_for = NULL;
	asked = &by_fast;
}

/* The short path has asked for the first @count things that the steps ask for. */
static void has_asked(unsigned int count)
{
	unsigned int i;

	PROVE(by_fast.count == count && count <= by_steps.count);
	for (i = 0; i < ACCESSES; i++)
		if (i < count) {
			PROVE(by_fast.access[i].write == by_steps.access[i].write);
			PROVE(by_fast.access[i].dword == by_steps.access[i].dword);
			PROVE(by_fast.access[i].be == by_steps.access[i].be);
			PROVE(by_fast.access[i].value == by_steps.access[i].value);
		}
}

/* Each place in a dword and each length is a way of its own; so none of them has to be looked for. */
static void each(void (*look)(unsigned int offset, unsigned int length))
{
	unsigned int offset, length;

	for (offset = 0; offset < 4; offset++)
		for (length = 1; length <= SPAN; length++)
			if (WANTED(offset, length) && nondet_bool()) {
				look(offset, length);
				return;
			}
}

/* --- writes --- */

/* What the steps know when the short path leaves off before @step; @after: the shadow has changed. */
static struct {
	uint16_t at;
	uint8_t be;
	uint32_t value;
	struct pcg_view_write write;
	uint32_t shadow;
	unsigned int reads;
} known;

static void write_by_steps(void)
{
	asked = &by_steps;
	function.request = &request;
	function.moved = 0;
	PROVE(write_read_before(&function) == PCG_DONE);
	known.reads = by_steps.count;
	known.at = function.at;
	known.be = function.be;
	known.value = function.value;
	PROVE(write_decide(&function) == PCG_DONE);
	known.write = function.write;
	known.shadow = function.view.shadow[AT / 4];
	/* Of no effects the contract is a plain write: contract.c here. The look at interrupts finds nothing new. */
	if (known.write.effects == 0)
		PROVE(config_host_write(&function) == PCG_DONE);
}

static void keeps_what_the_steps_need(void)
{
	PROVE(function.request == &request && function.moved == 0);
	PROVE(function.at == known.at && function.be == known.be);
	PROVE(((function.value ^ known.value) & pcg_be_mask(known.be)) == 0);
}

static void left_to_steps(const step_fn *steps)
{
	keeps_what_the_steps_need();
	PROVE(steps == &config_write_steps[CONFIG_WRITE_ACT]);
	PROVE(known.write.effects != 0);
	has_asked(known.reads);
	PROVE(function.write.effects == known.write.effects && function.write.power == known.write.power);
	PROVE(function.write.before == known.write.before && function.write.after == known.write.after);
	PROVE(function.write.host_be == known.write.host_be);
	PROVE(((function.write.host ^ known.write.host) & pcg_be_mask(known.write.host_be)) == 0);
}

/* The backend has not ended the access that was asked for last. */
static void waits(void)
{
	PROVE(last_ret == PCG_PENDING && last_word + 1 == by_fast.count);
	PROVE(function.waiting && function.depth == 0);
	keeps_what_the_steps_need();
	has_asked(last_word + 1);
	if (last_word < known.reads)
		PROVE(function.steps == &config_write_steps[CONFIG_WRITE_DECIDE]);
	else
		PROVE(function.steps == &config_write_steps[CONFIG_WRITE_NEXT]);
}

static void ends(int ret)
{
	PROVE(function.request == NULL && !function.waiting);
	if (ret == PCG_DONE) {
		PROVE(known.write.effects == 0);
		has_asked(by_steps.count);
	} else {
		PROVE(ret == last_ret);
		has_asked(last_word + 1);
	}
}

static void write_within(unsigned int offset, unsigned int length)
{
	bool decided;
	unsigned int i;
	int ret;

	some_access(PCG_REQUEST_WRITE, offset, length);
	last_word = nondet_u32();
	last_ret = nondet_bool() ? PCG_PENDING : -EIO;
	write_by_steps();
	begin_again();
	ret = fast_write(&function, &request);
	/* The shadow changes when what was to be read has been, and then all that will. */
	decided = !(last_word < known.reads && last_word < by_fast.count);
	if (left_for != NULL)
		left_to_steps(left_for);
	else if (ret == PCG_PENDING)
		waits();
	else
		ends(ret);
	PROVE(function.view.shadow[AT / 4] == (decided ? known.shadow : shadow[0]));
	for (i = 1; i < DWORDS; i++)
		PROVE(function.view.shadow[AT / 4 + i] == shadow[i]);
}

void a_short_write_is_what_the_steps_write(void)
{
	each(write_within);
}

/* What does not fit into a dword is the steps', from the beginning. */
static void write_across(unsigned int offset, unsigned int length)
{
	unsigned int i;

	some_access(PCG_REQUEST_WRITE, offset, length);
	begin_again();
	PROVE(fast_write(&function, &request) == PCG_PENDING);
	PROVE(left_for == config_write_steps && by_fast.count == 0);
	for (i = 0; i < DWORDS; i++)
		PROVE(function.view.shadow[AT / 4 + i] == shadow[i]);
}

void a_long_write_is_left_to_the_steps(void)
{
	each(write_across);
}

/* --- reads --- */

static void read_both_ways(unsigned int offset, unsigned int length)
{
	unsigned int pieces = (offset + length + 3) / 4, i;
	uint8_t read[SPAN];
	int ret;

	some_access(PCG_REQUEST_READ, offset, length);
	last_word = nondet_u32();
	last_ret = nondet_bool() ? PCG_PENDING : -EIO;
	asked = &by_steps;
	function.request = &request;
	function.moved = 0;
	for (i = 0; i < pieces; i++)
		PROVE(read_host(&function) == PCG_DONE && read_merge(&function) == PCG_DONE);
	for (i = 0; i < SPAN; i++)
		read[i] = data[i];
	begin_again();
	ret = fast_read(&function, &request);
	PROVE(left_for == NULL);
	if (ret == PCG_DONE) {
		has_asked(by_steps.count);
		PROVE(function.request == NULL && !function.waiting);
	} else {
		PROVE(ret == last_ret);
		has_asked(last_word + 1);
	}
	if (ret == PCG_PENDING) {
		/* read_merge() goes on with the piece that was asked for. */
		PROVE(function.request == &request && function.waiting && function.depth == 0);
		PROVE(function.steps == &config_read_steps[1]);
		PROVE((request.offset + function.moved) / 4 == by_steps.access[last_word].dword);
		PROVE(function.moved == 0 || (request.offset + function.moved) % 4 == 0);
	}
	for (i = 0; i < SPAN; i++) {
		PROVE(IF(ret == PCG_DONE || (ret == PCG_PENDING && i < function.moved), data[i] == read[i]));
		PROVE(IF(i >= length, data[i] == noise[i]));
	}
	for (i = 0; i < DWORDS; i++)
		PROVE(function.view.shadow[AT / 4 + i] == shadow[i]);
}

void a_short_read_is_what_the_steps_read(void)
{
	each(read_both_ways);
}

/* --- any place at all --- */

static bool is_compiled(size_t dword)
{
	const struct pcg_view *v = &function.view;

	if (!v->chunked)
		return contract_dword(v, (uint16_t)dword) && contract_read(v, (uint16_t)dword);
	return v->read_be[dword] == (v->read_host[dword] != 0 ? 15 : 0);
}

/* Of any image, `linux`'s included: only dwords and bytes of the access are touched, whatever the offset is. */
void any_access_stays_inside(void)
{
	struct pcg_view *v = &function.view;
	size_t length = nondet_size(), at = nondet_size();
	unsigned int i;

	request.kind = nondet_bool() ? PCG_REQUEST_READ : PCG_REQUEST_WRITE;
	request.region = PCG_REGION_CONFIG;
	request.offset = at;
	request.length = length;
	/* As pcg_function_submit() lets it pass. Data ends where its array does. */
	ASSUME(length >= 1 && length <= SPAN - 3 && at < PCG_CONFIG_EXTENDED && length <= PCG_CONFIG_EXTENDED - at);
	request.data = data + (SPAN - length);
	for (i = 0; i < SPAN; i++)
		data[i] = noise[i];
	function.host = &host;
	function.request = NULL;
	function.events.effects = NULL;
	v->express = 0x40;
	v->pm = 0x44;
	v->af = 0x44;
	v->rebar = 0;
	v->pasid.at[PCG_MADE_PASID] = v->pasid.at[PCG_MADE_ATS] = v->pasid.at[PCG_MADE_PRI] = 0;
	ASSUME(v->own.devctl == UINT16_MAX || v->own.devctl < PCG_CONFIG_DWORDS);
	ASSUME(is_compiled(at / 4) && is_compiled((at + length - 1) / 4));
	asked = &by_fast;
	last_word = nondet_u32();
	last_ret = nondet_bool() ? PCG_PENDING : -EIO;
	if (request.kind == PCG_REQUEST_READ)
		fast_read(&function, &request);
	else
		fast_write(&function, &request);
	for (i = 0; i < SPAN; i++)
		PROVE(IF(request.kind == PCG_REQUEST_WRITE || i < SPAN - length, data[i] == noise[i]));
}
