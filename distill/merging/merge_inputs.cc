#include "distill/merging/merge_inputs.h"

#include <array>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "configs/printable.h"
#include "distill/merging/stored_float.h"
#include "model/tensors/durable_file.h"
#include "model/tokenizer/tokenizer.h"

namespace amalgam::distill {
namespace {

namespace fs = std::filesystem;
using model::DType, model::StoredTensor;

constexpr size_t kMaxConfigBytes = 16 << 20, kMaxTokenizerBytes = 256 << 20;
constexpr std::array kHeads = {"head.weight", "lm_head.weight"};
constexpr std::array kEmbeddings = {"embed.weight", "model.embed_tokens.weight"};

bool is_head(std::string_view name) {
  return std::find(kHeads.begin(), kHeads.end(), name) != kHeads.end();
}

bool equal_integers(const StoredTensor& a, const StoredTensor& b) {
  if (a.num_elements != b.num_elements) return false;
  if (a.dtype == b.dtype)
    return std::memcmp(a.data, b.data, static_cast<size_t>(a.num_bytes())) == 0;
  constexpr int64_t kPiece = 1 << 16;  // I32 and I64
  std::vector<int32_t> x(kPiece), y(kPiece);
  for (int64_t i = 0; i < a.num_elements; i += kPiece) {
    const int64_t end = std::min(i + kPiece, a.num_elements);
    copy_ints(a, i, end, x.data());
    copy_ints(b, i, end, y.data());
    if (!std::equal(x.begin(), x.begin() + (end - i), y.begin())) return false;
  }
  return true;
}

bool both_tables(const StoredTensor& a, const StoredTensor& b) {
  const auto table = [](const StoredTensor& t) {
    return t.dtype == DType::kI32 || t.dtype == DType::kI64;
  };
  return table(a) && table(b);
}

// Names that do not fit are collected, so that one line tells of several.
class Problems {
 public:
  explicit Problems(const std::string& directory) : directory_(directory) {}
  void add(const std::string& what) {
    if (num_++ < kMaxShown) text_ += (num_ > 1 ? "; " : "") + what;
  }
  void raise(const std::string& base) const {
    if (num_ == 0) return;
    throw Error(directory_ + ": its tensors are not those of " + base + ": " + text_ +
                (num_ > kMaxShown ? "; and " + std::to_string(num_ - kMaxShown) + " more" : "") +
                hint_);
  }
  void hint(const std::string& text) { hint_ = text; }

 private:
  static constexpr int64_t kMaxShown = 3;
  std::string directory_, text_, hint_;
  int64_t num_ = 0;
};

class Matcher {
 public:
  Matcher(MergeInputs& inputs, MergeMethod method, size_t first_model)
      : inputs_(inputs), method_(method), first_model_(first_model) {}

  void match() {
    const MergeInputs::Directory& base = inputs_.directories[0];
    for (const auto& [name, stored] : base.tensors.tensors()) {
      if (is_scale(base.tensors, *stored)) continue;
      const std::optional<StoredFloat> x = stored_float(base.tensors, *stored, base.path);
      if (x) {
        add(*x);
      } else {
        inputs_.integers.push_back(stored);
        inputs_.bytes_read += stored->num_bytes();
      }
    }
    if (inputs_.tensors.empty()) throw Error(base.path + ": has no tensor that can be merged");
    for (size_t d = 1; d < inputs_.directories.size(); ++d) match(inputs_.directories[d], d);
  }

 private:
  void add(const StoredFloat& x) {
    MergeTensor t{.name = x.stored->name, .cols = x.shape.empty() ? 1 : x.shape.back()};
    t.rows = t.cols == 0 ? 0 : x.num_elements / t.cols;
    if (method_ != MergeMethod::kLinear && method_ != MergeMethod::kSlerp)
      t.base = x.source;
    else if (first_model_ == 0)
      t.models.push_back(x.source);
    inputs_.tensors.push_back(std::move(t));
    inputs_.stored.push_back({x.stored, x.source.scale});
    shapes_.push_back(x.shape);
    inputs_.bytes_read += x.bytes;
  }

  const StoredTensor* find(const MergeInputs::Directory& d, std::string_view name) const {
    const StoredTensor* stored = d.tensors.find(name);
    if (!stored && d.tied_head && is_head(name))
      for (const char* embedding : kEmbeddings)
        if (!stored) stored = d.tensors.find(embedding);
    return stored;
  }

