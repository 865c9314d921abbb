// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pod manifests: what is refused, with the exact words and place; what is taken, and as what. The YAML
 * tree is gone when a pod is looked at: a pod must not lean on it.
 */
#include "container/pod.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define META "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
/* Fields of the spec go behind POD (line 6, two blanks), of the container behind BOX (line 8, four). */
#define POD META "spec:\n  containers: [{name: c, image: i}]\n"
#define BOX META "spec:\n  containers:\n  - name: c\n    image: i\n"

static int parse(const char *text, struct rast_pod **ret, struct rast_err *err)
{
	const struct rast_yaml_node *docs[8];
	struct rast_yaml *y = NULL;
	size_t n, i;
	int r = rast_yaml_parse("p.yaml", text, strlen(text), &y, err);

	if (r < 0)
		return r;
	n = rast_yaml_count(y);
	for (i = 0; i < n && i < 8; i++)
		docs[i] = rast_yaml_root(y, i);
	r = rast_pod_parse(docs[0], docs, n, ret, err);
	rast_yaml_destroy(y);
	return r;
}

static struct rast_pod *must_parse(const char *text)
{
	struct rast_pod *pod = NULL;
	struct rast_err err = {0};
	char buf[1024];

	if (parse(text, &pod, &err) < 0)
		fail_msg("%s\n%s", rast_err_format(&err, buf, sizeof(buf)), text);
	return pod;
}

struct bad {
	const char *text, *error;
};

static void refuse_all(const struct bad *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rast_pod *pod = NULL;
		struct rast_err err = {0};
		char buf[1024];
		int r = parse(t[i].text, &pod, &err);

		if (!r)
			fail_msg("taken, but should not be:\n%s", t[i].text);
		assert_int_equal(r, -EINVAL);
		assert_null(pod);
		rast_err_format(&err, buf, sizeof(buf));
		if (strcmp(buf, t[i].error) != 0)
			fail_msg("got:  %s\nwant: %s\nfor:\n%s", buf, t[i].error, t[i].text);
	}
}

static void test_documents_that_are_no_pod_are_refused(void **state)
{
	static const struct bad t[] = {
		{"- a\n", "p.yaml:1:1: want a map, got a list"},
		{"kind: Pod\n", "p.yaml:1:1: field \"apiVersion\" is missing"},
		{"apiVersion: v1\n", "p.yaml:1:1: field \"kind\" is missing"},
		{"apiVersion: v2\nkind: Pod\n", "p.yaml:1:1: apiVersion: want v1 for a Pod"},
		{"apiVersion: v1\nkind: Service\n", "p.yaml:2:1: kind: want Pod"},
		{"apiVersion: v1\nkind: Pod\nspec: {}\n",
		 "p.yaml:1:1: field \"metadata\" is missing"},
		{META, "p.yaml:1:1: field \"spec\" is missing"},
		{META "spec: []\n", "p.yaml:4:1: spec: want a map, got a list"},
		{META "spec: {}\n", "p.yaml:4:1: spec: field \"containers\" is missing"},
		{META "spec: {containers: []}\n",
		 "p.yaml:4:8: spec.containers: want at least one container"},
		{META "spec: {containers: [c]}\n",
		 "p.yaml:4:21: spec.containers[0]: want a map, got a single value"},
		{META "status: {}\n", "p.yaml:4:1: status: unknown field"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: P}\n",
		 "p.yaml:3:12: metadata.name: \"P\" is not a name: want at most 63 of a-z, 0-9, \".\" and \"-\", with a letter or digit at both ends"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: ..}\n",
		 "p.yaml:3:12: metadata.name: \"..\" is not a name: want at most 63 of a-z, 0-9, \".\" and \"-\", with a letter or digit at both ends"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n",
		 "p.yaml:3:12: metadata.name: want a string, got 1 (put it in quotes)"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a.b}\n",
		 "p.yaml:3:21: metadata.namespace: \"a.b\" is not a name: want at most 63 of a-z, 0-9 and \"-\", with a letter or digit at both ends"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, uid: x}\n",
		 "p.yaml:3:21: metadata.uid: unknown field"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {-a: b}}\n",
		 "p.yaml:3:30: metadata.labels.-a: \"-a\" is not a label name"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: 1}}\n",
		 "p.yaml:3:30: metadata.labels.a: want a string, got 1 (put it in quotes)"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: b c}}\n",
		 "p.yaml:3:30: metadata.labels.a: \"b c\" is not a label value"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {/a: b}}\n",
		 "p.yaml:3:30: metadata.labels./a: \"/a\" is not a label name"},
	};

	(void)state;
	refuse_all(t, sizeof(t) / sizeof(t[0]));
}

