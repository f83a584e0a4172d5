#include "trainer/stragglers/judge.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

namespace rensa::stragglers {
namespace {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double trimmed_mean(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto trimmed = static_cast<std::ptrdiff_t>(values.size() / 10);
  return std::accumulate(values.begin() + trimmed, values.end() - trimmed, 0.0) /
         static_cast<double>(static_cast<std::ptrdiff_t>(values.size()) - 2 * trimmed);
}

double mean_of(const std::vector<Step>& steps, double Step::* part) {
  std::vector<double> values;
  for (const Step& step : steps) values.push_back(step.*part);
  return trimmed_mean(std::move(values));
}

/// Whoever is ready last waits for the network alone.
double exposed_network(const std::vector<std::vector<Step>>& steps) {
  if (steps.size() < 2) return 0;
  std::size_t common = std::numeric_limits<std::size_t>::max();
  for (const auto& of_rank : steps) common = std::min(common, of_rank.size());
  std::vector<double> least(common, std::numeric_limits<double>::infinity());
  for (const auto& of_rank : steps) {
    for (std::size_t step = 0; step < common; ++step) least[step] = std::min(least[step], of_rank[step].wait);
  }
  return trimmed_mean(std::move(least));
}

}  // namespace

Verdict judge(const std::vector<std::vector<Step>>& steps, const std::vector<LinkTime>& links,
              const std::vector<int>& hosts, double threshold) {
  Verdict verdict;
  for (const auto& of_rank : steps) {
    verdict.means.push_back({.whole = mean_of(of_rank, &Step::whole),
                             .between = mean_of(of_rank, &Step::between),
                             .input = mean_of(of_rank, &Step::input),
                             .compute = mean_of(of_rank, &Step::compute),
                             .wait = mean_of(of_rank, &Step::wait)});
  }
  const std::vector<Step>& means = verdict.means;
  const std::size_t ranks = means.size();
  for (const Step& mean : means) verdict.step += (mean.whole + mean.between) / static_cast<double>(ranks);
  verdict.exposed_network = exposed_network(steps);

  const auto accuse = [&](Cause cause, int rank, double excess) {
    if (excess <= verdict.excess) return;
    verdict.cause = cause;
    verdict.rank = rank;
    verdict.excess = excess;
  };
  const auto compare = [&](Cause cause, double Step::* part) {
    for (std::size_t rank = 0; ranks > 1 && rank < ranks; ++rank) {
      std::vector<double> others;
      for (std::size_t other = 0; other < ranks; ++other) {
        if (other != rank) others.push_back(means[other].*part);
      }
      accuse(cause, static_cast<int>(rank), means[rank].*part - median(std::move(others)));
    }
  };
  compare(Cause::kCompute, &Step::compute);
  compare(Cause::kInput, &Step::input);
  compare(Cause::kBetween, &Step::between);
  const SlowHost slow = slow_host(links, hosts);
  if (slow.host >= 0) {
    const auto first = std::find(hosts.begin(), hosts.end(), slow.host) - hosts.begin();
    accuse(Cause::kLink, static_cast<int>(first), verdict.exposed_network * (1 - 1 / slow.times));
  }
  if (verdict.excess < threshold * verdict.step) {
    verdict.cause = Cause::kNone;
    verdict.rank = -1;
    verdict.excess = 0;
  }
  return verdict;
}

SlowHost slow_host(const std::vector<LinkTime>& links, const std::vector<int>& hosts) {
  std::map<std::pair<int, int>, double> between;  // two hosts may be joined by several pairs of ranks: the quickest
  for (const LinkTime& link : links) {
    const int a = hosts[static_cast<std::size_t>(link.from)], b = hosts[static_cast<std::size_t>(link.to)];
    if (a == b) continue;
    const auto [place, is_new] = between.try_emplace({std::min(a, b), std::max(a, b)}, link.seconds);
    if (!is_new) place->second = std::min(place->second, link.seconds);
  }
  if (between.size() < 2) return {};
  double quickest_link = std::numeric_limits<double>::infinity();
  std::map<int, double> quickest;  // of each host: a slow host makes all its links slow, a quick one has a quick one
  for (const auto& [pair, seconds] : between) {
    quickest_link = std::min(quickest_link, seconds);
    for (const int host : {pair.first, pair.second}) {
      const auto [place, is_new] = quickest.try_emplace(host, seconds);
      if (!is_new) place->second = std::min(place->second, seconds);
    }
  }
  const auto worst = std::max_element(quickest.begin(), quickest.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
  const double times = worst->second / quickest_link;
  return times > 2 ? SlowHost{worst->first, times} : SlowHost{};
}

}  // namespace rensa::stragglers
