/* SPDX-License-Identifier: BSD-3-Clause */
/* The registers' definitions, and a function that behaves as they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/model/model.h"
#include "pci/registers.h"

/* Where the made-up function has its capabilities. */
enum {
	PM = 0x40,
	MSI = 0x50,
	EXP = 0x70,
	MSIX = 0xb0,
	VPD = 0xc0,
	AF = 0xd0,
	AER = 0x100,
	PASID = 0x160,
	REBAR = 0x180,
};

struct fixture {
	uint8_t config[PCG_CONFIG_EXTENDED];
	struct pcg_bar bars[PCG_NUM_BARS];
	struct pcg_bar rom;
	bool is_vf;
	bool no_memory_bit;
	bool ram;
	struct pcg_layout layout;
	struct model model;
};

static void put_cap(uint8_t *config, uint8_t at, uint8_t id, uint8_t next)
{
	config[at] = id;
	config[at + 1] = next;
}

static void put_ecap(uint8_t *config, uint16_t at, uint16_t id, uint8_t version, uint16_t next)
{
	pcg_put32(config + at, id | (uint32_t)version << 16 | (uint32_t)next << 20);
}

/* An Express endpoint: 16 KiB 64-bit BAR 0, 4 KiB 32-bit BAR 2, a ROM, pin A. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint8_t *c = f->config;

	pcg_put32(c, 0x90011234);
	pcg_put16(c + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	c[PCG_INT_PIN] = 1;
	c[PCG_CAPABILITIES] = PM;
	put_cap(c, PM, PCG_CAP_PM, MSI);
	pcg_put16(c + PM + PCG_PM_PMC, 0xc803); /* PME from D0 and D3; no D1, no D2 */
	put_cap(c, MSI, PCG_CAP_MSI, EXP);
	pcg_put16(c + MSI + 2, 0x0184); /* 4 vectors, 64-bit, maskable */
	put_cap(c, EXP, PCG_CAP_EXP, MSIX);
	pcg_put16(c + EXP + PCG_EXP_FLAGS, 2);
	pcg_put32(c + EXP + PCG_EXP_DEVCAP, PCG_DEVCAP_FLR | 0x8000 | 2);
	pcg_put16(c + EXP + PCG_EXP_DEVCTL, 0x2810);
	put_cap(c, MSIX, PCG_CAP_MSIX, VPD);
	pcg_put16(c + MSIX + 2, 7);
	put_cap(c, VPD, PCG_CAP_VPD, AF);
	put_cap(c, AF, PCG_CAP_AF, 0);
	c[AF + 2] = 6;
	c[AF + PCG_AF_CAP] = PCG_AF_CAP_TP | PCG_AF_CAP_FLR;
	put_ecap(c, AER, PCG_ECAP_AER, 1, PASID);
	put_ecap(c, PASID, PCG_ECAP_PASID, 1, REBAR);
	pcg_put16(c + PASID + 4, 0x1402); /* execute, not privileged */
	put_ecap(c, REBAR, PCG_ECAP_REBAR, 1, 0);
	pcg_put32(c + REBAR + 8, 0x20);
	c[0xe0] = 0x5a; /* a vendor's register outside every capability */
	f->bars[0] = (struct pcg_bar){ 16384, PCG_BAR_MEM64, true };
	f->bars[1].kind = PCG_BAR_UPPER;
	f->bars[2] = (struct pcg_bar){ 4096, PCG_BAR_MEM32, false };
	f->rom = (struct pcg_bar){ 65536, PCG_BAR_MEM32, false };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static struct model *build(struct fixture *f)
{
	const struct model_facts facts = {
		.config = f->config,
		.size = sizeof(f->config),
		.layout = &f->layout,
		.bars = f->bars,
		.rom = &f->rom,
		.is_vf = f->is_vf,
		.no_memory_bit = f->no_memory_bit,
		.ram = f->ram,
	};

	assert_int_equal(pcg_layout_parse(&f->layout, f->config, sizeof(f->config), NULL), 0);
	assert_int_equal(model_init(&f->model, &facts), 0);
	return &f->model;
}

static unsigned int write16(struct model *model, uint16_t offset, uint16_t value)
{
	return model_write(model, offset / 4, (uint8_t)(3 << (offset & 2)), (uint32_t)value << (8 * (offset & 2)));
}

