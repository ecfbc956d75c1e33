/* SPDX-License-Identifier: BSD-3-Clause */
#include <pcigate/pci.h>

struct name {
	uint16_t id;
	const char *setpci;
	const char *text;
};

static const struct name names[] = {
#define PCG_CAP(name, id, setpci, text) { id, setpci, text },
	PCG_CAPS(PCG_CAP)
#undef PCG_CAP
};

static const struct name extended_names[] = {
#define PCG_CAP(name, id, setpci, text) { id, setpci, text },
	PCG_ECAPS(PCG_CAP)
#undef PCG_CAP
};

const char *pcg_cap_text(uint16_t id, bool extended, const char **setpci)
{
	const struct name *table = extended ? extended_names : names;
	size_t i, n = extended ? sizeof(extended_names) / sizeof(names[0]) : sizeof(names) / sizeof(names[0]);

	if (setpci != NULL)
		*setpci = NULL;
	for (i = 0; i < n; i++)
		if (table[i].id == id) {
			if (setpci != NULL)
				*setpci = table[i].setpci;
			return table[i].text;
		}
	return NULL;
}
