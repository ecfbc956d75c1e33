/* SPDX-License-Identifier: BSD-3-Clause */
/* Who a recorded function is: a VF or not, and by which ids it goes. */
#ifndef HOST_DUMP_VF_H
#define HOST_DUMP_VF_H

#include "host/dump/settings.h"

/**
 * dump_identity() - fill in is_vf, no_command_memory, vendor and device of @info
 *
 * A function whose ids both read FFFFh is a VF (PCIe 6.0, 9.3.4.1.1) unless vf= says other. A VF's ids are those of
 * id=, else those its registers show if they are no FFFFh, else what its PF's SR-IOV capability in the same text
 * says, else the digits of its first line.
 *
 * Return: 0, or -EINVAL after a note when a VF's ids cannot be had.
 */
int dump_identity(struct pcg_host_info *info, const struct dump_settings *settings, const struct dump_file *file,
		  const struct dump_text *text, const struct pcg_log *log);

#endif
