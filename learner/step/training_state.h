// TrainingState: parameters and optimiser moments that survive kill -9 at any moment.
//
// One memory-mapped file with two slots. A step reads the current slot, writes the other one and
// commits by storing one 8-byte word, so the file always holds one whole step and nothing is
// copied. What a killed process has stored is in the page cache and is not lost; only sync() waits
// for the disk. open() therefore refuses a state that was not synced and comes from before a
// reboot.
//
//   file = header | int tables | slot 0 | slot 1
//   slot = step, Extra, checksum | parameters | first moment | second moment  (Weights::bind order)
//
// The checksum is of all that the slot holds, stored before the step is committed and checked by
// open(): damage is found before anything is computed from it. See step/checksum.h for the cost.
//
// The second moment has room for every tensor; with Muon the part of its matrices is never touched
// and costs disk space and the checksum's reading of it.
//
// Not thread-safe. One process at a time (the lock of the run directory sees to that).
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"
#include "model/network/weights.h"

namespace amalgam::learner {

class TrainingState {
 public:
  // Numbers of a stage that must change together with the weights (data position, best score, …).
  // What they mean is the stage's business; they start as zeros.
  struct Extra {
    std::array<int64_t, 32> ints;
    std::array<double, 32> doubles;
  };
  // Views into one slot. All three have the model's shapes; only `params` has int tables and packed
  // matrices.
  struct Slot {
    model::Weights params, first_moment, second_moment;
    Extra* extra = nullptr;
  };

  // `numerics`: what compute makes of the weights (Matrix::packed); the file holds f32 either way.
  // A new state at step 0 with zero moments. Replaces a file at `path` atomically: until this
  // returns, an old one is intact. The disk space is reserved here, so later steps cannot run out
  // of it. Throws Error when there is not enough.
  static TrainingState create(const std::string& path, const model::ModelConfig& config,
                              const model::Weights& initial, kernels::ThreadPool& pool,
                              const configs::NumericsConfig& numerics = {});
  // Throws Error if the file is missing, truncated, damaged, of another model shape, or possibly
  // incomplete after a reboot.
  static TrainingState open(const std::string& path, const model::ModelConfig& config,
                            kernels::ThreadPool& pool,
                            const configs::NumericsConfig& numerics = {});
  TrainingState(TrainingState&&) noexcept = default;

  int64_t step() const;  // optimiser steps done
  const Slot& current() const { return slots_[current_]; }
  // Where the step in progress writes: every float of params, and the moments it uses. `extra`
  // starts as a copy of the current one.
  Slot& next() { return slots_[1 - current_]; }

  // Makes next() current, as step() + 1, and refreshes the packed matrices.
  void commit(kernels::ThreadPool& pool);
  // Changes the current step's numbers in place. Only for a state that nobody depends on yet: a
  // kill in between leaves one that open() refuses.
  void replace_extra(const Extra& extra, kernels::ThreadPool& pool);
  // Returns once the current step is on the disk.
  void sync();

 private:
  struct Header;
  struct SlotHeader;
  struct Unmap {
    size_t bytes = 0;
    void operator()(std::byte* p) const;
  };

  TrainingState(const std::string& path, const model::ModelConfig& config, int fd,
                size_t file_bytes, const configs::NumericsConfig& numerics);
  Header& header() const;
  void select(size_t slot, kernels::ThreadPool& pool);
  uint64_t checksum_of(size_t slot, kernels::ThreadPool& pool) const;
  uint64_t checksum_of_tables(kernels::ThreadPool& pool) const;

  std::string path_;
  std::unique_ptr<std::byte, Unmap> file_;
  size_t tables_bytes_ = 0, slot_floats_bytes_ = 0;
  configs::NumericsConfig numerics_;
  kernels::Buffer<float> packed_, rounded_;  // of the current parameters
  std::array<Slot, 2> slots_;
  std::array<SlotHeader*, 2> slot_headers_{};
  size_t current_ = 0;
};

}  // namespace amalgam::learner
