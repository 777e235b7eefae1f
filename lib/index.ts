export { checkpoint } from './autograd/checkpoint.ts';
export { gradients, valueAndGradients } from './autograd/gradients.ts';
export { record, recordAll } from './autograd/record.ts';
export { type ErrorCode, StylearError } from './error.ts';
export { Device, type MemoryUse } from './tensor/device.ts';
export type { Dtype, TensorValues } from './tensor/dtype.ts';
export { Graph } from './tensor/graph.ts';
export { keep } from './tensor/lifetime.ts';
export {
  type DeviceKind,
  listDevices,
  type OpenDeviceOptions,
  openDevice,
} from './tensor/open_device.ts';
export { scope } from './tensor/scope.ts';
export { Tensor } from './tensor/tensor.ts';
