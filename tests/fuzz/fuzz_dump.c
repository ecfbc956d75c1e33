/* SPDX-License-Identifier: BSD-3-Clause */
/* lspci text of any kind, opened as "dump:" opens it; what it gives is a function that can be read. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pcigate/host.h>

#include "fuzz.h"
#include "host/dump/text.h"

static void look(struct pcg_host *host)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	struct pcg_layout layout;
	struct pcg_op op = { 0 };
	unsigned int i;

	HOLDS(host->info.config_size == 256 || host->info.config_size == 4096);
	HOLDS(pcg_bars_check(host->info.bars) == 0);
	for (i = 0; i * 4 < host->info.config_size; i++) {
		uint32_t value = 0;

		HOLDS(host->ops->config_read(host, (uint16_t)i, 15, &value, &op) == PCG_DONE);
		pcg_put32(config + i * 4, value);
	}
	HOLDS(pcg_layout_parse(&layout, config, host->info.config_size, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char func[64];
	struct dump_file file;
	struct pcg_host *host;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	size_t i;

	HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(func, sizeof(func), "dump:/proc/self/fd/%d", fd);
	if (pcg_host_create(&host, func, NULL) == 0) {
		look(host);
		pcg_host_destroy(host);
	}
	if (dump_file_init(&file, func + 5, NULL) == 0) {
		static struct dump_text text;

		for (i = 0; i < file.nentries; i++)
			if (dump_file_read(&file, i, &text, NULL) == 0)
				HOLDS(text.size == 256 || text.size == 4096);
		dump_file_finish(&file);
	}
	close(fd);
	return 0;
}
