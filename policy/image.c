// SPDX-License-Identifier: BSD-2-Clause
/*
 * An image as the kernel half reads it: the verdict for one packet, and the check that an image from
 * elsewhere is one that can be trusted with it.
 */
#include "policy/addr.h"
#include "policy/fqdn.h"
#include "policy/policy.h"

#include <errno.h>
#include <string.h>

static uint32_t range4(const struct rast_policy_image *im, uint32_t addr)
{
	const struct rast_range4 *range4 = rast_policy_image_ranges4(im);
	uint32_t lo = 0, hi = im->n_range4;

	if (!hi)
		return UINT32_MAX;
	/* The last range that does not start behind addr. */
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (range4[mid].start <= addr)
			lo = mid;
		else
			hi = mid;
	}
	return range4[lo].klass;
}

static bool at_or_before(const struct rast_range6 *r, uint64_t hi, uint64_t lo)
{
	return r->hi < hi || (r->hi == hi && r->lo <= lo);
}

static uint32_t range6(const struct rast_policy_image *im, const uint8_t addr[16])
{
	rast_u128 v = rast_addr_from_bytes(addr);
	const struct rast_range6 *range6 = rast_policy_image_ranges6(im);
	uint32_t lo = 0, hi = im->n_range6;

	if (!hi)
		return UINT32_MAX;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (at_or_before(&range6[mid], (uint64_t)(v >> 64), (uint64_t)v))
			lo = mid;
		else
			hi = mid;
	}
	return range6[lo].klass;
}

uint32_t rast_policy_image_cell(const struct rast_policy_image *im, int dir, uint32_t klass,
				uint32_t peer, uint32_t port)
{
	if (dir < 0 || dir >= 2 + 2 * (int)im->staged || klass >= im->n_class ||
	    peer >= im->n_peer || port >= im->n_port)
		return 0;
	return rast_policy_image_cells(
		im)[(((size_t)dir * im->n_class + klass) * im->n_peer + peer) * im->n_port + port];
}

/* What a pattern that matches allows, where the default deny would decide. */
static uint32_t name_cell(const struct rast_policy_image *im, uint32_t klass, uint32_t port,
			  const struct rast_fqdn *name, uint32_t denied)
{
	for (uint32_t i = 0; i < im->names.n_patterns; i++) {
		struct rast_fqdn pattern;
		uint32_t cell;

		if (im->names.patterns[i].group)
			continue;
		rast_fqdn_table_get(&im->names, i, &pattern);
		if (!rast_fqdn_matches(&pattern, name))
			continue;
		cell = rast_policy_image_cell(im, RAST_DIR_EGRESS, klass,
					      im->names.patterns[i].klass, port);
		if (cell & RAST_CELL_ALLOW)
			return cell;
	}
	return denied;
}

static uint32_t verdict(const struct rast_policy_image *im, int dir, uint32_t identity,
			const struct rast_policy_end *peer, enum rast_policy_proto proto,
			uint16_t port)
{
	uint32_t klass, p, q, cell;

	if (identity >= RAST_MAX_IDENTITIES)
		return 0;
	klass = im->class_by_identity[identity];
	if (klass >= im->n_class)
		return 0;
	if (peer->kind == RAST_END_IDENTITY) {
		if (peer->identity >= RAST_MAX_IDENTITIES)
			return 0;
		p = im->class_by_identity[peer->identity];
		if (p >= im->n_class)
			return 0;
	} else if (peer->kind == RAST_END_NAME) {
		p = im->n_class; /* the addresses that no rule speaks of */
	} else {
		p = peer->kind == RAST_END_ADDR4 ? range4(im, peer->addr4)
						 : range6(im, peer->addr6);
		if (p == UINT32_MAX)
			return 0;
		p += im->n_class;
	}
	q = (unsigned int)proto < RAST_PROTO_PORTED ? im->port_class[proto][port]
						    : im->port_class_other;
	cell = rast_policy_image_cell(im, dir, klass, p, q);
	if (peer->kind == RAST_END_NAME && dir == RAST_DIR_EGRESS &&
	    (cell & (RAST_CELL_ALLOW | RAST_CELL_RULE)) == RAST_RULE_DEFAULT_DENY)
		cell = name_cell(im, klass, q, peer->name, cell);
	return cell;
}

uint32_t rast_policy_image_verdict(const struct rast_policy_image *im, enum rast_direction dir,
				   uint32_t identity, const struct rast_policy_end *peer,
				   enum rast_policy_proto proto, uint16_t port)
{
	return (unsigned int)dir > 1 ? 0 : verdict(im, (int)dir, identity, peer, proto, port);
}

uint32_t rast_policy_image_staged(const struct rast_policy_image *im, enum rast_direction dir,
				  uint32_t identity, const struct rast_policy_end *peer,
				  enum rast_policy_proto proto, uint16_t port)
{
	return (unsigned int)dir > 1 ? 0 : verdict(im, (int)dir + 2, identity, peer, proto, port);
}

