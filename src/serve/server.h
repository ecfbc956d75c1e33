/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server: functions, each behind a socket of its own, in one thread.
 */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include <pcigate/log.h>
#include <pcigate/view.h>

struct serve_server;
struct sockets_access;

/*
 * struct serve_options - what the operator decides
 * @timeout: milliseconds after which a request fails that the function does not end
 * @dma_timeout: milliseconds that a client has for each message about its memory
 * @view: profile and policies
 * @trace: file for every access to configuration space, or NULL
 * @several: more than one function is coming: notes say which they are about
 * @trust_client: clients may map what cannot be taken back from them
 * @humble: threads of functions give up their capabilities: the program stays the user that it is
 * @access: who may connect to the sockets of functions, or NULL: by umask; the control socket is the starter's alone
 * @control: where to listen for `pcigate inspect live:`, or NULL
 */
struct serve_options {
	unsigned int timeout;
	unsigned int dma_timeout;
	struct pcg_view_options view;
	const char *trace;
	const char *control;
	const struct sockets_access *access;
	bool trust_client;
	bool humble;
	bool several;
};

#define SERVE_TIMEOUT     4000u /* below the 5 s that QEMU waits */
#define SERVE_DMA_TIMEOUT 5000u

/* The texts of @options must outlive the server. Return: 0 or a negative errno after a note. */
int serve_server_create(struct serve_server **server, const struct serve_options *options, const struct pcg_log *log);
void serve_server_destroy(struct serve_server *server); /* removes the sockets it made; NULL is allowed */

/*
 * Add a function.
 * @func: what pcg_host_create() takes
 * @path: where to listen, a socket of ours; NULL: @fd is the socket
 * @fd: a listening or a connected socket, ours from now on; with a connected one the server ends when its client does
 * Return: 0 or a negative errno after a note.
 */
int serve_server_add(struct serve_server *server, const char *func, const char *path, int fd);

/* End when this child of ours ends, with its status. */
void serve_server_follow(struct serve_server *server, pid_t child);
pid_t serve_server_child(const struct serve_server *server); /* 0 when it has ended */

#define SERVE_CANNOT 3 /* a function cannot be opened, and there is no other */

/* Until SIGTERM, SIGINT, the end of the child or of a connected socket. Return: what to exit with. */
int serve_server_run(struct serve_server *server);

#endif
