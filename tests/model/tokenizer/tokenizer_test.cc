#include "model/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "configs/error.h"
#include "configs/utf8.h"
#include "tests/paths.h"

namespace amalgam::model {
namespace {

using Json = nlohmann::json;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A tokenizer small enough to work out by hand: bytes 0..255 as ids 0..255, then merges.
Json hand_made() {
  Json vocab = Json::object();
  int next_unprintable = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    std::string spelled;
    append_utf8(static_cast<char32_t>(printable ? byte : next_unprintable++), spelled);
    vocab[spelled] = byte;
  }
  vocab["ab"] = 256;
  vocab["bc"] = 257;
  vocab["abc"] = 258;
  vocab["aa"] = 259;
  vocab["aaaa"] = 260;
  const auto added = [](const char* content, int id, bool special, bool normalized) {
    return Json{{"content", content}, {"id", id}, {"special", special}, {"normalized", normalized}};
  };
  return {{"normalizer", nullptr},
          {"added_tokens",
           {added("<s>", 261, true, false), added("<s>x", 262, false, false),
            added("<u>", 263, false, true), added("ab<s", 264, false, true)}},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"},
               {"pattern", {{"Regex", "\\p{N}"}}},
               {"behavior", "Isolated"},
               {"invert", false}},
              {{"type", "Split"},
               {"pattern", {{"Regex", "\\s+(?!\\S)|\\s+|[a-z]+"}}},
               {"behavior", "Isolated"},
               {"invert", false}},
              {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}}},
          {"model",
           {{"type", "BPE"},
            {"vocab", vocab},
            {"merges", {"b c", Json::array({"a", "b"}), "a bc", "a a", "aa aa"}}}}};
}

Tokenizer hand_made_tokenizer() { return Tokenizer::from_json(hand_made().dump(), "test"); }

using Ids = std::vector<int32_t>;

TEST(TokenizerTest, LowestRankFirstThenLeftmost) {
  const Tokenizer t = hand_made_tokenizer();
  EXPECT_EQ(t.encode("abc", SpecialText::kAsTokens), (Ids{258}));  // b+c, then a+bc
  EXPECT_EQ(t.encode("ab", SpecialText::kAsTokens), (Ids{256}));
  EXPECT_EQ(t.encode("aaa", SpecialText::kAsTokens), (Ids{259, 'a'}));  // the leftmost pair
  EXPECT_EQ(t.encode("aaaaa", SpecialText::kAsTokens), (Ids{260, 'a'}));
  EXPECT_EQ(t.encode("", SpecialText::kAsTokens), Ids{});
}

TEST(TokenizerTest, LongWordsEqualShortOnes) {
  const Tokenizer t = hand_made_tokenizer();
  // 4 k + r times "a" is k times aaaa, then the rest; lengths on both sides of the switch to the
  // heap.
  for (const size_t length : {40u, 47u, 48u, 49u, 50u, 51u, 1000u, 1003u}) {
    Ids expected(length / 4, 260);
    if (length % 4 >= 2) expected.push_back(259);
    if (length % 2 == 1) expected.push_back('a');
    EXPECT_EQ(t.encode(std::string(length, 'a'), SpecialText::kAsTokens), expected) << length;
  }
}

// A digit ends a piece, so a long text (whose words are cached) has the ids of its parts one by
// one.
TEST(TokenizerTest, CachedWordsEqualNewOnes) {
  const Tokenizer t = hand_made_tokenizer();
  std::string text;
  Ids expected;
  uint32_t state = 7;
  for (int i = 0; i < 20000; ++i) {
    std::string part;
    for (state = state * 1664525 + 1013904223; part.size() < 1 + (state >> 28);) {
      part.push_back(static_cast<char>('a' + (state >> (part.size() % 12)) % 3));
    }
    part += "1";
    text += part;
    const Ids ids = t.encode(part, SpecialText::kAsTokens);
    expected.insert(expected.end(), ids.begin(), ids.end());
  }
  EXPECT_EQ(t.encode(text, SpecialText::kAsTokens), expected);
}

TEST(TokenizerTest, PatternsSplitPieceByPiece) {
  const Tokenizer t = hand_made_tokenizer();
  // A digit isolates; the white space before it ends its piece, so it is one word, not n - 1 and 1.
  EXPECT_EQ(t.encode("a1b", SpecialText::kAsTokens), (Ids{'a', '1', 'b'}));
  EXPECT_EQ(t.encode("a.b", SpecialText::kAsTokens), (Ids{'a', '.', 'b'}));
}

