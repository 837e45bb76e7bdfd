// Images, their store, containers on them, snapshots.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "sandbox/images/snapshot.h"
#include "tests/sandbox/images/image_fixture.h"

namespace amalgam::sandbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ImageStore, FindsByNameAndId) {
  const TempDir folder;
  write_text(folder / "tree/x", "1");
  ImageStore store(folder / "store");
  const std::string layer = store.add_directory(folder / "tree");
  const Image image = store.make_image({layer, layer});
  store.set_name("base", image);
  // The hash itself has its own test.
  EXPECT_EQ(image.id, sha256_hex(layer + "\n" + layer + "\n"));
  const ImageStore again(folder / "store");
  EXPECT_THAT(again.find("base").layers, ElementsAre(layer, layer));
  EXPECT_EQ(again.find(image.id.substr(0, 8)).id, image.id);
  EXPECT_EQ(again.find("base").store, folder / "store");
  ASSERT_EQ(again.list().size(), 1u);
  EXPECT_THAT(again.list()[0].names, ElementsAre("base"));
  for (const char* bad : {"other", "", "../images", "abcdef0", "."})
    EXPECT_THAT(error_of([&] { again.find(bad); }), HasSubstr("has no image")) << bad;
  for (const char* bad : {"", "a/b", "../x", ".x", "-x", "a b"})
    EXPECT_THAT(error_of([&] { store.set_name(bad, image); }), HasSubstr("image name")) << bad;
  EXPECT_THAT(error_of([&] { store.make_image({std::string(64, '0')}); }), HasSubstr("no layer"));
}

TEST(ImageStore, DamageIsFound) {
  const TempDir folder;
  write_text(folder / "tree/x", "1");
  ImageStore store(folder / "store");
  const std::string layer = store.add_directory(folder / "tree");
  const Image image = store.make_image({layer});
  store.verify(image);
  const std::string file = folder / ("store/layers/" + layer + "/x");
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  write_text(file, "2");
  EXPECT_THAT(error_of([&] { store.verify(image); }), HasSubstr("is damaged"));

  write_text(folder / ("store/images/" + image.id), "damage");
  EXPECT_THAT(error_of([&] { store.find(image.id); }), HasSubstr("is damaged; build it again"));
  store.make_image({layer});
  EXPECT_EQ(store.find(image.id).id, image.id);

  store.set_name("base", image);
  std::filesystem::remove_all(folder / ("store/layers/" + layer));
  EXPECT_THAT(error_of([&] { store.find("base"); }), HasSubstr("has lost its layer " + layer));
  for (const std::string bad : {"x\n", "../names/base", ""}) {
    write_text(folder / "store/names/base", bad);
    EXPECT_THAT(error_of([&] { store.find("base"); }), HasSubstr("image name base of")) << bad;
  }
}

TEST(ImageStore, DirectoriesWithDevicesAreRefused) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "tree");
  ASSERT_EQ(mkfifo((folder / "tree/pipe").c_str(), 0600), 0);
  ImageStore store(folder / "store");
  EXPECT_THAT(error_of([&] { store.add_directory(folder / "tree"); }),
              HasSubstr("tree/pipe: a device"));
  EXPECT_NE(error_of([&] { store.add_directory(folder / "absent"); }), "");
}

