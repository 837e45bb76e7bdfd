#include "learner/step/training_state.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/fnv1a.h"
#include "learner/optim/pack_weights.h"
#include "learner/step/checksum.h"

namespace amalgam::learner {
namespace {

constexpr char kMagic[8] = {'A', 'M', 'L', 'G', 'S', 'T', 'A', 'T'};
constexpr uint32_t kVersion = 2;
constexpr int64_t kPage = 4096;

int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Of every tensor's name and shape.
struct LayoutHash {
  uint64_t value = kFnv1aStart;
  template <class T, class... R>
  void operator()(const std::string& name, const T& t, R...) {
    value = fnv1a(name, value);
    value = fnv1a(bytes_of(t.rows), value);
    value = fnv1a(bytes_of(t.cols), value);
  }
};

// Changes with every boot of the machine; 0 where the system does not tell.
uint64_t boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string text;
  return std::getline(in, text) ? fnv1a(text) : 0;
}

struct Layout {
  explicit Layout(const model::ModelConfig& config) {
    const model::Weights shapes(config);
    LayoutHash layout_hash;
    visit(shapes, layout_hash);
    fingerprint = layout_hash.value;
    num_floats = shapes.num_floats();
    num_ints = shapes.num_ints();
    block_bytes = round_up(num_floats * 4, 64);
    slots_offset = kPage + round_up(num_ints * 4, kPage);
    slot_bytes = kPage + round_up(3 * block_bytes, kPage);
    file_bytes = slots_offset + 2 * slot_bytes;
  }
  uint64_t fingerprint = 0;
  int64_t num_floats = 0, num_ints = 0;
  int64_t block_bytes = 0;   // parameters, or one of the moments
  int64_t slots_offset = 0;  // of slot 0 in the file
  int64_t slot_bytes = 0, file_bytes = 0;
};

struct File {
  explicit File(int descriptor) : fd(descriptor) {}
  ~File() {
    if (fd >= 0) ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd;
};

// The memory of every tensor, floats and tables.
struct CollectMemory {
  std::vector<std::pair<void*, size_t>> all;
  template <class T, class... R>
  void operator()(const std::string&, const T& t, R...) {
    all.emplace_back(t.data, static_cast<size_t>(t.size()) * 4);
  }
};

void copy_weights(const model::Weights& from, model::Weights& to) {
  CollectMemory source, target;
  visit(from, source);
  visit(to, target);
  CHECK_EQ(source.all.size(), target.all.size());
  for (size_t i = 0; i < source.all.size(); ++i) {
    CHECK_EQ(source.all[i].second, target.all[i].second);
    std::memcpy(target.all[i].first, source.all[i].first, source.all[i].second);
  }
}

}  // namespace

struct TrainingState::Header {
  struct Fixed {
    char magic[8];
    uint32_t version;
    uint32_t page_bytes;
    uint64_t fingerprint;
    int64_t num_floats, num_ints, file_bytes;
  } fixed;
  uint64_t checksum;         // of `fixed`
  uint64_t tables_checksum;  // of the int tables, which no step changes
  // Each of these changes by one 8-byte store.
  uint64_t current;  // 2 · step + slot
  uint64_t synced;   // `current` at the last sync()
  uint64_t boot;     // boot_id() of the last open()
};

struct TrainingState::SlotHeader {
  int64_t step;
  Extra extra;
  uint64_t checksum;  // of the two and of the slot's floats
};

void TrainingState::Unmap::operator()(std::byte* p) const { ::munmap(p, bytes); }

TrainingState::Header& TrainingState::header() const {
  return *reinterpret_cast<Header*>(file_.get());
}

TrainingState::TrainingState(const std::string& path, const model::ModelConfig& config, int fd,
                             size_t file_bytes, const configs::NumericsConfig& numerics)
    : path_(path), file_(nullptr, Unmap{}), numerics_(numerics) {
  void* p = ::mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED)
    throw Error(
        fmt::format("{}: cannot map {} MiB of training state ({}); free address space or "
                    "raise the limit (ulimit -v)",
                    path, file_bytes >> 20, std::strerror(errno)));
  file_ = {static_cast<std::byte*>(p), Unmap{file_bytes}};
  const Layout layout(config);
  tables_bytes_ = static_cast<size_t>(layout.slots_offset - kPage);
  slot_floats_bytes_ = static_cast<size_t>(layout.slot_bytes - kPage);
  auto* ints = reinterpret_cast<int32_t*>(file_.get() + kPage);
  for (size_t i = 0; i < 2; ++i) {
    std::byte* base =
        file_.get() + layout.slots_offset + static_cast<int64_t>(i) * layout.slot_bytes;
    auto floats = [&](int block) {
      return reinterpret_cast<float*>(base + kPage + block * layout.block_bytes);
    };
    Slot& slot = slots_[i];
    slot.params = slot.first_moment = slot.second_moment = model::Weights(config);
    slot.params.bind(floats(0), ints);
    slot.first_moment.bind(floats(1), ints);
    slot.second_moment.bind(floats(2), ints);
    slot_headers_[i] = reinterpret_cast<SlotHeader*>(base);
    slot.extra = &slot_headers_[i]->extra;
  }
  packed_.resize(static_cast<size_t>(slots_[0].params.num_packed_floats()));
  rounded_.resize(static_cast<size_t>(slots_[0].params.num_rounded_floats(numerics)));
  for (Slot& slot : slots_) {
    slot.params.bind_packed(packed_.data());
    slot.params.bind_rounded(numerics, rounded_.data());
  }
}

