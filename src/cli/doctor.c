/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a function can be given to a guest: a verdict and a command for each reason why not. */
#include <errno.h>

#include "cli/machine.h"
#include "host/options.h"
#include "machine/doctor.h"

struct settings {
	uint64_t memory;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate doctor BDF [--memory SIZE] [--json]\n\n"
		"Checks whether a function of this machine can be given to a guest, through VFIO and by this user. Each\n"
		"check comes to ok, warn or bad; under it stands what mends it. Nothing is changed. Exit 1: something is\n"
		"bad.\n\n"
		"  --memory SIZE  what the guest is to have (4G): may this user pin it?\n"
		"  --json         for programs\n" CLI_ROOT_HELP);
}

static int take(void *settings, int option)
{
	struct settings *s = settings;
	const char *end;

	(void)option;
	if (options_parse_size(optarg, &end, &s->memory) && *end == '\0' && s->memory > 0)
		return CLI_DONE;
	return cli_error("doctor", CLI_USAGE, "--memory %.64s: give a size, as 512M or 4G", optarg);
}

static const struct option long_options[] = { { "memory", required_argument, NULL, 'm' }, CLI_MACHINE_OPTIONS };

static const struct cli_machine_form form = {
	.verb = "doctor",
	.letters = "",
	.options = long_options,
	.take = take,
	.usage = usage,
	.least = 1,
	.most = 1,
};

static void print_row(const struct doctor_row *row)
{
	printf("%-4s  %-10s  %s\n", doctor_word(row->verdict), row->name, row->found);
	for (unsigned int i = 0; i < row->nmends; i++)
		printf("%18s> %s\n", "", row->mends[i]);
}

static struct json_object *json_row(const struct doctor_row *row)
{
	struct json_object *entry = json_object_new_object(), *mends = json_object_new_array();

	json_object_object_add(entry, "check", json_object_new_string(row->name));
	json_object_object_add(entry, "verdict", json_object_new_string(doctor_word(row->verdict)));
	json_object_object_add(entry, "found", json_object_new_string(row->found));
	for (unsigned int i = 0; i < row->nmends; i++)
		json_object_array_add(mends, json_object_new_string(row->mends[i]));
	json_object_object_add(entry, "mend", mends);
	return entry;
}

/* @count: by verdict. Return: whether somebody has the function. */
static bool run_checks(const struct doctor *doctor, struct json_object *rows, unsigned int count[DOCTOR_BAD + 1])
{
	struct doctor_row row;
	bool busy = false;

	for (unsigned int n = 0; doctor_check(doctor, n, &row); n++) {
		count[row.verdict]++;
		busy = busy || row.busy;
		if (row.verdict == DOCTOR_ABSENT)
			continue;
		if (rows != NULL)
			json_object_array_add(rows, json_row(&row));
		else
			print_row(&row);
	}
	return busy;
}

static int report(const struct doctor *doctor, bool json)
{
	struct json_object *root = json ? json_object_new_object() : NULL, *rows = NULL;
	unsigned int count[DOCTOR_BAD + 1] = { 0 };
	bool busy;
	int status;

	if (json)
		rows = json_object_new_array();
	busy = run_checks(doctor, rows, count);
	status = count[DOCTOR_BAD] > 0 ? CLI_FOUND : CLI_DONE;
	if (!json) {
		printf("\n%s: %u bad, %u to know, %u ok", doctor->bdf, count[DOCTOR_BAD], count[DOCTOR_WARN],
		       count[DOCTOR_OK]);
		if (status == CLI_DONE)
			printf("%s%s", busy ? "; in use" : "; ready: pcigate serve vfio:", busy ? "" : doctor->bdf);
		printf("\n");
		return cli_machine_end(status);
	}
	json_object_object_add(root, "bdf", json_object_new_string(doctor->bdf));
	json_object_object_add(root, "verdict",
			       json_object_new_string(doctor_word(count[DOCTOR_BAD] > 0    ? DOCTOR_BAD
								  : count[DOCTOR_WARN] > 0 ? DOCTOR_WARN
											   : DOCTOR_OK)));
	json_object_object_add(root, "checks", rows);
	return cli_machine_print(root) == CLI_DONE ? status : CLI_CANNOT;
}

int cli_doctor(int argc, char **argv)
{
	struct settings s = { 0 };
	struct cli_machine machine;
	struct doctor doctor;
	struct pcg_log notes = cli_log(PCG_WARN);
	int ret = cli_machine_options(&form, argc, argv, &machine, &s);

	if (ret == CLI_DONE)
		ret = cli_machine_bdf("doctor", argv[optind]);
	if (ret != CLI_DONE)
		return ret == CLI_MACHINE_HELPED ? CLI_DONE : ret;
	if (doctor_init(&doctor, &machine.tree, argv[optind], s.memory, &notes) != 0)
		return CLI_CANNOT;
	return report(&doctor, machine.json);
}
