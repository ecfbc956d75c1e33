/* SPDX-License-Identifier: BSD-3-Clause */
/* sim:endpoint-test as a function of a fabric: VFs, PASIDs, translated requests, page requests, payload sizes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/pool.h"
#include "host/sim/endpoint_test.h"
#include "host/sim/leaf.h"
#include "host/sim/sim.h"

#define PAGE     4096u
#define RAM_BASE 0x40000000u
#define RAM_SIZE (1u << 20)
#define VIRTUAL  0x700000000000u /* where address spaces lead from */
#define RW       (PCG_SPACE_READ | PCG_SPACE_WRITE)
#define PRESENT  ENDPOINT_PASID_PRESENT

/* Whoever has a PF or a VF beside others knows this. */
#define TOKEN ",token=9c8f7e6d-0000-4000-8000-000000000001"

#define PASID_EP "endpoint-test,pasid=20:exec:priv,ats=on,pri=16"

static const struct pcg_pasid_control all_on = {
	.pasid = true,
	.execute = true,
	.privileged = true,
	.ats = true,
	.page_requests = true,
	.allocation = 16,
};

/* A client with memory of its own and one function. */
struct client {
	struct pcg_host *host;
	struct pcg_dma *dma;
	int fd;
	uint8_t *ram;
	uint32_t bars[PCG_NUM_BARS];
	unsigned int irqs;
	unsigned int requests; /* to give the function back */
	unsigned int recorded;
	unsigned int resized; /* which BAR, said last */
	uint16_t page_status;
	bool woken;
	struct pcg_op op;
	unsigned int done;
	int result;
};

struct rig {
	struct pcg_host_pool *pool;
	struct client clients[4];
};

static void on_irq(void *arg, enum pcg_irq_index index, unsigned int vector, bool level)
{
	struct client *c = arg;

	(void)vector;
	(void)level;
	if (index == PCG_IRQ_REQ)
		c->requests++;
	else
		c->irqs++;
}

static void on_wake(void *arg)
{
	((struct client *)arg)->woken = true;
}

static void on_recorded(void *arg)
{
	((struct client *)arg)->recorded++;
}

static void on_page_status(void *arg, uint16_t raised)
{
	((struct client *)arg)->page_status |= raised;
}

static void on_done(struct pcg_op *op, int result)
{
	struct client *c = (void *)((char *)op - offsetof(struct client, op));

	c->done++;
	c->result = result;
}

static uint32_t config(struct client *c, uint16_t offset)
{
	uint32_t value = 0;

	assert_int_equal(c->host->ops->config_read(c->host, offset / 4, 15, &value, &c->op), PCG_DONE);
	return value;
}

static void config_write(struct client *c, uint16_t offset, uint8_t be, uint32_t value)
{
	assert_int_equal(c->host->ops->config_write(c->host, offset / 4, be, value, &c->op), PCG_DONE);
}

static uint32_t reg(struct client *c, uint64_t offset)
{
	uint8_t bytes[4];

	assert_int_equal(c->host->ops->region_read(c->host, 0, offset, bytes, 4, &c->op), PCG_DONE);
	return pcg_get32(bytes);
}

static void reg_write(struct client *c, uint64_t offset, uint32_t value)
{
	uint8_t bytes[4];

	pcg_put32(bytes, value);
	assert_int_equal(c->host->ops->region_write(c->host, 0, offset, bytes, 4, &c->op), PCG_DONE);
}

static void run(struct client *c)
{
	int wait = 0;

	for (unsigned int i = 0; wait == 0 || c->woken; i++) {
		assert_true(i < 10000);
		c->woken = false;
		wait = c->host->ops->work(c->host);
	}
}

static void layout_of(struct client *c, struct pcg_layout *layout)
{
	uint8_t bytes[PCG_CONFIG_EXTENDED];

	for (uint16_t i = 0; i < sizeof(bytes); i += 4)
		pcg_put32(bytes + i, config(c, i));
	assert_int_equal(pcg_layout_parse(layout, bytes, sizeof(bytes), NULL), 0);
}

static uint16_t find(struct client *c, uint16_t id, bool extended)
{
	struct pcg_layout layout;
	const struct pcg_cap *cap;

	layout_of(c, &layout);
	cap = extended ? pcg_layout_find_extended(&layout, id) : pcg_layout_find(&layout, id);
	return cap != NULL ? cap->offset : 0;
}

static void client_open(struct client *c, struct pcg_host_pool *pool, const char *text)
{
	struct pcg_dma_limits limits = { .max_maps = 16, .page_size = PAGE };

	c->op.done = on_done;
	c->fd = memfd_create("ram", MFD_CLOEXEC);
	assert_int_equal(ftruncate(c->fd, RAM_SIZE), 0);
	c->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	assert_true(c->ram != MAP_FAILED);
	assert_int_equal(pcg_dma_create(&c->dma, &limits, NULL, NULL), 0);
	assert_int_equal(pcg_dma_map(c->dma, RAM_BASE, RAM_SIZE, PCG_DMA_READ | PCG_DMA_WRITE, c->fd, 0), 0);
	assert_int_equal(sim_create_in(&c->host, text, pool, NULL), 0);
	c->host->events = (struct pcg_host_events){
		.arg = c,
		.irq = on_irq,
		.wake = on_wake,
		.recorded = on_recorded,
		.page_status = on_page_status,
	};
	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++)
		c->bars[bar] = config(c, (uint16_t)(PCG_BAR0 + 4 * bar));
	assert_int_equal(c->host->ops->dma(c->host, c->dma, &c->op), PCG_DONE);
	config_write(c, PCG_COMMAND, 3, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
}

