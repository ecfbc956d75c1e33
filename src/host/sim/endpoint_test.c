/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "host/sim/endpoint_test.h"

#define DEVSTA_PENDING 0x0020u /* PCIe 6.0, 7.5.3.5: Transactions Pending */
#define PRI_CTRL       4u
#define PRI_STATUS     6u
#define PRI_ENABLE     0x0001u
#define PRI_STOPPED    0x0100u

static const struct fabric_function_ops function_ops;

static struct endpoint *of(struct fabric_function *f)
{
	return (void *)((char *)f - offsetof(struct endpoint, function));
}

struct endpoint *endpoint_of(struct fabric_function *f)
{
	return f != NULL && f->ops == &function_ops ? of(f) : NULL;
}

/* --- whose turn it is --- */

static void home_remove(struct endpoint *endpoint)
{
	struct endpoint **at;

	if (!endpoint->busy || endpoint->home == NULL)
		return;
	for (at = &endpoint->home->busy; *at != NULL; at = &(*at)->next_busy)
		if (*at == endpoint) {
			*at = endpoint->next_busy;
			break;
		}
	endpoint->busy = false;
}

void endpoint_wake(struct endpoint *endpoint)
{
	if (endpoint->sink.wake != NULL) {
		endpoint->sink.wake(endpoint->sink.arg);
		return;
	}
	if (endpoint->home == NULL)
		return;
	if (!endpoint->busy) {
		endpoint->next_busy = endpoint->home->busy;
		endpoint->home->busy = endpoint;
		endpoint->busy = true;
	}
	if (endpoint->home->wake != NULL)
		endpoint->home->wake(endpoint->home->arg);
}

void endpoint_listen(struct endpoint *endpoint, const struct endpoint_sink *sink)
{
	static const struct endpoint_sink nobody;

	home_remove(endpoint);
	endpoint->sink = sink != NULL ? *sink : nobody;
}

bool endpoint_work(struct endpoint *endpoint)
{
	endpoint_irq_work(endpoint);
	return endpoint_command_work(endpoint);
}

/* One a turn, and the next one next time: however many there are, a turn stays short. */
bool endpoint_home_work(struct endpoint_home *home)
{
	struct endpoint *endpoint = home->busy;
	struct endpoint **end = &home->busy;

	if (endpoint == NULL)
		return false;
	home_remove(endpoint);
	if (endpoint_work(endpoint) && !endpoint->busy) {
		while (*end != NULL)
			end = &(*end)->next_busy;
		*end = endpoint;
		endpoint->next_busy = NULL;
		endpoint->busy = true;
	}
	return home->busy != NULL;
}

/* --- what the fabric asks --- */

static void endpoint_destroy(struct fabric_function *f)
{
	struct endpoint *endpoint = of(f);

	if (endpoint->sink.gone != NULL)
		endpoint->sink.gone(endpoint->sink.arg);
	endpoint_command_drop(endpoint);
	home_remove(endpoint);
	endpoint_bars_destroy(endpoint);
	free(endpoint);
}

static void endpoint_refresh(struct fabric_function *f, uint16_t dword)
{
	const struct endpoint_transfer *t = &of(f)->transfer;
	uint16_t devsta = f->model.express + PCG_EXP_DEVSTA;
	bool enabled;

	if (dword == devsta / 4)
		model_set(&f->model, devsta, 2, DEVSTA_PENDING,
			  t->waiting && t->stage != ENDPOINT_ASKING ? DEVSTA_PENDING : 0);
	if (f->at.pri == 0 || dword != (f->at.pri + PRI_STATUS) / 4)
		return;
	/* PCIe 6.0, 10.5.2.3: stopped is disabled, and nothing outstanding. */
	enabled = (model_get(&f->model, f->at.pri + PRI_CTRL, 2) & PRI_ENABLE) != 0;
	model_set(&f->model, f->at.pri + PRI_STATUS, 2, PRI_STOPPED,
		  !enabled && t->stage != ENDPOINT_ASKING ? PRI_STOPPED : 0);
}

static void endpoint_written(struct fabric_function *f, uint16_t dword, uint8_t be, unsigned int actions)
{
	struct endpoint *endpoint = of(f);

	endpoint_rebar_written(endpoint, dword);
	/* 10.5.2.2: its Reset bit counts while it is disabled, and reads 0. */
	if (f->at.pri != 0 && dword == (f->at.pri + PRI_CTRL) / 4 && (be & 1) != 0 &&
	    (model_get(&f->model, f->at.pri + PRI_CTRL, 2) & PRI_ENABLE) == 0)
		endpoint_pages_reset(endpoint);
	if (f->model.msix != 0 && (dword == f->model.msix / 4 || (actions & (MODEL_COMMAND | MODEL_POWER)) != 0))
		endpoint_irq_unmasked(endpoint);
}

