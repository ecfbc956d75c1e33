/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a configuration access costs in instructions: one of each kind, to be run under callgrind by instructions.py,
 * which has it count inside pcg_function_submit() or pcg_function_init() alone, but not inside hardware_…(), and takes
 * down the count at each return. A line a count says what it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcigate/function.h>

#define ERROR_REPORTING 0x000fu /* in DEVCTL */

static const struct pcg_host_ops *hardware;

static int hardware_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	return hardware->config_read(host, dword, be, value, op);
}

static int hardware_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	return hardware->config_write(host, dword, be, value, op);
}

static int hardware_revoke(struct pcg_host *host, struct pcg_op *op)
{
	return hardware->revoke(host, op);
}

static int hardware_allow(struct pcg_host *host, struct pcg_op *op)
{
	return hardware->allow(host, op);
}

struct subject {
	struct pcg_host *host;
	struct pcg_host_ops ops;
	struct pcg_function *function;
	struct pcg_view_options options;
	uint8_t data[PCG_CONFIG_EXTENDED];
};

static void failed(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(3);
}

static void opened(struct pcg_request *request)
{
	(void)request;
}

static void subject_open(struct subject *s, const char *file, const char *profile)
{
	const struct pcg_function_events events = { .arg = NULL };
	struct pcg_request request = { .done = opened };
	char func[512];
	void *memory = malloc(pcg_function_size());

	snprintf(func, sizeof(func), "dump:%s", file);
	s->options.profile = pcg_profile_find(profile);
	if (memory == NULL || s->options.profile == NULL || pcg_host_create(&s->host, func, NULL) != 0)
		failed("no such dump or profile");
	hardware = s->host->ops;
	s->ops = *hardware;
	s->ops.config_read = hardware_config_read;
	s->ops.config_write = hardware_config_write;
	s->ops.revoke = hardware->revoke != NULL ? hardware_revoke : NULL;
	s->ops.allow = hardware->allow != NULL ? hardware_allow : NULL;
	s->host->ops = &s->ops;
	if (pcg_function_init(memory, s->host, &s->options, &events, NULL, &request, &s->function) != PCG_DONE)
		failed("a function does not open");
}

static void subject_close(struct subject *s)
{
	pcg_function_finish(s->function);
	free(s->function);
	s->host->ops = hardware;
	pcg_host_destroy(s->host);
}

static void count_access(struct subject *s, const char *name, enum pcg_request_kind kind, unsigned int at,
			 unsigned int length)
{
	struct pcg_request request = {
		.kind = kind,
		.region = PCG_REGION_CONFIG,
		.offset = at,
		.length = length,
		.data = s->data,
	};

	if (pcg_function_submit(s->function, &request) != PCG_DONE)
		failed(name);
	puts(name);
}

static void count_read(struct subject *s, const char *name, unsigned int at, unsigned int length)
{
	count_access(s, name, PCG_REQUEST_READ, at, length);
}

static void count_write(struct subject *s, const char *name, unsigned int at, unsigned int length, uint32_t value)
{
	pcg_put32(s->data, value);
	count_access(s, name, PCG_REQUEST_WRITE, at, length);
}

/* A dword of which the function itself has these bits. */
static void count_dword(struct subject *s, const char *name, unsigned int at, bool some, bool all)
{
	uint32_t bits = pcg_function_view(s->function)->read_host[at / 4];

	if (some != (bits != 0) || all != (bits == UINT32_MAX))
		failed(name);
	count_read(s, name, at, 4);
}

static unsigned int hardware_dword(const struct pcg_view *view)
{
	unsigned int at = 0;

	while (at < PCG_CONFIG_EXTENDED - 4 && view->read_host[at / 4] != UINT32_MAX)
		at += 4;
	return at;
}

static void count_accesses(struct subject *s)
{
	const struct pcg_view *view = pcg_function_view(s->function);
	unsigned int devctl = view->express + PCG_EXP_DEVCTL;

	if (view->express == 0 || view->msi == 0)
		failed("the full function needs MSI and Express");
	count_dword(s, "shadow dword read", PCG_VENDOR, false, false);
	count_dword(s, "merged dword read", PCG_COMMAND, true, false);
	count_dword(s, "hardware dword read", hardware_dword(view), true, true);
	count_write(s, "shadow write", PCG_INT_LINE, 1, 11);
	count_write(s, "BAR write", PCG_BAR0, 4, 0xfebf0000);
	count_read(s, "Device Control read", devctl, 2);
	count_write(s, "Device Control write", devctl, 2, pcg_get16(s->data) ^ ERROR_REPORTING);
	count_write(s, "Device Control write, other MRRS", devctl, 2, pcg_get16(s->data) ^ 0x1000u);
	count_write(s, "COMMAND write, memory on", PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	count_write(s, "COMMAND write, memory off", PCG_COMMAND, 2, 0);
	count_write(s, "MSI control write", view->msi + PCG_MSI_CONTROL, 2, PCG_MSI_ENABLE);
	count_read(s, "read of all 4 KiB", 0, PCG_CONFIG_EXTENDED);
}

int main(int argc, char **argv)
{
	static struct subject subject;

	if (argc != 4) {
		fprintf(stderr, "usage: pcigate-instructions PROFILE FULL SMALL\n");
		return 2;
	}
	subject_open(&subject, argv[2], argv[1]);
	puts("open, full function");
	count_accesses(&subject);
	subject_close(&subject);
	subject_open(&subject, argv[3], argv[1]);
	puts("open, small function");
	subject_close(&subject);
	return 0;
}
