/* SPDX-License-Identifier: BSD-3-Clause */
/* What this user and this kernel allow. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "machine/doctor.h"

#define CAP_IPC_LOCK 14 /* include/uapi/linux/capability.h */
#define LINES_MAX    100000u
#define MODEST       (UINT64_C(1) << 30) /* less than that, and hardly any guest fits */

/* --- device files --- */

static void mend_file(const struct machine_door *door, unsigned int i, struct doctor_row *row)
{
	const char *file = door->files[i];

	if (door->errors[i] == -ENOENT && strcmp(file, "/dev/vfio/vfio") == 0)
		doctor_mend(row, "modprobe vfio_iommu_type1");
	else if (door->errors[i] == -ENOENT)
		doctor_mend(row, "pass %s on to this container; outside one, udev or devtmpfs makes it", file);
	else
		doctor_mend(row,
			    "setfacl -m u:%u:rw %s || chown %u %s  # as root; for good: the udev rule 70-pcigate.rules",
			    (unsigned int)geteuid(), file, (unsigned int)geteuid(), file);
}

enum doctor_verdict doctor_files(const struct doctor *d, struct doctor_row *row)
{
	const struct place *place = &d->function.place;
	struct machine_door door;
	unsigned int bad;

	if (place->group < 0 || !machine_is_vfio(d->tree, place))
		return DOCTOR_ABSENT;
	machine_door(d->tree, place, &door);
	bad = door.errors[0] != 0 ? 0 : 1;
	if (door.errors[bad] == 0)
		return doctor_found(row, DOCTOR_OK, "%s and %s%s", door.files[0], door.files[1],
				    door.cdev ? "" : " (iommu=type1: this kernel has no device files or no iommufd)");
	for (unsigned int i = 0; i < 2; i++)
		if (door.errors[i] != 0)
			mend_file(&door, i, row);
	return doctor_found(row, DOCTOR_BAD, "%s: %s", door.files[bad], strerror(-door.errors[bad]));
}

/* --- memory --- */

/* The soft limit of locked memory, in bytes. False: unknown. */
static bool find_limit(const struct doctor *d, uint64_t *limit)
{
	static const char key[] = "Max locked memory";
	char text[4096];
	const char *at;

	if (!tree_text(d->tree, text, sizeof(text), "/proc/self/limits"))
		return false;
	at = strstr(text, key);
	if (at == NULL)
		return false;
	at += strlen(key) + strspn(at + strlen(key), " ");
	*limit = strncmp(at, "unlimited", 9) == 0 ? UINT64_MAX : strtoull(at, NULL, 10);
	return true;
}

static bool may_lock_all(const struct doctor *d)
{
	static const char key[] = "CapEff:";
	char text[4096];
	const char *at;

	if (!tree_text(d->tree, text, sizeof(text), "/proc/self/status"))
		return false;
	at = strstr(text, key);
	return at != NULL && (strtoull(at + strlen(key), NULL, 16) >> CAP_IPC_LOCK & 1) != 0;
}

enum doctor_verdict doctor_memlock(const struct doctor *d, struct doctor_row *row)
{
	uint64_t limit;

	if (!find_limit(d, &limit))
		return doctor_found(row, DOCTOR_WARN, "unknown: /proc/self/limits cannot be read");
	if (limit == UINT64_MAX || may_lock_all(d))
		return doctor_found(row, DOCTOR_OK, "unlimited%s",
				    limit == UINT64_MAX ? ""
							: " for this user (CAP_IPC_LOCK); a service without it is not");
	if (limit >= (d->memory != 0 ? d->memory : MODEST))
		return doctor_found(row, DOCTOR_OK, "%" PRIu64 " MiB", limit >> 20);
	if (d->memory != 0)
		doctor_mend(row, "ulimit -l %" PRIu64 "  # before it starts; or LimitMEMLOCK=%" PRIu64 "M in its unit",
			    (d->memory >> 10) + 1024, (d->memory >> 20) + 1);
	else
		doctor_mend(row, "LimitMEMLOCK= of its unit, or ulimit -l, above the guest's memory; --memory SIZE "
				 "checks for one");
	if (d->memory == 0)
		return doctor_found(row, DOCTOR_WARN, "%" PRIu64 " KiB: a guest's memory is pinned, all of it",
				    limit >> 10);
	return doctor_found(row, DOCTOR_BAD, "%" PRIu64 " KiB: the %" PRIu64 " MiB of the guest cannot be pinned",
			    limit >> 10, d->memory >> 20);
}

