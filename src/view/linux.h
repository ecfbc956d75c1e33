/* SPDX-License-Identifier: BSD-3-Clause */
/* The profile `linux`: its accesses, for the function room. */
#ifndef VIEW_LINUX_H
#define VIEW_LINUX_H

#include "policy/linux.h"
#include "view/state.h"

/* What a write of one chunk sets off. */
enum linux_act {
	LINUX_ACT_NONE,
	LINUX_ACT_COMMAND, /* from COMMAND's first byte */
	LINUX_ACT_INTX,    /* COMMAND's second byte alone */
	LINUX_ACT_BAR,
	LINUX_ACT_POWER,
	LINUX_ACT_VPD,
	LINUX_ACT_MSI,
	LINUX_ACT_EXPRESS,
	LINUX_ACT_AF,
};

/**
 * struct linux_plan - what an access of one chunk means; masks are those of the dword it stands in
 * @read_shadow: bits that read from the shadow
 * @write_shadow: bits that a write changes there
 * @write_host: bits that it changes in hardware
 * @at: where the chunk starts
 * @start: where its owner starts
 * @width: its bytes: 1, 2, 4
 */
struct linux_plan {
	uint32_t read_shadow;
	uint32_t write_shadow;
	uint32_t write_host;
	uint16_t at;
	uint16_t start;
	uint8_t width;
	enum linux_act act;
};

/** linux_plan() - decide an access of @width bytes at @at, which is aligned and inside one owner */
void linux_plan(const struct pcg_view *view, unsigned int at, unsigned int width, struct linux_plan *plan);

/** linux_chunk() - the bytes of the chunk that starts at @at, of an access with @left bytes to go */
unsigned int linux_chunk(const struct pcg_view *view, unsigned int at, size_t left);

/** linux_bars() - put the virtual BARs in order, if a write has left them otherwise */
void linux_bars(struct pcg_view *view);

/** linux_before_read() - what a read of a special dword does to the shadow first */
void linux_before_read(struct pcg_view *view, unsigned int at, unsigned int width);

/** linux_read() - what a guest reads in a special dword */
uint32_t linux_read(const struct pcg_view *view, const struct linux_plan *plan, uint32_t host);

/* The shadow by bytes. What lies outside of configuration space reads 0 and is not written. */
uint8_t linux_get8(const struct pcg_view *view, unsigned int at);
uint16_t linux_get16(const struct pcg_view *view, unsigned int at);
void linux_put8(struct pcg_view *view, unsigned int at, uint8_t value);
void linux_put16(struct pcg_view *view, unsigned int at, uint16_t value);

/** linux_msi_flags() - MSI's flags word as it is written to hardware, and kept; @start: where its owner starts */
uint16_t linux_msi_flags(struct pcg_view *view, unsigned int start);

/** linux_compile() - build the image; view->layout, ->profile and ->options are in place */
int linux_compile(struct pcg_view *view, const struct pcg_host_info *info, const uint8_t *config,
		  const struct pcg_log *log);

#endif
