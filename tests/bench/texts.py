"""Long texts for the tokenizer's benchmark, made of what every machine with Python has.

english: docstrings of the standard library. code: its sources. chinese: the tokenizer's Chinese words, drawn
like words of a language (few are frequent), with punctuation and numbers. mixed: pieces of all.
"""
import ast
import itertools
import json
import pathlib
import random
import re
import sysconfig

CHINESE_BYTES = 6_000_000
PIECE = 2000  # characters


def chinese_words(tokenizer):
    """By frequency: the first merges made the most frequent words."""
    alphabet = [b for b in range(256) if chr(b).isprintable() and b not in (0x20, 0xA0, 0xAD)]
    alphabet += [b for b in range(256) if b not in alphabet]
    spelled = {chr(b) if i < 188 else chr(256 + i - 188): b for i, b in enumerate(alphabet)}
    words = []
    for token, _ in sorted(json.loads(tokenizer.read_text())["model"]["vocab"].items(), key=lambda x: x[1]):
        try:
            word = bytes(spelled[c] for c in token).decode()
        except (KeyError, UnicodeDecodeError):  # an added token; a part of a character
            continue
        if re.fullmatch("[\u4e00-\u9fa5]+", word):
            words.append(word)
    return words


def chinese(tokenizer, rng):
    words = chinese_words(tokenizer)
    sums = list(itertools.accumulate(1 / (rank + 20) for rank in range(len(words))))
    clauses, size = [], 0
    while size < CHINESE_BYTES:
        clause = "".join(rng.choices(words, cum_weights=sums, k=rng.randint(3, 12))) + rng.choice("，，，。。、；！？")
        if rng.random() < 0.05:
            clause += f"{rng.randint(1, 3000)}年\n"
        clauses.append(clause)
        size += len(clause.encode())
    return "".join(clauses)


def write_texts(tokenizer, directory):
    """Writes NAME.txt for each; returns the paths."""
    rng = random.Random(1)
    sources = [p.read_text(errors="ignore") for p in sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("**/*.py"))
               if "packages" not in str(p)]
    docs = []
    for source in sources:
        try:
            nodes = [n for n in ast.walk(ast.parse(source))
                     if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef))]
        except (SyntaxError, ValueError):  # the library holds bad sources for its own tests
            continue
        docs += [doc + "\n" for n in nodes if (doc := ast.get_docstring(n))]
    texts = {"english": "".join(docs), "code": "".join(sources), "chinese": chinese(tokenizer, rng)}
    pieces = [text[i:i + PIECE] for text in texts.values() for i in range(0, len(text), PIECE)]
    rng.shuffle(pieces)
    texts["mixed"] = "".join(pieces)
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{name}.txt" for name in texts]
    for path, text in zip(paths, texts.values()):
        path.write_bytes(text.encode(errors="ignore"))
    return paths