static unsigned int write32(struct model *model, uint16_t offset, uint32_t value)
{
	return model_write(model, offset / 4, 0xf, value);
}

static void bar_sizes_read_back(void **state)
{
	struct model *model = build(*state);

	write32(model, 0x10, UINT32_MAX);
	write32(model, 0x14, UINT32_MAX);
	write32(model, 0x18, UINT32_MAX);
	write32(model, 0x1c, UINT32_MAX);
	write32(model, 0x30, UINT32_MAX);
	assert_int_equal(model_get(model, 0x10, 4), 0xffffc00c);
	assert_int_equal(model_get(model, 0x14, 4), 0xffffffff);
	assert_int_equal(model_get(model, 0x18, 4), 0xfffff000);
	assert_int_equal(model_get(model, 0x1c, 4), 0);
	assert_int_equal(model_get(model, 0x30, 4), 0xffff0001);
}

static void only_enabled_bytes_change(void **state)
{
	struct model *model = build(*state);

	model_write(model, 0x18 / 4, 0x4, 0x12345678);
	assert_int_equal(model_get(model, 0x18, 4), 0x00340000);
	model_write(model, 0x18 / 4, 0x2, UINT32_MAX);
	assert_int_equal(model_get(model, 0x18, 4), 0x0034f000);
}

static void command_has_the_bits_of_an_express_function(void **state)
{
	struct model *model = build(*state);

	assert_int_equal(write16(model, PCG_COMMAND, 0xffff), MODEL_COMMAND);
	/* No I/O BAR, no conventional bits. */
	assert_int_equal(model_get(model, PCG_COMMAND, 2), 0x0546);
}

static void an_io_bar_brings_the_io_bit(void **state)
{
	struct fixture *f = *state;
	struct model *model;

	f->bars[5] = (struct pcg_bar){ 32, PCG_BAR_IO, false };
	model = build(f);
	write16(model, PCG_COMMAND, 0xffff);
	assert_int_equal(model_get(model, PCG_COMMAND, 2), 0x0547);
}

static void a_recorded_enable_bit_is_there(void **state)
{
	struct fixture *f = *state;
	struct model *model;

	pcg_put16(f->config + PCG_COMMAND, PCG_COMMAND_IO);
	model = build(f);
	write16(model, PCG_COMMAND, 0);
	assert_int_equal(model_get(model, PCG_COMMAND, 2), 0);
	write16(model, PCG_COMMAND, PCG_COMMAND_IO);
	assert_int_equal(model_get(model, PCG_COMMAND, 2), PCG_COMMAND_IO);
}

static void a_vf_has_bus_master_alone(void **state)
{
	struct fixture *f = *state;
	struct model *model;

	f->is_vf = true;
	f->no_memory_bit = true;
	pcg_put16(f->config + PCG_COMMAND, 0x0406);
	memset(f->bars, 0, sizeof(f->bars));
	memset(&f->rom, 0, sizeof(f->rom));
	model = build(f);
	assert_int_equal(model_get(model, PCG_COMMAND, 2), 0x0004);
	write16(model, PCG_COMMAND, 0xffff);
	assert_int_equal(model_get(model, PCG_COMMAND, 2), 0x0004);
	write32(model, 0x10, UINT32_MAX);
	assert_int_equal(model_get(model, 0x10, 4), 0);
	write16(model, EXP + PCG_EXP_DEVCTL, 0x7fff);
	assert_int_equal(model_get(model, EXP + PCG_EXP_DEVCTL, 2), 0);
	assert_int_equal(write16(model, EXP + PCG_EXP_DEVCTL, PCG_DEVCTL_FLR), MODEL_FLR);
}

static void a_function_without_memory_bit_never_has_it(void **state)
{
	struct fixture *f = *state;
	struct model *model;

	f->no_memory_bit = true;
	pcg_put16(f->config + PCG_COMMAND, PCG_COMMAND_MEMORY);
	model = build(f);
	assert_int_equal(model_get(model, PCG_COMMAND, 2), 0);
	write16(model, PCG_COMMAND, PCG_COMMAND_MEMORY);
	assert_int_equal(model_get(model, PCG_COMMAND, 2), 0);
}

