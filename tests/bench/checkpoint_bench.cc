// Opening and loading a checkpoint, beside plain reads of the same files.
//
//   checkpoint_bench DIR       a model directory; its files are dropped from the page cache first
//
// open: config, index and all headers; read: read(2) of every file; load: what load_model does.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/tensor_catalogue.h"
#include "tests/eventually.h"

namespace amalgam::model {
namespace {

namespace fs = std::filesystem;

// Calls f(fd) for every weight file.
void for_each_file(const std::string& directory, const std::function<void(int)>& f) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() != ".safetensors") continue;
    const int fd = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw Error(entry.path().string() + ": cannot be opened");
    f(fd);
    close(fd);
  }
}

void drop_from_cache(const std::string& directory) {
  for_each_file(directory, [](int fd) {
    fdatasync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  });
}

int64_t read_all(const std::string& directory) {
  std::vector<char> buffer(size_t{16} << 20);
  int64_t total = 0;
  for_each_file(directory, [&](int fd) {
    ssize_t n;
    while ((n = read(fd, buffer.data(), buffer.size())) > 0) total += n;
    if (n < 0) throw Error(directory + ": cannot be read: " + std::strerror(errno));
  });
  return total;
}

void run(const std::string& directory) {
  const double open_s = seconds_of([&] {
    load_model_config(directory + "/config.json");
    const TensorCatalogue catalogue(directory);
  });
  const auto report = [&](const char* how, double read_s, double load_s, int64_t bytes) {
    const double gb = 1e-9 * static_cast<double>(bytes);
    std::printf("%s: %.2f GB, read %.2f s (%.2f GB/s), load %.2f s (%.2f GB/s)\n", how, gb, read_s,
                gb / read_s, load_s, gb / load_s);
  };
  std::printf("open %.1f ms\n", 1e3 * open_s);
  std::fflush(stdout);
  int64_t bytes = 0;
  const auto read = [&] { bytes = read_all(directory); };
  const auto load = [&] { load_model(directory); };
  drop_from_cache(directory);
  const double cold_read = seconds_of(read);
  drop_from_cache(directory);
  const double cold_load = seconds_of(load);
  const double warm_read = seconds_of(read), warm_load = seconds_of(load);
  report("from disk ", cold_read, cold_load, bytes);
  report("from cache", warm_read, warm_load, bytes);
}

}  // namespace
}  // namespace amalgam::model

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw amalgam::Error("usage: checkpoint_bench DIR");
    amalgam::model::run(argv[1]);
    return 0;
  } catch (const amalgam::Error& e) {
    std::fprintf(stderr, "checkpoint_bench: %s\n", e.what());
    return 1;
  }
}
