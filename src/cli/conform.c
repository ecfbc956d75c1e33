/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/cli.h"
#include "cli/policy.h"
#include "conform/conform.h"

#define MAX_ONLY   64
#define MAX_FAULTS 64

struct settings {
	struct pcg_view_options view;
	struct conform_options options;
	const char *only[MAX_ONLY];
	const char *name;
	bool json;
	bool list;
};

/* What the checks came to. @shown: known faults met, by their number; @looks_like_vf: nobody said that it is a VF. */
struct tally {
	unsigned int count[CONFORM_VERDICTS];
	unsigned int n;
	bool shown[MAX_FAULTS];
	bool vf;
	bool looks_like_vf;
	struct json_object *checks;
};

static void usage(FILE *out)
{
	const struct target_kind *kind;
	unsigned int i;

	fprintf(out,
		"usage: pcigate conform TARGET [--only GLOB]… [--json]\n"
		"       pcigate conform --list [--json]\n\n"
		"Checks configuration space as a guest meets it against the specifications. The function is left as it\n"
		"was found; only its memory does not survive the checks of resets.\n\n"
		"  --only GLOB    checks by id, or the name of a known fault; may be given again\n"
		"  --no-reset     leave out what resets the function\n"
		"  --vf           the function is a VF, --no-vf: it is none; else what it has hardwired decides where\n"
		"                 nobody says\n"
		"  --pasid        be a client that drives PASIDs, ATS and page requests: what is offered is shown\n"
		"  --json         for programs; otherwise TAP\n"
		"  --list         the checks, and the known faults that they show\n");
	fputs(cli_policy_help, out);
	fprintf(out, "\nTARGET:\n");
	for (i = 0; (kind = target_kind(i)) != NULL; i++)
		fprintf(out, "  %s\n", kind->help);
	fprintf(out, "\nSIGINT, SIGTERM and SIGHUP end the check under way; the function is put back first.\n"
		     "Exit status 0: no check failed, 1: one did, 3: the target cannot be checked.\n");
}

/* --- one access, as people and programs read it --- */

static void region_name(unsigned int region, char *text, size_t size)
{
	if (region == PCG_REGION_CONFIG)
		snprintf(text, size, "config");
	else if (region == PCG_REGION_ROM)
		snprintf(text, size, "rom");
	else
		snprintf(text, size, "bar%u", region);
}

static void print_access(const struct conform_access *a)
{
	int digits = a->length < 8 ? (int)a->length * 2 : 16;
	char region[16];

	region_name(a->region, region, sizeof(region));
	printf("    - %s%s %s %03llx/%u", a->host ? "host " : "", a->write ? "write" : "read", region,
	       (unsigned long long)a->offset, a->length);
	if (a->write || a->result == 0)
		printf(" = %0*llx%s", digits, (unsigned long long)a->value, a->length > 8 ? "..." : "");
	if (a->result != 0)
		printf(" failed: %s", strerror(-a->result));
	putchar('\n');
}

static struct json_object *json_access(const struct conform_access *a)
{
	struct json_object *o = json_object_new_object();
	char text[24];

	json_object_object_add(o, "op", json_object_new_string(a->write ? "write" : "read"));
	json_object_object_add(o, "side", json_object_new_string(a->host ? "host" : "guest"));
	region_name(a->region, text, sizeof(text));
	json_object_object_add(o, "region", json_object_new_string(text));
	json_object_object_add(o, "offset", json_object_new_int64((int64_t)a->offset));
	json_object_object_add(o, "length", json_object_new_int64(a->length));
	snprintf(text, sizeof(text), "%llx", (unsigned long long)a->value);
	json_object_object_add(o, "value", json_object_new_string(text));
	json_object_object_add(o, "error", json_object_new_int(-a->result));
	return o;
}

/* --- one check --- */

static void count(struct tally *tally, const struct conform_result *r)
{
	const struct conform_fault *fault;
	unsigned int i;

	tally->n++;
	tally->count[r->verdict]++;
	for (i = 0; r->verdict == CONFORM_FAIL && i < MAX_FAULTS && (fault = conform_fault(i)) != NULL; i++)
		if (conform_fault_shown_by(fault, r->id))
			tally->shown[i] = true;
}

static void print_known(const char *id)
{
	const struct conform_fault *fault;
	unsigned int i;

	for (i = 0; (fault = conform_fault(i)) != NULL; i++)
		if (conform_fault_shown_by(fault, id))
			printf("  known: %s\n", fault->name);
}