static void status_bits_clear_by_one_only(void **state)
{
	struct model *model = build(*state);

	model_set(model, PCG_STATUS, 2, 0xf900, 0xf900);
	write32(model, PCG_COMMAND, 0x10000000);
	assert_int_equal(model_get(model, PCG_STATUS, 2), 0xe910);
	write16(model, PCG_COMMAND, 0);
	assert_int_equal(model_get(model, PCG_STATUS, 2), 0xe910);
	write16(model, PCG_STATUS, 0xffff);
	assert_int_equal(model_get(model, PCG_STATUS, 2), 0x0010);
}

static void bytes_nobody_knows_are_read_only(void **state)
{
	struct model *model = build(*state);

	write32(model, 0xe0, UINT32_MAX);
	write32(model, 0x00, UINT32_MAX);
	write32(model, 0x800, UINT32_MAX);
	assert_int_equal(model_get(model, 0xe0, 4), 0x5a);
	assert_int_equal(model_get(model, 0x00, 4), 0x90011234);
	assert_int_equal(model_get(model, 0x800, 4), 0);
}

static void latency_timer_is_hardwired_on_express(void **state)
{
	struct model *model = build(*state);

	write32(model, PCG_CACHE_LINE, 0x0000ff10);
	assert_int_equal(model_get(model, PCG_CACHE_LINE, 4), 0x10);
}

static void payload_size_follows_the_capability(void **state)
{
	struct fixture *f = *state;
	struct model *model = build(f);

	write16(model, EXP + PCG_EXP_DEVCTL, 0x5040);
	assert_int_equal(model_get(model, EXP + PCG_EXP_DEVCTL, 2), 0x5040);
	/* 128 bytes only: hardwired. Extended tags and phantom functions are not there in either. */
	pcg_put32(f->config + EXP + PCG_EXP_DEVCAP, PCG_DEVCAP_FLR);
	model = build(f);
	write16(model, EXP + PCG_EXP_DEVCTL, 0x7fff);
	assert_int_equal(model_get(model, EXP + PCG_EXP_DEVCTL, 2), 0x781f);
}

static void flr_bit_acts_and_reads_zero(void **state)
{
	struct fixture *f = *state;
	struct model *model = build(f);

	assert_int_equal(write16(model, EXP + PCG_EXP_DEVCTL, 0x8000 | 0x2810), MODEL_FLR);
	assert_int_equal(model_get(model, EXP + PCG_EXP_DEVCTL, 2), 0x2810);
	/* A write of the other byte is no request. */
	assert_int_equal(model_write(model, (EXP + PCG_EXP_DEVCTL) / 4, 0x1, 0x8000), 0);
	f->config[EXP + PCG_EXP_DEVCAP + 3] = 0;
	model = build(f);
	assert_int_equal(write16(model, EXP + PCG_EXP_DEVCTL, 0x8000), 0);
}

static void advanced_features_reset_acts(void **state)
{
	struct fixture *f = *state;
	struct model *model = build(f);

	assert_int_equal(model_write(model, (AF + PCG_AF_CTRL) / 4, 0x1, 1), MODEL_FLR);
	assert_int_equal(model_get(model, AF + PCG_AF_CTRL, 1), 0);
	f->config[AF + PCG_AF_CAP] = PCG_AF_CAP_TP;
	model = build(f);
	assert_int_equal(model_write(model, (AF + PCG_AF_CTRL) / 4, 0x1, 1), 0);
}

static void reset_restores_defaults_and_keeps_the_sticky(void **state)
{
	struct model *model = build(*state);

	write16(model, PCG_COMMAND, 0x0546);
	write32(model, 0x10, 0xfe000000);
	write16(model, MSIX + 2, 0x8000);
	write16(model, EXP + PCG_EXP_DEVCTL, 0x5047);
	write32(model, AER + 8, 0x00400000);
	model_set(model, AER + 4, 4, 0x00100000, 0x00100000);
	model_set(model, EXP + PCG_EXP_DEVSTA, 2, 0x000f, 0x000f);
	model_reset(model);
	assert_int_equal(model_get(model, PCG_COMMAND, 2), 0);
	assert_int_equal(model_get(model, 0x10, 4), 0xc);
	assert_int_equal(model_get(model, MSIX + 2, 2), 7);
	/* PCIe 6.0, 6.6.2: the payload size stays, the rest of the register does not. */
	assert_int_equal(model_get(model, EXP + PCG_EXP_DEVCTL, 2), 0x2850);
	assert_int_equal(model_get(model, EXP + PCG_EXP_DEVSTA, 2), 0);
	assert_int_equal(model_get(model, AER + 8, 4), 0x00400000);
	assert_int_equal(model_get(model, AER + 4, 4), 0x00100000);
	assert_int_equal(model_get(model, PCG_VENDOR, 4), 0x90011234);
}

