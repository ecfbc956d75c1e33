/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated fabrics of one process. A FUNC that names a function of one opens it here; FUNCs that name the same
 * description share the fabric, which lives as long as the pool, or without a pool as long as one of its functions is
 * open.
 */
#ifndef HOST_SIM_POOL_H
#define HOST_SIM_POOL_H

#include <pcigate/host.h>

#include "host/fabric/fabric.h"
#include "host/fabric/iommu.h"
#include "host/sim/description.h"
#include "host/sim/endpoint.h"
#include "host/sim/errors.h"
#include "host/sim/firmware.h"
#include "host/sim/transfers.h"

struct sim_pool;
struct sim_access;

/** struct sim_seat - a function that somebody has open */
struct sim_seat {
	struct sim_seat *next;
	struct fabric_function *f;
	struct pcg_host *host;
};

/**
 * struct sim_physical - what is remembered of a PF that can have VFs
 * @enabled: how many VFs the host wants it to have: they come back after a reset
 * @saved: what its capability held then
 * @has_token: whoever opens the PF or a VF has to know @token
 * @secret: nobody knows it: the PF was opened without one
 */
struct sim_physical {
	struct sim_physical *next;
	struct fabric_function *f;
	uint16_t enabled;
	struct firmware_saved saved;
	bool has_token;
	bool secret;
	uint8_t token[16];
};

/**
 * struct sim_fabric - one fabric and its root complex
 * @pool: where it is; NULL: it ends with the last of @seats
 * @key: what FUNCs that share it have in common
 * @domain: tells the fabrics of a pool apart where addresses are shown
 * @log: goes to @opener, while somebody opens a function, else to the first of @seats
 * @kept: how firmware set it up
 * @home: where its endpoints are worked on while nobody serves them
 * @accesses: requests that wait for a client's memory; @spare: room for the next
 * @interrupts: how many memory writes to the interrupt range were dropped
 * @peers_told: that functions in several hands reach each other was said
 */
struct sim_fabric {
	struct sim_fabric *next;
	struct sim_pool *pool;
	char *key;
	uint16_t domain;
	struct pcg_log log;
	const struct pcg_log *opener;
	struct fabric *fabric;
	struct iommu *iommu;
	struct description *description;
	struct firmware_kept *kept;
	struct endpoint_home home;
	struct sim_seat *seats;
	struct sim_physical *physicals;
	struct sim_access *accesses;
	struct sim_access *spare;
	struct sim_error_log errors;
	struct sim_transfers transfers;
	uint32_t interrupts;
	bool peers_told;
};

/**
 * sim_fabric_open() - open a function
 * @text: "fabric,file=FILE[,at=NAME|NAME.vfN|BDF][,token=UUID]" or
 *        "endpoint-test[,vf=N][,token=UUID][,option=value…]"
 * @pool: of the process; NULL: alone
 *
 * Return: 0, or a negative errno after a note: -ENOENT (no such function), -EBUSY (it is open), -ENODEV (it was pulled
 * out), -EACCES (the token).
 */
int sim_fabric_open(struct pcg_host **host, const char *text, struct pcg_host_pool *pool, const struct pcg_log *log);

/**
 * leaf_create() - the struct pcg_host of one function of a fabric (leaf.c), called by sim_fabric_open(). When it fails
 * sim_fabric_leave() is not called
 */
int leaf_create(struct pcg_host **host, struct sim_fabric *shared, struct fabric_function *f,
		const struct pcg_log *log);

/** leaf_busy() - a client has its function, or it is being reset */
bool leaf_busy(const struct pcg_host *host);

/** leaf_swap() - its function is about to end (NULL), and another one comes in its place: nobody has it, so no matter
 */
void leaf_swap(struct pcg_host *host, struct fabric_function *f);

/** sim_fabric_leave() - a leaf ends, and has let go of its function: its last use of @shared and of the function */
void sim_fabric_leave(struct sim_fabric *shared, const struct pcg_host *host);

/**
 * sim_fabric_reset_over() - a reset of @f that the host asked for is over: what the host had set up in it (VFs of a PF)
 * is set up again, as kernels do
 */
void sim_fabric_reset_over(struct sim_fabric *shared, struct fabric_function *f);

/** sim_root_forget() - a client's memory is no function's any more: what waits for it, whoever asked, ends */
void sim_root_forget(struct sim_fabric *shared, struct pcg_dma *dma);

/** sim_fabric_wake() - all leaves have work: something happened in the fabric that others wait for */
void sim_fabric_wake(struct sim_fabric *shared);

/** sim_fabric_seat() - who has a function open, or NULL */
struct pcg_host *sim_fabric_seat(const struct sim_fabric *shared, const struct fabric_function *f);

/** sim_fabric_errors() - the record of a routing id, or NULL: nothing ever went wrong with it */
const struct sim_errors *sim_fabric_errors(const struct sim_fabric *shared, uint16_t bdf);

/** sim_fabric_function() - by NAME, NAME.vfN or [DDDD:]BB:DD.F. NULL after a note that says what there is */
struct fabric_function *sim_fabric_function(const struct sim_fabric *shared, const char *name,
					    const struct pcg_log *log);

/** sim_fabric_set_vfs() - a PF gets @count VFs. -EBUSY: it has some, and @count is not 0; -ERANGE; -ENOTTY: no PF */
int sim_fabric_set_vfs(struct sim_fabric *shared, struct fabric_function *pf, unsigned int count);

/**
 * sim_fabric_set_vectors() - the MSI-X table of a VF gets @count entries, 0: the default. As vectors_set(), and -EBUSY:
 * a client has it; -ENOTTY: no VF
 */
int sim_fabric_set_vectors(struct sim_fabric *shared, struct fabric_function *vf, uint32_t count);

/** sim_pool_next() - the fabrics of a process, one after the other; NULL starts, NULL at the end */
struct sim_fabric *sim_pool_next(const struct pcg_host_pool *pool, const struct sim_fabric *after);

/** sim_pool_destroy() - after the last function; NULL is allowed */
void sim_pool_destroy(struct sim_pool *pool);

#endif
