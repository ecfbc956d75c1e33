/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/memfd.h>

#include <cmocka.h>

#include <pcigate/dma.h>

#define PAGE 4096u
#define RW   (PCG_DMA_READ | PCG_DMA_WRITE)

enum answer {
	AT_ONCE,
	LATER,
	NEVER,
	FAILS,
};

/* A client's private memory, and how willingly it answers. */
struct client {
	uint8_t memory[16 * PAGE];
	enum answer answer;
	int failure;
	unsigned int calls;
	unsigned int cancelled;
	unsigned int notes;
	struct pcg_op *pending;
	uint8_t *into;
	uint64_t iova;
	size_t length;
};

struct room {
	struct pcg_dma *dma;
	struct client client;
	struct pcg_op op;
	int result;
	unsigned int done;
	uint8_t buffer[PCG_DMA_MESSAGE_MAX + PAGE];
};

static int client_answer(struct client *client, struct pcg_op *op)
{
	client->calls++;
	if (client->answer == FAILS)
		return client->failure;
	if (client->answer == AT_ONCE)
		return PCG_DONE;
	client->pending = op;
	return PCG_PENDING;
}

static int client_read(void *arg, uint64_t iova, void *data, size_t length, struct pcg_op *op)
{
	struct client *client = arg;

	assert_true(length <= PCG_DMA_MESSAGE_MAX);
	client->into = data;
	client->iova = iova;
	client->length = length;
	if (client->answer == AT_ONCE)
		memcpy(data, client->memory + iova % sizeof(client->memory), length);
	return client_answer(client, op);
}

static int client_write(void *arg, uint64_t iova, const void *data, size_t length, struct pcg_op *op)
{
	struct client *client = arg;

	assert_true(length <= PCG_DMA_MESSAGE_MAX);
	client->into = NULL;
	client->iova = iova;
	client->length = length;
	if (client->answer != FAILS)
		memcpy(client->memory + iova % sizeof(client->memory), data, length);
	return client_answer(client, op);
}

static void client_cancel(void *arg, struct pcg_op *op)
{
	struct client *client = arg;

	assert_ptr_equal(op, client->pending);
	client->pending = NULL;
	client->cancelled++;
}

static void client_finish(struct client *client, int result)
{
	struct pcg_op *op = client->pending;

	assert_non_null(op);
	client->pending = NULL;
	if (result == 0 && client->into != NULL)
		memcpy(client->into, client->memory + client->iova % sizeof(client->memory), client->length);
	op->done(op, result);
}

static void room_done(struct pcg_op *op, int result)
{
	struct room *room = (void *)((char *)op - offsetof(struct room, op));

	room->done++;
	room->result = result;
}

static void count_note(void *arg, const struct pcg_note *note)
{
	struct client *client = arg;

	assert_non_null(note->text);
	client->notes++;
}

static struct room *room_open(bool messages, uint32_t max_files)
{
	struct room *room = calloc(1, sizeof(*room));
	struct pcg_dma_limits limits = { .max_maps = 1000000, .page_size = PAGE, .max_files = max_files };
	struct pcg_dma_messages calls;
	struct pcg_log log;

	assert_non_null(room);
	calls = (struct pcg_dma_messages){ &room->client, client_read, client_write, client_cancel };
	log = (struct pcg_log){ count_note, &room->client };
	room->op.done = room_done;
	assert_int_equal(pcg_dma_create(&room->dma, &limits, messages ? &calls : NULL, &log), 0);
	return room;
}

static int setup(void **state)
{
	*state = room_open(true, 0);
	return 0;
}

static int setup_mute(void **state)
{
	*state = room_open(false, 0);
	return 0;
}

static int teardown(void **state)
{
	struct room *room = *state;

	pcg_dma_destroy(room->dma);
	free(room);
	return 0;
}

