#include "configs/key_values.h"

#include <gtest/gtest.h>

#include <map>

#include "configs/load.h"

namespace amalgam::configs {
namespace {

TEST(KeyValues, EveryKeyByItsName) {
  const RunConfig config = parse_run_config(
      "[rl]\nsteps = 7\n[[domain]]\nname = 'math'\ngenerator = 'math'\nrl.optim.lr = 0.5\n"
      "[[domain]]\nname = 'own'\ntrain_file = 't.jsonl'\nheldout_file = 'h.jsonl'\n",
      "/there/config.toml");
  std::map<std::string, KeyValue> all;
  for (const KeyValue& k : key_values(config)) EXPECT_TRUE(all.emplace(k.key, k).second) << k.key;
  EXPECT_EQ(all.at("seed").value, "0");
  EXPECT_EQ(all.at("domain.math.rl.steps").value, "7");
  EXPECT_EQ(all.at("domain.math.rl.optim.lr").value, "0.5");
  EXPECT_EQ(all.at("domain.own.rl.optim.lr").value, all.at("rl.optim.lr").value);
  EXPECT_FALSE(all.at("domain.own.mode").is_path);
  EXPECT_TRUE(all.at("domain.own.train_file").is_path);
  EXPECT_EQ(all.at("domain.own.train_file").value, "/there/t.jsonl");
  EXPECT_EQ(all.at("domain.math.train_file").value, "");
}

}  // namespace
}  // namespace amalgam::configs
