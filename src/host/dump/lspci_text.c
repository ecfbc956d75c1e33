/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>

#include "host/dump/lspci_text.h"

#define NAME_SIZE 256

/** struct flag - a bit and how lspci writes it, followed by + or - */
struct flag {
	uint16_t bit;
	const char *name;
};

static const struct flag command_flags[] = {
	{ 0x001, "I/O" },     { 0x002, "Mem" },      { 0x004, "BusMaster" }, { 0x008, "SpecCycle" },
	{ 0x010, "MemWINV" }, { 0x020, "VGASnoop" }, { 0x040, "ParErr" },    { 0x080, "Stepping" },
	{ 0x100, "SERR" },    { 0x200, "FastB2B" },  { 0x400, "DisINTx" },
};

/* DEVSEL timing stands between its neighbours and is no flag. */
static const struct flag status_flags[] = {
	{ 0x0010, "Cap" }, { 0x0020, "66MHz" }, { 0x0040, "UDF" }, { 0x0080, "FastB2B" }, { 0x0100, "ParErr" },
};

static const struct flag status_errors[] = {
	{ 0x0800, ">TAbort" }, { 0x1000, "<TAbort" }, { 0x2000, "<MAbort" },
	{ 0x4000, ">SERR" },   { 0x8000, "<PERR" },   { 0x0008, "INTx" },
};

static void print_flags(FILE *out, uint16_t value, const struct flag *flags, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		fprintf(out, " %s%c", flags[i].name, value & flags[i].bit ? '+' : '-');
}

#define FLAGS(out, value, flags) print_flags(out, value, flags, sizeof(flags) / sizeof((flags)[0]))

static void print_title(FILE *out, const struct lspci_function *function, struct lspci_names *names)
{
	const uint8_t *config = function->config;
	uint16_t class_code = pcg_get16(config + PCG_CLASS + 1);
	uint16_t ids[2] = { pcg_get16(config + PCG_VENDOR), pcg_get16(config + PCG_DEVICE) };
	enum lspci_name what = LSPCI_NAME_DEVICE;
	char class_name[NAME_SIZE], device[NAME_SIZE];

	/* The registers of a VF do not show its ids: then the line must, or they are lost. */
	if (ids[0] == 0xffff && ids[1] == 0xffff) {
		ids[0] = function->vendor;
		ids[1] = function->device;
		what = LSPCI_NAME_DEVICE_NUMB;
	}
	lspci_names_find(names, LSPCI_NAME_CLASS, &class_code, class_name, sizeof(class_name));
	lspci_names_find(names, what, ids, device, sizeof(device));
	fprintf(out, "%s %s: %s", function->bdf, class_name, device);
	if (config[PCG_REVISION] != 0)
		fprintf(out, " (rev %02x)", config[PCG_REVISION]);
	if (config[PCG_CLASS] != 0)
		fprintf(out, " (prog-if %02x)", config[PCG_CLASS]);
	fputc('\n', out);
}

static void print_header(FILE *out, const struct lspci_function *function, struct lspci_names *names)
{
	static const char *const timing[] = { "fast", "medium", "slow", "??" };
	const uint8_t *config = function->config;
	uint16_t status = pcg_get16(config + PCG_STATUS);
	uint16_t ids[4] = { pcg_get16(config + PCG_VENDOR), pcg_get16(config + PCG_DEVICE),
			    pcg_get16(config + PCG_SUBVENDOR), pcg_get16(config + PCG_SUBSYSTEM) };
	char name[NAME_SIZE];

	if (ids[2] != 0 && ids[2] != 0xffff) {
		lspci_names_find(names, LSPCI_NAME_SUBSYSTEM, ids, name, sizeof(name));
		fprintf(out, "\tSubsystem: %s\n", name);
	}
	fprintf(out, "\tControl:");
	FLAGS(out, pcg_get16(config + PCG_COMMAND), command_flags);
	fprintf(out, "\n\tStatus:");
	FLAGS(out, status, status_flags);
	fprintf(out, " DEVSEL=%s", timing[status >> 9 & 3]);
	FLAGS(out, status, status_errors);
	fputc('\n', out);
	if (config[PCG_INT_PIN] != 0)
		fprintf(out, "\tInterrupt: pin %c routed to IRQ %u\n", 'A' + config[PCG_INT_PIN] - 1,
			config[PCG_INT_LINE]);
}

static void print_size(FILE *out, uint64_t size)
{
	static const char suffixes[] = "KMGT";
	unsigned int i = 0;

	while (i < 4 && size != 0 && size % 1024 == 0) {
		size /= 1024;
		i++;
	}
	fprintf(out, " [size=%" PRIu64, size);
	if (i > 0)
		fputc(suffixes[i - 1], out);
	fprintf(out, "]\n");
}

static void print_region(FILE *out, const struct lspci_function *function, unsigned int i)
{
	const struct pcg_bar *bar = &function->bars[i];
	uint16_t command = pcg_get16(function->config + PCG_COMMAND);
	uint64_t address = pcg_get32(function->config + PCG_BAR0 + 4 * i);
	bool io = bar->kind == PCG_BAR_IO;

	if (bar->size == 0)
		return;
	address &= io ? ~UINT64_C(3) : ~UINT64_C(15);
	if (bar->kind == PCG_BAR_MEM64)
		address |= (uint64_t)pcg_get32(function->config + PCG_BAR0 + 4 * i + 4) << 32;
	fprintf(out, "\tRegion %u: %s at ", i, io ? "I/O ports" : "Memory");
	if (address == 0)
		fprintf(out, "<unassigned>");
	else
		fprintf(out, io ? "%04" PRIx64 : "%08" PRIx64, address);
	if (!io)
		fprintf(out, " (%s-bit, %sprefetchable)", bar->kind == PCG_BAR_MEM64 ? "64" : "32",
			bar->prefetchable ? "" : "non-");
	if (!(command & (io ? PCG_COMMAND_IO : PCG_COMMAND_MEMORY)))
		fprintf(out, " [disabled]");
	print_size(out, bar->size);
}

static void print_rom(FILE *out, const struct lspci_function *function)
{
	uint32_t value = pcg_get32(function->config + PCG_ROM);

	if (function->rom->size == 0)
		return;
	fprintf(out, "\tExpansion ROM at ");
	if (value & 0xfffff800u)
		fprintf(out, "%08x", value & 0xfffff800u);
	else
		fprintf(out, "<unassigned>");
	if (!(value & 1))
		fprintf(out, " [disabled]");
	print_size(out, function->rom->size);
}

static void print_hex(FILE *out, const struct lspci_function *function, unsigned int bytes)
{
	unsigned int size = function->layout->size, i;

	if (bytes > size)
		bytes = size;
	for (i = 0; i < bytes; i++) {
		if (i % 16 == 0)
			fprintf(out, "%02x:", i);
		fprintf(out, " %02x%s", function->config[i], i % 16 == 15 ? "\n" : "");
	}
}

int lspci_print(FILE *out, const struct lspci_function *function, const struct lspci_options *options)
{
	unsigned int i;

	print_title(out, function, options->names);
	if (options->verbosity > 0)
		print_header(out, function, options->names);
	for (i = 0; i < PCG_NUM_BARS; i++)
		print_region(out, function, i);
	print_rom(out, function);
	if (options->verbosity > 0)
		lspci_print_caps(out, function, options->verbosity);
	print_hex(out, function, options->hex);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
