// RolloutWorker: serves one CollectRequest at a time: samples the episodes, runs their tools,
// scores them. The same code runs on a thread of the controller and in a worker process; everything
// a sample depends on is in the request and in files it names, so where it runs changes no bit.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "rollout/log/wal.h"
#include "rollout/tools/user_tool.h"

namespace amalgam::proto {
class CollectRequest;
class WeightsRef;
class WorkerReply;
class ZmqContext;
}  // namespace amalgam::proto

namespace amalgam::pipeline {

// Of what samples with these weights.
rollout::WeightsVersion version_of(const proto::WeightsRef& weights);

class RolloutWorker {
 public:
  // Throws Error if the tokenizer or a reward plug-in cannot be loaded.
  RolloutWorker(const configs::RunConfig& config, const std::string& tokenizer_dir,
                std::vector<rollout::UserTool> user_tools, kernels::ThreadPool& pool);
  ~RolloutWorker();

  // Sends replies as episodes finish and at least once a second; the last one has `done`, or
  // `error` for a request that cannot be served. Returns early when should_stop() says so.
  void serve(const proto::CollectRequest& request,
             const std::function<void(const proto::WorkerReply&)>& send,
             const std::function<bool()>& should_stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Connects to the endpoint and serves until told to stop, or until the controller is gone. `pool`
// null: a pool of its own, as the setup says.
void serve_endpoint(const proto::ZmqContext& context, const std::string& endpoint,
                    kernels::ThreadPool* pool, const std::function<bool()>& should_stop);

}  // namespace amalgam::pipeline
