/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of an assigned function, for this room alone. */
#ifndef FUNCTION_INTERNAL_H
#define FUNCTION_INTERNAL_H

#include <pcigate/function.h>

#include "view/linux.h"
#include "pci/msix.h"
#include "view/state.h"

/*
 * Every operation is a table of steps, so that the order of things can be read off. A step returns PCG_DONE (the
 * next one follows), PCG_PENDING (the next one follows when the backend has finished) or a negative errno (the
 * operation ends). A step that must run again says so with again().
 */
typedef int (*step_fn)(struct pcg_function *f);

#define MAX_NESTING 4

/* One interrupt index. */
struct irq {
	bool active;           /* the client has set it up */
	unsigned int attached; /* one more than the highest vector that was set up */
	uint32_t listens[PCG_MSIX_MAX / 32];
	uint32_t pending[PCG_MSIX_MAX / 32];
	uint32_t told[PCG_MSIX_MAX / 32]; /* masked, as the backend that signals them knows */
};

struct pcg_function {
	struct pcg_op op; /* first, so that handing it over costs nothing */
	struct pcg_host *host;
	struct pcg_dma *dma;
	struct pcg_function_events events;
	struct pcg_log log;
	struct pcg_view_options options;
	struct pcg_view view;
	struct pcg_region regions[PCG_NUM_REGIONS];
	uint8_t opened[PCG_CONFIG_EXTENDED]; /* what the function held when it was opened */
	bool open;
	bool lent;    /* the client has descriptors of regions */
	bool altered; /* or has chosen how they map */
	bool told;    /* or knows how many MSI-X vectors there are */
	bool quarantined;
	bool silent;    /* it gave no answer when COMMAND was read last */
	uint32_t reach; /* bytes of configuration space that answer: all, or none */
	enum pcg_power power;
	uint32_t probed; /* enable bits of COMMAND that have been seen to be there, or not */

	/* the operation under way */
	struct pcg_request *request;
	bool waiting; /* for the backend */
	const step_fn *steps;
	const step_fn *outer[MAX_NESTING];
	unsigned int depth;
	unsigned int index; /* of the step that runs again */

	/* the configuration access under way */
	uint16_t at;
	size_t moved;
	uint8_t be;
	uint32_t value;
	uint32_t host_value;
	struct pcg_view_write write;

	/* PASID, ATS and page requests: what the backend is told, and what it was told last */
	struct pcg_pasid_control control;
	struct pcg_pasid_control controlled;
	bool entrusted; /* it was told to turn something on, and has not said since that all is off */

	/* resizable BARs: sizes when it was opened, and as the guest has them; the one under way, and to what */
	uint64_t first[PCG_NUM_BARS];
	uint64_t sizes[PCG_NUM_BARS];
	uint8_t resizing;
	uint8_t wanted; /* its logarithm */
	uint8_t tried;  /* those that were asked for, bit n for BAR n */

	/* the same under the profile `linux` */
	struct linux_plan plan;
	bool forgiving; /* the operation under way may fail without ending the access */
	int forgiven;   /* what it ended with */
	bool due;       /* the step before found something to do */
	bool saved_d3;  /* registers are kept for the way back from D3hot */
	uint32_t number;

	/* the registers kept over D3hot, by dword */
	uint32_t saved[PCG_CONFIG_DWORDS];

	struct irq irqs[PCG_NUM_IRQS];
	bool intx_masked; /* by the client, or because it has been told */
	bool intx_level;
	bool intx_missed; /* rose while masked */
	struct pci_window table;
	struct pci_window pba;
	bool has_table;                        /* where the view's MSI-X says that it is, there is room for it */
	uint32_t msix_ours[PCG_MSIX_MAX / 32]; /* entries the client keeps here, not in a table of its own */

	/* From here on only what msix_fresh() knows to be the function's is ever touched: most have few vectors. */
	uint8_t msix_table[PCG_MSIX_MAX * 16];
};

/* order.c: the sequencer */
int order_run(struct pcg_function *f);
int order_start(struct pcg_function *f, const step_fn *steps);
void order_push(struct pcg_function *f, const step_fn *steps);
int order_again(struct pcg_function *f);
void order_drop(struct pcg_function *f);

