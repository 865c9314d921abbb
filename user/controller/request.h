/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of the control socket → a request; and a subscriber's filter. Pure. */
#ifndef RAST_CONTROLLER_REQUEST_H
#define RAST_CONTROLLER_REQUEST_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct rast_request {
	char op[64];
	json_t *args; /* an object; empty when the request had none */
};

/* -EINVAL with err for what is no request. On success the caller finishes it. */
int rast_request_parse(const char *line, size_t len, struct rast_request *ret,
		       struct rast_err *err);
void rast_request_finish(struct rast_request *req);

/* The answer line's object; result is taken and may be NULL. NULL when out of memory. */
json_t *rast_answer_ok(json_t *result);
json_t *rast_answer_error(const struct rast_err *err);

/* Does every member of `filters` (NULL: no filter) equal the event's? "labels.app" looks inside. */
bool rast_filter_match(const json_t *filters, const json_t *event);
/* An object of strings, numbers and booleans, at most 16 of them? */
int rast_filter_check(const json_t *filters, struct rast_err *err);

#endif
