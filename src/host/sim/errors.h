/* SPDX-License-Identifier: BSD-3-Clause */
/* What the root complex of a simulated fabric was told of each function. */
#ifndef HOST_SIM_ERRORS_H
#define HOST_SIM_ERRORS_H

#include <pcigate/host.h>

#include "host/fabric/fabric.h"

/** SIM_BLOCKED_TEXT - the longest of sim_blocked_text() */
#define SIM_BLOCKED_TEXT 160u

/** struct sim_errors - of one function, or port */
struct sim_errors {
	uint16_t bdf;
	uint32_t correctable;
	uint32_t nonfatal;
	uint32_t fatal;
	uint32_t silent;          /* logged, but masked or not to be reported */
	enum fabric_error newest; /* of them */
};

/** struct sim_error_log - of a fabric; zeroed: nothing */
struct sim_error_log {
	struct sim_errors *errors;
	unsigned int count;
};

/** sim_errors_count() - one more; where there is no memory for it, none more */
void sim_errors_count(struct sim_error_log *log, const struct fabric_report *report);

/** sim_errors_of() - the record of a routing id, or NULL: nothing ever went wrong with it */
const struct sim_errors *sim_errors_of(const struct sim_error_log *log, uint16_t bdf);

/** sim_errors_finish() - and it can be used anew */
void sim_errors_finish(struct sim_error_log *log);

/** sim_errors_text() - as the specification calls it */
const char *sim_errors_text(enum fabric_error error);

/** sim_errors_note() - what is said of a report: who found what; nothing of one that was not to be reported */
void sim_errors_note(struct fabric *fabric, const struct fabric_report *report, const struct pcg_log *log);

/** sim_blocked_text() - "read of 0x1000 with PASID 5, privileged: its PASID Enable is clear" */
void sim_blocked_text(const struct pcg_fault *fault, char text[SIM_BLOCKED_TEXT]);

/** sim_blocked_note() - what is said of a request that the IOMMU blocked; @untold: how many before it nothing was said
 * of */
void sim_blocked_note(const struct fabric_function *f, uint16_t bdf, const struct pcg_fault *fault, uint64_t untold,
		      const struct pcg_log *log);

#endif
