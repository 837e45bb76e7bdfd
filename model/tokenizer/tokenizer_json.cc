// Reading tokenizer.json. Everything outside the supported family is named in an Error: a tokenizer
// that is almost right would give other ids than the model was trained with.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "configs/error.h"
#include "configs/printable.h"
#include "model/tensors/durable_file.h"
#include "model/tokenizer/byte_level.h"
#include "model/tokenizer/tokenizer_impl.h"

namespace amalgam::model {
namespace {

using Json = nlohmann::json;

constexpr int64_t kLargestId = 1 << 22;  // absurd above: one table entry per id is kept
constexpr size_t kMaxFileBytes = size_t{256} << 20;

class Reader {
 public:
  Reader(const Json& root, const std::string& origin) : root_(root), origin_(origin) {}

  [[noreturn]] void fail(const std::string& what) const { throw Error(origin_ + ": " + what); }

  const Json& member(const Json& object, const char* key, const std::string& where) const {
    if (!object.is_object() || !object.contains(key)) fail(where + " has no '" + key + "'");
    return object[key];
  }

  std::string text(const Json& value, const std::string& where) const {
    if (!value.is_string()) fail(where + " must be a string");
    return value.get<std::string>();
  }

  int32_t id(const Json& value, const std::string& where) const {
    if (!value.is_number_integer()) fail(where + " must be an integer id");
    const bool fits = value.is_number_unsigned() ? value.get<uint64_t>() <= uint64_t{kLargestId}
                                                 : value.get<int64_t>() >= 0;
    if (!fits) fail(where + " is not between 0 and " + std::to_string(kLargestId));
    return static_cast<int32_t>(value.get<int64_t>());
  }

  // An optional boolean: absent, null and false are the same.
  bool flag(const Json& object, const char* key) const {
    return object.contains(key) && object[key].is_boolean() && object[key].get<bool>();
  }

