/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs as requests meet them: their place, their memory, their errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fabric_room.h"

#define VF_BASE (C_BASE + 0x40000u)

/* Leaf c has four VFs, on bus 6. */
static int setup(void **state)
{
	struct room *room;
	const struct fabric_function *c;

	room_setup(state);
	room = *state;
	c = &room->c->f;
	room_put(room, room->rp2, 0x18, 4, 0x00060500);
	room_put(room, c, LEAF_SRIOV + 0x24, 4, VF_BASE);
	room_put(room, c, LEAF_SRIOV + 0x10, 2, 4);
	room_put(room, c, LEAF_SRIOV + 0x08, 2, 0x0009);
	assert_int_equal(c->nvirtuals, 4);
	return 0;
}

static struct leaf *vf_of(struct room *room, unsigned int number)
{
	return (struct leaf *)room->c->f.virtuals[number];
}

/* PCIe 6.0, 9.2.1.2: VFs are reached on the buses after their PF's, by type 1 requests that the device takes. */
static void test_config(void **state)
{
	struct room *room = *state;
	uint32_t value = 0;

	for (uint16_t n = 0; n < 4; n++) {
		assert_ptr_equal(fabric_find(room->fabric, (uint16_t)(0x0600 + n)), &vf_of(room, n)->f);
		assert_int_equal(fabric_bdf(&vf_of(room, n)->f), 0x0600 + n);
	}
	assert_int_equal(fabric_config_read(room->fabric, 0x0602, 0, 0xf, &value), TLP_SUCCESS);
	assert_int_equal(fabric_config_read(room->fabric, 0x0604, 0, 0xf, &value), TLP_UNSUPPORTED);
	/* A port that does not lead there: nobody. */
	room_put(room, room->rp2, 0x18, 4, 0x00050500);
	assert_int_equal(fabric_config_read(room->fabric, 0x0602, 0, 0xf, &value), TLP_UNSUPPORTED);
}

/* PCIe 6.0, 9.2.1.1.1 and 9.3.3.3.4: memory by the PF's VF BARs, while VF MSE is set, whatever the VF's COMMAND says.
 */
static void test_memory(void **state)
{
	struct room *room = *state;
	uint32_t value = 0x1357, back = 0;

	assert_int_equal(fabric_write(room->fabric, VF_BASE + 3 * LEAF_SIZE + 8, &value, 4), TLP_SUCCESS);
	assert_memory_equal(vf_of(room, 3)->memory + 8, &value, 4);
	assert_int_equal(fabric_function_read(&vf_of(room, 3)->f, 0, 8, &back, 4), TLP_SUCCESS);
	assert_int_equal(back, value);
	assert_int_equal(fabric_read(room->fabric, VF_BASE + 4 * LEAF_SIZE, &back, 4), TLP_UNSUPPORTED);
	/* the last bytes of one and the first of the next: two requests (2.2.7) */
	memset(vf_of(room, 0)->memory + LEAF_SIZE - 2, 0xaa, 2);
	memset(vf_of(room, 1)->memory, 0xbb, 2);
	assert_int_equal(fabric_read(room->fabric, VF_BASE + LEAF_SIZE - 2, &back, 4), TLP_SUCCESS);
	assert_int_equal(pcg_get32((const uint8_t *)&back), 0xbbbbaaaa);
	room_put(room, &room->c->f, LEAF_SRIOV + 0x08, 2, 0x0001);
	assert_int_equal(fabric_function_read(&vf_of(room, 3)->f, 0, 8, &back, 4), TLP_UNSUPPORTED);
}

/* PCIe 6.0, 2.2.6.2 and 9.3.4.1.3: a VF asks under its own id, with its own Bus Master Enable. */
static void test_dma(void **state)
{
	struct room *room = *state;
	uint8_t data[4];

	assert_int_equal(room_dma(vf_of(room, 1), true, 0, data, 4, NULL), -EACCES);
	room_put(room, &vf_of(room, 1)->f, PCG_COMMAND, 2, PCG_COMMAND_MASTER);
	assert_int_equal(room_dma(vf_of(room, 1), false, 0, data, 4, NULL), PCG_DONE);
	assert_int_equal(room->last.requester, 0x0601);
}

/* PCIe 6.0, 7.5.3.4: a VF's payload size is its PF's. */
static void test_payload(void **state)
{
	struct room *room = *state;
	uint8_t data[256] = { 0 };
	enum tlp_status status;

	room_put(room, &vf_of(room, 1)->f, PCG_COMMAND, 2, PCG_COMMAND_MASTER);
	assert_int_equal(room_dma(vf_of(room, 1), true, 0, data, 256, NULL), PCG_DONE);
	room_put(room, &room->c->f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x2830);
	assert_int_equal(room_dma(vf_of(room, 1), true, 0, data, 256, &status), -EIO);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->reporter, 0x0010);
	assert_int_equal(room_report(room, FABRIC_MALFORMED)->requester, 0x0601);
}

