#include "rollout/log/wal.h"

#include <gtest/gtest.h>

#include <fstream>

#include "configs/error.h"
#include "tests/temp_dir.h"

namespace amalgam::rollout {
namespace {

namespace fs = std::filesystem;
using Log = std::map<uint32_t, std::vector<LoggedToken>>;

bool same(const Log& a, const Log& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first &&
           std::equal(x.second.begin(), x.second.end(), y.second.begin(), y.second.end(),
                      [](const LoggedToken& p, const LoggedToken& q) {
                        return p.id == q.id && p.logprob == q.logprob && p.from_tool == q.from_tool;
                      });
  });
}

// Without the episodes that hold no token.
Log without_empty(Log log) {
  std::erase_if(log, [](const auto& e) { return e.second.empty(); });
  return log;
}

class WalTest : public ::testing::Test {
 protected:
  std::string prefix() const { return folder_ / "wal/rollout-12"; }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& e : fs::directory_iterator(folder_ / "wal")) all.push_back(e.path());
    std::sort(all.begin(), all.end());
    return all;
  }
  TempDir folder_;
};

TEST_F(WalTest, RoundTrip) {
  {
    WalWriter w(prefix());
    w.sampled(3, {11, -0.5f});
    w.sampled(0, {-1, -0.0f});  // any bits
    w.tool_result(3, std::vector<int32_t>{7, 8, 9});
    w.flush();
    w.sampled(3, {12, -2.25f});
    w.flush();
  }
  const Log want = {
      {0, {{-1, -0.0f, false}}},
      {3, {{11, -0.5f, false}, {7, 0, true}, {8, 0, true}, {9, 0, true}, {12, -2.25f, false}}}};
  EXPECT_TRUE(same(read_wal(prefix()), want));
}

TEST_F(WalTest, NothingIsThereBeforeFlush) {
  WalWriter w(prefix());
  w.sampled(1, {5, -1});
  EXPECT_TRUE(read_wal(prefix()).empty());
  w.flush();
  EXPECT_EQ(read_wal(prefix())[1].size(), 1u);
  w.flush();  // nothing twice
  EXPECT_EQ(read_wal(prefix())[1].size(), 1u);
}

TEST_F(WalTest, NoFilesNoEpisodes) {
  EXPECT_TRUE(read_wal(prefix()).empty());
  remove_wal(prefix());
}

// Cut at every byte, the log holds a prefix of what was written; a tool result is there whole or
// not at all.
TEST_F(WalTest, TornAtEveryByte) {
  std::vector<LoggedToken> whole;
  {
    WalWriter w(prefix());
    const auto sample = [&](int32_t id) {
      w.sampled(2, {id, -static_cast<float>(id)});
      whole.push_back({id, -static_cast<float>(id), false});
    };
    sample(1), sample(2);
    w.tool_result(2, std::vector<int32_t>{20, 21, 22});
    for (const int32_t id : {20, 21, 22}) whole.push_back({id, 0, true});
    sample(3);
    w.flush();
  }
  ASSERT_EQ(files().size(), 1u);
  const fs::path path = files()[0];
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  ASSERT_EQ(bytes.size(), whole.size() * 16);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    std::ofstream(path, std::ios::binary) << bytes.substr(0, cut);
    size_t tokens = cut / 16;
    if (tokens > 2 && tokens < 5) tokens = 2;
    const Log want = {{2, {whole.begin(), whole.begin() + static_cast<long>(tokens)}}};
    EXPECT_TRUE(same(without_empty(read_wal(prefix())), without_empty(want))) << cut;
  }
  // The same with a tail of noise: what a crashed disk may leave.
  for (size_t cut = 0; cut < bytes.size(); cut += 5) {
    std::string noise = bytes;
    for (size_t i = cut; i < noise.size(); ++i) noise[i] = static_cast<char>(noise[i] * 31 + 77);
    std::ofstream(path, std::ios::binary) << noise;
    size_t tokens = cut / 16;
    if (tokens > 2 && tokens < 5) tokens = 2;
    EXPECT_EQ(without_empty(read_wal(prefix()))[2].size(), tokens) << cut;
  }
}