  void match(const MergeInputs::Directory& d, size_t index) {
    Problems problems(d.path);
    std::set<std::string_view> used;
    const std::string base = inputs_.directories[0].path;
    for (size_t i = 0; i < inputs_.tensors.size(); ++i) {
      MergeTensor& t = inputs_.tensors[i];
      const StoredTensor* stored = find(d, t.name);
      if (!stored) {
        problems.add(printable(t.name) + " is missing");
        continue;
      }
      const std::optional<StoredFloat> x = stored_float(d.tensors, *stored, d.path);
      used.insert(t.name);
      if (x && x->source.scale) used.insert(x->source.scale->name);
      if (!x || x->shape != shapes_[i]) {
        problems.add(printable(t.name) + " is " + describe(stored->dtype, stored->shape) +
                     ", not as " +
                     describe(inputs_.stored[i].weight->dtype, inputs_.stored[i].weight->shape));
        continue;
      }
      if (index >= first_model_) t.models.push_back(x->source);
      inputs_.bytes_read += x->bytes;
    }
    for (const StoredTensor* mine : inputs_.integers) {
      used.insert(mine->name);
      const StoredTensor* stored = d.tensors.find(mine->name);
      if (!stored)
        problems.add(printable(mine->name) + " is missing");
      else if (stored->shape != mine->shape ||
               (stored->dtype != mine->dtype && !both_tables(*stored, *mine)))
        problems.add(printable(mine->name) + " is " + describe(stored->dtype, stored->shape) +
                     ", not " + describe(mine->dtype, mine->shape));
      else if (!equal_integers(*stored, *mine))
        throw Error(d.path + ": tensor " + printable(mine->name) + " is not equal to that of " +
                    base + "; integers have no mean, so they must be the same in all models");
    }
    for (const auto& [name, stored] : d.tensors.tensors())
      if (!used.count(name) && !repeats_embedding(d, *stored))
        problems.add(printable(std::string(name)) + " is unknown there");
    if (used.size() * 2 < d.tensors.tensors().size())
      problems.hint("; where only the names differ, `amalgam convert` writes both in one spelling");
    problems.raise(base);
  }

  // A head that was written although it is the embedding, where the base's was not.
  bool repeats_embedding(const MergeInputs::Directory& d, const StoredTensor& head) const {
    if (!is_head(head.name) || !inputs_.directories[0].tied_head) return false;
    for (const char* name : kEmbeddings)
      if (const StoredTensor* e = d.tensors.find(name))
        return e->dtype == head.dtype && e->shape == head.shape && equal_integers(*e, head);
    return false;
  }

  MergeInputs& inputs_;
  const MergeMethod method_;
  const size_t first_model_;  // of the directories
  std::vector<std::vector<int64_t>> shapes_;
};

bool ties_head(const std::string& text, const std::string& path) {
  const auto config = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object()) throw Error(path + "/config.json: is not a JSON object");
  const auto it = config.find("tie_word_embeddings");
  return it != config.end() && it->is_boolean() && it->get<bool>();
}

}  // namespace

MergeInputs::Directory::Directory(const std::string& given)
    : path(model::complete_directory(given)),
      config(model::read_file(path + "/config.json", kMaxConfigBytes)),
      tied_head(ties_head(config, path)),
      tensors(path) {}

std::string tokenizer_difference(const std::string& directory, const std::string& other) {
  const std::string a = directory + "/tokenizer.json", b = other + "/tokenizer.json";
  std::error_code ignored;
  if (!fs::exists(a, ignored) || !fs::exists(b, ignored)) return "";
  if (model::read_file(a, kMaxTokenizerBytes) == model::read_file(b, kMaxTokenizerBytes)) return "";
  return model::Tokenizer::load(a).first_difference(model::Tokenizer::load(b));
}

std::string tokenizer_directory(const MergeSpec& spec) {
  std::vector<std::string> directories;
  if (!spec.base.empty()) directories.push_back(spec.base);
  for (const MergeSpec::Input& model : spec.models) directories.push_back(model.directory);
  for (std::string& directory : directories) {
    directory = model::complete_directory(directory);
    std::error_code ignored;
    if (fs::exists(directory + "/tokenizer.json", ignored)) return directory;
  }
  return directories.at(0);
}

MergeInputs open_merge_inputs(const MergeSpec& spec) {
  MergeInputs inputs;
  const bool own_base = !spec.base.empty();
  if (!own_base && spec.method != MergeMethod::kLinear)
    throw Error(std::string(name_of(spec.method)) + ": needs --base, " +
                (spec.method == MergeMethod::kSlerp ? "the model at t = 0"
                                                    : "the model that the others began as"));
  if (own_base) inputs.directories.emplace_back(spec.base);
  for (const MergeSpec::Input& model : spec.models)
    inputs.directories.emplace_back(model.directory);
  const std::string tokenizer = tokenizer_directory(spec);
  for (const MergeInputs::Directory& d : inputs.directories) {
    const std::string difference = tokenizer_difference(d.path, tokenizer);
    if (!difference.empty())
      throw Error(d.path + ": its tokenizer is not that of " + tokenizer + ": " + difference);
  }
  const bool base_is_model = !own_base || spec.method == MergeMethod::kSlerp;
  Matcher(inputs, spec.method, base_is_model ? 0 : 1).match();
  return inputs;
}

}  // namespace amalgam::distill
