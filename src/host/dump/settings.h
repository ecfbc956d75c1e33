/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of "dump:". */
#ifndef HOST_DUMP_SETTINGS_H
#define HOST_DUMP_SETTINGS_H

#include "host/dump/bars.h"
#include "host/dump/dump.h"

/**
 * struct dump_settings - the options, decided
 * @vf_given: vf= is there; otherwise whether ids read FFFFh decides
 * @has_id: id= is there
 */
struct dump_settings {
	char *file;
	char *rom;
	bool has_bdf;
	struct dump_bdf bdf;
	struct dump_facts facts;
	bool vf_given;
	bool is_vf;
	bool no_command_memory;
	bool has_id;
	uint16_t vendor;
	uint16_t device;
	uint64_t memory;
	struct dump_bar_option bars[PCG_NUM_BARS];
};

/** dump_settings_init() - take the text behind "dump:" apart. 0 or a negative errno after a note */
int dump_settings_init(struct dump_settings *settings, const char *text, const struct pcg_log *log);

/** dump_settings_finish() - free what it took */
void dump_settings_finish(struct dump_settings *settings);

#endif
