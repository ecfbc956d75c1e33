/* SPDX-License-Identifier: BSD-3-Clause */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "trace.h"

uint32_t get_value(const uint8_t *data, size_t width)
{
	uint32_t value = 0;

	while (width-- > 0)
		value = value << 8 | data[width];
	return value;
}

void put_value(uint8_t *data, size_t width, uint32_t value)
{
	size_t i;

	for (i = 0; i < width; i++)
		data[i] = (uint8_t)(value >> 8 * i);
}

static bool is_value(size_t length)
{
	return length == 1 || length == 2 || length == 4;
}

static void print_access(char kind, uint64_t offset, size_t length)
{
	printf("%c%s %zu %03llx", kind, is_value(length) ? "" : "b", length, (unsigned long long)offset);
}

static void print_data(const uint8_t *data, size_t length)
{
	size_t i;

	if (is_value(length))
		printf(" %0*x", (int)length * 2, get_value(data, length));
	for (i = 0; !is_value(length) && i < length; i++)
		printf(" %02x", data[i]);
}

static void print_end(int error)
{
	if (error == 0)
		putchar('\n');
	else if (error == EFAULT || error == EIO || error == EINVAL)
		printf(" ! %s\n", error == EFAULT ? "EFAULT" : error == EIO ? "EIO" : "EINVAL");
	else
		errx(3, "an access failed in a way that traces have no name for: %s", strerror(error));
}

void trace_section(const char *name)
{
	printf("# section: %s\n", name);
}

/* --- hardware --- */

/* What a write of the guest left of a byte: memory ought to hold it too, anything else is told. */
static void byte_after_write(struct trace *t, size_t at, uint8_t value)
{
	printf("%c 1 %03zx %s%02x\n", t->plain[at] == 0xff ? 'R' : 'W', at, t->plain[at] == 0xff ? "= " : "", value);
}

static void dword_after_write(struct trace *t, size_t at, const uint8_t *now)
{
	uint32_t plain = get_value(t->plain + at, 4);
	size_t i;

	if (plain == UINT32_MAX)
		printf("R 4 %03zx = %08x\n", at, get_value(now, 4));
	for (i = 0; plain != UINT32_MAX && i < 4; i++)
		byte_after_write(t, at + i, now[i]);
	memcpy(t->hw + at, now, 4);
}

void trace_look(struct trace *t)
{
	uint8_t now[CONFIG_MAX];
	size_t at;

	hardware_read(t->function, 0, t->function->size, now);
	for (at = 0; at < t->function->size; at += 4)
		if (memcmp(now + at, t->hw + at, 4) != 0)
			dword_after_write(t, at, now + at);
}

/* All that is not as the trace has told came from outside. */
static void take_hardware(struct trace *t)
{
	uint8_t now[CONFIG_MAX];
	size_t at;

	hardware_read(t->function, 0, t->function->size, now);
	for (at = 0; at < t->function->size; at += 4)
		if (memcmp(now + at, t->hw + at, 4) != 0)
			printf("W 4 %03zx %08x\n", at, get_value(now + at, 4));
	memcpy(t->hw, now, t->function->size);
}

void trace_change(struct trace *t, size_t offset, size_t width, uint32_t value)
{
	uint8_t data[4] = { 0 };

	put_value(data, width, value);
	hardware_write(t->function, offset, width, data);
	hardware_read(t->function, offset, width, t->hw + offset);
	printf("W %zu %03zx %0*x\n", width, offset, (int)width * 2, get_value(t->hw + offset, width));
}

void trace_state(struct trace *t, size_t offset)
{
	hardware_read(t->function, offset, 4, t->hw + offset);
	printf("R 4 %03zx = %08x\n", offset, get_value(t->hw + offset, 4));
}

/* --- the guest --- */

void trace_open(struct trace *t)
{
	function_open(t->function);
	take_hardware(t);
	puts("open");
}

void trace_reopen(struct trace *t)
{
	trace_look(t);
	function_close(t->function);
	trace_open(t);
}

void trace_read(struct trace *t, uint64_t offset, size_t length)
{
	uint8_t data[CONFIG_MAX + 8];
	int error = guest_read(t->function, offset, length, data);

	print_access('r', offset, length);
	if (error == 0) {
		fputs(" =", stdout);
		print_data(data, length);
	}
	print_end(error);
}

void trace_write(struct trace *t, uint64_t offset, size_t length, const uint8_t *data)
{
	int error = guest_write(t->function, offset, length, data);
	uint8_t now[4];
	size_t at;

	print_access('w', offset, length);
	print_data(data, length);
	print_end(error);
	for (at = offset & ~3u; at < offset + length && at < t->function->size; at += 4) {
		hardware_read(t->function, at, 4, now);
		dword_after_write(t, at, now);
	}
}

void trace_put(struct trace *t, size_t offset, size_t width, uint32_t value)
{
	uint8_t data[4] = { 0 };

	put_value(data, width, value);
	trace_write(t, offset, width, data);
	trace_read(t, offset, width);
}

uint32_t trace_peek(struct trace *t, size_t offset)
{
	uint8_t data[4] = { 0 };

	guest_read(t->function, offset, 4, data);
	return get_value(data, 4);
}
