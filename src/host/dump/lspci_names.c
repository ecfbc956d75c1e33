/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <pci/pci.h>

#include "host/dump/lspci_text.h"

/**
 * struct lspci_names - libpci's access structure, used for its names only
 * @broken: the id list cannot be read: numbers from now on
 */
struct lspci_names {
	struct pci_access *access;
	bool broken;
};

/*
 * libpci ends the process through this hook when pci.ids is malformed, unless the hook leaves by a jump. The hook is
 * given no argument, so where to jump is kept per thread, for the time of one call.
 */
static _Thread_local jmp_buf *escape;

static void give_up(char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void give_up(char *format, ...)
{
	(void)format;
	if (escape == NULL)
		abort();
	longjmp(*escape, 1);
}

static void say_nothing(char *format, ...) __attribute__((format(printf, 1, 2)));
static void say_nothing(char *format, ...)
{
	(void)format;
}

struct lspci_names *lspci_names_create(void)
{
	struct lspci_names *names = calloc(1, sizeof(*names));

	if (names == NULL)
		return NULL;
	names->access = pci_alloc();
	names->access->error = give_up;
	names->access->warning = say_nothing;
	names->access->debug = say_nothing;
	/* The system's hardware database differs from machine to machine, and libpci leaks it where it is missing. */
	pci_set_param(names->access, (char *)"hwdb.disable", (char *)"1");
	return names;
}

void lspci_names_destroy(struct lspci_names *names)
{
	if (names == NULL)
		return;
	pci_cleanup(names->access);
	free(names);
}

static void look_up(struct lspci_names *names, enum lspci_name what, const uint16_t *ids, char *text, int size)
{
	struct pci_access *access = names->access;
	int mixed = PCI_LOOKUP_MIXED;

	switch (what) {
	case LSPCI_NAME_CLASS:
		pci_lookup_name(access, text, size, PCI_LOOKUP_CLASS, ids[0]);
		return;
	case LSPCI_NAME_DEVICE:
		mixed = 0;
		/* fallthrough */
	case LSPCI_NAME_DEVICE_NUMB:
		pci_lookup_name(access, text, size, PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | mixed, ids[0], ids[1]);
		return;
	case LSPCI_NAME_SUBSYSTEM:
		pci_lookup_name(access, text, size, PCI_LOOKUP_SUBSYSTEM | PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE,
				ids[0], ids[1], ids[2], ids[3]);
		return;
	}
}

static void numbers(enum lspci_name what, const uint16_t *ids, char *text, size_t size)
{
	if (what == LSPCI_NAME_CLASS)
		snprintf(text, size, "Class %04x", ids[0]);
	else if (what == LSPCI_NAME_SUBSYSTEM)
		snprintf(text, size, "Device %04x:%04x", ids[2], ids[3]);
	else
		snprintf(text, size, "Device %04x:%04x", ids[0], ids[1]);
}

void lspci_names_find(struct lspci_names *names, enum lspci_name what, const uint16_t *ids, char *text, size_t size)
{
	jmp_buf back;

	text[0] = '\0';
	if (names != NULL && !names->broken && size <= 4096) {
		escape = &back;
		if (setjmp(back) == 0)
			look_up(names, what, ids, text, (int)size);
		else
			names->broken = true;
		escape = NULL;
	}
	if (text[0] == '\0' || (names != NULL && names->broken))
		numbers(what, ids, text, size);
}
