// A sequence's tokens and logprobs do not depend on what else the engine does.
#include "rollout/engine/engine.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/model/network/network_case.h"

namespace amalgam::rollout {
namespace {

using model::Ids;

constexpr int64_t kMaxPositions = 64;
constexpr size_t kSampledTokens = 14;  // per sequence
const Ids kToolTokens = {7, 8, 9, 7, 1};

bool stops(int32_t token) { return token < 6; }  // as EOS does: a tool result follows

struct Request {
  Ids prompt;
  std::vector<SamplingParams> params;  // a group
};

struct Sequence {
  Ids ids;                      // prompt, sampled and tool tokens
  std::vector<size_t> sampled;  // positions of the sampled ones in ids
  std::vector<float> logprobs;
  model::ChoiceRecord choices;  // of the tokens before the last one, where they are kept
  bool operator==(const Sequence&) const = default;
};

enum class Opening { kGroups, kOneByOne };

struct Setting {
  EngineOptions options = {.max_batch = 64, .prefill_chunk = 512};
  int threads = 1;
  Opening opening = Opening::kGroups;
};

constexpr int kKeepBoth = model::ChosenRows::kBoth;

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    uint64_t request = 0;
    for (const int64_t n : {5, 1, 23, 12}) {
      Request r{model::random_ids(model_.config(), n, 50 + n), {}};
      for (const double temperature : {1.0, 0.0, 0.6})
        r.params.push_back({temperature, {.seed = 1, .stream = 2, .request = request++}});
      if (n == 1) r.params.resize(1);
      requests_.push_back(r);
    }
  }

  std::map<uint64_t, Sequence> run(const Setting& setting) { return run(setting, model_); }

  // Runs all requests to the end; by the request number of their keys.
  std::map<uint64_t, Sequence> run(const Setting& setting, const model::PackedModel& of) {
    kernels::ThreadPool pool(setting.threads);
    model::Network net(of.config(), pool);
    Engine engine(net, of.weights(), kMaxPositions, setting.options);
    std::vector<Request> waiting;
    for (const Request& r : requests_) {
      if (setting.opening == Opening::kGroups) {
        waiting.push_back(r);
        continue;
      }
      for (const SamplingParams& p : r.params) waiting.push_back({r.prompt, {p}});
    }
    std::map<uint64_t, Sequence> all;
    std::map<Engine::Id, uint64_t> open;
    size_t next = 0;
    std::vector<Engine::Sampled> sampled;
    for (int step = 0; step < 5000; ++step) {
      for (; next < waiting.size(); ++next) {
        const Request& r = waiting[next];
        if (!engine.has_room(static_cast<int64_t>(r.params.size()))) break;
        const auto ids = engine.open(r.prompt, r.params);
        for (size_t i = 0; i < ids.size(); ++i) {
          open[ids[i]] = r.params[i].key.request;
          all[r.params[i].key.request].ids = r.prompt;
        }
      }
      sampled.clear();
      if (!engine.step(&sampled)) {
        EXPECT_TRUE(open.empty());
        EXPECT_EQ(next, waiting.size());
        drafts_ = engine.drafts();
        return all;
      }
      for (const Engine::Sampled& s : sampled) {
        Sequence& q = all[open.at(s.id)];
        q.sampled.push_back(q.ids.size());
        q.ids.push_back(s.token.id);
        q.logprobs.push_back(s.token.logprob);
        if (q.sampled.size() == kSampledTokens) {
          if (engine.keeps_choices()) {
            q.choices = engine.choices(s.id);
            truncate(of.config(), static_cast<int64_t>(q.ids.size()) - 1, &q.choices);
          }
          engine.close(s.id);
          open.erase(s.id);
        } else if (stops(s.token.id) && q.sampled.size() % 3 == 0) {
          engine.append(s.id, kToolTokens);
          q.ids.insert(q.ids.end(), kToolTokens.begin(), kToolTokens.end());
        } else {
          engine.resume(s.id);
        }
      }
    }
    ADD_FAILURE() << "the engine does not finish";
    return all;
  }

