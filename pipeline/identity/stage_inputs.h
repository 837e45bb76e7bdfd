// What a stage reads, so that it can be known again: keys that matter, rows, reward and tool files,
// interpreter, models. Two stages with the same inputs give the same bytes.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "configs/key_values.h"
#include "configs/run_config.h"
#include "pipeline/identity/digest.h"
#include "proto/user_tool.pb.h"
#include "rewards/programs/plugin.h"

namespace amalgam::pipeline {

// Whether the key may change between two parts of a run: it changes no result.
bool is_free_key(const std::string& key);

struct Input {
  std::string name;   // "domain.own.rl.steps", "reward.py of own", "model base"
  std::string value;  // of a key its TOML text, of anything else a digest
  bool is_key = false;
  bool is_of_scoring = false;  // it decides rewards alone
  std::string made_by = {};    // the stage of this run that made it; empty: none did
};

// What was found out of the inputs before anything is computed, by domain.
struct InputFacts {
  std::map<std::string, rewards::PluginFacts> functions;
  std::map<std::string, std::map<std::string, std::string>> images;  // of its sandboxes: name → id
};

class StageInputs {
 public:
  // All references outlive it.
  StageInputs(const configs::RunConfig& config, const InputFacts& facts,
              const std::vector<proto::UserTool>& tools, Digests& digests)
      : config_(config),
        keys_(configs::key_values(config)),
        facts_(facts),
        tools_(tools),
        digests_(digests) {}

  // The keys that are one of these, or begin with one that ends in a dot. Of a path it is what the
  // path leads to that counts. Throws Error when that cannot be read.
  void add_keys(const std::vector<std::string>& names, bool is_of_scoring = false);
  // What every training or sampling with a model depends on.
  void add_common() { add_keys({"seed", "micro_batch_tokens", "numerics."}); }
  // What decides the prompts of every domain: no prompt is in two sets of any domain.
  void add_prompts();
  // What a domain's samples are scored by, and its tools run in.
  void add_scoring(const std::string& domain);
  void add_model(const std::string& name, const std::string& directory,
                 const std::string& made_by = "");
  void add_number(const std::string& name, int64_t value, const std::string& made_by);

  std::vector<Input> take();  // in the order of their names

 private:
  void add(Input input);
  std::string digest_of_files(const std::vector<std::string>& paths);

  const configs::RunConfig& config_;
  const std::vector<configs::KeyValue> keys_;
  const InputFacts& facts_;
  const std::vector<proto::UserTool>& tools_;
  Digests& digests_;
  std::map<std::string, Input> all_;
};

}  // namespace amalgam::pipeline
