// Writing a trained tokenizer in Hugging Face's formats.
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "model/tokenizer/bpe_trainer.h"
#include "model/tokenizer/byte_level.h"
#include "model/tokenizer/chat_template.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::model {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Marked as special, decoders may hide a token. As in the released tokenizer that is so for BOS,
// EOS and padding only: hiding <think> or ｜DSML｜ would make a completion unparsable.
bool hidden(std::string_view token) { return token == kBos || token == kEos || token == kPad; }

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error("cannot write " + path);
}

}  // namespace

std::string tokenizer_json(const TrainedBpe& bpe) {
  OrderedJson vocab = OrderedJson::object(), merges = OrderedJson::array(),
              added = OrderedJson::array(), steps = OrderedJson::array();
  std::vector<std::string> spelled;
  for (size_t id = 0; id < bpe.tokens.size(); ++id) {
    const bool special = static_cast<int64_t>(id) < bpe.num_special;
    spelled.push_back(special ? bpe.tokens[id] : bytes_to_byte_level(bpe.tokens[id]));
    vocab[spelled.back()] = id;
    if (!special) continue;
    added.push_back({{"id", id},
                     {"content", bpe.tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", hidden(bpe.tokens[id])}});
  }
  for (const auto& [left, right] : bpe.merges) {
    merges.push_back(OrderedJson::array(
        {spelled[static_cast<size_t>(left)], spelled[static_cast<size_t>(right)]}));
  }
  for (const std::string& pattern : bpe.patterns) {
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  const OrderedJson byte_level = {{"type", "ByteLevel"},
                                  {"add_prefix_space", false},
                                  {"trim_offsets", true},
                                  {"use_regex", false}};
  steps.push_back(byte_level);
  const OrderedJson root = {{"version", "1.0"},
                            {"truncation", nullptr},
                            {"padding", nullptr},
                            {"added_tokens", added},
                            {"normalizer", nullptr},
                            {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}},
                            {"post_processor", nullptr},
                            {"decoder", byte_level},
                            {"model",
                             {{"type", "BPE"},
                              {"dropout", nullptr},
                              {"unk_token", nullptr},
                              {"continuing_subword_prefix", nullptr},
                              {"end_of_word_suffix", nullptr},
                              {"fuse_unk", false},
                              {"byte_fallback", false},
                              {"ignore_merges", false},
                              {"vocab", vocab},
                              {"merges", merges}}}};
  return root.dump(1) + "\n";
}

std::string tokenizer_config_json(int64_t model_max_length) {
  const OrderedJson root = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                            {"bos_token", kBos},
                            {"eos_token", kEos},
                            {"pad_token", kPad},
                            {"clean_up_tokenization_spaces", false},
                            {"model_max_length", model_max_length},
                            {"chat_template", chat_template()}};
  return root.dump(1) + "\n";
}

void write_tokenizer(const TrainedBpe& bpe, int64_t model_max_length, const std::string& folder) {
  write_file(folder + "/tokenizer.json", tokenizer_json(bpe));
  write_file(folder + "/tokenizer_config.json", tokenizer_config_json(model_max_length));
}

}  // namespace amalgam::model
