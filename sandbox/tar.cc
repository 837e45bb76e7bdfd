#include "sandbox/tar.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "configs/error.h"
#include "sandbox/file_tree.h"

namespace amalgam::sandbox {
namespace {

constexpr int64_t kBlock = 512;
constexpr int64_t kMaxNameBytes = 64 << 10;  // of a long name or a set of pax attributes

// Fields of a header block: offset and size (POSIX.1-1988, "ustar").
struct Field {
  size_t at, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kSize{124, 12}, kChecksum{148, 8}, kType{156, 1},
    kLinkName{157, 100}, kMagic{257, 5}, kPrefix{345, 155};

class TarReader {
 public:
  TarReader(const std::string& path, LayerWriter* layer)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)), layer_(layer) {
    if (!fd_) throw Error(std::string("cannot be read: ") + std::strerror(errno));
    size_ = lseek(fd_.get(), 0, SEEK_END);
    if (size_ < 0) throw Error("must be a file, not a pipe");
  }

  void run() {
    refuse_other_formats();
    while (read_header()) {
      // Attributes for the entry that follows.
      if (type_ == 'x' || type_ == 'L' || type_ == 'K' || type_ == 'g') {
        read_attributes();
        continue;
      }
      read_entry();
      attributes_.clear();
    }
    if (num_entries_ == 0) throw Error("holds no files");
  }

 private:
  std::string read(int64_t n) {
    std::string bytes(static_cast<size_t>(n), '\0');
    for (int64_t done = 0; done < n;) {
      const ssize_t got = pread(fd_.get(), &bytes[static_cast<size_t>(done)],
                                static_cast<size_t>(n - done), at_ + done);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw Error("ends in the middle of an entry");
      done += got;
    }
    at_ += n;
    return bytes;
  }

  void refuse_other_formats() {
    if (size_ < kBlock) throw Error("is no tar archive");
    const std::string start = read(kBlock);
    at_ = 0;
    for (const std::string_view magic : {std::string_view("\x1f\x8b"), std::string_view("BZh"),
                                         std::string_view("\xfd"
                                                          "7zXZ"),
                                         std::string_view("\x28\xb5\x2f\xfd")})
      if (start.starts_with(magic)) throw Error("is compressed; decompress it first");
  }

  static std::string text(const std::string& block, Field field) {
    const std::string raw = block.substr(field.at, field.size);
    return raw.substr(0, raw.find('\0'));
  }

  // Octal digits, or, with the first bit set, a big-endian number (GNU).
  static int64_t number(const std::string& block, Field field) {
    const std::string raw = block.substr(field.at, field.size);
    uint64_t value = 0;
    if (raw[0] & '\x80') {
      for (size_t i = 1; i < raw.size(); ++i) {
        if (value >> 55) throw Error("has a size that makes no sense");
        value = value << 8 | static_cast<uint8_t>(raw[i]);
      }
      if (raw[0] != '\x80') throw Error("has a size that makes no sense");
      return static_cast<int64_t>(value);
    }
    size_t i = raw.find_first_not_of(' ');
    for (; i < raw.size() && raw[i] >= '0' && raw[i] <= '7'; ++i)
      value = value * 8 + static_cast<uint64_t>(raw[i] - '0');
    if (i < raw.size() && raw[i] != ' ' && raw[i] != '\0')
      throw Error("has a number that is not octal");
    return static_cast<int64_t>(value);  // at most 12 digits of 3 bits
  }

  // False at the end: two blocks of zeros, or nothing more.
  bool read_header() {
    if (at_ >= size_) return false;
    if (size_ - at_ < kBlock) throw Error("ends in the middle of an entry");
    const std::string block = read(kBlock);
    if (block.find_first_not_of('\0') == std::string::npos) return false;
    int64_t sum = 0;
    for (size_t i = 0; i < block.size(); ++i)
      sum += i - kChecksum.at < kChecksum.size ? ' ' : static_cast<uint8_t>(block[i]);
    if (sum != number(block, kChecksum))
      throw Error("is damaged or no tar archive: wrong checksum at byte " +
                  std::to_string(at_ - kBlock));
    type_ = block[kType.at];
    mode_ = static_cast<unsigned>(number(block, kMode));
    entry_size_ = number(block, kSize);
    link_ = text(block, kLinkName);
    name_ = text(block, kName);
    const std::string prefix = text(block, kPrefix);
    // GNU's old format has times where ustar has the prefix.
    if (block.compare(kMagic.at, kMagic.size + 1, "ustar\0", 6) == 0 && !prefix.empty())
      name_ = prefix + "/" + name_;
    return true;
  }

