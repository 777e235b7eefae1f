// The emulated GPU through the interface of a device: what a kernel does wrong stops the queue with
// its sentence.
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/device.h"

using namespace stylear;

extern "C" const DeviceLibrary* stylear_device_library();

namespace {

int failures = 0;

void expect(bool claim, const char* what) {
  if (claim) return;
  ++failures;
  std::printf("FAIL %s\n", what);
}

// What the queue says when everything enqueued so far is finished; empty when nothing failed.
std::string outcome(Device& device) {
  std::mutex mutex;
  std::condition_variable ready;
  std::optional<std::string> text;
  device.notify([&](const Error* failure) {
    const std::lock_guard guard(mutex);
    text = failure ? failure->what() : "";
    ready.notify_one();
  });
  std::unique_lock guard(mutex);
  ready.wait(guard, [&] { return text.has_value(); });
  return *text;
}

template <class Role>
Role view(void* data, Dtype dtype, Shape shape) {
  Role role;
  role.data = data, role.dtype = dtype, role.shape = shape;
  return role;
}

void runs_ops_and_recordings() {
  const std::unique_ptr<Device> device(stylear_device_library()->open({}));
  auto* block = static_cast<float*>(device->allocate(300 * 4));
  Fill fill{};
  fill.y = view<Out>(block, Dtype::f32, {300});
  fill.value = 2.5f;
  device->submit(fill);
  float got[300] = {};
  device->download(got, block, sizeof got);
  expect(outcome(*device).empty(), "fill succeeds");
  expect(got[0] == 2.5f && got[299] == 2.5f, "fill fills");

  device->begin_recording();
  fill.value = -1;
  device->submit(fill);
  const std::unique_ptr<Graph> graph = device->end_recording();
  device->download(got, block, sizeof got);
  expect(outcome(*device).empty() && got[7] == 2.5f, "a recorded op does not run");
  graph->replay();
  device->download(got, block, sizeof got);
  expect(outcome(*device).empty() && got[7] == -1.f, "a replayed op does");
  device->release(block);
  expect(device->memory().live_blocks == 0, "nothing is left");
}

// What a kernel says about its data stops the queue.
void reports_wrong_data() {
  const std::unique_ptr<Device> device(stylear_device_library()->open({}));
  const int32_t ids[] = {2, 7, 0};
  Embedding op{};
  op.table = view<In>(device->allocate(12 * 4), Dtype::f32, {3, 4});
  op.ids = view<In>(device->allocate(sizeof ids), Dtype::i32, {3});
  op.y = view<Out>(device->allocate(12 * 4), Dtype::f32, {3, 4});
  device->upload(op.ids.data, ids, sizeof ids);
  Fill fill{};
  fill.y = view<Out>(op.table.data, Dtype::f32, {3, 4});
  device->submit(fill);
  device->submit(op);
  const std::string said = outcome(*device);
  expect(said == "embedding: expected ids to be in [0, 3), got 7", said.c_str());
  expect(outcome(*device) == said, "the failure stays");
}

// A view that is longer than its allocation: the race build sees it.
void reports_what_a_kernel_does_wrong() {
  const std::unique_ptr<Device> device(stylear_device_library()->open({}));
  Fill fill{};
  fill.y = view<Out>(device->allocate(256), Dtype::f32, {65});
  device->submit(fill);
  const std::string said = outcome(*device);
  expect(said.find("fill_kernel") != std::string::npos, "the kernel is named");
  expect(said.find("out of bounds") != std::string::npos, "the mistake is named");
  expect(outcome(*device) == said, "the failure stays");
}

}  // namespace

namespace stylear::simt {
bool race_build();
}

int main() {
  runs_ops_and_recordings();
  reports_wrong_data();
  if (simt::race_build()) reports_what_a_kernel_does_wrong();
  std::printf(failures ? "%d failures\n" : "all passed\n", failures);
  return failures != 0;
}
