/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of the leaf: one function of a fabric, served by itself. leaf_create() is in pool.h. */
#ifndef HOST_SIM_LEAF_H
#define HOST_SIM_LEAF_H

#include "host/sim/endpoint_test.h"
#include "host/sim/pool.h"

/**
 * struct leaf - the function as one backend's
 * @endpoint: NULL: it was taken out of the fabric for good
 * @bdf: where it was when it was opened
 * @withdrawn: it went away under its client: what it was is lost, and its requests are blocked until it is reset
 * @asked: PASID, ATS and page requests as its client has them; @ended: enum pcg_feature_lost: what of it this client
 * had on and has turned off, and so, where it is a PF, has its VFs lose (PCIe 6.0, 7.8.9 and 10.5.2: they use the PF's)
 * @taken: a client has it: its memory is there, or gone for as long as a reset takes, which may fail
 * @stopping: page requests were turned off, and one may still wait for its response
 */
struct leaf {
	struct pcg_host host;
	struct sim_fabric *shared;
	struct endpoint *endpoint;
	uint16_t bdf;
	struct iommu_requester *requester;
	struct pcg_op *resetting;
	bool withdrawn;
	bool taken;
	struct pcg_pasid_control asked;
	uint32_t ended;
	bool stopping;
};

/* leaf.c */
extern const struct pcg_host_ops leaf_ops;

/* leaf_iommu.c: operations, and what the rest of the leaf needs of it. */
int leaf_dma(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op);
int leaf_pasid(struct pcg_host *host, const struct pcg_pasid_control *control, struct pcg_op *op);
int leaf_space(struct pcg_host *host, struct pcg_space *space, struct pcg_op *op);
int leaf_fault(struct pcg_host *host, struct pcg_fault *fault);
int leaf_page_request(struct pcg_host *host, struct pcg_page_request *request);
int leaf_page_response(struct pcg_host *host, const struct pcg_page_response *response);
void leaf_recorded(void *arg);
void leaf_page_status(void *arg, uint16_t raised);
void leaf_describe_pasid(struct leaf *leaf);

/* A client's memory was taken away from the IOMMU: nothing waits for it any more. NULL: there was none */
void leaf_forget(struct leaf *leaf, struct pcg_dma *dma);

/* A PF's client has ended something, or has it again: its VFs follow. */
void leaf_ended(struct leaf *pf, uint32_t ended);

/* Whether page requests have come to an end that was asked for; say so. */
void leaf_stopped(struct leaf *leaf);

static inline struct leaf *leaf_of(struct pcg_host *host)
{
	return (void *)((char *)host - offsetof(struct leaf, host));
}

static inline struct fabric_function *leaf_function(const struct leaf *leaf)
{
	return leaf->endpoint != NULL ? &leaf->endpoint->function : NULL;
}

#endif
