// The sandbox service in one process: what a client gets is what a sandbox here gives. Deaths and
// cut links: tests/pipeline/sandbox_commands/sandbox_hosts_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "configs/error.h"
#include "sandbox/function/function.h"
#include "sandbox/journal/journaled_sandbox.h"
#include "tests/sandbox/processes.h"
#include "tests/sandbox/service/service_fixture.h"
#include "tests/temp_dir.h"

namespace amalgam::sandbox {
namespace {

using testing::HasSubstr;

// All but what a clock and a memory meter say.
std::string bytes_of(Result r) {
  r.cpu_seconds = r.wall_seconds = 0;
  r.peak_memory_bytes = 0;
  return to_proto(r).SerializeAsString();
}

TEST_F(Service, GivesWhatASandboxHereGives) {
  start_agent();
  Limits limits;
  limits.cpu_seconds = 0.5;
  limits.output_bytes = 1000;
  limits.disk_bytes = 1 << 20;
  const auto here = make(limits);
  const auto there = client()->open("container", limits);
  const auto both = [&](const auto& call) {
    const Result a = call(*here), b = call(*there);
    EXPECT_EQ(bytes_of(a), bytes_of(b)) << b.detail;
    return b.outcome;
  };
  const auto sh = [&](const std::string& script) {
    return both([&](Sandbox& box) { return shell(box, script); });
  };
  EXPECT_EQ(sh("echo out; echo err >&2; exit 3"), Outcome::kExit);
  EXPECT_EQ(sh("printf '\\377\\000x'; env; pwd; id"), Outcome::kOk);
  EXPECT_EQ(sh("kill -SEGV $$"), Outcome::kSignal);
  EXPECT_EQ(sh("while :; do :; done"), Outcome::kTimeout);
  EXPECT_EQ(sh("yes | head -c 2000"), Outcome::kOutputLimit);
  EXPECT_EQ(sh("head -c 3000000 /dev/zero > big"), Outcome::kDiskLimit);
  EXPECT_EQ(sh("rm big; mkdir -p a/b; echo text > a/b/c; ls -lAR --time-style=+"), Outcome::kOk);
  const std::string all_bytes = [] {
    std::string s;
    for (int i = 0; i < 70'000; ++i) s += static_cast<char>(i * 7 % 256);
    return s;
  }();
  EXPECT_EQ(both([&](Sandbox& box) { return box.put_file("new/file", all_bytes); }), Outcome::kOk);
  EXPECT_EQ(both([&](Sandbox& box) { return box.put_file("/absolute", ""); }), Outcome::kDenied);
  EXPECT_EQ(both([&](Sandbox& box) {
              std::string content;
              const Result r = box.get_file("new/file", &content);
              EXPECT_EQ(content, all_bytes);
              return r;
            }),
            Outcome::kOk);
  EXPECT_EQ(both([&](Sandbox& box) {
              std::string content = "old";
              const Result r = box.get_file("absent", &content);
              EXPECT_EQ(content, "");
              return r;
            }),
            Outcome::kExit);
  EXPECT_EQ(both([&](Sandbox& box) {
              return box.exec({{"/bin/sh", "-c", "cat; echo $X; pwd"}, "input", {"X=1"}, "new"});
            }),
            Outcome::kOk);
}

TEST_F(Service, AJournalIsFullForTheSameCallHereAndThere) {
  start_agent();
  const TempDir folder;
  const Limits limits{.journal_bytes = 1 << 20};
  const auto here = open_journaled(folder / "journal", limits, {});
  const auto there = client()->open("container", limits);
  const auto both = [&](const std::string& script) {
    const Result a = shell(*here, script), b = shell(*there, script);
    EXPECT_EQ(bytes_of(a), bytes_of(b)) << b.detail;
    return b;
  };
  EXPECT_EQ(both("head -c 700K /dev/zero > a").outcome, Outcome::kOk);
  EXPECT_EQ(both("head -c 700K /dev/zero > b").outcome, Outcome::kDiskLimit);
  EXPECT_EQ(both("ls").out, "a\n");
}

TEST_F(Service, ServesFunctions) {
  start_agent();
  const auto box = client()->open("function", {});
  EXPECT_EQ(box->put_file("main.py", "print(open('data').read())").outcome, Outcome::kOk);
  EXPECT_EQ(box->put_file("data", "17").outcome, Outcome::kOk);
  const Result r = box->exec({python_call({"main.py"})});
  EXPECT_EQ(r.out, "17\n") << r.detail;
  EXPECT_EQ(box->exec({python_call({"main.py"})}).outcome, Outcome::kDenied);
}

TEST_F(Service, ASessionIsAnsweredFromItsRecord) {
  start_agent();
  const auto script = "date +%s.%N; echo $RANDOM >> x";
  std::string first;
  {
    const auto box = client()->open("container", {}, {}, "s");
    first = shell(*box, script).out;
    EXPECT_FALSE(box->was_recorded());
  }
  const auto again = client()->open("container", {}, {}, "s");
  EXPECT_EQ(shell(*again, script).out, first);
  EXPECT_TRUE(again->was_recorded());
  EXPECT_EQ(shell(*again, "wc -l < x").out, "1\n");
  EXPECT_FALSE(again->was_recorded());
  // Another call, other limits: not that session.
  const auto wrong = client()->open("container", {}, {}, "s");
  EXPECT_THAT(shell(*wrong, "true").detail, HasSubstr("another call here"));
  Limits other;
  other.max_processes = 5;
  EXPECT_THAT(shell(*client()->open("container", other, {}, "s"), script).detail,
              HasSubstr("other limits"));
  // Someone else's session of that name is another one.
  const auto others = client("other")->open("container", {}, {}, "s");
  EXPECT_NE(shell(*others, script).out, first);
  EXPECT_FALSE(others->was_recorded());
}

// An owner that was killed left the file: its calls are answered. One that is done removes it.
TEST_F(Service, AResumableSessionLivesAsLongAsItsFile) {
  start_agent();
  const std::string file = folder_ / "episode.journal";
  const auto open = [&] { return client()->open_resumable(file, "container", {}); };
  const auto script = "date +%s.%N; echo line >> x";
  const std::string first = shell(*open(), script).out;
  {
    const auto box = open();
    EXPECT_EQ(shell(*box, script).out, first);
    EXPECT_EQ(shell(*box, "wc -l < x").out, "1\n");
    // Its agent is gone in the middle of a call: that is told once, and not again after a resume.
    std::thread killer([&] {
      wait_until_runs("sleep");
      stop_agents_ = true;
    });
    EXPECT_EQ(shell(*box, "sleep 5; cat x").outcome, Outcome::kSandboxFailed);
    killer.join();
  }
  restart_agents();
  {
    const auto box = open();
    EXPECT_EQ(shell(*box, script).out, first);
    EXPECT_EQ(shell(*box, "wc -l < x").out, "1\n");
    EXPECT_EQ(shell(*box, "sleep 5; cat x").out, "line\n");
    std::filesystem::remove(file);
  }
  EXPECT_NE(shell(*open(), script).out, first);
  write_text(file, "../name");
  EXPECT_THROW(open(), Error);
}

TEST_F(Service, OnlyNamedSessionsLeaveARecord) {
  start_agent();
  {
    const auto named = client()->open("container", {}, {}, "kept"),
               other = client()->open("container", {});
    EXPECT_EQ(shell(*named, "true").outcome, Outcome::kOk);
    EXPECT_EQ(shell(*other, "true").outcome, Outcome::kOk);
    const auto files = std::filesystem::directory_iterator(folder_ / "records/me/temporary");
    EXPECT_NE(files, std::filesystem::directory_iterator());
  }
  EXPECT_EQ(read_journal(folder_ / "records/me/kept/kept.journal").entries.size(), 1u);
  EXPECT_TRUE(
      eventually([&] { return std::filesystem::is_empty(folder_ / "records/me/temporary"); }));
}

TEST_F(Service, CancelEndsACommandAndTheSandboxGoesOn) {
  start_agent();
  const auto box = client()->open("container", {});
  EXPECT_FALSE(box->cancel(1));
  EXPECT_EQ(shell(*box, "echo 1 > x").outcome, Outcome::kOk);
  std::thread canceller([&] {
    wait_until_runs("sleep");
    EXPECT_TRUE(box->cancel(10));
  });
  EXPECT_EQ(shell(*box, "sleep 60").outcome, Outcome::kCancelled);
  canceller.join();
  EXPECT_EQ(shell(*box, "cat x").out, "1\n");
  // Also one that waits for an agent with room.
  stop_agents_ = true;
  agents_[0].join();
  agents_.clear();
  while (client()->check() > 0) usleep(10'000);
  std::thread waiter([&] { EXPECT_TRUE(eventually([&] { return box->cancel(10); })); });
  EXPECT_EQ(shell(*box, "true").outcome, Outcome::kCancelled);
  waiter.join();
}

TEST_F(Service, CallsWaitForAnAgentWithRoom) {
  start_agent(/*capacity=*/1);
  auto first = client()->open("container", {});
  EXPECT_EQ(shell(*first, "true").outcome, Outcome::kOk);
  const auto second = client()->open("container", {});
  std::atomic<bool> is_done{false};
  std::thread waiter([&] {
    EXPECT_EQ(shell(*second, "echo there").out, "there\n");
    is_done = true;
  });
  usleep(700'000);
  EXPECT_FALSE(is_done);
  first.reset();
  waiter.join();
}

TEST_F(Service, ManyThreadsGetTheirOwnAnswers) {
  start_agent(64);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        const auto box = client()->open("container", {});
        const std::string text = std::to_string(t) + "-" + std::to_string(i);
        EXPECT_EQ(shell(*box, "echo " + text + " | tee x").out, text + "\n");
        EXPECT_EQ(shell(*box, "cat x").out, text + "\n");
      }
    });
  client();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Service, LargeFilesAndBadSessionsAreTyped) {
  start_agent();
  Limits limits;
  limits.disk_bytes = 64 << 20;
  const auto box = client()->open("container", limits);
  const std::string large(24 << 20, 'x');
  std::string content;
  EXPECT_EQ(box->put_file("large", large).outcome, Outcome::kOk);
  EXPECT_EQ(box->get_file("large", &content).outcome, Outcome::kOk);
  EXPECT_EQ(content, large);
  limits.disk_bytes = 65 << 20;
  EXPECT_THAT(shell(*client()->open("container", limits), "true").detail, HasSubstr("disk limit"));
  EXPECT_THAT(shell(*client()->open("jail", {}), "true").detail, HasSubstr("substrate"));
  EXPECT_THAT(shell(*client()->open("container", {}, {}, "../s"), "true").detail,
              HasSubstr("session's name"));
  Image image;
  image.id = std::string(64, 'a');
  image.layers = {std::string(64, 'b')};
  EXPECT_THAT(shell(*client()->open("container", {}, image), "true").detail,
              HasSubstr("no images"));
  image.layers = {"../../../etc"};
  EXPECT_THAT(shell(*client()->open("container", {}, image), "true").detail,
              HasSubstr("bad image"));
}

TEST_F(Service, StartsOnImagesAndMovesThem) {
  ImageStore store(folder_ / "images");
  const Image image = store.make_image({store.add_layer(Links::kAny, [](LayerWriter* layer) {
    add_packages(package_closure({"dash", "coreutils"}), layer);
    layer->begin_file("data/lower", 0644);
    layer->append("from the image\n");
    layer->end_file();
  })});
  start_agent(16, folder_ / "images");
  const auto box = client()->open("container", {}, image);
  EXPECT_EQ(shell(*box, "cat /data/lower; ls /").out.substr(0, 15), "from the image\n");
  EXPECT_EQ(shell(*box, "rm /data/lower; echo 1 > /data/x; echo 2 > x").outcome, Outcome::kOk);
  restart_agents();
  EXPECT_EQ(shell(*box, "ls /data; cat /data/x x").out, "x\n1\n2\n");
}

TEST_F(Service, SessionsGoOnAfterTheirAgentStopped) {
  start_agent();
  const auto box = client()->open("container", {}), function = client()->open("function", {}),
             called = client()->open("function", {});
  EXPECT_EQ(shell(*box, "mkdir d; echo 1 > d/x; ln -s d/x l; chmod 700 d/x").outcome, Outcome::kOk);
  EXPECT_EQ(shell(*box, "rm l; exit 2").exit_code, 2);
  EXPECT_EQ(function->put_file("main.py", "print(6 * 7)").outcome, Outcome::kOk);
  EXPECT_EQ(called->exec({python_call({"-c", "1"})}).outcome, Outcome::kOk);
  restart_agents();
  EXPECT_EQ(shell(*box, "ls; cat d/x; stat -c %a d/x").out, "d\n1\n700\n");
  EXPECT_EQ(function->exec({python_call({"main.py"})}).out, "42\n");
  std::string content;
  const Result r = called->get_file("x", &content);
  EXPECT_EQ(r.outcome, Outcome::kSandboxFailed);
  EXPECT_THAT(r.detail, HasSubstr("cannot be brought back"));
}

}  // namespace
}  // namespace amalgam::sandbox