static int file_of(off_t size)
{
	int fd = memfd_create("client", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static unsigned int open_descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void create_wants_power_of_two(void **state)
{
	struct pcg_dma_limits limits = { .max_maps = 1, .page_size = 4095 };
	struct pcg_dma *dma;

	(void)state;
	assert_int_equal(pcg_dma_create(&dma, &limits, NULL, NULL), -EINVAL);
	pcg_dma_destroy(NULL);
}

static void map_refuses_bad_numbers(void **state)
{
	static const struct {
		uint64_t iova, size, offset;
		uint32_t flags;
		bool file;
	} bad[] = {
		{ 1, PAGE, 0, RW, true },
		{ 0, PAGE - 1, 0, RW, true },
		{ 0, 0, 0, RW, true },
		{ 0, 0, 0, RW, false },
		{ 0, PAGE, 1, RW, true },
		{ 0, PAGE, 0, 0, true },
		{ 0, PAGE, 0, 4 | RW, true },
		{ UINT64_MAX - PAGE + 1, 2 * PAGE, 0, RW, true },
		{ 2 * PAGE, UINT64_MAX - PAGE + 1, 0, RW, false },
		{ 0, 2 * PAGE, PAGE, RW, true },
		{ 0, PAGE, 2 * PAGE, RW, true },
		{ 0, PAGE, UINT64_MAX - PAGE + 1, RW, true },
		{ 0, 3 * PAGE, 0, RW, true },
	};
	struct room *room = *state;
	int fd = file_of(2 * PAGE);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pcg_dma_map(room->dma, bad[i].iova, bad[i].size, bad[i].flags, bad[i].file ? fd : -1,
					     bad[i].offset),
				 -EINVAL);
	assert_int_equal(pcg_dma_maps(room->dma), 0);
	close(fd);
}

static void map_may_end_at_the_top(void **state)
{
	struct room *room = *state;
	uint64_t top = UINT64_MAX - PAGE + 1;
	int fd = file_of(PAGE);

	assert_int_equal(pcg_dma_map(room->dma, top, PAGE, RW, fd, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, UINT64_MAX, "x", 1, &room->op), PCG_DONE);
	assert_int_equal(pcg_dma_write(room->dma, UINT64_MAX, "xy", 2, &room->op), -EFAULT);
	assert_int_equal(pcg_dma_unmap(room->dma, top, PAGE), 0);
	assert_int_equal(pcg_dma_write(room->dma, UINT64_MAX, "xy", 2, &room->op), -EFAULT);
	assert_int_equal(room->client.calls, 0);
	close(fd);
}

static void whole_address_space_without_file(void **state)
{
	struct room *room = *state;

	assert_int_equal(pcg_dma_map(room->dma, 0, UINT64_MAX - PAGE + 1, RW, -1, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, UINT64_MAX - PAGE + 1, PAGE, RW, -1, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, RW, -1, 0), -EEXIST);
	assert_int_equal(pcg_dma_unmap(room->dma, 0, 0), -ENOENT);
	assert_int_equal(pcg_dma_maps(room->dma), 2);
}

static void overlap_in_every_way(void **state)
{
	static const struct {
		uint64_t iova, size;
		int result;
	} tries[] = {
		{ 4, 2, -EEXIST }, { 3, 2, -EEXIST }, { 5, 2, -EEXIST }, { 3, 9, -EEXIST },
		{ 4, 1, -EEXIST }, { 2, 2, 0 },       { 6, 1, 0 },
	};
	struct room *room = *state;

	assert_int_equal(pcg_dma_map(room->dma, 4 * PAGE, 2 * PAGE, RW, -1, 0), 0);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		assert_int_equal(pcg_dma_map(room->dma, tries[i].iova * PAGE, tries[i].size * PAGE, RW, -1, 0),
				 tries[i].result);
	assert_int_equal(pcg_dma_maps(room->dma), 3);
}

static void overlap_leaves_no_descriptor(void **state)
{
	struct room *room = *state;
	int fd = file_of(PAGE);
	unsigned int before = open_descriptors();

	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, -1, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, fd, 0), -EEXIST);
	assert_int_equal(open_descriptors(), before);
	close(fd);
}

static void unmap_is_exact(void **state)
{
	struct room *room = *state;

	assert_int_equal(pcg_dma_map(room->dma, 4 * PAGE, 2 * PAGE, RW, -1, 0), 0);
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * PAGE, PAGE), -ENOENT);
	assert_int_equal(pcg_dma_unmap(room->dma, 5 * PAGE, PAGE), -ENOENT);
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * PAGE, 3 * PAGE), -ENOENT);
	assert_int_equal(pcg_dma_unmap(room->dma, 0, UINT64_MAX - PAGE + 1), -ENOENT);
	assert_int_equal(pcg_dma_maps(room->dma), 1);
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * PAGE, 2 * PAGE), 0);
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * PAGE, 2 * PAGE), -ENOENT);
	assert_int_equal(pcg_dma_maps(room->dma), 0);
}

static void a_block_sweeps_what_lies_whole_inside(void **state)
{
	const uint64_t block = UINT64_C(1) << 20;
	struct room *room = *state;

	assert_int_equal(pcg_dma_map(room->dma, 4 * block, PAGE, 3, -1, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, 5 * block - PAGE, PAGE, 3, -1, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, 5 * block, 2 * PAGE, 3, -1, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, 8 * block - PAGE, 2 * PAGE, 3, -1, 0), 0);
	/* unaligned, no power of two, too small, empty, or cutting the last one */
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * block - PAGE, 2 * block), -ENOENT);
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * block, 2 * block + PAGE), -ENOENT);
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * block, block / 2), -ENOENT);
	assert_int_equal(pcg_dma_unmap(room->dma, 2 * block, block), -ENOENT);
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * block, 4 * block), -ENOENT);
	assert_int_equal(pcg_dma_maps(room->dma), 4);
	assert_int_equal(pcg_dma_unmap(room->dma, 4 * block, block), 0);
	assert_int_equal(pcg_dma_maps(room->dma), 2);
	assert_int_equal(pcg_dma_unmap(room->dma, 0, 16 * block), 0);
	assert_int_equal(pcg_dma_maps(room->dma), 0);
}

