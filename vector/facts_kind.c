// SPDX-License-Identifier: BSD-2-Clause
/*
 * What somebody who knows the field reads between the lines of a manifest: what a kind is for, which
 * protocol lives on a well-known port, when a schedule runs, what a security context amounts to.
 */
#include "vector/facts_add.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int kind_meaning(struct rast_facts *f, const json_t *body)
{
	/* In the words of the Kubernetes documentation's own one-line definitions. */
	static const struct {
		const char *kind, *text;
	} known[] = {
		{"Pod", "running container, application"},
		{"Deployment", "keeps replicas of a pod running"},
		{"StatefulSet", "replicas with stable storage"},
		{"DaemonSet", "one pod on every node"},
		{"Job", "task that runs once to completion"},
		{"CronJob", "job that runs on a repeating schedule"},
		{"Service", "exposes pods at one stable network address, endpoint"},
		{"Ingress", "public entry point from outside, routes HTTP to services"},
		{"NetworkPolicy", "network traffic rule: who is allowed to connect to whom"},
		{"ContainerNetworkPolicy",
		 "network traffic rule: who is allowed to connect to whom, and who is denied"},
		{"NodeNetworkPolicy", "network traffic rule of the node, host firewall"},
		{"ConfigMap", "configuration settings"},
		{"Secret", "sensitive data: password, credential, token, key"},
		{"ServiceAccount", "identity under which pods run"},
		{"ResourceQuota", "resource limits of a namespace"},
		{"LimitRange", "default resource limits"},
		{"PersistentVolumeClaim", "storage, disk space"},
		{"Namespace", "group of items"},
		{"Role", "permissions"},
	};
	const char *kind = rast_json_str(body, "kind");

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(kind, known[i].kind))
			return rast_facts_add(f, "", "", known[i].text, 0.5f, NULL, NULL);
	return 0;
}

/* IANA's names, with what people call the thing behind them. */
static const char *port_meaning(json_int_t port)
{
	static const struct {
		uint16_t port;
		const char *text;
	} known[] = {
		{22, "ssh"},
		{25, "smtp mail"},
		{53, "dns"},
		{80, "http web"},
		{110, "pop3 mail"},
		{123, "ntp time"},
		{143, "imap mail"},
		{389, "ldap"},
		{443, "https web tls"},
		{465, "smtp mail"},
		{514, "syslog"},
		{587, "smtp mail"},
		{636, "ldap tls"},
		{853, "dns tls"},
		{993, "imap mail"},
		{1433, "sql database"},
		{1883, "mqtt queue"},
		{2049, "nfs storage"},
		{2379, "etcd database"},
		{3306, "mysql"},
		{5432, "postgres"},
		{5672, "amqp queue"},
		{6379, "redis"},
		{8080, "http"},
		{8443, "https"},
		{9042, "cassandra"},
		{9090, "prometheus metrics"},
		{9092, "kafka"},
		{9100, "metrics"},
		{9200, "search"},
		{11211, "memcached"},
		{27017, "mongodb"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (port == known[i].port)
			return known[i].text;
	return NULL;
}

/* Five fields of cron(5): how often, and whether at night. */
static int schedule_meaning(struct rast_facts *f, const char *path, const char *s)
{
	char min[24], hour[24], day[24], month[24], week[24], text[128];
	const char *often;
	int h;

	if (sscanf(s, "%23s %23s %23s %23s %23s", min, hour, day, month, week) != 5)
		return 0;
	if (strcmp(month, "*") != 0)
		often = "every year";
	else if (strcmp(day, "*") != 0)
		often = "every month, monthly";
	else if (strcmp(week, "*") != 0)
		often = "every week, weekly";
	else if (strcspn(hour, "*/,-") == strlen(hour))
		often = "every day, daily";
	else
		often = "every hour or more often";
	if (sscanf(hour, "%d", &h) != 1)
		h = 12;
	(void)snprintf(text, sizeof(text), "runs %s%s", often,
		       h < 6 || h > 21 ? ", at night, nightly" : "");
	return rast_facts_add(f, path, "schedule", text, 0.8f, NULL, NULL);
}

/* A field that says more than its letters do. */
static int field_meaning(struct rast_facts *f, const char *path, const char *name, const json_t *v)
{
	const char *text = NULL;

	if (strstr(name, "ort") && json_is_integer(v))
		text = port_meaning(json_integer_value(v));
	else if (!strcmp(name, "schedule") && json_is_string(v))
		return schedule_meaning(f, path, json_string_value(v));
	else if (!strcmp(name, "runAsUser") && json_is_integer(v) && !json_integer_value(v))
		text = "runs as root";
	else if (!strcmp(name, "privileged") && json_is_true(v))
		text = "privileged: root with full access to the host";
	else if (!strncmp(name, "host", 4) && json_is_true(v))
		text = "shares namespaces of the host machine";
	else if (!strcmp(name, "readOnlyRootFilesystem") && json_is_true(v))
		text = "readonly root filesystem, immutable";
	return text ? rast_facts_add(f, path, "", text, 0.7f, NULL, NULL) : 0;
}

static int walk(struct rast_facts *f, const char *path, const json_t *v, int left)
{
	char sub[256];
	const char *name;
	json_t *child;
	size_t i;
	int r = 0;

	if (!left)
		return 0;
	json_object_foreach((json_t *)v, name, child) {
		(void)snprintf(sub, sizeof(sub), "%s%s%s", path, *path ? "." : "", name);
		r = field_meaning(f, sub, name, child);
		if (!r)
			r = walk(f, sub, child, left - 1);
		if (r < 0)
			return r;
	}
	json_array_foreach(v, i, child) {
		(void)snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		r = walk(f, sub, child, left - 1);
		if (r < 0)
			return r;
	}
	return 0;
}

int rast_facts_kind(struct rast_facts *f, const json_t *body)
{
	int r = kind_meaning(f, body);

	return r ? r : walk(f, "", body, 16);
}
