/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter of system calls, in a child that tries them; and that the manual says what it allows. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/vfio.h>

#include <cmocka.h>

#include "cli/filter.h"

#define REFUSED 99 /* the filter could not be installed */

static pid_t somebody; /* who is not the child */

static void nothing(void)
{
}

/* How a child ends that does @what under the filter: its exit status, or minus the signal. */
static int confined_with(enum filter filter, const struct filter_needs *needs, void (*what)(void))
{
	int status;
	pid_t pid;

	somebody = getpid();
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter_install(filter, needs, NULL) != 0)
			_exit(REFUSED);
		what();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int confined(enum filter filter, void (*what)(void))
{
	static const struct filter_needs none;

	return confined_with(filter, &none, what);
}

/* An emulator of another processor, or a container, may have no filters; sanitizers do not work under one. */
static bool there_are_filters(void)
{
	return FILTER_DEFAULT != FILTER_NONE && confined(FILTER_KILL, nothing) != REFUSED;
}

/* --- what a hostile client would like --- */

static void do_execve(void)
{
	static char *const arguments[] = { "true", NULL };

	execve("/bin/true", arguments, NULL);
}

static void do_ptrace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void do_internet(void)
{
	if (socket(AF_INET, SOCK_STREAM, 0) < 0)
		_exit(errno);
}

static void do_open(void)
{
	if (open("/dev/null", O_WRONLY) < 0)
		_exit(errno);
}

static void do_open_again(void)
{
	if (open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
		_exit(errno);
}

static void do_create(void)
{
	open("/dev/null", O_RDWR | O_CLOEXEC | O_CREAT, 0600);
}

static void do_fork(void)
{
	if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
		_exit(0);
}

static void do_kill(void)
{
	kill(somebody, 0);
}

static void do_raise_limit(void)
{
	struct rlimit limit = { 16, 16 };

	setrlimit(RLIMIT_NOFILE, &limit);
}

#ifndef __s390x__ /* there its arguments are in memory */
static void do_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
#endif

static void do_protect(void)
{
	static char page[8192];

	mprotect((void *)(((uintptr_t)page + 4095) & ~(uintptr_t)4095), 4096, PROT_READ | PROT_EXEC);
}

static void do_terminal(void)
{
	ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static void do_bind_function(void)
{
	ioctl(STDIN_FILENO, VFIO_GROUP_GET_DEVICE_FD, "0000:00:00.0");
}

static void do_look_into_parent(void)
{
	syscall(SYS_process_vm_readv, somebody, NULL, 0, NULL, 0, 0);
}

static void do_root(void)
{
	syscall(SYS_setresuid, 0, 0, 0);
}

static const struct {
	const char *name;
	void (*what)(void);
} harms[] = {
	{ "execve", do_execve },
	{ "ptrace", do_ptrace },
	{ "socket(AF_INET)", do_internet },
	{ "open for writing", do_open },
	{ "open again", do_open_again },
	{ "fork", do_fork },
	{ "kill", do_kill },
	{ "setrlimit", do_raise_limit },
#ifndef __s390x__
	{ "mmap(PROT_EXEC)", do_code },
#endif
	{ "mprotect(PROT_EXEC)", do_protect },
	{ "ioctl(TIOCSTI)", do_terminal },
	{ "ioctl(VFIO_GROUP_GET_DEVICE_FD)", do_bind_function },
	{ "process_vm_readv of the parent", do_look_into_parent },
	{ "setresuid", do_root },
};

static void what_no_server_does_ends_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		int end = confined(FILTER_KILL, harms[i].what);

		if (end != -SIGSYS)
			fail_msg("%s: the child ended with %d", harms[i].name, end);
	}
}

static void with_log_it_is_done(void **state)
{
	(void)state;
	assert_int_equal(confined(FILTER_LOG, do_open), 0);
	assert_int_equal(confined(FILTER_LOG, do_internet), 0);
	assert_int_equal(confined(FILTER_LOG, do_kill), 0);
}

/* --- what a server does --- */

static void *add_one(void *arg)
{
	++*(int *)arg;
	return NULL;
}

static void do_thread(void)
{
	pthread_t thread;
	int n = 0;

	if (pthread_create(&thread, NULL, add_one, &n) != 0 || pthread_join(thread, NULL) != 0 || n != 1)
		_exit(1);
}

