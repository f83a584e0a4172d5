#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/vector.hpp>
#include <limits>
#include <map>
#include <tuple>

#include "comm/communicators/communicator_config_scope.h"
#include "comm/model_data.h"
#include "comm/objects.h"
#include "core/error.h"
#include "core/initializers/initializer.h"
#include "core/links/link.h"
#include "tests/conformance/conformance.h"

namespace rensa::testing {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Three parameters and one that has no shape yet, as Linear(None, 5) has in Chainer.
struct ExampleModel : Link {
  Parameter a, b, c, lazy;
  Array statistics = zeros({4});
  explicit ExampleModel(Dtype dtype = Dtype::kFloat32) : ExampleModel(dtype, dtype, dtype) {}
  ExampleModel(Dtype of_a, Dtype of_b, Dtype of_c)
      : a({2, 3}, init::zeros(), of_a),
        b({2, 2}, init::zeros(), of_b),
        c({5}, init::zeros(), of_c),
        lazy(init::zeros(), of_a) {
    add("a", a);
    add("b", b);
    add("c", c);
    add("lazy", lazy);
    add_persistent("statistics", statistics);
  }
  std::vector<Parameter*> made() { return {&a, &b, &c}; }
};

void set_gradient(Parameter& parameter, double value) {
  parameter.set_grad(Variable(full(parameter.shape(), value, parameter.dtype())));
}

std::vector<float> gradient(const Parameter& parameter) { return to_vector<float>(parameter.grad()); }

void configs(Communicator& comm) {
  EXPECT_EQ(comm.config().get("allreduce_grad_dtype"), "");
  {
    const CommunicatorConfigScope scope(comm);
    comm.config().set("allreduce_grad_dtype", "float16");
    EXPECT_EQ(comm.config().allreduce_grad_dtype(), Dtype::kFloat16);
    EXPECT_EQ(comm.split(0, comm.rank())->config().get("allreduce_grad_dtype"), "float16");
  }
  EXPECT_EQ(comm.config().get("allreduce_grad_dtype"), "");
  EXPECT_EQ(comm.config().values().at("allreduce_grad_dtype"), "");
  EXPECT_THAT([&] { comm.config().set("no_such_config", "1"); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("no_such_config"), HasSubstr("allreduce_grad_dtype"))));
  EXPECT_THAT([&] { comm.config().set("allreduce_grad_dtype", "int32"); },
              ThrowsMessage<ValueError>(HasSubstr("int32")));
  EXPECT_THROW(comm.config().set("allreduce_grad_dtype", "float17"), ValueError);
}

void data_of_models(Communicator& comm) {
  for (int root = 0; root < comm.size(); ++root) {
    ExampleModel model;
    double value = comm.rank();
    for (Parameter* parameter : model.made()) parameter->array().fill(value++);
    model.statistics.fill(comm.rank() + 0.5);
    broadcast_data(comm, model, root);
    double expected = root;
    for (Parameter* parameter : model.made()) {
      EXPECT_THAT(to_vector<float>(parameter->array()), Each(static_cast<float>(expected++)));
    }
    EXPECT_THAT(to_vector<float>(model.statistics), Each(static_cast<float>(root) + 0.5f));
    EXPECT_FALSE(model.lazy.is_initialized());
  }
}

void mean_of_gradients(Communicator& comm) {
  ExampleModel model;
  const float mean = static_cast<float>(comm.size() - 1) / 2;
  for (int repetition = 0; repetition < 2; ++repetition) {
    double k = 0;
    for (Parameter* parameter : model.made()) set_gradient(*parameter, comm.rank() + k++);
    mean_gradients(comm, model);
    float expected = mean;
    for (Parameter* parameter : model.made()) {
      for (const float value : gradient(*parameter)) EXPECT_NEAR(value, expected, 1e-6);
      expected += 1;
    }
  }
  model.lazy.initialize({3});
  set_gradient(model.lazy, comm.rank());
  mean_gradients(comm, model);
  for (const float value : gradient(model.lazy)) EXPECT_NEAR(value, mean, 1e-6);
}

void gradients_that_some_lack(Communicator& comm) {
  const auto prepare = [&](ExampleModel& model) {
    set_gradient(model.a, comm.rank() + 1);
    if (comm.rank() % 2 == 0) set_gradient(model.c, 4);  // nobody has b's
  };
  const int even = (comm.size() + 1) / 2;
  {
    ExampleModel model;
    prepare(model);
    mean_gradients(comm, model, /*zero_fill=*/true);
    EXPECT_FALSE(model.b.grad());
    for (const float value : gradient(model.c)) {
      EXPECT_NEAR(value, 4.0f * static_cast<float>(even) / static_cast<float>(comm.size()), 1e-6);
    }
  }
  {
    ExampleModel model;
    prepare(model);
    mean_gradients(comm, model, /*zero_fill=*/false);
    for (const float value : gradient(model.a)) EXPECT_NEAR(value, static_cast<float>(comm.size() + 1) / 2, 1e-6);
    EXPECT_EQ(static_cast<bool>(model.c.grad()), comm.rank() % 2 == 0);
    if (comm.rank() % 2 == 0) {
      EXPECT_THAT(gradient(model.c), Each(4.0f));
    }
  }
}

