// TensorBoard's event file of one stage: RUN/tb/STAGE/events.out.tfevents.TIME.HOST, scalars only.
// TFRecord frames (proto/record_file.h) of Event messages (proto/tensorboard.proto).
// One thread at a time.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/run_store/run_store.h"
#include "proto/record_file.h"

namespace amalgam::pipeline {

class TensorBoardWriter {
 public:
  // Continues the event file that `directory` holds, without the events of steps after `last_step`,
  // or starts one.
  TensorBoardWriter(const std::string& directory, int64_t last_step);

  // One event with one value per name; in the kernel when it returns.
  void add_scalars(int64_t step, const NamedValues& values);

  const std::string& path() const { return file_.path(); }

 private:
  proto::RecordFile file_;
};

// The bytes of one event's record data, without the frame.
std::string encode_scalars(double wall_time_s, int64_t step, const NamedValues& values);

}  // namespace amalgam::pipeline
