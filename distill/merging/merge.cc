#include "distill/merging/merge.h"

#include <filesystem>

#include "configs/error.h"
#include "distill/merging/draws.h"
#include "distill/merging/merge_inputs.h"
#include "distill/merging/merged_tensor.h"
#include "model/checkpoint/model_directory.h"

namespace amalgam::distill {
namespace {

namespace fs = std::filesystem;
using model::StoredTensor;

// What is in one file: indices of merged tensors, and copied ones.
struct Shard {
  std::vector<size_t> merged;
  std::vector<const StoredTensor*> copied;
  std::vector<StoredTensor> tensors;
};

// In order of the names; a file is full when the next tensor, with its scale, would pass the limit.
std::vector<Shard> plan_shards(const MergeInputs& inputs, int64_t max_bytes) {
  std::vector<Shard> shards(1);
  int64_t bytes = 0;
  const auto place = [&](int64_t more) -> Shard& {
    if (bytes > 0 && bytes + more > max_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += more;
    return shards.back();
  };
  for (size_t i = 0; i < inputs.tensors.size(); ++i) {
    const auto& [weight, scale] = inputs.stored[i];
    Shard& shard = place(weight->num_bytes() + (scale ? scale->num_bytes() : 0));
    shard.merged.push_back(i);
    shard.tensors.push_back(*weight);
    if (scale) shard.tensors.push_back(*scale);
  }
  for (const StoredTensor* t : inputs.integers) {
    Shard& shard = place(t->num_bytes());
    shard.copied.push_back(t);
    shard.tensors.push_back(*t);
  }
  return shards;
}

// Whether `path` is the directory or lies in it, by whatever names and links.
bool is_within(const std::string& path, const std::string& directory) {
  std::error_code error;
  fs::path at = fs::canonical(path, error);
  while (!error) {
    if (fs::equivalent(at, directory, error)) return true;
    if (at == at.root_path()) return false;
    at = at.parent_path();
  }
  return false;  // one of them is not there
}

// Nothing that is someone's may be replaced or removed.
void check_out(const MergeSpec& spec) {
  if (spec.out.empty()) throw Error("merge: --out is missing");
  const std::string out = (fs::path(spec.out) / "").parent_path().string();  // without a slash
  const std::string old = out + ".old", staging = out + ".tmp";
  std::error_code error;
  if (fs::is_symlink(out, error))
    throw Error(out + ": is a symbolic link; give --out a name that is not taken");
  if (fs::exists(out, error) && !(fs::is_directory(out, error) && fs::is_empty(out, error)))
    throw Error(out + ": exists; give another --out");
  if (fs::exists(fs::symlink_status(old, error)))
    throw Error(old + ": exists, and is read as " + out +
                " where that is missing; move it or give" + " another --out");
  const auto check_input = [&](const std::string& directory) {
    if (is_within(directory, staging))
      throw Error(directory + ": lies where the result is made; move it or give another --out");
  };
  if (!spec.base.empty()) check_input(spec.base);
  for (const MergeSpec::Input& model : spec.models) check_input(model.directory);
}

}  // namespace

MergeReport merge_models(const MergeSpec& spec, kernels::ThreadPool& pool,
                         const MergeOptions& options) {
  const Recipe recipe = recipe_of(spec);
  check_out(spec);
  const MergeInputs inputs = open_merge_inputs(spec);
  MergeReport report{.num_tensors = static_cast<int64_t>(inputs.tensors.size()),
                     .bytes_read = inputs.bytes_read};
  for (const MergeTensor& t : inputs.tensors) report.num_weights += t.size();
  report.kept.resize(recipe.weights.size());

  int64_t done = 0, total = 0;
  Merger merger(recipe, inputs.tensors, seeded_draws(spec.seed.value_or(0), inputs.tensors), pool,
                [&](int64_t work) {
                  done += work;
                  if (options.progress && work > 0) options.progress(done, total);
                });
  total = merger.planned_work();
  const std::vector<Shard> shards = plan_shards(inputs, options.max_shard_bytes);
  const auto fill = [&](const std::string& staging) {
    std::vector<std::vector<StoredTensor>> index;
    for (size_t s = 0; s < shards.size(); ++s) {
      MergedFile file(staging + "/" + model::shard_name(s, shards.size()), shards[s].tensors);
      for (const StoredTensor* t : shards[s].copied) file.copy(*t);
      for (const size_t i : shards[s].merged)
        write_merged(merger, inputs, i, pool, file, report.kept);
      file.commit();
      index.push_back(shards[s].tensors);
      for (const StoredTensor& t : shards[s].tensors) report.bytes_written += t.num_bytes();
    }
    model::write_index(staging, index);
    model::write_file_durably(staging + "/config.json", inputs.directories[0].config);
    if (options.add_files) options.add_files(staging);
  };
  model::write_directory(spec.out, fill, model::Existing::kKept);
  return report;
}

}  // namespace amalgam::distill
