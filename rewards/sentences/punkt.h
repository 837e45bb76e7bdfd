// Sentences by punkt (Kiss and Strunk 2006, Unsupervised Multilingual Sentence Boundary Detection)
// with nltk's English model (data/NOTICE): a mark . ? ! ends one unless the word before is an
// abbreviation, an initial or a number and what follows does not look like a beginning.
#pragma once
#include <vector>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

// As nltk 3.10's PunktTokenizer("english").tokenize.
std::vector<Chars> punkt_sentences(Chars text);

}  // namespace amalgam::rewards
