// SPDX-License-Identifier: BSD-2-Clause
/*
 * An image and its rule table as one file: header, image, table as JSON. A reader trusts nothing: the
 * sum finds accidents, the checks behind it find the rest.
 */
#include "policy/policy.h"

#include <errno.h>
#include <string.h>

#define FILE_MAGIC "RASTPOL\n"
#define FILE_FORMAT 2u
#define MAX_RULES_LEN (256u << 20)

struct header {
	char magic[8];
	uint32_t format;
	uint32_t header_len;
	uint64_t image_len, rules_len;
	uint32_t crc; /* CRC-32 (IEEE 802.3) of all that follows the header */
	uint32_t pad;
};
_Static_assert(sizeof(struct header) == 40, "the header is part of a file format");

static uint32_t crc32(const uint8_t *p, size_t n)
{
	uint32_t table[256], crc = ~0u;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int k = 0; k < 8; k++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	while (n--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return ~crc;
}

int rast_policy_file_write(const struct rast_policy_image *image,
			   const struct rast_policy_rules *rules, void **ret, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	struct header h = {.format = FILE_FORMAT, .header_len = sizeof(h)};
	size_t len, text_len, size = rast_policy_image_size(image);
	uint8_t *out;

	if (rast_policy_rules_to_text(rules, &text, &text_len) < 0)
		return -ENOMEM;
	h.image_len = size;
	h.rules_len = text_len;
	len = sizeof(h) + size + text_len;
	out = malloc(len);
	if (!out)
		return -ENOMEM;
	memcpy(h.magic, FILE_MAGIC, sizeof(h.magic));
	memcpy(out + sizeof(h), image, size);
	memcpy(out + sizeof(h) + size, text, text_len);
	h.crc = crc32(out + sizeof(h), len - sizeof(h));
	memcpy(out, &h, sizeof(h));
	*ret = out;
	*ret_len = len;
	return 0;
}

/* Do the table and the image belong together? */
static int check_pair(const char *name, const struct rast_policy_image *im,
		      const struct rast_policy_rules *rules, struct rast_err *err)
{
	const uint32_t *cells = rast_policy_image_cells(im);

	if (rules->generation != im->generation || rules->n_classes != im->n_class ||
	    rules->n_addr_classes != im->n_peer - im->n_class ||
	    rules->n_port_classes != im->n_port)
		return rast_err_at(err, EINVAL, name, 0, 0, NULL,
				   "rule table and image are not of one compile");
	for (size_t i = 0; i < rast_policy_image_n_cells(im); i++) {
		uint32_t id = cells[i] & RAST_CELL_RULE;

		/* Neighbouring cells mostly have one rule. */
		if (id < RAST_RULE_FIRST || (i && id == (cells[i - 1] & RAST_CELL_RULE)))
			continue;
		if (!rast_policy_rules_find(rules, id))
			return rast_err_at(err, EINVAL, name, 0, 0, NULL,
					   "rule %u is in the image and not in its table", id);
	}
	return 0;
}

int rast_policy_file_read(const char *name, const void *data, size_t len,
			  struct rast_policy_image **ret_image,
			  struct rast_policy_rules **ret_rules, struct rast_err *err)
{
	_cleanup_free_ struct rast_policy_image *im = NULL;
	_cleanup_policy_rules_ struct rast_policy_rules *rules = NULL;
	_cleanup_json_ json_t *json = NULL;
	const uint8_t *body = data;
	json_error_t jerr;
	struct header h;
	int r;

	if (len < sizeof(h) || memcmp(data, FILE_MAGIC, 8) != 0)
		return rast_err_at(err, EINVAL, name, 0, 0, NULL, "not a compiled policy");
	memcpy(&h, data, sizeof(h));
	if (h.format != FILE_FORMAT || h.header_len != sizeof(h) || h.pad ||
	    h.image_len < sizeof(*im))
		return rast_err_at(err, EINVAL, name, 0, 0, NULL,
				   "a compiled policy of another format (%u)", h.format);
	if (h.rules_len > MAX_RULES_LEN || h.image_len > len ||
	    len - sizeof(h) != h.image_len + h.rules_len)
		return rast_err_at(err, EINVAL, name, 0, 0, NULL,
				   "cut short or too long: %zu bytes", len);
	body += sizeof(h);
	/* A fuzzer would only ever learn that it cannot guess sums. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	const bool sum_counts = false;
#else
	const bool sum_counts = true;
#endif
	if (sum_counts && crc32(body, len - sizeof(h)) != h.crc)
		return rast_err_at(err, EINVAL, name, 0, 0, NULL, "damaged: the sum is wrong");
	im = malloc((size_t)h.image_len);
	if (!im)
		return rast_err_sys(err, ENOMEM, "%s", name);
	memcpy(im, body, (size_t)h.image_len);
	if (!rast_policy_image_fits(im, (size_t)h.image_len))
		return rast_err_at(err, EINVAL, name, 0, 0, NULL,
				   "not a policy image: impossible numbers of classes");
	r = rast_policy_image_check(im, err);
	if (r < 0)
		return rast_err_prefix(err, "%s", name);
	json = json_loadb((const char *)body + h.image_len, (size_t)h.rules_len,
			  JSON_REJECT_DUPLICATES, &jerr);
	if (!json)
		return rast_err_at(err, EINVAL, name, 0, 0, NULL, "rule table: %s", jerr.text);
	r = rast_policy_rules_from_json(json, &rules, err);
	if (r < 0)
		return rast_err_prefix(err, "%s", name);
	r = check_pair(name, im, rules, err);
	if (r < 0)
		return r;
	*ret_image = TAKE_PTR(im);
	*ret_rules = TAKE_PTR(rules);
	return 0;
}
