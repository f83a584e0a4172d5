#include "trainer/iterators/loader_thread.h"

#include <omp.h>
#include <pthread.h>

#include <csignal>
#include <utility>

namespace rensa {
namespace {

/// While it lives the calling thread takes no signals, nor do threads that it starts.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

std::thread loader_thread(const char* name, std::function<void()> work) {
  const SignalsBlocked blocked;
  std::thread thread([work = std::move(work)] {
    omp_set_num_threads(1);  // a setting of this thread alone
    work();
  });
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

}  // namespace rensa
