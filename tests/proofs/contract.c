/* SPDX-License-Identifier: BSD-3-Clause */
/* What the short path (fast.c here) takes for granted of the contract. */
#include "proof.h"

/* clang-format off: sources, in the order in which they need one another */
#include "function/backdoor.c"
#include "function/contract.c"
/* clang-format on */

extern struct pcg_function function;
extern struct pcg_host host;

/* A write that sets nothing off is written to the function, and is nothing else but a look at what interrupts do. */
void the_contract_of_no_effects_is_a_plain_write(void)
{
	const step_fn *steps;

	function.host = &host;
	ASSUME(function.write.effects == 0);
	steps = contract_for_write(&function);
	PROVE(steps[0] == config_host_write && steps[1] == irqs_follow && steps[2] == NULL);
}
