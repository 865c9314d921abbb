// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs the stages of stage.h one after the other and writes their results into the image. Nothing
 * is written before all limits of bpf/policy.h are known to hold: an image that would be too large
 * is an error with the counts, never a shorter image.
 */
#include "policy/stage.h"

#include <errno.h>
#include <stdlib.h>

struct run {
	struct rast_arena arena;
	struct rast_index ix;
	struct rast_flat flat;
	struct rast_ports ports;
	struct rast_addrs addrs;
	struct rast_fqdns fqdns;
	struct rast_classes classes;
	struct rast_matrix matrix;
	uint32_t *id_by_number; /* 0: the rule has no number of its own, as it decides nothing */
	uint32_t n_rule;        /* one past the highest number */
};

static void finish(struct run *c)
{
	json_decref(c->flat.warnings);
	rast_arena_finish(&c->arena);
}

static int check_limits(const struct run *c, struct rast_err *err)
{
	size_t n_class = c->classes.n_class, n_addr = c->addrs.n_class, n_port = c->ports.n_class;
	unsigned long long cells = 2ull * n_class * (n_class + n_addr) * n_port;
	unsigned int n_dir = c->flat.staged ? 4 : 2;

	if (n_port > RAST_MAX_PORT_CLASSES)
		return rast_err_set(err, E2BIG,
				    "policy is too large: %zu classes of ports, more than %u",
				    n_port, RAST_MAX_PORT_CLASSES);
	if (c->addrs.n_ranges[0] > RAST_MAX_RANGES4)
		return rast_err_set(
			err, E2BIG,
			"policy is too large: %zu ranges of IPv4 addresses, more than %u",
			c->addrs.n_ranges[0], RAST_MAX_RANGES4);
	if (c->addrs.n_ranges[1] > RAST_MAX_RANGES6)
		return rast_err_set(
			err, E2BIG,
			"policy is too large: %zu ranges of IPv6 addresses, more than %u",
			c->addrs.n_ranges[1], RAST_MAX_RANGES6);
	cells *= n_dir / 2;
	if (cells > RAST_MAX_CELLS)
		return rast_err_set(
			err, E2BIG,
			"policy is too large: %u directions%s x %zu classes of pods x %zu of "
			"peers (%zu of pods and %zu of addresses) x %zu of ports are %llu "
			"cells, more than %u",
			n_dir, c->flat.staged ? " (two as if staged policies were enforced)" : "",
			n_class, n_class + n_addr, n_class, n_addr, n_port, cells, RAST_MAX_CELLS);
	return 0;
}

/*
 * All rules have numbers when there is room for all: then a number does not change when pods come
 * and go. Else only those that decide a cell.
 */
static int number_rules(struct run *c, struct rast_err *err)
{
	size_t n = c->flat.n_rules, room = RAST_MAX_RULES + 1 - RAST_RULE_FIRST, used = 0;
	size_t n_cells = rast_matrix_n_cells(&c->matrix);

	c->id_by_number = rast_arena_take(&c->arena, n + 1, sizeof(*c->id_by_number));
	if (!c->id_by_number)
		return rast_err_sys(err, ENOMEM, "policy");
	for (size_t i = 0; n > room && i < n_cells; i++)
		if (c->matrix.cells[i] >> 1 >= RAST_RULE_FIRST)
			c->id_by_number[(c->matrix.cells[i] >> 1) - RAST_RULE_FIRST] = 1;
	for (size_t i = 0; i < n; i++) {
		if (n > room && !c->id_by_number[i])
			continue;
		if (used < room)
			c->id_by_number[i] = RAST_RULE_FIRST + (uint32_t)used;
		used++;
	}
	if (used > room)
		return rast_err_set(
			err, E2BIG,
			"policy is too large: %zu rules decide about pods, more than %zu", used,
			room);
	c->n_rule = RAST_RULE_FIRST + (uint32_t)used;
	return 0;
}

static uint8_t attr_of(const struct run *c, uint32_t rule)
{
	return rule >= RAST_RULE_FIRST ? c->flat.attr[rule - RAST_RULE_FIRST] : 0;
}

/* The i-th cell as the kernel reads it. */
static uint32_t cell_of(const struct run *c, size_t i)
{
	const struct rast_matrix *m = &c->matrix;
	size_t half = rast_matrix_n_cells(m) / 2;
	uint32_t cell = m->cells[i], rule = cell >> 1, out = cell & 1 ? RAST_CELL_ALLOW : 0;

	if (attr_of(c, rule) & RAST_RULE_LOGS)
		out |= RAST_CELL_MORE | RAST_CELL_LOG;
	if (m->staged && i < half) {
		uint32_t would = m->cells[half + i];

		if ((would ^ cell) & 1 || attr_of(c, would >> 1) & RAST_RULE_IS_STAGED)
			out |= RAST_CELL_MORE | RAST_CELL_STAGED;
	}
	return out | (rule >= RAST_RULE_FIRST ? c->id_by_number[rule - RAST_RULE_FIRST] : rule);
}

static struct rast_policy_image *make_image(const struct run *c, uint32_t generation)
{
	const struct rast_matrix *m = &c->matrix;
	size_t n_cells = rast_matrix_n_cells(m);
	struct rast_policy_image head = {.magic = RAST_POLICY_MAGIC,
					 .format = RAST_POLICY_FORMAT,
					 .generation = generation,
					 .n_class = (uint32_t)m->n_class,
					 .n_peer = (uint32_t)m->n_peer,
					 .n_port = (uint32_t)m->n_port,
					 .n_range4 = (uint32_t)c->addrs.n_ranges[0],
					 .n_range6 = (uint32_t)c->addrs.n_ranges[1],
					 .n_rule = c->n_rule,
					 .staged = m->staged};
	struct rast_policy_image *im = malloc(rast_policy_image_size(&head));
	struct rast_range4 *range4;
	struct rast_range6 *range6;
	uint32_t *cells;

