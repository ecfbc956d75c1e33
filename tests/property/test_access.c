/* SPDX-License-Identifier: BSD-3-Clause */
/* What accesses owe, whatever the function is: widths agree, hidden is closed, and a slow model says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest.h"
#include "holds.h"
#include "ram.h"
#include "slow.h"
#include "slow_linux.h"

static unsigned int looked;
static void under(const char *const *profiles, void (*look)(const struct subject *subject))
{
	for (; *profiles != NULL; profiles++) {
		profile = *profiles;
		if (pcg_profile_find(profile) == NULL)
			continue;
		looked = 0;
		subjects_each(look);
		print_message("# %s: %u functions\n", profile, looked);
		assert_true(looked >= subject_rounds());
	}
}

static const char *const mediated[] = { "guarded", "strict", NULL };
static const char *const all[] = { "guarded", "strict", "raw", NULL };

/* Status bits clear as they would; the function does not say which, so the view's word is taken. */
static void ram_follow(struct ram *ram, const struct pcg_view *view)
{
	unsigned int i;

	for (i = 0; i < PCG_CONFIG_DWORDS; i++)
		ram->rw1c[i] = view->write_clear[i] | view->as_zero[i];
}

/* --- widths --- */

static void look_at_widths(const struct subject *s)
{
	static const unsigned int widths[] = { 2, 3, 4, 5, 8, 13, 64, 4096 };
	uint8_t bytes[PCG_CONFIG_EXTENDED], data[PCG_CONFIG_EXTENDED];
	unsigned int at, i, size = s->info.config_size;
	struct pcg_function *f;
	struct ram ram;

	ram_init(&ram, s);
	f = ram_open(&ram, profile);
	if (f == NULL)
		return;
	looked++;
	for (at = 0; at < size; at++)
		HOLDS(s, ram_read(&ram, f, at, bytes + at, 1) == 0, "%x: cannot be read", at);
	for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		for (at = 0; at + widths[i] <= size; at += widths[i] < 8 ? 1 : widths[i] - 1) {
			HOLDS(s, ram_read(&ram, f, at, data, widths[i]) == 0, "%x+%u: cannot be read", at, widths[i]);
			HOLDS(s, memcmp(data, bytes + at, widths[i]) == 0, "%x+%u: reads otherwise than its bytes", at,
			      widths[i]);
		}
	HOLDS(s, ram.written == 0, "reading has written");
	for (i = 1; i < 8; i++)
		HOLDS(s, ram_read(&ram, f, size - i + 1, data, i) < 0 && ram_write(&ram, f, size - i + 1, data, i) < 0,
		      "an access of %u bytes runs off the end", i);
	HOLDS(s, ram.written == 0, "an access past the end has written");
	ram_close(f);
}

static void widths_agree(void **state)
{
	(void)state;
	under(all, look_at_widths);
}

/* --- hidden --- */

static void try_hidden(const struct subject *s, struct ram *ram, struct pcg_function *f, const struct pcg_cap *cap)
{
	unsigned int at, width, end = cap->offset + cap->length, start = cap->offset;
	uint8_t data[4], noise[4], before = (uint8_t)ram->written;

	/* The head of the extended chain cannot move; its header stays, as a Null capability. */
	if (start == PCG_CONFIG_CONVENTIONAL)
		start += 4;
	for (width = 1; width <= 4; width++)
		for (at = start; at + width <= end; at++) {
			memset(data, 0xff, sizeof(data));
			HOLDS(s, ram_read(ram, f, at, data, width) == 0, "%x: cannot be read", at);
			memset(noise, 0, sizeof(noise));
			HOLDS(s, memcmp(data, noise, width) == 0, "%x: hidden, and reads %02x", at, data[0]);
			memset(noise, 0xff, sizeof(noise));
			HOLDS(s, ram_write(ram, f, at, noise, width) == 0, "%x: cannot be written", at);
			HOLDS(s, (uint8_t)ram->written == before, "%x: hidden, and a write reaches the function", at);
		}
}

