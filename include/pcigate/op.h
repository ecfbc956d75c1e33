/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_OP_H
#define PCIGATE_OP_H

/**
 * DOC: operations that may finish later
 *
 * Whatever touches a function may take its time: an FLR 100 ms, a kernel's reset a minute, a remote function for
 * ever. Every such call takes a struct pcg_op of the caller's and returns
 *
 *  * PCG_DONE: finished, results are in place, @done will not be called;
 *  * PCG_PENDING: @done will be called once, later, never from inside the call that returned this;
 *  * a negative errno: it failed, @done will not be called.
 *
 * The op and every buffer given with it stay valid until then, or until the operation was cancelled.
 */

#ifdef __cplusplus
extern "C" {
#endif

enum {
	PCG_DONE = 0,
	PCG_PENDING = 1,
};

/**
 * struct pcg_op - one operation under way; the caller owns it
 * @done: called at the end of a pending operation with 0 or a negative errno, in the thread that runs the loop
 * @next: for whoever carries the operation out, while it is pending
 */
struct pcg_op {
	void (*done)(struct pcg_op *op, int result);
	struct pcg_op *next;
};

#ifdef __cplusplus
}
#endif
#endif
