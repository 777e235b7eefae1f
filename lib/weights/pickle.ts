import { quoted, weightsError } from './byte_source.ts';
import type { PickleCursor } from './pickle_cursor.ts';
import {
  PickleDict,
  PickleGlobal,
  PickleList,
  type PickleRules,
  PickleTuple,
  type PickleValue,
} from './pickle_value.ts';

const maxOpcodes = 10_000_000;
const maxDepth = 256;
const maxMemo = 1_000_000;
const maxContainers = 1_000_000;
const maxStack = 1_000_000;

/**
 * The value that a pickle describes, built of plain containers by a machine that can do nothing
 * else: names are looked up in `rules.globals`, and what is not there ends the reading. There is no
 * way from a pickle to a function of its choice.
 */
export function readPickle(cursor: PickleCursor, rules: PickleRules): PickleValue {
  return new PickleMachine(cursor, rules).run();
}

/** What reads the whole file runs what it says: only whoever has it knows whether it may. */
const savesTensorsAlone =
  'Save the tensors alone if you trust the file, in Python: c = torch.load("old", ' +
  'map_location="cpu", weights_only=False); torch.save(c.get("state_dict", c), "new").';

type Step = (machine: PickleMachine, cursor: PickleCursor) => void;

class PickleMachine {
  /** What each opcode does; the others name types, objects and extensions by other ways. */
  private static readonly steps: ReadonlyMap<number, Step> = new Map<number, Step>([
    [0x80, (m, c) => m.protocol(c.byte())], // PROTO
    [0x95, (_, c) => c.count(8)], // FRAME: a hint for readers that read in pieces

    [0x4e, (m) => m.push(null)], // NONE
    [0x88, (m) => m.push(true)], // NEWTRUE
    [0x89, (m) => m.push(false)], // NEWFALSE
    [0x4b, (m, c) => m.push(c.byte())], // BININT1
    [0x4d, (m, c) => m.push(c.count(2))], // BININT2
    [0x4a, (m, c) => m.push(c.bytes(4).readInt32LE())], // BININT
    [0x8a, (m, c) => m.push(m.integer(c.byte()))], // LONG1
    [0x8b, (m, c) => m.push(m.integer(c.count(4)))], // LONG4
    [0x47, (m, c) => m.push(c.bytes(8).readDoubleBE())], // BINFLOAT
    [0x49, (m, c) => m.push(m.written(c.line()))], // INT
    [0x4c, (m, c) => m.push(m.written(c.line().replace(/L$/, '')))], // LONG
    [0x58, (m, c) => m.push(c.text(c.count(4)))], // BINUNICODE
    [0x8c, (m, c) => m.push(c.text(c.byte()))], // SHORT_BINUNICODE
    [0x8d, (m, c) => m.push(c.text(c.count(8)))], // BINUNICODE8
    [0x54, (m, c) => m.push(c.text(c.count(4)))], // BINSTRING, of Python 2
    [0x55, (m, c) => m.push(c.text(c.byte()))], // SHORT_BINSTRING, of Python 2

    [0x28, (m) => m.mark()], // MARK
    [0x30, (m) => m.pop()], // POP
    [0x31, (m) => m.popMark()], // POP_MARK
    [0x32, (m) => m.push(m.top())], // DUP

    [0x29, (m) => m.pushNew(new PickleTuple([]))], // EMPTY_TUPLE
    [0x85, (m) => m.tuple(m.popSome(1))], // TUPLE1
    [0x86, (m) => m.tuple(m.popSome(2))], // TUPLE2
    [0x87, (m) => m.tuple(m.popSome(3))], // TUPLE3
    [0x74, (m) => m.tuple(m.popMark())], // TUPLE
    [0x5d, (m) => m.pushNew(new PickleList())], // EMPTY_LIST
    [0x6c, (m) => m.list(m.popMark())], // LIST
    [0x61, (m) => m.append([m.pop()])], // APPEND
    [0x65, (m) => m.append(m.popMark())], // APPENDS
    [0x7d, (m) => m.pushNew(new PickleDict())], // EMPTY_DICT
    [0x64, (m) => m.dict(m.popMark())], // DICT
    [0x73, (m) => m.setItems(m.popSome(2))], // SETITEM
    [0x75, (m) => m.setItems(m.popMark())], // SETITEMS

    [0x71, (m, c) => m.put(c.byte())], // BINPUT
    [0x72, (m, c) => m.put(c.count(4))], // LONG_BINPUT
    [0x94, (m) => m.put(m.memo.size)], // MEMOIZE
    [0x68, (m, c) => m.push(m.get(c.byte()))], // BINGET
    [0x6a, (m, c) => m.push(m.get(c.count(4)))], // LONG_BINGET

    [0x63, (m, c) => m.push(m.global(c.line(), c.line()))], // GLOBAL
    [0x93, (m) => m.stackGlobal()], // STACK_GLOBAL
    [0x52, (m) => m.reduce()], // REDUCE
    [0x62, (m) => m.build()], // BUILD
    [0x51, (m) => m.push(m.rules.persistent(m.pop()))], // BINPERSID
  ]);

  private readonly cursor: PickleCursor;
  private readonly rules: PickleRules;
  private stack: PickleValue[] = [];
  /** The stacks below each open mark. */
  private readonly marked: PickleValue[][] = [];
  private readonly memo = new Map<number, PickleValue>();
  private containers = 0;

  constructor(cursor: PickleCursor, rules: PickleRules) {
    this.cursor = cursor;
    this.rules = rules;
  }

