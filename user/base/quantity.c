// SPDX-License-Identifier: BSD-2-Clause
/* Kubernetes quantities; see quantity.h. All arithmetic is exact in 128 bits. */
#include "base/quantity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

static const struct {
	const char *suffix;
	int binary;  /* power of 1024 */
	int decimal; /* power of 10 */
} suffixes[] = {
	{"n", 0, -9}, {"u", 0, -6}, {"m", 0, -3}, {"", 0, 0},   {"k", 0, 3},  {"M", 0, 6},
	{"G", 0, 9},  {"T", 0, 12}, {"P", 0, 15}, {"E", 0, 18}, {"Ki", 1, 0}, {"Mi", 2, 0},
	{"Gi", 3, 0}, {"Ti", 4, 0}, {"Pi", 5, 0}, {"Ei", 6, 0},
};

/* text × 10^scale, rounded up. */
static int parse(const char *text, int scale, uint64_t *ret)
{
	u128 value = 0, limit = (u128)1 << 63;
	int digits = 0, fraction = 0, exponent = 0, binary = 0;
	const char *p = text;
	size_t i;

	if (*p == '+')
		p++;
	for (; (*p >= '0' && *p <= '9') || *p == '.'; p++) {
		if (*p == '.') {
			if (fraction)
				return -EINVAL;
			fraction = 1;
			continue;
		}
		if (value > limit * 1000000000)
			return -ERANGE;
		value = value * 10 + (unsigned int)(*p - '0');
		digits++;
		if (fraction)
			exponent--;
	}
	if (!digits)
		return -EINVAL;
	if ((*p == 'e' || *p == 'E') && p[1] && strspn(p + 1, "+-0123456789") == strlen(p + 1)) {
		char *end;
		long e = strtol(p + 1, &end, 10);

		if (end == p + 1 || *end || e < -30 || e > 30)
			return -EINVAL;
		exponent += (int)e;
	} else {
		for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
			if (!strcmp(p, suffixes[i].suffix))
				break;
		if (i == sizeof(suffixes) / sizeof(suffixes[0]))
			return -EINVAL;
		exponent += suffixes[i].decimal;
		binary = suffixes[i].binary;
	}
	if (!value) {
		*ret = 0;
		return 0;
	}
	for (; binary; binary--) {
		value *= 1024;
		if (value > limit * 1000000000)
			return -ERANGE;
	}
	exponent += scale;
	for (; exponent > 0; exponent--) {
		value *= 10;
		if (value > limit * 1000000000)
			return -ERANGE;
	}
	for (; exponent < 0 && value > 1; exponent++)
		value = (value + 9) / 10;
	if (value >= limit)
		return -ERANGE;
	*ret = (uint64_t)value;
	return 0;
}

int rast_quantity_parse_milli(const char *text, uint64_t *ret_milli)
{
	return parse(text, 3, ret_milli);
}

int rast_quantity_parse(const char *text, uint64_t *ret)
{
	return parse(text, 0, ret);
}
