#include "comm/communicators/argument_checks.h"

#include "core/error.h"

namespace rensa {

void ArgumentChecks::array(const Array& data) const {
  if (!data) throw ValueError(call, ": no array was given.");
}

void ArgumentChecks::on_host(const Array& data) const {
  if (data.device().kind == DeviceKind::kCpu) return;
  throw DeviceError(call, ": expected an array on the host, found one on ", data.device(),
                    ". Copy it there first, or run send() and recv() in start().");
}

void ArgumentChecks::reduction(const Array& data, Reduce op) const {
  array(data);
  if (data.dtype() == Dtype::kBool) {
    throw DtypeError(call,
                     ": bool cannot be reduced between ranks. Convert it to uint8 and take the maximum or minimum.");
  }
  if (op == Reduce::kMean && !is_floating(data.dtype())) {
    throw DtypeError(call, ": the mean of ", data.dtype(), " is not ", data.dtype(),
                     ". Convert it to float32, or take the sum.");
  }
}

void ArgumentChecks::one_device(const Array& a, const Array& b) const {
  if (a.device() == b.device()) return;
  throw DeviceError(call, ": the arrays are on ", a.device(), " and ", b.device(), ", expected one device.");
}

void ArgumentChecks::parts(const Array& whole, const Array& part) const {
  array(whole);
  array(part);
  if (whole.dtype() != part.dtype()) {
    throw DtypeError(call, ": the arrays are ", whole.dtype(), " and ", part.dtype(), ", expected one dtype.");
  }
  one_device(whole, part);
  if (whole.size() != part.size() * size) {
    throw ShapeError(call, ": the larger array should hold ", size, " parts of ", part.size(), " elements, found ",
                     whole.size(), ".");
  }
}

void ArgumentChecks::equal_parts(const Array& in, const Array& out) const {
  array(in);
  array(out);
  if (in.size() != out.size() || in.size() % size != 0 || in.dtype() != out.dtype()) {
    throw ShapeError(call, ": expected two arrays of ", size, " equal parts and one dtype, found ", in.shape(), " ",
                     in.dtype(), " and ", out.shape(), " ", out.dtype(), ".");
  }
  one_device(in, out);
}

void ArgumentChecks::member(int other) const {
  if (other < 0 || other >= size)
    throw ValueError(call, ": rank ", other, " does not exist, expected 0 to ", size - 1, ".");
}

void ArgumentChecks::peer(int other) const {
  member(other);
  if (other == rank) throw ValueError(call, ": rank ", other, " is this rank itself.");
}

void ArgumentChecks::sent_tag(int tag) const {
  if (tag < 0 && tag != kLibraryTag) throw ValueError(call, ": the tag is ", tag, ", expected 0 or more.");
}

void ArgumentChecks::asked_tag(int tag) const {
  if (tag != kAnyTag) sent_tag(tag);
}

Stretch::Stretch(const Array& argument, Use use) : argument_(argument) {
  if (!argument) return;
  if (use != kIn) argument.buffer()->note_write();
  if (argument.is_contiguous()) return;
  copy_ = use == kOut ? empty(argument.shape(), argument.dtype(), argument.device()) : argument.copy();
  writes_back_ = use != kIn;
}

void Stretch::write_back() const {
  if (writes_back_) argument_.copy_from(*copy_);
}

}  // namespace rensa