static void test_wrong_fields_of_the_spec_are_refused(void **state)
{
	static const struct bad t[] = {
		{POD "  restartPolicy: Sometimes\n",
		 "p.yaml:6:3: spec.restartPolicy: \"Sometimes\": want Always, OnFailure or Never"},
		{POD "  restartPolcy: Never\n",
		 "p.yaml:6:3: spec.restartPolcy: unknown field (did you mean \"restartPolicy\"?)"},
		{POD "  hostPID: true\n", "p.yaml:6:3: spec.hostPID: unknown field"},
		{POD "  hostNetwork: 1\n",
		 "p.yaml:6:3: spec.hostNetwork: want true or false, got \"1\""},
		{POD "  hostname: a.b\n",
		 "p.yaml:6:3: spec.hostname: \"a.b\" is not a name: want at most 63 of a-z, 0-9 and \"-\", with a letter or digit at both ends"},
		{POD "  terminationGracePeriodSeconds: -1\n",
		 "p.yaml:6:3: spec.terminationGracePeriodSeconds: -1 is not within 0 to 86400"},
		{POD "  securityContext: {runAsUser: 4294967294}\n",
		 "p.yaml:6:21: spec.securityContext.runAsUser: 4294967294 is not within 0 to 4294967293"},
		{POD "  securityContext: {runAsUser: root}\n",
		 "p.yaml:6:21: spec.securityContext.runAsUser: want a whole number, got \"root\""},
		{POD "  securityContext: {sysctls: [{name: vm.swappiness, value: \"1\"}]}\n",
		 "p.yaml:6:32: spec.securityContext.sysctls[0].name: \"vm.swappiness\" is not a setting of the pod's own namespaces"},
		{POD "  securityContext: {sysctls: [{name: net/../vm.x, value: \"1\"}]}\n",
		 "p.yaml:6:32: spec.securityContext.sysctls[0].name: \"net/../vm.x\" is not a setting of the pod's own namespaces"},
		{POD "  securityContext: {sysctls: [{name: net..vm, value: \"1\"}]}\n",
		 "p.yaml:6:32: spec.securityContext.sysctls[0].name: \"net..vm\" is not a setting of the pod's own namespaces"},
		{POD "  hostNetwork: true\n"
		     "  securityContext: {sysctls: [{name: net.ipv4.ip_forward, value: \"1\"}]}\n",
		 "p.yaml:7:32: spec.securityContext.sysctls[0].name: \"net.ipv4.ip_forward\" is not a setting of the pod's own namespaces"},
		{POD "  volumes: [{name: v}]\n",
		 "p.yaml:6:13: spec.volumes[0]: want one of emptyDir, hostPath and configMap"},
		{POD "  volumes: [{name: v, emptyDir: {}, hostPath: {path: /a}}]\n",
		 "p.yaml:6:13: spec.volumes[0]: want one of emptyDir, hostPath and configMap"},
		{POD "  volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]\n",
		 "p.yaml:6:39: spec.volumes[1].name: a second volume named \"v\""},
		{POD "  volumes: [{name: v, emptyDir: {medium: Disk}}]\n",
		 "p.yaml:6:34: spec.volumes[0].emptyDir.medium: \"Disk\": only Memory is known"},
		{POD "  volumes: [{name: v, emptyDir: {sizeLimit: lots}}]\n",
		 "p.yaml:6:34: spec.volumes[0].emptyDir.sizeLimit: \"lots\" is not a quantity (such as 64Mi or 1G)"},
		{POD "  volumes: [{name: v, hostPath: {path: a}}]\n",
		 "p.yaml:6:34: spec.volumes[0].hostPath.path: \"a\" is not an absolute path"},
		{POD "  volumes: [{name: v, hostPath: {path: /a/../b}}]\n",
		 "p.yaml:6:34: spec.volumes[0].hostPath.path: \"/a/../b\" holds \".\" or \"..\""},
		{POD "  volumes: [{name: v, hostPath: {path: /a, type: Socket}}]\n",
		 "p.yaml:6:44: spec.volumes[0].hostPath.type: \"Socket\": want Directory, DirectoryOrCreate or File"},
		{POD "  volumes: [{name: v, configMap: {name: nowhere}}]\n",
		 "p.yaml:6:35: spec.volumes[0].configMap.name: there is no ConfigMap \"nowhere\" in namespace \"default\" here"},
		{POD "  volumes: [{name: v, secret: {}}]\n",
		 "p.yaml:6:23: spec.volumes[0].secret: unknown field"},
		{META "spec: {containers: [{name: c, image: i}, {name: c, image: i}]}\n",
		 "p.yaml:4:43: spec.containers[1].name: a second container named \"c\""},
	};

	(void)state;
	refuse_all(t, sizeof(t) / sizeof(t[0]));
}

