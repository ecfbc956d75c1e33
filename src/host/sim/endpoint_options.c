/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/options.h"
#include "host/sim/endpoint_test.h"

#define MAX_REBAR ((uint64_t)64 << 30)
#define MAX_VFS   1000u /* with ports and PFs: FABRIC_MAX_FUNCTIONS */

const char endpoint_help[] =
	"sim:endpoint-test[,id=VENDOR:DEVICE][,subsystem=VENDOR:DEVICE][,revision=NN][,class=CCSSPP][,msi=0..32]"
	"[,msix=0..2048][,mps=BYTES][,payload=BYTES][,intx=on|off][,memory-bit=on|off][,max=BYTES][,flr=MS|never]"
	"[,bars=default|mem64|io|BAR0/BAR1/...][,pasid=WIDTH[:exec][:priv]][,ats=on|off][,pri=N]"
	"[,rebar=BAR:SIZE/...][,acs=on|off][,ari=on|off][,vfs=N[,vf=N][,enabled=N][,token=UUID][,vf-bars=...]"
	"[,vf-msix=N][,vf-msix-pool=N][,vf-device=NNNN][,detached=on|off]]"
	"; a BAR is auto (BAR 0), SIZE[K|M|G][:mem32|:mem64|:io][:prefetch] or -; docs/endpoint-test.md";

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

static bool set_bars(struct endpoint_options *o, const char *value)
{
	return endpoint_layout_parse(o->bars, value, false);
}

static bool set_vf_bars(struct endpoint_options *o, const char *value)
{
	return endpoint_layout_parse(o->vf_bars, value, true);
}

static bool set_vf_device(struct endpoint_options *o, const char *value)
{
	uint32_t n;

	if (!parse_hex(value, 0xffff, &n))
		return false;
	o->vf_device = (uint16_t)n;
	return true;
}

/* "WIDTH[:exec][:priv]" */
static bool set_pasid(struct endpoint_options *o, const char *value)
{
	const char *rest;
	uint64_t width;

	if (!options_parse_size(value, &rest, &width) || width < 1 || width > 20)
		return false;
	o->pasid = (uint8_t)width;
	o->execute = false;
	o->privileged = false;
	while (*rest == ':') {
		size_t n = strcspn(++rest, ":");

		if (n == 4 && strncmp(rest, "exec", n) == 0)
			o->execute = true;
		else if (n == 4 && strncmp(rest, "priv", n) == 0)
			o->privileged = true;
		else
			return false;
		rest += n;
	}
	return *rest == '\0';
}

/* "BAR:SIZE[/SIZE...]": what the sizes are good for shows when the BARs are known. */
static bool set_rebar(struct endpoint_options *o, const char *value)
{
	const char *rest;
	uint64_t n;

	if (!options_parse_size(value, &rest, &n) || *rest != ':' || n >= PCG_NUM_BARS)
		return false;
	o->rebar_bar = (uint8_t)n;
	o->rebar = 0;
	do {
		unsigned int bit = 0;

		if (!options_parse_size(rest + 1, &rest, &n) || n < 1u << 20 || n > MAX_REBAR || (n & (n - 1)) != 0)
			return false;
		while (n >> 20 >> bit > 1)
			bit++;
		o->rebar |= 1u << bit;
	} while (*rest == '/');
	return *rest == '\0';
}

enum {
	MSIX,
	INTX,
	MAX,
	MEMORY_BIT,
	ATS,
	PRI,
	ACS,
	ARI,
	VFS,
	ENABLED,
	VF_MSIX,
	VF_POOL,
	DETACHED,
	SPECIAL, /* from here on: those of specials[], in its order */
};

/* Of specials[]: the one whose default is another option's value. */
#define VF_DEVICE 10

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
	{ set_vf_bars, "default, mem64 or up to six of SIZE[:mem32|:mem64][:prefetch] or - with / between" },
	{ set_vf_device, "hexadecimal, up to ffff" },
	{ set_pasid, "WIDTH[:exec][:priv], WIDTH 1 to 20 bits" },
	{ set_rebar, "BAR:SIZE[/SIZE...], powers of two from 1M to 64G" },
};

static const char *const names[] = {
	"msix",    "intx",    "max",          "memory-bit", "ats",     "pri",       "acs",      "ari",   "vfs",
	"enabled", "vf-msix", "vf-msix-pool", "detached",   "id",      "subsystem", "revision", "class", "msi",
	"mps",     "payload", "flr",          "bars",       "vf-bars", "vf-device", "pasid",    "rebar", NULL,
};

_Static_assert(COUNT(names) == SPECIAL + COUNT(specials) + 1, "a name for each");

/* Numbers that a wider one stands for while they are read. */
struct wide {
	uint64_t msix;
	uint64_t max;
	uint64_t pri;
	uint64_t vfs;
	uint64_t enabled;
	uint64_t vf_msix;
	uint64_t vf_pool;
};

