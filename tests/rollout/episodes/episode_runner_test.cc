#include "rollout/episodes/episode_runner.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "sandbox/container/launcher.h"
#include "sandbox/journal/journal.h"
#include "tests/model/network/network_case.h"
#include "tests/rollout/episodes/episode_case.h"
#include "tests/temp_dir.h"

namespace amalgam::rollout {
namespace {

struct Outcome {
  std::vector<int32_t> ids;
  std::vector<bool> from_assistant;
  std::vector<float> logprobs;
  std::vector<size_t> forced;
  ToolFailure failure = ToolFailure::kNone;
  model::ChoiceRecord choices;
  bool operator==(const Outcome&) const = default;
};
using Outcomes = std::map<uint32_t, Outcome>;

// As an earlier worker would have left it.
void write_log(const std::string& prefix, uint32_t episode,
               const std::vector<LoggedToken>& tokens) {
  WalWriter wal(prefix);
  for (size_t i = 0; i < tokens.size();) {
    size_t end = i;
    std::vector<int32_t> result;
    for (; end < tokens.size() && tokens[end].from_tool; ++end) result.push_back(tokens[end].id);
    if (end > i) {
      wal.tool_result(episode, i, result);
      i = end;
    } else {
      wal.sampled(episode, i, {tokens[i].id, tokens[i].logprob});
      ++i;
    }
  }
  wal.flush();
}

class EpisodeRunnerTest : public ::testing::Test {
 protected:
  static model::ModelConfig config(const model::Tokenizer& tokenizer) {
    model::ModelConfig c = model::odd_config();
    c.vocab_size = tokenizer.vocab_size();
    c.num_nextn_predict_layers = 1;
    return c;
  }
  std::vector<int32_t> ids(const std::string& text) const {
    return tokenizer_.encode(text, model::SpecialText::kAsTokens);
  }
  std::vector<LoggedToken> logged(const std::string& text) const {
    std::vector<LoggedToken> log;
    for (const int32_t id : ids(text)) log.push_back({id, -0.5f, false});
    return log;
  }
  EpisodeGroup group(const std::string& prompt, std::initializer_list<uint32_t> episodes,
                     const std::vector<std::string>& tools = {}) const {
    EpisodeGroup g{.prompt = ids(prompt), .tools = tools, .extra_info = "", .episodes = {}};
    for (const uint32_t e : episodes)
      g.episodes.push_back({e, {1.0, {.seed = 1, .stream = kStream, .request = e}}, {}});
    return g;
  }

  Outcomes run(const std::vector<EpisodeGroup>& groups, WalWriter* wal, int64_t max_batch = 64,
               const ToolOptions& tools = {}) {
    kernels::ThreadPool pool(1);
    model::Network net(model_.config(), pool);
    Engine engine(net, model_.weights(), limits_.max_positions,
                  {max_batch, 16, draft_, keep_choices_});
    EpisodeRunner runner(engine, tokenizer_, eos_, limits_, tools, wal);
    for (const EpisodeGroup& g : groups) runner.submit(g);
    std::vector<FinishedEpisode> finished;
    for (int step = 0; step < 20000 && runner.step(&finished, 20); ++step) {
    }
    counters_ = runner.counters();
    Outcomes all;
    for (const FinishedEpisode& f : finished)
      EXPECT_TRUE(all.emplace(f.number, Outcome{f.episode.ids(), f.episode.from_assistant(),
                                                f.episode.logprobs(), f.episode.forced(), f.failure,
                                                f.choices})
                      .second);
    if (!finished.empty()) {
      detail_ = finished[0].detail;
      final_ = finished[0].episode.final_message();
    }
    return all;
  }

