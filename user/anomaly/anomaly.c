// SPDX-License-Identifier: BSD-2-Clause
/* Scoring; see anomaly.h for what it means. Counters in, episodes out; no clock, no kernel. */
#include "anomaly/anomaly.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVIATIONS 8.0  /* MADs, scaled to standard deviations, above the median */
#define ABOVE_HIGH 2.0  /* nor is unusual what is less than so many times the usual high */
#define HIGH 0.95       /* what lies above in the past is too rare to be usual */
#define CALM 0.5        /* of the threshold: below it an episode calms down */
#define BUSY_CALLS 1000 /* system calls a second below which the part that fails says nothing */
#define BIT(m) (1u << (m))

static const struct metric {
	const char *name, *kind, *unit;
	double floor;       /* below: never unusual */
	double hard;        /* above: unusual without any baseline; 0: nothing is */
	unsigned int hold;  /* samples in a row */
	unsigned int along; /* metrics that rise with it and say less */
} metrics[RAST_METRIC_MAX] = {
	[RAST_METRIC_DESTINATIONS] = {"destinations", "port scan", "distinct destinations", 50, 50,
				      1, ~0u & ~BIT(RAST_METRIC_FORKS)},
	[RAST_METRIC_FORKS] = {"forks_s", "fork bomb", "forks", 100, 500, 2,
			       ~0u & ~BIT(RAST_METRIC_DESTINATIONS)},
	[RAST_METRIC_EXECS] = {"execs_s", "exec storm", "execs", 50, 200, 2,
			       ~0u & ~BIT(RAST_METRIC_DESTINATIONS)},
	[RAST_METRIC_CONNECTS] = {"connects_s", "connection flood", "connects", 200, 2000, 2,
				  BIT(RAST_METRIC_DENIED) | BIT(RAST_METRIC_SYSCALLS) |
					  BIT(RAST_METRIC_ERRORS) | BIT(RAST_METRIC_NEW_SYSCALLS) |
					  BIT(RAST_METRIC_CPU)},
	[RAST_METRIC_DENIED] = {"denied_s", "denied traffic", "refused packets", 50, 1000, 3,
				BIT(RAST_METRIC_ERRORS)},
	[RAST_METRIC_SYSCALLS] = {"syscalls_s", "syscall surge", "system calls", 50000, 0, 5,
				  BIT(RAST_METRIC_ERRORS) | BIT(RAST_METRIC_CPU)},
	[RAST_METRIC_ERRORS] = {"errno_ratio", "error surge", "of its system calls fail", 0.5, 0, 5,
				0},
	[RAST_METRIC_NEW_SYSCALLS] = {"new_syscalls", "unusual system calls",
				      "system calls that it never made before", 15, 0, 1, 0},
	[RAST_METRIC_CPU] = {"cpu_percent", "CPU burn", "% of a CPU", 80, 0, 15, 0},
};

const char *rast_anomaly_metric_name(enum rast_anomaly_metric m)
{
	return metrics[m].name;
}

const char *rast_anomaly_kind(enum rast_anomaly_metric m)
{
	return metrics[m].kind;
}

double rast_anomaly_destinations(uint32_t bits)
{
	double n = RAST_FANOUT_BITS;

	/* All bits set: at least as many as leave one free. */
	if (bits >= RAST_FANOUT_BITS)
		bits = RAST_FANOUT_BITS - 1;
	return round(-n * log1p(-(double)bits / n));
}

uint32_t rast_anomaly_bits(double destinations)
{
	double n = RAST_FANOUT_BITS, bits = round(-n * expm1(-destinations / n));

	/* A limit above what the bitmap can tell would never be reached. */
	return bits > n - 24 ? RAST_FANOUT_BITS - 24 : (uint32_t)bits;
}

bool rast_anomaly_learned(const struct rast_anomaly *a)
{
	return a->samples >= RAST_ANOMALY_WARMUP;
}

double rast_anomaly_threshold(const struct rast_anomaly *a, enum rast_anomaly_metric m)
{
	const struct rast_anomaly_baseline *b = &a->base[m];
	double t;

	if (!rast_anomaly_learned(a))
		return metrics[m].hard;
	t = b->median + DEVIATIONS * 1.4826 * b->mad;
	t = fmax(t, ABOVE_HIGH * b->high);
	return fmax(t, metrics[m].floor);
}

/* ---- the past ---- */

static int by_value(const void *x, const void *y)
{
	float a = *(const float *)x, b = *(const float *)y;

	return (a > b) - (a < b);
}

