#include "rollout/episodes/episode.h"

#include <gtest/gtest.h>

#include "tests/rollout/episodes/episode_case.h"

namespace amalgam::rollout {
namespace {

using model::SpecialText;
using model::ThinkingMode;

class EpisodeTest : public ::testing::Test {
 protected:
  Episode start(const EpisodeLimits& limits, EpisodeTools tools = EpisodeTools::kRun) const {
    return Episode(tokenizer_, eos_, ThinkingMode::kChat, tools, limits, prompt_);
  }
  std::vector<int32_t> ids(const std::string& text) const {
    return tokenizer_.encode(text, SpecialText::kAsTokens);
  }
  // Samples the ids of a text (logprob -0.01 · count) until the episode wants something else.
  EpisodeState say(Episode& e, const std::string& text) const {
    for (const int32_t id : ids(text)) {
      if (e.state() != EpisodeState::kSampling) break;
      e.on_token({id, -0.01f * static_cast<float>(e.logprobs().size() + 1)});
    }
    return e.state();
  }
  std::string all_text(const Episode& e) const {
    return tokenizer_.decode(e.ids(), model::SpecialIds::kKeep);
  }

  const model::Tokenizer tokenizer_ = small_tokenizer();
  const int32_t eos_ = tokenizer_.require_added_token(model::kEos);
  const std::string eos_text_{model::kEos};
  const std::vector<int32_t> prompt_ =
      ids(std::string(model::kBos) + std::string(model::kUserToken) + "What is 17 + 25?" +
          std::string(model::kAssistantToken) + std::string(model::kThinkEnd));
  const EpisodeLimits wide_{.max_response_length = 1000, .max_turns = 5, .max_positions = 4000};
  const std::string call_ = calls_text(call_text("calculator", "expression", "17 + 25"));
};

TEST_F(EpisodeTest, AnAnswerEndsWithEos) {
  Episode e = start(wide_);
  EXPECT_EQ(e.state(), EpisodeState::kSampling);
  EXPECT_EQ(say(e, "The answer is 42." + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(e.finish_reason(), FinishReason::kStop);
  EXPECT_EQ(e.prompt_length(), static_cast<int64_t>(prompt_.size()));
  EXPECT_TRUE(std::equal(prompt_.begin(), prompt_.end(), e.ids().begin()));
  EXPECT_EQ(e.ids().back(), eos_);
  EXPECT_EQ(e.ids().size(), prompt_.size() + e.logprobs().size());
  EXPECT_EQ(e.from_assistant(), std::vector<bool>(e.logprobs().size(), true));
  EXPECT_EQ(e.logprobs()[1], -0.02f);
  const auto f = e.final_message();
  EXPECT_EQ(f.state, Episode::Message::kComplete);
  EXPECT_EQ(f.content, "The answer is 42.");
}

TEST_F(EpisodeTest, ResponseLengthEndsIt) {
  const auto n = static_cast<int64_t>(ids("The answer is 42.").size());
  Episode cut = start({.max_response_length = n, .max_positions = 4000});
  EXPECT_EQ(say(cut, "The answer is 42." + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(cut.finish_reason(), FinishReason::kLength);
  EXPECT_EQ(static_cast<int64_t>(cut.logprobs().size()), n);
  EXPECT_EQ(cut.final_message().state, Episode::Message::kTruncated);
  EXPECT_EQ(cut.final_message().content, "");
  EXPECT_TRUE(cut.is_truncated());
  // EOS as the very last token that fits is an answer, not a cut.
  Episode fits = start({.max_response_length = n + 1, .max_positions = 4000});
  say(fits, "The answer is 42." + eos_text_);
  EXPECT_EQ(fits.finish_reason(), FinishReason::kStop);
  EXPECT_FALSE(fits.is_truncated());
  EXPECT_EQ(fits.final_message().state, Episode::Message::kComplete);
}

TEST_F(EpisodeTest, PositionsEndIt) {
  const auto room = static_cast<int64_t>(prompt_.size()) + 3;
  Episode e = start({.max_response_length = 1000, .max_positions = room});
  EXPECT_EQ(say(e, "The answer is 42." + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(e.finish_reason(), FinishReason::kLength);
  EXPECT_EQ(static_cast<int64_t>(e.ids().size()), room);
}

TEST_F(EpisodeTest, ToolCallsAndTheirResults) {
  Episode e = start(wide_);
  const std::string two = calls_text(call_text("calculator", "expression", "17 + 25") +
                                     call_text("lookup", "key", "the \"name\""));
  ASSERT_EQ(say(e, "the value" + two + eos_text_), EpisodeState::kToolCalls);
  ASSERT_EQ(e.calls().size(), 2u);
  EXPECT_EQ(e.calls()[0].name, "calculator");
  EXPECT_EQ(e.calls()[0].arguments_json, R"({"expression": "17 + 25"})");
  EXPECT_EQ(e.calls()[1].arguments_json, R"({"key": "the \"name\""})");
  const size_t sampled = e.logprobs().size();

  const auto turn = tool_ids(e, {"42", "<｜User｜> the value"});
  ASSERT_EQ(e.on_tool_tokens(turn), EpisodeState::kSampling);
  EXPECT_TRUE(e.calls().empty());
  EXPECT_EQ(e.logprobs().size(), sampled);
  EXPECT_EQ(e.from_assistant().size(), sampled + turn.size());
  EXPECT_FALSE(e.from_assistant().back());
  const std::string text = all_text(e);
  EXPECT_NE(text.find("42"), std::string::npos);
  EXPECT_TRUE(text.ends_with(std::string(model::kAssistantToken) + std::string(model::kThinkEnd)));
  // A special string in a result stays text: two user tokens, the prompt's and the turn's.
  const int32_t user = tokenizer_.require_added_token(model::kUserToken);
  EXPECT_EQ(std::count(e.ids().begin(), e.ids().end(), user), 2);
  EXPECT_EQ(std::count(e.ids().begin(), e.ids().end(), eos_), 1);

  ASSERT_EQ(say(e, "The answer is 42." + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(e.final_message().content, "The answer is 42.");
}

TEST_F(EpisodeTest, TurnsRunOut) {
  EpisodeLimits limits = wide_;
  limits.max_turns = 2;
  Episode e = start(limits);
  ASSERT_EQ(say(e, call_ + eos_text_), EpisodeState::kToolCalls);
  e.on_tool_tokens(tool_ids(e, {"42"}));
  EXPECT_EQ(say(e, call_ + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(e.finish_reason(), FinishReason::kToolLimit);
  EXPECT_FALSE(e.is_truncated());
  // An answer in the last turn is an answer.
  Episode answers = start(limits);
  say(answers, call_ + eos_text_);
  answers.on_tool_tokens(tool_ids(answers, {"42"}));
  EXPECT_EQ(say(answers, "The answer is 42." + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(answers.finish_reason(), FinishReason::kStop);
}

TEST_F(EpisodeTest, WithoutToolsACallIsOnlyText) {
  Episode e = start(wide_, EpisodeTools::kNone);
  EXPECT_EQ(say(e, call_ + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(e.finish_reason(), FinishReason::kStop);
}

TEST_F(EpisodeTest, SubmitEndsItWithItsAnswer) {
  const std::string submit = call_text("submit", "answer", "42 \"m\"");
  const std::string calculator = call_text("calculator", "expression", "1");
  // Alone, beside other calls, and in the last turn that is allowed.
  for (const std::string& calls : {submit, calculator + submit, submit + submit}) {
    EpisodeLimits last = wide_;
    last.max_turns = 1;
    for (const EpisodeLimits& limits : {wide_, last}) {
      Episode e = start(limits, EpisodeTools::kRunAndSubmit);
      EXPECT_EQ(say(e, "the value" + calls_text(calls) + eos_text_ + "more"),
                EpisodeState::kFinished);
      EXPECT_EQ(e.ids().back(), eos_);  // nothing more was taken
      EXPECT_EQ(e.finish_reason(), FinishReason::kSubmit);
      EXPECT_TRUE(e.calls().empty());
      EXPECT_EQ(e.final_message().state, Episode::Message::kComplete);
      EXPECT_EQ(e.final_message().content, "42 \"m\"");
      EXPECT_EQ(e.submitted(), "42 \"m\"");
    }
  }
}

TEST_F(EpisodeTest, ASubmitWithoutAnAnswerIsACallLikeOthers) {
  for (const std::string& call :
       {call_text("submit", "result", "42"), call_text("Submit", "answer", "42")}) {
    Episode e = start(wide_, EpisodeTools::kRunAndSubmit);
    ASSERT_EQ(say(e, calls_text(call) + eos_text_), EpisodeState::kToolCalls);
    e.on_tool_tokens(tool_ids(e, {"error: submit takes one string, answer"}));
    const std::string good = calls_text(call_text("submit", "answer", "43"));
    ASSERT_EQ(say(e, good + eos_text_), EpisodeState::kFinished);
    EXPECT_EQ(e.final_message().content, "43");
  }
  // A plain answer counts as ever, and without the tool a call of it ends nothing.
  Episode plain = start(wide_, EpisodeTools::kRunAndSubmit);
  say(plain, "The answer is 42." + eos_text_);
  EXPECT_EQ(plain.final_message().content, "The answer is 42.");
  EXPECT_FALSE(plain.submitted());
  EXPECT_EQ(plain.finish_reason(), FinishReason::kStop);
  Episode without = start(wide_);
  EXPECT_EQ(say(without, calls_text(call_text("submit", "answer", "42")) + eos_text_),
            EpisodeState::kToolCalls);
}

TEST_F(EpisodeTest, MalformedCallsAreNotRun) {
  const std::string dsml(model::kDsml);
  std::string no_end = call_;
  no_end.resize(no_end.size() - 3);
  for (const std::string& bad : {no_end, call_ + "the value", calls_text(""),
                                 calls_text("<" + dsml + "invoke>\n"), call_ + call_}) {
    Episode e = start(wide_);
    EXPECT_EQ(say(e, bad + eos_text_), EpisodeState::kFinished) << bad;
    EXPECT_EQ(e.finish_reason(), FinishReason::kStop);
    EXPECT_TRUE(e.calls().empty());
    EXPECT_EQ(e.final_message().state, Episode::Message::kMalformed) << bad;
    EXPECT_EQ(e.final_message().content, "");
  }
}

TEST_F(EpisodeTest, ResponseLengthCountsPolicyTokensOfAllTurns) {
  const auto n = static_cast<int64_t>(ids(call_ + eos_text_).size());
  EpisodeLimits limits = wide_;
  limits.max_response_length = n + 2;
  Episode e = start(limits);
  ASSERT_EQ(say(e, call_ + eos_text_), EpisodeState::kToolCalls);
  e.on_tool_tokens(tool_ids(e, {"42"}));
  EXPECT_EQ(say(e, "The answer is 42."), EpisodeState::kFinished);
  EXPECT_EQ(e.finish_reason(), FinishReason::kLength);
  EXPECT_EQ(static_cast<int64_t>(e.logprobs().size()), n + 2);
  // Nothing left for another turn: its tools are not run.
  limits.max_response_length = n;
  Episode full = start(limits);
  EXPECT_EQ(say(full, call_ + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(full.finish_reason(), FinishReason::kToolLimit);
}

// The tokens of a turn whose every call is answered by a word on why it did not run.
TEST_F(EpisodeTest, WithoutRoomForAnotherTurnItIsTruncated) {
  EpisodeLimits limits = wide_;
  Episode wide = start(limits);
  say(wide, call_ + eos_text_);
  const auto least = static_cast<int64_t>(wide.tool_turn().results.ids().size());
  const auto before = static_cast<int64_t>(wide.ids().size());
  for (const int64_t missing : {0, 1}) {
    EpisodeLimits positions = wide_, tokens = wide_;
    positions.max_positions = before + least + 1 - missing;
    tokens.max_tool_tokens = least - missing;
    for (const EpisodeLimits& narrow : {positions, tokens}) {
      Episode e = start(narrow);
      const EpisodeState state = say(e, call_ + eos_text_);
      if (missing == 0) {
        ASSERT_EQ(state, EpisodeState::kToolCalls);
        EXPECT_FALSE(e.tool_turn().results.runs(0));
        EXPECT_EQ(e.on_tool_tokens(tool_ids(e, {})), EpisodeState::kSampling);
        EXPECT_NE(all_text(e).find("not run: no room for more results"), std::string::npos);
        continue;
      }
      ASSERT_EQ(state, EpisodeState::kFinished);
      EXPECT_EQ(e.finish_reason(), FinishReason::kToolLimit);
      EXPECT_TRUE(e.is_truncated());
      EXPECT_EQ(static_cast<int64_t>(e.ids().size()), before);
      EXPECT_EQ(e.final_message().state, Episode::Message::kTruncated);
    }
  }
}

TEST_F(EpisodeTest, HundredsOfCallsStayWithinThePositions) {
  std::string calls;
  for (int i = 0; i < 300; ++i) calls += call_text("calculator", "expression", "1");
  EpisodeLimits limits{.max_response_length = 50'000,
                       .max_turns = 3,
                       .max_positions = 80'000,
                       .max_tool_tokens = 30'000};
  Episode e = start(limits);
  ASSERT_EQ(say(e, calls_text(calls) + eos_text_), EpisodeState::kToolCalls);
  ToolTurn turn = e.tool_turn();
  size_t num_run = 0;
  for (size_t i = 0; i < 300; ++i) {
    if (!turn.results.runs(i)) continue;
    ++num_run;
    turn.results.put(i, std::string(10'000, 'x'));
  }
  EXPECT_EQ(num_run, 16u);
  const auto turn_ids = turn.results.ids();
  EXPECT_LE(turn_ids.size(), 30'000u);
  EXPECT_GT(turn_ids.size(), 16u * 400);
  EXPECT_EQ(e.on_tool_tokens(turn_ids), EpisodeState::kSampling);
  // With the default bound even the words on them have no room.
  limits.max_tool_tokens = EpisodeLimits().max_tool_tokens;
  Episode narrow = start(limits);
  EXPECT_EQ(say(narrow, calls_text(calls) + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(narrow.finish_reason(), FinishReason::kToolLimit);
  EXPECT_TRUE(narrow.is_truncated());
}

// What earlier turns took is not there for later ones.
TEST_F(EpisodeTest, ToolTokensAreCountedOverAllTurns) {
  EpisodeLimits limits = wide_;
  limits.max_tool_tokens = 300;
  Episode e = start(limits);
  size_t tool_tokens = 0;
  int num_turns = 0;
  while (say(e, call_ + eos_text_) == EpisodeState::kToolCalls) {
    const auto turn = tool_ids(e, {std::string(100, 'x')});
    tool_tokens += turn.size();
    ++num_turns;
    e.on_tool_tokens(turn);
  }
  EXPECT_EQ(num_turns, 2);
  EXPECT_GT(tool_tokens, 200u);
  EXPECT_LE(tool_tokens, 300u);
  EXPECT_TRUE(e.is_truncated());
  EXPECT_EQ(e.finish_reason(), FinishReason::kToolLimit);
}

// A submit beyond the calls that are run submits nothing.
TEST_F(EpisodeTest, OnlyCallsThatAreRunSubmit) {
  EpisodeLimits limits = wide_;
  limits.turn.max_calls = 1;
  const std::string submit = call_text("submit", "answer", "42");
  const std::string other = call_text("calculator", "expression", "1");
  Episode late = start(limits, EpisodeTools::kRunAndSubmit);
  EXPECT_EQ(say(late, calls_text(other + submit) + eos_text_), EpisodeState::kToolCalls);
  Episode first = start(limits, EpisodeTools::kRunAndSubmit);
  EXPECT_EQ(say(first, calls_text(submit + other) + eos_text_), EpisodeState::kFinished);
  EXPECT_EQ(first.finish_reason(), FinishReason::kSubmit);
}

// From every point of a log, replay gives the episode that stood there.
TEST_F(EpisodeTest, ReplayEqualsLive) {
  const auto to_log = [](const Episode& e) {
    std::vector<LoggedToken> log;
    size_t policy = 0;
    for (size_t i = 0; i < e.from_assistant().size(); ++i) {
      const int32_t id = e.ids()[static_cast<size_t>(e.prompt_length()) + i];
      const bool is_policy = e.from_assistant()[i];
      log.push_back({id, is_policy ? e.logprobs()[policy++] : 0, !is_policy});
    }
    return log;
  };
  int compared = 0;
  const auto compare = [&](const Episode& live) {
    Episode again = start(wide_);
    EXPECT_EQ(again.replay(to_log(live), nullptr), live.state());
    EXPECT_EQ(again.ids(), live.ids());
    EXPECT_EQ(again.from_assistant(), live.from_assistant());
    EXPECT_EQ(again.logprobs(), live.logprobs());
    ASSERT_EQ(again.calls().size(), live.calls().size());
    for (size_t i = 0; i < live.calls().size(); ++i)
      EXPECT_EQ(again.calls()[i].arguments_json, live.calls()[i].arguments_json);
    if (live.state() == EpisodeState::kToolCalls) {
      EXPECT_EQ(tool_ids(again, {"42"}), tool_ids(live, {"42"}));
    }
    if (live.state() == EpisodeState::kFinished) {
      EXPECT_EQ(again.finish_reason(), live.finish_reason());
      EXPECT_EQ(again.final_message().content, live.final_message().content);
    }
    ++compared;
  };
  Episode e = start(wide_);
  compare(e);
  std::vector<ToolTurn> turns;
  const auto live = [&](const std::string& text) {
    for (const int32_t id : ids(text)) {
      e.on_token({id, -0.125f});
      compare(e);
    }
  };
  live("the value" + call_ + eos_text_);
  e.on_tool_tokens(tool_ids(e, {"42"}));
  compare(e);
  live(call_ + eos_text_);
  e.on_tool_tokens(tool_ids(e, {"43"}));
  compare(e);
  live("The answer is 42." + eos_text_);
  EXPECT_EQ(e.state(), EpisodeState::kFinished);
  EXPECT_GT(compared, 100);
  Episode again = start(wide_);
  again.replay(to_log(e), &turns);
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[1].calls[0].arguments_json, R"({"expression": "17 + 25"})");
  EXPECT_NE(tokenizer_.decode(turns[1].ids, model::SpecialIds::kKeep).find("43"),
            std::string::npos);
}

// </think> where the policy has not written it: in the sequence, no token of the policy.
class ThinkingLimitTest : public EpisodeTest {
 protected:
  Episode think(EpisodeLimits limits, int64_t max_thinking_tokens,
                ThinkingMode mode = ThinkingMode::kThinking) const {
    limits.max_thinking_tokens = max_thinking_tokens;
    return Episode(tokenizer_, eos_, mode, EpisodeTools::kRun, limits, prompt_);
  }
  const std::string reasoning_ = "the value of the key";
  const std::string answer_ = "The answer is 42." + eos_text_;
  const std::string end_{model::kThinkEnd};
  const int32_t think_end_ = tokenizer_.require_added_token(model::kThinkEnd);
  const size_t n_ = ids(reasoning_).size();
  int64_t limit() const { return static_cast<int64_t>(n_); }
};

TEST_F(ThinkingLimitTest, ForcedAfterExactlyItsTokens) {
  Episode e = think(wide_, limit());
  const std::vector<int32_t> said = ids(reasoning_);
  for (size_t i = 0; i < n_; ++i) {
    EXPECT_TRUE(e.forced().empty()) << i;
    EXPECT_TRUE(e.forced_tokens().empty()) << i;
    EXPECT_EQ(e.on_token({said[i], -0.5f}), EpisodeState::kSampling);
  }
  EXPECT_EQ(e.forced(), std::vector<size_t>{prompt_.size() + n_});
  EXPECT_EQ(e.ids().size(), prompt_.size() + n_ + 1);
  EXPECT_EQ(e.ids().back(), think_end_);
  ASSERT_EQ(e.forced_tokens().size(), 1u);
  EXPECT_EQ(e.forced_tokens()[0], think_end_);
  EXPECT_EQ(e.logprobs().size(), n_);
  EXPECT_EQ(e.num_logged(), n_);
  e.on_token({said[0], -0.5f});
  EXPECT_TRUE(e.forced_tokens().empty());
  EXPECT_EQ(say(e, reasoning_ + answer_), EpisodeState::kFinished);  // once in a turn
  EXPECT_EQ(e.forced().size(), 1u);
  EXPECT_EQ(e.finish_reason(), FinishReason::kStop);
  EXPECT_FALSE(e.is_truncated());
  EXPECT_EQ(e.final_message().content,
            std::string(tokenizer_.token_bytes(said[0])) + reasoning_ + "The answer is 42.");
}

TEST_F(ThinkingLimitTest, NothingIsForcedElsewhere) {
  // The policy's own, as the last token that it could be.
  Episode own = think(wide_, limit() + 1);
  say(own, reasoning_ + end_ + reasoning_ + answer_);
  EXPECT_TRUE(own.forced().empty());
  EXPECT_EQ(own.state(), EpisodeState::kFinished);
  // The turn ends in its thinking.
  Episode ended = think(wide_, limit() + 1);
  EXPECT_EQ(say(ended, reasoning_ + eos_text_), EpisodeState::kFinished);
  EXPECT_TRUE(ended.forced().empty());
  Episode chat = think(wide_, 1, ThinkingMode::kChat);
  say(chat, reasoning_ + answer_);
  EXPECT_TRUE(chat.forced().empty());
  Episode without = think(wide_, 0);
  say(without, reasoning_ + reasoning_);
  EXPECT_TRUE(without.forced().empty());
}

// It takes of the response, and the last token there is room for is the policy's.
TEST_F(ThinkingLimitTest, NoSequenceOutgrowsItsRoom) {
  for (const int64_t room : {0, 1, 2, 3}) {
    for (const bool positions : {false, true}) {
      EpisodeLimits limits = wide_;
      if (positions)
        limits.max_positions = static_cast<int64_t>(prompt_.size()) + limit() + room;
      else
        limits.max_response_length = limit() + room;
      Episode e = think(limits, limit());
      EXPECT_EQ(say(e, reasoning_ + reasoning_), EpisodeState::kFinished);
      EXPECT_EQ(e.forced().size(), room > 1 ? 1u : 0u) << room;
      EXPECT_EQ(static_cast<int64_t>(e.ids().size() - prompt_.size()), limit() + room) << room;
      EXPECT_EQ(e.last_policy_token(), e.ids().size() - 1);
      EXPECT_EQ(e.finish_reason(), FinishReason::kLength);
      EXPECT_TRUE(e.is_truncated());
    }
  }
}

// Nor does it take of what tools may write.
TEST_F(ThinkingLimitTest, IsNoTokenOfATool) {
  EpisodeLimits limits = wide_;
  int64_t& room = limits.max_tool_tokens;
  for (room = 1; room < 1000; ++room) {
    Episode own = think(limits, 0), forced = think(limits, limit());
    const EpisodeState state = say(own, reasoning_ + end_ + call_ + eos_text_);
    EXPECT_EQ(say(forced, reasoning_ + call_ + eos_text_), state) << room;
    EXPECT_EQ(forced.ids(), own.ids());
    if (state == EpisodeState::kToolCalls) break;
  }
  EXPECT_GT(room, 1);
  EXPECT_LT(room, 1000);
}

// A limit of each turn, also in a log that holds any part of it.
TEST_F(ThinkingLimitTest, EveryTurnHasItsOwn) {
  Episode e = think(wide_, limit());
  std::vector<LoggedToken> log;
  const auto compare = [&] {
    Episode again = think(wide_, limit());
    EXPECT_EQ(again.replay(log, nullptr), e.state());
    EXPECT_EQ(again.ids(), e.ids());
    EXPECT_EQ(again.forced(), e.forced());
    EXPECT_EQ(again.logprobs(), e.logprobs());
    EXPECT_EQ(again.from_assistant(), e.from_assistant());
    EXPECT_EQ(again.num_logged(), log.size());
  };
  const auto live = [&](const std::string& text) {
    for (const int32_t id : ids(text)) {
      e.on_token({id, -0.125f});
      log.push_back({id, -0.125f, false});
      compare();
    }
  };
  const auto answered = [&] {
    ASSERT_EQ(e.state(), EpisodeState::kToolCalls);
    const std::vector<int32_t> results = tool_ids(e, {"42"});
    e.on_tool_tokens(results);
    for (const int32_t id : results) log.push_back({id, 0, true});
    compare();
  };
  live(reasoning_ + call_ + eos_text_);
  answered();
  live("the" + end_ + call_ + eos_text_);
  answered();
  live(reasoning_ + answer_);
  EXPECT_EQ(e.state(), EpisodeState::kFinished);
  EXPECT_EQ(e.forced().size(), 2u);
  EXPECT_EQ(e.final_message().content, "The answer is 42.");
}

}  // namespace
}  // namespace amalgam::rollout
