// Functions as verl and TRL take them, unchanged; and what cannot be served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <vector>

#include "rewards/programs/plugin.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::rewards {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

using Parts = std::vector<std::pair<std::string, double>>;

class PluginFormsTest : public testing::Test {
 protected:
  PluginOptions options(const std::string& source, configs::Names function = {}) {
    PluginOptions o;
    o.path = folder_ / "reward.py";
    o.function = std::move(function);
    std::ofstream(o.path) << source;
    return o;
  }
  std::string refusal(const std::string& source, configs::Names function = {}) {
    return tests::error_of([&] { Plugin plugin(options(source, std::move(function))); });
  }

  TempDir folder_;
};

// One call of verl's, in either form.
std::vector<Score> ask_verl(Plugin* plugin, const std::vector<std::string>& solutions) {
  std::vector<PluginRequest> samples;
  for (const std::string& s : solutions)
    samples.push_back({"gsm8k", s, "\"4\"", R"({"i": 7})", ""});
  return plugin->score("rl/3/0", samples);
}

// One of TRL's, of a row with these columns.
std::vector<Score> ask_trl(Plugin* plugin, const std::vector<std::string>& completions,
                           const std::string& row = R"({"prompt": "p"})") {
  std::vector<PluginRequest> samples;
  for (const std::string& s : completions)
    samples.push_back({"d", s, "\"4\"", R"({"i": 7})", row, {5, static_cast<int>(s.size())}});
  return plugin->score("rl/3/0", samples);
}

std::vector<double> all_rewards(const std::vector<Score>& scores) {
  std::vector<double> all;
  for (const Score& score : scores) {
    EXPECT_EQ(score.status, Status::kScored) << score.detail;
    all.push_back(score.reward);
  }
  return all;
}

