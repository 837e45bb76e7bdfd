"""Makes trained.json with the tokenizers library: what it trains on a few texts, and ids of other texts.

    python3 make_golden.py        (pip install tokenizers)
"""
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<｜User｜>", "<｜Assistant｜>",
           "<｜latest_reminder｜>", "<think>", "</think>", "｜DSML｜", "<｜action｜>", "<｜query｜>",
           "<｜authority｜>", "<｜domain｜>", "<｜title｜>", "<｜extracted_url｜>", "<｜read_url｜>"]
HIDDEN = SPECIAL[:3]
PATTERNS = [r"\p{N}", "[一-龥぀-ゟ゠-ヿ]+",
            r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
            r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""]
VOCAB_SIZE = 520

TRAINING = [
    "The sum of 12 and 30 is 42. The product of 12 and 30 is 360.\n",
    "def total(rows):\n    return sum(row['price'] for row in rows if row['stock'] > 3)\n",
    "First add 7 and 5, then multiply the sum by 3: (7 + 5) * 3 = 36.\n",
    "Look up the key, then add the two values. The answer is the sum of the values.\n",
    "Write three words in upper case; start with the word apple and end with the word stone.\n",
    "Where the rain in the north of the country falls, the rivers rise; élan, naïve, über, 数学 は 楽しい.\n",
    '{"name": "calculator", "arguments": {"expression": "6*7"}}\n\n\n  aaaaaaaa aaaa aaa\t\tend',
] * 3
VECTORS = TRAINING[:7] + SPECIAL + [
    "", " ", "   ", "a", "\n\n \n", "  x  y ", "1234567890", "sum of the 99 rows", "don't", "🙂 ok", "e\u0301",
    "<｜User｜>add 7 and 5<｜Assistant｜><think>12</think>12<｜end▁of▁sentence｜>", "</think", "<think", "｜DSML",
    "<｜DSML｜invoke name=\"add\">\n</｜DSML｜invoke>", "a" * 100, "the " * 40, "\u00a0\u2003x", "数学数学", "\x00\x01",
]

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Split(Regex(p), "isolated") for p in PATTERNS]
    + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train_from_iterator(TRAINING, trainers.BpeTrainer(
    vocab_size=VOCAB_SIZE, min_frequency=2, show_progress=False,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    special_tokens=[AddedToken(t, special=t in HIDDEN, normalized=False) for t in SPECIAL]))
trained = json.loads(tokenizer.to_str())
for token in trained["added_tokens"]:  # the trainer marks all of them as special
    token["special"] = token["content"] in HIDDEN
tokenizer = Tokenizer.from_str(json.dumps(trained))

generator = random.Random(1)
pieces = VECTORS + ["é", "\u2028", "１２", "𝟙", "ß", "\r\n", "\t"]
VECTORS += ["".join(generator.choice(pieces) for _ in range(generator.randint(2, 6))) for _ in range(40)]
vectors = []
for text in VECTORS:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    vectors.append({"text": text, "ids": ids,
                    "decoded": tokenizer.decode(ids, skip_special_tokens=True)})
golden = {"training_texts": TRAINING, "vocab_size": VOCAB_SIZE, "vocab": trained["model"]["vocab"],
          "merges": trained["model"]["merges"], "vectors": vectors}
path = pathlib.Path(__file__).with_name("trained.json")
path.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
