// Records what a program does to the files below a folder, to replay what a disk may hold after a power cut.
//
//   LD_PRELOAD=recorder.so RECORD_ROOT=/folder RECORD_LOG=/log program
//
// Each call that changes a file, a folder or what is durable is one record, in the order in which the calls took effect:
// one lock is held around each of them. What a mapping changes is not seen (SQLite's -shm, which it makes anew).
// Record: header, path, second path, bytes. power_cut.py reads it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, REMOVE, MAKE_FOLDER };

struct header {
  uint32_t op, path, path2, unused;
  uint64_t inode, offset, size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char* root;
static size_t root_size;
static int log_fd = -1;

#define REAL(type, name, ...)                                      \
  static type (*real)(__VA_ARGS__);                                \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void start(void) {
  root = getenv("RECORD_ROOT");
  const char* path = getenv("RECORD_LOG");
  if (!root || !path) abort();
  root_size = strlen(root);
  log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (log_fd < 0) abort();
}

static int is_below(const char* path) {
  return root && !strncmp(path, root, root_size) && (path[root_size] == '/' || !path[root_size]);
}

static void put(uint32_t op, const char* path, const char* path2, uint64_t inode, uint64_t offset, const void* bytes,
                size_t size) {
  const struct header header = {op, (uint32_t)strlen(path), (uint32_t)strlen(path2), 0, inode, offset, size};
  const struct iovec parts[] = {{(void*)&header, sizeof header},
                                {(void*)path, header.path},
                                {(void*)path2, header.path2},
                                {(void*)bytes, bytes ? size : 0}};
  size_t all = 0;
  for (int i = 0; i < 4; ++i) all += parts[i].iov_len;
  if (syscall(SYS_writev, log_fd, parts, 4) != (long)all) abort();
}

// Path and inode of an open file below the folder; 0 if it is elsewhere.
static int look(int fd, char path[PATH_MAX], struct stat* info) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t got = readlink(link, path, PATH_MAX - 1);
  if (got <= 0) return 0;
  path[got] = 0;
  return is_below(path) && !fstat(fd, info);
}

static void begin(void) { pthread_mutex_lock(&lock); }
static void end(void) {
  const int kept = errno;
  pthread_mutex_unlock(&lock);
  errno = kept;
}

static void opened(int fd, int was_there, int flags) {
  char path[PATH_MAX];
  struct stat info;
  if (fd < 0 || !look(fd, path, &info)) return;
  if (!was_there) put(CREATE, path, "", info.st_ino, 0, NULL, 0);
  if (was_there && (flags & O_TRUNC)) put(TRUNCATE, path, "", info.st_ino, 0, NULL, 0);
}

static int open_in(const char* name, int folder, const char* path, int flags, mode_t mode) {
  REAL(int, "openat", int, const char*, int, ...);
  (void)name;
  if (!(flags & (O_CREAT | O_TRUNC))) return real(folder, path, flags, mode);
  begin();
  const int was_there = !faccessat(folder, path, F_OK, 0);
  const int fd = real(folder, path, flags, mode);
  opened(fd, was_there, flags);
  end();
  return fd;
}

#define MODE(flags)                                       \
  mode_t mode = 0;                                        \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                  \
    va_list list;                                         \
    va_start(list, flags);                                \
    mode = va_arg(list, mode_t);                          \
    va_end(list);                                         \
  }
int open(const char* path, int flags, ...) { MODE(flags) return open_in("open", AT_FDCWD, path, flags, mode); }
int open64(const char* path, int flags, ...) { MODE(flags) return open_in("open", AT_FDCWD, path, flags, mode); }
int openat(int folder, const char* path, int flags, ...) { MODE(flags) return open_in("openat", folder, path, flags, mode); }
int openat64(int folder, const char* path, int flags, ...) { MODE(flags) return open_in("openat", folder, path, flags, mode); }

int mkostemp(char* path, int flags) {
  REAL(int, "mkostemp", char*, int);
  begin();
  const int fd = real(path, flags);
  opened(fd, 0, 0);
  end();
  return fd;
}
int mkostemp64(char* path, int flags) { return mkostemp(path, flags); }
int mkstemp(char* path) { return mkostemp(path, 0); }
int mkstemp64(char* path) { return mkostemp(path, 0); }

FILE* fopen(const char* path, const char* how) {
  REAL(FILE*, "fopen", const char*, const char*);
  if (how[0] != 'r' && is_below(path)) abort();  // what stdio writes would not be seen
  return real(path, how);
}
FILE* fopen64(const char* path, const char* how) { return fopen(path, how); }

