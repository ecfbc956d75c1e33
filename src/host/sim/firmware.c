/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/sim/endpoint.h"
#include "host/sim/firmware_walk.h"

enum {
	ROUTING_VALIDATION = 0x01, /* ACS, PCIe 6.0, 7.7.11.3 */
	REQUEST_REDIRECT = 0x04,
	COMPLETION_REDIRECT = 0x08,
	UPSTREAM_FORWARDING = 0x10,
	ACS_CAPABILITY = 4,
	AER_UNCORRECTABLE = 4, /* status registers, 7.8.4.2 and 7.8.4.5 */
	AER_CORRECTABLE = 16,
	ARI_FORWARDING = 0x20,  /* DEVCAP2 and DEVCTL2, 7.5.3.15 and 7.5.3.16 */
	ERROR_REPORTING = 0x0f, /* DEVCTL, 7.5.3.4 */
	BRIDGE_SERR = 0x02,     /* 7.5.1.3.13 */
	MULTI_FUNCTION = 0x80,  /* 7.5.1.1.9 */
	TYPE = 0x7f,
	SRIOV_VF_ENABLE = 0x01, /* 9.3.3.3 */
	SRIOV_VF_MEMORY = 0x08,
	SRIOV_ARI = 0x10,
	MAX_CAPS = 48,
	MAX_ECAPS = 960,
};

uint32_t firmware_get(struct fabric *fabric, uint16_t bdf, uint16_t offset, unsigned int width)
{
	uint8_t be = (uint8_t)(((1u << width) - 1) << (offset & 3u));
	uint32_t value, mask = width == 4 ? UINT32_MAX : (1u << (8 * width)) - 1;

	fabric_config_read(fabric, bdf, offset / 4, be, &value);
	return value >> (8 * (offset & 3u)) & mask;
}

void firmware_put(struct fabric *fabric, uint16_t bdf, uint16_t offset, unsigned int width, uint32_t value)
{
	uint8_t be = (uint8_t)(((1u << width) - 1) << (offset & 3u));

	fabric_config_write(fabric, bdf, offset / 4, be, value << (8 * (offset & 3u)));
}

static void set_bits(struct firmware *fw, uint16_t bdf, uint16_t offset, uint32_t bits)
{
	firmware_put(fw->fabric, bdf, offset, 2, firmware_get(fw->fabric, bdf, offset, 2) | bits);
}

static uint16_t find_cap(struct firmware *fw, uint16_t bdf, uint8_t id)
{
	uint16_t at = (uint16_t)(firmware_get(fw->fabric, bdf, PCG_CAPABILITIES, 1) & 0xfcu);

	for (unsigned int n = 0; n < MAX_CAPS && at >= PCG_HEADER_END; n++) {
		uint32_t header = firmware_get(fw->fabric, bdf, at, 2);

		if ((header & 0xffu) == id)
			return at;
		at = (uint16_t)(header >> 8 & 0xfcu);
	}
	return 0;
}

uint16_t firmware_extended(struct firmware *fw, uint16_t bdf, uint16_t id)
{
	uint16_t at = PCG_CONFIG_CONVENTIONAL;

	for (unsigned int n = 0; n < MAX_ECAPS && at >= PCG_CONFIG_CONVENTIONAL; n++) {
		uint32_t header = firmware_get(fw->fabric, bdf, at, 4);

		if (header == UINT32_MAX)
			return 0;
		if ((header & 0xffffu) == id)
			return at;
		at = (uint16_t)(header >> 20 & 0xffcu);
	}
	return 0;
}

/* --- buses --- */

static const struct description_node *said_of(struct firmware *fw, uint16_t bdf)
{
	struct fabric_function *f = fabric_find(fw->fabric, bdf);

	return f != NULL ? description_of(fw->description, f) : NULL;
}

/* PCIe 6.0, 6.13: a port lets all 256 functions of its one device through, if told, and if the device has such. */
static bool enable_ari(struct firmware *fw, const struct firmware_place *bridge, uint16_t below)
{
	if (bridge == NULL || bridge->express == 0 || firmware_extended(fw, below, PCG_ECAP_ARI) == 0 ||
	    !(firmware_get(fw->fabric, bridge->bdf, (uint16_t)(bridge->express + PCG_EXP_DEVCAP2), 4) & ARI_FORWARDING))
		return false;
	set_bits(fw, bridge->bdf, (uint16_t)(bridge->express + PCG_EXP_DEVCTL2), ARI_FORWARDING);
	return true;
}