static void look_at_hidden(const struct subject *s)
{
	const struct pcg_layout *layout;
	struct pcg_function *f;
	struct guest guest;
	unsigned int i;
	struct ram ram;

	ram_init(&ram, s);
	f = ram_open(&ram, profile);
	if (f == NULL)
		return;
	looked++;
	guest_walk(&guest, &ram, f, s->info.config_size);
	layout = &pcg_function_view(f)->layout;
	/* Whatever the function comes to hold. */
	for (i = PCG_HEADER_END; i < sizeof(ram.config); i++)
		ram.config[i] ^= 0xa5;
	for (i = 0; i < layout->ncaps; i++)
		if (!guest.shown[layout->caps[i].offset / 4])
			try_hidden(s, &ram, f, &layout->caps[i]);
	for (i = 0; i < layout->necaps; i++)
		if (!guest.shown[layout->ecaps[i].offset / 4])
			try_hidden(s, &ram, f, &layout->ecaps[i]);
	ram_close(f);
}

static void hidden_bodies_are_constant_and_closed(void **state)
{
	(void)state;
	under(mediated, look_at_hidden);
}

/* --- writes --- */

static unsigned int roll_offset(struct dice *dice, const struct pcg_view *view, unsigned int size)
{
	const struct pcg_layout *layout = &view->layout;

	switch (dice_of(dice, 4)) {
	case 0:
		return dice_of(dice, PCG_HEADER_END);
	case 1:
		if (layout->ncaps > 0)
			return layout->caps[dice_of(dice, layout->ncaps)].offset + dice_of(dice, 24);
		break;
	case 2:
		if (layout->necaps > 0)
			return layout->ecaps[dice_of(dice, layout->necaps)].offset + dice_of(dice, 48);
		break;
	}
	return dice_of(dice, size);
}

static unsigned int roll_write(struct dice *dice, const struct pcg_view *view, unsigned int size, uint8_t *data,
			       unsigned int *at)
{
	static const uint8_t widths[] = { 1, 2, 4, 4, 3, 5, 6, 7, 8 };
	unsigned int width = widths[dice_of(dice, sizeof(widths))], i;

	*at = roll_offset(dice, view, size);
	if (*at + width > size)
		*at = size - width;
	for (i = 0; i < width; i++)
		data[i] = (uint8_t)(dice_of(dice, 4) ? dice_roll(dice) : 0xff);
	return width;
}

static void compare(const struct subject *s, const struct slow *slow, struct ram *ram, struct pcg_function *f,
		    unsigned int at, unsigned int width)
{
	uint8_t data[PCG_CONFIG_EXTENDED];
	unsigned int i;

	HOLDS(s, ram_read(ram, f, at, data, width) == 0, "%x+%u: cannot be read", at, width);
	for (i = 0; i < width; i++) {
		HOLDS(s, ram->config[at + i] == slow->host[at + i], "%x: the function has %02x, the slow model %02x",
		      at + i, ram->config[at + i], slow->host[at + i]);
		HOLDS(s, data[i] == slow_read(slow, at + i), "%x: the guest reads %02x, the slow model %02x", at + i,
		      data[i], slow_read(slow, at + i));
	}
}

/* Independent of the slow model: what is virtual stays here, and a status bit is cleared by asking alone. */
static void check_reach(const struct subject *s, const struct slow *slow, const struct ram *ram)
{
	unsigned int i;

	for (i = 0; i < s->info.config_size; i++) {
		uint8_t clear = (uint8_t)(ram->rw1c[i / 4] >> i % 4 * 8);
		uint8_t diff = ram->config[i] ^ s->config[i];

		HOLDS(s, (diff & ~slow->changed[i]) == 0, "%x: %02x changed in the function", i,
		      diff & ~slow->changed[i]);
		HOLDS(s, (diff & clear & ~slow->asked[i]) == 0, "%x: %02x cleared unasked", i,
		      diff & clear & ~slow->asked[i]);
	}
}

