// Choices that a pass made, given to another one.
#include "model/network/choices.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/model/network/network_case.h"

namespace amalgam::model {
namespace {

std::vector<ChoiceView> views(const std::vector<ChoiceRecord>& records) {
  std::vector<ChoiceView> v;
  for (const ChoiceRecord& r : records) v.push_back({r.experts, r.entries});
  return v;
}

// Sizes and bytes by hand: two layers of each kind, K = 2, top 3 of entries every 4 tokens: the
// token at 15 is the first that sees a fourth.
TEST(Choices, ARecordIsTokenAfterTokenInFewBytes) {
  for (const bool wide : {false, true}) {
    ModelConfig c = odd_config();
    c.csa_rate = 4, c.index_topk = 3, c.num_experts_per_tok = 2;
    c.n_routed_experts = wide ? 300 : 256;
    const Packed packed({Ids(18, 1), Ids(3, 2)});
    Batch batch = packed.batch();
    ChosenRows chosen;
    chosen.ask(c, ChosenRows::kBoth, &batch);
    ASSERT_EQ(batch.chosen_experts.size(), size_t{2 * 21 * 2});
    ASSERT_EQ(batch.chosen_entries.size(), size_t{2 * 21 * 3});
    for (size_t i = 0; i < batch.chosen_experts.size(); ++i)
      batch.chosen_experts[i] = static_cast<int32_t>((i * 37) % 256) + (wide ? 44 : 0);
    std::fill(batch.chosen_entries.begin(), batch.chosen_entries.end(), -1);
    for (size_t layer = 0; layer < 2; ++layer)
      for (size_t t = 15; t < 18; ++t)
        for (size_t k = 0; k < 3; ++k)
          batch.chosen_entries[(layer * 21 + t) * 3 + k] = static_cast<int32_t>(k + layer);
    std::vector<ChoiceRecord> records(2);
    chosen.append(0, 7, &records[0]);  // in two passes
    chosen.append(7, 11, &records[0]);
    chosen.append(18, 3, &records[1]);
    EXPECT_EQ(expert_bytes(c), wide ? 8u : 4u);
    EXPECT_EQ(records[0].experts.size(), 18 * expert_bytes(c));
    EXPECT_EQ(records[1].experts.size(), 3 * expert_bytes(c));
    // Token 1: layer 0 has numbers 2 and 3, layer 1 numbers 44 and 45.
    const std::string token = records[0].experts.substr(expert_bytes(c), expert_bytes(c));
    const std::vector<int> want = {74, 111, 44 * 37 % 256, 45 * 37 % 256};
    for (size_t k = 0; k < 4; ++k) {
      const int id = want[k] + (wide ? 44 : 0);
      EXPECT_EQ(static_cast<uint8_t>(token[k * (wide ? 2 : 1)]), id & 255);
      if (wide) {
        EXPECT_EQ(static_cast<uint8_t>(token[2 * k + 1]), id >> 8);
      }
    }
    EXPECT_EQ(records[0].entries,
              (std::vector<uint32_t>{0, 1, 2, 1, 2, 3, 0, 1, 2, 1, 2, 3, 0, 1, 2, 1, 2, 3}));
    EXPECT_TRUE(records[1].entries.empty());

    const GivenRows all(c, packed.slices, views(records));
    EXPECT_TRUE(std::equal(all.experts.begin(), all.experts.end(), batch.chosen_experts.begin(),
                           batch.chosen_experts.end()));
    EXPECT_TRUE(std::equal(all.entries.begin(), all.entries.end(), batch.chosen_entries.begin(),
                           batch.chosen_entries.end()));
    truncate(c, 16, &records[0]);
    records[1] = {};
    const GivenRows some(c, packed.slices, views(records));
    for (size_t layer = 0; layer < 2; ++layer)
      for (size_t t = 0; t < 21; ++t) {
        const size_t e = (layer * 21 + t) * 2, i = (layer * 21 + t) * 3;
        EXPECT_EQ(some.experts[e], t < 16 ? all.experts[e] : -1);
        EXPECT_EQ(some.entries[i + 2], t < 16 ? all.entries[i + 2] : -1);
      }
    truncate(c, 15, &records[0]);
    EXPECT_TRUE(records[0].entries.empty());
  }
  const GivenRows none(odd_config(), Packed({Ids(4, 1)}).slices, std::vector<ChoiceView>(1));
  EXPECT_TRUE(none.experts.empty() && none.entries.empty());
}

class ChoicesTest : public ::testing::Test {
 protected:
  ChoicesTest() {
    for (const int64_t n : {1, 40, 13, 71}) sequences_.push_back(random_ids(config_, n, n));
  }

