/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of a function held through VFIO. */
#ifndef HOST_VFIO_INTERNAL_H
#define HOST_VFIO_INTERNAL_H

#include <stdatomic.h>

#include <bsd/sys/tree.h>

#include <pcigate/dma.h>
#include <pcigate/function.h>
#include <pcigate/host.h>

#include "host/vfio/place.h"
#include "host/vfio/settings.h"
#include "host/vfio/worker.h"

struct vfio;
struct vfio_group;
struct vfio_pool;
struct spaces;

/* Addresses that the IOMMU translates. */
struct vfio_range {
	uint64_t start;
	uint64_t last;
};

/* How the client's memory is translated: one of two doors of the kernel. */
struct vfio_iommu {
	const char *name;
	bool stays; /* detached, the function reaches what is mapped all the same */
	/* In the worker, as what follows. The function follows the client's maps, or reaches nothing. */
	int (*attach)(struct vfio *v);
	int (*detach)(struct vfio *v);
	/* NULL: everything. */
	int (*map)(struct vfio *v, const struct pcg_dma_range *range);
	int (*unmap)(struct vfio *v, const struct pcg_dma_range *range);
	/* Return: how many of them are filled in, at most @room. */
	unsigned int (*ranges)(const struct vfio *v, struct vfio_range *ranges, unsigned int room);
	void (*finish)(struct vfio *v);
};

extern const struct vfio_iommu vfio_iommufd;
extern const struct vfio_iommu vfio_type1;

/* A region as VFIO describes it. */
struct vfio_region {
	uint64_t size;
	uint64_t offset; /* in the device file */
	uint32_t flags;
};

/* The interrupts that go without us. Only one of INTx, MSI and MSI-X is on at a time. */
struct vfio_irqs {
	enum pcg_irq_index index;
	bool on;
	bool late;                /* to be turned off when the worker is free */
	unsigned int count;       /* vectors that the kernel has set aside */
	bool fixed[PCG_NUM_IRQS]; /* NORESIZE: cannot grow while it is on */
	int fds[PCG_MSIX_MAX];    /* the client's; -1: none */
	uint8_t masked[PCG_MSIX_MAX];
	int error;   /* ours, for ERR; -1: there is none */
	int request; /* and for REQ */
};

/* Whose a function is, as far as others of its group must know. */
enum vfio_hold {
	HOLD_NONE,
	HOLD_CLIENT,
	HOLD_LEFT, /* nobody's, and not as new yet: it may reach what the group does */
};

/* What the worker is asked. */
enum vfio_work {
	WORK_READ,
	WORK_WRITE,
	WORK_RESET,
	WORK_ATTACH,
	WORK_DETACH,
	WORK_SETTLE,
	WORK_POWER,
	WORK_VPD,
	WORK_MAP,
	WORK_UNMAP,
	WORK_MEMORY,
	WORK_FORGET,
	WORK_SLEEP,
	WORK_WAKE,
	WORK_TIDY,
	WORK_PASID,
	WORK_SPACE,
};

/* A function of the same IOMMU group, and who has it. */
struct vfio_rival {
	char bdf[PLACE_BDF];
	int32_t pid;
	bool leaving; /* he has gone already */
};

/* What was given up has left behind: it is put right before anything else is done. */
struct vfio_debt {
	bool leaves;                /* to be detached */
	bool mapped;                /* nobody wanted it any more when it was there */
	struct pcg_dma_range range; /* of that */
};

/* As many of the ranges that the IOMMU translates as a note has room for. */
#define VFIO_RANGES 8u

/* One job. The worker sees nothing of the caller's but this, so that a job can be given up. */
struct vfio_job {
	enum vfio_work work;
	unsigned int region;
	uint64_t offset;
	size_t length;
	uint8_t *buffer; /* @small, or allocated */
	uint8_t small[8];
	uint8_t be; /* of a write of configuration space */
	enum pcg_power power;
	enum pcg_memory memory;
	bool write;
	bool everything;
	bool last;                             /* its client goes with it */
	bool wakes;                            /* the function is in low power */
	struct pcg_dma_range range;            /* its descriptor is the job's */
	struct pcg_dma_client client;          /* who is to have the function */
	struct vfio_rival rival;               /* who else of its group stood in the way; no @bdf: nobody */
	struct vfio_range ranges[VFIO_RANGES]; /* that are translated, where a map was refused */
	unsigned int nranges;
	struct vfio_debt debt;
};

struct vfio {
	struct pcg_host host;
	struct vfio *next; /* of the pool */
	struct vfio_settings settings;
	struct place place;
	struct vfio_pool *pool;
	struct vfio_worker *worker;
	struct vfio_job job;    /* with the worker */
	struct vfio_job queued; /* waits for one that was given up */
	bool waits;
	struct vfio_debt debt; /* of the next job */
	struct pcg_op *op;     /* whose job it is; NULL: nobody's any more */
	uint32_t *value;       /* where what was read goes, or */
	void *data;
	int device;
	int poll;
	struct vfio_region regions[PCG_NUM_REGIONS];
	int resources[PCG_NUM_BARS][PCG_NUM_MEMORIES]; /* resource files, opened while we may; -1: none */
	struct vfio_irqs irqs;
	uint16_t pm; /* capabilities of the function, 0: none */
	uint16_t vpd;
	bool hold_memory;             /* no memory enable bit, and the kernel does not know: its own is kept on */
	uint8_t *shown;               /* headers of the extended chain with what show= adds; NULL: the kernel's */
	bool resets;                  /* DEVICE_RESET works */
	void *combined[PCG_NUM_BARS]; /* keeps a BAR write-combining; NULL: it is not */
	bool asleep;                  /* in low power, until something is asked of it */
	int64_t used;                 /* when something was last, in milliseconds */
	bool trusted;                 /* clients may map what cannot be taken back */
	bool humble;                  /* its thread holds no capabilities */