static void look_at_writes(const struct subject *s)
{
	static struct slow slow;
	struct dice dice = { looked * 77u + 5 };
	const struct pcg_view *view;
	struct pcg_function *f;
	unsigned int n, at, width;
	uint8_t data[8];
	struct ram ram;

	ram_init(&ram, s);
	f = ram_open(&ram, profile);
	if (f == NULL)
		return;
	looked++;
	view = pcg_function_view(f);
	ram_follow(&ram, view);
	/* Every other function finishes some of its accesses later. */
	ram.late.state = looked % 2 ? looked : 0;
	slow_init(&slow, view, s->config);
	for (n = 0; n < 400; n++) {
		width = roll_write(&dice, view, s->info.config_size, data, &at);
		slow_tame(view, at, data, width);
		HOLDS(s, ram_write(&ram, f, at, data, width) == 0, "%x+%u: cannot be written", at, width);
		slow_write(&slow, at, data, width);
		HOLDS(s, ram.written == slow.writes, "%x+%u: %u writes reach the function, %u have a reason", at, width,
		      ram.written, slow.writes);
		compare(s, &slow, &ram, f, at, width);
	}
	compare(s, &slow, &ram, f, 0, s->info.config_size);
	check_reach(s, &slow, &ram);
	ram_close(f);
}

static void writes_are_as_the_slow_model_says(void **state)
{
	(void)state;
	under(all, look_at_writes);
}

/* --- `linux`, whose accesses are cut by their place and width --- */

static void compare_linux(const struct subject *s, const struct slow *slow, struct ram *ram, struct pcg_function *f,
			  struct dice *dice)
{
	unsigned int width = 1 + dice_of(dice, 13), at = roll_offset(dice, slow->view, s->info.config_size), i;
	uint8_t data[16], wanted[16];

	if (at + width > s->info.config_size || !slow_linux_keeps_out(slow->view, at, width))
		return;
	HOLDS(s, ram_read(ram, f, at, data, width) == 0, "%x+%u: cannot be read", at, width);
	slow_linux_read(slow, at, wanted, width);
	for (i = 0; i < width; i++) {
		HOLDS(s, ram->config[at + i] == slow->host[at + i], "%x: the function has %02x, the slow model %02x",
		      at + i, ram->config[at + i], slow->host[at + i]);
		HOLDS(s, data[i] == wanted[i], "%x of %x+%u: the guest reads %02x, the slow model %02x", at + i, at,
		      width, data[i], wanted[i]);
	}
}

static void look_at_linux(const struct subject *s)
{
	static struct slow slow;
	struct dice dice = { looked * 91u + 3 };
	const struct pcg_view *view;
	struct pcg_function *f;
	unsigned int n, at, width;
	struct ram ram;
	uint8_t data[8];

	ram_init(&ram, s);
	f = ram_open(&ram, profile);
	if (f == NULL)
		return;
	looked++;
	view = pcg_function_view(f);
	for (n = 0; n < PCG_CONFIG_DWORDS; n++)
		ram.rw1c[n] = dice_of(&dice, 4) ? 0 : dice_roll(&dice) & dice_roll(&dice);
	ram.late.state = looked % 2 ? looked : 0;
	slow_init(&slow, view, s->config);
	for (n = 0; n < 400; n++) {
		width = roll_write(&dice, view, s->info.config_size, data, &at);
		if (slow_linux_keeps_out(view, at, width)) {
			HOLDS(s, ram_write(&ram, f, at, data, width) == 0, "%x+%u: cannot be written", at, width);
			slow_linux_write(&slow, ram.rw1c, at, data, width);
			HOLDS(s, ram.written == slow.writes, "%x+%u: %u writes reach the function, not %u", at, width,
			      ram.written, slow.writes);
		}
		compare_linux(s, &slow, &ram, f, &dice);
	}
	for (n = 0; n < s->info.config_size; n++)
		HOLDS(s, ram.config[n] == slow.host[n], "%x: the function has %02x, the slow model %02x", n,
		      ram.config[n], slow.host[n]);
	ram_close(f);
}

