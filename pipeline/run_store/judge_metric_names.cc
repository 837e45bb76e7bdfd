// Metrics of stages with a judge.
#include "pipeline/run_store/metric_names.h"

namespace amalgam::pipeline {

std::vector<MetricName> judge_metric_names() {
  std::vector<MetricName> names = {
      {"judge/score", "rl", "", "mean of what the judge gives the step's answers: their reward"},
      {"judge/unparsable", "rl", "", "share of the first verdicts that could not be parsed"},
      {"judge/asked_again", "rl", "", "verdicts that were asked for again for that"},
      {"judge/masked", "rl", "", "answers left without a verdict, which teach nothing"},
      {"judge/cut_answers", "rl", "",
       "answers that the judge did not see whole, for judge.max_answer_tokens"},
      {"judge/reward/mean", "rl", "",
       "mean reward of the verdicts that judging is trained on, unparsed ones as 0"},
      {"judge/stored/agreement", "rl", "",
       "share of criteria on which single verdicts agree, of the rows of judge.train_file that the "
       "step trains on: says little of the policy's own answers"},
      {"judge/response_length/mean", "rl", "tokens", "mean length of a judge's message"},
      {"val-judge/score", "rl", "", "mean of what the judge gives the validation answers"},
      {"val-judge/own_minus_first", "rl", "",
       "what it gives them more than answers of the stage's first weights that are as good by the "
       "audit"},
      {"val-judge/own_minus_first/count", "rl", "", "on how many answers"},
      {"timing_s/judge", "rl", "s", "asking the judge"},
      {"perf/judge_throughput", "rl", "tokens/s", "tokens that the judge wrote, per second of it"},
  };
  struct Where {
    const char *prefix, *of;
  };
  constexpr Where kWhere[] = {{"judge/", "of the step's own answers, those with labels"},
                              {"val-judge/", "of validation answers with labels"},
                              {"val-judge/heldout/", "of the rows of judge.heldout_file"}};
  struct Figure {
    const char *name, *meaning;
  };
  constexpr Figure kFigures[] = {
      {"balanced_accuracy",
       "mean of the shares of criteria with label yes and with label no that the mean of the "
       "verdicts gets right, "},
      {"accuracy", "share of all criteria that the mean of the verdicts gets right, "},
      {"agreement", "share of criteria on which single verdicts agree with the label, "},
      {"auc",
       "chance that a criterion with label yes has a higher mean verdict than one with no, "},
      {"brier", "mean squared difference of mean verdict and label, "},
      {"calibration_error", "mean distance of mean verdict and label over ten bins, "},
      {"false_yes", "share of criteria with label no that the judge says yes to, "},
      {"false_no", "share of criteria with label yes that it says no to, "},
      {"positives", "criteria with label yes, "},
      {"negatives", "criteria with label no: of few of them false_yes says little, "},
      {"answers", "number "},
      {"without_vote", "number left out as no verdict could be parsed, "},
      {"by_position[/K]", "accuracy on the K-th criterion, "},
      {"accuracy_shorter", "accuracy on the shorter half, "},
      {"accuracy_longer", "accuracy on the longer half, "},
      {"vote_agreement", "how far verdicts on one answer agree with each other, "}};
  for (const Where& where : kWhere)
    for (const Figure& figure : kFigures)
      names.push_back({where.prefix + std::string(figure.name), "rl", "",
                       figure.meaning + std::string(where.of)});
  return names;
}

}  // namespace amalgam::pipeline
