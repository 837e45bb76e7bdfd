#include "rollout/log/wal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "configs/error.h"
#include "proto/append_file.h"
#include "proto/record_file.h"
#include "proto/token_log.pb.h"
#include "tests/temp_dir.h"

namespace amalgam::rollout {
namespace {

namespace fs = std::filesystem;
using Log = std::map<uint32_t, std::vector<LoggedToken>>;

class WalTest : public ::testing::Test {
 protected:
  std::string prefix() const { return folder_ / "wal/rollout-12"; }
  Log read() const { return read_wal(prefix()).episodes; }
  std::string damage() const { return read_wal(prefix()).damage; }
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
    w.sampled(3, 0, {11, -0.5f});
    w.sampled(0, 0, {-1, -0.0f});  // any bits
    w.tool_result(3, 1, std::vector<int32_t>{7, 8, 9});
    w.flush();
    w.sampled(3, 4, {12, -2.25f});
    w.flush();
  }
  const Log want = {
      {0, {{-1, -0.0f, false}}},
      {3, {{11, -0.5f, false}, {7, 0, true}, {8, 0, true}, {9, 0, true}, {12, -2.25f, false}}}};
  EXPECT_EQ(read(), want);
  EXPECT_EQ(damage(), "");
}

TEST_F(WalTest, NothingIsThereBeforeFlush) {
  WalWriter w(prefix());
  w.sampled(1, 0, {5, -1});
  EXPECT_TRUE(read().empty());
  w.flush();
  EXPECT_EQ(read()[1].size(), 1u);
  w.flush();  // nothing twice
  EXPECT_EQ(read()[1].size(), 1u);
  EXPECT_EQ(damage(), "");
}

TEST_F(WalTest, NoFilesNoEpisodes) {
  EXPECT_TRUE(read().empty());
  EXPECT_EQ(damage(), "");
  remove_wal(prefix());
}

// Cut at every byte, the log holds a prefix of what was written; a tool result is there whole or
// not at all. Cut between records it is that of a worker that was killed earlier.
TEST_F(WalTest, TornAtEveryByte) {
  std::vector<LoggedToken> whole;
  std::vector<std::pair<size_t, size_t>> ends = {{0, 0}};  // bytes, tokens
  {
    WalWriter w(prefix());
    const auto flush = [&] {
      w.flush();
      ends.emplace_back(fs::file_size(files()[0]), whole.size());
    };
    const auto sample = [&](int32_t id) {
      w.sampled(2, whole.size(), {id, -static_cast<float>(id)});
      whole.push_back({id, -static_cast<float>(id), false});
      flush();
    };
    sample(1), sample(2);
    w.tool_result(2, 2, std::vector<int32_t>{20, 21, 22});
    for (const int32_t id : {20, 21, 22}) whole.push_back({id, 0, true});
    flush();
    sample(3);
  }
  ASSERT_EQ(files().size(), 1u);
  const std::string path = files()[0].string();
  const std::string bytes = proto::read_file(path);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto end =
        *std::find_if(ends.rbegin(), ends.rend(), [&](const auto& e) { return e.first <= cut; });
    const std::vector<LoggedToken> want(whole.begin(),
                                        whole.begin() + static_cast<long>(end.second));
    proto::write_file_atomically(path, bytes.substr(0, cut));
    EXPECT_EQ(read()[2], want) << cut;
    EXPECT_EQ(damage().empty(), end.first == cut) << cut;
    // The same with a tail of noise: what a crashed disk may leave.
    std::string noise = bytes;
    for (size_t i = cut; i < noise.size(); ++i) noise[i] = static_cast<char>(noise[i] * 31 + 77);
    proto::write_file_atomically(path, noise);
    EXPECT_EQ(read()[2], want) << cut;
    EXPECT_EQ(damage().empty(), cut == bytes.size()) << cut;
  }
}