static void shared_memory_moves_both_ways(void **state)
{
	struct room *room = *state;
	int fd = file_of(4 * PAGE);
	char back[6] = "";

	assert_int_equal(pcg_dma_map(room->dma, 0x100000, 2 * PAGE, RW, fd, 2 * PAGE), 0);
	assert_int_equal(pwrite(fd, "first", 5, 2 * PAGE + 3), 5);
	assert_int_equal(pcg_dma_read(room->dma, 0x100003, back, 5, &room->op), PCG_DONE);
	assert_string_equal(back, "first");
	assert_int_equal(pcg_dma_write(room->dma, 0x100000 + PAGE - 2, "other", 5, &room->op), PCG_DONE);
	assert_int_equal(pread(fd, back, 5, 3 * PAGE - 2), 5);
	assert_string_equal(back, "other");
	assert_int_equal(room->client.calls, 0);
	close(fd);
}

static void descriptor_may_be_closed(void **state)
{
	struct room *room = *state;
	int fd = file_of(PAGE);
	int keep = dup(fd);
	char back[4] = "";

	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, fd, 0), 0);
	close(fd);
	assert_int_equal(pcg_dma_write(room->dma, 0, "abc", 3, &room->op), PCG_DONE);
	assert_int_equal(pread(keep, back, 3, 0), 3);
	assert_string_equal(back, "abc");
	close(keep);
}

static void one_descriptor_for_many_maps(void **state)
{
	struct room *room = *state;
	int fd = file_of(PAGE);
	unsigned int before = open_descriptors();

	for (uint64_t i = 0; i < 60000; i++)
		assert_int_equal(pcg_dma_map(room->dma, i * 2 * PAGE, PAGE, RW, fd, 0), 0);
	assert_int_equal(open_descriptors(), before + 1);
	assert_int_equal(pcg_dma_maps(room->dma), 60000);
	for (uint64_t i = 0; i < 60000; i++)
		assert_int_equal(pcg_dma_unmap(room->dma, i * 2 * PAGE, PAGE), 0);
	assert_int_equal(open_descriptors(), before);
	close(fd);
}

static double cpu_seconds(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_million_maps_go_at_once(void **state)
{
	struct room *room = *state;
	double start = cpu_seconds(), filled, emptied;

	for (uint64_t i = 0; i < 1000000; i++)
		assert_int_equal(pcg_dma_map(room->dma, i * PAGE, PAGE, RW, -1, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, UINT64_C(1) << 40, PAGE, RW, -1, 0), -ENOSPC);
	filled = cpu_seconds();
	pcg_dma_unmap_all(room->dma);
	emptied = cpu_seconds();
	assert_int_equal(pcg_dma_maps(room->dma), 0);
	/* A walk over every map would cost about what filling did; this costs a fiftieth. */
	assert_true(emptied - filled < (filled - start) / 4);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, -1, 0), 0);
}

/* Pages of this process, shared or not: the nodes' memory comes straight from the kernel. */
static long virtual_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &pages), 1);
	fclose(file);
	return pages;
}

static void memory_goes_back(void **state)
{
	struct room *room = *state;
	long before = virtual_pages();

	for (unsigned int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 100000; i++)
			assert_int_equal(pcg_dma_map(room->dma, i * PAGE, PAGE, RW, -1, 0), 0);
		/* 64 bytes a map, and what the last slab has not handed out yet */
		assert_true(virtual_pages() - before < (100000 * 66 + (2 << 20)) / PAGE);
		if (round == 1)
			pcg_dma_unmap_all(room->dma);
		for (uint64_t i = 0; round != 1 && i < 100000; i++)
			assert_int_equal(pcg_dma_unmap(room->dma, i * PAGE, PAGE), 0);
		assert_true(virtual_pages() - before < (2 << 20) / PAGE + 100);
	}
}

static void holes_are_filled_again(void **state)
{
	struct room *room = *state;
	long before;

	for (uint64_t i = 0; i < 100000; i++)
		assert_int_equal(pcg_dma_map(room->dma, i * PAGE, PAGE, RW, -1, 0), 0);
	before = virtual_pages();
	for (unsigned int round = 0; round < 20; round++) {
		for (uint64_t i = round; i < 100000; i += 20)
			assert_int_equal(pcg_dma_unmap(room->dma, i * PAGE, PAGE), 0);
		for (uint64_t i = round; i < 100000; i += 20)
			assert_int_equal(pcg_dma_map(room->dma, i * PAGE, PAGE, RW, -1, 0), 0);
		assert_true(virtual_pages() - before < 100);
	}
}

