#include "pipeline/run_store/interrupt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace amalgam::pipeline {
namespace {

// Each in a child process (EXIT tests), because the flag stays set.
TEST(InterruptDeathTest, FirstSignalOnlyAsks) {
  EXPECT_EXIT(
      {
        install_interrupt_handlers();
        const bool before = interrupted();
        raise(SIGINT);
        _exit(!before && interrupted() ? 7 : 8);
      },
      testing::ExitedWithCode(7), "stopping at the next safe point");
}

TEST(InterruptDeathTest, SecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        install_interrupt_handlers();
        raise(SIGTERM);
        raise(SIGHUP);
        _exit(8);
      },
      testing::ExitedWithCode(kInterruptedExit), "");
}

TEST(InterruptDeathTest, ASecondWithoutASafePointEndsTheProcess) {
  EXPECT_EXIT(
      {
        install_interrupt_handlers();
        set_stop_notice("continue so\n");
        raise(SIGINT);
        sleep(10);  // a signal cuts a sleep short
        sleep(10);
        _exit(8);
      },
      testing::ExitedWithCode(kStoppedExit), "continue so");
}

TEST(InterruptDeathTest, SaysOnceHowToContinue) {
  const auto once = testing::Truly([](const std::string& said) {
    const size_t at = said.find("continue so");
    return at != said.npos && said.find("continue so", at + 1) == said.npos;
  });
  EXPECT_EXIT(
      {
        install_interrupt_handlers();
        set_stop_notice("continue so\n");
        raise(SIGINT);
        say_stop_notice();  // the safe point
        sleep(10);          // what follows it outlasts the patience
        _exit(8);
      },
      testing::ExitedWithCode(kStoppedExit), once);
}

TEST(InterruptDeathTest, AHangupStopsUnlessItIsIgnored) {
  EXPECT_EXIT(
      {
        signal(SIGHUP, SIG_IGN);  // as nohup does
        install_interrupt_handlers();
        raise(SIGHUP);
        const bool ignored = !interrupted();
        signal(SIGHUP, SIG_DFL);
        install_interrupt_handlers();
        raise(SIGHUP);
        _exit(ignored && interrupted() ? 7 : 8);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace amalgam::pipeline
