#include "pipeline/commands/run.h"

#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/commands/report_command.h"
#include "pipeline/stages/disk.h"
#include "pipeline/stages/inputs_check.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/whole_run.h"

namespace amalgam::pipeline {
namespace {

// As one word of a POSIX shell.
std::string shell_word(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

}  // namespace

void RunOptions::describe(OptionSet& options) {
  session.describe(options);
  options.flag("--resume", resume, "continue an interrupted run; harmless on a finished one");
}

int run_run(const RunOptions& options) {
  const configs::RunConfig config = options.session.load();
  std::string again = "continue with: amalgam run " + options.session.config.config;
  for (const std::string& o : options.session.config.overrides) again += " " + shell_word(o);
  if (options.session.skip_bad_rows) again += " --skip-bad-rows";
  again += " --run-dir " + config.run_dir + " --resume";
  for (const configs::DomainConfig& d : config.domains)
    require_sets(d, "run",
                 {.train = d.specialist.empty() || config.distill.steps > 0, .test = true});
  const std::vector<RunPart> parts = parts_of_run(config);
  check_restarts(parts, options.session.restart);
  return run_interruptible(config, again, [&] {
    InputFacts facts = check_inputs(config);
    announce_disk(config, {.all = true});
    RunSession session(config, std::move(facts), options.session.restart);
    if (session.has_begun() && !options.resume && options.session.restart.empty())
      throw Error(config.run_dir +
                  " holds a run already; add --resume to continue it, or choose "
                  "another --run-dir");
    for (const RunPart& part : parts) part.run(session);
    report_run(config.run_dir, session.store(), tokenizer_dir(session.context()));
    return 0;
  });
}

}  // namespace amalgam::pipeline
