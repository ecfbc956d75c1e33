/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "host/options.h"
#include "host/sim/description.h"
#include "host/sim/endpoint.h"

#define MAX_WORDS     64u
#define MAX_ROOT_PORT 32u /* devices of a bus */

/**
 * struct parser - a text being read
 * @where: "FILE:LINE" of the line at hand
 * @roots: root ports so far
 * @iommu: there was such a line
 */
struct parser {
	struct description *d;
	const char *name;
	const struct pcg_log *log;
	char where[300];
	unsigned int line;
	unsigned int roots;
	unsigned int room;
	bool iommu;
	char *words[MAX_WORDS];
	unsigned int nwords;
	char text[2 * DESCRIPTION_MAX_LINE];
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct parser *p, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	base_log(p->log, PCG_ERROR, "%s: %s", p->where, text);
	return -EINVAL;
}

/* --- words --- */

static bool name_is_good(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > DESCRIPTION_MAX_NAME || !(isalpha((unsigned char)*name) || *name == '_'))
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
	return true;
}

/* Options as every FUNC has them: "FIRST,key=value,…"; a comma in a value is doubled. @skip: a key left out. */
static void join(struct parser *p, const char *first, unsigned int from, const char *skip)
{
	char *to = p->text;

	to = stpcpy(to, first);
	for (unsigned int i = from; i < p->nwords; i++) {
		if (skip != NULL && strncmp(p->words[i], skip, strlen(skip)) == 0)
			continue;
		*to++ = ',';
		for (const char *c = p->words[i]; *c != '\0'; c++) {
			if (*c == ',')
				*to++ = ',';
			*to++ = *c;
		}
	}
	*to = '\0';
}

static const char *word_of(const struct parser *p, const char *key)
{
	for (unsigned int i = 2; i < p->nwords; i++)
		if (strncmp(p->words[i], key, strlen(key)) == 0)
			return p->words[i] + strlen(key);
	return NULL;
}

static int count_of(const struct parser *p, const char *key)
{
	int n = 0;

	for (unsigned int i = 2; i < p->nwords; i++)
		n += strncmp(p->words[i], key, strlen(key)) == 0;
	return n;
}

/* --- nodes --- */

struct description_node *description_find(const struct description *d, const char *name)
{
	for (unsigned int i = 0; i < d->nnodes; i++)
		if (strcmp(d->nodes[i].name, name) == 0)
			return &d->nodes[i];
	return NULL;
}

static int add_node(struct parser *p, const struct description_node *node)
{
	struct description *d = p->d;

	if (d->nnodes == DESCRIPTION_MAX_NODES)
		return refuse(p, "more than %u ports and functions; take several fabrics", DESCRIPTION_MAX_NODES);
	if (d->nnodes == p->room) {
		unsigned int room = p->room == 0 ? 16 : 2 * p->room;
		struct description_node *nodes = realloc(d->nodes, room * sizeof(*nodes));

		if (nodes == NULL)
			return -ENOMEM;
		d->nodes = nodes;
		p->room = room;
	}
	d->nodes[d->nnodes] = *node;
	d->nodes[d->nnodes].line = p->line;
	d->nnodes++;
	return 0;
}

static int take_name(const struct parser *p, struct description_node *node)
{
	const struct description_node *other;
	const char *name = p->nwords > 1 ? p->words[1] : "";

	if (!name_is_good(name))
		return refuse(p, "%s wants a name behind it, of up to %u letters, digits, - and _: %s NAME …",
			      p->words[0], DESCRIPTION_MAX_NAME, p->words[0]);
	other = description_find(p->d, name);
	if (other != NULL)
		return refuse(p, "%s is the name of what stands in line %u; take another", name, other->line);
	strcpy(node->name, name);
	return 0;
}

static unsigned int depth_of(const struct description *d, int index)
{
	unsigned int depth = 0;

	for (; index >= 0; index = d->nodes[index].below)
		depth++;
	return depth;
}

static int list_ports(const struct parser *p, const char *missing)
{
	char known[256] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < p->d->nnodes && used < sizeof(known) - 40; i++) {
		const struct description_node *node = &p->d->nodes[i];

		if ((node->kind == DESCRIPTION_ROOT_PORT || node->kind == DESCRIPTION_DOWNSTREAM) && !node->taken)
			used += (size_t)snprintf(known + used, sizeof(known) - used, " %s", node->name);
	}
	return refuse(p, "%s; ports with nothing below them so far are:%s", missing,
		      used > 0 ? known : " none, so write one above: root-port NAME");
}

