/* SPDX-License-Identifier: BSD-3-Clause */
/* The backend behind which another vfio-user server stands, and both ends of its socket in our hands. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <pcigate/host.h>

#include "host/remote/remote.h"
#include "host/remote/settings.h"
#include "host/wait.h"
#include "vfio-user/wire.h"

#define PM 0x40u /* of the function */

static char said[4096];

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	strncat(said, note->text, sizeof(said) - strlen(said) - 1);
}

static const struct pcg_log log_said = { .write = say };

/* --- the other end --- */

struct far {
	struct pcg_host *host;
	int listener;
	int fd;
	char path[64];
	uint8_t config[256];
	uint8_t body[256]; /* of what came last */
	struct pcg_op op;
	int result;
};

static bool far_take(struct far *far, struct wire_header *header)
{
	uint8_t head[WIRE_HEADER];

	if (recv(far->fd, head, sizeof(head), MSG_WAITALL) != sizeof(head))
		return false;
	wire_header_read(header, head);
	if (header->size - WIRE_HEADER > sizeof(far->body))
		return false;
	return header->size == WIRE_HEADER || recv(far->fd, far->body, header->size - WIRE_HEADER, MSG_WAITALL) ==
						      (ssize_t)(header->size - WIRE_HEADER);
}

static void far_send(struct far *far, struct wire_header header, const void *body, size_t size)
{
	uint8_t bytes[4096];

	header.size = (uint32_t)(WIRE_HEADER + size);
	header.flags = WIRE_REPLY;
	wire_header_write(&header, bytes);
	if (size > 0)
		memcpy(bytes + WIRE_HEADER, body, size);
	assert_int_equal(send(far->fd, bytes, header.size, MSG_NOSIGNAL), header.size);
}

/* The honest answer to what came. */
static void far_answer(struct far *far, const struct wire_header *header)
{
	static const uint64_t sizes[PCG_NUM_REGIONS] = { 4096, 0x3000, 8, [PCG_REGION_CONFIG] = 256 };
	struct wire_access access;
	uint8_t body[WIRE_ACCESS_SIZE + 256] = { 0 };

	memcpy(body, far->body, WIRE_REGION_INFO_SIZE);
	wire_access_read(&access, far->body);
	switch (header->command) {
	case WIRE_VERSION:
		far_send(far, *header, body, WIRE_VERSION_FIXED);
		break;
	case WIRE_GET_INFO:
		wire_info_write(&(struct wire_info){ WIRE_INFO_SIZE, WIRE_INFO_PCI | WIRE_INFO_RESET, 9, 3 }, body);
		far_send(far, *header, body, WIRE_INFO_SIZE);
		break;
	case WIRE_GET_REGION_INFO: {
		struct wire_region_info info;

		wire_region_info_read(&info, far->body);
		info.flags = 3;
		info.size = sizes[info.index];
		wire_region_info_write(&info, body);
		far_send(far, *header, body, WIRE_REGION_INFO_SIZE);
		break;
	}
	case WIRE_GET_IRQ_INFO: {
		struct wire_irq_info info;

		wire_irq_info_read(&info, far->body);
		info.flags = 1;
		info.count = info.index == PCG_IRQ_MSIX ? 4 : 0;
		wire_irq_info_write(&info, body);
		far_send(far, *header, body, WIRE_IRQ_INFO_SIZE);
		break;
	}
	case WIRE_REGION_READ:
		memcpy(body + WIRE_ACCESS_SIZE, far->config + access.offset, access.count);
		far_send(far, *header, body, WIRE_ACCESS_SIZE + access.count);
		break;
	case WIRE_REGION_WRITE:
		memcpy(far->config + access.offset, far->body + WIRE_ACCESS_SIZE, access.count);
		far_send(far, *header, body, WIRE_ACCESS_SIZE);
		break;
	default:
		far_send(far, *header, body, 0);
		break;
	}
}

/* Until the last address is written: getting to know it is over. */
static void *far_opened(void *arg)
{
	struct far *far = arg;
	struct wire_header header;

	far->fd = accept(far->listener, NULL, NULL);
	while (far_take(far, &header)) {
		struct wire_access access;
		bool last;

		wire_access_read(&access, far->body);
		last = header.command == WIRE_REGION_WRITE && access.offset == PCG_BAR0 + 20;

		far_answer(far, &header);
		if (last)
			break;
	}
	return NULL;
}

static void op_done(struct pcg_op *op, int result)
{
	((struct far *)(void *)((char *)op - offsetof(struct far, op)))->result = result;
}