static void client_close(struct client *c)
{
	if (c->host == NULL)
		return;
	c->host->ops->destroy(c->host);
	c->host = NULL;
	pcg_dma_destroy(c->dma);
	munmap(c->ram, RAM_SIZE);
	close(c->fd);
}

static struct client *rig_open(struct rig *rig, unsigned int n, const char *text)
{
	client_open(&rig->clients[n], rig->pool, text);
	return &rig->clients[n];
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(pcg_host_pool_create(&rig->pool), 0);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	for (unsigned int i = 0; i < 4; i++)
		client_close(&rig->clients[i]);
	pcg_host_pool_destroy(rig->pool);
	free(rig);
	return 0;
}

static void restore(struct client *c)
{
	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++)
		config_write(c, (uint16_t)(PCG_BAR0 + 4 * bar), 15, c->bars[bar]);
	config_write(c, PCG_COMMAND, 3, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
}

/* --- the driver's side --- */

static uint32_t begin(struct client *c, uint32_t command, uint64_t address, uint32_t size)
{
	reg_write(c, command == ENDPOINT_READ ? ENDPOINT_SRC_ADDR : ENDPOINT_DST_ADDR, (uint32_t)address);
	reg_write(c, (command == ENDPOINT_READ ? ENDPOINT_SRC_ADDR : ENDPOINT_DST_ADDR) + 4, (uint32_t)(address >> 32));
	reg_write(c, ENDPOINT_SIZE, size);
	reg_write(c, ENDPOINT_IRQ_TYPE, ENDPOINT_IRQ_MSIX);
	reg_write(c, ENDPOINT_IRQ_NUMBER, 1);
	reg_write(c, ENDPOINT_COMMAND, command);
	run(c);
	return reg(c, ENDPOINT_STATUS) & ~(uint32_t)ENDPOINT_IRQ_RAISED;
}

static uint32_t begin_with(struct client *c, uint32_t pasid, uint32_t flags, uint32_t command, uint64_t address,
			   uint32_t size)
{
	reg_write(c, ENDPOINT_PASID, pasid);
	reg_write(c, ENDPOINT_REQUEST_FLAGS, flags);
	return begin(c, command, address, size);
}

#define WROTE  ENDPOINT_WRITE_SUCCESS
#define FAILED (ENDPOINT_WRITE_FAIL | ENDPOINT_DST_ADDR_INVALID)
#define DENIED (ENDPOINT_READ_FAIL | ENDPOINT_SRC_ADDR_INVALID)
/* The checksum of the register is nobody's: a read that came back compares and fails, with a status of success. */
#define READ_BACK ENDPOINT_READ_FAIL

/* --- the client's side --- */

static void control(struct client *c, const struct pcg_pasid_control *control)
{
	assert_int_equal(c->host->ops->pasid(c->host, control, &c->op), PCG_DONE);
}

static uint32_t space_of(struct client *c, uint32_t pasid)
{
	struct pcg_space space = { .verb = PCG_SPACE_CREATE };

	assert_int_equal(c->host->ops->space(c->host, &space, &c->op), PCG_DONE);
	space.verb = PCG_SPACE_ATTACH;
	space.pasid = pasid;
	assert_int_equal(c->host->ops->space(c->host, &space, &c->op), PCG_DONE);
	return space.space;
}

static void map(struct client *c, uint32_t number, uint64_t iova, uint64_t size, uint64_t offset, uint32_t flags)
{
	struct pcg_space space = { .verb = PCG_SPACE_MAP,
				   .space = number,
				   .iova = iova,
				   .size = size,
				   .address = RAM_BASE + offset,
				   .flags = flags };

	assert_int_equal(c->host->ops->space(c->host, &space, &c->op), PCG_DONE);
}

static void unmap_all(struct client *c, uint32_t number)
{
	struct pcg_space space = { .verb = PCG_SPACE_UNMAP, .space = number };

	assert_int_equal(c->host->ops->space(c->host, &space, &c->op), PCG_DONE);
}

static enum pcg_fault_reason fault(struct client *c)
{
	struct pcg_fault fault = { .reason = PCG_FAULT_NONE };

	if (c->host->ops->fault(c->host, &fault) != 0)
		return PCG_FAULT_NONE;
	return fault.reason;
}

static bool touched(const struct client *c, size_t offset, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (c->ram[offset + i] != 0)
			return true;
	return false;
}

/* --- payload sizes --- */

/* Thread 000: a driver that knows more of the path than the path does. */
static void payload_above_the_path_is_malformed(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,mps=512,payload=128");
	uint16_t devctl = find(c, PCG_CAP_EXP, false) + PCG_EXP_DEVCTL;

	assert_int_equal(begin(c, ENDPOINT_WRITE, RAM_BASE, 4096), WROTE);
	memset(c->ram, 0, PAGE);
	config_write(c, devctl, 3, 2u << 5 | 2u << 12);
	assert_int_equal(begin(c, ENDPOINT_WRITE, RAM_BASE, 4096), ENDPOINT_WRITE_FAIL);
	assert_int_equal(reg(c, ENDPOINT_RESULT), TLP_LOST);
	assert_false(touched(c, 0, PAGE));
	/* What fits into one packet of the path still does. */
	assert_int_equal(begin(c, ENDPOINT_WRITE, RAM_BASE, 128), WROTE);
	config_write(c, devctl, 3, 2u << 12);
	assert_int_equal(begin(c, ENDPOINT_WRITE, RAM_BASE, 4096), WROTE);
}

