/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

#include "base/privilege.h"

typedef struct __user_cap_data_struct privilege_sets[_LINUX_CAPABILITY_U32S_3];

static int privilege_get(privilege_sets sets)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &header, sets) == 0 ? 0 : -errno;
}

bool base_capable(unsigned int capability)
{
	privilege_sets sets = { 0 };

	return privilege_get(sets) == 0 && capability / 32 < _LINUX_CAPABILITY_U32S_3 &&
	       (sets[capability / 32].effective >> capability % 32 & 1) != 0;
}

int base_drop_privileges(void)
{
	static const privilege_sets none;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	privilege_sets sets = { 0 };
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	r = privilege_get(sets);
	/* A service manager's filter may forbid the call where there is nothing to give up. */
	if (r != 0 || memcmp(sets, none, sizeof(none)) == 0)
		return r;
	memset(sets, 0, sizeof(sets));
	return syscall(SYS_capset, &header, sets) == 0 ? 0 : -errno;
}
