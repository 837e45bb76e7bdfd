// Which tools a row's episodes have, and how its prompt tells the model.
#pragma once
#include <string>
#include <vector>

#include "configs/domain_config.h"
#include "configs/run_config.h"
#include "model/encoding/encoding.h"
#include "model/encoding/message.h"
#include "pipeline/data/rows.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::pipeline {

struct DomainTools {
  std::vector<std::string> names;  // none: no tools
  std::string schemas;  // JSON array of OpenAI tools for the prompt; empty: none to write
};

// From the row's `tools` column (a list of names, or of OpenAI tools whose function is named like
// one), else from the domain. Throws Error, beginning with `where`, for a name that is no tool.
DomainTools tools_of(const rollout::ToolRegistry& registry, const configs::DomainConfig& domain,
                     const Row& row, const std::string& where);

// The same of an example, whose calls nobody makes: a row that brings schemas alone may have tools
// that are none here.
DomainTools example_tools(const rollout::ToolRegistry& registry,
                          const configs::DomainConfig& domain, const Row& row,
                          const std::string& where);
// The schemas that a row itself brings along; empty: none.
std::string row_tool_schemas(const Row& row);

// Puts the schemas on the system message, or on a new one before the others. A conversation that
// brings schemas along keeps just these.
void add_tools(const DomainTools& tools, std::vector<model::Message>* messages);

model::ToolsStyle tools_style(const configs::DomainConfig& domain);

// The config's own tools. Throws Error for one that cannot be used.
std::vector<rollout::UserTool> load_user_tools(const configs::RunConfig& config);

}  // namespace amalgam::pipeline