TEST_F(PluginFormsTest, VerlsAsync) {
  Plugin one(options(R"(
import asyncio
async def compute_score(data_source, solution_str, ground_truth, extra_info, **kwargs):
    await asyncio.sleep(0.01)
    assert not kwargs, kwargs
    if solution_str == "raise": raise ValueError("no")
    return {"score": len(solution_str), "acc": True, "pred": solution_str}
)"));
  EXPECT_EQ(one.form(), PluginForm::kVerl);
  const Score score = ask_verl(&one, {"abc"})[0];
  EXPECT_EQ(score.reward, 3) << score.detail;
  EXPECT_EQ(score.parts, (Parts{{"acc", 1}}));
  EXPECT_EQ(score.answer, "abc");
  EXPECT_THAT(ask_verl(&one, {"raise"})[0].detail, HasSubstr("ValueError: no (reward.py:6)"));
  Plugin batch(options(R"(
import asyncio
async def one(text):
    await asyncio.sleep(0.01)
    return len(text)
async def compute_score(data_sources, solution_strs, ground_truths, extra_infos):
    return await asyncio.gather(*map(one, solution_strs))
)"));
  EXPECT_EQ(batch.form(), PluginForm::kVerlBatch);
  EXPECT_EQ(all_rewards(ask_verl(&batch, {"a", "bb"})), (std::vector<double>{1, 2}));
}

// What a judge should say of each criterion, in the rubric's order.
TEST_F(PluginFormsTest, LabelsAreParts) {
  Plugin one(options(R"(
def compute_score(data_source, solution_str, ground_truth, extra_info):
    labels = {"a": [1, 0, True, 0.5], "b": (0,) * 12, "c": [], "d": 1, "e": [1, "no", 0]}
    return {"score": 1, "labels": labels[solution_str]}
)"));
  const auto parts = [&](const std::string& solution) {
    return ask_verl(&one, {solution})[0].parts;
  };
  EXPECT_EQ(parts("a"), (Parts{{"label/1", 1}, {"label/2", 0}, {"label/3", 1}, {"label/4", 0.5}}));
  ASSERT_EQ(parts("b").size(), 12u);
  EXPECT_EQ(parts("b")[1].first, "label/2");
  EXPECT_EQ(parts("b")[11].first, "label/12");
  EXPECT_EQ(parts("c"), Parts{});
  EXPECT_EQ(parts("d"), (Parts{{"labels", 1}}));                   // a figure of that name
  EXPECT_EQ(parts("e"), (Parts{{"label/1", 1}, {"label/3", 0}}));  // too few: JudgedAnswers refuses
  Plugin batch(options(R"(
def compute_score(data_sources, solution_strs, ground_truths, extra_infos):
    return [{"score": len(s), "labels": [0, len(s)]} for s in solution_strs]
)"));
  const auto scores = ask_verl(&batch, {"", "x"});
  EXPECT_EQ(scores[0].parts, (Parts{{"label/1", 0}, {"label/2", 0}}));
  EXPECT_EQ(scores[1].parts, (Parts{{"label/1", 0}, {"label/2", 1}}));
}

// What it keeps between calls is bound to its loop, as connections are.
TEST_F(PluginFormsTest, AsyncCallsShareALoop) {
  Plugin plugin(options(R"(
import asyncio
lock = asyncio.Lock()
loops = set()
async def compute_score(data_source, solution_str, ground_truth, extra_info):
    loops.add(id(asyncio.get_running_loop()))
    async with lock:
        await asyncio.sleep(0)
    if solution_str == "exit": raise SystemExit(1)
    return len(loops)
)"));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(all_rewards(ask_verl(&plugin, {"a"})), std::vector<double>{1});
  EXPECT_EQ(ask_verl(&plugin, {"exit"})[0].status, Status::kVerifierFailed);
  EXPECT_EQ(all_rewards(ask_verl(&plugin, {"a"})), std::vector<double>{2});
}

// A plain function may run a loop of its own.
TEST_F(PluginFormsTest, AFunctionThatRunsALoop) {
  Plugin plugin(options(R"(
import asyncio
async def judge(text):
    await asyncio.sleep(0)
    return len(text)
def compute_score(data_source, solution_str, ground_truth, extra_info):
    if solution_str == "old": return asyncio.get_event_loop().run_until_complete(judge("old"))
    return asyncio.run(judge(solution_str))
)"));
  EXPECT_EQ(all_rewards(ask_verl(&plugin, {"old"})), std::vector<double>{3});
  EXPECT_EQ(all_rewards(ask_verl(&plugin, {"ab"})), std::vector<double>{2});
  EXPECT_EQ(all_rewards(ask_verl(&plugin, {"abcd"})), std::vector<double>{4});
}

TEST_F(PluginFormsTest, AnAwaitThatNeverEndsHitsTheDeadline) {
  PluginOptions o = options(R"(
import asyncio
async def compute_score(data_source, solution_str, ground_truth, extra_info):
    if solution_str == "hang": await asyncio.Event().wait()
    return 1
)");
  o.call_deadline_seconds = 0.5;
  Plugin plugin(o);
  EXPECT_EQ(ask_verl(&plugin, {"hang"})[0].status, Status::kTimeout);
  EXPECT_EQ(all_rewards(ask_verl(&plugin, {"fine"})), std::vector<double>{1});
}

TEST_F(PluginFormsTest, VerlsSignatures) {
  const auto reward = [&](const std::string& signature, const std::string& body) {
    Plugin plugin(options("import functools\ndef compute_score(" + signature + "):\n    return " +
                          body + "\n"));
    return all_rewards(ask_verl(&plugin, {"abc"}))[0];
  };
  EXPECT_EQ(reward("solution_str, ground_truth", "len(solution_str) + int(ground_truth)"), 7);
  EXPECT_EQ(reward("**kwargs", "len(kwargs)"), 4);
  EXPECT_EQ(reward("solution_str, *rest, scale=2, **kwargs", "scale * len(kwargs)"), 6);
  EXPECT_EQ(
      reward("*, data_source, solution_str, ground_truth, extra_info=None", "extra_info['i']"), 7);
  // One that serves both forms gets those that it cannot do without.
  EXPECT_EQ(reward("solution_str, solution_strs=None", "solution_strs is None"), 1);
}

// Stand-ins that have what numpy's and torch's scalars have.
TEST_F(PluginFormsTest, ScalarsOfOtherPackages) {
  Plugin plugin(options(R"(
class Scalar:
    size = 1
    def __init__(self, value): self.value = value
    def item(self): return self.value
class Tensor(Scalar):
    def size(self): return ()
    def numel(self): return 1
results = {"number": Scalar(0.5), "dict": {"score": Tensor(0.25), "acc": Scalar(True), "n": Tensor(3)},
           "nan": Tensor(float("nan")), "text": Scalar("x")}
def compute_score(data_source, solution_str, ground_truth, extra_info):
    return results[solution_str]
)"));
  EXPECT_EQ(ask_verl(&plugin, {"number"})[0].reward, 0.5);
  EXPECT_EQ(ask_verl(&plugin, {"dict"})[0].reward, 0.25);
  EXPECT_EQ(ask_verl(&plugin, {"dict"})[0].parts, (Parts{{"acc", 1}, {"n", 3}}));
  EXPECT_EQ(ask_verl(&plugin, {"nan"})[0].status, Status::kNotFinite);
  EXPECT_EQ(ask_verl(&plugin, {"text"})[0].status, Status::kWrongType);
}

const char kSeveral[] = R"(
import functools
def right_reward(completions, answer, **kwargs):
    return [float(c == a) for c, a in zip(completions, answer)]
async def brief_reward(completion_ids, **kwargs):
    return [None if n > 3 else 1 / n for _, n in completion_ids]
class Style:
    __name__ = "style"
    def __call__(self, prompts, completions, **kwargs):
        return {"nan": float("nan")}.get(completions[0], 2), *[None] * (len(completions) - 1)
style = Style()
def scaled(completions, scale, **kwargs): return [scale] * len(completions)
half = functools.partial(scaled, scale=0.5)
)";

TEST_F(PluginFormsTest, SeveralOfTrls) {
  PluginOptions o =
      options(kSeveral, std::vector<std::string>{"right_reward", "brief_reward", "style"});
  o.weights = {1, 0.5, -0.25};
  Plugin plugin(o);
  EXPECT_EQ(plugin.form(), PluginForm::kTrl);
  EXPECT_EQ(plugin.facts().function, "right_reward, brief_reward, style");
  EXPECT_THAT(plugin.facts().columns, ElementsAre("answer"));
  const auto scores = ask_trl(&plugin, {"ab", "abcd", "x"}, R"({"prompt": "p", "answer": "ab"})");
  // 1·1 + 0.5·1/2 − 0.25·2; 1·0; 1·0 + 0.5·1.
  EXPECT_EQ(all_rewards(scores), (std::vector<double>{0.75, 0, 0.5}));
  EXPECT_EQ(scores[0].parts, (Parts{{"right_reward", 1}, {"brief_reward", 0.5}, {"style", 2}}));
  EXPECT_EQ(scores[1].parts, (Parts{{"right_reward", 0}}));
  EXPECT_EQ(scores[2].parts, (Parts{{"right_reward", 0}, {"brief_reward", 1}}));
  // A column that other rows have is None, as in a data set of columns.
  EXPECT_EQ(all_rewards(ask_trl(&plugin, {"ab"})), std::vector<double>{-0.25});
}

TEST_F(PluginFormsTest, WeightsAreAll1) {
  Plugin plugin(options(kSeveral, std::vector<std::string>{"half", "style"}));
  const auto scores = ask_trl(&plugin, {"a", "b"});
  EXPECT_EQ(all_rewards(scores), (std::vector<double>{2.5, 0.5}));
  EXPECT_EQ(scores[0].parts, (Parts{{"half", 0.5}, {"style", 2}}));
}

TEST_F(PluginFormsTest, OneFunctionHasItsScoreAlone) {
  Plugin plugin(options(kSeveral, "half"));
  EXPECT_EQ(ask_trl(&plugin, {"a"})[0].parts, Parts{});
  PluginOptions o = options(kSeveral, "half");
  o.weights = {3};
  Plugin weighted(o);
  EXPECT_EQ(ask_trl(&weighted, {"a"})[0].reward, 1.5);
  EXPECT_EQ(ask_trl(&weighted, {"a"})[0].parts, (Parts{{"half", 0.5}}));
}

TEST_F(PluginFormsTest, KeywordArgumentsAlone) {
  const std::string source =
      "def a(**k): return k.get('solution_str') or [1]\ndef b(**k): return [2]\n";
  EXPECT_EQ(Plugin(options(source, "a")).form(), PluginForm::kVerl);
  PluginOptions o = options(source, "a");
  o.weights = {0.5};
  Plugin weighted(o);
  EXPECT_EQ(all_rewards(ask_trl(&weighted, {"x"})), std::vector<double>{0.5});
  Plugin several(options(source, std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(all_rewards(ask_trl(&several, {"x"})), std::vector<double>{3});
}

// Never a reward of 0.
TEST_F(PluginFormsTest, NoneOfAllIsNoReward) {
  Plugin plugin(options(kSeveral, std::vector<std::string>{"brief_reward", "style"}));
  auto scores = ask_trl(&plugin, {"abcde", "abcde", "abc"});
  EXPECT_EQ(scores[0].reward, 2);
  EXPECT_EQ(scores[1].status, Status::kNoReward);
  EXPECT_EQ(scores[1].detail, "brief_reward() and style() returned None: not for this row");
  EXPECT_EQ(scores[2].status, Status::kScored);
  // NaN is None, unless nothing else is there.
  EXPECT_EQ(all_rewards(ask_trl(&plugin, {"nan"})), std::vector<double>{1 / 3.0});
  Plugin style(options(kSeveral, "style"));
  EXPECT_EQ(ask_trl(&style, {"nan"})[0].status, Status::kNotFinite);
}

TEST_F(PluginFormsTest, AsyncFunctionsWaitTogether) {
  Plugin plugin(options(R"(
import asyncio
met = asyncio.Event()
async def first(completions, **kwargs):
    await met.wait()
    return [1]
async def second(completions, **kwargs):
    met.set()
    return [2]
class Third:
    async def __call__(self, completions, **kwargs): return [4]
third = Third()
def fourth(completions, **kwargs): return [8] if completions[0] != "raise" else 1 / 0
)",
                        std::vector<std::string>{"first", "second", "third", "fourth"}));
  EXPECT_EQ(all_rewards(ask_trl(&plugin, {"a"})), std::vector<double>{15});
  EXPECT_THAT(ask_trl(&plugin, {"raise"})[0].detail, HasSubstr("ZeroDivisionError"));
  EXPECT_EQ(all_rewards(ask_trl(&plugin, {"a"})), std::vector<double>{15});
}

// One that is left waiting when another raised does not go on in the next call.
TEST_F(PluginFormsTest, NoCallGoesOnInTheNext) {
  Plugin plugin(options(R"(
import asyncio
seen = []
async def slow(completions, **kwargs):
    await asyncio.sleep(0.05)
    seen.append(completions[0])
    return [len(seen)]
async def fails(completions, **kwargs):
    if completions[0] == "raise": raise ValueError
    await asyncio.sleep(0.2)
    return [0]
)",
                        std::vector<std::string>{"slow", "fails"}));
  EXPECT_EQ(ask_trl(&plugin, {"raise"})[0].status, Status::kVerifierFailed);
  EXPECT_EQ(all_rewards(ask_trl(&plugin, {"a"})), std::vector<double>{1});
}

TEST_F(PluginFormsTest, WhatTrlGives) {
  Plugin plugin(options(R"(
def all_reward(prompts, completions, completion_ids, answer, trainer_state, **kwargs):
    assert prompts == ["p"] * 2 and answer == [4, 4], (prompts, answer)
    assert completion_ids == [[5, 1], [5, 2]], completion_ids
    assert trainer_state.global_step == 3
    assert set(kwargs) == {"log_extra", "log_metric", "data_source", "ground_truth", "extra_info", "hint"}, kwargs
    if kwargs["hint"][0]: return [trainer_state.max_steps] * 2
    return [1, 2]
)"));
  EXPECT_EQ(
      all_rewards(ask_trl(&plugin, {"a", "bb"}, R"({"prompt": "p", "answer": 4, "hint": null})")),
      (std::vector<double>{1, 2}));
  EXPECT_THAT(ask_trl(&plugin, {"a", "bb"}, R"({"prompt": "p", "answer": 4, "hint": 1})")[0].detail,
              HasSubstr("trainer_state has no max_steps here, global_step alone"));
  // Functions without **kwargs get what they take.
  Plugin few(options("def a_reward(completions): return [len(c) for c in completions]\n"));
  EXPECT_EQ(all_rewards(ask_trl(&few, {"a", "bb"})), (std::vector<double>{1, 2}));
  Plugin prompts(options("def a_reward(prompts, **kwargs): return [len(p) for p in prompts]\n"));
  EXPECT_EQ(all_rewards(ask_trl(&prompts, {"a"})), std::vector<double>{1});
  EXPECT_EQ(prompts.form(), PluginForm::kTrl);
}

TEST_F(PluginFormsTest, AFunctionThatGoesThroughItsColumns) {
  Plugin plugin(options(R"(
def a_reward(completions, prompts, completion=None, **columns):
    rows = [{name: values[i] for name, values in columns.items()} for i in range(len(completions))]
    return [row["level"] + len([v for v in row.values() if v is None]) for row in rows]
)"));
  EXPECT_EQ(all_rewards(ask_trl(&plugin, {"a", "b"}, R"({"prompt": "p", "level": 4})")),
            (std::vector<double>{7, 7}));  // with three that are no columns
}

TEST_F(PluginFormsTest, CallbacksMakeParts) {
  Plugin plugin(options(R"(
def first(completions, log_extra, log_metric, **kwargs):
    log_extra("length", [len(c) for c in completions])
    log_extra("text", list(completions))
    for c in completions: log_extra("one by one", [ord(c[0])])
    log_extra("too few", [1])
    log_metric("share", 0.5)
    log_metric("share", 1)
    log_metric("nan", float("nan"))
    log_metric("first", 9)
    return [1] * len(completions)
def second(completions, log_extra=None, log_metric=None, **kwargs):
    log_metric("second's", True)
    log_extra("some", [None, 3])
    return [2] * len(completions)
)",
                        std::vector<std::string>{"first", "second"}));
  for (int i = 0; i < 2; ++i) {  // nothing of a call is left in the next
    const auto scores = ask_trl(&plugin, {"a", "bcd"});
    EXPECT_EQ(all_rewards(scores), (std::vector<double>{3, 3}));
    EXPECT_EQ(scores[0].parts, (Parts{{"first", 1},
                                      {"second", 2},
                                      {"length", 1},
                                      {"one by one", 97},
                                      {"share", 0.75},
                                      {"second's", 1}}));
    EXPECT_THAT(scores[1].parts, testing::Contains(Pair("some", 3)));
  }
}

TEST_F(PluginFormsTest, AFunctionOfSeveralThatReturnsSomethingElse) {
  Plugin plugin(options(R"(
def first(completions, **kwargs): return [1.0] * len(completions)
def second(completions, **kwargs):
    return {"short": [1], "text": ["x", 1], "inf": [float("inf"), 1]}[completions[0]]
)",
                        std::vector<std::string>{"first", "second"}));
  auto scores = ask_trl(&plugin, {"short", "b"});
  EXPECT_EQ(scores[0].status, Status::kWrongType);
  EXPECT_EQ(scores[1].detail, "second: expected a list of 2 numbers, got one of 1");
  scores = ask_trl(&plugin, {"text", "b"});
  EXPECT_EQ(scores[0].status, Status::kWrongType);
  EXPECT_EQ(scores[0].detail, "second() returned str");
  EXPECT_EQ(scores[1].reward, 2);
  EXPECT_EQ(ask_trl(&plugin, {"inf", "b"})[0].status, Status::kNotFinite);
}

TEST_F(PluginFormsTest, WhatCannotBeServedIsRefused) {
  const auto one = [&](const std::string& signature) {
    return refusal("def compute_score(" + signature + "): return 1\n");
  };
  EXPECT_THAT(one("solution_str, ground_truth, tokenizer"),
              HasSubstr("compute_score() requires tokenizer, which nothing gives; verl's form has "
                        "data_source, solution_str, ground_truth, extra_info"));
  EXPECT_THAT(one("data_sources, solution_strs, ground_truths, extra_infos, model"),
              HasSubstr("requires model, which nothing gives; verl's form for batches"));
  EXPECT_THAT(one("data_source, solution_str, /, ground_truth, extra_info"),
              HasSubstr("takes data_source, solution_str by position alone"));
  EXPECT_THAT(one("data_source, solution_strs, ground_truth, extra_info"),
              HasSubstr("mixes verl's form for batches (solution_strs) and verl's form "
                        "(data_source, ground_truth, extra_info)"));
  EXPECT_THAT(one("solution_str, completions"),
              HasSubstr("mixes TRL's form (completions) and verl's form (solution_str)"));
  EXPECT_THAT(one("solution_str=None, solution_strs=None"), HasSubstr("mixes"));
  EXPECT_THAT(one(""), HasSubstr("takes none of the arguments of a reward function"));
  EXPECT_THAT(one("*args"), HasSubstr("takes none of the arguments"));
  EXPECT_THAT(one("text, truth"), HasSubstr("takes none of the arguments"));
  EXPECT_THAT(refusal("def f(completions, environments): pass\n", "f"),
              HasSubstr("f() requires environments, which are not there"));
  EXPECT_THAT(refusal("def f(completions, prompt, **kwargs): pass\n", "f"),
              HasSubstr("f() requires prompt, which is never given; take prompts"));
  EXPECT_EQ(refusal("def f(completions, environments=None, **kwargs): pass\n", "f"), "");
}

TEST_F(PluginFormsTest, NamesThatAreNoFunctionsAreRefused) {
  const std::string source = R"(
model = "trl-lib/Qwen2-0.5B-Reward"
class Net:
    def named_parameters(self): return []
    def __call__(self, completions): return []
net = Net()
def good_reward(completions, **kwargs): return [1]
def verl(solution_str, ground_truth): return 1
all_of_them = [good_reward]
number = 3
)";
  EXPECT_THAT(refusal(source, "model"),
              HasSubstr("model is a text: models by name are not served"));
  EXPECT_THAT(refusal(source, "net"), HasSubstr("net is a model: models are not served"));
  EXPECT_THAT(refusal(source, "Net"), HasSubstr("Net is a class; name an object of it"));
  EXPECT_THAT(refusal(source, "all_of_them"), HasSubstr("name its functions in a list"));
  EXPECT_THAT(refusal(source, "number"),
              HasSubstr("number is of type int, which cannot be called"));
  EXPECT_THAT(refusal(source, "good_rewards"),
              HasSubstr("has no good_rewards; did you mean good_reward?"));
  EXPECT_THAT(refusal(source, std::vector<std::string>{"good_reward", "verl"}),
              HasSubstr("reward_function is a list, and verl() has verl's form"));
  PluginOptions o = options(source, "good_reward");
  o.weights = {1, 2};
  EXPECT_THAT(tests::error_of([&] { Plugin plugin(o); }), HasSubstr("has 2 numbers, for 1"));
  o = options(source, "verl");
  o.weights = {1};
  EXPECT_THAT(
      tests::error_of([&] { Plugin plugin(o); }),
      HasSubstr("reward_weights are of functions in TRL's form, and verl() has verl's form"));
}

TEST_F(PluginFormsTest, KeywordArgumentsOfSeveral) {
  PluginOptions o = options(R"(
def first(completions, scale, **kwargs): return [scale] * len(completions)
def second(completions, bonus=1): return [bonus] * len(completions)
)",
                            std::vector<std::string>{"first", "second"});
  o.kwargs = R"({"scale": 3, "bonus": 4})";
  Plugin plugin(o);
  EXPECT_THAT(plugin.facts().columns, ElementsAre());
  EXPECT_EQ(all_rewards(ask_trl(&plugin, {"a"}, R"({"prompt": "p", "scale": 9})")),
            std::vector<double>{7});
  for (const char* given : {"log_metric", "completion_ids", "trainer_state"}) {
    o.kwargs = "{\"" + std::string(given) + "\": 1}";
    EXPECT_THAT(tests::error_of([&] { Plugin p(o); }), HasSubstr("which every call gives"));
  }
}

}  // namespace
}  // namespace amalgam::rewards
