/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port's registers hold at power-on. */
#ifndef HOST_FABRIC_PORT_CONFIG_H
#define HOST_FABRIC_PORT_CONFIG_H

#include "host/fabric/fabric.h"

/** fabric_port_config() - @config: PCG_CONFIG_EXTENDED bytes of zeros */
void fabric_port_config(uint8_t *config, enum fabric_port_kind kind, uint16_t devfn,
			const struct fabric_port_options *options);

#endif
