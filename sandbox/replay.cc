#include "sandbox/replay.h"

#include <algorithm>
#include <memory>

#include "configs/error.h"
#include "sandbox/file_tree.h"
#include "sandbox/journaled_sandbox.h"
#include "sandbox/top_index.h"

namespace amalgam::sandbox {
namespace {

Result make_call(Sandbox* sandbox, const proto::SandboxCall& call, std::string* content) {
  if (call.has_put_file())
    return sandbox->put_file(call.put_file().path(), call.put_file().content());
  if (call.has_get_file()) return sandbox->get_file(call.get_file(), content);
  return sandbox->exec(from_proto(call.exec()));
}

// Where two texts part, for people.
std::string difference(const char* what, const std::string& before, const std::string& now) {
  const auto [a, b] = std::mismatch(before.begin(), before.end(), now.begin(), now.end());
  const auto excerpt = [](std::string::const_iterator from, std::string::const_iterator end) {
    return "\"" + printable(std::string(from, from + std::min<long>(end - from, 40))) + "\"";
  };
  return std::string(what) + " differs at byte " + std::to_string(a - before.begin()) + ": " +
         excerpt(a, before.end()) + " became " + excerpt(b, now.end());
}

std::string difference_of_changes(const proto::SandboxResult& recorded,
                                  const std::vector<TopChange>& now) {
  std::vector<TopChange> before;
  for (const auto& change : recorded.changes())
    before.push_back({change.path(), change.mode(), change.content()});
  if (before == now) return {};
  const auto missing = [](const std::vector<TopChange>& from, const TopChange& change) {
    return std::find(from.begin(), from.end(), change) == from.end();
  };
  for (const TopChange& change : before)
    if (missing(now, change)) return "file " + printable(change.path) + " came out differently";
  for (const TopChange& change : now)
    if (missing(before, change)) return "file " + printable(change.path) + " came out differently";
  return "files were changed in another order";
}

void compare(size_t call, const JournalEntry& entry, const Result& result,
             const std::string& content, const std::vector<TopChange>& changes,
             std::vector<ReplayDifference>* differences) {
  const Result before = from_proto(entry.result);
  const auto add = [&](std::string what) { differences->push_back({call, std::move(what)}); };
  if (before.outcome != result.outcome)
    add(std::string("outcome ") + to_string(before.outcome) + " became " +
        to_string(result.outcome));
  else if (before.exit_code != result.exit_code)
    add("exit code " + std::to_string(before.exit_code) + " became " +
        std::to_string(result.exit_code));
  if (before.out != result.out) add(difference("stdout", before.out, result.out));
  if (before.err != result.err) add(difference("stderr", before.err, result.err));
  if (entry.result.content() != content)
    add(difference("the file read", entry.result.content(), content));
  if (std::string what = difference_of_changes(entry.result, changes); !what.empty())
    add(std::move(what));
}

// The sandbox in which a session is made again.
class Stage {
 public:
  explicit Stage(const JournalContent& content) : content_(content) { start(0); }

  // Makes a call and compares. A call may end its sandbox, by using up the memory for example; the
  // next one gets a new sandbox, as it did in the session.
  void make(size_t call, std::vector<ReplayDifference>* differences) {
    const JournalEntry& entry = content_.entries[call];
    std::string read;
    const Result result = make_call(sandbox_.get(), entry.call, &read);
    if (result.outcome == Outcome::kSandboxFailed)
      throw Error("the sandbox broke during the replay: " + result.detail);
    std::vector<TopChange> changes;
    if (!update(&changes)) start(call + 1);
    compare(call, entry, result, read, changes, differences);
  }

 private:
  void start(size_t num_done) {
    std::string error;
    sandbox_ = create_on_image(content_.limits, content_.image, &error);
    if (!sandbox_) throw Error(error);
    const auto begin = content_.entries.begin();
    restore_top(sandbox_.get(), {begin, begin + static_cast<std::ptrdiff_t>(num_done)});
    index_ = std::make_unique<TopIndex>(!content_.image.layers.empty());
    std::vector<TopChange> initial;
    if (!update(&initial)) throw Error("a sandbox for the replay broke at its start");
  }

  bool update(std::vector<TopChange>* changes) {
    int directory = -1;
    sandbox_->open_top(&directory);
    const Fd top(directory);
    if (top) *changes = index_->update(top.get(), kMaxDiskSizes * content_.limits.disk_bytes);
    return static_cast<bool>(top);
  }

  const JournalContent& content_;
  std::unique_ptr<Sandbox> sandbox_;
  std::unique_ptr<TopIndex> index_;
};

}  // namespace

Replay replay(const JournalContent& content) {
  Stage stage(content);
  Replay replay;
  for (size_t i = 0; i < content.entries.size(); ++i) {
    if (is_infrastructure(static_cast<Outcome>(content.entries[i].result.outcome()))) {
      ++replay.num_skipped;
      continue;
    }
    ++replay.num_calls;
    stage.make(i, &replay.differences);
  }
  return replay;
}

std::vector<FileOrigin> provenance(const JournalContent& content, const std::string& path) {
  std::vector<FileOrigin> origins;
  for (size_t i = 0; i < content.entries.size(); ++i)
    for (const auto& change : content.entries[i].result.changes())
      if (path.empty() || change.path() == path || change.path().starts_with(path + "/"))
        origins.push_back({i, change.path(), change.mode(), change.content().size()});
  return origins;
}

}  // namespace amalgam::sandbox
