// SPDX-License-Identifier: BSD-2-Clause
/* What a pod's hosts file says. */
#include "node/hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_pods_of_the_same_namespace_go_by_their_bare_name(void **state)
{
	json_t *pods =
		json_pack("[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s}]", "namespace", "shop", "name",
			  "web", "address", "10.77.0.2", "namespace", "bank", "name", "db",
			  "address", "10.77.0.3", "namespace", "shop", "name", "hostnet");
	char *text = rast_hosts_text(pods, json_array_get(pods, 0), 0x0a4d0001);

	(void)state;
	assert_string_equal(text, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
				  "10.77.0.1 node.rast\n"
				  "10.77.0.2 web.shop web\n"
				  "10.77.0.3 db.bank\n");
	free(text);
	json_decref(pods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pods_of_the_same_namespace_go_by_their_bare_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
