#include "sandbox/journal/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/printable.h"
#include "sandbox/files/fd.h"

namespace amalgam::sandbox {
namespace {

constexpr int kVersion = 1;

proto::SandboxResult interrupted() {
  return to_proto(
      sandbox_failure("interrupted by a crash; the sandbox is as it was before this call"));
}

proto::JournalRecord header_of(const Limits& limits, const Image& image,
                               const std::string& substrate) {
  proto::JournalRecord record;
  auto* header = record.mutable_header();
  header->set_version(kVersion);
  *header->mutable_limits() = to_proto(limits);
  header->set_image_id(image.id);
  if (substrate != "container") header->set_substrate(substrate);
  for (const std::string& layer : image.layers) header->add_layers(layer);
  return record;
}

int64_t counted_bytes(const proto::SandboxCall& call, const proto::SandboxResult& result) {
  if (is_infrastructure(result)) return 0;
  size_t bytes =
      call.ByteSizeLong() + result.out().size() + result.err().size() + result.content().size();
  for (const auto& change : result.changes()) bytes += change.ByteSizeLong();
  return static_cast<int64_t>(bytes);
}

class Reader {
 public:
  // take: what becomes of a result, in order.
  Reader(const std::string& path, std::function<void(proto::SandboxResult*)> take,
         int64_t max_bytes = 0)
      : size_(max_bytes), path_(path), take_(std::move(take)) {}

  void add(int64_t offset, std::string_view data) {
    proto::JournalRecord record;
    const bool parsed = record.ParseFromArray(data.data(), static_cast<int>(data.size()));
    if (!parsed || (offset == 0) != record.has_header() ||
        (offset == 0 && record.header().version() != kVersion) ||
        record.record_case() == proto::JournalRecord::RECORD_NOT_SET ||
        (record.has_result() && !is_open_))
      throw Error(path_ + " is no sandbox journal of this version (byte " + std::to_string(offset) +
                  ")");
    if (record.has_header()) {
      *header_.mutable_header() = record.header();
    } else if (record.has_call()) {
      entries_.push_back({record.call(), interrupted()});
      is_open_ = true;
    } else {
      size_.add(entries_.back().call, record.result());
      take_(record.mutable_result());
      entries_.back().result = std::move(*record.mutable_result());
      is_open_ = false;
    }
  }

  proto::JournalRecord header_;
  std::vector<JournalEntry> entries_;
  JournalSize size_;

 private:
  const std::string path_;
  const std::function<void(proto::SandboxResult*)> take_;
  bool is_open_ = false;  // the last call has no result yet
};

void scan(const std::string& path, Reader* reader) {
  proto::scan_records(path, [&](int64_t offset, std::string_view data) {
    reader->add(offset, data);
    return true;
  });
  if (!reader->header_.has_header()) throw Error(path + " is missing or no sandbox journal");
}

}  // namespace

JournalContent read_journal(const std::string& path) {
  Reader reader(path, [](proto::SandboxResult*) {});
  scan(path, &reader);
  JournalContent content;
  content.limits = from_proto(reader.header_.header().limits());
  content.image.id = reader.header_.header().image_id();
  for (const std::string& layer : reader.header_.header().layers())
    content.image.layers.push_back(layer);
  content.entries = std::move(reader.entries_);
  return content;
}

TopState read_top_state(const std::string& path) {
  TopState state;
  Reader reader(path, [&](proto::SandboxResult* result) {
    state.add(*result);
    result->Clear();
  });
  scan(path, &reader);
  return state;
}

void JournalSize::add(const proto::SandboxCall& call, const proto::SandboxResult& result) {
  bytes_ += counted_bytes(call, result);
}

bool JournalSize::has_room_for(const proto::SandboxCall& call,
                               const proto::SandboxResult& result) const {
  return max_bytes_ == 0 || is_infrastructure(result) ||
         bytes_ + counted_bytes(call, result) <= max_bytes_;
}

proto::SandboxResult JournalSize::full() const {
  Result result;
  result.outcome = Outcome::kDiskLimit;
  result.exit_code = 1;
  result.detail = "all calls together have written more than " + std::to_string(max_bytes_ >> 20) +
                  " MiB; what this one changed is lost";
  return to_proto(result);
}

Journal::Journal(const std::string& path, const Limits& limits, const Image& image,
                 const std::string& substrate)
    : path_(path), size_(limits.journal_bytes) {
  Reader reader(
      path, [](proto::SandboxResult* result) { result->clear_changes(); }, limits.journal_bytes);
  // Locked before it is read, by a descriptor that dies with this process.
  proto::AppendFile(path).append("");
  lock_ = Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock_) throw Error(proto::file_error("open", path, errno));
  if (flock(lock_.get(), LOCK_EX | LOCK_NB)) {
    if (errno == EWOULDBLOCK) throw Error(path + " is in use by another process; wait for its end");
    throw Error(proto::file_error("lock", path, errno));
  }
  file_ = std::make_unique<proto::RecordFile>(path, [&](int64_t offset, std::string_view data) {
    reader.add(offset, data);
    return true;
  });
  const proto::JournalRecord header = header_of(limits, image, substrate);
  if (!reader.header_.has_header())
    write(header);
  else if (reader.header_.SerializeAsString() != header.SerializeAsString())
    throw Error(path +
                " was started with other limits, on another image or for another substrate; "
                "use a new journal");
  entries_ = std::move(reader.entries_);
  size_ = reader.size_;
}

