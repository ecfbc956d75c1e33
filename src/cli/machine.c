/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/machine.h"
#include "host/vfio/place.h"

static int take_all(const struct cli_machine_form *form, int argc, char **argv, struct cli_machine *machine,
		    void *settings)
{
	int option, ret = CLI_DONE;

	while (ret == CLI_DONE && (option = getopt_long(argc, argv, form->letters, form->options, NULL)) != -1) {
		switch (option) {
		case CLI_MACHINE_HELP:
			form->usage(stdout);
			return CLI_MACHINE_HELPED;
		case CLI_MACHINE_ROOT:
			machine->tree.root = optarg;
			break;
		case CLI_MACHINE_JSON:
			machine->json = true;
			break;
		case '?': /* getopt has said why */
			return CLI_USAGE;
		default:
			ret = form->take(settings, option);
		}
	}
	return ret;
}

int cli_machine_options(const struct cli_machine_form *form, int argc, char **argv, struct cli_machine *machine,
			void *settings)
{
	char name[32], *verb = argv[0];
	int ret, count;

	machine->tree.root = "";
	machine->json = false;
	/* What getopt begins its complaints with. */
	snprintf(name, sizeof(name), "pcigate %s", form->verb);
	argv[0] = name;
	ret = take_all(form, argc, argv, machine, settings);
	argv[0] = verb;
	count = argc - optind;
	if (ret == CLI_DONE && (count < form->least || count > form->most))
		return cli_error(form->verb, CLI_USAGE, "%s; pcigate %s --help says how",
				 form->most == 0    ? "it takes no operand"
				 : form->least == 1 ? "name one function by its BDF"
						    : "name functions by their BDFs",
				 form->verb);
	return ret;
}

int cli_machine_end(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? status : CLI_CANNOT;
}

int cli_machine_print(struct json_object *value)
{
	puts(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(value);
	return cli_machine_end(CLI_DONE);
}

int cli_machine_bdf(const char *verb, const char *text)
{
	char bdf[PLACE_BDF];

	if (place_bdf(text, bdf))
		return CLI_DONE;
	return cli_error(verb, CLI_USAGE, "\"%.64s\" is no PCI address; give one as lspci -D prints it, 0000:03:10.1",
			 text);
}