/* Find the port that below= names. */
static int take_below(struct parser *p, struct description_node *node)
{
	const char *name = word_of(p, "below=");
	struct description_node *port = name != NULL ? description_find(p->d, name) : NULL;
	char missing[128];

	if (count_of(p, "below=") > 1)
		return refuse(p, "below= is given twice");
	snprintf(missing, sizeof(missing), "no port is named \"%.40s\"", name != NULL ? name : "");
	if (port == NULL)
		return list_ports(p, name == NULL ? "it stands below a port: below=PORT" : missing);
	if (port->kind == DESCRIPTION_SWITCH)
		snprintf(missing, sizeof(missing), "%s is a switch; name one of its ports, %s.0", name, name);
	else if (port->kind == DESCRIPTION_ENDPOINT)
		snprintf(missing, sizeof(missing), "%s is a function, and nothing stands below it", name);
	else if (port->taken)
		snprintf(missing, sizeof(missing), "a link leads to one device, and %s has one", name);
	else {
		node->below = (int)(port - p->d->nodes);
		port->taken = true;
		if (depth_of(p->d, node->below) >= DESCRIPTION_MAX_DEPTH)
			return refuse(p, "more than %u ports above it", DESCRIPTION_MAX_DEPTH);
		return 0;
	}
	return list_ports(p, missing);
}

/* --- ports --- */

enum {
	OPTION_MPS,
	OPTION_PAYLOAD,
	OPTION_SLOT,
	OPTION_ACS,
	OPTION_ARI,
	OPTION_P2P,
	OPTION_PORTS = OPTION_P2P, /* of switches */
};

static const char *const root_names[] = { "mps", "payload", "slot", "acs", "ari", "p2p", NULL };
static const char *const switch_names[] = { "mps", "payload", "slot", "acs", "ari", "ports", NULL };

static int take_payload(const struct parser *p, const struct options *o, unsigned int index, uint32_t *value)
{
	uint64_t n = *value;
	int r = options_size(o, index, 128, 4096, &n);

	if (r == 0 && (n & (n - 1)) != 0)
		r = refuse(p, "%s=%s: must be a power of two", o->names[index], o->values[index]);
	*value = (uint32_t)n;
	return r;
}

static int take_port_options(const struct parser *p, const struct options *o, struct fabric_port_options *port)
{
	uint64_t slot = 0;
	int r = 0;

	*port = (struct fabric_port_options){ .mps = 512, .acs = true, .ari = true };
	if (take_payload(p, o, OPTION_MPS, &port->mps) != 0 ||
	    options_size(o, OPTION_SLOT, 1, 8191 - DESCRIPTION_MAX_PORTS, &slot) != 0 ||
	    options_bool(o, OPTION_ACS, &port->acs) != 0 || options_bool(o, OPTION_ARI, &port->ari) != 0)
		return -EINVAL;
	port->slot = (uint16_t)slot;
	if (o->values[OPTION_PAYLOAD] != NULL)
		r = take_payload(p, o, OPTION_PAYLOAD, &port->payload);
	if (r == 0 && port->payload > port->mps)
		r = refuse(p, "payload=%u is more than the port can do: mps=%u", port->payload, port->mps);
	return r;
}

static int take_root_port(struct parser *p)
{
	struct description_node node = { .kind = DESCRIPTION_ROOT_PORT, .below = -1 };
	struct options o;
	int r = take_name(p, &node);

	if (r == 0 && p->roots == MAX_ROOT_PORT)
		r = refuse(p, "the root complex has room for %u ports; use a switch", MAX_ROOT_PORT);
	if (r != 0)
		return r;
	join(p, node.name, 2, NULL);
	r = options_init(&o, p->where, p->text, root_names, p->log);
	if (r != 0)
		return r;
	r = take_port_options(p, &o, &node.port);
	if (r == 0)
		r = options_bool(&o, OPTION_P2P, &node.port.p2p);
	options_finish(&o);
	node.devfn = (uint16_t)(p->roots++ << 3);
	return r == 0 ? add_node(p, &node) : r;
}