  void check_size() const {
    if (entry_size_ > size_ - at_)
      throw Error("entry " + printable(name_) + ": its size of " + std::to_string(entry_size_) +
                  " bytes is more than the archive holds");
  }

  void read_attributes() {
    check_size();
    if (entry_size_ > kMaxNameBytes) throw Error("has a name or attributes beyond 64 KiB");
    const std::string data = read(entry_size_);
    skip_padding();
    if (type_ == 'L' || type_ == 'K') {
      attributes_[type_ == 'L' ? "path" : "linkpath"] = data.substr(0, data.find('\0'));
    } else if (type_ == 'x') {
      read_pax(data);
    }  // 'g' holds comments and times
  }

  // Records "LENGTH KEY=VALUE\n", the length with itself.
  void read_pax(const std::string& data) {
    for (size_t at = 0; at < data.size();) {
      size_t length = 0, i = at;
      for (; i < data.size() && data[i] >= '0' && data[i] <= '9' && length < data.size(); ++i)
        length = length * 10 + static_cast<size_t>(data[i] - '0');
      const size_t equals = data.find('=', i);
      if (i >= data.size() || data[i] != ' ' || length > data.size() - at || at + length <= i ||
          equals >= at + length || data[at + length - 1] != '\n')
        throw Error("has malformed pax attributes");
      const std::string key = data.substr(i + 1, equals - i - 1);
      attributes_[key] = data.substr(equals + 1, at + length - equals - 2);
      at += length;
    }
  }

  void skip_padding() { at_ = std::min((at_ + kBlock - 1) / kBlock * kBlock, size_); }

  void apply_attributes() {
    for (const auto& [key, value] : attributes_) {
      if (key == "path") name_ = value;
      if (key == "linkpath") link_ = value;
      if (key.starts_with("GNU.sparse"))
        throw Error("entry " + printable(name_) +
                    ": sparse files are not supported; "
                    "make the archive without --sparse");
      if (key != "size") continue;
      if (value.empty() || value.size() > 18 ||
          value.find_first_not_of("0123456789") != std::string::npos)
        throw Error("entry " + printable(name_) + ": a size that makes no sense");
      entry_size_ = std::stoll(value);
    }
  }

  void read_entry() {
    apply_attributes();
    ++num_entries_;
    switch (type_) {
      case '0':
      case '\0':
      case '7':
        if (name_.ends_with('/')) return layer_->add_directory(name_, mode_);  // as before POSIX
        return read_file();
      case '1':
        return layer_->add_hard_link(name_, link_);
      case '2':
        return layer_->add_link(name_, link_);
      case '5':
        return layer_->add_directory(name_, mode_);
      case '3':
      case '4':
        throw Error("entry " + printable(name_) + ": a device node, which no layer may hold");
      case '6':
        throw Error("entry " + printable(name_) + ": a named pipe, which no layer may hold");
      case 'S':
        throw Error("entry " + printable(name_) +
                    ": sparse files are not supported; "
                    "make the archive without --sparse");
      default:
        throw Error("entry " + printable(name_) + ": its type " + printable({&type_, 1}) +
                    " is not supported");
    }
  }

  void read_file() {
    check_size();
    layer_->begin_file(name_, mode_);
    for (int64_t left = entry_size_; left > 0;) {
      const int64_t n = std::min<int64_t>(left, 256 << 10);
      layer_->append(read(n));
      left -= n;
    }
    layer_->end_file();
    skip_padding();
  }

  const Fd fd_;
  LayerWriter* const layer_;
  int64_t size_ = 0, at_ = 0, num_entries_ = 0;
  // Of the entry whose header was read last.
  char type_ = 0;
  unsigned mode_ = 0;
  int64_t entry_size_ = 0;
  std::string name_, link_;
  std::map<std::string, std::string> attributes_;  // pax keys
};

}  // namespace

void read_tar(const std::string& path, LayerWriter* layer) {
  try {
    TarReader(path, layer).run();
  } catch (const Error& e) {
    throw Error(path + ": " + e.what());
  }
}

}  // namespace amalgam::sandbox
