/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors: logged where they are found, and told to the root port above. PCIe 6.0, 6.2.4 to 6.2.6. */
#include <string.h>

#include "host/fabric/internal.h"

/** Bits of Device Status, and of Device Control for the same things (PCIe 6.0, 7.5.3.4 and 7.5.3.5). */
enum {
	DEV_CORRECTABLE = 1,
	DEV_NONFATAL = 2,
	DEV_FATAL = 4,
	DEV_UNSUPPORTED = 8,
};

/** Root Error Status (PCIe 6.0, 7.8.4.10) */
enum {
	ROOT_CORRECTABLE = 0x01,
	ROOT_MORE_CORRECTABLE = 0x02,
	ROOT_UNCORRECTABLE = 0x04,
	ROOT_MORE_UNCORRECTABLE = 0x08,
	ROOT_FIRST_FATAL = 0x10,
	ROOT_NONFATAL = 0x20,
	ROOT_FATAL = 0x40,
};

/* What is fatal without a register that says otherwise: the defaults of 7.8.4.4. */
#define DEFAULT_SEVERITY 0x00462030u

void fabric_status(struct fabric_function *f, bool secondary, uint16_t bits)
{
	if (f != NULL)
		model_set(&f->model, secondary ? PORT_SECONDARY_STATUS : PCG_STATUS, 2, bits, bits);
}

/* A poisoned request: reads have no payload. */
bool fabric_is_poison(const struct tlp *tlp)
{
	return tlp->type == TLP_MEMORY_WRITE && tlp->poisoned && !tlp->malformed;
}

/* PCIe 6.0, 7.5.1.1.4: who sends poison up says so, if it was asked to care. */
void fabric_poison_up(struct fabric_function *f, const struct tlp *tlp)
{
	if (fabric_is_poison(tlp) && (fabric_pf(f)->model.value[PCG_COMMAND / 4] & PCG_COMMAND_PARITY))
		fabric_status(f, false, STATUS_MDPE);
}

/* PCIe 6.0, 7.5.1.3.7: and a port that sends it down, by its Bridge Control. */
void fabric_poison_down(struct fabric_function *port, const struct tlp *tlp)
{
	if (fabric_is_poison(tlp) && (model_get(&port->model, PORT_BRIDGE_CONTROL, 2) & BRIDGE_PARITY))
		fabric_status(port, true, STATUS_MDPE);
}

static bool serr(const struct fabric_function *f)
{
	return (fabric_pf(f)->model.value[PCG_COMMAND / 4] & PCG_COMMAND_SERR) != 0;
}

/* PCIe 6.0, 9.3.5.4 and 9.4: a VF's errors are reported, masked and graded as its PF's registers say. */
static uint32_t control(const struct fabric_function *f)
{
	const struct fabric_function *pf = fabric_pf(f);

	return fabric_get(pf, pf->model.express, PCG_EXP_DEVCTL, 2);
}

static uint32_t aer_setting(const struct fabric_function *f, uint16_t offset, uint32_t otherwise)
{
	const struct fabric_function *pf = fabric_pf(f);

	if (pf->at.aer == 0)
		pf = f;
	return pf->at.aer != 0 ? fabric_get(pf, pf->at.aer, offset, 4) : otherwise;
}

static void aer_set(struct fabric_function *f, uint16_t offset, uint32_t mask, uint32_t value)
{
	if (f->at.aer != 0)
		model_set(&f->model, (uint16_t)(f->at.aer + offset), 4, mask, value);
}

static void detected(struct fabric_function *f, uint32_t bits)
{
	if (f->model.express != 0)
		model_set(&f->model, (uint16_t)(f->model.express + PCG_EXP_DEVSTA), 2, bits, bits);
}

/*
 * PCIe 6.0, 6.2.4.2 and 7.8.4.7: the first error keeps the pointer and the header until software has cleared its
 * status. Called before the new status bit is set.
 */
