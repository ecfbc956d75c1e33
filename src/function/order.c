/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "function/internal.h"

/* Run the steps until the operation ends or has to wait. */
int order_run(struct pcg_function *f)
{
	for (;;) {
		step_fn step = *f->steps;
		int ret;

		if (step == NULL) {
			if (f->depth == 0)
				return PCG_DONE;
			f->steps = f->outer[--f->depth];
			f->index = 0;
			continue;
		}
		f->steps++;
		ret = step(f);
		f->waiting = ret == PCG_PENDING;
		if (ret != PCG_DONE)
			return ret;
	}
}

int order_start(struct pcg_function *f, const step_fn *steps)
{
	f->steps = steps;
	f->depth = 0;
	f->index = 0;
	return order_run(f);
}

/* Run other steps before those that remain. Nesting is a property of our tables, never of input. */
void order_push(struct pcg_function *f, const step_fn *steps)
{
	if (f->depth < MAX_NESTING)
		f->outer[f->depth++] = f->steps;
	f->steps = steps;
	f->index = 0;
}

/* The step under way runs once more. */
int order_again(struct pcg_function *f)
{
	f->steps--;
	return PCG_DONE;
}

/* Forget the operation under way; the backend is told if it still works on it. */
void order_drop(struct pcg_function *f)
{
	if (f->waiting)
		f->host->ops->cancel(f->host, &f->op);
	f->waiting = false;
	f->forgiving = false;
	f->request = NULL;
}