static void test_wrong_fields_of_a_container_are_refused(void **state)
{
	static const struct bad t[] = {
		{META "spec: {containers: [{name: c}]}\n",
		 "p.yaml:4:21: spec.containers[0]: field \"image\" is missing"},
		{META "spec: {containers: [{name: c, image: \"\"}]}\n",
		 "p.yaml:4:31: spec.containers[0].image: is empty"},
		{META "spec: {containers: [{name: C, image: i}]}\n",
		 "p.yaml:4:22: spec.containers[0].name: \"C\" is not a name: want at most 63 of a-z, 0-9 and \"-\", with a letter or digit at both ends"},
		{META "spec: {containers: [{name: c.d, image: i}]}\n",
		 "p.yaml:4:22: spec.containers[0].name: \"c.d\" is not a name: want at most 63 of a-z, 0-9 and \"-\", with a letter or digit at both ends"},
		{BOX "    comand: [a]\n",
		 "p.yaml:8:5: spec.containers[0].comand: unknown field (did you mean \"command\"?)"},
		{BOX "    command: a\n",
		 "p.yaml:8:5: spec.containers[0].command: want a list, got a single value"},
		{BOX "    command: [1]\n",
		 "p.yaml:8:15: spec.containers[0].command[0]: want a string, got 1 (put it in quotes)"},
		{BOX "    workingDir: tmp\n",
		 "p.yaml:8:5: spec.containers[0].workingDir: \"tmp\" is not an absolute path"},
		{BOX "    env: [{name: A=B, value: c}]\n",
		 "p.yaml:8:12: spec.containers[0].env[0].name: \"A=B\" is not a variable's name"},
		{BOX "    env: [{name: \"\", value: c}]\n",
		 "p.yaml:8:12: spec.containers[0].env[0].name: \"\" is not a variable's name"},
		{BOX "    env: [{name: A, valueFrom: {}}]\n",
		 "p.yaml:8:21: spec.containers[0].env[0].valueFrom: unknown field"},
		{BOX "    ports: [{containerPort: 0}]\n",
		 "p.yaml:8:14: spec.containers[0].ports[0].containerPort: 0 is not within 1 to 65535"},
		{BOX "    ports: [{containerPort: 65536}]\n",
		 "p.yaml:8:14: spec.containers[0].ports[0].containerPort: 65536 is not within 1 to 65535"},
		{BOX "    ports: [{containerPort: 80, protocol: ICMP}]\n",
		 "p.yaml:8:33: spec.containers[0].ports[0].protocol: \"ICMP\": want TCP, UDP or SCTP"},
		{BOX "    ports: [{name: a, containerPort: 1}, {name: a, containerPort: 2}]\n",
		 "p.yaml:8:43: spec.containers[0].ports[1].name: a second port named \"a\""},
		{BOX "    ports: [{containerPort: 80, hostPort: 80}]\n",
		 "p.yaml:8:33: spec.containers[0].ports[0].hostPort: unknown field"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {rast.os/log-max-bytes: 63Ki}}\nspec:\n  containers:\n  - {name: c, image: i}\n",
		 "p.yaml:6:5: spec.containers[0]: annotation rast.os/log-max-bytes: \"63Ki\": want 64Ki or more"},
		{BOX "    resources: {limits: {cpu: x}}\n",
		 "p.yaml:8:26: spec.containers[0].resources.limits.cpu: \"x\" is not a quantity (such as 500m or 2)"},
		{BOX "    resources: {limits: {memory: 99999999999Ei}}\n",
		 "p.yaml:8:26: spec.containers[0].resources.limits.memory: \"99999999999Ei\" is too large"},
		{BOX "    resources: {limits: {cpu: 1}, requests: {cpu: 2}}\n",
		 "p.yaml:8:5: spec.containers[0].resources: the cpu request is above the limit"},
		{BOX "    resources: {limits: {memory: 1Mi}, requests: {memory: 2Mi}}\n",
		 "p.yaml:8:5: spec.containers[0].resources: the memory request is above the limit"},
		{BOX "    resources: {requests: {pids: 3}}\n",
		 "p.yaml:8:28: spec.containers[0].resources.requests.pids: pids can only be limited"},
		{BOX "    resources: {limits: {gpu: 1}}\n",
		 "p.yaml:8:26: spec.containers[0].resources.limits.gpu: unknown field (did you mean \"cpu\"?)"},
		{BOX "    securityContext: {privileged: true}\n",
		 "p.yaml:8:23: spec.containers[0].securityContext.privileged: a privileged container would own the node; add the capabilities that it needs instead"},
		{BOX "    securityContext: {capabilities: {add: [ALL]}}\n",
		 "p.yaml:8:38: spec.containers[0].securityContext.capabilities.add: ALL would make a privileged container; name those needed"},
		{BOX "    securityContext: {capabilities: {add: [FLY]}}\n",
		 "p.yaml:8:44: spec.containers[0].securityContext.capabilities.add[0]: \"FLY\" is not a capability"},
		{BOX "    securityContext: {seccompProfile: {type: Localhost}}\n",
		 "p.yaml:8:40: spec.containers[0].securityContext.seccompProfile.type: \"Localhost\": want RuntimeDefault or Unconfined"},
		{BOX "    securityContext: {seccompProfile: {}}\n",
		 "p.yaml:8:23: spec.containers[0].securityContext.seccompProfile: field \"type\" is missing"},
		{BOX "    volumeMounts: [{name: v, mountPath: /v}]\n",
		 "p.yaml:8:21: spec.containers[0].volumeMounts[0].name: there is no volume \"v\""},
		{BOX
		 "    volumeMounts: [{name: v, mountPath: /}]\n  volumes: [{name: v, emptyDir: {}}]\n",
		 "p.yaml:8:30: spec.containers[0].volumeMounts[0].mountPath: a volume cannot be the root"},
		{BOX "    volumeMounts: [{name: v, mountPath: /a/./b}]\n"
		     "  volumes: [{name: v, emptyDir: {}}]\n",
		 "p.yaml:8:30: spec.containers[0].volumeMounts[0].mountPath: \"/a/./b\" holds \".\" or \"..\""},
		{BOX "    volumeMounts: [{name: v, mountPath: /v, subPath: ../x}]\n"
		     "  volumes: [{name: v, emptyDir: {}}]\n",
		 "p.yaml:8:45: spec.containers[0].volumeMounts[0].subPath: want a relative path without \"..\""},
		{BOX "    volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: //v/}]\n"
		     "  volumes: [{name: v, emptyDir: {}}]\n",
		 "p.yaml:8:56: spec.containers[0].volumeMounts[1].mountPath: a second mount at /v"},
		{BOX "    readinessProbe: {}\n",
		 "p.yaml:8:5: spec.containers[0].readinessProbe: want one of httpGet, tcpSocket and exec"},
		{BOX "    readinessProbe: {tcpSocket: {port: web}}\n",
		 "p.yaml:8:34: spec.containers[0].readinessProbe.tcpSocket.port: the container has no port named \"web\""},
		{BOX "    readinessProbe: {tcpSocket: {port: 1}, exec: {command: [a]}}\n",
		 "p.yaml:8:5: spec.containers[0].readinessProbe: want one of httpGet, tcpSocket and exec"},
		{BOX "    readinessProbe: {httpGet: {port: 1, path: \"/a b\"}}\n",
		 "p.yaml:8:41: spec.containers[0].readinessProbe.httpGet.path: want a path that begins with / and has no blanks"},
		{BOX "    readinessProbe: {httpGet: {port: 1, scheme: HTTPS}}\n",
		 "p.yaml:8:41: spec.containers[0].readinessProbe.httpGet.scheme: want HTTP"},
		{BOX "    livenessProbe: {exec: {command: []}}\n",
		 "p.yaml:8:21: spec.containers[0].livenessProbe.exec: field \"command\" is missing or empty"},
		{BOX "    livenessProbe: {exec: {command: [a]}, periodSeconds: 0}\n",
		 "p.yaml:8:43: spec.containers[0].livenessProbe.periodSeconds: 0 is not within 1 to 86400"},
	};

	(void)state;
	refuse_all(t, sizeof(t) / sizeof(t[0]));
}

