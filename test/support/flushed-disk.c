/*
 * Preloaded into a server (LD_PRELOAD): makes each fdatasync take FLUSH_MS longer, and notes in the file FLUSHED, once it
 * is over, what surely is on the disk by then: `SIZE PATH`, the size that the file had when the flush began.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int fdatasync(int fd) {
  int (*flush)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  const char *flushed = getenv("FLUSHED"), *ms = getenv("FLUSH_MS");
  struct stat begun;
  char link[64], path[PATH_MAX], line[PATH_MAX + 32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (flushed == NULL || ms == NULL || length < 0 || fstat(fd, &begun) != 0) abort();
  path[length] = 0;
  usleep(1000 * (useconds_t)atoi(ms));
  int result = flush(fd);
  if (result != 0) return result;
  int notes = open(flushed, O_WRONLY | O_APPEND | O_CREAT, 0600);
  int size = snprintf(line, sizeof line, "%lld %s\n", (long long)begun.st_size, path);
  if (notes < 0 || write(notes, line, size) != size) abort();
  close(notes);
  return 0;
}
