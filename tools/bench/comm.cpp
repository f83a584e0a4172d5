#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "comm/communicators/pure_nccl_communicator.h"
#include "comm/compute_threads.h"
#include "comm/job.h"
#include "core/device/gpu/stream.h"
#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "tools/bench/collective.h"
#include "tools/bench/comm_table.h"
#include "tools/bench_command.h"
#include "tools/json_line.h"
#include "tools/options/option_table.h"

namespace rensa::tools {
namespace {

struct CommOptions {
  std::vector<std::string> collective = {"all_reduce"}, communicator = {"auto"};
  std::string min_bytes = "4", max_bytes = "64M", step_bytes = "0", dtype = "float32", op = "sum", memory = "ordinary";
  std::string placement = "both", device = "cpu", plot;
  double step_factor = 4, max_seconds = 0;
  int iterations = 20, warmup = 5, calls = 0, check = 1, root = 0;
  bool json = false, deterministic = false;
};

const std::map<std::string, Operation> kOperations = {{"sum", Operation::kSum},
                                                      {"prod", Operation::kProduct},
                                                      {"max", Operation::kMax},
                                                      {"min", Operation::kMin},
                                                      {"avg", Operation::kMean}};

Reduce reduction(Operation operation) {
  switch (operation) {
    case Operation::kMove:  // reduces nothing
    case Operation::kSum:
      return Reduce::kSum;
    case Operation::kProduct:
      return Reduce::kProduct;
    case Operation::kMax:
      return Reduce::kMax;
    case Operation::kMin:
      return Reduce::kMin;
    case Operation::kMean:
      return Reduce::kMean;
  }
  return Reduce::kSum;
}

/// Short calls are timed several at a time, so that ranks that leave the barrier one after the other do not count.
int calls_for(std::int64_t bytes) {
  return static_cast<int>(std::clamp<std::int64_t>((256 << 10) / std::max<std::int64_t>(bytes, 1), 1, 20));
}

std::vector<std::string> chosen(const std::vector<std::string>& asked, const std::vector<std::string>& known,
                                const char* key) {
  if (asked == std::vector<std::string>{"all"}) return known;
  for (const std::string& name : asked) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw ConfigError(key, ": \"", name, "\" is not one of: all, ", detail::list(known), ".");
  }
  return asked;
}

std::vector<std::int64_t> sizes(const CommOptions& o) {
  const std::int64_t first = bytes_of_text(o.min_bytes), last = bytes_of_text(o.max_bytes);
  const std::int64_t step = o.step_bytes == "0" ? 0 : bytes_of_text(o.step_bytes);
  if (last < first) throw ConfigError("max_bytes: ", o.max_bytes, " is less than min_bytes, ", o.min_bytes, ".");
  std::vector<std::int64_t> all;
  for (std::int64_t size = first; size <= last;) {
    all.push_back(size);
    size = step > 0 ? size + step
                    : std::max(size + 1, static_cast<std::int64_t>(static_cast<double>(size) * o.step_factor));
  }
  return all;
}

/// Measures with one communicator; `referee`, another one, agrees on times and on wrong elements, so that what is
/// measured does not judge itself.
class CommBenchmark {
 public:
  CommBenchmark(const CommOptions& o, const std::string& name, Communicator& comm, Communicator& referee)
      : o_(o), name_(name), comm_(comm), referee_(referee), dtype_(dtype_from_name(o.dtype)) {
    if (o.root >= comm.size()) throw ConfigError("root: there is no rank ", o.root, " of ", comm.size(), ".");
    if (o.device == "cuda") device_ = comm.gpu();
    comm_.only_enqueues(device_);  // joins the ranks, for register_memory() on some of them
  }

  CommRow measure(const Collective& collective, std::int64_t bytes) {
    CommRow row;
    row.collective = collective.name;
    row.communicator = name_;
    row.dtype = o_.dtype;
    row.ranks = comm_.size();
    row.nodes = comm_.inter_size();
    row.count = collective.count(bytes, comm_.size(), dtype_);
    row.bytes = collective.bytes(row.count, comm_.size(), dtype_);
    row.bus_factor = collective.bus_factor(comm_.size());
    if (collective.reduces) row.op = o_.op;
    if (collective.has_root) row.root = o_.root;
    if (o_.placement != "in_place") row.out_of_place = measure(collective, row.count, false);
    if (o_.placement != "out_of_place" && collective.has_in_place) row.in_place = measure(collective, row.count, true);
    row.memory = o_.device == "cpu" ? o_.memory : o_.memory + " on cuda";
    return row;
  }

