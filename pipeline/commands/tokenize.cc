#include "pipeline/commands/tokenize.h"

#include <nlohmann/json.hpp>

#include "model/encoding/python_json.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/commands/token_rows.h"
#include "pipeline/data/jsonl.h"
#include "pipeline/data/unused_keys.h"

namespace amalgam::pipeline {

void TokenizeOptions::describe(OptionSet& options) {
  options.option("--model,--tokenizer", tokenizer, "tokenizer.json, or a folder that holds one",
                 Need::kRequired);
  options.flag("--decode", decode, "ids to text");
  options.option("--in", in,
                 "JSONL rows {\"text\": \"…\"}, with --decode {\"ids\": […]}; - is standard input",
                 Need::kRequired);
  options.option(
      "--out", out,
      "JSONL to write, one row each, in order: {\"ids\"} or {\"text\"}; - is standard output",
      Need::kRequired);
}

int run_tokenize(const TokenizeOptions& options) {
  const model::Tokenizer tokenizer = model::Tokenizer::load(options.tokenizer);
  RowWriter out(options.out, options.in);
  UnusedKeys unused(options.in);
  for_each_line(options.in, [&](const std::string& line, const std::string& where) {
    const nlohmann::ordered_json row = parse_object(line, where);
    unused.add_row(key_names(row), {options.decode ? "ids" : "text"});
    if (options.decode) {
      const std::string text = tokenizer.decode(id_list(row, where), model::SpecialIds::kKeep);
      out.write("{\"text\": " + model::python_json_string(text) + "}");
    } else {
      out.write(ids_row(
          tokenizer.encode(text_member(row, "text", where), model::SpecialText::kAsTokens)));
    }
  });
  out.finish();
  unused.say();
  return 0;
}

}  // namespace amalgam::pipeline
