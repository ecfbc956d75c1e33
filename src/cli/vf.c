/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs: which there are, more or fewer of them, and how many vectors each gets. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/machine.h"
#include "cli/vf_control.h"
#include "machine/vfs.h"

#define UNSET     (-1L)
#define MOST_MSIX 2048 /* what a table can have (PCIe 6.0, 7.7.2.2) */

/**
 * struct settings - the options
 * @create: --create, or UNSET
 * @msix: --msix, or UNSET
 * @control: --control, or NULL: this machine
 */
struct settings {
	long create;
	long msix;
	enum vfs_probe probe;
	const char *control;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate vf PF [--json]\n"
		"       pcigate vf PF --create N [--no-probe|--probe]\n"
		"       pcigate vf VF [--msix N]\n"
		"       pcigate vf --control CONTROL[@N] PF|VF … or CONTROL:PF …\n\n"
		"Lists the VFs of a PF with the vectors of their MSI-X tables, and what all of them share; makes VFs, or\n"
		"removes them; gives a VF another number of vectors. Run it as root.\n\n"
		"  --create N  that many VFs; those that were there are removed first. 0: none\n"
		"  --no-probe  new VFs stay without a driver, as is best for those that guests get; --probe: the host's\n"
		"              drivers take them. It stays so for this PF\n"
		"  --msix N    a table of N vectors, from the PF's pool; 0: as many as the device thinks right. Only while\n"
		"              no driver holds the VF, and where the PF's driver shares vectors (mlx5_core, ice)\n"
		"  --control CONTROL[@N]\n"
		"              PF and VF are of the simulated fabric of a running server, by NAME, NAME.vfN or address:\n"
		"              CONTROL is the socket that `serve --control` made, N counts its functions. A number of vectors\n"
		"              changes only while no client has the VF\n"
		"  --json      for programs\n" CLI_ROOT_HELP);
}

static int take_number(const char *name, long most, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(optarg, &end, 0);
	if (errno == 0 && end != optarg && *end == '\0' && *value >= 0 && *value <= most)
		return CLI_DONE;
	return cli_error("vf", CLI_USAGE, "--%s %.64s: give a number from 0 to %ld", name, optarg, most);
}

static int take(void *settings, int option)
{
	struct settings *s = settings;

	switch (option) {
	case 'c':
		return take_number("create", UINT16_MAX, &s->create);
	case 'm':
		return take_number("msix", MOST_MSIX, &s->msix);
	case 'C':
		s->control = optarg;
		return CLI_DONE;
	default:
		s->probe = option == 'n' ? VFS_PROBE_OFF : VFS_PROBE_ON;
		return CLI_DONE;
	}
}

static const struct option long_options[] = {
	{ "control", required_argument, NULL, 'C' }, { "create", required_argument, NULL, 'c' },
	{ "msix", required_argument, NULL, 'm' },    { "no-probe", no_argument, NULL, 'n' },
	{ "probe", no_argument, NULL, 'p' },         CLI_MACHINE_OPTIONS,
};

static const struct cli_machine_form form = {
	.verb = "vf",
	.letters = "",
	.options = long_options,
	.take = take,
	.usage = usage,
	.least = 1,
	.most = 1,
};

/* --- showing --- */

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void print_vf(const struct sriov_vf *vf)
{
	char number[16] = "-", msix[16] = "?", group[16] = "-";

	if (vf->number >= 0)
		snprintf(number, sizeof(number), "%d", vf->number);
	if (vf->msix >= 0)
		snprintf(msix, sizeof(msix), "%d", vf->msix);
	if (vf->group >= 0)
		snprintf(group, sizeof(group), "%d", vf->group);
	printf("%-4s  %-12s  %5s  %-5s  %s\n", number, vf->bdf, msix, group, or_dash(vf->driver));
}

static void print_heading(void)
{
	printf("%-4s  %-12s  %5s  %-5s  %s\n", "VF", "FUNCTION", "MSI-X", "GROUP", "DRIVER");
}

static void print_pf(const struct sriov_pf *pf)
{
	printf("%s  driver %s, %u of %u VFs; new ones %s\n", pf->bdf, or_dash(pf->driver), pf->count, pf->total,
	       pf->probe ? "go to the host's drivers (--no-probe)" : "stay without a driver");
	if (!pf->has_pool)
		printf("MSI-X pool: unknown, this kernel has no sriov_vf_total_msix\n");
	else if (pf->pool == 0)
		printf("MSI-X pool: none, its driver shares no vectors among VFs\n");
	else
		printf("MSI-X pool: %u vectors for all VFs\n", pf->pool);
}

static struct json_object *json_vf(const struct sriov_vf *vf)
{
	struct json_object *entry = json_object_new_object();

