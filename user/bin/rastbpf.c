// SPDX-License-Identifier: BSD-2-Clause
/* rastbpf: the table of all objects. Each one's verbs stand in its own *_cmd.c. */
#include "account/account_cmd.h"
#include "anomaly/anomaly_cmd.h"
#include "audit/audit_cmd.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "container/container_cmd.h"
#include "controller/daemon_cmd.h"
#include "image/image_cmd.h"
#include "loader/feature_cmd.h"
#include "loader/link_cmd.h"
#include "loader/map_cmd.h"
#include "loader/prog_cmd.h"
#include "node/up_cmd.h"
#include "policy/flow_cmd.h"
#include "policy/policy_cmd.h"
#include "vector/config_cmd.h"

static const struct rast_object *const objects[] = {
	&rast_object_up,      &rast_object_down,       &rast_object_account,
	&rast_object_anomaly, &rast_object_audit,      &rast_object_config,
	&rast_object_gc,      &rast_object_container,  &rast_object_image,
	&rast_object_daemon,  &rast_object_completion, &rast_object_policy,
	&rast_object_flow,    &rast_object_prog,       &rast_object_map,
	&rast_object_link,    &rast_object_feature,    NULL,
};

int main(int argc, char **argv)
{
	return rast_cli_main(objects, argc, argv);
}
