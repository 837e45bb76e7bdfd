"""Scores an answer of the `dates` domain: a date written in words, to be given as YYYY-MM-DD."""

import re

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    """1 for the right date alone, 0.1 for any other date in the right form, 0 for everything else. Beside
    the score: "pred" is the answer that majorities count, numbers are shown by `amalgam samples`."""
    answer = solution_str.rsplit("</think>", 1)[-1].strip()
    if not ISO_DATE.fullmatch(answer):
        return {"score": 0.0, "form": 0}
    return {"score": 1.0 if answer == ground_truth else 0.1, "form": 1, "pred": answer}
