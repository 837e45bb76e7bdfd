#include "pipeline/data/forms/input_files.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "configs/error.h"
#include "configs/printable.h"
#include "pipeline/data/forms/parse_json.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_pattern(const std::string& path) { return path.find_first_of("*?[") != path.npos; }

std::string joined(const std::string& folder, const std::string& name) {
  return folder.ends_with('/') ? folder + name : folder + "/" + name;
}

void add_matches(const std::string& pattern, std::vector<std::string>* found) {
  glob_t result;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &result) == 0)
    for (size_t i = 0; i < result.gl_pathc; ++i) found->push_back(result.gl_pathv[i]);
  ::globfree(&result);
}

// "a/**/b": b in a and in every folder below it. A folder that is a link is not followed.
std::vector<std::string> matches(const std::string& pattern) {
  std::vector<std::string> found;
  const size_t at = pattern.find("**/");
  if (at == pattern.npos || (at > 0 && pattern[at - 1] != '/')) {
    add_matches(pattern, &found);
  } else {
    const std::string before = pattern.substr(0, at), after = pattern.substr(at + 3);
    std::vector<std::string> folders;
    if (before.empty())
      folders.push_back("");
    else
      for (const std::string& folder : matches(before)) folders.push_back(folder);
    for (const std::string& folder : folders) {
      const std::string prefix = folder.empty() || folder.ends_with('/') ? folder : folder + "/";
      for (const std::string& file : matches(prefix + after)) found.push_back(file);
      std::error_code error;
      for (fs::recursive_directory_iterator it(folder.empty() ? "." : folder, error), end;
           !error && it != end; it.increment(error))
        if (it->is_directory(error) && !it->is_symlink(error)) {
          std::string below = it->path().string();
          if (folder.empty()) below = below.substr(2);
          for (const std::string& file : matches(below + "/" + after)) found.push_back(file);
        }
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Value read_json_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw Error(path + ": cannot be read");
  JsonResult json = parse_json(text.str());
  if (json.fault != JsonFault::kNone) throw Error(path + ": " + json.why);
  return std::move(json.value);
}

InputFile saved_folder(const std::string& folder) {
  InputFile input{folder, {}};
  const std::string path = joined(folder, "state.json");
  const Value state = read_json_file(path);
  const Value* files = state.find("_data_files");
  if (!files || !files->is_array())
    throw Error(path + ": lists no \"_data_files\"; the folder is not whole");
  if (const Value* indices = state.find("_indices_files"); indices && !indices->is_empty())
    throw Error(path +
                ": has \"_indices_files\", which an old version of datasets wrote; save the "
                "folder again with a newer one");
  for (const Value& file : files->array()) {
    const Value* name = file.find("filename");
    if (!name || !name->is_string())
      throw Error(path + ": has a data file without a \"filename\"; the folder is not whole");
    input.files.push_back(joined(folder, name->text()));
    if (!exists(input.files.back()))
      throw Error(input.files.back() + ": no such file; " + path + " lists it");
  }
  return input;
}

InputFile split_folder(const std::string& folder) {
  const std::string path = joined(folder, "dataset_dict.json");
  const Value dict = read_json_file(path);
  const Value* splits = dict.find("splits");
  std::vector<std::string> names;
  if (splits && splits->is_array())
    for (const Value& split : splits->array())
      if (split.is_string()) names.push_back(split.text());
  if (names.size() == 1) {
    InputFile input = saved_folder(joined(folder, names[0]));
    input.name = folder;
    return input;
  }
  std::string all;
  for (const std::string& name : names)
    all += (all.empty() ? "" : ", ") + printable(joined(folder, name));
  throw Error(folder + (names.empty()
                            ? ": has no split"
                            : ": has more than one split; name the one that is meant: " + all));
}

InputFile input_of(const std::string& path) {
  if (!is_folder(path)) return {path, {path}};
  if (exists(joined(path, "state.json"))) return saved_folder(path);
  if (exists(joined(path, "dataset_dict.json"))) return split_folder(path);
  throw Error(path + ": is a folder; say which files in it are meant with a glob, for example '" +
              joined(path, "*.parquet") + "'");
}

}  // namespace

InputFiles find_input_files(const std::vector<std::string>& paths) {
  InputFiles inputs;
  for (const std::string& path : paths) {
    if (exists(path) || !is_pattern(path)) {
      if (!exists(path)) throw Error(path + ": no such file; check the path");
      inputs.all.push_back(input_of(path));
      inputs.is_single = paths.size() == 1;
      continue;
    }
    const std::vector<std::string> found = matches(path);
    if (found.empty()) throw Error(path + ": no file matches the pattern");
    for (const std::string& file : found) inputs.all.push_back(input_of(file));
  }
  if (inputs.all.empty()) throw Error("no file is named");
  return inputs;
}

}  // namespace amalgam::pipeline
