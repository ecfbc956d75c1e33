/* SPDX-License-Identifier: BSD-3-Clause */
/* What the function is: its regions, what of them can be mapped; and its reset. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfio-user/client.h"

/* The longest region info that is asked for: room for all areas, and for capabilities that we do not know. */
#define REGION_INFO_MAX 8192u
#define CAP_HEADER      8u
#define CAPS_MAX        32 /* the most capabilities that are looked at, so that a chain ends */

int pcg_client_info(struct pcg_client *client, struct pcg_client_info *info)
{
	struct wire_info wire = { .argsz = WIRE_INFO_SIZE };
	uint8_t head[WIRE_INFO_SIZE];
	struct client_call call = {
		.command = WIRE_GET_INFO, .head = head, .head_size = sizeof(head), .least = WIRE_INFO_SIZE
	};
	int r;

	memset(info, 0, sizeof(*info));
	wire_info_write(&wire, head);
	r = client_call(client, &call);
	if (r != 0)
		return r;
	wire_info_read(&wire, call.reply);
	info->regions = wire.regions;
	info->irqs = wire.irqs;
	info->pci = (wire.flags & WIRE_INFO_PCI) != 0;
	info->reset = (wire.flags & WIRE_INFO_RESET) != 0;
	return 0;
}

int pcg_client_reset(struct pcg_client *client)
{
	struct client_call call = { .command = WIRE_RESET };

	return client_call(client, &call);
}

/* --- region info --- */

/* The areas of a sparse mmap capability whose payload is @p[0..size). */
static int region_areas(struct pcg_client *client, const struct client_call *call, struct pcg_client_region *region,
			const uint8_t *p, size_t size)
{
	const size_t head = WIRE_SPARSE_HEADER - CAP_HEADER;
	uint32_t n;

	if (size < head || (size - head) / WIRE_SPARSE_AREA < (n = wire_get32(p)))
		return client_complain(client, call, -EPROTO, "its list of areas is cut off");
	if (n > PCG_CLIENT_MAX_AREAS)
		return client_complain(client, call, -E2BIG, "%u areas, at most %u are told apart", n,
				       PCG_CLIENT_MAX_AREAS);
	p += head;
	for (uint32_t i = 0; i < n; i++, p += WIRE_SPARSE_AREA) {
		uint64_t offset = wire_get64(p), length = wire_get64(p + 8);

		if (length == 0 || offset > region->size || length > region->size - offset)
			return client_complain(client, call, -EPROTO, "area %u is not inside the region", i);
		region->areas[i].offset = offset;
		region->areas[i].size = length;
	}
	region->nareas = n;
	return 0;
}

/* linux/vfio.h, struct vfio_info_cap_header: id, version, offset of the next from the start of the info, 0 at the end.
 */
static int region_caps(struct pcg_client *client, const struct client_call *call, struct pcg_client_region *region,
		       uint32_t at)
{
	for (int i = 0; at != 0; i++) {
		const uint8_t *cap = call->reply + at;
		int r;

		if (i == CAPS_MAX || at < WIRE_REGION_INFO_SIZE || at > call->reply_size - CAP_HEADER)
			return client_complain(client, call, -EPROTO, "its capabilities do not end, or not inside it");
		if (wire_get16(cap) == WIRE_CAP_SPARSE_MMAP) {
			r = region_areas(client, call, region, cap + CAP_HEADER, call->reply_size - at - CAP_HEADER);
			if (r != 0)
				return r;
		}
		at = wire_get32(cap + 4);
	}
	return 0;
}

static int region_read(struct pcg_client *client, const struct client_call *call, struct pcg_client_region *region)
{
	struct wire_region_info info;
	int r = 0;

	wire_region_info_read(&info, call->reply);
	if (info.index != region->index)
		return client_complain(client, call, -EPROTO, "the answer is about region %u", info.index);
	region->flags = info.flags & (PCG_REGION_READ | PCG_REGION_WRITE | PCG_REGION_MMAP);
	region->size = info.size;
	region->offset = info.offset;
	if ((info.flags & PCG_REGION_MMAP) == 0 || info.size == 0 || client->nfds == 0)
		return 0;
	region->areas[0].size = info.size;
	region->nareas = 1;
	if ((info.flags & WIRE_REGION_CAPS) != 0)
		r = region_caps(client, call, region, info.cap_offset);
	if (r == 0 && client->nfds > 1 && client->nfds != region->nareas)
		r = client_complain(client, call, -EPROTO, "%u descriptors for %u areas", client->nfds, region->nareas);
	if (r != 0)
		return r;
	region->nfds = client->nfds;
	memcpy(region->fds, client->fds, client->nfds * sizeof(client->fds[0]));
	client->nfds = 0;
	return 0;
}

