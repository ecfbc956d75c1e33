/* SPDX-License-Identifier: BSD-3-Clause */
/* The other end of serve/control.h. */
#ifndef SERVE_CONTROL_CLIENT_H
#define SERVE_CONTROL_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <pcigate/log.h>
#include <pcigate/pci.h>

#include "serve/control_rules.h"

enum control_side {
	CONTROL_HOST,  /* as the function holds it */
	CONTROL_GUEST, /* as the guest reads it */
};

/*
 * struct control_function - one function of a running server
 * @number: its place in the server
 * @func: how it was named, cut where it is longer
 * @socket: where it listens, or empty
 * @state: one word
 * @bars: what its BARs decode
 * @rom: and its ROM
 * @rules: by which rules it is shown
 * @size: bytes of @config: 256 or 4096; 0 when only listed
 * @config: configuration space
 */
struct control_function {
	unsigned int number;
	char func[256];
	char socket[128];
	char state[16];
	struct pcg_bar bars[PCG_NUM_BARS];
	struct pcg_bar rom;
	struct control_rules rules;
	size_t size;
	uint8_t config[PCG_CONFIG_EXTENDED];
};

/*
 * control_config() - what function number @n of the server behind @path holds; @function must not move afterwards
 * Return: 0, or a negative errno after a note.
 */
int control_config(const char *path, unsigned int n, enum control_side side, struct control_function *function,
		   const struct pcg_log *log);

/* control_list() - every function of the server, to @each. Return: as above. */
int control_list(const char *path, void (*each)(void *arg, const struct control_function *function), void *arg,
		 const struct pcg_log *log);

/*
 * control_command() - have the backend of function number @n carry out @command; its answer goes line by line to @each
 *
 * Return: 0; a negative errno, without a note: what the backend said stands in the answer. -EMSGSIZE: @command is too
 * long; -EOPNOTSUPP: the backend has no commands; -ENODEV and no answer: no function of that number.
 */
int control_command(const char *path, unsigned int n, const char *command, void (*each)(void *arg, const char *line),
		    void *arg);

/*
 * control_split() - "PATH" or "PATH@N": N counts the functions that the server was given, from 0
 * Return: 0; -ENAMETOOLONG.
 */
int control_split(const char *where, char *path, size_t size, unsigned int *n);

#endif
