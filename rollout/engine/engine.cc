#include "rollout/engine/engine.h"

#include <algorithm>
#include <optional>

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
  int32_t last_sampled = -1;     // reported last
  int32_t draft = -1;            // to be fed after the last pending token, if any
  // After an accepted draft, which is last_sampled and in the cache: the token after it.
  std::optional<SampledToken> known;
  bool reports_known = false;  // at the next step
  std::unique_ptr<DraftTrack> track;
  model::ChoiceRecord choices;  // of the tokens in the cache

  int64_t left() const { return static_cast<int64_t>(pending.size() - fed); }
};

struct Engine::Fed {
  Sequence* sequence;
  int64_t rows;  // that its cache has kept
  bool caught_up;
};

struct Engine::Draw {
  Fed* fed;
  const Sequence::Member* member;
  size_t logits_row;
  int64_t position;
  SampledToken token;
};

Engine::Engine(model::Network& network, const model::Weights& weights, int64_t max_positions,
               const EngineOptions& options)
    : network_(network),
      weights_(weights),
      options_(options),
      layout_(std::make_shared<model::CacheLayout>(network.config(), max_positions)) {
  if (options.draft) drafter_ = std::make_unique<Drafter>(network, weights, max_positions);
}

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
  if (drafter_) s->track = drafter_->open();
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

const model::ChoiceRecord& Engine::choices(Id id) { return find(id).choices; }

void Engine::append(Id id, std::span<const int32_t> tokens) {
  if (tokens.empty()) return resume(id);
  Sequence& s = find(id);
  CHECK_GE(s.last_sampled, 0);
  // What was known to follow does not; the last token itself may have been fed as a draft.
  s.pending.clear();
  if (!s.known) s.pending.push_back(s.last_sampled);
  s.pending.insert(s.pending.end(), tokens.begin(), tokens.end());
  s.known.reset();
  s.fed = 0;
  s.last_sampled = -1;
}

