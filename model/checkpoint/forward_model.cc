#include "model/checkpoint/forward_model.h"

#include <algorithm>
#include <type_traits>

#include "configs/check.h"
#include "kernels/gemm/gemm.h"

namespace amalgam::model {
namespace {

// Places every tensor in the two buffers, or with null ones counts what they need.
struct Place {
  const ModelConfig& config;
  float* floats;
  int32_t* ints;
  int64_t num_floats = 0, num_ints = 0;

  // The head's rows are read as they are; so are those of wo_a, whose groups are products of their
  // own, where a group is no whole number of panels.
  bool needs_data(const std::string& name, bool is_matrix) const {
    return !is_matrix || name == "head.weight" ||
           (name.ends_with(".wo_a.weight") && config.o_lora_rank % kernels::kPanel != 0);
  }
  float* next(int64_t n) {
    float* at = floats ? floats + num_floats : nullptr;
    num_floats += (n + kernels::kPanel - 1) / kernels::kPanel * kernels::kPanel;  // aligned
    return at;
  }
  template <class T>
  void operator()(const std::string& name, T& t, Role) {
    constexpr bool kIsMatrix = std::is_base_of_v<Matrix, T>;
    if (needs_data(name, kIsMatrix)) t.data = next(t.size());
    if constexpr (kIsMatrix)
      if (name != "head.weight") t.packed = next(kernels::packed_size(t.rows, t.cols));
  }
  void operator()(const std::string&, IntTensor& t) {
    t.data = ints ? ints + num_ints : nullptr;
    num_ints += t.size();
  }
};

Place sizes(const ModelConfig& config) {
  Weights weights(config);
  Place count{config, nullptr, nullptr};
  visit(weights, count);
  return count;
}

struct Load {
  const TensorSources& sources;
  const RowReader& reader;
  const configs::NumericsConfig& numerics;
  size_t float_at = 0,
         int_at = 0;  // sources are in the same order; the MTP block's are passed over
  std::vector<float> piece = {};

  template <class S>
  static const S& next_of(const std::vector<S>& all, size_t* at, const std::string& name) {
    while (*at < all.size() && all[*at].name != name) ++*at;
    CHECK_LT(*at, all.size());
    return all[(*at)++];
  }
  template <class T>
  void operator()(const std::string& name, T& t, Role) {
    const FloatSource& source = next_of(sources.floats, &float_at, name);
    const int64_t step = RowReader::piece_rows(t.cols);
    for (int64_t begin = 0; begin < t.rows; begin += step) {
      const int64_t end = std::min(begin + step, t.rows);
      piece.resize(static_cast<size_t>((end - begin) * t.cols));
      reader.read(source, begin, end, piece.data());
      if (t.data) std::copy(piece.begin(), piece.end(), t.row(begin));
      if constexpr (std::is_base_of_v<Matrix, T>)
        if (t.packed) {
          Matrix rows = t;
          rows.data = piece.data(), rows.rows = end - begin;
          rows.packed = t.packed + begin * t.cols;
          pack_rows(rows, 0, rows.rows, numerics);
        }
    }
  }
  void operator()(const std::string& name, IntTensor& t) {
    reader.read(next_of(sources.ints, &int_at, name), t.data);
  }
};

}  // namespace

ModelConfig forward_config(const StoredModel& stored) {
  ModelConfig config = stored.config();
  config.num_nextn_predict_layers = 0;
  return config;
}

int64_t forward_model_bytes(const ModelConfig& config) {
  const Place count = sizes(config);
  return count.num_floats * int64_t{sizeof(float)} + count.num_ints * int64_t{sizeof(int32_t)};
}

ForwardModel load_forward_model(const StoredModel& stored, const RowReader& reader,
                                const configs::NumericsConfig& numerics) {
  const Weights all(stored.config());
  const TensorSources sources = stored.find(all);
  ForwardModel m;
  m.config = forward_config(stored);
  m.weights = Weights(m.config);
  const Place count = sizes(m.config);
  m.floats.resize(static_cast<size_t>(count.num_floats));
  m.ints.resize(static_cast<size_t>(count.num_ints));
  Place place{m.config, m.floats.data(), m.ints.data()};
  visit(m.weights, place);
  Load load{sources, reader, numerics};
  visit(m.weights, load);
  return m;
}

}  // namespace amalgam::model