static int read_numbers(struct endpoint_options *o, const struct options *given)
{
	struct wide n = { .msix = o->msix, .max = o->max_transfer, .vf_msix = o->vf_msix };

	if (options_size(given, MSIX, 0, ENDPOINT_MSIX_MAX, &n.msix) != 0 ||
	    options_size(given, MAX, 1, 1u << 30, &n.max) != 0 || options_size(given, PRI, 0, 512, &n.pri) != 0 ||
	    options_size(given, VFS, 0, MAX_VFS, &n.vfs) != 0)
		return -EINVAL;
	n.enabled = n.vfs;
	if (options_size(given, ENABLED, 0, n.vfs, &n.enabled) != 0 ||
	    options_size(given, VF_MSIX, 0, ENDPOINT_MSIX_MAX, &n.vf_msix) != 0 ||
	    options_size(given, VF_POOL, 0, MAX_VFS * ENDPOINT_MSIX_MAX, &n.vf_pool) != 0)
		return -EINVAL;
	o->msix = (uint32_t)n.msix;
	o->max_transfer = (uint32_t)n.max;
	o->pri = (uint32_t)n.pri;
	o->vfs = (uint16_t)n.vfs;
	o->enabled = (uint16_t)n.enabled;
	o->vf_msix = (uint32_t)n.vf_msix;
	o->vf_pool = (uint32_t)n.vf_pool;
	return 0;
}

static int read_switches(struct endpoint_options *o, const struct options *given)
{
	bool memory_bit = true;

	if (options_bool(given, INTX, &o->intx) != 0 || options_bool(given, MEMORY_BIT, &memory_bit) != 0 ||
	    options_bool(given, ATS, &o->ats) != 0 || options_bool(given, ACS, &o->acs) != 0 ||
	    options_bool(given, ARI, &o->ari) != 0 || options_bool(given, DETACHED, &o->detached) != 0)
		return -EINVAL;
	o->no_memory_bit = !memory_bit;
	return 0;
}

static int read_options(struct endpoint_options *options, const struct options *given)
{
	if (read_numbers(options, given) != 0 || read_switches(options, given) != 0)
		return -EINVAL;
	for (unsigned int i = 0; i < COUNT(specials); i++) {
		const char *value = given->values[SPECIAL + i];

		if (value == NULL || specials[i].set(options, value))
			continue;
		base_log(given->log, PCG_ERROR, "sim:endpoint-test: %s=%.64s: must be %s", names[SPECIAL + i], value,
			 specials[i].wanted);
		return -EINVAL;
	}
	if (given->values[SPECIAL + VF_DEVICE] == NULL)
		options->vf_device = options->device;
	return 0;
}

/* A resizable BAR is memory, and its own size is one that it has (PCIe 6.0, 7.8.6.2). */
static const char *check_rebar(const struct endpoint_options *o)
{
	const struct pcg_bar *bar = &o->bars[o->rebar_bar];

	if (o->rebar == 0)
		return NULL;
	if (o->rebar_bar == 0 || (bar->kind != PCG_BAR_MEM32 && bar->kind != PCG_BAR_MEM64))
		return "the BAR has to be memory, and not BAR 0";
	if (bar->kind == PCG_BAR_MEM32 && o->rebar >> 12 != 0)
		return "a BAR of 32 bits has no sizes above 2G";
	if (bar->size < 1u << 20 || (o->rebar & (uint32_t)(bar->size >> 20)) == 0 || bar->size >> 20 > UINT32_MAX)
		return "the size that bars= gives the BAR has to be among them";
	return NULL;
}

static int check(struct endpoint_options *o, const struct pcg_log *log)
{
	const char *option = "bars", *why = endpoint_layout_fit(o->bars, o->msix, false);

	if (why == NULL) {
		option = "vf-bars";
		why = endpoint_layout_fit(o->vf_bars, o->vf_msix, true);
	}
	if (why == NULL) {
		option = "rebar";
		why = check_rebar(o);
	}
	if (why == NULL && o->payload > o->mps) {
		base_log(log, PCG_ERROR, "sim:endpoint-test: payload=%u: the function supports mps=%u",
			 (unsigned int)o->payload, (unsigned int)o->mps);
		return -EINVAL;
	}
	/* PCIe 6.0, 10.4: a page request is answered by a translation. */
	if (why == NULL && o->pri != 0 && !o->ats) {
		option = "pri";
		why = "it takes ats=on";
	}
	if (why == NULL)
		return 0;
	base_log(log, PCG_ERROR, "sim:endpoint-test: %s: %s", option, why);
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
		.vf_msix = 8,
	};
	set_bars(options, "default");
	set_vf_bars(options, "default");
	r = options_init(&given, "sim:endpoint-test", text, names, log);
	if (r != 0)
		return r;
	r = read_options(options, &given);
	options_finish(&given);
	return r == 0 ? check(options, log) : r;
}
