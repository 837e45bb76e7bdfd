#include "model/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <type_traits>

#include "configs/error.h"
#include "model/tensors/durable_file.h"
#include "model/tensors/safetensors.h"
#include "tests/paths.h"
#include "tests/temp_dir.h"

namespace amalgam::model {
namespace {

using tests::reference_model;

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Every tensor by name, as raw bytes: bit equality, and the two kinds at once.
std::map<std::string, std::string> contents(const Weights& weights) {
  struct Collect {
    std::map<std::string, std::string> all;
    void operator()(const std::string& name, const Tensor& t, Role) { add(name, t.data, t.size()); }
    void operator()(const std::string& name, const IntTensor& t) { add(name, t.data, t.size()); }
    void add(const std::string& name, const void* data, int64_t n) {
      all[name].assign(static_cast<const char*>(data), static_cast<size_t>(n) * 4);
    }
  } collect;
  visit(weights, collect);
  return std::move(collect.all);
}

std::string error_of(const std::string& directory) {
  try {
    load_model(directory);
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    return e.what();
  }
  return "(no error)";
}

// The directory's tensors as a mutable list over the mapped golden file.
struct EditedModel {
  SafetensorsFile file;
  std::vector<StoredTensor> tensors;

  explicit EditedModel(const std::string& name)
      : file(reference_model(name) + "/model.safetensors"), tensors(file.tensors()) {}
  StoredTensor& at(const std::string& name) {
    for (StoredTensor& t : tensors)
      if (t.name == name) return t;
    throw Error("no " + name);
  }
  void write(const std::string& directory, const std::string& config) const {
    fs::copy_file(reference_model(config) + "/config.json", directory + "/config.json",
                  fs::copy_options::overwrite_existing);
    write_safetensors(directory + "/model.safetensors", tensors);
  }
};

class GoldenCase : public ::testing::TestWithParam<const char*> {};

// The file's own bytes are the expected values, read past our loader's naming.
TEST_P(GoldenCase, LoadsEveryTensorOfTheFile) {
  const Model m = load_model(reference_model(GetParam()));
  const SafetensorsFile file(reference_model(GetParam()) + "/model.safetensors");
  const auto loaded = contents(m.weights);
  ASSERT_EQ(loaded.size(), file.tensors().size());
  for (const StoredTensor& t : file.tensors()) {
    ASSERT_TRUE(loaded.count(t.name)) << t.name;
    EXPECT_EQ(loaded.at(t.name), std::string(reinterpret_cast<const char*>(t.data),
                                             static_cast<size_t>(t.num_bytes())))
        << t.name;
  }
}

TEST_P(GoldenCase, SavesAndLoadsTheSameAndWritesEqualBytesTwice) {
  const TempDir tmp;
  const Model m = load_model(reference_model(GetParam()));
  save_model(tmp / "a", m.config, m.weights);
  const Model again = load_model(tmp / "a");
  EXPECT_EQ(contents(again.weights), contents(m.weights));
  save_model(tmp / "b", again.config, again.weights);
  for (const char* file : {"config.json", "generation_config.json", "model.safetensors"})
    EXPECT_EQ(read_file(tmp / "a/" + file, 1 << 24), read_file(tmp / "b/" + file, 1 << 24)) << file;
}

INSTANTIATE_TEST_SUITE_P(Reference, GoldenCase,
                         ::testing::Values("sliding", "hca", "csa", "csa_all", "mixed", "packed",
                                           "clamp", "odd", "streams2", "one_token", "wide_window",
                                           "long", "mtp", "released"));

TEST(Checkpoint, AllThreeSpellingsGiveTheSameWeights) {
  const auto mixed = contents(load_model(reference_model("mixed")).weights);
  EXPECT_EQ(contents(load_model(reference_model("hf_saved")).weights), mixed);
  EXPECT_EQ(contents(load_model(reference_model("hf_memory")).weights), mixed);
}

TEST(Checkpoint, ShardsHoldTheSameModelAndAreEqualBytes) {
  const TempDir tmp;
  const Model m = load_model(reference_model("mixed"));
  SaveOptions options;
  options.max_shard_bytes = 100'000;
  save_model(tmp / "a", m.config, m.weights, options);
  EXPECT_FALSE(fs::exists(tmp / "a/model.safetensors"));
  EXPECT_TRUE(fs::exists(tmp / "a/model-00001-of-00006.safetensors"));
  EXPECT_EQ(contents(load_model(tmp / "a").weights), contents(m.weights));
  save_model(tmp / "b", m.config, m.weights, options);
  int num_files = 0;
  for (const auto& entry : fs::directory_iterator(tmp / "a")) {
    EXPECT_EQ(read_file(entry.path(), 1 << 24),
              read_file(tmp / "b/" + entry.path().filename().string(), 1 << 24));
    ++num_files;
  }
  EXPECT_EQ(num_files, 6 + 3);
}

TEST(Checkpoint, RefusesAnIndexThatDoesNotFitItsFiles) {
  const TempDir tmp;
  const std::string model = tmp / "m", index_path = model + "/model.safetensors.index.json";
  fs::copy(reference_model("hf_saved"), model);
  const std::string index = read_file(index_path, 1 << 20);
  const auto edited_error = [&](const std::string& from, const std::string& to) {
    std::string text = index;
    EXPECT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), to);
    write_file_durably(index_path, text);
    return error_of(model);
  };
  const std::string entry = R"("head.weight": "model-00001-of-00004.safetensors")";
  EXPECT_THAT(edited_error(entry, R"("head.weight": "model-00002-of-00004.safetensors")"),
              HasSubstr("does not say that head.weight is in model-00001"));
  EXPECT_THAT(edited_error(entry, entry + R"(,"x": "model-00001-of-00004.safetensors")"),
              HasSubstr("says that x is in model-00001-of-00004.safetensors, but it is not"));
  EXPECT_THAT(edited_error(entry, entry + "," + entry), HasSubstr("names head.weight twice"));
  EXPECT_THAT(edited_error(entry, R"("head.weight": "absent.safetensors")"),
              HasSubstr("absent.safetensors: cannot be opened"));
  for (const char* file :
       {R"("../m/model-00001-of-00004.safetensors")", R"("")", R"("..")", R"("a\nb")"})
    EXPECT_THAT(edited_error(entry, std::string(R"("head.weight": )") + file),
                HasSubstr("which is no plain file name"));
  EXPECT_THAT(edited_error(entry, R"("head.weight": 3)"),
              HasSubstr("must be an object of file names"));
  EXPECT_THAT(edited_error(entry, R"("head.weight": {})"),
              HasSubstr("must be an object of file names"));
  EXPECT_THAT(edited_error("weight_map", "weight_mop"), HasSubstr("has no weight_map"));
  EXPECT_THAT(edited_error("{", "[{"), HasSubstr("is not valid JSON"));
  write_file_durably(index_path, index);
  EXPECT_EQ(error_of(model), "(no error)");
}

