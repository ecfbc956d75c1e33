/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fabric_room.h"

static enum tlp_status leaf_read(struct fabric_function *f, unsigned int bar, uint64_t offset, void *data,
				 size_t length)
{
	struct leaf *leaf = (struct leaf *)f;

	(void)bar;
	if (length > leaf->longest)
		leaf->longest = (uint32_t)length;
	memcpy(data, leaf->memory + offset, length);
	return leaf->answer;
}

static enum tlp_status leaf_write(struct fabric_function *f, unsigned int bar, uint64_t offset, const void *data,
				  size_t length)
{
	struct leaf *leaf = (struct leaf *)f;

	(void)bar;
	leaf->writes++;
	if (length > leaf->longest)
		leaf->longest = (uint32_t)length;
	memcpy(leaf->memory + offset, data, length);
	if (leaf->chain != NULL)
		fabric_dma(leaf->chain);
	return leaf->answer;
}

static void leaf_reset(struct fabric_function *f, enum fabric_reset reset)
{
	struct leaf *leaf = (struct leaf *)f;

	leaf->resets++;
	leaf->last = reset;
}

static void leaf_alive(struct fabric_function *f)
{
	((struct leaf *)f)->alives++;
}

static void leaf_destroy(struct fabric_function *f)
{
	if (f->physical == NULL)
		((struct leaf *)f)->room->destroyed++;
	free(f);
}

static int leaf_vf(struct fabric_function *pf, unsigned int number, struct fabric_function **vf);

static const struct fabric_function_ops leaf_ops = {
	.kind = "leaf",
	.destroy = leaf_destroy,
	.read = leaf_read,
	.write = leaf_write,
	.reset = leaf_reset,
	.alive = leaf_alive,
	.virtual_function = leaf_vf,
};

static void leaf_config(uint8_t *c)
{
	pcg_put32(c, 0x00011912);
	pcg_put16(c + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	pcg_put32(c + PCG_REVISION, 0xff000000);
	c[PCG_CAPABILITIES] = LEAF_PM;
	pcg_put16(c + LEAF_PM, LEAF_MSI << 8 | PCG_CAP_PM);
	pcg_put16(c + LEAF_PM + PCG_PM_PMC, 0x0003);
	pcg_put16(c + LEAF_MSI, LEAF_EXP << 8 | PCG_CAP_MSI);
	/* 64-bit, maskable, 4 vectors */
	pcg_put16(c + LEAF_MSI + PCG_MSI_CONTROL, PCG_MSI_64BIT | PCG_MSI_MASKABLE | 2 << 1);
	pcg_put16(c + LEAF_EXP, LEAF_MSIX << 8 | PCG_CAP_EXP);
	pcg_put16(c + LEAF_EXP + PCG_EXP_FLAGS, 0x0002);
	pcg_put32(c + LEAF_EXP + PCG_EXP_DEVCAP, 0x00008022 | PCG_DEVCAP_FLR);
	pcg_put16(c + LEAF_EXP + PCG_EXP_DEVCTL, 0x2810);
	pcg_put32(c + LEAF_EXP + 0x0c, 0x00400011);
	pcg_put16(c + LEAF_EXP + 0x12, 0x1011);
	pcg_put32(c + LEAF_EXP + PCG_EXP_DEVCAP2, 0x00600010);
	pcg_put16(c + LEAF_MSIX, PCG_CAP_MSIX);
	pcg_put16(c + LEAF_MSIX + PCG_MSIX_CONTROL, 3);
	pcg_put32(c + LEAF_AER, 2u << 16 | PCG_ECAP_AER);
	pcg_put32(c + LEAF_AER + 0x0c, 0x00462030);
	pcg_put32(c + LEAF_AER + 0x14, 0x00002000);
}

static const struct fabric_sriov_options vfs = {
	.total = 4, .offset = 256, .stride = 1, .device = 2, .bars = { { .size = LEAF_SIZE, .kind = PCG_BAR_MEM32 } }
};

static struct leaf *leaf_create(struct room *room, struct fabric_bus *bus, uint16_t devfn, const char *name)
{
	static const struct pcg_bar bars[PCG_NUM_BARS] = { { .size = LEAF_SIZE, .kind = PCG_BAR_MEM32 } };
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	const struct fabric_facts facts = { .config = config, .bars = bars };
	struct leaf *leaf = calloc(1, sizeof(*leaf));

	assert_non_null(leaf);
	leaf->room = room;
	leaf_config(config);
	pcg_put32(config + LEAF_AER, pcg_get32(config + LEAF_AER) | (uint32_t)LEAF_SRIOV << 20);
	fabric_sriov_build(config, LEAF_SRIOV, &vfs);
	assert_int_equal(fabric_function_init(&leaf->f, room->fabric, &leaf_ops, bus, devfn, &facts), 0);
	assert_int_equal(fabric_sriov_init(&leaf->f, &vfs), 0);
	strcpy(leaf->f.name, name);
	return leaf;
}

static int leaf_vf(struct fabric_function *pf, unsigned int number, struct fabric_function **vf)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	const struct fabric_facts facts = { .config = config, .bars = vfs.bars, .is_vf = true };
	struct leaf *leaf = calloc(1, sizeof(*leaf));
	int r;

	(void)number;
	assert_non_null(leaf);
	leaf->room = ((struct leaf *)pf)->room;
	leaf_config(config);
	pcg_put32(config, UINT32_MAX);
	r = fabric_function_init(&leaf->f, pf->fabric, &leaf_ops, NULL, 0, &facts);
	*vf = &leaf->f;
	return r;
}

