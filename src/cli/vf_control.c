/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/vf_control.h"
#include "serve/control_client.h"

/* --- what it answers: host/sim/control_vfs.c says how --- */

static struct vf_control *of(struct sriov *sriov)
{
	return (void *)((char *)sriov - offsetof(struct vf_control, sriov));
}

/* The word after " KEY="; an empty one is none. */
static void take_word(const char *line, const char *key, char *word, size_t size)
{
	const char *at = strstr(line, key);

	word[0] = '\0';
	if (at != NULL)
		snprintf(word, size, "%.*s", (int)strcspn(at + strlen(key), " "), at + strlen(key));
}

static long take_number(const char *line, const char *key, long otherwise)
{
	char word[24];

	take_word(line, key, word, sizeof(word));
	return word[0] != '\0' ? strtol(word, NULL, 10) : otherwise;
}

static unsigned int take_count(const char *line, const char *key)
{
	long n = take_number(line, key, 0);

	return n > 0 && n <= UINT16_MAX ? (unsigned int)n : 0;
}

static void take_pf(struct vf_control *control, const char *line)
{
	struct sriov_pf *pf = &control->pf;

	memset(pf, 0, sizeof(*pf));
	take_word(line, "pf ", pf->bdf, sizeof(pf->bdf));
	take_word(line, " driver=", pf->driver, sizeof(pf->driver));
	pf->total = take_count(line, " total=");
	pf->count = take_count(line, " count=");
	pf->pool = (unsigned int)take_number(line, " pool=", 0);
	pf->has_pool = true;
	control->has_pf = true;
}

static bool make_room(struct vf_control *control)
{
	unsigned int room = control->room == 0 ? 16 : 2 * control->room;
	struct sriov_vf *vfs;
	long *holders;

	if (control->count < control->room)
		return true;
	vfs = realloc(control->vfs, room * sizeof(*vfs));
	if (vfs != NULL)
		control->vfs = vfs;
	holders = realloc(control->holders, room * sizeof(*holders));
	if (holders != NULL)
		control->holders = holders;
	if (vfs == NULL || holders == NULL)
		return false;
	control->room = room;
	return true;
}

static void take_vf(struct vf_control *control, const char *line)
{
	struct sriov_vf *vf;

	if (!make_room(control)) {
		control->no_memory = true;
		return;
	}
	control->holders[control->count] = take_number(line, " holder=", 0);
	vf = &control->vfs[control->count++];
	memset(vf, 0, sizeof(*vf));
	take_word(line, "vf ", vf->bdf, sizeof(vf->bdf));
	take_word(line, " pf=", vf->pf, sizeof(vf->pf));
	take_word(line, " driver=", vf->driver, sizeof(vf->driver));
	vf->number = (int)take_number(line, " number=", -1);
	vf->msix = (int)take_number(line, " msix=", -ENOENT);
	vf->group = -1;
}

static void take_line(void *arg, const char *line)
{
	struct vf_control *control = arg;

	if (strncmp(line, "pf ", 3) == 0)
		take_pf(control, line);
	else if (strncmp(line, "vf ", 3) == 0)
		take_vf(control, line);
}

static int ask(struct vf_control *control, const char *command, const char *name)
{
	char line[128];
	int r;

	control->has_pf = false;
	control->no_memory = false;
	control->count = 0;
	/* One word, whatever it is: it must not become two. */
	if (strlen(name) > 64 || strpbrk(name, " \t\n") != NULL)
		return -ENODEV;
	snprintf(line, sizeof(line), "%s %s", command, name);
	r = control_command(control->path, control->number, line, take_line, control);
	return r == 0 && control->no_memory ? -ENOMEM : r;
}

