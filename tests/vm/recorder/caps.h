/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the registers are that a recording has to know of. */
#ifndef RECORDER_CAPS_H
#define RECORDER_CAPS_H

#include <stddef.h>
#include <stdint.h>

#define CAP_PM   0x01
#define CAP_VPD  0x03
#define CAP_MSI  0x05
#define CAP_EXP  0x10
#define CAP_MSIX 0x11
#define CAP_AF   0x13
#define ECAP_AER 0x01

/* Offset of the first capability with that id, 0: none. */
size_t cap_find(const uint8_t *config, uint8_t id);
size_t ecap_find(const uint8_t *config, size_t size, uint16_t id);

#endif
