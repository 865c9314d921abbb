// SPDX-License-Identifier: BSD-2-Clause
/* See dns_event.h. The fields that a denied flow has too are named as there. */
#include "policy/dns_event.h"

#include "policy/fqdn.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void set_str(json_t *json, const char *key, const char *value)
{
	(void)json_object_set_new(json, key, json_string(value));
}

static void set_int(json_t *json, const char *key, json_int_t value)
{
	(void)json_object_set_new(json, key, json_integer(value));
}

static void add_type(uint16_t type, json_t *json)
{
	static const struct {
		uint16_t number;
		const char *name;
	} types[] = {{1, "A"},    {2, "NS"},     {5, "CNAME"}, {6, "SOA"},
		     {12, "PTR"}, {15, "MX"},    {16, "TXT"},  {28, "AAAA"},
		     {33, "SRV"}, {65, "HTTPS"}, {255, "ANY"}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].number == type) {
			set_str(json, "question_type", types[i].name);
			return;
		}
	set_int(json, "question_type", type);
}

void rast_dns_event_describe(const struct rast_event_dns *ev, json_t *json)
{
	static const char *const reasons[] = {"none", "name", "malformed", "split"};
	char addr[INET6_ADDRSTRLEN], text[RAST_FQDN_TEXT_SIZE];
	bool v6 = ev->family == AF_INET6;

	set_str(json, "type", "dns");
	set_str(json, "verdict", "deny");
	set_str(json, "direction", "egress");
	set_str(json, "reason",
		ev->reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[ev->reason] : "?");
	set_str(json, "protocol", ev->protocol == IPPROTO_TCP ? "TCP" : "UDP");
	set_str(json, "dst",
		inet_ntop(v6 ? AF_INET6 : AF_INET, ev->server + (v6 ? 0 : 12), addr, sizeof(addr)));
	set_int(json, "dst_port", 53);
	set_int(json, "packets", ev->questions);
	set_int(json, "generation", ev->generation);
	if (!ev->name_len)
		return;
	set_str(json, "name", rast_fqdn_format(ev->name, ev->name_len, text));
	add_type(ev->type, json);
}
