/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function that a vfio-user server serves, ours or another's. Another's may know less than ours, or lie: whatever it
 * does, each call ends, and so does the run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pcigate/client_pasid.h>

#include "base/log.h"
#include "conform/target.h"
#include "vfio-user/client.h"

#define PATIENCE 10000  /* ms for one answer */
#define BUDGET   300000 /* ms for all of them: a server that needs longer is as good as silent */
#define MOST     65536u

/*
 * struct remote - one connection
 * @log: hears what is wrong with the beginning; @begun: refusals from now on are what is looked for
 * @most: the longest access that the server takes
 * @left: of the budget, in ms
 */
struct remote {
	struct target target;
	struct pcg_client *client;
	const struct pcg_log *log;
	bool begun;
	size_t most;
	int64_t left;
};

static struct remote *of(struct target *target)
{
	return (struct remote *)target;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An ERROR that the server replies is an answer; only what ends the connection loses the function. */
static int remote_ended(struct remote *remote, int64_t began, int r)
{
	remote->left -= now_ms() - began;
	if (r == 0 && remote->left <= 0)
		r = -ETIMEDOUT;
	if (pcg_client_dead(remote->client) != 0 || remote->left <= 0)
		remote->target.lost = true;
	return r;
}

/* What the library refuses to send; here the server's answer is what is asked for. */
static int remote_wrap(struct pcg_client *client, unsigned int region, uint64_t offset, size_t length)
{
	const struct wire_access access = { .offset = offset, .region = region, .count = (uint32_t)length };
	uint8_t head[WIRE_ACCESS_SIZE];
	struct client_call call = { .command = WIRE_REGION_READ,
				    .head = head,
				    .head_size = sizeof(head),
				    .index = region,
				    .address = offset,
				    .count = length };

	wire_access_write(&access, head);
	return client_call(client, &call);
}

static int remote_access(struct target *target, bool write, unsigned int region, uint64_t offset, void *data,
			 size_t length)
{
	struct remote *remote = of(target);
	int64_t began = now_ms();

	if (remote->target.lost)
		return -ENOTCONN;
	if (length > remote->most)
		return -E2BIG;
	if (!write && length > 0 && offset > UINT64_MAX - (length - 1))
		return remote_ended(remote, began, remote_wrap(remote->client, region, offset, length));
	return remote_ended(remote, began,
			    write ? pcg_client_write(remote->client, region, offset, data, length)
				  : pcg_client_read(remote->client, region, offset, data, length));
}

static int remote_reset(struct target *target)
{
	struct remote *remote = of(target);
	int64_t began = now_ms();

	return remote->target.lost ? -ENOTCONN : remote_ended(remote, began, pcg_client_reset(remote->client));
}

static void remote_destroy(struct target *target)
{
	pcg_client_destroy(of(target)->client);
	free(target);
}

static const struct target_ops remote_ops = { remote_access, remote_reset, remote_destroy };

/* A region that cannot be read is as good as none; only configuration space has to be there. */
static int remote_regions(struct remote *remote, uint32_t nregions)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_REGIONS && i < nregions; i++) {
		struct pcg_client_region region;
		int r = pcg_client_region_init(remote->client, i, &region);

		if (pcg_client_dead(remote->client) != 0)
			return r;
		if (r != 0)
			continue;
		if (region.flags & PCG_REGION_READ || i == PCG_REGION_CONFIG)
			remote->target.region_size[i] = region.size;
		pcg_client_region_finish(&region);
	}
	return 0;
}

/* NULL, or what is wrong; *@r is negative then. */
static const char *remote_hello(struct remote *remote, int *r)
{
	struct target *target = &remote->target;
	uint64_t most = pcg_client_limits(remote->client)->max_data_xfer_size;
	struct pcg_client_info info;
	uint64_t size;

	*r = -EPROTO;
	if (most < 4)
		return "the server takes less than four bytes at once (max_data_xfer_size)";
	*r = pcg_client_info(remote->client, &info);
	if (*r != 0)
		return "no answer to DEVICE_GET_INFO that could be used";
	*r = -ENODEV;
	if (!info.pci)
		return "DEVICE_GET_INFO says that this is no PCI function";
	*r = remote_regions(remote, info.regions);
	if (*r != 0)
		return "no answer to DEVICE_GET_REGION_INFO that could be used";
	remote->most = most < MOST ? (size_t)most : MOST;
	target->has_reset = info.reset;
	size = target->region_size[PCG_REGION_CONFIG];
	*r = size < PCG_CONFIG_CONVENTIONAL ? -ENODEV : 0;
	if (*r != 0)
		return "region 7 has less than 256 bytes: no configuration space";
	target->config_size = size < PCG_CONFIG_EXTENDED ? PCG_CONFIG_CONVENTIONAL : PCG_CONFIG_EXTENDED;
	return NULL;
}

/* As much of it as the server offers is shown then. */
static int remote_speak(struct remote *remote, const struct pcg_pasid_wish *wish)
{
	uint32_t flags = (wish->execute ? PCG_FEATURE_PASID_EXECUTE : 0) |
			 (wish->privileged ? PCG_FEATURE_PASID_PRIVILEGED : 0) |
			 (wish->ats ? PCG_FEATURE_PASID_ATS : 0) |
			 (wish->page_requests ? PCG_FEATURE_PASID_PAGE_REQUESTS : 0);

	return wish->width == 0 ? 0 : pcg_client_pasid(remote->client, wish->width, flags);
}

static void remote_note(void *arg, const struct pcg_note *note)
{
	const struct remote *remote = arg;

	if (!remote->begun && remote->log != NULL && remote->log->write != NULL)
		remote->log->write(remote->log->arg, note);
}

static int remote_open(struct target **target, const char *path, const struct pcg_view_options *view,
		       const struct pcg_log *log)
{
	struct remote *remote = calloc(1, sizeof(*remote));
	const struct pcg_log notes = { .write = remote_note, .arg = remote };
	const char *wrong;
	int r;

	if (remote == NULL)
		return -ENOMEM;
	remote->log = log;
	r = pcg_client_create(&remote->client, path, PATIENCE, &notes);
	if (r != 0) {
		free(remote);
		return r;
	}
	remote->begun = true;
	remote->left = BUDGET;
	remote->target.ops = &remote_ops;
	remote->target.memory_preset = true; /* nobody says that it is not a VF */
	/* PCIe 6.0, 6.6.2: 100 ms after an FLR; a server may answer the write before they are over. */
	remote->target.settle_ms = 100;
	/* It counts before anything is mapped. */
	r = remote_speak(remote, &view->spoken);
	wrong = r != 0 ? "--pasid: the server offers no PASIDs" : remote_hello(remote, &r);
	if (wrong != NULL) {
		base_log(log, PCG_ERROR, "vfio-user:%s: %s: %s", path, wrong, strerror(-r));
		remote_destroy(&remote->target);
		return r;
	}
	*target = &remote->target;
	return 0;
}

const struct target_kind target_client = {
	.prefix = "vfio-user:",
	.help = "vfio-user:SOCKET of any server",
	.profile = "raw",
	.open = remote_open,
};