  const model::PackedModel model_ = model::odd_model(model::odd_config(), 6);
  std::vector<Request> requests_;
  DraftCounters drafts_;  // of the last run
};

TEST_F(EngineTest, SamplesVary) {
  const auto all = run({});
  ASSERT_EQ(all.size(), 10u);
  size_t with_tools = 0;
  for (const auto& [request, s] : all) {
    EXPECT_EQ(s.sampled.size(), kSampledTokens);
    with_tools += s.ids.size() > s.sampled.front() + kSampledTokens;
  }
  EXPECT_GT(with_tools, 0u);  // append() takes part in what the other tests compare
  EXPECT_FALSE(all.at(0).ids == all.at(2).ids);  // members of a group have their own numbers
}

TEST_F(EngineTest, BatchChunkThreadsAndForkingChangeNothing) {
  const auto want = run({});
  for (const int64_t max_batch : {1, 3, 64})
    for (const int64_t chunk : {1, 5, 512})
      for (const Opening opening : {Opening::kGroups, Opening::kOneByOne})
        EXPECT_EQ(run({{max_batch, chunk}, 1, opening}), want)
            << max_batch << " " << chunk << " " << static_cast<int>(opening);
  EXPECT_EQ(run({{64, 512}, 2, Opening::kGroups}), want);
  EXPECT_EQ(run({{3, 5}, 2, Opening::kOneByOne}), want);
}

TEST_F(EngineTest, LogprobsAreTheLearners) {
  std::map<uint64_t, double> temperatures;
  for (const Request& r : requests_)
    for (const SamplingParams& p : r.params)
      temperatures[p.key.request] = p.temperature == 0 ? 1 : p.temperature;
  for (const auto& [request, s] : run({})) {
    for (const int threads : {1, 2}) {
      const auto logprobs =
          model::packed_logprobs(model_, s.ids, threads, temperatures.at(request));
      for (size_t i = 0; i < s.sampled.size(); ++i)
        EXPECT_EQ(s.logprobs[i], logprobs[s.sampled[i] - 1]) << request << " " << i;
    }
  }
}

// What was chosen is that of the learner's packed forward: of a prompt that a group shares, of
// chunks, of tool tokens. Keeping it changes nothing else.
TEST_F(EngineTest, ChoicesAreTheLearners) {
  const auto want = run({{64, 512, false, kKeepBoth}});
  const auto without = run({});
  size_t entries = 0;
  for (const auto& [request, s] : want) {
    Sequence sampled = s;
    sampled.choices = {};
    EXPECT_EQ(sampled, without.at(request));
    kernels::ThreadPool pool(1);
    model::Network net(model_.config(), pool);
    const model::Packed packed({s.ids});
    model::Batch batch = packed.batch();
    model::ChosenRows chosen;
    chosen.ask(model_.config(), kKeepBoth, &batch);
    net.run(model_.weights(), batch, nullptr);
    model::ChoiceRecord all;
    chosen.append(0, static_cast<int64_t>(s.ids.size()) - 1, &all);
    EXPECT_EQ(s.choices, all) << request;
    EXPECT_EQ(s.choices.experts.size(), (s.ids.size() - 1) * 4);
    entries += s.choices.entries.size();
  }
  EXPECT_GT(entries, 200u);
  for (const int64_t max_batch : {1, 3, 64})
    for (const int64_t chunk : {1, 5, 512})
      for (const Opening opening : {Opening::kGroups, Opening::kOneByOne})
        EXPECT_EQ(run({{max_batch, chunk, false, kKeepBoth}, chunk == 5 ? 2 : 1, opening}), want)
            << max_batch << " " << chunk << " " << static_cast<int>(opening);
  for (const auto& [request, s] : run({{64, 512, false, model::ChosenRows::kExperts}})) {
    EXPECT_EQ(s.choices.experts, want.at(request).choices.experts);
    EXPECT_TRUE(s.choices.entries.empty());
  }
}

