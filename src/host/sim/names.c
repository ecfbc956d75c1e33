/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions of a fabric by name: NAME, NAME.vfN, [DDDD:]BB:DD.F. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/pool_internal.h"

void sim_name(const struct fabric_function *f, char *name, size_t size)
{
	if (f->physical != NULL)
		snprintf(name, size, "%s.vf%u", f->physical->name, f->number);
	else
		snprintf(name, size, "%s", f->name);
}

/* Hexadecimal digits up to @stop; moves behind it. */
static bool take_hex(const char **text, char stop, unsigned int most, unsigned int *value)
{
	char *end;
	unsigned long n;

	if (strspn(*text, "0123456789abcdefABCDEF") == 0)
		return false;
	n = strtoul(*text, &end, 16);
	if (*end != stop || n > most || end - *text > 4)
		return false;
	*value = (unsigned int)n;
	*text = stop == '\0' ? end : end + 1;
	return true;
}

static bool parse_bdf(const char *text, unsigned int *domain, uint16_t *bdf)
{
	const char *first = strchr(text, ':');
	unsigned int bus, device, function;

	*domain = 0;
	if (first == NULL)
		return false;
	if (strchr(first + 1, ':') != NULL && !take_hex(&text, ':', 0xffff, domain))
		return false;
	if (!take_hex(&text, ':', 0xff, &bus) || !take_hex(&text, '.', 0x1f, &device) ||
	    !take_hex(&text, '\0', 7, &function))
		return false;
	*bdf = TLP_BDF(bus, device << 3 | function);
	return true;
}

static void list_names(const struct sim_fabric *shared, char *text, size_t size)
{
	const struct description *d = shared->description;
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < d->nnodes && used + 64 < size; i++) {
		const struct description_node *node = &d->nodes[i];

		if (node->kind != DESCRIPTION_ENDPOINT || node->f == NULL)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", node->name);
		if (node->f->nvirtuals > 0)
			used += (size_t)snprintf(text + used, size - used, ", %s.vf0 to %u", node->name,
						 node->f->nvirtuals - 1u);
	}
}

static struct fabric_function *refuse(const struct sim_fabric *shared, const char *why, const struct pcg_log *log)
{
	char known[512];

	list_names(shared, known, sizeof(known));
	base_log(log, PCG_ERROR, "sim: %s; functions of this fabric are %s", why, known[0] != '\0' ? known : "none");
	return NULL;
}

static struct fabric_function *by_bdf(const struct sim_fabric *shared, const char *name, unsigned int domain,
				      uint16_t bdf, const struct pcg_log *log)
{
	struct fabric_function *f = fabric_find(shared->fabric, bdf);
	char why[128];

	if (f != NULL && f->below == NULL && (domain == 0 || domain == shared->domain))
		return f;
	snprintf(why, sizeof(why), f != NULL && f->below != NULL ? "%.32s is a port" : "nothing is at %.32s", name);
	return refuse(shared, why, log);
}

static struct fabric_function *virtual_of(const struct sim_fabric *shared, struct fabric_function *pf,
					  const char *number, const struct pcg_log *log)
{
	char why[192], *end;
	unsigned long n = strtoul(number, &end, 10);

	if (*number >= '0' && *number <= '9' && *end == '\0' && strlen(number) <= 5 && n < pf->nvirtuals)
		return pf->virtuals[n];
	snprintf(why, sizeof(why),
		 pf->at.sriov == 0 ? "%s has no VFs: vfs=N gives it some"
				   : "%s has no VF %.16s, and %u VFs are enabled: enabled=N, at most vfs=",
		 pf->name, number, pf->nvirtuals);
	return refuse(shared, why, log);
}

/* The only one that there is need not be named. */
static struct fabric_function *only(const struct sim_fabric *shared, const struct pcg_log *log)
{
	const struct description *d = shared->description;
	struct fabric_function *f = NULL;

	for (unsigned int i = 0; i < d->nnodes; i++) {
		if (d->nodes[i].kind != DESCRIPTION_ENDPOINT)
			continue;
		if (f != NULL)
			return refuse(shared, "say which function, with at=NAME", log);
		f = d->nodes[i].f;
	}
	return f != NULL ? f : refuse(shared, "nothing stands below its ports", log);
}

struct fabric_function *sim_fabric_function(const struct sim_fabric *shared, const char *name,
					    const struct pcg_log *log)
{
	const struct description_node *node;
	const char *dot;
	char first[DESCRIPTION_MAX_NAME + 1], why[128];
	unsigned int domain;
	uint16_t bdf;

	if (name == NULL)
		return only(shared, log);
	if (parse_bdf(name, &domain, &bdf))
		return by_bdf(shared, name, domain, bdf, log);
	dot = strstr(name, ".vf");
	snprintf(first, sizeof(first), "%.*s", (int)(dot != NULL ? dot - name : (long)sizeof(first) - 1), name);
	node = description_find(shared->description, first);
	if (node == NULL || node->f == NULL || node->kind != DESCRIPTION_ENDPOINT ||
	    (dot == NULL && strcmp(first, name) != 0)) {
		snprintf(why, sizeof(why), node != NULL ? "%.40s is a port or a switch" : "nothing is named \"%.40s\"",
			 name);
		return refuse(shared, why, log);
	}
	return dot != NULL ? virtual_of(shared, node->f, dot + 3, log) : node->f;
}