/* A plain array is the other opinion on which of 512 pages are mapped, and by whom. */
static void maps_agree_with_an_array(void **state)
{
	struct room *room = *state;
	uint16_t start[513] = { 0 }; /* page that the map over this page starts at, + 1 */
	uint32_t seed = 12345;

	for (unsigned int round = 0; round < 50000; round++) {
		unsigned int at = (seed = seed * 1664525 + 1013904223) >> 23;
		unsigned int n = 1 + ((seed >> 8) & 7);
		unsigned int used = 0;
		bool exact = start[at] == at + 1;

		n = at + n > 512 ? 512 - at : n;
		for (unsigned int i = at; i < at + n; i++) {
			used += start[i] != 0;
			exact = exact && start[i] == at + 1;
		}
		exact = exact && start[at + n] != at + 1;
		if ((seed & 1) != 0) {
			assert_int_equal(pcg_dma_map(room->dma, (uint64_t)at * PAGE, (uint64_t)n * PAGE, RW, -1, 0),
					 used ? -EEXIST : 0);
			for (unsigned int i = at; used == 0 && i < at + n; i++)
				start[i] = (uint16_t)(at + 1);
		} else {
			assert_int_equal(pcg_dma_unmap(room->dma, (uint64_t)at * PAGE, (uint64_t)n * PAGE),
					 exact ? 0 : -ENOENT);
			for (unsigned int i = at; exact && i < at + n; i++)
				start[i] = 0;
		}
	}
}

static void flags_are_enforced(void **state)
{
	struct room *room = *state;
	int fd = file_of(2 * PAGE);
	char byte = 0;

	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, PCG_DMA_READ, fd, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, PCG_DMA_WRITE, fd, PAGE), 0);
	assert_int_equal(pcg_dma_map(room->dma, 2 * PAGE, PAGE, PCG_DMA_READ, -1, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, 0, "x", 1, &room->op), -EPERM);
	assert_int_equal(pcg_dma_read(room->dma, PAGE, &byte, 1, &room->op), -EPERM);
	assert_int_equal(pcg_dma_write(room->dma, 2 * PAGE, "x", 1, &room->op), -EPERM);
	assert_int_equal(room->client.calls, 0);
	close(fd);
}

static void refused_write_touches_nothing(void **state)
{
	struct room *room = *state;
	int fd = file_of(2 * PAGE);
	char back[4];

	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, fd, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, PCG_DMA_READ, fd, PAGE), 0);
	assert_int_equal(pcg_dma_write(room->dma, PAGE - 4, "12345678", 8, &room->op), -EPERM);
	assert_int_equal(pread(fd, back, 4, PAGE - 4), 4);
	assert_memory_equal(back, "\0\0\0\0", 4);
	close(fd);
}

static void access_spans_touching_maps(void **state)
{
	struct room *room = *state;
	int one = file_of(PAGE);
	int two = file_of(PAGE);
	char back[8];

	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, RW, two, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, one, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, PAGE - 4, "abcdefgh", 8, &room->op), PCG_DONE);
	assert_int_equal(pread(two, back, 4, 0), 4);
	assert_memory_equal(back, "efgh", 4);
	assert_int_equal(pcg_dma_read(room->dma, PAGE - 4, back, 8, &room->op), PCG_DONE);
	assert_memory_equal(back, "abcdefgh", 8);
	close(one);
	close(two);
}

static void file_modes_are_checked(void **state)
{
	struct room *room = *state;
	int fd = file_of(PAGE);
	char path[64];
	int read_only, write_only, path_only;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	write_only = open(path, O_WRONLY | O_CLOEXEC);
	path_only = open(path, O_PATH | O_CLOEXEC);
	assert_true(read_only >= 0 && write_only >= 0 && path_only >= 0);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, read_only, 0), -EINVAL);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, PCG_DMA_WRITE, write_only, 0), -EINVAL);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, PCG_DMA_READ, write_only, 0), -EINVAL);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, PCG_DMA_READ, path_only, 0), -EINVAL);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, PCG_DMA_READ, read_only, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, RW, fd, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, PAGE, "x", 1, &room->op), PCG_DONE);
	assert_int_equal(pcg_dma_read(room->dma, 0, path, 1, &room->op), PCG_DONE);
	assert_int_equal(path[0], 'x');
	close(read_only);
	close(write_only);
	close(path_only);
	close(fd);
}

static void what_is_no_memory_is_refused(void **state)
{
	struct room *room = *state;
	int pair[2], ends[2];
	int bad[5];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(ends), 0);
	bad[0] = pair[0];
	bad[1] = ends[0];
	bad[2] = eventfd(0, EFD_CLOEXEC);
	bad[3] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bad[4] = 1 << 20;
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, PCG_DMA_READ, bad[i], 0), -EINVAL);
	assert_int_equal(room->client.notes, 1);
	close(pair[0]);
	close(pair[1]);
	close(ends[0]);
	close(ends[1]);
	close(bad[2]);
	close(bad[3]);
}

static void other_files_are_asked_for(void **state)
{
	struct room *room = *state;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char back[4];

	assert_true(fd >= 0);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, PCG_DMA_READ, fd, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, PCG_DMA_READ, fd, 0), 0);
	assert_int_equal(room->client.notes, 1);
	memcpy(room->client.memory, "text", 4);
	assert_int_equal(pcg_dma_read(room->dma, 0, back, 4, &room->op), PCG_DONE);
	assert_memory_equal(back, "text", 4);
	assert_int_equal(room->client.calls, 1);
	close(fd);
}