// Writers in several processes, all killed at some moment: what is there afterwards is whole.
TEST(ImageStore, IsWholeAfterKills) {
  const TempDir folder;
  write_text(folder / "shared/x", std::string(300'000, 'x'));
  int num_layers = 0;
  for (int round = 0; round < 8; ++round) {
    std::vector<pid_t> writers;
    for (int w = 0; w < 2; ++w) {
      writers.push_back(fork());
      if (writers.back() > 0) continue;
      try {
        ImageStore store(folder / "store");
        for (int i = 0;; ++i) {
          const auto name = std::to_string(round) + "-" + std::to_string(i);  // of both writers
          const auto layer = store.add_layer(Links::kInside, [&](LayerWriter* out) {
            for (const char* file : {"a", "b/c", "b/d"}) {
              out->begin_file(file, 0644);
              out->append(std::string(50'000, name.back()) + name);
              out->end_file();
            }
          });
          store.set_name("last", store.make_image({layer, store.add_directory(folder / "shared")}));
        }
      } catch (...) {
      }
      _exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(15 + 23 * round));
    for (const pid_t pid : writers) {
      kill(pid, SIGKILL);
      int status = 0;
      waitpid(pid, &status, 0);
      EXPECT_TRUE(WIFSIGNALED(status)) << "a writer failed by itself";
    }
    ImageStore store(folder / "store");
    EXPECT_TRUE(std::filesystem::is_empty(folder / "store/tmp"));
    for (const auto& listed : store.list()) store.verify(store.find(listed.id));
    for (const auto& layer : std::filesystem::directory_iterator(folder / "store/layers")) {
      store.verify({"", {layer.path().filename()}, folder / "store"});
      ++num_layers;
    }
    if (std::filesystem::exists(folder / "store/names/last")) {
      EXPECT_NE(store.find("last").id, "");
    }
  }
  EXPECT_GT(num_layers, 0);
}

TEST_F(ImageTest, IsTheRoot) {
  const auto sandbox = start(*base_);
  EXPECT_EQ(sh(*sandbox, "pwd; cat /data/lower; ls /"),
            "/work\nfrom the image\nbin\ndata\ndev\nlib\nlib64\nproc\nsbin\ntmp\nusr\nwork\n");
  EXPECT_EQ(sh(*sandbox, "ls /dev; echo x > /dev/null && echo written"),
            "fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\nwri"
            "tten\n");
  // The image has no Python, so this machine's cannot be seen.
  EXPECT_EQ(sandbox->exec({{"/usr/bin/python3", "-c", "0"}, ""}).exit_code, 127);
  EXPECT_EQ(sandbox->put_file("in", "text").exit_code, 0);
  EXPECT_EQ(sh(*sandbox, "cat /work/in"), "text");
}

TEST_F(ImageTest, ChangesArePrivate) {
  const auto sandbox = start(*base_);
  EXPECT_EQ(sh(*sandbox, "echo more >> /data/lower && rm -r /data/folder && cat /data/lower"),
            "from the image\nmore\n");
  const auto other = start(*base_);
  EXPECT_EQ(sh(*other, "cat /data/lower; ls /data"), "from the image\nfolder\nlower\n");
  store_->verify(*base_);
}

TEST_F(ImageTest, TopIsBounded) {
  const auto sandbox = start(*base_, {.disk_bytes = 1 << 20});
  EXPECT_NE(sh(*sandbox, "head -c 3000000 /dev/zero > /data/big"), "");
  EXPECT_EQ(sh(*sandbox, "rm /data/big && echo again > /work/x && cat /work/x"), "again\n");
  // A copy-up counts as well.
  EXPECT_NE(sh(*sandbox, "echo x >> /usr/lib/x86_64-linux-gnu/libc.so.6"), "");
}

// Neither the store nor the machine shows, and the mount points cannot be moved away.
TEST_F(ImageTest, HidesTheRest) {
  const auto sandbox = start(*base_);
  EXPECT_EQ(sh(*sandbox, "ls /layers /sys /etc /home /root 2>/dev/null | wc -l"), "0\n");
  EXPECT_THAT(sh(*sandbox, "mv /dev /gone"), HasSubstr("busy"));
  EXPECT_THAT(sh(*sandbox, "rm /dev/null"), HasSubstr("Read-only"));
  const auto plain = make();
  EXPECT_NE(shell(*plain, "ls /layers").exit_code, 0);
}

TEST_F(ImageTest, HostileImagesAreRefusedOrHarmless) {
  const auto image_of = [&](const std::function<void(LayerWriter*)>& fill) {
    return store_->make_image({base_->layers[0], store_->add_layer(Links::kAny, fill)});
  };
  for (const char* place : {"dev", "work", "tmp"}) {
    std::string error;
    const auto sandbox = create_on_image(
        {}, image_of([&](LayerWriter* layer) { layer->add_link(place, "/"); }), &error);
    EXPECT_EQ(sandbox, nullptr);
    EXPECT_THAT(error, HasSubstr("must be folders"));
  }
  const auto sandbox = start(image_of([](LayerWriter* layer) {
    layer->begin_file("usr/bin/id", 06755);
    layer->append("#!/bin/sh\necho ran\n");
    layer->end_file();
  }));
  EXPECT_EQ(sh(*sandbox, "id; stat -c %a /usr/bin/id"), "ran\n755\n");
}

// Every kind of change that overlayfs has a form for.
TEST_F(ImageTest, SnapshotRestoresAndForks) {
  const auto sandbox = start(*base_);
  EXPECT_EQ(
      sh(*sandbox,
         "echo more >> /data/lower; rm -r /data/folder; mkdir /data/folder; "
         "echo new > /data/folder/new; rm /usr/bin/sort; ln -s new /data/folder/link; "
         "printf '#!/bin/sh\\necho tool' > tool; chmod 555 tool; mkdir -m 700 d; echo s > d/s; "
         "chmod 0 d/s; mkfifo pipe; truncate -s 100000 hole"),
      "");
  const Image image = snapshot(sandbox.get(), *base_, store_);
  EXPECT_EQ(image.layers.size(), 2u);
  EXPECT_EQ(snapshot(sandbox.get(), *base_, store_).id, image.id);
  // The original lives on; what it does now is not in the snapshot.
  EXPECT_EQ(sh(*sandbox, "cat /data/folder/link; echo later > later"), "new\n");
  store_->verify(image);
  const auto fork_a = start(image), fork_b = start(image);
  EXPECT_EQ(
      sh(*fork_a,
         "cat /data/lower; ls -A /data/folder /work; cat /data/folder/link; ./tool; "
         "ls /usr/bin/sort 2>&1; stat -c %a d; stat -c '%a %s' d/s hole"),
      "from the image\nmore\n/data/folder:\nlink\nnew\n\n/work:\nd\nhole\ntool\nnew\ntool\n"
      "ls: cannot access '/usr/bin/sort': No such file or directory\n700\n400 2\n644 100000\n");
  EXPECT_EQ(sh(*fork_a, "echo a > /data/folder/new; rm tool"), "");
  EXPECT_EQ(sh(*fork_b, "cat /data/folder/new; ./tool"), "new\ntool\n");
  // A snapshot of a restored sandbox has one layer more, and restores as well.
  const Image third = snapshot(fork_a.get(), image, store_);
  EXPECT_EQ(third.layers.size(), 3u);
  EXPECT_EQ(sh(*start(third), "cat /data/folder/new; ls; cat d/s"), "a\nd\nhole\ns\n");
}

TEST_F(ImageTest, SnapshotOfWhatCannotBeIsAnError) {
  const auto plain = make();
  EXPECT_THAT(error_of([&] { snapshot(plain.get(), Image{}, store_); }),
              HasSubstr("started on an image"));
  const auto sandbox = start(*base_, {.disk_bytes = 1 << 20});
  EXPECT_EQ(sh(*sandbox, "for i in 1 2 3 4; do truncate -s 1000000 $i; done"), "");
  EXPECT_THAT(error_of([&] { snapshot(sandbox.get(), *base_, store_); }), HasSubstr("more than"));
  EXPECT_TRUE(std::filesystem::is_empty(*folder_ / "store/tmp"));
}

TEST(DebianPackages, ClosureFollowsDependencies) {
  const TempDir folder;
  write_text(folder / "status",
             "Package: app\nStatus: install ok installed\nPre-Depends: dpkg (>= 1)\n"
             "Depends: absent | virtual (>= 2), lib:any,\n tool\nDescription: x\n Depends: no\n\n"
             "Package: provider\nStatus: install ok installed\nProvides: virtual (= 3), other\n\n"
             "Package: lib\nStatus: install ok installed\nDepends: app\n\n"
             "Package: tool\nStatus: install ok installed\n\n"
             "Package: dpkg\nStatus: install ok installed\n\n"
             "Package: removed\nStatus: deinstall ok config-files\n\n"
             "Package: broken\nStatus: install ok installed\nDepends: removed\n");
  EXPECT_THAT(package_closure({"app"}, folder.path()),
              ElementsAre("app", "provider", "lib", "tool"));
  EXPECT_THAT(error_of([&] { package_closure({"broken"}, folder.path()); }),
              HasSubstr("package removed, which broken needs, is not installed"));
  EXPECT_THAT(error_of([&] { package_closure({"nothing"}, folder.path()); }),
              HasSubstr("apt-get install nothing"));
}

TEST(PythonImage, RunsPython) {
  const TempDir folder;
  ImageStore store(folder / "store");
  const Image image = store.make_image({store.add_layer(Links::kAny, add_python_image)});
  std::string error;
  const auto sandbox = create_on_image({}, image, &error);
  ASSERT_NE(sandbox, nullptr) << error;
  const Result result = python(*sandbox,
                               "import json, sqlite3, ssl, ctypes, hashlib, decimal, sys, os\n"
                               "print(json.dumps(sorted(os.listdir('/'))), os.getuid())\n"
                               // Compiled modules are valid, so none is compiled again.
                               "print(json.__cached__, os.path.getmtime(json.__file__))\n"
                               "import importlib._bootstrap_external as b\n"
                               "data = open(json.__cached__, 'rb').read()\n"
                               "b._validate_timestamp_pyc(data, 1, os.path.getsize(json.__file__), "
                               "'json', {})\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("[\"bin\", \"dev\", \"etc\", \"lib\""));
  EXPECT_THAT(result.out, HasSubstr(" 1000\n"));
  EXPECT_THAT(result.out, HasSubstr(".pyc 1.0\n"));
}

}  // namespace
}  // namespace amalgam::sandbox
