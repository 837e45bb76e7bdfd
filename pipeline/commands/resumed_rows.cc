#include "pipeline/commands/resumed_rows.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "pipeline/identity/digest.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Throws Error where the mark says something else.
void check_same(const std::string& mark, const std::string& out, const Json& now) {
  const Json before = Json::parse(proto::read_file(mark), nullptr, /*allow_exceptions=*/false);
  for (const auto& [name, value] : now.items())
    if (!before.is_object() || before.value(name, Json()) != value)
      throw Error(out + ": its rows were made with another " + name +
                  "; give that again, or drop --resume to begin anew");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> rows_made_from(
    const std::string& command, kernels::ThreadPool& pool, const std::string& model,
    const std::string& in, const configs::NumericsConfig& numerics) {
  Digests digests(pool);
  std::vector<std::pair<std::string, std::string>> all = {
      {"command", command},
      {"model", digests.model(model)},
      {"input", in == kStandardStream ? "" : digests.file(in)}};
  struct Flags {
    std::vector<std::pair<std::string, std::string>>& all;
    void value(const char* key, const bool& field, const char*) {
      all.emplace_back(key, field ? "true" : "false");
    }
  } flags{all};
  configs::NumericsConfig(numerics).visit(flags);
  return all;
}

ResumedRows::ResumedRows(const std::string& out, const std::string& in,
                         const std::vector<std::pair<std::string, std::string>>& made_from,
                         size_t num_rows, bool resume) {
  const bool is_file = out != kStandardStream && in != kStandardStream;
  if (resume && !is_file) throw Error("--resume needs files as --in and --out");
  Json now = Json::object();
  for (const auto& [name, value] : made_from) now[name] = value;
  if (is_file) mark_ = out + ".resume";
  if (resume && fs::exists(out)) {
    const size_t there = num_whole_rows(out);
    if (fs::exists(mark_))
      check_same(mark_, out, now);
    else if (there != num_rows)
      throw Error(out + ": there is no " + mark_ +
                  " that says what its rows were made from; drop --resume to begin anew");
    if (there > num_rows) throw Error(out + ": has more rows than " + in + "; drop --resume");
    num_there_ = there;
  }
  writer_ = std::make_unique<RowWriter>(out, in, num_there_);
  if (is_file) proto::write_file_atomically(mark_, now.dump() + "\n");
}

void ResumedRows::finish() {
  writer_->finish();
  if (!mark_.empty()) fs::remove(mark_);
}

}  // namespace amalgam::pipeline
