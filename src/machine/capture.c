/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/dump/lspci_text.h"
#include "machine/capture.h"
#include "machine/function.h"

#define NOBODY      0xffffu
#define BRIDGE_BARS 2

/**
 * struct capture - what is written
 * @read: bytes of @config that the kernel showed
 */
struct capture {
	struct machine_function function;
	uint8_t config[PCG_CONFIG_EXTENDED];
	int read;
	struct pcg_layout layout;
	struct pcg_bar bars[PCG_NUM_BARS];
	struct pcg_bar rom;
};

static int capture_config(struct capture *c, const struct pcg_log *log)
{
	const struct place *place = &c->function.place;
	int error;

	c->read = machine_config(place, c->config);
	if (c->read <= 0) {
		base_log(log, PCG_ERROR, "%s/config: %s", place->directory,
			 c->read < 0 ? strerror(-c->read) : "there is nothing in it");
		return c->read < 0 ? c->read : -EIO;
	}
	error = machine_layout(&c->layout, c->config, (size_t)c->read);
	if (error == -ENODEV)
		base_log(log, PCG_ERROR,
			 "%s does not answer: all of its header reads FFh; wake it (echo on > %s/power/control) or "
			 "reset it, and capture it again",
			 place->bdf, place->directory);
	else if (error != 0)
		base_log(log, PCG_ERROR, "%s is a CardBus bridge; nothing here reads one", place->bdf);
	return error;
}

static void capture_bars(struct capture *c, const struct pcg_log *log)
{
	if (!machine_bars(&c->function.place, c->bars, &c->rom))
		base_log(log, PCG_WARN,
			 "%s/resource cannot be read: the text has no BAR sizes; barN=SIZE of dump: gives them",
			 c->function.place.directory);
	if (c->function.header_type == 0)
		return;
	/* What stands behind the two BARs of a bridge are its windows. */
	memset(c->bars + BRIDGE_BARS, 0, (PCG_NUM_BARS - BRIDGE_BARS) * sizeof(c->bars[0]));
	memset(&c->rom, 0, sizeof(c->rom));
}

/* What whoever opens the text should know now. */
static void capture_warn(const struct capture *c, const struct pcg_log *log)
{
	const struct place *place = &c->function.place;
	unsigned int all = machine_config_size(place);

	if (c->read < (int)PCG_CONFIG_CONVENTIONAL)
		base_log(
			log, PCG_WARN,
			"%s: only %d of %u bytes are shown to this user, so no capability is in the text; run it as root",
			place->bdf, c->read, all);
	else if (c->read < (int)all)
		base_log(log, PCG_WARN, "%s: only %d of %u bytes can be read; run it as root", place->bdf, c->read,
			 all);
	if (place->is_vf && pcg_get16(c->config + PCG_VENDOR) != NOBODY)
		base_log(
			log, PCG_WARN,
			"%s is a VF, but its registers show ids, so the text cannot tell; open it with dump:FILE,vf=on",
			place->bdf);
}

static void capture_heading(const struct capture *c, const char *redacted, FILE *out)
{
	const struct place *place = &c->function.place;

	fprintf(out, "# pcigate " PCIGATE_VERSION " capture of %s, %d bytes; driver %s", place->bdf, c->read,
		place->driver[0] != '\0' ? place->driver : "none");
	if (place->is_vf)
		fprintf(out, "; a VF of %s", place->pf);
	fputc('\n', out);
	if (redacted != NULL)
		fprintf(out, "# redacted: %s; vendor-specific registers are as they were\n",
			redacted[0] != '\0' ? redacted : "there was nothing to redact");
}

static int capture_print(const struct capture *c, FILE *out)
{
	const struct lspci_function function = {
		.bdf = c->function.place.bdf,
		.config = c->config,
		.layout = &c->layout,
		.bars = c->bars,
		.rom = &c->rom,
		.vendor = c->function.vendor,
		.device = c->function.device,
	};
	/* The words for a header are those of type 0. */
	struct lspci_options options = { .verbosity = c->function.header_type == 0 ? 2 : 0,
					 .hex = (unsigned int)c->read };
	int error;

	options.names = lspci_names_create();
	error = lspci_print(out, &function, &options);
	lspci_names_destroy(options.names);
	return error;
}

int machine_capture(const struct tree *tree, const char *bdf, bool redact, FILE *out, const struct pcg_log *log)
{
	struct capture *c = calloc(1, sizeof(*c));
	char redacted[REDACTED_TEXT];
	int error = c != NULL ? machine_look(tree, bdf, &c->function, log) : -ENOMEM;

	if (error == 0)
		error = capture_config(c, log);
	if (error != 0)
		goto out;
	capture_bars(c, log);
	capture_warn(c, log);
	if (redact)
		machine_redact(c->config, &c->layout, redacted);
	capture_heading(c, redact ? redacted : NULL, out);
	error = capture_print(c, out);
	if (error != 0)
		base_log(log, PCG_ERROR, "capture of %s: cannot be written: %s", bdf, strerror(errno));
out:
	free(c);
	return error;
}
