// SPDX-License-Identifier: BSD-2-Clause
/* Words out of text; see token.h. Bytes past ASCII are letters, so UTF-8 words stay whole. */
#include "vector/token.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_word(unsigned char c)
{
	return isalnum(c) || c >= 0x80;
}

/* "non" belongs to what it denies: runAsNonRoot and non-root give nonroot. */
static bool is_non(const char *p, size_t start, size_t i)
{
	return i - start == 3 && !strncasecmp(p + start, "non", 3);
}

/* Does a new word start at p[i], though p[i - 1] is a letter too? camelCase, HTTPServer */
static bool camel_break(const char *p, size_t i, size_t len)
{
	unsigned char a = (unsigned char)p[i - 1], b = (unsigned char)p[i];

	if (islower(a) && isupper(b))
		return true;
	return isupper(a) && isupper(b) && i + 1 < len && islower((unsigned char)p[i + 1]);
}

void rast_tokens(const char *text, size_t len, size_t max,
		 bool (*fn)(void *arg, const struct rast_token *t), void *arg)
{
	size_t i = 0;

	while (i < len && max) {
		struct rast_token t = {0};
		size_t start, n;

		while (i < len && !is_word((unsigned char)text[i]))
			i++;
		start = i;
		while (i < len && is_word((unsigned char)text[i]) &&
		       (i == start || is_non(text, start, i) || !camel_break(text, i, len)))
			i++;
		n = i - start;
		if (!n)
			break;
		if (n > RAST_TOKEN_MAX - 1)
			n = RAST_TOKEN_MAX - 1;
		for (size_t k = 0; k < n; k++)
			t.plain[k] = (char)tolower((unsigned char)text[start + k]);
		memcpy(t.text, t.plain, sizeof(t.text));
		rast_token_stem(t.text);
		t.len = strlen(t.text);
		max--;
		if (!fn(arg, &t))
			return;
	}
}

static bool ends(const char *w, size_t n, const char *tail)
{
	size_t t = strlen(tail);

	return n > t && !memcmp(w + n - t, tail, t);
}

static bool has_vowel(const char *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("aeiouy", w[i]))
			return true;
	return false;
}

/* runn → run, stopp → stop; but call, access, stuff stay. */
static void undouble(char *w, size_t n)
{
	if (n > 2 && w[n - 1] == w[n - 2] && !strchr("lsfz", w[n - 1]))
		w[n - 1] = '\0';
}

void rast_token_stem(char *w)
{
	size_t n = strlen(w);

	for (size_t i = 0; i < n; i++)
		if (!isalpha((unsigned char)w[i]))
			return;
	if (n > 4 && ends(w, n, "ies")) {
		memcpy(w + n - 3, "y", 2);
	} else if (n > 4 && ends(w, n, "ied")) {
		memcpy(w + n - 3, "y", 2);
	} else if (n > 4 && (ends(w, n, "sses") || ends(w, n, "xes") || ends(w, n, "ches"))) {
		w[n - 2] = '\0';
	} else if (n > 5 && ends(w, n, "ing") && has_vowel(w, n - 3)) {
		w[n - 3] = '\0';
		undouble(w, n - 3);
	} else if (n > 4 && ends(w, n, "ed") && !ends(w, n, "eed") && has_vowel(w, n - 2)) {
		w[n - 2] = '\0';
		undouble(w, n - 2);
	} else if (n > 3 && w[n - 1] == 's' && !strchr("sui", w[n - 2])) {
		w[n - 1] = '\0';
	}
	/* store, stored, storing, stores: one stem */
	n = strlen(w);
	if (n > 4 && w[n - 1] == 'e')
		w[n - 1] = '\0';
}

bool rast_token_is_stopword(const char *plain)
{
	static const char *const words[] = {
		"a",     "about", "am",   "an",    "and",   "any",   "are",   "as",    "at",
		"be",    "been",  "but",  "by",    "did",   "do",    "does",  "for",   "from",
		"get",   "give",  "has",  "have",  "here",  "how",   "i",     "if",    "in",
		"into",  "is",    "it",   "its",   "kind",  "list",  "look",  "me",    "my",
		"of",    "on",    "one",  "onto",  "or",    "our",   "s",     "shall", "show",
		"so",    "some",  "t",    "tell",  "that",  "the",   "their", "them",  "then",
		"there", "these", "they", "thing", "this",  "to",    "us",    "want",  "was",
		"we",    "were",  "what", "when",  "where", "which", "who",   "whom",  "whose",
		"why",   "will",  "with", "would", "you",   "your",  "find",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(plain, words[i]))
			return true;
	return false;
}
