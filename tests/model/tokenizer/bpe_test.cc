#include "model/tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "model/tokenizer/whole_characters.h"

namespace amalgam::model {
namespace {

using Ids = std::vector<int32_t>;

std::array<int32_t, 256> identity() {
  std::array<int32_t, 256> ids{};
  for (int byte = 0; byte < 256; ++byte) ids[static_cast<size_t>(byte)] = byte;
  return ids;
}

// The definition, word for word.
Ids by_definition(const std::vector<Merge>& merges, const std::string& word) {
  Ids ids;
  for (const char c : word) ids.push_back(static_cast<unsigned char>(c));
  for (;;) {
    size_t best_rank = merges.size(), best_at = 0;
    for (size_t at = 0; at + 1 < ids.size(); ++at) {
      for (size_t rank = 0; rank < best_rank; ++rank) {
        if (merges[rank].left == ids[at] && merges[rank].right == ids[at + 1]) {
          best_rank = rank;
          best_at = at;
        }
      }
    }
    if (best_rank == merges.size()) return ids;
    ids[best_at] = merges[best_rank].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
}

const char* const kCharacters[] = {"a", "é", "è", "中", "丸", "丂", "国", "😀"};

std::string random_text(std::mt19937& random, size_t num_characters) {
  std::string text;
  for (size_t i = 0; i < num_characters; ++i) text += kCharacters[random() % 8];
  return text;
}

// Merges of neighbours in a text of the characters, so that they are met; each pair once.
std::vector<Merge> random_merges(std::mt19937& random, int num_merges) {
  std::vector<Merge> merges;
  for (int32_t next = 256; num_merges > 0; --num_merges) {
    const Ids ids = by_definition(merges, random_text(random, 30));
    const size_t at = random() % (ids.size() - 1);
    merges.push_back({ids[at], ids[at + 1], next++});
  }
  return merges;
}

void expect_by_definition(std::mt19937& random, const std::vector<Merge>& merges) {
  const Bpe bpe(identity(), merges);
  for (int i = 0; i < 20; ++i) {
    const std::string word = random_text(random, 1 + random() % 80);  // on both sides of 128 bytes
    Ids ids;
    bpe.encode(word, ids);
    ASSERT_EQ(ids, by_definition(merges, word)) << word;
  }
}

TEST(BpeTest, EqualsItsDefinition) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round)
    expect_by_definition(random, random_merges(random, 1 + round / 3));
}

TEST(BpeTest, EqualsItsDefinitionWhenRanksDoNotRise) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<Merge> merges = random_merges(random, 1 + round / 3);
    std::shuffle(merges.begin(), merges.end(), random);
    expect_by_definition(random, merges);
  }
}

int32_t whole_e_acute(const std::vector<Merge>& merges) {
  return whole_characters(identity(), merges, MergeTable(merges))[U'é'];  // C3 A9
}

TEST(WholeCharactersTest, OnlyWhatNoNeighbourCanDisturb) {
  EXPECT_EQ(whole_e_acute({{0xC3, 0xA9, 256}}), 256);
  EXPECT_EQ(whole_e_acute({{0xC3, 0xA8, 256}}), -1);                      // never one symbol
  EXPECT_EQ(whole_e_acute({{'a', 0xC3, 256}, {0xC3, 0xA9, 257}}), -1);    // from before
  EXPECT_EQ(whole_e_acute({{0xA9, 'a', 256}, {0xC3, 0xA9, 257}}), -1);    // from behind
  EXPECT_EQ(whole_e_acute({{0xC3, 0xA9, 256}, {'a', 0xC3, 257}}), 256);   // too late
  EXPECT_EQ(whole_e_acute({{0xA9, 0xA9, 256}, {0xC3, 0xA9, 257}}), 257);  // no character: A9
  EXPECT_EQ(whole_e_acute({{256, 'a', 257}, {0xC3, 0xA9, 256}}), -1);     // ranks do not rise
}

}  // namespace
}  // namespace amalgam::model
