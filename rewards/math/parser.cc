#include "rewards/math/parser.h"

#include <utility>

#include "rewards/math/parsing.h"

namespace amalgam::rewards {

std::optional<Node> Parser::run() {
  Node node = take_list();
  while (peek().is(".") || peek().is(",") || peek().is(";")) ++at_;
  if (failed_ || peek().type != Type::kEnd) return std::nullopt;
  return node;
}

std::optional<Node> parse_answer(std::string_view ascii, Commas commas) {
  auto tokens = tokens_of(ascii, commas);
  if (!tokens) return std::nullopt;
  return Parser(std::move(*tokens)).run();
}

}  // namespace amalgam::rewards
