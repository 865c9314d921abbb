/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store as a feature of the controller: `config.*` operations over rastd's socket. Only rastd
 * opens the store (<lib_dir>/store): one writer, and the CLI stays small and quick to start because
 * it does not link RocksDB.
 *
 *   config.put      {items:[{key?,body}],author?,message?,expect?} → {version,items:[{key,version,changed}]}
 *   config.get      {key,version?}                 → {key,version,…,body}
 *   config.list     {prefix?,version?}             → [{key,version,…}]
 *   config.log      {key?,limit?}                  → [{key,version,…}], newest first
 *   config.diff     {key,from?,to?}                → {key,from,to,changes:[…],text}
 *   config.rollback {key,to,author?,message?,expect?} → {key,version,changed}
 *   config.delete   {keys:[…],author?,message?,expect?} → as put
 *   config.search   {query,k?,version?}            → [{key,version,score,words,cosine,matched,snippet}]
 *   config.verify   {}                             → {items,versions,operations,vectors}
 *   config.info     {}                             → as rast_store_info()
 *
 * Versions are operation numbers of the store. `expect` is the version that every item of the request
 * must be at (0: it must not exist). A manifest without `key` is filed under KIND/NAMESPACE/NAME.
 */
#ifndef RAST_VECTOR_CONFIG_H
#define RAST_VECTOR_CONFIG_H

#include "controller/control.h"
#include "vector/config_key.h"
#include "vector/vector.h"

extern const struct rast_feature rast_config_feature;

/* The open store; NULL when the feature is not loaded. Other features keep their items in it too. */
struct rast_store *rast_config_store(const struct rast_controller *c);

/*
 * What else has to happen when items change by `config`: the running policy follows a NetworkPolicy,
 * for instance.
 *   check    before anything is stored, once for each item of the request; body NULL: it is going to
 *            be deleted. A negative return refuses the whole request, with err. May be NULL.
 *   changed  after it is stored, once for each item that changed; now->body NULL: deleted. It may
 *            read the store, not write it. May be NULL.
 * -ENODEV when the feature is not loaded, -ENOSPC past eight hooks.
 */
struct rast_config_hook {
	int (*check)(void *arg, const char *key, const json_t *body, struct rast_err *err);
	void (*changed)(void *arg, const struct rast_version *now);
	void *arg;
};
int rast_config_on_change(struct rast_controller *c, const struct rast_config_hook *hook);

#endif