static void log_header(struct fabric_function *f, unsigned int bit, const struct fabric_report *report, uint32_t prefix)
{
	uint32_t cap = fabric_get(f, f->at.aer, AER_CAP, 4), status = fabric_get(f, f->at.aer, AER_UESTA, 4);
	uint32_t prefixes = fabric_get(f, f->model.express, PCG_EXP_DEVCAP2, 4) & DEVCAP2_PREFIX;

	if (f->at.aer == 0 || (status & 1u << (cap & AER_POINTER)) != 0)
		return;
	for (uint16_t i = 0; i < 4; i++)
		aer_set(f, (uint16_t)(AER_HEADER + 4 * i), UINT32_MAX, report->header[i]);
	aer_set(f, AER_CAP, AER_POINTER | AER_PREFIX_LOGGED, bit);
	if (prefixes != 0) {
		aer_set(f, AER_CAP, AER_PREFIX_LOGGED, prefix != 0 ? AER_PREFIX_LOGGED : 0);
		aer_set(f, AER_PREFIX, UINT32_MAX, prefix);
	}
}

static uint8_t log_correctable(struct fabric_function *f, uint32_t bit)
{
	bool masked = (aer_setting(f, AER_CEMSK, 0) & bit) != 0;

	detected(f, DEV_CORRECTABLE);
	aer_set(f, AER_CESTA, bit, bit);
	return !masked && (control(f) & DEV_CORRECTABLE) ? TLP_ERR_COR : 0;
}

/*
 * PCIe 6.0, 6.2.3.2.4 and Figure 6-2: an error that somebody else will see better. It is reported as correctable, and
 * its own status is logged only where that is not masked. A function without error registers says nothing.
 */
static uint8_t log_advisory(struct fabric_function *f, unsigned int bit, const struct fabric_report *report,
			    uint32_t prefix)
{
	uint32_t mask = aer_setting(f, AER_UEMSK, 0);
	uint8_t message = log_correctable(f, 1u << (FABRIC_ADVISORY - FABRIC_CORRECTABLE));

	if (bit == FABRIC_UNSUPPORTED)
		detected(f, DEV_UNSUPPORTED);
	if (f->at.aer == 0)
		return 0;
	if (aer_setting(f, AER_CEMSK, 0) & 1u << (FABRIC_ADVISORY - FABRIC_CORRECTABLE))
		return 0;
	if (!(mask & 1u << bit))
		log_header(f, bit, report, prefix);
	aer_set(f, AER_UESTA, 1u << bit, 1u << bit);
	/* The uncorrectable mask keeps the header out of the log; what is sent is subject to the correctable one. */
	if (bit == FABRIC_UNSUPPORTED && !(control(f) & DEV_UNSUPPORTED))
		return 0;
	return message;
}

/* PCIe 6.0, Figure 6-2: everything else. */
static uint8_t log_uncorrectable(struct fabric_function *f, unsigned int bit, bool fatal,
				 const struct fabric_report *report, uint32_t prefix)
{
	uint32_t mask = aer_setting(f, AER_UEMSK, 0), enable = fatal ? DEV_FATAL : DEV_NONFATAL;

	detected(f, enable | (bit == FABRIC_UNSUPPORTED ? DEV_UNSUPPORTED : 0u));
	if (!(mask & 1u << bit))
		log_header(f, bit, report, prefix);
	aer_set(f, AER_UESTA, 1u << bit, 1u << bit);
	if (mask & 1u << bit)
		return 0;
	if (!serr(f) && (!(control(f) & enable) || (bit == FABRIC_UNSUPPORTED && !(control(f) & DEV_UNSUPPORTED))))
		return 0;
	if (serr(f))
		fabric_status(f, false, STATUS_SIGNALED_ERROR);
	return fatal ? TLP_ERR_FATAL : TLP_ERR_NONFATAL;
}

