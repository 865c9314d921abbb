/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of any text: identifiers split, lower case, stems. First step of embed.h. Pure. */
#ifndef RAST_VECTOR_TOKEN_H
#define RAST_VECTOR_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAST_TOKEN_MAX 40u

struct rast_token {
	char text[RAST_TOKEN_MAX];  /* lower case stem */
	char plain[RAST_TOKEN_MAX]; /* lower case, as it stood */
	size_t len;
};

/*
 * Calls fn for each word: "readOnlyRootFilesystem" → read, only, root, filesystem; "/usr/sbin/nginx"
 * → usr, sbin, nginx; "64Mi" stays whole. fn returns false to stop. At most `max` words.
 */
void rast_tokens(const char *text, size_t len, size_t max,
		 bool (*fn)(void *arg, const struct rast_token *t), void *arg);
/* Cuts English endings in place: policies → policy, allowed → allow, running → run. */
void rast_token_stem(char *word);
/* a, the, which, … : words of a question that say nothing. */
bool rast_token_is_stopword(const char *plain);

/* Calls fn with the name of each concept ("database") that a stem stands for ("redi", "db"). */
void rast_concepts(const char *stem, void (*fn)(void *arg, const char *concept), void *arg);
bool rast_concept_has(const char *stem, const char *concept);
/*
 * The word of the table that `plain` is a slip of the pen for: same first letter, one letter wrong,
 * missing, too many or two swapped. NULL when it is in the table itself, too short, or far from all.
 */
const char *rast_concept_spelling(const char *plain);
/* Changes whenever the table does: part of the embedder's identity. */
uint32_t rast_concept_id(void);

static inline uint64_t rast_hash_more(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h;
}

/* FNV-1a with a final mix, so that low bits can choose a dimension. */
static inline uint64_t rast_hash_done(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	return h ? h : 1;
}
#define RAST_HASH_START 0xcbf29ce484222325u

#endif
