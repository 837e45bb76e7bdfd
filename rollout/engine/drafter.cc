#include "rollout/engine/drafter.h"

#include <algorithm>

#include "configs/check.h"

namespace amalgam::rollout {

Drafter::Drafter(model::Network& network, const model::Weights& weights, int64_t max_positions)
    : network_(network),
      weights_(weights),
      layout_(std::make_shared<model::CacheLayout>(
          model::CacheLayout::mtp(network.config(), max_positions))) {
  CHECK(!weights.mtp.empty());
}

std::unique_ptr<DraftTrack> Drafter::open() const { return std::make_unique<DraftTrack>(layout_); }

void Drafter::read(DraftTrack& track, std::span<const int32_t> ids, const float* streams) const {
  if (ids.empty()) return;
  const int64_t width = network_.config().hc_mult * network_.config().hidden_size;
  // The first of them is what the last kept token was waiting for.
  const auto known = track.streams_.empty() ? ids.subspan(1) : ids;
  track.next_.insert(track.next_.end(), known.begin(), known.end());
  track.streams_.insert(track.streams_.end(), streams,
                        streams + static_cast<int64_t>(ids.size()) * width);
}

// Runs the block over the first rows of each track, whose next tokens are known, and forgets them.
model::Var Drafter::read_rows(std::span<const Reading> readings) {
  const int64_t width = network_.config().hc_mult * network_.config().hidden_size;
  std::vector<int32_t> ids, rows;
  std::vector<model::SequenceSlice> slices;
  for (const Reading& r : readings) {
    slices.push_back({static_cast<int64_t>(ids.size()), r.rows, &r.track->cache_});
    ids.insert(ids.end(), r.track->next_.begin(), r.track->next_.begin() + r.rows);
  }
  for (size_t i = 0; i < ids.size(); ++i) rows.push_back(static_cast<int32_t>(i));
  const model::Var streams{network_.arena().matrix(static_cast<int64_t>(ids.size()), width),
                           nullptr};
  for (size_t i = 0; i < readings.size(); ++i)
    std::copy_n(readings[i].track->streams_.data(), readings[i].rows * width,
                streams.v.row(slices[i].row));
  const model::Var hidden = network_.run_mtp(
      weights_, {.ids = ids, .rows = rows, .streams = streams, .sequences = slices}, nullptr);
  for (const Reading& r : readings) {
    auto& t = *r.track;
    t.next_.erase(t.next_.begin(), t.next_.begin() + r.rows);
    t.streams_.erase(t.streams_.begin(), t.streams_.begin() + r.rows * width);
  }
  return hidden;
}

void Drafter::catch_up(std::span<DraftTrack* const> tracks) {
  std::vector<Reading> readings;
  for (DraftTrack* t : tracks)
    if (!t->next_.empty()) readings.push_back({t, static_cast<int64_t>(t->next_.size())});
  if (!readings.empty()) read_rows(readings);
}

void Drafter::propose(std::span<Proposal> proposals) {
  if (proposals.empty()) return;
  network_.arena().reset();
  std::vector<Reading> readings;
  std::vector<int32_t> last_rows;
  int32_t rows = 0;
  for (const Proposal& p : proposals) {
    p.track->next_.push_back(p.next);
    const auto n = static_cast<int64_t>(p.track->next_.size());
    readings.push_back({p.track, n});
    rows += static_cast<int32_t>(n);
    last_rows.push_back(rows - 1);
  }
  const model::Var hidden = read_rows(readings);
  const int64_t V = network_.config().vocab_size;
  logits_.resize(proposals.size() * static_cast<size_t>(V));
  network_.logits(weights_, hidden.v, last_rows, logits_.data());
  network_.pool().run(static_cast<int64_t>(proposals.size()), [&](int64_t i) {
    Proposal& p = proposals[static_cast<size_t>(i)];
    p.token =
        sample_token(logits_.data() + i * V, V, p.params.temperature, p.params.key, p.position).id;
  });
}

}  // namespace amalgam::rollout
