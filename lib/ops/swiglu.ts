import { record } from '../autograd/record.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * `silu(gate) * up`. Shazeer 2020, "GLU variants improve Transformer".
 *
 * @param gate  any shape, f32 or bf16
 * @param up    like `gate`
 * @returns     like `gate`
 */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  const y = gate.like();
  gate.device.run('swiglu', { gate, up, y });
  return record(y, [gate, up], (dy) => {
    const dgate = gate.like();
    const dup = up.like();
    gate.device.run('swiglu_backward', { gate, up, dy, dgate, dup });
    return [dgate, dup];
  });
}