/* PCIe 6.0, 6.2.4.1.2 and 7.8.4.10, 7.8.4.11: the first of each kind leaves its source. */
static void root_received(struct fabric_function *port, uint8_t message, uint16_t source)
{
	uint32_t status = fabric_get(port, port->at.aer, AER_ROOT_STATUS, 4), set = 0;
	bool fatal = message == TLP_ERR_FATAL;

	if (message == TLP_ERR_COR) {
		set = status & ROOT_CORRECTABLE ? ROOT_MORE_CORRECTABLE : ROOT_CORRECTABLE;
		if (!(status & ROOT_CORRECTABLE))
			aer_set(port, AER_ROOT_SOURCE, 0x0000ffff, source);
	} else {
		set = fatal ? ROOT_FATAL : ROOT_NONFATAL;
		if (status & ROOT_UNCORRECTABLE) {
			set |= ROOT_MORE_UNCORRECTABLE;
		} else {
			set |= ROOT_UNCORRECTABLE | (fatal ? ROOT_FIRST_FATAL : 0u);
			aer_set(port, AER_ROOT_SOURCE, 0xffff0000, (uint32_t)source << 16);
		}
	}
	aer_set(port, AER_ROOT_STATUS, set, set);
	fabric_port_lines(port);
}

/* PCIe 6.0, 6.2.6 and 7.5.1.3.13: messages from below pass with SERR# Enable in Bridge Control. */
static bool passes(struct fabric_function *port, uint8_t message)
{
	uint32_t enable = message == TLP_ERR_FATAL ? DEV_FATAL : DEV_NONFATAL;

	if (!port->below->up)
		return false;
	if (message != TLP_ERR_COR)
		fabric_status(port, true, STATUS_SIGNALED_ERROR);
	if (!(model_get(&port->model, PORT_BRIDGE_CONTROL, 2) & BRIDGE_SERR))
		return false;
	if (message == TLP_ERR_COR)
		return true;
	if (serr(port))
		fabric_status(port, false, STATUS_SIGNALED_ERROR);
	return serr(port) || (control(port) & enable) != 0;
}

/* Towards the root port; it counts its own errors without asking its Bridge Control. */
static void send(struct fabric_function *f, struct fabric_report *report)
{
	struct fabric_function *port = fabric_is_root_port(f) ? f : NULL;
	struct fabric_bus *bus;

	for (bus = fabric_bus_of(f); bus != NULL && bus->port != NULL; bus = bus->port->bus) {
		if (!passes(bus->port, report->message)) {
			report->message = 0;
			return;
		}
		port = bus->port;
	}
	if (port == NULL)
		return;
	report->root_port = fabric_bdf(port);
	root_received(port, report->message, report->reporter);
}

/* @about: NULL: whoever sent the packet. Return: what is to be told. */
static struct fabric_report log_only(struct fabric_function *f, enum fabric_error error, const struct tlp *tlp,
				     bool advisory, const struct fabric_function *about)
{
	struct fabric_report report = { .error = error };
	unsigned int bit = (unsigned int)error;
	uint32_t prefix = 0;
	bool fatal;

	report.reporter = fabric_bdf(f);
	report.requester = tlp != NULL ? tlp->requester : report.reporter;
	report.about = about != NULL ? fabric_bdf(about) : report.requester;
	if (tlp != NULL)
		fabric_header(tlp, report.header, &prefix);
	if (bit >= FABRIC_CORRECTABLE) {
		report.message = log_correctable(f, 1u << (bit - FABRIC_CORRECTABLE));
	} else {
		fatal = (aer_setting(f, AER_UESVRT, DEFAULT_SEVERITY) & 1u << bit) != 0;
		if (advisory && !fatal)
			report.message = log_advisory(f, bit, &report, prefix);
		else
			report.message = log_uncorrectable(f, bit, fatal, &report, prefix);
	}
	return report;
}

static void tell(struct fabric_function *f, struct fabric_report *report)
{
	if (report->message != 0)
		send(f, report);
	if (f->fabric->ops.error != NULL)
		f->fabric->ops.error(f->fabric->arg, report);
}

static void log_error(struct fabric_function *f, enum fabric_error error, const struct tlp *tlp, bool advisory,
		      const struct fabric_function *about)
{
	struct fabric_report report;

	if (f == NULL)
		return;
	report = log_only(f, error, tlp, advisory, about);
	tell(f, &report);
}

void fabric_log(struct fabric_function *f, enum fabric_error error, const struct tlp *tlp, bool advisory)
{
	log_error(f, error, tlp, advisory, NULL);
}

