/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/sim/errors.h"
#include "host/sim/pool_internal.h"

static struct sim_errors *record_of(struct sim_error_log *log, uint16_t bdf)
{
	struct sim_errors *errors;

	for (unsigned int i = 0; i < log->count; i++)
		if (log->errors[i].bdf == bdf)
			return &log->errors[i];
	if (log->count == FABRIC_MAX_FUNCTIONS)
		return NULL;
	if ((log->count & (log->count - 1)) == 0) {
		size_t room = log->count == 0 ? 1 : 2 * (size_t)log->count;

		errors = realloc(log->errors, room * sizeof(*errors));
		if (errors == NULL)
			return NULL;
		log->errors = errors;
	}
	errors = &log->errors[log->count++];
	*errors = (struct sim_errors){ .bdf = bdf };
	return errors;
}

void sim_errors_count(struct sim_error_log *log, const struct fabric_report *report)
{
	struct sim_errors *errors = record_of(log, report->reporter);

	if (errors == NULL)
		return;
	errors->newest = report->error;
	if (report->message == TLP_ERR_COR)
		errors->correctable++;
	else if (report->message == TLP_ERR_NONFATAL)
		errors->nonfatal++;
	else if (report->message == TLP_ERR_FATAL)
		errors->fatal++;
	else
		errors->silent++;
}

const struct sim_errors *sim_errors_of(const struct sim_error_log *log, uint16_t bdf)
{
	for (unsigned int i = 0; i < log->count; i++)
		if (log->errors[i].bdf == bdf)
			return &log->errors[i];
	return NULL;
}

void sim_errors_finish(struct sim_error_log *log)
{
	free(log->errors);
	*log = (struct sim_error_log){ .errors = NULL };
}

const char *sim_errors_text(enum fabric_error error)
{
	switch (error) {
	case FABRIC_DATA_LINK:
		return "Data Link Protocol Error";
	case FABRIC_SURPRISE_DOWN:
		return "Surprise Down";
	case FABRIC_POISONED:
		return "Poisoned TLP";
	case FABRIC_FLOW_CONTROL:
		return "Flow Control Protocol Error";
	case FABRIC_COMPLETION_TIMEOUT:
		return "Completion Timeout";
	case FABRIC_COMPLETER_ABORT:
		return "Completer Abort";
	case FABRIC_UNEXPECTED_COMPLETION:
		return "Unexpected Completion";
	case FABRIC_RECEIVER_OVERFLOW:
		return "Receiver Overflow";
	case FABRIC_MALFORMED:
		return "Malformed TLP";
	case FABRIC_UNSUPPORTED:
		return "Unsupported Request";
	case FABRIC_ACS_VIOLATION:
		return "ACS Violation";
	case FABRIC_ADVISORY:
		return "Advisory Non-Fatal Error";
	default:
		return "an error";
	}
}

void sim_errors_note(struct fabric *fabric, const struct fabric_report *report, const struct pcg_log *log)
{
	static const char *const kinds[] = { "a correctable error", "an error that is not fatal", "", "a fatal error" };
	const struct fabric_function *reporter = fabric_find(fabric, report->reporter);
	bool owed = report->error == FABRIC_COMPLETION_TIMEOUT && report->about != report->reporter;
	uint16_t other = owed ? report->about : report->requester;
	char name[64] = "somebody", whose[32] = "";

	if (report->message < TLP_ERR_COR || report->message > TLP_ERR_FATAL)
		return;
	if (reporter != NULL)
		sim_name(reporter, name, sizeof(name));
	if (other != report->reporter)
		snprintf(whose, sizeof(whose), ", of a packet %s %02x:%02x.%x", owed ? "to" : "of", other >> 8,
			 other >> 3 & 31u, other & 7u);
	base_log(log, report->message == TLP_ERR_COR ? PCG_INFO : PCG_WARN, "sim: %s (%02x:%02x.%x) reports %s: %s%s",
		 name, report->reporter >> 8, report->reporter >> 3 & 31u, report->reporter & 7u,
		 kinds[report->message - TLP_ERR_COR], sim_errors_text(report->error), whose);
}

static const char *blocked_why(enum pcg_fault_reason reason)
{
	static const char *const why[PCG_NUM_FAULT_REASONS] = {
		[PCG_FAULT_BLOCKED] = "all of it is blocked",
		[PCG_FAULT_PASID_OFF] = "its PASID Enable is clear",
		[PCG_FAULT_PASID_WIDE] = "the PASID is wider than its capability shows",
		[PCG_FAULT_PASID_UNKNOWN] = "no address space stands at this PASID",
		[PCG_FAULT_NOT_MAPPED] = "nothing is mapped there",
		[PCG_FAULT_READ] = "what is there cannot be read",
		[PCG_FAULT_WRITE] = "what is there cannot be written",
		[PCG_FAULT_EXECUTE] = "what is there cannot be executed",
		[PCG_FAULT_EXECUTE_OFF] = "its Execute Permission Enable is clear",
		[PCG_FAULT_PRIVILEGED_OFF] = "its Privileged Mode Enable is clear",
		[PCG_FAULT_SUPERVISOR] = "what is there is for privileged requests alone",
		[PCG_FAULT_TRANSLATED] = "it goes by translations, and its ATS is off",
	};

	return (unsigned int)reason < PCG_NUM_FAULT_REASONS && why[reason] != NULL ? why[reason] : "not allowed";
}

void sim_blocked_text(const struct pcg_fault *fault, char text[SIM_BLOCKED_TEXT])
{
	char pasid[32] = "";

	if (fault->has_pasid)
		snprintf(pasid, sizeof(pasid), " with PASID %u", (unsigned int)fault->pasid);
	snprintf(text, SIM_BLOCKED_TEXT, "%s of 0x%llx%s%s%s: %s", fault->write ? "write" : "read",
		 (unsigned long long)fault->address, pasid, fault->execute ? ", to execute" : "",
		 fault->privileged ? ", privileged" : "", blocked_why(fault->reason));
}

void sim_blocked_note(const struct fabric_function *f, uint16_t bdf, const struct pcg_fault *fault, uint64_t untold,
		      const struct pcg_log *log)
{
	char name[64] = "somebody", text[SIM_BLOCKED_TEXT], more[48] = "";

	if (f != NULL)
		sim_name(f, name, sizeof(name));
	if (untold > 0)
		snprintf(more, sizeof(more), "; %llu more before it", (unsigned long long)untold);
	sim_blocked_text(fault, text);
	base_log(log, PCG_WARN, "sim: the IOMMU blocked a request of %s (%02x:%02x.%x), %s%s", name, bdf >> 8,
		 bdf >> 3 & 31u, bdf & 7u, text, more);
}
