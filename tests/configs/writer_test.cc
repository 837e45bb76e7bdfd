#include "configs/writer.h"

#include <gtest/gtest.h>

#include "configs/load.h"

namespace amalgam::configs {
namespace {

TEST(ToToml, ReadsBackEqual) {
  const RunConfig config = parse_run_config(
      "seed = 9007199254740991\nrun_dir = 'a \"quoted\" \\ path\tünder'\n"
      "[base]\nmixture = {math = 0.1, code = 3}\n"
      "[rl]\noptim.lr = 0.1234567890123456\nalgorithm.loss_agg_mode = 'seq-mean-token-sum'\n"
      "[[domain]]\nname='math'\ngenerator='math'\nrl.steps=3\n"
      "[[domain]]\nname='code'\ngenerator='code'\nmode='chat'\nsft.optim.kind='adamw'\n"
      "[[domain]]\nname='own'\ntrain_file='t'\nheldout_file='h'\nreward_file='r'\n"
      "reward.kwargs = {\"a b\" = [1, 0.5], nested = {on = true, text = 'say \"x\"'}}\n"
      "[distill]\nlr_candidates=[1e-3]\n[[distill.teachers]]\ndomain='math'\nweight={math=1,code=2}"
      "\n",
      "/x/a.toml");
  const std::string text = to_toml(config);
  const RunConfig again = parse_run_config(text, "/y/b.toml");
  EXPECT_EQ(to_toml(again), text);
  EXPECT_EQ(again.seed, 9007199254740991);
  EXPECT_EQ(again.run_dir, "a \"quoted\" \\ path\tünder");
  EXPECT_EQ(again.rl.optim.lr, 0.1234567890123456);
  EXPECT_EQ(again.domains[0].rl.steps, 3);
  EXPECT_EQ(again.domains[1].rl.steps, config.rl.steps);
  EXPECT_EQ(again.domains[1].sft.optim.kind, OptimKind::kAdamW);
  EXPECT_EQ(again.domains[1].mode, Mode::kChat);
  EXPECT_EQ(again.domains[2].train_file, "/x/t");
  EXPECT_EQ(again.domains[2].reward.kwargs.json,
            R"({"a b": [1, 0.5], "nested": {"on": true, "text": "say \"x\""}})");
  EXPECT_EQ(again.distill.teachers[0].weight.at("code"), 2.0);
}

TEST(ToToml, DomainsSayOnlyWhatIsTheirOwn) {
  const RunConfig config = parse_run_config(
      "[rl]\nsteps = 9\n[[domain]]\nname='math'\ngenerator='math'\nrl.optim.lr=1e-3\n", "a.toml");
  const std::string text = to_toml(config);
  const size_t begin = text.find("[[domain]]");
  ASSERT_NE(begin, std::string::npos);
  EXPECT_EQ(text.substr(begin, text.find("\n[distill]") - begin),
            "[[domain]]\nname = \"math\"\ngenerator = \"math\"\n\n[domain.rl.optim]\nlr = 0.001\n");
}

TEST(FormatValue, IsTomlThatReadsBack) {
  EXPECT_EQ(format_value(1.0), "1.0");
  EXPECT_EQ(format_value(1e-8), "1e-08");
  EXPECT_EQ(format_value(0.1), "0.1");
  EXPECT_EQ(format_value(std::string("a\"b\\c\nd")), "\"a\\\"b\\\\c\\u000Ad\"");
  EXPECT_EQ(format_value(Weights{{"a", 1}, {"b c", 0.5}}), "{a = 1.0, \"b c\" = 0.5}");
}

}  // namespace
}  // namespace amalgam::configs