static int add_downstream(struct parser *p, const struct description_node *upstream, unsigned int ports)
{
	struct description_node port = { .kind = DESCRIPTION_DOWNSTREAM, .below = (int)p->d->nnodes - 1 };
	int r = 0;

	port.port = upstream->port;
	for (unsigned int i = 0; r == 0 && i < ports; i++) {
		snprintf(port.name, sizeof(port.name), "%.24s.%u", upstream->name, (unsigned int)(uint8_t)i);
		port.devfn = (uint16_t)(i << 3);
		port.port.slot = upstream->port.slot != 0 ? (uint16_t)(upstream->port.slot + i) : 0;
		r = add_node(p, &port);
	}
	return r;
}

static int take_switch(struct parser *p)
{
	struct description_node node = { .kind = DESCRIPTION_SWITCH };
	struct options o;
	uint64_t ports = 2;
	int r = take_name(p, &node);

	if (r == 0)
		r = take_below(p, &node);
	if (r != 0)
		return r;
	join(p, node.name, 2, "below=");
	r = options_init(&o, p->where, p->text, switch_names, p->log);
	if (r != 0)
		return r;
	r = take_port_options(p, &o, &node.port);
	if (r == 0)
		r = options_size(&o, OPTION_PORTS, 1, DESCRIPTION_MAX_PORTS, &ports);
	if (r == 0 && node.port.payload != 0)
		r = refuse(p, "payload= is a path's, and said at its root-port");
	options_finish(&o);
	if (r == 0)
		r = add_node(p, &node);
	return r == 0 ? add_downstream(p, &node, (unsigned int)ports) : r;
}

/* --- functions --- */

/* What the options of an endpoint are told about, with the line. */
static void prefix(void *arg, const struct pcg_note *note)
{
	const struct parser *p = arg;

	base_log(p->log, note->level, "%s: %s", p->where, note->text);
}

static int take_endpoint(struct parser *p)
{
	struct description_node node = { .kind = DESCRIPTION_ENDPOINT };
	const struct pcg_log log = { .write = prefix, .arg = p };
	int r = take_name(p, &node);

	if (r == 0)
		r = take_below(p, &node);
	if (r == 0 && word_of(p, "payload=") != NULL)
		r = refuse(p, "payload= is a path's, and said at its root-port");
	if (r != 0)
		return r;
	join(p, p->words[0], 2, "below=");
	node.options = calloc(1, sizeof(*node.options));
	if (node.options == NULL)
		return -ENOMEM;
	r = endpoint_options_parse(node.options, p->text, &log);
	if (r == 0)
		r = add_node(p, &node);
	if (r != 0)
		free(node.options);
	return r;
}

static const char *const iommu_names[] = { "pasid-width", "execute", "privileged", "ats", "page-requests", NULL };

static int take_iommu(struct parser *p)
{
	struct iommu_facts *facts = &p->d->iommu;
	uint64_t width = facts->pasid_width, requests = facts->page_requests;
	struct options o;
	int r;

	if (p->iommu)
		return refuse(p, "there is one iommu, and a line above describes it");
	p->iommu = true;
	join(p, "iommu", 1, NULL);
	r = options_init(&o, p->where, p->text, iommu_names, p->log);
	if (r != 0)
		return r;
	r = options_size(&o, 0, 0, 20, &width);
	if (r == 0)
		r = options_bool(&o, 1, &facts->execute);
	if (r == 0)
		r = options_bool(&o, 2, &facts->privileged);
	if (r == 0)
		r = options_bool(&o, 3, &facts->ats);
	if (r == 0)
		r = options_size(&o, 4, 0, IOMMU_MAX_PAGE_REQUESTS, &requests);
	options_finish(&o);
	facts->pasid_width = (uint8_t)width;
	facts->page_requests = (uint32_t)requests;
	return r;
}

/* --- lines --- */

static const struct {
	const char *kind;
	int (*take)(struct parser *p);
} kinds[] = {
	{ "iommu", take_iommu },
	{ "root-port", take_root_port },
	{ "switch", take_switch },
	{ "endpoint-test", take_endpoint },
};

