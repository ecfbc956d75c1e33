/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Quirk files of any text, read as `pcigate quirks check` reads them. What is refused leaves nothing behind but a note
 * with the line; what is taken is within its limits, and does to views of functions that it is for what it says.
 */
#include <errno.h>

#include "../property/contract.h"
#include "../property/subject.h"
#include "fuzz.h"
#include "quirks/quirks.h"

static char noted[512];
static unsigned int notes;

static void note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	if (n->level == PCG_ERROR && notes++ == 0)
		snprintf(noted, sizeof(noted), "%s", n->text);
}

static const struct pcg_log hook = { .write = note };

/* --- the file --- */

static void check_limits(const struct pcg_quirk *q)
{
	HOLDS(q->vendor <= 0xffff && (q->device <= 0xffff || q->device == PCG_QUIRK_ANY));
	HOLDS(q->revision <= q->revision_last && q->vf <= PCG_QUIRK_NO_VF);
	HOLDS(q->where != NULL && strncmp(q->where, "file:", 5) == 0 && atoi(q->where + 5) > 0);
	switch (q->kind) {
	case PCG_QUIRK_OPEN_READ:
	case PCG_QUIRK_OPEN_WRITE:
	case PCG_QUIRK_CLOSE:
		HOLDS(q->start < q->end && q->end <= PCG_CONFIG_EXTENDED);
		HOLDS(q->in_cap || q->start >= PCG_HEADER_END);
		return;
	case PCG_QUIRK_DROP:
		HOLDS(q->in_cap);
		return;
	case PCG_QUIRK_NO_INTX:
		return;
	case PCG_QUIRK_COMBINE:
		HOLDS(q->value < PCG_NUM_BARS);
		return;
	case PCG_QUIRK_ROM_WIDTH:
		HOLDS(q->value == 1 || q->value == 2 || q->value == 4);
		return;
	case PCG_QUIRK_ROM_SIZE:
		HOLDS(q->value == 0 || (q->value >= 2048 && (q->value & (q->value - 1)) == 0));
		return;
	case PCG_QUIRK_REGISTERS:
		HOLDS(!q->in_cap && q->start < q->end && q->end <= PCG_CONFIG_EXTENDED);
		return;
	case PCG_QUIRK_VECTORS:
		HOLDS(q->value >= 1 && q->value <= 2048);
		return;
	case PCG_NUM_QUIRK_KINDS:
		break;
	}
	HOLDS(false);
}

/* Return: whether it is taken. */
static bool check_file(struct quirks *quirks, const char *text, size_t size)
{
	unsigned int before = quirks->count, lines = 1, i;
	int ret;

	notes = 0;
	ret = quirks_parse(quirks, text, size, "file", &hook);
	if (ret != 0) {
		for (i = 0; i < size; i++)
			lines += text[i] == '\n';
		HOLDS(ret == -EINVAL && quirks->count == before && notes == 1);
		HOLDS(strncmp(noted, "file:", 5) == 0 && atoi(noted + 5) > 0 && (unsigned int)atoi(noted + 5) <= lines);
		return false;
	}
	HOLDS(notes == 0 && quirks->count <= QUIRKS_MAX);
	for (i = before; i < quirks->count; i++)
		check_limits(&quirks->list[i]);
	return true;
}

/* Said twice is said once: the second time comes to the same, behind the first. */
static void check_again(struct quirks *quirks, const char *text, size_t size)
{
	unsigned int n = quirks->count, i;

	if (n > QUIRKS_MAX / 2)
		return;
	HOLDS(check_file(quirks, text, size) && quirks->count == 2 * n);
	for (i = 0; i < n; i++) {
		struct pcg_quirk one = quirks->list[i], two = quirks->list[n + i];

		HOLDS(strcmp(one.where, two.where) == 0);
		one.where = two.where = NULL;
		HOLDS(memcmp(&one, &two, sizeof(one)) == 0);
	}
	quirks->count = n;
}

/* --- views --- */

