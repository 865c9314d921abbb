// SPDX-License-Identifier: BSD-2-Clause
/*
 * A question in plain language → features. Besides its words, who connects to whom: "what may web
 * talk to" asks for another policy than "what may talk to web". A small grammar of verbs and
 * prepositions is enough: before an active verb of connecting stands the subject, behind it the
 * object; "from" and "by" turn to the subject, "to" and "into" to the object; a passive verb swaps.
 */
#include "vector/embed_add.h"

#include "base/mem.h"
#include "vector/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A longer question says no more. */
#define QUERY_WORDS 64u
/* What a word still counts for itself when it counts as an end of a relation. */
#define ROLE_PLAIN 0.6f

enum role { ROLE_NONE, ROLE_FROM, ROLE_TO };

struct words {
	struct rast_token t[QUERY_WORDS];
	enum role role[QUERY_WORDS];
	size_t n;
};

static bool collect(void *arg, const struct rast_token *t)
{
	struct words *w = arg;

	w->t[w->n++] = *t;
	return w->n < QUERY_WORDS;
}

static bool is_any(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

struct known {
	bool any;
};

static void known_concept(void *arg, const char *concept)
{
	((struct known *)arg)->any = true;
}

static bool passive(const char *plain)
{
	size_t n = strlen(plain);

	return n > 4 && (!strcmp(plain + n - 2, "ed") || !strcmp(plain + n - 3, "ble"));
}

/* A word that nobody knows and that looks like one that everybody knows: read it as that one. */
static void correct(struct rast_token *t)
{
	struct known k = {0};
	const char *better;

	rast_concepts(t->text, known_concept, &k);
	better = k.any || rast_token_is_stopword(t->plain) ? NULL : rast_concept_spelling(t->plain);
	if (!better)
		return;
	(void)snprintf(t->text, sizeof(t->text), "%s", better);
	rast_token_stem(t->text);
}

/* Words of the relation itself: no role of their own. */
static bool relational(const struct rast_token *t)
{
	static const char *const concepts[] = {"connect", "traffic", "allow",
					       "deny",    "policy",  NULL};

	for (size_t i = 0; concepts[i]; i++)
		if (rast_concept_has(t->text, concepts[i]))
			return true;
	return rast_token_is_stopword(t->plain);
}

static void find_roles(struct words *w)
{
	static const char *const to_from[] = {"from", "by", NULL};
	static const char *const to_to[] = {"to", "into", "onto", "towards", "toward", NULL};
	bool verb = false, from = false, to = false;
	enum role now = ROLE_FROM;

	for (size_t i = 0; i < w->n; i++) {
		const struct rast_token *t = &w->t[i];

		if (is_any(t->plain, to_from)) {
			now = ROLE_FROM;
			from = true;
		} else if (is_any(t->plain, to_to)) {
			now = ROLE_TO;
			to = true;
		} else if (rast_concept_has(t->text, "connect")) {
			verb = true;
			if (passive(t->plain))
				for (size_t k = 0; k < i; k++)
					w->role[k] = w->role[k] ? ROLE_TO : ROLE_NONE;
			now = ROLE_TO;
		} else if (!relational(t)) {
			w->role[i] = now;
		}
	}
	if (!verb && !(from && to))
		memset(w->role, 0, sizeof(w->role));
}

int rast_embed_query(const char *query, struct rast_features *ret)
{
	_cleanup_free_ struct words *w = calloc(1, sizeof(*w));
	struct rast_features f = {0};
	int r = 0;

	if (!w)
		return -ENOMEM;
	rast_tokens(query, strlen(query), QUERY_WORDS, collect, w);
	/* What was written counts too: it may be a name that only looks like a slip. */
	for (size_t i = 0, n = w->n; i < n && !r; i++) {
		struct rast_token written = w->t[i];

		correct(&w->t[i]);
		if (strcmp(written.text, w->t[i].text) != 0)
			r = rast_features_add_word(&f, written.text, NULL, 1.0f);
	}
	find_roles(w);
	for (size_t i = 0; i < w->n && !r; i++) {
		if (rast_token_is_stopword(w->t[i].plain))
			continue;
		/* "the database" in "may talk to the database" is above all an end of that relation. */
		r = rast_features_add_word(&f, w->t[i].text, NULL, w->role[i] ? ROLE_PLAIN : 1.0f);
		if (!r && w->role[i])
			r = rast_features_add_word(&f, w->t[i].text,
						   w->role[i] == ROLE_FROM ? "from>" : "to>", 1.0f);
	}
	if (r < 0) {
		rast_features_finish(&f);
		return r;
	}
	rast_features_merge(&f);
	*ret = f;
	return 0;
}
