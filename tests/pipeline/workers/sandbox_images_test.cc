#include "pipeline/workers/sandbox_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;

class SandboxImagesTest : public testing::Test {
 protected:
  SandboxImagesTest() {
    config_.sandbox.store = folder_.path();
    sandbox::ImageStore store(folder_.path());
    for (const char* name : {"low", "middle", "high"}) {
      const auto layer = store.add_layer(sandbox::Links::kAny, [&](sandbox::LayerWriter* l) {
        l->begin_file("name", 0644);
        l->append(name);
        l->end_file();
      });
      store.set_name(name, store.make_image({layer}));
    }
  }

  const TempDir folder_;
  configs::RunConfig config_;
  configs::DomainConfig domain_;
  SandboxImages images_{config_};
};

TEST_F(SandboxImagesTest, TheRowGoesBeforeTheDomainAndThatBeforeAll) {
  EXPECT_EQ(images_.name_for(domain_), "");
  EXPECT_TRUE(images_.find("").layers.empty());
  config_.sandbox.image = "low";
  EXPECT_EQ(images_.name_for(domain_), "low");
  domain_.image = "middle";
  EXPECT_EQ(images_.name_for(domain_), "middle");
  Row row;
  row.extra_info = R"({"images": ["x.png"], "info": {"image": "no"}})";
  EXPECT_EQ(images_.name_for(domain_, row), "middle");
  row.extra_info = R"({"image": "high"})";
  EXPECT_EQ(images_.name_for(domain_, row), "high");
  EXPECT_NE(images_.find("high").id, images_.find("low").id);
}

TEST_F(SandboxImagesTest, WhatIsNoImageIsSaid) {
  Row row;
  row.extra_info = R"({"image": {"bytes": "x"}})";
  EXPECT_THAT(tests::error_of([&] { (void)images_.name_for(domain_, row); }),
              HasSubstr("extra_info.image"));
  EXPECT_THAT(tests::error_of([&] { (void)images_.find("absent"); }),
              HasSubstr("has no image absent; `amalgam sandbox images`"));
}

TEST_F(SandboxImagesTest, OnlySomeRowsRunAnything) {
  Row row;
  EXPECT_FALSE(uses_sandbox(domain_, row));
  row.style = "code";
  EXPECT_TRUE(uses_sandbox(domain_, row));
  domain_.reward_file = "reward.py";
  EXPECT_FALSE(uses_sandbox(domain_, row));
  row.tools = R"(["submit"])";
  EXPECT_TRUE(uses_sandbox(domain_, row));
  row.tools = "[]";
  domain_.tools = {"submit"};
  EXPECT_FALSE(uses_sandbox(domain_, row));
}

}  // namespace
}  // namespace amalgam::pipeline
