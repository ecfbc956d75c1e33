/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pcigate/pci.h>

#include "cli/cli.h"

static const struct cli_verb verbs[] = {
	{ "capture", "BDF…", "a function of this machine as a dump that dump: and lspci -F read", cli_capture },
	{ "conform", "TARGET", "check configuration space against the specifications", cli_conform },
	{ "ctl", "CONTROL COMMAND…", "commands for the backend of a running server: faults on demand", cli_ctl },
	{ "diff", "FUNC", "the registers that a guest reads otherwise than the function holds them", cli_diff },
	{ "doctor", "BDF", "whether a function can be given to a guest, and what mends it", cli_doctor },
	{ "inspect", "FUNC", "what the function is, as its guest or the host sees it", cli_inspect },
	{ "list", "", "the functions of this machine, and which can be given to a guest", cli_list },
	{ "map", "FUNC [-o FILE.svg]", "who owns each byte, what happens to it: as text or as a picture", cli_map },
	{ "quirks", "check FILE…", "check files of what single devices need", cli_quirks_verb },
	{ "replay", "FUNC TRACE", "run an access trace, tell where it differs", cli_replay },
	{ "serve", "FUNC | FUNC=SOCKET…", "serve functions over vfio-user", cli_serve },
	{ "vf", "PF | VF", "VFs: list and make them, give them vectors", cli_vf },
	{ "why", "FUNC REG", "why a register reads and takes what it does: rule, section, hook", cli_why },
};

#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static void write_note(void *arg, const struct pcg_note *note)
{
	static const char *const words[] = { "error: ", "warning: ", "", "debug: " };
	const enum pcg_level *most = arg;

	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	/* A pipe that is full because nobody reads it must not stop the server: the note is lost. */
	if (note->level > *most || poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0)
		return;
	if (note->offset == PCG_NOWHERE)
		fprintf(stderr, "pcigate: %s%s\n", words[note->level], note->text);
	else
		fprintf(stderr, "pcigate: %s%s (register %03x: %x)\n", words[note->level], note->text, note->offset,
			note->value);
}

struct pcg_log cli_log(enum pcg_level most)
{
	static const enum pcg_level levels[] = { PCG_ERROR, PCG_WARN, PCG_INFO, PCG_DEBUG };
	struct pcg_log log = { .write = write_note, .arg = (void *)(uintptr_t)&levels[most] };

	return log;
}

int cli_error(const char *verb, int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "pcigate %s: ", verb);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

/* UTF-8: bytes that go on a character take no column. */
static int columns(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void usage(FILE *out)
{
	size_t i;

	fprintf(out, "usage: pcigate VERB [option…] [argument…]\n\n");
	for (i = 0; i < NVERBS; i++)
		fprintf(out, "  %-8s %s%*s %s\n", verbs[i].name, verbs[i].arguments, 22 - columns(verbs[i].arguments),
			"", verbs[i].help);
	fprintf(out, "\nFUNC names a function:\n"
		     "  vfio:BDF             one of this machine that Linux's VFIO holds\n"
		     "  dump:FILE[@BDF]      one recorded by lspci -xxx or -xxxx\n"
		     "  sim:endpoint-test    a PCI endpoint test function, simulated\n"
		     "  sim:fabric           one of the functions of a simulated PCIe fabric that a file describes\n"
		     "  sim:vmd              all of such a fabric, for the guest's own PCI code\n"
		     "  sim:broken           a mediated function with one fault, to try conform on\n"
		     "  vfio-user:SOCKET     one that another vfio-user server serves\n"
		     "  live:CONTROL[@N]     one that a running pcigate serves with --control; to look at\n"
		     "\npcigate VERB --help says more of a verb.\n");
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		usage(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return CLI_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("pcigate %s\n", PCIGATE_VERSION);
		return CLI_DONE;
	}
	for (i = 0; i < NVERBS; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	fprintf(stderr, "pcigate: no verb '%s'; pcigate --help lists them\n", argv[1]);
	return CLI_USAGE;
}