static void power_state_changes_are_told(void **state)
{
	struct model *model = build(*state);

	assert_int_equal(write16(model, PM + PCG_PM_CSR, 3), MODEL_POWER);
	assert_int_equal(model_power(model), PCG_D3HOT);
	assert_int_equal(write16(model, PM + PCG_PM_CSR, 3), 0);
	/* No_Soft_Reset is clear. */
	assert_int_equal(write16(model, PM + PCG_PM_CSR, 0), MODEL_POWER | MODEL_LOST);
	assert_int_equal(model_power(model), PCG_D0);
}

static void no_soft_reset_keeps_the_registers(void **state)
{
	struct fixture *f = *state;
	struct model *model;

	f->config[PM + PCG_PM_CSR] = PCG_PM_NO_SOFT_RESET;
	model = build(f);
	assert_int_equal(model_set_power(model, PCG_D3HOT), MODEL_POWER);
	assert_int_equal(model_set_power(model, PCG_D0), MODEL_POWER);
}

static void a_state_the_function_lacks_is_discarded(void **state)
{
	struct fixture *f = *state;
	struct model *model = build(f);

	assert_int_equal(write16(model, PM + PCG_PM_CSR, 0x0101), 0);
	assert_int_equal(model_get(model, PM + PCG_PM_CSR, 2), 0x0100);
	pcg_put16(f->config + PM + PCG_PM_PMC, 0xca03);
	model = build(f);
	assert_int_equal(write16(model, PM + PCG_PM_CSR, 1), MODEL_POWER);
	assert_int_equal(write16(model, PM + PCG_PM_CSR, 2), 0);
	assert_int_equal(model_power(model), PCG_D1);
}

static void pme_needs_a_state_to_come_from(void **state)
{
	struct fixture *f = *state;
	struct model *model;

	pcg_put16(f->config + PM + PCG_PM_PMC, 3);
	model = build(f);
	write16(model, PM + PCG_PM_CSR, 0x0100);
	assert_int_equal(model_get(model, PM + PCG_PM_CSR, 2), 0);
}

static void msi_masks_as_many_vectors_as_there_are(void **state)
{
	struct model *model = build(*state);

	write32(model, MSI + 0x10, UINT32_MAX);
	assert_int_equal(model_get(model, MSI + 0x10, 4), 0x0000000f);
	write32(model, MSI + 0x14, UINT32_MAX);
	assert_int_equal(model_get(model, MSI + 0x14, 4), 0);
	write16(model, MSI + 2, 0xffff);
	assert_int_equal(model_get(model, MSI + 2, 2), 0x01f5);
}

static void msi_layouts_put_data_in_their_places(void **state)
{
	static const struct {
		uint16_t control, data, mask;
	} layouts[] = { { 0, 8, 0 }, { 0x80, 0xc, 0 }, { 0x100, 8, 0xc }, { 0x180, 0xc, 0x10 } };
	struct fixture *f = *state;
	struct pci_register_place place;
	size_t i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		pcg_put16(f->config + MSI + 2, layouts[i].control);
		build(f);
		assert_true(pci_register_at(&place, &f->layout, f->config, MSI + layouts[i].data));
		assert_string_equal(place.row->name, "DATA");
		if (layouts[i].mask == 0)
			continue;
		assert_true(pci_register_at(&place, &f->layout, f->config, MSI + layouts[i].mask));
		assert_string_equal(place.row->name, "MASK");
	}
}

static void pasid_bits_follow_the_capability(void **state)
{
	struct model *model = build(*state);

	write16(model, PASID + 6, 0xffff);
	assert_int_equal(model_get(model, PASID + 6, 2), 0x0003);
}

static void resizable_bars_do_not_resize(void **state)
{
	struct model *model = build(*state);

	write32(model, REBAR + 8, UINT32_MAX);
	assert_int_equal(model_get(model, REBAR + 8, 4), 0x20);
}