static void drop_line(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static int set(struct vf_control *control, const char *command, const char *name, unsigned int value)
{
	char line[160];

	control->has_pf = false;
	snprintf(line, sizeof(line), "%s %.64s %u", command, name, value);
	return control_command(control->path, control->number, line, drop_line, NULL);
}

/* --- operations --- */

static int control_pf(struct sriov *sriov, const char *bdf, struct sriov_pf *pf)
{
	struct vf_control *control = of(sriov);
	int r = ask(control, "vfs", bdf);

	memset(pf, 0, sizeof(*pf));
	snprintf(pf->bdf, sizeof(pf->bdf), "%s", bdf);
	if (r == 0 && !control->has_pf)
		r = -ENOTTY;
	if (r == 0)
		*pf = control->pf;
	return r;
}

static int control_vf(struct sriov *sriov, const char *bdf, struct sriov_vf *vf)
{
	struct vf_control *control = of(sriov);
	int r = ask(control, "vectors", bdf);

	memset(vf, 0, sizeof(*vf));
	snprintf(vf->bdf, sizeof(vf->bdf), "%s", bdf);
	if (r == 0 && (control->has_pf || control->count != 1))
		r = -ENOTTY;
	if (r == 0)
		*vf = control->vfs[0];
	return r;
}

static int control_vf_of(struct sriov *sriov, const char *pf, unsigned int number, struct sriov_vf *vf)
{
	struct vf_control *control = of(sriov);
	int r = 0;

	/* All of them came with the PF. */
	if (!control->has_pf || strcmp(control->pf.bdf, pf) != 0)
		r = ask(control, "vfs", pf);
	for (unsigned int i = 0; r == 0 && i < control->count; i++)
		if (control->vfs[i].number == (int)number) {
			*vf = control->vfs[i];
			return 0;
		}
	return r != 0 ? r : -ENOENT;
}

static long control_holder(struct sriov *sriov, const char *vf)
{
	struct vf_control *control = of(sriov);

	for (unsigned int i = 0; i < control->count; i++)
		if (strcmp(control->vfs[i].bdf, vf) == 0)
			return control->holders[i];
	return 0;
}

/* There are no drivers that a VF could be given to. */
static int control_set_probe(struct sriov *sriov, const char *pf, bool probe)
{
	(void)sriov;
	(void)pf;
	return probe ? -EOPNOTSUPP : 0;
}

static int control_set_count(struct sriov *sriov, const char *pf, unsigned int count)
{
	return set(of(sriov), "vfs", pf, count);
}

static int control_set_msix(struct sriov *sriov, const char *vf, unsigned int vectors)
{
	return set(of(sriov), "vectors", vf, vectors);
}

static const struct sriov_ops control_ops = {
	.where = "this fabric; `pcigate ctl CONTROL show` lists what there is",
	.pf = control_pf,
	.vf = control_vf,
	.vf_of = control_vf_of,
	.holder = control_holder,
	.set_probe = control_set_probe,
	.set_count = control_set_count,
	.set_msix = control_set_msix,
};

int vf_control_init(struct vf_control *control, const char *where)
{
	int r;

	memset(control, 0, sizeof(*control));
	control->sriov.ops = &control_ops;
	if (control_split(where, control->path, sizeof(control->path), &control->number) != 0)
		return cli_error("vf", CLI_USAGE, "--control: the path of a socket is shorter than this: %.64s…",
				 where);
	r = control_command(control->path, control->number, "help", drop_line, NULL);
	if (r == 0)
		return CLI_DONE;
	if (r == -EOPNOTSUPP)
		return cli_error("vf", CLI_CANNOT,
				 "--control: function %u of %s is of no simulated fabric; name one "
				 "that is: %s@N",
				 control->number, control->path, control->path);
	if (r == -ENODEV)
		return cli_error("vf", CLI_CANNOT, "--control: %s serves no function %u", control->path,
				 control->number);
	return cli_error("vf", CLI_CANNOT,
			 "--control: %s: %s; the socket that `pcigate serve --control` made answers here",
			 control->path, strerror(-r));
}

void vf_control_finish(struct vf_control *control)
{
	free(control->vfs);
	free(control->holders);
}
