/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows about DMA maps: with so many live, what one more costs, what they take, how long they take to go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "vfio-user/wire.h"

#define PAGE       4096u
#define FIRST_IOVA ((uint64_t)1 << 32)
#define FILL_NS    ((uint64_t)20 * 1000000000u) /* the longest that filling may take */

struct toggle {
	uint64_t state; /* of the generator of places */
	uint64_t iova;
	uint32_t live;
	int file;
};

/* Map number @n leaves a hole behind it, for the maps that come and go. */
static uint64_t maps_place(uint32_t n)
{
	return FIRST_IOVA + (uint64_t)n * 2 * PAGE;
}

static void build_unmap(struct exchange *x, uint64_t iova)
{
	const struct wire_dma_unmap unmap = { .argsz = WIRE_DMA_UNMAP_SIZE, .iova = iova, .size = PAGE };
	uint8_t body[WIRE_DMA_UNMAP_SIZE];

	wire_dma_unmap_write(&unmap, body);
	exchange_build(x, WIRE_DMA_UNMAP, 0, body, sizeof(body), WIRE_DMA_UNMAP_SIZE);
}

/* Each map of a repetition goes into a hole somewhere else, and the unmap after it empties that again. */
static void toggle_prepare(void *arg, struct target *target, unsigned int step)
{
	struct toggle *toggle = arg;
	uint64_t n;

	if (step == 1) {
		build_unmap(&target->steps[1], toggle->iova);
		return;
	}
	toggle->state = toggle->state * 6364136223846793005u + 1442695040888963407u;
	n = (toggle->state >> 33) % toggle->live;
	toggle->iova = maps_place((uint32_t)n) + PAGE;
	exchange_map(&target->steps[0], toggle->iova, n * PAGE, PAGE, toggle->file);
}

/* Answers to maps are headers alone. Return: how many came, -1 at the first that is an error. */
static int fill_receive(struct target *target, struct level *level)
{
	uint8_t bytes[BENCH_IN_FLIGHT * WIRE_HEADER];
	ssize_t n = recv(target->fd, bytes, sizeof(bytes), 0);
	size_t at;

	while (n > 0 && n % WIRE_HEADER != 0) {
		ssize_t more = recv(target->fd, bytes + n, WIRE_HEADER - (size_t)n % WIRE_HEADER, 0);

		n = more > 0 ? n + more : more;
	}
	if (n <= 0)
		return target_failed(target, "no answer to DMA_MAP after %u maps: %s", level->live,
				     n == 0 ? "closed" : strerror(errno));
	for (at = 0; at < (size_t)n; at += WIRE_HEADER) {
		struct wire_header header;

		wire_header_read(&header, bytes + at);
		if ((header.flags & WIRE_ERROR) == 0)
			level->live++;
		else
			level->error = (int)header.error;
	}
	return (int)(n / WIRE_HEADER);
}

/* Up to @level->wanted live maps, or as many as there can be. */
static int level_fill(struct target *target, struct level *level, int file)
{
	uint64_t begin = phase_now(), now = begin;
	uint32_t sent = 0, answered = 0;

	while (answered < sent || (sent < level->wanted && level->error == 0)) {
		int n;

		while (sent < level->wanted && level->error == 0 && sent - answered < BENCH_IN_FLIGHT) {
			exchange_map(&target->steps[0], maps_place(sent), (uint64_t)sent * PAGE, PAGE, file);
			if (exchange_send(target, &target->steps[0]) != 0)
				return -1;
			sent++;
		}
		n = fill_receive(target, level);
		if (n < 0)
			return -1;
		answered += (uint32_t)n;
		now = phase_now();
		if (now - begin > FILL_NS && level->error == 0 && level->live < level->wanted)
			level->error = ETIME;
	}
	level->fill = (double)level->live * 1e9 / (double)(now - begin);
	return level->live > 0 ? 0 : target_failed(target, "not one map: %s", strerror(level->error));
}

/* One map makes room for one, as the level may be the most there can be. */
static int level_make_room(struct target *target, const struct level *level)
{
	struct exchange x;

	build_unmap(&x, maps_place(level->live - 1));
	return exchange_once(target, &x);
}

