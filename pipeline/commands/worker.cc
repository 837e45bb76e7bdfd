#include "pipeline/commands/worker.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "pipeline/workers/rollout_worker.h"
#include "proto/zmq_socket.h"

namespace amalgam::pipeline {

void WorkerOptions::describe(OptionSet& options) {
  options.option("--endpoint", endpoint, "ZeroMQ endpoint of the controller", Need::kRequired);
  options.option("--parent", parent, "process id of the controller", Need::kRequired);
}

int run_worker(const WorkerOptions& options) {
  // A worker dies with its controller; Ctrl-C is the controller's to act on.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_IGN);
  if (::getppid() != static_cast<pid_t>(options.parent)) return 1;
  const proto::ZmqContext context;
  serve_endpoint(context, options.endpoint, nullptr,
                 [&] { return ::getppid() != static_cast<pid_t>(options.parent); });
  return 0;
}

}  // namespace amalgam::pipeline
