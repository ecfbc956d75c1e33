/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "cli/options.h"
#include "cli/policy.h"
#include "host/dump/lspci_text.h"

struct settings {
	bool guest;
	bool json;
	unsigned int x;
	unsigned int v;
	struct cli_view view;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate inspect FUNC [--guest|--host] [-v…] [-x|-xxx|-xxxx] [--json]\n\n"
		"Prints a function as lspci would; what -xxx and -xxxx print is read back by lspci -F and by dump:.\n\n"
		"  --guest        as its guest reads it (default)\n"
		"  --host         as the function itself holds it\n"
		"  -v, -vv        capabilities, what stands in them\n"
		"  -x -xxx -xxxx  64 bytes, 256 bytes, all of configuration space in hexadecimal\n"
		"  --json         both sides, for programs\n");
	fputs(cli_policy_help, out);
	fprintf(out,
		"\nFUNC: vfio:BDF, dump:FILE[@BDF], sim:MODEL, vfio-user:SOCKET, or live:CONTROL[@N] of a server started with\n"
		"      --control CONTROL\n");
}

static int take(void *settings, int option)
{
	struct settings *s = settings;

	if (option == 'g' || option == 'h')
		s->guest = option == 'g';
	s->json |= option == 'j';
	s->v += option == 'v';
	s->x += option == 'x';
	return CLI_DONE;
}

static const struct option long_options[] = {
	{ "guest", no_argument, NULL, 'g' },
	{ "host", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static const struct cli_form form = {
	.verb = "inspect",
	.letters = "vx",
	.options = long_options,
	.take = take,
	.usage = usage,
};

/* "dump:FILE@01:00.0,option" keeps its address; everything else is function 0 of a machine of its own. */
static void choose_bdf(const struct look *look, char *bdf, size_t size)
{
	const char *at = strrchr(look->func, '@');
	unsigned int domain = 0, bus, device, function;
	bool found = at != NULL && strncmp(look->func, "dump:", 5) == 0;

	if (found && sscanf(at + 1, "%x:%x:%x.%x", &domain, &bus, &device, &function) == 4)
		snprintf(bdf, size, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, device & 0x1f, function & 7);
	else if (found && sscanf(at + 1, "%x:%x.%x", &bus, &device, &function) == 3)
		snprintf(bdf, size, "%02x:%02x.%x", bus & 0xff, device & 0x1f, function & 7);
	else
		snprintf(bdf, size, "00:00.0");
}

/* What stands in configuration space and nothing else is behind. */
static const char *mark(const void *arg, const struct pcg_cap *cap)
{
	return look_forced(arg, cap) ? " (configuration only)" : NULL;
}

static struct json_object *json_side(const uint8_t *config, size_t size, const struct pcg_layout *layout,
				     const struct look *look)
{
	struct json_object *side = json_object_new_object(), *caps = json_object_new_array();
	char hex[2 * PCG_CONFIG_EXTENDED + 1];
	unsigned int i;

	for (i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", config[i]);
	json_object_object_add(side, "config", json_object_new_string(hex));
	for (i = 0; i < layout->ncaps + (unsigned int)layout->necaps; i++) {
		const struct pcg_cap *cap = i < layout->ncaps ? &layout->caps[i] : &layout->ecaps[i - layout->ncaps];
		struct json_object *entry = json_object_new_object();
		const char *setpci, *text = pcg_cap_text(cap->id, cap->extended, &setpci);

		json_object_object_add(entry, "offset", json_object_new_int(cap->offset));
		json_object_object_add(entry, "length", json_object_new_int(cap->length));
		json_object_object_add(entry, "id", json_object_new_int(cap->id));
		json_object_object_add(entry, "extended", json_object_new_boolean(cap->extended));
		json_object_object_add(entry, "name", text != NULL ? json_object_new_string(text) : NULL);
		if (look != NULL && look_forced(look, cap))
			json_object_object_add(entry, "configuration_only", json_object_new_boolean(true));
		json_object_array_add(caps, entry);
	}
	json_object_object_add(side, "capabilities", caps);
	return side;
}

static void print_json(const struct look *look)
{
	struct json_object *root = json_object_new_object();

	json_object_object_add(root, "function", json_object_new_string(look->func));
	json_object_object_add(root, "size", json_object_new_int((int)look->size));
	json_object_object_add(root, "host", json_side(look->host, look->size, &look->host_layout, NULL));
	json_object_object_add(root, "guest", json_side(look->guest, look->size, &look->guest_layout, look));
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	json_object_put(root);
}

static int print_text(const struct look *look, const struct settings *s)
{
	static const unsigned int hex[] = { 0, 64, 64, 256, 4096 };
	char bdf[32];
	struct lspci_function function = {
		.bdf = bdf,
		.config = s->guest ? look->guest : look->host,
		.layout = s->guest ? &look->guest_layout : &look->host_layout,
		.bars = look->bars,
		.rom = &look->rom,
		.vendor = pcg_get16(look->guest + PCG_VENDOR),
		.device = pcg_get16(look->guest + PCG_DEVICE),
		.mark = s->guest ? mark : NULL,
		.arg = look,
	};
	struct lspci_options options = { .verbosity = s->v, .hex = hex[s->x > 4 ? 4 : s->x] };
	int ret;

	choose_bdf(look, bdf, sizeof(bdf));
	options.names = lspci_names_create();
	ret = lspci_print(stdout, &function, &options);
	lspci_names_destroy(options.names);
	return ret;
}

int cli_inspect(int argc, char **argv)
{
	static struct look look;
	struct settings s = { 0 };
	struct pcg_log notes = cli_log(PCG_WARN);
	int ret;

	s.guest = true;
	ret = cli_options(&form, argc, argv, &s.view, &s);
	if (ret != CLI_DONE)
		return cli_status(ret);
	ret = look_at(&look, argv[optind], &s.view, &notes);
	if (ret != CLI_DONE)
		return ret;
	if (s.json)
		print_json(&look);
	else
		print_text(&look, &s);
	return fflush(stdout) == 0 && !ferror(stdout) ? CLI_DONE : CLI_CANNOT;
}