TEST(Checkpoint, ReplacesACheckpointWhole) {
  const TempDir tmp;
  const Model a = load_model(reference_model("sliding")), b = load_model(reference_model("mtp"));
  SaveOptions options;
  options.add_files = [](const std::string& directory) {
    write_file_durably(directory + "/tokenizer.json", "{}");
  };
  save_model(tmp / "m/", a.config, a.weights, options);
  EXPECT_EQ(read_file(tmp / "m/tokenizer.json", 10), "{}");
  fs::create_directories(tmp / "m.tmp/left/by a crash");
  save_model(tmp / "m", b.config, b.weights);
  EXPECT_EQ(contents(load_model(tmp / "m").weights), contents(b.weights));
  EXPECT_FALSE(fs::exists(tmp / "m/tokenizer.json"));
  EXPECT_FALSE(fs::exists(tmp / "m.tmp"));
}

TEST(Checkpoint, AFailedSaveLeavesTheOldCheckpoint) {
  const TempDir tmp;
  const Model a = load_model(reference_model("sliding")), b = load_model(reference_model("mtp"));
  save_model(tmp / "m", a.config, a.weights);
  SaveOptions options;
  options.add_files = [](const std::string&) { throw Error("disk full"); };
  EXPECT_THROW(save_model(tmp / "m", b.config, b.weights, options), Error);
  EXPECT_EQ(contents(load_model(tmp / "m").weights), contents(a.weights));
}

// A process that saves two models in turn is killed at 30 or more moments, until both have
// survived.
TEST(Checkpoint, AKilledSaveLeavesACompleteCheckpoint) {
  const TempDir tmp;
  const Model a = load_model(reference_model("sliding")), b = load_model(reference_model("mtp"));
  const auto a_contents = contents(a.weights), b_contents = contents(b.weights);
  save_model(tmp / "m", a.config, a.weights);
  int num_a = 0, num_b = 0;
  for (int i = 0; i < 300 && (i < 30 || !num_a || !num_b); ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        save_model(tmp / "m", b.config, b.weights);
        save_model(tmp / "m", a.config, a.weights);
      }
    }
    usleep(static_cast<useconds_t>(2000 + i % 60 * 977));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const auto found = contents(load_model(tmp / "m").weights);
    ASSERT_TRUE(found == a_contents || found == b_contents) << "kill " << i;
    ++(found == a_contents ? num_a : num_b);
  }
  EXPECT_GT(num_a, 0);
  EXPECT_GT(num_b, 0);
}