static void vpd_answers_with_the_flag(void **state)
{
	struct model *model = build(*state);
	uint8_t vpd[16] = { [4] = 0x11, 0x22, 0x33, 0x44 };

	assert_int_equal(write16(model, VPD + 2, 4), MODEL_VPD);
	model_vpd(model, vpd, sizeof(vpd));
	assert_int_equal(model_get(model, VPD + 2, 2), 0x8004);
	assert_int_equal(model_get(model, VPD + 4, 4), 0x44332211);
	write32(model, VPD + 4, 0xddccbbaa);
	assert_int_equal(write16(model, VPD + 2, 0x8008), MODEL_VPD);
	model_vpd(model, vpd, sizeof(vpd));
	assert_int_equal(model_get(model, VPD + 2, 2), 0x0008);
	assert_int_equal(pcg_get32(vpd + 8), 0xddccbbaa);
}

static void vpd_outside_the_storage_is_not_answered(void **state)
{
	struct model *model = build(*state);
	uint8_t vpd[16] = { 0 };
	static const uint16_t addresses[] = { 2, 13, 16, 0x7ffc };
	size_t i;

	for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		write16(model, VPD + 2, addresses[i]);
		model_vpd(model, vpd, sizeof(vpd));
		assert_int_equal(model_get(model, VPD + 2, 2), addresses[i]);
	}
}

static void plain_memory_keeps_everything(void **state)
{
	struct fixture *f = *state;
	struct model *model;

	f->ram = true;
	model = build(f);
	assert_int_equal(write32(model, 0, 0xdeadbeef), 0);
	assert_int_equal(write32(model, PCG_COMMAND, UINT32_MAX), 0);
	assert_int_equal(write32(model, EXP + PCG_EXP_DEVCTL, 0x8000), 0);
	assert_int_equal(write16(model, PM + PCG_PM_CSR, 3), 0);
	model_reset(model);
	assert_int_equal(model_get(model, 0, 4), 0xdeadbeef);
	assert_int_equal(model_get(model, PCG_COMMAND, 4), UINT32_MAX);
	assert_int_equal(model_get(model, EXP + PCG_EXP_DEVCTL, 4), 0x8000);
}

static void past_the_end_is_all_ones_and_harmless(void **state)
{
	struct fixture *f = *state;
	const struct model_facts facts = {
		.config = f->config,
		.size = 256,
		.layout = &f->layout,
		.bars = f->bars,
		.rom = &f->rom,
	};

	build(f);
	assert_int_equal(pcg_layout_parse(&f->layout, f->config, 256, NULL), 0);
	assert_int_equal(model_init(&f->model, &facts), 0);
	assert_int_equal(model_write(&f->model, 64, 0xf, 0), 0);
	assert_int_equal(model_read(&f->model, 64), UINT32_MAX);
	assert_int_equal(model_read(&f->model, UINT16_MAX), UINT32_MAX);
}

static void registers_are_found_by_their_names(void **state)
{
	static const struct {
		uint16_t at, offset;
		const char *name;
	} known[] = {
		{ 0x05, 0x04, "COMMAND" },
		{ 0x1d, 0x1c, "BASE_ADDRESS" },
		{ PM + 4, PM + 4, "PMCSR" },
		{ EXP + 9, EXP + 8, "DEVCTL" },
		{ EXP + 0x12, EXP + 0x12, "LNKSTA" },
		{ AER + 0x21, AER + 0x20, "HDRLOG" },
		{ PASID + 6, PASID + 6, "CTRL" },
	};
	struct fixture *f = *state;
	struct pci_register_place place;
	size_t i;

	build(f);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_true(pci_register_at(&place, &f->layout, f->config, known[i].at));
		assert_string_equal(place.row->name, known[i].name);
		assert_int_equal(place.offset, known[i].offset);
		assert_non_null(place.row->section);
	}
	assert_false(pci_register_at(&place, &f->layout, f->config, 0xe0));
}

