// What is wrong between a domain's judge and its other keys.
#include <algorithm>

#include "configs/domain_config.h"

namespace amalgam::configs {

std::optional<Problem> DomainConfig::judge_problem() const {
  const std::string of = "domain '" + name + "': ";
  const SelectBy by = rl.select_by;
  if (!judge.is_on()) {
    if (by == SelectBy::kAgreement)
      return Problem{"rl.select_by", of + "agreement is of a judge, and judge.form is none"};
    return std::nullopt;
  }
  if (generator.source != Generator::kNone)
    return Problem{"judge.form", of + "a generator's rows have no rubric; drop the judge"};
  if (judge.form == JudgeForm::kPairwise && !has_program())
    return Problem{"judge.form", of + "who wins among answers to a prompt does not say how good "
                                      "they are, and validations and evaluations need that; give "
                                      "a reward_file that audits, or use yes_no or points"};
  if (judge.is_trained() && rl.steps > 0 && judge.train_file.empty() &&
      (!has_program() || judge.label_share == 0))
    return Problem{"judge.ratio",
                   of + "judging is to be trained, and nothing has labels; give a reward_file that "
                        "returns \"labels\" and judge.label_share, or judge.train_file, or set "
                        "judge.ratio = 0"};
  if (judge.is_trained() && rl.steps > 0 &&
      judge.ratio * static_cast<double>(rl.data.train_batch_size) < 0.5)
    return Problem{"judge.ratio",
                   of + "of " + std::to_string(rl.data.train_batch_size) +
                       " prompts a step that is no labelled answer; raise it, or set 0"};
  if (by == SelectBy::kReward || by == SelectBy::kAccuracy)
    return Problem{"rl.select_by",
                   of + "with a judge the step that is kept is the last, or chosen by agreement; "
                        "set last or agreement"};
  if (by == SelectBy::kAgreement && !has_program() && judge.heldout_file.empty())
    return Problem{"rl.select_by", of + "agreement needs labels: a reward_file that returns them, "
                                        "or judge.heldout_file"};
  if (std::find(tools.begin(), tools.end(), "submit") != tools.end())
    return Problem{"tools", of + "what is submitted the judge does not see; drop `submit`, and the "
                                 "last message is the answer"};
  if (!reward.verifiers.empty())
    return Problem{"reward", of + "its answers are judged; drop the verifiers or the judge"};
  return std::nullopt;
}

}  // namespace amalgam::configs
