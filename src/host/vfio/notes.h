/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operator is told, in the loop's thread. */
#ifndef HOST_VFIO_NOTES_H
#define HOST_VFIO_NOTES_H

#include "host/vfio/internal.h"

void vfio_note_job(struct vfio *v, int result); /* the job under way failed */
void vfio_note_attach(struct vfio *v, int result);

/* Memory without a file: once a client. */
void vfio_note_without_file(struct vfio *v, const struct pcg_dma_range *range);

/* Bus mastering goes on: is there anything that the function can reach? */
void vfio_note_master(struct vfio *v, uint16_t command);

void vfio_note_forget(struct vfio *v); /* the client is gone */

#endif
