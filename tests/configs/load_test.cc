#include "configs/load.h"

#include <gtest/gtest.h>

#include "configs/error.h"
#include "tests/error_of.h"

namespace amalgam::configs {
namespace {

const char* const kDomain = "[[domain]]\nname = \"math\"\ngenerator = \"math\"\n";

RunConfig parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_run_config(text, "dir/a.toml", overrides);
}

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse(text, overrides);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Load, AbsentKeysKeepTheirDefaults) {
  const RunConfig config = parse(kDomain);
  EXPECT_EQ(config.seed, 0);
  EXPECT_EQ(config.rl.rollout.n, 16);
  EXPECT_EQ(config.base.sft.optim.kind, OptimKind::kMuon);
  EXPECT_EQ(config.run_dir, "runs/a");
  ASSERT_EQ(config.domains.size(), 1u);
  EXPECT_EQ(config.domains[0].generator, Generator::kMath);
}

TEST(Load, ReadsEveryKindOfValue) {
  const RunConfig config = parse(
      "seed = 7\nisa = 'avx2'\n"
      "[model]\nlayer_types = ['sliding_attention', 'compressed_sparse_attention']\n"
      "[base]\nmixture = {math = 2}\n"
      "[rl]\nalgorithm.norm_adv_by_std = true\noptim.lr = 1e-3\nrollout.temperature = 1\n"
      "[distill]\nlr_candidates = [1e-3, 2e-3]\n" +
      std::string(kDomain));
  EXPECT_EQ(config.seed, 7);
  EXPECT_EQ(config.isa, Isa::kAvx2);
  EXPECT_EQ(config.model.layer_types.size(), 2u);
  EXPECT_EQ(config.base.mixture.at("math"), 2.0);
  EXPECT_TRUE(config.rl.algorithm.norm_adv_by_std);
  EXPECT_EQ(config.rl.optim.lr, 1e-3);
  EXPECT_EQ(config.distill.lr_candidates, (std::vector<double>{1e-3, 2e-3}));
}

TEST(Load, AFunctionOrSeveral) {
  const auto domain = [](const std::string& more) {
    return parse("[[domain]]\nname='d'\ntrain_file='t'\nheldout_file='h'\nreward_file='r'\n" + more)
        .domains[0];
  };
  EXPECT_EQ(domain("reward_function='f'\n").reward_function, "f");
  EXPECT_EQ(domain("reward_function=''\n").reward_function, Names());
  const DomainConfig two = domain("reward_function=['f', 'g']\nreward_weights=[1, -0.5]\n");
  EXPECT_EQ(two.reward_function.all, (std::vector<std::string>{"f", "g"}));
  EXPECT_EQ(two.reward_weights, (std::vector<double>{1, -0.5}));
}

TEST(Load, AGeneratorOfReasoningGym) {
  const RunConfig config = parse(
      "[[domain]]\nname='sums'\ngenerator='reasoning_gym:chain_sum'\nreward.deadline_s=3\n"
      "[domain.generator_config]\nmax_terms=3\nsets=[[1, 2]]\n");
  const DomainConfig& d = config.domains[0];
  EXPECT_EQ(d.generator.source, Generator::kReasoningGym);
  EXPECT_EQ(d.generator.data_set, "chain_sum");
  EXPECT_EQ(d.generator.text(), "reasoning_gym:chain_sum");
  EXPECT_FALSE(d.generator.is_built_in());
  EXPECT_EQ(d.generator_config.json, "{\"max_terms\": 3, \"sets\": [[1, 2]]}");
  EXPECT_TRUE(d.has_program());
}

TEST(Load, AGeneratorWithAForm) {
  const Generator words =
      parse("[[domain]]\nname='a'\ngenerator='math:words'\n").domains[0].generator;
  EXPECT_EQ(words.source, Generator::kMath);
  EXPECT_EQ(words.form, "words");
  EXPECT_EQ(words.text(), "math:words");
  EXPECT_TRUE(words.is_built_in());
  EXPECT_NE(words, Generator(Generator::kMath));
  for (const char* const wrong : {"math:list", "math:", "none:words", "words"})
    EXPECT_NE(error_of(std::string("[[domain]]\nname='a'\ngenerator='") + wrong + "'\n")
                  .find("' is not one of none, math, code"),
              std::string::npos)
        << wrong;
}