	json_object_object_add(entry, "bdf", json_object_new_string(vf->bdf));
	json_object_object_add(entry, "pf", json_object_new_string(vf->pf));
	json_object_object_add(entry, "vf_number", vf->number >= 0 ? json_object_new_int(vf->number) : NULL);
	json_object_object_add(entry, "msix", vf->msix >= 0 ? json_object_new_int(vf->msix) : NULL);
	json_object_object_add(entry, "iommu_group", vf->group >= 0 ? json_object_new_int(vf->group) : NULL);
	json_object_object_add(entry, "driver", vf->driver[0] != '\0' ? json_object_new_string(vf->driver) : NULL);
	return entry;
}

static struct json_object *json_pf(const struct sriov_pf *pf)
{
	struct json_object *root = json_object_new_object();

	json_object_object_add(root, "bdf", json_object_new_string(pf->bdf));
	json_object_object_add(root, "driver", pf->driver[0] != '\0' ? json_object_new_string(pf->driver) : NULL);
	json_object_object_add(root, "total_vfs", json_object_new_int((int)pf->total));
	json_object_object_add(root, "vfs", json_object_new_int((int)pf->count));
	json_object_object_add(root, "probe", json_object_new_boolean(pf->probe));
	json_object_object_add(root, "msix_pool", pf->has_pool ? json_object_new_int((int)pf->pool) : NULL);
	return root;
}

static int show_pf(struct sriov *sriov, const struct sriov_pf *pf, bool json)
{
	struct json_object *root = json ? json_pf(pf) : NULL, *list = json ? json_object_new_array() : NULL;
	struct sriov_vf vf;

	if (!json)
		print_pf(pf);
	for (unsigned int n = 0; n < pf->count; n++) {
		if (sriov->ops->vf_of(sriov, pf->bdf, n, &vf) != 0)
			continue;
		if (json) {
			json_object_array_add(list, json_vf(&vf));
			continue;
		}
		if (n == 0)
			print_heading();
		print_vf(&vf);
	}
	if (!json)
		return cli_machine_end(CLI_DONE);
	json_object_object_add(root, "list", list);
	return cli_machine_print(root);
}

static int show_vf(const struct sriov_vf *vf, bool json)
{
	if (json)
		return cli_machine_print(json_vf(vf));
	print_heading();
	print_vf(vf);
	return cli_machine_end(CLI_DONE);
}

/* --- doing --- */

static int check(const struct settings *s)
{
	if (s->create != UNSET && s->msix != UNSET)
		return cli_error("vf", CLI_USAGE, "--create is for a PF, --msix for a VF; one of them");
	if (s->probe != VFS_PROBE_AS_IS && s->create == UNSET)
		return cli_error("vf", CLI_USAGE, "--probe and --no-probe go with --create N");
	return CLI_DONE;
}

static int act(struct sriov *sriov, const char *name, const struct settings *s, bool json)
{
	struct pcg_log notes = cli_log(PCG_WARN);
	struct sriov_pf pf;
	struct sriov_vf vf;
	int error;

	if (s->msix != UNSET) {
		error = vfs_msix(sriov, name, (unsigned int)s->msix, &vf, &notes);
		return error != 0 ? CLI_CANNOT : show_vf(&vf, json);
	}
	if (s->create != UNSET)
		error = vfs_create(sriov, name, (unsigned int)s->create, s->probe, &pf, &notes);
	else if (sriov->ops->vf(sriov, name, &vf) == 0)
		return show_vf(&vf, json);
	else
		error = vfs_pf(sriov, name, &pf, &notes);
	return error != 0 ? CLI_CANNOT : show_pf(sriov, &pf, json);
}

static int act_by_control(const char *where, const char *name, const struct settings *s, bool json)
{
	struct vf_control control;
	int ret = vf_control_init(&control, where);

	if (ret == CLI_DONE)
		ret = act(&control.sriov, name, s, json);
	vf_control_finish(&control);
	return ret;
}

/* "CONTROL:NAME": names and addresses have no slash, and a socket is given by a path with one. */
static char *split_at_control(char *text)
{
	char *slash = strrchr(text, '/');
	char *colon = slash != NULL ? strchr(slash, ':') : NULL;

	if (colon == NULL)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

int cli_vf(int argc, char **argv)
{
	struct settings s = { .create = UNSET, .msix = UNSET };
	struct cli_machine machine;
	struct sriov_linux kernel;
	char *name;
	int ret = cli_machine_options(&form, argc, argv, &machine, &s);

	if (ret == CLI_DONE)
		ret = check(&s);
	if (ret != CLI_DONE)
		return ret == CLI_MACHINE_HELPED ? CLI_DONE : ret;
	if (s.control != NULL)
		return act_by_control(s.control, argv[optind], &s, machine.json);
	name = split_at_control(argv[optind]);
	if (name != NULL)
		return act_by_control(argv[optind], name, &s, machine.json);
	ret = cli_machine_bdf("vf", argv[optind]);
	if (ret != CLI_DONE)
		return ret;
	sriov_linux_init(&kernel, &machine.tree);
	return act(&kernel.sriov, argv[optind], &s, machine.json);
}