/* Pieces of the head of BAR 0 are registers. */
static size_t registers_part(unsigned int bar, uint64_t offset, size_t length)
{
	if (bar != 0 || offset >= ENDPOINT_REGISTERS_END)
		return 0;
	return length < ENDPOINT_REGISTERS_END - offset ? length : (size_t)(ENDPOINT_REGISTERS_END - offset);
}

static enum tlp_status endpoint_read(struct fabric_function *f, unsigned int bar, uint64_t offset, void *data,
				     size_t length)
{
	struct endpoint *endpoint = of(f);
	size_t n = registers_part(bar, offset, length);

	if (bar >= PCG_NUM_BARS)
		return TLP_UNSUPPORTED;
	if (n > 0)
		endpoint_registers_read(endpoint, offset, data, n);
	if (length > n)
		endpoint_bars_read(endpoint, bar, offset + n, (uint8_t *)data + n, length - n);
	return TLP_SUCCESS;
}

/* The table counts where nobody keeps another for the client; the pending bits cannot be written anywhere. */
static int write_table(struct endpoint *endpoint, uint64_t offset, const void *data, size_t length)
{
	uint8_t pending[ENDPOINT_MSIX_MAX / 8];
	int r;

	endpoint_irq_save(endpoint, pending);
	r = endpoint_bars_write(endpoint, 0, offset, data, length);
	endpoint_irq_restore(endpoint, pending);
	endpoint_irq_unmasked(endpoint);
	return r;
}

static int write_memory(struct endpoint *endpoint, unsigned int bar, uint64_t offset, const void *data, size_t length)
{
	if (bar == 0 && offset + length > ENDPOINT_MSIX_TABLE)
		return write_table(endpoint, offset, data, length);
	return endpoint_bars_write(endpoint, bar, offset, data, length);
}

static enum tlp_status endpoint_write(struct fabric_function *f, unsigned int bar, uint64_t offset, const void *data,
				      size_t length)
{
	struct endpoint *endpoint = of(f);
	size_t n = registers_part(bar, offset, length);

	if (bar >= PCG_NUM_BARS)
		return TLP_UNSUPPORTED;
	if (length > n && write_memory(endpoint, bar, offset + n, (const uint8_t *)data + n, length - n) != 0)
		return TLP_ABORTED;
	if (n > 0)
		endpoint_registers_write(endpoint, offset, data, n);
	return TLP_SUCCESS;
}

/* PCIe 6.0, 6.6.2: nothing of what was there may be seen afterwards, in memory neither. */
static void endpoint_reset(struct fabric_function *f, enum fabric_reset reset)
{
	struct endpoint *endpoint = of(f);

	endpoint_command_drop(endpoint);
	home_remove(endpoint);
	endpoint_atc_invalidate_all(&endpoint->atc);
	endpoint->page_failed = false;
	endpoint->unmasked = false;
	if (reset == FABRIC_RESET_HOT)
		endpoint_rebar_reset(endpoint);
	endpoint_bars_clear(endpoint);
	endpoint_registers_init(endpoint);
}

static void endpoint_take_message(struct fabric_function *f, const struct tlp *tlp)
{
	endpoint_message(of(f), tlp);
}

static void endpoint_alive(struct fabric_function *f)
{
	const struct endpoint_sink *sink = &of(f)->sink;

	if (sink->alive != NULL)
		sink->alive(sink->arg);
}

static int endpoint_virtual_function(struct fabric_function *pf, unsigned int number, struct fabric_function **vf);

static const struct fabric_function_ops function_ops = {
	.kind = "endpoint-test",
	.destroy = endpoint_destroy,
	.refresh = endpoint_refresh,
	.written = endpoint_written,
	.read = endpoint_read,
	.write = endpoint_write,
	.reset = endpoint_reset,
	.message = endpoint_take_message,
	.virtual_function = endpoint_virtual_function,
	.alive = endpoint_alive,
};

/* --- making --- */

static uint64_t endpoint_seed(void)
{
	struct timespec now;
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		seed = (uint64_t)now.tv_nsec;
	}
	return seed != 0 ? seed : 1; /* the generator never leaves 0 */
}

