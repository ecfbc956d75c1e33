/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is kept in memory for a client, and for how long: an iommufd of our own counts pages as the kernel does. A page
 * is pinned once for all areas that came from one map of a file, and for as long as one of them shows it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_iommufd.h"
#include "host/vfio/group.h"
#include "host/vfio/internal.h"
#include "host/vfio/pieces.h"
#include "host/vfio/staging.h"
#include "host/vfio/uapi.h"

int __wrap_ioctl(int fd, unsigned long request, ...);
int64_t __wrap_vfio_now(void);

#define PAGE      FAKE_PAGE
#define SIZE      (64 * PAGE)
#define FUNCTIONS 2u

/* --- an iommufd --- */

static unsigned int objects;
static void (*meanwhile)(void); /* while pages are being pinned */
static uint32_t last_id;
static uint64_t limit;
static int64_t now;

int64_t __wrap_vfio_now(void)
{
	return now;
}

static int destroy(const struct uapi_destroy *destroy)
{
	fake_forget(destroy->id);
	objects--;
	return 0;
}

static int allocate(uint32_t *id)
{
	*id = ++last_id;
	objects++;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int r;

	(void)fd;
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == UAPI_IOAS_MAP_FILE) {
		if (limit != 0 && fake_pinned() + ((struct uapi_ioas_map_file *)arg)->length > limit)
			return fake_fails(ENOMEM);
		if (meanwhile != NULL)
			meanwhile();
	}
	if (fake_ioctl(request, arg, &r))
		return r;
	switch (request) {
	case UAPI_IOAS_ALLOC:
		return allocate(&((struct uapi_ioas_alloc *)arg)->out_id);
	case UAPI_HWPT_ALLOC:
		return allocate(&((struct uapi_hwpt_alloc *)arg)->out_id);
	case UAPI_IOMMU_DESTROY:
		return destroy(arg);
	default:
		fail_msg("request %#lx", request);
		return -1;
	}
}

/* --- functions of one VM --- */

static struct vfio_pool *pool;
static struct vfio functions[FUNCTIONS];
static struct vfio *const a = &functions[0], *const b = &functions[1];
static int memory;

static int file_create(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	return fd;
}

static int set_up(void **state)
{
	(void)state;
	fake_begin();
	memset(functions, 0, sizeof(functions));
	objects = 0;
	last_id = 1000;
	limit = 0;
	meanwhile = NULL;
	now = 1000000;
	if (vfio_pool_create(&pool) != 0)
		return -1;
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		functions[i].pool = pool;
		functions[i].ioas = i + 1;
		functions[i].iommu = &vfio_iommufd;
		if (vfio_group_join(&functions[i], (int)i) != 0)
			return -1;
		functions[i].common->ioas = i + 1;
	}
	memory = file_create();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		vfio_iommufd.unmap(&functions[i], NULL);
		functions[i].common->ioas = 0; /* it was not allocated here */
		vfio_group_leave(&functions[i]);
	}
	vfio_pool_destroy(pool);
	close(memory);
	/* Whatever a test did: nothing of a client outlives it. */
	return fake_nareas != 0 || objects != 0;
}

static int map_at(struct vfio *v, int fd, uint64_t iova, uint64_t page, uint64_t pages)
{
	const struct pcg_dma_range range = { .iova = iova,
					     .size = pages * PAGE,
					     .flags = PCG_DMA_READ | PCG_DMA_WRITE,
					     .fd = fd,
					     .offset = page * PAGE };

	return vfio_iommufd.map(v, &range);
}

/* At the address that is its place in the file. */
static void map(struct vfio *v, uint64_t page, uint64_t pages)
{
	assert_int_equal(map_at(v, memory, page * PAGE, page, pages), 0);
}

static void unmapped(struct vfio *v, uint64_t page, uint64_t pages)
{
	const struct pcg_dma_range range = { .iova = page * PAGE, .size = pages * PAGE, .fd = -1 };

	assert_int_equal(vfio_iommufd.unmap(v, &range), 0);
}

