import { describe, expect, test } from 'vitest';
import { Caller, Line, type Want } from '../../lib/generate/line.ts';

/** Callers that were asked for an event, and what they hold. */
function lineOf(count: number) {
  const line = new Line();
  const callers = Array.from({ length: count }, () => {
    const caller = new Caller(line);
    line.add(caller);
    caller.enter();
    return caller;
  });
  return { line, callers: callers as [Caller, Caller, Caller] };
}

const wantOf = (priority = 0): Want => ({ priority });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Whether a caller is rung since it was quiet. */
async function isRung(caller: Caller): Promise<boolean> {
  const slept = caller.sleep().then(() => true);
  return Promise.race([slept, turn().then(() => false)]);
}

describe('the line', () => {
  test('gives room first to who was refused first', () => {
    const { line, callers } = lineOf(3);
    const [large, small] = callers;
    const [wanted, other] = [wantOf(), wantOf()];
    const held = {};
    line.hold(held, small);
    expect(line.lets(large, wanted)).toBe(true);
    line.short(large, wanted);
    expect(line.lets(small, other)).toBe(false);
    expect(line.lets(undefined, wantOf())).toBe(false);
    line.release(held);
    expect(line.lets(small, other)).toBe(false);
    expect(line.lets(large, wanted)).toBe(true);
    line.hold({}, large);
    expect(line.lets(small, other)).toBe(true);
  });

  test('keeps nobody waiting while nobody was refused', () => {
    const { line, callers } = lineOf(3);
    for (const caller of callers) {
      expect(line.lets(caller, wantOf())).toBe(true);
      line.hold({}, caller);
    }
  });

  test('lets higher priority go first', () => {
    const { line, callers } = lineOf(3);
    const [low, high, lower] = callers;
    line.hold({}, lower);
    line.short(low, wantOf(1));
    expect(line.lets(high, wantOf(2))).toBe(true);
    expect(line.lets(lower, wantOf(0))).toBe(false);
    const wanted = wantOf(2);
    line.short(high, wanted);
    line.release({});
    expect(line.lets(low, wantOf(1))).toBe(false);
    expect(line.lets(high, wanted)).toBe(true);
  });

  test.each(['giveUp', 'remove'] as const)('goes on without who leaves by %s', async (leave) => {
    const { line, callers } = lineOf(2);
    const [first, second] = callers;
    line.hold({}, second);
    line.short(first, wantOf());
    expect(line.lets(second, wantOf())).toBe(false);
    second.quiet();
    line[leave](first);
    expect(await isRung(second)).toBe(true);
    expect(line.lets(second, wantOf())).toBe(true);
  });

  test('has one place for a caller: what it wants now', () => {
    const { line, callers } = lineOf(2);
    const [first, second] = callers;
    line.hold({}, second);
    const wanted = wantOf();
    line.short(first, wanted);
    expect(line.refuses(first, wanted)).toBe(true);
    // A smaller one may well have room.
    expect(line.lets(first, wantOf())).toBe(true);
    expect(line.lets(second, wantOf())).toBe(true);
  });

  test('rings who comes next, as often as room is given back, also before it sleeps', async () => {
    const { line, callers } = lineOf(3);
    const [holder, first, second] = callers;
    const held = [{}, {}];
    for (const one of held) line.hold(one, holder);
    line.short(first, wantOf());
    expect(line.lets(second, wantOf())).toBe(false);
    line.release(held[0]!);
    expect(await isRung(first)).toBe(true);
    expect(await isRung(second)).toBe(false);
    first.quiet();
    line.short(first, first.place!.want);
    expect(await isRung(first)).toBe(false);
    line.release(held[1]!);
    await expect(first.sleep()).resolves.toBeUndefined();
  });

  test('is not held to where all room is with callers that do nothing', async () => {
    const { line, callers } = lineOf(3);
    const [holder, large, small] = callers;
    line.hold({}, holder);
    const wanted = wantOf();
    line.short(large, wanted);
    expect(line.lets(small, wantOf())).toBe(false);
    small.quiet();
    holder.leave();
    expect(await isRung(small)).toBe(true);
    // What small gives back may be what large needs.
    const held = {};
    line.hold(held, small);
    line.release(held);
    expect(line.lets(small, wantOf())).toBe(false);
    expect(line.lets(large, wanted)).toBe(true);
  });

  test('passes by who waits and is kept from going on, for as long as that lasts', async () => {
    const { line, callers } = lineOf(2);
    const [away, here] = callers;
    line.hold({}, here);
    line.short(away, wantOf());
    away.leave();
    expect(line.lets(here, wantOf())).toBe(false);
    await turn();
    expect(line.lets(here, wantOf())).toBe(true);
    away.enter();
    expect(line.lets(here, wantOf())).toBe(false);
  });
});
