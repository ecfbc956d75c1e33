/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptions of fabrics: what is taken, what is refused and how. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/sim/description.h"
#include "host/sim/endpoint.h"

static char noted[1024];
static unsigned int notes;

static void note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	notes++;
	snprintf(noted, sizeof(noted), "%s", n->text);
}

static const struct pcg_log hook = { .write = note };

static int parse(struct description **d, const char *text)
{
	notes = 0;
	noted[0] = '\0';
	return description_parse(d, text, strlen(text), "FILE", &hook);
}

static struct description *taken(const char *text)
{
	struct description *d;

	if (parse(&d, text) != 0)
		fail_msg("refused: %s", noted);
	assert_int_equal(notes, 0);
	return d;
}

/* One note, which begins with @where and has @word in it. */
static void refused(const char *text, const char *where, const char *word)
{
	struct description *d;

	assert_int_equal(parse(&d, text), -EINVAL);
	assert_null(d);
	assert_int_equal(notes, 1);
	if (strncmp(noted, where, strlen(where)) != 0 || strstr(noted, word) == NULL)
		fail_msg("\"%s\" instead of %s … %s", noted, where, word);
}

/* --- what is taken --- */

static void test_a_tree(void **state)
{
	struct description *d = taken("# a fabric\n"
				      "root-port rp1 mps=256\n"
				      "\n"
				      "\tswitch sw1  below=rp1 ports=3 # three\r\n"
				      "endpoint-test nic below=sw1.2 msix=8\n"
				      "root-port rp2 acs=off p2p=on slot=7");
	const struct description_node *nic = description_find(d, "nic"), *port = description_find(d, "sw1.2");

	(void)state;
	assert_int_equal(d->nnodes, 7);
	assert_int_equal(description_find(d, "rp1")->port.mps, 256);
	assert_int_equal(description_find(d, "rp2")->devfn, 1 << 3);
	assert_int_equal(description_find(d, "rp2")->port.slot, 7);
	assert_true(description_find(d, "rp2")->port.p2p);
	assert_false(description_find(d, "rp2")->port.acs);
	assert_int_equal(port->kind, DESCRIPTION_DOWNSTREAM);
	assert_int_equal(port->devfn, 2 << 3);
	assert_ptr_equal(&d->nodes[nic->below], port);
	assert_int_equal(nic->options->msix, 8);
	assert_int_equal(nic->line, 5);
	description_destroy(d);
}

static void test_the_iommu(void **state)
{
	struct description *d = taken("iommu pasid-width=8 execute=off page-requests=16\nroot-port a\n");

	(void)state;
	assert_int_equal(d->iommu.pasid_width, 8);
	assert_false(d->iommu.execute);
	assert_true(d->iommu.privileged);
	assert_int_equal(d->iommu.page_requests, 16);
	description_destroy(d);
}

static void test_last_line_without_its_end(void **state)
{
	(void)state;
	description_destroy(taken("root-port a"));
}

static void test_commas_belong_to_values(void **state)
{
	(void)state;
	refused("root-port a mps=1,2\n", "FILE:1", "mps=1,2");
}

/* --- what is refused --- */

