/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/policy.h"
#include "cli/serve.h"

/* sd_listen_fds(3): the first descriptor that a service manager hands over. */
#define SYSTEMD_FIRST_FD 3
#define TIMEOUT_MAX_MS   600000
/* --socket-group alone: whoever it is given to can connect, nobody else. */
#define GROUP_MODE 0660

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate serve FUNC --socket-path PATH | --fd N | --run CMD  [option…]\n"
		"       pcigate serve FUNC=SOCKET [FUNC=SOCKET…]  [option…]\n\n"
		"Serves functions over vfio-user until SIGTERM or SIGINT. Never goes to the background.\n\n"
		"  --socket-path PATH   listen there\n"
		"  --socket-group GROUP sockets that are made here belong to this group, which may connect (mode %04o)\n"
		"  --socket-mode MODE   their permissions, octal, whatever the umask says\n"
		"  --fd N               use this socket, listening or connected\n"
		"  --run CMD            listen in a directory of its own, run CMD with sh, end with it; CMD finds the\n"
		"                       sockets of the functions in $socket, $socket2, …; when the server is\n"
		"                       ended instead, CMD and what it started get SIGTERM, 5 s later SIGKILL\n"
		"                       (sockets from systemd are used when there are any: the first for the first FUNC)\n"
		"  --each FIRST-LAST    FUNC=SOCKET with %%n in it stands for many: one with each number for %%n\n"
		"  --trace FILE         every access to configuration space, for `pcigate replay`; gzipped if .gz\n"
		"  --control PATH       let `pcigate inspect live:PATH` look at the running server, `pcigate ctl PATH` give\n"
		"                       commands to simulated fabrics, `pcigate vf --control PATH` vectors to their VFs\n"
		"  --timeout MS         a request that the function does not end fails after this long (%u)\n"
		"  --trust-client       clients may map BARs that cannot be taken back, and keep them (bar0=… of vfio:; vfio-user:)\n"
		"  --dma-timeout MS     how long a client may take to answer for memory it does not share (%u)\n"
		"  --seccomp WHAT       of system calls that no server makes: kill, log, none (%s)\n"
		"  --user NAME          started as root, become NAME once functions and sockets are open\n",
		(unsigned int)GROUP_MODE, SERVE_TIMEOUT, SERVE_DMA_TIMEOUT, filter_names[FILTER_DEFAULT]);
	fputs(cli_policy_help, out);
	fprintf(out,
		"  --print-capabilities what this program can do, as JSON\n\n"
		"FUNC: vfio:BDF[,option=value…], vfio-user:SOCKET[,option=value…], dump:FILE[@BDF][,option=value…],\n"
		"      sim:MODEL[,option=value…]\n");
}

static int print_capabilities(void)
{
	static const char *const features[] = { "socket-path",  "fd",         "socket-activation", "run",
						"trace",        "control",    "seccomp",           "user",
						"socket-group", "socket-mode" };
	static const char *const backends[] = { "vfio", "vfio-user", "dump", "sim" };
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();
	const char *name;

	json_object_object_add(root, "type", json_object_new_string("vfio-user"));
	json_object_object_add(root, "version", json_object_new_string(PCIGATE_VERSION));
	json_object_object_add(root, "protocol", json_object_new_string("0.0"));
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		json_object_array_add(list, json_object_new_string(features[i]));
	json_object_object_add(root, "features", list);
	list = json_object_new_array();
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		json_object_array_add(list, json_object_new_string(backends[i]));
	json_object_object_add(root, "backends", list);
	list = json_object_new_array();
	for (unsigned int i = 0; (name = pcg_profile_name(i)) != NULL; i++)
		json_object_array_add(list, json_object_new_string(name));
	json_object_object_add(root, "profiles", list);
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
	json_object_put(root);
	return CLI_DONE;
}

static int number(const char *option, const char *text, long least, long most, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *value >= least && *value <= most)
		return 0;
	return cli_error("serve", CLI_USAGE, "%s %s: give a number from %ld to %ld", option, text, least, most);
}

