#include "proto/record_file.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "configs/check.h"
#include "configs/error.h"
#include "proto/crc32c.h"

namespace amalgam::proto {
namespace {

constexpr int64_t kHeaderBytes = 12;  // length, its crc
constexpr int64_t kFooterBytes = 4;   // crc of the data

template <class T>
T load(const char* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

template <class T>
void store(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

enum class Frame { kWhole, kShort, kDamaged };

class Input {
 public:
  explicit Input(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0 && errno != ENOENT) throw Error(file_error("read", path, errno));
    struct stat st {};
    if (fd_ >= 0) CHECK_EQ(::fstat(fd_, &st), 0);
    size_ = st.st_size;
  }
  ~Input() {
    if (fd_ >= 0) ::close(fd_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  int64_t size() const { return size_; }

  // The record at `offset` into *data.
  Frame read_frame(int64_t offset, std::string* data) {
    const int64_t rest = size_ - offset;
    if (rest < kHeaderBytes) return Frame::kShort;
    const std::string header = read(offset, kHeaderBytes);
    if (load<uint32_t>(&header[8]) != masked_crc32c(std::string_view(header).substr(0, 8)))
      return Frame::kDamaged;
    const auto length = static_cast<int64_t>(load<uint64_t>(header.data()));
    if (length < 0 || length > rest - kHeaderBytes - kFooterBytes) return Frame::kShort;
    *data = read(offset + kHeaderBytes, length + kFooterBytes);
    const auto crc = load<uint32_t>(data->data() + length);
    data->resize(static_cast<size_t>(length));
    return crc == masked_crc32c(*data) ? Frame::kWhole : Frame::kDamaged;
  }

  // Blocks of a file whose size was extended but never written read as zeros; no whole record does.
  bool only_zeros_from(int64_t offset) {
    for (; offset < size_; offset += 1 << 16) {
      const std::string block = read(offset, std::min<int64_t>(1 << 16, size_ - offset));
      if (block.find_first_not_of('\0') != std::string::npos) return false;
    }
    return true;
  }

 private:
  std::string read(int64_t offset, int64_t n) {
    std::string bytes(static_cast<size_t>(n), '\0');
    for (int64_t done = 0; done < n;) {
      const ssize_t got = ::pread(fd_, &bytes[static_cast<size_t>(done)],
                                  static_cast<size_t>(n - done), offset + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(file_error("read", path_, errno));
      if (got == 0) throw Error(path_ + " became shorter while it was read; is it in use?");
      done += got;
    }
    return bytes;
  }

  std::string path_;
  int fd_;
  int64_t size_ = 0;
};

Error damaged(const std::string& path, int64_t offset) {
  return Error(
      fmt::format("{} is damaged at byte {}: checksum mismatch; restore it from a copy, or "
                  "start a new one",
                  path, offset));
}

}  // namespace

Scan scan_whole_records(const std::string& path,
                        const std::function<bool(int64_t, std::string_view)>& visit) {
  Input input(path);
  Scan scan;
  std::string data;
  while (scan.end < input.size()) {
    const Frame frame = input.read_frame(scan.end, &data);
    if (frame != Frame::kWhole) {
      const bool is_torn = frame == Frame::kShort || input.only_zeros_from(scan.end);
      scan.tail = is_torn ? Tail::kTorn : Tail::kDamaged;
      break;
    }
    if (!visit(scan.end, data)) break;
    scan.end += kHeaderBytes + static_cast<int64_t>(data.size()) + kFooterBytes;
  }
  return scan;
}

int64_t scan_records(const std::string& path,
                     const std::function<bool(int64_t, std::string_view)>& visit) {
  const Scan scan = scan_whole_records(path, visit);
  if (scan.tail == Tail::kDamaged) throw damaged(path, scan.end);
  return scan.end;
}

std::string read_record(const std::string& path, int64_t offset) {
  Input input(path);
  std::string data;
  if (offset < 0 || input.read_frame(offset, &data) != Frame::kWhole) throw damaged(path, offset);
  return data;
}

RecordFile::RecordFile(const std::string& path,
                       const std::function<bool(int64_t, std::string_view)>& keep)
    : file_(path) {
  bool stopped = false;
  const int64_t end = scan_records(path, [&](int64_t offset, std::string_view data) {
    stopped = !keep(offset, data);
    return !stopped;
  });
  if (!stopped) torn_bytes_ = file_.size() - end;
  if (end < file_.size()) file_.truncate(end);
}

std::vector<int64_t> RecordFile::append(const std::vector<std::string>& records) {
  std::vector<int64_t> offsets;
  std::string bytes;
  for (const std::string& data : records) {
    offsets.push_back(file_.size() + static_cast<int64_t>(bytes.size()));
    const size_t at = bytes.size();
    store(&bytes, static_cast<uint64_t>(data.size()));
    store(&bytes, masked_crc32c(std::string_view(bytes).substr(at, 8)));
    bytes += data;
    store(&bytes, masked_crc32c(data));
  }
  file_.append(bytes);
  return offsets;
}

}  // namespace amalgam::proto
