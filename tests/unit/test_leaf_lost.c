/* SPDX-License-Identifier: BSD-3-Clause */
/* What the client of a VF is told when its PF takes something away, or the VF itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pcigate/dma.h>

#include "host/sim/pool.h"

#define TOKEN    "token=00112233-4455-6677-8899-aabbccddeeff"
#define PHYSICAL "sim:endpoint-test,vfs=2,pasid=8,ats=on,pri=4," TOKEN

/* A function with a client that listens. */
struct side {
	struct pcg_host *host;
	struct pcg_dma *dma;
	unsigned int wanted_back; /* REQ */
	unsigned int recorded;
	unsigned int given_up;
};

struct rig {
	struct pcg_host_pool *pool;
	struct side pf;
	struct side vf[2];
};

static void on_irq(void *arg, enum pcg_irq_index index, unsigned int vector, bool level)
{
	(void)vector;
	(void)level;
	((struct side *)arg)->wanted_back += index == PCG_IRQ_REQ;
}

static void on_recorded(void *arg)
{
	((struct side *)arg)->recorded++;
}

static void on_wanted(void *arg)
{
	((struct side *)arg)->given_up++;
}

static void open_side(struct rig *rig, struct side *side, const char *func)
{
	const struct pcg_dma_limits limits = { .max_maps = 4, .max_files = 4, .page_size = 4096 };
	struct pcg_op op = { 0 };

	assert_int_equal(pcg_host_create_in(&side->host, func, rig->pool, NULL), 0);
	side->host->events.arg = side;
	side->host->events.irq = on_irq;
	side->host->events.recorded = on_recorded;
	side->host->events.wanted = on_wanted;
	assert_int_equal(pcg_dma_create(&side->dma, &limits, NULL, NULL), 0);
	assert_int_equal(side->host->ops->dma(side->host, side->dma, &op), PCG_DONE);
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(pcg_host_pool_create(&rig->pool), 0);
	open_side(rig, &rig->pf, PHYSICAL);
	open_side(rig, &rig->vf[0], PHYSICAL ",vf=0");
	open_side(rig, &rig->vf[1], PHYSICAL ",vf=1");
	*state = rig;
	return 0;
}

static void close_side(struct side *side)
{
	pcg_host_destroy(side->host);
	pcg_dma_destroy(side->dma);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	close_side(&rig->vf[1]);
	close_side(&rig->vf[0]);
	close_side(&rig->pf);
	pcg_host_pool_destroy(rig->pool);
	free(rig);
	return 0;
}

static void control(struct side *side, bool pasid, bool page_requests)
{
	const struct pcg_pasid_control wish = {
		.pasid = pasid, .ats = true, .page_requests = page_requests, .allocation = 4
	};
	struct pcg_op op = { 0 };

	assert_int_equal(side->host->ops->pasid(side->host, &wish, &op), PCG_DONE);
}

static void a_pf_that_never_had_it_on_takes_nothing(void **state)
{
	struct rig *rig = *state;

	control(&rig->pf, false, false);
	assert_int_equal(rig->vf[0].host->info.lost, 0);
	assert_int_equal(rig->vf[0].recorded, 0);
}

static void each_is_told_once(void **state)
{
	struct rig *rig = *state;

	control(&rig->pf, true, true);
	control(&rig->pf, false, true);
	control(&rig->pf, false, true);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig->vf[i].host->info.lost, PCG_FEATURE_LOST_PASID);
		assert_int_equal(rig->vf[i].recorded, 1);
	}
	control(&rig->pf, false, false);
	assert_int_equal(rig->vf[0].host->info.lost, PCG_FEATURE_LOST_PASID | PCG_FEATURE_LOST_PAGE_REQUESTS);
	control(&rig->pf, true, false);
	assert_int_equal(rig->vf[0].host->info.lost, PCG_FEATURE_LOST_PAGE_REQUESTS);
	assert_int_equal(rig->vf[0].wanted_back, 0);
	assert_int_equal(rig->pf.recorded, 0);
}

static void a_vf_takes_nothing_from_the_others(void **state)
{
	struct rig *rig = *state;

	control(&rig->vf[0], true, true);
	control(&rig->vf[0], false, false);
	assert_int_equal(rig->vf[1].host->info.lost, 0);
	assert_int_equal(rig->pf.host->info.lost, 0);
}

