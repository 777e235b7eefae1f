// How the arguments of an op reach native code: as numbers in the device's buffer, in the order of
// the op's fields. Native code checks everything that is about the op; here only that each argument
// is of its kind, since a number says nothing of where it came from.
import { StylearError } from '../error.ts';
import type { NativeAddon, NativeField, NativeOp } from '../native.ts';
import type { Device } from './device.ts';
import type { OpArgs } from './op_args.ts';
import { Tensor } from './tensor.ts';

interface OpEntry extends NativeOp {
  readonly index: number;
}

/** What native code says of each op, and its place in the list. */
export type OpTable = { readonly [Op in keyof OpArgs]: OpEntry };

const tables = new WeakMap<NativeAddon, OpTable>();

/** The ops of the addon by name. */
export function describeOps(addon: NativeAddon): OpTable {
  let table = tables.get(addon);
  if (!table) {
    table = Object.fromEntries(
      addon.ops.map((op, index) => [op.name, { ...op, index }]),
    ) as unknown as OpTable;
    tables.set(addon, table);
  }
  return table;
}

const absent = -1;

/** Lays the arguments into the device's buffer. */
export function putArguments(device: Device, op: OpEntry, args: object): void {
  const { buffer } = device.native;
  const values = args as { readonly [name: string]: unknown };
  let at = 0;
  for (const field of op.fields) {
    const value = values[field.name];
    if (value instanceof Tensor) {
      if (field.kind !== 'tensor' && field.kind !== 'maybe_tensor') fail(op, field, value);
      if (value.device !== device) {
        throw new StylearError(
          'ERR_DEVICE',
          `${op.name}: expected ${field.name} to be on ${device.name}, got a tensor on ` +
            value.device.name,
        );
      }
      buffer[at++] = value.handle;
    } else if (typeof value === 'number' && field.kind === 'number') {
      buffer[at++] = value;
    } else if (value === undefined && field.kind === 'maybe_tensor') {
      buffer[at++] = absent;
    } else if (typeof value === 'boolean' && field.kind === 'bool') {
      buffer[at++] = value ? 1 : 0;
    } else if (field.kind === 'enum') {
      const index = field.values!.indexOf(value as string);
      if (index < 0) fail(op, field, value);
      buffer[at++] = index;
    } else if (field.kind === 'ints' && Array.isArray(value)) {
      buffer[at++] = value.length;
      for (let i = 0; i < value.length && i < 16; i++) {
        if (typeof value[i] !== 'number') fail(op, field, value);
        buffer[at++] = value[i];
      }
    } else {
      fail(op, field, value);
    }
  }
}

const kinds: { readonly [Kind in NativeField['kind']]: string } = {
  tensor: 'a tensor',
  maybe_tensor: 'a tensor or undefined',
  number: 'a number',
  bool: 'a boolean',
  ints: 'an array of integers',
  enum: 'one of',
};

function fail(op: NativeOp, field: NativeField, value: unknown): never {
  const expected = kinds[field.kind] + (field.values ? ` ${field.values.join(', ')}` : '');
  const got = value instanceof Tensor ? 'a tensor' : value === null ? 'null' : typeof value;
  throw new StylearError(
    'ERR_VALUE',
    `${op.name}: expected ${field.name} to be ${expected}, got ` +
      (typeof value === 'string' ? `'${value}'` : got),
  );
}