TEST_F(WalTest, AnyFlippedBitEndsTheLog) {
  size_t first_bytes = 0;
  {
    WalWriter w(prefix());
    w.sampled(1, 0, {5, -1});
    w.flush();
    first_bytes = fs::file_size(files()[0]);
    w.sampled(1, 1, {6, -2});
    w.flush();
  }
  const std::string path = files()[0].string(), bytes = proto::read_file(path);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    proto::write_file_atomically(path, bad);
    const bool in_first = bit / 8 < first_bytes;
    EXPECT_EQ(read()[1].size(), in_first ? 0u : 1u) << bit;
    EXPECT_EQ(damage(), path + " at byte " + std::to_string(in_first ? 0 : first_bytes) +
                            ": checksum mismatch");
  }
}

TEST_F(WalTest, TokensOfOtherWeightsDoNotCount) {
  {
    WalWriter w(prefix(), 3);
    w.sampled(1, 0, {5, -1});
    w.flush();
  }
  EXPECT_EQ(read_wal(prefix(), 3).episodes.size(), 1u);
  EXPECT_EQ(read_wal(prefix(), 3).damage, "");
  for (const WeightsVersion other : {WeightsVersion(), WeightsVersion(0), WeightsVersion(4)}) {
    EXPECT_TRUE(read_wal(prefix(), other).episodes.empty());
    EXPECT_NE(read_wal(prefix(), other).damage.find("other weights"), std::string::npos);
  }
}

// A worker that goes on writes its own file; its part follows what it read.
TEST_F(WalTest, LaterFilesFollow) {
  {
    WalWriter w(prefix());
    w.sampled(1, 0, {5, -1});
    w.sampled(2, 0, {6, -1});
    w.tool_result(1, 1, std::vector<int32_t>{30, 31, 32});
    w.flush();
  }
  // The tool result is torn: the next writer never saw it.
  const fs::path first = files()[0];
  fs::resize_file(first, fs::file_size(first) - 1);
  EXPECT_EQ(read()[1].size(), 1u);
  for (int32_t round = 0; round < 12; ++round) {  // more than one digit of file numbers
    WalWriter w(prefix());
    w.sampled(1, static_cast<size_t>(round) + 1, {100 + round, -3});
    w.flush();
  }
  EXPECT_EQ(files().size(), 13u);
  const auto log = read();
  ASSERT_EQ(log.at(1).size(), 13u);
  EXPECT_EQ(log.at(1)[0].id, 5);
  for (int32_t round = 0; round < 12; ++round)
    EXPECT_EQ(log.at(1)[static_cast<size_t>(round) + 1].id, 100 + round);
  EXPECT_EQ(log.at(2).size(), 1u);
  // Behind a gap no number is used again.
  fs::remove(files()[4]);
  WalWriter w(prefix());
  EXPECT_NE(files().back().string().find("-000013-"), std::string::npos) << files().back();
}

// What episodes would be without any damage: a token is a function of its place.
std::vector<LoggedToken> whole_episode(uint32_t episode) {
  std::mt19937 random(episode);
  std::vector<LoggedToken> tokens;
  const size_t length = 5 + random() % 40;
  while (tokens.size() < length) {
    const auto id = static_cast<int32_t>(random() % 1000);
    tokens.push_back({id, -static_cast<float>(random() % 100), false});
    if (random() % 8 == 0)
      for (size_t i = random() % 6 + 1; i > 0; --i)
        tokens.push_back({static_cast<int32_t>(random() % 1000), 0, true});
  }
  return tokens;
}

struct DamageTest : WalTest {
  static constexpr uint32_t kEpisodes = 6;

  DamageTest() {
    for (uint32_t e = 0; e < kEpisodes; ++e) whole_[e] = whole_episode(e);
  }

