/* SPDX-License-Identifier: BSD-3-Clause */
/* The corpus, each function opened as a user would. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/dump/text.h"
#include "subject.h"

static int take(struct subject *s, const char *file, const struct dump_bdf *bdf)
{
	char func[4096];
	struct pcg_host *host;
	struct pcg_op op = { 0 };
	unsigned int i;

	snprintf(func, sizeof(func), "dump:%s@%04x:%02x:%02x.%u", file,
		 bdf->domain == DUMP_ANY_DOMAIN ? 0 : bdf->domain, bdf->bus, bdf->device, bdf->function);
	if (pcg_host_create(&host, func, NULL) != 0)
		return -1;
	snprintf(s->name, sizeof(s->name), "%.40s %02x:%02x.%u", strrchr(file, '/') + 1, bdf->bus, bdf->device,
		 bdf->function);
	s->info = host->info;
	for (i = 0; i < PCG_NUM_REGIONS; i++)
		s->info.regions[i].fd = -1;
	for (i = 0; i * 4 < host->info.config_size; i++) {
		uint32_t value = 0;

		host->ops->config_read(host, (uint16_t)i, 15, &value, &op);
		pcg_put32(s->config + i * 4, value);
	}
	pcg_host_destroy(host);
	return 0;
}

static unsigned int look_at_file(const char *name, void (*look)(const struct subject *subject))
{
	struct dump_file file;
	unsigned int found = 0;
	size_t i;

	if (dump_file_init(&file, name, NULL) != 0)
		return 0;
	for (i = 0; i < file.nentries; i++) {
		struct subject s = { .name = "" };

		if (!file.entries[i].has_hex || (file.entries[i].header_type & 0x7f) != 0 ||
		    take(&s, name, &file.entries[i].bdf) != 0)
			continue;
		look(&s);
		found++;
	}
	dump_file_finish(&file);
	return found;
}

unsigned int subjects_corpus(void (*look)(const struct subject *subject))
{
	static const char *const folders[] = { "pciutils", "qemu" };
	const char *corpus = getenv("PCI_CORPUS");
	unsigned int i, found = 0;

	for (i = 0; corpus != NULL && i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[2048], name[2400];
		struct dirent **entries;
		int n, k;

		snprintf(path, sizeof(path), "%s/%s", corpus, folders[i]);
		n = scandir(path, &entries, NULL, alphasort);
		for (k = 0; k < n; k++) {
			snprintf(name, sizeof(name), "%s/%s", path, entries[k]->d_name);
			if (entries[k]->d_name[0] != '.')
				found += look_at_file(name, look);
			free(entries[k]);
		}
		if (n >= 0)
			free(entries);
	}
	return found;
}
