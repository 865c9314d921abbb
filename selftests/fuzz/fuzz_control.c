// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a line of the control socket: refused with a text that fits into an answer line, or a
 * request whose op is a string of bounded length and whose args are an object. Its args then serve as
 * a subscriber's filters, against the request itself and against what they ask for.
 */
#include "controller/request.h"

#include "fuzz.h"

#include <errno.h>
#include <string.h>

/* What goes back is one line, and JSON that says so. */
static void check_answer(json_t *answer, bool ok)
{
	char *text = json_dumps(answer, JSON_COMPACT);
	json_t *again;

	MUST(answer && text && !strchr(text, '\n'));
	again = json_loads(text, 0, NULL);
	MUST(again && json_is_boolean(json_object_get(again, "ok")));
	MUST(rast_json_bool(again, "ok") == ok);
	MUST(ok || *rast_json_str(json_object_get(again, "error"), "text"));
	json_decref(again);
	json_decref(answer);
	free(text);
}

static void check_refused(const struct rast_err *err, int r)
{
	MUST(r == -err->code && (r == -EINVAL || r == -E2BIG) && err->text[0]);
	check_answer(rast_answer_error(err), false);
}

static void check_filters(const json_t *filters, const json_t *event)
{
	struct rast_err err = {0};
	int r = rast_filter_check(filters, &err);

	MUST(rast_filter_match(NULL, event));
	if (r < 0) {
		check_refused(&err, r);
		return;
	}
	(void)rast_filter_match(filters, event);
	/* A filter is about plain values: what equals it passes. */
	if (json_is_object(filters))
		MUST(rast_filter_match(filters, filters));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rast_request req = {0};
	struct rast_err err = {0};
	int r = rast_request_parse((const char *)data, size, &req, &err);

	if (r < 0) {
		MUST(!req.args);
		check_refused(&err, r);
		return 0;
	}
	MUST(!err.code && req.op[0] && strnlen(req.op, sizeof(req.op)) < sizeof(req.op));
	MUST(json_is_object(req.args));
	check_filters(req.args, req.args);
	check_filters(json_object_get(req.args, "filters"), json_object_get(req.args, "event"));
	check_filters(json_object_get(req.args, "filters"), req.args);
	check_answer(rast_answer_ok(json_incref(req.args)), true);
	rast_request_finish(&req);
	MUST(!req.args);
	return 0;
}