  void check_features() const {
    const Json normalizer = root_.value("normalizer", Json());
    const bool identity = normalizer.is_null() ||
                          (normalizer.is_object() && normalizer.value("type", "") == "Sequence" &&
                           normalizer.value("normalizers", Json::array()).empty());
    if (!identity) fail("normalizers are not supported; use a byte-level BPE without one");
    const Json& model = member(root_, "model", "the tokenizer");
    if (!model.is_object() || model.value("type", "BPE") != "BPE") fail("model.type must be 'BPE'");
    for (const char* key :
         {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
      const Json value = model.value(key, Json());
      if (!value.is_null() && value != "") fail(std::string("model.") + key + " is not supported");
    }
    for (const char* key : {"byte_fallback", "ignore_merges"}) {
      if (flag(model, key)) fail(std::string("model.") + key + " is not supported");
    }
  }

  // The patterns of the Split steps; ByteLevel must be there and must not split itself.
  std::vector<std::string> patterns() const {
    const Json& root = member(root_, "pre_tokenizer", "the tokenizer");
    const Json steps = root.is_object() && root.value("type", "") == "Sequence"
                           ? member(root, "pretokenizers", "pre_tokenizer")
                           : Json::array({root});
    std::vector<std::string> patterns;
    bool byte_level = false;
    for (const Json& step : steps) {
      const std::string type = text(member(step, "type", "a pre-tokenizer"), "its type");
      if (type == "ByteLevel") {
        if (flag(step, "add_prefix_space") || !step.contains("use_regex") ||
            flag(step, "use_regex")) {
          fail("pre-tokenizer ByteLevel is supported with add_prefix_space and use_regex false");
        }
        byte_level = true;
      } else if (type == "Split" && !byte_level) {
        const Json& pattern = member(step, "pattern", "pre-tokenizer Split");
        if (step.value("behavior", "") != "Isolated" || flag(step, "invert")) {
          fail("pre-tokenizer Split is supported with behavior Isolated and invert false");
        }
        patterns.push_back(text(member(pattern, "Regex", "pattern of Split"), "Regex"));
      } else {
        fail("pre-tokenizer '" + printable(type) +
             "' is not supported here; use Split steps, then ByteLevel");
      }
    }
    if (!byte_level) fail("the pre-tokenizer must end with ByteLevel");
    return patterns;
  }

  // Ids by token, spelled in the byte-level alphabet; fills bytes by id.
  std::unordered_map<std::string, int32_t> vocab(std::vector<std::string>& bytes) const {
    const Json& entries = member(member(root_, "model", "the tokenizer"), "vocab", "model");
    if (!entries.is_object()) fail("model.vocab must be an object");
    std::unordered_map<std::string, int32_t> ids;
    ids.reserve(entries.size());
    for (const auto& [token, value] : entries.items()) {
      const int32_t token_id = id(value, "the id of '" + printable(token) + "'");
      if (static_cast<size_t>(token_id) < bytes.size() &&
          !bytes[static_cast<size_t>(token_id)].empty())
        fail("two tokens of model.vocab have the id " + std::to_string(token_id));
      put(bytes, token_id, byte_level_to_bytes(token).value_or(token));
      ids.emplace(token, token_id);
    }
    return ids;
  }

  std::vector<Merge> merges(const std::unordered_map<std::string, int32_t>& ids) const {
    const Json& entries = member(member(root_, "model", "the tokenizer"), "merges", "model");
    if (!entries.is_array()) fail("model.merges must be an array");
    if (entries.size() >= Bpe::kMostMerges) fail("model.merges has too many entries");
    std::vector<Merge> merges;
    merges.reserve(entries.size());
    for (const Json& entry : entries) {
      std::string left, right;
      if (entry.is_string()) {
        const auto& pair = entry.get_ref<const std::string&>();
        const size_t space = pair.find(' ');
        if (space == std::string::npos || pair.find(' ', space + 1) != std::string::npos) {
          fail("merge '" + printable(pair) + "' must be two tokens with one space between");
        }
        left = pair.substr(0, space);
        right = pair.substr(space + 1);
      } else if (entry.is_array() && entry.size() == 2) {
        left = text(entry[0], "a merge's token");
        right = text(entry[1], "a merge's token");
      } else {
        fail("a merge must be a string or a pair of strings");
      }
      merges.push_back({known(ids, left), known(ids, right), known(ids, left + right)});
    }
    return merges;
  }

  std::array<int32_t, 256> byte_ids(const std::unordered_map<std::string, int32_t>& ids) const {
    std::array<int32_t, 256> result{};
    for (size_t byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      result[byte] = known(ids, bytes_to_byte_level({&c, 1}));
    }
    return result;
  }

  void added_tokens(TokenizerImpl& impl) const {
    const Json entries = root_.value("added_tokens", Json::array());
    if (!entries.is_array()) fail("added_tokens must be an array");
    for (const Json& entry : entries) {
      const std::string content = text(member(entry, "content", "an added token"), "its content");
      const int32_t token_id =
          id(member(entry, "id", "an added token"), "the id of " + printable(content));
      if (content.empty()) fail("an added token is empty");
      for (const char* key : {"single_word", "lstrip", "rstrip"}) {
        if (flag(entry, key))
          fail("added token '" + printable(content) + "': " + key + " is not supported");
      }
      put(impl.bytes, token_id, content);
      impl.special.resize(impl.bytes.size());
      impl.special[static_cast<size_t>(token_id)] = flag(entry, "special");
      impl.added_ids.insert_or_assign(content, token_id);
      (flag(entry, "normalized") ? impl.normalized_tokens : impl.raw_tokens).add(content, token_id);
    }
    impl.special.resize(impl.bytes.size());
  }

  void put(std::vector<std::string>& bytes, int32_t token_id, std::string value) const {
    const auto at = static_cast<size_t>(token_id);
    if (at >= bytes.size()) bytes.resize(at + 1);
    bytes[at] = std::move(value);
  }

 private:
  int32_t known(const std::unordered_map<std::string, int32_t>& ids,
                const std::string& token) const {
    const auto found = ids.find(token);
    if (found == ids.end()) fail("'" + printable(token) + "' is not in model.vocab");
    return found->second;
  }

  const Json& root_;
  const std::string& origin_;
};

std::shared_ptr<const TokenizerImpl> build(const Json& root, const std::string& origin) {
  const Reader reader(root, origin);
  if (!root.is_object()) reader.fail("must be a JSON object");
  reader.check_features();
  std::vector<std::string> bytes;
  const auto ids = reader.vocab(bytes);
  const std::vector<std::string> patterns = reader.patterns();
  const std::vector<Merge> merges = reader.merges(ids);
  auto impl =
      std::make_shared<TokenizerImpl>(TokenizerImpl{.origin = origin,
                                                    .pretokenizer = Pretokenizer(patterns, origin),
                                                    .bpe = Bpe(reader.byte_ids(ids), merges),
                                                    .raw_tokens = {},
                                                    .normalized_tokens = {},
                                                    .added_ids = {},
                                                    .bytes = std::move(bytes),
                                                    .special = {},
                                                    .merges = merges,
                                                    .patterns = patterns});
  reader.added_tokens(*impl);
  return impl;
}

}  // namespace

Tokenizer Tokenizer::from_json(const std::string& json_text, const std::string& origin) {
  try {
    return Tokenizer(build(Json::parse(json_text), origin));
  } catch (const Json::parse_error& error) {  // its text may quote the whole file
    throw Error(origin + ": is not valid JSON (at byte " + std::to_string(error.byte) + ")");
  } catch (const Json::exception& error) {
    throw Error(origin + ": not a usable tokenizer.json: " + printable(error.what()));
  }
}

Tokenizer Tokenizer::load(const std::string& path) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  const std::string file =
      folder ? (std::filesystem::path(path) / "tokenizer.json").string() : path;
  return from_json(read_file(file, kMaxFileBytes), file);
}

}  // namespace amalgam::model
