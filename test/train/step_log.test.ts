import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { TrainingStep } from '../../lib/train/loop.ts';
import { StepLog } from '../../lib/train/step_log.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-step-log-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('a log of steps', () => {
  test('with a line that is no step is refused', async () => {
    const path = join(root, 'steps.jsonl');
    writeFileSync(path, '{"step":1}\n{"step":\n{"step":3}\n');
    await expect(StepLog.open(path, 3)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringMatching(
        `^${path}: expected line 2 to be the JSON of a step, got .*\\. Take the line away\\.$`,
      ),
    });
  });

  test('that cannot be written to is an error of input', async () => {
    const path = join(root, 'nowhere', 'steps.jsonl');
    const log = await StepLog.open(path, 0);
    expect(() => log.append({ step: 1 } as TrainingStep)).toThrow(
      expect.objectContaining({
        code: 'ERR_INPUT',
        message: expect.stringContaining(`${path}: expected the file to be writable, got ENOENT`),
      }),
    );
  });
});