  // A worker that goes on from what is there, killed after so many steps.
  void work(size_t num_steps, const std::vector<uint32_t>& episodes) {
    Log log = read();
    WalWriter w(prefix());
    for (; num_steps > 0; --num_steps) {
      for (const uint32_t e : episodes) {
        const std::vector<LoggedToken>& all = whole_[e];
        std::vector<LoggedToken>& have = log[e];
        if (have.size() == all.size()) continue;
        const size_t at = have.size();
        size_t end = at;
        std::vector<int32_t> result;
        for (; end < all.size() && all[end].from_tool; ++end) result.push_back(all[end].id);
        if (end > at) {
          w.tool_result(e, at, result);
        } else {
          w.sampled(e, at, {all[at].id, all[at].logprob});
          ++end;
        }
        have.assign(all.begin(), all.begin() + static_cast<long>(end));
      }
      w.flush();
    }
  }

  using Records = std::vector<std::string>;
  static Records records_of(const fs::path& path) {
    Records records;
    proto::scan_records(path.string(), [&](int64_t, std::string_view data) {
      records.emplace_back(data);
      return true;
    });
    return records;
  }
  static void write(const fs::path& path, const Records& records) {
    fs::remove(path);
    proto::RecordFile(path.string(), [](int64_t, std::string_view) {
      return true;
    }).append(records);
  }

  // Of the tokens in these records the gapless beginning of each episode.
  static Log gapless(const std::vector<Records>& all) {
    Log log;
    for (const Records& records : all)
      for (const std::string& data : records) {
        proto::TokenRecord r;
        EXPECT_TRUE(r.ParseFromString(data));
        std::vector<LoggedToken>& tokens = log[r.episode()];
        if (tokens.size() != r.position()) continue;
        for (const int32_t id : r.ids()) tokens.push_back({id, r.logprob(), !r.has_logprob()});
      }
    std::erase_if(log, [](const auto& e) { return e.second.empty(); });
    return log;
  }

  Log whole_;
};

using Random = std::mt19937_64;
size_t draw(Random& random, size_t n) {
  return std::uniform_int_distribution<size_t>(0, n - 1)(random);
}