void rast_anomaly_baseline_settle(struct rast_anomaly_baseline *b)
{
	float v[RAST_ANOMALY_RING];
	unsigned int i;

	if (!b->n) {
		b->median = b->mad = b->high = 0;
		return;
	}
	memcpy(v, b->ring, b->n * sizeof(*v));
	qsort(v, b->n, sizeof(*v), by_value);
	b->median = v[b->n / 2];
	b->high = v[(unsigned int)(HIGH * (b->n - 1))];
	for (i = 0; i < b->n; i++)
		v[i] = fabsf(v[i] - b->median);
	qsort(v, b->n, sizeof(*v), by_value);
	b->mad = v[b->n / 2];
}

static void learn(struct rast_anomaly *a)
{
	bool full = a->base[0].n == RAST_ANOMALY_RING, take;
	unsigned int m;

	take = !full || ++a->pending >= RAST_ANOMALY_STEP;
	for (m = 0; m < RAST_METRIC_MAX; m++) {
		struct rast_anomaly_baseline *b = &a->base[m];
		float v = (float)a->value[m];

		/* On its way to an alarm: not what is usual, so that which is stands for it. */
		if (a->episode[m].over)
			v = fminf(v, b->high);
		b->pending = fmaxf(b->pending, v);
		if (!take)
			continue;
		b->ring[b->next] = b->pending;
		b->next = (b->next + 1) % RAST_ANOMALY_RING;
		b->n += b->n < RAST_ANOMALY_RING;
		b->pending = 0;
		/*
		 * Sorting now and then is enough. No step of a slow rise may lift the threshold for
		 * the next one: hence the high is a quantile and not the largest.
		 */
		if (b->next % 8 == 0 || a->samples + 1 == RAST_ANOMALY_WARMUP)
			rast_anomaly_baseline_settle(b);
	}
	if (take)
		a->pending = 0;
	a->samples++;
}

/* ---- the present ---- */

static double rate(uint64_t before, uint64_t now, double s)
{
	return (double)(now - before) / s;
}

/* False when there is nothing to compare with, or somebody else's. */
static bool measure(struct rast_anomaly *a, const struct rast_anomaly_reading *r)
{
	const struct rast_anomaly_reading *l = &a->last;
	double *v = a->value, s;

	if (!l->time_ns || l->cgroup_id != r->cgroup_id || r->time_ns <= l->time_ns ||
	    r->connects < l->connects || r->denied < l->denied || r->execs < l->execs ||
	    r->forks < l->forks || r->syscalls < l->syscalls || r->errors < l->errors ||
	    r->syscalls_used < l->syscalls_used || r->cpu_ns < l->cpu_ns)
		return false;
	s = (double)(r->time_ns - l->time_ns) / 1e9;
	v[RAST_METRIC_DESTINATIONS] = r->destinations;
	v[RAST_METRIC_FORKS] = rate(l->forks, r->forks, s);
	v[RAST_METRIC_EXECS] = rate(l->execs, r->execs, s);
	v[RAST_METRIC_CONNECTS] = rate(l->connects, r->connects, s);
	v[RAST_METRIC_DENIED] = rate(l->denied, r->denied, s);
	v[RAST_METRIC_SYSCALLS] = rate(l->syscalls, r->syscalls, s);
	v[RAST_METRIC_ERRORS] =
		v[RAST_METRIC_SYSCALLS] < BUSY_CALLS
			? 0
			: fmin(1, rate(l->errors, r->errors, s) / v[RAST_METRIC_SYSCALLS]);
	v[RAST_METRIC_NEW_SYSCALLS] = (double)(r->syscalls_used - l->syscalls_used);
	v[RAST_METRIC_CPU] = rate(l->cpu_ns, r->cpu_ns, s) / 1e7;
	return true;
}

static bool covered(const struct rast_anomaly *a, unsigned int m)
{
	unsigned int i;

	for (i = 0; i < RAST_METRIC_MAX; i++)
		if (i != m && a->episode[i].active && metrics[i].along & BIT(m))
			return true;
	return false;
}

static void keep_worst(struct rast_anomaly *a, unsigned int m, double value, double threshold,
		       double seconds)
{
	struct rast_anomaly_episode *e = &a->episode[m];

	if (e->threshold > 0 && value / threshold <= e->value / e->threshold)
		return;
	e->value = value;
	e->threshold = threshold;
	e->seconds = seconds;
}

/* The rise that led to an episode was learned second by second before anybody knew what it was. */
static void forget_rise(struct rast_anomaly *a)
{
	unsigned int m, n = RAST_ANOMALY_QUIET;

	/* Of a full ring the steps are longer than that, and one of them lifts no quantile. */
	if (a->base[0].n == RAST_ANOMALY_RING)
		return;
	if (n > a->base[0].n)
		n = a->base[0].n;
	for (m = 0; m < RAST_METRIC_MAX; m++) {
		a->base[m].n -= n;
		a->base[m].next = a->base[m].n;
		rast_anomaly_baseline_settle(&a->base[m]);
	}
	a->samples = a->base[0].n;
}