static int take(void *settings, int option)
{
	struct serve_settings *s = settings;
	long value = 0;
	int r = 0;

	switch (option) {
	case 's':
		s->socket_path = optarg;
		break;
	case 'f':
		r = number("--fd", optarg, 0, INT_MAX, &value);
		s->fd = (int)value;
		break;
	case 'r':
		s->run = optarg;
		break;
	case 'e':
		s->range = optarg;
		break;
	case 't':
		s->options.trace = optarg;
		break;
	case 'c':
		s->options.control = optarg;
		break;
	case 'm':
		r = number("--timeout", optarg, 1, TIMEOUT_MAX_MS, &value);
		s->options.timeout = (unsigned int)value;
		break;
	case 'T':
		s->options.trust_client = true;
		break;
	case 'd':
		r = number("--dma-timeout", optarg, 1, TIMEOUT_MAX_MS, &value);
		s->options.dma_timeout = (unsigned int)value;
		break;
	case 'S':
		if (filter_named(optarg, &s->confine.filter) != 0)
			r = cli_error("serve", CLI_USAGE, "--seccomp %s: give kill, log or none", optarg);
		break;
	case 'u':
		s->user = optarg;
		break;
	case 'g':
		s->group = optarg;
		break;
	case 'M':
		s->mode = optarg;
		break;
	default: /* --print-capabilities has been seen to */
		break;
	}
	return r;
}

/* How many sockets a service manager handed over; the children need not know. */
static int systemd_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long n = 0;

	if (pid != NULL && fds != NULL && strtol(pid, NULL, 10) == (long)getpid())
		n = strtol(fds, NULL, 10);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return n > 0 && n < INT_MAX - SYSTEMD_FIRST_FD ? (int)n : 0;
}

/* --socket-group and --socket-mode, for sockets of our own making that others come to. */
static int check_access(struct serve_settings *s)
{
	const struct group *group;
	unsigned long mode = GROUP_MODE;
	char *end = NULL;

	if (s->group == NULL && s->mode == NULL)
		return 0;
	if (s->fd >= 0 || s->run != NULL || s->systemd_fds > 0)
		return cli_error(
			"serve", CLI_USAGE, "%s: %s", s->group != NULL ? "--socket-group" : "--socket-mode",
			s->run != NULL ? "the sockets of --run are for its command alone"
			: s->fd >= 0   ? "the socket of --fd is there already; whoever made it says who may connect"
				     : "the sockets are systemd's; SocketGroup= and SocketMode= of their unit say it");
	if (s->mode != NULL)
		mode = s->mode[0] >= '0' && s->mode[0] <= '7' ? strtoul(s->mode, &end, 8) : ULONG_MAX;
	if (mode > 0777 || (end != NULL && *end != '\0'))
		return cli_error("serve", CLI_USAGE, "--socket-mode %s: give permissions in octal, such as 0660",
				 s->mode);
	s->access = (struct sockets_access){ .group = SOCKETS_ANY_GROUP, .mode = (mode_t)mode };
	s->options.access = &s->access;
	if (s->group == NULL)
		return 0;
	group = getgrnam(s->group);
	if (group == NULL)
		return cli_error("serve", CLI_USAGE,
				 "--socket-group %s: there is no such group; `getent group` lists them", s->group);
	s->access.group = group->gr_gid;
	return 0;
}