 private:
  bool on_gpu() const { return device_.kind != DeviceKind::kCpu; }
  /// What a rank has put into its GPU's stream is done.
  void wait_for_gpu() const {
    if (on_gpu()) gpu::current_stream(device_).synchronize();
  }

  Array make_array(std::int64_t count, bool mine) {
    if (on_gpu()) {
      const Array made = mine ? empty({count}, dtype_, device_) : Array();
      if (mine && o_.memory == "arena") registrations_.push_back(comm_.register_memory(made));
      return made;
    }
    if (o_.memory == "arena") {
      const Array shared = comm_.allocate_shared(count, dtype_);  // on all ranks together
      return mine ? shared : Array();
    }
    return mine ? empty({count}, dtype_) : Array();
  }

  CommRow::Placement measure(const Collective& collective, std::int64_t count, bool in_place) {
    const Operation operation = collective.reduces ? kOperations.at(o_.op) : Operation::kMove;
    registrations_.clear();
    const CollectiveCall call = make_call(collective, comm_, count, in_place, o_.root, reduction(operation),
                                          [&](std::int64_t elements, bool mine) { return make_array(elements, mine); });
    CommRow::Placement result;
    double spent = 0;  // calls that are checked count as warm-up
    for (int i = 0; i < o_.check; ++i) {
      set_known_values(call, operation);
      spent += agreed_seconds(collective, call, 1);
      result.wrong = result.wrong.value_or(0) + count_wrong(collective, call, operation, count);
    }
    for (const Array& array : {call.in, call.out}) {
      if (array) array.fill(0);  // sums of zeros stay zeros, however often
    }
    const int calls = o_.calls > 0 ? o_.calls : calls_for(collective.bytes(count, comm_.size(), dtype_));
    time_calls(collective, call, calls, o_.warmup, spent);
    result.us = time_calls(collective, call, calls, o_.iterations, 0);
    return result;
  }

  void set_known_values(const CollectiveCall& call, Operation operation) {
    const auto set = [](const Array& array, const auto& values) {
      const Array host = array.device().kind == DeviceKind::kCpu ? array : empty(array.shape(), array.dtype());
      values(host);
      if (host.raw_data() != array.raw_data()) array.copy_from(host);
    };
    if (call.out) set(call.out, [](const Array& host) { poison(host); });
    if (call.in) {
      set(call.in, [&](const Array& host) { KnownValues(dtype_, operation, comm_.size()).fill(host, comm_.rank()); });
    }
  }

  /// Compares every element of every rank's result.
  std::int64_t count_wrong(const Collective& collective, const CollectiveCall& call, Operation operation,
                           std::int64_t count) {
    const bool has_result = call.out && (!collective.result_only_on_root || comm_.rank() == o_.root);
    const Array wrong = zeros({1}, Dtype::kInt64);
    if (has_result) {
      const KnownValues values(dtype_, operation, comm_.size());
      wrong.fill(static_cast<double>(values.count_wrong(call.out.to(Device{}), [&](std::int64_t i) {
        return collective.origin(comm_.rank(), comm_.size(), o_.root, count, i);
      })));
    }
    referee_.all_reduce(wrong);
    return wrong.item<std::int64_t>();
  }

  /// Of so many calls on the slowest rank.
  double agreed_seconds(const Collective& collective, const CollectiveCall& call, int calls) {
    const Array seconds = zeros({1}, Dtype::kFloat64);
    wait_for_gpu();
    referee_.barrier();
    seconds.fill(seconds_of([&] {
      for (int i = 0; i < calls; ++i) collective.run(call);
      wait_for_gpu();
    }));
    referee_.all_reduce(seconds, Reduce::kMax);
    return seconds.item<double>();
  }

