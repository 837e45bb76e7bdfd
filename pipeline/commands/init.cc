#include "pipeline/commands/init.h"

#include <cstdio>

#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/init.h"

namespace amalgam::pipeline {

void InitOptions::describe(OptionSet& options) {
  options.option("--config", config, "config.json of the model, in either spelling",
                 Need::kRequired);
  options.option("--seed", seed, "same seed, same bytes");
  options.option("--out", out, "directory to write", Need::kRequired);
}

int run_init(const InitOptions& options) {
  model::Model m = model::allocate_model(model::load_model_config(options.config));
  model::init_weights(m.config, static_cast<uint64_t>(options.seed), m.weights);
  model::save_model(options.out, m.config, m.weights);
  std::printf("%s: %lld parameters\n", options.out.c_str(),
              static_cast<long long>(m.weights.num_floats()));
  return 0;
}

}  // namespace amalgam::pipeline
