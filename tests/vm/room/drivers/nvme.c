/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme SOCKET [polling|msix|intx]... [--queues N] [--rounds N] [--seconds N] [--iova ADDRESS]
 *
 * A driver for an NVM Express controller that somebody serves. In each of the ways named it resets and enables the
 * controller, identifies it, makes I/O queues one after another, each with a vector of its own, and writes patterns
 * that it reads back and compares. Registers and commands are those of the NVM Express Base Specification 1.4.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "driver.h"

#define PAGE       4096u
#define DEPTH      16u /* entries of each queue */
#define MAX_QUEUES 8u
#define WAIT_MS    20000u

enum {
	REG_CAP = 0x00,
	REG_CC = 0x14,
	REG_CSTS = 0x1c,
	REG_AQA = 0x24,
	REG_ASQ = 0x28,
	REG_ACQ = 0x30,
	REG_DOORBELLS = 0x1000,
	CC_ENABLE = 1,
	CC_SIZES = 6 << 16 | 4 << 20, /* entries of 64 and 16 bytes */
	CSTS_READY = 1,
	CSTS_FATAL = 2,
};

enum {
	ADMIN_CREATE_SQ = 0x01,
	ADMIN_CREATE_CQ = 0x05,
	ADMIN_IDENTIFY = 0x06,
	ADMIN_SET_FEATURES = 0x09,
	FEATURE_QUEUES = 0x07,
	NVM_WRITE = 0x01,
	NVM_READ = 0x02,
};

enum way {
	POLLING,
	MSIX,
	INTX
};
static const char *const ways[] = { "polling", "msix", "intx" };

struct command {
	uint8_t opcode;
	uint32_t nsid;
	uint32_t page; /* of the buffer: where data goes */
	uint32_t cdw10, cdw11, cdw12;
};

struct queue {
	uint32_t sq, cq; /* pages of the buffer */
	uint32_t tail, head;
	uint8_t phase;
	uint16_t id;
};

struct nvme {
	struct pcg_client *client;
	struct pcg_client_buffer buffer;
	uint64_t iova;
	enum way way;
	unsigned int stride;
	unsigned int queues;
	uint64_t blocks;
	unsigned int block; /* bytes of one */
	struct queue queue[MAX_QUEUES + 1];
	uint64_t interrupts;
};

/* Pages of the buffer: two for each queue, then two of data for each. */
static uint32_t data_page(unsigned int q)
{
	return 2 * (MAX_QUEUES + 1) + 2 * q;
}

#define BUFFER_PAGES (4u * (MAX_QUEUES + 1))

static uint8_t *page_at(const struct nvme *n, uint32_t page)
{
	return (uint8_t *)n->buffer.address + (size_t)page * PAGE;
}

static uint64_t page_iova(const struct nvme *n, uint32_t page)
{
	return n->iova + (uint64_t)page * PAGE;
}

/* --- one command --- */

static int ring(struct nvme *n, unsigned int q, bool completion, uint32_t value)
{
	return pcg_client_write32(n->client, PCG_REGION_BAR0, REG_DOORBELLS + (2ull * q + completion) * n->stride,
				  value);
}

static bool completed(const struct nvme *n, const struct queue *queue)
{
	const volatile uint8_t *status = page_at(n, queue->cq) + queue->head * 16u + 14;

	return (*status & 1) == queue->phase;
}

