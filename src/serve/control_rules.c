/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "serve/control_rules.h"

#define FACT(word, member)                                                                                             \
	{                                                                                                              \
		word, offsetof(struct pcg_host_info, member)                                                           \
	}

static const struct {
	const char *word;
	size_t at; /* of a bool */
} flags[] = {
	FACT("vf", is_vf),
	FACT("no-command-memory", no_command_memory),
	FACT("no-intx", no_intx),
	FACT("can-reset", can_reset),
	FACT("intx-broken", intx_broken),
	FACT("intx-follows", intx_follows),
	FACT("keeps-registers", keeps_registers),
	FACT("restores", restores),
	FACT("shows-intx", shows_intx),
};

#define NFLAGS (sizeof(flags) / sizeof(flags[0]))

/* --- written --- */

static const char *profile_name(const struct pcg_profile *profile)
{
	const char *name;

	for (unsigned int n = 0; (name = pcg_profile_name(n)) != NULL; n++)
		if (pcg_profile_find(name) == profile)
			return name;
	return "unknown";
}

static void put_pasid(FILE *out, const struct pcg_view_options *options, const struct pcg_host_info *info)
{
	const struct pcg_pasid_options *o = &options->pasid;
	const struct pcg_pasid_wish *s = &options->spoken;
	const struct pcg_pasid_facts *f = &info->pasid;

	if (o->pasid.shown == PCG_SHOWN_NEVER && o->ats.shown == PCG_SHOWN_NEVER && o->pri.shown == PCG_SHOWN_NEVER)
		return;
	fprintf(out, "pasid %x %x %x %x %x %x %x %x %x %x %x %x\n", o->pasid.shown, o->pasid.at, o->ats.shown,
		o->ats.at, o->pri.shown, o->pri.at, o->width, s->width, s->execute, s->privileged, s->ats,
		s->page_requests);
	fprintf(out, "enforced %x %x %x %x %x %x %x %x\n", f->width, f->execute, f->privileged, f->ats,
		f->page_requests, f->pasid_at, f->ats_at, f->pri_at);
}

static void put_rebar(FILE *out, const struct pcg_view_options *options, const struct pcg_host_info *info)
{
	if (!options->rebar)
		return;
	fputs("resizable", out);
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		fprintf(out, " %" PRIx64, info->resizable[i]);
	fputs("\n", out);
}

void control_rules_put(FILE *out, const struct pcg_view_options *options, const struct pcg_host_info *info)
{
	fprintf(out, "profile %s\n", profile_name(options->profile));
	if (options->mps_supported != 0)
		fprintf(out, "policy mps-supported=%u\n", options->mps_supported);
	if (options->no_command_memory)
		fprintf(out, "policy no-command-memory=on\n");
	if (options->msix_vectors != 0)
		fprintf(out, "policy msix-vectors=%u\n", options->msix_vectors);
	put_pasid(out, options, info);
	put_rebar(out, options, info);
	fprintf(out, "facts");
	for (size_t i = 0; i < NFLAGS; i++)
		if (*(const bool *)((const char *)info + flags[i].at))
			fprintf(out, " %s", flags[i].word);
	fprintf(out, " id=%04x:%04x unplaced=%x express=%x:%x\n", info->vendor, info->device, info->unplaced,
		info->express, info->express_flags);
}

static bool is_for(const struct pcg_quirk *q, uint16_t vendor, uint16_t device)
{
	return (q->vendor == PCG_QUIRK_ANY || q->vendor == vendor) &&
	       (q->device == PCG_QUIRK_ANY || q->device == device);
}

void control_rules_put_quirks(FILE *out, const struct pcg_view_options *options, uint16_t vendor, uint16_t device)
{
	for (unsigned int i = 0; i < options->nquirks; i++) {
		const struct pcg_quirk *q = &options->quirks[i];
		const char *where = q->where == NULL ? "" : q->where;

		if (is_for(q, vendor, device))
			fprintf(out, "quirk %x %x %x %x %x %x %x %x %x %x %x %x %x %x %x %.*s\n", q->vendor, q->device,
				q->subvendor, q->subsystem, q->revision, q->revision_last, (unsigned int)q->vf,
				(unsigned int)q->kind, q->in_cap, q->extended, q->instance, q->id, q->start, q->end,
				q->value, (int)strcspn(where, "\r\n"), where);
	}
}

/* --- read --- */

static void take_facts(struct control_rules *rules, const char *line)
{
	struct pcg_host_info *info = &rules->facts;
	const char *word = line + strcspn(line, " ");

	rules->has_facts = true;
	while (*(word += strspn(word, " ")) != '\0') {
		size_t length = strcspn(word, " ");
		unsigned int a, b;

		for (size_t i = 0; i < NFLAGS; i++)
			if (strlen(flags[i].word) == length && strncmp(flags[i].word, word, length) == 0)
				*(bool *)((char *)info + flags[i].at) = true;
		if (sscanf(word, "id=%4x:%4x", &a, &b) == 2) {
			info->vendor = (uint16_t)a;
			info->device = (uint16_t)b;
		} else if (sscanf(word, "unplaced=%2x", &a) == 1) {
			info->unplaced = (uint8_t)a;
		} else if (sscanf(word, "express=%4x:%4x", &a, &b) == 2) {
			info->express = (uint16_t)a;
			info->express_flags = (uint16_t)b;
		}
		word += length;
	}
}

