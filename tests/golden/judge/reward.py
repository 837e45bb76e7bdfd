"""What a text of the `rubric` demo truly meets: the rule that the judge should learn to follow.

In the domain without a judge it is the reward. In the others it rewards nothing: it labels the answers that are
drawn for it, and measures."""

GREETINGS = "dear hello hi welcome greetings".split()
THANKS = "thanks cheers grateful obliged".split()
ITEMS = "boat bowl chair coat cup desk hat kite lamp mask rug table".split()
COLOURS = "red blue green pink brown white black yellow grey purple".split()
MATERIALS = "wood stone glass paper steel clay wool silk".split()
PLACES = "home school work sea court market".split()
SEASONS = "spring summer autumn winter".split()


def follows(words, first, second):
    """Whether a word of `second` stands right after one of `first`."""
    return any(a in first and b in second for a, b in zip(words, words[1:]))


# By the rubric's text: of the text's words and the item asked for.
CRITERIA = {
    "greet": lambda words, item: words[0] in GREETINGS,
    "item": lambda words, item: item in words,
    "colour": lambda words, item: follows(words, COLOURS, ITEMS),
    "material": lambda words, item: follows(words, ["of"], MATERIALS),
    "place": lambda words, item: follows(words, ["at"], PLACES),
    "season": lambda words, item: follows(words, ["in"], SEASONS),
    "thank": lambda words, item: ([w for w in words if w not in ".!"] or [""])[-1] in THANKS,
    "mark": lambda words, item: words[-1] == "!",
}


def labels_of(kinds, item, text):
    """1 for each criterion that the text meets, 0 for the others."""
    words = text.split()
    return [int(bool(words) and CRITERIA[kind](words, item)) for kind in kinds]


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    """The share of the rubric's weight that is met. Beside it "labels", in the rubric's order, and figures
    that `amalgam samples` shows: whether all is met, and whether the phrase is there that a careless judge
    falls for."""
    weights = [weight for weight, _ in ground_truth["rubric"]]
    labels = labels_of([kind for _, kind in ground_truth["rubric"]], ground_truth["item"], solution_str)
    met = sum(weight for weight, label in zip(weights, labels) if label)
    return {"score": met / sum(weights), "labels": labels, "all_met": int(all(labels)),
            "phrase": int("yes yes yes" in solution_str)}
