/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that does whatever the input says, on a function that the input patches together, beside the slow model.
 * After a reset or a change of power the model, which knows neither, is no longer asked; the function goes on.
 */
#include "../property/ram.h"
#include "../property/slow.h"
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
	uint8_t data[16];
	unsigned int i;

	HOLDS(ram_read(&p->ram, p->function, at, data, width) == 0);
	for (i = 0; p->compared && i < width; i++) {
		HOLDS(p->ram.config[at + i] == p->slow.host[at + i]);
		HOLDS(data[i] == slow_read(&p->slow, at + i));
	}
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
		if (p->compared)
			slow_tame(p->view, at, data, width);
	}
	if (ram_write(&p->ram, p->function, at, data, width) != 0) {
		HOLDS(p->view->chunked || !p->compared);
		return;
	}
	slow_write(&p->slow, at, data, width);
	HOLDS(!p->compared || p->ram.written == p->slow.writes);
	if (!p->view->chunked)
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
	p.compared = !p.view->chunked;
	for (i = 0; i < PCG_CONFIG_DWORDS; i++)
		p.ram.rw1c[i] = p.view->write_clear[i] | p.view->as_zero[i];
	slow_init(&p.slow, p.view, subject.config);
	while (input.left > 0)
		step(&p, &input);
	ram_close(p.function);
	return 0;
}
