/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows about single messages, and connections. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <pcigate/pci.h>

#include "bench.h"
#include "vfio-user/wire.h"

#define SOURCE_ADDRESS 0x0c /* a register of the endpoint test function that only keeps what is written */

enum kind {
	KIND_WAITED,
	KIND_IN_FLIGHT,
	KIND_POSTED,
	KIND_CONNECT,
};

struct definition {
	const char *name;
	enum kind kind;
	void (*build)(struct target *target, int event);
	int (*before)(struct target *target, int event);
	struct reference reference;
	bool plain; /* its floor is a ping-pong of about a config read's sizes */
};

static void build_config_read(struct target *target, int event)
{
	(void)event;
	exchange_access(&target->steps[0], WIRE_REGION_READ, 0, PCG_REGION_CONFIG, 0, 4, 0);
	target->nsteps = 1;
}

static void build_bar_read(struct target *target, int event)
{
	(void)event;
	exchange_access(&target->steps[0], WIRE_REGION_READ, 0, 0, SOURCE_ADDRESS, 4, 0);
	target->nsteps = 1;
}

static void build_bar_write(struct target *target, int event)
{
	(void)event;
	exchange_access(&target->steps[0], WIRE_REGION_WRITE, 0, 0, SOURCE_ADDRESS, 4, 0x12345678);
	target->nsteps = 1;
}

static void build_bar_post(struct target *target, int event)
{
	(void)event;
	exchange_access(&target->steps[0], WIRE_REGION_WRITE, WIRE_NO_REPLY, 0, SOURCE_ADDRESS, 4, 0x12345678);
	exchange_access(&target->steps[1], WIRE_REGION_READ, 0, 0, SOURCE_ADDRESS, 4, 0);
	target->nsteps = 2;
}

static void build_trigger(struct target *target, int event)
{
	exchange_irqs(&target->steps[0], WIRE_IRQ_NONE, -1);
	target->nsteps = 1;
	target->event = event;
}

static void build_assign(struct target *target, int event)
{
	exchange_irqs(&target->steps[0], WIRE_IRQ_FDS, event);
	exchange_irqs(&target->steps[1], WIRE_IRQ_FDS, -1);
	target->nsteps = 2;
}

