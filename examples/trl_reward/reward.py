"""A reward function as TRL's trainers take it: completions, and every column of the row as a keyword. The only function
with "reward" in its name; reward_function would name one of several."""


def number_reward(completions, solution, level, bonus=0.0, **columns):
    answers = [completion[-1]["content"].rsplit("</think>", 1)[-1].strip(" .") for completion in completions]
    right = [answer.split(" ")[-1] == truth for answer, truth in zip(answers, solution)]
    return [float(is_right) * (1 + bonus * (hard - 1)) for is_right, hard in zip(right, level)]
