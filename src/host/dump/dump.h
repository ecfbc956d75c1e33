/* SPDX-License-Identifier: BSD-3-Clause */
/* The backend whose functions are recorded: "dump:FILE[@BDF][,option=value…]". */
#ifndef HOST_DUMP_DUMP_H
#define HOST_DUMP_DUMP_H

#include <pcigate/host.h>

/** enum dump_intx - what masking INTx does to COMMAND: nothing, or what Linux does to a function that can mask it */
enum dump_intx {
	DUMP_INTX_RECORD,
	DUMP_INTX_FOLLOW,
};

/**
 * struct dump_facts - what the options say of the function beyond struct pcg_host_info
 * @ram: configuration space is plain memory
 * @nointx: INTx must not be used
 * @irq_none: INTx is not routed
 * @vpd_fails: every VPD access fails
 * @intx: see there
 */
struct dump_facts {
	bool ram;
	bool nointx;
	bool irq_none;
	bool vpd_fails;
	enum dump_intx intx;
};

/** DUMP_FORM - the form of FUNC, for help texts */
#define DUMP_FORM "dump:FILE[@BDF][,option=value…]"

/**
 * dump_create() - open a recorded function
 * @host: set to it
 * @text: "FILE[@BDF][,option=value…]"
 * @log: the hook, copied; may be NULL
 *
 * Return: 0 or a negative errno after a note.
 */
int dump_create(struct pcg_host **host, const char *text, const struct pcg_log *log);

/** dump_facts() - those of a function of this backend; NULL for another's */
const struct dump_facts *dump_facts(const struct pcg_host *host);

#endif
