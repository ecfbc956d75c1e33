/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <pcigate/view.h>

#include "cli/fate.h"
#include "cli/reference.h"
#include "pci/registers.h"

/* One word for a hook, to be looked up in the list at the head of the document. */
static const char *const hook_words[NUM_HOOKS] = {
	[NO_HOOK] = "",   [ON_COMMAND] = "command", [ON_POWER] = "power", [ON_DEVCTL] = "devctl", [ON_AF] = "af",
	[ON_MSI] = "msi", [ON_MSIX] = "msix",       [ON_PASID] = "pasid", [ON_REBAR] = "rebar",
};

/* Text in a table's cell. */
static void print_cell(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

/* "15:13, 4:0" */
static void print_ranges(FILE *out, uint32_t bits)
{
	const char *comma = "";
	int high, low;

	if (bits == 0)
		fputs("none", out);
	for (high = 31; high >= 0; high = low - 1) {
		low = high;
		if (!(bits >> high & 1))
			continue;
		while (low > 0 && bits >> (low - 1) & 1)
			low--;
		if (low == high)
			fprintf(out, "%s%d", comma, low);
		else
			fprintf(out, "%s%d:%d", comma, high, low);
		comma = ", ";
	}
}

/* "08 DEVCTL"; a register that the rows cut in two goes by its own name in both. */
static void print_register(FILE *out, const struct pci_registers *registers, unsigned int at)
{
	unsigned int i;

	fprintf(out, "| %02x", at);
	for (i = 0; registers != NULL && i < registers->nrows; i++) {
		const struct pci_register *row = &registers->rows[i];
		unsigned int index = row->stride != 0 && at > row->offset ? (at - row->offset) / row->stride : 0;

		if (at < row->offset || at - row->offset - index * row->stride >= row->width ||
		    index >= (row->count == 0 ? 1u : row->count))
			continue;
		fprintf(out, " %s", row->name);
		if (row->count != 0)
			fprintf(out, "_%u", index);
		break;
	}
}

/* --- profiles of rules --- */

static void print_rules(FILE *out, const struct rules *rules, const struct pci_registers *registers)
{
	unsigned int i;

	fputs("\n| register | bits | a guest reads | its writes | sets off | rule |\n"
	      "| --- | --- | --- | --- | --- | --- |\n",
	      out);
	for (i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->row[i];

		print_register(out, registers, rule->at);
		fputs(" | ", out);
		print_ranges(out, rule->bits);
		fprintf(out, " | %s", fate_rule_reads(rule->read));
		if (rule->power_on != 0)
			fprintf(out, ", %04x at power-on", rule->power_on);
		fprintf(out, " | %s | %s | ", fate_rule_writes(rule->write), hook_words[rule->hook]);
		print_cell(out, rule->why);
		fputs(" |\n", out);
	}
}

static const struct pci_registers *registers_of(const struct pcg_cap *cap, unsigned int variant)
{
	uint16_t control = 0;

	if (cap->extended)
		return pci_extended_registers(cap->id);
	if (cap->id == PCG_CAP_MSI)
		control = (uint16_t)((variant & 1 ? PCG_MSI_64BIT : 0) | (variant & 2 ? PCG_MSI_MASKABLE : 0));
	return pci_standard_registers(cap->id, control);
}

static void print_cap(FILE *out, const struct pcg_profile *profile, const struct cap_policy *policy,
		      const struct pcg_cap *cap)
{
	unsigned int i, variants = policy->variants == 0 ? 1 : policy->variants;
	const char *setpci = "", *text = pcg_cap_text(cap->id, cap->extended, &setpci);

	fprintf(out, "\n#### %0*x %s (%s)\n\nShown%s: %s. ", cap->extended ? 4 : 2, cap->id, text, setpci,
		policy->opaque && profile->closed ? " where a quirk opens some of it" : "", policy->why);
	fprintf(out, policy->rules == NULL ? "Its registers: %s.\n" : "What no row names: %s.\n",
		fate_rest(policy_rest(profile, policy)));
	for (i = 0; policy->rules != NULL && i < variants; i++) {
		if (variants > 1)
			fprintf(out, "\nForm `%s`:\n", policy->rules[i].name);
		print_rules(out, &policy->rules[i], registers_of(cap, i));
	}
}

/* Calls @each for every capability id that has a name. */
static void every_cap(FILE *out, const struct pcg_profile *profile, bool extended,
		      void (*each)(FILE *out, const struct pcg_profile *profile, const struct pcg_cap *cap))
{
	struct pcg_cap cap = { .extended = extended };
	unsigned int id;

	for (id = 0; id < 0x100; id++) {
		cap.id = (uint16_t)id;
		if (pcg_cap_text(cap.id, extended, NULL) != NULL)
			each(out, profile, &cap);
	}
}

static void print_shown(FILE *out, const struct pcg_profile *profile, const struct pcg_cap *cap)
{
	const struct cap_policy *policy = policy_cap(profile, cap);

	if (policy->shown)
		print_cap(out, profile, policy, cap);
}

static void print_hidden(FILE *out, const struct pcg_profile *profile, const struct pcg_cap *cap)
{
	const struct cap_policy *policy = policy_cap(profile, cap);

	if (!policy->shown)
		fprintf(out, "| %0*x | %s | %s |\n", cap->extended ? 4 : 2, cap->id,
			pcg_cap_text(cap->id, cap->extended, NULL), policy->why);
}

/* PASID, ATS, PRI: hidden as above, and made up where the operator asks for them. */
static void print_made(FILE *out, const struct pcg_profile *profile)
{
	static const struct {
		uint16_t id;
		const struct cap_policy *policy;
	} made[] = {
		{ PCG_ECAP_PASID, &made_pasid },
		{ PCG_ECAP_ATS, &made_ats },
		{ PCG_ECAP_PRI, &made_pri },
	};
	unsigned int i;

	fputs("\n### Extended capabilities that are made up by request\n\n"
	      "With `--policy pasid=on`, `ats=on`, `pri=on`: docs/pasid.md. The function's own stay hidden. With PASID,\n"
	      "DEVCAP2 says that there is room for one prefix (7.5.3.15).\n",
	      out);
	for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		const struct pcg_cap cap = { .id = made[i].id, .extended = true };

		print_cap(out, profile, made[i].policy, &cap);
	}
}