TEST(Checkpoint, MtpFollowsTheTensors) {
  const TempDir tmp;
  EXPECT_EQ(load_model(reference_model("mtp")).config.num_nextn_predict_layers, 1);
  EditedModel with("mtp");
  // The sizes config of `mtp` says 1, that of `packed` (same layers) says 0.
  with.write(tmp / "", "packed");
  EXPECT_EQ(load_model(tmp / "").config.num_nextn_predict_layers, 1);
  std::erase_if(with.tensors, [](const StoredTensor& t) { return t.name.substr(0, 4) == "mtp."; });
  with.write(tmp / "", "mtp");
  const Model without = load_model(tmp / "");
  EXPECT_EQ(without.config.num_nextn_predict_layers, 0);
  EXPECT_TRUE(without.weights.mtp.empty());
}

TEST(Checkpoint, ReadsBf16AndF16) {
  const TempDir tmp;
  EditedModel e("sliding");
  const std::vector<uint16_t> bf16(32, 0xC049);  // -3.140625
  std::vector<uint16_t> f16(32, 0x3555);         // 0.333251953125
  f16[1] = 0x8001;                               // -2^-24, subnormal
  e.at("norm.weight").dtype = DType::kBF16;
  e.at("norm.weight").data = reinterpret_cast<const std::byte*>(bf16.data());
  e.at("layers.0.attn_norm.weight").dtype = DType::kF16;
  e.at("layers.0.attn_norm.weight").data = reinterpret_cast<const std::byte*>(f16.data());
  e.write(tmp / "", "sliding");
  const Model m = load_model(tmp / "");
  EXPECT_EQ(m.weights.norm.data[31], -3.140625f);
  EXPECT_EQ(m.weights.blocks[0].attn_norm.data[0], 0.333251953125f);
  EXPECT_EQ(m.weights.blocks[0].attn_norm.data[1], -0x1p-24f);
}

TEST(Checkpoint, RefusesTensorsThatDoNotFit) {
  const TempDir tmp;
  const auto edited_error = [&](const auto& edit) {
    EditedModel e("mixed");
    edit(e);
    e.write(tmp / "", "mixed");
    return error_of(tmp / "");
  };
  EXPECT_THAT(edited_error([](EditedModel& e) { e.at("norm.weight").name = "norm.weigth"; }),
              ::testing::AllOf(HasSubstr("norm.weight is missing"), HasSubstr("norm.weigth")));
  EXPECT_THAT(edited_error([](EditedModel& e) {
                e.at("norm.weight").shape = {4, 8};
              }),
              HasSubstr("norm.weight is F32 [4, 8], not [32]"));
  EXPECT_THAT(edited_error([](EditedModel& e) {
                e.at("layers.0.attn.wq_a.weight").shape = {32, 12};
              }),
              HasSubstr("layers.0.attn.wq_a.weight is F32 [32, 12], not [12, 32]"));
  EXPECT_THAT(edited_error([](EditedModel& e) { e.at("norm.weight").dtype = DType::kI32; }),
              HasSubstr("norm.weight has dtype I32"));
  EXPECT_THAT(
      edited_error([](EditedModel& e) { e.at("layers.0.ffn.gate.tid2eid").dtype = DType::kF32; }),
      HasSubstr("tid2eid has dtype F32"));
  EXPECT_THAT(edited_error([](EditedModel& e) {
                StoredTensor& t = e.at("layers.0.attn.wq_b.weight");
                t.dtype = DType::kF8E4M3;
                t.shape = {64 * 4, 12};
                t.num_elements *= 4;
              }),
              HasSubstr("layers.0.attn.wq_b.scale is missing"));
  // Many problems stay one short line.
  EXPECT_THAT(edited_error([](EditedModel& e) {
                for (StoredTensor& t : e.tensors) t.name += "x";
              }),
              HasSubstr(" more"));
  const std::vector<int32_t> impossible(192, 6);
  EXPECT_THAT(edited_error([&](EditedModel& e) {
                e.at("layers.1.ffn.gate.tid2eid").data =
                    reinterpret_cast<const std::byte*>(impossible.data());
              }),
              HasSubstr("layers.1.ffn.gate.tid2eid holds expert 6"));
  const std::vector<float> bad(32, std::nanf(""));
  EXPECT_THAT(edited_error([&](EditedModel& e) {
                e.at("norm.weight").data = reinterpret_cast<const std::byte*>(bad.data());
              }),
              HasSubstr("norm.weight holds a number that is not finite"));
  EXPECT_THAT(error_of(tmp / "absent"), HasSubstr("absent/config.json"));
}