  // What whole sequences choose.
  std::vector<ChoiceRecord> records_of(const PackedModel& m) {
    kernels::ThreadPool pool(1);
    Network net(m.config(), pool);
    const Packed packed(sequences_);
    Batch batch = packed.batch();
    ChosenRows chosen;
    chosen.ask(m.config(), ChosenRows::kBoth, &batch);
    net.run(m.weights(), batch, nullptr);
    std::vector<ChoiceRecord> records(sequences_.size());
    for (size_t i = 0; i < sequences_.size(); ++i)
      chosen.append(packed.slices[i].row, packed.slices[i].num_rows, &records[i]);
    return records;
  }

  struct Pass {
    std::vector<float> hidden, gradients;
    std::vector<std::vector<int64_t>> load;
    double balance_loss = 0, index_loss = 0;
    std::vector<ChoiceRecord> records;
  };
  // A training pass, given these choices; nothing: none.
  Pass train(const PackedModel& m, const std::vector<ChoiceRecord>& given,
             configs::Recompute recompute = configs::Recompute::kNone, int threads = 1) {
    kernels::ThreadPool pool(threads);
    Network net(m.config(), pool);
    Model grads = zero_gradients(m.config());
    Tape tape(net.arena());
    Recording recording{.tape = &tape,
                        .grads = &grads.weights,
                        .index_loss_coefficient = 0.5f,
                        .recompute = recompute,
                        .balance_loss_coefficient = 0.25f};
    const Packed packed(sequences_);
    Batch batch = packed.batch();
    std::vector<ChoiceView> v = views(given);
    v.resize(sequences_.size());
    const GivenRows rows(m.config(), packed.slices, v);
    batch.given_experts = rows.experts, batch.given_entries = rows.entries;
    ChosenRows chosen;
    chosen.ask(m.config(), ChosenRows::kBoth, &batch);
    const Var hidden = net.run(m.weights(), batch, &recording);
    Pass p;
    p.hidden.assign(hidden.v.data, hidden.v.data + hidden.v.size());
    for (size_t i = 0; i < p.hidden.size(); ++i)
      hidden.g[i] = static_cast<float>(kernels::uniform({.seed = 6}, i)) - 0.5f;
    tape.backward();
    p.gradients.assign(grads.floats.data(), grads.floats.data() + grads.floats.size());
    p.load = recording.expert_load;
    p.balance_loss = recording.balance_loss, p.index_loss = recording.index_loss;
    p.records.resize(sequences_.size());
    for (size_t i = 0; i < sequences_.size(); ++i)
      chosen.append(packed.slices[i].row, packed.slices[i].num_rows, &p.records[i]);
    return p;
  }