/* How far VFs reach is known when ARI and their number are set (9.3.3.9): room is left for all of them. */
static void reserve_buses(struct firmware *fw, const struct firmware_place *place, bool ari)
{
	uint16_t at = place->sriov;
	uint32_t total = firmware_get(fw->fabric, place->bdf, (uint16_t)(at + SRIOV_TOTAL_VFS), 2), last;

	firmware_put(fw->fabric, place->bdf, (uint16_t)(at + SRIOV_CONTROL), 2, ari ? SRIOV_ARI : 0);
	if (total == 0)
		return;
	firmware_put(fw->fabric, place->bdf, (uint16_t)(at + SRIOV_NUM_VFS), 2, total);
	last = place->bdf + firmware_get(fw->fabric, place->bdf, (uint16_t)(at + SRIOV_VF_OFFSET), 2) +
	       (total - 1) * firmware_get(fw->fabric, place->bdf, (uint16_t)(at + SRIOV_VF_STRIDE), 2);
	firmware_put(fw->fabric, place->bdf, (uint16_t)(at + SRIOV_NUM_VFS), 2, 0);
	if (last >> 8 > fw->last_bus)
		fw->last_bus = last >> 8;
}

static int scan_bus(struct firmware *fw, int parent, uint8_t bus);

static int scan_bridge(struct firmware *fw, unsigned int index)
{
	struct firmware_place *bridge = &fw->places[index];
	uint16_t bdf = bridge->bdf;
	int r;

	if (fw->last_bus >= 255)
		return -ENOSPC;
	bridge->secondary = (uint8_t)++fw->last_bus;
	firmware_put(fw->fabric, bdf, BRIDGE_PRIMARY, 1, bdf >> 8);
	firmware_put(fw->fabric, bdf, BRIDGE_SECONDARY, 1, bridge->secondary);
	firmware_put(fw->fabric, bdf, BRIDGE_SUBORDINATE, 1, 255);
	r = scan_bus(fw, (int)index, bridge->secondary);
	bridge->subordinate = (uint8_t)(fw->last_bus < 255 ? fw->last_bus : 255);
	firmware_put(fw->fabric, bdf, BRIDGE_SUBORDINATE, 1, bridge->subordinate);
	return r;
}

static int found(struct firmware *fw, int parent, uint16_t bdf)
{
	struct firmware_place *place = &fw->places[fw->nplaces];
	bool ari;

	if (fw->nplaces == FABRIC_MAX_FUNCTIONS)
		return -ENOSPC;
	*place = (struct firmware_place){ .bdf = bdf, .parent = parent };
	place->bridge = (firmware_get(fw->fabric, bdf, PCG_HEADER_TYPE, 1) & TYPE) == 1;
	place->express = find_cap(fw, bdf, PCG_CAP_EXP);
	/* So it learns its bus number (2.2.6.2). */
	firmware_put(fw->fabric, bdf, PCG_COMMAND, 2, 0);
	fw->nplaces++;
	if (place->bridge)
		return scan_bridge(fw, fw->nplaces - 1);
	place->sriov = firmware_extended(fw, bdf, PCG_ECAP_SRIOV);
	ari = enable_ari(fw, parent >= 0 ? &fw->places[parent] : NULL, bdf);
	if (place->sriov != 0)
		reserve_buses(fw, place, ari);
	return fw->last_bus > 255 ? -ENOSPC : 0;
}

/* Functions of a device without ARI; VFs are not there yet. */
static int scan_device(struct firmware *fw, int parent, uint16_t bdf)
{
	int r = 0;

	for (unsigned int function = 0; r == 0 && function < 8; function++) {
		uint16_t at = (uint16_t)(bdf + function);

		if (firmware_get(fw->fabric, at, PCG_VENDOR, 4) != UINT32_MAX)
			r = found(fw, parent, at);
		if (function == 0 && !(firmware_get(fw->fabric, at, PCG_HEADER_TYPE, 1) & MULTI_FUNCTION))
			break;
	}
	return r;
}

/* A link has one device, of number 0 (7.3.1): to ask for others is an error that ports log. */
static bool leads_to_one(struct firmware *fw, int parent)
{
	const struct firmware_place *bridge = parent >= 0 ? &fw->places[parent] : NULL;
	uint32_t kind;

	if (bridge == NULL || bridge->express == 0)
		return false;
	kind = firmware_get(fw->fabric, bridge->bdf, (uint16_t)(bridge->express + PCG_EXP_FLAGS), 2) >> 4 & 15u;
	return kind == FABRIC_ROOT_PORT || kind == FABRIC_DOWNSTREAM;
}

