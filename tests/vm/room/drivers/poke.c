/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poke SOCKET: a client that does what it is told, a line at a time, and answers each with "= RESULT …", RESULT being
 * 0 or a negative errno. Files are numbered from 0 in the order in which they were opened; - stands for none.
 *
 *   memory SIZE                           a file in memory
 *   huge SIZE                             the same of huge pages
 *   open PATH r|rw                        a file
 *   take PID FD                           another process's, as if it had been handed over
 *   put FILE OFFSET LENGTH BYTE           write LENGTH times BYTE into it
 *   get FILE OFFSET LENGTH                = 0 HEX
 *   punch FILE OFFSET LENGTH              make a hole
 *   map IOVA SIZE r|w|rw FILE OFFSET      = RESULT MILLISECONDS, so for the others that map
 *   unmap IOVA SIZE
 *   maps COUNT IOVA SIZE STEP FILE        COUNT maps, each STEP after the last, in the file as well;
 *                                         = RESULT DONE SLOWEST ALL
 *   unmaps COUNT IOVA SIZE STEP
 *   config OFFSET WIDTH [VALUE]           read or write; = RESULT VALUE
 *   region REGION OFFSET WIDTH [VALUE]
 *   intx, msi COUNT, msix COUNT           enable; noirq INDEX
 *   vectors INDEX START COUNT             eventfds for vectors
 *   wait INDEX VECTOR MILLISECONDS        = RESULT COUNT
 *   reset
 *   offer                                 = 0 CAN_WIDTH CAN SHOWN_WIDTH SHOWN PASID_AT REASON
 *   drive WIDTH FLAGS                     what this client drives of PASIDs
 *   space                                 = 0 SPACE, a new one; end-space SPACE
 *   lead SPACE IOVA SIZE ADDRESS FLAGS    a map of it; unlead SPACE IOVA SIZE
 *   attach PASID SPACE                    detach PASID
 *   faults                                = RESULT COUNT
 *   end
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pcigate/client_pasid.h>

#include "driver.h"

#define MAX_FILES 64
#define MAX_WORDS 8

struct poke {
	struct pcg_client *client;
	int fds[MAX_FILES];
	unsigned int nfds;
	char *words[MAX_WORDS + 1];
	unsigned int nwords;
	char answer[256];
};

static uint64_t number(const struct poke *p, unsigned int word)
{
	return word < p->nwords ? strtoull(p->words[word], NULL, 0) : 0;
}

static int file(const struct poke *p, unsigned int word)
{
	uint64_t n = number(p, word);

	return word < p->nwords && p->words[word][0] != '-' && n < p->nfds ? p->fds[n] : -1;
}

static uint32_t rights(const struct poke *p, unsigned int word)
{
	const char *text = word < p->nwords ? p->words[word] : "";

	return (strchr(text, 'r') != NULL ? PCG_DMA_READ : 0) | (strchr(text, 'w') != NULL ? PCG_DMA_WRITE : 0);
}

/* --- files --- */

static int keep(struct poke *p, int fd)
{
	if (fd < 0)
		return -errno;
	if (p->nfds == MAX_FILES) {
		close(fd);
		return -EMFILE;
	}
	snprintf(p->answer, sizeof(p->answer), "%u", p->nfds);
	p->fds[p->nfds++] = fd;
	return 0;
}

static int memory(struct poke *p, unsigned int flags)
{
	int fd = memfd_create("poke", MFD_CLOEXEC | flags);

	if (fd >= 0 && ftruncate(fd, (off_t)number(p, 1)) != 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return keep(p, fd);
}

static int do_memory(struct poke *p)
{
	return memory(p, 0);
}

static int do_huge(struct poke *p)
{
	return memory(p, MFD_HUGETLB);
}

static int do_open(struct poke *p)
{
	if (p->nwords < 3)
		return -EINVAL;
	return keep(p, open(p->words[1], (rights(p, 2) & PCG_DMA_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC));
}

static int do_take(struct poke *p)
{
	int process = (int)syscall(SYS_pidfd_open, (pid_t)number(p, 1), 0);
	int fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, (int)number(p, 2), 0);
	int error = errno;

	if (process >= 0)
		close(process);
	errno = error;
	return keep(p, fd);
}

static int do_put(struct poke *p)
{
	uint8_t byte = (uint8_t)number(p, 4);

	for (uint64_t i = 0, end = number(p, 3); i < end; i++) {
		if (pwrite(file(p, 1), &byte, 1, (off_t)(number(p, 2) + i)) != 1)
			return -errno;
	}
	return 0;
}

static int do_get(struct poke *p)
{
	uint8_t data[64];
	size_t length = number(p, 3) < sizeof(data) ? (size_t)number(p, 3) : sizeof(data);

	if (pread(file(p, 1), data, length, (off_t)number(p, 2)) != (ssize_t)length)
		return -EIO;
	for (size_t i = 0; i < length; i++)
		sprintf(p->answer + 2 * i, "%02x", data[i]);
	return 0;
}

/* As a VMM that gives memory back to the host. */
static int do_punch(struct poke *p)
{
	int r = fallocate(file(p, 1), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)number(p, 2),
			  (off_t)number(p, 3));

	return r == 0 ? 0 : -errno;
}

