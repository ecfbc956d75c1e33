/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/log.h"
#include "host/vfio/place.h"

#define DEVICES "/sys/bus/pci/devices/"

bool place_bdf(const char *text, char bdf[PLACE_BDF])
{
	unsigned int domain = 0, bus, device, function;
	int end = 0;

	if (sscanf(text, "%6x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4 || text[end] != '\0') {
		domain = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3 || text[end] != '\0')
			return false;
	}
	if (device > 31 || function > 7)
		return false;
	return snprintf(bdf, PLACE_BDF, "%04x:%02x:%02x.%x", domain, bus, device, function) < PLACE_BDF;
}

/* The last part of what a link in the function's folder points to. */
static bool place_link(const struct place *place, const char *name, char *text, size_t size)
{
	char path[PATH_MAX + 64], target[PATH_MAX];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", place->directory, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	base = strrchr(target, '/');
	return snprintf(text, size, "%s", base != NULL ? base + 1 : target) < (int)size;
}

static void place_cdev(struct place *place)
{
	char path[PATH_MAX + 16];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/vfio-dev", place->directory);
	folder = opendir(path);
	if (folder == NULL)
		return;
	while ((entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "vfio", 4) == 0)
			snprintf(place->cdev, sizeof(place->cdev), "/dev/vfio/devices/%.32s", entry->d_name);
	}
	closedir(folder);
}

static void place_fill(struct place *place)
{
	char group[16];

	place->group = -1;
	if (place_link(place, "iommu_group", group, sizeof(group)))
		place->group = atoi(group);
	if (!place_link(place, "driver", place->driver, sizeof(place->driver)))
		place->driver[0] = '\0';
	place->is_vf = place_link(place, "physfn", place->pf, sizeof(place->pf));
	place_cdev(place);
}

int place_find_below(struct place *place, const char *root, const char *bdf, const struct pcg_log *log)
{
	struct stat st;

	memset(place, 0, sizeof(*place));
	if (!place_bdf(bdf, place->bdf)) {
		base_log(log, PCG_ERROR,
			 "vfio: \"%.64s\" is no PCI address; give one as lspci -D prints it, 0000:03:10.1", bdf);
		return -EINVAL;
	}
	snprintf(place->directory, sizeof(place->directory), "%s" DEVICES "%s", root, place->bdf);
	if (stat(place->directory, &st) != 0) {
		base_log(log, PCG_ERROR, "vfio: there is no %s in this machine; `lspci -D` lists what there is",
			 place->bdf);
		return -ENODEV;
	}
	place_fill(place);
	return 0;
}

int place_find(struct place *place, const char *bdf, const struct pcg_log *log)
{
	return place_find_below(place, "", bdf, log);
}

int place_of_file(struct place *place, int fd, const struct pcg_log *log)
{
	char path[64], target[PATH_MAX];
	const char *base;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode))
		return -ENODEV;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev), minor(st.st_rdev));
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -ENODEV;
	target[n] = '\0';
	base = strrchr(target, '/');
	return place_find(place, base != NULL ? base + 1 : target, log);
}

bool place_number(const struct place *place, const char *name, long *value)
{
	char path[PATH_MAX + 64], text[32] = "", *end;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place->directory, name);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	fclose(file);
	errno = 0;
	*value = strtol(text, &end, 0);
	return errno == 0 && end != text;
}

int place_config(const struct place *place, uint8_t *config, size_t size)
{
	char path[PATH_MAX + 16];
	size_t done = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/config", place->directory);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t n = pread(fd, config + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	close(fd);
	return (int)done;
}

uint32_t place_id(const struct place *place)
{
	unsigned int segment, bus, slot, function;

	if (sscanf(place->bdf, "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4)
		return 0;
	return place_number_of(segment, (uint8_t)bus, (uint8_t)(slot << 3 | function));
}

bool place_has_company(const struct place *place)
{
	char path[PATH_MAX + 32];
	unsigned int others = 0;
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/iommu_group/devices", place->directory);
	folder = opendir(path);
	if (folder == NULL)
		return false;
	while ((entry = readdir(folder)) != NULL)
		others += entry->d_name[0] != '.' && strcmp(entry->d_name, place->bdf) != 0;
	closedir(folder);
	return others > 0;
}
