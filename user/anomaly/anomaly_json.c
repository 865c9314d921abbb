// SPDX-License-Identifier: BSD-2-Clause
/*
 * A container's past as JSON, so that it outlives the controller and the container: not the ring but
 * order statistics of it, evenly spaced, which keep median, MAD and high near enough.
 */
#include "anomaly/anomaly.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define KEPT RAST_ANOMALY_WARMUP

static int by_value(const void *x, const void *y)
{
	float a = *(const float *)x, b = *(const float *)y;

	return (a > b) - (a < b);
}

static json_t *quantiles(const struct rast_anomaly_baseline *b)
{
	unsigned int n = b->n < KEPT ? b->n : KEPT, i;
	float v[RAST_ANOMALY_RING];
	json_t *list = json_array();

	memcpy(v, b->ring, b->n * sizeof(*v));
	qsort(v, b->n, sizeof(*v), by_value);
	for (i = 0; i < n; i++)
		(void)json_array_append_new(
			list, json_real(v[n > 1 ? i * (b->n - 1) / (n - 1) : b->n - 1]));
	return list;
}

json_t *rast_anomaly_to_json(const struct rast_anomaly *a)
{
	json_t *obj = json_object(), *learned = json_object(), *open = json_object();
	unsigned int m;

	for (m = 0; m < RAST_METRIC_MAX; m++) {
		const struct rast_anomaly_episode *e = &a->episode[m];

		(void)json_object_set_new(learned, rast_anomaly_metric_name(m),
					  quantiles(&a->base[m]));
		if (e->active)
			(void)json_object_set_new(open, rast_anomaly_metric_name(m),
						  json_pack("{s:f,s:f,s:f,s:f}", "value", e->value,
							    "threshold", e->threshold, "seconds",
							    e->seconds, "usual", e->usual));
	}
	(void)json_object_set_new(obj, "learned", learned);
	(void)json_object_set_new(obj, "open", open);
	return obj;
}

static double real(const json_t *obj, const char *key)
{
	return json_number_value(json_object_get(obj, key));
}

int rast_anomaly_from_json(struct rast_anomaly *a, const json_t *json)
{
	const json_t *learned = json_object_get(json, "learned"), *list, *open;
	unsigned int m, i, least = KEPT;
	struct rast_anomaly fresh = {0};

	for (m = 0; m < RAST_METRIC_MAX; m++) {
		struct rast_anomaly_baseline *b = &fresh.base[m];

		list = json_object_get(learned, rast_anomaly_metric_name(m));
		if (!json_is_array(list) || json_array_size(list) > KEPT)
			return -EINVAL;
		for (i = 0; i < json_array_size(list); i++) {
			double v = json_number_value(json_array_get(list, i));

			if (!isfinite(v) || v < 0)
				return -EINVAL;
			b->ring[i] = (float)v;
		}
		b->n = b->next = i;
		rast_anomaly_baseline_settle(b);
		least = i < least ? i : least;
		open = json_object_get(json_object_get(json, "open"), rast_anomaly_metric_name(m));
		if (real(open, "threshold") > 0)
			fresh.episode[m] = (struct rast_anomaly_episode){
				.active = true,
				.value = real(open, "value"),
				.threshold = real(open, "threshold"),
				.seconds = real(open, "seconds"),
				.usual = real(open, "usual"),
			};
	}
	/* All have the same number, or the file is not of ours. */
	for (m = 0; m < RAST_METRIC_MAX; m++)
		if (fresh.base[m].n != least)
			return -EINVAL;
	fresh.samples = least;
	*a = fresh;
	return 0;
}

void rast_anomaly_describe(const struct rast_anomaly *a, json_t *obj)
{
	unsigned int m;

	(void)json_object_set_new(obj, "score", json_real(round(a->score * 100) / 100));
	(void)json_object_set_new(obj, "state",
				  json_string(rast_anomaly_learned(a) ? "learned" : "warming"));
	(void)json_object_set_new(obj, "samples", json_integer(a->samples));
	for (m = 0; m < RAST_METRIC_MAX; m++)
		(void)json_object_set_new(obj, rast_anomaly_metric_name(m),
					  json_real(round(a->value[m] * 100) / 100));
}