static void larger_paths_take_it(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,mps=512,payload=512");

	assert_int_equal(begin(c, ENDPOINT_WRITE, RAM_BASE + 100, 100000), WROTE);
	assert_int_equal(reg(c, ENDPOINT_RESULT), TLP_SUCCESS);
}

/* --- the table of MSI-X, where nobody keeps another --- */

static uint32_t entry_control(struct client *c, unsigned int entry)
{
	uint16_t msix = find(c, PCG_CAP_MSIX, false);

	return reg(c, (config(c, (uint16_t)(msix + PCG_MSIX_TABLE)) & ~7u) + 16 * entry + 12);
}

static void entries_are_masked_until_somebody_unmasks_them(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,msix=5");
	uint16_t msix = find(c, PCG_CAP_MSIX, false);
	uint32_t table = config(c, (uint16_t)(msix + PCG_MSIX_TABLE)) & ~7u;

	assert_int_equal(entry_control(c, 0), 1);
	assert_int_equal(entry_control(c, 4), 1);
	/* Past the last one there is memory. */
	assert_int_equal(entry_control(c, 5), 0);
	reg_write(c, table + 4 * 16 + 12, 0);
	assert_int_equal(entry_control(c, 4), 0);
	assert_int_equal(c->host->ops->reset(c->host, &c->op), PCG_DONE);
	restore(c);
	assert_int_equal(entry_control(c, 4), 1);
}

static void nobody_writes_pending_bits(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,msix=40");
	uint16_t msix = find(c, PCG_CAP_MSIX, false);
	uint32_t pba = config(c, (uint16_t)(msix + PCG_MSIX_PBA)) & ~7u;

	reg_write(c, pba, UINT32_MAX);
	reg_write(c, pba + 4, UINT32_MAX);
	assert_int_equal(reg(c, pba), 0);
	assert_int_equal(reg(c, pba + 4) & 0xff, 0);
}

/* --- resets --- */

static void backdoor_reset_shows(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test");

	reg_write(c, ENDPOINT_MAGIC, 77);
	assert_int_equal(c->host->ops->reset(c->host, &c->op), PCG_DONE);
	config_write(c, PCG_COMMAND, 3, PCG_COMMAND_MEMORY);
	assert_int_equal(reg(c, ENDPOINT_MAGIC), UINT32_MAX);
	restore(c);
	assert_int_equal(reg(c, ENDPOINT_MAGIC), 0);
}

/* Somebody else's addresses: who serves it without mediation writes what its guest wrote. */
static void bars_may_stand_anywhere(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test");

	reg_write(c, ENDPOINT_MAGIC, 77);
	config_write(c, PCG_BAR0, 15, 0x12340000);
	assert_int_equal(reg(c, ENDPOINT_MAGIC), 77);
	reg_write(c, ENDPOINT_MAGIC, 78);
	assert_int_equal(reg(c, ENDPOINT_MAGIC), 78);
}

static void nothing_answers_during_a_reset(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,flr=20");
	struct timespec pause = { .tv_nsec = 5000000 };

	assert_int_equal(c->host->ops->reset(c->host, &c->op), PCG_PENDING);
	assert_int_equal(config(c, PCG_VENDOR), UINT32_MAX);
	for (unsigned int i = 0; i < 200 && c->done == 0; i++) {
		nanosleep(&pause, NULL);
		c->host->ops->work(c->host);
	}
	assert_int_equal(c->done, 1);
	assert_int_equal(c->result, 0);
	assert_int_equal(config(c, PCG_VENDOR), 0x002d1912);
}

/* --- VFs --- */

static void vf_looks_like_one(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,id=1234:5678,vfs=4,vf-device=9abc,vf-msix=5,vf=2");
	const struct pcg_host_info *info = &c->host->info;
	uint16_t msix = find(c, PCG_CAP_MSIX, false);

	assert_true(info->is_vf);
	assert_true(info->no_command_memory);
	assert_int_equal(info->vendor, 0x1234);
	assert_int_equal(info->device, 0x9abc);
	assert_int_equal(config(c, PCG_VENDOR), UINT32_MAX);
	assert_int_equal(config(c, PCG_INT_LINE) >> 8 & 0xff, 0);
	assert_int_equal(config(c, PCG_COMMAND) & PCG_COMMAND_MEMORY, 0);
	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++)
		assert_int_equal(c->bars[bar], 0);
	assert_int_equal(config(c, msix) >> 16 & PCG_MSIX_SIZE, 4);
	assert_int_equal(find(c, PCG_CAP_MSI, false), 0);
	assert_int_equal(find(c, PCG_ECAP_PASID, true), 0);
	assert_int_equal(find(c, PCG_ECAP_SRIOV, true), 0);
	assert_true(find(c, PCG_ECAP_ARI, true) != 0);
}