static void linux_is_as_its_slow_model_says(void **state)
{
	static const char *const linux_alone[] = { "linux", NULL };

	(void)state;
	under(linux_alone, look_at_linux);
}

/* --- resets and power --- */

/*
 * Bits of the function that may change while it is reset and powered: what guests write, what the safety contract
 * puts back. Sizes that the host set are among the latter, and come back as they were.
 */
static uint8_t may_change(const struct pcg_view *view, unsigned int byte)
{
	uint32_t bits = view->write_host[byte / 4] | view->write_clear[byte / 4];
	unsigned int devctl = view->express + PCG_EXP_DEVCTL;

	if (byte / 4 == PCG_COMMAND / 4)
		bits |= PCG_COMMAND_MASTER;
	if (view->express != 0 && view->hook[devctl / 4] != 0 && byte == devctl + 1)
		bits |= (uint32_t)PCG_DEVCTL_MRRS << devctl % 4 * 8;
	return (uint8_t)(bits >> byte % 4 * 8);
}

/* Whether a write to this dword, even of what it holds, is anybody's business. */
static bool may_be_written(const struct pcg_view *view, unsigned int dword)
{
	bool is_bar = dword >= PCG_BAR0 / 4 && dword < PCG_BAR0 / 4 + PCG_NUM_BARS;

	return is_bar || dword == PCG_ROM / 4 || dword == PCG_COMMAND / 4 || view->hook[dword] != 0 ||
	       (view->write_host[dword] | view->write_clear[dword]) != 0;
}

static void reset(const struct subject *s, struct ram *ram, struct pcg_function *f, enum pcg_request_kind kind)
{
	struct pcg_request request = { .kind = kind };

	HOLDS(s, ram_submit(ram, f, &request) == PCG_DONE, "cannot be reset");
}

static void look_at_lives(const struct subject *s)
{
	struct dice dice = { looked * 31u + 7 };
	const struct pcg_view *view;
	struct pcg_function *f;
	unsigned int n, at, width;
	uint8_t data[8];
	struct ram ram;

	ram_init(&ram, s);
	f = ram_open(&ram, profile);
	if (f == NULL)
		return;
	looked++;
	view = pcg_function_view(f);
	ram_follow(&ram, view);
	ram.late.state = looked % 2 ? looked : 0;
	for (n = 0; n < 200; n++) {
		width = roll_write(&dice, view, s->info.config_size, data, &at);
		ram_write(&ram, f, at, data, width);
		if (dice_of(&dice, 32) == 0)
			reset(s, &ram, f, PCG_REQUEST_RESET);
	}
	reset(s, &ram, f, PCG_REQUEST_RESET);
	for (at = 0; at < s->info.config_size; at++) {
		uint8_t diff = ram.config[at] ^ s->config[at];

		HOLDS(s, (diff & ~may_change(view, at)) == 0, "%x: %02x changed in the function, and is no guest's", at,
		      diff & ~may_change(view, at));
	}
	for (n = 0; n < PCG_CONFIG_DWORDS; n++)
		HOLDS(s, ram.writes[n] == 0 || may_be_written(view, n), "%x: written %u times, and is no guest's",
		      n * 4, ram.writes[n]);
	for (n = 0; n < PCG_CONFIG_DWORDS; n++)
		HOLDS(s, ((view->shadow[n] ^ view->power_on[n]) & ~view->kept[n]) == 0, "%x: %08x after a reset", n * 4,
		      view->shadow[n]);
	reset(s, &ram, f, PCG_REQUEST_CLOSE);
	for (n = 0; n < PCG_CONFIG_DWORDS; n++)
		HOLDS(s, view->shadow[n] == view->power_on[n], "%x: %08x for the next client", n * 4, view->shadow[n]);
	ram_close(f);
}

