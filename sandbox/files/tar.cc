#include "sandbox/files/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/printable.h"
#include "sandbox/files/fd.h"

namespace amalgam::sandbox {
namespace {

// libarchive converts names of pax archives, which are UTF-8, to this thread's locale.
class Utf8Locale {
 public:
  Utf8Locale() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), old_(uselocale(utf8_)) {}
  ~Utf8Locale() {
    uselocale(old_);
    if (utf8_) freelocale(utf8_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  const locale_t utf8_, old_;
};

class TarReader {
 public:
  TarReader(const std::string& path, LayerWriter* layer)
      : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)),
        archive_(archive_read_new(), archive_read_free),
        layer_(layer) {
    if (!file_) throw Error(std::strerror(errno));
    archive* const a = archive_.get();
    archive_read_support_format_tar(a);
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    if (archive_read_open_fd(a, file_.get(), kBlockBytes) != ARCHIVE_OK) fail();
  }

  void run() {
    bool is_empty = true;
    for (;; is_empty = false) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(archive_.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK) fail();
      add(entry);
    }
    if (is_empty) throw Error("holds no files");
  }

 private:
  static constexpr size_t kBlockBytes = 128 << 10;

  [[noreturn]] void fail() const {
    const char* const why = archive_error_string(archive_.get());
    throw Error(why ? printable(why) : "is damaged");
  }

  void add(archive_entry* entry) {
    const auto text = [](const char* value) { return std::string(value ? value : ""); };
    const std::string path = text(archive_entry_pathname(entry));
    if (const char* const existing = archive_entry_hardlink(entry))
      return layer_->add_hard_link(path, existing);
    const unsigned mode = archive_entry_perm(entry);
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return layer_->add_directory(path, mode);
      case AE_IFLNK:
        return layer_->add_link(path, text(archive_entry_symlink(entry)));
      case AE_IFREG:
        return add_file(path, mode);
      default:
        throw Error("entry " + printable(path) +
                    ": a device node or pipe, which no layer may hold");
    }
  }

  void add_file(const std::string& path, unsigned mode) {
    layer_->begin_file(path, mode);
    for (;;) {  // holes of sparse files come as zeros
      const la_ssize_t n = archive_read_data(archive_.get(), buffer_.data(), buffer_.size());
      if (n < 0) fail();
      if (n == 0) break;
      layer_->append({buffer_.data(), static_cast<size_t>(n)});
    }
    layer_->end_file();
  }

  const Fd file_;
  const std::unique_ptr<archive, int (*)(archive*)> archive_;
  LayerWriter* const layer_;
  std::vector<char> buffer_ = std::vector<char>(kBlockBytes);
};

}  // namespace

void read_tar(const std::string& path, LayerWriter* layer) {
  const Utf8Locale locale;
  try {
    TarReader(path, layer).run();
  } catch (const Error& e) {
    throw Error(path + ": " + e.what());
  }
}

}  // namespace amalgam::sandbox
