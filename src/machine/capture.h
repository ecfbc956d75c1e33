/* SPDX-License-Identifier: BSD-3-Clause */
/* A function of this machine as text that lspci -F and "dump:" read back. */
#ifndef MACHINE_CAPTURE_H
#define MACHINE_CAPTURE_H

#include <stdio.h>

#include <pcigate/pci.h>

#include "machine/tree.h"

/**
 * machine_capture() - write it
 * @tree: the machine
 * @bdf: the function; bridges too
 * @redact: without what tells one machine from another
 * @out: where to
 * @log: told what the text will lack
 *
 * Return: 0; -EINVAL, -ENODEV, -ENOTSUP, -EIO or what sysfs answered, after a note.
 */
int machine_capture(const struct tree *tree, const char *bdf, bool redact, FILE *out, const struct pcg_log *log);

#define REDACTED_TEXT 512

/**
 * machine_redact() - replace serial numbers and host addresses by zeroes (closed windows, of a bridge)
 * @config: the configuration space
 * @layout: its capabilities
 * @what: filled in with the names of what was not zero before; "": nothing
 *
 * The bits that say what a BAR decodes stay. Registers that only a vendor knows stay too.
 */
void machine_redact(uint8_t *config, const struct pcg_layout *layout, char what[REDACTED_TEXT]);

#endif
