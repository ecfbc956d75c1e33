/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <zlib.h>

#include "base/log.h"
#include "trace/line.h"
#include "trace/replay.h"

#define TEXT_MAX (UINT64_C(1) << 30) /* a gzipped file may claim any length */

struct file {
	gzFile gz;
	uint64_t left;
};

static int next_line(void *arg, char *line, size_t size)
{
	struct file *file = arg;
	size_t length;
	int code;

	if (gzgets(file->gz, line, (int)size) == NULL) {
		gzerror(file->gz, &code);
		return code == Z_OK || code == Z_STREAM_END ? 0 : -EIO;
	}
	length = strlen(line);
	if (length > file->left)
		return -EFBIG;
	file->left -= length;
	if (length > 0 && line[length - 1] == '\n')
		line[length - 1] = '\0';
	else if (!gzeof(file->gz))
		return -E2BIG;
	return 1;
}

int replay_file(const struct replay_settings *settings, const char *path, struct replay_result *result)
{
	struct file file = { .left = TEXT_MAX };
	struct replay_source source = { .arg = &file, .next = next_line };
	int ret;

	memset(result, 0, sizeof(*result));
	errno = 0;
	file.gz = gzopen(path, "rbe");
	if (file.gz == NULL) {
		ret = errno != 0 ? -errno : -ENOMEM;
		base_log(settings->log, PCG_ERROR, "%s: %s; name a trace that can be read", path, strerror(-ret));
		return ret;
	}
	ret = replay_run(settings, &source, result);
	gzclose(file.gz);
	return ret;
}