static void test_wrong_config_maps_are_refused_at_their_own_place(void **state)
{
	static const char pod[] = POD "  volumes: [{name: v, configMap: {name: m}}]\n---\n";
	static const char head[] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
	static const struct bad t[] = {
		{"data: {../x: a}\n", "p.yaml:11:8: data.../x: \"../x\" cannot be a file name"},
		{"data: {..: a}\n", "p.yaml:11:8: data...: \"..\" cannot be a file name"},
		{"data: {a: 1}\n", "p.yaml:11:8: data.a: want a string, got 1 (put it in quotes)"},
		{"data: {a: [b]}\n", "p.yaml:11:8: data.a: want a single value, got a list"},
		{"binaryData: {a: b}\n", "p.yaml:11:1: binaryData: unknown field"},
		{"immutable: true\n", "p.yaml:11:1: immutable: unknown field"},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s%s%s", pod, head, t[i].text);
		refuse_all(&(struct bad){text, t[i].error}, 1);
	}
}

static void test_what_is_not_said_has_its_default(void **state)
{
	_cleanup_pod_ struct rast_pod *pod = must_parse(POD);
	const struct rast_pod_container *c = pod->containers;

	(void)state;
	assert_string_equal(pod->name, "p");
	assert_string_equal(pod->ns, "default");
	assert_string_equal(pod->hostname, "p");
	assert_int_equal(pod->restart, RAST_RESTART_ALWAYS);
	assert_int_equal(pod->grace_s, 30);
	assert_false(pod->host_network);
	assert_false(pod->no_network);
	assert_int_equal(pod->n_containers, 1);
	assert_string_equal(c->name, "c");
	assert_string_equal(c->image, "i");
	assert_string_equal(c->working_dir, "/");
	assert_int_equal(c->uid, RAST_POD_ID_UNSET);
	assert_int_equal(c->gid, RAST_POD_ID_UNSET);
	assert_int_equal(c->seccomp, RAST_SECCOMP_RUNTIME_DEFAULT);
	assert_false(c->allow_privilege_escalation);
	assert_false(c->read_only_root);
	assert_int_equal(c->readiness.kind, RAST_PROBE_NONE);
	assert_int_equal(c->cap_add | c->cap_drop | c->mem_limit_bytes | c->pids_limit, 0);
}