/* What was asked for must fit together. */
static int check(struct serve_settings *s)
{
	int ways = (s->socket_path != NULL) + (s->fd >= 0) + (s->run != NULL);

	if (s->count == 0)
		return cli_error("serve", CLI_USAGE, "name a function; pcigate serve --help says how");
	if (ways > 1)
		return cli_error("serve", CLI_USAGE, "give one of --socket-path, --fd and --run");
	s->systemd_fds = systemd_fds();
	if (ways > 0)
		s->systemd_fds = 0;
	if ((s->socket_path != NULL || s->fd >= 0) && s->count > 1)
		return cli_error("serve", CLI_USAGE, "%s is for one function; name several as FUNC=SOCKET",
				 s->fd >= 0 ? "--fd" : "--socket-path");
	if (s->systemd_fds > 0 && s->systemd_fds != s->count)
		return cli_error("serve", CLI_USAGE, "%d functions, but %d sockets from systemd; one each, in order",
				 s->count, s->systemd_fds);
	if (s->options.trace != NULL && s->count > 1)
		return cli_error("serve", CLI_USAGE, "--trace is for one function; serve it by itself");
	s->options.several = s->count > 1;
	if (s->user != NULL && s->run != NULL)
		return cli_error("serve", CLI_USAGE,
				 "--user and --run: what is run stays root, and %s could not end it; start all as %s",
				 s->user, s->user);
	s->options.humble = s->user == NULL;
	if (check_access(s) != 0)
		return CLI_USAGE;
	return s->user != NULL ? confine_user(&s->confine, s->user) : 0;
}

/* Nothing more is opened, nobody has been let in. */
static int confine(struct serve_settings *s, const struct pcg_log *log)
{
	struct filter_needs needs = { .child = s->command.child };

	confine_keep(&s->confine, s->fd);
	for (int i = 0; i < s->systemd_fds; i++)
		confine_keep(&s->confine, SYSTEMD_FIRST_FD + i);
	for (int i = 0; i < s->count; i++) {
		confine_keep_named(&s->confine, s->funcs[i]);
		/* Only so mapped can a client ask for write-combining, for which the function is opened again. */
		if (s->options.trust_client && strstr(s->funcs[i], "=sysfs") != NULL)
			needs.reopen = true;
	}
	return confine_enter(&s->confine, &needs, log);
}

static const struct option long_options[] = {
	{ "socket-path", required_argument, NULL, 's' },
	{ "fd", required_argument, NULL, 'f' },
	{ "run", required_argument, NULL, 'r' },
	{ "trace", required_argument, NULL, 't' },
	{ "control", required_argument, NULL, 'c' },
	{ "timeout", required_argument, NULL, 'm' },
	{ "each", required_argument, NULL, 'e' },
	{ "dma-timeout", required_argument, NULL, 'd' },
	{ "trust-client", no_argument, NULL, 'T' },
	{ "seccomp", required_argument, NULL, 'S' },
	{ "user", required_argument, NULL, 'u' },
	{ "socket-group", required_argument, NULL, 'g' },
	{ "socket-mode", required_argument, NULL, 'M' },
	{ "print-capabilities", no_argument, NULL, 'C' },
	{ NULL, 0, NULL, 0 },
};

static const struct cli_form form = {
	.verb = "serve",
	.options = long_options,
	.take = take,
	.usage = usage,
	.count = CLI_ANY,
};

static int parse(int argc, char **argv, struct serve_settings *s)
{
	struct cli_view view = { 0 };
	int r = cli_options(&form, argc, argv, &view, s);

	if (r != CLI_DONE)
		return r;
	s->options.view = view.options;
	s->funcs = argv + optind;
	s->count = argc - optind;
	if (s->range != NULL) {
		r = each_expand(&s->each, s->range, s->funcs, s->count);
		s->funcs = s->each.funcs;
		s->count = s->each.count;
	}
	return r == 0 ? check(s) : r;
}

static int add_one(struct serve_server *server, const char *func, const char *path, int fd)
{
	if (serve_server_add(server, func, path, fd) != 0)
		return CLI_CANNOT;
	if (path != NULL)
		fprintf(stderr, "listening on %s\n", path);
	else
		fprintf(stderr, "listening on descriptor %d\n", fd);
	return 0;
}

