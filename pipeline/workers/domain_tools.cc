#include "pipeline/workers/domain_tools.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "pipeline/workers/run_sandboxes.h"
#include "pipeline/workers/sandbox_images.h"
#include "rollout/tools/tool_session.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

// The name in an element of the tools column; empty: there is none.
std::string name_of(const ordered_json& element) {
  if (element.is_string()) return element.get<std::string>();
  if (!element.is_object()) return "";
  const ordered_json function = element.value("function", ordered_json());
  return function.is_object() && function.contains("name") && function["name"].is_string()
             ? function["name"].get<std::string>()
             : "";
}

}  // namespace

DomainTools tools_of(const rollout::ToolRegistry& registry, const configs::DomainConfig& domain,
                     const Row& row, const std::string& where) {
  DomainTools tools;
  ordered_json elements = ordered_json::array();
  if (!row.tools.empty()) {
    elements = ordered_json::parse(row.tools);
    if (!elements.is_array()) throw Error(where + ": column \"tools\" must be a list");
    for (const ordered_json& element : elements) {
      tools.names.push_back(name_of(element));
      if (tools.names.back().empty())
        throw Error(where +
                    ": column \"tools\" must hold names, or tools as OpenAI has them: {\"type\": "
                    "\"function\", \"function\": {\"name\": …}}");
    }
  } else {
    tools.names = domain.tools;
    for (const std::string& name : tools.names) elements.push_back(name);
  }
  if (tools.names.empty()) return tools;
  try {
    registry.check(tools.names);
  } catch (const Error& e) {
    throw Error(where + ": " + e.what());
  }
  if (domain.tools_prompt == configs::ToolsPrompt::kNone) return tools;
  for (ordered_json& element : elements)
    if (element.is_string())
      element =
          ordered_json::parse(rollout::tool_schema(*registry.find(element.get<std::string>())));
  tools.schemas = elements.dump();
  return tools;
}

DomainTools example_tools(const rollout::ToolRegistry& registry,
                          const configs::DomainConfig& domain, const Row& row,
                          const std::string& where) {
  const ordered_json own = row.tools.empty() ? ordered_json() : ordered_json::parse(row.tools);
  const bool has_schemas =
      !own.empty() && std::all_of(own.begin(), own.end(),
                                  [](const ordered_json& element) { return element.is_object(); });
  if (!has_schemas) return tools_of(registry, domain, row, where);
  DomainTools tools;
  if (domain.tools_prompt != configs::ToolsPrompt::kNone) tools.schemas = row.tools;
  return tools;
}

std::string row_tool_schemas(const Row& row) {
  ordered_json schemas = ordered_json::array();
  if (!row.tools.empty())
    for (const ordered_json& element : ordered_json::parse(row.tools))
      if (element.is_object()) schemas.push_back(element);
  return schemas.empty() ? "" : schemas.dump();
}

void add_tools(const DomainTools& tools, std::vector<model::Message>* messages) {
  if (tools.schemas.empty()) return;
  for (const model::Message& m : *messages)
    if (!m.tools_json.empty()) return;
  const auto system = std::find_if(messages->begin(), messages->end(), [](const auto& m) {
    return m.role == model::MessageRole::kSystem;
  });
  model::Message& message =
      system != messages->end()
          ? *system
          : *messages->insert(messages->begin(),
                              {.role = model::MessageRole::kSystem, .content = ""});
  message.tools_json = tools.schemas;
}

model::ToolsStyle tools_style(const configs::DomainConfig& domain) {
  return domain.tools_prompt == configs::ToolsPrompt::kNames ? model::ToolsStyle::kNames
                                                             : model::ToolsStyle::kSchemas;
}

std::vector<rollout::UserTool> load_user_tools(const configs::RunConfig& config) {
  std::vector<rollout::UserTool> tools;
  if (config.tools.empty()) return tools;
  // Tried where episodes will have them.
  const auto make = sandbox::sandbox_factory(connect_gateway(config.sandbox), "container");
  sandbox::Image image;
  try {
    image = SandboxImages(config).find(config.sandbox.image);
  } catch (const Error& e) {
    throw Error(std::string("sandbox.image: ") + e.what());
  }
  for (const configs::ToolConfig& tool : config.tools)
    tools.push_back(rollout::load_user_tool(tool, make, image));
  return tools;
}

}  // namespace amalgam::pipeline