/* A function with one of most things that a quirk can name. */
static void furnish(struct subject *s)
{
	static const uint8_t standard[][2] = {
		{ PCG_CAP_PM, 0x40 },  { PCG_CAP_MSI, 0x50 },  { PCG_CAP_MSIX, 0x70 }, { PCG_CAP_EXP, 0x80 },
		{ PCG_CAP_VPD, 0xc0 }, { PCG_CAP_VNDR, 0xd0 }, { PCG_CAP_VNDR, 0xe0 },
	};
	static const uint16_t extended[][2] = {
		{ PCG_ECAP_DSN, 0x100 }, { PCG_ECAP_VSEC, 0x140 }, { PCG_ECAP_DVSEC, 0x180 }, { PCG_ECAP_DVSEC, 0x1c0 },
		{ PCG_ECAP_TPH, 0x200 }, { 0xabc, 0x240 },         { PCG_ECAP_AER, 0x280 },
	};
	unsigned int i, from = PCG_CAPABILITIES;

	memset(s, 0, sizeof(*s));
	s->info.config_size = PCG_CONFIG_EXTENDED;
	s->info.can_reset = true;
	for (i = PCG_HEADER_END; i < PCG_CONFIG_EXTENDED; i++)
		s->config[i] = (uint8_t)(i * 0x35 + 1);
	pcg_put16(s->config + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	s->config[PCG_INT_PIN] = 1;
	s->info.rom = (struct pcg_bar){ .kind = PCG_BAR_MEM32, .size = 65536 };
	for (i = 0; i < sizeof(standard) / sizeof(standard[0]); i++) {
		s->config[from] = standard[i][1];
		from = standard[i][1] + 1u;
		s->config[from - 1] = standard[i][0];
		s->config[from + 1] = standard[i][0] == PCG_CAP_VNDR ? 0x10 : 0x02;
	}
	s->config[from] = 0;
	for (i = 0; i < sizeof(extended) / sizeof(extended[0]); i++) {
		bool last = i + 1 == sizeof(extended) / sizeof(extended[0]);

		pcg_put32(s->config + extended[i][1],
			  extended[i][0] | 1u << 16 | (last ? 0 : (uint32_t)extended[i + 1][1] << 20));
		pcg_put32(s->config + extended[i][1] + 4, 0x02018086);
	}
}

/* What @q is for. */
static void dress(struct subject *s, const struct pcg_quirk *q)
{
	uint16_t vendor = (uint16_t)q->vendor, device = (uint16_t)(q->device == PCG_QUIRK_ANY ? 0x1234 : q->device);

	s->info.is_vf = q->vf == PCG_QUIRK_VF_ONLY;
	s->info.vendor = vendor;
	s->info.device = device;
	pcg_put16(s->config + PCG_VENDOR, vendor);
	pcg_put16(s->config + PCG_DEVICE, device);
	s->config[PCG_REVISION] = q->revision;
	pcg_put16(s->config + PCG_SUBVENDOR, (uint16_t)q->subvendor);
	pcg_put16(s->config + PCG_SUBSYSTEM, (uint16_t)q->subsystem);
}

static bool is(uint32_t wanted, uint32_t value)
{
	return wanted == PCG_QUIRK_ANY || wanted == value;
}

static bool is_for(const struct pcg_quirk *q, const struct subject *s)
{
	if ((q->vf == PCG_QUIRK_VF_ONLY && !s->info.is_vf) || (q->vf == PCG_QUIRK_NO_VF && s->info.is_vf))
		return false;
	return is(q->vendor, s->info.vendor) && is(q->device, s->info.device) &&
	       is(q->subvendor, pcg_get16(s->config + PCG_SUBVENDOR)) &&
	       is(q->subsystem, pcg_get16(s->config + PCG_SUBSYSTEM)) && q->revision <= s->config[PCG_REVISION] &&
	       s->config[PCG_REVISION] <= q->revision_last;
}

/* Bit by bit: @reads from the function, @writes to it, and nothing virtual. */
static void check_bytes(const struct pcg_view *v, unsigned int from, unsigned int to, bool reads, bool writes)
{
	for (; from < to; from++) {
		unsigned int dword = from / 4, shift = from % 4 * 8;

		HOLDS((v->read_host[dword] >> shift & 0xff) == (reads ? 0xffu : 0));
		HOLDS((v->write_host[dword] >> shift & 0xff) == (writes ? 0xffu : 0));
		HOLDS(((v->write_shadow[dword] | v->write_clear[dword] | v->as_zero[dword]) >> shift & 0xff) == 0);
		HOLDS(reads || (v->power_on[dword] >> shift & 0xff) == 0);
	}
}

/* The capabilities that @q names, in chain order. */
static void check_caps(const struct pcg_view *v, const struct pcg_quirk *q)
{
	const struct pcg_cap *caps = q->extended ? v->layout.ecaps : v->layout.caps;
	unsigned int n = q->extended ? v->layout.necaps : v->layout.ncaps, i, nth = 0;

	for (i = 0; i < n; i++) {
		const struct pcg_cap *cap = &caps[i];
		unsigned int end = q->end < cap->length ? q->end : cap->length;

		if (cap->id != q->id || (nth++, q->instance != 0 && q->instance != nth))
			continue;
		if (q->kind == PCG_QUIRK_DROP)
			/* The head of the extended chain leaves its pointer. */
			check_bytes(v, cap->offset + (cap->offset == PCG_CONFIG_CONVENTIONAL ? 4u : 0),
				    cap->offset + cap->length, false, false);
		else if (q->start < end)
			check_bytes(v, cap->offset + q->start, cap->offset + end, q->kind != PCG_QUIRK_CLOSE,
				    q->kind == PCG_QUIRK_OPEN_WRITE);
	}
}

static void check_done(const struct pcg_view *v, const struct pcg_quirk *q, const struct subject *s)
{
	unsigned int end = q->end < s->info.config_size ? q->end : s->info.config_size, pin = PCG_INT_PIN / 4;

	if (q->kind == PCG_QUIRK_NO_INTX)
		HOLDS(v->no_intx && ((v->read_host[pin] | v->power_on[pin]) & 0xff00) == 0);
	else if (q->kind == PCG_QUIRK_ROM_WIDTH)
		HOLDS(v->rom_width == q->value);
	else if (q->kind == PCG_QUIRK_ROM_SIZE)
		HOLDS(v->rom.size <= q->value);
	else if (q->kind == PCG_QUIRK_VECTORS)
		HOLDS(v->msix_vectors <= q->value);
	else if (q->kind == PCG_QUIRK_REGISTERS)
		return;
	else if (q->kind == PCG_QUIRK_COMBINE)
		HOLDS(v->combine >> q->value & 1);
	else if (q->in_cap)
		check_caps(v, q);
	else if (q->start < end)
		check_bytes(v, q->start, end, q->kind != PCG_QUIRK_CLOSE, q->kind == PCG_QUIRK_OPEN_WRITE);
}

static int compile(struct pcg_view *view, const struct subject *s, const char *profile, const struct quirks *quirks)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find(profile),
						  .quirks = quirks != NULL ? quirks->list : NULL,
						  .nquirks = quirks != NULL ? quirks->count : 0 };

	return pcg_view_init(view, &s->info, s->config, &options, &hook);
}