static void vf_works(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,vfs=4,vf=3");

	assert_int_equal(begin(c, ENDPOINT_WRITE, RAM_BASE, 5000), WROTE);
	assert_true(touched(c, 0, 5000));
	assert_int_equal(c->irqs, 1);
}

static void vfs_have_memory_of_their_own(void **state)
{
	struct client *pf = rig_open(*state, 0, "endpoint-test,vfs=2" TOKEN);
	struct client *a = rig_open(*state, 1, "endpoint-test,vfs=2,vf=0" TOKEN);
	struct client *b = rig_open(*state, 2, "endpoint-test,vfs=2,vf=1" TOKEN);

	reg_write(pf, ENDPOINT_MAGIC, 1);
	reg_write(a, ENDPOINT_MAGIC, 2);
	reg_write(b, ENDPOINT_MAGIC, 3);
	assert_int_equal(reg(pf, ENDPOINT_MAGIC), 1);
	assert_int_equal(reg(a, ENDPOINT_MAGIC), 2);
	assert_int_equal(reg(b, ENDPOINT_MAGIC), 3);
	assert_int_equal(begin(a, ENDPOINT_WRITE, RAM_BASE, 64), WROTE);
	assert_true(touched(a, 0, 64));
	assert_false(touched(pf, 0, RAM_SIZE));
	assert_false(touched(b, 0, RAM_SIZE));
}

static void vf_reset_is_its_own(void **state)
{
	struct client *a = rig_open(*state, 0, "endpoint-test,vfs=2,vf=0");
	struct client *b = rig_open(*state, 1, "endpoint-test,vfs=2,vf=1");

	reg_write(a, ENDPOINT_MAGIC, 2);
	reg_write(b, ENDPOINT_MAGIC, 3);
	assert_int_equal(a->host->ops->reset(a->host, &a->op), PCG_DONE);
	assert_int_equal(reg(a, ENDPOINT_MAGIC), 0);
	assert_int_equal(reg(b, ENDPOINT_MAGIC), 3);
	assert_int_equal(a->requests + b->requests, 0);
}

static void pf_reset_takes_its_vfs(void **state)
{
	struct client *pf = rig_open(*state, 0, "endpoint-test,vfs=2" TOKEN);
	struct client *vf = rig_open(*state, 1, "endpoint-test,vfs=2,vf=0" TOKEN);

	assert_int_equal(pf->host->ops->reset(pf->host, &pf->op), PCG_DONE);
	assert_int_equal(vf->requests, 1);
	assert_true(vf->host->info.lost & PCG_FEATURE_LOST_FUNCTION);
	assert_int_equal(pf->requests, 0);
	/* It is there again, as the host had it, but nobody's: what its client had is lost, and blocked. */
	config_write(vf, PCG_COMMAND, 3, PCG_COMMAND_MASTER);
	restore(pf);
	assert_int_equal(begin(vf, ENDPOINT_WRITE, RAM_BASE, 64), FAILED);
	assert_false(touched(vf, 0, 64));
	assert_int_equal(fault(vf), PCG_FAULT_BLOCKED);
	assert_int_equal(vf->host->ops->reset(vf->host, &vf->op), PCG_DONE);
	assert_false(vf->host->info.lost & PCG_FEATURE_LOST_FUNCTION);
	config_write(vf, PCG_COMMAND, 3, PCG_COMMAND_MASTER);
	assert_int_equal(begin(vf, ENDPOINT_WRITE, RAM_BASE, 64), WROTE);
}

/* A reset of a VF that takes its time ends with the VF; without a word nobody would look again for as long as it took.
 */
static void a_vf_goes_in_the_middle_of_its_reset(void **state)
{
	struct client *pf = rig_open(*state, 0, "endpoint-test,vfs=2,flr=never" TOKEN);
	struct client *vf = rig_open(*state, 1, "endpoint-test,vfs=2,flr=never,vf=0" TOKEN);

	assert_int_equal(vf->host->ops->reset(vf->host, &vf->op), PCG_PENDING);
	vf->woken = false;
	assert_int_equal(pf->host->ops->reset(pf->host, &pf->op), PCG_PENDING);
	assert_true(vf->woken);
	vf->host->ops->work(vf->host);
	assert_int_equal(vf->done, 1);
	assert_int_equal(vf->result, -ENODEV);
}

static void disabled_vf_is_gone(void **state)
{
	struct client *pf = rig_open(*state, 0, "endpoint-test,vfs=2" TOKEN);
	struct client *vf = rig_open(*state, 1, "endpoint-test,vfs=2,vf=1" TOKEN);
	uint16_t sriov = find(pf, PCG_ECAP_SRIOV, true);

	config_write(pf, (uint16_t)(sriov + 8), 3, 0);
	assert_int_equal(vf->requests, 1);
	assert_true(vf->host->info.lost & PCG_FEATURE_LOST_FUNCTION);
	assert_int_equal(config(vf, PCG_COMMAND), UINT32_MAX);
	assert_int_equal(reg(vf, ENDPOINT_CAPS), UINT32_MAX);
	assert_int_equal(vf->host->ops->reset(vf->host, &vf->op), -ENODEV);
	assert_int_equal(reg(pf, ENDPOINT_MAGIC), 0);
}

