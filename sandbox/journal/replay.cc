#include "sandbox/journal/replay.h"

#include <algorithm>
#include <memory>

#include "configs/error.h"
#include "configs/printable.h"
#include "sandbox/journal/tracked_sandbox.h"

namespace amalgam::sandbox {
namespace {

// Where two texts part, for people.
std::string difference(const char* what, const std::string& before, const std::string& now) {
  const auto [a, b] = std::mismatch(before.begin(), before.end(), now.begin(), now.end());
  const auto excerpt = [](std::string::const_iterator from, std::string::const_iterator end) {
    return "\"" + printable(std::string(from, from + std::min<long>(end - from, 40))) + "\"";
  };
  return std::string(what) + " differs at byte " + std::to_string(a - before.begin()) + ": " +
         excerpt(a, before.end()) + " became " + excerpt(b, now.end());
}

bool is_same(const proto::SandboxChange& a, const proto::SandboxChange& b) {
  return a.path() == b.path() && a.mode() == b.mode() && a.content() == b.content();
}

std::string difference_of_changes(const proto::SandboxResult& recorded,
                                  const proto::SandboxResult& now) {
  const auto &a = recorded.changes(), &b = now.changes();
  if (std::equal(a.begin(), a.end(), b.begin(), b.end(), is_same)) return {};
  for (const auto& [from, others] : {std::pair(&a, &b), std::pair(&b, &a)})
    for (const proto::SandboxChange& change : *from)
      if (std::none_of(others->begin(), others->end(),
                       [&](const auto& other) { return is_same(change, other); }))
        return "file " + printable(change.path()) + " came out differently";
  return "files were changed in another order";
}

void compare(size_t call, const proto::SandboxResult& recorded, const proto::SandboxResult& now,
             std::vector<ReplayDifference>* differences) {
  const Result a = from_proto(recorded), b = from_proto(now);
  const auto add = [&](std::string what) { differences->push_back({call, std::move(what)}); };
  if (a.outcome != b.outcome)
    add(std::string("outcome ") + to_string(a.outcome) + " became " + to_string(b.outcome));
  else if (a.exit_code != b.exit_code)
    add("exit code " + std::to_string(a.exit_code) + " became " + std::to_string(b.exit_code));
  if (a.out != b.out) add(difference("stdout", a.out, b.out));
  if (a.err != b.err) add(difference("stderr", a.err, b.err));
  if (recorded.content() != now.content())
    add(difference("the file read", recorded.content(), now.content()));
  if (std::string what = difference_of_changes(recorded, now); !what.empty()) add(std::move(what));
}

}  // namespace

Replay replay(const JournalContent& content) {
  Replay replay;
  TopState state;  // before the call, as recorded
  JournalSize size(content.limits.journal_bytes);
  std::unique_ptr<TrackedSandbox> sandbox;
  for (size_t i = 0; i < content.entries.size(); ++i) {
    const auto& [call, recorded] = content.entries[i];
    if (is_infrastructure(static_cast<Outcome>(recorded.outcome()))) {
      ++replay.num_skipped;
      continue;
    }
    // A call may end its sandbox, by using up the memory for example; the next one gets a new one,
    // as it did in the session.
    if (!sandbox || !sandbox->is_usable())
      sandbox = std::make_unique<TrackedSandbox>(content.limits, content.image, state);
    proto::SandboxResult now = sandbox->call(call);
    if (is_infrastructure(static_cast<Outcome>(now.outcome())))
      throw Error("the sandbox broke during the replay: " + now.detail());
    if (!size.has_room_for(call, now)) {
      now = size.full();
      sandbox.reset();
    }
    size.add(call, recorded);
    ++replay.num_calls;
    compare(i, recorded, now, &replay.differences);
    state.add(recorded);
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
