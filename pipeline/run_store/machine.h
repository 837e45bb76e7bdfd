// What the machine has, as far as the program cares.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace amalgam::pipeline {

struct Machine {
  std::string cpu;              // model name
  std::string instruction_set;  // "AVX-512" or "AVX2", without which this program does not start
  int num_cores = 0;            // this process may run on
  int64_t memory_bytes = 0;     // the machine's, or this control group's limit if that is lower
  int64_t available_bytes = 0;  // can be had now without swapping
};
Machine inspect_machine();

// Compute threads for a requested number: 0 means all cores.
int num_threads(int64_t requested);

// Free bytes on the file system that `path`, or its nearest existing parent, is on.
int64_t free_disk_bytes(const std::filesystem::path& path);

}  // namespace amalgam::pipeline