static int scan_bus(struct firmware *fw, int parent, uint8_t bus)
{
	unsigned int devices = leads_to_one(fw, parent) ? 1 : 32;
	int r = 0;

	for (unsigned int device = 0; r == 0 && device < devices; device++) {
		uint16_t bdf = TLP_BDF(bus, device << 3);

		if (firmware_get(fw->fabric, bdf, PCG_VENDOR, 4) != UINT32_MAX)
			r = scan_device(fw, parent, bdf);
	}
	return r;
}

/* --- settings --- */

static bool is_below(const struct firmware *fw, unsigned int index, unsigned int top)
{
	for (int i = (int)index; i >= 0; i = fw->places[i].parent)
		if (i == (int)top)
			return true;
	return false;
}

/* The largest that everything below one root port can do: what is below another never meets it without being cut. */
static void set_payload(struct firmware *fw, unsigned int top)
{
	const struct description_node *node = said_of(fw, fw->places[top].bdf);
	uint32_t code = 5, wanted = 5;

	for (unsigned int i = top; i < fw->nplaces; i++) {
		const struct firmware_place *place = &fw->places[i];
		uint32_t can;

		if (place->express == 0 || !is_below(fw, i, top))
			continue;
		can = firmware_get(fw->fabric, place->bdf, (uint16_t)(place->express + PCG_EXP_DEVCAP), 4) &
		      PCG_DEVCAP_MPSS;
		code = can < code ? can : code;
	}
	if (node != NULL && node->port.payload != 0)
		for (wanted = 0; 128u << wanted < node->port.payload; wanted++)
			;
	if (wanted < 5 && wanted > code)
		base_log(fw->log, PCG_WARN, "sim: %s: payload=%u is more than all below it can do, and becomes %u",
			 node->name, (unsigned int)node->port.payload, 128u << code);
	code = wanted < code ? wanted : code;
	for (unsigned int i = top; i < fw->nplaces; i++) {
		const struct firmware_place *place = &fw->places[i];
		uint16_t at = (uint16_t)(place->express + PCG_EXP_DEVCTL);

		if (place->express != 0 && is_below(fw, i, top))
			firmware_put(fw->fabric, place->bdf, at, 2,
				     (firmware_get(fw->fabric, place->bdf, at, 2) & ~(uint32_t)PCG_DEVCTL_MPS) |
					     code << 5);
	}
}

/* Looking for what is not there is an error to those who were asked for it (6.2.3.1), and nobody's. */
static void forget_errors(struct firmware *fw, const struct firmware_place *place)
{
	uint16_t aer = firmware_extended(fw, place->bdf, PCG_ECAP_AER);

	if (place->express != 0)
		firmware_put(fw->fabric, place->bdf, (uint16_t)(place->express + PCG_EXP_DEVSTA), 2, UINT16_MAX);
	if (aer == 0)
		return;
	firmware_put(fw->fabric, place->bdf, (uint16_t)(aer + AER_UNCORRECTABLE), 4, UINT32_MAX);
	firmware_put(fw->fabric, place->bdf, (uint16_t)(aer + AER_CORRECTABLE), 4, UINT32_MAX);
}

static void set_up(struct firmware *fw, const struct firmware_place *place)
{
	uint16_t acs = firmware_extended(fw, place->bdf, PCG_ECAP_ACS);

	forget_errors(fw, place);

	if (acs != 0)
		firmware_put(
			fw->fabric, place->bdf, (uint16_t)(acs + ACS_CONTROL), 2,
			firmware_get(fw->fabric, place->bdf, (uint16_t)(acs + ACS_CAPABILITY), 2) &
				(ROUTING_VALIDATION | REQUEST_REDIRECT | COMPLETION_REDIRECT | UPSTREAM_FORWARDING));
	if (place->express != 0)
		set_bits(fw, place->bdf, (uint16_t)(place->express + PCG_EXP_DEVCTL), ERROR_REPORTING);
	if (!place->bridge)
		return;
	firmware_put(fw->fabric, place->bdf, BRIDGE_CONTROL, 2, BRIDGE_SERR);
	firmware_put(fw->fabric, place->bdf, PCG_COMMAND, 2,
		     PCG_COMMAND_IO | PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER | PCG_COMMAND_SERR);
}

