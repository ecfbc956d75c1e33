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
