#include "distill/merging/stored_float.h"

#include "configs/error.h"
#include "configs/printable.h"
#include "kernels/quantize/quantize.h"

namespace amalgam::distill {
namespace {

using kernels::kFp4Tile, kernels::kFp8WeightTile, kernels::num_tiles;
using model::DType, model::StoredTensor;

constexpr std::string_view kWeight = ".weight", kScale = ".scale";

// The scales of a quantised weight, if there are any that fit.
const StoredTensor* scale_of(const model::TensorCatalogue& tensors, const StoredTensor& t) {
  if (!t.name.ends_with(kWeight) || t.shape.size() != 2) return nullptr;
  const std::string stem = t.name.substr(0, t.name.size() - kWeight.size());
  const StoredTensor* scale = tensors.find(stem + std::string(kScale));
  if (!scale || scale->dtype != DType::kF8E8M0) return nullptr;
  const std::vector<int64_t> fits =
      t.dtype == DType::kI8
          ? std::vector<int64_t>{t.shape[0], num_tiles(2 * t.shape[1], kFp4Tile.cols)}
          : std::vector<int64_t>{num_tiles(t.shape[0], kFp8WeightTile.rows),
                                 num_tiles(t.shape[1], kFp8WeightTile.cols)};
  return scale->shape == fits ? scale : nullptr;
}

bool is_quantised(const StoredTensor& t) {
  return t.dtype == DType::kF8E4M3 || t.dtype == DType::kI8;
}

}  // namespace

bool is_scale(const model::TensorCatalogue& tensors, const StoredTensor& stored) {
  if (stored.dtype != DType::kF8E8M0 || !stored.name.ends_with(kScale)) return false;
  const StoredTensor* weight = tensors.find(
      stored.name.substr(0, stored.name.size() - kScale.size()) + std::string(kWeight));
  return weight && is_quantised(*weight) && scale_of(tensors, *weight) == &stored;
}

std::optional<StoredFloat> stored_float(const model::TensorCatalogue& tensors,
                                        const StoredTensor& stored, const std::string& directory) {
  const std::string where = directory + ": tensor " + printable(stored.name);
  StoredFloat x{.stored = &stored, .shape = stored.shape, .num_elements = stored.num_elements};
  x.bytes = stored.num_bytes();
  x.source = {.name = where, .stored = &stored, .rows = stored.num_elements, .cols = 1};
  switch (stored.dtype) {
    case DType::kF32:
    case DType::kBF16:
    case DType::kF16:
      return x;
    case DType::kI32:
    case DType::kI64:
    case DType::kU8:
      return std::nullopt;
    case DType::kI8:
    case DType::kF8E4M3:
      break;
    case DType::kF64:
    case DType::kF8E8M0:
      throw Error(where + " is " + describe(stored.dtype, stored.shape) +
                  "; merged are F32, BF16, F16, and F8_E4M3 and packed FP4 with their .scale");
  }
  const StoredTensor* scale = scale_of(tensors, stored);
  if (!scale) {
    if (stored.dtype == DType::kI8) return std::nullopt;
    throw Error(where + " is F8_E4M3 without a .scale of F8_E8M0 for tiles of 128 x 128");
  }
  if (stored.dtype == DType::kI8) {
    x.shape.back() *= 2;
    x.num_elements *= 2;
  }
  x.bytes += scale->num_bytes();
  x.source.scale = scale;
  x.source.rows = x.shape[0];
  x.source.cols = x.shape[1];
  x.source.rank = 2;
  return x;
}

}  // namespace amalgam::distill