static int level_repetition(struct bench *bench, struct level *level, struct target *ours, struct toggle *toggle,
			    unsigned int i)
{
	unsigned int ms = bench->options.phase_ms;
	struct target bare = { .fd = bench->floor.fd, .bare = true, .event = -1, .nsteps = 2 };
	struct phase phases[2] = { 0 };

	toggle_prepare(toggle, ours, 0);
	toggle_prepare(toggle, ours, 1);
	exchange_bare(&bare.steps[0], &ours->steps[0]);
	exchange_bare(&bare.steps[1], &ours->steps[1]);
	if (phase_sequence(&bare, ms, bench->samples, true, NULL, NULL, phases) != 0)
		return target_failed(ours, "the floor: %s", bare.why);
	level->map.floor[i] = level->map.plain[i] = phases[0];
	level->unmap.floor[i] = level->unmap.plain[i] = phases[1];
	if (phase_sequence(ours, ms, bench->samples, true, toggle_prepare, toggle, phases) != 0)
		return -1;
	level->map.ours[i] = phases[0];
	level->unmap.ours[i] = phases[1];
	level->map.repetitions = level->unmap.repetitions = i + 1;
	return 0;
}

/* The client goes without a word; the next one sees how long that took. */
static int level_hang_up(struct bench *bench, struct level *level, struct target *target)
{
	const struct wire_info info = { .argsz = WIRE_INFO_SIZE };
	uint8_t body[WIRE_INFO_SIZE];
	struct exchange x;
	uint64_t begin = phase_now();
	int r;

	target_close(target);
	if (target_connect(target, bench->server.path) != 0)
		return -1;
	wire_info_write(&info, body);
	r = target_version(target, &x);
	if (r == 0) {
		exchange_build(&x, WIRE_GET_INFO, 0, body, sizeof(body), WIRE_INFO_SIZE);
		r = exchange_once(target, &x);
	}
	level->hang_up_ms = (double)(phase_now() - begin) / 1e6;
	target_close(target);
	return r;
}

static int level_measure(struct bench *bench, struct level *level, struct target *target, int file)
{
	struct toggle toggle = { .state = 1, .file = file };
	struct exchange version;

	if (target_connect(target, bench->server.path) != 0 || target_version(target, &version) != 0)
		return -1;
	if (level_fill(target, level, file) != 0)
		return -1;
	level->resident = process_memory(&bench->server, "VmRSS:");
	if (level->resident < 0)
		return target_failed(target, "the server's memory cannot be read from /proc");
	if (level_make_room(target, level) != 0)
		return -1;
	toggle.live = level->live;
	target->nsteps = 2;
	for (unsigned int i = 0; i < bench->options.repetitions; i++) {
		if (level_repetition(bench, level, target, &toggle, i) != 0)
			return -1;
	}
	return level_hang_up(bench, level, target);
}

static void level_run(struct bench *bench, uint32_t wanted, bool most, bool files)
{
	struct level *level = &bench->levels[bench->nlevels++];
	struct target target = { .fd = -1, .event = -1 };
	int file = -1, r = 0;

	level->files = files;
	level->wanted = wanted;
	level->map.reference =
		(struct reference){ files ? 70000 : 68300, files ? REFERENCE_FLOOR : REFERENCE_FREE, !files };
	level->unmap.reference =
		(struct reference){ files ? 85000 : 92100, files ? REFERENCE_FLOOR : REFERENCE_FREE, !files };
	snprintf(level->map.name, sizeof(level->map.name), "DMA_MAP%s", files ? " with descriptor" : "");
	snprintf(level->unmap.name, sizeof(level->unmap.name), "DMA_UNMAP%s", files ? " with descriptor" : "");
	if (files) {
		file = memfd_create("bench", MFD_CLOEXEC);
		r = file < 0 ? -1 : ftruncate(file, (off_t)wanted * PAGE);
	}
	if (r != 0)
		target_failed(&target, "a file of %u pages: %s", wanted, strerror(errno));
	else
		r = level_measure(bench, level, &target, file);
	if (r == 0 && !most && level->live < level->wanted)
		r = target_failed(&target, "no more than %u maps: %s", level->live, strerror(level->error));
	if (r != 0) {
		level->failed = true;
		snprintf(level->why, sizeof(level->why), "%s", target.why);
	}
	target_close(&target);
	if (file >= 0)
		close(file);
}

void bench_dma(struct bench *bench)
{
	static const uint32_t levels[] = { 1, 1000, 60000 };
	static const uint32_t quick[] = { 1, 1000 };
	size_t n = bench->options.quick ? sizeof(quick) / sizeof(quick[0]) : sizeof(levels) / sizeof(levels[0]);

	for (int files = 0; files < 2; files++) {
		for (size_t i = 0; i < n; i++)
			level_run(bench, levels[i], false, files != 0);
		level_run(bench, bench->options.maps, true, files != 0);
	}
}