static int far_setup(void **state)
{
	struct far *far = calloc(1, sizeof(*far));
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char func[96];
	pthread_t thread;

	pcg_put32(far->config, 0x12345678);
	pcg_put16(far->config + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	far->config[PCG_CAPABILITIES] = PM;
	pcg_put32(far->config + PCG_BAR0 + 8, 1);
	far->config[PM] = PCG_CAP_PM;
	far->op.done = op_done;
	said[0] = '\0';
	snprintf(far->path, sizeof(far->path), "/tmp/pcigate-remote-%d", (int)getpid());
	unlink(far->path);
	far->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, far->path, sizeof(far->path));
	if (bind(far->listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(far->listener, 1) != 0 ||
	    pthread_create(&thread, NULL, far_opened, far) != 0)
		return -1;
	snprintf(func, sizeof(func), "vfio-user:%s", far->path);
	*state = far;
	if (pcg_host_create(&far->host, func, &log_said) != 0)
		return -1;
	return pthread_join(thread, NULL);
}

static int far_teardown(void **state)
{
	struct far *far = *state;

	pcg_host_destroy(far->host);
	close(far->fd);
	close(far->listener);
	unlink(far->path);
	free(far);
	return 0;
}

/* What stands at the other end, an op having been started. */
static struct wire_header far_asked(struct far *far, uint16_t command)
{
	struct wire_header header;

	assert_true(far_take(far, &header));
	assert_int_equal(header.command, command);
	return header;
}

static int far_wait(struct far *far)
{
	return host_wait(far->host, &far->result, 2000);
}

static int far_read(struct far *far, uint8_t be, uint32_t *value)
{
	far->result = PCG_PENDING;
	return far->host->ops->config_read(far->host, 0, be, value, &far->op);
}

/* --- tests --- */

static void it_is_known_what_it_has(void **state)
{
	struct far *far = *state;
	const struct pcg_host_info *info = &far->host->info;

	assert_int_equal(info->config_size, 256);
	assert_int_equal(info->bars[0].kind, PCG_BAR_MEM32);
	assert_int_equal(info->bars[0].size, 4096);
	/* Regions of no power of two, or too small for a BAR: the BAR has more room, where nothing answers. */
	assert_int_equal(info->bars[1].size, 0x4000);
	assert_int_equal(info->regions[1].size, 0x4000);
	assert_int_equal(info->bars[2].kind, PCG_BAR_IO);
	assert_int_equal(info->bars[2].size, 8);
	assert_int_equal(info->bars[3].kind, PCG_BAR_NONE);
	assert_true(info->can_reset);
	assert_true(info->no_intx);
	assert_false(info->lends_function);
	/* It has an address, as from a firmware. */
	assert_int_not_equal(pcg_get32(far->config + PCG_BAR0) & ~15u, 0);
	assert_string_equal(said, "");
}

static void reads_have_the_width_of_their_enables(void **state)
{
	static const struct {
		uint8_t be;
		uint8_t offset;
		uint8_t count;
	} rows[] = { { 0xf, 0, 4 }, { 1, 0, 1 }, { 8, 3, 1 }, { 3, 0, 2 }, { 0xc, 2, 2 }, { 6, 0, 4 }, { 7, 0, 4 } };
	struct far *far = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t value = 0, mask = (rows[i].be & 1 ? 0xffu : 0) | (rows[i].be & 2 ? 0xff00u : 0) |
					   (rows[i].be & 4 ? 0xff0000u : 0) | (rows[i].be & 8 ? 0xff000000u : 0);
		struct wire_access access;
		struct wire_header header;

		assert_int_equal(far_read(far, rows[i].be, &value), PCG_PENDING);
		header = far_asked(far, WIRE_REGION_READ);
		wire_access_read(&access, far->body);
		assert_int_equal(access.offset, rows[i].offset);
		assert_int_equal(access.count, rows[i].count);
		far_answer(far, &header);
		assert_int_equal(far_wait(far), 0);
		assert_int_equal(value & mask, 0x12345678 & mask);
	}
}