TrainingState TrainingState::create(const std::string& path, const model::ModelConfig& config,
                                    const model::Weights& initial, kernels::ThreadPool& pool,
                                    const configs::NumericsConfig& numerics) {
  static_assert(sizeof(Header) <= kPage && sizeof(SlotHeader) <= kPage);
  const Layout layout(config);
  const std::string unfinished = path + ".new";
  File file(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.fd < 0)
    throw Error(
        fmt::format("{}: cannot create the training state: {}", unfinished, std::strerror(errno)));
  // Reserved now: a full disk would otherwise be a SIGBUS in some later step.
  if (const int failed = ::posix_fallocate(file.fd, 0, layout.file_bytes)) {
    ::unlink(unfinished.c_str());
    throw Error(
        fmt::format("{}: cannot reserve {} MiB for the training state ({}); free disk space "
                    "or choose another run directory",
                    path, (layout.file_bytes >> 20) + 1, std::strerror(failed)));
  }
  TrainingState state(path, config, file.fd, static_cast<size_t>(layout.file_bytes), numerics);
  copy_weights(initial, state.slots_[0].params);
  Header& h = state.header();
  std::memcpy(h.fixed.magic, kMagic, sizeof kMagic);
  h.fixed.version = kVersion;
  h.fixed.page_bytes = kPage;
  h.fixed.fingerprint = layout.fingerprint;
  h.fixed.num_floats = layout.num_floats;
  h.fixed.num_ints = layout.num_ints;
  h.fixed.file_bytes = layout.file_bytes;
  h.checksum = fnv1a(bytes_of(h.fixed));
  h.tables_checksum = state.checksum_of_tables(pool);
  state.slot_headers_[0]->checksum = state.checksum_of(0, pool);
  h.synced = ~uint64_t{0};
  h.boot = boot_id();
  state.select(0, pool);
  if (::rename(unfinished.c_str(), path.c_str()) != 0)
    throw Error(
        fmt::format("{}: cannot create the training state: {}", path, std::strerror(errno)));
  return state;
}