static void sealed_file_is_not_written(void **state)
{
	struct room *room = *state;
	int fd = file_of(PAGE);
	char byte = 1;

	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, fd, 0), -EINVAL);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, PCG_DMA_READ, fd, 0), 0);
	assert_int_equal(pcg_dma_read(room->dma, 0, &byte, 1, &room->op), PCG_DONE);
	assert_int_equal(byte, 0);
	close(fd);
}

static void sealed_after_the_map_is_an_error(void **state)
{
	struct room *room = *state;
	int fd = file_of(PAGE);
	char byte = 1;

	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, fd, 0), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	assert_int_equal(pcg_dma_write(room->dma, 0, "x", 1, &room->op), -EFAULT);
	assert_int_equal(pcg_dma_read(room->dma, 0, &byte, 1, &room->op), PCG_DONE);
	assert_int_equal(byte, 0);
	close(fd);
}

static void truncated_file_is_an_error(void **state)
{
	struct room *room = *state;
	int fd = file_of(4 * PAGE);
	char byte = 0;

	assert_int_equal(pcg_dma_map(room->dma, 0, 4 * PAGE, RW, fd, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, 3 * PAGE, "x", 1, &room->op), PCG_DONE);
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	assert_int_equal(pcg_dma_read(room->dma, 3 * PAGE, &byte, 1, &room->op), -EFAULT);
	assert_int_equal(pcg_dma_write(room->dma, 2 * PAGE, "x", 1, &room->op), -EFAULT);
	assert_int_equal(pcg_dma_write(room->dma, 2 * PAGE - 4, "12345678", 8, &room->op), -EFAULT);
	assert_int_equal(pcg_dma_write(room->dma, PAGE, "x", 1, &room->op), PCG_DONE);
	assert_int_equal(lseek(fd, 0, SEEK_END), 2 * PAGE);
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	assert_int_equal(pcg_dma_read(room->dma, 3 * PAGE, &byte, 1, &room->op), PCG_DONE);
	close(fd);
}

static void truncated_before_the_first_access(void **state)
{
	struct room *room = *state;
	int fd = file_of(4 * PAGE);

	assert_int_equal(pcg_dma_map(room->dma, 0, 4 * PAGE, RW, fd, 0), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, 0, "x", 1, &room->op), -EFAULT);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(pcg_dma_write(room->dma, PAGE, "x", 1, &room->op), -EFAULT);
	assert_int_equal(pcg_dma_write(room->dma, 0, "x", 1, &room->op), PCG_DONE);
	assert_int_equal(ftruncate(fd, 3 * PAGE), 0);
	assert_int_equal(pcg_dma_write(room->dma, 2 * PAGE, "x", 1, &room->op), PCG_DONE);
	assert_int_equal(pcg_dma_write(room->dma, 3 * PAGE, "x", 1, &room->op), -EFAULT);
	assert_int_equal(lseek(fd, 0, SEEK_END), 3 * PAGE);
	close(fd);
}

static void grown_file_is_seen(void **state)
{
	struct room *room = *state;
	int fd = file_of(PAGE);

	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, fd, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, 0, "x", 1, &room->op), PCG_DONE);
	assert_int_equal(ftruncate(fd, 100 * PAGE), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, RW, fd, 99 * PAGE), 0);
	assert_int_equal(pcg_dma_write(room->dma, PAGE, "y", 1, &room->op), PCG_DONE);
	assert_int_equal(pcg_dma_write(room->dma, 0, "x", 1, &room->op), PCG_DONE);
	close(fd);
}

static void huge_sparse_file_fails_cleanly(void **state)
{
	struct room *room = *state;
	off_t huge = (off_t)100 << 40;
	int fd = file_of(huge);
	int small = file_of(PAGE);
	char byte;

	assert_int_equal(pcg_dma_map(room->dma, 0, (uint64_t)huge, RW, fd, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, (uint64_t)huge, PAGE, RW, small, 0), 0);
	assert_int_equal(pcg_dma_read(room->dma, 0, &byte, 1, &room->op), -ENOMEM);
	assert_int_equal(pcg_dma_read(room->dma, (uint64_t)huge, &byte, 1, &room->op), PCG_DONE);
	assert_int_equal(room->client.notes, 1);
	close(fd);
	close(small);
}

/* Whether the machine has huge pages to give or not: an error at the most, never a fault, nor a file that grows. */
static void huge_pages_fail_cleanly(void **state)
{
	struct room *room = *state;
	uint64_t size = 2u << 20;
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	int r;

	if (fd < 0)
		skip();
	assert_int_equal(ftruncate(fd, (off_t)(2 * size)), 0);
	assert_int_equal(pcg_dma_map(room->dma, 0, size, RW, fd, size), 0);
	r = pcg_dma_write(room->dma, size - 5, "hello", 5, &room->op);
	assert_true(r == PCG_DONE || r == -EFAULT);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pcg_dma_write(room->dma, 0, "x", 1, &room->op), -EFAULT);
	assert_int_equal(lseek(fd, 0, SEEK_END), size);
	close(fd);
}

