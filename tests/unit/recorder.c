/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

static struct recorder *of(struct pcg_host *host)
{
	return (struct recorder *)(void *)host;
}

__attribute__((format(printf, 2, 3))) static void word(struct recorder *r, const char *format, ...)
{
	size_t used = strlen(r->calls);
	va_list args;

	va_start(args, format);
	vsnprintf(r->calls + used, sizeof(r->calls) - used, format, args);
	va_end(args);
}

static int end(struct recorder *r, struct pcg_op *op)
{
	int fail = r->fail;

	r->fail = 0;
	if (fail != 0)
		return fail;
	if (!r->pend)
		return PCG_DONE;
	assert_null(r->pending);
	r->pending = op;
	return PCG_PENDING;
}

static int config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	struct recorder *r = of(host);

	assert_in_range(be, 1, 15);
	if (!r->quiet)
		word(r, "r%03x/%x ", dword * 4u, be);
	*value = pcg_get32(r->config + dword * 4u);
	return end(r, op);
}

static int config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	struct recorder *r = of(host);
	uint32_t bits = pcg_be_mask(be);

	assert_in_range(be, 1, 15);
	word(r, "w%03x/%x=%x ", dword * 4u, be, value & bits);
	pcg_put32(r->config + dword * 4u, (pcg_get32(r->config + dword * 4u) & ~bits) | (value & bits));
	pcg_put16(r->config + PCG_COMMAND, pcg_get16(r->config + PCG_COMMAND) & (uint16_t)~r->hardwired);
	return end(r, op);
}

static int region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
		       struct pcg_op *op)
{
	struct recorder *r = of(host);

	word(r, "br%u:%x+%zx ", region, (unsigned int)offset, length);
	memcpy(data, r->bar + offset, length);
	return end(r, op);
}

static int region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data, size_t length,
			struct pcg_op *op)
{
	struct recorder *r = of(host);

	word(r, "bw%u:%x+%zx ", region, (unsigned int)offset, length);
	memcpy(r->bar + offset, data, length);
	return end(r, op);
}

static int reset(struct pcg_host *host, struct pcg_op *op)
{
	struct recorder *r = of(host);

	word(r, "reset ");
	if (r->host.info.restores)
		return end(r, op);
	pcg_put16(r->config + PCG_COMMAND, 0);
	pcg_put16(r->config + AT_EXP + PCG_EXP_DEVCTL, 0x2810);
	return end(r, op);
}

static int power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	word(of(host), "power%d ", (int)state);
	return of(host)->power_fails != 0 ? of(host)->power_fails : end(of(host), op);
}

static int revoke(struct pcg_host *host, struct pcg_op *op)
{
	word(of(host), "revoke ");
	return end(of(host), op);
}

static int allow(struct pcg_host *host, struct pcg_op *op)
{
	word(of(host), "allow ");
	return end(of(host), op);
}

static int release(struct pcg_host *host, struct pcg_op *op)
{
	word(of(host), "release ");
	of(host)->host.info.regions[0].fd = 1;
	of(host)->host.info.regions[0].memory = PCG_MEMORY_UNCACHED;
	return end(of(host), op);
}

static int dma(struct pcg_host *host, struct pcg_dma *to, struct pcg_op *op)
{
	word(of(host), to != NULL ? "dma+ " : "dma- ");
	/* Nobody waits. */
	return op != NULL ? end(of(host), op) : PCG_DONE;
}

static int dma_map(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op)
{
	word(of(host), "map%x+%x ", (unsigned int)range->iova, (unsigned int)range->size);
	return end(of(host), op);
}

static int dma_unmap(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op)
{
	if (range == NULL)
		word(of(host), "unmap* ");
	else
		word(of(host), "unmap%x+%x ", (unsigned int)range->iova, (unsigned int)range->size);
	return end(of(host), op);
}

static int irq_route(struct pcg_host *host, enum pcg_irq_index index, unsigned int start, unsigned int count,
		     const int *fds)
{
	word(of(host), "route%d:%u+%u%s ", (int)index, start, count, fds == NULL ? "-" : "");
	return end(of(host), NULL);
}

static int irq_mask(struct pcg_host *host, enum pcg_irq_index index, unsigned int vector, bool masked)
{
	word(of(host), "%s%d:%u ", masked ? "mask" : "unmask", (int)index, vector);
	return end(of(host), NULL);
}

static int memory_possible(struct pcg_host *host, unsigned int region, enum pcg_memory kind, const char **why)
{
	(void)host;
	*why = region == 0 || kind == PCG_MEMORY_UNCACHED ? "" : "not this one";
	return **why == '\0' ? 0 : -EOPNOTSUPP;
}

