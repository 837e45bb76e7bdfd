#include "pipeline/sandbox_commands/manage.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/printable.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/sandbox_commands/registry.h"
#include "sandbox/container/process_tree.h"
#include "sandbox/files/fd.h"
#include "sandbox/journal/journal.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

constexpr double kRemoveSeconds = 20;
constexpr int kFollowMs = 100;
constexpr size_t kShownCommand = 30;

std::string age_of(int64_t created) {
  const int64_t seconds = std::max<int64_t>(std::time(nullptr) - created, 0);
  const auto of = [](int64_t n, const char* unit) {
    return std::to_string(n) + " " + unit + (n == 1 ? "" : "s") + " ago";
  };
  if (seconds < 120) return of(seconds, "second");
  if (seconds < 2 * 3600) return of(seconds / 60, "minute");
  if (seconds < 2 * 86400) return of(seconds / 3600, "hour");
  return of(seconds / 86400, "day");
}

int64_t memory_of(const SandboxEntry& entry) {
  return sandbox::measure_descendants(entry.pid).memory_bytes;
}

std::string status_of(const SandboxEntry& entry) {
  if (entry.is_live) return "running";
  const std::string code = std::to_string(entry.exit_code);
  return "exited (" + (entry.outcome == "ok" || entry.outcome == "exit" ? code : entry.outcome) +
         ")";
}

void print_table(const std::vector<SandboxEntry>& entries) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "SUBSTRATE", "IMAGE", "COMMAND", "CREATED", "STATUS", "PID", "MEMORY"}};
  for (const SandboxEntry& e : entries) {
    std::string command = printable(e.command);
    if (command.size() > kShownCommand) command = command.substr(0, kShownCommand - 3) + "...";
    rows.push_back({e.id, e.substrate, e.image.empty() ? "-" : e.image, command, age_of(e.created),
                    status_of(e), e.is_live ? std::to_string(e.pid) : "-",
                    e.is_live ? std::to_string(memory_of(e) >> 20) + " MiB" : "-"});
  }
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

void print_json(const std::vector<SandboxEntry>& entries) {
  ordered_json all = ordered_json::array();
  for (const SandboxEntry& e : entries) {
    ordered_json object = {{"id", e.id},           {"substrate", e.substrate},
                           {"image", nullptr},     {"command", e.command},
                           {"created", e.created}, {"status", e.is_live ? "running" : "exited"},
                           {"pid", nullptr},       {"memory_bytes", nullptr},
                           {"outcome", nullptr},   {"exit_code", nullptr}};
    if (!e.image.empty()) object["image"] = e.image;
    if (e.is_live) {
      object["pid"] = e.pid;
      object["memory_bytes"] = memory_of(e);
    } else {
      object["outcome"] = e.outcome;
      object["exit_code"] = e.exit_code;
    }
    all.push_back(std::move(object));
  }
  std::printf("%s\n", all.dump(-1, ' ', false, ordered_json::error_handler_t::replace).c_str());
}

void print_journal(const std::string& path) {
  for (const sandbox::JournalEntry& entry : sandbox::read_journal(path).entries) {
    std::printf("$ %s\n", sandbox::describe(entry.call).c_str());
    for (const std::string& text :
         {entry.result.out(), entry.result.err(), entry.result.detail()}) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      if (!text.empty() && text.back() != '\n') std::printf("\n");
    }
  }
}

// What is there now.
void copy(int from) {
  char buffer[16 << 10];
  for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;)
    std::fwrite(buffer, 1, static_cast<size_t>(n), stdout);
  std::fflush(stdout);
}

}  // namespace

void SandboxPsOptions::describe(OptionSet& options) {
  options.flag("-a,--all", all, "also detached ones that are over");
  options.flag("-q,--quiet", quiet, "ids only");
  options.flag("--json", json, "print one array of objects");
}

int run_sandbox_ps(const SandboxPsOptions& options) {
  std::vector<SandboxEntry> entries = SandboxRegistry().list();
  if (!options.all) std::erase_if(entries, [](const SandboxEntry& e) { return !e.is_live; });
  if (options.json)
    print_json(entries);
  else if (!options.quiet)
    print_table(entries);
  else
    for (const SandboxEntry& e : entries) std::printf("%s\n", e.id.c_str());
  return 0;
}

void SandboxRmOptions::describe(OptionSet& options) {
  options.option("ID", ids, "of a sandbox, or the start of one", Need::kRequired);
}

int run_sandbox_rm(const SandboxRmOptions& options) {
  const SandboxRegistry registry;
  std::vector<SandboxEntry> entries;
  for (const std::string& id : options.ids) entries.push_back(registry.find(id));
  for (const SandboxEntry& entry : entries) {
    registry.remove(entry, kRemoveSeconds);
    std::printf("%s\n", entry.id.c_str());
  }
  return 0;
}

void SandboxLogsOptions::describe(OptionSet& options) {
  options.option("ID", id, "of a sandbox, or the start of one", Need::kRequired);
  options.flag("-f,--follow", follow, "go on until the sandbox ends");
}

int run_sandbox_logs(const SandboxLogsOptions& options) {
  const SandboxRegistry registry;
  SandboxEntry entry = registry.find(options.id);
  if (!entry.is_detached && entry.journal.empty())
    throw Error("sandbox logs: the output of " + entry.id +
                " goes to the process that started it; see `sandbox run --detach`");
  if (!entry.is_detached) {
    print_journal(entry.journal);
    return 0;
  }
  const sandbox::Fd output(open(registry.output_path(entry).c_str(), O_RDONLY | O_CLOEXEC));
  if (!output) throw Error("sandbox logs: " + entry.id + " is gone");
  copy(output.get());
  while (options.follow && entry.is_live && !interrupted()) {
    poll(nullptr, 0, kFollowMs);
    const std::vector<SandboxEntry> all = registry.list();
    entry.is_live = std::any_of(all.begin(), all.end(), [&](const SandboxEntry& e) {
      return e.id == entry.id && e.is_live;
    });
    copy(output.get());
  }
  return 0;
}

}  // namespace amalgam::pipeline
