import { describe, expect, test } from 'vitest';
import { type FuzzTarget, fuzz } from './fuzz.ts';

describe('fuzz', () => {
  const bad = (read: FuzzTarget['read']): FuzzTarget => ({
    code: 'ERR_WEIGHTS',
    name: 'bad',
    seeds: [Buffer.alloc(100, 'x')],
    read,
  });
  const ten = (target: FuzzTarget) => () => fuzz(target, 1, (inputs) => inputs === 10);

  test('finds a reader that fails in another way', () => {
    const failing = bad(() => {
      throw new TypeError('of undefined');
    });
    expect(ten(failing)).toThrow('bad: threw TypeError: of undefined: ');
  });

  test('finds a reader that hangs', () => {
    const hanging = bad(() => {
      const start = process.cpuUsage();
      while (process.cpuUsage(start).user < 200_000);
    });
    expect(ten(hanging)).toThrow(/^bad: took \d{3,} ms: /);
  });

  test('finds a reader that takes memory for a size it was told', () => {
    let kept: Buffer | undefined;
    const greedy = bad((source) => {
      kept = Buffer.alloc(2 ** 20 + source.bytes);
    });
    expect(ten(greedy)).toThrow(/^bad: took \d+ bytes of buffers for \d+: /);
    expect(kept).toBeDefined();
  });

  test('finds a reader that looks outside of the file', () => {
    const straying = bad((source) => void source.read(source.bytes - 1, 2));
    expect(ten(straying)).toThrow('bad: threw Error: read outside of the file: ');
  });
});