/* Until COMMAND says so, no BAR answers. */
static int before_memory(struct target *target, int event)
{
	struct exchange x;

	(void)event;
	exchange_access(&x, WIRE_REGION_WRITE, 0, PCG_REGION_CONFIG, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	return exchange_once(target, &x);
}

/* A dropped write and a refused read look alike here: what was written must be there to be read. */
static int before_write(struct target *target, int event)
{
	struct exchange x;

	if (before_memory(target, event) != 0)
		return -1;
	exchange_access(&x, WIRE_REGION_WRITE, 0, 0, SOURCE_ADDRESS, 4, 0x89abcdef);
	if (exchange_once(target, &x) != 0)
		return -1;
	exchange_access(&x, WIRE_REGION_READ, 0, 0, SOURCE_ADDRESS, 4, 0);
	if (exchange_once(target, &x) != 0)
		return -1;
	if (wire_get32(x.reply + WIRE_HEADER + WIRE_ACCESS_SIZE) != 0x89abcdef)
		return target_failed(target, "BAR 0 does not keep what is written at %#x", SOURCE_ADDRESS);
	return 0;
}

static int before_trigger(struct target *target, int event)
{
	struct exchange x;

	exchange_irqs(&x, WIRE_IRQ_FDS, event);
	return exchange_once(target, &x);
}

static const struct definition definitions[] = {
	{ "config read, 4 bytes", KIND_WAITED, build_config_read, NULL, { 143700, REFERENCE_FLOOR }, .plain = true },
	{ "BAR read, 4 bytes", KIND_WAITED, build_bar_read, before_write, { 144400, REFERENCE_FLOOR }, .plain = true },
	{ "BAR write, waited", KIND_WAITED, build_bar_write, before_write, { 143900, REFERENCE_FLOOR }, .plain = true },
	{ "BAR write, posted", KIND_POSTED, build_bar_post, before_write, { 588000, REFERENCE_FLOOR } },
	{ "config read, 16 in flight", KIND_IN_FLIGHT, build_config_read, NULL, { 265000, REFERENCE_FLOOR } },
	{ "SET_IRQS trigger, eventfd, reply",
	  KIND_WAITED,
	  build_trigger,
	  before_trigger,
	  { 123700, REFERENCE_FLOOR },
	  .plain = true },
	{ "SET_IRQS assign, de-assign", KIND_WAITED, build_assign, NULL, { 64400, REFERENCE_FLOOR } },
	{ "connect, VERSION, INFO, close", KIND_CONNECT, NULL, NULL, { 32900, REFERENCE_FLOOR } },
};

void row_failed(struct row *row, const char *why)
{
	row->failed = true;
	snprintf(row->why, sizeof(row->why), "%s", why);
}

void bench_plain(struct target *target, const struct bench *bench)
{
	struct target like = { .fd = -1 };

	memset(target, 0, sizeof(*target));
	build_config_read(&like, -1);
	exchange_bare(&target->steps[0], &like.steps[0]);
	target->fd = bench->floor.fd;
	target->bare = true;
	target->event = -1;
	target->nsteps = 1;
}

static void build_info(struct exchange *x)
{
	const struct wire_info info = { .argsz = WIRE_INFO_SIZE };
	uint8_t body[WIRE_INFO_SIZE];

	wire_info_write(&info, body);
	exchange_build(x, WIRE_GET_INFO, 0, body, sizeof(body), WIRE_INFO_SIZE);
}

/* Connects, and makes @ours what the row sends, @bare the same for the floor. */
static int messages_begin(struct bench *bench, const struct definition *d, struct target *ours, struct target *bare,
			  int event)
{
	struct exchange version;

	memset(ours, 0, sizeof(*ours));
	ours->fd = ours->event = -1;
	if (target_connect(ours, bench->server.path) != 0 || target_version(ours, &version) != 0)
		return -1;
	if (d->kind == KIND_CONNECT) {
		ours->steps[0] = version;
		build_info(&ours->steps[1]);
		ours->nsteps = 2;
		target_close(ours);
	} else {
		if (d->before != NULL && d->before(ours, event) != 0)
			return -1;
		d->build(ours, event);
	}
	*bare = *ours;
	bare->fd = d->kind == KIND_CONNECT ? -1 : bench->floor.fd;
	bare->bare = true;
	bare->event = -1;
	for (unsigned int i = 0; i < ours->nsteps; i++)
		exchange_bare(&bare->steps[i], &ours->steps[i]);
	return 0;
}

static int messages_phase(struct bench *bench, const struct definition *d, struct target *target,
			  const struct process *process, struct phase *phase)
{
	unsigned int ms = bench->options.phase_ms;

	switch (d->kind) {
	case KIND_WAITED:
		return phase_sequence(target, ms, bench->samples, false, NULL, NULL, phase);
	case KIND_IN_FLIGHT:
		return phase_pipeline(target, ms, bench->samples, phase);
	case KIND_POSTED:
		return phase_posted(target, ms, phase);
	case KIND_CONNECT:
		return phase_connect(target, process->path, ms, bench->samples, phase);
	}
	return -1;
}

static void messages_row(struct bench *bench, const struct definition *d, struct row *row, int event)
{
	struct target ours, bare, plain;

	snprintf(row->name, sizeof(row->name), "%s", d->name);
	row->reference = d->reference;
	bench_plain(&plain, bench);
	if (messages_begin(bench, d, &ours, &bare, event) != 0)
		row_failed(row, ours.why);
	for (unsigned int i = 0; i < bench->options.repetitions && !row->failed; i++) {
		if (messages_phase(bench, d, &bare, &bench->floor, &row->floor[i]) != 0)
			row_failed(row, bare.why);
		else if (d->plain)
			row->plain[i] = row->floor[i];
		else if (phase_sequence(&plain, bench->options.phase_ms, bench->samples, false, NULL, NULL,
					&row->plain[i]) != 0)
			row_failed(row, plain.why);
		if (!row->failed && messages_phase(bench, d, &ours, &bench->server, &row->ours[i]) != 0)
			row_failed(row, ours.why);
		row->repetitions = i + 1;
	}
	target_close(&ours);
}

void bench_messages(struct bench *bench)
{
	for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++) {
		struct row *row = &bench->rows[bench->nrows];
		int event;

		if (bench->options.only != NULL && strstr(definitions[i].name, bench->options.only) == NULL)
			continue;
		bench->nrows++;
		event = eventfd(0, EFD_CLOEXEC);
		/* An eventfd that is never signalled must not be waited for for ever: SIGALRM ends the read. */
		alarm(3 * BENCH_WAIT_S);
		if (event < 0)
			row_failed(row, "eventfd: no descriptor to be had");
		else
			messages_row(bench, &definitions[i], row, event);
		alarm(0);
		close(event);
	}
}
