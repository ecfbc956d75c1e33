/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <unistd.h>

#include "vfio-user/fds.h"

bool fds_take(struct msghdr *message, int *fds, unsigned int *nfds, unsigned int room)
{
	/* The kernel could not give us all. */
	bool excess = (message->msg_flags & MSG_CTRUNC) != 0;
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(message); cmsg != NULL; cmsg = CMSG_NXTHDR(message, cmsg)) {
		size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
			if (*nfds < room) {
				fds[(*nfds)++] = fd;
			} else {
				excess = true;
				close(fd);
			}
		}
	}
	return excess;
}
