// SPDX-License-Identifier: BSD-2-Clause
/* Neighbour discovery through the loaded policy programs; part of bpf_policy6. */
#include "selftests/bpf/policy_stage.h"

#include <netinet/in.h>
#include <string.h>

enum { DEST = 60 };
enum { RS = 133, RA = 134, NS = 135, NA = 136, REDIRECT = 137, MLD2 = 143 };

static unsigned int reason(void)
{
	stage_events();
	return stage.n_events == 1 ? stage.last.reason : 99;
}

static void setup(void)
{
	stage_reset_image();
	stage_apply();
	stage_forget();
}

/* Where solicitations for the address go. */
static void solicit(struct frame6_spec *s, const uint8_t target[16])
{
	const uint8_t group[16] = {0xff, 2, [11] = 1, 0xff, target[13], target[14], target[15]};

	memcpy(s->dst, group, 16);
	memcpy(s->l4.dmac, (uint8_t[]){0x33, 0x33, 0xff, target[13], target[14], target[15]}, 6);
}

static int nd(int pod, int dir, const struct frame6_spec *s, uint8_t type, uint8_t flags,
	      const uint8_t target[16], uint8_t option, const uint8_t *mac)
{
	struct frame f;

	frame6_neighbour(&f, s, type, flags, target, option, mac);
	return stage_run(pod, dir, &f);
}

static void test_neighbours_out(void)
{
	const struct pod *web = &stage.pods[WEB], *api = &stage.pods[API];
	const uint8_t *a = api->addr6, *w = web->addr6, *mac = web->mac;
	struct frame6_spec s = stage_spec6(WEB, API), dad = s, bad = s;
	uint8_t local[16];
	struct frame f;

	setup();
	stage_local6(web, local);
	solicit(&s, a);
	ok(nd(WEB, OUT, &s, NS, 0, a, 1, mac) == PASS, "a solicitation of its own passes");
	ok(nd(WEB, OUT, &s, NS, 0, a, 1, api->mac) == DROP,
	   "with another MAC inside it is spoofed");
	ok(reason() == RAST_DROP_SPOOFED, "and told");
	memcpy(bad.src, a, 16);
	solicit(&bad, w);
	ok(nd(WEB, OUT, &bad, NS, 0, w, 1, mac) == DROP, "with another source address too");
	memcpy(bad.src, local, 16);
	ok(nd(WEB, OUT, &bad, NS, 0, a, 1, mac) == PASS, "its link-local address may ask");
	bad.src[15] ^= 1;
	ok(nd(WEB, OUT, &bad, NS, 0, a, 1, mac) == DROP, "another link-local address may not");
	memset(dad.src, 0, 16);
	solicit(&dad, w);
	ok(nd(WEB, OUT, &dad, NS, 0, w, 0, NULL) == PASS,
	   "duplicate detection of its address passes");
	solicit(&dad, a);
	ok(nd(WEB, OUT, &dad, NS, 0, a, 0, NULL) == DROP, "of another's it does not");
	s = stage_spec6(WEB, API);
	ok(nd(WEB, OUT, &s, NA, 0x60, w, 2, mac) == PASS, "an advertisement of its own passes");
	ok(nd(WEB, OUT, &s, NA, 0x60, a, 2, mac) == DROP, "one of another's address does not");
	ok(nd(WEB, OUT, &s, NA, 0x60, stage.pods[NODE].addr6, 2, mac) == DROP,
	   "nor one of the gateway's");
	ok(nd(WEB, OUT, &s, NA, 0x60, w, 2, api->mac) == DROP, "nor one with another MAC inside");
	ok(nd(WEB, OUT, &s, NA, 0xe0, w, 2, mac) == DROP, "nor one that says it is a router");
	ok(nd(WEB, OUT, &s, RA, 0, w, 1, mac) == DROP, "a router's advertisement does not pass");
	stage_forget();
	ok(nd(WEB, OUT, &s, REDIRECT, 0, w, 2, mac) == DROP && reason() == RAST_DROP_SPOOFED,
	   "nor a redirect, and it is told");
	frame6_neighbour(&f, &s, NA, 0x60, w, 2, mac);
	f.b[21] = 254;
	ok(stage_run(WEB, OUT, &f) == DROP, "a hop limit below 255 is refused");
	frame6_neighbour(&f, &s, NA, 0x60, w, 2, mac);
	f.b[79] = 0;
	ok(stage_run(WEB, OUT, &f) == DROP, "an option of no length is refused");
	f.b[79] = 2;
	ok(stage_run(WEB, OUT, &f) == DROP, "and one longer than the packet");
	frame6_fragment(&s, 0, true, 3);
	ok(nd(WEB, OUT, &s, NA, 0x60, w, 2, mac) == DROP, "in pieces it is refused");
	s.n_ext = 0;
	frame6_options(&s, DEST, 1);
	ok(nd(WEB, OUT, &s, NA, 0x60, a, 2, mac) == DROP, "extension headers do not hide it");
	s = stage_spec6(WEB, API);
	memcpy(s.src, local, 16);
	solicit(&s, a);
	stage_forget();
	ok(nd(WEB, OUT, &s, RS, 0, w, 0, NULL) == DROP &&
		   nd(WEB, OUT, &s, MLD2, 0, w, 0, NULL) == DROP,
	   "solicitations for routers and reports of groups are dropped");
	stage_events();
	ok(stage.n_events == 0, "without an event: every stack sends them unasked");
}

static void test_neighbours_in(void)
{
	const struct pod *web = &stage.pods[WEB], *api = &stage.pods[API];
	const uint8_t *a = api->addr6, *w = web->addr6, *mac = web->mac;
	struct frame6_spec s = stage_spec6(WEB, API), ask = s;
	uint8_t local[16];

	setup();
	stage_local6(api, local);
	solicit(&ask, a);
	ok(nd(API, IN, &ask, NS, 0, a, 1, mac) == PASS, "who asks for the container gets through");
	solicit(&ask, local);
	ok(nd(API, IN, &ask, NS, 0, local, 1, mac) == PASS, "also for its link-local address");
	ok(nd(API, IN, &s, NS, 0, a, 1, mac) == PASS, "also to it alone");
	solicit(&ask, stage.pods[DB].addr6);
	ok(nd(API, IN, &ask, NS, 0, stage.pods[DB].addr6, 1, mac) == DROP,
	   "what asks for another is not for its eyes");
	solicit(&ask, a);
	ok(nd(API, IN, &ask, NS, 0, a, 1, stage.pods[DB].mac) == DROP,
	   "who claims another MAC than he sends with does not");
	ok(nd(API, IN, &s, NA, 0x60, w, 2, mac) == PASS, "an answer gets through");
	ok(nd(API, IN, &s, NA, 0x60, w, 2, stage.pods[DB].mac) == DROP, "not with another's MAC");
	ok(nd(API, IN, &s, NA, 0x60, a, 2, mac) == DROP, "nobody else has the container's address");
	ok(nd(API, IN, &s, RA, 0, w, 1, mac) == DROP, "no router is announced to it");
	ok(nd(API, IN, &s, REDIRECT, 0, w, 2, mac) == DROP, "and none redirects it");
}

void stage_neighbours(void)
{
	test_neighbours_out();
	test_neighbours_in();
}