static int root_access(void *arg, const struct tlp *tlp, uint64_t at, void *data, size_t length,
		       enum tlp_status *status, struct pcg_op *op)
{
	struct room *room = arg;

	room->accesses++;
	room->last = *tlp;
	room->last_at = at;
	room->last_length = length;
	if (at >> 20 == 0xfee && tlp->type == TLP_MEMORY_WRITE) {
		room->msis++;
		room->msi_address = at;
		room->msi_data = pcg_get32(data);
	}
	if (room->pend) {
		room->pending = op;
		return PCG_PENDING;
	}
	*status = room->answer;
	if (room->answer == TLP_SUCCESS && data != NULL && at < ROOM_ROOT && length <= ROOM_ROOT - at) {
		if (tlp->type == TLP_MEMORY_WRITE)
			memcpy(room->root + at, data, length);
		else
			memcpy(data, room->root + at, length);
	}
	return PCG_DONE;
}

static void root_cancel(void *arg, struct pcg_op *op)
{
	struct room *room = arg;

	assert_ptr_equal(op, room->pending);
	room->pending = NULL;
	room->cancels++;
}

static void root_blocked(void *arg, const struct tlp *tlp, uint64_t at)
{
	struct room *room = arg;

	assert_int_equal(tlp->address, at);
	room->blocked++;
	room->blocked_tlp = *tlp;
}

static enum tlp_status root_message(void *arg, const struct tlp *tlp)
{
	struct room *room = arg;

	room->messages++;
	room->message = *tlp;
	return TLP_SUCCESS;
}

static void root_error(void *arg, const struct fabric_report *report)
{
	struct room *room = arg;

	if (room->nerrors < ROOM_ERRORS)
		room->errors[room->nerrors++] = *report;
}

static const struct fabric_root_ops root_ops = { .access = root_access,
						 .cancel = root_cancel,
						 .blocked = root_blocked,
						 .message = root_message,
						 .error = root_error };

static struct fabric_function *port(struct room *room, enum fabric_port_kind kind, struct fabric_bus *bus,
				    uint16_t devfn, const struct fabric_port_options *options)
{
	struct fabric_function *made = NULL;

	assert_int_equal(fabric_port_create(&made, room->fabric, kind, bus, devfn, options), 0);
	return made;
}

int room_bare(struct room *room, const struct fabric_port_options *ports)
{
	struct fabric_bus *root;

	assert_int_equal(fabric_create(&room->fabric, &root_ops, room, NULL), 0);
	root = fabric_root_bus(room->fabric);
	room->rp1 = port(room, FABRIC_ROOT_PORT, root, 1 << 3, ports);
	room->rp2 = port(room, FABRIC_ROOT_PORT, root, 2 << 3, ports);
	room->up = port(room, FABRIC_UPSTREAM, room->rp1->below, 0, ports);
	room->dp0 = port(room, FABRIC_DOWNSTREAM, room->up->below, 0, ports);
	room->dp1 = port(room, FABRIC_DOWNSTREAM, room->up->below, 1 << 3, ports);
	room->a = leaf_create(room, room->dp0->below, 0, "a");
	room->b = leaf_create(room, room->dp1->below, 0, "b");
	room->c = leaf_create(room, room->rp2->below, 0, "c");
	return 0;
}

struct leaf *room_second(struct room *room, struct leaf *beside, uint16_t devfn)
{
	return leaf_create(room, beside->f.bus, devfn, "second");
}

static void put(struct room *room, uint16_t bdf, uint16_t offset, uint32_t value)
{
	assert_int_equal(fabric_config_write(room->fabric, bdf, offset / 4, 0xf, value), TLP_SUCCESS);
}

