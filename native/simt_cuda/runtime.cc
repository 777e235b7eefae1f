// Errors, memory and the properties of the emulated GPU.
#include "runtime.h"

#include <cstdio>
#include <cstdlib>
#include <limits>

#include "../core/error.h"
#include "../simt/state.h"

namespace stylear::simt_cuda {

namespace {

thread_local cudaError_t last = cudaSuccess;

bool comes_to_zero(std::atomic<int64_t>& count) { return count > 0 && --count == 0; }

}  // namespace

void misuse(const std::string& sentence) {
  std::fflush(stdout);
  std::fprintf(stderr, "simt_cuda: %s\n", sentence.c_str());
  std::abort();
}

Context& context() {
  static Context& context = *new Context;  // a process may end amid work
  return context;
}

Context::Context() {
  const char* megabytes = std::getenv("STYLEAR_SIMT_CUDA_MEGABYTES");
  memory_bytes = megabytes ? std::atoll(megabytes) << 20 : std::numeric_limits<int64_t>::max();
}

void Context::revive() {
  dead_ = false;
  memory_bytes = std::numeric_limits<int64_t>::max();
  calls_until_refusal = launches_until_refusal = commands_until_death = 0;
  last = cudaSuccess;
}

cudaError_t Context::result(cudaError_t status) {
  if (dead_) status = cudaErrorLaunchFailure;
  if (status != cudaSuccess) last = status;
  return status;
}
cudaError_t Context::last_error() {
  return dead_ ? cudaErrorLaunchFailure : std::exchange(last, cudaSuccess);
}
void Context::die(const std::string& reason) {
  const std::lock_guard guard(mutex_);
  if (dead_) return;
  reason_ = "unspecified launch failure (" + reason + ")";
  dead_ = true;
}
bool Context::refuses_launch() { return comes_to_zero(launches_until_refusal); }
bool Context::refuses_memory() {
  if (comes_to_zero(calls_until_refusal)) refusals_left = refusals.load();
  return refusals_left > 0 && refusals_left-- > 0;
}
void Context::count_command() {
  if (comes_to_zero(commands_until_death)) throw Error("ERR_DEVICE", "the test wanted it");
}

cudaError_t Context::allocate(void** block, size_t bytes, Kind kind) {
  *block = nullptr;
  if (strict_captures > 0) return result(cudaErrorStreamCaptureUnsupported);
  if (dead_) return result(cudaErrorLaunchFailure);
  const std::lock_guard guard(mutex_);
  const auto more = static_cast<int64_t>(bytes);
  if (refuses_memory() || (kind == Kind::device && more > memory_bytes - used_bytes_))
    return result(cudaErrorMemoryAllocation);
  try {
    *block = simt::device_alloc(bytes);
  } catch (const Error&) {
    return result(cudaErrorMemoryAllocation);
  }
  blocks_[static_cast<char*>(*block)] = {bytes, kind};
  if (kind == Kind::device) used_bytes_ += more;
  return cudaSuccess;
}

void Context::free(void* block, Kind kind) {
  const std::lock_guard guard(mutex_);
  const auto found = blocks_.find(static_cast<char*>(block));
  if (found == blocks_.end() || found->second.kind != kind)
    misuse("expected memory to free, got something else");
  if (kind == Kind::device) used_bytes_ -= static_cast<int64_t>(found->second.bytes);
  blocks_.erase(found);
  simt::device_free(block);  // its pages are gone: whoever still uses it crashes
}

bool Context::holds(const void* at, size_t bytes, Kind kind) {
  const std::lock_guard guard(mutex_);
  const auto* begin = static_cast<const char*>(at);
  auto found = blocks_.upper_bound(begin);
  if (found == blocks_.begin()) return false;
  --found;
  return found->second.kind == kind && begin + bytes <= found->first + found->second.bytes;
}

void Context::stream_gone() {
  if (--streams > 0) return;
  const std::lock_guard guard(mutex_);
  if (!blocks_.empty() || events || graphs)
    misuse("expected nothing to outlive the last stream, got " + std::to_string(blocks_.size()) +
           " blocks of memory, " + std::to_string(events) + " events and " +
           std::to_string(graphs) + " graphs");
}

}  // namespace stylear::simt_cuda

using stylear::simt_cuda::context;
using Kind = stylear::simt_cuda::Context::Kind;

cudaError_t cudaGetLastError() { return context().last_error(); }
const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorIllegalState:
      return "the operation cannot be performed in the present state";
    case cudaErrorLaunchFailure:
      return context().reason();
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorCapturedEvent:
      return "operation not permitted on an event last recorded in a capturing stream";
  }
  return "unknown error";
}

cudaError_t cudaSetDevice(int index) {
  return context().result(index == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}
// Few multiprocessors, so that small shapes already fill them.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  if (index != 0) return context().result(cudaErrorInvalidDevice);
  const auto gpu = stylear::simt::gpu_from_environment();
  std::snprintf(properties->name, sizeof properties->name, "emulated GPU");
  properties->major = gpu.compute_capability / 10;
  properties->minor = gpu.compute_capability % 10;
  properties->multiProcessorCount = gpu.multiprocessors;
  return context().result(cudaSuccess);
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*)()) {
  attributes->maxThreadsPerBlock = 64;
  return context().result(cudaSuccess);
}

cudaError_t cudaMalloc(void** block, size_t bytes) {
  return context().allocate(block, bytes, Kind::device);
}
cudaError_t cudaHostAlloc(void** block, size_t bytes, unsigned) {
  return context().allocate(block, bytes, Kind::host);
}
cudaError_t cudaFree(void* block) {
  if (context().strict_captures > 0) return context().result(cudaErrorStreamCaptureUnsupported);
  if (block) context().free(block, Kind::device);
  return context().result(cudaSuccess);
}
cudaError_t cudaFreeHost(void* block) {
  if (block) context().free(block, Kind::host);
  return context().result(cudaSuccess);
}
cudaError_t cudaHostGetDevicePointer(void** seen, void* block, unsigned) {
  *seen = block;
  return context().result(cudaSuccess);
}