  const ModelConfig config_ = odd_config();
  std::vector<Ids> sequences_;
  const PackedModel model_ = odd_model(config_, 3);
};

TEST_F(ChoicesTest, PrefilledOrDecodedTheSameChoices) {
  const auto want = records_of(model_);
  EXPECT_EQ(want[3].experts.size(), size_t{71 * 2 * 2});
  EXPECT_EQ(want[3].entries.size(), size_t{(71 - 14) * 2 * 4});  // from the fifth entry, at 14, on
  EXPECT_TRUE(want[2].entries.empty());
  for (const int64_t step : {1, 5, 64}) {
    kernels::ThreadPool pool(2);
    Network net(config_, pool);
    const auto layout = std::make_shared<CacheLayout>(config_, kMaxPositions);
    std::vector<std::unique_ptr<SequenceCache>> caches;
    for (size_t i = 0; i < sequences_.size(); ++i)
      caches.push_back(std::make_unique<SequenceCache>(layout));
    std::vector<ChoiceRecord> records(sequences_.size());
    for (bool any = true; any;) {
      any = false;
      Ids ids;
      std::vector<SequenceSlice> slices;
      std::vector<ChoiceRecord*> of;
      for (size_t i = 0; i < sequences_.size(); ++i) {
        const int64_t at = caches[i]->position();
        const int64_t rows = std::min(step, static_cast<int64_t>(sequences_[i].size()) - at);
        if (rows == 0) continue;
        any = true;
        slices.push_back({static_cast<int64_t>(ids.size()), rows, caches[i].get()});
        of.push_back(&records[i]);
        ids.insert(ids.end(), sequences_[i].begin() + at, sequences_[i].begin() + at + rows);
      }
      if (!any) break;
      net.arena().reset();
      Batch batch{ids, slices};
      ChosenRows chosen;
      chosen.ask(config_, ChosenRows::kBoth, &batch);
      net.run(model_.weights(), batch, nullptr);
      for (size_t k = 0; k < of.size(); ++k)
        chosen.append(slices[k].row, slices[k].num_rows, of[k]);
    }
    EXPECT_EQ(records, want) << step;
  }
}

// Given back to the weights that made them, choices change not one bit.
TEST_F(ChoicesTest, ItsOwnChoicesAreTheSameBits) {
  const Pass want = train(model_, {});
  EXPECT_EQ(want.records, records_of(model_));
  for (const auto recompute :
       {configs::Recompute::kNone, configs::Recompute::kTensors, configs::Recompute::kLayer})
    for (const int threads : {1, 2}) {
      const Pass got = train(model_, want.records, recompute, threads);
      EXPECT_EQ(got.hidden, want.hidden);
      EXPECT_EQ(got.gradients, want.gradients);
      EXPECT_EQ(got.load, want.load);
      EXPECT_EQ(got.balance_loss, want.balance_loss);
      EXPECT_EQ(got.index_loss, want.index_loss);
    }
}

// Routers and indexers that have moved choose otherwise, unless they are given what was chosen.
// Loads, which move the routing bias, are those of the given experts.
TEST_F(ChoicesTest, MovedWeightsMakeTheSameChoicesAgain) {
  const auto sampled = records_of(model_);
  PackedModel moved = odd_model(config_, 3);
  for (const size_t layer : {size_t{2}, size_t{3}}) {
    Moe& moe = moved.model.weights.blocks[layer].moe;
    for (int64_t i = 0; i < moe.gate.size(); ++i) moe.gate.data[i] *= i % 3 ? -0.5f : 2.0f;
  }
  for (const size_t layer : {size_t{1}, size_t{3}}) {
    Indexer& ix = moved.model.weights.blocks[layer].attn.indexer;
    for (int64_t i = 0; i < ix.wq_b.size(); ++i) ix.wq_b.data[i] *= i % 2 ? -1.0f : 1.0f;
  }
  moved.model.weights.pack();
  const Pass own = train(moved, {});
  EXPECT_NE(own.records[3].experts, sampled[3].experts);
  EXPECT_NE(own.records[3].entries, sampled[3].entries);
  // Each alone, and together.
  for (const int kinds : {1, 2, 3}) {
    auto given = sampled;
    for (ChoiceRecord& r : given) {
      if (!(kinds & 1)) r.experts.clear();
      if (!(kinds & 2)) r.entries.clear();
    }
    const Pass again = train(moved, given);
    EXPECT_NE(again.hidden, own.hidden);
    for (const size_t i : {1, 3}) {  // the long ones
      EXPECT_EQ(again.records[i].experts == sampled[i].experts, bool(kinds & 1)) << i;
      EXPECT_EQ(again.records[i].entries == sampled[i].entries, bool(kinds & 2)) << i;
    }
    if (!(kinds & 1)) continue;
    for (size_t learned = 0; learned < 2; ++learned) {
      std::vector<int64_t> load(5);
      for (const ChoiceRecord& r : sampled)
        for (size_t t = 0; t < r.experts.size() / 4; ++t)
          for (size_t k = 0; k < 2; ++k)
            ++load[static_cast<size_t>(r.experts[t * 4 + learned * 2 + k])];
      EXPECT_EQ(again.load[2 + learned], load) << learned;
      EXPECT_NE(own.load[2 + learned], load) << learned;
    }
  }
}

// Σ_e f_e P_e over experts {i, i + 1} is E/K (P_i + P_i+1). The probabilities of the only layer
// that routes do not depend on what is chosen there, so the sum over i is 2 E/K a sequence.
TEST_F(ChoicesTest, TheBalanceLossCountsGivenExperts) {
  ModelConfig config = config_;
  config.layers[2].mlp = MlpKind::kHashMoe;
  const PackedModel m = odd_model(config, 3);
  double sum = 0;
  std::vector<double> each;
  for (int i = 0; i < 5; ++i) {
    std::vector<ChoiceRecord> given(sequences_.size());
    const std::string pair = {static_cast<char>(std::min(i, (i + 1) % 5)),
                              static_cast<char>(std::max(i, (i + 1) % 5))};
    for (size_t s = 0; s < given.size(); ++s)
      for (size_t t = 0; t < sequences_[s].size(); ++t) given[s].experts += pair;
    each.push_back(train(m, given).balance_loss);
    sum += each.back();
  }
  EXPECT_NEAR(sum, 4 * 2 * 5.0 / 2, 1e-5);
  EXPECT_GT(*std::max_element(each.begin(), each.end()),
            *std::min_element(each.begin(), each.end()) + 0.5);
}

}  // namespace
}  // namespace amalgam::model