static int bad(struct rast_err *err, const char *what)
{
	return rast_err_set(err, EINVAL, "not a policy image: %s", what);
}

static bool possible(const struct rast_policy_image *im)
{
	return im->n_class && im->n_class <= RAST_MAX_IDENTITIES && im->n_peer > im->n_class &&
	       im->n_peer <= RAST_MAX_CELLS && im->staged <= 1 && im->n_port &&
	       im->n_port <= RAST_MAX_PORT_CLASSES &&
	       2ull * (1 + im->staged) * im->n_class * im->n_peer * im->n_port <= RAST_MAX_CELLS &&
	       im->n_range4 && im->n_range4 <= RAST_MAX_RANGES4 && im->n_range6 &&
	       im->n_range6 <= RAST_MAX_RANGES6;
}

bool rast_policy_image_fits(const struct rast_policy_image *im, size_t size)
{
	return possible(im) && rast_policy_image_size(im) == size;
}

int rast_policy_image_check(const struct rast_policy_image *im, struct rast_err *err)
{
	static const struct rast_range4 no_range4[RAST_FEW_RANGES];
	static const struct rast_range6 no_range6[RAST_FEW_RANGES];
	const struct rast_range4 *range4 = rast_policy_image_ranges4(im);
	const struct rast_range6 *range6 = rast_policy_image_ranges6(im);
	const uint32_t *cells = rast_policy_image_cells(im);

	if (im->magic != RAST_POLICY_MAGIC)
		return bad(err, "wrong magic number");
	if (im->format != RAST_POLICY_FORMAT)
		return rast_err_set(err, EINVAL, "policy image has format %u, want %u", im->format,
				    RAST_POLICY_FORMAT);
	if (!possible(im))
		return bad(err, "impossible numbers of classes");
	if (im->hits_at || im->hits_lines || im->hits_mask || im->hits_shared || im->addr4_at ||
	    im->addr6_at)
		return bad(err, "places in a table, which are given where it is applied");
	if (memcmp(im->range4, no_range4, sizeof(no_range4)) != 0 ||
	    memcmp(im->range6, no_range6, sizeof(no_range6)) != 0)
		return bad(err, "ranges before its end");
	if (im->n_rule < RAST_RULE_FIRST || im->n_rule > RAST_MAX_RULES + 1)
		return bad(err, "impossible number of rules");
	if (im->port_class_other >= im->n_port)
		return bad(err, "a port class that is not there");
	if (im->pad)
		return bad(err, "padding that is not zero");
	for (size_t i = 0; i < RAST_MAX_IDENTITIES; i++)
		if (im->class_by_identity[i] != 0xffff && im->class_by_identity[i] >= im->n_class)
			return bad(err, "an identity of a class that is not there");
	for (size_t p = 0; p < RAST_PROTO_PORTED; p++)
		for (size_t i = 0; i < 65536; i++)
			if (im->port_class[p][i] >= im->n_port)
				return bad(err, "a port class that is not there");
	if (range4[0].start)
		return bad(err, "IPv4 ranges that do not begin at 0.0.0.0");
	if (range6[0].hi || range6[0].lo)
		return bad(err, "IPv6 ranges that do not begin at ::");
	for (size_t i = 0; i < im->n_range4; i++)
		if (range4[i].klass >= im->n_peer - im->n_class ||
		    (i && range4[i].start <= range4[i - 1].start))
			return bad(err, "IPv4 ranges out of order or of no class");
	for (size_t i = 0; i < im->n_range6; i++)
		if (range6[i].klass >= im->n_peer - im->n_class || range6[i].pad ||
		    (i && at_or_before(&range6[i], range6[i - 1].hi, range6[i - 1].lo)))
			return bad(err, "IPv6 ranges out of order or of no class");
	for (size_t i = 0; i < rast_policy_image_n_cells(im); i++) {
		uint32_t rule = cells[i] & RAST_CELL_RULE;

		if (rule >= im->n_rule || (rule > RAST_RULE_SELF && rule < RAST_RULE_FIRST))
			return bad(err, "a cell whose rule is not there");
		if (cells[i] & ~(RAST_CELL_ALLOW | RAST_CELL_MORE | RAST_CELL_LOG |
				 RAST_CELL_STAGED | RAST_CELL_RULE))
			return bad(err, "a cell with bits that mean nothing");
		if ((cells[i] & RAST_CELL_STAGED) &&
		    (!im->staged || i >= rast_policy_image_n_cells(im) / 2))
			return bad(err, "a cell that asks for a matrix that is not there");
	}
	return rast_fqdn_table_check(&im->names, im->n_peer, im->n_rule, err);
}
