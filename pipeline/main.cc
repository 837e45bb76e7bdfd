#include <exception>
#include <iostream>

#include "configs/error.h"
#include "configs/log/crash.h"
#include "pipeline/cli.h"
#include "pipeline/run_store/interrupt.h"

int main(int argc, char** argv) {
  amalgam::log::install_crash_handlers();
  amalgam::pipeline::install_interrupt_handlers();
  try {
    return amalgam::pipeline::run_cli(argc, argv, std::cout);
  } catch (const amalgam::pipeline::Interrupted&) {
    amalgam::pipeline::say_stop_notice();
    return amalgam::pipeline::interrupted_exit();
  } catch (const amalgam::Error& e) {
    std::cerr << "amalgam: " << e.what() << std::endl;
  } catch (const std::exception& e) {
    std::cerr << "amalgam: unexpected failure: " << e.what() << std::endl;
  }
  return 1;
}
