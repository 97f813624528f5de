/* Loaded before libc: counts the calls that change files, and at one of them kills the process or
   has the call fail. A write is cut in half first, as one that a full disk or a kill stops. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static int armed, count, due_at, fail_with;

/* From now on: at call number `at` fail with `error`, or die if it is 0. */
void arm(int at, int error)
{
    armed = 1;
    count = 0;
    due_at = at;
    fail_with = error;
}

int disarm(void)
{
    armed = 0;
    return count;
}

static int due(void)
{
    if (!armed || ++count != due_at)
        return 0;
    if (!fail_with)
        kill(getpid(), SIGKILL);
    errno = fail_with;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = va_arg(rest, mode_t);                                                        \
        va_end(rest);                                                                              \
        int stops = (!fail_with || flags & O_CREAT) && due();                                      \
        return stops ? -1 : REAL(name)(path, flags, mode);                                         \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int file, const void *data, size_t size)
{
    if (armed && count + 1 == due_at)
        REAL(write)(file, data, size / 2);
    return due() ? -1 : REAL(write)(file, data, size);
}

int fsync(int file) { return due() ? -1 : REAL(fsync)(file); }
int mkdir(const char *path, mode_t mode) { return due() ? -1 : REAL(mkdir)(path, mode); }
int rename(const char *from, const char *to) { return due() ? -1 : REAL(rename)(from, to); }
int fchmod(int file, mode_t mode) { return due() ? -1 : REAL(fchmod)(file, mode); }

int flock(int file, int how)
{
    return due() ? -1 : ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(file, how);
}

/* These may be where a process is killed, but a full disk lets them. */
static int killed(void) { return !fail_with && due(); }
int rmdir(const char *path) { return killed() ? -1 : REAL(rmdir)(path); }
int unlink(const char *path) { return killed() ? -1 : REAL(unlink)(path); }
int close(int file) { return killed() ? -1 : REAL(close)(file); }