/* The numbers of a quirk, in order. */
enum {
	Q_VENDOR,
	Q_DEVICE,
	Q_SUBVENDOR,
	Q_SUBSYSTEM,
	Q_REVISION,
	Q_REVISION_LAST,
	Q_VF,
	Q_KIND,
	Q_IN_CAP,
	Q_EXTENDED,
	Q_INSTANCE,
	Q_ID,
	Q_START,
	Q_END,
	Q_VALUE,
	NUM_Q,
};

static bool take_numbers(const char **at, uint32_t numbers[NUM_Q])
{
	for (unsigned int i = 0; i < NUM_Q; i++) {
		int used = 0;

		if (sscanf(*at, " %8" SCNx32 "%n", &numbers[i], &used) != 1)
			return false;
		*at += used;
	}
	return numbers[Q_VF] <= PCG_QUIRK_NO_VF && numbers[Q_KIND] < PCG_NUM_QUIRK_KINDS &&
	       numbers[Q_START] <= PCG_CONFIG_EXTENDED && numbers[Q_END] <= PCG_CONFIG_EXTENDED;
}

static void take_quirk(struct control_rules *rules, const char *at)
{
	unsigned int i = rules->view.nquirks;
	uint32_t n[NUM_Q];

	if (!take_numbers(&at, n))
		return;
	if (i == CONTROL_QUIRKS) {
		rules->too_many = true;
		return;
	}
	snprintf(rules->where[i], CONTROL_WHERE, "%s", at + strspn(at, " "));
	rules->quirks[i] = (struct pcg_quirk){
		.vendor = n[Q_VENDOR],
		.device = n[Q_DEVICE],
		.subvendor = n[Q_SUBVENDOR],
		.subsystem = n[Q_SUBSYSTEM],
		.revision = (uint8_t)n[Q_REVISION],
		.revision_last = (uint8_t)n[Q_REVISION_LAST],
		.vf = (enum pcg_quirk_vf)n[Q_VF],
		.kind = (enum pcg_quirk_kind)n[Q_KIND],
		.in_cap = n[Q_IN_CAP] != 0,
		.extended = n[Q_EXTENDED] != 0,
		.instance = (uint8_t)n[Q_INSTANCE],
		.id = (uint16_t)n[Q_ID],
		.start = (uint16_t)n[Q_START],
		.end = (uint16_t)n[Q_END],
		.value = n[Q_VALUE],
		.where = rules->where[i],
	};
	rules->view.quirks = rules->quirks;
	rules->view.nquirks = i + 1;
}

static void take_pasid(struct control_rules *rules, const char *line)
{
	unsigned int o[7], s[5], f[8];

	if (sscanf(line, "pasid %2x %4x %2x %4x %2x %4x %2x %2x %1x %1x %1x %1x", &o[0], &o[1], &o[2], &o[3], &o[4],
		   &o[5], &o[6], &s[0], &s[1], &s[2], &s[3], &s[4]) == 12) {
		rules->view.pasid = (struct pcg_pasid_options){ .pasid = { (uint8_t)o[0], (uint16_t)o[1] },
								.ats = { (uint8_t)o[2], (uint16_t)o[3] },
								.pri = { (uint8_t)o[4], (uint16_t)o[5] },
								.width = (uint8_t)o[6] };
		rules->view.spoken =
			(struct pcg_pasid_wish){ (uint8_t)s[0], s[1] != 0, s[2] != 0, s[3] != 0, s[4] != 0 };
	} else if (sscanf(line, "enforced %2x %1x %1x %1x %8x %4x %4x %4x", &f[0], &f[1], &f[2], &f[3], &f[4], &f[5],
			  &f[6], &f[7]) == 8) {
		rules->facts.pasid = (struct pcg_pasid_facts){ .width = (uint8_t)f[0],
							       .execute = f[1] != 0,
							       .privileged = f[2] != 0,
							       .ats = f[3] != 0,
							       .page_requests = f[4],
							       .pasid_at = (uint16_t)f[5],
							       .ats_at = (uint16_t)f[6],
							       .pri_at = (uint16_t)f[7] };
	}
}

static void take_rebar(struct control_rules *rules, const char *line)
{
	uint64_t *s = rules->facts.resizable;

	rules->view.rebar =
		sscanf(line,
		       "resizable %16" SCNx64 " %16" SCNx64 " %16" SCNx64 " %16" SCNx64 " %16" SCNx64 " %16" SCNx64,
		       &s[0], &s[1], &s[2], &s[3], &s[4], &s[5]) == PCG_NUM_BARS;
}

bool control_rules_take(struct control_rules *rules, const char *line)
{
	unsigned int bytes, vectors;

	if (sscanf(line, "profile %31s", rules->profile) == 1)
		return true;
	if (sscanf(line, "policy mps-supported=%u", &bytes) == 1) {
		rules->view.mps_supported = (uint16_t)bytes;
		return true;
	}
	if (sscanf(line, "policy msix-vectors=%u", &vectors) == 1) {
		rules->view.msix_vectors = (uint16_t)vectors;
		return true;
	}
	if (strncmp(line, "policy ", 7) == 0) {
		rules->view.no_command_memory |= strcmp(line + 7, "no-command-memory=on") == 0;
		return true;
	}
	if (strcmp(line, "facts") == 0 || strncmp(line, "facts ", 6) == 0)
		take_facts(rules, line);
	else if (strncmp(line, "pasid ", 6) == 0 || strncmp(line, "enforced ", 9) == 0)
		take_pasid(rules, line);
	else if (strncmp(line, "resizable ", 10) == 0)
		take_rebar(rules, line);
	else if (strncmp(line, "quirk ", 6) == 0)
		take_quirk(rules, line + 6);
	else
		return false;
	return true;
}
