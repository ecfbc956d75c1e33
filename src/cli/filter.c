/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nothing here opens a file, starts a program, reaches a network or gains a right. Arguments are compared where a few
 * values are enough and the call could do harm with others; the kernel compares numbers, never what a pointer points
 * to.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sockios.h>
#include <linux/vfio.h>

#include <seccomp.h>

#include "base/log.h"
#include "cli/filter.h"
#include "host/vfio/uapi.h"

#define WORD 0xffffffffu /* of numbers the kernel looks at 32 bits */

const char *const filter_names[NUM_FILTERS] = {
	[FILTER_NONE] = "none",
	[FILTER_LOG] = "log",
	[FILTER_KILL] = "kill",
};

/* Whatever their arguments. Those that a C library or a processor does not have are no loss. */
static const char *const calls[] = {
	/* the loop */
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"poll",
	"ppoll",
	"ppoll_time64",
	/* sockets and files that are open; recv() and send() are recvfrom() and sendto() */
	"accept4",
	"connect",
	"recvmsg",
	"sendmsg",
	"recvfrom",
	"sendto",
	"getsockopt",
	"setsockopt",
	"getpeername",
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"lseek",
	"close",
	"dup3",
	"fstat",
	"fstat64",
	"fstatfs",
	"fstatfs64",
	/* what else a descriptor is made of: interrupts, memory of simulated functions, the client's process */
	"eventfd2",
	"memfd_create",
	"ftruncate",
	"ftruncate64",
	"fallocate",
	"pidfd_open",
	"readlink",
	"readlinkat",
	/* eventfds that must not be waited for */
	"io_submit",
	"io_getevents",
	"io_destroy",
	"setitimer",
	"rt_sigaction",
	"rt_sigreturn",
	/* the sockets' files, at the end */
	"lstat",
	"lstat64",
	"newfstatat",
	"fstatat64",
	"statx",
	"unlink",
	"unlinkat",
	"rmdir",
	/* memory */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	/* threads and time */
	"futex",
	"futex_time64",
	"set_robust_list",
	"rseq",
	"rt_sigprocmask",
	"sched_yield",
	"sched_getaffinity",
	"gettid",
	"getpid",
	"membarrier",
	"clock_gettime",
	"clock_gettime64",
	"gettimeofday",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"nanosleep",
	"restart_syscall",
	"getrandom",
	"sysinfo",
	/* the end */
	"exit",
	"exit_group",
};

/* What one argument is compared with. */
struct filter_case {
	const char *call;
	unsigned int argument;
	uint64_t mask;
	uint64_t value;
};

#ifdef __s390x__
#define CLONE_ARGUMENT 1 /* flags and stack change places there */
#else
#define CLONE_ARGUMENT 0
#endif

static const struct filter_case cases[] = {
	{ "socket", 0, WORD, AF_UNIX },
	{ "clone", CLONE_ARGUMENT, CLONE_THREAD, CLONE_THREAD },
	{ "mprotect", 2, PROT_EXEC, 0 },
	{ "mmap2", 2, PROT_EXEC, 0 },
#ifndef __s390x__ /* there its arguments are in memory */
	{ "mmap", 2, PROT_EXEC, 0 },
#else
	{ "mmap", 0, 0, 0 },
#endif
	/* to be read, not to be set */
	{ "prlimit64", 2, UINT64_MAX, 0 },
	{ "fcntl", 1, WORD, F_GETFD },
	{ "fcntl", 1, WORD, F_SETFD },
	{ "fcntl", 1, WORD, F_GETFL },
	{ "fcntl", 1, WORD, F_SETFL },
	{ "fcntl", 1, WORD, F_DUPFD_CLOEXEC },
	{ "fcntl", 1, WORD, F_GET_SEALS },
	{ "fcntl", 1, WORD, F_ADD_SEALS },
	{ "fcntl", 1, WORD, F_GETPIPE_SZ },
	/* whether two descriptors are one file */
	{ "fcntl", 1, WORD, 1027 /* F_DUPFD_QUERY, Linux 6.10 */ },
};