  /// Up to `iterations` times, in microseconds a call; ends once `spent` and they reach max_seconds, on all ranks
  /// alike.
  Samples time_calls(const Collective& collective, const CollectiveCall& call, int calls, int iterations,
                     double spent) {
    Samples us;
    for (int i = 0; i < iterations && (o_.max_seconds == 0 || spent < o_.max_seconds); ++i) {
      const double seconds = agreed_seconds(collective, call, calls);
      spent += seconds;
      us.values.push_back(seconds / calls * 1e6);
    }
    return us;
  }

  const CommOptions& o_;
  const std::string name_;
  Communicator& comm_;
  Communicator& referee_;
  const Dtype dtype_;
  Device device_;
  std::vector<std::shared_ptr<void>> registrations_;  ///< of memory, with NCCL
};

/// The rows of one table, printed as they come. A communicator or collective that refuses what is asked says so in a
/// line.
std::vector<CommRow> measure_table(const CommOptions& o, const Collective& collective, const std::string& name,
                                   Communicator& comm, Communicator& referee) {
  std::vector<CommRow> rows;
  const bool prints = comm.rank() == 0;
  CommBenchmark benchmark(o, name, comm, referee);
  for (const std::int64_t bytes : sizes(o)) {
    rows.push_back(benchmark.measure(collective, bytes));
    if (!prints) continue;
    if (o.json)
      print_json_line(json_line(rows.back()));
    else
      std::cout << (rows.size() == 1 ? table_head(rows.back()) : "") << table_line(rows.back()) << std::flush;
  }
  return rows;
}

void write_page(const std::string& path, const std::vector<CommRow>& rows) { replace_file(path, bandwidth_page(rows)); }

std::int64_t wrong_elements(const std::vector<CommRow>& rows) {
  std::int64_t wrong = 0;
  for (const CommRow& row : rows) {
    for (const auto& placement : {row.out_of_place, row.in_place}) {
      if (placement) wrong += placement->wrong.value_or(0);
    }
  }
  return wrong;
}

double mean_bus_bandwidth(const std::vector<CommRow>& rows) {
  double sum = 0;
  int count = 0;
  for (const CommRow& row : rows) {
    for (const auto& placement : {row.out_of_place, row.in_place}) {
      if (placement) sum += row.gigabytes_per_second(*placement) * row.bus_factor, ++count;
    }
  }
  return count == 0 ? 0 : sum / count;
}

/// All ranks are refused alike: ValueError. A CommError from a communicator that was made is a lost rank.
std::unique_ptr<Communicator> create(const std::string& name, const CommOptions& o) {
  PureNcclCommunicator::check_carries(name, device_from_name(o.device), "what is measured");
  try {
    return create_communicator(name, {.deterministic = o.deterministic});
  } catch (const CommError& refusal) {
    throw ValueError(refusal.what());
  }
}

/// Every table that was asked for. Returns how many elements were wrong.
std::int64_t measure_all(const CommOptions& o, const std::vector<std::string>& communicators,
                         const std::vector<std::string>& names, Communicator& referee) {
  std::vector<CommRow> all;
  std::int64_t wrong = 0;
  const bool many = communicators.size() > 1 || names.size() > 1;
  const auto attempt = [&](const std::string& what, const auto& work) {
    const auto refused = [&](const std::exception& error) {
      if (!many) throw;
      if (referee.rank() == 0) (o.json ? std::cerr : std::cout) << "# " << what << ": " << error.what() << std::endl;
    };
    try {
      work();
    } catch (const ValueError& error) {
      refused(error);
    } catch (const DtypeError& error) {
      refused(error);
    } catch (const DeviceError& error) {
      refused(error);
    }
  };
  for (const std::string& name : communicators) {
    if (name == "self" && referee.size() > 1) continue;
    attempt(name, [&] {
      const std::unique_ptr<Communicator> comm = create(name, o);
      for (const Collective& collective : collectives()) {
        if (std::find(names.begin(), names.end(), collective.name) == names.end()) continue;
        attempt(name + ", " + std::string(collective.name), [&] {
          const auto rows = measure_table(o, collective, name, *comm, referee);
          if (name != "dummy") wrong += wrong_elements(rows);  // which leaves arrays as they are
          all.insert(all.end(), rows.begin(), rows.end());
        });
      }
    });
  }
  if (referee.rank() == 0 && !o.json) {
    std::cout << "# Out of bounds values : " << wrong << (wrong == 0 ? " OK" : " FAILED")
              << "\n# Avg bus bandwidth    : " << mean_bus_bandwidth(all) << '\n';
  }
  if (referee.rank() == 0 && !o.plot.empty()) write_page(o.plot, all);
  return wrong;
}

/// A title and names in lines of at most 80 columns.
std::string listed(const std::string& title, const std::vector<std::string>& names) {
  std::string text;
  std::string line = title;
  for (const std::string& name : names) {
    if (line.size() + 1 + name.size() > 80) {
      text += line + "\n";
      line.assign(title.size(), ' ');
    }
    line += " " + name;
  }
  return text + line;
}

}  // namespace