static const char full[] =
	"apiVersion: v1\nkind: Pod\n"
	"metadata:\n"
	"  name: web.one\n"
	"  namespace: shop\n"
	"  labels: {app: web, example.com/tier: \"\"}\n"
	"  annotations: {rast.os/pids: \"7\", note: \"any text, of course\"}\n"
	"spec:\n"
	"  restartPolicy: OnFailure\n"
	"  hostname: front\n"
	"  terminationGracePeriodSeconds: 0\n"
	"  securityContext:\n"
	"    runAsUser: 33\n"
	"    sysctls: [{name: net.ipv4.ip_forward, value: \"0\"}, {name: kernel.shmmax, value: \"9\"}]\n"
	"  volumes:\n"
	"  - {name: data, emptyDir: {medium: Memory, sizeLimit: 1Mi}}\n"
	"  - {name: conf, configMap: {name: m}}\n"
	"  - {name: host, hostPath: {path: //srv//x/, type: DirectoryOrCreate}}\n"
	"  containers:\n"
	"  - name: c\n"
	"    image: i\n"
	"    env: [{name: A, value: one}, {name: B, value: $(A)-two}, {name: E}]\n"
	"    command: [sh, -c]\n"
	"    args: [echo $(B) $$(B) $(NONE) $]\n"
	"    ports: [{name: http, containerPort: 80}, {containerPort: 53, protocol: UDP}]\n"
	"    resources: {requests: {cpu: 250m, memory: 1M}, limits: {cpu: 0.5, memory: 64Mi}}\n"
	"    securityContext:\n"
	"      runAsGroup: 34\n"
	"      readOnlyRootFilesystem: true\n"
	"      capabilities: {add: [NET_ADMIN, CAP_BPF], drop: [ALL]}\n"
	"      seccompProfile: {type: Unconfined}\n"
	"    volumeMounts:\n"
	"    - {name: conf, mountPath: /etc//app/, subPath: a.conf, readOnly: true}\n"
	"    - {name: data, mountPath: /data}\n"
	"    readinessProbe: {httpGet: {port: http, path: /ok}, periodSeconds: 2}\n"
	"    livenessProbe: {exec: {command: [test, -e, /ok]}, failureThreshold: 5}\n"
	"---\n"
	"apiVersion: v1\nkind: ConfigMap\n"
	"metadata: {name: m}\ndata: {wrong: namespace}\n"
	"---\n"
	"apiVersion: v1\nkind: ConfigMap\n"
	"metadata: {name: m, namespace: shop}\ndata: {a.conf: \"x\\n\"}\n";

