/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines of a control answer that say by which rules a server shows a function: enough to compile the same view
 * again elsewhere.
 *
 *   profile NAME
 *   policy NAME=VALUE             as for --policy; one each, left out where nothing was said
 *   facts WORD…                   what the backend says of the function, see struct pcg_host_info: its flags, and
 *                                 id=VVVV:DDDD unplaced=MASK express=OFFSET:FLAGS
 *   quirk NUMBER… WHERE           one each that is for this vendor and device, the members of struct pcg_quirk in order
 */
#ifndef SERVE_CONTROL_RULES_H
#define SERVE_CONTROL_RULES_H

#include <stdio.h>

#include <pcigate/host.h>
#include <pcigate/view.h>

#define CONTROL_QUIRKS 256u /* of one function */
#define CONTROL_WHERE  96u

/**
 * struct control_rules - what was read; zeroed is nothing
 * @profile: its name, empty where nothing was said
 * @view: the rest of the options; its profile is for the reader to find
 * @facts: only what stands in the line of that name counts
 * @too_many: there were more quirks than have room
 */
struct control_rules {
	char profile[32];
	struct pcg_view_options view;
	bool has_facts;
	struct pcg_host_info facts;
	bool too_many;
	struct pcg_quirk quirks[CONTROL_QUIRKS];
	char where[CONTROL_QUIRKS][CONTROL_WHERE];
};

/** control_rules_put() - profile, policies and facts */
void control_rules_put(FILE *out, const struct pcg_view_options *options, const struct pcg_host_info *info);

/** control_rules_put_quirks() - those that are for this vendor and device */
void control_rules_put_quirks(FILE *out, const struct pcg_view_options *options, uint16_t vendor, uint16_t device);

/** control_rules_take() - whether @line is one of these lines, and what it says. @rules must not move afterwards */
bool control_rules_take(struct control_rules *rules, const char *line);

#endif
