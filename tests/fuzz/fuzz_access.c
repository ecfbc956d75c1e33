/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that does whatever the input says, on a function that the input patches together, beside a slow model: that
 * of the rules, or that of `linux`. After something that the model does not know (a reset, a change of power; under
 * `linux` all that sets something off) it is no longer asked; the function goes on.
 */
#include "../property/ram.h"
#include "../property/slow.h"
#include "../property/slow_linux.h"
#include "fuzz.h"

static void patch(struct subject *s, struct input *input)
{
	unsigned int n = take8(input) & 63;

	while (n-- > 0) {
		unsigned int at = take16(input) % PCG_CONFIG_EXTENDED;

		s->config[at] = take8(input);
	}
	s->config[PCG_HEADER_TYPE] &= 0x80;
}

struct play {
	struct ram ram;
	struct slow slow;
	struct pcg_function *function;
	const struct pcg_view *view;
	unsigned int size;
	bool compared;
};

static void compare(struct play *p, unsigned int at, unsigned int width)
{
	uint8_t data[16], wanted[16];
	unsigned int i;

	if (ram_read(&p->ram, p->function, at, data, width) != 0)
		HOLDS(p->view->chunked && !p->compared);
	if (!p->compared)
		return;
	if (p->view->chunked)
		slow_linux_read(&p->slow, at, wanted, width);
	for (i = 0; i < width; i++) {
		HOLDS(p->ram.config[at + i] == p->slow.host[at + i]);
		HOLDS(data[i] == (p->view->chunked ? wanted[i] : slow_read(&p->slow, at + i)));
	}
}

/* What the model does not know: left out of a write, or the end of comparing. */
static void tame(struct play *p, unsigned int at, uint8_t *data, unsigned int width)
{
	if (p->view->chunked)
		p->compared = p->compared && slow_linux_keeps_out(p->view, at, width);
	else if (p->compared)
		slow_tame(p->view, at, data, width);
}

static void step(struct play *p, struct input *input)
{
	uint8_t what = take8(input), data[16];
	unsigned int width = 1 + (what & 7), at = take16(input) % p->size;
	struct pcg_request request = { .kind = what & 8 ? PCG_REQUEST_RESET : PCG_REQUEST_CLOSE };

	take(input, data, width);
	if (at + width > p->size) {
		HOLDS(ram_write(&p->ram, p->function, at, data, width) < 0);
		return;
	}
	switch (what >> 4) {
	case 15:
		p->compared = false;
		ram_submit(&p->ram, p->function, &request);
		return;
	case 14:
		p->compared = false;
		break;
	default:
		tame(p, at, data, width);
	}
	if (ram_write(&p->ram, p->function, at, data, width) != 0) {
		HOLDS(!p->compared);
		return;
	}
	if (p->view->chunked)
		slow_linux_write(&p->slow, p->ram.rw1c, at, data, width);
	else
		slow_write(&p->slow, at, data, width);
	HOLDS(!p->compared || p->ram.written == p->slow.writes);
	compare(p, at, width);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const profiles[] = { "guarded", "strict", "raw", "linux" };
	static struct play p;
	struct input input = { data, size };
	const char *profile = profiles[take8(&input) & 3];
	struct subject subject;
	unsigned int i;

	subject_generate(&subject, take16(&input));
	patch(&subject, &input);
	ram_init(&p.ram, &subject);
	p.function = ram_open(&p.ram, profile);
	if (p.function == NULL)
		return 0;
	p.ram.late.state = take8(&input) & 0x7f;
	p.view = pcg_function_view(p.function);
	p.size = subject.info.config_size;
	p.compared = true;
	for (i = 0; i < PCG_CONFIG_DWORDS; i++)
		/* Under `linux` nobody says which bits clear by ones; some do. */
		p.ram.rw1c[i] =
			p.view->chunked ? i * 0x9e3779b9u & 0x00f0f00fu : p.view->write_clear[i] | p.view->as_zero[i];
	slow_init(&p.slow, p.view, subject.config);
	while (input.left > 0)
		step(&p, &input);
	ram_close(p.function);
	return 0;
}
