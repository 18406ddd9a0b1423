// SPDX-License-Identifier: Apache-2.0
// Preloaded into a server under test: its wall clock is off by as many seconds as the first word of
// the file WALL_CLOCK_OFFSET_FILE says, at every moment. The file is mapped when the library is
// loaded, because a worker may open nothing later. Other clocks stay as they are.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int (*ClockGettime)(clockid_t, struct timespec*);

static ClockGettime real_clock_gettime;
static const volatile int64_t* offset_s;

// Other libraries may ask for the time before this one's constructor has run.
static void FindRealClock(void) {
  if (real_clock_gettime == NULL) {
    real_clock_gettime = (ClockGettime)dlsym(RTLD_NEXT, "clock_gettime");
  }
}

__attribute__((constructor)) static void MapOffset(void) {
  FindRealClock();
  const char* path = getenv("WALL_CLOCK_OFFSET_FILE");
  const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  void* page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) abort();  // A clock that is never off would prove nothing.
  close(fd);
  offset_s = page;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  FindRealClock();
  const int result = real_clock_gettime(clock, time);
  const int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && is_wall && offset_s != NULL) time->tv_sec += *offset_s;
  return result;
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
