/* SPDX-License-Identifier: BSD-3-Clause */
/* list SOCKET: what function is served there. */
#include <inttypes.h>
#include <stdio.h>

#include <pcigate/client.h>

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	fprintf(stderr, "%s\n", note->text);
}

static int list_ids(struct pcg_client *client)
{
	uint16_t vendor, device;
	struct pcg_cap cap;
	int r;

	r = pcg_client_config_read16(client, PCG_VENDOR, &vendor);
	if (r == 0)
		r = pcg_client_config_read16(client, PCG_DEVICE, &device);
	if (r != 0)
		return r;
	printf("function %04x:%04x\n", vendor, device);
	/* Not to have one is an answer, not trouble: no note is written. */
	if (pcg_client_find(client, PCG_CAP_MSIX, false, &cap) == 0)
		printf("MSI-X capability at 0x%02x\n", cap.offset);
	if (pcg_client_find(client, PCG_CAP_EXP, false, &cap) == 0)
		printf("Express capability at 0x%02x\n", cap.offset);
	return 0;
}

static int list_regions(struct pcg_client *client, uint32_t regions)
{
	for (uint32_t i = 0; i < regions && i < PCG_NUM_REGIONS; i++) {
		struct pcg_client_region region;
		int r = pcg_client_region_init(client, i, &region);

		if (r != 0)
			return r;
		if (region.size > 0)
			printf("region %u: %" PRIu64 " bytes%s%s%s\n", i, region.size,
			       (region.flags & PCG_REGION_READ) != 0 ? ", read" : "",
			       (region.flags & PCG_REGION_WRITE) != 0 ? ", write" : "",
			       region.nareas > 0 ? ", map" : "");
		pcg_client_region_finish(&region);
	}
	return 0;
}

static int list_irqs(struct pcg_client *client, uint32_t irqs)
{
	static const char *const names[PCG_NUM_IRQS] = { "INTx", "MSI", "MSI-X", "ERR", "REQ" };

	for (uint32_t i = 0; i < irqs && i < PCG_NUM_IRQS; i++) {
		struct pcg_client_irq_info info;
		int r = pcg_client_irq_info(client, i, &info);

		if (r != 0)
			return r;
		printf("%s: %u vectors\n", names[i], info.count);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct pcg_log log = { .write = say };
	struct pcg_client_info info;
	struct pcg_client *client;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
		return 2;
	}
	if (pcg_client_create(&client, argv[1], 0, &log) != 0)
		return 1;
	r = pcg_client_info(client, &info);
	if (r == 0)
		r = list_ids(client);
	if (r == 0)
		r = list_regions(client, info.regions);
	if (r == 0)
		r = list_irqs(client, info.irqs);
	pcg_client_destroy(client);
	return r == 0 ? 0 : 1;
}