  run(): PickleValue {
    for (let opcodes = 0; opcodes < maxOpcodes; opcodes++) {
      const opcode = this.cursor.byte();
      if (opcode === 0x2e) {
        const value = this.pop();
        if (this.stack.length || this.marked.length) throw this.wrong('one value', 'several');
        return value;
      }
      const step = PickleMachine.steps.get(opcode);
      if (!step) throw this.wrong('of opcodes that hold data', `opcode 0x${opcode.toString(16)}`);
      step(this, this.cursor);
    }
    throw this.wrong(`at most ${maxOpcodes} opcodes`, 'more');
  }

  private protocol(version: number): void {
    if (version > 5) throw this.wrong('of protocol 5 or earlier', `protocol ${version}`);
  }

  /** A little-endian integer in two's complement. */
  private integer(length: number): PickleValue {
    if (length > 64) throw this.wrong('without integers of over 64 bytes', `one of ${length}`);
    const bytes = this.cursor.bytes(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    return exact(BigInt.asIntN(8 * length, value));
  }

  /** An integer, or a boolean as protocol 1 writes it. */
  private written(text: string): PickleValue {
    if (text === '00') return false;
    if (text === '01') return true;
    if (!/^-?\d{1,64}$/.test(text)) throw this.wrong('of whole numbers', quoted(text));
    return exact(BigInt(text));
  }

  private mark(): void {
    if (this.marked.length >= maxDepth) throw this.wrong(`at most ${maxDepth} deep`, 'deeper');
    this.marked.push(this.stack);
    this.stack = [];
  }

  private popMark(): PickleValue[] {
    const items = this.stack;
    const below = this.marked.pop();
    if (!below) throw this.wrong('of opcodes in a possible order', 'an end without a mark');
    this.stack = below;
    return items;
  }

  private push(value: PickleValue): void {
    this.stack.push(value);
    if (this.stack.length > maxStack) throw this.wrong(`at most ${maxStack} values wide`, 'more');
  }

  private pushNew(container: PickleTuple | PickleList | PickleDict): void {
    if (++this.containers > maxContainers) {
      throw this.wrong(`one of at most ${maxContainers} containers`, 'more');
    }
    this.push(container);
  }

  private pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined) throw this.wrong('of opcodes in a possible order', 'an empty stack');
    return value;
  }

  private popSome(count: number): PickleValue[] {
    if (this.stack.length < count) {
      throw this.wrong('of opcodes in a possible order', 'an empty stack');
    }
    return this.stack.splice(this.stack.length - count);
  }

  private top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  private tuple(items: readonly PickleValue[]): void {
    const tuple = new PickleTuple(items);
    this.requireShallow(tuple.depth);
    this.pushNew(tuple);
  }

  private list(items: readonly PickleValue[]): void {
    this.pushNew(new PickleList());
    this.append(items);
  }

  private append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (!(list instanceof PickleList))
      throw this.wrong('one that appends to lists', describe(list));
    for (const item of items) list.append(item);
    this.requireShallow(list.depth);
  }

  private dict(items: readonly PickleValue[]): void {
    this.pushNew(new PickleDict());
    this.setItems(items);
  }

  private setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof PickleDict))
      throw this.wrong('one that sets items of dicts', describe(dict));
    if (items.length % 2) throw this.wrong('of keys and values in pairs', 'a key alone');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      if (typeof key === 'object' && key !== null && !(key instanceof PickleTuple)) {
        throw this.wrong('of dicts with plain keys', describe(key));
      }
      if (dict.items.has(key)) throw this.wrong('without a key twice', describe(key));
      dict.set(key, items[i + 1]!);
    }
    this.requireShallow(dict.depth);
  }

  private requireShallow(depth: number): void {
    if (depth > maxDepth) throw this.wrong(`at most ${maxDepth} deep`, 'deeper');
  }

  private put(index: number): void {
    this.memo.set(index, this.top());
    if (this.memo.size > maxMemo) throw this.wrong(`at most ${maxMemo} memos`, 'more');
  }

  private get(index: number): PickleValue {
    const value = this.memo.get(index);
    if (value === undefined) throw this.wrong('one that recalls what it noted', `memo ${index}`);
    return value;
  }

  private stackGlobal(): void {
    const [module, name] = this.popSome(2);
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw this.wrong('one that names globals by strings', describe(module ?? null));
    }
    this.push(this.global(module, name));
  }

  private global(module: string, name: string): PickleGlobal {
    const found = this.rules.globals.get(`${module}.${name}`);
    if (found) return found;
    throw this.wrong(
      'of tensors and plain containers',
      `the name ${quoted(`${module}.${name}`)}`,
      savesTensorsAlone,
    );
  }

  private reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof PickleGlobal) || !callee.build) {
      throw this.wrong(
        'one that builds tensors and plain containers',
        `a call of ${describe(callee)}`,
      );
    }
    if (!(args instanceof PickleTuple))
      throw this.wrong('one that builds from tuples', describe(args));
    this.push(callee.build(args.items));
  }

  /** The state of an ordered dict is what torch notes about modules: nothing a reader needs. */
  private build(): void {
    const state = this.pop();
    const target = this.top();
    if (!(target instanceof PickleDict && target.ordered && state instanceof PickleDict)) {
      throw this.wrong('one that gives state to ordered dicts only', describe(target));
    }
  }

  private wrong(expected: string, got: string, advice?: string): Error {
    const { path, what, at } = this.cursor;
    return weightsError(path, `${what} before byte ${at}`, expected, got, advice ? { advice } : {});
  }
}

/** As a number where that is exact. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function describe(value: PickleValue): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof PickleGlobal) return value.name;
  return `a ${value.constructor.name.replace('Pickle', '').toLowerCase()}`;
}
