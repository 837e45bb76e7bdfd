#include "rollout/log/wal.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "proto/token_log.pb.h"

namespace amalgam::rollout {
namespace fs = std::filesystem;

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

// Of a log's name.
size_t file_number(const fs::path& path, const std::string& prefix) {
  const std::string name = path.filename().string();
  size_t number = 0;
  const char* begin = name.data() + fs::path(prefix).filename().string().size() + 1;
  std::from_chars(begin, name.data() + name.size(), number);
  return number;
}

std::string new_log(const std::string& prefix) {
  const auto logs = logs_of(prefix);
  const size_t number = logs.empty() ? 0 : file_number(logs.back(), prefix) + 1;
  // The process keeps two workers that start at the same moment apart.
  return fmt::format("{}-{:06}-{}.wal", prefix, number, ::getpid());
}

}  // namespace

WalWriter::WalWriter(const std::string& prefix, WeightsVersion weights)
    : prefix_(prefix),
      weights_(weights),
      file_(new_log(prefix), [](int64_t, std::string_view) { return false; }) {}

void WalWriter::add(uint32_t episode, size_t position, std::span<const int32_t> ids,
                    std::optional<float> logprob) {
  proto::TokenRecord r;
  r.set_number(num_records_++);
  r.set_episode(episode);
  r.set_position(static_cast<uint32_t>(position));
  if (weights_) r.set_weights_version(*weights_);
  r.mutable_ids()->Assign(ids.begin(), ids.end());
  if (logprob) r.set_logprob(*logprob);
  pending_.push_back(r.SerializeAsString());
}

void WalWriter::sampled(uint32_t episode, size_t position, SampledToken token) {
  add(episode, position, {&token.id, 1}, token.logprob);
}

void WalWriter::tool_result(uint32_t episode, size_t position, std::span<const int32_t> ids) {
  add(episode, position, ids, std::nullopt);
}

std::string WalWriter::sandbox_journal(uint32_t episode) const {
  return prefix_ + "-" + std::to_string(episode) + ".journal";
}

void WalWriter::flush() {
  file_.append(pending_);
  pending_.clear();
}

TokenLog read_wal(const std::string& prefix, WeightsVersion weights) {
  TokenLog log;
  const auto note = [&](const std::string& what) {
    if (log.damage.empty()) log.damage = what;
  };
  size_t next_file = 0;
  for (const fs::path& path : logs_of(prefix)) {
    const size_t number = file_number(path, prefix);
    if (number > next_file) note(fmt::format("{}-{:06}-*.wal is missing", prefix, next_file));
    next_file = number + 1;
    uint32_t next_record = 0;
    const auto scan = proto::scan_whole_records(path, [&](int64_t offset, std::string_view data) {
      const auto wrong = [&](const char* what) {
        note(fmt::format("{} at byte {}: {}", path.string(), offset, what));
      };
      proto::TokenRecord r;
      if (!r.ParseFromArray(data.data(), static_cast<int>(data.size())) || r.ids().empty() ||
          (r.has_logprob() && r.ids_size() != 1)) {
        wrong("no record of a token log");
        return true;
      }
      if (r.number() != next_record) wrong("a record is missing or twice");
      next_record = r.number() + 1;
      const WeightsVersion version =
          r.has_weights_version() ? WeightsVersion(r.weights_version()) : std::nullopt;
      const auto it = log.episodes.find(r.episode());
      if (version != weights) {
        wrong("tokens of other weights");
      } else if (r.position() != (it == log.episodes.end() ? 0 : it->second.size())) {
        wrong("tokens before it are missing, or it is there twice");
      } else {
        std::vector<LoggedToken>& tokens = log.episodes[r.episode()];
        for (const int32_t id : r.ids()) tokens.push_back({id, r.logprob(), !r.has_logprob()});
      }
      return true;
    });
    if (scan.tail != proto::Tail::kWhole)
      note(fmt::format("{} at byte {}: {}", path.string(), scan.end,
                       scan.tail == proto::Tail::kTorn ? "cut short" : "checksum mismatch"));
  }
  return log;
}

void remove_wal(const std::string& prefix) {
  // Journals first: without its log an episode starts afresh, which a journal would not fit.
  for (const fs::path& path : journals_of(prefix)) fs::remove(path);
  for (const fs::path& path : logs_of(prefix)) fs::remove(path);
}

}  // namespace amalgam::rollout
