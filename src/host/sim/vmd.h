/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole fabric as one function: what Linux's vmd driver knows as an Intel Volume Management Device (8086:a77f). Its
 * BARs are windows into the fabric: configuration space of all its buses (as PCIe 6.0, 7.2.2 lays it out), and memory
 * below 4 GiB and anywhere. The driver makes a PCI domain of it, so an operating system's own PCI code finds our ports
 * and functions, gives them addresses and drives them.
 *
 * Interrupts of what is inside are memory writes to FEExx000h, of which xx is the vector of this function's own MSI-X
 * that is raised. Requests to any other address go into the client's memory.
 */
#ifndef HOST_SIM_VMD_H
#define HOST_SIM_VMD_H

#include <pcigate/host.h>

extern const struct pcg_host_ops vmd_ops;

/* @text: the model's name and its options. */
int vmd_create(struct pcg_host **host, const char *text, const struct pcg_log *log);

#endif
