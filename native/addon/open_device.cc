#include "open_device.h"

#include <cstring>

#include "core/bf16.h"
#include "fields.h"

namespace stylear::addon {

OpenDevice::OpenDevice(Environment& environment, std::unique_ptr<Device> device)
    : environment_(environment), device_(std::move(device)) {}

OpenDevice::~OpenDevice() {
  if (device_) close_now();
  if (buffer_reference_) napi_delete_reference(environment_.env(), buffer_reference_);
}

void OpenDevice::abandon() {
  if (device_) device_->abandon();
}

napi_value OpenDevice::object() {
  const napi_env env = environment_.env();
  napi_value object = object_of(env), array, view;
  void* data = nullptr;
  must(napi_create_arraybuffer(env, buffer_numbers * sizeof(double), &data, &array));
  must(napi_create_typedarray(env, napi_float64_array, buffer_numbers, array, 0, &view));
  must(napi_create_reference(env, view, 1, &buffer_reference_));
  buffer_ = static_cast<double*>(data);
  set(env, object, "buffer", view);
  set(env, object, "name", string_of(env, device_->name()));
  set(env, object, "threads", number_of(env, device_->threads()));
  set_function<OpenDevice, run>(env, object, "run", *this);
  set_function<OpenDevice, make>(env, object, "make", *this);
  set_function<OpenDevice, map>(env, object, "map", *this);
  set_function<OpenDevice, slice>(env, object, "slice", *this);
  set_function<OpenDevice, reshape>(env, object, "reshape", *this);
  set_function<OpenDevice, dispose>(env, object, "dispose", *this);
  set_function<OpenDevice, write>(env, object, "write", *this);
  set_function<OpenDevice, read>(env, object, "read", *this);
  set_function<OpenDevice, idle>(env, object, "idle", *this);
  set_function<OpenDevice, begin_recording>(env, object, "beginRecording", *this);
  set_function<OpenDevice, end_recording>(env, object, "endRecording", *this);
  set_function<OpenDevice, replay>(env, object, "replay", *this);
  set_function<OpenDevice, dispose_graph>(env, object, "disposeGraph", *this);
  set_function<OpenDevice, memory>(env, object, "memory", *this);
  set_function<OpenDevice, trim>(env, object, "trim", *this);
  set_function<OpenDevice, close>(env, object, "close", *this);
  return object;
}

// ---- ops

template <class Op>
void OpenDevice::submit(OpenDevice& self) {
  Op op{};
  FromBuffer from(Op::name, self.buffer_, self.tensors_);
  op.fields(from);
  op.check();
  if (self.recording_) {
    Recorded& recorded = self.graphs_[self.recording_];
    for (int i = 0; i < from.storage_count; ++i) {
      Storage* storage = from.storages[i];
      // What was allocated in this recording belongs to the graph already.
      if (storage->recording == self.recording_) continue;
      if (recorded.storages.insert(storage).second) ++storage->uses;
    }
  }
  self.device_->submit(op);
}

// run(op index); the arguments lie in the buffer.
napi_value OpenDevice::run(OpenDevice& self, const Call& call) {
  static constexpr Submit submits[] = {
#define X(Op) submit<Op>,
      STYLEAR_OPS(X)
#undef X
  };
  self.device();
  const int64_t index = call.integer(0);
  if (index < 0 || index >= static_cast<int64_t>(std::size(submits))) call.wrong(0, "an op");
  submits[index](self);
  return nullptr;
}

// ---- tensors

const TensorTable::Slot& OpenDevice::tensor(const Call& call, int argument,
                                            const char* where) const {
  const TensorTable::Slot* slot = tensors_.find(call.number(argument));
  if (!slot)
    throw Error("ERR_DISPOSED",
                std::string(where) + ": expected the tensor to be live, got one that was disposed");
  return *slot;
}

Shape OpenDevice::shape_from_buffer(int64_t rank) const {
  if (rank < 1 || rank > Shape::max_rank)
    throw Error("ERR_SHAPE",
                "tensor: expected shape to be of rank 1 to 6, got rank " + std::to_string(rank));
  Shape shape;
  double count = 1;
  bool whole = true;
  for (int axis = 0; axis < rank; ++axis) {
    const double extent = buffer_[axis];
    count *= extent;
    whole = whole && extent >= 1 && extent <= 9007199254740991.0 && extent == std::floor(extent);
    shape.push(whole ? static_cast<int64_t>(extent) : 0);
  }
  if (!whole || count > 4503599627370496.0) {
    std::ostringstream got;
    for (int axis = 0; axis < rank; ++axis) got << (axis ? ", " : "") << buffer_[axis];
    throw Error(
        "ERR_SHAPE",
        "tensor: expected shape to be of positive integers, of at most 2^52 elements, got [" +
            got.str() + "]");
  }
  return shape;
}

namespace {

Dtype dtype_of(const Call& call, int argument) {
  const int64_t dtype = call.integer(argument);
  if (dtype < 0 || dtype >= dtype_count) call.wrong(argument, "a dtype");
  return static_cast<Dtype>(dtype);
}

}  // namespace

Storage* OpenDevice::allocate(int64_t bytes) {
  auto storage = std::make_unique<Storage>();
  storage->data = device_->allocate(bytes);
  storage->bytes = bytes;
  storage->recording = recording_;
  ++storages_;
  environment_.account(bytes);
  return storage.release();
}

void OpenDevice::release(Storage* storage) {
  if (--storage->uses > 0) return;
  --storages_;
  if (!storage->mapped) {
    device_->release(storage->data);
    environment_.account(-storage->bytes);
  } else if (!recording_) {
    // The queue may still read the file.
    device_->notify([mapped = std::move(storage->mapped)](const Error*) {});
  } else {
    graphs_[recording_].storages.insert(storage);
    storage->uses = 1, ++storages_;
    return;
  }
  delete storage;
}

// make(dtype, rank) -> handle; the extents lie in the buffer.
napi_value OpenDevice::make(OpenDevice& self, const Call& call) {
  self.device();
  TensorView view;
  view.dtype = dtype_of(call, 0);
  view.shape = self.shape_from_buffer(call.integer(1));
  Storage* storage = self.allocate(view.bytes());
  view.data = storage->data;
  try {
    return number_of(call.env, self.tensors_.add(view, storage));
  } catch (...) {
    self.release(storage);
    throw;
  }
}

// map(file, offset, dtype, rank) -> handle of a tensor on the file's bytes.
napi_value OpenDevice::map(OpenDevice& self, const Call& call) {
  self.device();
  void* external = nullptr;
  if (napi_get_value_external(call.env, call.arguments[0], &external) != napi_ok)
    call.wrong(0, "a mapped file");
  const auto& file = *static_cast<std::shared_ptr<MappedFile>*>(external);
  const int64_t offset = call.integer(1);
  TensorView view;
  view.dtype = dtype_of(call, 2);
  view.shape = self.shape_from_buffer(call.integer(3));
  const int64_t bytes = view.bytes();
  if (offset < 0 || offset > file->bytes() - bytes)
    throw Error("ERR_INPUT", "map: expected bytes " + std::to_string(offset) + " to " +
                                 std::to_string(offset + bytes) + " to lie in the file, got " +
                                 std::to_string(file->bytes()) + " bytes");
  const char* data = file->data() + offset;
  Storage* storage;
  const bool aligned = reinterpret_cast<uintptr_t>(data) % bytes_of(view.dtype) == 0;
  if (self.device_->reads_host_memory() && aligned) {
    storage = new Storage;
    storage->data = const_cast<char*>(data);
    storage->bytes = bytes;
    storage->mapped = file;
    ++self.storages_;
  } else {
    storage = self.allocate(bytes);
  }
  view.data = storage->data;
  try {
    if (!storage->mapped) self.device_->upload(storage->data, data, bytes);
    return number_of(call.env, self.tensors_.add(view, storage));
  } catch (...) {
    self.release(storage);
    throw;
  }
}

// slice(tensor, begin, end) -> handle of rows [begin, end) of the first axis, on the same storage.
napi_value OpenDevice::slice(OpenDevice& self, const Call& call) {
  self.device();
  const TensorTable::Slot slot = self.tensor(call, 0, "slice");
  const double begin = call.number(1), end = call.number(2);
  const int64_t rows = slot.view.shape[0];
  if (!(begin >= 0 && begin < end && end <= static_cast<double>(rows)) ||
      begin != std::floor(begin) || end != std::floor(end)) {
    std::ostringstream got;
    got << "[" << begin << ", " << end << ")";
    throw Error("ERR_VALUE", "slice: expected rows to be a part of [0, " + std::to_string(rows) +
                                 "), got " + got.str());
  }
  TensorView view = slot.view;
  Shape shape{static_cast<int64_t>(end - begin)};
  for (int axis = 1; axis < slot.view.shape.rank(); ++axis) shape.push(slot.view.shape[axis]);
  view.shape = shape;
  view.data =
      static_cast<char*>(slot.view.data) + static_cast<int64_t>(begin) * (slot.view.bytes() / rows);
  const double handle = self.tensors_.add(view, slot.storage);
  ++slot.storage->uses;
  return number_of(call.env, handle);
}

// reshape(tensor, rank) -> handle on the same storage; the extents lie in the buffer.
napi_value OpenDevice::reshape(OpenDevice& self, const Call& call) {
  self.device();
  const TensorTable::Slot slot = self.tensor(call, 0, "reshape");
  TensorView view = slot.view;
  view.shape = self.shape_from_buffer(call.integer(1));
  if (view.count() != slot.view.count())
    throw Error("ERR_SHAPE", "reshape: expected shape to hold " +
                                 std::to_string(slot.view.count()) + " elements as " +
                                 slot.view.shape.text() + " does, got " + view.shape.text());
  const double handle = self.tensors_.add(view, slot.storage);
  ++slot.storage->uses;
  return number_of(call.env, handle);
}

napi_value OpenDevice::dispose(OpenDevice& self, const Call& call) {
  if (!self.device_) return nullptr;  // closing disposed of everything
  if (Storage* storage = self.tensors_.remove(call.number(0))) self.release(storage);
  return nullptr;
}

// ---- values

void OpenDevice::upload(const TensorTable::Slot& slot, const Call::Bytes& values) {
  const TensorView& view = slot.view;
  if (slot.storage->read_only())
    throw Error("ERR_VALUE", "write: expected the tensor to be writable, got one of a mapped file");
  if (values.count != view.count())
    throw Error("ERR_SHAPE", "write: expected values to be " + std::to_string(view.count()) +
                                 " for " + view.shape.text() + ", got " +
                                 std::to_string(values.count));
  if (view.dtype == Dtype::bf16 && values.type == napi_float32_array) {
    const auto* from = static_cast<const float*>(values.data);
    auto rounded = std::make_unique_for_overwrite<bf16[]>(static_cast<size_t>(values.count));
    for (int64_t i = 0; i < values.count; ++i) rounded[i] = bf16(from[i]);
    device_->upload(view.data, rounded.get(), view.bytes());
    return;
  }
  const napi_typedarray_type expected[dtype_count] = {napi_float32_array, napi_uint16_array,
                                                      napi_int32_array, napi_int8_array};
  if (values.type != expected[static_cast<int>(view.dtype)])
    throw Error("ERR_DTYPE", std::string("write: expected values to be of the array type of ") +
                                 name_of(view.dtype));
  device_->upload(view.data, values.data, view.bytes());
}

// write(tensor, typed array): the array's values now are the tensor's from here on.
napi_value OpenDevice::write(OpenDevice& self, const Call& call) {
  self.device();
  self.upload(self.tensor(call, 0, "write"), call.typed_array(1));
  return nullptr;
}

namespace {

// bf16 values lie in the upper half of the space of as many floats; widens them from the front,
// which never overtakes what is still to be read.
void widen(float* values, int64_t count) {
  const bf16* narrow = reinterpret_cast<const bf16*>(values) + count;
  for (int64_t i = 0; i < count; ++i) {
    bf16 value;
    std::memcpy(&value, narrow + i, sizeof value);
    const float wide = static_cast<float>(value);
    std::memcpy(values + i, &wide, sizeof wide);
  }
}

}  // namespace

// read(tensor, typed array to fill, callback(code, message)); bf16 fills a Float32Array.
napi_value OpenDevice::read(OpenDevice& self, const Call& call) {
  self.device();
  const TensorView& view = self.tensor(call, 0, "read").view;
  const Call::Bytes into = call.typed_array(1);
  const bool widens = view.dtype == Dtype::bf16 && into.type == napi_float32_array;
  if (into.count != view.count()) call.wrong(1, "as long as the tensor");
  char* at = static_cast<char*>(into.data);
  if (widens) at += view.bytes();

  Pending& pending = self.environment_.begin(call.arguments[2], call.arguments[1]);
  try {
    self.device_->download(at, view.data, view.bytes());
    self.device_->notify([&environment = self.environment_, &pending, widens,
                          values = static_cast<float*>(into.data),
                          count = into.count](const Error* failure) {
      if (failure)
        pending.failure = *failure;
      else if (widens)
        widen(values, count);
      environment.finish(pending);
    });
  } catch (...) {
    self.environment_.forget(pending);
    throw;
  }
  return nullptr;
}

// idle(callback(code, message)): called when everything enqueued is done.
napi_value OpenDevice::idle(OpenDevice& self, const Call& call) {
  self.device();
  Pending& pending = self.environment_.begin(call.arguments[0], nullptr);
  try {
    self.device_->notify([&environment = self.environment_, &pending](const Error* failure) {
      if (failure) pending.failure = *failure;
      environment.finish(pending);
    });
  } catch (...) {
    self.environment_.forget(pending);
    throw;
  }
  return nullptr;
}

// ---- recordings

napi_value OpenDevice::begin_recording(OpenDevice& self, const Call&) {
  self.device().begin_recording();
  self.recording_ = ++self.last_graph_;
  self.graphs_[self.recording_];
  return nullptr;
}

// -> number of the graph
napi_value OpenDevice::end_recording(OpenDevice& self, const Call& call) {
  const int64_t number = std::exchange(self.recording_, 0);
  try {
    self.graphs_[number].graph = self.device().end_recording();
  } catch (...) {
    self.drop_graph(number);
    throw;
  }
  return number_of(call.env, static_cast<double>(number));
}

napi_value OpenDevice::replay(OpenDevice& self, const Call& call) {
  self.device();
  const auto found = self.graphs_.find(call.integer(0));
  if (found == self.graphs_.end())
    throw Error("ERR_DISPOSED", "replay: expected the graph to be live, got one that was disposed");
  found->second.graph->replay();
  return nullptr;
}

napi_value OpenDevice::dispose_graph(OpenDevice& self, const Call& call) {
  if (self.device_) self.drop_graph(call.integer(0));
  return nullptr;
}

void OpenDevice::drop_graph(int64_t number) {
  const auto found = graphs_.find(number);
  if (found == graphs_.end()) return;
  const Recorded recorded = std::move(found->second);
  graphs_.erase(found);
  for (Storage* storage : recorded.storages) release(storage);
}

// ---- the device itself

// Fills the buffer: live tensors, storages, graphs; bytes live, blocks live, bytes reserved.
napi_value OpenDevice::memory(OpenDevice& self, const Call&) {
  const MemoryUse use = self.device().memory();
  double* out = self.buffer_;
  *out++ = static_cast<double>(self.tensors_.live());
  *out++ = static_cast<double>(self.storages_);
  *out++ = static_cast<double>(self.graphs_.size());
  *out++ = static_cast<double>(use.live_bytes);
  *out++ = static_cast<double>(use.live_blocks);
  *out++ = static_cast<double>(use.reserved_bytes);
  return nullptr;
}

napi_value OpenDevice::trim(OpenDevice& self, const Call&) {
  self.device().trim();
  return nullptr;
}

// Finishes queued work, waiting for it: JavaScript calls `idle` first. Disposes of everything.
napi_value OpenDevice::close(OpenDevice& self, const Call&) {
  if (self.device_) self.close_now();
  return nullptr;
}

void OpenDevice::close_now() {
  std::unordered_set<Storage*> storages;
  tensors_.for_each([&](const TensorTable::Slot& slot) { storages.insert(slot.storage); });
  for (auto& [number, recorded] : graphs_) storages.merge(recorded.storages);
  graphs_.clear();
  device_.reset();  // before the mapped files, which the queue may have been reading
  int64_t bytes = 0;
  for (Storage* storage : storages) {
    if (!storage->mapped) bytes += storage->bytes;
    delete storage;
  }
  tensors_ = {};
  storages_ = 0;
  environment_.account(-bytes);
}

}  // namespace stylear::addon
