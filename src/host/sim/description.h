/* SPDX-License-Identifier: BSD-3-Clause */
/* A fabric described by a text, one thing a line: docs/fabric.md. */
#ifndef HOST_SIM_DESCRIPTION_H
#define HOST_SIM_DESCRIPTION_H

#include "host/fabric/fabric.h"
#include "host/fabric/iommu.h"

struct endpoint_home;
struct endpoint_options;
struct vectors;

/** Bounds of a text. */
#define DESCRIPTION_MAX       (1u << 20) /* bytes */
#define DESCRIPTION_MAX_LINE  4096u
#define DESCRIPTION_MAX_NODES 512u
#define DESCRIPTION_MAX_NAME  24u /* bytes */
#define DESCRIPTION_MAX_DEPTH 32u /* links from the root complex to a leaf */
#define DESCRIPTION_MAX_PORTS 32u /* of one switch: devices of its inner bus */

enum description_kind {
	DESCRIPTION_ROOT_PORT,
	DESCRIPTION_SWITCH,     /* its upstream port */
	DESCRIPTION_DOWNSTREAM, /* one of its ports, NAME.N */
	DESCRIPTION_ENDPOINT,
};

/**
 * struct description_node - one port or function
 * @name: "" for none
 * @line: where it stands; 0: not in a file
 * @below: what it is below: an index; -1: the root bus
 * @devfn: on its bus
 * @taken: something is below it
 * @port: of ports; @port.payload 0: the largest that its path can do
 * @options: of endpoints
 * @f: the function, when it was built
 * @vectors: of a PF, when it was built: the shares of its VFs
 */
struct description_node {
	enum description_kind kind;
	char name[32];
	unsigned int line;
	int below;
	uint16_t devfn;
	bool taken;
	struct fabric_port_options port;
	struct endpoint_options *options;
	struct fabric_function *f;
	struct vectors *vectors;
};

/** struct description - all of it, in the order of the text: what is above comes first */
struct description {
	struct iommu_facts iommu;
	unsigned int nnodes;
	struct description_node *nodes;
};

/** description_read() - from a file. 0 or a negative errno after a note "FILE:LINE: what is wrong, and what is known"
 */
int description_read(struct description **description, const char *path, const struct pcg_log *log);

/** description_parse() - from @size bytes of @text; @name stands for the file's in notes */
int description_parse(struct description **description, const char *text, size_t size, const char *name,
		      const struct pcg_log *log);

/**
 * description_single() - a root port "port" and an endpoint "endpoint" behind it, which all the other options describe
 * @text: "endpoint-test[,option=value…]"
 */
int description_single(struct description **description, const char *text, const struct pcg_log *log);

/** description_new() - an empty one, with the IOMMU that is there without being described; or NULL */
struct description *description_new(void);

/** description_destroy() - the text's meaning; after the fabric that was built of it. NULL is allowed */
void description_destroy(struct description *description);

/** description_build() - make the ports and functions of an empty fabric, once. 0 or a negative errno after a note */
int description_build(struct description *description, struct fabric *fabric, struct endpoint_home *home,
		      const struct pcg_log *log);

/** description_find() - by name, or NULL */
struct description_node *description_find(const struct description *description, const char *name);

/** description_of() - what was said of a function; of a VF: of its PF. NULL: nothing */
struct description_node *description_of(const struct description *description, const struct fabric_function *f);

#endif
