/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients that send any bytes, cut anywhere, with descriptors of any kind anywhere in between, one after the other to
 * servers with a simulated function each: ending a server costs more than all that a client can ask of it. Whatever one
 * did, it is hung up on when it has said all, the next one must be answered, and no descriptor may stay behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sanitizer/lsan_interface.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "serve/server.h"
#include "vfio-user/version.h"
#include "vfio-user/wire.h"

#define QUIET 2 /* milliseconds without an answer: there will be none */
/* Milliseconds after which a server that takes nothing, or does not hang up, has stopped, however busy the machine. */
#define STALLS 10000
#define EVERY  256 /* runs, and then descriptors are counted, and leaks are looked for */
#define LOANS  8   /* times that descriptors go along in one run */
#define MOST   253 /* descriptors that Linux lets go along at once (SCM_MAX_FD) */

/* The input's first byte. */
#define HOW_AGREE  1u /* on a version, first */
#define HOW_CUT    2u /* into pieces */
#define HOW_FUNC   4u /* which function */
#define HOW_LOANS  8u
#define HOW_LENGTH 4 /* the pieces', in the bits from here on; all of them: it waits for answers before it hangs up */

static struct sockaddr_un address[2] = { { .sun_family = AF_UNIX }, { .sun_family = AF_UNIX } };
static socklen_t address_length[2] = { sizeof(address[0]), sizeof(address[1]) };
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* --- what goes along --- */

enum kind {
	MEMFD,
	SMALL_MEMFD,
	READ_ONLY,
	EVENTFD,
	FULL_EVENTFD,
	SOCKET,
	PIPE_OUT,
	PIPE_IN,
	DEVICE,
	FOLDER,
	KINDS
};

static int kinds[KINDS];