static void who_comes_later_finds_it_lost(void **state)
{
	struct rig *rig = *state;

	control(&rig->pf, true, false);
	control(&rig->pf, false, false);
	close_side(&rig->vf[0]);
	memset(&rig->vf[0], 0, sizeof(rig->vf[0]));
	open_side(rig, &rig->vf[0], PHYSICAL ",vf=0");
	assert_int_equal(rig->vf[0].host->info.lost, PCG_FEATURE_LOST_PASID);
}

static void a_pf_without_a_client_takes_nothing(void **state)
{
	struct rig *rig = *state;
	struct pcg_op op = { 0 };

	control(&rig->pf, true, false);
	control(&rig->pf, false, false);
	assert_int_equal(rig->pf.host->ops->dma(rig->pf.host, NULL, &op), PCG_DONE);
	assert_int_equal(rig->vf[0].host->info.lost, 0);
	assert_int_equal(rig->vf[0].recorded, 2);
	/* What is turned off after it left is no doing of its. */
	control(&rig->pf, false, false);
	assert_int_equal(rig->vf[0].host->info.lost, 0);
}

static void a_reset_of_the_pf(void **state)
{
	struct rig *rig = *state;
	struct pcg_op op = { 0 };

	assert_int_equal(rig->pf.host->ops->reset(rig->pf.host, &op), PCG_DONE);
	assert_int_equal(rig->vf[0].wanted_back, 1);
	assert_int_equal(rig->vf[0].recorded, 1);
	assert_int_equal(rig->vf[0].given_up, 0);
	assert_int_equal(rig->vf[0].host->info.lost, PCG_FEATURE_LOST_FUNCTION);
	/* The host has made them again. */
	assert_int_equal(rig->vf[0].host->ops->reset(rig->vf[0].host, &op), PCG_DONE);
	assert_int_equal(rig->vf[0].host->info.lost, 0);
	assert_int_equal(rig->vf[1].host->info.lost, PCG_FEATURE_LOST_FUNCTION);
}

static void a_reset_of_the_pf_while_nobody_has_the_vf(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host = rig->vf[0].host;
	struct pcg_op op = { 0 };

	assert_int_equal(host->ops->dma(host, NULL, &op), PCG_DONE);
	assert_int_equal(rig->pf.host->ops->reset(rig->pf.host, &op), PCG_DONE);
	assert_int_equal(host->ops->dma(host, rig->vf[0].dma, &op), PCG_DONE);
	assert_int_equal(host->info.lost, 0);
	/* Who had it still has to let it go. */
	assert_int_equal(rig->vf[1].host->ops->dma(rig->vf[1].host, rig->vf[1].dma, &op), PCG_DONE);
	assert_int_equal(rig->vf[1].host->info.lost, PCG_FEATURE_LOST_FUNCTION);
}

static void vfs_that_are_taken_away(void **state)
{
	struct rig *rig = *state;
	struct sim_fabric *fabric = sim_pool_next(rig->pool, NULL);
	struct pcg_op op = { 0 };
	uint32_t value = 0;

	assert_non_null(fabric);
	assert_int_equal(sim_fabric_set_vfs(fabric, fabric->physicals->f, 0), 0);
	for (int i = 0; i < 2; i++) {
		struct pcg_host *host = rig->vf[i].host;

		assert_int_equal(rig->vf[i].wanted_back, 1);
		assert_true(host->info.lost & PCG_FEATURE_LOST_FUNCTION);
		assert_int_equal(host->ops->config_read(host, 0, 15, &value, &op), PCG_DONE);
		assert_int_equal(value, UINT32_MAX);
		assert_int_equal(host->ops->reset(host, &op), -ENODEV);
	}
	assert_int_equal(rig->pf.wanted_back, 0);
	assert_int_equal(rig->pf.host->info.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pf_that_never_had_it_on_takes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(each_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_vf_takes_nothing_from_the_others, setup, teardown),
		cmocka_unit_test_setup_teardown(who_comes_later_finds_it_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pf_without_a_client_takes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_of_the_pf, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_of_the_pf_while_nobody_has_the_vf, setup, teardown),
		cmocka_unit_test_setup_teardown(vfs_that_are_taken_away, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
