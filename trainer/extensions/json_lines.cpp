#include "trainer/extensions/json_lines.h"

#include <fstream>

#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "trainer/extensions/entry_as_json.h"
#include "trainer/trainer.h"

namespace rensa {

JsonLines::JsonLines(std::string file_name, std::string log_report)
    : file_name_(std::move(file_name)), entries_(std::move(log_report)) {}

void JsonLines::initialize(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  entries_.start_again();
  std::string lines;
  entries_.for_each(trainer, [&](const LogReport::Entry& entry) { lines += as_json(entry).dump() + '\n'; });
  replace_file(trainer.out() + "/" + file_name_, lines);
}

void JsonLines::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  const std::string path = trainer.out() + "/" + file_name_;
  std::ofstream out(path, std::ios::app);
  entries_.for_each(trainer, [&](const LogReport::Entry& entry) { out << as_json(entry).dump() << '\n'; });
  out.close();
  if (!out) throw FileError(path, ": cannot be written. Is the disk full?");
}

}  // namespace rensa