TEST(TokenizerTest, SpecialStringsAreTokensOnlyWhenAsked) {
  const Tokenizer t = hand_made_tokenizer();
  EXPECT_EQ(t.encode("a<s>a", SpecialText::kAsTokens), (Ids{'a', 261, 'a'}));
  EXPECT_EQ(t.encode("a<s>a", SpecialText::kAsText), (Ids{'a', '<', 's', '>', 'a'}));
  EXPECT_EQ(t.encode("<s>xy", SpecialText::kAsTokens), (Ids{262, 'y'}));  // the longest
  EXPECT_EQ(t.encode("<s><u><s", SpecialText::kAsTokens), (Ids{261, 263, '<', 's'}));
  // Tokens that are not normalized are searched first, though "ab<s" begins earlier.
  EXPECT_EQ(t.encode("ab<s>", SpecialText::kAsTokens), (Ids{256, 261}));
  EXPECT_EQ(t.encode("ab<s", SpecialText::kAsTokens), (Ids{264}));
}

TEST(TokenizerTest, LiteralRangesProtectText) {
  const Tokenizer t = hand_made_tokenizer();
  const std::string text = "<s><s><s>x";
  const auto encode = [&](std::vector<TextRange> literal) { return t.encode(text, literal); };
  const Ids plain{'<', 's', '>'};
  EXPECT_EQ(encode({{3, 6}}), (Ids{261, '<', 's', '>', 262}));
  EXPECT_EQ(encode({{4, 5}}), (Ids{261, '<', 's', '>', 262}));  // touching is enough
  EXPECT_EQ(encode({{9, 10}}), (Ids{261, 261, 261, 'x'}));      // the shorter token still fits
  EXPECT_EQ(encode({{0, 3}, {6, 10}}), (Ids{'<', 's', '>', 261, '<', 's', '>', 'x'}));
}

TEST(TokenizerTest, InvalidUtf8SurvivesByteForByte) {
  const Tokenizer t = hand_made_tokenizer();
  uint32_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < round % 70; ++i) {
      state = state * 1664525 + 1013904223;
      // Mostly lead and continuation bytes, with ASCII between.
      text.push_back(static_cast<char>((state >> 24) % 5 == 0 ? 'a' : 0x80 + (state >> 20) % 128));
    }
    for (const SpecialText special : {SpecialText::kAsTokens, SpecialText::kAsText}) {
      const Ids ids = t.encode(text, special);
      ASSERT_EQ(t.decode_bytes(ids, SpecialIds::kKeep), text);
      const std::string decoded = t.decode(ids, SpecialIds::kKeep);
      ASSERT_EQ(valid_utf8_prefix(decoded), decoded.size());
    }
  }
}

TEST(TokenizerTest, DecodeSkipsSpecialAndUnknownIds) {
  const Tokenizer t = hand_made_tokenizer();
  const Ids ids{261, 'a', 263, -1, 100000};
  EXPECT_EQ(t.decode(ids, SpecialIds::kKeep), "<s>a<u>");
  EXPECT_EQ(t.decode(ids, SpecialIds::kSkip), "a<u>");
  EXPECT_EQ(t.vocab_size(), 265);
  EXPECT_EQ(t.added_token("<u>"), 263);
  EXPECT_EQ(t.added_token("ab"), std::nullopt);
  EXPECT_THROW(t.require_added_token("<｜User｜>"), Error);
}

TEST(TokenizerTest, StreamNeverEmitsHalfACharacter) {
  const Tokenizer t = hand_made_tokenizer();
  const std::string text = "a\u20AC\U0001F642\xE2\x82z\xF0\x9F<s>\xE2\x82";
  const Ids ids = t.encode(text, SpecialText::kAsTokens);
  StreamDecoder stream(t, SpecialIds::kKeep);
  std::string joined;
  for (const int32_t id : ids) {
    const std::string piece = stream.push(id);
    EXPECT_EQ(valid_utf8_prefix(piece), piece.size());
    joined += piece;
  }
  EXPECT_EQ(joined, "a\u20AC\U0001F642\uFFFDz\uFFFD<s>");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TokenizerTest, UnsupportedFeaturesAreNamed) {
  const auto message = [](const Json& json) {
    try {
      Tokenizer::from_json(json.dump(), "file.json");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(message(hand_made()), "accepted");
  const auto changed = [&](const char* pointer, const Json& value) {
    Json json = hand_made();
    json[Json::json_pointer(pointer)] = value;
    return message(json);
  };
  EXPECT_THAT(changed("/normalizer", {{"type", "NFC"}}), testing::HasSubstr("normalizers"));
  EXPECT_THAT(changed("/model/type", "Unigram"), testing::HasSubstr("model.type"));
  EXPECT_THAT(changed("/model/byte_fallback", true), testing::HasSubstr("byte_fallback"));
  EXPECT_THAT(changed("/model/merges/0", "q z"), testing::HasSubstr("'qz' is not in model.vocab"));
  EXPECT_THAT(changed("/model/merges/0", 3), testing::HasSubstr("merge"));
  EXPECT_THAT(changed("/model/vocab/b", 'a'), testing::HasSubstr("have the id 97"));
  EXPECT_THAT(changed("/model/vocab/a", -1), testing::HasSubstr("'a'"));
  EXPECT_THAT(changed("/model/vocab/a", 1e18), testing::HasSubstr("'a'"));
  EXPECT_THAT(changed("/added_tokens/0/lstrip", true), testing::HasSubstr("lstrip"));
  EXPECT_THAT(changed("/pre_tokenizer/pretokenizers/0/behavior", "Removed"),
              testing::HasSubstr("Isolated"));
  EXPECT_THAT(changed("/pre_tokenizer/pretokenizers/0/pattern/Regex", "(("),
              testing::HasSubstr("(("));
  EXPECT_THAT(changed("/pre_tokenizer/type", 5), testing::HasSubstr("file.json"));
  EXPECT_THROW(Tokenizer::from_json("{\"model\":", "x"), Error);
  EXPECT_THROW(Tokenizer::load("/nonexistent/tokenizer.json"), Error);
}

// The released tokenizer against the tokenizers library.
class ReleasedTokenizerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::string(tests::kReferenceData) + "/tokenizer";
    if (!std::filesystem::exists(folder_ + "/tokenizer.json")) {
      GTEST_SKIP() << "set AMALGAM_REFERENCE_DATA to a folder with tokenizer/tokenizer.json";
    }
  }
  std::string folder_;
};