TEST_F(WalTest, AnyFlippedBitEndsTheLog) {
  {
    WalWriter w(prefix());
    w.sampled(1, {5, -1});
    w.sampled(1, {6, -2});
    w.flush();
  }
  const fs::path path = files()[0];
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (size_t bit = 0; bit < 8 * 16; ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    std::ofstream(path, std::ios::binary) << bad;
    EXPECT_TRUE(read_wal(prefix()).empty()) << bit;
  }
}

// A worker that goes on writes its own file; its part follows what it read.
TEST_F(WalTest, LaterFilesFollow) {
  {
    WalWriter w(prefix());
    w.sampled(1, {5, -1});
    w.sampled(2, {6, -1});
    w.tool_result(1, std::vector<int32_t>{30, 31, 32});
    w.flush();
  }
  // The tool result is torn: the next writer never saw it.
  const fs::path first = files()[0];
  fs::resize_file(first, fs::file_size(first) - 16);
  EXPECT_EQ(read_wal(prefix())[1].size(), 1u);
  for (int32_t round = 0; round < 12; ++round) {  // more than one digit of file numbers
    WalWriter w(prefix());
    w.sampled(1, {100 + round, -3});
    w.flush();
  }
  EXPECT_EQ(files().size(), 13u);
  const auto log = read_wal(prefix());
  ASSERT_EQ(log.at(1).size(), 13u);
  EXPECT_EQ(log.at(1)[0].id, 5);
  for (int32_t round = 0; round < 12; ++round)
    EXPECT_EQ(log.at(1)[static_cast<size_t>(round) + 1].id, 100 + round);
  EXPECT_EQ(log.at(2).size(), 1u);
}

TEST_F(WalTest, OtherPrefixesAreNotTouched) {
  const std::string longer = prefix() + "-1", shorter = folder_ / "wal/rollout-1";
  for (const std::string& p : {prefix(), longer, shorter}) {
    WalWriter w(p);
    w.sampled(static_cast<uint32_t>(p.size()), {1, -1});
    w.flush();
  }
  for (const std::string& p : {prefix(), longer, shorter}) {
    const auto log = read_wal(p);
    ASSERT_EQ(log.size(), 1u) << p;
    EXPECT_EQ(log.begin()->first, p.size());
  }
  remove_wal(prefix());
  EXPECT_TRUE(read_wal(prefix()).empty());
  EXPECT_EQ(read_wal(longer).size(), 1u);
  EXPECT_EQ(read_wal(shorter).size(), 1u);
}

TEST_F(WalTest, JournalsOfSandboxesGoWithTheirLog) {
  const std::string longer = prefix() + "-1";
  std::vector<std::string> kept, removed;
  for (const std::string& p : {prefix(), longer}) {
    WalWriter w(p);
    w.sampled(1, {1, -1});
    w.flush();
    for (const uint32_t episode : {0u, 12u}) {
      auto& paths = p == longer ? kept : removed;
      paths.push_back(w.sandbox_journal(episode));
      std::ofstream(paths.back()) << "x";
    }
  }
  EXPECT_EQ(read_wal(prefix()).size(), 1u);
  remove_wal(prefix());
  for (const std::string& path : removed) EXPECT_FALSE(fs::exists(path)) << path;
  for (const std::string& path : kept) EXPECT_TRUE(fs::exists(path)) << path;
}

TEST_F(WalTest, AnUnwritablePlaceIsAnError) {
  std::ofstream(folder_ / "file") << "x";
  EXPECT_THROW(WalWriter(folder_ / "file/wal"), Error);
}

}  // namespace
}  // namespace amalgam::rollout
