import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { verifyCommand } from '../../lib/cli/verify.ts';
import { compareExactly, compareNumbers, comparePicture } from '../../lib/verify/check.ts';
import { type VerifiedCheck, verify } from '../../lib/verify/verify.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fixtureOf(name: string, readme: unknown): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'README.json'), JSON.stringify(readme));
  return path;
}

async function checksOf(path: string, only?: string): Promise<VerifiedCheck[]> {
  const checks: VerifiedCheck[] = [];
  for await (const check of verify(path, { device: 'cpu', only })) checks.push(check);
  return checks;
}

describe('verify', () => {
  test('fails a fixture of a kind that it does not know', async () => {
    const [check, ...others] = await checksOf(fixtureOf('unknown', { fixture: 'weather' }));
    expect(others).toEqual([]);
    expect(check).toMatchObject({ fixture: 'weather', passed: false });
    expect(check!.detail).toContain('unknown kind of fixture; known are chameleon, ');
  });

  test('fails a fixture that lacks a file, and names the file', async () => {
    const [check] = await checksOf(fixtureOf('lacking', { fixture: 'chameleon_lacking' }));
    expect(check).toMatchObject({ fixture: 'chameleon_lacking', passed: false });
    expect(check!.detail).toContain(join(folder, 'lacking'));
  });

  test('refuses a folder without fixtures, and one that is not there', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    await expect(checksOf(empty)).rejects.toThrow(`expected ${empty} to hold a fixture, got none`);
    await expect(checksOf(join(folder, 'nowhere'))).rejects.toThrow('to be readable, got ENOENT');
    await expect(checksOf(folder, 'vqgan')).rejects.toThrow('to hold a fixture vqgan, got none');
  });

  test('passes over a README.json that is about something else', async () => {
    const path = fixtureOf('other', { title: 'no fixture' });
    await expect(checksOf(path)).rejects.toThrow('to hold a fixture, got none');
  });
});

describe('stylear verify', () => {
  afterEach(() => vi.restoreAllMocks());

  test.each([false, true])('exits with 1 when a check fails, JSON %s', async (json) => {
    const lines: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    const path = fixtureOf(`failing-${json}`, { fixture: 'weather' });
    expect(await verifyCommand(path, { device: 'cpu', json })).toBe(1);
    const last = lines.at(-1)!;
    if (json) expect(JSON.parse(last)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    else expect(last).toBe('0 passed, 1 failed, 0 skipped');
  });
});

describe('a comparison', () => {
  const values = (...list: number[]) => ({ shape: [list.length], values: Float32Array.from(list) });

  test('of numbers says how far off the worst is, and where', () => {
    const check = compareNumbers('x', values(1, 2.5, 3), values(1, 2, 3.25), 0.4);
    expect(check).toEqual({
      name: 'x',
      error: 0.5,
      bound: 0.4,
      passed: false,
      detail: 'largest at element 1',
    });
    expect(compareNumbers('x', values(1, 2.5), values(1, 2), 0.5).passed).toBe(true);
  });

  test('does not pass over what is no number', () => {
    expect(compareNumbers('x', values(Number.NaN), values(1), 1e9).passed).toBe(false);
    expect(compareNumbers('x', values(1), values(Number.NaN), 1e9).passed).toBe(false);
    expect(compareNumbers('x', values(-Infinity), values(-Infinity), 0).passed).toBe(true);
    expect(compareNumbers('x', values(Infinity), values(-Infinity), 1e9).passed).toBe(false);
  });

  test('of other shapes fails, but for extents of 1', () => {
    const [one, two] = [Float32Array.of(1, 2), Float32Array.of(1, 2)];
    const compared = (a: number[], b: number[]) =>
      compareNumbers('x', { shape: a, values: one }, { shape: b, values: two }, 0).passed;
    expect(compared([1, 2], [2, 1])).toBe(true);
    expect(compared([2], [3])).toBe(false);
  });

  test('of lists counts what differs', () => {
    expect(compareExactly('x', [1, 2, 3], [1, 5, 6])).toMatchObject({
      error: 2,
      detail: 'element 1: expected 5, got 2',
    });
    expect(compareExactly('x', [1, 2], [1, 2, 3])).toMatchObject({ passed: false, error: 1 });
    expect(compareExactly('x', 'ship', 'ship').passed).toBe(true);
  });

  test('of pictures allows a level in one byte of 500', () => {
    const picture = new Uint8Array(1000);
    const off = (count: number, by: number) => picture.map((_, i) => (i < count ? by : 0));
    expect(comparePicture('x', off(2, 1), picture).passed).toBe(true);
    expect(comparePicture('x', off(3, 1), picture).passed).toBe(false);
    expect(comparePicture('x', off(1, 2), picture).passed).toBe(false);
    expect(comparePicture('x', new Uint8Array(999), picture).passed).toBe(false);
  });
});
