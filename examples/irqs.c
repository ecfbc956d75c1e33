/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irqs SOCKET: the three kinds of interrupt of sim:endpoint-test, each raised by its register block. INTx is masked by
 * being raised; a driver unmasks it when it has quieted its device, by message or through a resample eventfd.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <pcigate/client.h>

/* Linux, Documentation/PCI/endpoint/pci-test-function.rst */
enum {
	REG_COMMAND = 0x04,
	REG_IRQ_TYPE = 0x24, /* 0 INTx, 1 MSI, 2 MSI-X; the command is a bit of the same number */
	REG_IRQ_NUMBER = 0x28,
};

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	fprintf(stderr, "%s\n", note->text);
}

static int raise_and_wait(struct pcg_client *client, uint32_t index, uint32_t vector)
{
	uint64_t count = 0;
	int r = pcg_client_write32(client, PCG_REGION_BAR0, REG_IRQ_TYPE, index);

	if (r == 0)
		r = pcg_client_write32(client, PCG_REGION_BAR0, REG_IRQ_NUMBER, vector + 1);
	/* Posted: the interrupt itself says that it has arrived. */
	if (r == 0)
		r = pcg_client_post32(client, PCG_REGION_BAR0, REG_COMMAND, 1u << index);
	if (r == 0)
		r = pcg_client_irq_wait(client, index, vector, 5000, &count);
	return r == 0 && count != 1 ? -EIO : r;
}

static int messages(struct pcg_client *client, uint32_t index, uint32_t count)
{
	int r = pcg_client_msi_start(client, index, count);

	for (uint32_t v = 0; r == 0 && v < count; v++)
		r = raise_and_wait(client, index, v);
	if (r == 0)
		r = pcg_client_msi_stop(client, index);
	if (r == 0)
		printf("%s: %" PRIu32 " vectors\n", index == PCG_IRQ_MSI ? "MSI" : "MSI-X", count);
	return r;
}

static int line(struct pcg_client *client)
{
	int resample = eventfd(0, EFD_CLOEXEC), r;

	if (resample < 0)
		return -errno;
	r = pcg_client_irq_enable(client, PCG_IRQ_INTX, 0, 1, NULL);
	if (r == 0)
		r = raise_and_wait(client, PCG_IRQ_INTX, 0);
	if (r == 0)
		r = pcg_client_irq_unmask(client, PCG_IRQ_INTX, 0, 1);
	if (r == 0)
		r = pcg_client_intx_resample(client, resample);
	for (int i = 0; r == 0 && i < 3; i++) {
		r = raise_and_wait(client, PCG_IRQ_INTX, 0);
		if (r == 0)
			r = eventfd_write(resample, 1) == 0 ? 0 : -errno;
	}
	if (r == 0)
		r = pcg_client_irq_disable(client, PCG_IRQ_INTX);
	if (r == 0)
		printf("INTx: 4 times\n");
	close(resample);
	return r;
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
	r = pcg_client_config_update16(client, PCG_COMMAND, 0, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	if (r == 0)
		r = line(client);
	if (r == 0)
		r = messages(client, PCG_IRQ_MSI, 4);
	if (r == 0)
		r = messages(client, PCG_IRQ_MSIX, 8);
	pcg_client_destroy(client);
	if (r != 0)
		fprintf(stderr, "%s\n", strerror(-r));
	return r == 0 ? 0 : 1;
}
