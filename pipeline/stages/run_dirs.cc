#include "pipeline/stages/run_dirs.h"

#include <filesystem>

#include "configs/error.h"
#include "configs/load.h"
#include "model/tensors/durable_file.h"
#include "pipeline/identity/digest.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr char kTargetFile[] = "/target";  // holds the path of the model
constexpr char kConfigFile[] = "/config.toml";

bool is_of(const std::string& run_dir, const std::string& target) {
  return !fs::exists(run_dir + kTargetFile) ||
         proto::read_file(run_dir + kTargetFile) == target + "\n";
}

}  // namespace

std::string whole_path(const std::string& path) {
  std::string text = fs::weakly_canonical(fs::absolute(path)).string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

std::string command_run_dir(const std::string& config_file, const std::string& command,
                            const std::string& domain, const std::string& target) {
  const std::string path = whole_path(target);
  const std::string name = "runs/" + fs::path(config_file).stem().string() + "-" + command +
                           (domain.empty() ? "" : "-" + domain) + "-" +
                           fs::path(path).filename().string();
  return is_of(name, path) ? name : name + "-" + text_digest(path).substr(0, 6);
}

void claim_run_dir(const std::string& run_dir, const std::string& target) {
  if (!fs::exists(run_dir + kTargetFile))
    model::write_file_durably(run_dir + kTargetFile, whole_path(target) + "\n");
}

void record_config(const configs::RunConfig& config) {
  model::write_file_durably(config.run_dir + kConfigFile, configs::to_toml(config));
}

configs::RunConfig recorded_config(const std::string& run_dir) {
  if (!fs::exists(run_dir + kConfigFile))
    throw Error(run_dir + " is no run directory: it has no config.toml");
  configs::RunConfig config = configs::load_run_config(run_dir + kConfigFile);
  config.run_dir = run_dir;
  return config;
}

std::string tokenizer_dir(const configs::RunConfig& config) {
  return config.model.path.empty() ? config.run_dir + "/tokenizer" : config.model.path.string();
}

}  // namespace amalgam::pipeline
