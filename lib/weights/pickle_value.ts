// What a pickle can describe here.

/** Anything that a pickle can describe here. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleTuple
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleObject;

/** What a reader knows of a program's names. */
export interface PickleRules {
  /** By `module.name`: all that a pickle may name. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** The value of an object that is stored outside of the pickle. */
  persistent(id: PickleValue): PickleValue;
}

/** A name that a pickle may use. */
export class PickleGlobal {
  readonly name: string;
  /** What stands for a call of it; without this it cannot be called. */
  readonly build: ((args: readonly PickleValue[]) => PickleValue) | undefined;

  constructor(name: string, build?: (args: readonly PickleValue[]) => PickleValue) {
    this.name = name;
    this.build = build;
  }
}

/** What a {@link PickleGlobal} builds that is no container: a tensor, a storage. */
export abstract class PickleObject {
  /** Tells the type apart from all that merely has its members. */
  protected readonly isPickleObject = true;
}

/** A tuple, whose items are known when it is made. */
export class PickleTuple {
  readonly items: readonly PickleValue[];
  /** Of containers in containers, this one included. */
  readonly depth: number;

  constructor(items: readonly PickleValue[]) {
    this.items = items;
    this.depth = items.reduce<number>((depth, item) => Math.max(depth, 1 + depthOf(item)), 1);
  }
}

/** A list, which grows as it is read. */
export class PickleList {
  readonly items: PickleValue[] = [];
  /** As it was when the last item came. */
  depth = 1;

  append(item: PickleValue): void {
    this.depth = Math.max(this.depth, 1 + depthOf(item));
    this.items.push(item);
  }
}

/** A dict or an `OrderedDict`, which grows as it is read. */
export class PickleDict {
  readonly items = new Map<PickleValue, PickleValue>();
  readonly ordered: boolean;
  /** As it was when the last item came. */
  depth = 1;

  constructor(ordered = false) {
    this.ordered = ordered;
  }

  set(key: PickleValue, value: PickleValue): void {
    this.depth = Math.max(this.depth, 1 + depthOf(key), 1 + depthOf(value));
    this.items.set(key, value);
  }
}

const depthOf = (value: PickleValue): number =>
  value instanceof PickleTuple || value instanceof PickleList || value instanceof PickleDict
    ? value.depth
    : 0;
