#include "pipeline/identity/digest.h"

#include <fcntl.h>
#include <sodium/crypto_generichash.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "configs/error.h"
#include "proto/append_file.h"
#include "sandbox/files/fd.h"
#include "sandbox/files/hex.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDigestBytes = 32;
constexpr int64_t kChunkBytes = 4 << 20;

std::string raw_digest(std::string_view bytes) {
  std::string digest(kDigestBytes, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()), digest.size(),
                     reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), nullptr,
                     0);
  return digest;
}

// Fills the chunk; 0, or errno.
int read_at(int fd, int64_t offset, std::string* chunk) {
  size_t done = 0;
  while (done < chunk->size()) {
    const ssize_t n = ::pread(fd, chunk->data() + done, chunk->size() - done,
                              offset + static_cast<int64_t>(done));
    if (n <= 0) return n < 0 ? errno : EIO;
    done += static_cast<size_t>(n);
  }
  return 0;
}

}  // namespace

std::string text_digest(std::string_view text) { return sandbox::to_hex(raw_digest(text)); }

// The digest of the digests of its chunks.
std::string Digests::file(const std::string& path) {
  const sandbox::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) throw Error(proto::file_error("read", path, errno));
  if (!S_ISREG(info.st_mode)) throw Error(path + " is no file");
  const int64_t size = info.st_size;
  std::string& known = known_[fmt::format("{} {} {} {}.{}", path, size, info.st_ino,
                                          info.st_mtim.tv_sec, info.st_mtim.tv_nsec)];
  if (!known.empty()) return known;
  const int64_t num_chunks = (size + kChunkBytes - 1) / kChunkBytes;
  std::string digests(static_cast<size_t>(num_chunks) * kDigestBytes, '\0');
  std::atomic<int> error = 0;
  pool_.run(num_chunks, [&](int64_t i) {
    std::string chunk(static_cast<size_t>(std::min(kChunkBytes, size - i * kChunkBytes)), '\0');
    if (const int e = read_at(file.get(), i * kChunkBytes, &chunk))
      error = e;
    else
      raw_digest(chunk).copy(digests.data() + static_cast<size_t>(i) * kDigestBytes, kDigestBytes);
  });
  if (error != 0) throw Error(proto::file_error("read", path, error));
  return known = text_digest(digests + std::to_string(size));
}

std::string Digests::model(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".safetensors" || name == "config.json" ||
        name == "tokenizer.json")
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  if (std::none_of(names.begin(), names.end(),
                   [](const std::string& n) { return n.ends_with(".safetensors"); }))
    throw Error(directory + ": holds no model (no *.safetensors)");
  std::string all;
  for (const std::string& name : names) all += name + " " + file(directory + "/" + name) + "\n";
  return text_digest(all);
}

}  // namespace amalgam::pipeline
