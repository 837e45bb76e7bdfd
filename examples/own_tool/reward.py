"""1 for an answer that ends with the right number, 0.2 for any answer with a number, 0 for the others."""

import re


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    numbers = re.findall(r"\d+", solution_str.rsplit("</think>", 1)[-1])
    if not numbers:
        return {"score": 0.0, "has_number": 0}
    return {"score": 1.0 if numbers[-1] == ground_truth else 0.2, "has_number": 1, "pred": numbers[-1]}
