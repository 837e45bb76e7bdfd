// The rows of an MTP pass over whole sequences (MODEL.md §2.6): one for every token that has a next
// one, so a sequence of one token has none. The last row of a sequence predicts a token that does
// not exist.
#pragma once
#include <span>
#include <vector>

#include "model/network/network.h"

namespace amalgam::model {

struct MtpRows {
  std::vector<int32_t> ids;              // the next token
  std::vector<int32_t> rows;             // the token, a row of the batch
  std::vector<SequenceSlice> sequences;  // of the rows above

  // `sequences` shorter than `shortest` tokens (at least 2) are left out.
  MtpRows(std::span<const int32_t> batch_ids, std::span<const SequenceSlice> batch_sequences,
          int64_t shortest = 2) {
    for (const SequenceSlice& s : batch_sequences) {
      if (s.num_rows < shortest) continue;
      sequences.push_back({static_cast<int64_t>(rows.size()), s.num_rows - 1, nullptr});
      for (int64_t t = s.row; t + 1 < s.row + s.num_rows; ++t) {
        rows.push_back(static_cast<int32_t>(t));
        ids.push_back(batch_ids[static_cast<size_t>(t + 1)]);
      }
    }
  }
  bool empty() const { return rows.empty(); }
  MtpBatch batch(const Var& streams, MtpGradient gradient) const {
    return {ids, rows, streams, sequences, gradient};
  }
  // What each row predicts, from what the model's own rows predict: targets[t] is the token after
  // token t, or -1 where that is not learned or does not exist.
  std::vector<int32_t> targets(std::span<const int32_t> batch_targets) const {
    std::vector<int32_t> out;
    for (const int32_t t : rows) out.push_back(batch_targets[static_cast<size_t>(t + 1)]);
    return out;
  }
};

}  // namespace amalgam::model