static void detached_vf_shows_no_link(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,id=1234:5678,vfs=2,detached=on,vf=1");

	assert_false(c->host->info.is_vf);
	assert_false(c->host->info.no_command_memory);
	assert_int_equal(config(c, PCG_VENDOR), 0x56781234);
	assert_int_equal(config(c, PCG_COMMAND) & PCG_COMMAND_MEMORY, 0);
	assert_int_equal(begin(c, ENDPOINT_WRITE, RAM_BASE, 64), WROTE);
}

static void one_client_each(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host;

	rig_open(rig, 0, "endpoint-test,vfs=2,vf=1");
	assert_int_equal(sim_create_in(&host, "endpoint-test,vfs=2,vf=1", rig->pool, NULL), -EBUSY);
	client_close(&rig->clients[0]);
	memset(&rig->clients[0], 0, sizeof(rig->clients[0]));
	rig_open(rig, 0, "endpoint-test,vfs=2,vf=1");
}

/* --- PASIDs --- */

static void never_more_than_there_is(void **state)
{
	struct client *none = rig_open(*state, 0, "endpoint-test");
	struct client *some = rig_open(*state, 1, "endpoint-test,pasid=8:priv");
	struct client *vf = rig_open(*state, 2, PASID_EP ",vfs=2,vf=0");

	assert_int_equal(none->host->info.pasid.width, 0);
	assert_non_null(none->host->info.pasid.why);
	assert_int_equal(some->host->info.pasid.width, 8);
	assert_false(some->host->info.pasid.execute);
	assert_true(some->host->info.pasid.privileged);
	assert_int_equal(some->host->info.pasid.page_requests, 0);
	assert_int_equal(some->host->info.pasid.pasid_at, find(some, PCG_ECAP_PASID, true));
	assert_int_equal(vf->host->info.pasid.width, 20);
	assert_true(vf->host->info.pasid.execute);
	assert_true(vf->host->info.pasid.ats);
	assert_true(vf->host->info.pasid.pasid_at != 0);
	assert_int_equal(vf->host->info.pasid.page_requests, 16);
}

static void pasid_goes_through_its_space(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	uint32_t space;

	control(c, &all_on);
	space = space_of(c, 0xabcde);
	map(c, space, VIRTUAL, 16 * PAGE, PAGE, RW | PCG_SPACE_USER);
	assert_int_equal(begin_with(c, PRESENT | 0xabcde, 0, ENDPOINT_WRITE, VIRTUAL + 100, 10000), WROTE);
	assert_true(touched(c, PAGE + 100, 10000));
	assert_false(touched(c, 0, PAGE + 100));
	assert_int_equal(begin_with(c, PRESENT | 0xabcdf, 0, ENDPOINT_WRITE, VIRTUAL, 100), FAILED);
	assert_int_equal(reg(c, ENDPOINT_RESULT), TLP_UNSUPPORTED);
	assert_int_equal(fault(c), PCG_FAULT_PASID_UNKNOWN);
	assert_int_equal(begin_with(c, 0, 0, ENDPOINT_WRITE, RAM_BASE, 100), WROTE);
	assert_int_equal(fault(c), PCG_FAULT_NONE);
}

/* The endpoint does as it is told; the IOMMU does not. */
static void every_combination_is_judged(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);

	for (unsigned int bits = 0; bits < 32; bits++) {
		const struct pcg_pasid_control wish = { .pasid = (bits & 1) != 0,
							.execute = (bits & 2) != 0,
							.privileged = (bits & 4) != 0 };
		bool execute = (bits & 8) != 0, privileged = (bits & 16) != 0;
		enum pcg_fault_reason reason = PCG_FAULT_NONE;
		uint32_t space, status;

		control(c, &wish);
		space = space_of(c, 5);
		map(c, space, VIRTUAL, PAGE, 0, PCG_SPACE_READ | PCG_SPACE_EXECUTE | PCG_SPACE_USER);
		status = begin_with(c, PRESENT | 5,
				    (execute ? ENDPOINT_EXECUTE : 0) | (privileged ? ENDPOINT_PRIVILEGED : 0),
				    ENDPOINT_READ, VIRTUAL, 64);
		if (!wish.pasid)
			reason = PCG_FAULT_PASID_OFF;
		else if (execute && !wish.execute)
			reason = PCG_FAULT_EXECUTE_OFF;
		else if (privileged && !wish.privileged)
			reason = PCG_FAULT_PRIVILEGED_OFF;
		assert_int_equal(status, reason == PCG_FAULT_NONE ? READ_BACK : DENIED);
		assert_int_equal(fault(c), reason);
	}
}

static void one_vf_is_not_another(void **state)
{
	struct client *a = rig_open(*state, 0, PASID_EP ",vfs=2,vf=0");
	struct client *b = rig_open(*state, 1, PASID_EP ",vfs=2,vf=1");
	struct pcg_pasid_control off = all_on;

	off.execute = false;
	control(a, &all_on);
	control(b, &off);
	map(a, space_of(a, 9), VIRTUAL, PAGE, 0, PCG_SPACE_READ | PCG_SPACE_EXECUTE | PCG_SPACE_USER);
	map(b, space_of(b, 9), VIRTUAL, PAGE, 0, PCG_SPACE_READ | PCG_SPACE_EXECUTE | PCG_SPACE_USER);
	assert_int_equal(begin_with(a, PRESENT | 9, ENDPOINT_EXECUTE, ENDPOINT_READ, VIRTUAL, 64), READ_BACK);
	assert_int_equal(begin_with(b, PRESENT | 9, ENDPOINT_EXECUTE, ENDPOINT_READ, VIRTUAL, 64), DENIED);
	assert_int_equal(fault(a), PCG_FAULT_NONE);
	assert_int_equal(fault(b), PCG_FAULT_EXECUTE_OFF);
}

