#include <algorithm>
#include <array>
#include <utility>

#include "rewards/math/parsing.h"
#include "rewards/math/unit_reader.h"
#include "rewards/math/words.h"

namespace amalgam::rewards {

Node Parser::take_named_set(const std::string& name) {
  Node set{Kind::kNamedSet, name, {}};
  // \mathbb{R}^+, \mathbb{Z}_{>0}, \mathbb{R}^2
  while (peek().is("^") || peek().is("_")) {
    set.text += tokens_[at_++].text;
    if (take("{")) {
      while (peek().type != Type::kEnd && !peek().is("}")) set.text += tokens_[at_++].text;
      expect("}");
    } else if (peek().type != Type::kEnd) {
      set.text += tokens_[at_++].text;
    }
  }
  return set;
}

Node Parser::take_brackets(char open) {
  if (peek().is(")") || peek().is("]")) return fail();
  Node inner = take_list();
  const bool round = peek().is(")");
  if (!round && !peek().is("]")) return fail();
  ++at_;
  const std::string brackets = {open, round ? ')' : ']'};
  if (inner.is(Kind::kList, ",")) {
    inner.kind = Kind::kTuple;
    inner.text = brackets;
    return inner;
  }
  const bool bracketed = is_expression(inner) || inner.is(Kind::kMatrix);
  if (brackets == "()" || (brackets == "[]" && bracketed)) return inner;
  return fail();
}

Node Parser::take_until(std::string_view close, Kind kind, std::string text) {
  Node inner = take_list();
  expect(close);
  if (failed_) return {};
  Node node{kind, std::move(text), {}};
  if (inner.is(Kind::kList))
    node.args = std::move(inner.args);
  else
    node.args.push_back(std::move(inner));
  return node;
}

Node Parser::take_set() {
  if (take("\\}")) return Node{Kind::kSet};
  // {x : x > 2}: what follows the bar is the set.
  int depth = 0;
  for (size_t i = at_; i < tokens_.size(); ++i) {
    const Token& token = tokens_[i];
    if (token.is("\\{")) ++depth;
    if (token.is("\\}") && --depth < 0) break;
    if (depth == 0 && i > at_ && (token.is("|") || token.is(":")) && bars_ == 0 &&
        tokens_[at_].type == Type::kLetter && (i == at_ + 1 || tokens_[at_ + 1].is("in"))) {
      at_ = i + 1;
      Node condition = take_list();
      expect("\\}");
      return condition;
    }
  }
  return take_until("\\}", Kind::kSet, "");
}

Node Parser::take_group() {
  if (take("}")) {
    // {}_5: nothing.
    return fail();
  }
  const Token first = peek();
  Node inner = take_list();
  expect("}");
  if (peek().is("_") && first.type == Type::kLetter && inner.args.empty())
    return take_symbol(first);  // {b}_{1}
  if (inner.is(Kind::kList)) inner.kind = Kind::kSet, inner.text.clear();
  return inner;
}

Node Parser::take_absolute() {
  const Level level(this);
  ++bars_;
  Node inner = take_sum();
  expect("|");
  --bars_;
  return call("abs", std::move(inner));
}

Node Parser::take_rounded(std::string name, std::string_view close) {
  Node inner = take_sum();
  expect(close);
  return call(std::move(name), std::move(inner));
}

// Matrices and arrays; cases and others are none.
Node Parser::take_environment() {
  const std::string name = take_environment_name();
  const bool matrix = name == "pmatrix" || name == "bmatrix" || name == "matrix" ||
                      name == "array" || name == "smallmatrix" || name == "vmatrix" ||
                      name == "Bmatrix" || name == "Vmatrix";
  if (!matrix) return fail();
  if (name == "array" && take("{"))
    while (peek().type != Type::kEnd && !take("}")) ++at_;
  Node node{Kind::kMatrix};
  node.args.push_back({Kind::kTuple, "()", {}});
  while (!failed_ && !peek().is("end")) {
    if (take("\\\\")) {
      if (!peek().is("end")) node.args.push_back({Kind::kTuple, "()", {}});
    } else if (!take("&")) {
      node.args.back().args.push_back(take_side());
      if (!peek().is("&") && !peek().is("\\\\") && !peek().is("end")) return fail();
    }
  }
  expect("end");
  if (take_environment_name() != name || failed_) return fail();
  if (name != "vmatrix") return node;
  return call("det", std::move(node));
}

std::string Parser::take_environment_name() {
  std::string name;
  expect("{");
  while (peek().type != Type::kEnd && !peek().is("}")) name += tokens_[at_++].text;
  expect("}");
  return name;
}

}  // namespace amalgam::rewards
