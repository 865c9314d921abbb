// SPDX-License-Identifier: BSD-2-Clause
#include "policy_docs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

int parse(const char *text, struct rast_policy_set *set, struct rast_err *err)
{
	struct rast_yaml *y = NULL;
	int r = rast_yaml_parse("f.yaml", text, strlen(text), &y, err);

	for (size_t i = 0; !r && i < rast_yaml_count(y); i++)
		r = rast_policy_set_parse(rast_yaml_root(y, i), set, err);
	rast_yaml_destroy(y);
	return r;
}

struct rast_policy_set *must_parse(const char *text)
{
	struct rast_policy_set *set = NULL;
	struct rast_err err = {};
	char buf[1024];

	assert_int_equal(rast_policy_set_create(&set), 0);
	if (parse(text, set, &err) < 0)
		fail_msg("%s\n%s", rast_err_format(&err, buf, sizeof(buf)), text);
	return set;
}
