/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes cut anywhere give the same messages as bytes in one piece; and each body goes through its decoders. */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "serve/descriptors.h"
#include "serve/stream.h"
#include "vfio-user/version.h"

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size-- > 0)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

static void decode(const struct stream_message *message)
{
	struct version version;
	const char *why;

	if (message->header.command == WIRE_VERSION)
		version_read(&version, message->body, message->size, &why);
}

/* Hands out what is there. Return: whether the stream can be followed further. */
static int drain(struct stream *stream, uint64_t *hash)
{
	struct stream_message message;
	int r;

	while ((r = stream_next(stream, &message)) == 1) {
		*hash = mix(*hash, &message.header.command, sizeof(message.header.command));
		*hash = mix(*hash, &message.header.size, sizeof(message.header.size));
		*hash = mix(*hash, &message.refused, sizeof(message.refused));
		if (message.refused == 0) {
			HOLDS(message.size == message.header.size - WIRE_HEADER);
			*hash = mix(*hash, message.body, message.size);
			decode(&message);
		}
		HOLDS(message.nfds == 0);
		stream_release(stream, &message);
	}
	return r;
}

/* @cut: bytes of each piece, 0: all at once. */
static uint64_t feed(const uint8_t *data, size_t size, const uint8_t *cuts, size_t ncuts)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct descriptors *aside = descriptors_create();
	static uint8_t buffer[STREAM_BUFFER];
	struct stream stream;
	size_t n, i = 0;
	int pair[2], r = 0;

	HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	HOLDS(aside != NULL);
	stream_init(&stream, pair[0], aside, buffer);
	while (size > 0 && r == 0) {
		n = ncuts > 0 ? 1u + cuts[i++ % ncuts] : 16384;
		n = n < size ? n : size;
		HOLDS(write(pair[1], data, n) == (ssize_t)n);
		data += n;
		size -= n;
		HOLDS(stream_receive(&stream) == (int)n);
		r = drain(&stream, &hash);
	}
	stream_finish(&stream);
	descriptors_destroy(aside);
	close(pair[0]);
	close(pair[1]);
	return mix(hash, &r, sizeof(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t cuts[8];

	take(&input, cuts, sizeof(cuts));
	HOLDS(feed(input.at, input.left, NULL, 0) == feed(input.at, input.left, cuts, sizeof(cuts)));
	return 0;
}
