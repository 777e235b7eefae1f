import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { commitOf } from '../../bench/report.ts';

describe('the commit that figures name', () => {
  let top: string;
  let folder: string;

  beforeEach(() => {
    top = mkdtempSync(path.join(tmpdir(), 'stylear-commit-'));
    folder = top;
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(top, { recursive: true });
  });

  function nameIt(): void {
    mkdirSync(path.join(folder, 'build'));
    writeFileSync(path.join(folder, 'build', 'commit'), '805f085\n');
  }

  function commit(): string {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' });
    git('init', '--quiet');
    git('-c', 'user.name=a', '-c', 'user.email=a', 'commit', '--allow-empty', '-qm', 'first');
    return git('rev-parse', '--short', 'HEAD').trim();
  }

  it('is that of the checkout, also where a bundle was unpacked over it', () => {
    nameIt();
    const made = commit();
    expect(commitOf(folder)).toBe(made);
  });

  it('is what the bundle names where git is not installed or refuses to read', () => {
    commit();
    nameIt();
    vi.stubEnv('PATH', folder);
    expect(commitOf(folder)).toBe('805f085');
  });

  it('is what the bundle names where there is no repository, be it in a folder of another', () => {
    commit();
    folder = path.join(folder, 'unpacked');
    mkdirSync(folder);
    nameIt();
    expect(commitOf(folder)).toBe('805f085');
  });

  it('is unknown where nothing tells it', () => {
    expect(commitOf(folder)).toBe('unknown commit');
  });
});