static struct endpoint *endpoint_new(const struct endpoint_options *options, struct endpoint_home *home,
				     const struct pcg_log *log)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (endpoint == NULL)
		return NULL;
	endpoint->options = *options;
	endpoint->home = home;
	if (log != NULL)
		endpoint->log = *log;
	endpoint->random = endpoint_seed();
	endpoint->function.faults.flr_never = options->flr_ms == ENDPOINT_FLR_NEVER;
	endpoint->function.faults.flr_ms = options->flr_ms == ENDPOINT_FLR_NEVER ? 0 : options->flr_ms;
	endpoint_bars_init(endpoint);
	endpoint_registers_init(endpoint);
	return endpoint;
}

static int endpoint_sriov_init(struct fabric_function *f, const struct endpoint_options *options)
{
	struct fabric_sriov_options sriov;
	int r;

	if (options->vfs == 0)
		return 0;
	endpoint_sriov(&sriov, options);
	r = fabric_sriov_init(f, &sriov);
	if (r != 0)
		fabric_function_destroy(f);
	return r;
}

int endpoint_make(struct fabric_function **f, struct fabric *fabric, struct fabric_bus *bus, uint16_t devfn,
		  const struct endpoint_options *options, struct endpoint_home *home, const struct pcg_log *log)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	const struct fabric_facts facts = {
		.config = config,
		.bars = options->bars,
		.no_memory_bit = options->no_memory_bit,
	};
	struct endpoint *endpoint = endpoint_new(options, home, log);
	int r;

	*f = NULL;
	if (endpoint == NULL)
		return -ENOMEM;
	endpoint_config_build(config, options);
	r = fabric_function_init(&endpoint->function, fabric, &function_ops, bus, devfn, &facts);
	if (r != 0) {
		free(endpoint);
		return r;
	}
	endpoint_rebar_init(endpoint);
	r = endpoint_sriov_init(&endpoint->function, options);
	if (r == 0)
		*f = &endpoint->function;
	return r;
}

/* --- VFs --- */

void endpoint_vectors(struct fabric_function *pf, uint32_t (*of_vf)(void *arg, unsigned int number), void *arg)
{
	of(pf)->vectors = of_vf;
	of(pf)->vectors_arg = arg;
}

uint32_t endpoint_vf_most(const struct endpoint_options *options)
{
	uint64_t table = options->vf_bars[0].size - ENDPOINT_MSIX_TABLE - ENDPOINT_PAGE;

	/* The table stands between the registers' page and the PBA's. */
	if (options->vf_bars[0].size < ENDPOINT_MSIX_TABLE + 2 * (uint64_t)ENDPOINT_PAGE)
		return 0;
	return table / 16 < ENDPOINT_MSIX_MAX ? (uint32_t)(table / 16) : ENDPOINT_MSIX_MAX;
}

void endpoint_sriov(struct fabric_sriov_options *sriov, const struct endpoint_options *options)
{
	*sriov = (struct fabric_sriov_options){
		.total = options->vfs,
		.offset = 1,
		.stride = 1,
		.device = options->vf_device,
	};
	memcpy(sriov->bars, options->vf_bars, sizeof(sriov->bars));
}

/* What a VF is of its PF: ids, sizes and permissions are the PF's, interrupts and memory its own. */
static void virtual_options(struct endpoint_options *options, struct endpoint *pf, unsigned int number)
{
	uint32_t vectors = pf->vectors != NULL ? pf->vectors(pf->vectors_arg, number) : pf->options.vf_msix;
	uint32_t most = endpoint_vf_most(&pf->options);

	*options = pf->options;
	options->device = options->vf_device;
	options->msi = 0;
	options->msix = vectors < most ? vectors : most;
	options->intx = false;
	options->vfs = 0;
	options->rebar = 0;
	memcpy(options->bars, pf->options.vf_bars, sizeof(options->bars));
}

static int endpoint_virtual_function(struct fabric_function *pf, unsigned int number, struct fabric_function **vf)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	struct endpoint_options options;
	const struct fabric_facts facts = {
		.config = config, .bars = options.bars, .is_vf = true, .no_memory_bit = true
	};
	struct endpoint *endpoint;
	int r;

	*vf = NULL;
	virtual_options(&options, of(pf), number);
	endpoint = endpoint_new(&options, of(pf)->home, &of(pf)->log);
	if (endpoint == NULL)
		return -ENOMEM;
	endpoint_config_build_vf(config, &options);
	r = fabric_function_init(&endpoint->function, pf->fabric, &function_ops, NULL, 0, &facts);
	if (r != 0) {
		free(endpoint);
		return r;
	}
	*vf = &endpoint->function;
	return 0;
}
