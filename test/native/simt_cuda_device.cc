// The host side of the CUDA device on an emulated runtime: copies through pinned memory,
// recordings, memory that runs out at any call, and a GPU that fails at any command.
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "expect.h"
#include "simt_cuda/runtime.h"

using namespace stylear;
using simt_cuda::context;

extern "C" const DeviceLibrary* stylear_device_library();

namespace {

std::unique_ptr<Device> open() {
  return std::unique_ptr<Device>(stylear_device_library()->open({}));
}

// What a later `notify` says: empty when nothing failed.
class Answer {
 public:
  explicit Answer(Device& device) {
    device.notify([this](const Error* failure) {
      const std::lock_guard guard(mutex_);
      text_ = failure ? failure->what() : "";
      ready_.notify_one();
    });
  }
  std::string wait() {
    std::unique_lock guard(mutex_);
    ready_.wait(guard, [&] { return text_.has_value(); });
    return *text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<std::string> text_;
};
std::string finish(Device& device) { return Answer(device).wait(); }

template <class Role>
Role view(void* data, Shape shape, Dtype dtype = Dtype::f32) {
  Role role;
  role.data = data, role.dtype = dtype, role.shape = shape;
  return role;
}
void fill(Device& device, void* at, int64_t count, float value) {
  Fill op{};
  op.y = view<Out>(at, {count});
  op.value = value;
  device.submit(op);
}
// z = x + y
void add(Device& device, void* z, void* x, void* y, int64_t count) {
  Add op{};
  op.x = view<In>(x, {count}), op.z = view<Out>(z, {count});
  static_cast<TensorView&>(op.y) = view<In>(y, {count});
  op.alpha = op.beta = 1;
  device.submit(op);
}
// Row ids[1] of three rows, and of what the op needs scratch memory for, the gradient.
void look_up(Device& device, void* table, void* ids, void* y) {
  Embedding op{};
  op.table = view<In>(table, {3, 4}), op.ids = view<In>(ids, {2}, Dtype::i32);
  op.y = view<Out>(y, {2, 4});
  device.submit(op);
}
void look_up_backward(Device& device, void* dtable, void* ids, void* dy) {
  EmbeddingBackward op{};
  op.ids = view<In>(ids, {2}, Dtype::i32), op.dy = view<In>(dy, {2, 4});
  static_cast<TensorView&>(op.dtable) = view<Out>(dtable, {3, 4});
  device.submit(op);
}

void runs_ops_and_recordings() {
  const auto device = open();
  EXPECT(device->name() == "cuda:0 emulated GPU");
  void* block = device->allocate(300 * 4);
  float got[300] = {};
  const auto read = [&] {
    device->download(got, block, sizeof got);
    EXPECT(finish(*device).empty());
    return got[299];
  };
  fill(*device, block, 300, 2.5f);
  EXPECT(read() == 2.5f);
  device->begin_recording();
  fill(*device, block, 300, -1);
  auto graph = device->end_recording();
  EXPECT(read() == 2.5f);
  graph->replay();
  EXPECT(read() == -1);
  fill(*device, block, 300, 3);
  graph->replay();
  graph.reset();
  EXPECT(read() == -1);
  device->release(block);
  EXPECT(device->memory().live_blocks == 0);
}

// More bytes than all pinned chunks hold, in pieces that do not fit them, and back in one piece.
void copies_of_any_size_keep_their_bytes() {
  const auto device = open();
  constexpr int64_t count = 3000001;
  std::vector<int32_t> values(count), got(count);
  std::iota(values.begin(), values.end(), 0);
  void* block = device->allocate(count * 4);
  for (int round = 0; round < 24; ++round) {
    values[static_cast<size_t>(round)] = -round;
    device->upload(block, values.data(), count * 4);
  }
  device->download(got.data(), block, count * 4);
  EXPECT(finish(*device).empty());
  EXPECT(got == values);

  std::vector<void*> blocks;
  for (int32_t i = 0; i < 3000; ++i) {
    blocks.push_back(device->allocate(4004));
    std::vector<int32_t> small(1001, i);
    device->upload(blocks.back(), small.data(), 4004);
  }
  std::vector<int32_t> seen(3000);
  for (size_t i = 0; i < 3000; ++i) {
    device->download(&seen[i], static_cast<int32_t*>(blocks[i]) + 1000, 4);
    device->release(blocks[i]);
  }
  device->trim();
  EXPECT(finish(*device).empty());
  for (int32_t i = 0; i < 3000; ++i) EXPECT(seen[static_cast<size_t>(i)] == i);
}

// A kernel's word stops the queue; what was asked for before it is not concerned.
void wrong_data_stop_what_comes_later() {
  const auto device = open();
  const int32_t ids[] = {2, 7};
  void* on_gpu = device->allocate(8);
  void *table = device->allocate(48), *y = device->allocate(32);
  device->upload(on_gpu, ids, sizeof ids);
  fill(*device, table, 12, 1);
  float before = 0, after = 0;
  device->download(&before, table, 4);
  Answer early(*device);
  look_up(*device, table, on_gpu, y);
  device->download(&after, table, 4);
  const std::string said = finish(*device);
  EXPECT(said == "embedding: expected ids to be in [0, 3), got 7");
  EXPECT(early.wait().empty() && before == 1 && after == 0);
  fill(*device, y, 8, 1);
  EXPECT(finish(*device) == said);
  device->begin_recording();
  fill(*device, y, 8, 1);
  device->end_recording()->replay();
  EXPECT(finish(*device) == said);
}

// Something of everything; the tensors it leaves are for the device to free. What is read is right
// or not there.
void work(Device& device) {
  std::vector<void*> blocks;
  std::unique_ptr<Graph> graph;
  const auto take = [&](int64_t bytes) { return blocks.emplace_back(device.allocate(bytes)); };
  float sums[12] = {}, large_end = 0;
  struct Recording {
    Device& device;
    std::unique_ptr<Graph> graph;
    bool ended = false;
    ~Recording() {
      if (ended) return;
      try {
        device.end_recording();
      } catch (const Error&) {
      }
    }
  };
  const int32_t ids[] = {2, 0};
  void *on_gpu = take(8), *table = take(48), *y = take(32), *large = take(5 << 20);
  device.upload(on_gpu, ids, sizeof ids);
  fill(device, table, 12, 1);
  fill(device, large, (5 << 20) / 4, 6);
  {
    device.begin_recording();
    Recording recording{device, nullptr};
    void* z = take(2 << 20);  // of its own, not from a slab
    look_up(device, table, on_gpu, y);
    look_up_backward(device, z, on_gpu, y);
    add(device, table, table, z, 12);
    recording.ended = true;
    graph = device.end_recording();
  }
  graph->replay();
  graph->replay();
  device.download(&large_end, static_cast<char*>(large) + (5 << 20) - 4, 4);
  device.download(sums, table, sizeof sums);
  graph.reset();
  device.trim();
  look_up_backward(device, table, on_gpu, y);
  const std::string said = finish(device);
  if (!said.empty()) throw Error("ERR_DEVICE", said);
  EXPECT(large_end == 6 && sums[0] == 4 && sums[4] == 1 && sums[8] == 4);
  for (void* block : blocks) device.release(block);
}

// One refusal the device deals with, but for its first pinned memory. The second in a row is often
// that of the event with which it waits for memory to come free.
void memory_may_run_out_at_any_call(int64_t in_a_row) {
  context().refusals = in_a_row;
  int refusals = 0;
  for (int64_t n = 1;; ++n) {
    context().calls_until_refusal = n;
    context().refusals_left = 0;
    try {
      const auto device = open();
      try {
        work(*device);
      } catch (const Error& error) {
        EXPECT(error.code() == "ERR_OUT_OF_MEMORY");
        // A refusal that was dealt with is no failure of a later launch.
        EXPECT(!std::string(error.what()).starts_with("cuda: kernel launch"));
        EXPECT(finish(*device).empty());
        ++refusals;
      }
      const bool reached = context().calls_until_refusal == 0;
      context().calls_until_refusal = 0;
      work(*device);
      if (!reached) break;
    } catch (const Error& error) {
      EXPECT(error.code() == "ERR_OUT_OF_MEMORY");  // of opening it
    }
  }
  EXPECT(refusals >= (in_a_row == 1 ? 1 : 4));
  context().refusals = 1;
}

void memory_ends_and_comes_back() {
  const auto device = open();
  context().memory_bytes = 96 << 20;
  std::vector<void*> blocks;
  for (const int64_t bytes : {10 << 20, 1 << 19, 10 << 20}) {
    try {
      for (;;) {
        blocks.push_back(device->allocate(bytes));
        fill(*device, blocks.back(), bytes / 400, 1);
      }
    } catch (const Error& error) {
      EXPECT(error.code() == "ERR_OUT_OF_MEMORY");
    }
    EXPECT(blocks.size() * static_cast<size_t>(bytes) >= 70 << 20);
    for (void* block : blocks) device->release(block);
    blocks.clear();
    // Free blocks of another size make room, although the queue still works on them.
    void* other = device->allocate(60 << 20);
    fill(*device, other, 1 << 18, 2);
    device->release(other);
  }
  EXPECT(finish(*device).empty());
  context().revive();
}

// What the pool keeps from before a recording makes room in it, although the queue still works on
// it.
void recordings_find_memory_that_is_only_kept() {
  const auto device = open();
  context().memory_bytes = 96 << 20;
  void* kept = device->allocate(60 << 20);
  fill(*device, kept, 1 << 18, 1);
  device->release(kept);
  device->begin_recording();
  void* block = device->allocate(40 << 20);
  fill(*device, block, 4, 3);
  context().calls_until_refusal = 1;  // of the graph
  const auto graph = device->end_recording();
  graph->replay();
  std::vector<float> values(4);
  device->download(values.data(), block, 16);
  EXPECT(finish(*device).empty() && values == std::vector<float>(4, 3));
  device->release(block);
  context().memory_bytes = std::numeric_limits<int64_t>::max();
}

// Copies go on with the chunks that there are when the system refuses another, even with that which
// waits for more small uploads.
void pinned_memory_may_be_refused() {
  for (const int64_t refused : {1, 2, 3}) {
    const auto device = open();
    constexpr int64_t count = 3 << 20;
    std::vector<float> one{7}, values(count);
    void* block = device->allocate(count * 4);
    fill(*device, block, count, 5);
    device->upload(block, one.data(), 4);
    context().calls_until_refusal = refused;
    device->download(values.data(), block, count * 4);
    EXPECT(context().calls_until_refusal == 0);
    EXPECT(finish(*device).empty() && values[0] == 7);
    values[0] = 5;
    EXPECT(values == std::vector<float>(count, 5));
    device->release(block);
  }
}

void the_gpu_may_fail_at_any_command() {
  int died = 0;
  for (int64_t n = 1;; ++n) {
    auto device = open();
    context().commands_until_death = n;
    bool failed = false;
    try {
      work(*device);
    } catch (const Error& error) {
      failed = true;
      EXPECT(error.code() == "ERR_DEVICE");
      EXPECT(std::string(error.what()).find("the test wanted it") != std::string::npos);
    }
    const std::string said = finish(*device);
    EXPECT(!failed || !said.empty());
    failed = !said.empty();  // or only the notification was
    float got = 7;
    if (failed) {
      ++died;
      EXPECT(said.find("the test wanted it") != std::string::npos);
      try {
        device->download(&got, &got, 4);
      } catch (const Error&) {
      }
      EXPECT(finish(*device) == said && got == 7);
      EXPECT(!thrown<Error>([] { open(); }).empty());
    }
    device.reset();
    context().revive();
    if (!failed) break;
  }
  EXPECT(died > 10);
}

// What CUDA refuses stops the queue as well, and it alone: the GPU goes on.
void any_launch_may_be_refused() {
  int refusals = 0;
  for (int64_t n = 1;; ++n) {
    const auto device = open();
    float* block = static_cast<float*>(device->allocate(4));
    float before = 0, after = 0;
    fill(*device, block, 1, 5);
    device->download(&before, block, 4);
    Answer early(*device);
    context().launches_until_refusal = n;
    std::string caught;
    try {
      work(*device);
    } catch (const Error& error) {
      caught = error.what();
    }
    const std::string said = finish(*device);
    const bool reached = context().launches_until_refusal == 0;
    context().launches_until_refusal = 0;
    EXPECT(early.wait().empty() && before == 5);
    EXPECT(said.find("(noticed at ") != std::string::npos || said.empty());
    EXPECT(said.empty() || said.starts_with("cuda: kernel launch: invalid configuration argument"));
    EXPECT(caught == said || caught.empty());
    device->download(&after, block, 4);
    EXPECT(finish(*device) == said && after == (said.empty() ? 5 : 0));
    refusals += !said.empty();
    if (!reached) break;
  }
  EXPECT(refusals >= 6);
}

void a_device_may_be_closed_at_any_moment() {
  for (int moment = 0; moment < 6; ++moment) {
    auto device = open();
    void* block = device->allocate(64);
    std::vector<float> values(16, 1), got(16);
    device->upload(block, values.data(), 64);
    device->begin_recording();
    fill(*device, block, 16, 3);
    auto graph = device->end_recording();
    graph->replay();
    int called = 0;
    device->download(got.data(), block, 64);
    device->notify([&](const Error*) { ++called; });
    if (moment == 1) device->release(block);
    if (moment == 2) fill(*device, block, 16, 4);
    if (moment >= 3) device->begin_recording();
    if (moment >= 4) add(*device, device->allocate(64), block, block, 16);
    if (moment == 5) device->trim();
    graph.reset();
    device.reset();
    EXPECT(called == 1 && got[15] == 3);
  }
}

void all() {
  runs_ops_and_recordings();
  copies_of_any_size_keep_their_bytes();
  wrong_data_stop_what_comes_later();
  for (const int64_t in_a_row : {1, 3}) memory_may_run_out_at_any_call(in_a_row);
  memory_ends_and_comes_back();
  recordings_find_memory_that_is_only_kept();
  pinned_memory_may_be_refused();
  the_gpu_may_fail_at_any_command();
  any_launch_may_be_refused();
  a_device_may_be_closed_at_any_moment();
}

}  // namespace

int main() {
  for (const char* schedule : {"late", "early", "random"}) {
    setenv("STYLEAR_SIMT_ASYNC", schedule, 1);
    const int before = failures;
    all();
    if (failures > before) std::printf("in the schedule %s\n", schedule);
  }
  return outcome();
}
