#include "pipeline/data/rows.h"

#include <gtest/gtest.h>

#include "configs/error.h"
#include "pipeline/data/row_store.h"

namespace amalgam::pipeline {
namespace {

TEST(Rows, OfAFileAreWrittenAsTheyAreAndOthersInVerlsColumns) {
  Row row;
  row.json = R"({ "question":"q" })";
  EXPECT_EQ(row.to_json(), row.json);
  Row made;
  made.data_source = "d", made.ability = "a", made.style = "s", made.mode = "chat";
  made.prompt = R"([{"role":"user","content":"é\n"}])";
  made.ground_truth = R"({"b":1,"a":2})";
  made.extra_info = R"({"z":1,"y":[2]})";
  made.tools = "[]";
  made.messages = R"([{"role":"user"}])";
  EXPECT_EQ(
      made.to_json(),
      R"({"data_source":"d","prompt":[{"role":"user","content":"é\n"}],"ability":"a",)"
      R"("reward_model":{"style":"s","ground_truth":{"b":1,"a":2}},"extra_info":{"z":1,"y":[2]},)"
      R"("tools":[],"mode":"chat","messages":[{"role":"user"}]})");
}

TEST(Rows, ThoseThatCannotBeWrittenAreAnError) {
  EXPECT_THROW(write_jsonl("/no/such/folder/file.jsonl", RowStore()), Error);
}

}  // namespace
}  // namespace amalgam::pipeline
