/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * qemu-user has no process_vm_readv() and process_vm_writev(). Preloaded, this stands in for both where a process
 * copies its own memory, as src/dma does: through a pipe, so that it is still the kernel that copies, and a page that
 * is not there ends the copy short.
 */
#include <errno.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define STRETCH 4096u /* a pipe holds this much */

ssize_t process_vm_readv(pid_t pid, const struct iovec *ours, unsigned long nours, const struct iovec *theirs,
			 unsigned long ntheirs, unsigned long flags);
ssize_t process_vm_writev(pid_t pid, const struct iovec *ours, unsigned long nours, const struct iovec *theirs,
			  unsigned long ntheirs, unsigned long flags);

/* Up to the end of the page that either side is in: of one that is not there, nothing is copied. */
static size_t stretch(const char *from, const char *to, size_t left)
{
	size_t a = STRETCH - (size_t)from % STRETCH, b = STRETCH - (size_t)to % STRETCH;
	size_t n = a < b ? a : b;

	return n < left ? n : left;
}

static ssize_t copy(const char *from, char *to, size_t length)
{
	size_t done = 0, n;
	int ends[2], error = 0;

	if (pipe(ends) != 0)
		return -1;
	while (done < length && error == 0) {
		n = stretch(from + done, to + done, length - done);
		if (write(ends[1], from + done, n) != (ssize_t)n || read(ends[0], to + done, n) != (ssize_t)n)
			error = EFAULT;
		else
			done += n;
	}
	close(ends[0]);
	close(ends[1]);
	errno = error;
	return done > 0 || error == 0 ? (ssize_t)done : -1;
}

ssize_t process_vm_readv(pid_t pid, const struct iovec *ours, unsigned long nours, const struct iovec *theirs,
			 unsigned long ntheirs, unsigned long flags)
{
	if (pid != getpid() || nours != 1 || ntheirs != 1 || flags != 0 || ours->iov_len != theirs->iov_len) {
		errno = ENOSYS;
		return -1;
	}
	return copy(theirs->iov_base, ours->iov_base, ours->iov_len);
}

ssize_t process_vm_writev(pid_t pid, const struct iovec *ours, unsigned long nours, const struct iovec *theirs,
			  unsigned long ntheirs, unsigned long flags)
{
	if (pid != getpid() || nours != 1 || ntheirs != 1 || flags != 0 || ours->iov_len != theirs->iov_len) {
		errno = ENOSYS;
		return -1;
	}
	return copy(ours->iov_base, theirs->iov_base, ours->iov_len);
}
