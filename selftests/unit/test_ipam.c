// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of the pod range, their files, and the names and MACs made from them. */
#include "network/ipam.h"
#include "network/network.h"

#include "base/fd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

static struct rast_instance in;

/* A /28 in a folder of its own: thirteen pods. */
static int setup(void **state)
{
	char *dir = strdup("/tmp/rast-ipam.XXXXXX");

	if (!dir || !mkdtemp(dir))
		return -1;
	memset(&in, 0, sizeof(in));
	(void)snprintf(in.name, sizeof(in.name), "tipam");
	(void)snprintf(in.run_dir, sizeof(in.run_dir), "%s", dir);
	in.pod_cidr = 10u << 24 | 99u << 16 | 32;
	in.pod_prefix = 28;
	*state = dir;
	return 0;
}

static int teardown(void **state)
{
	int r = rast_remove_tree(AT_FDCWD, *state);

	free(*state);
	return r;
}

static void test_network_bridge_and_broadcast_address_are_never_given(void **state)
{
	struct rast_err err = {0};
	uint32_t addr;
	char key[8];

	for (int i = 0; i < 13; i++) {
		(void)snprintf(key, sizeof(key), "p%d", i);
		assert_int_equal(rast_ipam_alloc(&in, key, &addr, &err), 0);
		assert_int_equal(addr, in.pod_cidr + 2 + (unsigned int)i);
	}
	assert_int_equal(rast_ipam_alloc(&in, "late", &addr, &err), -ENOSPC);
	assert_string_equal(err.text, "no free address in the pod range 10.99.0.32/28: 13 in use");
}

static void test_a_released_address_rests_until_the_ring_comes_round(void **state)
{
	uint32_t first, second, addr = 0;

	assert_int_equal(rast_ipam_alloc(&in, "a", &first, NULL), 0);
	assert_int_equal(rast_ipam_release(&in, first, "a", NULL), 0);
	assert_int_equal(rast_ipam_alloc(&in, "b", &second, NULL), 0);
	assert_int_equal(second, first + 1);
	for (int i = 0; i < 12; i++)
		assert_int_equal(rast_ipam_alloc(&in, "c", &addr, NULL), 0);
	assert_int_equal(addr, first);
}

static void test_only_its_owner_can_release_an_address(void **state)
{
	struct rast_err err = {0};
	uint32_t addr;

	assert_int_equal(rast_ipam_alloc(&in, "default/web", &addr, &err), 0);
	assert_int_equal(rast_ipam_release(&in, addr, "default/db", &err), -EPERM);
	assert_string_equal(err.text,
			    "address 10.99.0.34 belongs to default/web, not to default/db");
	assert_int_equal(rast_ipam_release(&in, addr, NULL, NULL), 0);
	assert_int_equal(rast_ipam_release(&in, addr, "default/web", NULL), 0);
}

static void test_list_names_address_and_owner_and_skips_other_files(void **state)
{
	_cleanup_json_ json_t *rows = NULL;
	char path[96];
	uint32_t addr;

	assert_int_equal(rast_ipam_alloc(&in, "default/web", &addr, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/ipam/10.1.2.3", in.run_dir);
	assert_int_equal(rast_replace_file(AT_FDCWD, path, "x", 1, 0644, 0), 0);
	assert_int_equal(rast_ipam_list(&in, &rows, NULL), 0);
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(rast_json_str(json_array_get(rows, 0), "address"), "10.99.0.34");
	assert_string_equal(rast_json_str(json_array_get(rows, 0), "key"), "default/web");
}

static void test_an_owner_that_is_empty_or_has_lines_is_refused(void **state)
{
	uint32_t addr;

	assert_int_equal(rast_ipam_alloc(&in, "", &addr, NULL), -EINVAL);
	assert_int_equal(rast_ipam_alloc(&in, "a\nb", &addr, NULL), -EINVAL);
}

static void test_the_next_address_follows_the_last_and_wraps(void **state)
{
	uint64_t used[2] = {0};

	assert_int_equal(rast_ipam_next(used, 100, 70, 0), 100);
	assert_int_equal(rast_ipam_next(used, 100, 70, 100), 101);
	assert_int_equal(rast_ipam_next(used, 100, 70, 169), 100);
	assert_int_equal(rast_ipam_next(used, 100, 70, 5000), 100);
	used[0] = ~0ull;
	assert_int_equal(rast_ipam_next(used, 100, 70, 0), 164);
	used[1] = 0x3f;
	assert_int_equal(rast_ipam_next(used, 100, 70, 0), 0);
}

static void test_interface_names_fit_also_for_the_longest_instance(void **state)
{
	struct rast_instance longest = {.name = "abcdefghijk", .pod_cidr = 10u << 24};
	char name[16];

	rast_network_ifname(&longest, (10u << 24) + 65534, name);
	assert_string_equal(name, "abcdefghijkfffe");
}

static void test_the_mac_is_local_unicast_and_holds_the_address(void **state)
{
	uint8_t mac[6], want[6] = {0x0a, 0x58, 10, 77, 1, 2};

	rast_network_mac(10u << 24 | 77u << 16 | 1u << 8 | 2, mac);
	assert_memory_equal(mac, want, 6);
	assert_int_equal(mac[0] & 3, 2);
}

static void test_a_listening_port_is_in_use_and_named(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	struct rast_err err = {0};
	char want[96];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (void *)&sa, &len), 0);
	assert_int_equal(rast_network_port_in_use(RAST_NETWORK_TCP, INADDR_LOOPBACK,
						  ntohs(sa.sin_port), &err),
			 -EADDRINUSE);
	(void)snprintf(want, sizeof(want), "port %u/tcp of the host (127.0.0.1) is in use",
		       ntohs(sa.sin_port));
	assert_string_equal(err.text, want);
	(void)close(fd);
	assert_int_equal(rast_network_port_in_use(RAST_NETWORK_TCP, INADDR_LOOPBACK,
						  ntohs(sa.sin_port), NULL),
			 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_network_bridge_and_broadcast_address_are_never_given),
		T(test_a_released_address_rests_until_the_ring_comes_round),
		T(test_only_its_owner_can_release_an_address),
		T(test_list_names_address_and_owner_and_skips_other_files),
		T(test_an_owner_that_is_empty_or_has_lines_is_refused),
		T(test_the_next_address_follows_the_last_and_wraps),
		T(test_interface_names_fit_also_for_the_longest_instance),
		T(test_the_mac_is_local_unicast_and_holds_the_address),
		T(test_a_listening_port_is_in_use_and_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
