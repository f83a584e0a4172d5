#pragma once

#include <vector>

#include "comm/communicators/communicator.h"
#include "tools/options/option_table.h"
#include "trainer/extensions/html_report.h"

namespace rensa::tools {

/// What OUT/report.html says beside the curves: the keys that have a value of their own, the environment (hosts, ranks,
/// threads, processor, GPU, versions), and, folded, the keys at their defaults. `threads`: of this rank. A call on all
/// ranks together; whole on rank 0.
std::vector<ReportSection> report_sections(const std::vector<OptionValue>& options, Communicator& comm, Device device,
                                           int threads);

}  // namespace rensa::tools