int pcg_client_region_init(struct pcg_client *client, uint32_t index, struct pcg_client_region *region)
{
	struct wire_region_info info = { .argsz = WIRE_REGION_INFO_SIZE, .index = index };
	uint8_t head[WIRE_REGION_INFO_SIZE];
	struct client_call call = { .command = WIRE_GET_REGION_INFO,
				    .head = head,
				    .head_size = sizeof(head),
				    .index = index,
				    .least = WIRE_REGION_INFO_SIZE,
				    .room = PCG_CLIENT_MAX_FDS };
	uint32_t argsz;
	int r;

	memset(region, 0, sizeof(*region));
	region->index = index;
	/* Once more when there is more to say than fits. */
	for (int i = 0; i < 2; i++) {
		argsz = info.argsz;
		wire_region_info_write(&info, head);
		r = client_call(client, &call);
		if (r != 0)
			return r;
		info.argsz = wire_get32(call.reply);
		if (info.argsz <= argsz)
			break;
		if (info.argsz > REGION_INFO_MAX || i == 1)
			return client_complain(client, &call, -EPROTO, "%u bytes of information are wanted for it",
					       info.argsz);
		client_drop_fds(client);
	}
	r = region_read(client, &call, region);
	client_drop_fds(client);
	return r;
}

void pcg_client_region_finish(struct pcg_client_region *region)
{
	while (region->nfds > 0)
		close(region->fds[--region->nfds]);
	region->nareas = 0;
}

/* --- mapping --- */

/* The descriptor of the area that holds the piece, or -1. */
static int region_fd(const struct pcg_client_region *region, uint64_t offset, uint64_t length)
{
	for (unsigned int i = 0; i < region->nareas && region->nfds > 0; i++)
		if (offset >= region->areas[i].offset && length <= region->areas[i].size &&
		    offset - region->areas[i].offset <= region->areas[i].size - length)
			return region->fds[region->nfds > 1 ? i : 0];
	return -1;
}

int pcg_client_region_map(struct pcg_client *client, const struct pcg_client_region *region, uint64_t offset,
			  size_t length, void **address)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = region->offset + offset;
	int prot = ((region->flags & PCG_REGION_READ) != 0 ? PROT_READ : 0) |
		   ((region->flags & PCG_REGION_WRITE) != 0 ? PROT_WRITE : 0);
	int fd = region_fd(region, offset, length);
	struct stat stat;
	void *p;

	*address = NULL;
	if (length == 0 || offset % page != 0) {
		client_note(client, PCG_ERROR, "region %u: a map has to start at a multiple of %llu and have a length",
			    region->index, (unsigned long long)page);
		return -EINVAL;
	}
	if (fd < 0) {
		client_note(client, PCG_ERROR, "region %u: 0x%zx bytes at 0x%llx cannot be mapped; read and write them",
			    region->index, length, (unsigned long long)offset);
		return -EOPNOTSUPP;
	}
	/* Past the end of a file is SIGBUS, not an error; a device has no such end. */
	if (start < offset || start > INT64_MAX - length ||
	    (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && start + length > (uint64_t)stat.st_size)) {
		client_note(client, PCG_ERROR, "region %u: the server's file ends before the region does",
			    region->index);
		return -EPROTO;
	}
	p = mmap(NULL, length, prot, MAP_SHARED, fd, (off_t)start);
	if (p == MAP_FAILED) {
		int r = -errno;

		client_note(client, PCG_ERROR, "region %u: mmap: %s", region->index, strerror(-r));
		return r;
	}
	*address = p;
	return 0;
}
