// Checksummed records in an append-only file, framed as TFRecord:
//   uint64 length | uint32 masked crc32c(length) | data | uint32 masked crc32c(data)   little
//   endian
// so any TFRecord reader can read them. The trajectory log, token logs, sandbox journals and
// TensorBoard's event files are such.
//
// The mistakes this invites: taking a damaged record for a torn tail and dropping all that follows
// (RecordFile.DamageIsAnErrorNotATornTail), and appending behind a torn tail
// (RecordFile.TornTailIsCut).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/append_file.h"

namespace amalgam::proto {

// Calls visit(offset, data) for each record in order; `visit` returns false to stop. Returns the
// end of the last whole record seen: less than the file's size when the tail is torn, i.e. the last
// record was cut short by a kill, or the tail is all zeros (a crash of the machine). Any other
// mismatch is damage: an Error that names the byte. A missing file has no records.
int64_t scan_records(const std::string& path,
                     const std::function<bool(int64_t offset, std::string_view data)>& visit);

// The same for what can be made again: damage ends the file as a torn tail does.
enum class Tail { kWhole, kTorn, kDamaged };
struct Scan {
  int64_t end = 0;  // of the last whole record seen
  Tail tail = Tail::kWhole;
};
Scan scan_whole_records(const std::string& path,
                        const std::function<bool(int64_t offset, std::string_view data)>& visit);

// The record at an offset given by scan_records() or append(). Error when it is damaged.
std::string read_record(const std::string& path, int64_t offset);

class RecordFile {
 public:
  // Opens or creates. Visits what is there, cuts a torn tail, and from the first record for which
  // `keep` returns false on, everything.
  RecordFile(const std::string& path,
             const std::function<bool(int64_t offset, std::string_view data)>& keep);

  // Appends all in one write(), durable against kill -9 when it returns. Returns their offsets.
  std::vector<int64_t> append(const std::vector<std::string>& records);
  void truncate(int64_t offset) { file_.truncate(offset); }
  void sync() { file_.sync(); }

  int64_t size() const { return file_.size(); }
  int64_t torn_bytes() const { return torn_bytes_; }  // cut when it was opened
  const std::string& path() const { return file_.path(); }

 private:
  AppendFile file_;
  int64_t torn_bytes_ = 0;
};

}  // namespace amalgam::proto
