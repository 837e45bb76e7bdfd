#include "distill/teachers/teacher_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "configs/error.h"
#include "configs/fnv1a.h"
#include "kernels/device/thread_pool.h"
#include "learner/step/checksum.h"

namespace amalgam::distill {

TeacherFiles::TeacherFiles(const std::string& directory) : directory_(directory) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename().string();
    if (name == "config.json" || name.ends_with(".safetensors") ||
        name == "model.safetensors.index.json")
      files_[name].facts = facts_of(name);
  }
  if (failed) throw Error(directory + ": cannot be read: " + failed.message());
  if (files_.empty()) throw Error(directory + ": holds no model");
}

void TeacherFiles::check() {
  for (auto& [name, file] : files_) {
    const Facts now = facts_of(name);
    if (file.checksum && now == file.facts) continue;
    if (!file.checksum && !(now == file.facts)) fail(name, "was changed");
    const uint64_t checksum = checksum_of(name);
    if (file.checksum && checksum != *file.checksum) fail(name, "was changed");
    file = {now, checksum};
  }
}

TeacherFiles::Facts TeacherFiles::facts_of(const std::string& name) const {
  struct stat info {};
  if (::stat((directory_ + "/" + name).c_str(), &info) != 0)
    fail(name, errno == ENOENT || errno == ENOTDIR
                   ? "is gone"
                   : std::string("cannot be read: ") + std::strerror(errno));
  return {.size = info.st_size,
          .seconds = info.st_mtim.tv_sec,
          .nanoseconds = info.st_mtim.tv_nsec,
          .inode = info.st_ino};
}

uint64_t TeacherFiles::checksum_of(const std::string& name) const {
  const int fd = ::open((directory_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(name, std::string("cannot be read: ") + std::strerror(errno));
  constexpr size_t kChunk = 4 << 20, kWords = 64;  // bytes; checksum() takes multiples of 64
  kernels::ThreadPool alone(1);
  std::vector<std::byte> chunk(kChunk);
  uint64_t sum = kFnv1aStart;
  int64_t at = 0;
  ssize_t n;
  while ((n = ::pread(fd, chunk.data(), kChunk, at)) > 0) {
    const auto end = static_cast<size_t>(n), padded = (end + kWords - 1) / kWords * kWords;
    std::fill(chunk.begin() + n, chunk.begin() + static_cast<int64_t>(padded), std::byte{0});
    const uint64_t piece = learner::checksum(alone, chunk.data(), padded);
    sum = fnv1a({reinterpret_cast<const char*>(&piece), sizeof piece}, sum);
    at += n;
  }
  const int error = errno;
  ::close(fd);
  if (n < 0) fail(name, std::string("cannot be read: ") + std::strerror(error));
  return fnv1a({reinterpret_cast<const char*>(&at), sizeof at}, sum);
}

void TeacherFiles::fail(const std::string& name, const std::string& what) const {
  throw Error("teacher " + directory_ + ": " + name + " " + what +
              " while the run uses it; put back what was there and continue with --resume");
}

}  // namespace amalgam::distill
