/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A socket to look through: what the functions of a running server are and what their configuration space holds, as the
 * guest sees it or as the function has it. Nothing of what a client has can be changed here but by commands that only
 * the backend knows: a simulated fabric's faults. Whoever runs the server can connect, nobody else. A client sends one
 * line of at most 639 bytes, and reads the answer:
 *
 *   list
 *   config N guest|host
 *   control N COMMAND             a command of the backend that function N is of, as `pcigate ctl` has them:
 * docs/faults.md
 *
 * The answer is lines of text, numbers in hexadecimal without 0x, and then end of stream:
 *
 *   function N FUNC               one each with `list`, the one asked for with `config`
 *   socket PATH                   where it listens; left out for a socket that was handed in
 *   state ready|serving|…
 *   bar N KIND SIZE [prefetchable]   KIND: io mem32 mem64; left out for a BAR that is not there
 *   rom SIZE
 *   profile NAME, policy …, pasid …, enforced …, facts …, quirk …  by which rules it is shown: serve/control_rules.h
 *   config SIZE                   with `config`; then SIZE/16 lines as `lspci -xxxx` has them
 *   000: 86 80 …
 *   answer TEXT                   with `control`: what the backend says, line by line, of an error as well; 64 KiB at
 * most ok                            or instead of anything missing: error ERRNO TEXT
 */
#ifndef SERVE_CONTROL_H
#define SERVE_CONTROL_H

#include "serve/slot.h"

struct serve_control;

int serve_control_create(struct serve_control **control, const char *path, struct serve_loop *loop,
			 struct serve_slot *const *slots, const struct pcg_log *log);
void serve_control_destroy(struct serve_control *control); /* NULL is allowed */

/* The function is idle, or its reader must go now (@give_up). */
void serve_control_idle(struct serve_slot *slot);
void serve_control_give_up(struct serve_slot *slot);
void serve_control_forget(struct serve_slot *slot); /* the function goes: nor do those wait that have not begun */

#endif
