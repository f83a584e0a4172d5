#include "trainer/stragglers/judge.h"

#include <algorithm>
#include <limits>
#include <map>
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

Step mean_of(const std::vector<Step>& steps) {
  Step sum;
  for (const Step& step : steps) {
    sum.whole += step.whole;
    sum.between += step.between;
    sum.input += step.input;
    sum.compute += step.compute;
    sum.wait += step.wait;
  }
  const auto count = static_cast<double>(std::max<std::size_t>(1, steps.size()));
  return {sum.whole / count, sum.between / count, sum.input / count, sum.compute / count, sum.wait / count};
}

}  // namespace

Verdict judge(const std::vector<std::vector<Step>>& steps, double threshold) {
  Verdict verdict;
  for (const auto& of_rank : steps) verdict.means.push_back(mean_of(of_rank));
  const std::vector<Step>& means = verdict.means;
  const std::size_t ranks = means.size();
  for (const Step& mean : means) verdict.step += (mean.whole + mean.between) / static_cast<double>(ranks);

  const auto consider = [&](Cause cause, double Step::*part) {
    for (std::size_t rank = 0; ranks > 1 && rank < ranks; ++rank) {
      std::vector<double> others;
      for (std::size_t other = 0; other < ranks; ++other) {
        if (other != rank) others.push_back(means[other].*part);
      }
      const double excess = means[rank].*part - median(std::move(others));
      if (excess > verdict.excess) {
        verdict.cause = cause;
        verdict.rank = static_cast<int>(rank);
        verdict.excess = excess;
      }
    }
  };
  consider(Cause::kCompute, &Step::compute);
  consider(Cause::kInput, &Step::input);
  consider(Cause::kBetween, &Step::between);

  // Whoever is ready last waits for the network alone.
  std::size_t common = std::numeric_limits<std::size_t>::max();
  for (const auto& of_rank : steps) common = std::min(common, of_rank.size());
  for (std::size_t step = 0; ranks > 1 && step < common; ++step) {
    double least = std::numeric_limits<double>::infinity();
    for (const auto& of_rank : steps) least = std::min(least, of_rank[step].wait);
    verdict.exposed_network += least / static_cast<double>(common);
  }
  if (verdict.exposed_network > verdict.excess) {
    verdict.cause = Cause::kNetwork;
    verdict.rank = -1;
    verdict.excess = verdict.exposed_network;
  }
  if (verdict.excess < threshold * verdict.step) {
    verdict.cause = Cause::kNone;
    verdict.rank = -1;
  }
  return verdict;
}

int slow_host(const std::vector<LinkTime>& links, const std::vector<int>& hosts) {
  const auto host_of = [&](int rank) { return hosts[static_cast<std::size_t>(rank)]; };
  const auto crosses = [&](const LinkTime& link) { return host_of(link.from) != host_of(link.to); };
  if (std::none_of(links.begin(), links.end(), crosses)) return -1;
  std::map<std::pair<int, int>, double> between;  // two hosts may be joined by several pairs of ranks: the quickest
  for (const LinkTime& link : links) {
    if (!crosses(link)) continue;
    const int a = host_of(link.from), b = host_of(link.to);
    const std::pair<int, int> pair(std::min(a, b), std::max(a, b));
    const auto [place, is_new] = between.try_emplace(pair, link.seconds);
    if (!is_new) place->second = std::min(place->second, link.seconds);
  }
  if (between.size() < 2) return -1;
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
  return worst->second > 1.5 * quickest_link ? worst->first : -1;
}

}  // namespace rensa::stragglers
