/* SPDX-License-Identifier: BSD-3-Clause */
/* Both sides of a function, for the verbs that show them. */
#ifndef CLI_LOOK_H
#define CLI_LOOK_H

#include <pcigate/host.h>
#include <pcigate/pci.h>
#include <pcigate/view.h>

#include "cli/options.h"
#include "serve/control_client.h"
#include "view/why.h"

/**
 * struct look - what a function is at one moment
 * @func: how it was named
 * @host: configuration space as the function holds it
 * @guest: the same as its guest reads it
 * @size: 256 or 4096
 * @bars: what its BARs decode
 * @rom: and its ROM
 * @info: what its backend says of it, for whoever compiles a view; descriptors in it are closed
 * @view: by which options its guest sees it; of a running server its own
 * @live: what a running server said
 * @host_layout: the capabilities of @host
 * @guest_layout: those of @guest
 * @layout: all of both: what the function has, and what is made up for the guest
 * @defining: the bytes by which registers in it are defined: @host, and @guest where something is made up
 */
struct look {
	char func[256];
	uint8_t host[PCG_CONFIG_EXTENDED];
	uint8_t guest[PCG_CONFIG_EXTENDED];
	size_t size;
	struct pcg_bar bars[PCG_NUM_BARS];
	struct pcg_bar rom;
	struct pcg_host_info info;
	struct pcg_view_options view;
	struct control_function live;
	struct pcg_layout host_layout;
	struct pcg_layout guest_layout;
	struct pcg_layout layout;
	uint8_t defining[PCG_CONFIG_EXTENDED];
};

/**
 * look_at() - open a function and look, or ask a running server: "live:CONTROL[@N]"
 * @look: filled in; must not move afterwards
 * @func: a FUNC
 * @view: for what is opened here; of a running server only what it is shown by may be asked for
 * @log: the hook
 *
 * Return: CLI_DONE, or how the verb ends, after a note.
 */
int look_at(struct look *look, const char *func, const struct cli_view *view, const struct pcg_log *log);

/** look_forced() - a capability of the guest's that was made up and that no client drives: configuration only */
bool look_forced(const struct look *look, const struct pcg_cap *cap);

/**
 * look_record() - compile the view of @look once more, with its rules
 *
 * Return: CLI_DONE, or how @verb ends, after a line on stderr.
 */
int look_record(const struct look *look, const char *verb, struct view_record *record);

#endif