/* --- what the kernel forbids --- */

/* "integrity", or "" where nothing is locked. False: the kernel does not say. */
static bool find_lockdown(const struct doctor *d, char *level, size_t size)
{
	char text[64];
	const char *word;

	level[0] = '\0';
	if (!tree_text(d->tree, text, sizeof(text), "/sys/kernel/security/lockdown"))
		return false;
	word = strchr(text, '[');
	if (word != NULL && strncmp(word, "[none]", 6) != 0)
		snprintf(level, size, "%.*s", (int)strcspn(word + 1, "]"), word + 1);
	return true;
}

enum doctor_verdict doctor_lockdown(const struct doctor *d, struct doctor_row *row)
{
	char level[32];

	if (!find_lockdown(d, level, sizeof(level)))
		return doctor_found(row, DOCTOR_OK, "not in this kernel, or not to be seen by this user");
	if (level[0] == '\0')
		return doctor_found(row, DOCTOR_OK, "none");
	doctor_mend(row, "leave BARs trapped, or barN=device; or boot without lockdown= (secure boot turns it on)");
	return doctor_found(row, DOCTOR_WARN,
			    "%s: the kernel lets nobody map resource files or write configuration space through sysfs "
			    "(barN=sysfs)",
			    level);
}

/* "y", "n" or nothing: what a line "NAME=y" of a kernel's configuration says. gzopen() reads plain text too. */
static bool read_option(const char *path, const char *name, bool *on)
{
	char line[256];
	size_t length = strlen(name);
	gzFile file = gzopen(path, "re");
	unsigned int lines = 0;

	*on = false;
	if (file == NULL)
		return false;
	while (lines++ < LINES_MAX && gzgets(file, line, sizeof(line)) != NULL)
		if (strncmp(line, name, length) == 0 && line[length] == '=')
			*on = line[length + 1] == 'y';
	gzclose(file);
	return lines > 2;
}

static bool kernel_option(const struct doctor *d, const char *name, bool *on)
{
	char path[PATH_MAX], release[128];

	if (tree_path(d->tree, path, sizeof(path), "/proc/config.gz") && read_option(path, name, on))
		return true;
	return tree_text(d->tree, release, sizeof(release), "/proc/sys/kernel/osrelease") &&
	       strchr(release, '/') == NULL && tree_path(d->tree, path, sizeof(path), "/boot/config-%s", release) &&
	       read_option(path, name, on);
}

/* Whether a word of the kernel's command line is @word. */
static bool command_line_has(const struct doctor *d, const char *word)
{
	char text[4096], *save = NULL, *at;

	if (!tree_text(d->tree, text, sizeof(text), "/proc/cmdline"))
		return false;
	for (at = strtok_r(text, " \t\n", &save); at != NULL; at = strtok_r(NULL, " \t\n", &save))
		if (strcmp(at, word) == 0)
			return true;
	return false;
}

enum doctor_verdict doctor_devmem(const struct doctor *d, struct doctor_row *row)
{
	struct doctor_row other = { 0 };
	char level[32];
	bool strict;

	/* Then that is what stands in the way. */
	if ((find_lockdown(d, level, sizeof(level)) && level[0] != '\0') || doctor_interrupts(d, &other) > DOCTOR_OK)
		return DOCTOR_ABSENT;
	if (command_line_has(d, "iomem=relaxed"))
		return doctor_found(row, DOCTOR_OK, "iomem=relaxed: BARs can be mapped through sysfs (barN=sysfs)");
	if (!kernel_option(d, "CONFIG_IO_STRICT_DEVMEM", &strict))
		return doctor_found(row, DOCTOR_WARN,
				    "whether BARs can be mapped through sysfs (barN=sysfs) is unknown: neither "
				    "/proc/config.gz nor /boot/config-* of this kernel is there");
	if (!strict)
		return doctor_found(row, DOCTOR_OK, "IO_STRICT_DEVMEM is off: BARs can be mapped through sysfs");
	doctor_mend(row, "iomem=relaxed on the kernel's command line, and boot again");
	doctor_mend(row, "or leave BARs trapped, or barN=device");
	return doctor_found(row, DOCTOR_WARN,
			    "IO_STRICT_DEVMEM: the kernel refuses to map BARs through sysfs (barN=sysfs, EINVAL)");
}
