// A device as JavaScript sees it: an object of functions over its tensors, graphs and ops.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_set>

#include "core/device.h"
#include "environment.h"
#include "tensors.h"

namespace stylear::addon {

class OpenDevice {
 public:
  OpenDevice(Environment& environment, std::unique_ptr<Device> device);
  ~OpenDevice();

  // The object. Its functions stay callable after `close`, and refuse.
  napi_value object();
  // Nothing enqueued needs to be done any more.
  void abandon();

 private:
  struct Recorded {
    std::unique_ptr<Graph> graph;
    std::unordered_set<Storage*> storages;  // of others, kept alive by the graph
  };

  Device& device() const {
    if (!device_) throw Error("ERR_DISPOSED", "device: expected an open device, got a closed one");
    return *device_;
  }

  template <class Op>
  static void submit(OpenDevice& self);
  using Submit = void (*)(OpenDevice&);

  const TensorTable::Slot& tensor(const Call& call, int argument, const char* where) const;
  Shape shape_from_buffer(int64_t rank) const;
  Storage* allocate(int64_t bytes);
  void release(Storage* storage);
  void upload(const TensorTable::Slot& slot, const Call::Bytes& values);
  void drop_graph(int64_t number);
  void close_now();

  // The functions of the object, by their names in JavaScript.
  static napi_value run(OpenDevice& self, const Call& call);
  static napi_value make(OpenDevice& self, const Call& call);
  static napi_value map(OpenDevice& self, const Call& call);
  static napi_value slice(OpenDevice& self, const Call& call);
  static napi_value reshape(OpenDevice& self, const Call& call);
  static napi_value dispose(OpenDevice& self, const Call& call);
  static napi_value write(OpenDevice& self, const Call& call);
  static napi_value read(OpenDevice& self, const Call& call);
  static napi_value idle(OpenDevice& self, const Call& call);
  static napi_value begin_recording(OpenDevice& self, const Call& call);
  static napi_value end_recording(OpenDevice& self, const Call& call);
  static napi_value replay(OpenDevice& self, const Call& call);
  static napi_value dispose_graph(OpenDevice& self, const Call& call);
  static napi_value memory(OpenDevice& self, const Call& call);
  static napi_value trim(OpenDevice& self, const Call& call);
  static napi_value close(OpenDevice& self, const Call& call);

  static constexpr size_t buffer_numbers = 256;

  Environment& environment_;
  std::unique_ptr<Device> device_;  // null once closed
  double* buffer_ = nullptr;  // the arguments of calls; JavaScript's memory, kept by a reference
  napi_ref buffer_reference_ = nullptr;
  TensorTable tensors_;
  int64_t storages_ = 0;
  std::map<int64_t, Recorded> graphs_;
  int64_t last_graph_ = 0;
  int64_t recording_ = 0;  // the graph being recorded; 0: none
};

}  // namespace stylear::addon
