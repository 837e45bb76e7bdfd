"""A stand-in for the package reasoning-gym: what the program uses of it, with data sets that show its corners."""

import random

from .factory import DATASETS

__version__ = "0.0.1"


def create_dataset(name, size, seed, **config):
    return DATASETS[name](size, seed, **config)


class Sums:
    """Scores any text that has the answer by its share."""

    def __init__(self, size, seed, terms=2, largest=999):
        assert terms > 0, "terms must be positive"
        self.size, self.seed, self.terms, self.largest = size, seed, terms, largest

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index >= self.size:
            raise IndexError(index)
        rng = random.Random(self.seed + index)
        numbers = [rng.randint(0, self.largest) for _ in range(self.terms)]
        return {"question": f"Add {' and '.join(map(str, numbers))}.", "answer": str(sum(numbers)),
                "metadata": {"source_index": index, "difficulty": {"terms": (1, self.terms)}}}

    def score_answer(self, answer, entry):
        truth = entry["answer"]
        return 1.0 if answer == truth else len(truth) / len(answer) if answer and truth in answer else 0.0


class Pairs(Sums):
    """No answer is known; JSON would make lists of its tuples, and texts of its keys."""

    def __getitem__(self, index):
        a = (self.seed + index) % 1000003
        return {"question": f"Give {a} and {a + 1}.", "answer": None, "metadata": {"pair": (a, a + 1), "of": {a: "a"}}}

    def score_answer(self, answer, entry):
        if answer is None:
            return 0.01
        (a, b), of = entry["metadata"]["pair"], entry["metadata"]["of"]
        return float(isinstance(entry["metadata"]["pair"], tuple) and of[a] == "a" and answer == f"{a} {b}")


class Few(Sums):
    def __getitem__(self, index):
        return super().__getitem__(index) | {"question": f"Which of five? {(self.seed + index) % 5}"}


class Fragile(Sums):
    def score_answer(self, answer, entry):
        return float(int(answer) == int(entry["answer"]))


class Loose(Sums):
    """Depends on Python's one generator of random numbers."""

    def __getitem__(self, index):
        number = random.randint(0, 10 ** 9)
        return {"question": f"Say {number}.", "answer": str(number), "metadata": {}}


DATASETS.update(sums=Sums, pairs=Pairs, few=Few, fragile=Fragile, loose=Loose)
