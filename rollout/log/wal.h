// Token log of the episodes of one request: every sampled token and every tool result is in the
// kernel before anything depends on it, so a killed worker's episodes continue where they stood.
// They are never sampled again from scratch: short answers would survive interruptions more often.
//
// A log file has one writer. Files are PREFIX-NUMBER-PID.wal, numbered in the order of their
// writers; readers take all files of a prefix. Beside them stand the journals of the episodes'
// sandboxes, PREFIX-EPISODE.journal, whatever process goes on with them.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "rollout/engine/sampler.h"

namespace amalgam::rollout {

// One token of an episode after its prompt.
struct LoggedToken {
  int32_t id = 0;
  float logprob = 0;       // policy tokens
  bool from_tool = false;  // part of a tool result and its frame
};

class WalWriter {
 public:
  // Opens a new file of the prefix. Throws Error when it cannot be written.
  explicit WalWriter(const std::string& prefix);
  ~WalWriter();
  WalWriter(const WalWriter&) = delete;
  WalWriter& operator=(const WalWriter&) = delete;

  void sampled(uint32_t episode, SampledToken token);
  void tool_result(uint32_t episode, std::span<const int32_t> ids);
  // Where the sandbox of an episode keeps what its tools did.
  std::string sandbox_journal(uint32_t episode) const;
  // One write() of all that was added. Throws Error when the disk does not take it.
  void flush();

  struct Record;  // as it stands in the file

 private:
  int fd_ = -1;
  const std::string prefix_;
  std::string path_;
  std::vector<Record> pending_;
};

// Tokens of each episode in order. A torn tail is dropped; so is a tool result that is not complete
// (the call is made again). Several files may hold parts of one episode only if a later writer
// first read the earlier ones: its part then follows.
std::map<uint32_t, std::vector<LoggedToken>> read_wal(const std::string& prefix);
// Removes the files of a prefix, journals of sandboxes included.
void remove_wal(const std::string& prefix);

}  // namespace amalgam::rollout