static bool posted(const struct tlp *tlp)
{
	return tlp == NULL || tlp->type == TLP_MEMORY_WRITE || tlp->type == TLP_MESSAGE;
}

/* PCIe 6.0, 6.2.3.2.4: who sends a completion that says so; who passes poison on; completions nobody asked for. */
static bool is_advisory(const struct fabric_function *f, enum fabric_error error, const struct tlp *tlp)
{
	switch (error) {
	case FABRIC_UNSUPPORTED:
	case FABRIC_COMPLETER_ABORT:
	case FABRIC_ACS_VIOLATION:
		return !posted(tlp);
	case FABRIC_POISONED:
		return f->below != NULL && !fabric_is_root_port(f);
	case FABRIC_UNEXPECTED_COMPLETION:
		return true;
	default:
		return false;
	}
}

void fabric_error(struct fabric_function *f, enum fabric_error error, const struct tlp *tlp)
{
	fabric_log(f, error, tlp, is_advisory(f, error, tlp));
}

/* PCIe 6.0, 2.8: a requester whose timeout is off waits for ever, and has nothing to say. @silent: who owes the answer
 */
void fabric_timeout(struct fabric_function *f, const struct fabric_function *silent)
{
	const struct fabric_function *pf;

	if (f == NULL)
		return;
	pf = fabric_pf(f);
	if (!(fabric_get(pf, pf->model.express, PCG_EXP_DEVCTL2, 2) & DEVCTL2_NO_TIMEOUT))
		log_error(f, FABRIC_COMPLETION_TIMEOUT, NULL, false, silent);
}

/* A request is not taken: the error, and what its completion says. */
enum tlp_status fabric_refuse(struct fabric_function *f, enum fabric_error error, const struct tlp *tlp)
{
	bool abort = error == FABRIC_COMPLETER_ABORT || error == FABRIC_ACS_VIOLATION;

	if (f == NULL)
		return abort ? TLP_ABORTED : TLP_UNSUPPORTED;
	/* Ports abort what comes from below; PCIe 6.0, 7.5.1.1.4 (posted requests too) and 7.5.1.3.7. */
	if (error == FABRIC_COMPLETER_ABORT || (abort && !posted(tlp)))
		fabric_status(f, f->below != NULL, STATUS_SIGNALED_ABORT);
	if (error == FABRIC_POISONED && f->below == NULL)
		fabric_status(f, false, STATUS_PARITY);
	fabric_error(f, error, tlp);
	return abort ? TLP_ABORTED : TLP_UNSUPPORTED;
}

/*
 * PCIe 6.0, 6.2.4: what is the device's and not a function's all of its functions log, and of each severity one message
 * is sent, by a function that may. VFs log nothing of the kind (9.4.1).
 */
static void log_device(struct fabric_bus *bus, enum fabric_error error, const struct tlp *tlp)
{
	struct fabric_function *f, *next;
	struct fabric_report report;
	uint64_t told = 0;

	/* Whoever is told may act on it. */
	for (f = bus->functions; f != NULL; f = next) {
		next = f->next;
		report = log_only(f, error, tlp, is_advisory(f, error, tlp), NULL);
		if (report.message != 0 && (told & 1ull << (report.message & 63u)) != 0)
			report.message = 0;
		if (report.message != 0)
			told |= 1ull << (report.message & 63u);
		tell(f, &report);
	}
}

/* A request on a link that no function of the device takes. */
enum tlp_status fabric_refuse_device(struct fabric_bus *bus, const struct tlp *tlp)
{
	log_device(bus, FABRIC_UNSUPPORTED, tlp);
	return TLP_UNSUPPORTED;
}

/* @f: the port that received it, or one function of the device */
void fabric_malformed(struct fabric_function *f, const struct tlp *tlp)
{
	struct fabric_bus *bus = fabric_bus_of(f);

	if (f->below == NULL && bus != NULL && bus->link)
		log_device(bus, FABRIC_MALFORMED, tlp);
	else
		fabric_log(f, FABRIC_MALFORMED, tlp, false);
}
