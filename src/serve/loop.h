/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One thread's event loop. Our own, because what a message costs is measured and a general one brings more calls than
 * the three that a message needs (epoll_wait, recvmsg, sendmsg): no epoll_ctl and no clock per message, deadlines
 * looked at only while one is armed.
 */
#ifndef SERVE_LOOP_H
#define SERVE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The structure that @member of type @type is part of. */
#define serve_container(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct serve_loop;

/* A descriptor; @ready gets EPOLL bits. The owner keeps it until serve_unwatch(). */
struct serve_watch {
	void (*ready)(struct serve_watch *watch, uint32_t events);
	int fd;
	uint32_t events;
	bool added;
};

/* A deadline. It is disarmed before @due is called. */
struct serve_timer {
	void (*due)(struct serve_timer *timer);
	int64_t deadline; /* nanoseconds of CLOCK_MONOTONIC */
	bool armed;
	struct serve_timer *next;
	struct serve_timer *previous;
};

/* Work that takes turns with messages: each turn is one call of @turn. Returns whether it wants another one. */
struct serve_task {
	bool (*turn)(struct serve_task *task);
	bool queued;
	struct serve_task *next;
	struct serve_task *previous;
};

/* Called when the loop is about to sleep. */
struct serve_idle {
	void (*sleep)(struct serve_idle *idle);
	struct serve_idle *next;
};

#define SERVE_LOOP_EVENTS 64

struct serve_loop {
	int epoll;
	bool stop;
	int batch; /* how many of @events are still to be looked at: [at, batch) */
	int at;
	struct epoll_event events[SERVE_LOOP_EVENTS];
	struct serve_timer timers; /* heads of rings */
	struct serve_task tasks;
	struct serve_idle *idle;
};

int serve_loop_init(struct serve_loop *loop);
void serve_loop_finish(struct serve_loop *loop);
void serve_loop_run(struct serve_loop *loop); /* until serve_loop_stop() */
void serve_loop_stop(struct serve_loop *loop);

int serve_watch(struct serve_loop *loop, struct serve_watch *watch, uint32_t events); /* also changes @events */
int serve_watch_again(struct serve_loop *loop, struct serve_watch *watch); /* by edge: as if all there is were new */
void serve_unwatch(struct serve_loop *loop, struct serve_watch *watch);    /* before its fd is closed */

int64_t serve_now(void);
void serve_timer_arm(struct serve_loop *loop, struct serve_timer *timer, int64_t milliseconds);
void serve_timer_disarm(struct serve_timer *timer);

void serve_task_queue(struct serve_loop *loop, struct serve_task *task); /* queued twice is queued once */
void serve_task_drop(struct serve_task *task);

void serve_idle_add(struct serve_loop *loop, struct serve_idle *idle);
void serve_idle_remove(struct serve_loop *loop, struct serve_idle *idle);

#endif