static void truncated_huge_file_does_not_grow(void **state)
{
	struct room *room = *state;
	uint64_t size = 2u << 20;
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);

	if (fd < 0)
		skip();
	assert_int_equal(ftruncate(fd, (off_t)(2 * size)), 0);
	assert_int_equal(pcg_dma_map(room->dma, 0, 2 * size, RW, fd, 0), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, 0, "x", 1, &room->op), -EFAULT);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
}

/* How many mappings of clients' files there are, and their bytes. */
static unsigned int client_mappings(uint64_t *bytes)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned int n = 0;

	assert_non_null(file);
	*bytes = 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		unsigned long long from, to;

		if (strstr(line, "/memfd:client") == NULL || sscanf(line, "%llx-%llx", &from, &to) != 2)
			continue;
		*bytes += to - from;
		n++;
	}
	fclose(file);
	return n;
}

/* @n files of @size bytes each, with a map of the last page: every one is written, then read again. */
static void use_files(struct room *room, uint32_t n, off_t size)
{
	char byte;

	for (uint32_t i = 0; i < n; i++) {
		int fd = file_of(size);

		assert_int_equal(pcg_dma_map(room->dma, i * (uint64_t)PAGE, PAGE, RW, fd, (uint64_t)size - PAGE), 0);
		byte = (char)i;
		assert_int_equal(pcg_dma_write(room->dma, i * (uint64_t)PAGE, &byte, 1, &room->op), PCG_DONE);
		close(fd);
	}
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(pcg_dma_read(room->dma, i * (uint64_t)PAGE, &byte, 1, &room->op), PCG_DONE);
		assert_int_equal((unsigned char)byte, i & 0xff);
	}
}

static void mappings_are_bounded_in_number(void **state)
{
	struct room *room = *state;
	uint64_t bytes;

	use_files(room, 1100, 2 * PAGE);
	assert_in_range(client_mappings(&bytes), 1, 1024);
	pcg_dma_unmap_all(room->dma);
	assert_int_equal(client_mappings(&bytes), 0);
}

static void mappings_are_bounded_in_bytes(void **state)
{
	struct room *room = *state;
	uint64_t bytes;

	use_files(room, 12, (off_t)3 << 40);
	assert_in_range(client_mappings(&bytes), 2, 5);
	assert_true(bytes <= (uint64_t)16 << 40);
}

static void distinct_files_are_bounded(void **state)
{
	struct room *room = room_open(true, 2);
	int fds[3];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		fds[i] = file_of(PAGE);
		assert_int_equal(pcg_dma_map(room->dma, i * PAGE, PAGE, RW, fds[i], 0), i < 2 ? 0 : -ENOSPC);
	}
	assert_int_equal(pcg_dma_map(room->dma, 2 * PAGE, PAGE, RW, fds[1], 0), 0);
	assert_int_equal(pcg_dma_unmap(room->dma, 0, PAGE), 0);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, fds[2], 0), 0);
	for (unsigned int i = 0; i < 3; i++)
		close(fds[i]);
	pcg_dma_destroy(room->dma);
	free(room);
}

static void out_of_descriptors_fails_one_map(void **state)
{
	struct room *room = *state;
	struct rlimit old, low;
	int known = file_of(PAGE);
	int fresh = file_of(PAGE);

	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, known, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, RW, fresh, 0), -EMFILE);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, RW, known, 0), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(pcg_dma_maps(room->dma), 2);
	close(known);
	close(fresh);
}

static void mistakes_do_not_flood_the_log(void **state)
{
	struct room *room = *state;

	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(pcg_dma_map(room->dma, 1, PAGE, RW, -1, 0), -EINVAL);
	assert_int_equal(room->client.notes, 1);
}

static void unknown_addresses_are_asked_for(void **state)
{
	struct room *room = *state;
	char back[4];

	memcpy(room->client.memory + 16, "here", 4);
	assert_int_equal(pcg_dma_read(room->dma, 16, back, 4, &room->op), PCG_DONE);
	assert_memory_equal(back, "here", 4);
}

static void nobody_to_ask_is_an_error(void **state)
{
	struct room *room = *state;
	char byte;

	assert_int_equal(pcg_dma_read(room->dma, 0, &byte, 1, &room->op), -EFAULT);
	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, -1, 0), 0);
	assert_int_equal(pcg_dma_write(room->dma, 0, &byte, 1, &room->op), -EFAULT);
	assert_int_equal(room->client.notes, 1);
	pcg_dma_cancel(room->dma, &room->op);
}

static void lengths_are_bounded(void **state)
{
	struct room *room = *state;

	assert_int_equal(pcg_dma_read(room->dma, 0, room->buffer, 0, &room->op), -EINVAL);
	assert_int_equal(pcg_dma_read(room->dma, 0, room->buffer, PCG_DMA_MESSAGE_MAX + 1, &room->op), -EINVAL);
	room->client.answer = NEVER;
	assert_int_equal(pcg_dma_read(room->dma, 0, room->buffer, PCG_DMA_MESSAGE_MAX, &room->op), PCG_PENDING);
	pcg_dma_cancel(room->dma, &room->op);
	assert_int_equal(room->client.cancelled, 1);
}