	/* the way memory is translated */
	const struct vfio_iommu *iommu;
	int iommufd;
	uint32_t devid;
	uint32_t ioas;
	uint32_t hwpt;         /* of @ioas, where PASIDs can stand beside it; 0: the kernel makes one */
	struct spaces *spaces; /* the worker's; NULL: it enforces no PASIDs */
	int group;
	int container;
	bool wanted;                      /* a client has it; the loop's, as what follows */
	bool leaving;                     /* detached, and asked nothing since */
	bool attached;                    /* the worker's; others look under the pool's lock */
	const struct vfio *resetter;      /* whose reset by the bus takes this one along; the pool's lock */
	atomic_bool touched;              /* there is one */
	atomic_bool inside;               /* the loop asks the kernel by itself */
	bool told_peer, told_private;     /* said once a client */
	uint64_t with_file, without_file; /* bytes mapped */

	/* with the other functions of its IOMMU group (group.h) */
	struct vfio_group *common;
	struct vfio *kin; /* the next one of them; the pool's lock, as what follows */
	unsigned int member;
	enum vfio_hold hold;
	struct pcg_dma_client client;
};

/* work.c: the job of @arg, a struct vfio; in the worker. Return: 0 or a negative errno. */
int vfio_work(void *arg);

/* open.c: the doors. Return: 0 or a negative errno after a note. */
int vfio_open(struct vfio *v);
void vfio_close(struct vfio *v);
bool vfio_can_reopen(const struct vfio *v);
int vfio_shut(struct vfio *v);   /* the device file alone, */
int vfio_reopen(struct vfio *v); /* and as it was again: attached, with ERR and REQ */

/* attach.c: in the worker. Return: 0 or a negative errno. */
int vfio_attach(struct vfio *v);
int vfio_attach_client(struct vfio *v, struct vfio_job *job); /* the same, if its group is not another one's */
int vfio_detach(struct vfio *v); /* when it fails it has lost its memory, and counts as attached */
int vfio_clean(struct vfio *v);  /* nothing of a client that is gone is attached */
void vfio_left(struct vfio *v);  /* its client is gone, and nothing of his is mapped for it */
void vfio_settle(struct vfio *v, const struct vfio_debt *debt);
void vfio_wait_untouched(struct vfio *v);

/*
 * Around what the loop asks of the device file by itself. Return: false: a reset by the bus, of another function of
 * ours, keeps this one; the kernel would keep the loop with it.
 */
bool vfio_enter(struct vfio *v);
void vfio_exit(struct vfio *v);
void vfio_wait_outside(struct vfio *v); /* in the worker of who resets */

/* describe.c: what the kernel says of an open function, into v->host.info */
int vfio_describe(struct vfio *v);

/* config.c: in the worker. Return: 0 or a negative errno. */
int vfio_config_read(struct vfio *v, unsigned int offset, void *data, size_t length);
int vfio_config_write(struct vfio *v, unsigned int offset, const void *data, size_t length);
int vfio_config_write_be(struct vfio *v, unsigned int offset, uint8_t be, const uint8_t data[4]);
int vfio_region_access(struct vfio *v, unsigned int region, uint64_t offset, void *data, size_t length, bool write);
int vfio_hold_memory(struct vfio *v);
int vfio_vpd(struct vfio *v, bool write, uint16_t address, uint8_t data[4]);
int vfio_power(struct vfio *v, enum pcg_power state);

/* power.c: while nobody has the function */
int vfio_sleep(struct vfio *v, bool sleep); /* in the worker */
int64_t vfio_now(void);

/* reset.c: in the worker */
int vfio_reset(struct vfio *v);
bool vfio_reset_possible(const struct vfio *v);

/* pasid.c: what of PASIDs the kernel enforces, into v->host.info. Return: 0 or -ENOMEM. */
int vfio_pasid(struct vfio *v);
void vfio_pasid_finish(struct vfio *v);

/* show.c: capabilities that the kernel hides */
int vfio_show(struct vfio *v);

/* map.c: BARs that clients map themselves */
int vfio_map(struct vfio *v);
void vfio_map_finish(struct vfio *v);
int vfio_memory_possible(struct pcg_host *host, unsigned int region, enum pcg_memory memory, const char **why);
int vfio_memory(struct vfio *v, unsigned int bar, enum pcg_memory memory);
int vfio_memory_forget(struct vfio *v);
bool vfio_memory_chosen(const struct vfio *v);

/* irqs.c */
int vfio_irqs_init(struct vfio *v);
int vfio_irqs_again(struct vfio *v); /* ERR and REQ of a device file that was opened anew */
void vfio_irqs_finish(struct vfio *v);
int vfio_irq_route(struct pcg_host *host, enum pcg_irq_index index, unsigned int start, unsigned int count,
		   const int *fds);
int vfio_irq_mask(struct pcg_host *host, enum pcg_irq_index index, unsigned int vector, bool masked);
int vfio_irq_resample(struct pcg_host *host, int fd);
void vfio_irqs_look(struct vfio *v); /* ERR and REQ */
void vfio_irqs_late(struct vfio *v); /* what could not be done while the kernel would have kept us */

static inline struct vfio *vfio_of(struct pcg_host *host)
{
	return (struct vfio *)(void *)((char *)host - offsetof(struct vfio, host));
}

#endif
