/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pasid SOCKET: two address spaces for one function, told apart by PASID. sim:endpoint-test reads through each of them,
 * is stopped where one allows too little, and asks for a page that is not there yet. Takes a server with
 * --policy pasid=on; with ats=on and pri=on as well, pages can be asked for.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pcigate/client_pasid.h>

#define PAGE UINT64_C(4096)

/* docs/endpoint-test.md */
enum {
	REG_COMMAND = 0x04,
	REG_STATUS = 0x08,
	REG_SRC_ADDR = 0x0c,
	REG_SIZE = 0x1c,
	REG_CHECKSUM = 0x20,
	REG_PASID = 0x40,
	REG_REQUEST_FLAGS = 0x44,
	COMMAND_READ = 8,
	READ_DONE = 3, /* the bits of success and failure */
	READ_SUCCESS = 1,
	REQUEST_TRANSLATE = 4,
	REQUEST_PAGES = 8,
};

#define PASID_PRESENT 0x80000000u

/* PCIe 6.0, 7.8.9.3, 10.5.1.3, 10.5.2: where controls stand in their capabilities. */
enum {
	PASID_CONTROL = 6,
	ATS_CONTROL = 6,
	ATS_ENABLE = 0x8000,
	PRI_CONTROL = 4,
	PRI_ALLOCATION = 12,
};

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	fprintf(stderr, "%s\n", note->text);
}

/* A driver's part: enable bits, in the capabilities that are there now. */
static int turn_on(struct pcg_client *client, bool pages)
{
	struct pcg_cap cap;
	int r = pcg_client_find(client, PCG_ECAP_PASID, true, &cap);

	if (r == 0)
		r = pcg_client_config_write16(client, (uint16_t)(cap.offset + PASID_CONTROL), 1);
	if (r == 0 && pages)
		r = pcg_client_find(client, PCG_ECAP_ATS, true, &cap);
	if (r == 0 && pages)
		r = pcg_client_config_write16(client, (uint16_t)(cap.offset + ATS_CONTROL), ATS_ENABLE);
	if (r == 0 && pages)
		r = pcg_client_find(client, PCG_ECAP_PRI, true, &cap);
	if (r == 0 && pages)
		r = pcg_client_config_write32(client, (uint16_t)(cap.offset + PRI_ALLOCATION), 8);
	if (r == 0 && pages)
		r = pcg_client_config_write16(client, (uint16_t)(cap.offset + PRI_CONTROL), 1);
	if (r == 0)
		r = pcg_client_config_update16(client, PCG_COMMAND, 0, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	return r;
}

/* Have a page read at @iova of a PASID. */
static int begin(struct pcg_client *client, uint32_t pasid, uint64_t iova, uint32_t flags)
{
	const struct {
		uint64_t at;
		uint32_t value;
	} writes[] = {
		{ REG_STATUS, 0 },
		{ REG_SRC_ADDR, (uint32_t)iova },
		{ REG_SRC_ADDR + 4, (uint32_t)(iova >> 32) },
		{ REG_SIZE, (uint32_t)PAGE },
		{ REG_PASID, PASID_PRESENT | pasid },
		{ REG_REQUEST_FLAGS, flags },
		{ REG_COMMAND, COMMAND_READ },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(writes) / sizeof(writes[0]); i++)
		r = pcg_client_write32(client, PCG_REGION_BAR0, writes[i].at, writes[i].value);
	return r;
}

/* The function says of what it read only whether the checksum was as expected: crc32_le(~0, ...) as zlib counts. */
static uint32_t checksum(const uint8_t *data, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
	}
	return crc;
}

static int finished(struct pcg_client *client, bool *good)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint32_t status = 0;
	int r = 0;

	for (int i = 0; r == 0 && i < 5000 && (status & READ_DONE) == 0; i++) {
		nanosleep(&pause, NULL);
		r = pcg_client_read32(client, PCG_REGION_BAR0, REG_STATUS, &status);
	}
	*good = (status & READ_SUCCESS) != 0;
	return r == 0 && (status & READ_DONE) == 0 ? -ETIMEDOUT : r;
}

static int expect(struct pcg_client *client, const uint8_t *page)
{
	return pcg_client_write32(client, PCG_REGION_BAR0, REG_CHECKSUM, checksum(page, PAGE));
}

/* The same address means another page by each PASID. */
static int both(struct pcg_client *client, const struct pcg_client_buffer *buffer)
{
	for (uint32_t pasid = 1; pasid <= 2; pasid++) {
		bool good = false;
		int r = expect(client, (const uint8_t *)buffer->address + (pasid - 1) * PAGE);

		if (r == 0)
			r = begin(client, pasid, 0x10000, 0);
		if (r == 0)
			r = finished(client, &good);
		if (r != 0)
			return r;
		printf("PASID %" PRIu32 ": %s\n", pasid, good ? "read its own page" : "failed");
	}
	return 0;
}