/* PCIe 6.0, 9.4.2: a VF logs its errors itself; whether they are masked and reported its PF decides. */
static void test_errors(void **state)
{
	struct room *room = *state;
	struct fabric_function *vf = &vf_of(room, 2)->f;

	room_loud(room);
	fabric_error(vf, FABRIC_POISONED, NULL);
	assert_int_equal(room_get(room, vf, LEAF_AER + 0x04, 4), 1u << 12);
	assert_int_equal(room_get(room, &room->c->f, LEAF_AER + 0x04, 4), 0);
	assert_int_equal(room_report(room, FABRIC_POISONED)->message, TLP_ERR_NONFATAL);
	assert_int_equal(room_get(room, room->rp2, PORT_AER + 0x34, 4), 0x06020000);
	room_put(room, &room->c->f, LEAF_AER + 0x08, 4, 1u << 12);
	fabric_error(vf, FABRIC_POISONED, NULL);
	assert_int_equal(room_report(room, FABRIC_POISONED)->message, 0);
}

/* PCIe 6.0, 9.2.2.2: with its PF reset a VF is gone; a conventional reset takes it, too (9.2.2.1). */
static void test_gone(void **state)
{
	struct room *room = *state;
	struct leaf *vf = vf_of(room, 0);
	uint8_t data[4];
	uint32_t value;

	room_put(room, &room->c->f, LEAF_EXP + PCG_EXP_DEVCTL, 2, PCG_DEVCTL_FLR);
	assert_false(fabric_alive(&vf->f));
	assert_int_equal(fabric_config_read(room->fabric, 0x0600, 0, 0xf, &value), TLP_UNSUPPORTED);
	assert_int_equal(fabric_function_read(&vf->f, 0, 0, &value, 4), TLP_UNSUPPORTED);
	assert_int_equal(room_dma(vf, true, 0, data, 4, NULL), -EIO);
	room_put(room, &room->c->f, LEAF_SRIOV + 0x10, 2, 4);
	room_put(room, &room->c->f, LEAF_SRIOV + 0x08, 2, 0x0009);
	assert_true(fabric_alive(&vf_of(room, 0)->f));
	room_put(room, room->rp2, 0x3e, 2, 0x40);
	room_put(room, room->rp2, 0x3e, 2, 0);
	assert_int_equal(room->c->f.nvirtuals, 0);
}

/* An interrupt of a VF that waits is gone with it (9.3.3.3.1): it would land in whatever has its place next. */
static void test_gone_with_its_interrupts(void **state)
{
	struct room *room = *state;
	struct fabric_function *vf = &vf_of(room, 1)->f;

	room_put(room, vf, PCG_COMMAND, 2, PCG_COMMAND_MASTER);
	room_put(room, vf, LEAF_MSI + 4, 4, 0xfee00000);
	room_put(room, vf, LEAF_MSI + PCG_MSI_CONTROL, 2, PCG_MSI_ENABLE);
	room->pend = true;
	assert_int_equal(fabric_msi(vf, 0), 0);
	assert_non_null(room->pending);
	room_put(room, &room->c->f, LEAF_SRIOV + 0x08, 2, 0);
	assert_int_equal(room->cancels, 1);
	assert_null(room->pending);
}

/* One is pulled out with its device. */
static void test_removed(void **state)
{
	struct room *room = *state;
	struct leaf *vf = vf_of(room, 3);

	assert_int_equal(fabric_remove(&vf->f), 0);
	assert_false(fabric_alive(&room->c->f));
	assert_false(fabric_alive(&vf->f));
	assert_int_equal(fabric_insert(&room->c->f), 0);
	assert_true(fabric_alive(&room->c->f));
	assert_false(fabric_alive(&vf->f));
}

/* PCIe 6.0, 7.5.3.4: of an ARI device, the payload size of function 0 is everybody's. */
static void test_ari_payload(void **state)
{
	struct room *room = *state;
	struct leaf *second = room_second(room, room->c, 1);
	uint8_t data[256] = { 0 };

	room->c->f.at.ari = second->f.at.ari = 0x1f0;
	assert_int_equal(fabric_config_write(room->fabric, 0x0501, 1, 0xf, PCG_COMMAND_MASTER), TLP_SUCCESS);
	room_put(room, &second->f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x2830);
	assert_int_equal(room_dma(second, true, 0, data, 256, NULL), PCG_DONE);
	assert_int_equal(room->last.length, 128);
	room_put(room, &room->c->f, LEAF_EXP + PCG_EXP_DEVCTL, 2, 0x2830);
	assert_int_equal(room_dma(second, true, 0, data, 256, NULL), -EIO);
	fabric_function_destroy(&second->f);
	room->destroyed = 0;
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, room_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_ari_payload), WITH(test_config), WITH(test_memory), WITH(test_dma),
		WITH(test_payload),     WITH(test_errors), WITH(test_gone),   WITH(test_gone_with_its_interrupts),
		WITH(test_removed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
