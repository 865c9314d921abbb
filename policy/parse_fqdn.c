// SPDX-License-Identifier: BSD-2-Clause
/*
 * DNS names and patterns of names, as `fqdns` and `dns` of rast.os/v1 have them. They are kept in
 * lower case and without the dot at the end, for so they are compared.
 */
#include "policy/set.h"

#include <errno.h>
#include <string.h>

#define MAX_NAME 253 /* RFC 1035: 255 on the wire, with the root's and the first label's lengths */
#define MAX_LABEL 63

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123; "_" at a label's front is RFC 2782's, which no host has but DNS is asked for. */
static const char *label(const char *s, size_t n, bool services)
{
	bool star = memchr(s, '*', n);

	if (!n)
		return "has an empty label";
	if (n > MAX_LABEL)
		return "has a label of more than 63 characters";
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '*' && i && s[i - 1] == '*')
			return "has \"**\": one \"*\" says as much";
		if (!alnum(s[i]) && s[i] != '-' && s[i] != '*' && (s[i] != '_' || i || !services))
			return services
				       ? "may have only letters, digits, \"-\", \".\", and \"_\" at "
					 "the front of a label"
				       : "may have only letters, digits, \"-\" and \".\"";
	}
	if (s[0] == '-' || s[n - 1] == '-')
		return star ? "has a label with \"-\" at an end; \"*\" may stand beside it only inside"
			    : "has a label with \"-\" at an end";
	return NULL;
}

/* What is wrong with it; the text is in lower case. */
static const char *fault(const char *s, size_t n, bool pattern, bool services)
{
	const char *last = s, *why;
	bool digits = true;

	if (!n)
		return "is empty";
	if (n > MAX_NAME)
		return "has more than 253 characters";
	if (!pattern && memchr(s, '*', n))
		return "has a \"*\": want pattern, not name";
	if (pattern && !memchr(s, '*', n))
		return "has no \"*\": want name, not pattern";
	if (n == 1 && *s == '*')
		return NULL;
	for (const char *at = s, *end = s + n;; at = last) {
		const char *dot = memchr(at, '.', (size_t)(end - at));

		last = at;
		why = label(at, (size_t)((dot ? dot : end) - at), services);
		if (why)
			return why;
		if (!dot)
			break;
		last = dot + 1;
	}
	for (const char *c = last; c < s + n; c++) {
		if (*c == '*')
			return "has a \"*\" in its last label, and so means names of anybody's";
		digits &= *c >= '0' && *c <= '9';
	}
	if (pattern && (s[0] != '*' || s[1] != '.' || memchr(s + 1, '*', n - 1)))
		return "has a \"*\" that is not all of its first label";
	return digits ? "is no name but an address: want ipBlock" : NULL;
}

static int entry(const struct rast_yaml_node *n, bool services, struct rast_arena *a,
		 struct rast_policy_fqdn *ret, struct rast_err *err)
{
	static const char *const fields[] = {"name", "pattern", NULL};
	const char *name = NULL, *pattern = NULL, *why;
	const struct rast_yaml_node *at;
	char *text;
	size_t len;
	int r = rast_yaml_want(n, RAST_YAML_MAP, err);

	if (!r)
		r = rast_yaml_check_fields(n, fields, err);
	if (!r)
		r = rast_yaml_str(n, "name", false, &name, err);
	if (!r)
		r = rast_yaml_str(n, "pattern", false, &pattern, err);
	if (!r && !name == !pattern)
		r = rast_yaml_err(n, err, "want one of name and pattern");
	if (r < 0)
		return r;
	at = rast_yaml_get(n, name ? "name" : "pattern");
	text = rast_arena_str(a, name ? name : pattern);
	if (!text)
		return rast_err_sys(err, ENOMEM, "names");
	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	len = strlen(text);
	if (len > 1 && text[len - 1] == '.')
		text[--len] = '\0';
	why = fault(text, len, pattern, services);
	if (why)
		return rast_yaml_err(at, err, "\"%.64s\" %s", at->value, why);
	*ret = (struct rast_policy_fqdn){text, pattern, at->line};
	return 0;
}

int rast_policy_parse_fqdns(const struct rast_yaml_node *seq, bool services, struct rast_arena *a,
			    struct rast_policy_fqdn **ret, size_t *ret_n, struct rast_err *err)
{
	struct rast_policy_fqdn *list = rast_arena_take(a, seq->count + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return rast_err_sys(err, ENOMEM, "names");
	if (!seq->count)
		return rast_yaml_err(seq, err, "want at least one name or pattern");
	if (seq->count > RAST_POLICY_MAX_FQDNS)
		return rast_yaml_err(seq, err, "more than %u entries", RAST_POLICY_MAX_FQDNS);
	rast_yaml_foreach(e, seq) {
		int r = entry(e, services, a, &list[n], err);

		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			if (!strcmp(list[i].text, list[n].text))
				return rast_yaml_err(e, err, "\"%.64s\" is there twice",
						     list[n].text);
		n++;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}