/* --- maps --- */

static int do_map(struct poke *p)
{
	double begin = driver_now();
	int r = pcg_client_dma_map(p->client, number(p, 1), number(p, 2), rights(p, 3), file(p, 4), number(p, 5));

	snprintf(p->answer, sizeof(p->answer), "%.3f", (driver_now() - begin) * 1e3);
	return r;
}

static int do_unmap(struct poke *p)
{
	double begin = driver_now();
	int r = pcg_client_dma_unmap(p->client, number(p, 1), number(p, 2));

	snprintf(p->answer, sizeof(p->answer), "%.3f", (driver_now() - begin) * 1e3);
	return r;
}

static int many(struct poke *p, bool map)
{
	double begin = driver_now(), slowest = 0, last = begin;
	uint64_t i, count = number(p, 1), iova = number(p, 2), size = number(p, 3), step = number(p, 4);
	int r = 0;

	for (i = 0; r == 0 && i < count; i++) {
		double now;

		r = map ? pcg_client_dma_map(p->client, iova + i * step, size, PCG_DMA_READ | PCG_DMA_WRITE, file(p, 5),
					     i * step)
			: pcg_client_dma_unmap(p->client, iova + i * step, size);
		now = driver_now();
		slowest = now - last > slowest ? now - last : slowest;
		last = now;
	}
	snprintf(p->answer, sizeof(p->answer), "%" PRIu64 " %.3f %.3f", i - (r != 0), slowest * 1e3,
		 (last - begin) * 1e3);
	return r;
}

static int do_maps(struct poke *p)
{
	return many(p, true);
}

static int do_unmaps(struct poke *p)
{
	return many(p, false);
}

/* --- registers --- */

static int access_register(struct poke *p, uint32_t region, unsigned int word)
{
	uint64_t offset = number(p, word), width = number(p, word + 1), value = number(p, word + 2);
	uint8_t data[8] = { 0 };
	int r;

	if (width == 0 || width > sizeof(data))
		return -EINVAL;
	for (unsigned int i = 0; i < width; i++)
		data[i] = (uint8_t)(value >> 8 * i);
	if (p->nwords > word + 2)
		return pcg_client_write(p->client, region, offset, data, (size_t)width);
	r = pcg_client_read(p->client, region, offset, data, (size_t)width);
	value = 0;
	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)data[i] << 8 * i;
	snprintf(p->answer, sizeof(p->answer), "0x%" PRIx64, value);
	return r;
}

static int do_config(struct poke *p)
{
	return access_register(p, PCG_REGION_CONFIG, 1);
}

static int do_region(struct poke *p)
{
	return access_register(p, (uint32_t)number(p, 1), 2);
}

/* --- the rest --- */

static int do_intx(struct poke *p)
{
	return pcg_client_irq_enable(p->client, PCG_IRQ_INTX, 0, 1, NULL);
}

static int do_msi(struct poke *p)
{
	return pcg_client_msi_start(p->client, PCG_IRQ_MSI, (uint32_t)number(p, 1));
}

static int do_msix(struct poke *p)
{
	return pcg_client_msi_start(p->client, PCG_IRQ_MSIX, (uint32_t)number(p, 1));
}

static int do_noirq(struct poke *p)
{
	return pcg_client_irq_disable(p->client, (uint32_t)number(p, 1));
}

static int do_vectors(struct poke *p)
{
	return pcg_client_irq_enable(p->client, (uint32_t)number(p, 1), (uint32_t)number(p, 2), (uint32_t)number(p, 3),
				     NULL);
}

