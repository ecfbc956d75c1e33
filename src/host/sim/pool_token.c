/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VF tokens, after the rules of vfio-pci. Who has a PF could look into what its VFs do, so as soon as a PF and its VFs
 * are in several hands these have to know the same secret. The first who comes says what it is.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/pool_internal.h"

int sim_token_parse(struct sim_token *token, const char *text, const struct pcg_log *log)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	unsigned int digits = 0;

	*token = (struct sim_token){ .given = text != NULL };
	if (text == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(form); i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned int value = (unsigned int)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);

		if (form[i] == 'x' ? !isxdigit(c) : c != form[i]) {
			base_log(log, PCG_ERROR, "sim: token= is a UUID as uuidgen prints it, %s", form);
			return -EINVAL;
		}
		if (form[i] != 'x')
			continue;
		token->bytes[digits / 2] = (uint8_t)(token->bytes[digits / 2] << 4 | value);
		digits++;
	}
	return 0;
}

static unsigned int open_vfs(const struct sim_fabric *shared, const struct fabric_function *pf)
{
	unsigned int n = 0;

	for (const struct sim_seat *seat = shared->seats; seat != NULL; seat = seat->next)
		n += seat->f->physical == pf;
	return n;
}

static void set_token(struct sim_physical *physical, const struct sim_token *token)
{
	physical->has_token = true;
	physical->secret = !token->given;
	memcpy(physical->token, token->bytes, sizeof(physical->token));
}

static bool knows(const struct sim_physical *physical, const struct sim_token *token)
{
	return token->given && !physical->secret && memcmp(physical->token, token->bytes, sizeof(token->bytes)) == 0;
}

static int open_pf(struct sim_fabric *shared, struct sim_physical *physical, const struct sim_token *token,
		   const struct pcg_log *log)
{
	unsigned int vfs = open_vfs(shared, physical->f);

	if (vfs == 0) {
		set_token(physical, token);
		return 0;
	}
	if (physical->has_token && knows(physical, token))
		return 0;
	base_log(
		log, PCG_ERROR,
		physical->has_token
			? "sim: %u VFs of %s are open with a VF token, and the PF is not for who does not know it: give it "
			  "the same token="
			: "sim: %u VFs of %s are open without a VF token, and who has the PF could look into them: give "
			  "them and the PF the same token=",
		vfs, physical->f->name);
	return -EACCES;
}

static int open_vf(struct sim_fabric *shared, struct sim_physical *physical, const struct sim_token *token,
		   const struct pcg_log *log)
{
	if (!physical->has_token && !token->given)
		return 0;
	if (!physical->has_token && open_vfs(shared, physical->f) == 0) {
		set_token(physical, token);
		return 0;
	}
	if (physical->has_token && knows(physical, token))
		return 0;
	if (!physical->has_token)
		base_log(log, PCG_ERROR,
			 "sim: other VFs of %s are open without a VF token: give all of them the same token=, or none",
			 physical->f->name);
	else
		base_log(log, PCG_ERROR,
			 "sim: %s is in the hands of who has a VF token%s: give the VF and the PF the same token=",
			 physical->f->name, physical->secret ? " that nobody was told" : "");
	return physical->has_token ? -EACCES : -EINVAL;
}

int sim_token_open(struct sim_fabric *shared, const struct fabric_function *f, const struct sim_token *token,
		   const struct pcg_log *log)
{
	struct sim_physical *physical = sim_physical_of(shared, f);

	if (physical != NULL)
		return f->physical != NULL ? open_vf(shared, physical, token, log)
					   : open_pf(shared, physical, token, log);
	if (!token->given)
		return 0;
	base_log(log, PCG_ERROR, "sim: %s has no VFs and is none: a VF token is of no use, leave token= out", f->name);
	return -EINVAL;
}

void sim_token_left(struct sim_fabric *shared, const struct fabric_function *f)
{
	struct sim_physical *physical = sim_physical_of(shared, f);

	if (physical != NULL && open_vfs(shared, physical->f) == 0 && sim_fabric_seat(shared, physical->f) == NULL)
		physical->has_token = false;
}