static ssize_t wrote(int fd, ssize_t done, uint64_t at, const void* bytes) {
  char path[PATH_MAX];
  struct stat info;
  if (done > 0 && look(fd, path, &info)) put(WRITE, path, "", info.st_ino, at, bytes, (size_t)done);
  return done;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(ssize_t, "write", int, const void*, size_t);
  struct stat info;
  if (fd == log_fd || fstat(fd, &info) || !S_ISREG(info.st_mode)) return real(fd, bytes, size);
  begin();
  fstat(fd, &info);
  const uint64_t at = (uint64_t)((fcntl(fd, F_GETFL) & O_APPEND) ? info.st_size : lseek(fd, 0, SEEK_CUR));
  const ssize_t done = wrote(fd, real(fd, bytes, size), at, bytes);
  end();
  return done;
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  REAL(ssize_t, "pwrite", int, const void*, size_t, off_t);
  begin();
  const ssize_t done = wrote(fd, real(fd, bytes, size, at), (uint64_t)at, bytes);
  end();
  return done;
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) { return pwrite(fd, bytes, size, at); }
ssize_t writev(int fd, const struct iovec* parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec*, int);
  struct stat info;
  if (fstat(fd, &info) || !S_ISREG(info.st_mode)) return real(fd, parts, count);
  ssize_t all = 0;
  for (int i = 0; i < count; ++i) {
    const ssize_t done = write(fd, parts[i].iov_base, parts[i].iov_len);
    if (done < 0) return all ? all : done;
    all += done;
    if ((size_t)done < parts[i].iov_len) break;
  }
  return all;
}
ssize_t copy_file_range(int from, off_t* a, int to, off_t* b, size_t size, unsigned flags) {
  (void)from, (void)a, (void)to, (void)b, (void)size, (void)flags;
  errno = ENOSYS;  // callers write the bytes themselves then
  return -1;
}
ssize_t sendfile(int to, int from, off_t* at, size_t size) {
  REAL(ssize_t, "sendfile", int, int, off_t*, size_t);
  char path[PATH_MAX];
  struct stat info;
  if (look(to, path, &info)) {
    errno = EINVAL;
    return -1;
  }
  return real(to, from, at, size);
}
ssize_t sendfile64(int to, int from, off_t* at, size_t size) { return sendfile(to, from, at, size); }

int ftruncate(int fd, off_t size) {
  REAL(int, "ftruncate", int, off_t);
  char path[PATH_MAX];
  struct stat info;
  begin();
  const int done = real(fd, size);
  if (!done && look(fd, path, &info)) put(TRUNCATE, path, "", info.st_ino, (uint64_t)size, NULL, 0);
  end();
  return done;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

static int synced(int fd, int done) {
  char path[PATH_MAX];
  struct stat info;
  if (!done && look(fd, path, &info)) put(SYNC, path, "", info.st_ino, 0, NULL, 0);
  return done;
}
// The call itself is left out: the disk of the test is the log. It takes as long as a disk does, so that threads meet.
int fsync(int fd) {
  usleep(2000);
  begin();
  const int done = synced(fd, 0);
  end();
  return done;
}
int fdatasync(int fd) { return fsync(fd); }

int rename(const char* from, const char* to) {
  REAL(int, "rename", const char*, const char*);
  begin();
  const int done = real(from, to);
  if (!done && (is_below(from) || is_below(to))) put(RENAME, from, to, 0, 0, NULL, 0);
  end();
  return done;
}

static int removed(const char* path, int done) {
  if (!done && is_below(path)) put(REMOVE, path, "", 0, 0, NULL, 0);
  return done;
}
int unlink(const char* path) {
  REAL(int, "unlink", const char*);
  begin();
  const int done = removed(path, real(path));
  end();
  return done;
}
int rmdir(const char* path) {
  REAL(int, "rmdir", const char*);
  begin();
  const int done = removed(path, real(path));
  end();
  return done;
}
int remove(const char* path) {
  REAL(int, "remove", const char*);
  begin();
  const int done = removed(path, real(path));
  end();
  return done;
}
int unlinkat(int folder, const char* path, int flags) {
  REAL(int, "unlinkat", int, const char*, int);
  char whole[2 * PATH_MAX], base[PATH_MAX];
  struct stat info;
  begin();
  if (path[0] == '/')
    snprintf(whole, sizeof whole, "%s", path);
  else if (folder != AT_FDCWD && look(folder, base, &info))
    snprintf(whole, sizeof whole, "%s/%s", base, path);
  else
    whole[0] = 0;
  const int done = removed(whole, real(folder, path, flags));
  end();
  return done;
}
int mkdir(const char* path, mode_t mode) {
  REAL(int, "mkdir", const char*, mode_t);
  struct stat info;
  begin();
  const int done = real(path, mode);
  if (!done && is_below(path) && !stat(path, &info)) put(MAKE_FOLDER, path, "", info.st_ino, 0, NULL, 0);
  end();
  return done;
}