/* A function that is opened again when a client asks for another kind of memory; by path, and in no other way. */
static const char *const reopen[] = { "access", "faccessat", "faccessat2" };

static const struct filter_case reopen_cases[] = {
	{ "openat", 2, WORD, O_RDWR | O_CLOEXEC },
	{ "open", 1, WORD, O_RDWR | O_CLOEXEC },
};

/* On nobody but this process itself. */
static const char *const own[] = { "process_vm_readv", "process_vm_writev", "tgkill", "kcmp" };

/* While a command of --run is to be ended; kill() itself on that command alone. */
static const char *const parent[] = { "kill", "wait4", "rt_sigtimedwait", "rt_sigtimedwait_time64" };

struct filter_request {
	const char *name;
	uint32_t number;
};

static const struct filter_request requests[] = {
	/* the function */
	{ "VFIO_DEVICE_GET_INFO", VFIO_DEVICE_GET_INFO },
	{ "VFIO_DEVICE_GET_REGION_INFO", VFIO_DEVICE_GET_REGION_INFO },
	{ "VFIO_DEVICE_GET_IRQ_INFO", VFIO_DEVICE_GET_IRQ_INFO },
	{ "VFIO_DEVICE_SET_IRQS", VFIO_DEVICE_SET_IRQS },
	{ "VFIO_DEVICE_RESET", VFIO_DEVICE_RESET },
	{ "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", VFIO_DEVICE_GET_PCI_HOT_RESET_INFO },
	{ "VFIO_DEVICE_PCI_HOT_RESET", VFIO_DEVICE_PCI_HOT_RESET },
	{ "VFIO_DEVICE_FEATURE", VFIO_DEVICE_FEATURE },
	{ "VFIO_DEVICE_ATTACH_IOMMUFD_PT", UAPI_DEVICE_ATTACH },
	{ "VFIO_DEVICE_DETACH_IOMMUFD_PT", UAPI_DEVICE_DETACH },
	/* /dev/iommu */
	{ "IOMMU_DESTROY", UAPI_IOMMU_DESTROY },
	{ "IOMMU_IOAS_ALLOC", UAPI_IOAS_ALLOC },
	{ "IOMMU_IOAS_COPY", UAPI_IOAS_COPY },
	{ "IOMMU_IOAS_IOVA_RANGES", UAPI_IOAS_RANGES },
	{ "IOMMU_IOAS_UNMAP", UAPI_IOAS_UNMAP },
	{ "IOMMU_HWPT_ALLOC", UAPI_HWPT_ALLOC },
	{ "IOMMU_GET_HW_INFO", UAPI_HW_INFO },
	{ "IOMMU_IOAS_MAP_FILE", UAPI_IOAS_MAP_FILE },
	/* /dev/vfio/vfio */
	{ "VFIO_IOMMU_GET_INFO", VFIO_IOMMU_GET_INFO },
	{ "VFIO_IOMMU_MAP_DMA", VFIO_IOMMU_MAP_DMA },
	{ "VFIO_IOMMU_UNMAP_DMA", VFIO_IOMMU_UNMAP_DMA },
	/* a socket: what a client has sent and nobody has read */
	{ "SIOCINQ", SIOCINQ },
};

