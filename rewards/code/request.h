// What the servers in sandboxes read and write (harness.h).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

struct Request {
  int cpu_seconds = 1;   // of a test
  int wall_seconds = 1;  // of a test
  int64_t output_bytes = 0;
  int option = 0;
  std::vector<std::string_view> blobs;
};
std::string write_request(const Request& request);

// One line "number status size" and that many bytes.
struct Frame {
  size_t number = 0;
  std::string_view status, data;
};
// Takes the next one off *rest. Nothing when it does not begin with a whole one.
std::optional<Frame> next_frame(std::string_view* rest);

// Bytes that Python reads as UTF-8: sampled text may be cut inside a character.
std::string valid_utf8(std::string_view text);

}  // namespace amalgam::rewards
