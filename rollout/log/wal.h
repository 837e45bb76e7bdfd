// Token log of the episodes of one request: every sampled token and every tool result is in the
// kernel before anything depends on it, so a killed worker's episodes continue where they stood.
// They are never sampled again from scratch: short answers would survive interruptions more often.
//
// A log file has one writer. Files are PREFIX-NUMBER-PID.wal, numbered in the order of their
// writers; readers take all files of a prefix. Beside them stand the journals of the episodes'
// sandboxes, PREFIX-EPISODE.journal, whatever process goes on with them.
//
// A record says where its tokens stand, and what does not continue what was read is left out: no
// damage makes a hole (WalTest.DamageIsFoundAndNeverAHole). What is lost is sampled again, and it
// comes out the same.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/record_file.h"
#include "rollout/engine/sampler.h"

namespace amalgam::rollout {

// One token of an episode after its prompt.
struct LoggedToken {
  int32_t id = 0;
  float logprob = 0;       // policy tokens
  bool from_tool = false;  // part of a tool result and its frame
  bool operator==(const LoggedToken&) const = default;
};

// Optimiser updates of the stage before its weights; absent: a finished model's.
using WeightsVersion = std::optional<int64_t>;

class WalWriter {
 public:
  // Opens a new file of the prefix. Throws Error when it cannot be written.
  explicit WalWriter(const std::string& prefix, WeightsVersion weights = {});
  WalWriter(const WalWriter&) = delete;
  WalWriter& operator=(const WalWriter&) = delete;

  // position: of the first token, from the end of the prompt.
  void sampled(uint32_t episode, size_t position, SampledToken token);
  void tool_result(uint32_t episode, size_t position, std::span<const int32_t> ids);
  // Where the sandbox of an episode keeps what its tools did.
  std::string sandbox_journal(uint32_t episode) const;
  // One write() of all that was added. Throws Error when the disk does not take it.
  void flush();

 private:
  void add(uint32_t episode, size_t position, std::span<const int32_t> ids,
           std::optional<float> logprob);

  const std::string prefix_;
  const WeightsVersion weights_;
  proto::RecordFile file_;
  uint32_t num_records_ = 0;
  std::vector<std::string> pending_;
};

struct TokenLog {
  std::map<uint32_t, std::vector<LoggedToken>> episodes;  // tokens in order, from the first one on
  std::string damage;  // where something was first found missing or changed; empty: nowhere
};

// Of each episode what these weights wrote without a gap. A tool result is there whole or not at
// all (then the call is made again). Several files may hold parts of one episode: a later writer
// first read the earlier ones.
TokenLog read_wal(const std::string& prefix, WeightsVersion weights = {});
// Removes the files of a prefix, journals of sandboxes included.
void remove_wal(const std::string& prefix);

}  // namespace amalgam::rollout