  static constexpr uint64_t kStream = 2;
  const model::Tokenizer tokenizer_ = small_tokenizer();
  const int32_t eos_ = tokenizer_.require_added_token(model::kEos);
  const model::PackedModel model_ = model::odd_model(config(tokenizer_), 8);
  EpisodeLimits limits_{.max_response_length = 150, .max_turns = 3, .max_positions = 320};
  RunnerCounters counters_;
  std::string detail_;  // of the first to finish
  Episode::Final final_;
  bool draft_ = false;
  int keep_choices_ = 0;
};

TEST_F(EpisodeRunnerTest, BatchAndGroupingChangeNothing) {
  const std::vector<EpisodeGroup> groups = {group("What is 17 + 25?", {0, 1, 2}),
                                            group("the value of the key", {3}),
                                            group("invoke", {4, 5})};
  const Outcomes want = run(groups, nullptr);
  ASSERT_EQ(want.size(), 6u);
  EXPECT_NE(want.at(0).ids, want.at(1).ids);
  EXPECT_EQ(run(groups, nullptr, 1), want);
  EXPECT_EQ(run({group("invoke", {5}), group("invoke", {4}), group("the value of the key", {3}),
                 group("What is 17 + 25?", {2, 0}), group("What is 17 + 25?", {1})},
                nullptr, 3),
            want);
  int64_t tokens = 0;
  for (const auto& [number, o] : want) tokens += static_cast<int64_t>(o.logprobs.size());
  EXPECT_EQ(counters_.sampled_tokens, tokens);
  draft_ = true;
  EXPECT_EQ(run(groups, nullptr), want);
  EXPECT_EQ(counters_.sampled_tokens, tokens);
  EXPECT_EQ(run(groups, nullptr, 1), want);
}

// The log of a run that was killed after any number of tokens leads to the same episodes.
TEST_F(EpisodeRunnerTest, ResumesFromItsLog) {
  const TempDir folder;
  const std::string prefix = folder / "wal";
  const std::vector<EpisodeGroup> groups = {group("What is 17 + 25?", {0, 1, 2}),
                                            group("the name", {7})};
  Outcomes want;
  {
    WalWriter wal(prefix);
    want = run(groups, &wal);
  }
  const auto log = read_wal(prefix).episodes;
  ASSERT_EQ(log.size(), 4u);
  for (const auto& [number, o] : want) {
    ASSERT_EQ(log.at(number).size(), o.logprobs.size());
    for (size_t i = 0; i < o.logprobs.size(); ++i) {
      EXPECT_EQ(log.at(number)[i].logprob, o.logprobs[i]);
      EXPECT_EQ(log.at(number)[i].id, o.ids[o.ids.size() - o.logprobs.size() + i]);
    }
  }
  for (const size_t cut : {1, 7, 33, 149, 150}) {
    std::vector<EpisodeGroup> rest = groups;
    for (EpisodeGroup& g : rest)
      for (EpisodeSpec& e : g.episodes) {
        const auto& all = log.at(e.episode);
        const size_t n = std::min(all.size(), cut * (e.episode % 2));  // others start afresh
        e.logged.assign(all.begin(), all.begin() + static_cast<long>(n));
      }
    for (const bool draft : {false, true}) {
      draft_ = draft;
      EXPECT_EQ(run(rest, nullptr), want) << cut << " " << draft;
    }
  }
}

// What a killed run's tokens chose is found again, also of an episode that had ended: it is fed
// once more, and no token of its log is sampled or logged again.
TEST_F(EpisodeRunnerTest, ResumedEpisodesHaveTheSameChoices) {
  keep_choices_ = model::ChosenRows::kBoth;
  const TempDir folder;
  const std::string prefix = folder / "wal", again = folder / "again";
  const std::vector<EpisodeGroup> groups = {group("What is 17 + 25?", {0, 1, 2}),
                                            group("the name", {7})};
  Outcomes want;
  {
    WalWriter wal(prefix);
    want = run(groups, &wal);
  }
  int64_t tokens = 0;
  for (const auto& [number, o] : want) {
    EXPECT_EQ(o.choices.experts.size(), (o.ids.size() - 1) * 4) << number;
    EXPECT_FALSE(o.choices.entries.empty()) << number;
    tokens += static_cast<int64_t>(o.logprobs.size());
  }
  const auto log = read_wal(prefix).episodes;
  for (const size_t cut : {1, 33, 149, 150}) {
    std::vector<EpisodeGroup> rest = groups;
    int64_t logged = 0;
    for (EpisodeGroup& g : rest)
      for (EpisodeSpec& e : g.episodes) {
        const auto& all = log.at(e.episode);
        e.logged.assign(all.begin(), all.begin() + static_cast<long>(std::min(all.size(), cut)));
        logged += static_cast<int64_t>(e.logged.size());
      }
    for (const bool draft : {false, true}) {
      draft_ = draft;
      for (const EpisodeGroup& g : rest)
        for (const EpisodeSpec& e : g.episodes) write_log(again, e.episode, e.logged);
      {
        WalWriter wal(again);
        EXPECT_EQ(run(rest, &wal), want) << cut << " " << draft;
      }
      EXPECT_EQ(counters_.sampled_tokens, tokens - logged);
      const TokenLog both = read_wal(again);
      EXPECT_EQ(both.damage, "");  // nothing twice
      int64_t written = 0;
      for (const auto& [episode, part] : both.episodes)
        written += static_cast<int64_t>(part.size());
      EXPECT_EQ(written, tokens);
      remove_wal(again);
    }
  }
}

// The model reads a forced </think> as if it had stood in the prompt, and neither batches, drafts
// nor a log change that.
TEST_F(EpisodeRunnerTest, ForcedEndsOfThinking) {
  keep_choices_ = model::ChosenRows::kBoth;
  limits_.max_response_length = 40;
  const int32_t end = tokenizer_.require_added_token(model::kThinkEnd);
  std::vector<EpisodeGroup> groups = {group("What is 17 + 25?", {0, 1, 2}), group("the name", {7})};
  const Outcomes chat = run(groups, nullptr);
  for (EpisodeGroup& g : groups) g.mode = model::ThinkingMode::kThinking;
  const Outcomes unlimited = run(groups, nullptr);
  EXPECT_EQ(unlimited, chat);
  int num_forced = 0;
  for (const size_t limit : {1u, 2u, 3u, 4u, 5u, 8u, 13u}) {
    limits_.max_thinking_tokens = static_cast<int64_t>(limit);
    const TempDir folder;
    Outcomes want;
    {
      WalWriter wal(folder / "wal");
      want = run(groups, &wal);
    }
    const TokenLog log = read_wal(folder / "wal");
    EXPECT_EQ(log.damage, "");
    for (const EpisodeGroup& g : groups)
      for (const EpisodeSpec& spec : g.episodes) {
        const Outcome& o = want.at(spec.episode);
        EXPECT_EQ(log.episodes.at(spec.episode).size(), o.logprobs.size());
        const auto thought =
            unlimited.at(spec.episode).ids.begin() + static_cast<long>(g.prompt.size());
        if (std::find(thought, thought + static_cast<long>(limit), end) !=
            thought + static_cast<long>(limit)) {
          EXPECT_TRUE(o.forced.empty());
          continue;
        }
        ++num_forced;
        const size_t place = g.prompt.size() + limit;
        ASSERT_EQ(o.forced, std::vector<size_t>{place});
        EXPECT_TRUE(std::equal(thought, thought + static_cast<long>(limit),
                               o.ids.begin() + static_cast<long>(g.prompt.size())));
        EXPECT_EQ(o.ids[place], end);
        EXPECT_LE(o.ids.size(), g.prompt.size() + 40);
        EXPECT_EQ(o.ids.size(), g.prompt.size() + o.logprobs.size() + 1);
        EpisodeGroup given = group("", {spec.episode});
        given.prompt.assign(o.ids.begin(), o.ids.begin() + static_cast<long>(place) + 1);
        limits_.max_response_length = 40 - static_cast<int64_t>(limit) - 1;
        const Outcome rest = run({given}, nullptr).at(spec.episode);
        limits_.max_response_length = 40;
        EXPECT_EQ(rest.ids, o.ids);
        EXPECT_EQ(rest.logprobs, std::vector<float>(o.logprobs.begin() + static_cast<long>(limit),
                                                    o.logprobs.end()));
        EXPECT_EQ(rest.choices, o.choices);
      }
    for (const bool draft : {false, true}) {
      draft_ = draft;
      EXPECT_EQ(run(groups, nullptr, 1), want) << limit << " " << draft;
      for (const size_t cut : {limit - 1, limit, limit + 1, size_t{40}}) {
        std::vector<EpisodeGroup> rest = groups;
        for (EpisodeGroup& g : rest)
          for (EpisodeSpec& e : g.episodes) {
            const auto& all = log.episodes.at(e.episode);
            e.logged.assign(all.begin(),
                            all.begin() + static_cast<long>(std::min(all.size(), cut)));
          }
        EXPECT_EQ(run(rest, nullptr), want) << limit << " " << cut << " " << draft;
      }
    }
    draft_ = false;
  }
  EXPECT_GT(num_forced, 20);
}

// A call at the end of the log is made again; with its result in the log it is not.
TEST_F(EpisodeRunnerTest, ToolCallsAreAnsweredAndLogged) {
  keep_choices_ = model::ChosenRows::kBoth;
  const TempDir folder;
  const std::string prefix = folder / "wal";
  EpisodeGroup g = group("What is 17 + 25?", {3, 4}, {"calculator", "lookup", "search"});
  const std::string call = calls_text(call_text("calculator", "expression", "17 + 25"));
  g.episodes[0].logged = logged(call + std::string(model::kEos));
  Outcomes want;
  write_log(prefix, 3, g.episodes[0].logged);
  {
    WalWriter wal(prefix);
    want = run({g}, &wal);
  }
  EXPECT_EQ(counters_.sandbox_failures, 0);
  const Outcome& o = want.at(3);
  EXPECT_EQ(o.failure, ToolFailure::kNone);
  const std::string text = tokenizer_.decode(o.ids, model::SpecialIds::kKeep);
  EXPECT_NE(text.find(call + std::string(model::kEos) + std::string(model::kUserToken)),
            std::string::npos);
  const size_t first_tool = g.episodes[0].logged.size();
  EXPECT_FALSE(o.from_assistant[first_tool]);
  EXPECT_GT(o.logprobs.size(), first_tool);  // it went on after the result
  const auto log = read_wal(prefix).episodes;
  const std::vector<LoggedToken>& both = log.at(3);
  ASSERT_TRUE(both[first_tool].from_tool);
  EXPECT_EQ(both.size(), o.from_assistant.size());
  std::string result;
  for (size_t i = 0; i < both.size(); ++i) {
    EXPECT_EQ(both[i].from_tool, !o.from_assistant[i]);
    if (both[i].from_tool) result += tokenizer_.token_bytes(both[i].id);
  }
  EXPECT_NE(result.find("42"), std::string::npos);
  // From a log that holds the result and some tokens more.
  for (const size_t extra : {0, 1, 5}) {
    size_t n = first_tool;
    while (n < both.size() && both[n].from_tool) ++n;
    g.episodes[0].logged.assign(both.begin(),
                                both.begin() + static_cast<long>(std::min(n + extra, both.size())));
    for (const bool draft : {false, true}) {
      draft_ = draft;
      EXPECT_EQ(run({g}, nullptr), want) << extra << " " << draft;
    }
  }
  // There is no room for a result: its call was the policy's last word.
  limits_.max_positions = static_cast<int64_t>(g.prompt.size() + first_tool) + 20;
  g.episodes.resize(1);
  g.episodes[0].logged.assign(both.begin(), both.begin() + static_cast<long>(first_tool));
  const Outcome full = run({g}, nullptr).at(3);
  EXPECT_EQ(full.ids.size(), g.prompt.size() + first_tool);
  EXPECT_EQ(full.choices.experts, o.choices.experts.substr(0, 4 * (full.ids.size() - 1)));
  EXPECT_EQ(counters_.sampled_tokens, 0);
  EXPECT_EQ(final_.state, Episode::Message::kTruncated);
}

TEST_F(EpisodeRunnerTest, AFailingSandboxIsNoAnswer) {
  keep_choices_ = model::ChosenRows::kExperts;
  EpisodeGroup g = group("the value of the key", {1, 2}, {"calculator", "lookup", "search"});
  g.extra_info = R"({"sandbox": {"kv": {"a": "1"}}})";
  g.episodes[0].logged =
      logged(calls_text(call_text("lookup", "key", "a")) + std::string(model::kEos));
  ToolOptions tools;
  tools.sandbox.make_sandbox = [](const sandbox::Limits&, const sandbox::Image&,
                                  std::string* error) {
    *error = "no sandbox today";
    return std::unique_ptr<sandbox::Sandbox>();
  };
  const Outcomes all = run({g}, nullptr, 64, tools);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all.at(1).failure, ToolFailure::kSandboxFailed);
  EXPECT_EQ(all.at(2).failure, ToolFailure::kNone);
  EXPECT_TRUE(all.at(1).choices.experts.empty());
  EXPECT_FALSE(all.at(2).choices.experts.empty());
  EXPECT_EQ(counters_.sandbox_failures, 4);  // each attempt
}

// Takes its time, and none of the CPU's.
class Slow : public sandbox::Sandbox {
 public:
  sandbox::Result exec(const sandbox::Command&) override {
    usleep(50'000);
    sandbox::Result result;
    result.outcome = sandbox::Outcome::kOk;
    result.out = "a 1\n";
    return result;
  }
  sandbox::Result put_file(const std::string&, const std::string&) override {
    sandbox::Result result;
    result.outcome = sandbox::Outcome::kOk;
    return result;
  }
  sandbox::Result get_file(const std::string&, std::string*) override { return {}; }
};

class SlowTools : public EpisodeRunnerTest {
 protected:
  SlowTools() {
    limits_ = {.max_response_length = 700, .max_turns = 3, .max_positions = 1400};
    tools_.sandbox.make_sandbox = [](const sandbox::Limits&, const sandbox::Image&, std::string*) {
      return std::make_unique<Slow>();
    };
    const std::string call = call_text("lookup", "key", "a");
    group_.extra_info = R"({"sandbox": {"kv": {"a": "1"}}})";
    group_.episodes[0].logged =
        logged(calls_text(call + call + call + call) + std::string(model::kEos));
  }
  ToolOptions tools_;
  EpisodeGroup group_ = group("the value of the key", {1}, {"calculator", "lookup"});
};

// No call is too long, but all of them together are: no answer, and none of the sandbox's failures.
TEST_F(SlowTools, ATurnHitsTheWallClock) {
  tools_.sandbox.limits.wall_seconds = 60;
  EXPECT_EQ(run({group_}, nullptr, 64, tools_).at(1).failure, ToolFailure::kNone);
  limits_.turn.max_calls = 4;
  tools_.sandbox.limits.wall_seconds = 0.025;
  EXPECT_EQ(run({group_}, nullptr, 64, tools_).at(1).failure, ToolFailure::kWallClock);
  EXPECT_NE(detail_.find("wall-clock"), std::string::npos);
  EXPECT_EQ(counters_.sandbox_failures, 0);
}

TEST_F(SlowTools, LongCallsAreTold) {
  kernels::ThreadPool pool(1);
  model::Network net(model_.config(), pool);
  Engine engine(net, model_.weights(), limits_.max_positions, {64, 16, false});
  EpisodeRunner runner(engine, tokenizer_, eos_, limits_, tools_, nullptr);
  runner.submit(group_);
  std::vector<FinishedEpisode> finished;
  std::string line;
  while (line.empty() && runner.step(&finished, 5)) line = runner.long_calls(0);
  EXPECT_EQ(line, "the tool calls of one turn (4, the first of lookup) run for 0 s so far");
  EXPECT_EQ(runner.long_calls(60), "");
  while (runner.step(&finished, 5)) {
  }
  EXPECT_EQ(runner.long_calls(0), "");
}

TEST_F(EpisodeRunnerTest, SubmitEndsAnEpisode) {
  for (const bool has_submit : {true, false}) {
    EpisodeGroup g = group("the name", {5}, {"calculator", has_submit ? "submit" : "lookup"});
    g.episodes[0].logged =
        logged("so" + calls_text(call_text("submit", "answer", "42")) + std::string(model::kEos));
    const Outcomes all = run({g}, nullptr);
    EXPECT_EQ(counters_.sampled_tokens == 0, has_submit);
    EXPECT_EQ(all.at(5).logprobs.size() == g.episodes[0].logged.size(), has_submit);
    if (has_submit) {
      EXPECT_EQ(final_.content, "42");
      EXPECT_EQ(final_.state, Episode::Message::kComplete);
    }
  }
}

// Episodes whose tools leave files.
class ToolEpisodes : public EpisodeRunnerTest {
 protected:
  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
    limits_ = {.max_response_length = 700, .max_turns = 3, .max_positions = 1400};
  }
  static std::string turn(const std::string& command) {
    return calls_text(call_text("run_shell", "command", command)) + std::string(model::kEos);
  }
  std::string text_of(const std::vector<LoggedToken>& tokens) const {
    std::vector<int32_t> token_ids;
    for (const LoggedToken& t : tokens) token_ids.push_back(t.id);
    return tokenizer_.decode(token_ids, model::SpecialIds::kKeep);
  }
  // The result of the call at the end of a log, by a worker that is gone as soon as it has logged
  // it.
  std::vector<LoggedToken> answer(std::vector<LoggedToken> log) {
    EpisodeGroup g = group("name", {9}, {"run_shell", "write_file"});
    g.episodes[0].logged = std::move(log);
    kernels::ThreadPool pool(1);
    model::Network net(model_.config(), pool);
    Engine engine(net, model_.weights(), limits_.max_positions, {64, 16, false});
    std::vector<FinishedEpisode> finished;
    std::vector<LoggedToken> result;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.path().extension() == ".wal") std::filesystem::remove(entry.path());
    const size_t before = g.episodes[0].logged.size();
    write_log(prefix_, 9, g.episodes[0].logged);
    WalWriter wal(prefix_);
    EpisodeRunner runner(engine, tokenizer_, eos_, limits_, tools_, &wal);
    runner.submit(std::move(g));
    while (result.empty() && finished.empty() && runner.step(&finished, 20)) {
      const std::vector<LoggedToken> now = read_wal(prefix_).episodes[9];
      for (size_t i = before; i < now.size() && now[i].from_tool; ++i) result.push_back(now[i]);
    }
    counters_ = runner.counters();
    failure_ = finished.empty() ? ToolFailure::kNone : finished[0].failure;
    if (failure_ != ToolFailure::kNone) detail_ = finished[0].detail;
    return result;
  }
  static std::vector<LoggedToken> join(std::vector<LoggedToken> a,
                                       const std::vector<LoggedToken>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  TempDir folder_;
  const std::string prefix_ = folder_ / "wal";
  const std::string journal_ = prefix_ + "-9.journal";
  const std::string first_ = "date +%s%N | tee stamp; echo x >> n";
  ToolFailure failure_ = ToolFailure::kNone;
  ToolOptions tools_;
};

// A killed worker's successor finds the files, and what had run does not run again.
TEST_F(ToolEpisodes, AResumedEpisodeFindsItsFilesAndRunsNothingTwice) {
  std::vector<LoggedToken> log = logged(turn(first_));
  const auto stamp = answer(log);
  ASSERT_EQ(failure_, ToolFailure::kNone);
  // Killed before the result was logged: it is the same, and from the journal.
  EXPECT_EQ(text_of(answer(log)), text_of(stamp));
  log = join(join(log, stamp), logged(turn("cat stamp n; echo y >> n")));
  const std::string second = text_of(answer(log));
  ASSERT_EQ(failure_, ToolFailure::kNone);
  const std::string digits = text_of(stamp).substr(text_of(stamp).find("<tool_result>") + 13, 19);
  EXPECT_EQ(digits.find_first_not_of("0123456789"), std::string::npos) << text_of(stamp);
  EXPECT_NE(second.find("<tool_result>" + digits + "\nx</tool_result>"), std::string::npos)
      << second;
  EXPECT_EQ(text_of(answer(log)), second);
  EXPECT_EQ(sandbox::read_journal(journal_).entries.size(), 2u);
  EXPECT_EQ(counters_.sandbox_failures, 0);
}

// It holds whatever the model's code wrote, and is of use only until the episode ends.
TEST_F(ToolEpisodes, TheJournalEndsWithItsEpisode) {
  EpisodeGroup g = group("name", {9}, {"run_shell"});
  g.episodes[0].logged = logged(turn(first_));
  answer(g.episodes[0].logged);
  ASSERT_TRUE(std::filesystem::exists(journal_));
  WalWriter wal(prefix_);
  EXPECT_EQ(run({g}, &wal).at(9).failure, ToolFailure::kNone);
  EXPECT_FALSE(std::filesystem::exists(journal_));
}

// Killed during a call: that one is made again, in the files before it, and no failure is counted.
TEST_F(ToolEpisodes, AnInterruptedCallIsMadeAgain) {
  std::vector<LoggedToken> log = logged(turn(first_));
  const auto stamp = answer(log);
  log = join(join(log, stamp), logged(turn("echo y >> n; cat n")));
  for (int i = 0; i < 6; ++i) {
    sandbox::Journal(journal_, {}, {})
        .begin(sandbox::to_proto(sandbox::Command{{"/bin/bash", "-c", "echo y >> n; cat n"}}));
  }
  EXPECT_NE(text_of(answer(log)).find("<tool_result>x\ny</tool_result>"), std::string::npos);
  EXPECT_EQ(failure_, ToolFailure::kNone);
  EXPECT_EQ(counters_.sandbox_failures, 0);
}

// Calls that do not give what the log says are a failure, not a conversation with other files.
TEST_F(ToolEpisodes, WithoutItsJournalAnEpisodeFails) {
  std::vector<LoggedToken> log = logged(turn(first_));
  const auto stamp = answer(log);
  std::filesystem::remove(journal_);
  answer(join(join(log, stamp), logged(turn("cat stamp"))));
  EXPECT_EQ(failure_, ToolFailure::kSandboxFailed);
  EXPECT_NE(detail_.find("did not give what its log says"), std::string::npos);
}

// Those beyond the bound are not run, also by a successor, and it is told so in their place.
TEST_F(ToolEpisodes, CallsBeyondTheBoundAreNotRun) {
  limits_.turn.max_calls = 2;
  const std::string call = call_text("run_shell", "command", "echo x >> n; cat n");
  std::vector<LoggedToken> log =
      logged(calls_text(call + call + call + call) + std::string(model::kEos));
  const auto results = answer(log);
  const std::string why = "<tool_result>not run: at most 2 calls per turn</tool_result>";
  EXPECT_NE(text_of(results).find("<tool_result>x</tool_result>\n\n<tool_result>x\nx"
                                  "</tool_result>\n\n" +
                                  why + "\n\n" + why),
            std::string::npos)
      << text_of(results);
  EXPECT_EQ(sandbox::read_journal(journal_).entries.size(), 2u);
  EXPECT_EQ(answer(log), results);
  log = join(join(log, results), logged(turn("cat n")));
  EXPECT_NE(text_of(answer(log)).find("<tool_result>x\nx</tool_result>"), std::string::npos);
  EXPECT_EQ(failure_, ToolFailure::kNone) << detail_;
  EXPECT_EQ(sandbox::read_journal(journal_).entries.size(), 3u);
}

TEST_F(ToolEpisodes, AResultIsCutAlikeInEveryLife) {
  limits_.max_tool_tokens = 400;
  const std::string call = call_text("run_shell", "command", "seq 500; echo x >> n");
  std::vector<LoggedToken> log = logged(calls_text(call + call) + std::string(model::kEos));
  const auto results = answer(log);
  EXPECT_LE(results.size(), 400u);
  EXPECT_NE(text_of(results).find(" tokens in all …"), std::string::npos) << text_of(results);
  EXPECT_NE(text_of(results).find("not run: no room for more results"), std::string::npos);
  EXPECT_EQ(answer(log), results);
  limits_.max_tool_tokens = 1000;  // the same turn, and room for another one
  limits_.turn.max_result_tokens = 64;
  const auto shorter = answer(log);
  EXPECT_NE(shorter, results);
  log = join(join(log, shorter), logged(turn("cat n")));
  EXPECT_NE(text_of(answer(log)).find("<tool_result>x\nx</tool_result>"), std::string::npos);
  EXPECT_EQ(failure_, ToolFailure::kNone) << detail_;
}

// It says so to the model, nothing is lost, and a successor says the same.
TEST_F(ToolEpisodes, AFullJournalIsAResult) {
  tools_.sandbox.limits.journal_bytes = 1 << 20;
  std::vector<LoggedToken> log = logged(turn("head -c 700000 /dev/zero > a"));
  log = join(log, answer(log));
  log = join(log, logged(turn("head -c 700000 /dev/zero > b; echo made")));
  const auto full = answer(log);
  EXPECT_NE(text_of(full).find("<tool_result>error: disk_limit: all calls together have written "
                               "more than 1 MiB; what this one changed is lost</tool_result>"),
            std::string::npos)
      << text_of(full);
  EXPECT_EQ(answer(log), full);
  limits_.max_turns = 4;
  log = join(join(log, full), logged(turn("ls")));
  EXPECT_NE(text_of(answer(log)).find("<tool_result>a</tool_result>"), std::string::npos);
  EXPECT_EQ(failure_, ToolFailure::kNone) << detail_;
}

// A sleeper costs no CPU time. What it came to is an accident of time, so it is no answer; it is
// not tried again before the run is resumed, and then from its first call on.
TEST_F(ToolEpisodes, ACallHitsTheWallClock) {
  tools_.sandbox.limits.wall_seconds = 0.5;
  const std::vector<LoggedToken> log = logged(turn("sleep 60; echo x"));
  EXPECT_TRUE(answer(log).empty());
  EXPECT_EQ(failure_, ToolFailure::kWallClock);
  EXPECT_NE(detail_.find("hardly any of it CPU time"), std::string::npos) << detail_;
  EXPECT_EQ(counters_.sandbox_failures, 0);
  EXPECT_FALSE(std::filesystem::exists(journal_));
}

// The sandbox dies under an episode: the call is tried again, on the files of the calls before.
TEST_F(ToolEpisodes, ABrokenSandboxIsReplacedWithItsFiles) {
  std::vector<LoggedToken> log = logged(turn(first_));
  const auto stamp = answer(log);
  const pid_t launcher = sandbox::Launcher::instance().pid();
  kill(launcher, SIGKILL);
  log = join(join(log, stamp), logged(turn("cat n")));
  EXPECT_NE(text_of(answer(log)).find("<tool_result>x</tool_result>"), std::string::npos);
  EXPECT_EQ(failure_, ToolFailure::kNone);
}

TEST_F(EpisodeRunnerTest, IdleRunnersSaySo) {
  EXPECT_TRUE(run({}, nullptr).empty());
  EXPECT_EQ(counters_.sampled_tokens, 0);
}

}  // namespace
}  // namespace amalgam::rollout