TrainingState TrainingState::open(const std::string& path, const model::ModelConfig& config,
                                  kernels::ThreadPool& pool,
                                  const configs::NumericsConfig& numerics) {
  const auto fail = [&](const std::string& what) {
    throw Error(fmt::format("{}: {}; begin its stage anew with --restart STAGE", path, what));
  };
  File file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.fd < 0) fail(fmt::format("cannot open the training state ({})", std::strerror(errno)));
  Header h;
  const ssize_t got = ::pread(file.fd, &h, sizeof h, 0);
  if (got != static_cast<ssize_t>(sizeof h)) fail("the training state is truncated");
  if (std::memcmp(h.fixed.magic, kMagic, sizeof kMagic) != 0) fail("not a training state");
  if (h.fixed.version != kVersion)
    fail(fmt::format("training state version {}, this program reads version {}", h.fixed.version,
                     kVersion));
  if (h.checksum != fnv1a(bytes_of(h.fixed))) fail("the training state's header is damaged");
  const Layout layout(config);
  if (h.fixed.fingerprint != layout.fingerprint || h.fixed.num_floats != layout.num_floats ||
      h.fixed.num_ints != layout.num_ints || h.fixed.file_bytes != layout.file_bytes)
    fail(
        fmt::format("the training state belongs to a model of another shape ({} parameters, the "
                    "configured model has {})",
                    h.fixed.num_floats, layout.num_floats));
  struct stat status {};
  if (::fstat(file.fd, &status) != 0 || status.st_size < layout.file_bytes)
    fail(fmt::format("the training state is truncated ({} of {} bytes)", status.st_size,
                     layout.file_bytes));
  const uint64_t boot = boot_id();
  if (h.boot != boot && h.synced != h.current)
    fail("the machine restarted before the training state was on its disk");
  TrainingState state(path, config, file.fd, static_cast<size_t>(layout.file_bytes), numerics);
  const size_t slot = h.current & 1;
  if (state.slot_headers_[slot]->step != static_cast<int64_t>(h.current >> 1))
    fail("the training state's header is damaged");
  if (state.header().tables_checksum != state.checksum_of_tables(pool) ||
      state.slot_headers_[slot]->checksum != state.checksum_of(slot, pool))
    fail("the training state is damaged (its checksum does not match)");
  std::atomic_ref(state.header().boot).store(boot, std::memory_order_release);
  state.select(slot, pool);
  return state;
}

int64_t TrainingState::step() const { return slot_headers_[current_]->step; }

uint64_t TrainingState::checksum_of_tables(kernels::ThreadPool& pool) const {
  return checksum(pool, file_.get() + kPage, tables_bytes_);
}

uint64_t TrainingState::checksum_of(size_t slot, kernels::ThreadPool& pool) const {
  const SlotHeader& h = *slot_headers_[slot];
  const auto* floats = reinterpret_cast<const std::byte*>(&h) + kPage;
  const uint64_t sum = checksum(pool, floats, slot_floats_bytes_);
  return fnv1a(bytes_of(h.extra), fnv1a(bytes_of(h.step), sum));
}

void TrainingState::select(size_t slot, kernels::ThreadPool& pool) {
  current_ = slot;
  *next().extra = *current().extra;
  pack_weights(pool, slots_[current_].params, numerics_);
}

void TrainingState::commit(kernels::ThreadPool& pool) {
  const size_t slot = 1 - current_;
  const int64_t new_step = step() + 1;
  slot_headers_[slot]->step = new_step;
  slot_headers_[slot]->checksum = checksum_of(slot, pool);
  std::atomic_ref(header().current)
      .store(static_cast<uint64_t>(new_step) * 2 + slot, std::memory_order_release);
  select(slot, pool);
}

void TrainingState::replace_extra(const Extra& extra, kernels::ThreadPool& pool) {
  *slots_[current_].extra = extra;
  slot_headers_[current_]->checksum = checksum_of(current_, pool);
  select(current_, pool);
}

void TrainingState::sync() {
  const auto flush = [&] {
    if (::msync(file_.get(), file_.get_deleter().bytes, MS_SYNC) != 0)
      throw Error(fmt::format("{}: cannot write the training state to disk: {}", path_,
                              std::strerror(errno)));
  };
  flush();
  std::atomic_ref(header().synced).store(header().current, std::memory_order_release);
  flush();
}

}  // namespace amalgam::learner
