/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <pcigate/pci.h>

#include "base/log.h"
#include "host/options.h"
#include "host/vfio/settings.h"

enum {
	OPTION_IOMMU,
	OPTION_TOKEN,
	OPTION_ERR,
	OPTION_MEMORY_BIT,
	OPTION_SHOW,
	OPTION_FD,
	OPTION_IOMMUFD,
	OPTION_IDLE,
	OPTION_BAR0,
};

/* In the order above. */
static const char *const names[] = {
	"iommu", "token", "err",  "memory-bit", "show", "fd",   "iommufd", "idle",
	"bar0",  "bar1",  "bar2", "bar3",       "bar4", "bar5", NULL,
};

static const char *const ways[] = { "auto", "iommufd", "type1", NULL };
static const char *const errors[] = { "pass", "keep", NULL };
static const char *const idles[] = { "awake", "low-power", NULL };
static const char *const maps[] = { "trap", "sysfs", "device", "dmabuf", NULL };
static const char *const memory_bits[] = { "probe", "absent", "present", NULL };

/* A UUID as uuidgen prints it: 8-4-4-4-12 digits. */
static int take_token(struct vfio_settings *s, const char *text, const struct pcg_log *log)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	unsigned int digits = 0;

	if (text == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(form); i++) {
		unsigned int value;

		if (form[i] != 'x') {
			if (text[i] != form[i])
				goto bad;
			continue;
		}
		if (!isxdigit((unsigned char)text[i]))
			goto bad;
		sscanf((const char[]){ text[i], '\0' }, "%x", &value);
		s->token[digits / 2] = (uint8_t)(s->token[digits / 2] << 4 | value);
		digits++;
	}
	snprintf(s->token_text, sizeof(s->token_text), "%s", text);
	s->has_token = true;
	return 0;
bad:
	base_log(log, PCG_ERROR, "vfio: token= is a UUID as uuidgen prints it, %s", form);
	return -EINVAL;
}

static bool same_name(const char *text, size_t length, const char *setpci)
{
	if (setpci == NULL)
		return false;
	if (strncasecmp(setpci, "ECAP_", 5) == 0)
		setpci += 5;
	if (length > 5 && strncasecmp(text, "ECAP_", 5) == 0) {
		text += 5;
		length -= 5;
	}
	return strlen(setpci) == length && strncasecmp(text, setpci, length) == 0;
}

/* "LTR+PTM+DOE" */
static int take_show(struct vfio_settings *s, const char *text, const struct pcg_log *log)
{
	while (text != NULL && *text != '\0') {
		size_t length = strcspn(text, "+");
		unsigned int id;

		for (id = 1; id < 64; id++) {
			const char *setpci = NULL;

			if (pcg_cap_text((uint16_t)id, true, &setpci) != NULL && same_name(text, length, setpci))
				break;
		}
		if (id == 64) {
			base_log(log, PCG_ERROR,
				 "vfio: show=%.*s names no extended capability; give names as setpci has them, joined "
				 "by +: LTR+PTM",
				 (int)length, text);
			return -EINVAL;
		}
		s->show |= UINT64_C(1) << id;
		text += length + (text[length] == '+');
	}
	return 0;
}

static int take_fd(const struct options *options, unsigned int index, int *fd)
{
	uint64_t value;
	int r;

	if (options->values[index] == NULL)
		return 0;
	r = options_size(options, index, 0, INT_MAX, &value);
	if (r == 0)
		*fd = (int)value;
	return r;
}

static int take_options(struct vfio_settings *s, const struct options *options, const struct pcg_log *log)
{
	unsigned int way = 0, error = 0, memory_bit = 0, idle = 0;
	int r = options_choice(options, OPTION_IOMMU, ways, &way);

	if (r == 0)
		r = options_choice(options, OPTION_ERR, errors, &error);
	if (r == 0)
		r = options_choice(options, OPTION_MEMORY_BIT, memory_bits, &memory_bit);
	if (r == 0)
		r = options_choice(options, OPTION_IDLE, idles, &idle);
	if (r == 0)
		r = take_token(s, options->values[OPTION_TOKEN], log);
	if (r == 0)
		r = take_show(s, options->values[OPTION_SHOW], log);
	if (r == 0)
		r = take_fd(options, OPTION_FD, &s->device);
	if (r == 0)
		r = take_fd(options, OPTION_IOMMUFD, &s->iommufd);
	for (unsigned int i = 0; r == 0 && i < PCG_NUM_BARS; i++) {
		unsigned int map = 0;

		r = options_choice(options, OPTION_BAR0 + i, maps, &map);
		s->map[i] = (enum vfio_map)map;
	}
	s->way = (enum vfio_way)way;
	s->keep_errors = error == 1;
	s->sleeps = idle == 1;
	s->memory_bit = (enum vfio_memory_bit)memory_bit;
	return r;
}

int vfio_settings_init(struct vfio_settings *s, const char *text, const struct pcg_log *log)
{
	struct options options;
	int r;

	memset(s, 0, sizeof(*s));
	s->device = -1;
	s->iommufd = -1;
	r = options_init(&options, "vfio", text, names, log);
	if (r != 0)
		return r;
	snprintf(s->bdf, sizeof(s->bdf), "%s", options.subject);
	r = take_options(s, &options, log);
	if (r == 0 && s->bdf[0] == '\0' && s->device < 0) {
		base_log(log, PCG_ERROR, "vfio: name a function: " VFIO_FORM ", or give its open device file with fd=");
		r = -EINVAL;
	}
	if (r == 0 && s->iommufd >= 0 && s->way == VFIO_WAY_TYPE1) {
		base_log(log, PCG_ERROR, "vfio: iommufd= and iommu=type1 exclude each other");
		r = -EINVAL;
	}
	options_finish(&options);
	return r;
}
