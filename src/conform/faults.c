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
	{ "linux.7.1.2-msi-not-put-back",
	  "MSI Enable that was set when the function was opened is lost, and nobody can set it again",
	  { "suite.restores" } },
	{ "linux.7.1.3-power-budget",
	  "of Power Budgeting the data is writable, not the selector",
	  { "power-budget.*" } },
	{ "linux.7.1.4-hidden-open", "a hidden capability's registers can be read and written", { "hidden.body.*" } },
	{ "linux.7.1.5-unchecked",
	  "chains, lengths and places that lie are shown as they are",
	  { "chain.*.terminates", "chain.std.aligned", "chain.*.inside", "chain.std.list", "vendor.*.length",
	    "msix.*.place", "msix.pba.apart", "msix.pba.write" } },
	{ "linux.7.1.7-id-in-a-byte",
	  "of a hidden first extended capability the low byte of its id picks whose rules its header follows",
	  { "chain.ext.read-only", "chain.headers.real" } },
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
	{ "linux.7.1.14-guest-writable",
	  "a guest starts self-tests, and enables what the path to the function may not know",
	  { "header.bist.host", "header.bist.absent", "express.devctl2.host" } },
	{ "linux.7.1b.1-io-bar-taken-for-64-bit",
	  "a 4-byte I/O BAR with bit 2 set is taken for a 64-bit one: the next is not masked",
	  { "bar.size.dword", "bar.size.bytewise", "bar.type.read-only" } },
	{ "linux.7.1b.2-msi-flags-rewritten",
	  "a write of the MSI capability's pointer rewrites the function's control word",
	  { "msi.host.next" } },
	{ "linux.7.1b.3-hidden-first-header",
	  "a hidden first extended capability leaves a header that can be written, or another's id",
	  { "chain.ext.read-only", "chain.headers.real" } },
	{ "linux.7.1b.4-intx-follows",
	  "the function's Interrupt Disable follows the guest's while nobody listens to INTx",
	  { "header.command.intx-host" } },
	{ "linux.7.1b.6-flr-by-any-write", "any write inside Express may start a reset", { "flr.only-when-written" } },
	{ "linux.7.1b.7-request-size",
	  "reserved request sizes are passed on, and kept where they are refused",
	  { "express.devctl.mrrs-*" } },
	{ "linux.7.1b.8-second-instance",
	  "a second instance of a capability with state is shown, and acts on the first",
	  { "chain.std.once" } },
	{ "linux.7.1b.9-next-low-bits", "reserved bits of an extended pointer are shown", { "chain.ext.aligned" } },
	{ "linux.7.1b.11-overlap",
	  "of capabilities that overlap what is left of the first counts as one of its own",
	  { "chain.*.room", "chain.*.read-only" } },
	{ "linux.7.1b.12-chain-below-40h",
	  "a standard pointer into the header is followed, a circle until a count runs out",
	  { "chain.std.inside", "chain.std.terminates" } },
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
	{ "linux.1.6-shown-raw",
	  "what the function itself shows against the specification the guest is shown too",
	  { "header.command.fixed-zero", "header.command.errors-readback", "header.command.io-readback",
	    "header.status.*", "header.latency.zero", "express.flags.type", "express.devctl.errors-readback",
	    "express.devctl.bytewise", "express.devctl.ext-tag", "express.devctl2.tag10", "express.devctl2.obff",
	    "express.devctl2.port-bits" } },
	{ "linux.1.4-lost-enable",
	  "an enable bit that the function does not have is taken for one that a reset lost: its BARs are written anew",
	  { "gate.no-recovery" } },
	{ "linux.2.4-table-out-of-reach",
	  "the MSI-X table reads all ones and takes no write: whoever is above has to have one",
	  { "msix.entry.*" } },
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
