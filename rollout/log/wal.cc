#include "rollout/log/wal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "configs/check.h"
#include "configs/error.h"

namespace amalgam::rollout {
namespace fs = std::filesystem;

// 16 bytes. `tag` holds the kind, for a tool result how many of its tokens follow, and a hash of
// the rest, so that a torn or foreign tail is recognised.
struct WalWriter::Record {
  uint32_t episode;
  int32_t token;
  uint32_t value;  // bits of the logprob, or tool tokens still to come
  uint32_t tag;

  enum Kind : uint32_t { kSampled = 1, kTool = 2 };

  static uint32_t hash(uint32_t episode, int32_t token, uint32_t value, Kind kind) {
    uint32_t h = 0x9e3779b9u ^ kind;
    for (const uint32_t x : {episode, static_cast<uint32_t>(token), value}) {
      h = (h ^ x) * 0x85ebca6bu;
      h ^= h >> 15;
    }
    return h & ~3u;
  }
  static Record make(uint32_t episode, int32_t token, uint32_t value, Kind kind) {
    return {episode, token, value, hash(episode, token, value, kind) | kind};
  }
  bool valid() const {
    const auto kind = static_cast<Kind>(tag & 3u);
    return (kind == kSampled || kind == kTool) && (tag & ~3u) == hash(episode, token, value, kind);
  }
};

namespace {

// Whether a file name goes on behind the prefix with this many "-NUMBER" and then the ending: that
// of a longer prefix's file has further parts.
bool is_suffix(std::string_view rest, int num_numbers, std::string_view ending) {
  for (int part = 0; part < num_numbers; ++part) {
    if (!rest.starts_with('-')) return false;
    const size_t digits = std::min(rest.find_first_not_of("0123456789", 1), rest.size()) - 1;
    if (digits == 0) return false;
    rest.remove_prefix(1 + digits);
  }
  return rest == ending;
}

// Files of a prefix by name.
std::vector<fs::path> files_of(const std::string& prefix, int num_numbers,
                               std::string_view ending) {
  const fs::path path(prefix);
  const std::string stem = path.filename().string();
  std::vector<fs::path> files;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), ec)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(stem) &&
        is_suffix(std::string_view(name).substr(stem.size()), num_numbers, ending))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Oldest first: a later writer continues what it read from earlier ones.
std::vector<fs::path> logs_of(const std::string& prefix) { return files_of(prefix, 2, ".wal"); }
std::vector<fs::path> journals_of(const std::string& prefix) {
  return files_of(prefix, 1, ".journal");
}

}  // namespace

WalWriter::WalWriter(const std::string& prefix) : prefix_(prefix) {
  std::error_code ec;  // open() reports what it leaves
  fs::create_directories(fs::path(prefix).parent_path(), ec);
  // Numbered by what exists, so that the order of names is the order of writing; the pid keeps two
  // workers that start at the same moment apart.
  char name[64];
  std::snprintf(name, sizeof name, "-%06zu-%d.wal", logs_of(prefix).size(),
                static_cast<int>(::getpid()));
  path_ = prefix + name;
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) throw Error(path_ + ": cannot be written: " + std::strerror(errno));
}

WalWriter::~WalWriter() { ::close(fd_); }

void WalWriter::sampled(uint32_t episode, SampledToken token) {
  pending_.push_back(
      Record::make(episode, token.id, std::bit_cast<uint32_t>(token.logprob), Record::kSampled));
}

void WalWriter::tool_result(uint32_t episode, std::span<const int32_t> ids) {
  for (size_t i = 0; i < ids.size(); ++i)
    pending_.push_back(
        Record::make(episode, ids[i], static_cast<uint32_t>(ids.size() - 1 - i), Record::kTool));
}

std::string WalWriter::sandbox_journal(uint32_t episode) const {
  return prefix_ + "-" + std::to_string(episode) + ".journal";
}

void WalWriter::flush() {
  const char* p = reinterpret_cast<const char*>(pending_.data());
  size_t left = pending_.size() * sizeof(Record);
  while (left > 0) {
    const ssize_t n = ::write(fd_, p, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw Error(path_ + ": writing failed: " + std::strerror(errno) +
                  "; free disk space and run again with --resume");
    p += n, left -= static_cast<size_t>(n);
  }
  pending_.clear();
}

std::map<uint32_t, std::vector<LoggedToken>> read_wal(const std::string& prefix) {
  std::map<uint32_t, std::vector<LoggedToken>> episodes;
  struct Unfinished {  // a tool result whose end has not been read yet
    size_t begin;
  };
  for (const fs::path& path : logs_of(prefix)) {
    std::ifstream in(path, std::ios::binary);
    std::map<uint32_t, Unfinished> unfinished;
    WalWriter::Record r;
    while (in.read(reinterpret_cast<char*>(&r), sizeof r) && r.valid()) {
      auto& tokens = episodes[r.episode];
      if ((r.tag & 3u) == WalWriter::Record::kSampled) {
        tokens.push_back({r.token, std::bit_cast<float>(r.value), false});
        continue;
      }
      unfinished.try_emplace(r.episode, Unfinished{tokens.size()});
      tokens.push_back({r.token, 0, true});
      if (r.value == 0) unfinished.erase(r.episode);
    }
    for (const auto& [episode, u] : unfinished) episodes[episode].resize(u.begin);
  }
  return episodes;
}

void remove_wal(const std::string& prefix) {
  // Journals first: without its log an episode starts afresh, which a journal would not fit.
  for (const fs::path& path : journals_of(prefix)) fs::remove(path);
  for (const fs::path& path : logs_of(prefix)) fs::remove(path);
}

}  // namespace amalgam::rollout