static void print_profile(FILE *out, const struct pcg_profile *profile)
{
	static const struct pcg_cap resizable = { .id = PCG_ECAP_REBAR, .extended = true };
	unsigned int kind;

	fprintf(out, "\nBytes of no capability: %s.\n\n### The header\n\n", fate_rest(profile->gaps));
	fputs("BARs and the ROM register have no rows: a guest has addresses of its own there, as far as the function\n"
	      "decodes; COMMAND's enable bits exist where the function has them. The rest of the header reads 0.\n",
	      out);
	print_rules(out, profile->header, pci_header_registers(true));
	for (kind = 0; kind < 2; kind++) {
		const char *which = kind == 1 ? "Extended capabilities" : "Standard capabilities";

		fprintf(out, "\n### %s that are shown\n", which);
		every_cap(out, profile, kind == 1, print_shown);
		fprintf(out,
			"\n### %s that are hidden\n\nSo is what has no name here.\n\n| id | name | |\n"
			"| --- | --- | --- |\n",
			which);
		every_cap(out, profile, kind == 1, print_hidden);
	}
	print_made(out, profile);
	fputs("\n### Resizable BARs that can be resized\n\n"
	      "With `--policy rebar=on`, where the backend can: docs/rebar.md. Entries of other BARs stay as above.\n",
	      out);
	print_cap(out, profile, &rebar_on, &resizable);
}

/* --- linux --- */

static void print_linux_rows(FILE *out, const struct linux_rows *rows, const struct pci_registers *registers)
{
	unsigned int i;

	fputs("\n| register | virtual bits | written bits | rule |\n| --- | --- | --- | --- |\n", out);
	for (i = 0; i < rows->count; i++) {
		print_register(out, registers, rows->row[i].at);
		fputs(" | ", out);
		print_ranges(out, rows->row[i].virt);
		fputs(" | ", out);
		print_ranges(out, rows->row[i].write);
		fputs(" | ", out);
		print_cell(out, rows->row[i].why);
		fputs(" |\n", out);
	}
}

static const struct linux_cap *linux_policy(const struct pcg_cap *cap)
{
	return cap->extended ? linux_extended((uint8_t)cap->id) : linux_standard((uint8_t)cap->id);
}

