#include "configs/load.h"

#include <fstream>
#include <sstream>

#include "configs/error.h"
#include "configs/foreign_overrides.h"
#include "configs/reader.h"
#include "configs/reference.h"
#include "configs/toml.h"
#include "configs/writer.h"

namespace amalgam::configs {
namespace {

Reference describe_all() {
  RunConfig defaults;
  Reference reference;
  defaults.visit(reference);
  return reference;
}

}  // namespace

RunConfig parse_run_config(const std::string& text, const std::string& path,
                           const std::vector<std::string>& overrides,
                           std::vector<std::string>* lines) {
  const auto source = std::make_shared<const Source>(Source{path, Path(path).parent_path()});
  Node root = parse_toml(text, source);
  std::vector<std::string> unheard;
  apply_overrides(overrides, &root, lines ? lines : &unheard);
  const std::vector<std::string> all_keys = describe_all().keys();
  RunConfig config;
  Reader(root, "", all_keys).read_struct(config);
  if (config.run_dir.empty()) config.run_dir = "runs/" + Path(path).stem().string();
  return config;
}

RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides,
                          std::vector<std::string>* lines) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw Error(path +
                ": cannot read it; give the path of a config file, for example "
                "configs/quickstart.toml");
  }
  return parse_run_config(text.str(), path, overrides, lines);
}

std::string to_toml(RunConfig config) {
  Writer writer;
  config.visit(writer);
  return writer.text();
}

std::string config_reference() {
  return "# Every config key\n\n"
         "A config is a TOML file; `configs/` has examples. Any key can be set on the command line "
         "too: "
         "`rl.steps=40`, one domain's as `domain.math.rl.steps=40`. The run directory keeps the "
         "resolved "
         "file. Relative paths start at the folder of the file that names them. This page is made "
         "from "
         "the program: `make docs`.\n" +
         describe_all().markdown();
}

}  // namespace amalgam::configs
