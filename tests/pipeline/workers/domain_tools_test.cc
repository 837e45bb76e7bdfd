#include "pipeline/workers/domain_tools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const rollout::ToolRegistry& builtin() { return rollout::ToolRegistry::builtin(); }

configs::DomainConfig domain_with(std::vector<std::string> names,
                                  configs::ToolsPrompt prompt = configs::ToolsPrompt::kSchemas) {
  configs::DomainConfig domain;
  domain.tools = std::move(names);
  domain.tools_prompt = prompt;
  return domain;
}
Row row_with(const std::string& tools, const std::string& extra_info = "") {
  Row row;
  row.tools = tools;
  row.extra_info = extra_info;
  return row;
}
const char* const kSandbox = R"({"sandbox": {}})";

DomainTools tools(const configs::DomainConfig& domain, const Row& row) {
  return tools_of(builtin(), domain, row, "row 3");
}

std::string error_of(const configs::DomainConfig& domain, const Row& row) {
  try {
    tools(domain, row);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(DomainTools, TheRowGoesBeforeTheDomain) {
  configs::DomainConfig domain = domain_with({"run_python", "submit"});
  EXPECT_THAT(tools(domain, {}).names, ElementsAre("run_python", "submit"));
  EXPECT_THAT(tools(domain, row_with(R"(["grep"])")).names, ElementsAre("grep"));
  EXPECT_THAT(tools(domain, row_with("", kSandbox)).names, ElementsAre("run_python", "submit"));
  domain.tools = {};
  EXPECT_THAT(tools(domain, row_with("", kSandbox)).names, IsEmpty());  // files are no tools
  EXPECT_THAT(tools(domain, row_with("[]")).names, IsEmpty());
  EXPECT_THAT(tools(domain, {}).names, IsEmpty());
}

TEST(DomainTools, SchemasAreTheRegistrysOrTheRows) {
  const configs::DomainConfig domain = domain_with({"submit"});
  EXPECT_EQ(tools(domain, {}).schemas,
            R"([{"type":"function","function":{"name":"submit","description":"Submits the final )"
            R"(answer and ends the conversation.","parameters":{"type":"object","properties":)"
            R"({"answer":{"type":"string"}},"required":["answer"]}}}])");
  const std::string own = R"([{"type":"function","function":{"name":"grep","x":1}}])";
  EXPECT_EQ(tools(domain, row_with(own)).schemas, own);
  EXPECT_THAT(tools(domain, row_with(own)).names, ElementsAre("grep"));
  const configs::DomainConfig silent = domain_with({"submit"}, configs::ToolsPrompt::kNone);
  EXPECT_EQ(tools(silent, {}).schemas, "");
  EXPECT_EQ(tools({}, row_with("", kSandbox)).schemas, "");
}

TEST(DomainTools, AnExampleMayHaveToolsThatAreNoneHere) {
  const auto schemas = [](const configs::DomainConfig& domain, const std::string& own) {
    return example_tools(builtin(), domain, row_with(own), "row 3").schemas;
  };
  const std::string lamp = R"([{"type":"function","function":{"name":"lamp"}}])";
  EXPECT_EQ(schemas({}, lamp), lamp);
  EXPECT_EQ(schemas(domain_with({}, configs::ToolsPrompt::kNone), lamp), "");
  EXPECT_THAT(schemas(domain_with({"submit"}), ""), HasSubstr("\"submit\""));
  EXPECT_THROW(schemas({}, R"(["lamp"])"), Error);
  EXPECT_THROW(schemas({}, R"(["lamp",{"type":"function","function":{"name":"lamp"}}])"), Error);
}

TEST(DomainTools, AMisspeltNameIsAnErrorWithTheRightOne) {
  EXPECT_EQ(error_of({}, row_with(R"(["run_pyton"])")),
            "row 3: no tool is named 'run_pyton'; did you mean run_python?");
  EXPECT_THAT(error_of({}, row_with(R"([{"function": {"name": "wrte_file"}}])")),
              HasSubstr("did you mean write_file?"));
  EXPECT_THAT(error_of({}, row_with(R"(["xyz"])")),
              HasSubstr("the tools are: calculator, edit_file, "));
  EXPECT_THAT(error_of({}, row_with(R"({"a": 1})")), StartsWith("row 3: column \"tools\" must be"));
  for (const char* bad : {"[1]", "[{}]", R"([{"function": 1}])", R"([{"function": {"name": 1}}])"})
    EXPECT_THAT(error_of({}, row_with(bad)), StartsWith("row 3: column \"tools\" must hold"))
        << bad;
}

std::string prompt_of(const configs::DomainConfig& domain, const std::string& messages_json) {
  auto messages = model::messages_from_json(messages_json, "messages");
  add_tools(tools(domain, {}), &messages);
  return model::encode_messages(messages,
                                {.mode = model::ThinkingMode::kChat, .tools = tools_style(domain)})
      .text;
}

TEST(DomainTools, ThePromptHasThem) {
  configs::DomainConfig domain = domain_with({"lookup", "submit"});
  const std::string user = R"({"role": "user", "content": "hi"})";
  const std::string system = R"({"role": "system", "content": "Be brief."})";
  EXPECT_THAT(prompt_of(domain, "[" + user + "]"), HasSubstr("## Tools"));
  EXPECT_THAT(prompt_of(domain, "[" + user + "]"), HasSubstr("{\"name\": \"lookup\""));
  EXPECT_THAT(prompt_of(domain, "[" + system + "," + user + "]"),
              HasSubstr("Be brief.\n\n## Tools"));
  domain.tools_prompt = configs::ToolsPrompt::kNames;
  EXPECT_EQ(prompt_of(domain, "[" + user + "]"),
            "<｜begin▁of▁sentence｜>Tools: lookup(key), submit(answer)<｜User｜>hi<｜Assistant｜>"
            "</think>");
  EXPECT_THAT(prompt_of(domain, "[" + system + "," + user + "]"),
              HasSubstr("Be brief.\n\nTools: lookup(key), submit(answer)<｜User｜>hi"));
  domain.tools_prompt = configs::ToolsPrompt::kNone;
  EXPECT_EQ(prompt_of(domain, "[" + user + "]"),
            "<｜begin▁of▁sentence｜><｜User｜>hi<｜Assistant｜></think>");
}

// Its text is the row's business then.
TEST(DomainTools, SchemasInTheMessagesStay) {
  const configs::DomainConfig domain = domain_with({"submit"});
  const std::string prompt =
      prompt_of(domain, R"([{"role": "system", "content": "", "tools": [{"type": "function",
                            "function": {"name": "other"}}]}, {"role": "user", "content": "hi"}])");
  EXPECT_THAT(prompt, HasSubstr("\"other\""));
  EXPECT_THAT(prompt, testing::Not(HasSubstr("\"submit\"")));
}

// A machine with a gateway need not be able to make sandboxes itself.
TEST(DomainTools, TheUsersAreTriedWhereEpisodesRun) {
  configs::RunConfig config;
  config.tools = {{.name = "t", .description = "d", .command = {"/bin/true"}}};
  EXPECT_EQ(load_user_tools(config).size(), 1u);
  config.sandbox.gateway = "tcp://127.0.0.1:1";
  config.sandbox.key = "absent.key";
  EXPECT_THROW(
      {
        try {
          load_user_tools(config);
        } catch (const Error& e) {
          EXPECT_THAT(e.what(), HasSubstr("absent.key"));
          throw;
        }
      },
      Error);
}

}  // namespace
}  // namespace amalgam::pipeline
