/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "vfio-user/version.h"
#include "vfio-user/wire.h"

/* What a client that says nothing stands for (vfio-user, "Version": defaults of the capabilities). */
static const struct version defaults = {
	.max_msg_fds = 8,
	.max_data_xfer_size = WIRE_MAX_DATA,
	.max_dma_maps = WIRE_MAX_MAPS,
	.pgsizes = WIRE_PAGE,
};

static int version_number(json_object *capabilities, const char *key, uint64_t *number, const char **why)
{
	json_object *value;
	int64_t v;

	if (!json_object_object_get_ex(capabilities, key, &value))
		return 0;
	if (!json_object_is_type(value, json_type_int) || (v = json_object_get_int64(value)) < 0) {
		*why = "VERSION: a capability that is a number has another kind of value";
		return -EINVAL;
	}
	*number = (uint64_t)v;
	return 0;
}

static int version_capabilities(struct version *version, json_object *root, const char **why)
{
	uint64_t fds = version->max_msg_fds;
	json_object *capabilities, *multiple;
	int r;

	if (!json_object_is_type(root, json_type_object)) {
		*why = "VERSION: the JSON text is not an object";
		return -EINVAL;
	}
	if (!json_object_object_get_ex(root, "capabilities", &capabilities))
		return 0;
	if (!json_object_is_type(capabilities, json_type_object)) {
		*why = "VERSION: \"capabilities\" is not an object";
		return -EINVAL;
	}
	r = version_number(capabilities, "max_msg_fds", &fds, why);
	if (r == 0)
		r = version_number(capabilities, "max_data_xfer_size", &version->max_data_xfer_size, why);
	if (r == 0)
		r = version_number(capabilities, "max_dma_maps", &version->max_dma_maps, why);
	if (r == 0)
		r = version_number(capabilities, "pgsizes", &version->pgsizes, why);
	if (json_object_object_get_ex(capabilities, "write_multiple", &multiple))
		version->write_multiple = json_object_get_boolean(multiple);
	version->max_msg_fds = fds > UINT32_MAX ? UINT32_MAX : (uint32_t)fds;
	return r;
}

int version_read(struct version *version, const uint8_t *bytes, size_t size, const char **why)
{
	const char *text = (const char *)bytes + WIRE_VERSION_FIXED;
	json_tokener *tokener;
	json_object *root;
	size_t length, end;
	int r;

	*version = defaults;
	*why = "VERSION: shorter than its version numbers";
	if (size < WIRE_VERSION_FIXED)
		return -EINVAL;
	version->major = wire_get16(bytes);
	version->minor = wire_get16(bytes + 2);
	size -= WIRE_VERSION_FIXED;
	if (size == 0)
		return 0;

	*why = "VERSION: the JSON text is too long";
	if (size > VERSION_JSON_MAX)
		return -E2BIG;
	*why = "VERSION: the JSON text has no NUL at its end";
	length = strnlen(text, size);
	if (length == size)
		return -EINVAL;
	if (length == 0)
		return 0;

	tokener = json_tokener_new_ex(VERSION_JSON_DEPTH);
	if (tokener == NULL)
		return -ENOMEM;
	root = json_tokener_parse_ex(tokener, text, (int)length + 1);
	end = json_tokener_get_parse_end(tokener);
	end = end > length ? length : end + strspn(text + end, " \t\r\n");
	if (json_tokener_get_error(tokener) != json_tokener_success || end != length) {
		*why = "VERSION: the text is not JSON, or nests too deep";
		r = -EINVAL;
	} else {
		r = version_capabilities(version, root, why);
	}
	json_object_put(root);
	json_tokener_free(tokener);
	return r;
}

size_t version_write(uint8_t *bytes, size_t size)
{
	int n;

	if (size < WIRE_VERSION_FIXED)
		return 0;
	wire_put16(bytes, 0);
	wire_put16(bytes + 2, 0);
	n = snprintf((char *)bytes + WIRE_VERSION_FIXED, size - WIRE_VERSION_FIXED,
		     "{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u,\"max_dma_maps\":%u,"
		     "\"pgsizes\":%u,\"write_multiple\":true}}",
		     WIRE_MAX_FDS, WIRE_MAX_DATA, WIRE_MAX_MAPS, WIRE_PAGE);
	if (n < 0 || (size_t)n + 1 > size - WIRE_VERSION_FIXED)
		return 0;
	return WIRE_VERSION_FIXED + (size_t)n + 1;
}
