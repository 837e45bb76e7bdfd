// The files that people read first: presets load, and docs/CONFIG.md is what the program says.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "configs/load.h"
#include "tests/paths.h"

namespace amalgam::configs {
namespace {

const std::filesystem::path kRoot = std::filesystem::path(tests::kGolden) / "../..";

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Presets, AllLoadAndNameFilesThatExist) {
  int num_presets = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot / "configs")) {
    if (entry.path().extension() != ".toml") continue;
    ++num_presets;
    const RunConfig config = load_run_config(entry.path());
    for (const DomainConfig& domain : config.domains) {
      for (const Paths& file :
           {domain.train_file, domain.heldout_file, domain.sft_file, Paths(domain.reward_file)}) {
        EXPECT_TRUE(file.empty() || std::filesystem::exists(file.text())) << file.text();
      }
    }
  }
  EXPECT_GE(num_presets, 3);
}

TEST(Presets, QuickstartHasTheFourDomainsWithTheirOwnSettings) {
  const RunConfig config = load_run_config(kRoot / "configs/quickstart.toml");
  ASSERT_EQ(config.domains.size(), 4u);
  ASSERT_NE(config.find_domain("instruct"), nullptr);
  EXPECT_NE(config.find_domain("instruct")->rl.optim.lr, config.rl.optim.lr);
  EXPECT_EQ(config.find_domain("art"), nullptr);
}

TEST(ConfigReference, IsWhatIsCommitted) {
  EXPECT_EQ(read(kRoot / "docs/CONFIG.md"), config_reference()) << "run `make docs`";
}

TEST(ConfigReference, NamesEveryTableAndItsKeys) {
  const std::string text = config_reference();
  for (const char* part :
       {"## `[rl.algorithm]`", "## `[[domain]]`", "## `[[distill.teachers]]`",
        "| `clip_ratio_low` | `0.2` | number from 0 to 1 |", "| `rl` | those of [rl] | table |",
        "| `isa` | `\"auto\"` | `auto`, `avx2`, `avx512` |"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace amalgam::configs