// A block that was not trained guesses; with a small head both distributions are nearly flat, so
// that the shared random number makes most of its sampled drafts right. Limits close sequences that
// have a token known already, and tool tokens replace it.
TEST_F(EngineTest, DraftingChangesNothing) {
  for (const model::AttentionKind kind :
       {model::AttentionKind::kSliding, model::AttentionKind::kCsa, model::AttentionKind::kHca})
    for (const float head_scale : {1.0f, 0.05f}) {
      model::ModelConfig config = model::odd_config();
      config.num_nextn_predict_layers = 1;
      config.mtp_attention = kind;
      model::PackedModel m = model::odd_model(config, 6);
      kernels::Tensor& head = m.model.weights.head;
      for (int64_t i = 0; i < head.size(); ++i) head.data[i] *= head_scale;
      m.model.weights.pack();
      const auto want = run({{64, 512, false, kKeepBoth}}, m);
      EXPECT_EQ(drafts_.proposed, 0);
      for (const int64_t max_batch : {1, 3, 64})
        for (const int64_t chunk : {1, 5, 512}) {
          const Opening opening = max_batch == 3 ? Opening::kOneByOne : Opening::kGroups;
          const EngineOptions options{max_batch, chunk, true, kKeepBoth};
          EXPECT_EQ(run({options, max_batch == 64 ? 2 : 1, opening}, m), want)
              << head_scale << " " << max_batch << " " << chunk;
          EXPECT_GT(drafts_.proposed, 50);
          EXPECT_GT(drafts_.accepted, head_scale == 1 ? 0 : drafts_.proposed / 3);
          EXPECT_LT(drafts_.accepted, drafts_.proposed);
        }
    }
}

// A killed worker's sequence opens again with what was sampled so far and goes on as before.
TEST_F(EngineTest, ReopenedSequencesGoOn) {
  const auto want = run({});
  kernels::ThreadPool pool(1);
  model::Network net(model_.config(), pool);
  Engine engine(net, model_.weights(), kMaxPositions, {});
  for (const Request& r : requests_)
    for (const SamplingParams& p : r.params) {
      const Sequence& s = want.at(p.key.request);
      for (size_t k = 0; k < s.sampled.size(); k += 5) {
        const std::span<const int32_t> prefix(s.ids.data(), s.sampled[k]);
        const auto id = engine.open(prefix, {&p, 1})[0];
        std::vector<Engine::Sampled> sampled;
        while (sampled.empty()) ASSERT_TRUE(engine.step(&sampled));
        EXPECT_EQ(sampled[0].token.id, s.ids[s.sampled[k]]);
        EXPECT_EQ(sampled[0].token.logprob, s.logprobs[k]);
        engine.close(id);
      }
    }
}

TEST_F(EngineTest, GreedyTakesTheLargestLogit) {
  const auto all = run({});
  const Sequence& s = all.at(1);  // temperature 0
  kernels::ThreadPool pool(1);
  model::Network net(model_.config(), pool);
  const model::Packed packed({s.ids});
  const model::Var hidden = net.run(model_.weights(), packed.batch(), nullptr);
  for (const size_t at : s.sampled) {
    std::vector<float> z(37);
    const int32_t row = static_cast<int32_t>(at) - 1;
    net.logits(model_.weights(), hidden.v, {&row, 1}, z.data());
    EXPECT_EQ(s.ids[at], std::max_element(z.begin(), z.end()) - z.begin());
  }
}

TEST_F(EngineTest, RoomIsCountedInSequences) {
  kernels::ThreadPool pool(1);
  model::Network net(model_.config(), pool);
  Engine engine(net, model_.weights(), kMaxPositions, {.max_batch = 4, .prefill_chunk = 8});
  EXPECT_TRUE(engine.has_room(9));  // an oversized group alone rather than never
  std::vector<Engine::Sampled> sampled;
  EXPECT_FALSE(engine.step(&sampled));
  const auto ids = engine.open(requests_[0].prompt, requests_[0].params);
  EXPECT_TRUE(engine.has_room(1));
  EXPECT_FALSE(engine.has_room(2));
  while (sampled.empty()) ASSERT_TRUE(engine.step(&sampled));
  ASSERT_EQ(sampled.size(), 3u);
  EXPECT_FALSE(engine.step(&sampled));  // all wait for their callers
  engine.close(ids[0]);
  EXPECT_TRUE(engine.has_room(2));
  engine.resume(ids[2]);
  sampled.clear();
  ASSERT_TRUE(engine.step(&sampled));
  ASSERT_EQ(sampled.size(), 1u);
  EXPECT_EQ(sampled[0].id, ids[2]);
}