/* As the loop does: each function looks when it said it would. */
static void later(int64_t milliseconds)
{
	for (int64_t end = now + milliseconds; now < end;) {
		now += 10;
		for (unsigned int i = 0; i < FUNCTIONS; i++) {
			if (functions[i].common->tidy != 0 && now >= functions[i].common->tidy)
				staging_tidy(&functions[i]);
		}
	}
}

static void punch(uint64_t page, uint64_t pages)
{
	/* Kernels with coarse clocks only do not change times twice in between. */
	usleep(20000);
	assert_int_equal(fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(page * PAGE),
				   (off_t)(pages * PAGE)),
			 0);
}

/* Which pinning a function reaches at a page. */
static unsigned int reached(const struct vfio *v, uint64_t page)
{
	const struct fake_area *area = fake_at(v->ioas, page * PAGE);

	return area != NULL ? area->pages : 0;
}

/* --- counts --- */

static void functions_of_a_vm_pin_once(void **state)
{
	(void)state;
	map(a, 0, 64);
	map(b, 0, 64);
	assert_int_equal(fake_maps, 1);
	assert_int_equal(fake_pinned(), SIZE);
}

static void what_one_of_them_unmaps_the_other_keeps(void **state)
{
	(void)state;
	map(a, 0, 64);
	map(b, 0, 64);
	unmapped(a, 0, 64);
	later(5000);
	assert_int_equal(fake_pinned(), SIZE);
	assert_int_equal(reached(a, 0), 0);
	assert_int_equal(reached(b, 63), 1);
	unmapped(b, 0, 64);
	later(2000);
	assert_int_equal(fake_pinned(), 0);
}

static void a_client_that_leaves_leaves_the_other_ones_part(void **state)
{
	(void)state;
	map(a, 0, 64);
	map(b, 0, 4);
	assert_int_equal(vfio_iommufd.unmap(a, NULL), 0);
	assert_int_equal(fake_pinned(), 4 * PAGE);
	assert_int_equal(a->common->nstaging, 0);
	assert_int_equal(a->common->nmaps, 0);
	map(a, 0, 4);
	assert_int_equal(fake_maps, 1);
}

static void a_sweep_releases_what_lies_inside(void **state)
{
	(void)state;
	for (uint64_t page = 0; page < 16; page += 4)
		map(a, page, 2);
	unmapped(a, 3, 10);
	later(2000);
	assert_int_equal(a->common->nmaps, 2);
	assert_int_equal(fake_pinned(), 4 * PAGE);
	assert_int_not_equal(reached(a, 0), 0);
	assert_int_not_equal(reached(a, 12), 0);
}

/* --- idle --- */

static void mapping_it_again_at_once_pins_nothing(void **state)
{
	(void)state;
	map(a, 0, 64);
	for (unsigned int i = 0; i < 4; i++) {
		unmapped(a, 0, 64);
		later(100);
		map(a, 0, 16);
		map(a, 20, 44);
		unmapped(a, 0, 16);
		unmapped(a, 20, 44);
		map(a, 0, 64);
		assert_int_equal(fake_pinned(), SIZE);
	}
	assert_int_equal(fake_maps, 1);
}

static void what_nobody_maps_is_unpinned_after_a_second(void **state)
{
	(void)state;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	later(STAGED_IDLE_MS - 10);
	assert_int_equal(fake_pinned(), SIZE);
	later(10);
	assert_int_equal(fake_pinned(), 0);
}

/* An open file is memory, too, even when its owner has closed it. */
static void a_file_without_maps_is_closed(void **state)
{
	(void)state;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	later(2000);
	assert_int_equal(a->common->nstaging, 0);
	assert_int_equal(objects, 0);
	assert_int_equal(a->common->tidy, 0);
}