static int take_line(struct parser *p, char *line)
{
	char *rest = NULL;

	line[strcspn(line, "#")] = '\0';
	p->nwords = 0;
	for (char *word = strtok_r(line, " \t\r", &rest); word != NULL; word = strtok_r(NULL, " \t\r", &rest)) {
		if (p->nwords == MAX_WORDS)
			return refuse(p, "more than %u words", MAX_WORDS);
		p->words[p->nwords++] = word;
	}
	if (p->nwords == 0)
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, p->words[0]) == 0)
			return kinds[i].take(p);
	return refuse(p,
		      "\"%.40s\" is nothing that a fabric is made of; there are iommu, root-port, switch and "
		      "endpoint-test",
		      p->words[0]);
}

static int take_text(struct parser *p, const char *text, size_t size)
{
	char line[DESCRIPTION_MAX_LINE];
	int r = 0;

	while (r == 0 && size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t length = end != NULL ? (size_t)(end - text) : size;

		snprintf(p->where, sizeof(p->where), "%.256s:%u", p->name, ++p->line);
		if (length >= sizeof(line))
			return refuse(p, "longer than %u bytes", DESCRIPTION_MAX_LINE - 1);
		if (memchr(text, '\0', length) != NULL)
			return refuse(p, "a zero byte: this is no text");
		memcpy(line, text, length);
		line[length] = '\0';
		r = take_line(p, line);
		text += length;
		size -= length;
		if (size > 0) {
			text++;
			size--;
		}
	}
	return r;
}

struct description *description_new(void)
{
	struct description *d = calloc(1, sizeof(*d));

	if (d != NULL)
		d->iommu = (struct iommu_facts){
			.pasid_width = 20, .execute = true, .privileged = true, .ats = true, .page_requests = 64
		};
	return d;
}

int description_parse(struct description **description, const char *text, size_t size, const char *name,
		      const struct pcg_log *log)
{
	struct parser *p = calloc(1, sizeof(*p));
	int r;

	*description = NULL;
	if (p == NULL)
		return -ENOMEM;
	p->name = name;
	p->log = log;
	p->d = description_new();
	r = p->d != NULL ? take_text(p, text, size) : -ENOMEM;
	if (r == 0 && p->d->nnodes == 0) {
		p->line = p->line != 0 ? p->line : 1;
		snprintf(p->where, sizeof(p->where), "%.256s:%u", p->name, p->line);
		r = refuse(p, "nothing is described; begin with: root-port NAME");
	}
	if (r == 0)
		*description = p->d;
	else
		description_destroy(p->d);
	free(p);
	return r;
}

/* Everything of a file, or nothing. */
static char *read_file(const char *path, size_t *size, const struct pcg_log *log)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t got = -1;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &st) != 0) {
		base_log(log, PCG_ERROR, "%s: %s; give the description of a fabric: docs/fabric.md", path,
			 strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)DESCRIPTION_MAX) {
		base_log(log, PCG_ERROR, "%s: a description is a file of up to %u bytes", path, DESCRIPTION_MAX);
	} else {
		*size = (size_t)st.st_size;
		text = malloc(*size + 1);
		got = text != NULL ? read(fd, text, *size) : -1;
		if (got != (ssize_t)*size) {
			base_log(log, PCG_ERROR, "%s: could not be read: %s", path, strerror(got < 0 ? errno : EIO));
			free(text);
			text = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return text;
}

int description_read(struct description **description, const char *path, const struct pcg_log *log)
{
	size_t size = 0;
	char *text = read_file(path, &size, log);
	int r;

	*description = NULL;
	if (text == NULL)
		return -ENOENT;
	r = description_parse(description, text, size, path, log);
	free(text);
	return r;
}

int description_single(struct description **description, const char *text, const struct pcg_log *log)
{
	struct description *d = description_new();
	struct description_node *nodes = calloc(2, sizeof(*nodes));
	struct endpoint_options *options = calloc(1, sizeof(*options));
	int r = d != NULL && nodes != NULL && options != NULL ? endpoint_options_parse(options, text, log) : -ENOMEM;

	*description = NULL;
	if (r != 0) {
		free(options);
		free(nodes);
		free(d);
		return r;
	}
	nodes[0] = (struct description_node){ .kind = DESCRIPTION_ROOT_PORT, .name = "port", .below = -1 };
	nodes[0].port = (struct fabric_port_options){ .mps = options->mps, .acs = true, .ari = true };
	nodes[0].port.payload = options->payload;
	nodes[1] = (struct description_node){ .kind = DESCRIPTION_ENDPOINT, .name = "endpoint", .options = options };
	d->nodes = nodes;
	d->nnodes = 2;
	*description = d;
	return 0;
}
