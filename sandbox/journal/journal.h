// The journal of one sandbox session: every call and its result, in order, each in the kernel
// before anything depends on it, in a record file of proto::JournalRecord. A call is written before
// it is made, so one without a result was interrupted; what it had done died with its sandbox.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/record_file.h"
#include "proto/sandbox.pb.h"
#include "sandbox/files/fd.h"
#include "sandbox/images/image_store.h"
#include "sandbox/images/top_state.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

struct JournalEntry {
  proto::SandboxCall call;
  proto::SandboxResult result;  // of an interrupted call: kSandboxFailed
};

struct JournalContent {
  Limits limits;
  Image image;  // its store is not known to the journal; no layers: no image
  std::vector<JournalEntry> entries;
};

// Error when the file is missing, damaged or another kind of file. A torn tail is left out.
JournalContent read_journal(const std::string& path);
// What all its calls together left behind. Holds no more than that in memory.
TopState read_top_state(const std::string& path);

// What Limits::journal_bytes counts, so that neither time nor luck decides: calls with their output
// and changes of files, but none that failed for no reason of its own, and not what results say of
// time and memory.
class JournalSize {
 public:
  explicit JournalSize(int64_t max_bytes) : max_bytes_(max_bytes) {}
  void add(const proto::SandboxCall& call, const proto::SandboxResult& result);
  bool has_room_for(const proto::SandboxCall& call, const proto::SandboxResult& result) const;
  // The result of a call for whose own there is no room. Its sandbox, with what it changed, has to
  // go: it is as if it had not been made.
  proto::SandboxResult full() const;

 private:
  int64_t max_bytes_;  // 0: no limit
  int64_t bytes_ = 0;
};

class Journal {
 public:
  // Opens a journal for going on, or starts it. Locked while it is open. Error when it is in use,
  // is damaged, or was started with other limits, on another image or for another substrate.
  Journal(const std::string& path, const Limits& limits, const Image& image,
          const std::string& substrate = "container");
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Without the changes of files, which may be large; see read_top_state.
  const std::vector<JournalEntry>& entries() const { return entries_; }
  // Adds an entry: the call in begin, before it is made; its result in end. Error when the disk
  // does not take it; after begin nothing is added then, after end the call counts as interrupted.
  void begin(const proto::SandboxCall& call);
  void end(proto::SandboxResult result);
  // The same as end, and everything so far is on the disk: it survives a crash of the machine, too.
  void end_on_disk(proto::SandboxResult result);
  // False: there is no room for the result of the call that was begun, and it becomes another one.
  // Its sandbox is of no further use (JournalSize::full).
  bool make_fit(proto::SandboxResult* result) const;

 private:
  void write(const proto::JournalRecord& record);

  const std::string path_;
  std::vector<JournalEntry> entries_;
  JournalSize size_;  // of entries_
  Fd lock_;
  std::unique_ptr<proto::RecordFile> file_;
};

proto::SandboxLimits to_proto(const Limits& limits);
Limits from_proto(const proto::SandboxLimits& limits);
proto::SandboxCall to_proto(const Command& command);
Command from_proto(const proto::SandboxCommand& command);
proto::SandboxResult to_proto(const Result& result);
Result from_proto(const proto::SandboxResult& result);
inline bool is_infrastructure(const proto::SandboxResult& result) {
  return is_infrastructure(static_cast<Outcome>(result.outcome()));
}
// One line for people: the program and its arguments, or "put PATH", "get PATH".
std::string describe(const proto::SandboxCall& call);

}  // namespace amalgam::sandbox
