// Parsing completions. Mistakes that the format invites: text between the tags of a call
// (bad_call_block), a call without parameters, whose body is one blank line
// (CallWithoutParameters), and an argument that holds a tag of its own (bad_parameter).
#include "configs/utf8.h"
#include "model/encoding/encoding.h"
#include "model/encoding/python_json.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::model {
namespace {

constexpr std::string_view kCallsStart = "\n\n<｜DSML｜tool_calls";
constexpr std::string_view kCallsEnd = "</｜DSML｜tool_calls>";
constexpr std::string_view kInvokeStart = "<｜DSML｜invoke";
constexpr std::string_view kInvokeEnd = "</｜DSML｜invoke";
constexpr std::string_view kParameterStart = "<｜DSML｜parameter";
constexpr std::string_view kParameterEnd = "/｜DSML｜parameter";

// Thrown inside this file only; parse_completion turns it into its result.
struct Offence {
  ParseErrorKind kind;
  std::string what;
};

std::string quoted(std::string_view text) {
  constexpr size_t kMost = 80;
  std::string shown(text.substr(0, kMost));
  if (text.size() > kMost) shown += "…";
  return python_json_string(shown);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Message parse(ThinkingMode mode) {
    Message message;
    message.role = MessageRole::kAssistant;
    if (mode == ThinkingMode::kThinking) {
      const auto [reasoning, stop] = read_until({kThinkEnd, kCallsStart});
      if (stop != kThinkEnd) throw Offence{ParseErrorKind::kNoThinkEnd, "no </think>"};
      message.reasoning_content = plain(reasoning, "the reasoning");
    }
    const auto [answer, stop] = read_until({kEos, kCallsStart});
    message.content = plain(answer, "the answer");
    if (stop == kCallsStart) {
      calls(message.tool_calls);
    } else if (stop != kEos) {
      throw Offence{ParseErrorKind::kNoEos, "no end of sentence"};
    }
    if (at_ != text_.size()) {
      throw Offence{ParseErrorKind::kTextAfterEos,
                    "text after the end of sentence: " + quoted(text_.substr(at_))};
    }
    return message;
  }

 private:
  struct Piece {
    std::string_view before;  // the text up to the stop string
    std::string_view stop;    // empty = none found, all of the text was read
  };

  // Reads on to the first of `stops`, and past it.
  Piece read_until(std::initializer_list<std::string_view> stops) {
    size_t nearest = text_.size();
    std::string_view stop;
    for (const std::string_view candidate : stops) {
      const size_t found = text_.substr(0, nearest).find(candidate, at_);
      if (found == std::string_view::npos) continue;
      nearest = found;
      stop = candidate;
    }
    const std::string_view before = text_.substr(at_, nearest - at_);
    at_ = nearest + stop.size();
    return {before, stop};
  }

  static std::string plain(std::string_view text, const char* where) {
    for (const std::string_view token : {kBos, kEos, kThinkStart, kThinkEnd, kDsml}) {
      if (text.find(token) != std::string_view::npos) {
        throw Offence{ParseErrorKind::kSpecialToken, std::string(token) + " inside " + where};
      }
    }
    return replace_invalid_utf8(text);
  }

  void calls(std::vector<ToolCall>& out) {
    for (;;) {
      const auto [between, stop] = read_until({kInvokeStart, kCallsEnd});
      if (between != ">\n" || stop.empty()) {
        throw Offence{ParseErrorKind::kBadCallBlock,
                      stop.empty() ? "the tool_calls block is not closed"
                                   : "between calls stands " + quoted(between) + ", not \">\\n\""};
      }
      if (stop == kCallsEnd) break;
      out.push_back(call());
    }
    if (out.empty()) throw Offence{ParseErrorKind::kBadCallBlock, "the tool_calls block is empty"};
    const auto [after, stop] = read_until({kEos});
    if (!after.empty()) {
      throw Offence{ParseErrorKind::kTextAfterCalls, "after the tool calls: " + quoted(after)};
    }
  }

  ToolCall call() {
    Piece piece = read_until({kParameterStart, kInvokeEnd});
    ToolCall result;
    result.name = tool_name(piece.before);
    std::vector<JsonMember> parameters;
    while (piece.stop == kParameterStart) {
      const JsonMember next = parameter();
      for (const JsonMember& known : parameters) {
        if (known.key == next.key) {
          throw Offence{ParseErrorKind::kDuplicateParameter,
                        "parameter " + quoted(next.key) + " of " + quoted(result.name) + " twice"};
        }
      }
      parameters.push_back(next);
      piece = read_until({kParameterStart, kInvokeEnd});
      if (piece.before != ">\n") {
        throw Offence{ParseErrorKind::kBadParameter,
                      "after a parameter stands " + quoted(piece.before) + ", not \">\\n\""};
      }
    }
    if (piece.stop.empty()) {
      throw Offence{ParseErrorKind::kBadCallBlock,
                    "the call of " + quoted(result.name) + " is not closed"};
    }
    const char* separator = "";
    result.arguments_json = "{";
    for (const JsonMember& next : parameters) {
      result.arguments_json += separator + python_json_string(next.key) + ": " +
                               (next.is_string ? python_json_string(next.value) : next.value);
      separator = ", ";
    }
    result.arguments_json += "}";
    return result;
  }

  // ` name="N">\n`, with one more line break when the call has no parameters.
  static std::string tool_name(std::string_view text) {
    const auto fail = [&]() -> Offence {
      return {ParseErrorKind::kBadToolName, "not name=\"…\">: " + quoted(text)};
    };
    std::string_view rest = text;
    while (!rest.empty() &&
           std::string_view(" \t\n\r\f\v").find(rest[0]) != std::string_view::npos) {
      rest.remove_prefix(1);
    }
    constexpr std::string_view kPrefix = "name=\"", kSuffix = "\">\n";
    if (!rest.starts_with(kPrefix)) throw fail();
    rest.remove_prefix(kPrefix.size());
    const size_t end = rest.find('"');
    if (end == std::string_view::npos || end == 0) throw fail();
    const std::string_view suffix = rest.substr(end);
    if (suffix != kSuffix && suffix != "\">\n\n") throw fail();
    return replace_invalid_utf8(rest.substr(0, end));
  }

  // ` name="P" string="true|false">VALUE<`, up to the stop of the end tag.
  JsonMember parameter() {
    const auto [text, stop] = read_until({kParameterEnd});
    const auto fail = [text = text](const char* what) -> Offence {
      return {ParseErrorKind::kBadParameter, std::string(what) + ": " + quoted(text)};
    };
    if (stop.empty()) throw fail("a parameter is not closed");
    std::string_view rest = text;
    constexpr std::string_view kPrefix = " name=\"", kTrue = "\" string=\"true\">",
                               kFalse = "\" string=\"false\">";
    if (!rest.starts_with(kPrefix)) throw fail("a parameter has no name");
    rest.remove_prefix(kPrefix.size());
    const std::string_view name = rest.substr(0, rest.find('"'));
    rest.remove_prefix(name.size());
    const bool is_string = rest.starts_with(kTrue);
    if (!is_string && !rest.starts_with(kFalse)) {
      throw fail("a parameter has no string=\"true|false\"");
    }
    rest.remove_prefix(is_string ? kTrue.size() : kFalse.size());
    if (!rest.ends_with('<')) throw fail("a parameter has a broken end tag");
    rest.remove_suffix(1);
    if (!is_string && !python_json(rest)) {
      throw Offence{ParseErrorKind::kParameterNotJson,
                    "parameter " + quoted(name) + " is not JSON: " + quoted(rest)};
    }
    return {replace_invalid_utf8(name), is_string, replace_invalid_utf8(rest)};
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

const char* parse_error_name(ParseErrorKind kind) {
  switch (kind) {
    case ParseErrorKind::kNoThinkEnd:
      return "no_think_end";
    case ParseErrorKind::kNoEos:
      return "no_eos";
    case ParseErrorKind::kSpecialToken:
      return "special_token";
    case ParseErrorKind::kBadCallBlock:
      return "bad_call_block";
    case ParseErrorKind::kBadToolName:
      return "bad_tool_name";
    case ParseErrorKind::kBadParameter:
      return "bad_parameter";
    case ParseErrorKind::kDuplicateParameter:
      return "duplicate_parameter";
    case ParseErrorKind::kParameterNotJson:
      return "parameter_not_json";
    case ParseErrorKind::kTextAfterCalls:
      return "text_after_calls";
    case ParseErrorKind::kTextAfterEos:
      return "text_after_eos";
  }
  return "unknown";
}

std::variant<Message, ParseError> parse_completion(const std::string& text, ThinkingMode mode) {
  try {
    return Parser(text).parse(mode);
  } catch (const Offence& offence) {
    return ParseError{offence.kind, offence.what};
  }
}

}  // namespace amalgam::model
