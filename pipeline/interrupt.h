// Ctrl-C. The first SIGINT or SIGTERM asks the program to stop at the next safe point: long loops
// poll interrupted(), save and return kInterruptedExit. The second one ends the process at once;
// nothing is lost then either, since everything acknowledged is already durable.
#pragma once

namespace amalgam::pipeline {

constexpr int kInterruptedExit = 130;

void install_interrupt_handlers();  // once, in main, before any thread starts
bool interrupted();                 // any thread

}  // namespace amalgam::pipeline
