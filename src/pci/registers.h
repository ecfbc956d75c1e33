/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registers of the type 0 header and of the capabilities, as the specifications define them: which bits can be
 * written, which clear by a one, which survive a reset. Data only; whoever uses it decides what to do with it.
 */
#ifndef PCI_REGISTERS_H
#define PCI_REGISTERS_H

#include <pcigate/pci.h>

/**
 * struct pci_register - one register, or one that repeats
 * @name: as the specifications and setpci name it, without the capability's name
 * @section: where it is defined
 * @offset: from the start of the capability (of configuration space for the header's)
 * @width: 1, 2 or 4 bytes
 * @stride: bytes from one repetition to the next
 * @count: how often it can repeat; 0: it does not
 * @counted: if its mask is not 0: how often it really repeats: a field of the dword at @counted.source
 * @rw: bits that read back what was written (RW, RWS)
 * @rw1c: bits that a one clears (RW1C, RW1CS)
 * @act: bits that set something off when written and read as zero
 * @zero: reserved bits that must be written as zero (RsvdZ)
 * @kept: of @rw and @rw1c: what a function level reset leaves alone (sticky bits, and the fields that PCIe 6.0,
 *        6.6.2 excepts)
 * @reset: what the rest of @rw is after one
 * @optional: of @rw: bits that a function may leave out without another register saying so
 * @not_vf: bits of @rw, @rw1c and @act that a VF does not have (the VF attributes of PCIe 6.0, chapter 7)
 *
 * Bits in none of the masks are read-only.
 */
struct pci_register {
	const char *name;
	const char *section;
	uint16_t offset;
	uint16_t count;
	uint8_t width;
	uint8_t stride;
	struct {
		uint8_t source;
		uint8_t shift;
		uint8_t plus;
		uint16_t mask;
	} counted;
	uint32_t rw;
	uint32_t rw1c;
	uint32_t act;
	uint32_t zero;
	uint32_t kept;
	uint32_t reset;
	uint32_t optional;
	uint32_t not_vf;
};

/**
 * struct pci_condition - bits that exist by grace of another register
 * @offset: the register concerned
 * @bits: of it: they are there unless the dword at @source, masked with @mask, equals @unless; several conditions
 *        on a bit must all hold
 */
struct pci_condition {
	uint16_t offset;
	uint16_t source;
	uint32_t bits;
	uint32_t mask;
	uint32_t unless;
};

/** struct pci_registers - all registers of one capability, by rising offset */
struct pci_registers {
	uint16_t id;
	bool extended;
	uint16_t nrows;
	uint16_t nconditions;
	const struct pci_register *rows;
	const struct pci_condition *conditions;
};

/** struct pci_register_place - one register of one function */
struct pci_register_place {
	const struct pci_registers *registers;
	const struct pci_register *row;
	uint16_t base;   /* of the capability, in configuration space; 0: the header */
	uint16_t offset; /* of the register, in configuration space */
	uint16_t index;  /* which repetition */
};

/** pci_header_registers() - those of a type 0 header; an Express function has fewer bits (PCIe 6.0, 7.5.1) */
const struct pci_registers *pci_header_registers(bool express);

/**
 * pci_cap_registers() - the registers of a capability
 * @cap: the instance
 * @config: configuration space, @size bytes: some layouts depend on a control register
 *
 * Return: the table, or NULL for a capability whose registers no table knows.
 */
const struct pci_registers *pci_cap_registers(const struct pcg_cap *cap, const uint8_t *config, size_t size);

/**
 * pci_register_count() - how often a register is there
 * @place: @registers, @row and @base are read
 *
 * Return: 1 and up; 0 when a counting field says none.
 */
unsigned int pci_register_count(const struct pci_register_place *place, const uint8_t *config, size_t size);

/**
 * pci_register_absent() - the bits of a register that this function does not have
 * @place: @registers, @row and @base are read
 * @config: configuration space, @size bytes; what lies past the end counts as zero
 */
uint32_t pci_register_absent(const struct pci_register_place *place, const uint8_t *config, size_t size);

/**
 * pci_register_at() - the register that owns a byte of configuration space
 * @place: filled in
 * @layout: the function's layout
 * @config: what it was parsed from
 * @offset: the byte
 *
 * Return: whether a table knows it.
 */
bool pci_register_at(struct pci_register_place *place, const struct pcg_layout *layout, const uint8_t *config,
		     uint16_t offset);

/** pci_bridge_registers() - those of a type 1 header, as a port of PCI Express without I/O windows has them */
const struct pci_registers *pci_bridge_registers(void);

/**
 * pci_port_registers() - what a port has in a capability beyond the rows of pci_cap_registers()
 * @root: it is a root port
 *
 * Return: the table, or NULL: nothing.
 */
const struct pci_registers *pci_port_registers(const struct pcg_cap *cap, bool root);

/** pci_layout_parse_any() - as pcg_layout_parse(), for headers of every type */
int pci_layout_parse_any(struct pcg_layout *layout, const uint8_t *config, size_t size, const struct pcg_log *log);

/* Between the files of the tables. */
extern const struct pci_registers pci_express_registers;
const struct pci_registers *pci_standard_registers(uint16_t id, uint16_t control);
const struct pci_registers *pci_extended_registers(uint16_t id);
const struct pci_registers *pci_link_registers(uint16_t id);

#endif
