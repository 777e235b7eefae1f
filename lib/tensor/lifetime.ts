// Who frees a tensor: the innermost scope it was made in, or, outside of all scopes, the garbage
// collector. State of this JavaScript thread.
import type { NativeDevice } from '../native.ts';
import type { Tensor } from './tensor.ts';

/** The tensors made in the innermost running scope; undefined outside of all. */
let made: Tensor[] | undefined;

/** Takes over tensors that a scope or `dispose` would free; set while a gradient is taken. */
let keeper: ((tensor: Tensor) => void) | undefined;

const abandoned = new FinalizationRegistry<{ native: NativeDevice; handle: number }>(
  ({ native, handle }) => native.dispose(handle),
);

/** How many tensors were ever made. */
let count = 0;

/** A tensor has come to be. @returns which one in order of making, from 1 */
export function begin(tensor: Tensor): number {
  own(tensor);
  return ++count;
}

/** How many tensors this JavaScript thread has made. */
export function tensorsMade(): number {
  return count;
}

function own(tensor: Tensor): void {
  if (made) made.push(tensor);
  else abandoned.register(tensor, { native: tensor.device.native, handle: tensor.handle }, tensor);
}

/** A tensor is to be freed: now, or when whoever keeps it is done. */
export function end(tensor: Tensor): void {
  if (tensor.handle === 0) return;
  if (keeper) {
    keeper(tensor);
    return;
  }
  tensor.device.native.dispose(tensor.handle);
  tensor.handle = 0;
  if (!made) abandoned.unregister(tensor);
}

/** @returns what `leaveScope` wants back */
export function enterScope(): Tensor[] | undefined {
  const before = made;
  made = [];
  return before;
}

/** Frees what was made since `enterScope`, except `returned`. */
export function leaveScope(before: Tensor[] | undefined, returned: ReadonlySet<Tensor>): void {
  const mine = made!;
  made = before;
  for (const tensor of mine) {
    if (tensor.handle === 0) continue;
    if (returned.has(tensor)) own(tensor);
    else end(tensor);
  }
}

/** Sees to it that no running scope frees a tensor: for caches and the like. */
export function keep(tensor: Tensor): Tensor {
  const at = made?.lastIndexOf(tensor) ?? -1;
  if (made && at >= 0) {
    made.splice(at, 1);
    const scopeBefore = made;
    made = undefined;
    own(tensor);
    made = scopeBefore;
  }
  return tensor;
}

/**
 * While `body` runs, tensors that would be freed go to `next` and stay usable; undefined frees them.
 */
export function withKeeper<T>(next: ((tensor: Tensor) => void) | undefined, body: () => T): T {
  const before = keeper;
  keeper = next;
  try {
    return body();
  } finally {
    keeper = before;
  }
}