/* FUNC=SOCKET, split at the last '=': FUNC has some of its own. */
static int add_pair(struct serve_server *server, const char *text)
{
	const char *at = strrchr(text, '=');
	char *func;
	int r;

	if (at == NULL || at == text || at[1] == '\0')
		return cli_error("serve", CLI_USAGE, "%s: say where to listen: --socket-path PATH, or %s=PATH", text,
				 text);
	func = strndup(text, (size_t)(at - text));
	if (func == NULL)
		return cli_error("serve", CLI_CANNOT, "%s", strerror(ENOMEM));
	r = add_one(server, func, at + 1, -1);
	if (r != 0)
		cli_error("serve", r, "%s was taken for FUNC=SOCKET; with --socket-path PATH all of it is FUNC", text);
	free(func);
	return r;
}

static int add_captive(struct serve_server *server, const char *directory, const char *func, int n)
{
	char path[PATH_MAX], name[32];

	snprintf(path, sizeof(path), "%s/%d.sock", directory, n + 1);
	snprintf(name, sizeof(name), n == 0 ? "socket" : "socket%d", n + 1);
	if (setenv(name, path, 1) != 0)
		return cli_error("serve", CLI_CANNOT, "$%s: %s", name, strerror(errno));
	return add_one(server, func, path, -1);
}

static int add_all(struct serve_server *server, const struct serve_settings *s, const char *directory)
{
	int r = 0;

	for (int i = 0; i < s->count && r == 0; i++) {
		if (s->run != NULL)
			r = add_captive(server, directory, s->funcs[i], i);
		else if (s->socket_path != NULL)
			r = add_one(server, s->funcs[i], s->socket_path, -1);
		else if (s->fd >= 0)
			r = add_one(server, s->funcs[i], NULL, s->fd);
		else if (s->systemd_fds > 0)
			r = add_one(server, s->funcs[i], NULL, SYSTEMD_FIRST_FD + i);
		else
			r = add_pair(server, s->funcs[i]);
	}
	return r;
}

static int run(struct serve_server *server, struct serve_settings *s, const struct pcg_log *log, const char *directory)
{
	int r = add_all(server, s, directory), error;

	if (r != 0)
		return r;
	if (s->run != NULL) {
		error = command_start(&s->command, s->run);
		if (error != 0)
			return cli_error("serve", CLI_CANNOT, "--run: %s", strerror(-error));
		serve_server_follow(server, s->command.child);
	}
	r = confine(s, log) == 0 ? serve_server_run(server) : CLI_CANNOT;
	if (serve_server_child(server) > 0)
		command_ask(&s->command);
	else
		s->command.child = 0;
	return r;
}

int cli_serve(int argc, char **argv)
{
	struct serve_settings s = { .options = { .timeout = SERVE_TIMEOUT, .dma_timeout = SERVE_DMA_TIMEOUT },
				    .fd = -1 };
	const char *tmp = getenv("TMPDIR");
	struct serve_server *server = NULL;
	struct pcg_log log = cli_log(PCG_INFO);
	char directory[PATH_MAX] = "";
	int r;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--print-capabilities") == 0)
			return print_capabilities();
	}
	confine_init(&s.confine);
	r = parse(argc, argv, &s);
	if (r != 0) {
		each_finish(&s.each);
		confine_finish(&s.confine);
		return cli_status(r);
	}
	if (s.run != NULL) {
		snprintf(directory, sizeof(directory), "%s/pcigate-XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
		if (mkdtemp(directory) == NULL) {
			each_finish(&s.each);
			confine_finish(&s.confine);
			return cli_error("serve", CLI_CANNOT,
					 "--run: %s: %s; set TMPDIR to a directory that can be written", directory,
					 strerror(errno));
		}
		command_prepare(&s.command);
	}
	r = serve_server_create(&server, &s.options, &log) != 0 ? CLI_CANNOT : run(server, &s, &log, directory);
	/* First the sockets: a command that waits for an answer would not end. */
	serve_server_destroy(server);
	command_end(&s.command);
	if (s.run != NULL)
		rmdir(directory);
	each_finish(&s.each);
	confine_finish(&s.confine);
	return r;
}
