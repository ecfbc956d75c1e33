/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile SOCKET SEED SECONDS [garbage|maps|reset|eventfds|vanish]...
 *
 * Clients of the worst kind, one after another, each for a while and then gone without a word: what they do is drawn
 * from SEED. All kinds unless some are named. The addresses that they map and the memory behind them are their own.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"

#define MEMORY (4u << 20)
#define TURN   0.3 /* seconds that one of them lives, at most */

struct hostile {
	const char *path;
	uint64_t state;
	struct pcg_client *client;
	int memory;
	double until;
};

static uint32_t drawn(struct hostile *h, uint32_t below)
{
	h->state = h->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(h->state >> 33) % below;
}

static bool goes_on(const struct hostile *h)
{
	return driver_now() < h->until;
}

/* --- without the library: what it would not send --- */

static int dial(const struct hostile *h)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", h->path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Headers of vfio-user with wild contents behind a VERSION that is fine, or bytes that are nothing at all. */
static void send_garbage(struct hostile *h, int fd)
{
	static const uint8_t version[] = { 0, 0, 1, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 };
	uint8_t data[512];

	if (drawn(h, 4) != 0 && send(fd, version, sizeof(version), MSG_NOSIGNAL) < 0)
		return;
	while (goes_on(h)) {
		uint32_t length = 16 + drawn(h, sizeof(data) - 16);

		for (uint32_t i = 0; i < length; i++)
			data[i] = (uint8_t)drawn(h, drawn(h, 2) != 0 ? 256 : 4);
		if (drawn(h, 8) != 0) {
			pcg_put32(data, drawn(h, 65536) | drawn(h, 18) << 16);
			pcg_put32(data + 4, length);
			pcg_put32(data + 8, drawn(h, 4) == 0 ? 0x10 : 0);
		}
		if (send(fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return;
	}
}

static void garbage(struct hostile *h)
{
	while (goes_on(h)) {
		int fd = dial(h);

		if (fd < 0)
			return;
		send_garbage(h, fd);
		close(fd);
	}
}

/* --- with it --- */

static void maps(struct hostile *h)
{
	while (goes_on(h) && pcg_client_dead(h->client) == 0) {
		uint64_t page = drawn(h, 64), pages = 1 + drawn(h, 64), iova = (uint64_t)(1 + drawn(h, 1024)) << 12;

		if (drawn(h, 3) == 0)
			iova = (uint64_t)drawn(h, UINT32_MAX) << drawn(h, 32) & ~UINT64_C(4095);
		if (drawn(h, 2) == 0)
			pcg_client_dma_map(h->client, iova, pages << 12, 1 + drawn(h, 3),
					   drawn(h, 8) == 0 ? -1 : h->memory, page << 12);
		else
			pcg_client_dma_unmap(h->client, iova, pages << 12);
	}
}

static void reset(struct hostile *h)
{
	while (goes_on(h) && pcg_client_dead(h->client) == 0) {
		pcg_client_config_write16(h->client, PCG_COMMAND, (uint16_t)drawn(h, 8));
		if (drawn(h, 4) == 0)
			pcg_client_config_write32(h->client, (uint16_t)(drawn(h, 64) * 4), drawn(h, UINT32_MAX));
		pcg_client_reset(h->client);
	}
}

/* Counters at their end, of which the next signal would wait, and sets that come and go. */
static void eventfds(struct hostile *h)
{
	int fds[4];

	for (unsigned int i = 0; i < 4; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | (i % 2 != 0 ? EFD_NONBLOCK : 0));
		eventfd_write(fds[i], UINT64_MAX - 1);
	}
	pcg_client_config_write16(h->client, PCG_COMMAND, 6);
	while (goes_on(h) && pcg_client_dead(h->client) == 0) {
		uint32_t index = drawn(h, PCG_NUM_IRQS), count = 1 + drawn(h, 4);

		if (drawn(h, 4) == 0)
			pcg_client_irq_disable(h->client, index);
		else if (drawn(h, 2) == 0)
			pcg_client_irq_enable(h->client, index, drawn(h, 4), count, fds);
		else
			pcg_client_irq_trigger(h->client, index, drawn(h, 4), count);
	}
	for (unsigned int i = 0; i < 4; i++)
		close(fds[i]);
}

/* In the middle of something: the descriptors go with the process. */
static void vanish(struct hostile *h)
{
	h->until = driver_now() + drawn(h, 100) / 1000.0;
	if (drawn(h, 2) == 0)
		maps(h);
	else
		reset(h);
	kill(getpid(), SIGKILL);
}

static const struct {
	const char *name;
	void (*act)(struct hostile *h);
	bool connected;
} kinds[] = {
	{ "garbage", garbage, false },  { "maps", maps, true },     { "reset", reset, true },
	{ "eventfds", eventfds, true }, { "vanish", vanish, true },
};

#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What was mapped, or will be, ends earlier than it should. */
static void shrink(const struct hostile *h)
{
	if (ftruncate(h->memory, MEMORY / 4) != 0)
		_exit(1);
}

/* A process of its own, so that one that is killed is the end of nobody else. */
static void one(struct hostile *h, size_t kind)
{
	h->until = driver_now() + TURN;
	h->memory = memfd_create("hostile", MFD_CLOEXEC);
	if (h->memory < 0 || ftruncate(h->memory, MEMORY) != 0)
		_exit(1);
	if (kinds[kind].connected && pcg_client_create(&h->client, h->path, 10000, NULL) != 0)
		_exit(3);
	if (drawn(h, 4) == 0 && kinds[kind].connected)
		shrink(h);
	kinds[kind].act(h);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct hostile h = { .path = argv[1] };
	unsigned int turns = 0, let_in = 0;
	bool want[NUM_KINDS] = { false }, all = argc <= 4;
	double end;

	if (argc < 4) {
		fprintf(stderr, "usage: hostile SOCKET SEED SECONDS [garbage|maps|reset|eventfds|vanish]...\n");
		return 2;
	}
	h.state = strtoull(argv[2], NULL, 0);
	end = driver_now() + strtod(argv[3], NULL);
	for (size_t k = 0; k < NUM_KINDS; k++) {
		for (int i = 4; i < argc; i++)
			want[k] = want[k] || strcmp(kinds[k].name, argv[i]) == 0;
	}
	while (driver_now() < end) {
		size_t kind = drawn(&h, NUM_KINDS);
		pid_t child;
		int status;

		if (!all && !want[kind])
			continue;
		child = fork();
		if (child < 0)
			return 1;
		if (child == 0)
			one(&h, kind);
		waitpid(child, &status, 0);
		turns++;
		let_in += !WIFEXITED(status) || WEXITSTATUS(status) == 0;
	}
	printf("hostile: %u clients, %u of them let in\n", turns, let_in);
	return let_in > 0 ? 0 : 1;
}