static void test_every_field_comes_out_as_it_was_said(void **state)
{
	_cleanup_pod_ struct rast_pod *pod = must_parse(full);
	const struct rast_pod_container *c = pod->containers;

	(void)state;
	assert_string_equal(pod->name, "web.one");
	assert_string_equal(pod->ns, "shop");
	assert_string_equal(pod->hostname, "front");
	assert_string_equal(rast_pod_label(pod, "app"), "web");
	assert_string_equal(rast_pod_label(pod, "example.com/tier"), "");
	assert_null(rast_pod_label(pod, "ap"));
	assert_int_equal(pod->restart, RAST_RESTART_ON_FAILURE);
	assert_int_equal(pod->grace_s, 0);
	assert_int_equal(pod->n_sysctls, 2);
	assert_string_equal(pod->sysctls[1].key, "kernel.shmmax");
	assert_int_equal(pod->n_volumes, 3);
	assert_true(pod->volumes[0].memory);
	assert_int_equal(pod->volumes[0].size_bytes, 1 << 20);
	assert_int_equal(pod->volumes[1].kind, RAST_VOLUME_CONFIG);
	assert_int_equal(pod->volumes[1].n_files, 1);
	assert_string_equal(pod->volumes[1].files[0].key, "a.conf");
	assert_string_equal(pod->volumes[1].files[0].value, "x\n");
	assert_string_equal(pod->volumes[2].path, "/srv/x");
	assert_true(pod->volumes[2].host_create);

	assert_int_equal(c->n_env, 3);
	assert_string_equal(c->env[1].value, "one-two");
	assert_string_equal(c->env[2].value, "");
	assert_int_equal(c->n_command, 2);
	assert_null(c->command[2]);
	assert_string_equal(c->args[0], "echo one-two $(B) $(NONE) $");
	assert_int_equal(c->ports[0].port, 80);
	assert_int_equal(c->ports[0].protocol, IPPROTO_TCP);
	assert_int_equal(c->ports[1].protocol, IPPROTO_UDP);
	assert_string_equal(c->ports[1].name, "");
	assert_int_equal(c->cpu_request_milli, 250);
	assert_int_equal(c->cpu_limit_milli, 500);
	assert_int_equal(c->mem_request_bytes, 1000000);
	assert_int_equal(c->mem_limit_bytes, 64 << 20);
	assert_int_equal(c->pids_limit, 7);
	assert_int_equal(c->uid, 33);
	assert_int_equal(c->gid, 34);
	assert_true(c->read_only_root);
	assert_true(c->cap_add == (1ull << 12 | 1ull << 39));
	assert_true(c->cap_drop == ~0ull);
	assert_int_equal(c->seccomp, RAST_SECCOMP_UNCONFINED);
	assert_int_equal(c->n_mounts, 2);
	assert_int_equal(c->mounts[0].volume, 1);
	assert_string_equal(c->mounts[0].path, "/etc/app");
	assert_string_equal(c->mounts[0].sub_path, "a.conf");
	assert_true(c->mounts[0].read_only);
	assert_int_equal(c->readiness.kind, RAST_PROBE_HTTP);
	assert_int_equal(c->readiness.port, 80);
	assert_string_equal(c->readiness.path, "/ok");
	assert_int_equal(c->readiness.period_s, 2);
	assert_int_equal(c->liveness.kind, RAST_PROBE_EXEC);
	assert_string_equal(c->liveness.command[2], "/ok");
	assert_int_equal(c->liveness.failures, 5);
}

