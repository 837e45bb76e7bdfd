#include "rewards/answers/gsm8k.h"

#include <nlohmann/json.hpp>

#include "rewards/answers/words.h"
#include "rewards/math/math_answer.h"

namespace amalgam::rewards {
namespace {

constexpr std::string_view kMark = "####";

}  // namespace

std::string gsm8k_number(const std::string& ground_truth) {
  const auto truth = nlohmann::json::parse(ground_truth, nullptr, /*allow_exceptions=*/false);
  if (!truth.is_string()) return ground_truth;
  const auto& text = truth.get_ref<const std::string&>();
  const size_t at = text.rfind(kMark);
  if (at == std::string::npos) return ground_truth;
  const std::string number(stripped(std::string_view(text).substr(at + kMark.size())));
  return nlohmann::json(number).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Score score_gsm8k(const std::string& content, const std::string& ground_truth, bool strict) {
  const std::string number = gsm8k_number(ground_truth);
  const size_t at = content.rfind(kMark);
  if (!strict) return score_math_answer(content, number);
  if (at == std::string::npos) return scored(0, "no \"####\" in the answer");
  return score_math_answer(content.substr(at), number);
}

}  // namespace amalgam::rewards
