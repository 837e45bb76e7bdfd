#include "pipeline/commands/worker.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "configs/log/log.h"
#include "pipeline/workers/serve_endpoint.h"
#include "pipeline/workers/worker_process.h"
#include "proto/zmq_socket.h"

namespace amalgam::pipeline {

void WorkerOptions::describe(OptionSet& options) {
  options.option("--endpoint", endpoint, "ZeroMQ endpoint of the controller", Need::kRequired);
  options.option("--parent", parent, "process id of the controller", Need::kRequired);
}

int run_worker(const WorkerOptions& options) {
  log::relay_to_controller();
  // A worker dies with its controller, whose it is to act on a signal to all of a terminal's or
  // service's processes. Not ignored: programs that it starts would inherit that.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, [](int) {});
  if (::getppid() != static_cast<pid_t>(options.parent)) return 1;
  const proto::ZmqContext context;
  serve_endpoint(context, options.endpoint, read_worker_keys(), nullptr,
                 [&] { return ::getppid() != static_cast<pid_t>(options.parent); });
  return 0;
}

}  // namespace amalgam::pipeline