static void of_a_part_that_is_mapped_the_rest_is_unpinned(void **state)
{
	(void)state;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	map(a, 8, 4);
	map(a, 20, 4);
	assert_int_equal(fake_maps, 1);
	later(2000);
	assert_int_equal(fake_pinned(), 8 * PAGE);
	/* What is left is known still. */
	map(b, 8, 4);
	map(b, 20, 4);
	assert_int_equal(map_at(b, memory, SIZE, 9, 1), 0);
	assert_int_equal(fake_maps, 1);
}

static void a_part_mapped_again_and_again_does_not_keep_the_rest(void **state)
{
	(void)state;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	for (unsigned int i = 0; i < 6; i++) {
		map(a, 3, 1);
		later(200);
		unmapped(a, 3, 1);
		later(100);
	}
	assert_true(fake_pinned() <= PAGE);
}

/* --- stale --- */

static void memory_that_was_taken_out_after_it_was_unmapped_is_pinned_anew(void **state)
{
	(void)state;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	punch(0, 4);
	map(a, 0, 64);
	assert_int_equal(reached(a, 0), 2);
	assert_int_equal(fake_pinned(), SIZE);
}

/* As QEMU's virtio-mem does it. */
static void so_is_what_was_taken_out_before(void **state)
{
	(void)state;
	map(a, 0, 64);
	punch(0, 4);
	unmapped(a, 0, 64);
	map(a, 0, 64);
	assert_int_equal(reached(a, 0), 2);
	assert_int_equal(fake_pinned(), SIZE);
}

static void punch_first(void)
{
	punch(0, 1);
	meanwhile = NULL;
}

static void so_is_what_was_taken_out_just_then(void **state)
{
	(void)state;
	meanwhile = punch_first;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	map(a, 0, 64);
	assert_int_equal(reached(a, 0), 2);
}

static void so_is_the_part_of_a_piece_that_was_not_mapped(void **state)
{
	(void)state;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	map(a, 0, 4);
	punch(8, 4);
	map(a, 8, 4);
	map(b, 8, 4);
	assert_int_equal(reached(a, 0), 1);
	assert_int_equal(reached(a, 8), 2);
	assert_int_equal(reached(b, 8), 2);
	later(2000);
	assert_int_equal(fake_pinned(), 8 * PAGE);
	/* Older pages of the same place are not taken for the newer ones. */
	unmapped(a, 8, 4);
	unmapped(b, 8, 4);
	punch(8, 4);
	map(a, 8, 4);
	assert_int_equal(reached(a, 8), 3);
}

/* Who keeps older pages of a place mapped does not keep the newer ones in memory. */
static void parts_of_different_ages_are_not_mixed_up(void **state)
{
	const struct pcg_dma_range all = { .size = SIZE, .flags = PCG_DMA_READ, .fd = memory };
	const struct pcg_dma_range part = {
		.iova = 8 * PAGE, .size = 4 * PAGE, .flags = PCG_DMA_READ, .fd = memory, .offset = 8 * PAGE
	};

	(void)state;
	assert_int_equal(vfio_iommufd.map(a, &all), 0);
	assert_int_equal(vfio_iommufd.map(b, &part), 0);
	unmapped(a, 0, 64);
	map(a, 8, 4);
	assert_int_equal(reached(b, 8), 1);
	assert_int_equal(reached(a, 8), 2);
	later(2000);
	unmapped(a, 8, 4);
	later(2000);
	assert_int_equal(fake_pinned(), 4 * PAGE);
	assert_int_equal(reached(b, 8), 1);
}

/* Guests write to their memory, and by that change the file's times, while another function comes. */
static void what_is_mapped_is_shared_whatever_the_file_says(void **state)
{
	(void)state;
	map(a, 0, 64);
	usleep(20000);
	assert_int_equal(pwrite(memory, "y", 1, 0), 1);
	map(b, 0, 64);
	assert_int_equal(fake_maps, 1);
}

