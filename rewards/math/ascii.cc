#include "rewards/math/ascii.h"

#include <algorithm>
#include <array>

#include "configs/utf8.h"

namespace amalgam::rewards {
namespace {

struct Spelling {
  char32_t character;
  const char* latex;
};

// In order of the characters: looked up by bisection.
constexpr Spelling kSpellings[] = {
    {0x00A0, " "},
    {0x00A2, " cents "},
    {0x00A3, "\\pounds "},
    {0x00A5, ""},
    {0x00AC, "\\lnot "},
    {0x00AD, ""},
    {0x00B0, "^{\\circ}"},
    {0x00B1, "\\pm "},
    {0x00B4, "'"},
    {0x00B7, "\\cdot "},
    {0x00BC, "\\frac{1}{4}"},
    {0x00BD, "\\frac{1}{2}"},
    {0x00BE, "\\frac{3}{4}"},
    {0x00D7, "\\times "},
    {0x00F7, "\\div "},
    {0x0391, "A"},
    {0x0393, "\\Gamma "},
    {0x0394, "\\Delta "},
    {0x0398, "\\Theta "},
    {0x039B, "\\Lambda "},
    {0x039E, "\\Xi "},
    {0x03A0, "\\Pi "},
    {0x03A3, "\\Sigma "},
    {0x03A6, "\\Phi "},
    {0x03A8, "\\Psi "},
    {0x03A9, "\\Omega "},
    {0x03B1, "\\alpha "},
    {0x03B2, "\\beta "},
    {0x03B3, "\\gamma "},
    {0x03B4, "\\delta "},
    {0x03B5, "\\epsilon "},
    {0x03B6, "\\zeta "},
    {0x03B7, "\\eta "},
    {0x03B8, "\\theta "},
    {0x03B9, "\\iota "},
    {0x03BA, "\\kappa "},
    {0x03BB, "\\lambda "},
    {0x03BC, "\\mu "},
    {0x03BD, "\\nu "},
    {0x03BE, "\\xi "},
    {0x03C0, "\\pi "},
    {0x03C1, "\\rho "},
    {0x03C3, "\\sigma "},
    {0x03C4, "\\tau "},
    {0x03C6, "\\phi "},
    {0x03C7, "\\chi "},
    {0x03C8, "\\psi "},
    {0x03C9, "\\omega "},
    {0x03D5, "\\phi "},
    {0x200B, ""},
    {0x200C, ""},
    {0x200D, ""},
    {0x2010, "-"},
    {0x2011, "-"},
    {0x2012, "-"},
    {0x2013, "-"},
    {0x2014, "-"},
    {0x2015, "-"},
    {0x2018, "'"},
    {0x2019, "'"},
    {0x201C, "\""},
    {0x201D, "\""},
    {0x2026, "\\ldots "},
    {0x2032, "'"},
    {0x2044, "/"},
    {0x2060, ""},
    {0x2061, ""},
    {0x2062, ""},
    {0x20AC, "\\euro "},
    {0x20B9, "\\rupee "},
    {0x2102, "\\mathbb{C}"},
    {0x2107, "e"},
    {0x2113, "\\ell "},
    {0x2115, "\\mathbb{N}"},
    {0x211A, "\\mathbb{Q}"},
    {0x211D, "\\mathbb{R}"},
    {0x2124, "\\mathbb{Z}"},
    {0x2126, "\\Omega "},
    {0x2147, "e"},
    {0x2148, "i"},
    {0x2153, "\\frac{1}{3}"},
    {0x2154, "\\frac{2}{3}"},
    {0x2155, "\\frac{1}{5}"},
    {0x2156, "\\frac{2}{5}"},
    {0x2157, "\\frac{3}{5}"},
    {0x2158, "\\frac{4}{5}"},
    {0x2159, "\\frac{1}{6}"},
    {0x215A, "\\frac{5}{6}"},
    {0x215B, "\\frac{1}{8}"},
    {0x215C, "\\frac{3}{8}"},
    {0x215D, "\\frac{5}{8}"},
    {0x215E, "\\frac{7}{8}"},
    {0x2190, "\\leftarrow "},
    {0x2192, "\\rightarrow "},
    {0x21D2, "\\Rightarrow "},
    {0x21D4, "\\Leftrightarrow "},
    {0x2200, "\\forall "},
    {0x2202, "\\partial "},
    {0x2203, "\\exists "},
    {0x2205, "\\emptyset "},
    {0x2208, "\\in "},
    {0x2209, "\\notin "},
    {0x220F, "\\prod "},
    {0x2211, "\\sum "},
    {0x2212, "-"},
    {0x2213, "\\mp "},
    {0x2215, "/"},
    {0x2216, "\\setminus "},
    {0x2217, "*"},
    {0x2219, "\\cdot "},
    {0x221A, "\\sqrt "},
    {0x221B, "\\sqrt[3]"},
    {0x221C, "\\sqrt[4]"},
    {0x221E, "\\infty "},
    {0x2220, "\\angle "},
    {0x2225, "\\parallel "},
    {0x2227, "\\land "},
    {0x2228, "\\lor "},
    {0x2229, "\\cap "},
    {0x222A, "\\cup "},
    {0x222B, "\\int "},
    {0x2236, ":"},
    {0x223C, "\\sim "},
    {0x2245, "\\cong "},
    {0x2248, "\\approx "},
    {0x2260, "\\ne "},
    {0x2261, "\\equiv "},
    {0x2264, "\\le "},
    {0x2265, "\\ge "},
    {0x2266, "\\le "},
    {0x2267, "\\ge "},
    {0x2282, "\\subset "},
    {0x2286, "\\subseteq "},
    {0x22A5, "\\perp "},
    {0x22C5, "\\cdot "},
    {0x2308, "\\lceil "},
    {0x2309, "\\rceil "},
    {0x230A, "\\lfloor "},
    {0x230B, "\\rfloor "},
    {0x25B3, "\\triangle "},
    {0x27E8, "\\langle "},
    {0x27E9, "\\rangle "},
    {0x2A7D, "\\le "},
    {0x2A7E, "\\ge "},
    {0x3000, " "},
    {0x3001, ","},
    {0x3002, "."},
    {0xFEFF, ""},
};

constexpr bool in_order() {
  for (size_t i = 1; i < std::size(kSpellings); ++i)
    if (kSpellings[i - 1].character >= kSpellings[i].character) return false;
  return true;
}
static_assert(in_order());

// The character that a superscript or a subscript is a raised or lowered form of; 0: none.
char superscript(char32_t c) {
  switch (c) {
    case 0x00B9:
      return '1';
    case 0x00B2:
      return '2';
    case 0x00B3:
      return '3';
    case 0x207A:
      return '+';
    case 0x207B:
      return '-';
    case 0x207D:
      return '(';
    case 0x207E:
      return ')';
    case 0x207F:
      return 'n';
    case 0x2071:
      return 'i';
    case 0x02E3:
      return 'x';
    default:
      return c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ? static_cast<char>('0' + (c - 0x2070))
                                                         : '\0';
  }
}
char subscript(char32_t c) {
  if (c >= 0x2080 && c <= 0x2089) return static_cast<char>('0' + (c - 0x2080));
  if (c == 0x2099) return 'n';
  return '\0';
}

}  // namespace

std::string to_ascii(std::string_view text) {
  if (std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; }))
    return std::string(text);
  std::string ascii;
  ascii.reserve(text.size());
  char script = '\0';  // '^' or '_' while its braces are open
  while (!text.empty()) {
    const unsigned char byte = static_cast<unsigned char>(text[0]);
    char32_t c = byte;
    if (byte < 0x80) {
      text.remove_prefix(1);
    } else {
      const Utf8Step step = decode_utf8(text);
      c = step.code_point;
      text.remove_prefix(step.length);
    }
    const char up = superscript(c), down = subscript(c);
    const char wanted = up ? '^' : down ? '_' : '\0';
    if (script != wanted) {
      if (script) ascii += '}';
      if (wanted) (ascii += wanted) += '{';
      script = wanted;
    }
    if (wanted) {
      ascii += up ? up : down;
    } else if (c < 0x80) {
      ascii += static_cast<char>(c);
    } else if (c >= 0xFF01 && c <= 0xFF5E) {
      ascii += static_cast<char>(c - 0xFF01 + '!');
    } else if ((c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F) {
      ascii += ' ';
    } else {
      const auto* found = std::lower_bound(
          std::begin(kSpellings), std::end(kSpellings), c,
          [](const Spelling& s, char32_t character) { return s.character < character; });
      if (found != std::end(kSpellings) && found->character == c)
        ascii += found->latex;
      else
        append_utf8(c, ascii);
    }
  }
  if (script) ascii += '}';
  return ascii;
}

}  // namespace amalgam::rewards
