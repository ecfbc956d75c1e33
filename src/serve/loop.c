/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "serve/loop.h"

#define NANOSECONDS 1000000000
#define MILLION     1000000

int64_t serve_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NANOSECONDS + t.tv_nsec;
}

int serve_loop_init(struct serve_loop *loop)
{
	memset(loop, 0, sizeof(*loop));
	loop->timers.next = loop->timers.previous = &loop->timers;
	loop->tasks.next = loop->tasks.previous = &loop->tasks;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll < 0 ? -errno : 0;
}

void serve_loop_finish(struct serve_loop *loop)
{
	if (loop->epoll >= 0)
		close(loop->epoll);
	loop->epoll = -1;
}

int serve_watch(struct serve_loop *loop, struct serve_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->added && watch->events == events)
		return 0;
	if (epoll_ctl(loop->epoll, watch->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &event) != 0)
		return -errno;
	watch->added = true;
	watch->events = events;
	return 0;
}

int serve_watch_again(struct serve_loop *loop, struct serve_watch *watch)
{
	struct epoll_event event = { .events = watch->events, .data.ptr = watch };

	return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) == 0 ? 0 : -errno;
}

void serve_unwatch(struct serve_loop *loop, struct serve_watch *watch)
{
	if (!watch->added)
		return;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->added = false;
	/* It may be among those that are ready now. */
	for (int i = loop->at; i < loop->batch; i++) {
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
	}
}

void serve_timer_arm(struct serve_loop *loop, struct serve_timer *timer, int64_t milliseconds)
{
	serve_timer_disarm(timer);
	timer->deadline = serve_now() + milliseconds * MILLION;
	timer->armed = true;
	timer->next = &loop->timers;
	timer->previous = loop->timers.previous;
	timer->previous->next = timer;
	timer->next->previous = timer;
}

void serve_timer_disarm(struct serve_timer *timer)
{
	if (!timer->armed)
		return;
	timer->armed = false;
	timer->previous->next = timer->next;
	timer->next->previous = timer->previous;
}

void serve_task_queue(struct serve_loop *loop, struct serve_task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	task->next = &loop->tasks;
	task->previous = loop->tasks.previous;
	task->previous->next = task;
	task->next->previous = task;
}

void serve_task_drop(struct serve_task *task)
{
	if (!task->queued)
		return;
	task->queued = false;
	task->previous->next = task->next;
	task->next->previous = task->previous;
}

void serve_idle_add(struct serve_loop *loop, struct serve_idle *idle)
{
	idle->next = loop->idle;
	loop->idle = idle;
}

void serve_idle_remove(struct serve_loop *loop, struct serve_idle *idle)
{
	for (struct serve_idle **p = &loop->idle; *p != NULL; p = &(*p)->next) {
		if (*p == idle) {
			*p = idle->next;
			return;
		}
	}
}

/* How long the loop may sleep, in milliseconds, rounded up so that a deadline is over when it wakes. */
static int serve_loop_timeout(const struct serve_loop *loop)
{
	const struct serve_timer *t = loop->timers.next;
	int64_t first, left;

	if (loop->tasks.next != &loop->tasks)
		return 0;
	if (t == &loop->timers)
		return -1;
	for (first = t->deadline; t != &loop->timers; t = t->next) {
		if (t->deadline < first)
			first = t->deadline;
	}
	left = first - serve_now();
	if (left <= 0)
		return 0;
	left = (left + MILLION - 1) / MILLION;
	return left > INT_MAX ? INT_MAX : (int)left;
}

static void serve_loop_timers(struct serve_loop *loop)
{
	int64_t now = serve_now();
	struct serve_timer *t = loop->timers.next;

	/* What is due may arm and disarm others: begin anew after each. Those armed now are not due yet. */
	while (t != &loop->timers && !loop->stop) {
		if (t->deadline > now) {
			t = t->next;
			continue;
		}
		serve_timer_disarm(t);
		t->due(t);
		t = loop->timers.next;
	}
}

static void serve_loop_tasks(struct serve_loop *loop)
{
	struct serve_task turn;

	/* One turn each: those queued meanwhile come after the next look at the descriptors. */
	turn.next = loop->tasks.next;
	turn.previous = loop->tasks.previous;
	turn.next->previous = &turn;
	turn.previous->next = &turn;
	loop->tasks.next = loop->tasks.previous = &loop->tasks;
	while (turn.next != &turn) {
		struct serve_task *t = turn.next;

		serve_task_drop(t);
		if (t->turn(t))
			serve_task_queue(loop, t);
	}
}

void serve_loop_run(struct serve_loop *loop)
{
	while (!loop->stop) {
		int timeout = serve_loop_timeout(loop);

		if (timeout != 0) {
			for (struct serve_idle *i = loop->idle; i != NULL; i = i->next)
				i->sleep(i);
		}
		loop->batch = epoll_wait(loop->epoll, loop->events, SERVE_LOOP_EVENTS, timeout);
		for (loop->at = 0; loop->at < loop->batch && !loop->stop;) {
			struct epoll_event *event = &loop->events[loop->at++];
			struct serve_watch *watch = event->data.ptr;

			if (watch != NULL)
				watch->ready(watch, event->events);
		}
		loop->batch = 0;
		if (loop->timers.next != &loop->timers)
			serve_loop_timers(loop);
		if (loop->tasks.next != &loop->tasks)
			serve_loop_tasks(loop);
	}
}

void serve_loop_stop(struct serve_loop *loop)
{
	loop->stop = true;
}
