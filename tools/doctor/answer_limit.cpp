#include "tools/doctor/answer_limit.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace rensa::tools::doctor {

AnswerLimit::AnswerLimit(double limit_s, const RankFacts& facts) {
  for (const InterfaceFacts& each : facts.interfaces) text_ += "  interface " + each.name + " " + each.network + "\n";
  for (const auto& [setting, value] : facts.settings) text_ += "  " + setting + "=" + value + "\n";
  text_ += "  remedy: name the network that all hosts share: --mca btl_tcp_if_include NETWORK (Open MPI), UCX_NET_DEVICES or "
           "FI_TCP_IFACE (MPICH); look for a firewall between the hosts; --timeout gives more time\n";
  const std::string who = facts.host + ", rank " + std::to_string(facts.launcher_rank);
  thread_ = std::thread([this, limit_s, who] {
    std::unique_lock lock(mutex_);
    if (done_changed_.wait_for(lock, std::chrono::duration<double>(limit_s), [this] { return done_; })) return;
    std::fprintf(stderr, "rensa doctor: error: %s: waited %.0f s for %s. This host has:\n%s", who.c_str(), limit_s, what_.c_str(),
                 text_.c_str());
    std::_Exit(2);
  });
}

AnswerLimit::~AnswerLimit() {
  {
    const std::scoped_lock lock(mutex_);
    done_ = true;
  }
  done_changed_.notify_one();
  thread_.join();
}

void AnswerLimit::waits_for(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  what_ = what;
}

}  // namespace rensa::tools::doctor