// A config that asks for terabytes, with a small file beside it, must cost nothing.
TEST(Checkpoint, AWrongConfigIsRefusedBeforeMemoryIsAllocated) {
  const TempDir tmp;
  EditedModel("sliding").write(tmp / "", "sliding");
  std::string config = read_file(tmp / "config.json", 1 << 20);
  const std::string key = "\"vocab_size\": 96";
  ASSERT_NE(config.find(key), std::string::npos);
  config.replace(config.find(key), key.size(), "\"vocab_size\": 16000000");
  const std::string hidden = "\"hidden_size\": 32";
  config.replace(config.find(hidden), hidden.size(), "\"hidden_size\": 100000");
  write_file_durably(tmp / "config.json", config);
  EXPECT_THAT(error_of(tmp / ""),
              HasSubstr("embed.weight is F32 [96, 32], not [16000000, 100000]"));
}

// A sparse file of zeros that has every tensor, of a model twice as large as this machine's memory.
TEST(Checkpoint, AModelLargerThanMemoryIsRefused) {
  const TempDir tmp;
  ModelConfig config = load_model_config(reference_model("sliding") + "/config.json");
  const int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE);
  config.vocab_size = 1 << 24;
  config.hidden_size = 2 * memory / (config.vocab_size * 2 * 4) + 1;  // embedding and head, f32
  struct Header {
    std::string text;
    int64_t end = 0;
    void operator()(const std::string& name, const Tensor& t, Role) {
      add(name, "BF16", t.rank == 2 ? std::vector{t.rows, t.cols} : std::vector{t.rows}, 2);
    }
    void operator()(const std::string& name, const IntTensor& t) {
      add(name, "I32", {t.rows, t.cols}, 4);
    }
    void add(const std::string& name, const char* dtype, const std::vector<int64_t>& shape,
             int64_t element_bytes) {
      int64_t size = element_bytes;
      std::string dims;
      for (const int64_t n : shape)
        size *= n, dims += (dims.empty() ? "" : ",") + std::to_string(n);
      text += (text.empty() ? "{\"" : ",\"") + name + "\":{\"dtype\":\"" + dtype +
              "\",\"shape\":[" + dims + "],\"data_offsets\":[" + std::to_string(end) + "," +
              std::to_string(end + size) + "]}";
      end += size;
    }
  } header;
  const Weights weights(config);
  visit(weights, header);
  header.text += "}";
  const uint64_t header_bytes = header.text.size();
  {
    std::ofstream file(tmp / "model.safetensors", std::ios::binary);
    file.write(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes) << header.text;
  }
  fs::resize_file(tmp / "model.safetensors",
                  sizeof header_bytes + header_bytes + static_cast<uint64_t>(header.end));
  write_file_durably(tmp / "config.json", model_config_json(config));
  EXPECT_THAT(error_of(tmp / ""), HasSubstr("GiB in f32, but this machine has"));
}

TEST(Checkpoint, ReadsReleasedQuantisedWeights) {
  const Model m = load_model(reference_model("released_quant"));
  const SafetensorsFile file(reference_model("released_quant") + "/model.safetensors");
  // Element by element from the definitions of MODEL.md §3, on a tensor with partial tiles.
  const auto pow2 = [](std::byte b) { return std::ldexp(1.0, static_cast<int>(b) - 127); };
  const auto& w = file.at("layers.0.attn.wq_b.weight");
  const auto& s = file.at("layers.0.attn.wq_b.scale");
  const Tensor& wq_b = m.weights.blocks[0].attn.wq_b;
  ASSERT_EQ(wq_b.cols, 136);
  for (int64_t r : {0, 127, 128, 255})
    for (int64_t c : {0, 127, 128, 135}) {
      const int byte = static_cast<int>(w.data[r * 136 + c]);
      const int e = (byte >> 3) & 15, f = byte & 7;
      const double v = (e ? std::ldexp(8 + f, e - 10) : std::ldexp(f, -9)) * (byte & 128 ? -1 : 1);
      EXPECT_EQ(wq_b.row(r)[c], v * pow2(s.data[r / 128 * 2 + c / 128]));
    }
  const double e2m1[8] = {0, .5, 1, 1.5, 2, 3, 4, 6};
  const auto& pw = file.at("layers.2.ffn.experts.3.w2.weight");
  const auto& ps = file.at("layers.2.ffn.experts.3.w2.scale");
  const Tensor& w2 = m.weights.blocks[2].moe.experts[3].w2;
  ASSERT_EQ(w2.cols, 160);
  for (int64_t r = 0; r < w2.rows; ++r)
    for (int64_t c = 0; c < w2.cols; ++c) {
      const int nibble = (static_cast<int>(pw.data[r * 80 + c / 2]) >> (c % 2 ? 4 : 0)) & 15;
      const double v = e2m1[nibble & 7] * (nibble & 8 ? -1 : 1);
      ASSERT_EQ(w2.row(r)[c], v * pow2(ps.data[r * 5 + c / 32]));
    }
}

}  // namespace
}  // namespace amalgam::model
