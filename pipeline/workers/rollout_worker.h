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

  // Sends replies as episodes finish; the last one has `done`, or
  // `error` for a request that cannot be served. Returns early when should_stop() says so.
  void serve(const proto::CollectRequest& request,
             const std::function<void(const proto::WorkerReply&)>& send,
             const std::function<bool()>& should_stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace amalgam::pipeline