static void nothing_is_left_for_the_next(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);

	control(c, &all_on);
	map(c, space_of(c, 5), VIRTUAL, PAGE, 0, RW | PCG_SPACE_USER);
	assert_int_equal(c->host->ops->dma(c->host, NULL, NULL), PCG_DONE);
	assert_int_equal(c->host->ops->dma(c->host, c->dma, &c->op), PCG_DONE);
	control(c, &all_on);
	assert_int_equal(begin_with(c, PRESENT | 5, 0, ENDPOINT_WRITE, VIRTUAL, 64), FAILED);
	assert_int_equal(fault(c), PCG_FAULT_PASID_UNKNOWN);
}

/* --- translated requests --- */

static void translates_first(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	uint32_t space;

	control(c, &all_on);
	space = space_of(c, 5);
	map(c, space, VIRTUAL, PAGE, 8 * PAGE, RW | PCG_SPACE_USER);
	map(c, space, VIRTUAL + PAGE, PAGE, 2 * PAGE, RW | PCG_SPACE_USER);
	assert_int_equal(begin_with(c, PRESENT | 5, ENDPOINT_TRANSLATE, ENDPOINT_WRITE, VIRTUAL + 10, PAGE), WROTE);
	assert_true(touched(c, 8 * PAGE + 10, PAGE - 10));
	assert_true(touched(c, 2 * PAGE, 10));
	assert_false(touched(c, 9 * PAGE, PAGE));
	assert_int_equal(reg(c, ENDPOINT_ATC_ENTRIES), 2);
}

static void invalidated_translations_are_not_used(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	uint32_t space;

	control(c, &all_on);
	space = space_of(c, 5);
	map(c, space, VIRTUAL, PAGE, 0, RW | PCG_SPACE_USER);
	assert_int_equal(begin_with(c, PRESENT | 5, ENDPOINT_TRANSLATE, ENDPOINT_WRITE, VIRTUAL, 64), WROTE);
	assert_int_equal(reg(c, ENDPOINT_ATC_ENTRIES), 1);
	unmap_all(c, space);
	assert_int_equal(reg(c, ENDPOINT_ATC_ENTRIES), 0);
	memset(c->ram, 0, PAGE);
	assert_int_equal(begin_with(c, PRESENT | 5, ENDPOINT_TRANSLATE, ENDPOINT_WRITE, VIRTUAL, 64), FAILED);
	assert_int_equal(reg(c, ENDPOINT_RESULT), ENDPOINT_RESULT_MISS);
	assert_false(touched(c, 0, PAGE));
	assert_int_equal(fault(c), PCG_FAULT_NONE);
}

static void what_is_read_only_is_not_written(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);

	control(c, &all_on);
	map(c, space_of(c, 5), VIRTUAL, PAGE, 0, PCG_SPACE_READ | PCG_SPACE_USER);
	assert_int_equal(begin_with(c, PRESENT | 5, ENDPOINT_TRANSLATE, ENDPOINT_READ, VIRTUAL, 64), READ_BACK);
	assert_int_equal(reg(c, ENDPOINT_RESULT), TLP_SUCCESS);
	assert_int_equal(begin_with(c, PRESENT | 5, ENDPOINT_TRANSLATE, ENDPOINT_WRITE, VIRTUAL, 64), FAILED);
	assert_false(touched(c, 0, PAGE));
}

static void translations_take_ats(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	struct pcg_pasid_control off = all_on;

	off.ats = false;
	off.page_requests = false;
	control(c, &off);
	assert_int_equal(begin_with(c, 0, ENDPOINT_TRANSLATE, ENDPOINT_WRITE, RAM_BASE, 64), ENDPOINT_WRITE_FAIL);
	assert_int_equal(reg(c, ENDPOINT_RESULT), ENDPOINT_RESULT_OFF);
	control(c, &all_on);
	assert_int_equal(begin_with(c, 0, ENDPOINT_TRANSLATE, ENDPOINT_WRITE, RAM_BASE, 64), WROTE);
}

/* --- page requests --- */

#define ASKS (ENDPOINT_TRANSLATE | ENDPOINT_REQUEST_PAGE)

static void respond(struct client *c, const struct pcg_page_request *page, uint8_t code)
{
	const struct pcg_page_response response = { page->pasid, page->group, page->has_pasid, code };

	assert_int_equal(c->host->ops->page_response(c->host, &response), 0);
	run(c);
}

