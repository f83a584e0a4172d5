#include "core/functions/windows.h"

#include "core/error.h"

namespace rensa::functions {

std::int64_t WindowAxis::count(const char* name) const {
  if (kernel < 1 || stride < 1 || pad < 0 || dilate < 1) {
    throw ValueError(name, ": kernel ", kernel, ", stride ", stride, ", pad ", pad, ", dilate ", dilate,
                     "; expected at least 1, 1, 0 and 1.");
  }
  const std::int64_t room = size + 2 * pad - reach() + (cover_all ? stride - 1 : 0);
  if (room < 0) {
    throw ShapeError(name, ": a window of ", reach(), " does not fit into ", size, " elements (pad ", pad, ").");
  }
  return room / stride + 1;
}

std::vector<std::int64_t> each_axis(const char* name, const std::vector<std::int64_t>& given, int axes,
                                    std::int64_t otherwise) {
  const auto count = static_cast<std::size_t>(axes);
  if (given.empty()) return std::vector<std::int64_t>(count, otherwise);
  if (given.size() == 1) return std::vector<std::int64_t>(count, given[0]);
  if (given.size() != count) {
    throw ValueError(name, ": ", given.size(), " numbers for ", axes, " spatial axes, expected one, or one an axis.");
  }
  return given;
}

Array window_places(const char* name, const std::vector<WindowAxis>& axes) {
  std::int64_t windows = 1, elements = 1;
  std::vector<std::int64_t> counts;
  for (const WindowAxis& axis : axes) {
    counts.push_back(axis.count(name));
    windows *= counts.back();
    elements *= axis.kernel;
  }
  Array places = empty({windows, elements}, Dtype::kInt64);
  std::int64_t* to = places.data<std::int64_t>();
  for (std::int64_t w = 0; w < windows; ++w) {
    for (std::int64_t e = 0; e < elements; ++e) {
      std::int64_t rest_w = w, rest_e = e, at = 0, step = 1;
      for (std::size_t a = axes.size(); a-- > 0;) {
        const std::int64_t place = axes[a].place(rest_w % counts[a], rest_e % axes[a].kernel);
        at = at < 0 || place < 0 ? -1 : at + place * step;
        step *= axes[a].size;
        rest_w /= counts[a];
        rest_e /= axes[a].kernel;
      }
      *to++ = at;
    }
  }
  return places;
}

}  // namespace rensa::functions