static const struct filter_request reopen_requests[] = {
	{ "VFIO_DEVICE_BIND_IOMMUFD", UAPI_DEVICE_BIND },
	{ "VFIO_GROUP_GET_DEVICE_FD", VFIO_GROUP_GET_DEVICE_FD },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int filter_named(const char *name, enum filter *filter)
{
	for (unsigned int i = 0; i < NUM_FILTERS; i++) {
		if (strcmp(name, filter_names[i]) == 0) {
			*filter = (enum filter)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* What filter_call() goes through. */
static const struct {
	const char *const *names;
	const struct filter_case *cases;
	size_t count;
} lists[] = {
	{ .names = calls, .count = COUNT(calls) },   { .cases = cases, .count = COUNT(cases) },
	{ .names = own, .count = COUNT(own) },       { .names = parent, .count = COUNT(parent) },
	{ .names = reopen, .count = COUNT(reopen) }, { .cases = reopen_cases, .count = COUNT(reopen_cases) },
};

const char *filter_call(unsigned int i)
{
	for (size_t list = 0; list < COUNT(lists); list++) {
		if (i < lists[list].count)
			return lists[list].names != NULL ? lists[list].names[i] : lists[list].cases[i].call;
		i -= (unsigned int)lists[list].count;
	}
	return i == 0 ? "ioctl" : NULL;
}

const char *filter_request(unsigned int i)
{
	if (i < COUNT(requests))
		return requests[i].name;
	i -= (unsigned int)COUNT(requests);
	return i < COUNT(reopen_requests) ? reopen_requests[i].name : NULL;
}

/* A call that this library does not know by name is none that this program makes. */
static int filter_allow(scmp_filter_ctx context, const char *call, unsigned int n, const struct scmp_arg_cmp *compare)
{
	int number = seccomp_syscall_resolve_name(call);

	return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, n, compare);
}

static int filter_names_all(scmp_filter_ctx context, const char *const *names, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = filter_allow(context, names[i], 0, NULL);
	return r;
}

static int filter_compare(scmp_filter_ctx context, const char *call, unsigned int argument, uint64_t mask,
			  uint64_t value)
{
	const struct scmp_arg_cmp compare = SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value);

	return filter_allow(context, call, 1, &compare);
}

static int filter_cases(scmp_filter_ctx context, const struct filter_case *c, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = filter_compare(context, c[i].call, c[i].argument, c[i].mask, c[i].value);
	return r;
}

static int filter_requests(scmp_filter_ctx context, const struct filter_request *request, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = filter_compare(context, "ioctl", 1, WORD, request[i].number);
	return r;
}

/* Only what command.c sends, and only there. */
static int filter_child(scmp_filter_ctx context, pid_t child)
{
	int r = filter_compare(context, parent[0], 0, WORD, (uint32_t)child);

	if (r == 0)
		r = filter_compare(context, parent[0], 0, WORD, (uint32_t)-child);
	return r == 0 ? filter_names_all(context, parent + 1, COUNT(parent) - 1) : r;
}

static int filter_reopen(scmp_filter_ctx context)
{
	int r = filter_names_all(context, reopen, COUNT(reopen));

	if (r == 0)
		r = filter_cases(context, reopen_cases, COUNT(reopen_cases));
	return r == 0 ? filter_requests(context, reopen_requests, COUNT(reopen_requests)) : r;
}

static int filter_fill(scmp_filter_ctx context, const struct filter_needs *needs)
{
	int r = filter_names_all(context, calls, COUNT(calls));

	if (r == 0)
		r = filter_cases(context, cases, COUNT(cases));
	for (size_t i = 0; i < COUNT(own) && r == 0; i++)
		r = filter_compare(context, own[i], 0, WORD, (uint32_t)getpid());
	if (r == 0)
		r = filter_requests(context, requests, COUNT(requests));
	if (r == 0 && needs->child > 0)
		r = filter_child(context, needs->child);
	if (r == 0 && needs->reopen)
		r = filter_reopen(context);
	/* Its flags are in memory; told that there is no such call, the C library takes clone(). */
	return r == 0 ? seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) : r;
}

int filter_install(enum filter filter, const struct filter_needs *needs, const struct pcg_log *log)
{
	uint32_t action = filter == FILTER_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
	scmp_filter_ctx context;
	int r;

	if (filter == FILTER_NONE)
		return 0;
	context = seccomp_init(action);
	r = context == NULL ? -ENOTSUP : 0;
	if (r == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, action);
	if (r == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_CTL_TSYNC, 1);
	/* What the kernel says, not that it said no. */
	if (r == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (r == 0)
		r = filter_fill(context, needs);
	if (r == 0)
		r = seccomp_load(context);
	seccomp_release(context);
	if (r != 0)
		base_log(
			log, PCG_ERROR,
			"--seccomp %s: no filter of system calls: %s; where the kernel has none, --seccomp none serves without",
			filter_names[filter], strerror(-r));
	return r;
}
