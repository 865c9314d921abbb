// SPDX-License-Identifier: BSD-2-Clause
/* Findings as JSON; see anomaly_findings.h. */
#include "anomaly/anomaly_findings.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>

json_t *rast_anomaly_file_load(const char *path)
{
	json_t *file = NULL;

	if (rast_json_load(AT_FDCWD, path, &file, NULL) < 0 || !json_is_object(file)) {
		json_decref(file);
		file = json_object();
	}
	if (!json_is_array(json_object_get(file, "findings")))
		(void)json_object_set_new(file, "findings", json_array());
	if (!json_is_object(json_object_get(file, "known")))
		(void)json_object_set_new(file, "known", json_object());
	return file;
}

static void set_worst(json_t *f, const struct rast_anomaly *a, enum rast_anomaly_metric m,
		      const char *comm, int64_t pid)
{
	const struct rast_anomaly_episode *e = &a->episode[m];
	char text[256];

	(void)json_object_set_new(
		f, "finding", json_string(rast_anomaly_text(a, m, comm, pid, text, sizeof(text))));
	(void)json_object_set_new(f, "score",
				  json_real(round(e->value / e->threshold * 100) / 100));
	(void)json_object_set_new(f, "value", json_real(round(e->value * 100) / 100));
	(void)json_object_set_new(f, "threshold", json_real(round(e->threshold * 100) / 100));
}

json_t *rast_anomaly_finding(const struct rast_anomaly *a, enum rast_anomaly_metric m,
			     const struct rast_cgroup_name *who, json_t *time, const char *comm,
			     int64_t pid)
{
	json_t *f = json_object();

	(void)json_object_set_new(f, "time", time);
	rast_json_set_str(f, "namespace", who->ns);
	rast_json_set_str(f, "pod", who->pod);
	rast_json_set_str(f, "container", who->container);
	rast_json_set_str(f, "kind", rast_anomaly_kind(m));
	set_worst(f, a, m, comm, pid);
	if (comm && *comm)
		(void)json_object_set_new(
			f, "process", json_pack("{s:I,s:s}", "pid", (json_int_t)pid, "name", comm));
	return f;
}

void rast_anomaly_findings_add(json_t *findings, const json_t *finding)
{
	while (json_array_size(findings) >= RAST_ANOMALY_FINDINGS)
		(void)json_array_remove(findings, 0);
	(void)json_array_append_new(findings, json_deep_copy(finding));
}

void rast_anomaly_findings_update(json_t *findings, const struct rast_anomaly *a,
				  enum rast_anomaly_metric m, const struct rast_cgroup_name *who,
				  json_t *ended)
{
	size_t i = json_array_size(findings);
	const json_t *process;
	json_t *f;

	while (i-- > 0) {
		f = json_array_get(findings, i);
		if (strcmp(rast_json_str(f, "kind"), rast_anomaly_kind(m)) ||
		    json_object_get(f, "ended") ||
		    strcmp(rast_json_str(f, "container"), who->container) ||
		    strcmp(rast_json_str(f, "pod"), who->pod) ||
		    strcmp(rast_json_str(f, "namespace"), who->ns))
			continue;
		process = json_object_get(f, "process");
		set_worst(f, a, m, rast_json_str(process, "name"), rast_json_int(process, "pid"));
		if (ended)
			(void)json_object_set(f, "ended", ended);
		break;
	}
	json_decref(ended);
}