static void late_answer_arrives(void **state)
{
	struct room *room = *state;
	char back[4] = "";

	room->client.answer = LATER;
	memcpy(room->client.memory, "late", 4);
	assert_int_equal(pcg_dma_read(room->dma, 0, back, 4, &room->op), PCG_PENDING);
	assert_int_equal(room->done, 0);
	client_finish(&room->client, 0);
	assert_int_equal(room->done, 1);
	assert_int_equal(room->result, 0);
	assert_memory_equal(back, "late", 4);
}

static void refusal_of_the_client_is_passed_on(void **state)
{
	struct room *room = *state;
	char byte;

	room->client.answer = FAILS;
	room->client.failure = -ENOTCONN;
	assert_int_equal(pcg_dma_read(room->dma, 0, &byte, 1, &room->op), -ENOTCONN);
	room->client.answer = LATER;
	assert_int_equal(pcg_dma_read(room->dma, 0, &byte, 1, &room->op), PCG_PENDING);
	client_finish(&room->client, -ETIMEDOUT);
	assert_int_equal(room->result, -ETIMEDOUT);
}

/* private, shared, nothing, shared: 2 bytes of each end, whole pages between */
static int mixed_maps(struct room *room)
{
	int fd = file_of(2 * PAGE);

	assert_int_equal(pcg_dma_map(room->dma, 0, PAGE, RW, -1, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, RW, fd, 0), 0);
	assert_int_equal(pcg_dma_map(room->dma, 3 * PAGE, PAGE, RW, fd, PAGE), 0);
	return fd;
}

static void mixed_write_reaches_every_piece(void **state)
{
	struct room *room = *state;
	int fd = mixed_maps(room);
	size_t length = 2 + 2 * PAGE + 2;
	uint8_t back[2 * PAGE];

	for (size_t i = 0; i < length; i++)
		room->buffer[i] = (uint8_t)(i * 7 + i / 256);
	room->client.answer = LATER;
	assert_int_equal(pcg_dma_write(room->dma, PAGE - 2, room->buffer, length, &room->op), PCG_PENDING);
	client_finish(&room->client, 0);
	assert_int_equal(room->done, 0);
	client_finish(&room->client, 0);
	assert_int_equal(room->done, 1);
	assert_int_equal(room->result, 0);
	assert_int_equal(room->client.calls, 2);
	assert_memory_equal(room->client.memory + PAGE - 2, room->buffer, 2);
	assert_memory_equal(room->client.memory + 2 * PAGE, room->buffer + 2 + PAGE, PAGE);
	assert_int_equal(pread(fd, back, sizeof(back), 0), sizeof(back));
	assert_memory_equal(back, room->buffer + 2, PAGE);
	assert_memory_equal(back + PAGE, room->buffer + 2 + 2 * PAGE, 2);
	close(fd);
}

static void mixed_read_collects_every_piece(void **state)
{
	struct room *room = *state;
	int fd = mixed_maps(room);

	room->client.answer = AT_ONCE;
	memset(room->client.memory, 'm', sizeof(room->client.memory));
	memset(room->buffer, 's', PAGE);
	assert_int_equal(pwrite(fd, room->buffer, PAGE, 0), PAGE);
	assert_int_equal(pcg_dma_read(room->dma, PAGE - 1, room->buffer, PAGE + 2, &room->op), PCG_DONE);
	assert_int_equal(room->buffer[0], 'm');
	assert_int_equal(room->buffer[1], 's');
	assert_int_equal(room->buffer[PAGE], 's');
	assert_int_equal(room->buffer[PAGE + 1], 'm');
	assert_int_equal(room->done, 0);
	close(fd);
}

static void mixed_access_ends_with_the_first_error(void **state)
{
	struct room *room = *state;
	int fd = mixed_maps(room);

	room->client.answer = LATER;
	assert_int_equal(pcg_dma_read(room->dma, PAGE - 1, room->buffer, PAGE + 2, &room->op), PCG_PENDING);
	client_finish(&room->client, -EIO);
	assert_int_equal(room->done, 1);
	assert_int_equal(room->result, -EIO);
	assert_null(room->client.pending);
	close(fd);
}

static void unmapped_meanwhile_is_not_touched(void **state)
{
	struct room *room = *state;
	int fd = mixed_maps(room);
	char back[2];

	room->client.answer = LATER;
	assert_int_equal(pcg_dma_write(room->dma, PAGE - 2, "abcd", 4, &room->op), PCG_PENDING);
	assert_int_equal(pcg_dma_unmap(room->dma, PAGE, PAGE), 0);
	client_finish(&room->client, 0);
	room->client.failure = -ENODEV;
	client_finish(&room->client, -ENODEV);
	assert_int_equal(room->result, -ENODEV);
	assert_int_equal(pread(fd, back, 2, 0), 2);
	assert_memory_equal(back, "\0\0", 2);
	close(fd);
}

