/* What can't be had for less: a PID 1 that does the kernel's share of the work and nothing else.

   floor run N [CGROUPS]      vfork and exec N services; start again what ends, until SIGTERM, which goes to all of them
   floor chain N              one after the other, each to its end
   floor layers LAYERS WIDTH  a layer after the other, each to the end of all in it
   floor crash N              as run, with services that end at once: started again at once, for ever
   floor wait CMD ARG...      starts one command, and from then on only reaps

   With CGROUPS, the folder of a cgroup2 file system, each service gets a cgroup of its own, which is removed when it
   ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/bench/svc"

extern char **environ;
static pid_t *pids;
static int count, ending;
static const char *cgroups;

static void leave(const char *what)
{
	perror(what);
	_exit(1);
}

static void path_of(char *path, size_t size, int number)
{
	snprintf(path, size, "%s/floor-%d", cgroups, number);
}

static pid_t start(const char *verb, int number)
{
	char text[16], path[300];
	char *words[] = { "svc", (char *)verb, text, NULL };
	int group = -1;
	pid_t pid;
	snprintf(text, sizeof text, "%d", number);
	if (cgroups) {
		struct clone_args args;
		path_of(path, sizeof path, number);
		if (mkdir(path, 0755) && errno != EEXIST)
			leave(path);
		group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (group < 0)
			leave(path);
		memset(&args, 0, sizeof args);
		args.flags = CLONE_INTO_CGROUP;
		args.exit_signal = SIGCHLD;
		args.cgroup = (uint64_t)group;
		pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	} else {
		pid = vfork();
	}
	if (pid == 0) {
		execve(PROGRAM, words, environ);
		_exit(127);
	}
	if (pid < 0)
		leave("fork");
	if (group >= 0)
		close(group);
	return pid;
}

static void term(int signal_number)
{
	(void)signal_number;
	ending = 1;
	for (int i = 0; i < count; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGTERM);
}

static void supervise(const char *verb, int n)
{
	struct sigaction act = { .sa_handler = term, .sa_flags = SA_RESTART };
	pids = calloc((size_t)n, sizeof *pids);
	count = n;
	sigaction(SIGTERM, &act, NULL);
	for (int i = 0; i < n; i++)
		pids[i] = start(verb, i);
	for (;;) {
		pid_t pid = waitpid(-1, NULL, 0);
		if (pid < 0 && errno == ECHILD)
			pause();
		for (int i = 0; i < n && pid > 0; i++) {
			if (pids[i] != pid)
				continue;
			if (cgroups) {
				char path[300];
				path_of(path, sizeof path, i);
				rmdir(path);
			}
			pids[i] = ending ? 0 : start(verb, i);
			break;
		}
	}
}

static void chain(int layers, int width)
{
	for (int layer = 0; layer < layers; layer++) {
		for (int i = 0; i < width; i++)
			start("once", layer * width + i);
		for (int i = 0; i < width; i++)
			waitpid(-1, NULL, 0);
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (argc > 3)
		cgroups = argv[3];
	if (!strcmp(argv[1], "run") || !strcmp(argv[1], "crash"))
		supervise(argv[1], atoi(argv[2]));
	cgroups = NULL;
	if (!strcmp(argv[1], "chain"))
		chain(atoi(argv[2]), 1);
	if (!strcmp(argv[1], "layers") && argc > 3)
		chain(atoi(argv[2]), atoi(argv[3]));
	if (!strcmp(argv[1], "wait")) {
		if (vfork() == 0) {
			execve(argv[2], argv + 2, environ);
			_exit(127);
		}
		for (;;)
			if (waitpid(-1, NULL, 0) < 0)
				pause();
	}
	return 2;
}