static void make_kinds(void)
{
	int ends[2], pair[2];
	char path[64];

	HOLDS(pipe2(ends, O_CLOEXEC) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	kinds[MEMFD] = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	kinds[SMALL_MEMFD] = memfd_create("fuzz", MFD_CLOEXEC);
	HOLDS(ftruncate(kinds[MEMFD], 1 << 20) == 0 && ftruncate(kinds[SMALL_MEMFD], 100) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", kinds[MEMFD]);
	kinds[READ_ONLY] = open(path, O_RDONLY | O_CLOEXEC);
	kinds[EVENTFD] = eventfd(0, EFD_CLOEXEC);
	/* One more makes a writer wait. */
	kinds[FULL_EVENTFD] = eventfd(0, EFD_CLOEXEC);
	HOLDS(eventfd_write(kinds[FULL_EVENTFD], UINT64_MAX - 1) == 0);
	kinds[SOCKET] = pair[0];
	kinds[PIPE_OUT] = ends[0];
	kinds[PIPE_IN] = ends[1];
	kinds[DEVICE] = open("/dev/null", O_RDWR | O_CLOEXEC);
	kinds[FOLDER] = open("/", O_PATH | O_CLOEXEC);
}

struct loan {
	size_t at;          /* in the bytes that are said */
	unsigned int count; /* 0: it has gone */
	int fds[MOST];
};

struct speech {
	const uint8_t *data;
	size_t size;
	size_t said;
	size_t cut; /* bytes at once */
	struct loan loans[LOANS];
	unsigned int nloans;
};

/* Where message number @n begins, as long as the sizes say. */
static size_t start_of(const struct speech *s, unsigned int n)
{
	size_t at = 0;

	while (n-- > 0 && s->size - at >= WIRE_HEADER) {
		uint32_t size = pcg_get32(s->data + at + 4);

		if (size < WIRE_HEADER || size > s->size - at)
			break;
		at += size;
	}
	return at;
}

/* Four bytes each: with which message, how far into it, how many, of which kinds. */
static void take_loans(struct speech *s, struct input *input)
{
	const uint8_t *script = input->at;
	unsigned int n, i;

	if (input->left < 1)
		return;
	n = take8(input) % (LOANS + 1);
	for (i = 0; i < n && input->left >= 4; i++)
		take32(input);
	s->nloans = i;
	s->data = input->at;
	s->size = input->left;
	for (n = 0; n < s->nloans; n++) {
		struct input one = { script + 1 + 4 * n, 4 };
		struct loan *loan = &s->loans[n];
		unsigned int kind;

		loan->at = start_of(s, take8(&one)) + take8(&one);
		loan->count = 1u + take8(&one) % MOST;
		kind = take8(&one);
		/* The upper half of the byte makes neighbours differ. */
		for (i = 0; i < loan->count; i++)
			loan->fds[i] = kinds[((kind & 15) + i * (kind >> 4)) % KINDS];
	}
}

/* --- the servers --- */

static void *run(void *server)
{
	serve_server_run(server);
	return NULL;
}

static void start(void)
{
	/* Functions that can be driven by PASID, where a client says so; two VFs of one PF. */
	static const char *const funcs[] = { "sim:endpoint-test,flr=0,vfs=2,pasid=20:exec:priv,ats=on,pri=4,vf=0",
					     "sim:endpoint-test,flr=0,vfs=2,pasid=20:exec:priv,ats=on,pri=4,vf=1" };
	static const struct pcg_log quiet;
	static struct serve_options options = { .timeout = 1000, .dma_timeout = 20, .several = true };
	static struct serve_server *server;
	pthread_t thread;
	sigset_t mask;
	unsigned int i;

	make_kinds();
	options.view.profile = pcg_profile_find("guarded");
	options.view.pasid.pasid.shown = PCG_SHOWN_SPOKEN;
	options.view.pasid.ats.shown = PCG_SHOWN_SPOKEN;
	options.view.pasid.pri.shown = PCG_SHOWN_SPOKEN;
	HOLDS(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
	HOLDS(serve_server_create(&server, &options, &quiet) == 0);
	for (i = 0; i < 2; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		/* Without a name of ours the kernel gives it one, and no file. */
		HOLDS(fd >= 0 && bind(fd, (struct sockaddr *)&address[i], sizeof(sa_family_t)) == 0);
		HOLDS(listen(fd, 16) == 0);
		HOLDS(getsockname(fd, (struct sockaddr *)&address[i], &address_length[i]) == 0);
		HOLDS(serve_server_add(server, funcs[i], NULL, fd) == 0);
	}
	HOLDS(pthread_create(&thread, NULL, run, server) == 0);
	/* The server has blocked the signals that the fuzzer ends by. */
	HOLDS(pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0);
}

/* --- a client --- */

/* The piece that is said next. Return: the descriptors that go along, or NULL. */
static struct loan *next_piece(struct speech *s, size_t *size)
{
	struct loan *along = NULL;
	unsigned int i;

	*size = s->size - s->said < s->cut ? s->size - s->said : s->cut;
	for (i = 0; i < s->nloans; i++) {
		struct loan *loan = &s->loans[i];

		if (loan->count == 0)
			continue;
		if (loan->at <= s->said)
			along = loan;
		else if (loan->at - s->said < *size)
			*size = loan->at - s->said;
	}
	return along;
}

static void say_piece(int fd, struct speech *s)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST * sizeof(int))];
	} control = { .bytes = "" };
	struct iovec iov;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct loan *along = next_piece(s, &iov.iov_len);
	ssize_t sent;

	iov.iov_base = (void *)(uintptr_t)(s->data + s->said);
	if (along != NULL) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(along->count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), along->fds, along->count * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(along->count * sizeof(int));
	}
	sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent > 0)
		s->said += (size_t)sent;
	/* Too many are on their way already: this one goes without. */
	if (along != NULL && (sent > 0 || errno != EAGAIN))
		along->count = 0;
}