// 500 logs of two to four writers, each damaged in one place. What is left is computed from the
// records, without the reader.
TEST_F(DamageTest, DamageIsFoundAndNeverAHole) {
  std::map<std::string, int> kinds;
  int num_damages = 0, num_shorter = 0;
  for (uint64_t seed = 0; num_damages < 500; ++seed) {
    Random random(seed);
    remove_wal(prefix());
    // Both of two workers begin, then one is killed and started again.
    work(2 + draw(random, 8), {0, 1, 2});
    work(2 + draw(random, 8), {3, 4, 5});
    for (size_t more = draw(random, 3); more > 0; --more) work(2 + draw(random, 8), {0, 1, 2});
    const std::vector<fs::path> paths = files();
    ASSERT_GE(paths.size(), 2u);
    ASSERT_EQ(damage(), "");
    const Log before = read();
    std::vector<Records> left;
    for (const fs::path& path : paths) left.push_back(records_of(path));

    const size_t file = draw(random, paths.size());
    Records& records = left[file];
    if (records.empty()) continue;
    const size_t at = draw(random, records.size());
    const std::string path = paths[file].string();
    std::string bytes = proto::read_file(path);
    std::vector<size_t> begins;
    proto::scan_records(path, [&](int64_t offset, std::string_view) {
      begins.push_back(static_cast<size_t>(offset));
      return true;
    });
    std::string kind;
    switch (draw(random, 7)) {
      case 0: {
        kind = "bits flipped";
        const size_t first = draw(random, bytes.size());
        bytes[first] = static_cast<char>(bytes[first] ^ (1 << draw(random, 8)));
        for (size_t more = draw(random, 3); more > 0; --more) {
          const size_t byte = first + draw(random, bytes.size() - first);
          if (byte != first) bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << draw(random, 8)));
        }
        proto::write_file_atomically(path, bytes);
        const auto end = std::upper_bound(begins.begin(), begins.end(), first) - begins.begin();
        records.resize(static_cast<size_t>(end) - 1);
        break;
      }
      case 1: {
        kind = "cut";
        const size_t end = at + 1 < begins.size() ? begins[at + 1] : bytes.size();
        fs::resize_file(path, begins[at] + 1 + draw(random, end - begins[at] - 1));
        records.resize(at);
        break;
      }
      case 2:
        kind = "record missing";
        // The last one missing is a worker that was killed before it.
        if (at + 1 == records.size()) continue;
        records.erase(records.begin() + static_cast<long>(at));
        write(path, records);
        break;
      case 3:
        kind = "record twice";
        records.insert(records.begin() + static_cast<long>(draw(random, records.size() - at) + at),
                       records[at]);
        write(path, records);
        break;
      case 4: {
        kind = "records out of order";
        const size_t other = draw(random, records.size());
        if (other == at) continue;
        std::swap(records[at], records[other]);
        write(path, records);
        break;
      }
      case 5:
        kind = "file missing";
        if (file + 1 == paths.size()) continue;
        fs::remove(path);
        left.erase(left.begin() + static_cast<long>(file));
        break;
      case 6: {
        kind = "files out of order";
        // Of one worker: those of two workers may stand in any order.
        if (paths.size() < 3 || left.back().empty()) continue;
        std::swap(left[0], left.back());
        fs::rename(paths[0], folder_ / "wal/aside");
        fs::rename(paths.back(), paths[0]);
        fs::rename(folder_ / "wal/aside", paths.back());
        break;
      }
    }
    ++kinds[kind], ++num_damages;
    const TokenLog log = read_wal(prefix());
    EXPECT_NE(log.damage, "") << seed << " " << kind;
    EXPECT_EQ(log.episodes, gapless(left)) << seed << " " << kind;
    for (const auto& [e, tokens] : log.episodes) {
      ASSERT_LE(tokens.size(), whole_[e].size());
      EXPECT_TRUE(std::equal(tokens.begin(), tokens.end(), whole_[e].begin()))
          << seed << " " << kind << ": episode " << e;
    }
    num_shorter += log.episodes != before;
    // The rest is sampled again, killed once more in the middle.
    work(3, {0, 1, 2, 3, 4, 5});
    work(100, {0, 1, 2});
    work(100, {3, 4, 5});
    EXPECT_EQ(read(), whole_) << seed << " " << kind;
  }
  EXPECT_EQ(kinds.size(), 7u);
  for (const auto& [kind, count] : kinds) EXPECT_GE(count, 30) << kind;
  EXPECT_GE(num_shorter, 300);
}

TEST_F(WalTest, OtherPrefixesAreNotTouched) {
  const std::string longer = prefix() + "-1", shorter = folder_ / "wal/rollout-1";
  for (const std::string& p : {prefix(), longer, shorter}) {
    WalWriter w(p);
    w.sampled(static_cast<uint32_t>(p.size()), 0, {1, -1});
    w.flush();
  }
  for (const std::string& p : {prefix(), longer, shorter}) {
    const auto log = read_wal(p).episodes;
    ASSERT_EQ(log.size(), 1u) << p;
    EXPECT_EQ(log.begin()->first, p.size());
  }
  remove_wal(prefix());
  EXPECT_TRUE(read().empty());
  EXPECT_EQ(read_wal(longer).episodes.size(), 1u);
  EXPECT_EQ(read_wal(shorter).episodes.size(), 1u);
}

TEST_F(WalTest, JournalsOfSandboxesGoWithTheirLog) {
  const std::string longer = prefix() + "-1";
  std::vector<std::string> kept, removed;
  for (const std::string& p : {prefix(), longer}) {
    WalWriter w(p);
    w.sampled(1, 0, {1, -1});
    w.flush();
    for (const uint32_t episode : {0u, 12u}) {
      auto& paths = p == longer ? kept : removed;
      paths.push_back(w.sandbox_journal(episode));
      std::ofstream(paths.back()) << "x";
    }
  }
  EXPECT_EQ(read().size(), 1u);
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
