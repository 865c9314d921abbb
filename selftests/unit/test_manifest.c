// SPDX-License-Identifier: BSD-2-Clause
/* Manifest files are sorted and checked as a whole before anything is done with them. */
#include "node/manifest.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static const char *file(const char *text)
{
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/rast-manifest-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(rast_write_all(fd, text, strlen(text)), 0);
	(void)close(fd);
	return path;
}

/* The error without the file's random name: from the first ":". */
static void expect_error(const char *text, const char *want)
{
	struct rast_manifest m;
	struct rast_err err = {0};
	const char *p = file(text);
	char got[1024];
	int r = rast_manifest_load(&p, 1, &m, &err);

	(void)unlink(path);
	assert_true(r < 0);
	assert_string_equal(strchr(rast_err_format(&err, got, sizeof(got)), ':'), want);
}

#define POD(name)                                           \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name \
	"}\nspec: {containers: [{name: a, image: i}]}\n"

static void test_documents_are_sorted_by_what_is_done_with_them(void **state)
{
	struct rast_manifest m;
	struct rast_err err = {0};
	const char *p = file(POD("a") "---\n" POD(
		"b") "---\n"
		     "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
		     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: v}\n");
	char key[128];

	(void)state;
	assert_int_equal(rast_manifest_load(&p, 1, &m, &err), 0);
	(void)unlink(path);
	assert_int_equal(m.n_docs, 4);
	assert_int_equal(m.n_pods, 2);
	assert_int_equal(m.n_policies, 1);
	assert_int_equal(m.n_config_maps, 1);
	assert_string_equal(m.pods[1]->name, "b");
	assert_string_equal(rast_manifest_key(m.docs[0], key, sizeof(key)), "Pod/default/a");
	assert_string_equal(rast_manifest_key(m.docs[2], key, sizeof(key)), "Namespace/shop");
	rast_manifest_finish(&m);
}

static void test_two_documents_of_one_name_are_refused(void **state)
{
	struct rast_manifest m;
	struct rast_err err = {0};
	const char *p = file(POD("a") "---\n" POD("a"));

	(void)state;
	assert_int_equal(rast_manifest_load(&p, 1, &m, &err), -EINVAL);
	(void)unlink(path);
	assert_int_equal(err.line, 6);
	assert_non_null(strstr(err.text, "Pod/default/a is there twice"));
}

static void test_an_unknown_kind_is_named_with_its_line(void **state)
{
	(void)state;
	expect_error(
		"apiVersion: v1\nkind: Deployment\nmetadata: {name: a}\n",
		":2:1: kind: kind Deployment is not known here (Pod, ConfigMap, NetworkPolicy, "
		"ClusterNetworkPolicy, ContainerNetworkPolicy, NodeNetworkPolicy or Namespace)");
}

static void test_an_error_in_the_last_document_stops_all(void **state)
{
	(void)state;
	expect_error(POD("a") "---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {}\n",
		     ":9:1: spec: field \"containers\" is missing");
}

static void test_an_empty_file_is_an_error(void **state)
{
	(void)state;
	expect_error("---\n", ": no document in it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents_are_sorted_by_what_is_done_with_them),
		cmocka_unit_test(test_two_documents_of_one_name_are_refused),
		cmocka_unit_test(test_an_unknown_kind_is_named_with_its_line),
		cmocka_unit_test(test_an_error_in_the_last_document_stops_all),
		cmocka_unit_test(test_an_empty_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
