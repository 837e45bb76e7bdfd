#include "sandbox/service/run_code.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sandbox/files/base64.h"
#include "sandbox/function/function.h"

namespace amalgam::sandbox {
namespace {

using nlohmann::json;

constexpr double kDefaultSeconds = 10;

struct Request {
  std::string code, language = "python", stdin_text;
  double seconds = kDefaultSeconds;
  int64_t memory_bytes = 0;
  std::vector<std::pair<std::string, std::string>> files;
  std::vector<std::string> fetch;
};

// Reads an optional key; false when it has another type.
template <class T, class Is>
bool read(const json& object, const char* key, Is is, T* value) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return true;
  if (!is(*it)) return false;
  *value = it->get<T>();
  return true;
}

// "" or what is wrong.
std::string parse(const std::string& text, Request* r) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto is_string = [](const json& j) { return j.is_string(); };
  const auto is_number = [](const json& j) { return j.is_number(); };
  if (!object.is_object() || !object.contains("code") || !object["code"].is_string())
    return "the body must be a JSON object with a string \"code\"";
  r->code = object["code"].get<std::string>();
  double memory_mb = 0;
  if (!read(object, "language", is_string, &r->language) ||
      !read(object, "stdin", is_string, &r->stdin_text) ||
      !read(object, "run_timeout", is_number, &r->seconds) ||
      !read(object, "memory_limit_MB", is_number, &memory_mb))
    return "language and stdin must be strings, run_timeout and memory_limit_MB numbers";
  if (r->language != "python" && r->language != "bash")
    return "unknown language '" + r->language + "'; use python or bash";
  if (!(r->seconds > 0)) return "run_timeout must be positive";
  if (memory_mb > 0 && memory_mb * (1 << 20) < kMinMemoryBytes)
    return "memory_limit_MB must be at least 1";
  constexpr double kMostMb = 1 << 30;  // is an int64_t in bytes
  if (memory_mb > 0)
    r->memory_bytes = static_cast<int64_t>(std::min(memory_mb, kMostMb) * (1 << 20));
  const json files = object.value("files", json::object());
  if (!files.is_object() && !files.is_null()) return "files must be {path: base64}";
  for (const auto& [path, content] : files.items()) {
    if (content.is_null()) continue;
    std::string bytes;
    if (!content.is_string() || !decode_base64(content.get<std::string>(), &bytes))
      return "files: " + path + " is not base64";
    r->files.emplace_back(path, std::move(bytes));
  }
  const json fetch = object.value("fetch_files", json::array());
  if (!fetch.is_array() && !fetch.is_null()) return "fetch_files must be a list of paths";
  for (const json& path : fetch) {
    if (!path.is_string()) return "fetch_files must be a list of paths";
    r->fetch.push_back(path.get<std::string>());
  }
  return "";
}

Result run(Request r, const std::string& substrate, const Limits& limits, Sandbox& box,
           json* fetched) {
  Command command;
  command.stdin_text = r.stdin_text;
  if (r.language == "python") {
    r.files.emplace_back("main.py", r.code);
    command.argv = {"/usr/bin/python3", "main.py"};
    if (substrate == "function") command.argv = python_call({"main.py"});
  } else {
    command.argv = {"/bin/bash", "-c", r.code};
  }
  for (const auto& [path, bytes] : r.files) {
    const Result put = box.put_file(path, bytes);
    if (put.outcome != Outcome::kOk) return put;
  }
  Result result = box.exec(command);
  // Holes and links let files be larger together than the directory may be.
  int64_t left = limits.disk_bytes;
  for (const std::string& path : r.fetch) {
    std::string bytes;
    const Result got = box.get_file(path, &bytes);
    if (is_infrastructure(got.outcome)) return got;
    if (got.outcome != Outcome::kOk) continue;
    left -= static_cast<int64_t>(bytes.size());
    if (left < 0) {
      fetched->clear();
      result.outcome = Outcome::kDiskLimit;
      result.exit_code = 1;
      result.err += "fetch_files: together larger than the directory may be\n";
      return result;
    }
    (*fetched)[path] = encode_base64(bytes);
  }
  return result;
}

json answer(const Result& result, json fetched) {
  json all = {{"status", result.outcome == Outcome::kOk ? "Success" : "Failed"},
              {"message", ""},
              {"compile_result", nullptr},
              {"run_result", nullptr},
              {"executor_pod_name", nullptr},
              {"files", std::move(fetched)},
              {"outcome", to_string(result.outcome)}};
  if (is_infrastructure(result.outcome)) {
    all["status"] = "SandboxError";
    all["message"] = result.detail;
    return all;
  }
  const bool is_timeout = result.outcome == Outcome::kTimeout;
  all["run_result"] = {{"status", is_timeout ? "TimeLimitExceeded" : "Finished"},
                       {"execution_time", result.wall_seconds},
                       {"return_code", is_timeout ? json(nullptr) : json(result.exit_code)},
                       {"stdout", result.out},
                       {"stderr", result.err}};
  return all;
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

RunCodeAnswer run_code(const std::string& request, const std::string& substrate,
                       const Limits& limits) {
  Request r;
  if (const std::string wrong = parse(request, &r); !wrong.empty())
    return {400, dump({{"detail", wrong}})};
  // Whoever asks may have less than the operator allows, never more.
  Limits l = limits;
  std::string capped;
  const auto cap = [&](const char* key, double asked, double most, const std::string& unit) {
    if (asked > most)
      capped += fmt::format("{}{}: {} of {}{} asked for", capped.empty() ? "" : "; ", key, most,
                            asked, unit);
  };
  cap("run_timeout", r.seconds, limits.wall_seconds, " s");
  l.wall_seconds = std::min(r.seconds, limits.wall_seconds);
  l.cpu_seconds = std::min(r.seconds, limits.cpu_seconds);
  if (r.memory_bytes > 0) {
    constexpr double kMb = 1 << 20;
    cap("memory_limit_MB", static_cast<double>(r.memory_bytes) / kMb,
        static_cast<double>(limits.memory_bytes) / kMb, "");
    l.memory_bytes = std::min(r.memory_bytes, limits.memory_bytes);
  }
  Result result;
  json fetched = json::object();
  if (const auto box = create(substrate, l, &result.detail))
    result = run(r, substrate, l, *box, &fetched);
  json all = answer(result, std::move(fetched));
  if (!capped.empty() && all["message"] == "") all["message"] = "this service allows " + capped;
  return {200, dump(all)};
}

}  // namespace amalgam::sandbox