void gradients_that_diverged(Communicator& comm) {
  ExampleModel model;
  for (Parameter* parameter : model.made()) set_gradient(*parameter, 1);
  if (comm.rank() == comm.size() - 1) set_gradient(model.b, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT([&] { mean_gradients(comm, model, false, /*check_finite=*/true); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("diverged"), HasSubstr("b "))));
  comm.barrier();
}

/// A gradient that the dtype holds exactly and a narrower one does not: what travels shows in what arrives.
double finest(Dtype dtype) {
  return dtype == Dtype::kFloat64 ? 1 + 0x1p-30 : dtype == Dtype::kFloat32 ? 1 + 0x1p-12 : 1.5;
}

/// The finest gradient of `own` after it has travelled as `wire`.
double finest_through(Dtype own, Dtype wire) { return item_size(wire) >= item_size(own) ? finest(own) : 1; }

void expect_travels(Communicator& comm, ExampleModel& model) {
  for (const char* travels : {"", "float16", "bfloat16", "float32", "float64"}) {
    const CommunicatorConfigScope scope(comm);
    comm.config().set("allreduce_grad_dtype", travels);
    for (Parameter* parameter : model.made()) set_gradient(*parameter, finest(parameter->dtype()));
    mean_gradients(comm, model);
    for (const Parameter* parameter : model.made()) {
      const Dtype own = parameter->dtype(), wire = *travels ? dtype_from_name(travels) : own;
      ASSERT_EQ(parameter->grad().dtype(), own);
      // three times a third is 1 but for rounding
      const double tolerance =
          comm.size() == 3 ? 1e-3 * (item_size(wire) == 2) + 1e-7 * (item_size(wire) == 4) + 1e-15 : 0;
      for (const double found : to_vector<double>(parameter->grad())) {
        ASSERT_NEAR(found, finest_through(own, wire), tolerance) << own << " as " << wire;
      }
    }
  }
}

void gradients_travel(Communicator& comm, Dtype own) {
  ExampleModel model(own);
  expect_travels(comm, model);
}

void gradients_of_a_mixed_model_travel(Communicator& comm) {
  ExampleModel model(Dtype::kFloat16, Dtype::kFloat32, Dtype::kFloat64);
  expect_travels(comm, model);
}

void objects(Communicator& comm) {
  using Nested = std::map<std::string, std::tuple<int, std::vector<double>, std::string>>;
  const int rank = comm.rank(), size = comm.size();
  const Nested mine = {{"rank", {rank, {0.5, rank * 1.0}, "text"}}, {"empty", {}}};
  const int root = size - 1;
  EXPECT_EQ(broadcast_object(comm, mine, root).at("rank"),
            std::make_tuple(root, std::vector<double>{0.5, root * 1.0}, std::string("text")));
  const auto all = all_gather_objects(comm, std::string(static_cast<std::size_t>(rank), 'x'));
  for (int r = 0; r < size; ++r) EXPECT_EQ(all[static_cast<std::size_t>(r)].size(), static_cast<std::size_t>(r));
  const auto gathered = gather_objects(comm, mine, root);
  EXPECT_EQ(gathered.size(), rank == root ? static_cast<std::size_t>(size) : 0u);
  EXPECT_EQ(all_reduce_object(comm, rank + 1), size * (size + 1) / 2);
  EXPECT_EQ(all_reduce_object(comm, std::string(1, static_cast<char>('a' + rank))),
            std::string("abcdefgh").substr(0, static_cast<std::size_t>(size)));
}

void addressed_objects(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  if (size == 1) return;
  if (rank != 0) {
    send_object(comm, std::vector<int>{rank, 1}, 0, /*tag=*/10 + rank);
    send_object(comm, std::vector<int>{rank, 2}, 0, /*tag=*/7);
  } else {
    // by tag, out of the order in which they were sent
    for (int r = 1; r < size; ++r) {
      const auto second = recv_object<std::vector<int>>(comm, r, 7);
      EXPECT_EQ(second.object, (std::vector<int>{r, 2}));
      EXPECT_EQ(second.source, r);
      EXPECT_EQ(second.tag, 7);
    }
    std::vector<bool> seen(static_cast<std::size_t>(size));
    for (int r = 1; r < size; ++r) {  // from anybody, with any tag
      const auto first = recv_object<std::vector<int>>(comm);
      EXPECT_EQ(first.tag, 10 + first.source);
      EXPECT_EQ(first.object, (std::vector<int>{first.source, 1}));
      EXPECT_FALSE(seen[static_cast<std::size_t>(first.source)]);
      seen[static_cast<std::size_t>(first.source)] = true;
    }
  }
  comm.barrier();
}

}  // namespace

std::vector<ConformanceCheck> model_checks() {
  std::vector<ConformanceCheck> checks =
      for_each_dtype("gradients_travel", {Dtype::kFloat16, Dtype::kFloat32, Dtype::kFloat64}, gradients_travel);
  for (const ConformanceCheck& check : {ConformanceCheck{"configs", configs},
                                        {"data_of_models", data_of_models},
                                        {"mean_of_gradients", mean_of_gradients},
                                        {"gradients_that_some_lack", gradients_that_some_lack},
                                        {"gradients_that_diverged", gradients_that_diverged},
                                        {"gradients_of_a_mixed_model_travel", gradients_of_a_mixed_model_travel},
                                        {"objects", objects},
                                        {"addressed_objects", addressed_objects}}) {
    checks.push_back(check);
  }
  return checks;
}

}  // namespace rensa::testing