static void writes_touch_enabled_bytes_alone(void **state)
{
	struct far *far = *state;
	struct wire_header header;

	far->result = PCG_PENDING;
	assert_int_equal(far->host->ops->config_write(far->host, 0x10, 0xd, 0xaabbccdd, &far->op), PCG_PENDING);
	header = far_asked(far, WIRE_REGION_WRITE);
	assert_int_equal(header.size, WIRE_HEADER + WIRE_ACCESS_SIZE + 1);
	far_answer(far, &header);
	/* The next one comes when the first is done. */
	assert_int_equal(host_wait(far->host, &far->result, 20), -ETIMEDOUT);
	header = far_asked(far, WIRE_REGION_WRITE);
	assert_int_equal(header.size, WIRE_HEADER + WIRE_ACCESS_SIZE + 2);
	far_answer(far, &header);
	assert_int_equal(far_wait(far), 0);
	assert_memory_equal(far->config + 0x40, ((uint8_t[]){ 0xdd, 0, 0xbb, 0xaa }), 4);
}

static void far_refuse(struct far *far, struct wire_header header)
{
	uint8_t bytes[WIRE_HEADER];

	header.size = WIRE_HEADER;
	header.flags = WIRE_REPLY | WIRE_ERROR;
	header.error = EINVAL;
	wire_header_write(&header, bytes);
	assert_int_equal(send(far->fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
}

/* A bit of COMMAND that a server does not know does not cost the others; one that it must know is refused for good. */
static void command_without_what_is_refused(void **state)
{
	struct far *far = *state;
	struct wire_header header;

	far->result = PCG_PENDING;
	assert_int_equal(far->host->ops->config_write(far->host, 1, 3, 0x0146, &far->op), PCG_PENDING);
	header = far_asked(far, WIRE_REGION_WRITE);
	assert_int_equal(pcg_get16(far->body + WIRE_ACCESS_SIZE), 0x0146);
	far_refuse(far, header);
	assert_int_equal(host_wait(far->host, &far->result, 20), -ETIMEDOUT);
	header = far_asked(far, WIRE_REGION_WRITE);
	far_answer(far, &header);
	assert_int_equal(far_wait(far), 0);
	assert_int_equal(pcg_get16(far->config + PCG_COMMAND), 0x0106);

	far->result = PCG_PENDING;
	assert_int_equal(far->host->ops->config_write(far->host, 1, 3, 0x0140, &far->op), PCG_PENDING);
	far_refuse(far, far_asked(far, WIRE_REGION_WRITE));
	assert_int_equal(host_wait(far->host, &far->result, 20), -ETIMEDOUT);
	far_refuse(far, far_asked(far, WIRE_REGION_WRITE));
	assert_int_equal(far_wait(far), -EIO);
}

/* QEMU's server unmasks from the start to the count, not so many. */
static void vectors_are_unmasked_from_the_first(void **state)
{
	struct far *far = *state;
	struct wire_irq_set set;
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_int_equal(far->host->ops->irq_route(far->host, PCG_IRQ_MSIX, 2, 1, &fd), 0);
	far_asked(far, WIRE_SET_IRQS);
	wire_irq_set_read(&set, far->body);
	assert_int_equal(set.flags, WIRE_IRQ_FDS | WIRE_IRQ_TRIGGER);
	assert_int_equal(set.start, 2);
	far_asked(far, WIRE_SET_IRQS);
	wire_irq_set_read(&set, far->body);
	assert_int_equal(set.flags, WIRE_IRQ_NONE | WIRE_IRQ_UNMASK);
	assert_int_equal(set.start, 0);
	assert_int_equal(set.count, 3);
	close(fd);
}

static void a_late_answer_touches_nothing(void **state)
{
	struct far *far = *state;
	struct wire_header first, second;
	uint32_t given_up = 7, value = 0;

	assert_int_equal(far_read(far, 0xf, &given_up), PCG_PENDING);
	first = far_asked(far, WIRE_REGION_READ);
	far->host->ops->cancel(far->host, &far->op);
	assert_int_equal(far_read(far, 0xf, &value), PCG_PENDING);
	second = far_asked(far, WIRE_REGION_READ);
	/* And out of turn. */
	far_answer(far, &second);
	assert_int_equal(far_wait(far), 0);
	assert_int_equal(value, 0x12345678);
	far_answer(far, &first);
	assert_int_equal(far_read(far, 0xf, &value), PCG_PENDING);
	first = far_asked(far, WIRE_REGION_READ);
	far_answer(far, &first);
	assert_int_equal(far_wait(far), 0);
	assert_int_equal(given_up, 7);
	assert_string_equal(said, "");
}

static void an_answer_twice_ends_it(void **state)
{
	struct far *far = *state;
	struct wire_header header;
	uint32_t value = 0;

	assert_int_equal(far_read(far, 0xf, &value), PCG_PENDING);
	header = far_asked(far, WIRE_REGION_READ);
	far_answer(far, &header);
	assert_int_equal(far_wait(far), 0);
	far_answer(far, &header);
	while (strstr(said, "was not asked") == NULL)
		far->host->ops->work(far->host);
	/* From then on it reads as a slot without a function. */
	assert_int_equal(far_read(far, 0xf, &value), PCG_DONE);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(far->host->ops->config_write(far->host, 1, 0xf, 0, &far->op), PCG_DONE);
	assert_int_equal(far->host->ops->reset(far->host, &far->op), -EIO);
}

static void what_is_under_way_ends_when_it_hangs_up(void **state)
{
	struct far *far = *state;
	uint32_t value = 0;

	assert_int_equal(far_read(far, 0xf, &value), PCG_PENDING);
	shutdown(far->fd, SHUT_RDWR);
	assert_int_equal(far_wait(far), 0);
	assert_int_equal(value, UINT32_MAX);
	assert_non_null(strstr(said, "the server is lost"));
}

static void a_reset_without_a_server_fails(void **state)
{
	struct far *far = *state;

	far->result = PCG_PENDING;
	assert_int_equal(far->host->ops->reset(far->host, &far->op), PCG_PENDING);
	shutdown(far->fd, SHUT_RDWR);
	assert_int_equal(far_wait(far), -EIO);
}

static void power_is_changed_and_waited_for(void **state)
{
	static const uint16_t commands[] = { WIRE_REGION_READ, WIRE_REGION_WRITE, WIRE_REGION_READ };
	struct far *far = *state;

	pcg_put16(far->config + PM + PCG_PM_CSR, 0x0100);
	far->result = PCG_PENDING;
	assert_int_equal(far->host->ops->power(far->host, PCG_D3HOT, &far->op), PCG_PENDING);
	for (unsigned int i = 0; i < 3; i++) {
		struct wire_header header = far_asked(far, commands[i]);

		far_answer(far, &header);
		if (i < 2)
			host_wait(far->host, &far->result, 30);
	}
	assert_int_equal(far_wait(far), 0);
	assert_int_equal(pcg_get16(far->config + PM + PCG_PM_CSR), 0x0103);
}

static void silence_does_not_last_for_ever(void **state)
{
	struct far *far = *state;
	unsigned int n = 0;

	/* More calls than it may leave unanswered: it is given up, whatever it says later. */
	for (;; n++) {
		uint32_t value;

		assert_in_range(n, 0, 5000);
		assert_int_equal(far_read(far, 0xf, &value), PCG_PENDING);
		far->host->ops->work(far->host);
		if (strstr(said, "too many calls") != NULL)
			break;
		(void)far_asked(far, WIRE_REGION_READ);
		far->host->ops->cancel(far->host, &far->op);
	}
	assert_int_equal(far->result, 0);
	assert_in_range(n, 4000, 4200);
}

static int settings(struct remote_settings *s, const char *text)
{
	said[0] = '\0';
	return remote_settings_init(s, text, &log_said);
}

static void options_are_taken(void **state)
{
	struct remote_settings s;

	(void)state;
	assert_int_equal(settings(&s, "/run/a,,b,vf=on,id=8086:10ca,memory-bit=absent,session=keep"), 0);
	assert_string_equal(s.address.sun_path, "/run/a,b");
	assert_true(s.is_vf && s.has_id && s.memory_absent);
	assert_int_equal(s.vendor, 0x8086);
	assert_int_equal(s.device, 0x10ca);
	assert_int_equal(s.session, REMOTE_SESSION_KEEP);
	assert_int_equal(settings(&s, "/run/a"), 0);
	assert_int_equal(s.session, REMOTE_SESSION_NEW);
	assert_int_equal(settings(&s, "/run/a,session=never"), -EINVAL);
	assert_int_equal(settings(&s, ""), -EINVAL);
}

#define FAR_TEST(name) cmocka_unit_test_setup_teardown(name, far_setup, far_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAR_TEST(it_is_known_what_it_has),          FAR_TEST(reads_have_the_width_of_their_enables),
		FAR_TEST(writes_touch_enabled_bytes_alone), FAR_TEST(a_late_answer_touches_nothing),
		FAR_TEST(command_without_what_is_refused),  FAR_TEST(vectors_are_unmasked_from_the_first),
		FAR_TEST(an_answer_twice_ends_it),          FAR_TEST(what_is_under_way_ends_when_it_hangs_up),
		FAR_TEST(a_reset_without_a_server_fails),   FAR_TEST(power_is_changed_and_waited_for),
		FAR_TEST(silence_does_not_last_for_ever),   cmocka_unit_test(options_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