static void test_references_to_variables_are_expanded_as_kubernetes_does(void **state)
{
	static const struct rast_pod_kv env[] = {
		{"A", "one"}, {"AB", "two"}, {"A", "last"}, {"E", ""}};
	static const struct {
		const char *text, *want;
	} t[] = {
		{"", ""},
		{"plain", "plain"},
		{"$(A)", "last"},
		{"$(AB)$(A)", "twolast"},
		{"<$(E)>", "<>"},
		{"$$", "$"},
		{"$$(A)", "$(A)"},
		{"$$$(A)", "$last"},
		{"$$$$(A)", "$$(A)"},
		{"$", "$"},
		{"a$", "a$"},
		{"$A", "$A"},
		{"${A}", "${A}"},
		{"$(", "$("},
		{"$(A", "$(A"},
		{"$()", "$()"},
		{"$(NO)", "$(NO)"},
		{"$(NO$(A))", "$(NO$(A))"},
		{"$( A)", "$( A)"},
		{"$(a)", "$(a)"},
	};
	_cleanup_pod_ struct rast_pod *pod = rast_pod_create();

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_string_equal(rast_pod_expand(pod, t[i].text, env, 4), t[i].want);
	assert_string_equal(rast_pod_expand(pod, "$(A)", NULL, 0), "$(A)");
}

/* A variable of 64 KiB used twice is the longest argument that fits, three times it is too long. */
static void test_an_expansion_that_explodes_is_refused(void **state)
{
	_cleanup_pod_ struct rast_pod *pod = rast_pod_create();
	_cleanup_free_ char *big = malloc(65536);
	struct rast_pod_kv env[] = {{"A", big}};
	const char *out;

	(void)state;
	memset(big, 'x', 65535);
	big[65535] = '\0';
	out = rast_pod_expand(pod, "$(A)$(A)", env, 1);
	assert_non_null(out);
	assert_int_equal(strlen(out), 131070);
	assert_non_null(rast_pod_expand(pod, "$(A)$(A)y", env, 1));
	assert_null(rast_pod_expand(pod, "$(A)$(A)yy", env, 1));
	assert_null(rast_pod_expand(pod, "$(A)$(A)$(A)", env, 1));
}

static void test_a_small_file_cannot_ask_for_much_memory(void **state)
{
	_cleanup_free_ char *text = malloc(1 << 16);
	struct rast_pod *pod = NULL;
	struct rast_err err = {0};
	char *p, buf[1024];
	int i;

	(void)state;
	p = stpcpy(text, BOX "    env:\n    - {name: A, value: \"");
	for (i = 0; i < 256; i++)
		p = stpcpy(p, "x");
	p = stpcpy(p, "\"}\n    - {name: B, value: \"");
	for (i = 0; i < 400; i++)
		p = stpcpy(p, "$(A)");
	p = stpcpy(p, "\"}\n    args:\n");
	for (i = 0; i < RAST_POD_MAX_ARGS; i++)
		p = stpcpy(p, "    - $(B)\n");
	assert_int_equal(parse(text, &pod, &err), -EINVAL);
	assert_null(pod);
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)),
			    "p.yaml:4:1: spec: more than 64 MiB once aliases and variables are "
			    "expanded");
}

