#include "configs/foreign_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "configs/key_values.h"
#include "configs/load.h"
#include "tests/error_of.h"
#include "tests/paths.h"

namespace amalgam::configs {
namespace {

using Texts = std::vector<std::string>;

const char kOneDomain[] =
    "[[domain]]\nname = 'gsm8k'\ntrain_file = 'a.jsonl'\nheldout_file = 'b.jsonl'\n"
    "reward_file = 'r.py'\n";

RunConfig with(const Texts& overrides, Texts* lines = nullptr, const char* text = kOneDomain) {
  return parse_run_config(text, "dir/a.toml", overrides, lines);
}

Texts lines_of(const Texts& overrides) {
  Texts lines;
  with(overrides, &lines);
  return lines;
}

std::string refusal_of(const Texts& overrides, const char* text = kOneDomain) {
  return tests::error_of([&] { with(overrides, nullptr, text); });
}

// Those of a config with one element in every table, as the table of names writes them.
std::set<std::string> own_keys() {
  RunConfig config;
  config.domains.resize(1);
  config.domains[0].name = "NAME";
  std::set<std::string> keys;
  for (const KeyValue& k : key_values(config)) keys.insert(k.key);
  return keys;
}

TEST(ForeignNames, StandForKeysThatExist) {
  const std::set<std::string> keys = own_keys();
  for (const Peer peer : {Peer::kVerl, Peer::kTrl}) {
    for (const ForeignName& entry : foreign_names(peer)) {
      for (std::string key : entry.keys) {
        if (key.ends_with(".*")) key.resize(key.size() - 2);
        EXPECT_TRUE(keys.contains(key)) << entry.name << ": " << key;
      }
      EXPECT_TRUE(entry.other.empty() || keys.contains(entry.other)) << entry.name;
      const Counterpart c = entry.counterpart;
      EXPECT_TRUE(c == Counterpart::kSome || c == Counterpart::kDiffers ||
                  (c == Counterpart::kNone) == entry.keys.empty())
          << entry.name << " sets nothing";
      EXPECT_TRUE(c != Counterpart::kSome || !entry.values.empty()) << entry.name;
      EXPECT_TRUE(!entry.keys.empty() || !entry.note.empty()) << entry.name << " says nothing";
      for (const ForeignValue& v : entry.values)
        EXPECT_TRUE(v.ours.empty() || !entry.keys.empty()) << entry.name;
    }
  }
}

TEST(ForeignNames, AreDistinctAndNoneOfOurs) {
  std::set<std::string> names;
  for (const Peer peer : {Peer::kVerl, Peer::kTrl})
    for (const ForeignName& entry : foreign_names(peer))
      EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
  for (const std::string& key : own_keys()) EXPECT_FALSE(find_foreign_name(key)) << key;
}

TEST(ForeignNames, TheVeryNameGoesBeforeTheLongestGroup) {
  EXPECT_EQ(find_foreign_name("critic.optim.lr")->entry->name, "critic.*");
  EXPECT_EQ(find_foreign_name("vllm_importance_sampling_cap")->entry->name,
            "vllm_importance_sampling_*");
  EXPECT_EQ(find_foreign_name("reward_model.enable")->entry->name, "reward_model.enable");
  EXPECT_FALSE(find_foreign_name("critic."));
  EXPECT_FALSE(find_foreign_name("num_generation"));
}

TEST(ForeignNames, OfTheSameMeaningAreTaken) {
  Texts lines;
  const RunConfig config =
      with({"actor_rollout_ref.rollout.n=8", "algorithm.norm_adv_by_std_in_grpo=True",
            "actor_rollout_ref.actor.optim.lr=1e-6", "trainer.test_freq=-1",
            "++actor_rollout_ref.model.path='/models/v4'", "max_completion_length=77"},
           &lines);
  EXPECT_EQ(config.rl.rollout.n, 8);
  EXPECT_EQ(config.domains[0].rl.rollout.n, 8);
  EXPECT_TRUE(config.rl.algorithm.norm_adv_by_std);
  EXPECT_EQ(config.rl.optim.lr, 1e-6);
  EXPECT_EQ(config.rl.test_freq, 0);
  EXPECT_EQ(config.model.path, "/models/v4");
  EXPECT_EQ(config.rl.data.max_response_length, 77);
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_TRUE(
      std::count(lines.begin(), lines.end(), "actor_rollout_ref.rollout.n is rl.rollout.n here"));
  EXPECT_TRUE(std::count(
      lines.begin(), lines.end(),
      "algorithm.norm_adv_by_std_in_grpo=True is rl.algorithm.norm_adv_by_std=true here"));
}

TEST(ForeignNames, OfADomainAreThoseOfTheOnlyOne) {
  const RunConfig config =
      with({"data.train_files=['x.jsonl']", "data.val_files=y.jsonl",
            "custom_reward_function.path=/f.py", "custom_reward_function.name=f",
            "+custom_reward_function.reward_kwargs.bonus=2",
            "data.apply_chat_template_kwargs.enable_thinking=False"});
  const DomainConfig& domain = config.domains[0];
  EXPECT_EQ(domain.train_file, std::filesystem::absolute("x.jsonl"));
  EXPECT_EQ(domain.heldout_file, std::filesystem::absolute("y.jsonl"));
  EXPECT_EQ(domain.reward_file, "/f.py");
  EXPECT_EQ(domain.reward_function, "f");
  EXPECT_EQ(domain.reward.kwargs.toml, "{\"bonus\" = 2}");
  EXPECT_EQ(domain.mode, Mode::kChat);
  EXPECT_EQ(refusal_of({"data.train_files=x.jsonl"},
                       "[[domain]]\nname='a'\ngenerator='math'\n"
                       "[[domain]]\nname='b'\ngenerator='math'\n"),
            "command line: data.train_files=x.jsonl: is a key of each domain here, "
            "domain.NAME.train_file; give it for those that need it");
  const RunConfig two = with({"data.train_files=['x.parquet', y.parquet]"});
  EXPECT_EQ(two.domains[0].train_file.all,
            (std::vector<Path>{std::filesystem::absolute("x.parquet"),
                               std::filesystem::absolute("y.parquet")}));
}

TEST(ForeignNames, CountsAreConvertedByWhatTheRunHas) {
  // In any order, and by the config's value where the command line has none.
  EXPECT_EQ(with({"actor_rollout_ref.actor.ppo_mini_batch_size=256", "data.train_batch_size=1024"})
                .rl.ppo_mini_batches,
            4);
  EXPECT_EQ(with({"actor_rollout_ref.actor.ppo_mini_batch_size=4"}).rl.ppo_mini_batches, 4);
  EXPECT_EQ(with({"generation_batch_size=64", "num_generations=8"}).rl.data.train_batch_size, 8);
  EXPECT_EQ(with({"max_steps=50", "rl.ppo_mini_batches=1"}).rl.steps, 50);
  EXPECT_EQ(with({"max_steps=50"}).rl.steps, 25);
  EXPECT_EQ(with({"max_steps=-1"}).rl.steps, RlConfig().steps);
  EXPECT_EQ(lines_of({"actor_rollout_ref.actor.ppo_mini_batch_size=4"}),
            Texts{"actor_rollout_ref.actor.ppo_mini_batch_size=4 is rl.ppo_mini_batches=4 here; it "
                  "counts the updates of a step, not the prompts of an update"});
  for (const char* value : {"5", "0", "32", "many"})
    EXPECT_NE(refusal_of({"actor_rollout_ref.actor.ppo_mini_batch_size=" + std::string(value)})
                  .find("gives no whole number of rl.ppo_mini_batches with "
                        "rl.data.train_batch_size=16"),
              std::string::npos)
        << value;
  EXPECT_NE(refusal_of({"actor_rollout_ref.actor.ppo_mini_batch_size=4"},
                       "[[domain]]\nname='a'\ngenerator='math'\nrl.data.train_batch_size=64\n")
                .find("which a domain has of its own; give rl.ppo_mini_batches"),
            std::string::npos);
}

TEST(ForeignNames, WordsAreConverted) {
  const RunConfig config = with({"loss_type=dr_grpo", "scale_rewards=False", "optim=adamw_torch",
                                 "gradient_checkpointing=True", "lr_scheduler_type=constant"},
                                nullptr,
                                "[rl]\noptim.decay_fraction = 0.5\n"
                                "[[domain]]\nname='a'\ngenerator='math'\n");
  EXPECT_EQ(config.rl.algorithm.loss_agg_mode, LossAggMode::kSeqMeanTokenSumNorm);
  EXPECT_FALSE(config.rl.algorithm.norm_adv_by_std);
  EXPECT_EQ(config.rl.optim.kind, OptimKind::kAdamW);
  EXPECT_EQ(config.recompute, Recompute::kLayer);
  EXPECT_EQ(config.rl.optim.decay_fraction, 0);
  // TRL's "none" is a value, Python's None is none.
  const char scaled[] =
      "[rl]\nalgorithm.norm_adv_by_std = true\n[[domain]]\nname='a'\ngenerator='math'\n";
  EXPECT_FALSE(with({"scale_rewards=none"}, nullptr, scaled).rl.algorithm.norm_adv_by_std);
  EXPECT_TRUE(with({"scale_rewards=None"}, nullptr, scaled).rl.algorithm.norm_adv_by_std);
}

TEST(ForeignNames, TheKlCoefficientActsAsInVerl) {
  const std::string use = "actor_rollout_ref.actor.use_kl_loss=";
  const std::string coef = "actor_rollout_ref.actor.kl_loss_coef=0.02";
  const auto kl = [](const Texts& overrides) { return with(overrides).rl.algorithm.kl_loss_coef; };
  EXPECT_EQ(kl({coef, use + "True"}), 0.02);
  EXPECT_EQ(kl({use + "True"}), 0.001);  // verl's default
  EXPECT_EQ(kl({use + "False", coef}), 0);
  EXPECT_EQ(kl({coef}), 0);
  EXPECT_EQ(lines_of({coef}), Texts{"actor_rollout_ref.actor.kl_loss_coef is ignored: it acts with "
                                    "actor_rollout_ref.actor.use_kl_loss=True only"});
}

TEST(ForeignNames, EpsilonIsBothBoundsUnlessThereIsAnUpperOne) {
  const AlgorithmConfig both = with({"epsilon=0.1"}).rl.algorithm;
  EXPECT_EQ(both.clip_ratio_low, 0.1);
  EXPECT_EQ(both.clip_ratio_high, 0.1);
  const AlgorithmConfig two = with({"epsilon_high=0.3", "epsilon=0.1"}).rl.algorithm;
  EXPECT_EQ(two.clip_ratio_low, 0.1);
  EXPECT_EQ(two.clip_ratio_high, 0.3);
  EXPECT_EQ(with({"epsilon=0.1", "epsilon_high=null"}).rl.algorithm.clip_ratio_high, 0.1);
}

TEST(ForeignNames, WhatChangesNothingIsIgnoredAndSaid) {
  const RunConfig config = with({});
  Texts lines;
  EXPECT_EQ(
      to_toml(with({"critic.optim.lr=1e-5", "actor_rollout_ref.rollout.top_p=1.0",
                    "actor_rollout_ref.actor.entropy_coeff=0", "use_vllm=True",
                    "data.truncation='error'", "delta=None", "trainer.logger=['console','wandb']"},
                   &lines)),
      to_toml(config));
  EXPECT_EQ(lines.size(), 7u);
  EXPECT_EQ(lines_of({"critic.optim.lr=1e-5"}),
            Texts{"critic.optim.lr is ignored: grpo has no critic"});
  EXPECT_EQ(lines_of({"actor_rollout_ref.rollout.top_p=1.0"}),
            Texts{"actor_rollout_ref.rollout.top_p=1.0 sets nothing: tokens are sampled from the "
                  "whole softmax(z/T)"});
  EXPECT_EQ(lines_of({"delta=None"}), Texts{"delta=None sets nothing"});
}

TEST(ForeignNames, WhatWouldChangeTheResultIsRefused) {
  EXPECT_EQ(refusal_of({"trainer.total_epochs=15"}),
            "command line: trainer.total_epochs=15: is verl's name; use rl.steps here: it counts "
            "steps: epochs x rows / rl.data.train_batch_size");
  EXPECT_EQ(refusal_of({"actor_rollout_ref.actor.entropy_coeff=0.01"}),
            "command line: actor_rollout_ref.actor.entropy_coeff=0.01: only 0 is taken: there is "
            "no entropy bonus");
  EXPECT_EQ(refusal_of({"algorithm.adv_estimator=gae"}),
            "command line: algorithm.adv_estimator=gae: only grpo is taken, as "
            "rl.algorithm.adv_estimator");
  EXPECT_EQ(refusal_of({"delta=2"}),
            "command line: delta=2: is TRL's name; there is no such key here: ratios are clipped "
            "by clip_ratio_low and clip_ratio_high alone");
  EXPECT_EQ(refusal_of({"num_generations=8", "rl.rollout.n=4"}),
            "command line: num_generations=8: is rl.rollout.n here, and that is given too; drop "
            "one");
  EXPECT_EQ(refusal_of({"num_generations=0"}),
            "command line: rl.rollout.n: 0 is out of range; give a number from 1 to 4096");
}

TEST(ForeignNames, InAConfigGetAHint) {
  const auto in_file = [](const std::string& text) { return refusal_of({}, text.c_str()); };
  EXPECT_EQ(in_file("[actor_rollout_ref.rollout]\nname = 'vllm'\nn = 8\n"),
            "dir/a.toml:2: actor_rollout_ref.rollout.name: is verl's name; leave it out: sampling "
            "and training are one engine, on the CPUs of one machine");
  EXPECT_EQ(in_file("[data]\ntrain_batch_size = 8\n"),
            "dir/a.toml:2: data.train_batch_size: is verl's name; here it is "
            "rl.data.train_batch_size");
  EXPECT_EQ(in_file("num_generations = 8\n"),
            "dir/a.toml:1: num_generations: is TRL's name; here it is rl.rollout.n");
  EXPECT_EQ(in_file("[rl]\nlearning_rate = 8\n"),
            "dir/a.toml:2: rl.learning_rate: is TRL's name; here it is rl.optim.lr");
  EXPECT_EQ(in_file("[[domain]]\nname = 'a'\nrl.optim.max_grad_norm = 8\n")
                .find("dir/a.toml:3: domain.rl.optim.max_grad_norm: is TRL's name; here it is "
                      "rl.optim.grad_clip"),
            0u);
  // No hint to the clip range where an optimiser's key is meant.
  EXPECT_EQ(in_file("[rl]\noptim.epsilon = 8\n").find("TRL"), std::string::npos);
}

TEST(ForeignNames, UnknownOnesGetTheNearestKeyOfOurs) {
  EXPECT_EQ(refusal_of({"actor_rollout_ref.rollout.temprature=1"}),
            "command line: actor_rollout_ref.rollout.temprature: unknown key; did you mean "
            "rl.rollout.temperature?");
  EXPECT_EQ(refusal_of({"actor_rollout_ref.rollout.max_turns=1"}),
            "command line: actor_rollout_ref.rollout.max_turns: unknown key; did you mean "
            "rl.rollout.max_turns?");
  EXPECT_EQ(refusal_of({"threds=1"}), "command line: threds: unknown key; did you mean threads?");
}

// The fenced blocks of a language.
Texts blocks_of(const std::string& text, const std::string& language) {
  Texts blocks;
  const std::string open = "\n```" + language + "\n";
  for (size_t at = text.find(open); at != std::string::npos; at = text.find(open, at)) {
    at += open.size();
    blocks.push_back(text.substr(at, text.find("\n```", at) + 1 - at));
  }
  return blocks;
}

class ComingFrom : public testing::TestWithParam<Peer> {
 protected:
  static std::string page() {
    const bool is_verl = GetParam() == Peer::kVerl;
    std::ifstream file(std::filesystem::path(tests::kGolden) / "../../docs" /
                       (is_verl ? "COMING_FROM_VERL.md" : "COMING_FROM_TRL.md"));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
};

TEST_P(ComingFrom, TheTableIsWhatTheProgramSays) {
  const std::string text = page();
  const std::string heading = "\n## All names\n\n";
  const size_t at = text.find(heading);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(text.substr(at + heading.size()), foreign_reference(GetParam())) << "run `make docs`";
}

// The page's first config with its command is its second config.
TEST_P(ComingFrom, TheCommandIsTheConfig) {
  const std::string text = page();
  const Texts configs = blocks_of(text, "toml"), commands = blocks_of(text, "sh");
  ASSERT_EQ(configs.size(), 2u);
  ASSERT_EQ(commands.size(), 1u);
  Texts overrides;
  std::istringstream words(commands[0]);
  for (std::string word; words >> word;)
    if (word.find('=') != std::string::npos) {
      std::erase(word, '\'');
      overrides.push_back(word);
    }
  EXPECT_GT(overrides.size(), 10u);
  EXPECT_EQ(to_toml(parse_run_config(configs[0], "a.toml", overrides)),
            to_toml(parse_run_config(configs[1], "a.toml")));
}

INSTANTIATE_TEST_SUITE_P(Pages, ComingFrom, testing::Values(Peer::kVerl, Peer::kTrl),
                         [](const auto& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace amalgam::configs
