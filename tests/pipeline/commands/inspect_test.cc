#include "pipeline/commands/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/paths.h"
#include "tests/pipeline/run_program.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;

json inspect(const std::string& arguments) {
  const ProgramResult result = run_program("inspect --json " + arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return json::parse(result.out);
}

TEST(Inspect, JsonOfAPreset) {
  const json flash = inspect("deepseek-v4-flash --context 1048576");
  EXPECT_EQ(flash["params_total"], 284'332'240'471);
  EXPECT_EQ(flash["params_active"], 13'270'101'591);
  EXPECT_EQ(flash["decode_flops_per_token"], 120'680'873'984);
  EXPECT_EQ(flash["kv_bytes"], 3'688'172'544);
  EXPECT_EQ(flash["training_flops"], 3 * flash["prefill_flops"].get<uint64_t>());
  for (const char* total : {"prefill_flops", "training_flops", "kv_bytes"}) {
    uint64_t sum = 0;
    for (const auto& part : flash[std::string(total) + "_by_part"]) sum += part.get<uint64_t>();
    EXPECT_EQ(flash[total], sum) << total;
  }
  EXPECT_EQ(inspect("deepseek-v4-pro --context 1048576")["kv_bytes"], 5'280'404'480);
  EXPECT_EQ(inspect("deepseek-v3.2 --context 1048576")["kv_bytes"], 50'402'951'168);
}

TEST(Inspect, OneTokenIsItsOwnPrefill) {
  const json one = inspect("deepseek-v4-pro --context 1");
  EXPECT_EQ(one["prefill_flops"], one["decode_flops_per_token"]);
}

TEST(Inspect, DirectoryAndConfigFileAreTheSame) {
  const std::string golden = tests::reference_model("mixed");
  json directory = inspect(golden + " --context 100"),
       file = inspect(golden + "/config.json --context 100");
  EXPECT_EQ(directory["kv_storage"], "f32");
  EXPECT_GE(directory["kv_bytes_allocated"], directory["kv_bytes"]);
  directory.erase("model"), file.erase("model");
  EXPECT_EQ(directory, file);
  EXPECT_LT(inspect(golden + " --context 100 --kv fp8")["kv_bytes"], directory["kv_bytes"]);
}

TEST(Inspect, TableHasTheTotals) {
  const ProgramResult result = run_program("inspect deepseek-v4-flash --context 1048576");
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char* figure : {"284.3 G", "13.27 G", "120.7 G", "3.4 GiB", "2.00 %"})
    EXPECT_THAT(result.out, testing::HasSubstr(figure));
}

TEST(Inspect, ErrorsAreOneLine) {
  for (const char* arguments : {"nothing-there", "deepseek-v4-flash --context 0",
                                "deepseek-v4-flash --context 9223372036854775807",
                                "deepseek-v4-flash --kv bf16", tests::kGolden}) {
    const ProgramResult result = run_program("inspect " + std::string(arguments));
    EXPECT_EQ(result.status, 1) << arguments;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

}  // namespace
}  // namespace amalgam::pipeline