static void test_refusals_name_the_line(void **state)
{
	static const struct {
		const char *text;
		const char *where;
		const char *word;
	} rows[] = {
		{ "", "FILE:1:", "root-port" },
		{ "# nothing\n\n", "FILE:2:", "root-port" },
		{ "root-port a\nbridge b\n", "FILE:2:", "root-port, switch and endpoint-test" },
		{ "root-port\n", "FILE:1:", "root-port NAME" },
		{ "root-port 1a\n", "FILE:1:", "name" },
		{ "root-port a.b\n", "FILE:1:", "name" },
		{ "root-port abcdefghijklmnopqrstuvwxy\n", "FILE:1:", "24" },
		{ "root-port a\nroot-port a\n", "FILE:2:", "line 1" },
		{ "root-port a speed=3\n", "FILE:1:", "known are: mps, payload" },
		{ "root-port a mps=300\n", "FILE:1:", "power of two" },
		{ "root-port a mps=64\n", "FILE:1:", "128" },
		{ "root-port a payload=512 mps=256\n", "FILE:1:", "mps=256" },
		{ "root-port a acs=maybe\n", "FILE:1:", "on or off" },
		{ "switch s below=a\n", "FILE:1:", "\"a\"" },
		{ "root-port a\nswitch s\n", "FILE:2:", "below=PORT" },
		{ "root-port a\nswitch s below=a below=a\n", "FILE:2:", "twice" },
		{ "root-port a\nswitch s below=a\nendpoint-test e below=s\n", "FILE:3:", "s.0" },
		{ "root-port a\nswitch s below=a ports=0\n", "FILE:2:", "ports=0" },
		{ "root-port a\nswitch s below=a ports=33\n", "FILE:2:", "ports=33" },
		{ "root-port a\nswitch s below=a payload=128\n", "FILE:2:", "root-port" },
		{ "root-port a\nendpoint-test e below=a\nendpoint-test f below=a\n", "FILE:3:", "one device" },
		{ "root-port a\nendpoint-test e below=a\nswitch f below=e\n", "FILE:3:", "function" },
		{ "root-port a\nendpoint-test e below=a payload=128\n", "FILE:2:", "root-port" },
		{ "root-port a\nendpoint-test e below=a nonsense=1\n", "FILE:2:", "nonsense" },
		{ "iommu ats=on\niommu ats=on\n", "FILE:2:", "one iommu" },
		{ "iommu pasid-width=21\n", "FILE:1:", "pasid-width=21" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(rows[i].text, rows[i].where, rows[i].word);
}

static void test_ports_that_are_free_are_listed(void **state)
{
	(void)state;
	refused("root-port a\nroot-port b\nswitch s below=a\nendpoint-test e below=c\n", "FILE:4:", "b s.0 s.1");
}

static void test_zero_byte(void **state)
{
	static const char text[] = "root-port a\nroot-port b\0c\n";
	struct description *d;

	(void)state;
	notes = 0;
	assert_int_equal(description_parse(&d, text, sizeof(text) - 1, "FILE", &hook), -EINVAL);
	assert_non_null(strstr(noted, "FILE:2"));
}

static void test_long_line(void **state)
{
	char *text = malloc(3 * DESCRIPTION_MAX_LINE);

	(void)state;
	memset(text, ' ', 3 * DESCRIPTION_MAX_LINE);
	text[3 * DESCRIPTION_MAX_LINE - 1] = '\0';
	refused(text, "FILE:1", "longer");
	free(text);
}

/* Many of everything ends in a note, and not in memory. */
static char *ports(unsigned int count)
{
	char *text = malloc(count * 32), *at = text;

	assert_non_null(text);
	for (unsigned int i = 0; i < count; i++)
		at += sprintf(at, "root-port a%u\n", i);
	return text;
}

static void test_too_many_root_ports(void **state)
{
	char *text = ports(33);

	(void)state;
	refused(text, "FILE:33", "switch");
	free(text);
}

static void test_too_many_ports(void **state)
{
	char *text = malloc(64 * 64), *at = text;

	(void)state;
	at = stpcpy(at, "root-port a\nswitch s below=a ports=32\n");
	for (unsigned int i = 0; i < 32; i++)
		at += sprintf(at, "switch t%u below=s.%u ports=32\n", i, i);
	refused(text, "FILE:17", "512");
	free(text);
}

static void test_too_deep(void **state)
{
	char *text = malloc(64 * 64), *at = text;

	(void)state;
	at = stpcpy(at, "root-port a\nswitch s0 below=a ports=1\n");
	for (unsigned int i = 1; i < 40; i++)
		at += sprintf(at, "switch s%u below=s%u.0 ports=1\n", i, i - 1);
	refused(text, "FILE:", "above it");
	free(text);
}

/* --- files --- */

static void test_file_that_is_not_there(void **state)
{
	struct description *d;

	(void)state;
	notes = 0;
	assert_int_equal(description_read(&d, "/nowhere/at/all", &hook), -ENOENT);
	assert_int_equal(notes, 1);
	assert_non_null(strstr(noted, "/nowhere/at/all"));
}

static void test_file_that_is_none(void **state)
{
	struct description *d;

	(void)state;
	notes = 0;
	assert_int_not_equal(description_read(&d, "/dev/zero", &hook), 0);
	assert_int_equal(notes, 1);
}

/* --- one alone --- */

static void test_single(void **state)
{
	struct description *d;

	(void)state;
	assert_int_equal(description_single(&d, "endpoint-test,mps=512,payload=256,msix=4", &hook), 0);
	assert_int_equal(d->nnodes, 2);
	assert_int_equal(d->nodes[0].port.payload, 256);
	assert_int_equal(d->nodes[1].options->msix, 4);
	assert_int_equal(d->nodes[1].below, 0);
	description_destroy(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tree),
		cmocka_unit_test(test_the_iommu),
		cmocka_unit_test(test_last_line_without_its_end),
		cmocka_unit_test(test_commas_belong_to_values),
		cmocka_unit_test(test_refusals_name_the_line),
		cmocka_unit_test(test_ports_that_are_free_are_listed),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_too_many_root_ports),
		cmocka_unit_test(test_too_many_ports),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_file_that_is_not_there),
		cmocka_unit_test(test_file_that_is_none),
		cmocka_unit_test(test_single),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
