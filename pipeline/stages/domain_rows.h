// Rows as the model sees them: token ids.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/data/quickstart/generate.h"
#include "pipeline/data/row_store.h"
#include "pipeline/data/rows.h"
#include "rewards/registry/scorer.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::proto {
class SampleGroup;
}

namespace amalgam::pipeline {

// A prompt to sample from.
struct PromptRow {
  std::string id;                  // "math-train-17"
  const RowStore* rows = nullptr;  // which outlives it, and has it at
  size_t place = 0;
  std::string domain, data_source;
  std::string source;  // in names of figures: data_source, and behind / the mode of its domain
  std::vector<int32_t> ids;
  bool thinking = false;
  std::string effort;  // none, low, high, max, or a number
  int64_t window = 0;  // tokens the policy may write; 0: the stage's max_response_length
  std::vector<std::string> tools;  // by name

  std::string row() const { return rows->json(place); }  // JSON, for tools and reward
};

// A conversation to imitate.
struct SftRow {
  std::vector<int32_t> ids;
  std::vector<bool> learned;  // tokens of assistant turns or texts, their EOS included
};

// What scores the domain's rows, without its function: to ask problem() of. Throws Error for
// verifiers that no row can be scored by.
rewards::Scorer row_checker(const configs::DomainConfig& domain);

// Throws Error for a row that the domain cannot use: with messages or tools that cannot be encoded,
// or with a ground truth that the verifier which will score it cannot use. scorer: row_checker().
void check_row(const rollout::ToolRegistry& tools, const configs::DomainConfig& domain,
               const rewards::Scorer& scorer, const Row& row, RowUse use);

// Whether the domain has a use for the row: its efforts are none, or have the row's, or the row has
// none.
bool is_of_efforts(const configs::DomainConfig& domain, const Row& row);
// The effort that its prompt asks for, in a band one of its numbers; empty: none is said.
std::string said_effort(const configs::DomainConfig& domain, const Row& row);

// Whether answers to the row begin with reasoning: by the effort of its domain or its own, else the
// row's mode, or its domain's.
bool is_thinking(const configs::DomainConfig& domain, const Row& row);

// Texts of which another set's prompt must have none: the row's prompt as the model sees it, and
// where it says an effort also in thinking mode without one, so that a question at two efforts has
// a text in common (of a band, whose numbers differ, that alone). Of a conversation to imitate,
// those of every assistant turn; of a text without a prompt, none.
std::vector<std::string> encoded_prompts(const rollout::ToolRegistry& tools,
                                         const configs::DomainConfig& domain, const Row& row,
                                         const std::string& where);
std::vector<std::string> encoded_sft_prompts(const rollout::ToolRegistry& tools,
                                             const configs::DomainConfig& domain, const Row& row);

// One prompt of a set, which refers to `rows`.
PromptRow encode_prompt(const model::Tokenizer& tokenizer, const rollout::ToolRegistry& tools,
                        const configs::DomainConfig& domain, const RowStore& rows, Split split,
                        size_t place);

// Which prompts have at most max_prompt_length tokens, in their order. Throws Error if none has,
// and for tools that do not exist.
std::vector<uint32_t> fitting_prompts(kernels::ThreadPool& pool, const model::Tokenizer& tokenizer,
                                      const rollout::ToolRegistry& tools,
                                      const configs::DomainConfig& domain, const RowStore& rows,
                                      Split split, int64_t max_prompt_length);

// Each turn is encoded on its own, as it is when it is sampled: the prompt ends with the special
// token that opens an answer, so no merge crosses the border.
std::vector<SftRow> encode_sft_rows(kernels::ThreadPool& pool, const model::Tokenizer& tokenizer,
                                    const rollout::ToolRegistry& tools,
                                    const configs::DomainConfig& domain, const RowStore& rows);

// The group of `n` samples of a prompt, with their request keys.
proto::SampleGroup sample_group(const PromptRow& prompt, int64_t step, int64_t group, int64_t n);

}  // namespace amalgam::pipeline
