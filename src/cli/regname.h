/* SPDX-License-Identifier: BSD-3-Clause */
/* Registers by name, as setpci spells them: COMMAND, CAP_EXP+8.w, ECAP_PASID+6.w, ECAP108.l, CAP_VNDR+4@1.b, 10.l */
#ifndef CLI_REGNAME_H
#define CLI_REGNAME_H

#include <stdio.h>

#include <pcigate/pci.h>

/**
 * struct regname - one register of one function, or a piece of one
 * @offset: in configuration space
 * @width: 1, 2 or 4 bytes
 * @setpci: how setpci takes it: "CAP_EXP+08.w"
 * @name: as the specification calls it; "capability header"; empty where no table knows it
 * @section: where it is defined, or NULL
 * @cap: the instance that it stands in, or NULL
 * @row: its definition, or NULL; for the whole register, which starts at @row_at
 */
struct regname {
	uint16_t offset;
	uint8_t width;
	char setpci[40];
	char name[32];
	const char *section;
	const struct pcg_cap *cap;
	const struct pci_register *row;
	uint16_t row_at;
	uint32_t absent; /* bits that the definition has and this function has not */
};

/** regname_at() - the register that holds a byte: its own width where a table knows it, else a dword or less */
void regname_at(struct regname *reg, const struct pcg_layout *layout, const uint8_t *config, unsigned int at);

/** enum regname_error - what is wrong with a name */
enum regname_error {
	REGNAME_OK,
	REGNAME_WRONG,  /* no register is called so */
	REGNAME_ABSENT, /* this function does not have it */
};

/**
 * regname_parse() - a register by its name
 * @reg: filled in
 * @text: the name
 * @layout: the function's layout
 * @config: what it was parsed from
 * @error: a sentence that names what is wrong and the way out
 * @size: its bytes
 */
enum regname_error regname_parse(struct regname *reg, const char *text, const struct pcg_layout *layout,
				 const uint8_t *config, char *error, size_t size);

/** regname_list() - every name there is, for people */
void regname_list(FILE *out);

/** regname_cap() - "Express", or "capability 7f" where nobody knows it */
void regname_cap(const struct pcg_cap *cap, char *text, size_t size);

/** regname_near() - up to four names that look like @word, with commas between; empty: none */
void regname_near(const char *word, char *text, size_t size);

/** regname_value() - a little-endian value of 1, 2 or 4 bytes */
uint32_t regname_value(const uint8_t *config, unsigned int offset, unsigned int width);

#endif
