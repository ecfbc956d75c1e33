/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "host/options.h"
#include "host/remote/remote.h"
#include "host/remote/settings.h"

enum {
	OPTION_VF,
	OPTION_ID,
	OPTION_MEMORY_BIT,
	OPTION_SESSION,
};

static const char *const names[] = {
	[OPTION_VF] = "vf", [OPTION_ID] = "id", [OPTION_MEMORY_BIT] = "memory-bit", [OPTION_SESSION] = "session", NULL,
};

static const char *const memory_bits[] = { "probe", "absent", NULL };
static const char *const sessions[] = { "new", "keep", NULL };

static int take_id(struct remote_settings *s, const char *text, const struct pcg_log *log)
{
	unsigned int vendor, device;
	int end = 0;

	if (text == NULL)
		return 0;
	if (!s->is_vf) {
		base_log(log, PCG_ERROR, "vfio-user: id= is for VFs, whose registers do not show it; add vf=on");
		return -EINVAL;
	}
	if (sscanf(text, "%4x:%4x%n", &vendor, &device, &end) != 2 || text[end] != '\0') {
		base_log(log, PCG_ERROR, "vfio-user: id=%.40s: give VVVV:DDDD, both hexadecimal", text);
		return -EINVAL;
	}
	s->vendor = (uint16_t)vendor;
	s->device = (uint16_t)device;
	s->has_id = true;
	return 0;
}

static int take_path(struct remote_settings *s, const char *path, const struct pcg_log *log)
{
	if (path[0] == '\0') {
		base_log(log, PCG_ERROR, "vfio-user: name the server's socket: " REMOTE_FORM);
		return -EINVAL;
	}
	if (strlen(path) >= sizeof(s->address.sun_path)) {
		base_log(log, PCG_ERROR, "vfio-user: %.64s…: longer than the %zu bytes that a socket's path can have",
			 path, sizeof(s->address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	s->address.sun_family = AF_UNIX;
	memcpy(s->address.sun_path, path, strlen(path));
	return 0;
}

int remote_settings_init(struct remote_settings *s, const char *text, const struct pcg_log *log)
{
	unsigned int memory_bit = 0, session = 0;
	struct options options;
	int r;

	memset(s, 0, sizeof(*s));
	r = options_init(&options, "vfio-user", text, names, log);
	if (r != 0)
		return r;
	r = take_path(s, options.subject, log);
	if (r == 0)
		r = options_bool(&options, OPTION_VF, &s->is_vf);
	if (r == 0)
		r = take_id(s, options.values[OPTION_ID], log);
	if (r == 0)
		r = options_choice(&options, OPTION_MEMORY_BIT, memory_bits, &memory_bit);
	if (r == 0)
		r = options_choice(&options, OPTION_SESSION, sessions, &session);
	s->memory_absent = memory_bit == 1;
	s->session = (enum remote_session)session;
	options_finish(&options);
	return r;
}
