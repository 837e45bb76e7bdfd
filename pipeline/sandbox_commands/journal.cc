#include "pipeline/sandbox_commands/journal.h"

#include <sys/stat.h>

#include <cstdio>

#include "configs/printable.h"
#include "pipeline/sandbox_commands/images.h"
#include "sandbox/journal/replay.h"

namespace amalgam::pipeline {
namespace {

std::string what_happened(const sandbox::FileOrigin& origin) {
  if (origin.mode == 0) return "removed";
  if (S_ISDIR(origin.mode)) return "folder";
  if (S_ISLNK(origin.mode)) return "link";
  return "wrote " + std::to_string(origin.num_bytes) + " bytes";
}

}  // namespace

void SandboxReplayOptions::describe(OptionSet& options) {
  options.option("JOURNAL", journal, "the session's journal", Need::kRequired);
  describe_store(options, store);
}

int run_sandbox_replay(const SandboxReplayOptions& options) {
  sandbox::JournalContent content = sandbox::read_journal(options.journal);
  if (!content.image.layers.empty())
    content.image = open_image_store(options.store).find(content.image.id);
  const sandbox::Replay replay = sandbox::replay(content);
  for (const auto& difference : replay.differences)
    std::printf("call %zu (%s): %s\n", difference.call,
                sandbox::describe(content.entries[difference.call].call).c_str(),
                difference.what.c_str());
  std::printf("%zu calls made again, %zu skipped, %zu differences\n", replay.num_calls,
              replay.num_skipped, replay.differences.size());
  return replay.differences.empty() ? 0 : 1;
}

void SandboxChangesOptions::describe(OptionSet& options) {
  options.option("JOURNAL", journal, "the session's journal", Need::kRequired);
  options.option("PATH", path, "only this file, or what is in this folder");
}

int run_sandbox_changes(const SandboxChangesOptions& options) {
  const sandbox::JournalContent content = sandbox::read_journal(options.journal);
  for (const auto& origin : sandbox::provenance(content, options.path))
    std::printf("call %zu  %s  %s  (%s)\n", origin.call, what_happened(origin).c_str(),
                printable(origin.path).c_str(),
                sandbox::describe(content.entries[origin.call].call).c_str());
  return 0;
}

}  // namespace amalgam::pipeline
