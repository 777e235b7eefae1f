// Queue, copies, recording and failure of a device that computes on the host, with kernels of its
// own: `fill` writes one number, and may be told to wait or to fail.
#include "host/host_device.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "expect.h"

using namespace stylear;

namespace {

struct Kernels {
  int ops = 0;
  void finish_op() { ++ops; }
};

constexpr float wait_a_while = -1, fail = -2, out_of_memory = -3;

void run(const Fill& op, Kernels&) {
  if (op.value == wait_a_while) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (op.value == fail) throw Error("ERR_VALUE", "fill: expected value to please, got -2");
  if (op.value == out_of_memory) throw std::bad_alloc();
  *op.y.as<float>() = op.value;
}
template <class Op>
void run(const Op&, Kernels&) {}

using Tested = HostDevice<Kernels>;

Fill fill(void* at, float value) {
  Fill op{};
  op.y.data = at;
  op.y.shape = {1};
  op.value = value;
  return op;
}

// The message of the failure that stopped the queue; empty when there is none.
std::string finish(Device& device) {
  std::promise<std::string> message;
  device.notify([&](const Error* failure) { message.set_value(failure ? failure->what() : ""); });
  return message.get_future().get();
}

float read(Device& device, const void* from) {
  float value = 0;
  device.download(&value, from, 4);
  finish(device);
  return value;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool freed_memory_is_kept = true;  // by their allocators
#else
constexpr bool freed_memory_is_kept = false;
#endif

// Pages of this process that are in memory.
int64_t resident_bytes() {
  long all = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  EXPECT(file && std::fscanf(file, "%ld %ld", &all, &resident) == 2);
  if (file) std::fclose(file);
  return int64_t{resident} * sysconf(_SC_PAGESIZE);
}

// Blocks below the size from which each is a mapping of its own, one of which stays at the end.
void memory_goes_back_to_the_system() {
  if (freed_memory_is_kept) return;
  const auto use = [](Device& device) {
    std::vector<void*> blocks;
    for (int i = 0; i < 4000; ++i) {
      blocks.push_back(device.allocate(50'000));
      std::memset(blocks.back(), 1, 50'000);
    }
    void* last = blocks.back();
    blocks.pop_back();
    for (void* block : blocks) device.release(block);
    return last;
  };
  const int64_t before = resident_bytes(), allowed = 20'000'000;
  std::optional<Tested> device(std::in_place, "test", 1);
  device->release(use(*device));
  EXPECT(resident_bytes() > before + 150'000'000);
  void* last = use(*device);
  device->trim();
  EXPECT(finish(*device).empty());
  EXPECT(resident_bytes() < before + allowed);
  device->release(last);
  device->release(use(*device));
  device.reset();
  EXPECT(resident_bytes() < before + allowed);
}

void work_is_done_in_order() {
  Tested device("test", 1);
  void *a = device.allocate(4), *b = device.allocate(4);
  std::vector<float> seen(3000);
  for (int i = 0; i < 3000; ++i) {  // more than a chunk of commands
    device.submit(fill(a, static_cast<float>(i)));
    device.copy(b, a, 4);
    device.download(&seen[static_cast<size_t>(i)], b, 4);
  }
  EXPECT(finish(device).empty());
  for (int i = 0; i < 3000; ++i) EXPECT(seen[static_cast<size_t>(i)] == static_cast<float>(i));
}

void uploads_take_the_bytes_at_once() {
  Tested device("test", 1);
  for (const size_t count : {1u, 1000u, 100000u}) {
    const auto bytes = static_cast<int64_t>(4 * count);
    void *busy = device.allocate(4), *x = device.allocate(bytes);
    device.submit(fill(busy, wait_a_while));
    std::vector<float> values(count, 5), got(count);
    device.upload(x, values.data(), bytes);
    values.assign(count, 6);
    device.download(got.data(), x, bytes);
    finish(device);
    EXPECT(got == std::vector<float>(count, 5));
    device.upload(x, values.data(), bytes);  // the queue is idle now
    device.download(got.data(), x, bytes);
    finish(device);
    EXPECT(got == std::vector<float>(count, 6));
  }
}

void a_recording_runs_when_it_is_replayed() {
  Tested device("test", 1);
  void *a = device.allocate(4), *b = device.allocate(4);
  device.submit(fill(a, 1));
  device.begin_recording();
  device.submit(fill(a, 2));
  device.copy(b, a, 4);
  for (int i = 0; i < 500; ++i) device.submit(fill(a, 3));
  auto graph = device.end_recording();
  EXPECT(read(device, a) == 1);
  graph->replay();
  EXPECT(read(device, b) == 2);
  EXPECT(read(device, a) == 3);
  device.submit(fill(a, 4));
  graph->replay();
  EXPECT(read(device, a) == 3);
  device.submit(fill(a, wait_a_while));
  graph->replay();
  graph.reset();  // while it waits in the queue
  EXPECT(read(device, a) == 3);
}

void a_recording_refuses_what_would_wait() {
  Tested device("test", 1);
  void* a = device.allocate(4);
  device.begin_recording();
  float value = 0;
  EXPECT(!thrown<Error>([&] { device.upload(a, &value, 4); }).empty());
  EXPECT(!thrown<Error>([&] { device.download(&value, a, 4); }).empty());
  EXPECT(!thrown<Error>([&] { device.notify([](const Error*) {}); }).empty());
  EXPECT(thrown<Error>([&] { device.begin_recording(); }) ==
         "begin_recording: expected no recording to be going on, got one. Call it before or after "
         "`record`.");
  auto graph = device.end_recording();
  EXPECT(!thrown<Error>([&] {
            device.begin_recording();
            graph->replay();
          }).empty());
  graph.reset();
  device.end_recording();
}

void a_failure_stops_the_queue() {
  Tested device("test", 1);
  void* a = device.allocate(4);
  device.submit(fill(a, 1));
  float before = 0, after = 0;
  device.download(&before, a, 4);
  device.submit(fill(a, fail));
  device.submit(fill(a, 7));
  device.download(&after, a, 4);
  EXPECT(finish(device) == "fill: expected value to please, got -2");
  device.submit(fill(a, out_of_memory));
  EXPECT(finish(device) == "fill: expected value to please, got -2");  // the first one
  EXPECT(before == 1 && after == 0);

  Tested other("test", 1);  // is not concerned
  EXPECT(finish(other).empty());
  other.submit(fill(other.allocate(4), out_of_memory));
  EXPECT(finish(other) == "device: expected scratch memory, got none");
}

void large_blocks_are_given_back_behind_their_last_use() {
  Tested device("test", 1);
  const int64_t bytes = 8 << 20;
  for (int round = 0; round < 5; ++round) {
    void* large = device.allocate(bytes);
    EXPECT(reinterpret_cast<uintptr_t>(large) % (2 << 20) == 0);
    device.submit(fill(large, wait_a_while));
    device.submit(fill(static_cast<char*>(large) + bytes - 4, 3));
    device.release(large);
    device.trim();
    EXPECT(device.memory().reserved_bytes == 0);
  }
  EXPECT(finish(device).empty());
}

void an_abandoned_device_ends_soon() {
  int called = 0;
  const auto begin = std::chrono::steady_clock::now();
  {
    Tested device("test", 1);
    void* a = device.allocate(4);
    for (int i = 0; i < 500; ++i) device.submit(fill(a, wait_a_while));  // 10 s
    device.notify([&](const Error* failure) { called += failure != nullptr; });
    device.abandon();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT(called == 1 && took.count() < 5);
}

void devices_come_and_go() {
  for (int round = 0; round < 200; ++round) {
    Tested device("test", 1);
    void* a = device.allocate(4);
    for (int i = 0; i < round; ++i) device.submit(fill(a, 1));
    if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace

int main() {
  work_is_done_in_order();
  uploads_take_the_bytes_at_once();
  a_recording_runs_when_it_is_replayed();
  a_recording_refuses_what_would_wait();
  a_failure_stops_the_queue();
  large_blocks_are_given_back_behind_their_last_use();
  an_abandoned_device_ends_soon();
  devices_come_and_go();
  memory_goes_back_to_the_system();
  return outcome();
}
