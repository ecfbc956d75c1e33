/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One command of the function sim:endpoint-test (docs/endpoint-test.md), given from user space: a program for guests
 * without an IOMMU, for what Linux's driver does not do or would wait for without an end.
 *
 *     endpoint BDF write SIZE [ADDRESS]   the function writes SIZE bytes into memory of this program, or to ADDRESS
 *     endpoint BDF read SIZE [ADDRESS]    it reads them from there
 *     endpoint BDF poke OFFSET VALUE      a register is written
 *     endpoint BDF peek OFFSET            or read
 *
 * Prints one line; status 0: it worked, and what moved is right. The function has to be on and nobody's driver's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	COMMAND = 0x04,
	STATUS = 0x08,
	SRC = 0x0c,
	DST = 0x14,
	SIZE = 0x1c,
	CHECKSUM = 0x20,
	IRQ_TYPE = 0x24,
	RESULT = 0x48,
};

enum {
	DO_READ = 1 << 3,
	DO_WRITE = 1 << 4,
	READ_SUCCESS = 1 << 0,
	WRITE_SUCCESS = 1 << 2,
	ENDS = 0x3f, /* of STATUS: successes and failures */
};

#define PAGE    4096u
#define SECONDS 3

static volatile uint32_t *registers;

static uint32_t get(unsigned int at)
{
	return registers[at / 4];
}

static void put(unsigned int at, uint32_t value)
{
	registers[at / 4] = value;
}

static int open_registers(const char *bdf)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		return -errno;
	registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return registers == MAP_FAILED ? -errno : 0;
}

/* Where a page of ours is in the guest's memory; 0: unknown. */
static uint64_t physical(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / PAGE * sizeof(entry))) != sizeof(entry))
		entry = 0;
	close(fd);
	return (entry & ((UINT64_C(1) << 55) - 1)) * PAGE;
}

/* crc32_le(~0, …) of Linux. */
static uint32_t checksum(const uint8_t *data, size_t size)
{
	uint32_t sum = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		sum ^= data[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
	}
	return sum;
}

static uint32_t wait_for_end(void)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	uint32_t status = 0;

	/* Not at once: what the function does comes before what it answers. */
	for (unsigned int i = 0; i < 500 * SECONDS && (status & ENDS) == 0; i++) {
		nanosleep(&pause, NULL);
		status = get(STATUS);
	}
	return status;
}

static int transfer(int write, uint32_t size, uint64_t address)
{
	uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	unsigned int to = write ? DST : SRC;
	uint32_t status, good = write ? WRITE_SUCCESS : READ_SUCCESS;
	int ours = address == 0, right = 1;

	if (page == MAP_FAILED || size == 0 || size > PAGE || mlock(page, PAGE) != 0)
		return 2;
	for (unsigned int i = 0; i < PAGE; i++)
		page[i] = (uint8_t)(i * 7);
	if (ours)
		address = physical(page);
	put(to, (uint32_t)address);
	put(to + 4, (uint32_t)(address >> 32));
	put(SIZE, size);
	put(STATUS, 0);
	put(IRQ_TYPE, 1); /* an MSI, which is off: nobody listens */
	put(CHECKSUM, write ? 0 : checksum(page, size));
	put(COMMAND, write ? DO_WRITE : DO_READ);
	status = wait_for_end();
	if (status != UINT32_MAX && (status & good) && ours)
		right = checksum(page, size) == get(CHECKSUM);
	printf("status %08x result %08x data %s\n", status, get(RESULT), right ? "right" : "wrong");
	return status != UINT32_MAX && (status & good) && right ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 0) : 0, second = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	int r = argc > 3 ? open_registers(argv[1]) : -EINVAL;

	if (r != 0) {
		fprintf(stderr, "endpoint: %s\n", strerror(-r));
		return 2;
	}
	if (strcmp(argv[2], "write") == 0 || strcmp(argv[2], "read") == 0)
		return transfer(argv[2][0] == 'w', (uint32_t)first, second);
	if (first >= PAGE)
		return 2;
	if (strcmp(argv[2], "poke") == 0)
		put((unsigned int)first, (uint32_t)second);
	else
		printf("%08x\n", get((unsigned int)first));
	return 0;
}
