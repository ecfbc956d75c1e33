/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pcigate/pci.h>

#include "crowd.h"
#include "vfio-user/wire.h"

#define REG_COMMAND 0x04 /* registers of the endpoint test function */
#define REG_SOURCE  0x0c
#define REG_TARGET  0x14
#define REG_SIZE    0x1c
#define REG_TYPE    0x24
#define REG_NUMBER  0x28

#define COMMAND_WRITE 0x10
#define TYPE_MSIX     2
#define MOVED         4096u
#define FILE_SIZE     65536u

static int crowd_failed(struct crowd *crowd, const char *what, const char *why)
{
	snprintf(crowd->why, sizeof(crowd->why), "%s: %s", what, why);
	return -1;
}

static void crowd_path(const struct crowd *crowd, unsigned int i, char path[108])
{
	snprintf(path, 108, "%s/vf%u", crowd->folder, i);
}

/* --- the server --- */

static void crowd_child(const struct crowd *crowd, const char *program, int out, int cpu, pid_t parent)
{
	char func[192], range[32];
	char *argv[] = { (char *)(uintptr_t)program, (char *)"serve", (char *)"--each", range, func, NULL };

	snprintf(range, sizeof(range), "0-%u", crowd->count - 1);
	snprintf(func, sizeof(func), "sim:endpoint-test,vfs=%u,vf=%%n=%s/vf%%n", crowd->count, crowd->folder);
	process_child(cpu, parent);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(3);
}

/* Reads what the server says until it listens on all of its sockets, and keeps it for process_tell(). */
static int crowd_listens(struct crowd *crowd, int in, uint64_t begin)
{
	struct pollfd ready = { .fd = in, .events = POLLIN };
	FILE *log = fopen(crowd->process.log, "we");
	static const char said[] = "listening on ";
	unsigned int n = 0, matched = 0;
	char bytes[4096];

	while (log != NULL && n < crowd->count && poll(&ready, 1, BENCH_WAIT_S * 1000) == 1) {
		ssize_t got = read(in, bytes, sizeof(bytes));
		double ms = (double)(phase_now() - begin) / 1e6;

		if (got <= 0)
			break;
		fwrite(bytes, 1, (size_t)got, log);
		for (ssize_t i = 0; i < got; i++) {
			matched = bytes[i] == said[matched] ? matched + 1 : bytes[i] == said[0];
			if (matched + 1 < sizeof(said))
				continue;
			matched = 0;
			if (n++ == 0)
				crowd->first_ms = ms;
			if (n == crowd->count / 2)
				crowd->half_ms = ms;
			crowd->last_ms = ms;
		}
	}
	if (log != NULL)
		fclose(log);
	return n == crowd->count ? 0 : crowd_failed(crowd, "the server", "does not listen on all of its sockets");
}

static void crowd_footprint(const struct crowd *crowd, struct footprint *footprint)
{
	char path[64];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)crowd->process.pid);
	footprint->anonymous = process_memory(&crowd->process, "RssAnon:");
	footprint->descriptors = -1;
	folder = opendir(path);
	if (folder == NULL)
		return;
	/* Two are . and .. */
	for (footprint->descriptors = -2; readdir(folder) != NULL;)
		footprint->descriptors++;
	closedir(folder);
}

int crowd_start(struct crowd *crowd, const char *program, unsigned int count, int cpu)
{
	pid_t parent = getpid();
	uint64_t begin;
	int ends[2];

	*crowd = (struct crowd){ .count = count, .file = -1, .process.fd = -1 };
	snprintf(crowd->folder, sizeof(crowd->folder), "/tmp/pcigate-bench-XXXXXX");
	if (mkdtemp(crowd->folder) == NULL || pipe2(ends, O_CLOEXEC) != 0)
		return crowd_failed(crowd, "/tmp", strerror(errno));
	snprintf(crowd->process.log, sizeof(crowd->process.log), "%s/log", crowd->folder);
	begin = phase_now();
	crowd->process.pid = fork();
	if (crowd->process.pid == 0)
		crowd_child(crowd, program, ends[1], cpu, parent);
	close(ends[1]);
	/* Its other end stays open for as long as the server may have something to say. */
	crowd->process.fd = ends[0];
	if (crowd->process.pid < 0)
		return crowd_failed(crowd, "fork", strerror(errno));
	if (crowd_listens(crowd, ends[0], begin) != 0)
		return -1;
	crowd_footprint(crowd, &crowd->idle);
	return 0;
}

