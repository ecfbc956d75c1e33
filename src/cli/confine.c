/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/log.h"
#include "base/privilege.h"
#include "cli/cli.h"
#include "cli/confine.h"

/* --- descriptors --- */

void confine_init(struct confine *confine)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;

	*confine = (struct confine){ .filter = FILTER_DEFAULT };
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		int fd = atoi(entry->d_name); /* 0 for . and .. */
		int *more;

		if (fd <= STDERR_FILENO || fd == dirfd(folder))
			continue;
		more = reallocarray(confine->inherited, confine->count + 1, sizeof(int));
		if (more == NULL)
			break;
		confine->inherited = more;
		confine->inherited[confine->count++] = fd;
	}
	if (folder != NULL)
		closedir(folder);
}

void confine_finish(struct confine *confine)
{
	free(confine->inherited);
	confine->inherited = NULL;
	confine->count = 0;
}

void confine_keep(struct confine *confine, int fd)
{
	for (size_t i = 0; i < confine->count; i++) {
		if (confine->inherited[i] == fd)
			confine->inherited[i] = -1;
	}
}

void confine_keep_named(struct confine *confine, const char *func)
{
	const char *at = func;

	while ((at = strstr(at, "fd=")) != NULL) {
		at += strlen("fd=");
		confine_keep(confine, atoi(at));
	}
}

static void confine_close(const struct confine *confine)
{
	for (size_t i = 0; i < confine->count; i++) {
		if (confine->inherited[i] >= 0)
			close(confine->inherited[i]);
	}
}

/* --- rights --- */

int confine_user(struct confine *confine, const char *name)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return cli_error("serve", CLI_USAGE, "--user %s: only root can become another user; start it as %s",
				 name, name);
	user = getpwnam(name);
	if (user == NULL)
		return cli_error("serve", CLI_USAGE, "--user %s: there is no such user; `getent passwd` lists them",
				 name);
	if (user->pw_uid == 0)
		return cli_error("serve", CLI_USAGE, "--user %s: that is root; name an ordinary user", name);
	confine->user = name;
	confine->uid = user->pw_uid;
	confine->gid = user->pw_gid;
	return 0;
}

/* Whoever may lock memory without limit has pinned none of it yet: clients' memory comes later, and must fit. */
static void confine_memlock(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit limit;

	if (base_capable(CAP_IPC_LOCK) && setrlimit(RLIMIT_MEMLOCK, &all) == 0)
		return;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* All threads change with this one: the C library sees to that. The way back, the saved id, goes too. */
static int confine_become(const struct confine *confine)
{
	if (setgroups(0, NULL) != 0 || setresgid(confine->gid, confine->gid, confine->gid) != 0 ||
	    setresuid(confine->uid, confine->uid, confine->uid) != 0)
		return -errno;
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 ? -EPERM : 0;
}

/* Whether a thread holds capabilities. */
static bool confine_holds(const char *thread)
{
	char path[sizeof("/proc/self/task//status") + NAME_MAX], line[256];
	unsigned long long permitted = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "CapPrm: %llx", &permitted) == 1)
			break;
	}
	if (file != NULL)
		fclose(file);
	return permitted != 0;
}

/* Capabilities are each thread's own: one that kept them would make it all worthless. */
static int confine_check_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	const struct dirent *entry;
	int r = 0;

	while (folder != NULL && r == 0 && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.' && confine_holds(entry->d_name))
			r = -EPERM;
	}
	if (folder != NULL)
		closedir(folder);
	return r;
}

int confine_enter(const struct confine *confine, const struct filter_needs *needs, const struct pcg_log *log)
{
	int r = 0;

	confine_close(confine);
	confine_memlock();
	if (confine->user != NULL)
		r = confine_become(confine);
	if (r != 0) {
		base_log(log, PCG_ERROR, "--user %s: %s; root needs CAP_SETUID and CAP_SETGID to become another user",
			 confine->user, strerror(-r));
		return r;
	}
	r = base_drop_privileges();
	if (r == 0)
		r = confine_check_threads();
	if (r != 0) {
		base_log(log, PCG_ERROR,
			 "capabilities cannot be given up: %s; start it as an ordinary user that may open the function",
			 strerror(-r));
		return r;
	}
	return filter_install(confine->filter, needs, log);
}
