#include "configs/fnv1a.h"

#include <gtest/gtest.h>

namespace amalgam {
namespace {

// From the authors' test vectors (Fowler, Noll, Vo: test_fnv.c).
static_assert(fnv1a("") == 0xcbf29ce484222325);
static_assert(fnv1a("a") == 0xaf63dc4c8601ec8c);
static_assert(fnv1a("foobar") == 0x85944171f73967e8);

TEST(Fnv1a, ContinuesWhereItStopped) {
  EXPECT_EQ(fnv1a("bar", fnv1a("foo")), fnv1a("foobar"));
  EXPECT_NE(fnv1a("\xff"), fnv1a("\x7f")) << "bytes are unsigned";
  EXPECT_EQ(fnv1a("\xff\x01"), (((kFnv1aStart ^ 0xff) * 0x100000001b3) ^ 1) * 0x100000001b3);
}

}  // namespace
}  // namespace amalgam
