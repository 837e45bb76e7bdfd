#include "pipeline/identity/stage_inputs.h"

#include <gtest/gtest.h>

namespace amalgam::pipeline {
namespace {

// A name may come to mean another image: what counts is which one it was.
TEST(StageInputs, AnImageIsKnownByItsId) {
  configs::RunConfig config;
  config.domains.resize(1);
  config.domains[0].name = "own";
  config.sandbox.image = "base";
  kernels::ThreadPool pool(1);
  Digests digests(pool);
  const auto images_of = [&](const std::string& id) {
    const InputFacts facts{.functions = {}, .images = {{"own", {{"base", id}}}}};
    StageInputs inputs(config, facts, {}, digests);
    inputs.add_scoring("own");
    std::string found;
    for (const Input& input : inputs.take())
      if (input.name.find("image") != std::string::npos)
        found += input.name + "=" + input.value + (input.is_of_scoring ? "; " : "");
    return found;
  };
  EXPECT_EQ(images_of("1234"), "image base of own=1234; ");
  EXPECT_EQ(images_of("5678"), "image base of own=5678; ");
}

}  // namespace
}  // namespace amalgam::pipeline
