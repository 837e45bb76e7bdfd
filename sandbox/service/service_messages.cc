#include "sandbox/service/service_messages.h"

#include <algorithm>

#include "sandbox/files/hex.h"
#include "sandbox/journal/journal.h"

namespace amalgam::sandbox {
namespace {

bool is_digest(const std::string& text) { return text.size() == 64 && is_hex(text); }

// Written so that NaN is refused.
bool is_in(double x, double min, double max) { return x >= min && x <= max; }

}  // namespace

std::string problem_of(const proto::SandboxSpec& spec) {
  const auto known = substrates();
  if (std::find(known.begin(), known.end(), spec.substrate()) == known.end())
    return "unknown substrate";
  const Limits l = limits_of(spec);
  if (!is_in(l.cpu_seconds, 1e-3, 1e7) || !is_in(l.wall_seconds, 1e-3, 1e7))
    return "a time limit is not between 0.001 and 10000000 seconds";
  if (l.memory_bytes < kMinMemoryBytes || l.memory_bytes > int64_t{1} << 40)
    return "the memory limit is not between 1M and 1024G";
  if (l.disk_bytes < 1 || l.disk_bytes > kMaxServiceDiskBytes)
    return "the disk limit is not between 1 and 64M, the most that a gateway moves";
  if (l.output_bytes < 1 || l.output_bytes > kMaxServiceDiskBytes / 2)
    return "the output limit is not between 1 and 32M";
  if (l.journal_bytes < 0) return "the journal's limit is negative";
  if (l.max_processes < 1 || l.max_processes > 1'000'000)
    return "the process limit is not between 1 and 1000000";
  if (spec.image_id().empty() != spec.layers().empty()) return "an image without layers or id";
  if (spec.image_id().empty()) return {};
  if (spec.substrate() != "container") return "only containers start on an image";
  if (!is_digest(spec.image_id()) || spec.layers_size() > static_cast<int>(kMaxLayers) ||
      !std::all_of(spec.layers().begin(), spec.layers().end(), is_digest))
    return "a bad image";
  return {};
}

proto::SandboxSpec make_spec(const std::string& substrate, const Limits& limits, const Image& image,
                             bool keep) {
  proto::SandboxSpec spec;
  spec.set_substrate(substrate);
  *spec.mutable_limits() = to_proto(limits);
  spec.set_image_id(image.id);
  for (const std::string& layer : image.layers) spec.add_layers(layer);
  spec.set_keep(keep);
  return spec;
}

Image image_of(const proto::SandboxSpec& spec) {
  return {spec.image_id(), {spec.layers().begin(), spec.layers().end()}, {}};
}

Limits limits_of(const proto::SandboxSpec& spec) { return from_proto(spec.limits()); }

}  // namespace amalgam::sandbox
