#include "pipeline/workers/sandbox_images.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "pipeline/workers/score_request.h"

namespace amalgam::pipeline {

bool uses_sandbox(const configs::DomainConfig& domain, const Row& row) {
  const bool has_tools = row.tools.empty() ? !domain.tools.empty() : row.tools != "[]";
  if (has_tools) return true;
  const auto is_code = [&](const std::string& style) {
    if (style != configs::kRowStyle) return style == "code";
    const rewards::Verifier* verifier = rewards::verifier_of(row_request(row));
    return verifier && verifier->name == std::string("code");
  };
  const auto& verifiers = domain.reward.verifiers;
  if (verifiers.empty()) return !domain.has_program() && is_code(configs::kRowStyle);
  return std::any_of(verifiers.begin(), verifiers.end(),
                     [&](const auto& v) { return is_code(v.style); });
}

std::string SandboxImages::name_for(const configs::DomainConfig& domain, const Row& row) const {
  const std::string& name = domain.image.empty() ? config_.sandbox.image : domain.image;
  if (row.extra_info.find("\"image\"") == std::string::npos) return name;
  const auto info = nlohmann::json::parse(row.extra_info);
  const auto own = info.find("image");
  if (own == info.end()) return name;
  if (!own->is_string())
    throw Error("extra_info.image must be the name of an image (`amalgam sandbox images`)");
  return own->get<std::string>();
}

const sandbox::Image& SandboxImages::find(const std::string& name) {
  const auto known = found_.find(name);
  if (known != found_.end()) return known->second;
  sandbox::Image image;
  if (!name.empty()) {
    const std::string store = config_.sandbox.store.string();
    image = sandbox::ImageStore(store.empty() ? sandbox::default_store_folder() : store).find(name);
  }
  return found_.emplace(name, std::move(image)).first->second;
}

}  // namespace amalgam::pipeline
