import { type Device, scope, Tensor } from '../../lib/index.ts';
import type { LargeCall } from './large_calls.ts';

export interface Result {
  readonly values: ArrayLike<number>;
  /** What they are compared as: in bf16 too where inputs are. */
  readonly kind: 'integers' | 'f32' | 'bf16';
}

/** What a call computes on a device, read back. */
export async function resultsOf(device: Device, { inputs, run }: LargeCall): Promise<Result[]> {
  const made = scope(() => {
    const result = run(...inputs.map((one) => device.from(one.values, one.shape, one.dtype)));
    return result instanceof Tensor ? [result] : result;
  });
  const fromBf16 = inputs.some((one) => one.dtype === 'bf16');
  return Promise.all(
    made.map(async (tensor) => {
      const { dtype } = tensor;
      const values = await tensor.read();
      tensor.dispose();
      const float = fromBf16 || dtype === 'bf16' ? 'bf16' : 'f32';
      return { values, kind: dtype === 'i32' || dtype === 'i8' ? 'integers' : float };
    }),
  );
}
