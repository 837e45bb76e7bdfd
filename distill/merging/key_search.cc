#include "distill/merging/key_search.h"

#include <algorithm>
#include <map>

#include "configs/check.h"

namespace amalgam::distill {
namespace {

constexpr int kKeyBits = 31;
// Few passes where there is much to read, few counters where there is not.
constexpr int64_t kFew = int64_t{1} << 20;
const std::vector<int> kShortDigits = {11, 10, 10}, kLongDigits = {16, 15};

// Histograms, [workers][rows][bins], so that workers need no locks; sums of integers have no order.
class Counts {
 public:
  Counts(int64_t workers, size_t rows, size_t bins)
      : rows_(rows), bins_(bins), counts_(static_cast<size_t>(workers) * rows * bins) {}
  int64_t* of(int64_t worker, size_t row) {
    return counts_.data() + (static_cast<size_t>(worker) * rows_ + row) * bins_;
  }
  // The bin in which the `position`-th (from 1) element lies; `less` grows by those before it.
  size_t find(size_t row, int64_t position, int64_t& less, int64_t& in_bin) {
    const auto workers = static_cast<int64_t>(counts_.size() / (rows_ * bins_));
    for (size_t bin = 0; bin < bins_; ++bin) {
      in_bin = 0;
      for (int64_t w = 0; w < workers; ++w) in_bin += of(w, row)[bin];
      if (less + in_bin >= position) return bin;
      less += in_bin;
    }
    CHECK(false);
    return 0;
  }

 private:
  size_t rows_, bins_;
  std::vector<int64_t> counts_;
};

class KeySearch {
 public:
  KeySearch(int64_t num_workers, const Field& field, const ForValues& for_values)
      : num_workers_(num_workers), field_(field), for_values_(for_values) {}

  // A place's key, from its highest bits down: each pass counts the next digit of the keys that
  // begin with the bits known so far.
  void find_keys(std::vector<Place>& places) {
    if (places.empty()) return;
    int shift = kKeyBits;
    for (const int bits : field_.size() < kFew ? kShortDigits : kLongDigits) {
      const int known = shift;
      shift -= bits;
      const uint32_t mask = (uint32_t{1} << bits) - 1;
      Counts counts(num_workers_, places.size(), size_t{1} << bits);
      for (const size_t tensor : field_.tensors) {
        for_values_(tensor, [&](const Block& b, int64_t worker, size_t model, const double* v) {
          for (size_t row = 0; row < places.size(); ++row) {
            if (places[row].model != model) continue;
            const uint64_t prefix = uint64_t{places[row].key} >> known;
            int64_t* count = counts.of(worker, row);
            for (int64_t i = 0; i < b.size(); ++i) {
              const uint64_t key = magnitude_key(v[i]);
              if (key >> known == prefix) ++count[(key >> shift) & mask];
            }
          }
        });
      }
      for (size_t row = 0; row < places.size(); ++row) {
        Place& p = places[row];
        p.key |= static_cast<uint32_t>(counts.find(row, p.position, p.less, p.equal)) << shift;
      }
    }
  }

  // The index of the tie that each place asks for: ties are counted block by block, and those of
  // the block in which it is are gone through again.
  void find_ties(std::vector<Place>& places) {
    std::vector<int64_t> seen(places.size());
    for (size_t i = 0; i < field_.tensors.size(); ++i) {
      const auto open = [&](size_t row) {
        return places[row].tie > 0 && seen[row] < places[row].tie;
      };
      bool any = false;
      for (size_t row = 0; row < places.size(); ++row) any |= open(row);
      if (!any) return;
      // Of the blocks of this tensor, by their index.
      std::vector<std::map<int64_t, std::vector<int64_t>>> found(static_cast<size_t>(num_workers_));
      for_values_(field_.tensors[i],
                  [&](const Block& b, int64_t worker, size_t model, const double* v) {
                    for (size_t row = 0; row < places.size(); ++row) {
                      if (places[row].model != model || !open(row)) continue;
                      int64_t n = 0;
                      for (int64_t k = 0; k < b.size(); ++k)
                        n += magnitude_key(v[k]) == places[row].key;
                      if (n == 0) continue;
                      std::vector<int64_t>& counts = found[static_cast<size_t>(worker)][b.index];
                      counts.resize(places.size());
                      counts[row] = n;
                    }
                  });
      std::map<int64_t, std::vector<int64_t>> blocks;
      for (auto& of_worker : found) blocks.merge(of_worker);
      std::vector<int64_t> block_of(places.size(), -1);  // that holds the tie
      for (size_t row = 0; row < places.size(); ++row) {
        if (!open(row)) continue;
        for (const auto& [block, counts] : blocks) {
          if (seen[row] + counts[row] >= places[row].tie) {
            block_of[row] = block;
            break;
          }
          seen[row] += counts[row];
        }
      }
      locate(places, i, block_of, seen);
    }
  }

 private:
  void locate(std::vector<Place>& places, size_t i, const std::vector<int64_t>& block_of,
              std::vector<int64_t>& seen) {
    if (std::all_of(block_of.begin(), block_of.end(), [](int64_t b) { return b < 0; })) return;
    for_values_(field_.tensors[i], [&](const Block& b, int64_t, size_t model, const double* v) {
      for (size_t row = 0; row < places.size(); ++row) {
        Place& p = places[row];
        if (p.model != model || block_of[row] != b.index) continue;
        for (int64_t k = 0; k < b.size() && seen[row] < p.tie; ++k)
          if (magnitude_key(v[k]) == p.key && ++seen[row] == p.tie)
            p.tie_index = field_.first[i] + b.begin + k;
      }
    });
  }

  const int64_t num_workers_;
  const Field& field_;
  const ForValues& for_values_;
};

}  // namespace

void find_keys(std::vector<Place>& places, int64_t num_workers, const Field& field,
               const ForValues& for_values) {
  KeySearch(num_workers, field, for_values).find_keys(places);
}

void find_ties(std::vector<Place>& places, int64_t num_workers, const Field& field,
               const ForValues& for_values) {
  KeySearch(num_workers, field, for_values).find_ties(places);
}

}  // namespace amalgam::distill