void Journal::write(const proto::JournalRecord& record) {
  std::string bytes;
  if (!record.SerializeToString(&bytes))
    throw Error(path_ +
                ": what a call changed is larger than a record can be; use a smaller --disk");
  file_->append({bytes});
}

void Journal::begin(const proto::SandboxCall& call) {
  proto::JournalRecord record;
  *record.mutable_call() = call;
  write(record);
  entries_.push_back({call, interrupted()});
}

bool Journal::make_fit(proto::SandboxResult* result) const {
  CHECK(!entries_.empty());
  if (size_.has_room_for(entries_.back().call, *result)) return true;
  *result = size_.full();
  return false;
}

void Journal::end(proto::SandboxResult result) {
  CHECK(!entries_.empty());
  proto::JournalRecord record;
  *record.mutable_result() = std::move(result);
  write(record);
  size_.add(entries_.back().call, record.result());
  record.mutable_result()->clear_changes();
  entries_.back().result = std::move(*record.mutable_result());
}

void Journal::end_on_disk(proto::SandboxResult result) {
  const int64_t before = file_->size();
  const JournalSize size_before = size_;
  end(std::move(result));
  try {
    file_->sync();
  } catch (const Error&) {
    entries_.back().result = interrupted();
    size_ = size_before;
    file_->truncate(before);
    throw;
  }
}

proto::SandboxLimits to_proto(const Limits& limits) {
  proto::SandboxLimits p;
  p.set_cpu_seconds(limits.cpu_seconds);
  p.set_wall_seconds(limits.wall_seconds);
  p.set_memory_bytes(limits.memory_bytes);
  p.set_disk_bytes(limits.disk_bytes);
  p.set_max_processes(limits.max_processes);
  p.set_output_bytes(limits.output_bytes);
  p.set_journal_bytes(limits.journal_bytes);
  return p;
}

Limits from_proto(const proto::SandboxLimits& p) {
  return {.cpu_seconds = p.cpu_seconds(),
          .wall_seconds = p.wall_seconds(),
          .memory_bytes = p.memory_bytes(),
          .disk_bytes = p.disk_bytes(),
          .max_processes = p.max_processes(),
          .output_bytes = p.output_bytes(),
          .journal_bytes = p.journal_bytes()};
}

proto::SandboxCall to_proto(const Command& command) {
  proto::SandboxCall call;
  auto* exec = call.mutable_exec();
  for (const std::string& argument : command.argv) exec->add_argv(argument);
  exec->set_stdin_text(command.stdin_text);
  for (const std::string& variable : command.environment) exec->add_environment(variable);
  exec->set_working_directory(command.working_directory);
  return call;
}

Command from_proto(const proto::SandboxCommand& p) {
  Command command;
  command.argv.assign(p.argv().begin(), p.argv().end());
  command.stdin_text = p.stdin_text();
  command.environment.assign(p.environment().begin(), p.environment().end());
  command.working_directory = p.working_directory();
  return command;
}

proto::SandboxResult to_proto(const Result& result) {
  proto::SandboxResult p;
  p.set_outcome(static_cast<int32_t>(result.outcome));
  p.set_exit_code(result.exit_code);
  p.set_out(result.out);
  p.set_err(result.err);
  p.set_cpu_seconds(result.cpu_seconds);
  p.set_wall_seconds(result.wall_seconds);
  p.set_hit_wall_limit(result.hit_wall_limit);
  p.set_peak_memory_bytes(result.peak_memory_bytes);
  p.set_detail(result.detail);
  return p;
}

Result from_proto(const proto::SandboxResult& p) {
  Result result;
  result.outcome = static_cast<Outcome>(p.outcome());
  result.exit_code = p.exit_code();
  result.out = p.out();
  result.err = p.err();
  result.cpu_seconds = p.cpu_seconds();
  result.wall_seconds = p.wall_seconds();
  result.hit_wall_limit = p.hit_wall_limit();
  result.peak_memory_bytes = p.peak_memory_bytes();
  result.detail = p.detail();
  return result;
}

std::string describe(const proto::SandboxCall& call) {
  if (call.has_put_file()) return "put " + printable(call.put_file().path());
  if (call.has_get_file()) return "get " + printable(call.get_file());
  std::string line;
  for (const std::string& argument : call.exec().argv())
    line += (line.empty() ? "" : " ") + argument;
  return printable(line);
}

}  // namespace amalgam::sandbox
