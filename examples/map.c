/* SPDX-License-Identifier: BSD-3-Clause */
/* map SOCKET: store through a mapping of the first BAR that can be mapped, and read it back by messages. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include <pcigate/client.h>

#define PIECE 4096u

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	fprintf(stderr, "%s\n", note->text);
}

static int map_region(struct pcg_client *client, const struct pcg_client_region *region)
{
	uint64_t at = region->areas[0].offset;
	volatile uint8_t *bytes;
	uint32_t value;
	void *address;
	int r;

	r = pcg_client_region_map(client, region, at, PIECE, &address);
	if (r != 0)
		return r;
	/* A BAR is little-endian, whatever this machine is. */
	bytes = address;
	bytes[0] = 0x78;
	bytes[1] = 0x56;
	bytes[2] = 0x34;
	bytes[3] = 0x12;
	r = pcg_client_read32(client, region->index, at, &value);
	munmap(address, PIECE);
	if (r == 0)
		printf("region %u: %" PRIu64 " bytes can be mapped at 0x%" PRIx64 "; stored 12345678, read %08" PRIx32
		       "\n",
		       region->index, region->areas[0].size, at, value);
	return r != 0 || value == 0x12345678 ? r : -EIO;
}

static int map_first(struct pcg_client *client)
{
	for (uint32_t i = PCG_REGION_BAR0; i <= PCG_REGION_BAR5; i++) {
		struct pcg_client_region region;
		int r = pcg_client_region_init(client, i, &region);

		if (r != 0)
			return r;
		r = region.nareas > 0 ? map_region(client, &region) : -EOPNOTSUPP;
		/* The mapping does not need the descriptors, we do not need the mapping. */
		pcg_client_region_finish(&region);
		if (r != -EOPNOTSUPP)
			return r;
	}
	printf("no BAR can be mapped\n");
	return 0;
}

int main(int argc, char **argv)
{
	const struct pcg_log log = { .write = say };
	struct pcg_client *client;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
		return 2;
	}
	if (pcg_client_create(&client, argv[1], 0, &log) != 0)
		return 1;
	r = pcg_client_config_update16(client, PCG_COMMAND, 0, PCG_COMMAND_MEMORY);
	if (r == 0)
		r = map_first(client);
	pcg_client_destroy(client);
	return r == 0 ? 0 : 1;
}
