#include "configs/log/line_pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "configs/log/line.h"

namespace amalgam::log {
namespace {

std::vector<std::string> read_back(const std::vector<std::string>& written) {
  std::vector<std::string> lines;
  LinePipe pipe([&](std::string_view line) { lines.emplace_back(line); });
  for (const std::string& text : written)
    EXPECT_EQ(::write(pipe.child_end(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  pipe.finish();  // though the child's end is open: a grandchild may have it
  return lines;
}

TEST(LinePipe, TakesLinesAndLastWordsWithoutABreak) {
  EXPECT_EQ(read_back({"one\ntw", "o\n\nlast wo", "rds"}),
            (std::vector<std::string>{"one", "two", "", "last words"}));
  EXPECT_EQ(read_back({}), std::vector<std::string>{});
}

TEST(LinePipe, ALongLineComesInPieces) {
  const std::string text(20'000, 'x');
  std::string all;
  for (const std::string& piece : read_back({text + "\nend\n"})) {
    EXPECT_LE(piece.size(), kMaxText + 1000);
    all += piece;
  }
  EXPECT_EQ(all, text + "end");
}

TEST(LinePipe, EndsWithItsChild) {
  std::vector<std::string> lines;
  LinePipe pipe([&](std::string_view line) { lines.emplace_back(line); });
  ASSERT_EQ(::write(pipe.child_end(), "bye\n", 4), 4);
  pipe.close_child_end();
  pipe.finish();
  pipe.finish();
  EXPECT_EQ(lines, std::vector<std::string>{"bye"});
}

// A child's child may go on, and faster than its lines are taken.
TEST(LinePipe, EndsBesideAWriterWhoDoesNot) {
  LinePipe pipe([](std::string_view) { ::usleep(5000); });
  const int end = ::dup(pipe.child_end());
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    ::fcntl(end, F_SETFL, O_NONBLOCK);
    const std::string line = std::string(3000, 'y') + "\n";
    while (!stop) [[maybe_unused]] const ssize_t n = ::write(end, line.data(), line.size());
  });
  ::usleep(10'000);
  pipe.finish();
  stop = true;
  writer.join();
  ::close(end);
}

}  // namespace
}  // namespace amalgam::log
