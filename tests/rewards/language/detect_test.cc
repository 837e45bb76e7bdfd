#include "rewards/language/detect.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

std::string language(std::string_view text) {
  return std::string(language_of(decoded(text)).value_or("none"));
}

// langdetect 1.0.9 says the same of each with twelve seeds.
TEST(Language, OfSentences) {
  EXPECT_EQ(language("The ferry leaves at noon and comes back before it gets dark."), "en");
  EXPECT_EQ(language("Die Fähre legt mittags ab und kommt vor der Dunkelheit zurück."), "de");
  EXPECT_EQ(language("Le ferry part à midi et revient avant la tombée de la nuit."), "fr");
  EXPECT_EQ(language("Паром отходит в полдень и возвращается до темноты."), "ru");
  EXPECT_EQ(language("フェリーは正午に出て、暗くなる前に戻ります。"), "ja");
  EXPECT_EQ(language("नाव दोपहर को निकलती है और अंधेरा होने से पहले लौट आती है।"), "hi");
}

TEST(Language, NothingToKnowItBy) {
  for (const char* text :
       {"", "12345 !!!", "\xF0\x9F\x98\x80", "https://example.com/le-ferry-part"})
    EXPECT_EQ(language(text), "none") << text;
}

TEST(Language, AddressesDoNotCount) {
  EXPECT_EQ(
      language(
          "Die Fähre legt mittags ab. https://example.com/the-ferry-leaves-at-noon-and-comes-back "
          "the.ferry.that.leaves@the.harbour.at.noon.example.com"),
      "de");
}

// A Latin name in other letters is left away, few others in Latin text are not.
TEST(Language, MostLettersDecide) {
  EXPECT_EQ(language("Паром London отходит в полдень и возвращается до темноты."), "ru");
}

// langdetect gives each of these three or four languages, as its seed would have it.
TEST(Language, EqualTextsHaveEqualLanguages) {
  for (const char* text : {"Hotel Central", "en to tre fire", "Madrid Roma"}) {
    const std::string first = language(text);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(language(text), first);
  }
}

TEST(Language, Names) {
  EXPECT_TRUE(is_known_language("pa"));
  EXPECT_TRUE(is_known_language("zh-cn"));
  EXPECT_FALSE(is_known_language("klingon"));
  EXPECT_FALSE(is_known_language(""));
}

}  // namespace
}  // namespace amalgam::rewards
