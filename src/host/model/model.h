/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function's configuration space that behaves as its registers' definitions say. What no definition knows is
 * read-only. Backends without hardware behind them stand on this.
 */
#ifndef HOST_MODEL_MODEL_H
#define HOST_MODEL_MODEL_H

#include <pcigate/host.h>
#include <pcigate/pci.h>

/**
 * struct model_facts - what a model is made of
 * @config: configuration space as it stands, @size (256 or 4096) bytes
 * @layout: parsed from it
 * @bars: the base address registers; all NONE in a VF
 * @rom: the expansion ROM, kind NONE: none
 * @is_vf: leave out what a VF does not have
 * @no_memory_bit: COMMAND has no memory enable bit
 * @port: its header is of type 1, and it has a port's registers; no BARs, no ROM. @root_port: those of a root port
 * @ram: plain memory instead: every byte reads back what was written last, nothing happens by itself
 */
struct model_facts {
	const uint8_t *config;
	size_t size;
	const struct pcg_layout *layout;
	const struct pcg_bar *bars;
	const struct pcg_bar *rom;
	bool is_vf;
	bool no_memory_bit;
	bool port;
	bool root_port;
	bool ram;
};

/** enum model_action - what a write set off; for the backend to carry out */
enum model_action {
	MODEL_FLR = 1,     /* a function level reset was asked for: model_reset(), when it is over */
	MODEL_POWER = 2,   /* the power state changed: model_power() */
	MODEL_LOST = 4,    /* D3hot to D0 without No_Soft_Reset: model_reset(), and the function's own state */
	MODEL_COMMAND = 8, /* COMMAND was written */
	MODEL_VPD = 16,    /* the VPD address was written: model_vpd_*() */
};

/**
 * struct model - the registers; the caller owns it. Read the offsets, leave the rest to the calls below
 * @pm, @msi, @msix, @express, @af, @vpd: where these capabilities stand; 0: not there
 * @value: what the registers hold
 * @rw, @rw1c: bits that writes change, bits that ones clear
 * @kept: of both, those that a reset leaves alone
 * @reset: what the rest of @rw is after one
 */
struct model {
	bool ram;
	bool flr_devctl;
	bool flr_af;
	uint16_t size;
	uint16_t pm;
	uint16_t msi;
	uint16_t msix;
	uint16_t express;
	uint16_t af;
	uint16_t vpd;
	uint32_t value[PCG_CONFIG_DWORDS];
	uint32_t rw[PCG_CONFIG_DWORDS];
	uint32_t rw1c[PCG_CONFIG_DWORDS];
	uint32_t kept[PCG_CONFIG_DWORDS];
	uint32_t reset[PCG_CONFIG_DWORDS];
	uint16_t lost[PCG_CONFIG_DWORDS]; /* the dwords that a reset changes */
	unsigned int nlost;
};

/** model_init() - build it; the values are those of @facts->config. -EINVAL for a size that cannot be */
int model_init(struct model *model, const struct model_facts *facts);

/** model_read() - a dword; those past the end read all ones */
uint32_t model_read(const struct model *model, uint16_t dword);

/**
 * model_write() - write the bytes of a dword that @be selects
 *
 * Return: enum model_action bits. Nothing but the registers themselves has changed.
 */
unsigned int model_write(struct model *model, uint16_t dword, uint8_t be, uint32_t value);

/**
 * model_reset() - what a function level reset does to the registers
 *
 * Writable bits take the values their definitions give (BARs 0), status bits clear; sticky bits, read-only bits and
 * what PCIe 6.0, 6.6.2 excepts stay. Plain memory stays as it is.
 */
void model_reset(struct model *model);

/** model_power() - the power state that PMCSR shows; D0 without one */
enum pcg_power model_power(const struct model *model);

/** model_set_power() - as if PMCSR had been written with @state. Return: as model_write(); 0 without the capability */
unsigned int model_set_power(struct model *model, enum pcg_power state);

/** model_get() - @width (1, 2, 4) bytes at @offset, which must not cross a dword; 0 past the end */
uint32_t model_get(const struct model *model, uint16_t offset, unsigned int width);

/**
 * model_set() - the function itself changes its registers: raises a status bit, moves a read-only field
 * @offset: where, @width (1, 2, 4) bytes that do not cross a dword
 * @mask: which bits
 * @value: what they become
 */
void model_set(struct model *model, uint16_t offset, unsigned int width, uint32_t mask, uint32_t value);

/**
 * model_vpd() - carry out what a write of the VPD address asked (PCI 3.0, appendix I)
 * @model: model_write() returned MODEL_VPD
 * @vpd: the storage, @size bytes
 *
 * A read fills the data register and sets the flag, a write stores the data register and clears it. An address that
 * is unaligned or outside @size is not answered: the flag stays as software wrote it.
 */
void model_vpd(struct model *model, uint8_t *vpd, size_t size);

#endif
