#include "rewards/registry/reference.h"

#include <gtest/gtest.h>

#include "proto/append_file.h"
#include "tests/paths.h"

namespace amalgam::rewards {
namespace {

TEST(VerifiersReference, IsWhatIsCommitted) {
  const std::string page = proto::read_file(std::string(tests::kGolden) + "/../../docs/REWARDS.md");
  const std::string heading = "## All verifiers\n\n";
  EXPECT_EQ(page.substr(page.find(heading) + heading.size()), verifiers_reference())
      << "run `make docs`";
}

}  // namespace
}  // namespace amalgam::rewards
