// Finding the cgroups of each kind of machine, on made-up file trees: a machine has only one kind.
#include "sandbox/container/cgroups.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/temp_dir.h"

namespace amalgam::sandbox {
namespace {

namespace fs = std::filesystem;

class CgroupsTest : public ::testing::Test {
 protected:
  void folder(const std::string& path) { fs::create_directories(root_ + path); }
  // A cgroup of version 2: what it could hand down, what it does.
  void version2(const std::string& path, const std::string& controllers,
                const std::string& handed_down) {
    folder(path);
    std::ofstream(root_ + path + "/cgroup.controllers") << controllers << "\n";
    std::ofstream(root_ + path + "/cgroup.subtree_control") << handed_down << "\n";
  }
  // With processes in it a group hands nothing down, whatever is written.
  void refuse_changes(const std::string& path) {
    fs::remove(root_ + path + "/cgroup.subtree_control");
    fs::create_symlink("/dev/null", root_ + path + "/cgroup.subtree_control");
  }
  Cgroups find(const std::string& mountinfo, const std::string& self) {
    return own_cgroups(mountinfo, self, root_);
  }

  const TempDir temp_;
  const std::string& root_ = temp_.path();
};

std::string v1_mount(const std::string& controllers, const std::string& root = "/") {
  return "30 25 0:26 " + root + " /cg/" + controllers + " rw,nosuid shared:9 - cgroup cgroup rw," +
         controllers + "\n";
}
std::string v2_mount(const std::string& point, const std::string& root = "/") {
  return "42 25 0:30 " + root + " " + point + " rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
}

TEST_F(CgroupsTest, Version1UsesTheOwnGroupOfEachHierarchy) {
  folder("/cg/memory/job/7");
  folder("/cg/pids");
  folder("/cg/cpu,cpuacct/job");
  const Cgroups own = find(v1_mount("memory") + v1_mount("pids") + v1_mount("cpu,cpuacct"),
                           "9:memory:/job/7\n5:pids:/\n3:cpu,cpuacct:/job\n");
  EXPECT_EQ(own.memory.folder, root_ + "/cg/memory/job/7");
  EXPECT_EQ(own.memory.version, 1);
  EXPECT_EQ(own.pids.folder, root_ + "/cg/pids");
  EXPECT_EQ(own.cpu.folder, root_ + "/cg/cpu,cpuacct/job");
  EXPECT_EQ(own.cpu.version, 1);
}

TEST_F(CgroupsTest, AContainerSeesOnlyItsPartOfAHierarchy) {
  folder("/cg/memory/inner");
  folder("/cg/pids");
  const Cgroups own = find(v1_mount("memory", "/docker/ab") + v1_mount("pids", "/docker/ab"),
                           "9:memory:/docker/ab/inner\n5:pids:/docker/ab\n");
  EXPECT_EQ(own.memory.folder, root_ + "/cg/memory/inner");
  EXPECT_EQ(own.pids.folder, root_ + "/cg/pids");
}

TEST_F(CgroupsTest, HybridTakesLimitsFromVersion1) {
  folder("/cg/memory");
  version2("/cg/unified", "", "");
  const Cgroups own = find(v1_mount("memory") + v2_mount("/cg/unified"), "9:memory:/\n0::/\n");
  EXPECT_EQ(own.memory.version, 1);
  EXPECT_EQ(own.pids.folder, "") << "a bare version 2 has no pids controller";
  EXPECT_EQ(own.cpu.folder, root_ + "/cg/unified") << "but counts CPU time everywhere";
  EXPECT_EQ(own.cpu.version, 2);
}

TEST_F(CgroupsTest, Version2UsesAGroupThatHandsItsControllersDown) {
  version2("/cg", "cpu memory pids", "cpu memory pids");
  version2("/cg/delegated", "memory pids", "memory pids");
  const Cgroups own = find(v2_mount("/cg"), "0::/delegated\n");
  for (const Controller* c : {&own.memory, &own.pids, &own.cpu}) {
    EXPECT_EQ(c->folder, root_ + "/cg/delegated");
    EXPECT_EQ(c->version, 2);
  }
}

TEST_F(CgroupsTest, Version2GoesUpWhereTheOwnGroupHoldsProcesses) {
  version2("/cg", "memory pids", "memory pids");
  version2("/cg/slice", "memory pids", "memory pids");
  version2("/cg/slice/session", "memory pids", "");
  refuse_changes("/cg/slice/session");
  const Cgroups own = find(v2_mount("/cg"), "0::/slice/session\n");
  EXPECT_EQ(own.memory.folder, root_ + "/cg/slice");
  EXPECT_EQ(own.pids.folder, root_ + "/cg/slice");
  EXPECT_EQ(own.cpu.folder, root_ + "/cg/slice");
}

TEST_F(CgroupsTest, Version2WithoutControllersOnlyCounts) {
  version2("/cg/a", "", "");
  version2("/cg", "", "");
  const Cgroups own = find(v2_mount("/cg"), "0::/a\n");
  EXPECT_EQ(own.memory.folder, "");
  EXPECT_EQ(own.pids.folder, "");
  EXPECT_EQ(own.cpu.folder, root_ + "/cg/a");
}

TEST_F(CgroupsTest, NoneIsFine) {
  const Cgroups own = find("22 1 8:1 / / rw - ext4 /dev/vda rw\n", "");
  EXPECT_EQ(own.memory.folder + own.pids.folder + own.cpu.folder, "");
  EXPECT_EQ(CgroupTree(own).describe(), "none (rlimits only)");
  EXPECT_EQ(cpu_usage_ns(own), -1);
  EXPECT_EQ(num_oom_kills(own), -1);
}

TEST_F(CgroupsTest, ReadsAndWritesTheFilesOfEachVersion) {
  Limits limits;
  limits.memory_bytes = 1000;
  limits.max_processes = 5;
  const auto read = [&](const std::string& path) {
    std::ifstream in(root_ + path);
    std::string text;
    std::getline(in, text);
    return text;
  };
  const auto write = [&](const std::string& path, const std::string& text) {
    std::ofstream(root_ + path) << text;
  };
  folder("/1");
  write("/1/memory.limit_in_bytes", "");
  write("/1/memory.memsw.limit_in_bytes", "");
  write("/1/pids.max", "");
  write("/1/cpuacct.usage", "123456789\n");
  write("/1/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  const std::string one = root_ + "/1", two = root_ + "/2";
  const Cgroups v1{{one, 1}, {one, 1}, {one, 1}};
  EXPECT_TRUE(set_limits(v1, limits, 2));
  EXPECT_EQ(read("/1/memory.limit_in_bytes"), "1000");
  EXPECT_EQ(read("/1/memory.memsw.limit_in_bytes").substr(0, 4), "1000");
  EXPECT_EQ(read("/1/pids.max"), "7");
  EXPECT_EQ(cpu_usage_ns(v1), 123456789);
  EXPECT_EQ(num_oom_kills(v1), 3);

  folder("/2");
  write("/2/memory.max", "");
  write("/2/memory.swap.max", "");
  write("/2/pids.max", "");
  write("/2/cpu.stat", "usage_usec 42\nuser_usec 40\nsystem_usec 2\n");
  write("/2/memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 4\n");
  const Cgroups v2{{two, 2}, {two, 2}, {two, 2}};
  EXPECT_TRUE(set_limits(v2, limits, 2));
  EXPECT_EQ(read("/2/memory.max"), "1000");
  EXPECT_EQ(read("/2/memory.swap.max"), "0");
  EXPECT_EQ(read("/2/pids.max"), "7");
  EXPECT_EQ(cpu_usage_ns(v2), 42000);
  EXPECT_EQ(num_oom_kills(v2), 4);

  const Cgroups gone{{root_ + "/gone", 2}, {}, {}};
  EXPECT_FALSE(set_limits(gone, limits, 2));
}

TEST(Cgroups, TravelAsText) {
  const Cgroups from{{"/a b/c", 1}, {"", 0}, {"/d", 2}};
  const Cgroups to = Cgroups::parse(from.serialize());
  EXPECT_EQ(to.memory.folder, "/a b/c");
  EXPECT_EQ(to.memory.version, 1);
  EXPECT_EQ(to.pids.folder, "");
  EXPECT_EQ(to.cpu.folder, "/d");
  EXPECT_EQ(to.cpu.version, 2);
}

}  // namespace
}  // namespace amalgam::sandbox
