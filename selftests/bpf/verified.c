// SPDX-License-Identifier: BSD-2-Clause
/* The limits, and the reading of the verifier's log; see verified.h. */
#include "selftests/bpf/verified.h"

#include "account.skel.h"
#include "anomaly.skel.h"
#include "audit.skel.h"
#include "connect.skel.h"
#include "device.skel.h"
#include "policy.skel.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_STATS 4
#define LOG_BYTES 65536
#define MAX_PROGRAMS 32

/* The most, about twice what Debian's 6.1 took. It looks at a third more of policy than 6.18 does. */
static const struct {
	const char *name;
	unsigned long insns;
} limits[] = {
	{"account_collect", 7000}, {"account_exec", 6000},   {"account_exit", 6000},
	{"account_fork", 6000},    {"account_rx", 6000},     {"account_syscall", 6000},
	{"account_tx", 6000},      {"anomaly_conn4", 1300},  {"anomaly_conn6", 1300},
	{"anomaly_exec", 1300},    {"anomaly_send4", 1300},  {"anomaly_send6", 1300},
	{"audit_conn4", 400},      {"audit_conn6", 400},     {"audit_exec", 1400},
	{"audit_exit", 700},       {"audit_fork", 600},      {"audit_oom", 700},
	{"audit_send4", 400},      {"audit_send6", 400},     {"device_cgroup", 100},
	{"policy_in", 145000},     {"policy_out", 145000},   {"flow_socket", 30000},
	{"flow_sweep", 110000},    {"policy_conn4", 180000}, {"policy_conn6", 180000},
	{"policy_send4", 180000},  {"policy_send6", 180000},
};

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* "processed 9 insns (limit 1000000) max_states_per_insn 1 total_states 2 …", "stack depth 32+0+8" */
static void read_log(const char *log, struct verified *v)
{
	const char *line = NULL, *at = log;

	while ((at = strstr(at, "processed ")) != NULL)
		line = at++;
	if (line)
		(void)sscanf(
			line,
			"processed %lu insns (limit %*u) max_states_per_insn %*u total_states %lu",
			&v->insns, &v->states);
	at = strstr(log, "stack depth ");
	for (at = at ? at + strlen("stack depth ") : ""; *at >= '0' && *at <= '9';) {
		char *end;

		v->stack += (unsigned int)strtoul(at, &end, 10);
		at = *end == '+' ? end + 1 : end;
	}
}

static int each_program(const void *elf, size_t size, char *log,
			void (*fn)(const struct verified *v, void *arg), void *arg)
{
	struct bpf_object *obj = bpf_object__open_mem(elf, size, NULL);
	struct bpf_program *p;
	size_t n = 0, i;
	int r;

	if (!obj)
		return -errno;
	bpf_object__for_each_program(p, obj) {
		if (n == MAX_PROGRAMS)
			break;
		(void)bpf_program__set_log_level(p, LOG_STATS);
		(void)bpf_program__set_log_buf(p, log + n * LOG_BYTES, LOG_BYTES);
		log[n++ * LOG_BYTES] = '\0';
	}
	r = bpf_object__load(obj);
	n = 0;
	bpf_object__for_each_program(p, obj) {
		struct verified v = {.name = bpf_program__name(p),
				     .loaded = bpf_program__fd(p) >= 0};

		if (n == MAX_PROGRAMS)
			break;
		v.log = log + n++ * LOG_BYTES;
		read_log(v.log, &v);
		for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
			if (!strcmp(limits[i].name, v.name))
				v.limit = limits[i].insns;
		fn(&v, arg);
	}
	bpf_object__close(obj);
	return r;
}

int verified_each(void (*fn)(const struct verified *v, void *arg), void *arg)
{
	static const void *(*const objects[])(size_t *) = {
		account_bpf__elf_bytes, anomaly_bpf__elf_bytes, audit_bpf__elf_bytes,
		connect_bpf__elf_bytes, device_bpf__elf_bytes,  policy_bpf__elf_bytes};
	libbpf_print_fn_t print = libbpf_set_print(silent);
	char *log = malloc((size_t)MAX_PROGRAMS * LOG_BYTES);
	int r = log ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < sizeof(objects) / sizeof(objects[0]); i++) {
		size_t size;
		const void *elf = objects[i](&size);

		r = each_program(elf, size, log, fn, arg);
	}
	(void)libbpf_set_print(print);
	free(log);
	return r;
}