static void tap_result(void *arg, const struct conform_result *r)
{
	struct tally *tally = arg;
	unsigned int i;

	count(tally, r);
	printf("%s %u - %s: %s", r->verdict == CONFORM_FAIL ? "not ok" : "ok", tally->n, r->id, r->what);
	if (r->verdict == CONFORM_NONE || r->verdict == CONFORM_UNKNOWN)
		printf(" # SKIP %s: %s", conform_verdict_text(r->verdict), r->message);
	putchar('\n');
	if (r->verdict != CONFORM_FAIL)
		return;
	printf("  ---\n  spec: %s\n  message: \"%s\"\n", r->spec, r->message);
	print_known(r->id);
	if (r->dropped != 0)
		printf("  earlier: %u\n", r->dropped);
	printf("  accesses:\n");
	for (i = 0; i < r->naccesses; i++)
		print_access(&r->access[i]);
	printf("  ...\n");
}

static struct json_object *json_known(const char *id)
{
	struct json_object *known = json_object_new_array();
	const struct conform_fault *fault;
	unsigned int i;

	for (i = 0; (fault = conform_fault(i)) != NULL; i++)
		if (conform_fault_shown_by(fault, id))
			json_object_array_add(known, json_object_new_string(fault->name));
	return known;
}

static void json_result(void *arg, const struct conform_result *r)
{
	struct tally *tally = arg;
	struct json_object *o = json_object_new_object(), *accesses = json_object_new_array();
	unsigned int i;

	count(tally, r);
	json_object_object_add(o, "id", json_object_new_string(r->id));
	json_object_object_add(o, "group", json_object_new_string(r->group));
	json_object_object_add(o, "spec", json_object_new_string(r->spec));
	json_object_object_add(o, "what", json_object_new_string(r->what));
	json_object_object_add(o, "verdict", json_object_new_string(conform_verdict_text(r->verdict)));
	json_object_object_add(o, "message", json_object_new_string(r->message));
	if (r->verdict == CONFORM_FAIL)
		json_object_object_add(o, "known", json_known(r->id));
	for (i = 0; i < r->naccesses; i++)
		json_object_array_add(accesses, json_access(&r->access[i]));
	json_object_object_add(o, "earlier", json_object_new_int64(r->dropped));
	json_object_object_add(o, "accesses", accesses);
	json_object_array_add(tally->checks, o);
}

/* --- signals --- */

/*
 * A function half-way through a check is not to be left so. The signals stay pending while the checks run, and act
 * once everything is put back: the program ends by the signal that it was sent.
 */
static void signals_hold(sigset_t *before)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_BLOCK, &held, before);
}

static bool signals_wait(void *arg)
{
	sigset_t pending;

	(void)arg;
	return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 ||
					     sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGHUP) == 1);
}

static void signals_act(const sigset_t *before)
{
	fflush(stdout);
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* --- all of them --- */

static void tap_summary(const char *name, const struct tally *tally)
{
	const struct conform_fault *fault;
	unsigned int i;

	printf("# %s: %u pass, %u fail, %u not applicable, %u cannot tell\n", name, tally->count[CONFORM_PASS],
	       tally->count[CONFORM_FAIL], tally->count[CONFORM_NONE], tally->count[CONFORM_UNKNOWN]);
	if (tally->looks_like_vf)
		printf("# taken for a VF, as what a VF has hardwired is so here; --no-vf takes it for another function\n");
	for (i = 0; i < MAX_FAULTS && (fault = conform_fault(i)) != NULL; i++)
		if (tally->shown[i])
			printf("# known fault %s: %s\n", fault->name, fault->what);
}

static void json_summary(const char *name, struct tally *tally)
{
	static const char *const keys[CONFORM_VERDICTS] = { "pass", "fail", "not_applicable", "cannot_tell" };
	struct json_object *root = json_object_new_object(), *summary = json_object_new_object();
	struct json_object *known = json_object_new_array();
	const struct conform_fault *fault;
	unsigned int i;

	for (i = 0; i < CONFORM_VERDICTS; i++)
		json_object_object_add(summary, keys[i], json_object_new_int64(tally->count[i]));
	for (i = 0; i < MAX_FAULTS && (fault = conform_fault(i)) != NULL; i++)
		if (tally->shown[i])
			json_object_array_add(known, json_object_new_string(fault->name));
	json_object_object_add(root, "target", json_object_new_string(name));
	json_object_object_add(root, "vf", json_object_new_boolean(tally->vf));
	json_object_object_add(root, "vf_by_its_registers", json_object_new_boolean(tally->looks_like_vf));
	json_object_object_add(root, "summary", summary);
	json_object_object_add(root, "known_faults", known);
	json_object_object_add(root, "checks", tally->checks);
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	json_object_put(root);
}

static int print_list(bool json)
{
	struct json_object *all = json_object_new_array();
	const struct conform_fault *fault;
	struct conform_entry e;
	unsigned int i;

	for (i = 0; conform_entry(i, &e); i++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "id", json_object_new_string(e.id));
		json_object_object_add(o, "group", json_object_new_string(e.group));
		json_object_object_add(o, "spec", json_object_new_string(e.spec));
		json_object_object_add(o, "what", json_object_new_string(e.what));
		json_object_object_add(o, "known", json_known(e.id));
		json_object_array_add(all, o);
		if (!json)
			printf("%-30s %s (%s)\n", e.id, e.what, e.spec);
	}
	if (json)
		puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	else
		printf("\nKnown faults:\n");
	for (i = 0; !json && (fault = conform_fault(i)) != NULL; i++)
		printf("%-38s %s\n", fault->name, fault->what);
	json_object_put(all);
	return CLI_DONE;
}