static void do_serve(void)
{
	struct rlimit limit;
	int memory = memfd_create("confined", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	void *page;

	if (memory < 0 || fd < 0 || ftruncate(memory, 4096) != 0 || fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
		_exit(1);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (page == MAP_FAILED || eventfd(0, EFD_CLOEXEC) < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		_exit(2);
	if (ioctl(memory, VFIO_DEVICE_RESET) != -1 || errno != ENOTTY)
		_exit(3);
}

static void a_server_works(void **state)
{
	(void)state;
	assert_int_equal(confined(FILTER_KILL, do_serve), 0);
	assert_int_equal(confined(FILTER_KILL, do_thread), 0);
}

static void without_one_everything_is_allowed(void **state)
{
	const struct filter_needs none = { 0 };

	(void)state;
	assert_int_equal(filter_install(FILTER_NONE, &none, NULL), 0);
	assert_int_equal(confined(FILTER_NONE, do_open), 0);
}

static void the_command_alone_may_be_killed(void **state)
{
	const struct filter_needs parent = { .child = getpid() }, other = { .child = 1 };

	(void)state;
	assert_int_equal(confined_with(FILTER_KILL, &parent, do_kill), 0);
	assert_int_equal(confined_with(FILTER_KILL, &other, do_kill), -SIGSYS);
}

static void a_function_may_be_opened_again_where_that_is_needed(void **state)
{
	const struct filter_needs needs = { .reopen = true };

	(void)state;
	assert_int_equal(confined_with(FILTER_KILL, &needs, do_open_again), 0);
	assert_int_equal(confined_with(FILTER_KILL, &needs, do_open), -SIGSYS);
	assert_int_equal(confined_with(FILTER_KILL, &needs, do_create), -SIGSYS);
}

/* --- threads --- */

static int go[2];

static void *wait_and_open(void *arg)
{
	char byte;

	(void)arg;
	if (read(go[0], &byte, 1) == 1)
		do_open();
	return NULL;
}

static void threads_that_ran_before_are_under_it_too(void **state)
{
	const struct filter_needs none = { 0 };
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, wait_and_open, NULL) != 0 ||
		    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || filter_install(FILTER_KILL, &none, NULL) != 0)
			_exit(REFUSED);
		if (write(go[1], "", 1) == 1)
			pthread_join(thread, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(go[0]);
	close(go[1]);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* --- names --- */

static void filters_have_names(void **state)
{
	enum filter filter;

	(void)state;
	for (unsigned int i = 0; i < NUM_FILTERS; i++) {
		assert_int_equal(filter_named(filter_names[i], &filter), 0);
		assert_int_equal(filter, i);
	}
	assert_int_equal(filter_named("", &filter), -EINVAL);
	assert_int_equal(filter_named("killed", &filter), -EINVAL);
}

/* As a word: "open" is not in "openat". */
static bool says(const char *text, const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *at = text;

	while ((at = strstr(at, word)) != NULL) {
		const char *end = at + strlen(word);

		if (at != text && strchr(letters, at[-1]) == NULL && (*end == '\0' || strchr(letters, *end) == NULL))
			return true;
		at = end;
	}
	return false;
}

static void the_manual_names_all_that_is_allowed(void **state)
{
	static char manual[65536];
	FILE *file = fopen(MANUAL, "re");
	const char *text;
	const char *name;

	(void)state;
	assert_non_null(file);
	assert_true(fread(manual, 1, sizeof(manual) - 1, file) > 0);
	fclose(file);
	text = strstr(manual, ".Ss System calls");
	assert_non_null(text);
	for (unsigned int i = 0; (name = filter_call(i)) != NULL; i++) {
		if (!says(text, name))
			fail_msg("%s does not name %s()", MANUAL, name);
	}
	for (unsigned int i = 0; (name = filter_request(i)) != NULL; i++) {
		if (!says(text, name))
			fail_msg("%s does not name %s", MANUAL, name);
	}
}

/* A test that cmocka skips is "not ok" to those who read its TAP: what cannot run is left out, and said. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_one_everything_is_allowed),
		cmocka_unit_test(filters_have_names),
		cmocka_unit_test(the_manual_names_all_that_is_allowed),
		cmocka_unit_test(what_no_server_does_ends_it),
		cmocka_unit_test(with_log_it_is_done),
		cmocka_unit_test(a_server_works),
		cmocka_unit_test(the_command_alone_may_be_killed),
		cmocka_unit_test(a_function_may_be_opened_again_where_that_is_needed),
		cmocka_unit_test(threads_that_ran_before_are_under_it_too),
	};
	const struct CMUnitTest anywhere[] = { tests[0], tests[1], tests[2] };

	if (there_are_filters())
		return cmocka_run_group_tests(tests, NULL, NULL);
	fputs("# no system call filters here (instrumented, emulated or in a container): 6 tests left out\n", stderr);
	return cmocka_run_group_tests(anywhere, NULL, NULL);
}