void Engine::resume(Id id) {
  Sequence& s = find(id);
  CHECK_GE(s.last_sampled, 0);
  if (s.known) {
    s.reports_known = true;
  } else {
    s.pending.assign(1, s.last_sampled);
    s.fed = 0;
  }
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

bool Engine::report_known(std::vector<Sampled>* out) {
  bool any = false;
  for (auto& s : sequences_) {
    if (!s->reports_known) continue;
    out->push_back({s->members[0].id, *s->known});
    s->last_sampled = s->known->id;
    s->known.reset();
    s->reports_known = false;
    any = true;
  }
  return any;
}

// Sequences that feed one token get a draft for the one after it.
void Engine::propose() {
  std::vector<Drafter::Proposal> proposals;
  std::vector<Sequence*> owners;
  for (auto& s : sequences_) {
    const int64_t read = s->cache->position();
    if (s->left() != 1 || s->members.size() != 1) continue;
    if (read == 0 || read + 2 > s->cache->max_positions()) continue;
    proposals.push_back(
        {s->track.get(), s->pending.back(), s->members[0].params, static_cast<uint64_t>(read + 1)});
    owners.push_back(s.get());
  }
  drafter_->propose(proposals);
  for (size_t i = 0; i < owners.size(); ++i) owners[i]->draft = proposals[i].token;
}

// The rows of the next pass: pending tokens, and a draft after the last one.
std::vector<Engine::Fed> Engine::feed(std::vector<int32_t>* ids,
                                      std::vector<model::SequenceSlice>* slices) {
  std::vector<Fed> fed;
  int64_t budget = options_.prefill_chunk;
  for (auto& s : sequences_) {
    const int64_t left = s->left();
    if (left == 0) continue;
    // A single token (decode) always goes; longer prefills share the budget.
    const int64_t rows = left == 1 ? 1 : std::min(left, budget);
    if (rows == 0) continue;
    if (left > 1) budget -= rows;
    const auto first = static_cast<int64_t>(ids->size());
    const auto begin = s->pending.begin() + static_cast<int64_t>(s->fed);
    ids->insert(ids->end(), begin, begin + rows);
    if (s->draft >= 0) ids->push_back(s->draft);
    s->fed += static_cast<size_t>(rows);
    fed.push_back({s.get(), static_cast<int64_t>(ids->size()) - first, rows == left});
    slices->push_back({first, fed.back().rows, s->cache.get()});
  }
  return fed;
}

// One draw per sequence that caught up, and after a draft one more; or one per member of a group
// that ends its shared prompt here.
std::vector<Engine::Draw> Engine::draw(const model::Var& hidden, std::span<const int64_t> num_rows,
                                       std::span<Fed> fed) {
  std::vector<int32_t> rows;
  std::vector<Draw> draws;
  int64_t end = 0;  // of the sequence's rows of `hidden`
  for (size_t i = 0; i < fed.size(); ++i) {
    end += num_rows[i];
    if (!fed[i].caught_up) continue;
    Sequence* s = fed[i].sequence;
    for (int64_t back = s->draft >= 0 ? 1 : 0; back >= 0; --back) {
      for (const auto& m : s->members)
        draws.push_back({&fed[i], &m, rows.size(), s->cache->position() - back, {}});
      rows.push_back(static_cast<int32_t>(end - 1 - back));
    }
  }
  const int64_t V = network_.config().vocab_size;
  logits_.resize(rows.size() * static_cast<size_t>(V));
  network_.logits(weights_, hidden.v, rows, logits_.data());
  network_.pool().run(static_cast<int64_t>(draws.size()), [&](int64_t i) {
    Draw& d = draws[static_cast<size_t>(i)];
    d.token = sample_token(logits_.data() + d.logits_row * static_cast<size_t>(V), V,
                           d.member->params.temperature, d.member->params.key,
                           static_cast<uint64_t>(d.position));
  });
  return draws;
}

// The draws that stand: one per sequence. A draw after a draft stands only if the draft was right,
// and is then reported after it.
std::vector<Engine::Draw> Engine::check_drafts(std::span<const Draw> draws) {
  std::vector<Draw> stand;
  for (size_t i = 0; i < draws.size(); ++i) {
    stand.push_back(draws[i]);
    Sequence& s = *draws[i].fed->sequence;
    if (s.draft < 0) continue;
    const bool is_right = draws[i].token.id == s.draft;
    const SampledToken after = draws[++i].token;
    ++drafts_.proposed;
    if (is_right) {
      ++drafts_.accepted;
      s.known = after;
    } else {
      s.cache->take_back();
      --stand.back().fed->rows;
    }
    s.draft = -1;
  }
  return stand;
}

void Engine::let_drafter_read(std::span<const Fed> fed, std::span<const int32_t> ids,
                              std::span<const model::SequenceSlice> slices,
                              const model::Var& streams) {
  std::vector<DraftTrack*> prefilled;
  for (size_t i = 0; i < fed.size(); ++i) {
    const auto row = static_cast<size_t>(slices[i].row);
    DraftTrack& track = *fed[i].sequence->track;
    drafter_->read(track, ids.subspan(row, static_cast<size_t>(fed[i].rows)),
                   streams.v.row(slices[i].row));
    if (fed[i].rows > 2) prefilled.push_back(&track);
  }
  drafter_->catch_up(prefilled);
}

// The first member keeps the cache, the others fork it.
void Engine::report(std::span<const Draw> draws, std::vector<Sampled>* out) {
  std::vector<std::unique_ptr<Sequence>> forks;
  for (const Draw& d : draws) {
    out->push_back({d.member->id, d.token});
    Sequence* s = d.fed->sequence;
    if (d.member != s->members.data()) {
      auto fork = std::make_unique<Sequence>();
      fork->members = {*d.member};
      fork->cache = std::make_unique<model::SequenceCache>(*s->cache);
      if (s->track) fork->track = std::make_unique<DraftTrack>(*s->track);
      fork->choices = s->choices;
      s = fork.get();
      forks.push_back(std::move(fork));
    }
    s->last_sampled = d.token.id;
  }
  for (const Draw& d : draws) {
    d.fed->sequence->members.resize(1);
    d.fed->sequence->pending.clear();
    d.fed->sequence->fed = 0;
  }
  for (auto& fork : forks) sequences_.push_back(std::move(fork));
}

bool Engine::step(std::vector<Sampled>* out) {
  if (report_known(out)) return true;
  if (drafter_) propose();
  std::vector<int32_t> ids;
  std::vector<model::SequenceSlice> slices;
  std::vector<Fed> fed = feed(&ids, &slices);
  if (fed.empty()) return false;

  network_.arena().reset();
  model::Var streams;
  // Draws read the last rows; the drafter reads the streams of all, and all choose experts.
  std::vector<int64_t> num_rows, num_read;
  for (const Fed& f : fed) num_rows.push_back(f.rows), num_read.push_back(f.caught_up ? 1 : 0);
  const bool reads_all = drafter_ || keeps_choices();
  model::Batch batch{.ids = ids, .sequences = slices};
  if (!reads_all) batch.num_read = num_read;
  model::ChosenRows chosen;
  if (keeps_choices()) chosen.ask(network_.config(), options_.keep_choices, &batch);
  const model::Var hidden = network_.run(weights_, batch, nullptr, drafter_ ? &streams : nullptr);
  const std::vector<Draw> draws = check_drafts(draw(hidden, reads_all ? num_rows : num_read, fed));
  if (drafter_) let_drafter_read(fed, ids, slices, streams);
  for (size_t i = 0; i < fed.size() && keeps_choices(); ++i)
    chosen.append(slices[i].row, fed[i].rows, &fed[i].sequence->choices);
  report(draws, out);
  return true;
}

}  // namespace amalgam::rollout
