/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions of one fabric in several hands: who shares, who is refused, what one meets of the others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/sim/pool.h"
#include "host/sim/sriov_sim.h"
#include "host/sim/vectors.h"
#include "machine/vfs.h"

#define TOKEN_A "11111111-2222-3333-4444-555555555555"
#define TOKEN_B "11111111-2222-3333-4444-555555555556"

static char noted[1024];

static void note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	if (n->level == PCG_ERROR || n->level == PCG_WARN)
		snprintf(noted, sizeof(noted), "%s", n->text);
}

static const struct pcg_log hook = { .write = note };

struct rig {
	struct pcg_host_pool *pool;
	char file[64];
	char func[256];
};

static int setup(void **state)
{
	static const char text[] = "root-port rp1\n"
				   "endpoint-test nic below=rp1 msix=8 vfs=4 enabled=3 vf-msix=4 vf-msix-pool=20\n"
				   "root-port rp2\n"
				   "endpoint-test disk below=rp2\n";
	struct rig *rig = calloc(1, sizeof(*rig));
	int fd;

	assert_non_null(rig);
	strcpy(rig->file, "/tmp/test_sim_pool.XXXXXX");
	fd = mkstemp(rig->file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(pcg_host_pool_create(&rig->pool), 0);
	noted[0] = '\0';
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	pcg_host_pool_destroy(rig->pool);
	unlink(rig->file);
	free(rig);
	return 0;
}

static int try(struct rig *rig, struct pcg_host **host, const char *at)
{
	snprintf(rig->func, sizeof(rig->func), "sim:fabric,file=%s%s%s", rig->file, at[0] != '\0' ? ",at=" : "", at);
	return pcg_host_create_in(host, rig->func, rig->pool, &hook);
}

static struct pcg_host *opened(struct rig *rig, const char *at)
{
	struct pcg_host *host;

	if (try(rig, &host, at) != 0)
		fail_msg("%s: %s", at, noted);
	return host;
}

static void refused(struct rig *rig, const char *at, int error, const char *word)
{
	struct pcg_host *host;

	noted[0] = '\0';
	assert_int_equal(try(rig, &host, at), error);
	assert_null(host);
	if (strstr(noted, word) == NULL)
		fail_msg("\"%s\" has no \"%s\"", noted, word);
}

static uint32_t config(struct pcg_host *host, uint16_t dword)
{
	uint32_t value = 0;

	assert_int_equal(host->ops->config_read(host, dword, 15, &value, NULL), PCG_DONE);
	return value;
}

static struct sim_fabric *fabric_of(struct rig *rig)
{
	struct sim_fabric *shared = sim_pool_next(rig->pool, NULL);

	assert_non_null(shared);
	return shared;
}

static void command(struct pcg_host *host, const char *line)
{
	char answer[256];

	if (host->ops->control(host, line, answer, sizeof(answer)) != 0)
		fail_msg("%s: %s", line, answer);
}

/* --- names --- */

static void test_functions_by_name_and_address(void **state)
{
	struct rig *rig = *state;
	static const char *const names[] = { "nic", "nic.vf2", "disk", "01:00.0", "0000:01:00.3", "02:00.0" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		pcg_host_destroy(opened(rig, names[i]));
}

static void test_names_that_are_none(void **state)
{
	struct rig *rig = *state;

	refused(rig, "nik", -ENOENT, "nic, nic.vf0 to 2, disk");
	refused(rig, "rp1", -ENOENT, "port");
	refused(rig, "nic.vf3", -ENOENT, "3 VFs are enabled");
	refused(rig, "nic.vf-1", -ENOENT, "no VF");
	refused(rig, "nic.vf", -ENOENT, "no VF");
	refused(rig, "disk.vf0", -ENOENT, "vfs=N");
	refused(rig, "03:00.0", -ENOENT, "03:00.0");
	refused(rig, "00:00.0", -ENOENT, "port");
	refused(rig, "0001:01:00.0", -ENOENT, "nothing is at");
	refused(rig, "1:2:3:4", -ENOENT, "nothing is named");
	refused(rig, "", -ENOENT, "at=NAME");
}

static void test_file_that_is_not_there(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host;

	assert_int_equal(pcg_host_create_in(&host, "sim:fabric,file=/nowhere", rig->pool, &hook), -ENOENT);
	assert_non_null(strstr(noted, "/nowhere"));
	assert_int_equal(pcg_host_create_in(&host, "sim:fabric,at=nic", rig->pool, &hook), -EINVAL);
	assert_non_null(strstr(noted, "file=FILE"));
}

/* --- sharing --- */

static void test_one_function_one_client(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host = opened(rig, "disk");

	refused(rig, "disk", -EBUSY, "disk is open");
	refused(rig, "02:00.0", -EBUSY, "disk is open");
	pcg_host_destroy(host);
	pcg_host_destroy(opened(rig, "disk"));
}

static void test_same_file_same_fabric(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *disk = opened(rig, "disk"), *vf = opened(rig, "nic.vf1");

	assert_null(sim_pool_next(rig->pool, fabric_of(rig)));
	pcg_host_destroy(disk);
	pcg_host_destroy(vf);
	/* It stays as it is for the next. */
	assert_non_null(sim_pool_next(rig->pool, NULL));
}

static void test_equal_text_but_for_vf(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf[2], *pf;

	assert_int_equal(
		pcg_host_create_in(&vf[0], "sim:endpoint-test,vfs=2,vf=0,msix=4,token=" TOKEN_A, rig->pool, &hook), 0);
	assert_int_equal(
		pcg_host_create_in(&vf[1], "sim:endpoint-test,vfs=2,msix=4,vf=1,token=" TOKEN_A, rig->pool, &hook), 0);
	assert_int_equal(pcg_host_create_in(&pf, "sim:endpoint-test,vfs=2,msix=4,token=" TOKEN_A, rig->pool, &hook), 0);
	assert_null(sim_pool_next(rig->pool, fabric_of(rig)));
	assert_true(vf[0]->info.is_vf);
	assert_false(pf->info.is_vf);
	pcg_host_destroy(vf[0]);
	pcg_host_destroy(pf);
	pcg_host_destroy(vf[1]);
}

static void test_without_vfs_each_is_its_own(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *a, *b;

	assert_int_equal(pcg_host_create_in(&a, "sim:endpoint-test", rig->pool, &hook), 0);
	assert_int_equal(pcg_host_create_in(&b, "sim:endpoint-test", rig->pool, &hook), 0);
	assert_null(sim_pool_next(rig->pool, NULL));
	pcg_host_destroy(a);
	pcg_host_destroy(b);
}

static void test_vf_of_no_pf(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host;

	assert_int_equal(pcg_host_create_in(&host, "sim:endpoint-test,vf=0", rig->pool, &hook), -EINVAL);
	assert_non_null(strstr(noted, "vfs=N"));
	assert_int_equal(pcg_host_create_in(&host, "sim:endpoint-test,vfs=2,vf=2", rig->pool, &hook), -ENOENT);
	assert_non_null(strstr(noted, "endpoint.vf0 to 1"));
}

static void test_alone_without_a_pool(void **state)
{
	struct pcg_host *host;

	(void)state;
	assert_int_equal(pcg_host_create(&host, "sim:endpoint-test,vfs=2,vf=1", &hook), 0);
	assert_int_equal(config(host, 0), UINT32_MAX);
	pcg_host_destroy(host);
}

/* --- tokens --- */

static void test_pf_beside_vfs_takes_a_token(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf0,token=" TOKEN_A), *pf, *other;

	refused(rig, "nic", -EACCES, "same token=");
	refused(rig, "nic,token=" TOKEN_B, -EACCES, "same token=");
	pf = opened(rig, "nic,token=" TOKEN_A);
	refused(rig, "nic.vf1", -EACCES, "same token=");
	refused(rig, "nic.vf1,token=" TOKEN_B, -EACCES, "same token=");
	other = opened(rig, "nic.vf1,token=" TOKEN_A);
	pcg_host_destroy(other);
	pcg_host_destroy(pf);
	/* As long as one is out, the secret stays the same. */
	refused(rig, "nic.vf1,token=" TOKEN_B, -EACCES, "same token=");
	pcg_host_destroy(vf);
	pcg_host_destroy(opened(rig, "nic.vf1,token=" TOKEN_B));
}

static void test_pf_without_a_token_is_alone(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *pf = opened(rig, "nic");

	refused(rig, "nic.vf0", -EACCES, "nobody was told");
	refused(rig, "nic.vf0,token=00000000-0000-0000-0000-000000000000", -EACCES, "nobody was told");
	pcg_host_destroy(pf);
	pcg_host_destroy(opened(rig, "nic.vf0"));
}

static void test_vfs_without_a_token_keep_the_pf_out(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf0");

	refused(rig, "nic,token=" TOKEN_A, -EACCES, "without a VF token");
	refused(rig, "nic.vf1,token=" TOKEN_A, -EINVAL, "without a VF token");
	pcg_host_destroy(opened(rig, "nic.vf1"));
	pcg_host_destroy(vf);
}

static void test_token_that_is_of_no_use(void **state)
{
	struct rig *rig = *state;

	refused(rig, "disk,token=" TOKEN_A, -EINVAL, "no VFs");
	refused(rig, "nic,token=12345", -EINVAL, "UUID");
	refused(rig, "nic,token=" TOKEN_A "0", -EINVAL, "UUID");
}

/* --- VFs and their vectors --- */

static unsigned int table_size(struct pcg_host *host)
{
	uint16_t at = (uint16_t)(config(host, PCG_CAPABILITIES / 4) & 0xfc);

	for (unsigned int i = 0; at != 0 && i < 48; i++) {
		uint32_t header = config(host, at / 4);

		if ((header & 0xff) == PCG_CAP_MSIX)
			return (header >> 16 & PCG_MSIX_SIZE) + 1;
		at = header >> 8 & 0xfc;
	}
	return 0;
}

static struct pcg_dma *client_comes(struct pcg_host *host)
{
	static const struct pcg_dma_limits limits = { .max_maps = 1, .page_size = 4096 };
	struct pcg_dma *dma;

	assert_int_equal(pcg_dma_create(&dma, &limits, NULL, NULL), 0);
	assert_int_equal(host->ops->dma(host, dma, NULL), 0);
	return dma;
}

static void client_goes(struct pcg_host *host, struct pcg_dma *dma)
{
	assert_int_equal(host->ops->dma(host, NULL, NULL), 0);
	pcg_dma_destroy(dma);
}

/* Open all the time, as a server has it: who comes next finds the table of today. */
static void test_vectors_change_between_clients(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf1");
	struct sim_fabric *shared = fabric_of(rig);
	struct pcg_dma *dma = client_comes(vf);

	assert_int_equal(sim_fabric_set_vectors(shared, sim_fabric_function(shared, "nic.vf1", &hook), 6), -EBUSY);
	assert_int_equal(table_size(vf), 4);
	client_goes(vf, dma);
	assert_int_equal(sim_fabric_set_vectors(shared, sim_fabric_function(shared, "nic.vf1", &hook), 6), 0);
	assert_int_equal(table_size(vf), 6);
	assert_ptr_equal(sim_fabric_seat(shared, sim_fabric_function(shared, "nic.vf1", &hook)), vf);
	assert_true(vf->info.resizes);
	assert_int_equal(vf->info.lost, 0);
	dma = client_comes(vf);
	assert_int_equal(sim_fabric_set_vectors(shared, sim_fabric_function(shared, "nic.vf1", &hook), 0), -EBUSY);
	client_goes(vf, dma);
	pcg_host_destroy(vf);
}

/* A reset takes the memory away, and one that failed does not give it back: it is the client's all the same. */
static void test_vectors_stay_while_a_reset_failed(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf1");
	struct sim_fabric *shared = fabric_of(rig);
	struct pcg_dma *dma = client_comes(vf);
	struct pcg_op op = { .done = NULL };

	assert_int_equal(vf->ops->dma(vf, NULL, &op), PCG_DONE);
	assert_int_equal(sim_fabric_set_vectors(shared, sim_fabric_function(shared, "nic.vf1", &hook), 6), -EBUSY);
	client_goes(vf, dma);
	assert_int_equal(sim_fabric_set_vectors(shared, sim_fabric_function(shared, "nic.vf1", &hook), 6), 0);
	pcg_host_destroy(vf);
}

static void take_descriptor(void *arg, unsigned int bar)
{
	struct pcg_host *host = arg;

	assert_true(bar < PCG_NUM_BARS);
	host->info.unplaced |= (uint8_t)(1u << bar);
}

/* Those of the function that ended are somebody else's by then. */
static void test_vectors_that_change_change_descriptors(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf1");
	struct sim_fabric *shared = fabric_of(rig);

	vf->events = (struct pcg_host_events){ .arg = vf, .resized = take_descriptor };
	assert_true(vf->info.regions[1].fd >= 0);
	assert_int_equal(sim_fabric_set_vectors(shared, sim_fabric_function(shared, "nic.vf1", &hook), 6), 0);
	assert_int_equal(vf->info.unplaced & 2, 2);
	pcg_host_destroy(vf);
}

static void test_vectors_change_between_openings(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf1");
	struct sim_fabric *shared = fabric_of(rig);
	struct fabric_function *f = sim_fabric_function(shared, "nic.vf1", &hook);

	assert_int_equal(table_size(vf), 4);
	pcg_host_destroy(vf);
	assert_int_equal(sim_fabric_set_vectors(shared, f, 6), 0);
	vf = opened(rig, "nic.vf1");
	assert_int_equal(table_size(vf), 6);
	pcg_host_destroy(vf);
	f = sim_fabric_function(shared, "nic.vf1", &hook);
	assert_int_equal(sim_fabric_set_vectors(shared, f, 0), 0);
	vf = opened(rig, "nic.vf1");
	assert_int_equal(table_size(vf), 4);
	pcg_host_destroy(vf);
	assert_int_equal(sim_fabric_set_vectors(shared, sim_fabric_function(shared, "nic", &hook), 2), -ENOTTY);
}

static void test_the_pool_is_bounded(void **state)
{
	static const struct vectors_facts facts = { .vfs = 4, .pool = 20, .each = 4, .most = 12 };
	static const struct vectors_facts small = { .vfs = 4, .pool = 15, .each = 4, .most = 12 };
	static const struct vectors_facts none = { .vfs = 4, .each = 4, .most = 12 };
	struct vectors *v;

	(void)state;
	assert_int_equal(vectors_create(&v, &small), -EINVAL);
	assert_int_equal(vectors_create(&v, &facts), 0);
	assert_int_equal(vectors_left(v), 4);
	assert_int_equal(vectors_set(v, 0, 13), -EOVERFLOW);
	assert_int_equal(vectors_set(v, 0, 9), -ENOSPC);
	assert_int_equal(vectors_set(v, 4, 1), -ENOENT);
	assert_int_equal(vectors_set(v, 0, 8), 0);
	assert_int_equal(vectors_left(v), 0);
	assert_int_equal(vectors_set(v, 1, 1), 0);
	assert_int_equal(vectors_set(v, 2, 7), 0);
	assert_int_equal(vectors_set(v, 1, 0), -ENOSPC);
	assert_int_equal(vectors_of(v, 1), 1);
	vectors_destroy(v);
	assert_int_equal(vectors_create(&v, &none), 0);
	assert_int_equal(vectors_set(v, 0, 2), -EOPNOTSUPP);
	vectors_destroy(v);
}

static void test_pool_that_is_too_small(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host;

	assert_int_equal(
		pcg_host_create_in(&host, "sim:endpoint-test,vfs=4,vf-msix=8,vf-msix-pool=20", rig->pool, &hook),
		-EINVAL);
	assert_non_null(strstr(noted, "a pool of 20"));
	assert_null(sim_pool_next(rig->pool, NULL));
}

/* --- a fabric as whoever asks for VFs sees it --- */

static void test_sriov_shows_pfs_and_vfs(void **state)
{
	struct rig *rig = *state;
	struct sriov_sim sim;
	struct sriov_pf pf;
	struct sriov_vf vf;
	struct pcg_host *host = opened(rig, "nic.vf1");

	sriov_sim_init(&sim, rig->pool);
	assert_int_equal(vfs_pf(&sim.sriov, "nic", &pf, &hook), 0);
	assert_string_equal(pf.bdf, "0000:01:00.0");
	assert_int_equal(pf.total, 4);
	assert_int_equal(pf.count, 3);
	assert_int_equal(pf.pool, 20);
	assert_int_equal(sim.sriov.ops->vf_of(&sim.sriov, pf.bdf, 1, &vf), 0);
	assert_string_equal(vf.pf, "0000:01:00.0");
	assert_int_equal(vf.number, 1);
	assert_int_equal(vf.msix, 4);
	assert_int_equal(sim.sriov.ops->holder(&sim.sriov, vf.bdf), getpid());
	assert_int_equal(sim.sriov.ops->vf_of(&sim.sriov, pf.bdf, 3, &vf), -ENOENT);
	assert_int_equal(vfs_pf(&sim.sriov, "disk", &pf, &hook), -ENOTTY);
	assert_int_equal(vfs_pf(&sim.sriov, "0000:07:00.0", &pf, &hook), -ENODEV);
	pcg_host_destroy(host);
}

static void test_sriov_changes_counts(void **state)
{
	struct rig *rig = *state;
	struct sriov_sim sim;
	struct sriov_pf pf;
	struct pcg_host *host = opened(rig, "nic.vf1");

	sriov_sim_init(&sim, rig->pool);
	assert_int_equal(vfs_create(&sim.sriov, "nic", 1, VFS_PROBE_AS_IS, &pf, &hook), -EBUSY);
	pcg_host_destroy(host);
	assert_int_equal(vfs_create(&sim.sriov, "nic", 4, VFS_PROBE_AS_IS, &pf, &hook), 0);
	assert_int_equal(pf.count, 4);
	pcg_host_destroy(opened(rig, "nic.vf3"));
	assert_int_equal(vfs_create(&sim.sriov, "nic", 5, VFS_PROBE_AS_IS, &pf, &hook), -ERANGE);
	assert_int_equal(vfs_create(&sim.sriov, "nic", 0, VFS_PROBE_AS_IS, &pf, &hook), 0);
	refused(rig, "nic.vf0", -ENOENT, "0 VFs are enabled");
}

static void test_sriov_changes_vectors(void **state)
{
	struct rig *rig = *state;
	struct sriov_sim sim;
	struct sriov_vf vf;
	struct pcg_host *host;
	struct pcg_dma *dma;

	pcg_host_destroy(opened(rig, "disk"));
	sriov_sim_init(&sim, rig->pool);
	assert_int_equal(vfs_msix(&sim.sriov, "nic.vf2", 7, &vf, &hook), 0);
	assert_int_equal(vf.msix, 7);
	assert_int_equal(vfs_msix(&sim.sriov, "nic.vf1", 7, &vf, &hook), -ENOSPC);
	assert_non_null(strstr(noted, "share 20"));
	assert_int_equal(vfs_msix(&sim.sriov, "nic", 7, &vf, &hook), -ENOTTY);
	host = opened(rig, "nic.vf2");
	assert_int_equal(table_size(host), 7);
	dma = client_comes(host);
	assert_int_equal(vfs_msix(&sim.sriov, "nic.vf2", 2, &vf, &hook), -EBUSY);
	client_goes(host, dma);
	pcg_host_destroy(host);
}

/* --- resets and errors --- */

static int reset(struct pcg_host *host)
{
	int r = host->ops->reset(host, NULL);

	assert_int_not_equal(r, PCG_PENDING);
	return r;
}

static void test_vfs_come_back_after_the_pfs_reset(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf0,token=" TOKEN_A), *pf = opened(rig, "nic,token=" TOKEN_A);
	struct fabric_function *f = sim_fabric_function(fabric_of(rig), "nic", &hook);
	uint8_t byte;

	assert_int_equal(reset(pf), 0);
	assert_int_equal(f->nvirtuals, 3);
	assert_int_equal(reset(vf), 0);
	assert_int_equal(fabric_function_read(f->virtuals[0], 0, 0, &byte, 1), TLP_SUCCESS);
	pcg_host_destroy(vf);
	pcg_host_destroy(pf);
}

/* As many VFs as there can be come in one answer. */
static void test_all_vfs_are_listed(void **state)
{
	static char answer[65536];
	struct rig *rig = *state;
	struct pcg_host *host;

	assert_int_equal(pcg_host_create_in(&host, "sim:endpoint-test,vfs=1000,vf=3", rig->pool, &hook), 0);
	assert_int_equal(host->ops->control(host, "vfs endpoint", answer, sizeof(answer)), 0);
	assert_non_null(strstr(answer, " number=3 msix=8 holder="));
	assert_non_null(strstr(answer, " number=999 "));
	pcg_host_destroy(host);
}

/* A reset that nobody was told of takes the VF BARs along: VFs that are made again stand where they stood. */
static void test_vfs_that_are_made_again_stand_where_they_stood(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *disk = opened(rig, "disk");
	struct fabric_function *f = sim_fabric_function(fabric_of(rig), "nic", &hook);
	uint64_t before = 0, after = 0;

	assert_true(fabric_sriov_bar(f, 1, 0, &before));
	command(disk, "reset nic");
	assert_int_equal(f->nvirtuals, 0);
	command(disk, "vfs nic 3");
	assert_true(fabric_sriov_bar(f, 1, 0, &after));
	assert_int_equal(after, before);
	pcg_host_destroy(disk);
}

/* Without ARI, which whoever has the PF unmediated can turn off, VFs stand elsewhere, and others where they stood. */
static void test_a_vf_that_was_moved_is_gone(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf0,token=" TOKEN_A), *pf = opened(rig, "nic,token=" TOKEN_A);
	struct fabric_function *f = sim_fabric_function(fabric_of(rig), "nic", &hook);
	uint16_t control = (uint16_t)((f->at.sriov + 8u) / 4u), count = (uint16_t)((f->at.sriov + 16u) / 4u);
	struct pcg_dma *dma = client_comes(vf);
	uint32_t value = 0;

	pf->ops->config_write(pf, control, 3, 0, NULL);
	pf->ops->config_write(pf, count, 3, 3, NULL);
	pf->ops->config_write(pf, control, 3, 9, NULL);
	assert_int_equal(f->nvirtuals, 3);
	assert_int_not_equal(fabric_bdf(f->virtuals[0]), TLP_BDF(1, 1));
	assert_int_equal(config(vf, 1), UINT32_MAX);
	/* What it would send by its registers would be sent in the name of who stands there: 02:00.0 is disk. */
	assert_int_equal(fabric_function_read(f->virtuals[0], 0, 0x30, &value, 4), TLP_SUCCESS);
	assert_int_not_equal(value, UINT32_MAX);
	assert_int_equal(vf->ops->region_read(vf, 0, 0x30, &value, 4, NULL), PCG_DONE);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(reset(vf), -ENODEV);
	assert_int_equal(vf->info.lost, PCG_FEATURE_LOST_FUNCTION);
	/* The host sets it up as it was. */
	assert_int_equal(reset(pf), 0);
	assert_int_equal(reset(vf), 0);
	assert_int_equal(vf->info.lost, 0);
	assert_int_not_equal(config(vf, 1), UINT32_MAX);
	client_goes(vf, dma);
	pcg_host_destroy(vf);
	pcg_host_destroy(pf);
}

/* Its ports have no bus numbers any more: who writes to bus 0 for want of one writes to somebody else's port. */
static void test_a_switch_that_is_put_back_concerns_nobody_else(void **state)
{
	static const char text[] = "root-port a\nendpoint-test x below=a\n"
				   "root-port b slot=1\nswitch sw below=b\nendpoint-test y below=sw.0\n";
	struct rig *rig = *state;
	FILE *file = fopen(rig->file, "we");
	struct pcg_host *x;
	char answer[256];
	uint32_t before;

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
	x = opened(rig, "x");
	before = config(x, PCG_VENDOR / 4);
	assert_int_equal(x->ops->control(x, "remove sw", answer, sizeof(answer)), 0);
	assert_int_equal(x->ops->control(x, "insert sw", answer, sizeof(answer)), 0);
	assert_int_equal(config(x, PCG_VENDOR / 4), before);
	assert_int_equal(fabric_find(fabric_of(rig)->fabric, 0)->model.value[1] & 6, 6);
	pcg_host_destroy(x);
}

/* Numbers, windows, settings: all that the host's firmware had given it. */
static void is_set_up_as(struct rig *rig, const char *name, const uint32_t *before)
{
	const struct fabric_function *f = fabric_find_name(fabric_of(rig)->fabric, name);

	for (uint32_t i = 0; i < PCG_CONFIG_DWORDS; i++)
		if (f->model.value[i] != before[i])
			fail_msg("%s: 0x%x is %08x, and was %08x", name, 4 * i, f->model.value[i], before[i]);
}

static void test_what_is_below_a_switch_comes_back_with_it(void **state)
{
	static const char text[] = "root-port a\nendpoint-test x below=a\nroot-port b slot=1\nswitch sw below=b\n"
				   "switch in below=sw.1\nendpoint-test y below=in.1 vfs=4 enabled=2 acs=on\n"
				   "endpoint-test z below=sw.0\n";
	static const char *const names[] = { "a", "x", "b", "sw", "sw.0", "sw.1", "in", "in.0", "in.1" };
	static uint32_t before[sizeof(names) / sizeof(names[0])][PCG_CONFIG_DWORDS];
	struct rig *rig = *state;
	FILE *file = fopen(rig->file, "we");
	struct pcg_host *x, *y, *vf;
	struct fabric_function *f;
	uint32_t byte, devctl, bar[2];

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
	x = opened(rig, "x");
	y = opened(rig, "y,token=" TOKEN_A);
	vf = opened(rig, "y.vf1,token=" TOKEN_A);
	f = fabric_find_name(fabric_of(rig)->fabric, "y");
	devctl = config(y, (uint16_t)(f->model.express / 4 + 2));
	bar[0] = config(y, PCG_BAR0 / 4);
	bar[1] = config(y, PCG_BAR0 / 4 + 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		memcpy(before[i], fabric_find_name(fabric_of(rig)->fabric, names[i])->model.value, sizeof(before[i]));
	for (unsigned int again = 0; again < 2; again++) {
		command(x, "remove sw");
		assert_int_equal(reset(y), -ENODEV);
		command(x, "insert sw");
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strcmp(names[i], "b") != 0)
				is_set_up_as(rig, names[i], before[i]);
	}
	assert_int_equal(config(y, (uint16_t)(f->model.express / 4 + 2)) & 0xffff, devctl & 0xffff);
	assert_int_equal(reset(y), 0);
	assert_int_equal(f->nvirtuals, 2);
	assert_int_equal(reset(vf), 0);
	assert_int_equal(fabric_function_read(f->virtuals[1], 0, 0, &byte, 1), TLP_SUCCESS);
	/* Windows of the ports lead to where its BAR was. */
	y->ops->config_write(y, PCG_BAR0 / 4, 15, bar[0], NULL);
	y->ops->config_write(y, PCG_BAR0 / 4 + 1, 15, bar[1], NULL);
	y->ops->config_write(y, PCG_COMMAND / 4, 3, PCG_COMMAND_MEMORY, NULL);
	assert_int_equal(fabric_function_read(f, 0, 0, &byte, 4), TLP_SUCCESS);
	pcg_host_destroy(x);
	pcg_host_destroy(y);
	pcg_host_destroy(vf);
}

/* What was pulled out has forgotten its bus number: what stands at 00:00.0 is the first root port, and no client's. */
static void test_what_is_out_is_not_opened(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *disk = opened(rig, "disk"), *nic;
	uint32_t id = config(disk, 0);

	command(disk, "remove nic");
	refused(rig, "nic", -ENODEV, "nic has no address");
	command(disk, "insert nic");
	nic = opened(rig, "nic");
	assert_int_equal(config(nic, 0), id);
	pcg_host_destroy(nic);
	pcg_host_destroy(disk);
}

/* Its client has none of its VFs, and wants none: what others put back is no reason to make some. */
static void test_a_pf_that_was_not_out_keeps_what_it_has(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *pf = opened(rig, "nic"), *disk = opened(rig, "disk");
	struct fabric_function *f = sim_fabric_function(fabric_of(rig), "nic", &hook);
	uint16_t control = (uint16_t)((f->at.sriov + 8u) / 4u);

	pf->ops->config_write(pf, control, 3, 0, NULL);
	assert_int_equal(f->nvirtuals, 0);
	command(disk, "remove disk");
	command(disk, "insert disk");
	assert_int_equal(f->nvirtuals, 0);
	pcg_host_destroy(pf);
	pcg_host_destroy(disk);
}

/* What a description says of two functions in two hands; NULL: nothing. */
static void says_of_two(struct rig *rig, const char *text, const char *word)
{
	FILE *file = fopen(rig->file, "we");
	struct pcg_host *x, *y;

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
	pcg_host_pool_destroy(rig->pool);
	assert_int_equal(pcg_host_pool_create(&rig->pool), 0);
	noted[0] = '\0';
	x = opened(rig, "x");
	assert_string_equal(noted, "");
	y = opened(rig, "y");
	if (word != NULL ? strstr(noted, word) == NULL : noted[0] != '\0')
		fail_msg("%s: \"%s\"", text, noted);
	pcg_host_destroy(y);
	noted[0] = '\0';
	pcg_host_destroy(opened(rig, "y"));
	assert_string_equal(noted, "");
	pcg_host_destroy(x);
}

static void test_who_is_not_kept_apart_is_told_once(void **state)
{
	static const char one[] = "root-port a\nswitch sw below=a acs=off\n"
				  "endpoint-test x below=sw.0\nendpoint-test y below=sw.1\n";
	static const char deep[] = "root-port a\nswitch sw below=a acs=off\nswitch in below=sw.1\n"
				   "endpoint-test x below=sw.0\nendpoint-test y below=in.1\n";
	static const char roots[] = "root-port a acs=off p2p=on\nroot-port b\n"
				    "endpoint-test x below=a\nendpoint-test y below=b\n";

	says_of_two(*state, one, "x are not kept apart");
	says_of_two(*state, deep, "y and x are not kept apart");
	says_of_two(*state, roots, "not kept apart");
}

static void test_who_is_kept_apart_is_not_warned(void **state)
{
	static const char one[] = "root-port a\nswitch sw below=a\n"
				  "endpoint-test x below=sw.0\nendpoint-test y below=sw.1\n";
	static const char roots[] = "root-port a acs=off\nroot-port b p2p=on\n"
				    "endpoint-test x below=a\nendpoint-test y below=b\n";
	static const char elsewhere[] = "root-port a\nswitch sw below=a\nswitch in below=sw.0 acs=off\n"
					"endpoint-test x below=in.0\nendpoint-test y below=sw.1\n";

	says_of_two(*state, one, NULL);
	says_of_two(*state, roots, NULL);
	says_of_two(*state, elsewhere, NULL);
}

struct listener {
	unsigned int errors;
};

static void count_errors(void *arg, enum pcg_irq_index index, unsigned int vector, bool level)
{
	struct listener *listener = arg;

	(void)vector;
	(void)level;
	listener->errors += index == PCG_IRQ_ERR;
}

static void test_errors_reach_whom_they_concern(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf = opened(rig, "nic.vf0"), *disk = opened(rig, "disk");
	struct sim_fabric *shared = fabric_of(rig);
	struct listener of_vf = { 0 }, of_disk = { 0 };
	const struct sim_errors *errors;

	vf->events = (struct pcg_host_events){ .arg = &of_vf, .irq = count_errors };
	disk->events = (struct pcg_host_events){ .arg = &of_disk, .irq = count_errors };
	fabric_error(fabric_find(shared->fabric, TLP_BDF(2, 0)), FABRIC_MALFORMED, NULL);
	assert_int_equal(of_disk.errors, 1);
	assert_int_equal(of_vf.errors, 0);
	errors = sim_fabric_errors(shared, TLP_BDF(2, 0));
	assert_non_null(errors);
	assert_int_equal(errors->fatal, 1);
	assert_int_equal(errors->newest, FABRIC_MALFORMED);
	assert_null(sim_fabric_errors(shared, TLP_BDF(1, 0)));
	/* What a port finds concerns all that is below it. */
	fabric_error(fabric_find(shared->fabric, 0), FABRIC_MALFORMED, NULL);
	assert_int_equal(of_vf.errors, 1);
	assert_int_equal(of_disk.errors, 1);
	pcg_host_destroy(vf);
	pcg_host_destroy(disk);
}

/* --- memory --- */

#define IOVA 0x100000u
#define PAGE 4096u

struct memory {
	struct pcg_dma *dma;
	uint8_t *bytes;
	int fd;
};

/* A client's page at @iova, full of @fill; @asked: and whatever else there is is asked for. */
static void memory_begin(struct memory *m, uint64_t iova, int fill, const struct pcg_dma_messages *asked)
{
	static const struct pcg_dma_limits limits = { .max_maps = 8, .page_size = PAGE };

	m->fd = memfd_create("memory", MFD_CLOEXEC);
	assert_true(m->fd >= 0 && ftruncate(m->fd, PAGE) == 0);
	m->bytes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	assert_true(m->bytes != MAP_FAILED);
	memset(m->bytes, fill, PAGE);
	assert_int_equal(pcg_dma_create(&m->dma, &limits, asked, &hook), 0);
	assert_int_equal(pcg_dma_map(m->dma, iova, PAGE, PCG_DMA_READ | PCG_DMA_WRITE, m->fd, 0), 0);
}

static void memory_end(struct memory *m)
{
	pcg_dma_destroy(m->dma);
	munmap(m->bytes, PAGE);
	close(m->fd);
}

/* Give @host memory and let it master the bus; what it is in the fabric. */
static struct fabric_function *attach(struct rig *rig, struct pcg_host *host, const char *name, struct memory *m)
{
	assert_int_equal(host->ops->config_write(host, 1, 3, PCG_COMMAND_MASTER | PCG_COMMAND_MEMORY, NULL), PCG_DONE);
	assert_int_equal(host->ops->dma(host, m->dma, NULL), PCG_DONE);
	return sim_fabric_function(fabric_of(rig), name, &hook);
}

static int move(struct fabric_function *f, bool write, uint64_t address, void *data, size_t length)
{
	struct fabric_dma dma = { .f = f, .write = write, .address = address, .data = data, .length = length };
	struct pcg_op op = { .done = NULL };

	dma.op = &op;
	return fabric_dma(&dma);
}

static void test_each_reaches_its_own_memory(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *vf[2] = { opened(rig, "nic.vf0"), opened(rig, "nic.vf1") };
	struct fabric_function *f[2];
	struct memory m[2];
	uint8_t data[600];

	memory_begin(&m[0], IOVA, 'a', NULL);
	memory_begin(&m[1], IOVA, 'b', NULL);
	f[0] = attach(rig, vf[0], "nic.vf0", &m[0]);
	f[1] = attach(rig, vf[1], "nic.vf1", &m[1]);
	assert_int_equal(move(f[0], false, IOVA + 100, data, sizeof(data)), PCG_DONE);
	assert_int_equal(data[599], 'a');
	memset(data, 'c', sizeof(data));
	assert_int_equal(move(f[1], true, IOVA + 100, data, sizeof(data)), PCG_DONE);
	assert_int_equal(m[1].bytes[699], 'c');
	assert_int_equal(m[0].bytes[699], 'a');
	pcg_host_destroy(vf[0]);
	pcg_host_destroy(vf[1]);
	memory_end(&m[0]);
	memory_end(&m[1]);
}

static void test_nothing_there_is_recorded(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host = opened(rig, "disk");
	struct fabric_function *f;
	struct pcg_fault fault;
	struct memory m;
	uint8_t data[64];

	memory_begin(&m, IOVA, 'a', NULL);
	f = attach(rig, host, "disk", &m);
	assert_int_equal(move(f, false, IOVA + PAGE, data, sizeof(data)), -EIO);
	assert_int_equal(host->ops->fault(host, &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_NOT_MAPPED);
	assert_int_equal(fault.address, IOVA + PAGE);
	host->ops->dma(host, NULL, NULL);
	assert_int_equal(move(f, false, IOVA, data, sizeof(data)), -EIO);
	assert_int_equal(host->ops->fault(host, &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_BLOCKED);
	pcg_host_destroy(host);
	memory_end(&m);
}

static void test_interrupt_writes_reach_nobody(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host = opened(rig, "disk");
	struct fabric_function *f;
	struct memory m;
	uint8_t data[64] = "1234";

	memory_begin(&m, 0xfee00000, 'a', NULL);
	f = attach(rig, host, "disk", &m);
	assert_int_equal(move(f, true, 0xfee00000, data, 4), PCG_DONE);
	assert_int_equal(m.bytes[0], 'a');
	assert_int_equal(fabric_of(rig)->interrupts, 1);
	assert_int_equal(move(f, false, 0xfee00000, data, 4), -EIO);
	move(f, true, 0xfee00000, data, 64);
	assert_int_equal(m.bytes[0], 'a');
	pcg_host_destroy(host);
	memory_end(&m);
}

/* A client that is asked, and answers when it likes. */
struct asked {
	struct pcg_op *op;
	uint8_t *into;
	unsigned int cancelled;
};

static int ask_read(void *arg, uint64_t iova, void *data, size_t length, struct pcg_op *op)
{
	struct asked *asked = arg;

	(void)iova;
	(void)length;
	asked->op = op;
	asked->into = data;
	return PCG_PENDING;
}

static int ask_write(void *arg, uint64_t iova, const void *data, size_t length, struct pcg_op *op)
{
	(void)data;
	return ask_read(arg, iova, NULL, length, op);
}

static void ask_cancel(void *arg, struct pcg_op *op)
{
	struct asked *asked = arg;

	asked->cancelled += asked->op == op;
	asked->op = NULL;
}

struct transfer {
	struct pcg_op op;
	struct fabric_dma dma;
	int result;
	unsigned int done;
};

static void transfer_done(struct pcg_op *op, int result)
{
	struct transfer *t = (struct transfer *)op;

	t->result = result;
	t->done++;
}

static void test_memory_that_is_asked_for(void **state)
{
	struct rig *rig = *state;
	struct pcg_host *host = opened(rig, "disk");
	struct asked asked = { .op = NULL };
	const struct pcg_dma_messages messages = { &asked, ask_read, ask_write, ask_cancel };
	struct transfer t = { .op.done = transfer_done };
	struct pcg_fault fault;
	struct memory m;
	uint8_t data[64];

	memory_begin(&m, IOVA, 'a', &messages);
	t.dma = (struct fabric_dma){ .f = attach(rig, host, "disk", &m), .address = 2 * IOVA, .op = &t.op };
	t.dma.data = data;
	t.dma.length = sizeof(data);
	assert_int_equal(fabric_dma(&t.dma), PCG_PENDING);
	assert_non_null(asked.op);
	memset(asked.into, 'q', sizeof(data));
	asked.op->done(asked.op, 0);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.result, 0);
	assert_int_equal(data[63], 'q');
	/* Refused: recorded as any other. */
	assert_int_equal(fabric_dma(&t.dma), PCG_PENDING);
	asked.op->done(asked.op, -EFAULT);
	assert_int_equal(t.done, 2);
	assert_int_equal(t.dma.status, TLP_UNSUPPORTED);
	assert_int_equal(host->ops->fault(host, &fault), 0);
	/* Given up: nobody is called any more. */
	assert_int_equal(fabric_dma(&t.dma), PCG_PENDING);
	fabric_dma_cancel(&t.dma);
	assert_int_equal(asked.cancelled, 1);
	assert_int_equal(t.done, 2);
	pcg_host_destroy(host);
	memory_end(&m);
}

/* Without ACS a VF that was moved asks in the name of who stands there; that one's memory takes what waits with it. */
static void test_requests_in_anothers_name_end_with_its_memory(void **state)
{
	static const char text[] = "root-port rp1 acs=off\nendpoint-test nic below=rp1 vfs=1\n"
				   "root-port rp2\nendpoint-test disk below=rp2\n";
	struct rig *rig = *state;
	FILE *file = fopen(rig->file, "we");
	struct asked asked = { .op = NULL };
	const struct pcg_dma_messages messages = { &asked, ask_read, ask_write, ask_cancel };
	struct transfer t = { .op.done = transfer_done };
	struct pcg_host *pf, *disk;
	struct fabric_function *f;
	struct memory m;
	uint8_t data[64];

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
	pf = opened(rig, "nic");
	disk = opened(rig, "disk");
	memory_begin(&m, IOVA, 'a', &messages);
	attach(rig, disk, "disk", &m);
	f = sim_fabric_function(fabric_of(rig), "nic", &hook);
	pf->ops->config_write(pf, (uint16_t)((f->at.sriov + 8u) / 4u), 3, 0, NULL);
	pf->ops->config_write(pf, (uint16_t)((f->at.sriov + 16u) / 4u), 3, 1, NULL);
	pf->ops->config_write(pf, (uint16_t)((f->at.sriov + 8u) / 4u), 3, 9, NULL);
	assert_int_equal(fabric_bdf(f->virtuals[0]), fabric_bdf(fabric_find_name(fabric_of(rig)->fabric, "disk")));
	refused(rig, "nic.vf0", -ENODEV, "no address");
	f->virtuals[0]->model.value[PCG_COMMAND / 4] |= PCG_COMMAND_MASTER;
	t.dma = (struct fabric_dma){ .f = f->virtuals[0], .address = 2 * IOVA, .data = data, .op = &t.op };
	t.dma.length = sizeof(data);
	assert_int_equal(fabric_dma(&t.dma), PCG_PENDING);
	assert_int_equal(disk->ops->dma(disk, NULL, NULL), PCG_DONE);
	assert_int_equal(asked.cancelled, 1);
	assert_int_equal(t.done, 1);
	assert_int_not_equal(t.result, 0);
	pcg_host_destroy(disk);
	pcg_host_destroy(pf);
	memory_end(&m);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_functions_by_name_and_address),
		TEST(test_names_that_are_none),
		TEST(test_file_that_is_not_there),
		TEST(test_one_function_one_client),
		TEST(test_same_file_same_fabric),
		TEST(test_equal_text_but_for_vf),
		TEST(test_without_vfs_each_is_its_own),
		TEST(test_vf_of_no_pf),
		TEST(test_alone_without_a_pool),
		TEST(test_pf_beside_vfs_takes_a_token),
		TEST(test_pf_without_a_token_is_alone),
		TEST(test_vfs_without_a_token_keep_the_pf_out),
		TEST(test_token_that_is_of_no_use),
		TEST(test_vectors_stay_while_a_reset_failed),
		TEST(test_vectors_that_change_change_descriptors),
		TEST(test_vectors_change_between_openings),
		TEST(test_vectors_change_between_clients),
		TEST(test_the_pool_is_bounded),
		TEST(test_pool_that_is_too_small),
		TEST(test_sriov_shows_pfs_and_vfs),
		TEST(test_sriov_changes_counts),
		TEST(test_sriov_changes_vectors),
		TEST(test_vfs_come_back_after_the_pfs_reset),
		TEST(test_all_vfs_are_listed),
		TEST(test_vfs_that_are_made_again_stand_where_they_stood),
		TEST(test_a_vf_that_was_moved_is_gone),
		TEST(test_a_switch_that_is_put_back_concerns_nobody_else),
		TEST(test_what_is_below_a_switch_comes_back_with_it),
		TEST(test_what_is_out_is_not_opened),
		TEST(test_a_pf_that_was_not_out_keeps_what_it_has),
		TEST(test_who_is_not_kept_apart_is_told_once),
		TEST(test_who_is_kept_apart_is_not_warned),
		TEST(test_errors_reach_whom_they_concern),
		TEST(test_each_reaches_its_own_memory),
		TEST(test_nothing_there_is_recorded),
		TEST(test_interrupt_writes_reach_nobody),
		TEST(test_memory_that_is_asked_for),
		TEST(test_requests_in_anothers_name_end_with_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
