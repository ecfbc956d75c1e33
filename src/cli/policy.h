/* SPDX-License-Identifier: BSD-3-Clause */
/* --profile and --policy, the same for every verb that has them. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include <pcigate/view.h>

/** cli_profile() - take --profile NAME; 0, or -EINVAL after a line on stderr that lists the names */
int cli_profile(const char *verb, struct pcg_view_options *options, const char *name);

/** cli_policy() - take --policy NAME[=VALUE]; 0, or -EINVAL after a line on stderr */
int cli_policy(const char *verb, struct pcg_view_options *options, const char *text);

/** cli_quirks() - take --quirks PATH, a file or a directory, or --no-quirks (NULL); 0, or -EINVAL after lines on stderr
 */
int cli_quirks(const char *verb, struct pcg_view_options *options, const char *path);

/** cli_default_quirks() - when the command line is read: the installed ones, if it had neither; as cli_quirks() */
int cli_default_quirks(const char *verb, struct pcg_view_options *options);

/** CLI_POLICY_HELP - the lines of --help about both */
extern const char *const cli_policy_help;

#endif