static void so_is_what_is_mapped_of_a_part(void **state)
{
	(void)state;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	map(a, 8, 4);
	usleep(20000);
	assert_int_equal(pwrite(memory, "y", 1, 0), 1);
	map(b, 8, 4);
	assert_int_equal(map_at(b, memory, SIZE, 9, 3), 0);
	assert_int_equal(fake_maps, 1);
	assert_int_equal(map_at(b, memory, 2 * SIZE, 9, 4), 0);
	assert_int_equal(fake_maps, 2);
}

static void a_file_that_does_not_tell_is_pinned_anew(void **state)
{
	(void)state;
	map(a, 0, 64);
	a->common->staging[0]->tells = false;
	map(b, 0, 64);
	assert_int_equal(fake_maps, 1);
	unmapped(a, 0, 64);
	unmapped(b, 0, 64);
	map(a, 0, 64);
	assert_int_equal(reached(a, 0), 2);
	assert_int_equal(fake_pinned(), SIZE);
}

/* --- room, and clients that want all of it --- */

static void what_nobody_uses_makes_room_at_once(void **state)
{
	(void)state;
	for (uint64_t page = 0; page < STAGED_MAX; page++)
		map(a, page, 1);
	for (uint64_t page = 0; page < STAGED_MAX; page++)
		unmapped(a, page, 1);
	map(a, 40, 1);
	map(b, 40, 1);
	assert_int_equal(fake_maps, STAGED_MAX + 1);
	assert_int_equal(fake_pinned(), STAGED_MAX * PAGE);
}

/* The same memory is not pinned twice for what nobody uses. */
static void a_larger_piece_takes_the_place_of_idle_ones(void **state)
{
	(void)state;
	for (uint64_t page = 0; page < 64; page += 16) {
		map(a, page, 16);
		unmapped(a, page, 16);
	}
	limit = SIZE;
	map(a, 0, 64);
	assert_int_equal(fake_pinned(), SIZE);
}

static void memory_that_is_short_is_taken_from_what_is_idle(void **state)
{
	int other = file_create();

	(void)state;
	map(a, 0, 64);
	unmapped(a, 0, 64);
	map(a, 0, 2);
	limit = SIZE;
	assert_int_equal(map_at(a, other, SIZE, 0, 32), 0);
	assert_int_equal(fake_pinned(), 34 * PAGE);
	assert_int_equal(map_at(a, other, 2 * SIZE, 32, 32), -ENOMEM);
	close(other);
}

static void many_tiny_maps_keep_what_they_map(void **state)
{
	unsigned int left;

	(void)state;
	for (uint64_t page = 0; page < 64; page++)
		map(a, page, 1);
	assert_int_equal(fake_pinned(), SIZE);
	for (uint64_t page = 0; page < 64; page += 2)
		unmapped(a, page, 1);
	later(2000);
	assert_int_equal(fake_pinned(), SIZE / 2);
	for (uint64_t page = 1; page < 64; page += 2)
		unmapped(a, page, 1);
	left = fake_nareas;
	assert_true(left <= STAGED_MAX);
	later(2000);
	assert_int_equal(fake_pinned(), 0);
}

static void many_parts_of_a_piece_keep_what_they_map(void **state)
{
	(void)state;
	map(a, 0, 64);
	for (uint64_t page = 0; page < 64; page++)
		map(b, page, 1);
	assert_int_equal(fake_maps, 1);
	unmapped(a, 0, 64);
	later(2000);
	for (uint64_t page = 0; page < 64; page += 2)
		unmapped(b, page, 1);
	later(2000);
	assert_int_equal(fake_pinned(), SIZE / 2);
	for (uint64_t page = 1; page < 64; page += 2)
		assert_int_equal(reached(b, page), 1);
}

