"""Scores an answer of the `bus_line` domain: the stop asked for. What its tokens cost is not its matter."""


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    """1 for the right stop after the reasoning, 0 for anything else, and for reasoning without an end."""
    _, closed, answer = solution_str.rpartition("</think>")
    return {"score": float(bool(closed) and answer.strip() == ground_truth), "pred": answer.strip()}
