/* SPDX-License-Identifier: BSD-3-Clause */
/* A transfer that a function makes of its own accord, wherever it leads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/sim/control.h"
#include "host/sim/pool.h"

#define SHOWN 16u

/** struct wish - what the words say */
struct wish {
	bool write;
	uint64_t address;
	uint64_t length;
	struct tlp_pasid pasid;
};

static bool is_way(const char *word)
{
	return strcmp(word, "read") == 0 || strcmp(word, "write") == 0;
}

static int take_prefix(struct sim_control *control, struct control_words *words, struct tlp_pasid *pasid)
{
	const char *word;
	uint64_t value;

	while ((word = control_take(words)) != NULL) {
		if (strncmp(word, "pasid=", 6) == 0) {
			if (control_number(control, word + 6, 0xfffff, &value) != 0)
				return -EINVAL;
			pasid->present = true;
			pasid->value = (uint32_t)value;
		} else if (strcmp(word, "exec") == 0) {
			pasid->execute = true;
		} else if (strcmp(word, "priv") == 0) {
			pasid->privileged = true;
		} else {
			control_say(control, "\"%.40s\" is none of pasid=N, exec and priv", word);
			return -EINVAL;
		}
	}
	if ((pasid->execute || pasid->privileged) && !pasid->present) {
		control_say(control, "exec and priv travel with a PASID (PCIe 6.0, 6.20.2): pasid=N");
		return -EINVAL;
	}
	return 0;
}

static int take_wish(struct sim_control *control, struct control_words *words, struct wish *wish)
{
	const char *way = control_take(words);
	int r;

	if (way == NULL || !is_way(way)) {
		control_say(control, "it reads or writes");
		return -EINVAL;
	}
	wish->write = strcmp(way, "write") == 0;
	r = control_number(control, control_take(words), UINT64_MAX, &wish->address);
	if (r == 0)
		r = control_number(control, control_take(words), SIM_TRANSFER_MOST, &wish->length);
	if (r == 0 && wish->length == 0) {
		control_say(control, "a length of 0 moves nothing");
		r = -EINVAL;
	}
	return r == 0 ? take_prefix(control, words, &wish->pasid) : r;
}

static void tell(struct sim_control *control, const struct fabric_dma *dma, const uint8_t *data, int r)
{
	char bytes[3 * SHOWN + 1] = "";
	size_t shown = dma->moved < SHOWN ? dma->moved : SHOWN;

	for (size_t i = 0; data != NULL && i < shown; i++)
		snprintf(bytes + 3 * i, 4, " %02x", data[i]);
	if (r == -EACCES)
		control_say(control, "not sent: bus mastering is off, or it is not in D0");
	else if (r == PCG_PENDING)
		control_say(control, "sent; the client is asked for its memory, and the log says how it ends");
	else if (r == -EBUSY)
		control_say(control, "%u of them wait for clients' memory already", SIM_TRANSFERS);
	else
		control_say(control, "%s: %zu of %zu bytes%s%s", sim_transfer_status(dma->status), dma->moved,
			    dma->length, bytes[0] != '\0' ? ":" : "", bytes);
}

int control_dma(struct sim_control *control, struct control_words *words)
{
	struct fabric_function *f = control_function(control, words, is_way);
	struct wish wish = { .write = false };
	struct fabric_dma dma;
	uint8_t *data;
	int r;

	if (f == NULL)
		return -ENODEV;
	r = take_wish(control, words, &wish);
	if (r != 0)
		return r;
	dma = (struct fabric_dma){
		.f = f, .write = wish.write, .pasid = wish.pasid, .address = wish.address, .length = wish.length
	};
	r = sim_transfer_begin(control->transfers, &dma, &data,
			       control->shared != NULL ? &control->shared->log : control->log);
	if (r != -EINVAL && r != -ENOMEM)
		tell(control, &dma, data, r);
	free(data);
	/* That it is refused is what it is done for. */
	return r == -EINVAL || r == -ENOMEM || r == -EBUSY ? r : 0;
}