/* libFuzzer's own alarm interrupts. */
static int wait_for(struct pollfd *wait, int milliseconds)
{
	int n;

	do {
		n = poll(wait, 1, milliseconds);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* A version to agree on, as one piece. */
static void greet(int fd)
{
	struct wire_header header = { .command = WIRE_VERSION };
	uint8_t hello[256];

	header.size = (uint32_t)(WIRE_HEADER + version_write(hello + WIRE_HEADER, sizeof(hello) - WIRE_HEADER));
	wire_header_write(&header, hello);
	HOLDS(send(fd, hello, header.size, MSG_NOSIGNAL) == (ssize_t)header.size);
}

/*
 * Say all of it while taking the answers; then, perhaps, wait whether more of them come, and be hung up on. Nothing
 * is waited for before: to change between two threads takes longer than what they do.
 * Return: how many bytes were answered.
 */
static size_t say(int fd, struct speech *s, bool lingers)
{
	static uint8_t answers[65536];
	bool ended = false;
	size_t got = 0;

	for (;;) {
		bool more = s->said < s->size;
		struct pollfd wait = { .fd = fd, .events = (short)(POLLIN | (more ? POLLOUT : 0)) };
		ssize_t n;

		if (!more && !lingers && !ended) {
			shutdown(fd, SHUT_WR);
			ended = true;
		}
		n = wait_for(&wait, !more && lingers ? QUIET : STALLS);
		HOLDS(n == 1 || (!more && lingers));
		if (n != 1)
			lingers = false;
		if (wait.revents & (POLLIN | POLLERR | POLLHUP)) {
			n = recv(fd, answers, sizeof(answers), MSG_DONTWAIT);
			if (n <= 0)
				return got;
			got += (size_t)n;
		}
		if (wait.revents & POLLOUT)
			say_piece(fd, s);
	}
}

static int join(unsigned int which)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	HOLDS(fd >= 0 && connect(fd, (struct sockaddr *)&address[which], address_length[which]) == 0);
	return fd;
}

/* A client that agrees on a version, and stays. */
static int stay(unsigned int which)
{
	int fd = join(which);
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint8_t hello[256];

	greet(fd);
	HOLDS(wait_for(&wait, STALLS) == 1);
	HOLDS(recv(fd, hello, sizeof(hello), 0) > WIRE_HEADER);
	return fd;
}

/* --- nothing stays behind --- */

/* All but the pipes of others: a sanitizer talks with its symbolizer over such. */
static unsigned int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	struct stat ours, st;
	unsigned int n = 0;

	HOLDS(folder != NULL && fstat(kinds[PIPE_IN], &ours) == 0);
	while ((entry = readdir(folder)) != NULL)
		if (fstat(atoi(entry->d_name), &st) == 0)
			n += !S_ISFIFO(st.st_mode) || st.st_ino == ours.st_ino;
	closedir(folder);
	return n;
}

/* With nobody but two well-behaved clients there. What is closed aside may take its time. */
static void look_what_stays(void)
{
	static unsigned int first;
	int one = stay(0), other = stay(1), tries;

	if (first == 0)
		first = open_descriptors();
	for (tries = 0; open_descriptors() != first; tries++) {
		HOLDS(tries < STALLS);
		poll(NULL, 0, 1);
	}
	/* By ourselves: libFuzzer would look after each run, since a server frees what one client left with the next.
	 */
	HOLDS(__lsan_do_recoverable_leak_check() == 0);
	close(one);
	close(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct speech speech;
	static unsigned int runs;
	struct input input = { data, size };
	unsigned int how = take8(&input);
	size_t got;
	int fd;

	HOLDS(pthread_once(&once, start) == 0);
	if (runs++ % EVERY == 0)
		look_what_stays();
	memset(&speech, 0, sizeof(speech));
	if (how & HOW_LOANS)
		take_loans(&speech, &input);
	speech.data = input.at;
	speech.size = input.left;
	speech.cut = how & HOW_CUT ? 1u + (how >> HOW_LENGTH) * 5u : 65536;
	fd = join(how & HOW_FUNC ? 1 : 0);
	if (how & HOW_AGREE)
		greet(fd);
	got = say(fd, &speech, how >> HOW_LENGTH == 15);
	/* The server is alive, and through with the client before. */
	HOLDS(!(how & HOW_AGREE) || got > WIRE_HEADER);
	close(fd);
	return 0;
}
