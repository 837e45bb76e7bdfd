#include "pipeline/commands/data.h"

#include <cstdio>
#include <filesystem>

#include "configs/error.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/stages/data_sets.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/workers/domain_tools.h"

namespace amalgam::pipeline {

void DataOptions::describe(OptionSet& options) {
  config.describe(options, Need::kOptional);  // `check` needs none
  options.option("--domain", domain, "one domain; without it all generated ones");
  options.option("--out", out, "directory to write");
}

int run_data(const DataOptions& options) {
  if (options.config.config.empty() || options.out.empty())
    throw Error(std::string("data: ") + (options.out.empty() ? "--out" : "config") +
                " is required; see `amalgam data --help`");
  const configs::RunConfig config = options.config.load();
  const Domains asked =
      options.domain.empty() ? domains_of(config, "") : named_domains(config, options.domain, "");
  kernels::ThreadPool pool(num_threads(config.threads));
  const rollout::ToolRegistry tools(load_user_tools(config));
  const DataSets data(config, tools, pool);
  for (const configs::DomainConfig* asked_one : asked) {
    const configs::DomainConfig& d = *asked_one;
    if (d.generator == configs::Generator::kNone) continue;
    const std::string dir = options.out + "/" + d.name;
    std::filesystem::create_directories(dir);
    const auto write = [&](const char* file, const RowSet& set) {
      write_jsonl(dir + "/" + file, set.rows);
      std::printf("%s/%s: %zu rows\n", dir.c_str(), file, set.rows.size());
    };
    const DomainSets& sets = data.of(d.name);
    write("train.jsonl", sets.train);
    write("validation.jsonl", sets.validation);
    write("heldout.jsonl", sets.test);
    write("sft.jsonl", domain_sft_rows(config, tools, pool, d, SftPhase::kSft));
    if (d.data.careless > 0)
      write("anneal.jsonl", domain_sft_rows(config, tools, pool, d, SftPhase::kAnneal));
  }
  return 0;
}

}  // namespace amalgam::pipeline
