#include "rollout/engine.h"

#include <algorithm>

#include "configs/check.h"

namespace amalgam::rollout {

// A sequence, or a group of sequences that still share their prompt and cache.
struct Engine::Sequence {
  struct Member {
    Id id;
    SamplingParams params;
  };
  std::vector<Member> members;
  std::unique_ptr<model::SequenceCache> cache;
  std::vector<int32_t> pending;  // tokens to feed before sampling
  size_t fed = 0;                // of pending
  int32_t last_sampled = -1;     // not fed yet
};

Engine::Engine(model::Network& network, const model::Weights& weights, int64_t max_positions,
               const EngineOptions& options)
    : network_(network),
      weights_(weights),
      options_(options),
      layout_(std::make_shared<model::CacheLayout>(network.config(), max_positions)) {}

Engine::~Engine() = default;

bool Engine::has_room(int64_t sequences) const {
  return num_open_ == 0 || num_open_ + sequences <= options_.max_batch;
}

std::vector<Engine::Id> Engine::open(std::span<const int32_t> prompt,
                                     std::span<const SamplingParams> params) {
  CHECK(!prompt.empty());
  auto s = std::make_unique<Sequence>();
  std::vector<Id> ids;
  for (const SamplingParams& p : params) {
    s->members.push_back({next_id_, p});
    ids.push_back(next_id_++);
  }
  s->cache = std::make_unique<model::SequenceCache>(layout_);
  s->pending.assign(prompt.begin(), prompt.end());
  num_open_ += static_cast<int64_t>(params.size());
  sequences_.push_back(std::move(s));
  return ids;
}

Engine::Sequence& Engine::find(Id id) {
  for (auto& s : sequences_)
    if (s->members.size() == 1 && s->members[0].id == id) return *s;
  CHECK(!"an engine sequence that is not open, or has not reported a token yet");
  std::abort();
}

void Engine::append(Id id, std::span<const int32_t> tokens) {
  Sequence& s = find(id);
  resume(id);
  s.pending.insert(s.pending.end(), tokens.begin(), tokens.end());
}

void Engine::resume(Id id) {
  Sequence& s = find(id);
  CHECK_GE(s.last_sampled, 0);
  s.pending.assign(1, s.last_sampled);
  s.fed = 0;
  s.last_sampled = -1;
}

void Engine::close(Id id) {
  for (size_t i = 0; i < sequences_.size(); ++i) {
    auto& members = sequences_[i]->members;
    if (std::erase_if(members, [&](const auto& m) { return m.id == id; }) == 0) continue;
    if (members.empty()) sequences_.erase(sequences_.begin() + static_cast<long>(i));
    --num_open_;
    return;
  }
  CHECK(!"close() of an engine sequence that is not open");
}

bool Engine::step(std::vector<Sampled>* out) {
  struct Fed {
    Sequence* sequence;
    int64_t rows;
    bool caught_up;
  };
  std::vector<Fed> fed;
  std::vector<int32_t> ids;
  std::vector<model::SequenceSlice> slices;
  int64_t budget = options_.prefill_chunk;
  for (auto& s : sequences_) {
    const auto left = static_cast<int64_t>(s->pending.size() - s->fed);
    if (left == 0) continue;
    // A single token (decode) always goes; longer prefills share the budget.
    const int64_t rows = left == 1 ? 1 : std::min(left, budget);
    if (rows == 0) continue;
    if (left > 1) budget -= rows;
    slices.push_back({static_cast<int64_t>(ids.size()), rows, s->cache.get()});
    const auto begin = s->pending.begin() + static_cast<int64_t>(s->fed);
    ids.insert(ids.end(), begin, begin + rows);
    s->fed += static_cast<size_t>(rows);
    fed.push_back({s.get(), rows, rows == left});
  }
  if (fed.empty()) return false;

  network_.arena().reset();
  const model::Var hidden = network_.run(weights_, {ids, slices}, nullptr);
  std::vector<int32_t> rows;
  for (size_t i = 0; i < fed.size(); ++i)
    if (fed[i].caught_up)
      rows.push_back(static_cast<int32_t>(slices[i].row + slices[i].num_rows - 1));
  const int64_t V = network_.config().vocab_size;
  logits_.resize(rows.size() * static_cast<size_t>(V));
  network_.logits(weights_, hidden.v, rows, logits_.data());

  // One draw per sequence, or per member of a group that ends its shared prompt here.
  struct Draw {
    Sequence* sequence;
    const Sequence::Member* member;
    const float* logits;
    SampledToken token;
  };
  std::vector<Draw> draws;
  size_t row = 0;
  for (const Fed& f : fed) {
    if (!f.caught_up) continue;
    for (const auto& m : f.sequence->members)
      draws.push_back({f.sequence, &m, logits_.data() + row * static_cast<size_t>(V), {}});
    ++row;
  }
  network_.pool().run(static_cast<int64_t>(draws.size()), [&](int64_t i) {
    Draw& d = draws[static_cast<size_t>(i)];
    d.token = sample_token(d.logits, V, d.member->params.temperature, d.member->params.key,
                           static_cast<uint64_t>(d.sequence->cache->position()));
  });
  // The first member keeps the cache, the others fork it.
  std::vector<std::unique_ptr<Sequence>> forks;
  for (const Draw& d : draws) {
    out->push_back({d.member->id, d.token});
    Sequence* s = d.sequence;
    if (d.member != s->members.data()) {
      auto fork = std::make_unique<Sequence>();
      fork->members = {*d.member};
      fork->cache = std::make_unique<model::SequenceCache>(*s->cache);
      s = fork.get();
      forks.push_back(std::move(fork));
    }
    s->last_sampled = d.token.id;
  }
  for (const Fed& f : fed)
    if (f.caught_up) {
      f.sequence->members.resize(1);
      f.sequence->pending.clear();
      f.sequence->fed = 0;
    }
  for (auto& fork : forks) sequences_.push_back(std::move(fork));
  return true;
}

}  // namespace amalgam::rollout
