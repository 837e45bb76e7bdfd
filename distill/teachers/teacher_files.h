// The files of a teacher's model directory, which must stay as they are while a stage reads them
// again and again.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace amalgam::distill {

class TeacherFiles {
 public:
  // Notes size and time of config.json and the weights. Throws Error where there are none.
  explicit TeacherFiles(const std::string& directory);

  // Before what is there is read, and after. The first time notes checksums as well. A file whose
  // size or time is another must have the checksum that it had. Throws Error, one line that names
  // directory and file, where one is gone or another.
  void check();

 private:
  struct Facts {
    int64_t size = 0, seconds = 0, nanoseconds = 0;
    uint64_t inode = 0;
    bool operator==(const Facts&) const = default;
  };
  struct File {
    Facts facts;
    std::optional<uint64_t> checksum;
  };
  Facts facts_of(const std::string& name) const;
  uint64_t checksum_of(const std::string& name) const;
  [[noreturn]] void fail(const std::string& name, const std::string& what) const;

  std::string directory_;
  std::map<std::string, File> files_;  // by name in the directory
};

}  // namespace amalgam::distill
