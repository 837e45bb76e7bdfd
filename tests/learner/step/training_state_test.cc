#include "learner/step/training_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "configs/error.h"
#include "kernels/gemm/gemm.h"
#include "kernels/quantize/quantize.h"
#include "learner/optim/pack_weights.h"
#include "learner/step/gradients.h"
#include "tests/error_of.h"
#include "tests/learner/small_model.h"

namespace amalgam::learner {
namespace {

using testing::bits;
using testing::flatten;
using ::testing::HasSubstr;
using testing::OwnedWeights;
using testing::random_weights;
using testing::small_config;
using tests::error_of;

// A step that depends on every bit of the current slot.
void fake_step(TrainingState& state) {
  const auto p = flatten(state.current().params), m = flatten(state.current().first_moment),
             v = flatten(state.current().second_moment);
  size_t i = 0;
  struct Write {
    const std::vector<float>& values;
    size_t& i;
    void operator()(const std::string&, kernels::Tensor& t, model::Role) {
      for (int64_t j = 0; j < t.size(); ++j) t.data[j] = values[i++];
    }
    void operator()(const std::string&, kernels::IntTensor&) {}
  };
  std::vector<float> np = p, nm = m, nv = v;
  for (size_t j = 0; j < p.size(); ++j) {
    np[j] = 0.9f * p[j] + 0.01f * m[j] + 0.001f;
    nm[j] = 0.5f * m[j] + p[j];
    nv[j] = 0.5f * v[j] + p[j] * p[j];
  }
  visit(state.next().params, Write{np, i});
  i = 0;
  visit(state.next().first_moment, Write{nm, i});
  i = 0;
  visit(state.next().second_moment, Write{nv, i});
  state.next().extra->ints[3] += 7;
  state.next().extra->doubles[31] = static_cast<double>(np[0]);
}

// Everything a state holds, as bytes.
std::string content(const TrainingState& state) {
  std::string s;
  const auto add = [&](const std::vector<float>& x) {
    s.append(reinterpret_cast<const char*>(x.data()), x.size() * sizeof(float));
  };
  add(flatten(state.current().params));
  add(flatten(state.current().first_moment));
  add(flatten(state.current().second_moment));
  s.append(reinterpret_cast<const char*>(state.current().extra), sizeof(TrainingState::Extra));
  return s;
}

TEST(TrainingStateTest, StepsSurviveReopening) {
  TempDir dir;
  kernels::ThreadPool pool(2);
  const auto config = small_config();
  const OwnedWeights initial = random_weights(config, 1);
  std::string saved;
  {
    auto state = TrainingState::create(dir / "s", config, initial.weights, pool);
    EXPECT_EQ(state.step(), 0);
    EXPECT_EQ(bits(flatten(state.current().params)), bits(initial.floats));
    EXPECT_EQ(flatten(state.current().first_moment), std::vector<float>(initial.floats.size()));
    EXPECT_EQ(flatten(state.current().second_moment), std::vector<float>(initial.floats.size()));
    for (int i = 0; i < 5; ++i) {
      fake_step(state);
      EXPECT_EQ(state.step(), i);
      state.commit(pool);
      EXPECT_EQ(state.step(), i + 1);
    }
    EXPECT_EQ(state.current().extra->ints[3], 35);
    saved = content(state);
    fake_step(state);  // not committed
  }
  auto state = TrainingState::open(dir / "s", config, pool);
  EXPECT_EQ(state.step(), 5);
  EXPECT_EQ(content(state), saved);
  EXPECT_EQ(state.next().extra->ints[3], 35);  // what the interrupted step left there is gone
  const auto& table = state.current().params.blocks[0].moe.tid2eid;
  EXPECT_EQ(std::vector<int32_t>(table.data, table.data + table.size()), initial.ints);
  EXPECT_FALSE(std::filesystem::exists(dir / "s" + ".new"));
}

TEST(TrainingStateTest, PackedMatricesFollowTheCurrentSlot) {
  TempDir dir;
  kernels::ThreadPool pool(2);
  const auto config = small_config();
  auto state = TrainingState::create(dir / "s", config, random_weights(config, 1).weights, pool);
  for (int i = 0; i < 3; ++i) {
    for (const model::Matrix* m :
         {&state.current().params.head, &state.current().params.blocks[1].attn.wo_a,
          &state.current().params.mtp[0].h_proj}) {
      std::vector<float> want(static_cast<size_t>(kernels::packed_size(m->rows, m->cols)));
      kernels::pack_transposed(m->data, m->rows, m->cols, want.data());
      EXPECT_EQ(bits(std::vector<float>(m->packed, m->packed + want.size())), bits(want));
    }
    fake_step(state);
    state.commit(pool);
  }
}

TEST(TrainingStateTest, PackingPiecesIsPackingTheWhole) {
  model::ModelConfig config = small_config();
  config.vocab_size = 5003;  // several pieces and a ragged end
  kernels::ThreadPool pool(2);
  OwnedWeights w = random_weights(config, 4);
  std::vector<float> packed(static_cast<size_t>(w.weights.num_packed_floats()), NAN);
  w.weights.bind_packed(packed.data());
  pack_weights(pool, w.weights);
  const auto parallel = packed;
  std::fill(packed.begin(), packed.end(), NAN);
  w.weights.pack();
  EXPECT_EQ(bits(parallel), bits(packed));
}

// Rounded experts are packed, and kept row-major for the backward pass; the file keeps the f32.
TEST(TrainingStateTest, PacksExpertsAsTheNumericsSay) {
  const model::ModelConfig config = small_config();
  const configs::NumericsConfig numerics{.experts_fp4 = true};
  kernels::ThreadPool pool(2);
  TempDir dir;
  const OwnedWeights w = random_weights(config, 4);
  const auto state = TrainingState::create(dir / "s", config, w.weights, pool, numerics);
  const auto& given = w.weights.blocks[1].moe;
  const auto& moe = state.current().params.blocks[1].moe;
  for (size_t e = 0; e < moe.experts.size(); ++e) {
    const model::Matrix &m = moe.experts[e].w1, &before = given.experts[e].w1;
    std::vector<float> want(before.data, before.data + before.size());
    EXPECT_EQ(bits(want), bits(std::vector<float>(m.data, m.data + m.size())));
    for (int64_t r = 0; r < m.rows; ++r)
      kernels::fake_quantize_e2m1(want.data() + r * m.cols, m.cols, want.data() + r * m.cols);
    ASSERT_NE(m.rounded, nullptr);
    EXPECT_EQ(bits(want), bits(std::vector<float>(m.rounded, m.rounded + m.size())));
    std::vector<float> packed(static_cast<size_t>(kernels::packed_size(m.rows, m.cols)));
    kernels::pack_transposed(want.data(), m.rows, m.cols, packed.data());
    EXPECT_EQ(bits(packed), bits(std::vector<float>(m.packed, m.packed + packed.size())));
  }
  EXPECT_EQ(moe.shared.w1.rounded, nullptr);
  EXPECT_EQ(moe.shared.w1.compute(), moe.shared.w1.data);
}

TEST(TrainingStateTest, KilledAtAnyMomentItHoldsAWholeStep) {
  TempDir dir;
  kernels::ThreadPool pool(1);
  const auto config = small_config();
  const OwnedWeights initial = random_weights(config, 1);
  constexpr int kMostSteps = 4000, kKills = 25;
  // Content of an undisturbed run by step, as hashes.
  std::vector<size_t> undisturbed;
  {
    auto state = TrainingState::create(dir / "u", config, initial.weights, pool);
    for (int i = 0; i <= kMostSteps; ++i) {
      undisturbed.push_back(std::hash<std::string>{}(content(state)));
      fake_step(state);
      state.commit(pool);
    }
  }
  TrainingState::create(dir / "s", config, initial.weights, pool);
  int64_t last = 0;
  int moved = 0;
  for (int kill_number = 0; kill_number < kKills && last < kMostSteps - 100; ++kill_number) {
    int first_step[2];
    ASSERT_EQ(::pipe(first_step), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(first_step[0]);
      kernels::ThreadPool own(1);
      auto state = TrainingState::open(dir / "s", config, own);
      while (state.step() < kMostSteps) {
        fake_step(state);
        state.commit(own);
        if (state.step() == last + 1) ::close(first_step[1]);  // the parent reads the pipe's end
      }
      ::_exit(0);
    }
    // Some kills come before the first step, the others at any moment after it, however slow the
    // machine is.
    ::close(first_step[1]);
    char byte;
    if (kill_number % 5 != 0) {
      ASSERT_EQ(::read(first_step[0], &byte, 1), 0);
    }
    ::close(first_step[0]);
    ::usleep(static_cast<useconds_t>(kernels::uniform_int({.seed = 9}, kill_number, 4000)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    auto state = TrainingState::open(dir / "s", config, pool);
    ASSERT_GE(state.step(), last);
    moved += state.step() > last;
    last = state.step();
    ASSERT_EQ(std::hash<std::string>{}(content(state)), undisturbed[static_cast<size_t>(last)])
        << "step " << last;
  }
  EXPECT_GE(moved, 12);
}

TEST(TrainingStateTest, RefusesFilesThatDoNotFit) {
  TempDir dir;
  kernels::ThreadPool pool(1);
  const auto config = small_config();
  const OwnedWeights initial = random_weights(config, 1);
  const std::string path = dir / "s";
  const auto open_error = [&](const model::ModelConfig& c) {
    return error_of([&] { TrainingState::open(path, c, pool); });
  };
  EXPECT_THAT(open_error(config), HasSubstr("cannot open the training state (No such file"));

  TrainingState::create(path, config, initial.weights, pool);
  EXPECT_EQ(open_error(config), "");
  model::ModelConfig other = config;
  other.vocab_size += 1;
  EXPECT_THAT(open_error(other), HasSubstr("a model of another shape"));
  other = config;  // same number of parameters
  std::swap(other.layers[1].attention, other.layers[2].attention);
  EXPECT_THAT(open_error(other), HasSubstr("a model of another shape"));

  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size - 1);
  EXPECT_THAT(open_error(config), HasSubstr("truncated (" + std::to_string(size - 1)));
  std::filesystem::resize_file(path, 17);
  EXPECT_THAT(open_error(config), HasSubstr("truncated"));

  const auto write_byte = [&](int64_t offset, char byte) {
    TrainingState::create(path, config, initial.weights, pool);
    std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(offset);
    f.put(byte);
  };
  write_byte(0, 'x');
  EXPECT_THAT(open_error(config), HasSubstr("not a training state"));
  write_byte(8, 99);
  EXPECT_THAT(open_error(config), HasSubstr("version 99"));
  write_byte(24, 1);
  EXPECT_THAT(open_error(config), HasSubstr("header is damaged"));
}

// Offsets of the words that the test below changes.
constexpr int64_t kCurrentWord = 64, kBootWord = 80;

TEST(TrainingStateTest, AfterARebootOnlyASyncedStateOpens) {
  TempDir dir;
  kernels::ThreadPool pool(1);
  const auto config = small_config();
  const std::string path = dir / "s";
  const auto change_boot = [&] {
    std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(kBootWord);
    f.write("anything", 8);
  };
  {
    auto state = TrainingState::create(path, config, random_weights(config, 1).weights, pool);
    fake_step(state);
    state.commit(pool);
    state.sync();
  }
  change_boot();
  EXPECT_EQ(TrainingState::open(path, config, pool).step(), 1);
  {
    auto state = TrainingState::open(path, config, pool);
    fake_step(state);
    state.commit(pool);
  }
  EXPECT_EQ(TrainingState::open(path, config, pool).step(), 2);
  change_boot();
  EXPECT_THAT(
      error_of([&] { TrainingState::open(path, config, pool); }),
      HasSubstr("restarted before the training state was on its disk; begin its stage anew"));
}

TEST(TrainingStateTest, CurrentWordMustMatchItsSlot) {
  TempDir dir;
  kernels::ThreadPool pool(1);
  const auto config = small_config();
  TrainingState::create(dir / "s", config, random_weights(config, 1).weights, pool);
  std::fstream f(dir / "s", std::ios::in | std::ios::out | std::ios::binary);
  f.seekp(kCurrentWord);
  f.put(8);
  f.close();
  EXPECT_THAT(error_of([&] { TrainingState::open(dir / "s", config, pool); }),
              HasSubstr("header is damaged"));
}

// Every page of the file but those of the slot that is written next holds something that a step
// reads, or is what no step touches.
TEST(TrainingStateTest, DamageAnywhereInTheCurrentStepIsFound) {
  TempDir dir;
  kernels::ThreadPool pool(2);
  const auto config = small_config();
  const std::string path = dir / "s";
  int64_t slot_bytes = 0;
  {
    auto state = TrainingState::create(path, config, random_weights(config, 1).weights, pool);
    for (int i = 0; i < 2; ++i) {
      fake_step(state);
      state.commit(pool);
    }
    slot_bytes = reinterpret_cast<const char*>(state.next().extra) -
                 reinterpret_cast<const char*>(state.current().extra);
  }
  ASSERT_GT(slot_bytes, 0);  // two steps: slot 0 is the current one, before slot 1
  const int64_t bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  const int64_t slots = bytes - 2 * slot_bytes, page = 4096;
  const auto flip = [&](int64_t offset) {
    std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
    f.seekg(offset);
    const char byte = static_cast<char>(f.get() ^ 1);
    f.seekp(offset);
    f.put(byte);
  };
  const auto error = [&] { return error_of([&] { TrainingState::open(path, config, pool); }); };
  EXPECT_EQ(error(), "");
  for (int64_t at = page; at < bytes; at += page) {
    const int64_t in_page =
        (at - slots) % slot_bytes == 0 ? 8 : kernels::uniform_int({.seed = 3}, at, page);
    flip(at + in_page);
    if (at < slots + slot_bytes)
      EXPECT_THAT(error(), HasSubstr("damaged (its checksum does not match); begin its stage anew"))
          << "at " << at + in_page;
    else
      EXPECT_EQ(error(), "") << "at " << at + in_page;
    flip(at + in_page);
  }
  // What a disk loses is more often whole pages.
  std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
  f.seekp(slots + 2 * page);
  f.write(std::string(page, '\0').data(), page);
  f.close();
  EXPECT_THAT(error(), HasSubstr("damaged"));
}

TEST(TrainingStateTest, AFullDiskIsAnErrorAndKeepsTheOldState) {
  TempDir dir;
  kernels::ThreadPool pool(1);
  const auto config = small_config();
  const OwnedWeights initial = random_weights(config, 1);
  TrainingState::create(dir / "s", config, initial.weights, pool);
  // A file size limit stands for the full disk: both make the reservation fail.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{65536, before.rlim_max};
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const std::string error = error_of(
      [&] { TrainingState::create(dir / "s", config, random_weights(config, 2).weights, pool); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_THAT(error, HasSubstr("cannot reserve"));
  EXPECT_FALSE(std::filesystem::exists(dir / "s" + ".new"));
  auto state = TrainingState::open(dir / "s", config, pool);
  EXPECT_EQ(bits(flatten(state.current().params)), bits(initial.floats));
  EXPECT_THAT(
      error_of([&] { TrainingState::create(dir / "no/such", config, initial.weights, pool); }),
      HasSubstr("No such file"));
}

TEST(GradientsTest, ZeroClearsEverything) {
  kernels::ThreadPool pool(2);
  Gradients g(small_config());
  g.weights().head.data[5] = 3;
  g.weights().mtp[0].norm.data[23] = 3;
  g.zero(pool);
  for (float x : flatten(g.weights())) ASSERT_EQ(x, 0.0f);
  EXPECT_EQ(g.weights().blocks[0].moe.tid2eid.data, nullptr);
}

}  // namespace
}  // namespace amalgam::learner
