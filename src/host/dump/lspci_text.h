/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One function as lspci prints it, so that lspci -F and "dump:" both read it back. The lines of the regions are
 * always there: without them the sizes would be lost.
 */
#ifndef HOST_DUMP_LSPCI_TEXT_H
#define HOST_DUMP_LSPCI_TEXT_H

#include <stdio.h>

#include <pcigate/pci.h>

struct lspci_names;

/** lspci_names_create() - the names of libpci's pci.ids. NULL if there is no memory: ids stay numbers then */
struct lspci_names *lspci_names_create(void);

/** lspci_names_destroy() - free them; NULL is allowed */
void lspci_names_destroy(struct lspci_names *names);

/** enum lspci_name - what a name is asked of */
enum lspci_name {
	LSPCI_NAME_CLASS,       /* the class code's upper two bytes */
	LSPCI_NAME_DEVICE,      /* vendor, device */
	LSPCI_NAME_DEVICE_NUMB, /* the same, followed by [VVVV:DDDD] */
	LSPCI_NAME_SUBSYSTEM,   /* vendor, device, subvendor, subsystem */
};

/** lspci_names_find() - write a name, or its numbers where there is none. @ids: as enum lspci_name says */
void lspci_names_find(struct lspci_names *names, enum lspci_name what, const uint16_t *ids, char *text, size_t size);

/**
 * struct lspci_function - what is printed
 * @bdf: how the first line begins, "00:00.0"
 * @config: @layout->size bytes
 * @bars: six
 * @vendor, @device: shown where @config reads FFFFh for both
 * @mark: what is to be said of a capability besides, or NULL; asked with @arg; may be NULL itself
 */
struct lspci_function {
	const char *bdf;
	const uint8_t *config;
	const struct pcg_layout *layout;
	const struct pcg_bar *bars;
	const struct pcg_bar *rom;
	uint16_t vendor;
	uint16_t device;
	const char *(*mark)(const void *arg, const struct pcg_cap *cap);
	const void *arg;
};

/**
 * struct lspci_options - how much
 * @verbosity: 0: the first line and the regions; 1: the capabilities too; 2: what stands in them
 * @hex: bytes of the hex dump: 0, 64 (-x), 256 (-xxx), 4096 (-xxxx: all there are)
 * @names: NULL: numbers only
 */
struct lspci_options {
	unsigned int verbosity;
	unsigned int hex;
	struct lspci_names *names;
};

/** lspci_print() - print it. 0, or -EIO when @out failed */
int lspci_print(FILE *out, const struct lspci_function *function, const struct lspci_options *options);

/** lspci_print_caps() - its part about capabilities */
void lspci_print_caps(FILE *out, const struct lspci_function *function, unsigned int verbosity);

#endif