// What a draft made known is reported without a pass, one token a step; close() forgets it.
TEST_F(EngineTest, KnownTokensAreReportedOneByOne) {
  model::ModelConfig config = model::odd_config();
  config.num_nextn_predict_layers = 1;
  model::PackedModel m = model::odd_model(config, 6);
  std::fill_n(m.model.weights.head.data, m.model.weights.head.size(), 0.0f);  // always right
  m.model.weights.pack();
  kernels::ThreadPool pool(1);
  model::Network net(m.config(), pool);
  Engine engine(net, m.weights(), kMaxPositions, {.draft = true});
  const auto id = engine.open(requests_[0].prompt, {&requests_[0].params[0], 1})[0];
  for (int token = 0; token < 9; ++token) {
    std::vector<Engine::Sampled> sampled;
    ASSERT_TRUE(engine.step(&sampled));
    ASSERT_EQ(sampled.size(), 1u);
    EXPECT_EQ(sampled[0].id, id);
    EXPECT_FALSE(engine.step(&sampled));  // waits for its caller
    engine.resume(id);
  }
  EXPECT_EQ(engine.drafts().proposed, 4);  // the first token has none, then two for one
  EXPECT_EQ(engine.drafts().accepted, 4);
  std::vector<Engine::Sampled> sampled;
  ASSERT_TRUE(engine.step(&sampled));  // the tenth; the eleventh is known
  engine.resume(id);
  engine.close(id);
  EXPECT_FALSE(engine.step(&sampled));
}

// Positions end where the cache does, drafts before that.
TEST_F(EngineTest, DraftsStayInsideTheCache) {
  model::ModelConfig config = model::odd_config();
  config.num_nextn_predict_layers = 1;
  const model::PackedModel m = model::odd_model(config, 6);
  const SamplingParams& params = requests_[0].params[0];
  std::vector<std::vector<int32_t>> tokens;
  for (const bool draft : {false, true}) {
    kernels::ThreadPool pool(1);
    model::Network net(m.config(), pool);
    Engine engine(net, m.weights(), 12, {.draft = draft});
    const auto id = engine.open(requests_[0].prompt, {&params, 1})[0];
    tokens.emplace_back();
    for (size_t token = 0; token + requests_[0].prompt.size() <= 12; ++token) {
      if (token) engine.resume(id);
      std::vector<Engine::Sampled> sampled;
      ASSERT_TRUE(engine.step(&sampled));
      tokens.back().push_back(sampled[0].token.id);
    }
  }
  EXPECT_EQ(tokens[0], tokens[1]);
}

// Decoding goes on while a long prompt is prefilled piece by piece.
TEST_F(EngineTest, PrefillDoesNotStallDecoding) {
  kernels::ThreadPool pool(1);
  model::Network net(model_.config(), pool);
  Engine engine(net, model_.weights(), kMaxPositions, {.max_batch = 4, .prefill_chunk = 4});
  const auto first = engine.open(requests_[1].prompt, requests_[1].params)[0];
  std::vector<Engine::Sampled> sampled;
  ASSERT_TRUE(engine.step(&sampled));
  const auto second = engine.open(requests_[2].prompt, {&requests_[2].params[0], 1})[0];
  for (int step = 0; step < 6; ++step) {  // 23 tokens: five chunks of 4, then the last 3
    engine.resume(first);
    sampled.clear();
    ASSERT_TRUE(engine.step(&sampled));
    ASSERT_EQ(sampled.size(), step < 5 ? 1u : 2u) << step;
    EXPECT_EQ(sampled[0].id, first);
  }
  EXPECT_EQ(sampled[1].id, second);
}

}  // namespace
}  // namespace amalgam::rollout
