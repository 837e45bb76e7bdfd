// What a rollout worker's process or thread does all its life.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "kernels/device/thread_pool.h"
#include "proto/zmq_socket.h"

namespace amalgam::pipeline {

// Connects to the endpoint and serves until told to stop, or until should_stop() says so. While it
// is busy the controller hears of it at least every second, from a thread of its own: only one that
// cannot run at all is silent. `pool` null: a pool of its own, as the setup says.
void serve_endpoint(const proto::ZmqContext& context, const std::string& endpoint,
                    const std::optional<proto::CurveKeys>& keys, kernels::ThreadPool* pool,
                    const std::function<bool()>& should_stop);

}  // namespace amalgam::pipeline