static void a_whole_life_changes_only_what_is_the_guests(void **state)
{
	(void)state;
	under(mediated, look_at_lives);
}

/* --- capabilities that the next one cuts short --- */

static void cut_short(struct subject *s, uint8_t id, unsigned int at, unsigned int length)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "id %02x at %x, %u bytes", id, at, length);
	s->info.config_size = PCG_CONFIG_EXTENDED;
	s->info.can_reset = true;
	s->info.bars[0] = (struct pcg_bar){ .kind = PCG_BAR_MEM32, .size = 65536 };
	s->info.regions[0] = (struct pcg_region){ .size = 65536, .flags = 3, .fd = -1 };
	pcg_put32(s->config, 0x12348086);
	pcg_put16(s->config + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	/* All that follows belongs to others, and would show that it was written. */
	for (i = at; i < 0x180; i++)
		s->config[i] = (uint8_t)(0x5b + 0x35 * i);
	pcg_put32(s->config + 0x100, 0x0001000e);
	s->config[PCG_CAPABILITIES] = (uint8_t)at;
	s->config[at] = id;
	s->config[at + 1] = (uint8_t)(at + length < 0x100 ? at + length : 0);
	s->config[at + 2] = id == PCG_CAP_MSI ? 0x80 : 0x02;
	s->config[at + 3] = id == PCG_CAP_MSI ? 0x01 : 0x00;
	if (at + length < 0x100) {
		s->config[at + length] = PCG_CAP_VNDR;
		s->config[at + length + 1] = 0;
		s->config[at + length + 2] = 0x20;
	}
}

/* What follows it is shown as it is, and no interrupt of its own writes there. */
static void look_at_neighbours(const struct subject *s, unsigned int after)
{
	const struct pcg_view *view;
	struct pcg_function *f;
	unsigned int i;
	struct ram ram;
	uint8_t data[4];

	ram_init(&ram, s);
	f = ram_open(&ram, profile);
	assert_non_null(f);
	view = pcg_function_view(f);
	HOLDS(s, ram_read(&ram, f, 0x100, data, 4) == 0 && (pcg_get32(data) & 0xfffff) == 0x1000e,
	      "the header at 100 reads %08x", pcg_get32(data));
	for (i = 0; i < pcg_function_irqs(f, PCG_IRQ_MSI); i++) {
		pcg_function_attach(f, PCG_IRQ_MSI, i, false);
		ram.host.events.irq(ram.host.events.arg, PCG_IRQ_MSI, i, true);
	}
	for (i = after / 4; i < 0x180 / 4; i++)
		HOLDS(s, view->shadow[i] == view->power_on[i], "%x: %08x after an interrupt, not %08x", i * 4,
		      view->shadow[i], view->power_on[i]);
	ram_close(f);
}

static void no_capability_reaches_into_the_next(void **state)
{
	static const uint8_t ids[] = { PCG_CAP_PM, PCG_CAP_MSI, PCG_CAP_MSIX, PCG_CAP_EXP, PCG_CAP_AF };
	static const uint16_t places[] = { 0x40, 0x48, 0xf0, 0xf8, 0xfc };
	unsigned int i, place, length;
	struct subject s;

	(void)state;
	profile = "guarded";
	for (i = 0; i < sizeof(ids); i++)
		for (place = 0; place < sizeof(places) / sizeof(places[0]); place++)
			for (length = 4; length <= 24; length += 4) {
				cut_short(&s, ids[i], places[place], length);
				look_at_writes(&s);
				look_at_lives(&s);
				look_at_neighbours(&s, places[place] + length);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_agree),
		cmocka_unit_test(hidden_bodies_are_constant_and_closed),
		cmocka_unit_test(writes_are_as_the_slow_model_says),
		cmocka_unit_test(linux_is_as_its_slow_model_says),
		cmocka_unit_test(no_capability_reaches_into_the_next),
		cmocka_unit_test(a_whole_life_changes_only_what_is_the_guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