/* The answer is there already, or an interrupt tells of it. One that came for an earlier look counts for nothing. */
static int await(struct nvme *n, struct queue *queue)
{
	const uint32_t index = n->way == MSIX ? PCG_IRQ_MSIX : PCG_IRQ_INTX;
	const double end = driver_now() + WAIT_MS / 1000.0;
	bool told = n->way == POLLING;

	while (!completed(n, queue) || !told) {
		int r;

		if (driver_now() > end)
			return driver_failed(completed(n, queue) ? "a completion without an interrupt" : "a completion",
					     -ETIMEDOUT);
		if (n->way == POLLING) {
			nanosleep(&(const struct timespec){ .tv_nsec = 100000 }, NULL);
			continue;
		}
		r = pcg_client_irq_wait(n->client, index, n->way == MSIX ? queue->id : 0, 1000, NULL);
		if (r == -ETIMEDOUT)
			continue;
		if (r != 0)
			return driver_failed("waiting for an interrupt", r);
		told = true;
		n->interrupts++;
		if (n->way == INTX && !completed(n, queue))
			r = pcg_client_irq_unmask(n->client, PCG_IRQ_INTX, 0, 1);
		if (r != 0)
			return r;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return 0;
}

static int run(struct nvme *n, unsigned int q, const struct command *command)
{
	struct queue *queue = &n->queue[q];
	uint8_t *sqe = page_at(n, queue->sq) + queue->tail * 64u;
	uint64_t data = page_iova(n, command->page);
	unsigned int status;
	int r;

	memset(sqe, 0, 64);
	pcg_put32(sqe, command->opcode | queue->tail << 16);
	pcg_put32(sqe + 4, command->nsid);
	pcg_put32(sqe + 24, (uint32_t)data);
	pcg_put32(sqe + 28, (uint32_t)(data >> 32));
	pcg_put32(sqe + 40, command->cdw10);
	pcg_put32(sqe + 44, command->cdw11);
	pcg_put32(sqe + 48, command->cdw12);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	queue->tail = (queue->tail + 1) % DEPTH;
	r = ring(n, q, false, queue->tail);
	if (r == 0)
		r = await(n, queue);
	if (r != 0)
		return r;
	status = pcg_get32(page_at(n, queue->cq) + queue->head * 16u + 12) >> 17;
	queue->head = (queue->head + 1) % DEPTH;
	if (queue->head == 0)
		queue->phase ^= 1;
	r = ring(n, q, true, queue->head);
	/* The line is quiet now: it may tell of the next. */
	if (r == 0 && n->way == INTX)
		r = pcg_client_irq_unmask(n->client, PCG_IRQ_INTX, 0, 1);
	if (r == 0 && status != 0) {
		fprintf(stderr, "command 0x%02x of queue %u: status 0x%x\n", command->opcode, q, status);
		r = -EIO;
	}
	return r;
}

/* --- set-up --- */

static int set64(struct nvme *n, uint64_t offset, uint64_t value)
{
	int r = pcg_client_write32(n->client, PCG_REGION_BAR0, offset, (uint32_t)value);

	return r != 0 ? r : pcg_client_write32(n->client, PCG_REGION_BAR0, offset + 4, (uint32_t)(value >> 32));
}

static void queue_init(struct nvme *n, unsigned int q)
{
	n->queue[q] = (struct queue){ .sq = 2 * q, .cq = 2 * q + 1, .phase = 1, .id = (uint16_t)q };
	memset(page_at(n, 2 * q), 0, 2 * (size_t)PAGE);
}

static int enable(struct nvme *n)
{
	uint32_t low, high, limit;
	int r = pcg_client_read32(n->client, PCG_REGION_BAR0, REG_CAP, &low);

	if (r == 0)
		r = pcg_client_read32(n->client, PCG_REGION_BAR0, REG_CAP + 4, &high);
	if (r != 0)
		return driver_failed("CAP", r);
	limit = (low >> 24) * 500 + 500;
	n->stride = 4u << (high & 0xf);
	r = pcg_client_write32(n->client, PCG_REGION_BAR0, REG_CC, 0);
	if (r == 0)
		r = pcg_client_poll32(n->client, PCG_REGION_BAR0, REG_CSTS, CSTS_READY, 0, limit, NULL);
	queue_init(n, 0);
	if (r == 0)
		r = pcg_client_write32(n->client, PCG_REGION_BAR0, REG_AQA, (DEPTH - 1) << 16 | (DEPTH - 1));
	if (r == 0)
		r = set64(n, REG_ASQ, page_iova(n, 0));
	if (r == 0)
		r = set64(n, REG_ACQ, page_iova(n, 1));
	if (r == 0)
		r = pcg_client_write32(n->client, PCG_REGION_BAR0, REG_CC, CC_SIZES | CC_ENABLE);
	if (r == 0)
		r = pcg_client_poll32(n->client, PCG_REGION_BAR0, REG_CSTS, CSTS_READY | CSTS_FATAL, CSTS_READY, limit,
				      NULL);
	return r != 0 ? driver_failed("enabling the controller", r) : 0;
}

static void print_field(const char *name, const uint8_t *text, unsigned int length)
{
	while (length > 0 && text[length - 1] == ' ')
		length--;
	printf("%s %.*s\n", name, (int)length, (const char *)text);
}

static int identify(struct nvme *n)
{
	const struct command controller = { .opcode = ADMIN_IDENTIFY, .page = data_page(0), .cdw10 = 1 };
	const struct command namespace = { .opcode = ADMIN_IDENTIFY, .nsid = 1, .page = data_page(0), .cdw10 = 0 };
	const uint8_t *data = page_at(n, data_page(0));
	int r = run(n, 0, &controller);

	if (r != 0)
		return driver_failed("IDENTIFY", r);
	print_field("serial", data + 4, 20);
	print_field("model", data + 24, 40);
	r = run(n, 0, &namespace);
	if (r != 0)
		return driver_failed("IDENTIFY of the namespace", r);
	n->blocks = pcg_get32(data) | (uint64_t)pcg_get32(data + 4) << 32;
	n->block = 1u << (pcg_get32(data + 128 + 4 * (data[26] & 0xf)) >> 16 & 0xff);
	printf("blocks %" PRIu64 " of %u bytes\n", n->blocks, n->block);
	return n->block >= 512 && n->block <= PAGE && n->blocks >= 1024 ? 0 : driver_failed("namespace", -EINVAL);
}

/* The vector's mask bit is set after a reset; its address and data are the server's business. */
static int unmask_entry(struct nvme *n, unsigned int vector)
{
	struct pcg_cap cap;
	uint32_t table;
	int r = pcg_client_find(n->client, PCG_CAP_MSIX, false, &cap);

	if (r == 0)
		r = pcg_client_config_read32(n->client, (uint16_t)(cap.offset + PCG_MSIX_TABLE), &table);
	if (r == 0)
		r = pcg_client_write32(n->client, table & 7, (table & ~7u) + 16ull * vector + 12, 0);
	return r;
}

static int add_vector(struct nvme *n, unsigned int vector)
{
	int r = pcg_client_irq_enable(n->client, PCG_IRQ_MSIX, vector, 1, NULL);

	if (r == 0)
		r = unmask_entry(n, vector);
	return r != 0 ? driver_failed("one more vector", r) : 0;
}

static int add_queue(struct nvme *n, unsigned int q)
{
	const uint32_t interrupt = n->way == POLLING ? 0 : (n->way == MSIX ? q << 16 : 0) | 2;
	const struct command cq = {
		.opcode = ADMIN_CREATE_CQ, .page = 2 * q + 1, .cdw10 = (DEPTH - 1) << 16 | q, .cdw11 = interrupt | 1
	};
	const struct command sq = {
		.opcode = ADMIN_CREATE_SQ, .page = 2 * q, .cdw10 = (DEPTH - 1) << 16 | q, .cdw11 = q << 16 | 1
	};
	int r = n->way == MSIX ? add_vector(n, q) : 0;

	if (r != 0)
		return r;
	queue_init(n, q);
	r = run(n, 0, &cq);
	if (r == 0)
		r = run(n, 0, &sq);
	return r != 0 ? driver_failed("making a queue", r) : 0;
}

static int set_up(struct nvme *n)
{
	const struct command count = { .opcode = ADMIN_SET_FEATURES,
				       .page = data_page(0),
				       .cdw10 = FEATURE_QUEUES,
				       .cdw11 = (n->queues - 1) << 16 | (n->queues - 1) };
	int r = pcg_client_reset(n->client);

	if (r == 0)
		r = pcg_client_config_update16(n->client, PCG_COMMAND, 0, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	if (r == 0 && n->way == MSIX)
		r = pcg_client_msi_start(n->client, PCG_IRQ_MSIX, 1);
	if (r == 0 && n->way == INTX)
		r = pcg_client_irq_enable(n->client, PCG_IRQ_INTX, 0, 1, NULL);
	if (r != 0)
		return driver_failed("setting up", r);
	r = enable(n);
	if (r == 0)
		r = identify(n);
	if (r == 0)
		r = run(n, 0, &count);
	for (unsigned int q = 1; r == 0 && q <= n->queues; q++)
		r = add_queue(n, q);
	return r;
}

/* --- the work --- */

static void pattern(uint8_t *page, uint64_t seed)
{
	for (unsigned int i = 0; i < PAGE; i += 4) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		pcg_put32(page + i, (uint32_t)(seed >> 32));
	}
}

/* One page through one queue: written, read back into another page, compared. */
static int transfer(struct nvme *n, unsigned int q, uint64_t seed)
{
	const uint32_t from = data_page(q), to = data_page(q) + 1;
	const uint32_t per_page = PAGE / n->block;
	const uint32_t lba = (uint32_t)(seed * 2654435761u % (n->blocks / per_page) * per_page);
	struct command command = { .opcode = NVM_WRITE, .nsid = 1, .page = from, .cdw10 = lba, .cdw12 = per_page - 1 };
	int r;

	pattern(page_at(n, from), seed);
	memset(page_at(n, to), 0, PAGE);
	r = run(n, q, &command);
	command.opcode = NVM_READ;
	command.page = to;
	if (r == 0)
		r = run(n, q, &command);
	if (r == 0 && memcmp(page_at(n, from), page_at(n, to), PAGE) != 0) {
		fprintf(stderr, "block %" PRIu32 " of queue %u came back different\n", lba, q);
		r = -EBADMSG;
	}
	return r;
}

static int work(struct nvme *n, unsigned int rounds, double seconds)
{
	const double begin = driver_now();
	uint64_t done = 0;
	int r = set_up(n);

	for (unsigned int i = 0; r == 0 && (i < rounds || driver_now() < begin + seconds); i++) {
		for (unsigned int q = 1; r == 0 && q <= n->queues; q++) {
			r = transfer(n, q, (uint64_t)i * MAX_QUEUES + q);
			done++;
		}
		if (i == 0 && r == 0) {
			printf("works\n");
			fflush(stdout);
		}
	}
	if (r != 0)
		return driver_failed(ways[n->way], r);
	printf("%s: %" PRIu64 " pages written, read and compared by %u queues, %" PRIu64 " interrupts\n", ways[n->way],
	       done, n->queues, n->interrupts);
	fflush(stdout);
	return n->way == MSIX   ? pcg_client_msi_stop(n->client, PCG_IRQ_MSIX)
	       : n->way == INTX ? pcg_client_irq_disable(n->client, PCG_IRQ_INTX)
				: 0;
}

static bool option(char ***argv, const char *name, unsigned long long *value)
{
	char *end;

	if (strcmp(**argv, name) != 0 || (*argv)[1] == NULL)
		return false;
	*value = strtoull(*++*argv, &end, 0);
	return *end == '\0';
}

int main(int argc, char **argv)
{
	const struct pcg_log log = { .write = driver_say };
	unsigned long long queues = 3, rounds = 8, seconds = 0, iova = 0x100000;
	struct nvme n = { .client = NULL };
	bool want[3] = { false };
	const char *socket = argv[1];
	int r = 0;

	for (argv += argc > 1 ? 2 : 1; *argv != NULL; argv++) {
		for (unsigned int w = 0; w < 3; w++)
			want[w] = want[w] || strcmp(*argv, ways[w]) == 0;
		if (strcmp(*argv, ways[POLLING]) == 0 || strcmp(*argv, ways[MSIX]) == 0 ||
		    strcmp(*argv, ways[INTX]) == 0 || option(&argv, "--queues", &queues) ||
		    option(&argv, "--rounds", &rounds) || option(&argv, "--seconds", &seconds) ||
		    option(&argv, "--iova", &iova))
			continue;
		r = -EINVAL;
		break;
	}
	if (argc < 2 || r != 0 || queues == 0 || queues > MAX_QUEUES) {
		fprintf(stderr, "usage: nvme SOCKET [polling|msix|intx]... [--queues N] [--rounds N] [--seconds N] "
				"[--iova ADDRESS]\n");
		return 2;
	}
	n.queues = (unsigned int)queues;
	n.iova = iova;
	if (pcg_client_create(&n.client, socket, 20000, &log) != 0)
		return 1;
	r = pcg_client_buffer_init(n.client, iova, (size_t)BUFFER_PAGES * PAGE, &n.buffer);
	for (unsigned int w = 0; r == 0 && w < 3; w++) {
		n.way = (enum way)w;
		n.interrupts = 0;
		if (want[w])
			r = work(&n, (unsigned int)rounds, (double)seconds);
	}
	if (r == 0)
		r = pcg_client_buffer_finish(n.client, &n.buffer);
	pcg_client_destroy(n.client);
	return r == 0 ? 0 : 1;
}
