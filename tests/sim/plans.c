/* The configurations that the nodes run: a few shapes of services, two of each, for two nodes or three. Made when a run first needs
 * them and kept, for nobody writes to a plan and the runs are many. */
#include <stdio.h>
#include <string.h>
#include "lib/plan_make.h"
#include "sim/sim.h"

/* Windows that are open all the time, since the clocks of the two may be days apart. */
#define ALWAYS " from=2023-11-01_00:00 to=2023-11-30_00:00\n"
#define HELD "window one 127.0.0.1,dl.test/127.0.0.4" ALWAYS "window more site:ams,last.test" ALWAYS
#define OUT "window down dl.test/127.0.0.6" ALWAYS
/* Two plans a shape: the second has its members in another order and a service more. Members' last octets name back ends. */
static const char *const plans[SIM_SHAPES][SIM_PLANS] = {
	{ "pair any-up share\ncheck web interval=1000 timeout=300 retry=200\n"
	  "service www.test web 127.0.0.1@ams1%ams 127.0.0.2 / 127.0.0.3\nservice dl.test web 127.0.0.1@ams1%ams 127.0.0.4 pick=weighted slow_start=15000\n"
	  "service last.test web 127.0.0.5 127.0.0.6 all_down=last\nservice few.test web 127.0.0.1@ams1%ams 127.0.0.3 127.0.0.4 127.0.0.6 removals=1\n"
	  HELD,
	  "pair any-up share\ncheck web interval=1000 timeout=300 retry=200\n"
	  "service new.test web 127.0.0.6 127.0.0.2\nservice www.test web 127.0.0.2 127.0.0.1@ams1%ams / 127.0.0.3\n"
	  "service dl.test web 127.0.0.4 127.0.0.1@ams1%ams pick=weighted slow_start=15000\nservice last.test web 127.0.0.5 127.0.0.6 all_down=last\nservice few.test web 127.0.0.1@ams1%ams 127.0.0.3 127.0.0.4 127.0.0.6 removals=1\n"
	  HELD },
	{ "pair any-down share\ncheck web interval=800 timeout=300 retry=150 fall=2\n"
	  "service www.test web 127.0.0.1@ams1%ams 127.0.0.2^dl.test 127.0.0.3 need=2 all_down=none removals=2\nservice dl.test web 127.0.0.3 / 127.0.0.4@ams2%ams / 127.0.0.5 failback=1500\n",
	  "pair any-down\ncheck web interval=800 timeout=300 retry=150 fall=2\n"
	  "service dl.test web 127.0.0.3 / 127.0.0.4@ams2%ams / 127.0.0.5 failback=1500\nservice new.test web 127.0.0.6 needs=www.test\n"
	  "service www.test web 127.0.0.3 127.0.0.2^dl.test 127.0.0.1@ams1%ams need=2 all_down=none removals=2\n" },
	{ "pair quorum\ncheck web interval=1000 timeout=300 retry=200 fall=2 rise=1\n"
	  "service www.test web 127.0.0.1@ams1%ams ::2 / 127.0.0.3 ::4 couple=1 failback=manual\nservice dl.test web 127.0.0.5 127.0.0.6 all_down=all agree=any-up\n"
	  OUT,
	  "pair quorum\ncheck web interval=1000 timeout=300 retry=200 fall=2 rise=1\n"
	  "service dl.test web 127.0.0.5 127.0.0.6 all_down=all agree=any-up\nservice www.test web ::2 127.0.0.1@ams1%ams / ::4 127.0.0.3 couple=1 failback=manual\n"
	  OUT },
	{ "pair any-up\ncheck web interval=500 timeout=300 retry=100 fall=3\n"
	  "service www.test web 127.0.0.1@ams1%ams 127.0.0.2 initial=down needs=dl.test\nservice own.test web 127.0.0.3#30 127.0.0.4#30 / 127.0.0.1#40 agree=local load=40 pick=sticky slow_start=3000\n"
	  "service dl.test web 127.0.0.2 / 127.0.0.5 need=100%\n",
	  "pair any-up\ncheck web interval=700 timeout=300 retry=100 fall=2\n"
	  "service dl.test web 127.0.0.2 / 127.0.0.5 need=100%\nservice www.test web 127.0.0.2 127.0.0.1@ams1%ams initial=down needs=dl.test\n"
	  "service own.test web 127.0.0.4#20 127.0.0.3#20 127.0.0.6#20 agree=local load=40 pick=sticky slow_start=4000\n" },
	/* ns1 and ns2 decide as ns1 says, ns2 alone decides nothing, ns3 against ns1 is a tie. */
	{ "pair quorum servfail above=60 least=2 ns1=2 ns3=3\ncheck web interval=1000 timeout=300 retry=200 fall=2\n"
	  "service www.test web 127.0.0.1@ams1%ams 127.0.0.2 / 127.0.0.3\nservice dl.test web 127.0.0.5 127.0.0.6 all_down=all agree=any-down\n",
	  "pair quorum servfail above=60 least=2 ns1=2 ns3=3\ncheck web interval=1000 timeout=300 retry=200 fall=2\n"
	  "service dl.test web 127.0.0.6 127.0.0.5 all_down=all agree=any-down\nservice new.test web 127.0.0.4\n"
	  "service www.test web 127.0.0.2 127.0.0.1@ams1%ams / 127.0.0.3\n" },
};

