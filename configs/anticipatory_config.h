#pragma once
#include "configs/schema.h"

namespace amalgam::configs {

// Anticipatory routing: the experts of step t's batch are chosen by the weights of step t - delay,
// its features computed by those of step t.
struct AnticipatoryConfig {
  int64_t delay = 0;
  double spike_factor = 0;
  int64_t spike_window = 16;
  int64_t rollback_steps = 8;
  int64_t active_steps = 100;

  template <class V>
  void visit(V& v) {
    v.value("delay", delay, between(0, 1024),
            "steps between the weights that choose the experts of a batch and those that train on "
            "it; 0: off");
    v.value("spike_factor", spike_factor, between(0, 1e6),
            "a loss above this times the mean of the last ones is a spike: training goes back, and "
            "routing is anticipatory for a while; 0: it always is");
    v.value("spike_window", spike_window, between(1, 24), "losses that the mean is over");
    v.value(
        "rollback_steps", rollback_steps, between(1, 1e6),
        "steps that training goes back at least, and between copies of its state; at most twice "
        "as many");
    v.value("active_steps", active_steps, between(1, 1e9),
            "steps with anticipatory routing after a spike; more than twice rollback_steps");
  }

  std::optional<Problem> problem() const {
    if (delay > 0 && spike_factor > 0 && active_steps <= 2 * rollback_steps)
      return Problem{"active_steps", "must be more than twice rollback_steps (" +
                                         std::to_string(rollback_steps) +
                                         "), or the same spike is met again without it"};
    if (delay == 0 && spike_factor > 0)
      return Problem{"spike_factor", "needs a delay above 0: there is nothing to switch on"};
    return std::nullopt;
  }
};

}  // namespace amalgam::configs