static const char *why_ended(int r)
{
	if (r == -EINTR)
		return "interrupted; the function is put back";
	return "the function cannot be asked any more";
}

static int run(struct settings *s)
{
	struct pcg_log notes = cli_log(PCG_ERROR);
	struct tally tally = { .checks = json_object_new_array() };
	struct target *target;
	bool told;
	int r = target_open(&target, s->name, &s->view, &notes);

	if (r < 0) {
		json_object_put(tally.checks);
		return CLI_CANNOT;
	}
	told = target->is_vf || s->options.vf == CONFORM_VF_YES;
	s->options.result = s->json ? json_result : tap_result;
	s->options.stop = signals_wait;
	s->options.arg = &tally;
	/* Resets take their time: each verdict is out when it is known, also through a pipe. */
	if (!s->json) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		printf("TAP version 13\n1..%u\n", conform_count(&s->options));
	}
	r = conform_run(target, &s->options);
	tally.vf = target->is_vf;
	tally.looks_like_vf = target->is_vf && !told;
	target_close(target);
	if (!s->json && r < 0)
		printf("Bail out! %s\n", why_ended(r));
	if (s->json) {
		json_summary(s->name, &tally);
	} else {
		tap_summary(s->name, &tally);
		json_object_put(tally.checks);
	}
	if (r == -EINTR)
		return cli_error("conform", CLI_CANNOT, "%s: interrupted; the function is put back", s->name);
	if (r < 0)
		return cli_error("conform", CLI_CANNOT, "%s: configuration space cannot be read%s: %s", s->name,
				 tally.n > 0 ? " any more, after the last check shown" : "", strerror(-r));
	return tally.count[CONFORM_FAIL] != 0 ? CLI_FOUND : CLI_DONE;
}

static int take(struct settings *s, int option)
{
	switch (option) {
	case 'o':
		if (s->options.nonly == MAX_ONLY)
			return cli_error("conform", CLI_USAGE, "--only may be given %d times", MAX_ONLY);
		s->only[s->options.nonly++] = optarg;
		return CLI_DONE;
	case 'r':
		s->options.no_reset = true;
		return CLI_DONE;
	case 'v':
		s->options.vf = CONFORM_VF_YES;
		return CLI_DONE;
	case 'V':
		s->options.vf = CONFORM_VF_NO;
		return CLI_DONE;
	case 'a':
		s->view.spoken = (struct pcg_pasid_wish){ PCG_PASID_MAX_WIDTH, true, true, true, true };
		return CLI_DONE;
	case 'j':
		s->json = true;
		return CLI_DONE;
	case 'l':
		s->list = true;
		return CLI_DONE;
	case 'p':
		return cli_profile("conform", &s->view, optarg) < 0 ? CLI_USAGE : CLI_DONE;
	case 'P':
		return cli_policy("conform", &s->view, optarg) < 0 ? CLI_USAGE : CLI_DONE;
	case 'q':
		return cli_quirks("conform", &s->view, optarg) < 0 ? CLI_USAGE : CLI_DONE;
	default:
		return CLI_USAGE;
	}
}

int cli_conform(int argc, char **argv)
{
	static const struct option options[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "no-reset", no_argument, NULL, 'r' },
		{ "vf", no_argument, NULL, 'v' },
		{ "no-vf", no_argument, NULL, 'V' },
		{ "pasid", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "list", no_argument, NULL, 'l' },
		{ "profile", required_argument, NULL, 'p' },
		{ "policy", required_argument, NULL, 'P' },
		{ "quirks", required_argument, NULL, 'q' },
		{ "no-quirks", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings s = { .view.profile = NULL };
	sigset_t before;
	int option, ret;

	s.options.only = s.only;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return CLI_DONE;
		}
		if (take(&s, option) != CLI_DONE)
			return CLI_USAGE;
	}
	if (s.list)
		return print_list(s.json);
	if (optind != argc - 1)
		return cli_error("conform", CLI_USAGE, "name one target; pcigate conform --help says how");
	if (conform_count(&s.options) == 0)
		return cli_error("conform", CLI_USAGE, "--only %s: no such check; pcigate conform --list has them",
				 s.only[0]);
	if (cli_default_quirks("conform", &s.view) < 0)
		return CLI_USAGE;
	s.name = argv[optind];
	signals_hold(&before);
	ret = run(&s);
	signals_act(&before);
	return fflush(stdout) == 0 && !ferror(stdout) ? ret : CLI_CANNOT;
}