static void test_lists_have_their_limits(void **state)
{
	_cleanup_free_ char *text = malloc(1 << 20);
	struct rast_pod *pod = NULL;
	struct rast_err err = {0};
	char *p, buf[1024];
	int i;

	(void)state;
	p = stpcpy(text, META "spec:\n  containers:\n");
	for (i = 0; i < RAST_POD_MAX_CONTAINERS; i++)
		p += sprintf(p, "  - {name: c%d, image: i}\n", i);
	pod = must_parse(text);
	assert_int_equal(pod->n_containers, RAST_POD_MAX_CONTAINERS);
	rast_pod_destroy(pod);
	pod = NULL;
	(void)strcpy(p, "  - {name: last, image: i}\n");
	assert_int_equal(parse(text, &pod, &err), -EINVAL);
	assert_string_equal(rast_err_format(&err, buf, sizeof(buf)),
			    "p.yaml:5:3: spec.containers: 17 entries; at most 16 are taken");

	rast_err_clear(&err);
	p = stpcpy(text, BOX "    args:\n");
	for (i = 0; i <= RAST_POD_MAX_ARGS; i++)
		p = stpcpy(p, "    - a\n");
	assert_int_equal(parse(text, &pod, &err), -EINVAL);
	assert_string_equal(
		rast_err_format(&err, buf, sizeof(buf)),
		"p.yaml:8:5: spec.containers[0].args: 1025 entries; at most 1024 are taken");
}

static void test_names_are_dns_labels(void **state)
{
	static const char *const good[] = {
		"a",  "0",    "a-b",
		"a1", "a--b", "a23456789012345678901234567890123456789012345678901234567890123"};
	static const char *const bad[] = {
		"",         "-a",
		"a-",       "A",
		"a_b",      "a/b",
		"a b",      "..",
		".",        "a.b",
		"\303\244", "a234567890123456789012345678901234567890123456789012345678901234"};
	static const char *const dotted_bad[] = {".a", "a.", "a..b", "a.-b", "a-.b"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(rast_pod_name_valid(good[i], false));
		assert_true(rast_pod_name_valid(good[i], true));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(rast_pod_name_valid(bad[i], false));
	for (i = 0; i < sizeof(dotted_bad) / sizeof(dotted_bad[0]); i++)
		assert_false(rast_pod_name_valid(dotted_bad[i], true));
	assert_true(rast_pod_name_valid("a.b", true));
}

static void test_capabilities_are_known_by_both_spellings(void **state)
{
	(void)state;
	assert_int_equal(rast_pod_capability("CHOWN"), 0);
	assert_int_equal(rast_pod_capability("CAP_NET_ADMIN"), 12);
	assert_int_equal(rast_pod_capability("CHECKPOINT_RESTORE"), 40);
	assert_int_equal(rast_pod_capability("net_admin"), -EINVAL);
	assert_int_equal(rast_pod_capability("CAP_"), -EINVAL);
	assert_int_equal(rast_pod_capability(""), -EINVAL);
	assert_int_equal(rast_pod_capability("CAP_CAP_CHOWN"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents_that_are_no_pod_are_refused),
		cmocka_unit_test(test_wrong_fields_of_the_spec_are_refused),
		cmocka_unit_test(test_wrong_fields_of_a_container_are_refused),
		cmocka_unit_test(test_wrong_config_maps_are_refused_at_their_own_place),
		cmocka_unit_test(test_what_is_not_said_has_its_default),
		cmocka_unit_test(test_every_field_comes_out_as_it_was_said),
		cmocka_unit_test(test_references_to_variables_are_expanded_as_kubernetes_does),
		cmocka_unit_test(test_an_expansion_that_explodes_is_refused),
		cmocka_unit_test(test_a_small_file_cannot_ask_for_much_memory),
		cmocka_unit_test(test_lists_have_their_limits),
		cmocka_unit_test(test_names_are_dns_labels),
		cmocka_unit_test(test_capabilities_are_known_by_both_spellings),
	};

	return cmocka_run_group_tests_name("pod", tests, NULL, NULL);
}
