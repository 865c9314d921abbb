// SPDX-License-Identifier: BSD-2-Clause
/*
 * Requests of the control socket; see request.h. What arrives is untrusted only in form: the peer is
 * root. Depth is bounded by jansson (2048), length by the reader of the socket.
 */
#include "controller/request.h"

#include <errno.h>
#include <string.h>

int rast_request_parse(const char *line, size_t len, struct rast_request *ret, struct rast_err *err)
{
	_cleanup_json_ json_t *msg = NULL;
	json_error_t jerr;
	const char *op;
	json_t *args, *key_value;
	const char *key;

	msg = json_loadb(line, len, JSON_REJECT_DUPLICATES, &jerr);
	if (!msg)
		return rast_err_set(err, EINVAL, "request is no JSON: column %d: %s", jerr.column,
				    jerr.text);
	if (!json_is_object(msg))
		return rast_err_set(err, EINVAL, "request is no JSON object");
	op = rast_json_str(msg, "op");
	if (!*op)
		return rast_err_set(err, EINVAL, "request has no \"op\"");
	if (strlen(op) >= sizeof(ret->op))
		return rast_err_set(err, EINVAL, "\"op\" is too long");
	args = json_object_get(msg, "args");
	if (args && !json_is_object(args) && !json_is_null(args))
		return rast_err_set(err, EINVAL, "\"args\" is no object");
	json_object_foreach(msg, key, key_value)
		if (strcmp(key, "op") != 0 && strcmp(key, "args") != 0)
			return rast_err_set(err, EINVAL, "request has an unknown member \"%.64s\"",
					    key);
	args = json_is_object(args) ? json_incref(args) : json_object();
	if (!args)
		return rast_err_set(err, ENOMEM, "out of memory");
	memcpy(ret->op, op, strlen(op) + 1);
	ret->args = args;
	return 0;
}

void rast_request_finish(struct rast_request *req)
{
	json_decref(req->args);
	req->args = NULL;
}

json_t *rast_answer_ok(json_t *result)
{
	json_t *a = json_object();

	(void)json_object_set_new(a, "ok", json_true());
	(void)json_object_set_new(a, "result", result ? result : json_null());
	return a;
}

/* Text may hold bytes that are no UTF-8 (file names): those become '?'. */
static json_t *safe_string(const char *s)
{
	json_t *v = json_string(s);
	char copy[sizeof(((struct rast_err *)0)->text)];
	size_t i;

	if (v)
		return v;
	for (i = 0; s[i] && i + 1 < sizeof(copy); i++)
		copy[i] = (unsigned char)s[i] < 0x80 ? s[i] : '?';
	copy[i] = '\0';
	return json_string(copy);
}

json_t *rast_answer_error(const struct rast_err *err)
{
	json_t *a = json_object(), *e = json_object();

	(void)json_object_set_new(e, "code", json_integer(err->code ? err->code : EIO));
	(void)json_object_set_new(e, "text", safe_string(err->text));
	if (err->file[0])
		(void)json_object_set_new(e, "file", safe_string(err->file));
	if (err->field[0])
		(void)json_object_set_new(e, "field", safe_string(err->field));
	if (err->line > 0)
		(void)json_object_set_new(e, "line", json_integer(err->line));
	if (err->col > 0)
		(void)json_object_set_new(e, "col", json_integer(err->col));
	(void)json_object_set_new(a, "ok", json_false());
	(void)json_object_set_new(a, "error", e);
	return a;
}

static const json_t *member(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);
	const char *dot = strchr(key, '.');
	char head[128];

	if (v || !dot || (size_t)(dot - key) >= sizeof(head))
		return v;
	memcpy(head, key, (size_t)(dot - key));
	head[dot - key] = '\0';
	return member(json_object_get(obj, head), dot + 1);
}

bool rast_filter_match(const json_t *filters, const json_t *event)
{
	const char *key;
	json_t *want;

	json_object_foreach((json_t *)filters, key, want) {
		const json_t *have = member(event, key);

		if (!have || !json_equal(have, want))
			return false;
	}
	return true;
}

int rast_filter_check(const json_t *filters, struct rast_err *err)
{
	const char *key;
	json_t *want;

	if (!filters || json_is_null(filters))
		return 0;
	if (!json_is_object(filters))
		return rast_err_set(err, EINVAL, "\"filters\" is no object");
	if (json_object_size(filters) > 16)
		return rast_err_set(err, E2BIG, "more than 16 filters");
	json_object_foreach((json_t *)filters, key, want)
		if (json_is_object(want) || json_is_array(want) || strlen(key) > 127)
			return rast_err_set(err, EINVAL, "filter \"%.64s\" is no plain value", key);
	return 0;
}
