// A wall clock that is 90 s ahead on one host: preloaded into its ranks, because emulated hosts share the true one.
#include <dlfcn.h>
#include <time.h>  // NOLINT(modernize-deprecated-headers): POSIX's, with clock_gettime

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

bool on_the_planted_host() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  const char* planted = std::getenv("PLANTED_HOST");
  return planted && std::strcmp(name, planted) == 0;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using Call = int (*)(clockid_t, timespec*);
  static const Call original = reinterpret_cast<Call>(dlsym(RTLD_NEXT, "clock_gettime"));
  static const bool planted = on_the_planted_host();
  const int status = original(clock, time);
  if (planted && clock == CLOCK_REALTIME) time->tv_sec += 90;
  return status;
}