static void pages_are_asked_for(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	struct pcg_page_request page;
	uint32_t space;

	control(c, &all_on);
	space = space_of(c, 5);
	reg_write(c, ENDPOINT_PAGE_GROUP, 300);
	assert_int_equal(begin_with(c, PRESENT | 5, ASKS, ENDPOINT_WRITE, VIRTUAL + 77, 64), 0);
	assert_int_equal(c->recorded, 1);
	assert_int_equal(c->host->ops->page_request(c->host, &page), 0);
	assert_int_equal(page.address, VIRTUAL);
	assert_int_equal(page.pasid, 5);
	assert_int_equal(page.group, 300);
	assert_true(page.has_pasid && page.write && !page.read && page.last);
	map(c, space, VIRTUAL, PAGE, 0, RW | PCG_SPACE_USER);
	respond(c, &page, PCG_PAGE_SUCCESS);
	assert_int_equal(reg(c, ENDPOINT_STATUS), WROTE | ENDPOINT_IRQ_RAISED);
	assert_int_equal(reg(c, ENDPOINT_RESULT),
			 ENDPOINT_RESULT_MISS | ENDPOINT_RESULT_PAGE_ASKED | ENDPOINT_RESULT_PAGE_ANSWERED);
	assert_true(touched(c, 77, 64));
	assert_int_equal(reg(c, ENDPOINT_PAGE_GROUP), 301);
}

/* A page that is not there is asked for, and the client gets to know of it. */
static void asks_for_a_page(struct client *c, struct pcg_page_request *page)
{
	control(c, &all_on);
	space_of(c, 5);
	begin_with(c, PRESENT | 5, ASKS, ENDPOINT_READ, VIRTUAL, 64);
	assert_int_equal(c->host->ops->page_request(c->host, page), 0);
}

static void invalid_is_the_end(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	struct pcg_page_request page;

	asks_for_a_page(c, &page);
	respond(c, &page, PCG_PAGE_INVALID);
	assert_int_equal(reg(c, ENDPOINT_STATUS), DENIED | ENDPOINT_IRQ_RAISED);
	assert_int_equal(reg(c, ENDPOINT_RESULT) >> ENDPOINT_RESULT_CODE_SHIFT & 0xf, PCG_PAGE_INVALID);
	assert_int_equal(c->page_status, 0);
}

/* PCIe 6.0, 10.5.2.3: after Response Failure nothing more is asked. */
static void failure_stops_it(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	struct pcg_pasid_control again = all_on;
	struct pcg_page_request page;

	asks_for_a_page(c, &page);
	respond(c, &page, PCG_PAGE_FAILURE);
	assert_int_equal(c->page_status, 1);
	assert_int_equal(begin_with(c, PRESENT | 5, ASKS, ENDPOINT_READ, VIRTUAL, 64), DENIED);
	assert_int_equal(reg(c, ENDPOINT_RESULT), ENDPOINT_RESULT_MISS | ENDPOINT_RESULT_OFF);
	assert_int_equal(c->host->ops->page_request(c->host, &page), -ENOENT);
	again.page_requests = false;
	again.page_reset = true;
	control(c, &again);
	control(c, &all_on);
	begin_with(c, PRESENT | 5, ASKS, ENDPOINT_READ, VIRTUAL, 64);
	assert_int_equal(c->host->ops->page_request(c->host, &page), 0);
}

static void pages_that_never_come_are_given_up(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	struct pcg_page_request page;

	control(c, &all_on);
	space_of(c, 5);
	begin_with(c, PRESENT | 5, ASKS, ENDPOINT_READ, VIRTUAL, 64);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(c->host->ops->page_request(c->host, &page), 0);
		respond(c, &page, PCG_PAGE_SUCCESS);
	}
	assert_int_equal(c->host->ops->page_request(c->host, &page), -ENOENT);
	assert_int_equal(reg(c, ENDPOINT_STATUS), DENIED | ENDPOINT_IRQ_RAISED);
}

static void reset_forgets_what_was_asked(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	struct pcg_page_request page;

	asks_for_a_page(c, &page);
	assert_int_equal(c->host->ops->reset(c->host, &c->op), PCG_DONE);
	restore(c);
	run(c);
	assert_int_equal(reg(c, ENDPOINT_STATUS), 0);
	assert_int_equal(c->irqs, 0);
	assert_int_equal(begin_with(c, 0, 0, ENDPOINT_WRITE, RAM_BASE, 64), WROTE);
}

static void pages_take_page_request_enable(void **state)
{
	struct client *c = rig_open(*state, 0, PASID_EP);
	struct pcg_pasid_control off = all_on;

	off.page_requests = false;
	control(c, &off);
	space_of(c, 5);
	assert_int_equal(begin_with(c, PRESENT | 5, ASKS, ENDPOINT_READ, VIRTUAL, 64), DENIED);
	assert_int_equal(reg(c, ENDPOINT_RESULT), ENDPOINT_RESULT_MISS | ENDPOINT_RESULT_OFF);
}

/* --- resizable BARs --- */

static void bars_are_resized(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,bars=auto/-/1M:mem64:prefetch,rebar=2:1M/4M/64M");
	uint16_t rebar = find(c, PCG_ECAP_REBAR, true);

	assert_int_equal(config(c, (uint16_t)(rebar + 4)) >> 4, 1 | 1 << 2 | 1 << 6);
	assert_int_equal(config(c, (uint16_t)(rebar + 8)), 2 | 1 << 5);
	assert_int_equal(c->host->ops->resize(c->host, 2, 21, &c->op), -EINVAL);
	assert_int_equal(c->host->ops->resize(c->host, 0, 22, &c->op), -EINVAL);
	assert_int_equal(c->host->ops->resize(c->host, 2, 22, &c->op), PCG_DONE);
	assert_int_equal(c->host->info.bars[2].size, 4u << 20);
	assert_int_equal(c->host->info.regions[2].size, 4u << 20);
	assert_int_equal(lseek(c->host->info.regions[2].fd, 0, SEEK_END), 4u << 20);
	assert_int_equal(config(c, (uint16_t)(rebar + 8)), 2 | 1 << 5 | 2 << 8);
	config_write(c, PCG_BAR0 + 8, 15, UINT32_MAX);
	assert_int_equal(config(c, PCG_BAR0 + 8), 0xffc0000c);
}