/* An id of 0 is the header's among the standard ones, and hidden in a chain. */
static bool linux_hides(const struct pcg_cap *cap)
{
	const struct linux_cap *policy = linux_policy(cap);

	return (policy->length == 0 && policy->measure == NULL) || (!cap->extended && cap->id == LINUX_HEADER);
}

static void print_linux_shown(FILE *out, const struct pcg_profile *profile, const struct pcg_cap *cap)
{
	const struct linux_cap *policy = linux_policy(cap);
	const char *setpci = "", *text = pcg_cap_text(cap->id, cap->extended, &setpci);
	unsigned int i;

	(void)profile;
	if (linux_hides(cap))
		return;
	fprintf(out, "\n#### %0*x %s (%s)\n\nShown: %s. ", cap->extended ? 4 : 2, cap->id, text, setpci, policy->why);
	if (policy->measure != NULL)
		fputs("Its length is read from it. ", out);
	else
		fprintf(out, "%u bytes. ", policy->length);
	fprintf(out, "Access: %s.", fate_linux_access(policy->access));
	if (fate_linux_hook(policy->hook) != NULL)
		fprintf(out, " On a write: %s.", fate_linux_hook(policy->hook));
	fputc('\n', out);
	if (policy->access != LINUX_TABLE)
		return;
	for (i = 0; i < (policy->rows == NULL ? 4u : 1u); i++) {
		if (policy->rows == NULL)
			fprintf(out, "\n%s-bit addresses, %s masks:\n", i & 1 ? "64" : "32",
				i & 2 ? "with" : "without");
		print_linux_rows(out, policy->rows == NULL ? &linux_msi[i] : policy->rows, registers_of(cap, i));
	}
}

static void print_linux_hidden(FILE *out, const struct pcg_profile *profile, const struct pcg_cap *cap)
{
	(void)profile;
	if (linux_hides(cap))
		fprintf(out, "| %0*x | %s |\n", cap->extended ? 4 : 2, cap->id,
			pcg_cap_text(cap->id, cap->extended, NULL));
}

static void print_linux(FILE *out, const struct pcg_profile *profile)
{
	unsigned int kind;

	fputs("\nA virtual bit reads the shadow, which starts with what the function held; any other bit reads hardware. A\n"
	      "written bit changes that side of it on which it is read, and a write to hardware writes back the whole\n"
	      "chunk of 1, 2 or 4 bytes. Bytes of no capability, and the bodies of hidden ones, are hardware, read and\n"
	      "written.\n\n### The header\n\n",
	      out);
	fprintf(out, "On a write: %s.\n", fate_linux_hook(LINUX_ON_HEADER));
	print_linux_rows(out, linux_standard(LINUX_HEADER)->rows, pci_header_registers(true));
	for (kind = 0; kind < 2; kind++) {
		const char *which = kind == 1 ? "Extended capabilities" : "Standard capabilities";

		fprintf(out, "\n### %s that are shown\n", which);
		every_cap(out, profile, kind == 1, print_linux_shown);
		fprintf(out,
			"\n### %s that are hidden, their bodies open\n\nSo is what has no name here.\n\n"
			"| id | name |\n| --- | --- |\n",
			which);
		every_cap(out, profile, kind == 1, print_linux_hidden);
	}
}

void reference_print(FILE *out)
{
	const char *name;
	unsigned int i;

	fputs("# Policy reference\n\n"
	      "What each profile gives a guest, bit by bit. Printed by `pcigate why --reference` from the tables that\n"
	      "decide; a test compares. For one function, ask it: `pcigate why FUNC REG`, `pcigate map FUNC`.\n\n"
	      "Offsets are from the start of the capability, in hexadecimal. Sections without a document's name are of\n"
	      "PCIe Base 6.0. What writes set off:\n\n",
	      out);
	for (i = NO_HOOK + 1; i < NUM_HOOKS; i++)
		fprintf(out, "* *%s*: %s\n", hook_words[i], fate_rule_hook((enum rule_hook)i));
	for (i = 0; (name = pcg_profile_name(i)) != NULL; i++) {
		const struct pcg_profile *profile = pcg_profile_find(name);

		fprintf(out, "\n## Profile `%s`\n\n%s.\n", name, profile->help);
		if (profile->as_linux)
			print_linux(out, profile);
		else if (profile->mediated)
			print_profile(out, profile);
	}
}