TEST(Load, DomainsStartFromTheSharedValuesWhereverTheseStand) {
  const RunConfig config =
      parse(std::string(kDomain) +
            "rl.rollout.n = 4\n[[domain]]\nname = 'code'\ngenerator = 'code'\nsft.steps = 3\n"
            "[rl]\nsteps = 9\nrollout.n = 8\n");
  EXPECT_EQ(config.domains[0].rl.steps, 9);
  EXPECT_EQ(config.domains[0].rl.rollout.n, 4);
  EXPECT_EQ(config.domains[1].rl.rollout.n, 8);
  EXPECT_EQ(config.domains[1].sft.steps, 3);
  EXPECT_EQ(config.domains[0].sft.steps, 0);
}

TEST(Load, OverridesReachDomainsAndLaterOnesWin) {
  const RunConfig config =
      parse(std::string(kDomain) + "rl.rollout.n = 4\n[rl]\nsteps = 9\n",
            {"rl.steps=5", "rl.steps=6", "isa=avx512", "domain.math.rl.optim.lr=2e-3",
             "rl.rollout.n=32", "base.mixture.math=0.5", "run_dir=/tmp/r=1"});
  EXPECT_EQ(config.domains[0].rl.steps, 6);
  EXPECT_EQ(config.isa, Isa::kAvx512);
  EXPECT_EQ(config.domains[0].rl.optim.lr, 2e-3);
  EXPECT_EQ(config.rl.rollout.n, 32);
  EXPECT_EQ(config.domains[0].rl.rollout.n, 4);  // the domain's own value stands
  EXPECT_EQ(config.base.mixture.at("math"), 0.5);
  EXPECT_EQ(config.run_dir, "/tmp/r=1");
}

TEST(Load, PathsStartAtTheFolderOfTheFile) {
  const RunConfig config = parse_run_config(
      "[[domain]]\nname='d'\ntrain_file='t.jsonl'\nheldout_file='../h.jsonl'\nreward_file='/"
      "r.py'\n",
      "/data/x/a.toml");
  EXPECT_EQ(config.domains[0].train_file, "/data/x/t.jsonl");
  EXPECT_EQ(config.domains[0].heldout_file, "/data/h.jsonl");
  EXPECT_EQ(config.domains[0].reward_file, "/r.py");
}

TEST(Load, RowsAreOneFileOrAListOfThem) {
  const RunConfig config = parse_run_config(
      "[[domain]]\nname='d'\ntrain_file=['a/*.parquet', '/b.jsonl']\nheldout_file='h'\n"
      "sft_file=[]\n",
      "/data/a.toml");
  const DomainConfig& domain = config.domains[0];
  EXPECT_EQ(domain.train_file.strings(),
            (std::vector<std::string>{"/data/a/*.parquet", "/b.jsonl"}));
  EXPECT_TRUE(domain.sft_file.empty());
  const auto error = [](const std::string& value) {
    return tests::error_of([&] {
      parse_run_config("[[domain]]\nname='d'\nheldout_file='h'\ntrain_file=" + value + "\n",
                       "/data/a.toml");
    });
  };
  EXPECT_NE(error("5").find("expected a path or a list of paths"), std::string::npos);
  EXPECT_NE(error("['a', 5]").find("expected a string"), std::string::npos);
}

TEST(Load, ToolsOfADomainAndOnesOwn) {
  const RunConfig config = parse_run_config(
      "[[tool]]\nname = 'weather'\nfile = 't.py'\n"
      "[[domain]]\nname = 'math'\ngenerator = 'math'\ntools = ['run_python', 'weather']\n"
      "tools_prompt = 'names'\nrl.rollout.max_tool_response_tokens = 100\n",
      "/data/a.toml");
  EXPECT_EQ(config.domains[0].tools, (std::vector<std::string>{"run_python", "weather"}));
  EXPECT_EQ(config.domains[0].tools_prompt, ToolsPrompt::kNames);
  EXPECT_EQ(config.domains[0].rl.rollout.max_tool_response_tokens, 100);
  EXPECT_EQ(config.rl.rollout.max_tool_response_tokens, 512);
  EXPECT_EQ(config.tools[0].file, "/data/t.py");
  const RunConfig again = parse_run_config(to_toml(config), "/elsewhere/a.toml");
  EXPECT_EQ(to_toml(again), to_toml(config));
  EXPECT_EQ(again.tools[0].file, "/data/t.py");
}

