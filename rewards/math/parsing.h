// The parser's parts; parser.h is its interface. Recursive descent over tokens: a list of items
// (parse_list.cc), an item of formulas, a formula of terms (parse_term.cc), a term of functions,
// fractions and names (parse_primary.cc) and of what brackets hold (parse_brackets.cc).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rewards/math/node.h"
#include "rewards/math/tokens.h"

namespace amalgam::rewards {

// Of a token that is a function of one argument in brackets or without, or of a list.
bool is_function(const Token& token);

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  std::optional<Node> run();

 private:
  using Type = Token::Type;
  static constexpr int kMaxDepth = 600;  // calls; a bracket takes about eight

  // One more level of the tree; a text that goes too deep fails.
  struct Level {
    explicit Level(Parser* p) : parser(p) {
      if (++parser->depth_ > kMaxDepth) parser->fail();
    }
    ~Level() { --parser->depth_; }
    Parser* parser;
  };
  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool take(std::string_view name) {
    if (!peek().is(name)) return false;
    ++at_;
    return true;
  }
  Node fail() {
    failed_ = true;
    at_ = tokens_.size() - 1;
    return {};
  }
  void expect(std::string_view name) {
    if (!take(name)) fail();
  }

  // parse_list.cc
  Node take_list();
  static bool is_closing(const Token& token);
  static bool is_proper_fraction(const Node& node);
  Node take_item();
  Node take_side();
  Node take_sets();
  static Node as_set(Node node);
  bool is_letter_between_brackets() const;
  Node take_formula();

  // parse_term.cc
  Node take_sum();
  Node take_term();
  static bool is_collection(const Node& node);
  bool result_ends_with_i() const;
  bool ends_group(size_t at) const;
  Node take_signed_power();
  bool is_plain_unit() const;
  Node with_fraction(Node whole);
  bool begins_factor() const;
  Node take_power();
  Node take_marks(Node base);
  bool is_degree_sign(size_t ahead) const;
  Node take_exponent();
  Node take_argument();

  // parse_primary.cc
  Node take_primary();
  std::string take_subscript();
  Node take_symbol(const Token& token);
  Node take_named();
  Node take_fraction();
  Node take_binomial();
  Node take_root();
  Node take_logarithm();
  Node take_function();
  Node take_function_argument(bool trigonometric);

  // parse_series.cc
  Node take_series(bool is_sum);

  // parse_brackets.cc
  Node take_named_set(const std::string& name);
  Node take_brackets(char open);
  Node take_until(std::string_view close, Kind kind, std::string text);
  Node take_set();
  Node take_group();
  Node take_absolute();
  Node take_rounded(std::string name, std::string_view close);
  Node take_environment();
  std::string take_environment_name();

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int bars_ = 0;              // open | of absolute values
  long series_nodes_ = 4000;  // that sums may still be written out in
  bool failed_ = false;
};

}  // namespace amalgam::rewards