static int memory(struct pcg_host *host, unsigned int region, enum pcg_memory kind, struct pcg_op *op)
{
	word(of(host), "memory%u=%d ", region, (int)kind);
	host->info.regions[region].memory = kind;
	return end(of(host), op);
}

static int irq_resample(struct pcg_host *host, int fd)
{
	word(of(host), "resample%d ", fd);
	return end(of(host), NULL);
}

static void cancel(struct pcg_host *host, struct pcg_op *op)
{
	assert_ptr_equal(op, of(host)->pending);
	of(host)->pending = NULL;
	of(host)->cancelled++;
}

static const struct pcg_host_ops ops = {
	.name = "recorder",
	.config_read = config_read,
	.config_write = config_write,
	.region_read = region_read,
	.region_write = region_write,
	.reset = reset,
	.power = power,
	.revoke = revoke,
	.allow = allow,
	.release = release,
	.dma = dma,
	.cancel = cancel,
};

void recorder_direct(struct recorder *r)
{
	static struct pcg_host_ops direct;

	direct = ops;
	direct.dma_map = dma_map;
	direct.dma_unmap = dma_unmap;
	direct.irq_route = irq_route;
	direct.irq_mask = irq_mask;
	direct.irq_resample = irq_resample;
	direct.memory_possible = memory_possible;
	direct.memory = memory;
	r->host.ops = &direct;
	r->host.info.shows_intx = true;
}

static int pasid(struct pcg_host *host, const struct pcg_pasid_control *c, struct pcg_op *op)
{
	word(of(host), "pasid:%s%s%s%s%s%s ", c->pasid ? "p" : "", c->execute ? "x" : "", c->privileged ? "v" : "",
	     c->ats ? "a" : "", c->page_requests ? "r" : "", c->page_reset ? "!" : "");
	if (of(host)->fail == 0)
		of(host)->control = *c;
	return end(of(host), op);
}

static int space(struct pcg_host *host, struct pcg_space *wish, struct pcg_op *op)
{
	word(of(host), "space%d:%x ", (int)wish->verb, wish->pasid);
	if (wish->verb == PCG_SPACE_CREATE)
		wish->space = 7;
	return end(of(host), op);
}

static int fault(struct pcg_host *host, struct pcg_fault *record)
{
	(void)host;
	*record = (struct pcg_fault){ .reason = PCG_FAULT_PASID_OFF, .pasid = 5, .has_pasid = true };
	return 0;
}

static int page_request(struct pcg_host *host, struct pcg_page_request *request)
{
	(void)host;
	(void)request;
	return -ENOENT;
}

static int page_response(struct pcg_host *host, const struct pcg_page_response *response)
{
	word(of(host), "answer%u=%u ", response->group, response->code);
	return 0;
}

void recorder_pasid(struct recorder *r)
{
	static struct pcg_host_ops enforcing;

	enforcing = *r->host.ops;
	enforcing.pasid = pasid;
	enforcing.space = space;
	enforcing.fault = fault;
	enforcing.page_request = page_request;
	enforcing.page_response = page_response;
	r->host.ops = &enforcing;
	r->host.info.pasid = (struct pcg_pasid_facts){
		.width = 16, .execute = true, .privileged = true, .ats = true, .page_requests = 32
	};
}

static int resize(struct pcg_host *host, unsigned int bar, unsigned int log2, struct pcg_op *op)
{
	word(of(host), "resize%u:%u ", bar, log2);
	if (of(host)->resize_fails != 0)
		return of(host)->resize_fails;
	host->info.bars[bar].size = UINT64_C(1) << log2;
	host->info.regions[bar].size = UINT64_C(1) << log2;
	return end(of(host), op);
}

void recorder_resizable(struct recorder *r)
{
	static struct pcg_host_ops resizing;

	resizing = *r->host.ops;
	resizing.resize = resize;
	r->host.ops = &resizing;
	r->host.info.bars[0].size = r->host.info.regions[0].size = 1u << 20;
	r->host.info.bars[2] = (struct pcg_bar){ .size = 1u << 20, .kind = PCG_BAR_MEM64 };
	r->host.info.bars[3] = (struct pcg_bar){ .kind = PCG_BAR_UPPER };
	r->host.info.regions[2] = (struct pcg_region){ .size = 1u << 20, .flags = 7, .fd = 0 };
	r->host.info.resizable[2] = 1 | 1 << 2 | 1 << 6;
	pcg_put32(r->config + PCG_BAR0 + 8, 0xf0000004);
	pcg_put32(r->config + AT_DSN, AT_REBAR << 20 | 0x00010003);
	pcg_put32(r->config + AT_REBAR, 0x00010015);
	pcg_put32(r->config + AT_REBAR + 4, 0x0000fff0);
	pcg_put32(r->config + AT_REBAR + 8, 0x00000040);
	pcg_put32(r->config + AT_REBAR + 12, 0x0000fff0);
	pcg_put32(r->config + AT_REBAR + 16, 0x00000002);
}