int bench_comm(int argc, char** argv) {
  CommOptions o;
  std::vector<std::string> collective_names, operations;
  for (const Collective& collective : collectives()) collective_names.emplace_back(collective.name);
  for (const auto& [name, operation] : kOperations) operations.push_back(name);
  const std::string lists =
      "\n\n" + listed("collectives:  ", collective_names) + "\n" + listed("communicators:", communicator_names());
  OptionTable table(
      "usage: mpirun -n 4 rensa bench comm [--key value …]\n\n"
      "The speed of collectives in nccl-tests' columns: size, count, type, redop, root;\n"
      "then out of place and in place the time of a call (the median over the\n"
      "iterations, each the slowest rank's), algbw = size / time, busbw = algbw times\n"
      "nccl-tests' factor, and #wrong: elements, on all ranks, that are not what they\n"
      "should be. Sizes that hold less than one element for each rank are rounded up.\n"
      "Ends with 1 if an element was wrong. See docs/performance.md." +
      lists);
  table.add("collective", o.collective, "which, separated by commas, or all");
  table.add("communicator", o.communicator, "which, separated by commas, or all");
  table.add("min_bytes", o.min_bytes, "first size; K, M and G are powers of 1024");
  table.add("max_bytes", o.max_bytes, "last size");
  table.add("step_factor", o.step_factor, "a size over the one before", {.min = 1, .above_min = true});
  table.add("step_bytes", o.step_bytes, "added to a size instead; 0: step_factor");
  table.add("iterations", o.iterations, "timed iterations", {.min = 1});
  table.add("warmup", o.warmup, "iterations before them", {.min = 0});
  table.add("calls", o.calls, "calls in one iteration; 0: 256 KiB over the size, from 1 to 20", {.min = 0});
  table.add("max_seconds", o.max_seconds,
            "a size's warm-up, with the checked calls, and its iterations end after this time; 0: never",
            {.min = 0, .finite = false});
  table.add("dtype", o.dtype, "element type",
            {.choices = {"float32", "float64", "float16", "bfloat16", "int8", "uint8", "int32", "int64"}});
  table.add("op", o.op, "reduction", {.choices = operations});
  table.add("root", o.root, "the rank that sends or receives", {.min = 0});
  table.add("check", o.check, "calls whose results are checked; 0: none", {.min = 0});
  table.add("placement", o.placement, "where results go", {.choices = {"both", "in_place", "out_of_place"}});
  table.add("memory", o.memory,
            "arena: from the communicator, where ranks of a node reach it; on a GPU: registered with NCCL",
            {.choices = {"ordinary", "arena"}});
  table.add("device", o.device, "where the arrays lie; cuda: each rank of a node on a GPU of its own",
            {.choices = {"cpu", "cuda"}});
  table.add("deterministic", o.deterministic, "auto measures nothing and takes a fixed rule");
  table.add("json", o.json, "prints a line of JSON for each size, with all times");
  table.add("plot", o.plot, "a page of curves, bus bandwidth over size");
  if (!table.parse(argc, argv, std::cout)) return 0;
  const std::vector<std::string> communicators = chosen(o.communicator, communicator_names(), "communicator");
  const std::vector<std::string> names = chosen(o.collective, collective_names, "collective");
  sizes(o);  // refuses before any rank starts
  std::int64_t wrong = 0;
  const int status = run_job({.name = mpi::available() ? "flat" : "self"}, [&](Communicator& referee) {
    set_compute_threads(referee, 0);
    wrong = measure_all(o, communicators, names, referee);
  });
  return status != 0 ? status : wrong > 0 ? 1 : 0;
}

}  // namespace rensa::tools
