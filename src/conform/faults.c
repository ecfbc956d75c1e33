/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults of Linux's vfio-pci, by the numbers under which they were found, and the checks that show them. Not every
 * one is against a specification; those that are not have no row.
 */
#include <fnmatch.h>

#include "conform/conform.h"

static const struct conform_fault faults[] = {
	{ "linux.7.1.1-rw1c-write-back",
	  "a write writes back the status beside it, and clears what is pending",
	  { "rw1c.*.neighbour", "rw1c.aer-*.single", "rw1c.pmcsr.beside" } },
	{ "linux.7.1.1-status-not-clearable",
	  "Status and Device Status cannot be cleared on purpose",
	  { "rw1c.status.clears", "rw1c.devsta.clears" } },
	{ "linux.7.1.2-msi-control",
	  "MSI Enable and the number of vectors are clamped until somebody listens; what the function can do is writable",
	  { "msi.enable.readback", "msi.mme.readback", "msi.control.*" } },
	{ "linux.7.1.3-power-budget",
	  "of Power Budgeting the data is writable, not the selector",
	  { "power-budget.*" } },
	{ "linux.7.1.4-hidden-open", "a hidden capability's registers can be read and written", { "hidden.body.*" } },
	{ "linux.7.1.5-unchecked",
	  "chains, lengths and places that lie are shown as they are",
	  { "chain.*.terminates", "chain.*.aligned", "chain.*.inside", "chain.*.room", "vendor.*.length",
	    "msix.*.place", "msix.pba.apart", "msix.pba.write" } },
	{ "linux.7.1.8-host-addresses",
	  "BARs show where the host has placed them",
	  { "leak.bar-addresses", "leak.sriov-vf-bars" } },
	{ "linux.7.1.9-aer-to-hardware", "error masks of the guest reach the function", { "aer.host.masks" } },
	{ "linux.7.1.10-flr-keeps-view",
	  "a function level reset leaves the guest's registers as they were",
	  { "flr.command", "flr.byte-write", "flr.bars", "flr.interrupts", "flr.devctl", "flr.entries-masked",
	    "af.command", "reset.device" } },
	{ "linux.7.1.11-inert",
	  "capabilities are shown whose controls do nothing",
	  { "rebar.takes-effect", "rebar.current", "ltr.latency.honest", "ats.enable.honest", "pri.enable.honest",
	    "acs.control.honest", "tph.enable.honest", "sriov.num-vfs.honest", "leak.ari-next" } },
	{ "linux.7.1.12-link-control", "writes of Link Control are dropped", { "express.lnkctl.readback" } },
	{ "linux.7.1b.1-io-bar-taken-for-64-bit",
	  "a 4-byte I/O BAR with bit 2 set is taken for a 64-bit one: the next is not masked",
	  { "bar.*" } },
	{ "linux.7.1b.2-msi-flags-rewritten",
	  "a write of the MSI capability's pointer rewrites the function's control word",
	  { "msi.host.next" } },
	{ "linux.7.1b.6-flr-by-any-write", "any write inside Express may start a reset", { "flr.only-when-written" } },
	{ "linux.1.6-msix-control",
	  "MSI-X Enable and Function Mask cannot be written through configuration space",
	  { "msix.enable.*", "msix.mask.readback" } },
	{ "linux.1.6-msi-mask-to-hardware",
	  "MSI mask bits are the function's, whatever vectors there are",
	  { "msi.mask.*" } },
	{ "linux.1.6-vendor-open",
	  "a vendor's registers are written raw",
	  { "vendor.vsec.host", "vendor.dvsec.host" } },
	{ "linux.1.6-msi-reserved-bits",
	  "reserved bits of the message address are writable",
	  { "msi.address.readback", "msi.data.extended" } },
	{ "linux.1.4-lost-enable",
	  "an enable bit that the function does not have is taken for one that a reset lost: its BARs are written anew",
	  { "gate.no-recovery" } },
	{ "linux.2.1-not-gated",
	  "I/O answers while it is off, and so does a VF's memory",
	  { "gate.io-off", "gate.memory-off", "gate.memory-off.write" } },
};

const struct conform_fault *conform_fault(unsigned int n)
{
	return n < sizeof(faults) / sizeof(faults[0]) ? &faults[n] : NULL;
}

bool conform_fault_shown_by(const struct conform_fault *fault, const char *id)
{
	unsigned int i;

	for (i = 0; fault->checks[i] != NULL; i++)
		if (fnmatch(fault->checks[i], id, 0) == 0)
			return true;
	return false;
}
