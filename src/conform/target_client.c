/* SPDX-License-Identifier: BSD-3-Clause */
/* A function that a vfio-user server serves, ours or another's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "conform/target.h"
#include "vfio-user/client.h"

#define PATIENCE 10 /* s for one answer */
#define HELLO    "{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576}}"

struct remote {
	struct target target;
	struct client client;
	size_t most;
};

static struct remote *of(struct target *target)
{
	return (struct remote *)target;
}

/* What comes after an answer that was lost answers something else. */
static int remote_ended(struct remote *remote, int r)
{
	if (r == -EAGAIN || r == -EWOULDBLOCK)
		r = -ETIMEDOUT;
	if (r == -ETIMEDOUT || r == -EPROTO || r == -ENOTCONN || r == -EPIPE || r == -ECONNRESET)
		remote->target.lost = true;
	return r;
}

static int remote_access(struct target *target, bool write, unsigned int region, uint64_t offset, void *data,
			 size_t length)
{
	struct remote *remote = of(target);
	struct client *client = &remote->client;

	if (remote->target.lost)
		return -ENOTCONN;
	if (length > remote->most)
		return -E2BIG;
	return remote_ended(remote, write ? client_write(client, region, offset, data, (uint32_t)length)
					  : client_read(client, region, offset, data, (uint32_t)length));
}

static int remote_reset(struct target *target)
{
	struct remote *remote = of(target);

	return remote->target.lost ? -ENOTCONN : remote_ended(remote, client_reset(&remote->client));
}

static void remote_destroy(struct target *target)
{
	client_close(&of(target)->client);
	free(target);
}

static const struct target_ops remote_ops = { remote_access, remote_reset, remote_destroy };

static int remote_regions(struct remote *remote)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_REGIONS; i++) {
		struct wire_region_info info;
		int fd, r = client_region_info(&remote->client, i, &info, &fd);

		if (fd >= 0)
			close(fd);
		/* VGA need not be there, in whatever words a server says so; configuration space must. */
		if (r != 0 && i > PCG_REGION_CONFIG && remote_ended(remote, r) != 0 && !remote->target.lost)
			continue;
		if (r != 0)
			return r;
		remote->target.region_size[i] = info.size;
	}
	return 0;
}

static int remote_hello(struct remote *remote)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct version version;
	struct wire_info info;
	uint64_t size;
	int r;

	if (setsockopt(remote->client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	r = client_version(&remote->client, HELLO, &version);
	if (r == 0)
		r = client_info(&remote->client, &info);
	if (r == 0)
		r = remote_regions(remote);
	if (r != 0)
		return r == -EAGAIN ? -ETIMEDOUT : r;
	remote->most = version.max_data_xfer_size < 65536 ? (size_t)version.max_data_xfer_size : 65536;
	remote->target.has_reset = (info.flags & WIRE_INFO_RESET) != 0;
	size = remote->target.region_size[PCG_REGION_CONFIG];
	if (size < PCG_CONFIG_CONVENTIONAL)
		return -EPROTO;
	remote->target.config_size = size < PCG_CONFIG_EXTENDED ? PCG_CONFIG_CONVENTIONAL : PCG_CONFIG_EXTENDED;
	return 0;
}

int target_open_client(struct target **target, const char *path, const struct pcg_log *log)
{
	struct remote *remote = calloc(1, sizeof(*remote));
	int r;

	if (remote == NULL)
		return -ENOMEM;
	r = client_connect(&remote->client, path);
	if (r != 0) {
		free(remote);
		base_log(log, PCG_ERROR, "vfio-user:%s: %s; is a server listening there?", path, strerror(-r));
		return r;
	}
	remote->target.ops = &remote_ops;
	remote->target.memory_preset = true; /* nobody says that it is not a VF */
	/* PCIe 6.0, 6.6.2: 100 ms after an FLR; a server may answer the write before they are over. */
	remote->target.settle_ms = 100;
	r = remote_hello(remote);
	if (r != 0) {
		base_log(log, PCG_ERROR, "vfio-user:%s: the server does not offer a PCI function: %s", path,
			 strerror(-r));
		remote_destroy(&remote->target);
		return r;
	}
	*target = &remote->target;
	return 0;
}