/* Bus numbers, a memory window, no prefetchable one, memory and mastering. */
static void set_port(struct room *room, uint16_t bdf, uint8_t secondary, uint8_t subordinate, uint32_t base,
		     uint32_t end)
{
	put(room, bdf, 0x18, (uint32_t)bdf >> 8 | (uint32_t)secondary << 8 | (uint32_t)subordinate << 16);
	put(room, bdf, 0x20, base >> 16 | ((end - 1) & 0xfff00000u));
	put(room, bdf, 0x04, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
}

static void set_leaf(struct room *room, uint16_t bdf, uint32_t base)
{
	put(room, bdf, PCG_BAR0, base);
	put(room, bdf, 0x04, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
}

void room_enumerate(struct room *room)
{
	set_port(room, 0x0008, 1, 4, A_BASE, C_BASE);
	set_port(room, 0x0010, 5, 5, C_BASE, C_BASE + 0x100000);
	set_port(room, 0x0100, 2, 4, A_BASE, C_BASE);
	set_port(room, 0x0200, 3, 3, A_BASE, B_BASE);
	set_port(room, 0x0208, 4, 4, B_BASE, C_BASE);
	set_leaf(room, 0x0300, A_BASE);
	set_leaf(room, 0x0400, B_BASE);
	set_leaf(room, 0x0500, C_BASE);
}

static int setup(void **state, const struct fabric_port_options *options)
{
	struct room *room = calloc(1, sizeof(*room));

	assert_non_null(room);
	room_bare(room, options);
	room_enumerate(room);
	*state = room;
	return 0;
}

int room_setup(void **state)
{
	static const struct fabric_port_options plain = { .mps = 512, .payload = 128 };

	return setup(state, &plain);
}

int room_setup_full(void **state)
{
	static const struct fabric_port_options full = {
		.mps = 512, .payload = 256, .slot = 1, .acs = true, .ari = true, .p2p = true
	};

	return setup(state, &full);
}

int room_teardown(void **state)
{
	struct room *room = *state;

	fabric_destroy(room->fabric);
	assert_int_equal(room->destroyed, 3);
	free(room);
	return 0;
}

uint32_t room_get(struct room *room, const struct fabric_function *f, uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	assert_int_equal(fabric_config_read(room->fabric, fabric_bdf(f), offset / 4, 0xf, &value), TLP_SUCCESS);
	value >>= 8 * (offset & 3u);
	return width == 4 ? value : value & ((1u << (8 * width)) - 1);
}

void room_put(struct room *room, const struct fabric_function *f, uint16_t offset, unsigned int width, uint32_t value)
{
	uint8_t be = (uint8_t)((0xfu >> (4 - width)) << (offset & 3u));

	assert_int_equal(fabric_config_write(room->fabric, fabric_bdf(f), offset / 4, be, value << (8 * (offset & 3u))),
			 TLP_SUCCESS);
}

int room_dma(struct leaf *leaf, bool write, uint64_t address, void *data, size_t length, enum tlp_status *status)
{
	struct fabric_dma dma = { .f = &leaf->f, .write = write, .address = address, .data = data, .length = length };
	int r = fabric_dma(&dma);

	if (status != NULL)
		*status = dma.status;
	return r;
}

const struct fabric_report *room_report(const struct room *room, enum fabric_error error)
{
	for (unsigned int i = room->nerrors; i > 0; i--)
		if (room->errors[i - 1].error == error)
			return &room->errors[i - 1];
	return NULL;
}

static void loud_port(struct room *room, const struct fabric_function *f)
{
	room_put(room, f, 0x3e, 2, 0x0003);
	room_put(room, f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER | PCG_COMMAND_SERR);
	room_put(room, f, PORT_EXP + PCG_EXP_DEVCTL, 1, room_get(room, f, PORT_EXP + PCG_EXP_DEVCTL, 1) | 0x0f);
	room_put(room, f, PORT_AER + 0x14, 4, 0);
}

void room_loud(struct room *room)
{
	struct fabric_function *ports[] = { room->rp1, room->rp2, room->up, room->dp0, room->dp1 };
	struct leaf *leaves[] = { room->a, room->b, room->c };

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		loud_port(room, ports[i]);
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		const struct fabric_function *f = &leaves[i]->f;

		room_put(room, f, LEAF_EXP + PCG_EXP_DEVCTL, 1, room_get(room, f, LEAF_EXP + PCG_EXP_DEVCTL, 1) | 0x0f);
		room_put(room, f, LEAF_AER + 0x14, 4, 0);
	}
	for (size_t i = 0; i < 2; i++) {
		room_put(room, ports[i], PORT_MSI + 4, 4, 0xfee00000u + (uint32_t)(i << 12));
		room_put(room, ports[i], PORT_MSI + 12, 2, 0x40);
		room_put(room, ports[i], PORT_MSI + PCG_MSI_CONTROL, 2, PCG_MSI_ENABLE);
		room_put(room, ports[i], PORT_AER + 0x2c, 4, 7);
	}
}