/* contract.c: the sequences of the safety contract */
extern const step_fn open_steps[];
extern const step_fn reset_steps[];
extern const step_fn close_steps[];
extern const step_fn leave_steps[];
extern const step_fn memory_kind_steps[];
extern const step_fn dma_map_steps[];
extern const step_fn dma_unmap_steps[];
extern const step_fn contract_mend_steps[];
const step_fn *contract_for_write(struct pcg_function *f);
const step_fn *contract_for_command(struct pcg_function *f);
int contract_revoke(struct pcg_function *f);
int contract_detach(struct pcg_function *f);
int contract_attach(struct pcg_function *f);
int contract_compile(struct pcg_function *f);
int contract_read_command(struct pcg_function *f);
int contract_master_off(struct pcg_function *f);
int contract_rewind(struct pcg_function *f);

/* registers.c: what a guest wrote into the function is gone */
extern const step_fn registers_reset_steps[];
extern const step_fn registers_end_steps[];

/* attach.c: a client comes */
extern const step_fn dma_attach_steps[];

/* backdoor.c: resets that nobody told us of */
extern const step_fn backdoor_steps[];
bool backdoor_concerns(const struct pcg_function *f);
int backdoor_probe(struct pcg_function *f);
int backdoor_learn(struct pcg_function *f);

/* config.c: configuration accesses; some steps of a write can be gone on with */
#define CONFIG_WRITE_DECIDE 1
#define CONFIG_WRITE_ACT    2
#define CONFIG_WRITE_NEXT   3
extern const step_fn config_read_steps[];
extern const step_fn config_write_steps[];
int config_host_write(struct pcg_function *f);
unsigned int config_piece(struct pcg_function *f);
void config_put(const struct pcg_function *f, uint32_t value);
uint32_t config_get(const struct pcg_function *f);

/* fast.c: both, by the short way where there is one */
int fast_read(struct pcg_function *f, struct pcg_request *rq);
int fast_write(struct pcg_function *f, struct pcg_request *rq);

/* linux.c: the same under the profile `linux`; two of its steps can be gone on with */
#define LINUX_WRITE_THROUGH 2
#define LINUX_WRITE_ACT     3
extern const step_fn linux_read_steps[];
extern const step_fn linux_write_steps[];
extern const step_fn linux_reset_steps[];

/* linux_acts.c: what writes set off there */
const step_fn *linux_before(enum linux_act act);
const step_fn *linux_after(enum linux_act act);
void linux_tell(struct pcg_function *f, enum pcg_deed deed, uint32_t value);
int linux_forgive(struct pcg_function *f, int ret);
int linux_save(struct pcg_function *f);
int linux_restore(struct pcg_function *f);
int linux_allow(struct pcg_function *f);
int linux_zap(struct pcg_function *f);

/* memory.c: BARs and ROM */
extern const step_fn memory_steps[];
bool memory_in_use(const struct pcg_function *f);
int memory_check(struct pcg_function *f, const struct pcg_request *request);
void memory_init(struct pcg_function *f);

/* pasid.c: PASID, ATS and page requests */
extern const step_fn pasid_write_steps[];
extern const step_fn pasid_space_steps[];
int pasid_off(struct pcg_function *f);
int pasid_again(struct pcg_function *f);
void pasid_forget(struct pcg_function *f);
int pasid_space_check(const struct pcg_function *f, const struct pcg_space *space);
void pasid_recorded(void *arg);
void pasid_page_status(void *arg, uint16_t raised);

/* rebar.c: resizable BARs */
extern const step_fn rebar_write_steps[];
int rebar_begin(struct pcg_function *f);
int rebar_again(struct pcg_function *f);
int rebar_back(struct pcg_function *f);
int rebar_take(struct pcg_function *f);
void rebar_init(struct pcg_function *f);
void rebar_resized(void *arg, unsigned int bar);

/* irqs.c */
void irqs_raise(void *arg, enum pcg_irq_index index, unsigned int vector, bool level);
void irqs_reset(struct pcg_function *f);
void irqs_power_on(struct pcg_function *f);
void irqs_update(struct pcg_function *f);

/* msix.c: the table and the pending bits, where the client has none of its own */
void msix_init(struct pcg_function *f);
void msix_fresh(struct pcg_function *f);
void msix_power_on(struct pcg_function *f);
unsigned int msix_vectors(const struct pcg_function *f);
bool msix_masked(const struct pcg_function *f, unsigned int vector);
void msix_read(const struct pcg_function *f, const struct pci_window *w, uint64_t offset, uint8_t *data, size_t length);
void msix_write(struct pcg_function *f, uint64_t offset, const uint8_t *data, size_t length);

#endif
