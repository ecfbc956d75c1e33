/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/options.h"
#include "host/sim/endpoint_test.h"

#define MAX_TEXT     256u
#define MAX_BAR_SIZE ((uint64_t)64 << 30)
#define MAX_IO_SIZE  256u /* PCI 3.0, 6.2.5.1 */

/* BAR 0's share of the text is "auto": as large as the registers and the MSI-X table need. */
static const struct {
	const char *name;
	const char *text;
} layouts[] = {
	{ "default", "auto/1K/64K/128K:prefetch/1M:prefetch/256K" },
	{ "mem64", "auto:mem64/64K:mem64/1M:mem64:prefetch" },
	{ "io", "auto/256:io/64K/128K:prefetch/4K/-" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

uint32_t endpoint_pba_offset(uint32_t vectors)
{
	uint32_t table = vectors * 16;

	return ENDPOINT_MSIX_TABLE + (table + ENDPOINT_PAGE - 1) / ENDPOINT_PAGE * ENDPOINT_PAGE;
}

uint64_t endpoint_bar0_size(uint32_t vectors)
{
	uint32_t need = vectors == 0 ? ENDPOINT_PAGE : endpoint_pba_offset(vectors) + ENDPOINT_PAGE;
	uint64_t size = ENDPOINT_PAGE;

	while (size < need)
		size *= 2;
	return size;
}

/* Hexadecimal digits and nothing else. */
static bool parse_hex(const char *text, uint32_t max, uint32_t *value)
{
	char *end;
	unsigned long n;

	if (!isxdigit((unsigned char)*text) || strlen(text) > 8)
		return false;
	n = strtoul(text, &end, 16);
	*value = (uint32_t)n;
	return *end == '\0' && n <= max;
}

static bool parse_pair(const char *text, uint16_t *first, uint16_t *second)
{
	char left[8] = "";
	const char *colon = strchr(text, ':');
	uint32_t a, b;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(left))
		return false;
	memcpy(left, text, (size_t)(colon - text));
	if (!parse_hex(left, 0xffff, &a) || !parse_hex(colon + 1, 0xffff, &b))
		return false;
	*first = (uint16_t)a;
	*second = (uint16_t)b;
	return true;
}

static bool set_id(struct endpoint_options *o, const char *value)
{
	/* FFFFh is what an empty slot answers with. */
	return parse_pair(value, &o->vendor, &o->device) && o->vendor != 0xffff;
}

static bool set_subsystem(struct endpoint_options *o, const char *value)
{
	return parse_pair(value, &o->subvendor, &o->subdevice);
}

static bool set_revision(struct endpoint_options *o, const char *value)
{
	uint32_t n;

	if (!parse_hex(value, 0xff, &n))
		return false;
	o->revision = (uint8_t)n;
	return true;
}

static bool set_class(struct endpoint_options *o, const char *value)
{
	return parse_hex(value, 0xffffff, &o->class_code);
}

static bool parse_power_of_two(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	const char *end;
	uint64_t n;

	if (!options_parse_size(text, &end, &n) || *end != '\0' || n < min || n > max || (n & (n - 1)) != 0)
		return false;
	*value = (uint32_t)n;
	return true;
}

static bool set_msi(struct endpoint_options *o, const char *value)
{
	return parse_power_of_two(value, 0, 32, &o->msi);
}

static bool set_mps(struct endpoint_options *o, const char *value)
{
	return parse_power_of_two(value, 128, 4096, &o->mps);
}

static bool set_payload(struct endpoint_options *o, const char *value)
{
	return parse_power_of_two(value, 128, 4096, &o->payload);
}

static bool set_flr(struct endpoint_options *o, const char *value)
{
	const char *end;
	uint64_t n;

	o->flr_ms = ENDPOINT_FLR_NEVER;
	if (strcmp(value, "never") == 0)
		return true;
	if (!options_parse_size(value, &end, &n) || *end != '\0' || n > 3600000)
		return false;
	o->flr_ms = (uint32_t)n;
	return true;
}

static bool parse_bar_size(const char *text, uint64_t *size)
{
	const char *end;

	return options_parse_size(text, &end, size) && *end == '\0' && *size != 0 && *size <= MAX_BAR_SIZE;
}

/* "SIZE[:mem32|:mem64|:io][:prefetch]" or "-"; returns how many registers it takes, 0: not understood. */
static unsigned int parse_bar(char *text, unsigned int index, struct pcg_bar *bar)
{
	char *rest = NULL;
	char *word = strtok_r(text, ":", &rest);
	bool sized;

	*bar = (struct pcg_bar){ .kind = PCG_BAR_MEM32 };
	if (word == NULL)
		return 0;
	if (strcmp(word, "-") == 0) {
		bar->kind = PCG_BAR_NONE;
		return *rest == '\0' ? 1 : 0;
	}
	if (index == 0 && strcmp(word, "auto") == 0)
		sized = true;
	else
		sized = parse_bar_size(word, &bar->size);
	while (sized && (word = strtok_r(NULL, ":", &rest)) != NULL) {
		if (strcmp(word, "mem64") == 0)
			bar->kind = PCG_BAR_MEM64;
		else if (strcmp(word, "io") == 0)
			bar->kind = PCG_BAR_IO;
		else if (strcmp(word, "prefetch") == 0)
			bar->prefetchable = true;
		else if (strcmp(word, "mem32") != 0)
			return 0;
	}
	if (bar->kind == PCG_BAR_IO && (bar->size > MAX_IO_SIZE || bar->prefetchable))
		return 0;
	if (bar->kind == PCG_BAR_MEM32 && bar->size > UINT32_C(1) << 31)
		return 0;
	return !sized ? 0 : bar->kind == PCG_BAR_MEM64 ? 2 : 1;
}

static bool set_bars(struct endpoint_options *o, const char *value)
{
	char text[MAX_TEXT];
	char *rest = text;
	char *part;
	unsigned int index = 0;

	for (size_t i = 0; i < COUNT(layouts); i++)
		if (strcmp(value, layouts[i].name) == 0)
			value = layouts[i].text;
	if (strlen(value) >= sizeof(text))
		return false;
	strcpy(text, value);
	memset(o->bars, 0, sizeof(o->bars));
	while ((part = strsep(&rest, "/")) != NULL) {
		unsigned int n = index < PCG_NUM_BARS ? parse_bar(part, index, &o->bars[index]) : 0;

		if (n == 0 || index + n > PCG_NUM_BARS)
			return false;
		if (n == 2)
			o->bars[index + 1].kind = PCG_BAR_UPPER;
		index += n;
	}
	return true;
}

enum {
	MSIX,
	INTX,
	MAX,
	MEMORY_BIT,
	SPECIAL, /* from here on: those of specials[], in its order */
};

static const struct {
	bool (*set)(struct endpoint_options *options, const char *value);
	const char *wanted;
} specials[] = {
	{ set_id, "VENDOR:DEVICE in hexadecimal, FFFF no vendor" },
	{ set_subsystem, "VENDOR:DEVICE in hexadecimal" },
	{ set_revision, "hexadecimal, up to ff" },
	{ set_class, "hexadecimal, up to ffffff" },
	{ set_msi, "0, 1, 2, 4, 8, 16 or 32" },
	{ set_mps, "128, 256, 512, 1024, 2048 or 4096" },
	{ set_payload, "128, 256, 512, 1024, 2048 or 4096" },
	{ set_flr, "milliseconds up to 3600000, or never" },
	{ set_bars, "default, mem64, io or up to six of SIZE[:mem32|:mem64|:io][:prefetch] or - with / between" },
};

static const char *const names[] = { "msix",  "intx", "max", "memory-bit", "id",  "subsystem", "revision",
				     "class", "msi",  "mps", "payload",    "flr", "bars",      NULL };

_Static_assert(COUNT(names) == SPECIAL + COUNT(specials) + 1, "a name for each");

static int read_options(struct endpoint_options *options, const struct options *given)
{
	uint64_t msix = options->msix;
	uint64_t max = options->max_transfer;
	bool memory_bit = true;

	if (options_size(given, MSIX, 0, 2048, &msix) != 0 || options_bool(given, INTX, &options->intx) != 0 ||
	    options_bool(given, MEMORY_BIT, &memory_bit) != 0 || options_size(given, MAX, 1, 1u << 30, &max) != 0)
		return -EINVAL;
	options->msix = (uint32_t)msix;
	options->max_transfer = (uint32_t)max;
	options->no_memory_bit = !memory_bit;
	for (unsigned int i = 0; i < COUNT(specials); i++) {
		const char *value = given->values[SPECIAL + i];

		if (value == NULL || specials[i].set(options, value))
			continue;
		base_log(given->log, PCG_ERROR, "sim:endpoint-test: %s=%.64s: must be %s", names[SPECIAL + i], value,
			 specials[i].wanted);
		return -EINVAL;
	}
	return 0;
}

/* BAR 0 has to hold the registers and what msix= asks for, whichever came first. */
static int check_bars(struct endpoint_options *options, const struct pcg_log *log)
{
	struct pcg_bar *bar = &options->bars[0];
	uint64_t need = endpoint_bar0_size(options->msix);

	if (bar->kind != PCG_BAR_NONE && bar->size == 0)
		bar->size = need;
	if ((bar->kind != PCG_BAR_MEM32 && bar->kind != PCG_BAR_MEM64) || bar->size < need) {
		base_log(log, PCG_ERROR,
			 "sim:endpoint-test: bars: BAR 0 holds the registers: memory of at least %llu bytes with "
			 "msix=%u; auto fits",
			 (unsigned long long)need, (unsigned int)options->msix);
		return -EINVAL;
	}
	if (pcg_bars_check(options->bars) == 0)
		return 0;
	base_log(log, PCG_ERROR, "sim:endpoint-test: bars: a size is a power of two, at least 16 (memory) or 4 (io)");
	return -EINVAL;
}

int endpoint_options_parse(struct endpoint_options *options, const char *text, const struct pcg_log *log)
{
	struct options given;
	int r;

	/* An id that the driver knows with its registers in BAR 0 and no alignment asked of buffers. */
	*options = (struct endpoint_options){
		.vendor = 0x1912,
		.device = 0x002d,
		.subvendor = 0x1912,
		.subdevice = 0x002d,
		.class_code = 0xff0000,
		.msi = 32,
		.msix = 32,
		.mps = 512,
		.payload = 128,
		.intx = true,
		.max_transfer = 16u << 20,
	};
	set_bars(options, "default");
	r = options_init(&given, "sim:endpoint-test", text, names, log);
	if (r != 0)
		return r;
	r = read_options(options, &given);
	options_finish(&given);
	if (r == 0 && options->payload > options->mps) {
		base_log(log, PCG_ERROR, "sim:endpoint-test: payload=%u: the function supports mps=%u",
			 (unsigned int)options->payload, (unsigned int)options->mps);
		return -EINVAL;
	}
	return r == 0 ? check_bars(options, log) : r;
}
