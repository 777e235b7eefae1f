import { isMap, isPromise, isSet } from 'node:util/types';
import { StylearError } from '../error.ts';
import { Graph } from './graph.ts';
import { enterScope, leaveScope } from './lifetime.ts';
import { Tensor } from './tensor.ts';

/**
 * Runs `body` and frees the tensors it made, except those it returns: a tensor, or an array, plain
 * object, `Map`, `Set` or recording of such, at any depth. These pass to the scope around it.
 *
 * @param body  synchronous
 * @returns     what `body` returned
 */
export function scope<T>(body: () => T): T {
  const before = enterScope();
  let returned: T | undefined;
  try {
    returned = body();
    if (isPromise(returned)) {
      returned.catch(() => {});
      throw new StylearError(
        'ERR_VALUE',
        'scope: expected body to be synchronous, got a function that returns a promise',
      );
    }
    return returned;
  } catch (error) {
    returned = undefined;
    throw error;
  } finally {
    leaveScope(before, tensorsIn(returned));
  }
}

/** The tensors in a returned value. */
function tensorsIn(value: unknown, found = new Set<Tensor>()): Set<Tensor> {
  if (value instanceof Tensor) {
    found.add(value);
  } else if (value instanceof Graph) {
    tensorsIn(value.result, found);
  } else if (Array.isArray(value) || isSet(value)) {
    for (const entry of value) tensorsIn(entry, found);
  } else if (isMap(value)) {
    for (const entry of value.values()) tensorsIn(entry, found);
  } else if (typeof value === 'object' && value !== null) {
    if (isPlain(value)) for (const entry of Object.values(value)) tensorsIn(entry, found);
  }
  return found;
}

/** Whether an object is of no class, that is of the `Object` of any context, or of none. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
