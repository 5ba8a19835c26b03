/* gemeld: the command line, and the way into each process's room. */
#include "config.h"
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <ldns/ldns.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "app/check.h"
#include "app/child.h"
#include "app/confine.h"
#include "app/loader.h"
#include "app/prober.h"
#include "app/replay.h"
#include "app/runner.h"
#include "app/supervisor.h"
#include "base/text.h"

#define EXIT_USAGE 2
#define DEFAULT_FILE "/etc/gemel/gemel.lua"

static const char usage[] =
	"usage: gemeld [-c FILE] [-n NODE]              run the server in the foreground\n"
	"       gemeld [-c FILE] [-n NODE] -t [--print] check configuration, zones and scripts\n"
	"       gemeld [-c FILE] [-n NODE] --replay JOURNAL [-v] [--json]\n"
	"                                              what FILE would have answered to the recorded results\n"
	"       gemeld --version | --help\n"
	"FILE is " DEFAULT_FILE " unless given; NODE is the host name up to its first dot, or the only node there is\n";

static int print_version(void)
{
	printf("gemeld %s\nldns %s, libevent %s, %s, libsodium %s, %s\n", PACKAGE_VERSION, ldns_version(), event_get_version(), LUA_RELEASE,
	       sodium_version_string(), OpenSSL_version(OPENSSL_VERSION));
	return 0;
}

struct options {
	const char *file, *node, *child, *replay;
	uint64_t generation;
	int take_over, trial; /* descriptors that the version before left us; -1 = none */
	bool test, print, json, verbose;
};

static int run_child(const char *role, const struct options *o)
{
	static const enum ipc_role roles[] = { IPC_RESPONDER, IPC_COORDINATOR, IPC_PROBER, IPC_LOADER, IPC_RUNNER, IPC_TAP };
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		if (strcmp(role, ipc_role_text(roles[i])) != 0)
			continue;
		child_init(roles[i]);
		switch (roles[i]) {
		case IPC_RESPONDER:
			return sodium_init() < 0 ? 1 : responder_main(CHILD_CHANNEL_FD);
		case IPC_COORDINATOR:
			return sodium_init() < 0 ? 1 : coordinator_main(CHILD_CHANNEL_FD);
		case IPC_PROBER:
			return prober_main(CHILD_CHANNEL_FD);
		case IPC_RUNNER:
			return runner_main(CHILD_CHANNEL_FD);
		case IPC_TAP:
			return tap_main(CHILD_CHANNEL_FD);
		default:
			confine_secrets(true);
			return sodium_init() < 0 ? 1 : loader_main(CHILD_CHANNEL_FD, o->file, o->node, o->generation);
		}
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}

/* A socket or the journal on descriptor 2 would be written the log into. */
static void keep_standard_files(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* As the kernel was told, be argv[0] what it may: what lies there later is what we are upgraded to. */
static const char *program_path(const char *name)
{
	const char *path = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	return path && *path ? path : name;
}

static bool parse_fd(int *fd, const char *text)
{
	uint64_t v;
	if (text_parse_u64(&v, text, STDERR_FILENO + 1, INT32_MAX))
		return false;
	*fd = (int)v;
	return true;
}

/* word: one that is no option; NULL = there is none. */
static bool is_meaningful(const struct options *o, const char *word)
{
	if (word)
		fprintf(stderr, "gemeld: \"%s\" is no option; expected options only\n", word);
	else if (o->print && !o->test)
		fputs("gemeld: --print goes with -t\n", stderr);
	else if (o->replay && o->test)
		fputs("gemeld: --replay and -t do not go together\n", stderr);
	else if ((o->json || o->verbose) && !o->replay)
		fputs("gemeld: --json and -v go with --replay\n", stderr);
	else
		return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' },
					       { "print", no_argument, NULL, 'p' },   { "child", required_argument, NULL, 'C' },
					       { "replay", required_argument, NULL, 'r' }, { "json", no_argument, NULL, 'j' },
					       { "take-over", required_argument, NULL, 'O' }, { "trial", required_argument, NULL, 'T' },
					       { 0 } };
	struct options o = { .file = DEFAULT_FILE, .take_over = -1, .trial = -1 };
	int c;
	keep_standard_files();
	while ((c = getopt_long(argc, argv, "c:n:g:tvh", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o.file = optarg;
			break;
		case 'n':
			o.node = optarg;
			break;
		case 'g':
			if (text_parse_u64(&o.generation, optarg, 1, UINT64_MAX) == 0)
				break;
			fputs(usage, stderr);
			return EXIT_USAGE;
		case 't':
			o.test = true;
			break;
		case 'p':
			o.print = true;
			break;
		case 'C':
			o.child = optarg;
			break;
		case 'r':
			o.replay = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'O':
		case 'T':
			if (parse_fd(c == 'O' ? &o.take_over : &o.trial, optarg))
				break;
			fputs(usage, stderr);
			return EXIT_USAGE;
		case 'V':
			return print_version();
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	if (!is_meaningful(&o, optind < argc ? argv[optind] : NULL)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (o.child)
		return run_child(o.child, &o);
	if (o.replay || o.test)
		confine_secrets(true); /* these read the keys themselves */
	if (o.replay)
		return sodium_init() < 0 ? 1 : replay_main(o.replay, o.file, o.node, o.json, o.verbose);
	if (o.test)
		return check_main(o.file, o.node, o.print);
	return supervisor_main(&(struct supervisor_start){ .file = o.file, .node = o.node, .program = program_path(argv[0]),
							   .take_over = o.take_over, .trial = o.trial });
}
