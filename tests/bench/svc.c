/* The service that every contender runs: tells when it began by one record in a file that all append to, then does what
   its first argument says. Static and small, so that the init's work is what is measured, and not its own.

   svc run NUMBER      lives until SIGTERM, which is recorded too
   svc once NUMBER     ends with 0 at once; both ends are recorded
   svc crash NUMBER    ends with 1 at once
   svc orphans N FAN   makes N orphans, FAN at a time; prints what it cost and what was left of them
   svc                 run, or crash if there is a file of that name, with the number of the folder it is in: s0007 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/bench"

struct record {
	uint32_t kind, number;
	int32_t pid, mark;
	uint64_t ns;
};

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int records;

static void tell(uint32_t kind, uint32_t number, int32_t mark, uint64_t ns)
{
	struct record r = { kind, number, getpid(), mark, ns };
	if (write(records, &r, sizeof r) != sizeof r)
		_exit(99);
}

/* Counts processes whose parent is PID 1 and that are dead. */
static int zombies(void)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	int found = 0;
	if (!folder)
		return -1;
	while ((entry = readdir(folder))) {
		char path[300], text[512], *end;
		int fd;
		ssize_t length;
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		if ((fd = open(path, O_RDONLY)) < 0)
			continue;
		length = read(fd, text, sizeof text - 1);
		close(fd);
		if (length <= 0)
			continue;
		text[length] = 0;
		end = strrchr(text, ')');
		if (end && !strncmp(end, ") Z 1 ", 6))
			found++;
	}
	closedir(folder);
	return found;
}

static int orphans(int count, int fan)
{
	int ends[2], done = 0, at_2ms;
	char byte;
	uint64_t began = now(), forked, ended, clean;
	struct timespec two = { 0, 2000000 }, one = { 0, 200000 };
	if (pipe(ends))
		return 98;
	while (done < count) {
		pid_t child = fork();
		if (child < 0)
			return 97;
		if (child == 0) {
			for (int i = 0; i < fan; i++) {
				pid_t grandchild = fork();
				if (grandchild == 0)
					_exit(0);
				if (grandchild < 0)
					_exit(1);
			}
			_exit(0);
		}
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
		done += fan;
	}
	forked = now();
	/* All of them held the other end. */
	close(ends[1]);
	while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
		;
	ended = now();
	nanosleep(&two, NULL);
	at_2ms = zombies();
	while (zombies() > 0 && now() - ended < 6000000000u)
		nanosleep(&one, NULL);
	clean = now();
	printf("%llu %llu %d %d %llu\n", (unsigned long long)(forked - began), (unsigned long long)(ended - began), at_2ms,
	       zombies(), (unsigned long long)(clean - ended));
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t began = now();
	uint32_t number;
	int32_t mark;
	int signal_number;
	sigset_t set;

	char folder[300], digits[20];
	char *from_folder[] = { "svc", "run", digits, NULL };
	if (argc < 3) {
		char *name = getcwd(folder, sizeof folder) ? strrchr(folder, '/') : NULL;
		if (!name || name[1] != 's')
			return 96;
		/* However it was called, it shall be known as what it is. */
		prctl(PR_SET_NAME, "svc");
		snprintf(digits, sizeof digits, "%d", atoi(name + 2));
		if (!access("crash", F_OK))
			from_folder[1] = "crash";
		argv = from_folder;
		argc = 3;
	}
	if (!strcmp(argv[1], "orphans"))
		return orphans(atoi(argv[2]), argc > 3 ? atoi(argv[3]) : 100);
	records = open(FOLDER "/records", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (records < 0)
		return 95;
	number = (uint32_t)atoi(argv[2]);
	mark = argc > 3 ? atoi(argv[3]) : 0;
	if (!strcmp(argv[1], "run")) {
		/* When the last one has closed this, its reader knows. */
		int alive = open(FOLDER "/alive", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		sigprocmask(SIG_BLOCK, &set, NULL);
		tell(1, number, mark, began);
		while (sigwait(&set, &signal_number))
			;
		tell(2, number, mark, now());
		(void)alive;
		_exit(0);
	}
	tell(1, number, mark, began);
	if (!strcmp(argv[1], "once")) {
		tell(3, number, mark, now());
		_exit(0);
	}
	_exit(1);
}