static void check_mediated(const struct subject *s, const char *profile, const struct quirks *quirks)
{
	static struct pcg_view view;
	unsigned int i;
	int ret;

	notes = 0;
	ret = compile(&view, s, profile, quirks);
	if (ret != 0) {
		/* Which line it was comes first. */
		HOLDS(ret == -EINVAL && notes >= 2 && strncmp(noted, "file:", 5) == 0);
		return;
	}
	for (i = 0; i < PCG_CONFIG_DWORDS; i++)
		HOLDS(contract_dword(&view, (uint16_t)i));
	for (i = 0; i < quirks->count; i++)
		if (is_for(&quirks->list[i], s))
			check_done(&view, &quirks->list[i], s);
}

/* `linux` and `raw` have none. */
static void check_untouched(const struct subject *s, const char *profile, const struct quirks *quirks)
{
	static struct pcg_view with, without;

	HOLDS(compile(&with, s, profile, quirks) == compile(&without, s, profile, NULL));
	with.options = without.options;
	HOLDS(memcmp(&with, &without, sizeof(with)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of its own size, so that a sanitizer sees a read past the end. */
	char *text = malloc(size + (size == 0));
	struct quirks quirks = { 0 };
	struct subject subject;
	unsigned int i;

	HOLDS(text != NULL);
	memcpy(text, data, size);
	if (check_file(&quirks, text, size)) {
		check_again(&quirks, text, size);
		furnish(&subject);
		/* Some of those that it names, the last and the first among them. */
		for (i = quirks.count; i > 0; i /= 2) {
			dress(&subject, &quirks.list[i - 1]);
			check_mediated(&subject, "guarded", &quirks);
			check_mediated(&subject, "strict", &quirks);
			check_untouched(&subject, "linux", &quirks);
			check_untouched(&subject, "raw", &quirks);
		}
	}
	quirks_finish(&quirks);
	free(text);
	return 0;
}