TEST_F(ReleasedTokenizerTest, VectorsOfTheTokenizersLibrary) {
  const Tokenizer t = Tokenizer::load(folder_);
  const Json vectors = Json::parse(read_file(folder_ + "/vectors.json"));
  ASSERT_GT(vectors.size(), 400u);
  for (const Json& vector : vectors) {
    const auto text = vector["text"].get<std::string>();
    const auto ids = vector["ids"].get<Ids>();
    ASSERT_EQ(t.encode(text, SpecialText::kAsTokens), ids) << text;
    ASSERT_EQ(t.decode(ids, SpecialIds::kKeep), vector["decoded"].get<std::string>()) << text;
  }
}

TEST_F(ReleasedTokenizerTest, ThreadsShareOneTokenizer) {
  const Tokenizer t = Tokenizer::load(folder_);
  const std::string text = read_file(folder_ + "/vectors.json").substr(0, 100000);
  const Ids expected = t.encode(text, SpecialText::kAsTokens);
  std::vector<Ids> ids(4);
  std::vector<std::thread> threads;
  for (Ids& mine : ids) {
    threads.emplace_back([&] { mine = t.encode(text, SpecialText::kAsTokens); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Ids& mine : ids) EXPECT_EQ(mine, expected);
}

TEST(Tokenizer, TheFirstDifferenceIsNamed) {
  const Tokenizer own = Tokenizer::from_json(hand_made().dump(), "own");
  const auto difference = [&](const std::function<void(Json&)>& change) {
    Json other = hand_made();
    change(other);
    return own.first_difference(Tokenizer::from_json(other.dump(), "other"));
  };
  EXPECT_EQ(difference([](Json&) {}), "");
  // The same merges, written as strings; more keys; tokens in another order.
  EXPECT_EQ(difference([](Json& t) {
              for (Json& merge : t["model"]["merges"])
                if (merge.is_array())
                  merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
              t["version"] = "2.0";
              std::reverse(t["added_tokens"].begin(), t["added_tokens"].end());
            }),
            "");
  EXPECT_EQ(
      difference([](Json& t) { std::swap(t["model"]["vocab"]["ab"], t["model"]["vocab"]["bc"]); }),
      "token 256 is \"ab\", not \"bc\"");
  EXPECT_EQ(difference([](Json& t) { t["model"]["vocab"]["cc"] = 265; }),
            "token 265 is none, not \"cc\"");
  EXPECT_EQ(difference([](Json& t) { t["added_tokens"][0]["content"] = "<t>"; }),
            "token 261 is \"<s>\", not \"<t>\"");
  EXPECT_EQ(difference([](Json& t) { t["added_tokens"][0]["special"] = false; }),
            "token 261 is special, not plain");
  EXPECT_EQ(difference([](Json& t) {
              t["added_tokens"].erase(2);
              t["model"]["vocab"]["<u>"] = 263;
            }),
            "token 263 is added, not learned");
  EXPECT_EQ(difference([](Json& t) {
              std::swap(t["model"]["merges"][0], t["model"]["merges"][1]);
            }).substr(0, 8),
            "merge 0 ");
  EXPECT_NE(difference([](Json& t) {
              t["model"]["merges"].erase(t["model"]["merges"].size() - 1);
            }).find(", not none"),
            std::string::npos);
  EXPECT_EQ(difference([](Json& t) {
              t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "\\p{L}";
            }),
            "pattern 0 is \"\\p{N}\", not \"\\p{L}\"");
}

}  // namespace
}  // namespace amalgam::model
