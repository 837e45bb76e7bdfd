// The images that a config and its rows name for sandboxes: a row's extra_info.image goes before
// its domain's image, and that before sandbox.image. Without any a sandbox sees this machine's
// /usr.
//
// Used by one thread at a time.
#pragma once
#include <map>
#include <string>

#include "configs/run_config.h"
#include "pipeline/data/rows.h"
#include "sandbox/images/image_store.h"

namespace amalgam::pipeline {

// Whether anything of a row's episodes runs in a sandbox: their tools, or tests of code.
bool uses_sandbox(const configs::DomainConfig& domain, const Row& row);

class SandboxImages {
 public:
  // config outlives it.
  explicit SandboxImages(const configs::RunConfig& config) : config_(config) {}

  // Empty: none. Throws Error for an extra_info.image that is no name.
  std::string name_for(const configs::DomainConfig& domain, const Row& row = {}) const;
  // Of sandbox.store; of an empty name one without layers. Throws Error when there is none.
  const sandbox::Image& find(const std::string& name);

 private:
  const configs::RunConfig& config_;
  std::map<std::string, sandbox::Image> found_;
};

}  // namespace amalgam::pipeline