static int do_wait(struct poke *p)
{
	uint64_t count = 0;
	int r = pcg_client_irq_wait(p->client, (uint32_t)number(p, 1), (uint32_t)number(p, 2), (uint32_t)number(p, 3),
				    &count);

	snprintf(p->answer, sizeof(p->answer), "%" PRIu64, count);
	return r;
}

static int do_reset(struct poke *p)
{
	double begin = driver_now();
	int r = pcg_client_reset(p->client);

	snprintf(p->answer, sizeof(p->answer), "%.3f", (driver_now() - begin) * 1e3);
	return r;
}

/* --- PASIDs --- */

static int do_offer(struct poke *p)
{
	struct pcg_feature_pasid offer;
	int r = pcg_client_pasid_offer(p->client, &offer);

	if (r == 0)
		snprintf(p->answer, sizeof(p->answer), "%u %u %u %u 0x%x %s", offer.can_width, offer.can,
			 offer.shown_width, offer.shown, offer.pasid_at, offer.reason);
	return r;
}

static int do_drive(struct poke *p)
{
	return pcg_client_pasid(p->client, (uint32_t)number(p, 1), (uint32_t)number(p, 2));
}

static int do_space(struct poke *p)
{
	uint32_t space = 0;
	int r = pcg_client_space_create(p->client, &space);

	snprintf(p->answer, sizeof(p->answer), "%u", space);
	return r;
}

static int do_end_space(struct poke *p)
{
	return pcg_client_space_destroy(p->client, (uint32_t)number(p, 1));
}

static int do_lead(struct poke *p)
{
	return pcg_client_space_map(p->client, (uint32_t)number(p, 1), number(p, 2), number(p, 3), number(p, 4),
				    (uint32_t)number(p, 5));
}

static int do_unlead(struct poke *p)
{
	return pcg_client_space_unmap(p->client, (uint32_t)number(p, 1), number(p, 2), number(p, 3));
}

static int do_attach(struct poke *p)
{
	return pcg_client_pasid_attach(p->client, (uint32_t)number(p, 1), (uint32_t)number(p, 2));
}

static int do_detach(struct poke *p)
{
	return pcg_client_pasid_detach(p->client, (uint32_t)number(p, 1));
}

static int do_faults(struct poke *p)
{
	struct pcg_feature_fault faults[PCG_FEATURE_BATCH];
	uint32_t count = 0;
	int r = pcg_client_faults(p->client, faults, PCG_FEATURE_BATCH, &count);

	snprintf(p->answer, sizeof(p->answer), "%u", count);
	return r;
}

static const struct {
	const char *name;
	int (*run)(struct poke *p);
} verbs[] = {
	{ "memory", do_memory },   { "huge", do_huge },     { "open", do_open },     { "take", do_take },
	{ "put", do_put },         { "get", do_get },       { "map", do_map },       { "unmap", do_unmap },
	{ "maps", do_maps },       { "unmaps", do_unmaps }, { "config", do_config }, { "region", do_region },
	{ "intx", do_intx },       { "msi", do_msi },       { "msix", do_msix },     { "noirq", do_noirq },
	{ "vectors", do_vectors }, { "wait", do_wait },     { "reset", do_reset },   { "punch", do_punch },
	{ "offer", do_offer },     { "drive", do_drive },   { "space", do_space },   { "end-space", do_end_space },
	{ "lead", do_lead },       { "unlead", do_unlead }, { "attach", do_attach }, { "detach", do_detach },
	{ "faults", do_faults },
};

static int obey(struct poke *p, char *line)
{
	char *save = NULL;

	p->nwords = 0;
	p->answer[0] = '\0';
	for (char *w = strtok_r(line, " \n", &save); w != NULL && p->nwords < MAX_WORDS;
	     w = strtok_r(NULL, " \n", &save))
		p->words[p->nwords++] = w;
	for (size_t i = 0; p->nwords > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, p->words[0]) == 0)
			return verbs[i].run(p);
	}
	return -ENOSYS;
}

int main(int argc, char **argv)
{
	const struct pcg_log log = { .write = driver_say };
	struct poke p = { .client = NULL };
	char line[512];

	if (argc != 2) {
		fprintf(stderr, "usage: poke SOCKET <COMMANDS\n");
		return 2;
	}
	if (pcg_client_create(&p.client, argv[1], 60000, &log) != 0)
		return 1;
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "end\n") != 0) {
		int r = obey(&p, line);

		printf("= %d %s\n", r, p.answer);
		fflush(stdout);
	}
	pcg_client_destroy(p.client);
	return 0;
}
