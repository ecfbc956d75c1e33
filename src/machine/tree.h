/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /sys, /proc and /dev of a machine: this one's, or what somebody copied below a folder. Every read is bounded; a link
 * is only ever read for the name at its end, so that those of a copy may lead nowhere.
 */
#ifndef MACHINE_TREE_H
#define MACHINE_TREE_H

#include <stdbool.h>
#include <stddef.h>

/** struct tree - @root: what stands before "/sys"; "": this machine. Must outlive the tree */
struct tree {
	const char *root;
};

#define TREE_NAME 64

/** struct tree_names - what stands in a folder, sorted; names longer than TREE_NAME - 1 are left out */
struct tree_names {
	char (*name)[TREE_NAME];
	size_t count;
};

/* Below, @format and what follows it are the path, as printf has it: "/sys/bus/pci/devices/%s/config". */

/** tree_path() - the path with the root before it. False: too long */
bool tree_path(const struct tree *tree, char *path, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** tree_text() - the beginning of a file, without the line's end behind it. False, and "": it cannot be read */
bool tree_text(const struct tree *tree, char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** tree_number() - a file that holds one number, "%i" or "0x%x". False: it does not */
bool tree_number(const struct tree *tree, long *value, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** tree_flag() - a module's parameter that is on: "Y" or "1". False too where it is not there */
bool tree_flag(const struct tree *tree, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** tree_link() - the name at the end of a link. False: it is none */
bool tree_link(const struct tree *tree, char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** tree_target() - all of what a link says. False: it is none, or longer */
bool tree_target(const struct tree *tree, char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** tree_there() - whether the path is there */
bool tree_there(const struct tree *tree, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** tree_access() - whether this user may read and write it: 0 or a negative errno */
int tree_access(const struct tree *tree, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** tree_write() - write @text to a file that is there: 0, or what the kernel answered */
int tree_write(const struct tree *tree, const char *text, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** tree_list() - list a folder; tree_names_finish() afterwards in any case. 0 or a negative errno */
int tree_list(const struct tree *tree, struct tree_names *names, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** tree_names_finish() - free it */
void tree_names_finish(struct tree_names *names);

#endif