static int make_virtuals(struct firmware *fw, const struct firmware_place *place)
{
	struct fabric_function *pf = fabric_find(fw->fabric, place->bdf);
	const struct description_node *node = said_of(fw, place->bdf);
	int r;

	if (place->sriov == 0 || pf == NULL || node == NULL || node->options == NULL || node->options->enabled == 0)
		return 0;
	r = firmware_virtuals(pf, node->options->enabled);
	if (r != 0)
		base_log(fw->log, PCG_ERROR, "sim: %s does not make %u VFs of %u: %s", node->name,
			 node->options->enabled, node->options->vfs,
			 r == -ERANGE ? "enabled= is at most vfs=" : "it has no room for them");
	return r;
}

static int run(struct firmware *fw)
{
	int r = scan_bus(fw, -1, 0);

	if (r == -ENOSPC)
		base_log(
			fw->log, PCG_ERROR,
			"sim: bus numbers are used up: a fabric has 256, each link and switch takes one, and VFs without ARI "
			"one more for every 256; take less, or several fabrics");
	if (r != 0)
		return r;
	firmware_space(fw);
	for (unsigned int i = 0; i < fw->nplaces; i++) {
		if (fw->places[i].parent < 0)
			set_payload(fw, i);
		set_up(fw, &fw->places[i]);
	}
	for (unsigned int i = 0; r == 0 && i < fw->nplaces; i++)
		r = make_virtuals(fw, &fw->places[i]);
	return r;
}

int firmware_run(struct fabric *fabric, const struct description *description, const struct pcg_log *log)
{
	struct firmware fw = { .fabric = fabric, .description = description, .log = log };
	int r;

	fw.places = calloc(FABRIC_MAX_FUNCTIONS, sizeof(*fw.places));
	if (fw.places == NULL)
		return -ENOMEM;
	r = run(&fw);
	free(fw.places);
	return r;
}

/* --- VFs --- */

static uint32_t sriov_get(struct fabric_function *pf, unsigned int reg, unsigned int width)
{
	return firmware_get(pf->fabric, fabric_bdf(pf), (uint16_t)(pf->at.sriov + reg), width);
}

static void sriov_put(struct fabric_function *pf, unsigned int reg, unsigned int width, uint32_t value)
{
	firmware_put(pf->fabric, fabric_bdf(pf), (uint16_t)(pf->at.sriov + reg), width, value);
}

int firmware_virtuals(struct fabric_function *pf, unsigned int count)
{
	uint32_t ari;

	if (pf->at.sriov == 0)
		return -ENOTTY;
	ari = sriov_get(pf, SRIOV_CONTROL, 2) & SRIOV_ARI;
	if (count == 0) {
		sriov_put(pf, SRIOV_CONTROL, 2, ari);
		sriov_put(pf, SRIOV_NUM_VFS, 2, 0);
		return pf->nvirtuals == 0 ? 0 : -EIO;
	}
	if (pf->nvirtuals != 0)
		return -EBUSY;
	if (count > sriov_get(pf, SRIOV_TOTAL_VFS, 2))
		return -ERANGE;
	sriov_put(pf, SRIOV_NUM_VFS, 2, count);
	sriov_put(pf, SRIOV_CONTROL, 2, ari | SRIOV_VF_ENABLE | SRIOV_VF_MEMORY);
	if (pf->nvirtuals == count)
		return 0;
	sriov_put(pf, SRIOV_CONTROL, 2, ari);
	sriov_put(pf, SRIOV_NUM_VFS, 2, 0);
	return -EIO;
}

void firmware_save(struct fabric_function *pf, struct firmware_saved *saved)
{
	saved->page = sriov_get(pf, SRIOV_SYSTEM_PAGE, 4);
	saved->ari = (sriov_get(pf, SRIOV_CONTROL, 2) & SRIOV_ARI) != 0;
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		saved->bars[i] = sriov_get(pf, SRIOV_BAR0 + 4 * i, 4);
}

void firmware_restore(struct fabric_function *pf, const struct firmware_saved *saved)
{
	sriov_put(pf, SRIOV_SYSTEM_PAGE, 4, saved->page);
	sriov_put(pf, SRIOV_CONTROL, 2, saved->ari ? SRIOV_ARI : 0);
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		sriov_put(pf, SRIOV_BAR0 + 4 * i, 4, saved->bars[i]);
}