/* What rises from here on: an episode (true), or part of another one. */
static bool begin(struct rast_anomaly *a, unsigned int m, double value, double threshold,
		  double seconds)
{
	struct rast_anomaly_episode *e = &a->episode[m];

	if (covered(a, m)) {
		e->muted = true;
		return false;
	}
	*e = (struct rast_anomaly_episode){.active = true, .usual = a->base[m].median};
	keep_worst(a, m, value, threshold, seconds);
	forget_rise(a);
	return true;
}

bool rast_anomaly_raise(struct rast_anomaly *a, enum rast_anomaly_metric m, double value,
			double threshold, double seconds)
{
	struct rast_anomaly_episode *e = &a->episode[m];

	e->quiet = 0;
	if (threshold <= 0 || e->muted)
		return false;
	if (e->active) {
		keep_worst(a, m, value, threshold, seconds);
		return false;
	}
	return begin(a, m, value, threshold, seconds);
}

/* 1: an episode begins, -1: it ends. */
static int judge(struct rast_anomaly *a, unsigned int m, double seconds)
{
	struct rast_anomaly_episode *e = &a->episode[m];
	double t = rast_anomaly_threshold(a, m), part = t > 0 ? a->value[m] / t : 0;

	a->score = fmax(a->score, part);
	e->over = part > 1 ? e->over + 1 : 0;
	/* What has gone on for so long need not calm down, only be learned. */
	e->quiet = part < (e->samples < RAST_ANOMALY_ACCEPT ? CALM : 1) ? e->quiet + 1 : 0;
	if (e->active || e->muted) {
		e->samples++;
		if (e->active && part > 1)
			keep_worst(a, m, a->value[m], t, seconds);
		if (e->quiet < RAST_ANOMALY_QUIET)
			return 0;
		e->muted = false;
		if (!e->active)
			return 0;
		e->active = false;
		return -1;
	}
	if (e->over < metrics[m].hold)
		return 0;
	return begin(a, m, a->value[m], t, seconds);
}

unsigned int rast_anomaly_sample(struct rast_anomaly *a, const struct rast_anomaly_reading *now,
				 unsigned int *ret_ended)
{
	unsigned int begun = 0, ended = 0, m;
	bool frozen = false;
	int r;

	if (ret_ended)
		*ret_ended = 0;
	if (!measure(a, now)) {
		a->last = *now;
		return 0;
	}
	a->last = *now;
	a->score = 0;
	for (m = 0; m < RAST_METRIC_MAX; m++) {
		r = judge(a, m, m == RAST_METRIC_DESTINATIONS ? now->window_s : 0);
		begun |= r > 0 ? BIT(m) : 0;
		ended |= r < 0 ? BIT(m) : 0;
		frozen |= a->episode[m].active && a->episode[m].samples < RAST_ANOMALY_ACCEPT;
	}
	if (!frozen) {
		/* Accepted as usual: learned as it is. */
		for (m = 0; m < RAST_METRIC_MAX; m++)
			if (a->episode[m].active || a->episode[m].muted)
				a->episode[m].over = 0;
		learn(a);
	}
	if (ret_ended)
		*ret_ended = ended;
	return begun;
}

const char *rast_anomaly_text(const struct rast_anomaly *a, enum rast_anomaly_metric m,
			      const char *name, int64_t pid, char *buf, size_t size)
{
	const struct rast_anomaly_episode *e = &a->episode[m];
	double scale = m == RAST_METRIC_ERRORS ? 100 : 1;
	bool per_second = m != RAST_METRIC_DESTINATIONS && m != RAST_METRIC_ERRORS &&
			  m != RAST_METRIC_NEW_SYSCALLS && m != RAST_METRIC_CPU;
	char over[32] = "", usual[48] = "", by[64] = "";

	if (e->seconds > 0)
		(void)snprintf(over, sizeof(over), " in %.0f s", fmax(1, ceil(e->seconds)));
	else if (per_second)
		(void)snprintf(over, sizeof(over), " a second");
	if (e->usual > 0 && !(e->seconds > 0 && per_second))
		(void)snprintf(usual, sizeof(usual), ", usual %.0f", e->usual * scale);
	if (name && *name)
		(void)snprintf(by, sizeof(by), ", by %s[%lld]", name, (long long)pid);
	(void)snprintf(buf, size, "%s: %.0f%s%s%s (threshold %.0f%s)%s", metrics[m].kind,
		       e->value * scale,
		       m == RAST_METRIC_CPU      ? ""
		       : m == RAST_METRIC_ERRORS ? " % "
						 : " ",
		       metrics[m].unit, over, e->threshold * scale, usual, by);
	return buf;
}
