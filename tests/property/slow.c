/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "slow.h"

static bool bit_of(const uint32_t *masks, unsigned int byte, unsigned int bit)
{
	return masks[byte / 4] >> (byte % 4 * 8 + bit) & 1;
}

void slow_init(struct slow *slow, const struct pcg_view *view, const uint8_t *host)
{
	unsigned int i;

	memset(slow, 0, sizeof(*slow));
	slow->view = view;
	memcpy(slow->host, host, sizeof(slow->host));
	for (i = 0; i < sizeof(slow->shadow); i++)
		slow->shadow[i] = (uint8_t)(view->power_on[i / 4] >> i % 4 * 8);
}

uint8_t slow_read(const struct slow *slow, unsigned int offset)
{
	unsigned int bit, value = 0;

	for (bit = 0; bit < 8; bit++) {
		bool host = bit_of(slow->view->read_host, offset, bit);

		value |= ((host ? slow->host[offset] : slow->shadow[offset]) >> bit & 1u) << bit;
	}
	return (uint8_t)value;
}

/* DEVCTL's upper byte, where the view follows Express: MRRS is virtual, and hardware gets it with a floor. */
static bool is_devctl_high(const struct pcg_view *view, unsigned int byte)
{
	return view->mediated && view->express != 0 && view->hook[byte / 4] != 0 &&
	       byte == view->express + PCG_EXP_DEVCTL + 1u;
}

static unsigned int floor_of(const struct slow *slow, unsigned int byte, uint8_t value)
{
	unsigned int wanted = value >> 4 & 7, mps = slow->host[byte - 1] >> 5, now = slow->host[byte] >> 4 & 7;

	if (mps > 5)
		mps = 5;
	if (wanted > 5)
		return now;
	return wanted < mps ? mps : wanted;
}

/* Return: whether there was a reason to write this byte. */
static bool write_host(struct slow *slow, unsigned int byte, uint8_t value)
{
	const struct pcg_view *view = slow->view;
	bool mrrs = is_devctl_high(view, byte), reason = mrrs;
	unsigned int bit, after = slow->host[byte];

	for (bit = 0; bit < 8; bit++) {
		bool one = value >> bit & 1;

		reason |= bit_of(view->write_host, byte, bit) || (one && bit_of(view->write_clear, byte, bit));
	}
	if (!reason)
		return false;
	for (bit = 0; bit < 8; bit++) {
		bool one = value >> bit & 1;

		if (bit_of(view->write_host, byte, bit)) {
			after = (after & ~(1u << bit)) | (unsigned int)one << bit;
			slow->changed[byte] |= (uint8_t)(1u << bit);
		}
		if (bit_of(view->write_clear, byte, bit) && one) {
			after &= ~(1u << bit);
			slow->asked[byte] |= (uint8_t)(1u << bit);
			slow->changed[byte] |= (uint8_t)(1u << bit);
		}
	}
	if (mrrs) {
		after = (after & ~0x70u) | floor_of(slow, byte, value) << 4;
		slow->changed[byte] |= 0x70;
	}
	slow->host[byte] = (uint8_t)after;
	return true;
}

static void write_shadow(struct slow *slow, unsigned int byte, uint8_t value)
{
	unsigned int bit;

	for (bit = 0; bit < 8; bit++)
		if (bit_of(slow->view->write_shadow, byte, bit))
			slow->shadow[byte] = (uint8_t)((slow->shadow[byte] & ~(1u << bit)) | (value & 1u << bit));
}

void slow_write(struct slow *slow, unsigned int offset, const uint8_t *data, unsigned int length)
{
	bool reason = false;
	unsigned int i;

	/* The upper byte of DEVCTL looks at the payload size beside it, which no write changes: order is no matter. */
	for (i = 0; i < length; i++) {
		write_shadow(slow, offset + i, data[i]);
		reason |= write_host(slow, offset + i, data[i]);
		if (i + 1 == length || (offset + i) % 4 == 3) {
			slow->writes += reason;
			reason = false;
		}
	}
}

static void tame_byte(uint8_t *data, unsigned int offset, unsigned int length, unsigned int at, uint8_t bits)
{
	if (at >= offset && at < offset + length)
		data[at - offset] &= (uint8_t)~bits;
}

void slow_tame(const struct pcg_view *view, unsigned int offset, uint8_t *data, unsigned int length)
{
	if (view->express != 0)
		tame_byte(data, offset, length, view->express + PCG_EXP_DEVCTL + 1u, 0x80);
	if (view->af != 0)
		tame_byte(data, offset, length, view->af + PCG_AF_CTRL, PCG_AF_CTRL_FLR);
	if (view->pm != 0)
		tame_byte(data, offset, length, view->pm + PCG_PM_CSR, PCG_PM_STATE);
}