static void rights_changed_meanwhile_count(void **state)
{
	struct room *room = *state;
	int fd = mixed_maps(room);
	char back[2];

	room->client.answer = LATER;
	assert_int_equal(pcg_dma_write(room->dma, PAGE - 2, "abcd", 4, &room->op), PCG_PENDING);
	assert_int_equal(pcg_dma_unmap(room->dma, PAGE, PAGE), 0);
	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, PCG_DMA_READ, fd, 0), 0);
	client_finish(&room->client, 0);
	assert_int_equal(room->result, -EPERM);
	assert_int_equal(pread(fd, back, 2, 0), 2);
	assert_memory_equal(back, "\0\0", 2);
	close(fd);
}

static void ranges_without_files_are_one_message(void **state)
{
	struct room *room = *state;

	assert_int_equal(pcg_dma_map(room->dma, PAGE, PAGE, RW, -1, 0), 0);
	memset(room->client.memory, 'p', sizeof(room->client.memory));
	assert_int_equal(pcg_dma_read(room->dma, PAGE - 1, room->buffer, PAGE + 2, &room->op), PCG_DONE);
	assert_int_equal(room->client.calls, 1);
	assert_int_equal(room->buffer[PAGE + 1], 'p');
}

static void cancelled_mixed_access_is_silent(void **state)
{
	struct room *room = *state;
	int fd = mixed_maps(room);

	room->client.answer = NEVER;
	assert_int_equal(pcg_dma_write(room->dma, PAGE - 2, "abcd", 4, &room->op), PCG_PENDING);
	pcg_dma_cancel(room->dma, &room->op);
	assert_int_equal(room->client.cancelled, 1);
	assert_null(room->client.pending);
	assert_int_equal(room->done, 0);
	close(fd);
}

static void destroy_gives_up_what_is_under_way(void **state)
{
	struct room *room = *state;
	int fd = mixed_maps(room);

	room->client.answer = NEVER;
	assert_int_equal(pcg_dma_write(room->dma, PAGE - 2, "abcd", 4, &room->op), PCG_PENDING);
	pcg_dma_destroy(room->dma);
	room->dma = NULL;
	assert_int_equal(room->client.cancelled, 1);
	assert_int_equal(room->done, 0);
	close(fd);
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_wants_power_of_two),
		IN_ROOM(map_refuses_bad_numbers),
		IN_ROOM(map_may_end_at_the_top),
		IN_ROOM(whole_address_space_without_file),
		IN_ROOM(overlap_in_every_way),
		IN_ROOM(overlap_leaves_no_descriptor),
		IN_ROOM(unmap_is_exact),
		IN_ROOM(a_block_sweeps_what_lies_whole_inside),
		IN_ROOM(shared_memory_moves_both_ways),
		IN_ROOM(descriptor_may_be_closed),
		IN_ROOM(one_descriptor_for_many_maps),
		IN_ROOM(a_million_maps_go_at_once),
		IN_ROOM(memory_goes_back),
		IN_ROOM(holes_are_filled_again),
		IN_ROOM(maps_agree_with_an_array),
		IN_ROOM(flags_are_enforced),
		IN_ROOM(refused_write_touches_nothing),
		IN_ROOM(access_spans_touching_maps),
		IN_ROOM(file_modes_are_checked),
		IN_ROOM(what_is_no_memory_is_refused),
		IN_ROOM(other_files_are_asked_for),
		IN_ROOM(sealed_file_is_not_written),
		IN_ROOM(sealed_after_the_map_is_an_error),
		IN_ROOM(truncated_file_is_an_error),
		IN_ROOM(truncated_before_the_first_access),
		IN_ROOM(grown_file_is_seen),
		IN_ROOM(huge_sparse_file_fails_cleanly),
		IN_ROOM(huge_pages_fail_cleanly),
		IN_ROOM(truncated_huge_file_does_not_grow),
		IN_ROOM(mappings_are_bounded_in_number),
		IN_ROOM(mappings_are_bounded_in_bytes),
		cmocka_unit_test(distinct_files_are_bounded),
		IN_ROOM(out_of_descriptors_fails_one_map),
		IN_ROOM(mistakes_do_not_flood_the_log),
		IN_ROOM(unknown_addresses_are_asked_for),
		cmocka_unit_test_setup_teardown(nobody_to_ask_is_an_error, setup_mute, teardown),
		IN_ROOM(lengths_are_bounded),
		IN_ROOM(late_answer_arrives),
		IN_ROOM(refusal_of_the_client_is_passed_on),
		IN_ROOM(mixed_write_reaches_every_piece),
		IN_ROOM(mixed_read_collects_every_piece),
		IN_ROOM(mixed_access_ends_with_the_first_error),
		IN_ROOM(unmapped_meanwhile_is_not_touched),
		IN_ROOM(rights_changed_meanwhile_count),
		IN_ROOM(ranges_without_files_are_one_message),
		IN_ROOM(cancelled_mixed_access_is_silent),
		IN_ROOM(destroy_gives_up_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