void recorder_init(struct recorder *r)
{
	static const uint8_t pm[] = { 0x01, AT_MSI, 0x03, 0xfe, 0x00, 0x00 };
	static const uint8_t msi[] = { 0x05, AT_MSIX, 0x8a, 0x01 };
	static const uint8_t msix[] = { 0x11, AT_EXP, 63, 0x00, 0x00, 0x20, 0, 0, 0x00, 0x40, 0, 0 };
	static const uint8_t exp[] = { 0x10, 0x00, 0x02, 0x00, 0x02, 0x80, 0x00, 0x10, 0x30, 0x28 };
	uint8_t *c = r->config;

	memset(r, 0, sizeof(*r));
	r->host.ops = &ops;
	r->host.info.config_size = PCG_CONFIG_EXTENDED;
	r->host.info.can_reset = true;
	r->host.info.bars[0] = (struct pcg_bar){ .size = 65536, .kind = PCG_BAR_MEM32 };
	r->host.info.bars[1] = (struct pcg_bar){ .size = 32, .kind = PCG_BAR_IO };
	r->host.info.regions[0] = (struct pcg_region){ .size = 65536, .flags = 7, .fd = 0 };
	r->host.info.regions[1] = (struct pcg_region){ .size = 32, .flags = 3, .fd = -1 };
	pcg_put32(c, 0x12348086);
	pcg_put32(c + PCG_COMMAND, 0x00100000);
	pcg_put32(c + PCG_REVISION, 0x02000001);
	pcg_put32(c + PCG_BAR0, 0xfe000000);
	pcg_put32(c + PCG_BAR0 + 4, 0x0000e001);
	c[PCG_CAPABILITIES] = AT_PM;
	c[PCG_INT_PIN] = 1;
	memcpy(c + AT_PM, pm, sizeof(pm));
	memcpy(c + AT_MSI, msi, sizeof(msi));
	memcpy(c + AT_MSIX, msix, sizeof(msix));
	memcpy(c + AT_EXP, exp, sizeof(exp));
	pcg_put32(c + AT_AER, 0x15020001);
	pcg_put32(c + AT_PASID, 0x1601001b);
	pcg_put32(c + AT_PASID + 4, 0x00001406);
	pcg_put32(c + AT_DSN, 0x00010003);
	pcg_put32(c + AT_DSN + 4, 0x55667788);
}

static void trigger(void *arg, enum pcg_irq_index index, unsigned int vector)
{
	((struct recorder *)arg)->triggers[index][vector]++;
}

static void recorded(void *arg)
{
	((struct recorder *)arg)->recorded++;
}

static void opened(struct pcg_request *request)
{
	assert_int_equal(request->result, 0);
}

struct pcg_function *recorder_open(struct recorder *r, const struct pcg_view_options *options)
{
	struct pcg_view_options guarded = { .profile = pcg_profile_find("guarded") };
	const struct pcg_function_events events = { .arg = r, .trigger = trigger, .recorded = recorded };
	struct pcg_request request = { .done = opened };
	struct pcg_function *f;
	void *memory = malloc(pcg_function_size());

	assert_non_null(memory);
	r->quiet = true;
	assert_int_equal(
		pcg_function_init(memory, &r->host, options != NULL ? options : &guarded, &events, NULL, &request, &f),
		PCG_DONE);
	r->quiet = false;
	recorder_clear(r);
	return f;
}

void recorder_close(struct pcg_function *f)
{
	pcg_function_finish(f);
	free(f);
}

void recorder_finish(struct recorder *r, int result)
{
	struct pcg_op *op = r->pending;

	assert_non_null(op);
	r->pending = NULL;
	op->done(op, result);
}

void recorder_clear(struct recorder *r)
{
	r->calls[0] = '\0';
}

uint32_t guest_read(struct pcg_function *f, unsigned int offset, unsigned int width)
{
	uint8_t data[4] = { 0 };
	struct pcg_request rq = {
		.kind = PCG_REQUEST_READ,
		.region = PCG_REGION_CONFIG,
		.offset = offset,
		.length = width,
		.data = data,
	};

	assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
	return pcg_get32(data);
}

int guest_write(struct pcg_function *f, unsigned int offset, unsigned int width, uint32_t value)
{
	uint8_t data[4];
	struct pcg_request rq = {
		.kind = PCG_REQUEST_WRITE,
		.region = PCG_REGION_CONFIG,
		.offset = offset,
		.length = width,
		.data = data,
	};

	pcg_put32(data, value);
	return pcg_function_submit(f, &rq);
}
