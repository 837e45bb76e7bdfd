// What a session's calls left behind: the last state of every entry of the top (top.h) that one of
// them changed. Put into a new sandbox, it goes on where the old one stopped.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>

#include "proto/sandbox.pb.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

class TopState {
 public:
  // The results of a session, in order.
  void add(const proto::SandboxResult& result);
  // The sandbox must be new, with the session's image and limits. Error when an entry cannot be
  // put.
  void put_into(Sandbox* sandbox) const;
  // The shortest changes that `add` makes the same state of, appended.
  void list(google::protobuf::RepeatedPtrField<proto::SandboxChange>* changes) const;

 private:
  void add_removed(const std::string& path);

  std::map<std::string, proto::SandboxChange> present_;
  // What of the image was ever removed, the deepest first.
  std::set<std::string, std::greater<>> removed_;
};

}  // namespace amalgam::sandbox