static int blocked(struct pcg_client *client)
{
	struct pcg_feature_fault fault;
	uint32_t count = 0;
	bool good = false;
	int r = begin(client, 3, 0x10000, 0);

	if (r == 0)
		r = finished(client, &good);
	if (r == 0)
		r = pcg_client_event_wait(client, 5000);
	if (r == 0)
		r = pcg_client_faults(client, &fault, 1, &count);
	if (r != 0 || count == 0)
		return r != 0 ? r : -EIO;
	printf("PASID %" PRIu32 ": %s, reason %u at 0x%" PRIx64 "\n", fault.pasid, good ? "read" : "blocked",
	       fault.reason, fault.address);
	return 0;
}

/* Space 1 gets the page when it is asked for. */
static int paged(struct pcg_client *client, uint32_t space, const struct pcg_client_buffer *buffer)
{
	struct pcg_feature_page_request request;
	struct pcg_feature_page_response response;
	uint32_t count = 0;
	bool good = false;
	int r = expect(client, buffer->address);

	if (r == 0)
		r = begin(client, 1, 0x20000, REQUEST_TRANSLATE | REQUEST_PAGES);
	while (r == 0 && count == 0) {
		r = pcg_client_event_wait(client, 5000);
		if (r == 0)
			r = pcg_client_page_requests(client, &request, 1, &count);
	}
	if (r == 0)
		r = pcg_client_space_map(client, space, request.address, PAGE, buffer->iova,
					 PCG_SPACE_READ | PCG_SPACE_USER);
	response = (struct pcg_feature_page_response){ .group = request.group,
						       .pasid = request.pasid,
						       .flags = PCG_FEATURE_REQUEST_PASID,
						       .code = PCG_PAGE_SUCCESS };
	if (r == 0)
		r = pcg_client_page_respond(client, &response, 1, NULL);
	if (r == 0)
		r = finished(client, &good);
	if (r == 0)
		printf("page 0x%" PRIx64 " asked for by PASID %" PRIu32 ": %s\n", request.address, request.pasid,
		       good ? "given and read" : "failed");
	return r;
}

/* Two spaces with a page each at the same address. */
static int spaces(struct pcg_client *client, const struct pcg_client_buffer *buffer, uint32_t space[2])
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < 2; i++) {
		memset((uint8_t *)buffer->address + i * PAGE, 'a' + (int)i, PAGE);
		r = pcg_client_space_create(client, &space[i]);
		if (r == 0)
			r = pcg_client_space_map(client, space[i], 0x10000, PAGE, buffer->iova + i * PAGE,
						 PCG_SPACE_READ | PCG_SPACE_USER);
		if (r == 0)
			r = pcg_client_pasid_attach(client, i + 1, space[i]);
	}
	return r;
}

static int run(struct pcg_client *client, struct pcg_client_buffer *buffer)
{
	struct pcg_feature_pasid offer;
	uint32_t space[2] = { 0, 0 };
	bool pages;
	int r = pcg_client_pasid_offer(client, &offer);

	if (r != 0)
		return r;
	if (offer.can_width == 0) {
		fprintf(stderr, "no PASIDs: %s\n", offer.reason);
		return -EOPNOTSUPP;
	}
	pages = (offer.can & PCG_FEATURE_PASID_PAGE_REQUESTS) != 0;
	/* Before the capabilities are looked for: what nobody drives is not shown. */
	r = pcg_client_pasid(client, offer.can_width, offer.can);
	if (r == 0)
		r = pcg_client_buffer_init(client, 0x100000, 2 * PAGE, buffer);
	if (r == 0)
		r = pcg_client_event_enable(client, -1);
	/* It is signalled for what there was before: nothing. */
	if (r == 0)
		r = pcg_client_event_wait(client, 5000);
	if (r == 0)
		r = turn_on(client, pages);
	if (r == 0)
		r = spaces(client, buffer, space);
	if (r == 0)
		r = both(client, buffer);
	if (r == 0)
		r = blocked(client);
	if (r == 0 && pages)
		r = paged(client, space[0], buffer);
	return r;
}

int main(int argc, char **argv)
{
	const struct pcg_log log = { .write = say };
	struct pcg_client_buffer buffer = { 0 };
	struct pcg_client *client;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
		return 2;
	}
	if (pcg_client_create(&client, argv[1], 0, &log) != 0)
		return 1;
	r = run(client, &buffer);
	pcg_client_buffer_finish(client, &buffer);
	pcg_client_destroy(client);
	if (r != 0)
		fprintf(stderr, "%s\n", strerror(-r));
	return r == 0 ? 0 : 1;
}