struct BadCase {
  const char* name;
  std::string text;
  std::vector<std::string> overrides;
  std::string message;
};

class LoadErrors : public testing::TestWithParam<BadCase> {};

TEST_P(LoadErrors, SaysWhereWhatAndWhatToDo) {
  EXPECT_EQ(error_of(GetParam().text, GetParam().overrides), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LoadErrors,
    testing::Values(
        BadCase{"misspelt_key",
                "seed = 1\n[rl]\nrolout.n = 4\n",
                {},
                "dir/a.toml:3: rl.rolout: unknown key; did you mean rl.rollout?"},
        BadCase{"misspelt_tool",
                kDomain + std::string("tools = ['run_pyton']\n"),
                {},
                "dir/a.toml:1: domain: tools of domain 'math': no tool is named 'run_pyton'; did "
                "you mean run_python?"},
        BadCase{"misspelt_tool_of_ones_own",
                kDomain + std::string("tools = ['wether']\n[[tool]]\nname = 'weather'\nfile = "
                                      "'t.py'\n"),
                {},
                "dir/a.toml:1: domain: tools of domain 'math': no tool is named 'wether'; did you "
                "mean weather?"},
        BadCase{"strange_tool",
                kDomain,
                {"domain.math.tools=['xyzzy']"},
                "dir/a.toml:1: domain: tools of domain 'math': no tool is named 'xyzzy'; the tools "
                "are: calculator, edit_file, grep, kv_lookup, lookup, read_file, run_python, "
                "run_shell, search, submit, write_file"},
        BadCase{"tool_twice",
                kDomain + std::string("tools = ['grep', 'grep']\n"),
                {},
                "dir/a.toml:1: domain: tools of domain 'math': 'grep' stands there twice; drop "
                "one"},
        BadCase{"tool_that_is_built_in",
                "[[tool]]\nname = 'grep'\nfile = 't.py'\n",
                {},
                "dir/a.toml:2: tool.name: tool 'grep' is built in; choose another name"},
        BadCase{"tool_without_a_program",
                "[[tool]]\nname = 'weather'\n",
                {},
                "dir/a.toml:1: tool.command: is missing; tool 'weather' needs a command or a "
                "Python file"},
        BadCase{"tool_of_a_relative_path",
                "[[tool]]\nname = 'weather'\ncommand = ['weather']\n",
                {},
                "dir/a.toml:3: tool.command: 'weather' must be an absolute path inside the "
                "sandbox, for example /usr/bin/python3"},
        BadCase{"tool_without_a_description",
                "[[tool]]\nname = 'weather'\ncommand = ['/bin/weather']\n",
                {},
                "dir/a.toml:1: tool.description: is missing; the model must be told what tool "
                "'weather' does"},
        BadCase{"tool_name",
                "[[tool]]\nname = 'a b'\nfile = 't.py'\n",
                {},
                "dir/a.toml:2: tool.name: 'a b' must be made of letters, digits and _"},
        BadCase{"two_tools_of_a_name",
                kDomain + std::string("[[tool]]\nname = 'a'\nfile = 't.py'\n[[tool]]\nname = "
                                      "'a'\nfile = 't.py'\n"),
                {},
                "dir/a.toml:4: tool: two tools are named 'a'; rename one"},
        BadCase{"misplaced_key",
                "[rl]\nclip_ratio_low = 0.1\n",
                {},
                "dir/a.toml:2: rl.clip_ratio_low: unknown key; did you mean "
                "rl.algorithm.clip_ratio_low?"},
        BadCase{"strange_key",
                "[tokenizer]\nxyzzy = 1\n",
                {},
                "dir/a.toml:2: tokenizer.xyzzy: unknown key; the keys here are: vocab_size"},
        BadCase{"out_of_range",
                "[rl]\nsteps = -1\n",
                {},
                "dir/a.toml:2: rl.steps: -1 is out of range; give a number from 0 to 1000000000"},
        BadCase{"nearly_greedy",
                "[eval]\nn = 2\ntemperature = 0.005\n",
                {},
                "dir/a.toml:3: eval.temperature: must be 0 (greedy) or at least 0.01"},
        BadCase{"not_a_number",
                "[rl]\noptim.lr = nan\n",
                {},
                "dir/a.toml:2: rl.optim.lr: nan is out of range; give a number from 0 to 1"},
        BadCase{"fraction_for_whole",
                "seed = 1.5\n",
                {},
                "dir/a.toml:1: seed: expected a whole number, got a number"},
        BadCase{"string_for_boolean",
                "[eval]\ngreedy = 'yes'\n",
                {},
                "dir/a.toml:2: eval.greedy: expected true or false, got a string"},
        BadCase{"unknown_choice",
                "isa = 'sse2'\n",
                {},
                "dir/a.toml:1: isa: 'sse2' is not one of auto, avx2, avx512"},
        BadCase{"single_brackets",
                "[domain]\nname = 'math'\n",
                {},
                "dir/a.toml:1: domain: is a list of tables, got a table; write [[domain]] with "
                "double brackets for each"},
        BadCase{"double_brackets",
                "[[rl]]\nsteps = 1\n",
                {},
                "dir/a.toml:1: rl: is one table; write [rl] with single brackets"},
        BadCase{"date",
                "seed = 2020-01-01\n",
                {},
                "dir/a.toml:1: dates and times are not used here; quote it if it is a string"},
        BadCase{"mini_batches",
                "[rl]\ndata.train_batch_size = 5\nppo_mini_batches = 2\n",
                {},
                "dir/a.toml:3: rl.ppo_mini_batches: must divide data.train_batch_size (5)"},
        BadCase{"one_sample",
                "[[domain]]\nname='m'\ngenerator='math'\nrl.rollout.n = 1\n",
                {},
                "dir/a.toml:4: domain.rl.rollout.n: grpo compares the samples of a prompt; give at "
                "least 2 samples"},
        BadCase{"no_domain",
                "seed = 1\n",
                {},
                "dir/a.toml:1: domain: no domain; add a [[domain]] table"},
        BadCase{"two_alike",
                std::string(kDomain) + kDomain,
                {},
                "dir/a.toml:1: domain: two domains are named 'math'; rename one"},
        BadCase{"comparisons_alike",
                std::string(kDomain) + "[[compare]]\nmethod='ties'\n[[compare]]\nmethod='ties'\n",
                {},
                "dir/a.toml:4: compare: two comparisons are named 'ties'; give one another name"},
        BadCase{"comparison_named_like_a_model",
                std::string(kDomain) + "[[compare]]\nname = 'student'\n",
                {},
                "dir/a.toml:5: compare.name: 'student' is a model of the run itself"},
        BadCase{"base_by_another_name",
                std::string(kDomain) + "[[compare]]\nname = 'a'\nmethod = 'base'\n",
                {},
                "dir/a.toml:5: compare.name: method 'base' is a model of the run itself, named so"},
        BadCase{"merge_named_base",
                std::string(kDomain) + "[[compare]]\nname = 'base'\nmethod = 'ties'\n",
                {},
                "dir/a.toml:5: compare.name: 'base' is a model of the run itself"},
        BadCase{"unknown_method",
                std::string(kDomain) + "[[compare]]\nmethod = 'fisher'\n",
                {},
                "dir/a.toml:5: compare.method: 'fisher' is not one of mean, task_arithmetic, ties, "
                "dare, dare_ties, slerp, mixed_rl, sft, base, specialist, exact, forward, jsd, "
                "sampled_advantage, sampled_loss, topk_forward_verl, topk_forward_nemo, "
                "topk_reverse_nemo, topk_mixed_nemo, topk_tail"},
        BadCase{"scales_of_mean",
                std::string(kDomain) + "[[compare]]\nmethod = 'mean'\nscales = [1]\n",
                {},
                "dir/a.toml:6: compare.scales: method 'mean' has no such parameter; drop it"},
        BadCase{"scales_of_exact",
                std::string(kDomain) + "[[compare]]\nmethod = 'exact'\nscales = [1]\n",
                {},
                "dir/a.toml:6: compare.scales: method 'exact' has no such parameter; drop it"},
        BadCase{
            "densities_of_task_arithmetic",
            std::string(kDomain) + "[[compare]]\nmethod = 'task_arithmetic'\ndensities = [0.5]\n",
            {},
            "dir/a.toml:6: compare.densities: method 'task_arithmetic' has no such parameter; drop "
            "it"},
        BadCase{"ts_of_ties",
                std::string(kDomain) + "[[compare]]\nmethod = 'ties'\nts = [0.5]\n",
                {},
                "dir/a.toml:6: compare.ts: method 'ties' has no such parameter; drop it"},
        BadCase{
            "learning_rates_of_slerp",
            std::string(kDomain) + "[[compare]]\nmethod = 'slerp'\nlearning_rates = [1e-3]\n",
            {},
            "dir/a.toml:6: compare.learning_rates: method 'slerp' has no such parameter; drop it"},
        BadCase{"n_of_sft",
                std::string(kDomain) + "[[compare]]\nmethod = 'sft'\nn = 2\n",
                {},
                "dir/a.toml:6: compare.n: method 'sft' has no such parameter; drop it"},
        BadCase{"too_many_candidates",
                std::string(kDomain) + "[distill]\nsteps = 4\ntest_freq = 2\n[[compare]]\nmethod = "
                                       "'ties'\nscales = [1, 2]\ndensities = [0.2, 0.5]\n",
                {},
                "dir/a.toml:7: compare.ties.scales: 4 candidates, and the student has 2 (validated "
                "steps of its learning rates): give as many at most"},
        BadCase{
            "other_number_of_rates",
            std::string(kDomain) + "[[compare]]\nmethod = 'sft'\nlearning_rates = [1e-3, 2e-3]\n",
            {},
            "dir/a.toml:4: compare.sft.learning_rates: the student has 1 (distill.lr_candidates): "
            "give as many"},
        BadCase{
            "groups_that_divide_nothing",
            std::string(kDomain) +
                "[distill]\ndata.train_batch_size = 9\n[[compare]]\nmethod = 'mixed_rl'\nn = 2\n",
            {},
            "dir/a.toml:6: compare.mixed_rl.n: a step of [distill] has 9 samples, which mixed_rl "
            "takes in groups of 2 a prompt; give an n of at least 2 that divides them"},
        BadCase{"mixed_rl_with_a_judge",
                "[[domain]]\nname='d'\ntrain_file='t.jsonl'\nheldout_file='h.jsonl'\n"
                "judge.form='yes_no'\njudge.ratio=0\n[distill]\ndata.train_batch_size = "
                "32\ntest_freq = 0\n"
                "[[compare]]\nmethod = 'mixed_rl'\n",
                {},
                "dir/a.toml:10: compare.mixed_rl.method: domain 'd' has a judge, whose verdicts "
                "train only its own specialist; drop mixed_rl or the judge"},
        BadCase{
            "rates_without_validation",
            std::string(kDomain) + "[distill]\nlr_candidates = [1e-3, 2e-3]\ntest_freq = 0\n",
            {},
            "dir/a.toml:6: distill.test_freq: lr_candidates are compared on validation prompts; "
            "give test_freq, or one rate"},
        BadCase{"key_of_another_objective",
                std::string(kDomain) + "[distill]\nobjective = 'topk_tail'\njsd_beta = 0.2\n",
                {},
                "dir/a.toml:6: distill.jsd_beta: has no effect with objective 'topk_tail': it is "
                "one of jsd; drop it, or change the objective"},
        BadCase{"key_of_other_objectives",
                std::string(kDomain) + "[distill]\ntopk_outside = 'zero'\n",
                {},
                "dir/a.toml:5: distill.topk_outside: has no effect with objective 'exact': it is "
                "one of topk_forward_nemo, topk_reverse_nemo, topk_mixed_nemo; drop it, or change "
                "the objective"},
        BadCase{"no_such_objective",
                std::string(kDomain) + "[distill]\nobjective = 'sampled'\n",
                {},
                "dir/a.toml:5: distill.objective: 'sampled' is not one of exact, forward, jsd, "
                "sampled_advantage, sampled_loss, topk_forward_verl, topk_forward_nemo, "
                "topk_reverse_nemo, topk_mixed_nemo, topk_tail"},
        BadCase{"reward_of_one_sample",
                std::string(kDomain) + "[distill]\nreward_coef = 0.5\n",
                {},
                "dir/a.toml:4: distill.rollout.n: reward_coef compares the rewards of a prompt's "
                "samples; give at least 2"},
        BadCase{"function_without_a_file",
                "[[domain]]\nname='d'\ntrain_file='t'\nheldout_file='h'\nreward_function='f'\n",
                {},
                "dir/a.toml:5: domain.reward_function: names a function of reward_file; drop it"},
        BadCase{"function_twice",
                "[[domain]]\nname='d'\ntrain_file='t'\nheldout_file='h'\nreward_file='r'\n"
                "reward_function=['f', 'f']\n",
                {},
                "dir/a.toml:6: domain.reward_function: 'f' stands there twice; drop one"},
        BadCase{"function_that_is_a_number",
                "[[domain]]\nname='d'\ntrain_file='t'\nheldout_file='h'\nreward_file='r'\n"
                "reward_function=3\n",
                {},
                "dir/a.toml:6: domain.reward_function: expected a name or a list of names, got a "
                "whole number"},
        BadCase{"weights_for_others",
                "[[domain]]\nname='d'\ntrain_file='t'\nheldout_file='h'\nreward_file='r'\n"
                "reward_function=['f', 'g']\nreward_weights=[1]\n",
                {},
                "dir/a.toml:7: domain.reward_weights: has 1 numbers, and reward_function names 2; "
                "give one for each"},
        BadCase{"weights_without_a_file",
                kDomain,
                {"domain.math.reward_weights=[1]"},
                "command line: domain.reward_weights: are of functions of reward_file; drop them"},
        BadCase{
            "generator_that_is_none",
            "[[domain]]\nname='d'\ngenerator='maths'\n",
            {},
            "dir/a.toml:3: domain.generator: 'maths' is not one of none, math, code, agent, "
            "instruct, reasoning_gym:NAME, or with a form of answers math:digits, math:words, "
            "code:function, code:program, agent:plain, agent:json, instruct:line, instruct:list"},
        BadCase{"generator_without_a_name",
                "[[domain]]\nname='d'\ngenerator='reasoning_gym:'\n",
                {},
                "dir/a.toml:3: domain.generator: 'reasoning_gym:' is not one of none, math, code, "
                "agent, instruct, reasoning_gym:NAME, or with a form of answers math:digits, "
                "math:words, code:function, code:program, agent:plain, agent:json, instruct:line, "
                "instruct:list"},
        BadCase{"config_of_another_generator",
                kDomain,
                {"domain.math.generator_config={a=1}"},
                "command line: domain.generator_config: is of a reasoning-gym data set; drop it"},
        BadCase{"seed_in_a_generator_config",
                "[[domain]]\nname='d'\ngenerator='reasoning_gym:sums'\ngenerator_config={seed=1}\n",
                {},
                "dir/a.toml:4: domain.generator_config: seed comes from the run's seed; drop it"},
        BadCase{"kwargs_of_a_generator",
                "[[domain]]\nname='d'\ngenerator='reasoning_gym:sums'\nreward.kwargs={a=1}\n",
                {},
                "dir/a.toml:1: domain: reward.kwargs of domain 'd': are of a reward_file; a "
                "generator has its generator_config"},
        BadCase{"rows_beside_a_generator",
                kDomain,
                {"domain.math.sft_file=answers.jsonl"},
                "command line: domain.sft_file: a generator makes its own rows; drop one"},
        BadCase{"function_beside_a_generator",
                kDomain,
                {"domain.math.reward_function=score"},
                "command line: domain.reward_function: names a function of reward_file; drop it"},
        BadCase{"reward_of_a_generator",
                kDomain,
                {"domain.math.reward.deadline_s=3"},
                "dir/a.toml:1: domain: reward of domain 'math': processes, deadline_s, python, env "
                "and kwargs are about a reward_file, and this "
                "domain has none"},
        BadCase{"reward_env",
                kDomain,
                {"reward.env=[\"A=b\"]"},
                "command line: reward.env: 'A=b' is no name of a variable"},
        BadCase{"reward_kwargs",
                kDomain,
                {"reward.kwargs=3"},
                "command line: reward.kwargs: is a table of keys, got a whole number"},
        BadCase{"reward_kwargs_without_json",
                kDomain,
                {"reward.kwargs={a={b=inf}}"},
                "command line: reward.kwargs.a.b: give a finite number"},
        BadCase{"counts_beside_rows",
                "[[domain]]\nname='d'\ntrain_file='t'\nheldout_file='h'\nreward_file='r'\n"
                "data.sft_rows=3\n",
                {},
                "dir/a.toml:1: domain: data of domain 'd': counts rows of a generator; this "
                "domain's are its files'"},
        BadCase{
            "unknown_teacher",
            std::string(kDomain) + "[[distill.teachers]]\ndomain='math'\nweight={art=1}\n",
            {},
            "dir/a.toml:4: distill.teachers: row 'math': no [[domain]] and no [[teacher]] is named "
            "'art'"},
        BadCase{"teacher_twice",
                std::string(kDomain) + "[[teacher]]\nname='big'\npath='a'\n[[teacher]]\n"
                                       "name='big'\npath='b'\n",
                {},
                "dir/a.toml:4: teacher: two teachers are named 'big'; rename one"},
        BadCase{"teacher_named_as_a_domain",
                std::string(kDomain) + "[[teacher]]\nname='math'\npath='a'\n",
                {},
                "dir/a.toml:4: teacher: 'math' is a domain, whose specialist has this name; rename "
                "the teacher"},
        BadCase{"teacher_without_a_name",
                std::string(kDomain) + "[[teacher]]\npath='a'\n",
                {},
                "dir/a.toml:4: teacher.name: '' must be made of lower-case letters, digits and _"},
        BadCase{"teacher_without_a_path",
                std::string(kDomain) + "[[teacher]]\nname='big'\n",
                {},
                "dir/a.toml:4: teacher.path: teacher 'big' has none; give its directory"},
        BadCase{"no_weight",
                std::string(kDomain) + "[[distill.teachers]]\ndomain='math'\nweight={math=0}\n",
                {},
                "dir/a.toml:4: distill.teachers: row 'math' gives no teacher a weight above 0"},
        BadCase{"override_unknown",
                kDomain,
                {"rl.stpes=3"},
                "command line: rl.stpes: unknown key; did you mean rl.steps?"},
        BadCase{"override_no_value",
                kDomain,
                {"rl.steps"},
                "command line: 'rl.steps' is not an override; write key=value"},
        BadCase{"override_range",
                kDomain,
                {"eval.n=0"},
                "command line: eval.n: 0 is out of range; give a number from 1 to 4096"},
        BadCase{"override_no_element",
                kDomain,
                {"domain.art.rl.steps=3"},
                "command line: domain has no element named 'art'; it has: math"},
        BadCase{"override_below_value",
                "seed = 1\n",
                {"seed.x=3"},
                "command line: seed is a whole number, so it has no key 'x'"},
        BadCase{"spike_met_again",
                "[sft.anticipatory_routing]\ndelay = 2\nspike_factor = 2\nactive_steps = 16\n",
                {},
                "dir/a.toml:4: sft.anticipatory_routing.active_steps: must be more than twice "
                "rollback_steps (8), or the same spike is met again without it"},
        BadCase{"spike_without_delay",
                "[sft]\nanticipatory_routing.spike_factor = 2\n",
                {},
                "dir/a.toml:2: sft.anticipatory_routing.spike_factor: needs a delay above 0: there "
                "is nothing to switch on"},
        BadCase{"journal",
                "[sandbox]\ndisk_mb = 65\n",
                {},
                "dir/a.toml:1: sandbox.journal_mb: must be at least disk_mb (65)"},
        BadCase{
            "wall_clock",
            "[sandbox]\ncpu_seconds = 3\n",
            {},
            "dir/a.toml:1: sandbox.wall_seconds: must be at least 20 times cpu_seconds, or a busy "
            "machine changes rewards"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Load, BadSyntaxNamesTheLine) {
  EXPECT_EQ(error_of("seed = 1\nrl = = 2\n").rfind("dir/a.toml:2: not valid TOML: ", 0), 0u);
  EXPECT_EQ(error_of("seed = 1\nseed = 2\n").rfind("dir/a.toml:2: not valid TOML: ", 0), 0u);
}

TEST(Load, MissingFileIsNamed) {
  try {
    load_run_config("/nonexistent/x.toml");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).rfind("/nonexistent/x.toml: cannot read it", 0), 0u);
  }
}

// Every single-byte truncation either parses or ends in an Error that names the file.
TEST(Load, TruncatedFilesNeverCrash) {
  const std::string text = std::string(kDomain) +
                           "[distill]\nlr_candidates = [1e-3, 2e-3]\n[[distill.teachers]]\n"
                           "domain='math'\nweight={math=1}\n";
  for (size_t size = 0; size < text.size(); ++size) {
    const std::string error = error_of(text.substr(0, size));
    EXPECT_TRUE(error == "no error" || error.rfind("dir/a.toml:", 0) == 0) << error;
  }
}

}  // namespace
}  // namespace amalgam::configs