	if (!im)
		return NULL;
	*im = head;
	range4 = rast_policy_image_ranges4(im);
	range6 = rast_policy_image_ranges6(im);
	cells = rast_policy_image_cells(im);
	im->port_class_other = 0;
	memset(im->class_by_identity, 0xff, sizeof(im->class_by_identity));
	im->class_by_identity[RAST_IDENTITY_HOST] = 0;
	for (size_t i = 0; i < c->ix.n_pods; i++)
		im->class_by_identity[c->ix.pods[i]->identity] = (uint16_t)c->classes.class_of[i];
	memcpy(im->port_class, c->ports.port_class, sizeof(im->port_class));
	for (size_t i = 0; i < im->n_range4; i++)
		range4[i] = (struct rast_range4){.start = (uint32_t)c->addrs.ranges[0][i].start,
						 .klass = c->addrs.ranges[0][i].klass};
	for (size_t i = 0; i < im->n_range6; i++)
		range6[i] =
			(struct rast_range6){.hi = (uint64_t)(c->addrs.ranges[1][i].start >> 64),
					     .lo = (uint64_t)c->addrs.ranges[1][i].start,
					     .klass = c->addrs.ranges[1][i].klass};
	for (size_t i = 0; i < n_cells; i++)
		cells[i] = cell_of(c, i);
	return im;
}

static json_t *report(const struct run *c, const struct rast_policy_set *set, uint32_t generation)
{
	const struct rast_matrix *m = &c->matrix;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}",
		"generation", (json_int_t)generation, "pods", (json_int_t)c->ix.n_pods, "policies",
		(json_int_t)set->n_policies, "policies_in_use", (json_int_t)c->flat.n_policies,
		"rules", (json_int_t)c->flat.n_rules, "identity_classes", (json_int_t)m->n_class,
		"address_classes", (json_int_t)c->addrs.n_class, "peer_classes",
		(json_int_t)m->n_peer, "port_classes", (json_int_t)m->n_port, "ranges4",
		(json_int_t)c->addrs.n_ranges[0], "ranges6", (json_int_t)c->addrs.n_ranges[1],
		"cells", (json_int_t)(rast_matrix_n_cells(m)), "max_cells",
		(json_int_t)RAST_MAX_CELLS, "warnings", c->flat.warnings);
}

static int stages(struct run *c, const struct rast_policy_set *set,
		  const struct rast_policy_world *world, struct rast_err *err)
{
	int r = rast_policy_check_world(world, err);

	if (r < 0)
		return r;
	c->flat.warnings = json_array();
	r = c->flat.warnings ? rast_index_build(set, world, &c->arena, &c->ix) : -ENOMEM;
	if (!r)
		r = rast_flatten(set, &c->ix, &c->arena, &c->flat);
	if (!r)
		r = rast_ports_build(&c->flat, &c->ix, &c->arena, &c->ports);
	if (!r)
		r = rast_addrs_build(&c->flat, &c->arena, &c->addrs);
	if (!r)
		r = rast_fqdns_build(&c->flat, c->ix.words, &c->arena, &c->addrs, &c->fqdns);
	if (!r)
		r = rast_addrs_index(&c->addrs, &c->flat, &c->arena);
	if (!r)
		r = rast_classes_build(&c->flat, &c->ports, &c->ix, &c->arena, &c->classes);
	if (r == -E2BIG)
		return rast_err_set(err, E2BIG,
				    "policy is too large: too many rules have too many addresses "
				    "in common");
	if (r < 0)
		return rast_err_sys(err, -r, "policy");
	r = check_limits(c, err);
	if (r < 0)
		return r;
	r = rast_matrix_build(&c->flat, &c->ix, &c->ports, &c->addrs, &c->classes, &c->arena,
			      &c->matrix);
	if (r < 0)
		return rast_err_sys(err, -r, "policy");
	return number_rules(c, err);
}

int rast_policy_compile(const struct rast_policy_set *set, const struct rast_policy_world *world,
			uint32_t generation, struct rast_policy_image **ret_image,
			struct rast_policy_rules **ret_rules, json_t **ret_report,
			struct rast_err *err)
{
	_cleanup_policy_rules_ struct rast_policy_rules *rules = NULL;
	struct rast_policy_image *image;
	_cleanup_json_ json_t *rep = NULL;
	_cleanup_(finish) struct run c = {};
	int r = stages(&c, set, world, err);

	if (!r && ret_rules) {
		r = rast_policy_rules_build(set, &c.ix, &c.flat, &c.ports, &c.addrs, &c.classes,
					    c.id_by_number, generation, &rules);
		if (!r)
			r = rast_fqdns_label(&c.fqdns, rules);
		if (r < 0)
			(void)rast_err_sys(err, -r, "policy");
	}
	if (!r && ret_report) {
		rep = report(&c, set, generation);
		if (!rep)
			r = rast_err_sys(err, ENOMEM, "policy");
	}
	if (r < 0)
		return r;
	image = make_image(&c, generation);
	if (!image)
		return rast_err_sys(err, ENOMEM, "policy image");
	r = rast_fqdns_write(&c.flat, &c.classes, &c.fqdns, c.id_by_number, &image->names, err);
	if (r < 0) {
		free(image);
		return r;
	}
	*ret_image = image;
	if (ret_rules)
		*ret_rules = TAKE_PTR(rules);
	if (ret_report)
		*ret_report = TAKE_PTR(rep);
	return 0;
}