/* Every table: rows in order and apart, masks within the width and without contradictions. */
static void check_table(const struct pci_registers *table)
{
	uint32_t end = 0;
	unsigned int i, j;

	for (i = 0; i < table->nrows; i++) {
		const struct pci_register *row = &table->rows[i];
		uint32_t mask = row->width == 4 ? UINT32_MAX : (1u << (8 * row->width)) - 1;

		assert_true(row->width == 1 || row->width == 2 || row->width == 4);
		assert_int_equal(row->offset % row->width, 0);
		assert_non_null(row->section);
		assert_int_equal((row->rw | row->rw1c | row->act | row->zero) & ~mask, 0);
		assert_int_equal(row->rw & row->rw1c, 0);
		assert_int_equal((row->rw | row->rw1c) & (row->act | row->zero), 0);
		assert_int_equal(row->kept & ~(row->rw | row->rw1c), 0);
		assert_int_equal(row->reset & ~row->rw, 0);
		assert_int_equal(row->optional & ~row->rw, 0);
		assert_int_equal(row->not_vf & ~(row->rw | row->rw1c | row->act), 0);
		if (row->stride == 0) {
			assert_true(row->offset >= end);
			end = row->offset + row->width;
		}
	}
	for (i = 0; i < table->nconditions; i++) {
		for (j = 0; j < table->nrows && table->rows[j].offset != table->conditions[i].offset; j++)
			;
		/* Masks of MSI stand in layouts with and without them. */
		assert_true(j < table->nrows || table->id == PCG_CAP_MSI);
		if (j < table->nrows)
			assert_int_equal(table->conditions[i].bits &
						 ~(table->rows[j].rw | table->rows[j].rw1c | table->rows[j].act),
					 0);
	}
}

static void tables_do_not_contradict_themselves(void **state)
{
	uint8_t config[16] = { 0 };
	struct pcg_cap cap = { .length = 16 };
	unsigned int tables = 0, control;

	(void)state;
	check_table(pci_header_registers(false));
	check_table(pci_header_registers(true));
	for (control = 0; control <= 0x180; control += 0x80) {
		pcg_put16(config + 2, (uint16_t)control);
		for (cap.id = 0; cap.id < 0x100; cap.id++) {
			const struct pci_registers *table;

			cap.extended = false;
			table = pci_cap_registers(&cap, config, sizeof(config));
			if (table != NULL) {
				assert_int_equal(table->id, cap.id);
				check_table(table);
				tables++;
			}
			cap.extended = true;
			table = pci_cap_registers(&cap, config, sizeof(config));
			if (table != NULL) {
				assert_int_equal(table->id, cap.id);
				check_table(table);
				tables++;
			}
		}
	}
	assert_true(tables > 4 * 40);
}

/* Whatever configuration space says, nothing outside it is touched and nothing hangs. */
static void any_bytes_make_a_model(void **state)
{
	struct fixture *f = *state;
	unsigned int round, i;
	uint32_t seed = 1;

	for (round = 0; round < 300; round++) {
		for (i = 0; i < sizeof(f->config); i++) {
			seed = seed * 1664525 + 1013904223;
			f->config[i] = (uint8_t)(seed >> 24);
		}
		f->config[PCG_HEADER_TYPE] = 0;
		f->config[0] = 1;
		build(f);
		for (i = 0; i < 1200; i++)
			model_write(&f->model, (uint16_t)i, 0xf, seed ^ i);
		model_reset(&f->model);
		assert_int_equal(model_get(&f->model, 0, 1), 1);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bar_sizes_read_back),
		TEST(only_enabled_bytes_change),
		TEST(command_has_the_bits_of_an_express_function),
		TEST(an_io_bar_brings_the_io_bit),
		TEST(a_recorded_enable_bit_is_there),
		TEST(a_vf_has_bus_master_alone),
		TEST(a_function_without_memory_bit_never_has_it),
		TEST(status_bits_clear_by_one_only),
		TEST(bytes_nobody_knows_are_read_only),
		TEST(latency_timer_is_hardwired_on_express),
		TEST(payload_size_follows_the_capability),
		TEST(flr_bit_acts_and_reads_zero),
		TEST(advanced_features_reset_acts),
		TEST(reset_restores_defaults_and_keeps_the_sticky),
		TEST(power_state_changes_are_told),
		TEST(no_soft_reset_keeps_the_registers),
		TEST(a_state_the_function_lacks_is_discarded),
		TEST(pme_needs_a_state_to_come_from),
		TEST(msi_masks_as_many_vectors_as_there_are),
		TEST(msi_layouts_put_data_in_their_places),
		TEST(pasid_bits_follow_the_capability),
		TEST(resizable_bars_do_not_resize),
		TEST(vpd_answers_with_the_flag),
		TEST(vpd_outside_the_storage_is_not_answered),
		TEST(plain_memory_keeps_everything),
		TEST(past_the_end_is_all_ones_and_harmless),
		TEST(registers_are_found_by_their_names),
		cmocka_unit_test(tables_do_not_contradict_themselves),
		TEST(any_bytes_make_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
