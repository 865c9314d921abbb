// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pod: arena, names, capabilities, $(VAR) expansion. The manifest's fields are read in pod_parse.c.
 */
#include "container/pod.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct rast_pod_block {
	struct rast_pod_block *next;
	max_align_t data[];
};

struct rast_pod *rast_pod_create(void)
{
	struct rast_pod *pod = calloc(1, sizeof(*pod));

	if (pod) {
		pod->name = pod->hostname = "";
		pod->ns = "default";
		pod->grace_s = 30;
	}
	return pod;
}

void *rast_pod_alloc(struct rast_pod *pod, size_t size)
{
	struct rast_pod_block *b;

	if (size > RAST_POD_MAX_BYTES - pod->arena_bytes) {
		pod->arena_full = true;
		return NULL;
	}
	b = calloc(1, sizeof(*b) + (size ? size : 1));
	if (!b)
		return NULL;
	pod->arena_bytes += size;
	b->next = pod->arena;
	pod->arena = b;
	return b->data;
}

const char *rast_pod_strdup(struct rast_pod *pod, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = rast_pod_alloc(pod, n);

	return p ? memcpy(p, s, n) : NULL;
}

void rast_pod_destroy(struct rast_pod *pod)
{
	struct rast_pod_block *b, *next;

	if (!pod)
		return;
	for (b = pod->arena; b; b = next) {
		next = b->next;
		free(b);
	}
	free(pod);
}

static bool alnum_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool rast_pod_name_valid(const char *name, bool dots)
{
	size_t i, n = strlen(name);

	if (!n || n > RAST_POD_MAX_NAME || !alnum_lower(name[0]) || !alnum_lower(name[n - 1]))
		return false;
	for (i = 0; i < n; i++) {
		if (alnum_lower(name[i]) || name[i] == '-')
			continue;
		if (!dots || name[i] != '.' || !alnum_lower(name[i - 1]) ||
		    !alnum_lower(name[i + 1]))
			return false;
	}
	return true;
}

static const char *const cap_names[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

int rast_pod_capability(const char *name)
{
	size_t i;

	if (!strncmp(name, "CAP_", 4))
		name += 4;
	for (i = 0; i < ARRAY_SIZE(cap_names); i++)
		if (!strcmp(name, cap_names[i]))
			return (int)i;
	return -EINVAL;
}

static const char *env_value(const struct rast_pod_kv *env, size_t n_env, const char *name,
			     size_t len)
{
	size_t i;

	/* The last of the same name wins, as it does in the environment that is built. */
	for (i = n_env; i-- > 0;)
		if (!strncmp(env[i].key, name, len) && !env[i].key[len])
			return env[i].value;
	return NULL;
}

/* Writes to out when it is not NULL; returns the length either way. */
static size_t expand(const char *text, const struct rast_pod_kv *env, size_t n_env, char *out)
{
	size_t len = 0;
	const char *p = text;

	while (*p) {
		const char *from = p, *end;
		size_t n = 1;

		if (p[0] == '$' && p[1] == '$') {
			p += 2;
		} else if (p[0] == '$' && p[1] == '(' && (end = strchr(p, ')'))) {
			const char *v = env_value(env, n_env, p + 2, (size_t)(end - p - 2));

			n = v ? strlen(v) : (size_t)(end + 1 - p);
			from = v ? v : p;
			p = end + 1;
		} else {
			p++;
		}
		if (out)
			memcpy(out + len, from, n);
		len += n;
		if (len > RAST_POD_MAX_ARG)
			break;
	}
	return len;
}

const char *rast_pod_expand(struct rast_pod *pod, const char *text, const struct rast_pod_kv *env,
			    size_t n_env)
{
	size_t n;
	char *out;

	if (!strchr(text, '$'))
		return strlen(text) > RAST_POD_MAX_ARG ? NULL : rast_pod_strdup(pod, text);
	n = expand(text, env, n_env, NULL);
	if (n > RAST_POD_MAX_ARG)
		return NULL;
	out = rast_pod_alloc(pod, n + 1);
	if (out)
		(void)expand(text, env, n_env, out);
	return out;
}

const char *rast_pod_label(const struct rast_pod *pod, const char *key)
{
	size_t i;

	for (i = 0; i < pod->n_labels; i++)
		if (!strcmp(pod->labels[i].key, key))
			return pod->labels[i].value;
	return NULL;
}
