/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every pod of the node for one who asks again and again: a pod whose two folders have not changed since
 * (state.h: files change by rename) is the object of the last time, not read and parsed anew.
 */
#ifndef RAST_CONTAINER_STATE_CACHE_H
#define RAST_CONTAINER_STATE_CACHE_H

#include "base/err.h"
#include "base/instance.h"
#include "base/json.h"

struct rast_state_cache;

/* NULL: no memory. */
struct rast_state_cache *rast_state_cache_create(const struct rast_instance *in);
void rast_state_cache_destroy(struct rast_state_cache *c);
static inline void rast_state_cache_destroyp(struct rast_state_cache **c)
{
	rast_state_cache_destroy(*c);
}
/*
 * As rast_state_pods() with containers. The array is the caller's, the objects in it are shared with
 * everybody who asks: nobody changes them.
 */
int rast_state_cache_pods(struct rast_state_cache *c, json_t **ret, struct rast_err *err);

#endif