void crowd_stop(struct crowd *crowd)
{
	char path[108];

	for (unsigned int i = 0; crowd->clients != NULL && i < crowd->count; i++) {
		target_close(&crowd->clients[i]);
		if (crowd->events[i] >= 0)
			close(crowd->events[i]);
	}
	free(crowd->clients);
	free(crowd->events);
	crowd->clients = NULL;
	crowd->events = NULL;
	if (crowd->file >= 0)
		close(crowd->file);
	crowd->file = -1;
	process_stop(&crowd->process);
	for (unsigned int i = 0; i < crowd->count; i++) {
		crowd_path(crowd, i, path);
		unlink(path);
	}
	unlink(crowd->process.log);
	rmdir(crowd->folder);
}

/* --- its clients --- */

int crowd_connect(struct crowd *crowd)
{
	uint64_t begin = phase_now();
	struct exchange version;
	char path[108];

	crowd->clients = calloc(crowd->count, sizeof(*crowd->clients));
	crowd->events = calloc(crowd->count, sizeof(*crowd->events));
	if (crowd->clients == NULL || crowd->events == NULL) {
		free(crowd->clients);
		crowd->clients = NULL;
		return crowd_failed(crowd, "clients", strerror(ENOMEM));
	}
	for (unsigned int i = 0; i < crowd->count; i++)
		crowd->clients[i].fd = crowd->clients[i].event = crowd->events[i] = -1;
	for (unsigned int i = 0; i < crowd->count; i++) {
		crowd_path(crowd, i, path);
		if (target_connect(&crowd->clients[i], path) != 0 || target_version(&crowd->clients[i], &version) != 0)
			return crowd_failed(crowd, path, crowd->clients[i].why);
	}
	crowd->connect_ms = (double)(phase_now() - begin) / 1e6;
	crowd_footprint(crowd, &crowd->connected);
	return 0;
}

static int crowd_write(struct target *target, uint32_t region, uint64_t offset, uint32_t count, uint32_t value)
{
	struct exchange x;

	exchange_access(&x, WIRE_REGION_WRITE, 0, region, offset, count, value);
	return exchange_once(target, &x);
}

/* What a driver does: registers that stay as they are for each write that follows. */
static int crowd_program(struct target *target)
{
	static const uint32_t registers[][2] = {
		{ REG_TARGET, CROWD_MAP }, { REG_TARGET + 4, 0 }, { REG_SIZE, MOVED },
		{ REG_TYPE, TYPE_MSIX },   { REG_NUMBER, 1 },
	};

	if (crowd_write(target, PCG_REGION_CONFIG, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (crowd_write(target, 0, registers[i][0], 4, registers[i][1]) != 0)
			return -1;
	return 0;
}

static int crowd_begin(struct crowd *crowd, unsigned int i)
{
	struct target *target = &crowd->clients[i];
	struct exchange x;

	crowd->events[i] = eventfd(0, EFD_CLOEXEC);
	if (crowd->events[i] < 0)
		return target_failed(target, "eventfd: %s", strerror(errno));
	exchange_map(&x, CROWD_MAP, 0, FILE_SIZE, crowd->file);
	if (exchange_once(target, &x) != 0)
		return -1;
	exchange_irqs(&x, WIRE_IRQ_FDS, crowd->events[i]);
	if (exchange_once(target, &x) != 0 || crowd_program(target) != 0)
		return -1;
	crowd_row(target, CROWD_ROWS - 1, crowd->events[i]);
	return exchange_once(target, &target->steps[0]);
}

int crowd_work(struct crowd *crowd)
{
	crowd->file = memfd_create("pcigate-bench", MFD_CLOEXEC);
	if (crowd->file < 0 || ftruncate(crowd->file, FILE_SIZE) != 0)
		return crowd_failed(crowd, "memfd", strerror(errno));
	for (unsigned int i = 0; i < crowd->count; i++)
		if (crowd_begin(crowd, i) != 0)
			return crowd_failed(crowd, "a client", crowd->clients[i].why);
	crowd_footprint(crowd, &crowd->working);
	return 0;
}

/* --- what is measured --- */

const char *const crowd_names[CROWD_ROWS] = {
	"config read, 4 bytes",
	"BAR write, waited",
	"SET_IRQS trigger, eventfd, reply",
	"DMA of 4 KiB, its interrupt",
};

void crowd_row(struct target *target, unsigned int row, int event)
{
	struct exchange *x = &target->steps[0];

	target->nsteps = 1;
	target->event = row >= 2 ? event : -1;
	switch (row) {
	case 0:
		exchange_access(x, WIRE_REGION_READ, 0, PCG_REGION_CONFIG, 0, 4, 0);
		break;
	case 1:
		exchange_access(x, WIRE_REGION_WRITE, 0, 0, REG_SOURCE, 4, 0x12345678);
		break;
	case 2:
		exchange_irqs(x, WIRE_IRQ_NONE, -1);
		break;
	default:
		exchange_access(x, WIRE_REGION_WRITE, 0, 0, REG_COMMAND, 4, COMMAND_WRITE);
	}
}
