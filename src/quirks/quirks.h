/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Quirk files: sections of lines, what they are for and what is otherwise with it (data/quirks/README.md). Whatever
 * does not read as it should is refused with file and line; nothing of a file that is refused is kept.
 */
#ifndef QUIRKS_QUIRKS_H
#define QUIRKS_QUIRKS_H

#include <pcigate/log.h>
#include <pcigate/quirk.h>

#define QUIRKS_MAX_FILE 65536u /* bytes of a file */
#define QUIRKS_MAX_LINE 512u   /* bytes of a line */
#define QUIRKS_MAX      4096u  /* quirks of all files together; each function of a section's match counts */
#define QUIRKS_MATCHES  64u    /* functions of one section */
#define QUIRKS_LINES    64u    /* actions of one section */

/**
 * struct quirks - what was read
 * @list: @count of them, for struct pcg_view_options; the array moves while more is read
 * @names: what their @where point at
 */
struct quirks {
	struct pcg_quirk *list;
	unsigned int count;
	char **names;
	unsigned int nnames;
};

/** quirks_load() - add a file, or every *.quirks of a directory. 0, or a negative errno after notes */
int quirks_load(struct quirks *quirks, const char *path, const struct pcg_log *log);

/** quirks_parse() - add what @length bytes of @text say; @name: the file's, for notes. The same results */
int quirks_parse(struct quirks *quirks, const char *text, size_t length, const char *name, const struct pcg_log *log);

/** quirks_finish() - free all; the structure may be used again */
void quirks_finish(struct quirks *quirks);

#endif
