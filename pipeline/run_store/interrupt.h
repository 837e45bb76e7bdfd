// Ctrl-C. The first SIGINT, SIGTERM or SIGHUP asks the program to stop at the next safe point: long
// loops poll interrupted(), save and end with interrupted_exit(). A second one, or a second without
// a safe point, ends the process at once; nothing is lost then either, since everything
// acknowledged is already durable.
#pragma once
#include <string>

namespace amalgam::pipeline {

class Hook;

constexpr int kInterruptedExit = 130;
constexpr int kStoppedExit = 75;  // the same command goes on where this one stopped

void install_interrupt_handlers();  // once, in main, before any thread starts
bool interrupted();                 // any thread
// Thrown at a safe point when the user asked to stop; main turns it into interrupted_exit().
struct Interrupted {};
// kStoppedExit once there is a stop notice, else kInterruptedExit.
int interrupted_exit();
// What the process prints when it stops: how to go on. Said once: by the loop that reached its safe
// point, or by the signal's handler where none came in time or what follows it takes too long.
void set_stop_notice(const std::string& notice);
void say_stop_notice();
// The user's command that follows a stop once there is work to be stopped; null: none. It must
// outlive what is done. It runs once: by take_stop_hook()'s caller, or by the handler where no safe
// point came in time and nobody asked for a second time.
void set_stop_hook(const Hook* hook);
// Something is computed from now on: no answer from the record, no refusal.
void begin_work();
bool has_begun_work();
// Whoever gets it runs it; null when there is none. Where the handler has it already this does not
// return, since the process is about to end.
const Hook* take_stop_hook();

}  // namespace amalgam::pipeline