static struct plan *made[SIM_SHAPES][SIM_PLANS][2][SIM_PATHS][SIM_KEY_FILES][3][SIM_NODES];

/* Canaries: of IPv4 in one place, of IPv6 wherever there is any, since twins that speak IPv4 are no witnesses for that. */
#define CANARIES "canary 203.0.113.201:80\ncanary 203.0.113.202:80\n"
#define CANARY_V6 "canary [2001:db8::1:ff]:80\n"

static size_t add(char *out, size_t len, const char *text)
{
	return len + (size_t)snprintf(out + len, SIM_TEXT_MAX - len, "%s", text);
}

const char *sim_placed(const struct sim *s, const char *text, char out[SIM_TEXT_MAX])
{
	static const char home4[] = "127.0.0.", home6[] = "::";
	size_t len = 0;
	while (*text) {
		const char *as = NULL;
		if (s->place != SIM_HOME && strncmp(text, home4, strlen(home4)) == 0)
			as = "198.51.100.";
		else if (s->place != SIM_HOME && strncmp(text, home6, strlen(home6)) == 0)
			as = "2001:db8::";
		len = as ? add(out, len, as) : add(out, len, (char[]){ *text, '\0' });
		text += !as ? 1 : strlen(*text == ':' ? home6 : home4);
	}
	out[len] = '\0';
	return out;
}

/* The text's first line, "pair RULE", tells of the world, too. */
static struct plan *make(const struct sim *s, const char *text, uint16_t node)
{
	char placed[SIM_TEXT_MAX], all[2 * SIM_TEXT_MAX];
	int first = (int)strcspn(sim_placed(s, text, placed), "\n");
	snprintf(all, sizeof all, "%.*s%s%s%s%s%s%s", first, placed, s->count < 3 ? "" : s->shape % 2 ? " witness" : " three",
		 s->paths > 1 ? " paths" : "", s->place != SIM_HOME ? " away" : "", placed + first, s->place == SIM_CANARIES ? CANARIES : "",
		 s->place != SIM_HOME && strstr(text, "::") ? CANARY_V6 : "");
	struct plan *p = plan_make(all, node);
	keys_put(&p->pair, s->nodes[node].keys);
	return p;
}

/* Where there are three, the third of every other shape is a witness: it answers nobody. */
const struct plan *sim_plan(const struct sim *s, int node)
{
	struct plan **p = &made[s->shape][s->nodes[node].shape_plan][s->count > 2][s->paths - 1][s->nodes[node].keys][s->place][node];
	if (!*p)
		*p = make(s, plans[s->shape][s->nodes[node].shape_plan], (uint16_t)node);
	return *p;
}
