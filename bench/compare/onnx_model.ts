/**
 * Writes an ONNX model, as far as a network of the bench needs it: the protocol buffers of onnx.proto3
 * (IR version 9, operators of version 20) with f32 and i64 tensors inside.
 */

/** A message under construction: fields are appended in any order. */
class Message {
  private readonly parts: Buffer[] = [];

  number(field: number, value: number | bigint): this {
    return this.raw(varint(BigInt(field) << 3n), varint(BigInt(value)));
  }
  bytes(field: number, value: Uint8Array): this {
    return this.raw(varint((BigInt(field) << 3n) | 2n), varint(BigInt(value.length)), value);
  }
  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }
  message(field: number, value: Message): this {
    return this.bytes(field, value.done());
  }
  float(field: number, value: number): this {
    const bits = Buffer.alloc(4);
    bits.writeFloatLE(value);
    return this.raw(varint((BigInt(field) << 3n) | 5n), bits);
  }
  done(): Buffer {
    return Buffer.concat(this.parts);
  }
  private raw(...parts: readonly Uint8Array[]): this {
    for (const part of parts)
      this.parts.push(Buffer.from(part.buffer, part.byteOffset, part.length));
    return this;
  }
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** Integers are int attributes as bigint, floats as number. */
export type Attributes = Readonly<Record<string, bigint | number | readonly bigint[]>>;

const [f32, i64] = [1, 7];

/** A graph whose values are known by name. */
export class OnnxModel {
  private readonly graph = new Message().text(2, 'bench');
  private values = 0;

  input(name: string, shape: readonly number[]): string {
    this.graph.message(11, valueInfo(name, shape));
    return name;
  }
  output(name: string, shape: readonly number[]): void {
    this.graph.message(12, valueInfo(name, shape));
  }
  /** A constant. */
  tensor(data: Float32Array | BigInt64Array, shape: readonly number[]): string {
    const name = `w${this.values++}`;
    const tensor = new Message();
    for (const extent of shape) tensor.number(1, extent);
    tensor.number(2, data instanceof Float32Array ? f32 : i64).text(8, name);
    tensor.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.graph.message(5, tensor);
    return name;
  }
  /** @returns the names of the operator's `outputs` results */
  node(op: string, inputs: readonly string[], attributes: Attributes = {}, outputs = 1): string[] {
    const results = Array.from({ length: outputs }, () => `v${this.values++}`);
    const node = new Message();
    for (const name of inputs) node.text(1, name);
    for (const name of results) node.text(2, name);
    node.text(4, op);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.graph.message(1, node);
    return results;
  }
  done(): Buffer {
    const operators = new Message().text(1, '').number(2, 20);
    return new Message().number(1, 9).message(7, this.graph).message(8, operators).done();
  }
}

function valueInfo(name: string, shape: readonly number[]): Message {
  const extents = new Message();
  for (const extent of shape) extents.message(1, new Message().number(1, extent));
  const tensor = new Message().number(1, f32).message(2, extents);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

function attribute(name: string, value: Attributes[string] & {}): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'bigint') return message.number(3, value).number(20, 2);
  if (typeof value === 'number') return message.float(2, value).number(20, 1);
  for (const item of value) message.number(8, item);
  return message.number(20, 7);
}