static void files_without_maps_make_room_for_others(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		int fd = file_create();

		assert_int_equal(map_at(a, fd, 0, 0, 64), 0);
		assert_int_equal(map_at(b, fd, 0, 0, 64), 0);
		assert_int_equal(fake_maps, i + 1);
		unmapped(a, 0, 64);
		unmapped(b, 0, 64);
		assert_true(a->common->nstaging <= VFIO_STAGED_FILES);
		assert_true(objects <= 2 * VFIO_STAGED_FILES);
		close(fd);
	}
	assert_true(fake_pinned() <= VFIO_STAGED_FILES * SIZE);
	later(2000);
	assert_int_equal(fake_pinned(), 0);
	assert_int_equal(objects, 0);
}

static void more_files_than_that_are_mapped_all_the_same(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		int fd = file_create();

		assert_int_equal(map_at(a, fd, i * SIZE, 0, 64), 0);
		close(fd);
	}
	assert_int_equal(fake_pinned(), 20 * SIZE);
	for (unsigned int i = 0; i < 20; i++)
		unmapped(a, i * 64, 64);
	assert_true(fake_pinned() <= VFIO_STAGED_FILES * SIZE);
	later(2000);
	assert_int_equal(fake_pinned(), 0);
}

static void maps_beyond_those_that_are_remembered_cost_nothing(void **state)
{
	(void)state;
	a->common->nmaps = STAGED_MAPS;
	map(a, 0, 64);
	assert_int_equal(a->common->nmaps, STAGED_MAPS);
	assert_int_equal(reached(a, 0), 1);
	unmapped(a, 0, 64);
	assert_int_equal(fake_pinned(), 0);
	a->common->nmaps = 0;
}

static void what_the_kernel_refuses_is_not_kept(void **state)
{
	(void)state;
	map(a, 0, 4);
	assert_int_equal(map_at(a, memory, 0, 8, 4), -EEXIST);
	assert_int_equal(a->common->nmaps, 1);
	later(2000);
	assert_int_equal(fake_pinned(), 4 * PAGE);
	unmapped(a, 0, 4);
	later(2000);
	assert_int_equal(fake_pinned(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(functions_of_a_vm_pin_once),
		TEST(what_one_of_them_unmaps_the_other_keeps),
		TEST(a_client_that_leaves_leaves_the_other_ones_part),
		TEST(a_sweep_releases_what_lies_inside),
		TEST(mapping_it_again_at_once_pins_nothing),
		TEST(what_nobody_maps_is_unpinned_after_a_second),
		TEST(a_file_without_maps_is_closed),
		TEST(of_a_part_that_is_mapped_the_rest_is_unpinned),
		TEST(a_part_mapped_again_and_again_does_not_keep_the_rest),
		TEST(memory_that_was_taken_out_after_it_was_unmapped_is_pinned_anew),
		TEST(so_is_what_was_taken_out_before),
		TEST(so_is_what_was_taken_out_just_then),
		TEST(so_is_the_part_of_a_piece_that_was_not_mapped),
		TEST(parts_of_different_ages_are_not_mixed_up),
		TEST(what_is_mapped_is_shared_whatever_the_file_says),
		TEST(so_is_what_is_mapped_of_a_part),
		TEST(a_file_that_does_not_tell_is_pinned_anew),
		TEST(what_nobody_uses_makes_room_at_once),
		TEST(a_larger_piece_takes_the_place_of_idle_ones),
		TEST(memory_that_is_short_is_taken_from_what_is_idle),
		TEST(many_tiny_maps_keep_what_they_map),
		TEST(many_parts_of_a_piece_keep_what_they_map),
		TEST(files_without_maps_make_room_for_others),
		TEST(more_files_than_that_are_mapped_all_the_same),
		TEST(maps_beyond_those_that_are_remembered_cost_nothing),
		TEST(what_the_kernel_refuses_is_not_kept),
	};
	int fd = file_create(), again = dup(fd);

	if (!staging_same_file(fd, again)) {
		printf("1..0 # SKIP this kernel does not tell whether two descriptors are one file\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