/* PCIe 6.0, 7.8.6.3: what the capability does not list is not taken. */
static void sizes_by_configuration_space(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,bars=auto/-/1M:mem64:prefetch,rebar=2:1M/4M");
	uint16_t rebar = find(c, PCG_ECAP_REBAR, true);

	config_write(c, (uint16_t)(rebar + 8), 15, 1 << 8);
	assert_int_equal(config(c, (uint16_t)(rebar + 8)) >> 8, 0);
	config_write(c, (uint16_t)(rebar + 8), 15, 2 << 8);
	assert_int_equal(config(c, (uint16_t)(rebar + 8)) >> 8, 2);
	assert_int_equal(c->host->info.regions[2].size, 4u << 20);
}

static void on_resized(void *arg, unsigned int bar)
{
	((struct client *)arg)->resized = bar;
}

/* 7.8.6.3: the size at power-on. Who has been told another has to hear of it. */
static void sizes_go_with_the_link(void **state)
{
	struct client *c = rig_open(*state, 0, "endpoint-test,bars=auto/-/1M:mem64:prefetch,rebar=2:1M/4M");

	assert_int_equal(c->host->info.resizable[2], 1 | 1 << 2);
	assert_int_equal(c->host->ops->resize(c->host, 2, 22, &c->op), PCG_DONE);
	c->host->events.resized = on_resized;
	fabric_flr(leaf_function(leaf_of(c->host)), FABRIC_RESET_FLR);
	assert_int_equal(c->resized, 0);
	fabric_flr(leaf_function(leaf_of(c->host)), FABRIC_RESET_HOT);
	assert_int_equal(c->resized, 2);
	assert_int_equal(c->host->info.regions[2].size, 1u << 20);
	assert_int_equal(lseek(c->host->info.regions[2].fd, 0, SEEK_END), 1u << 20);
}

static void bad_options_are_refused(void **state)
{
	static const char *const bad[] = {
		"endpoint-test,pasid=0",
		"endpoint-test,pasid=21",
		"endpoint-test,pasid=20:root",
		"endpoint-test,pasid=20:",
		"endpoint-test,pri=4",
		"endpoint-test,pri=513,ats=on",
		"endpoint-test,ats=yes",
		"endpoint-test,vfs=1001",
		"endpoint-test,vfs=2,enabled=3",
		"endpoint-test,vfs=2,vf-bars=auto/1K",
		"endpoint-test,vfs=2,vf-bars=auto/256:io",
		"endpoint-test,vfs=2,vf-bars=-",
		"endpoint-test,vfs=2,vf-msix=2049",
		"endpoint-test,vfs=2,vf-msix=64,vf-bars=8K",
		"endpoint-test,vfs=2,vf=2",
		"endpoint-test,vf=0",
		"endpoint-test,rebar=3",
		"endpoint-test,rebar=4:1M/3M",
		"endpoint-test,rebar=4:2M",
		"endpoint-test,rebar=0:1M",
		"endpoint-test,rebar=4:1M/4G",
	};
	struct rig *rig = *state;
	struct pcg_host *host;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sim_create_in(&host, bad[i], rig->pool, NULL) >= 0)
			fail_msg("%s was taken", bad[i]);
		assert_null(host);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(payload_above_the_path_is_malformed),
		TEST(larger_paths_take_it),
		TEST(entries_are_masked_until_somebody_unmasks_them),
		TEST(nobody_writes_pending_bits),
		TEST(backdoor_reset_shows),
		TEST(bars_may_stand_anywhere),
		TEST(nothing_answers_during_a_reset),
		TEST(vf_looks_like_one),
		TEST(vf_works),
		TEST(vfs_have_memory_of_their_own),
		TEST(vf_reset_is_its_own),
		TEST(pf_reset_takes_its_vfs),
		TEST(a_vf_goes_in_the_middle_of_its_reset),
		TEST(disabled_vf_is_gone),
		TEST(detached_vf_shows_no_link),
		TEST(one_client_each),
		TEST(never_more_than_there_is),
		TEST(pasid_goes_through_its_space),
		TEST(every_combination_is_judged),
		TEST(one_vf_is_not_another),
		TEST(nothing_is_left_for_the_next),
		TEST(translates_first),
		TEST(invalidated_translations_are_not_used),
		TEST(what_is_read_only_is_not_written),
		TEST(translations_take_ats),
		TEST(pages_are_asked_for),
		TEST(invalid_is_the_end),
		TEST(failure_stops_it),
		TEST(pages_that_never_come_are_given_up),
		TEST(reset_forgets_what_was_asked),
		TEST(pages_take_page_request_enable),
		TEST(bars_are_resized),
		TEST(sizes_by_configuration_space),
		TEST(sizes_go_with_the_link),
		TEST(bad_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
