#include "core/device/gpu/notes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace rensa {
namespace {

TEST(NotesTest, EachSentenceIsSaidOnceAndToThoseWhoComeLater) {
  gpu::note("the first");
  std::vector<std::string> heard;
  gpu::on_note([&](const std::string& sentence) { heard.push_back(sentence); });
  EXPECT_THAT(heard, ::testing::ElementsAre("the first"));
  gpu::note("another");
  gpu::note("the first");
  EXPECT_THAT(heard, ::testing::ElementsAre("the first", "another"));
  gpu::on_note(nullptr);
  gpu::note("unheard");
  EXPECT_EQ(heard.size(), 2u);
}

}  // namespace
}  // namespace rensa
