#include "pipeline/data/forms/text_rows.h"

#include <algorithm>
#include <cstring>

#include "configs/error.h"
#include "configs/printable.h"
#include "pipeline/data/forms/file_kind.h"
#include "pipeline/data/forms/json_scanner.h"
#include "pipeline/data/forms/parse_json.h"

namespace amalgam::pipeline {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

// A window of the text that slides over it.
class Window {
 public:
  explicit Window(ByteSource* source) : source_(source) {}
  // Reads on; false at the end of the text.
  bool more() {
    const size_t old = bytes_.size();
    bytes_.resize(old + kChunkBytes);
    const size_t n = source_->read(bytes_.data() + old, kChunkBytes);
    bytes_.resize(old + n);
    return n > 0;
  }
  // Drops what stands before `at`.
  void drop(size_t at) {
    bytes_.erase(0, at);
    num_dropped_ += at;
  }
  std::string_view view() const { return bytes_; }
  size_t num_dropped() const { return num_dropped_; }

 private:
  ByteSource* source_;
  std::string bytes_;
  size_t num_dropped_ = 0;
};

std::string list_of_keys(const std::vector<std::string>& keys) {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(keys.size(), 5); ++i)
    text += (i == 0 ? "\"" : ", \"") + printable(keys[i]) + "\"";
  return text;
}

// Throws Error when the whole text is one object. Reads on as long as it may be.
void refuse_one_object(const std::string& path, Window* window) {
  JsonScanner scanner;
  for (size_t at = 0;;) {
    const std::string_view text = window->view();
    for (; at < text.size(); ++at) {
      at += scanner.plain_prefix(text.substr(at));
      if (at == text.size()) break;
      if (!scanner.step(text[at])) return;
    }
    if (!window->more()) break;
  }
  if (!scanner.finish()) return;
  const std::vector<std::string>& rows = scanner.keys_of_rows();
  throw Error(path + ": is one object over many lines" +
              (rows.empty() ? ", with " + list_of_keys(scanner.keys()) + "; put each row on a line"
                            : "; its rows are under " + list_of_keys(rows) +
                                  ": write that list to a file of its own"));
}

bool is_whole(std::string_view line) {
  JsonScanner scanner;
  return std::all_of(line.begin(), line.end(), [&](char c) { return scanner.step(c); }) &&
         scanner.finish();
}

bool is_blank(std::string_view line) {
  return std::all_of(line.begin(), line.end(), is_json_space);
}

void read_lines(const std::string& path, Window* window, const RowSink& sink) {
  bool is_first = true;
  size_t at = 0, searched = 0;
  int64_t number = 0;
  const auto line_ends = [&](size_t end) {
    std::string_view line = window->view().substr(at, end - at);
    ++number;
    if (is_blank(line)) return;
    if (std::exchange(is_first, false) && !is_whole(line)) {
      refuse_one_object(path, window);
      line = window->view().substr(at, end - at);
    }
    sink(number, line);
  };
  for (;;) {
    const std::string_view text = window->view();
    const size_t end = text.find('\n', std::max(at, searched));
    if (end != text.npos) {
      line_ends(end);
      at = end + 1;
      continue;
    }
    searched = text.size();
    window->drop(at);
    searched -= at, at = 0;
    if (!window->more()) break;
  }
  if (at < window->view().size()) line_ends(window->view().size());
}

void read_array(const std::string& path, Window* window, const RowSink& sink) {
  JsonScanner scanner;
  size_t at = 0, begin = 0;
  bool in_element = false;
  int64_t number = 0;
  const auto fail = [&](const std::string& what) {
    throw Error(path + ": the JSON array " + what + " (byte " +
                std::to_string(window->num_dropped() + at + 1) + ", after " +
                std::to_string(number) + (number == 1 ? " element" : " elements") +
                "); mend the file");
  };
  for (;;) {
    const std::string_view text = window->view();
    for (; at < text.size(); ++at) {
      at += scanner.plain_prefix(text.substr(at));
      if (at == text.size()) break;
      const char c = text[at];
      if (scanner.depth() == 1 && scanner.awaits_value() && !is_json_space(c) && c != ']')
        in_element = true, begin = at;
      const bool ends = scanner.depth() == 1 && !scanner.in_string() && (c == ',' || c == ']');
      if (!scanner.step(c)) fail("has a syntax error");
      if (ends && in_element) {
        sink(++number, text.substr(begin, at - begin));
        in_element = false;
      }
    }
    const size_t keep = in_element ? begin : at;
    window->drop(keep);
    at -= keep, begin = 0;
    if (!window->more()) break;
  }
  if (!scanner.finish()) fail("is cut off");
}

}  // namespace

TextForm read_text_rows(const std::string& path, ByteSource* source, const RowSink& sink) {
  Window window(source);
  while (window.view().size() < kFileHeadBytes && window.more()) {
  }
  if (window.view().starts_with("\xEF\xBB\xBF")) window.drop(3);
  // Of packed files the text inside.
  const FileKind kind = file_kind(window.view().substr(0, kFileHeadBytes));
  if (kind != FileKind::kText)
    throw Error(path + ": holds " + to_string(kind) + ", a format that is not read" +
                (advice(kind)[0] ? std::string("; ") + advice(kind) : " inside another"));
  size_t first = 0;
  const auto skip_spaces = [&] {
    while (first < window.view().size() && is_json_space(window.view()[first])) ++first;
    return first == window.view().size();
  };
  while (skip_spaces())
    if (!window.more()) return TextForm::kEmpty;
  if (window.view()[first] == '[') {
    read_array(path, &window, sink);
    return TextForm::kArray;
  }
  if (window.view()[first] != '{')
    throw Error(path +
                ": its format is not known: neither JSON lines (an object a line), a JSON "
                "array, parquet nor Arrow");
  read_lines(path, &window, sink);
  return TextForm::kLines;
}

}  // namespace amalgam::pipeline
