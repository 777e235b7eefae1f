import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { openDevice } from '../../lib/index.ts';
import { checkpointsOf, resumeTraining, saveTraining } from '../../lib/train/checkpoint.ts';
import { compiled } from '../support/compile.ts';
import { uniform } from '../support/numbers.ts';
import { expectRefusal } from '../support/op_case.ts';
import { valuesOfState } from './small_trainer.ts';
import { smallTraining } from './small_training.ts';

// The bars are 200 and 1,000; the long run sets them.
const stops = Number(process.env.STYLEAR_TRAINING_STOPS ?? 20);
const kills = Number(process.env.STYLEAR_TRAINING_KILLS ?? 8);

const root = mkdtempSync(join(tmpdir(), 'stylear-training-'));
const device = await openDevice('cpu', { threads: 1 });
afterAll(async () => {
  await device.close();
  rmSync(root, { recursive: true });
});
let folder = '';
let folders = 0;
beforeEach(() => {
  folder = join(root, `${folders++}`);
});
const identity = 'small';

/** Makes steps up to one of them. */
async function runTo(training: ReturnType<typeof smallTraining>['training'], last: number) {
  if (training.step >= last) return;
  for await (const { step } of training.steps()) if (step === last) return;
}

describe('a training that was stopped', () => {
  test('is resumed after as many steps as any', async () => {
    using one = smallTraining(device);
    for (let step = 0; step < 200_000; step++) one.training.losses.push(step % 7);
    await saveTraining(folder, one.training, { identity });
    using resumed = smallTraining(device);
    expect(resumeTraining(folder, resumed.training, { identity })).toBe(true);
    expect(resumed.training.losses).toEqual(one.training.losses);
  });

  test(`and resumed ${stops} times is bit for bit what it is without a break`, async () => {
    const next = uniform(5);
    let step = 0;
    for (let stop = 0; stop < stops; stop++) {
      using one = smallTraining(device);
      expect(resumeTraining(folder, one.training, { identity })).toBe(stop > 0);
      expect(one.training.step).toBe(step);
      step += 1 + Math.floor(4 * next());
      await runTo(one.training, step);
      await saveTraining(folder, one.training, { identity });
      // Steps after the save are forgotten.
      await runTo(one.training, step + Math.floor(3 * next()));
    }
    using resumed = smallTraining(device);
    resumeTraining(folder, resumed.training, { identity });
    await runTo(resumed.training, step + 3);
    using whole = smallTraining(device);
    await runTo(whole.training, step + 3);
    expect(resumed.training.losses).toEqual(whole.training.losses);
    expect(await valuesOfState(resumed.training)).toEqual(await valuesOfState(whole.training));
    expect(whole.training.state.map(([name]) => name)).toEqual([
      'parameters.weight',
      'parameters.bias',
      'optimizer.master.weight',
      'optimizer.m.weight',
      'optimizer.v.weight',
      'optimizer.m.bias',
      'optimizer.v.bias',
      'optimizer.steps',
      'average.weight',
      'average.bias',
      'trainer.count',
    ]);
  });

  test('keeps its last two checkpoints, and each once', async () => {
    using one = smallTraining(device);
    for (const step of [1, 2, 3]) {
      await runTo(one.training, step);
      const path = await saveTraining(folder, one.training, { identity });
      expect(await saveTraining(folder, one.training, { identity })).toBe(path);
    }
    expect(readdirSync(folder).sort()).toEqual(['step-000000002', 'step-000000003']);
    await runTo(one.training, 4);
    await saveTraining(folder, one.training, { identity, kept: 1 });
    expect(checkpointsOf(folder)).toEqual(['step-000000004']);
  });

  test(`is whole, and not older than what it said, at ${kills} kills amid saves`, async () => {
    const program = compiled('test/train/train_forever.ts');
    const next = uniform(9);
    const env = { ...process.env };
    env.STYLEAR_NATIVE_DIR ??= join(import.meta.dirname, '../../build/Release');
    using whole = smallTraining(device);
    const unfinishedSaves = () =>
      readdirSync(folder).filter((name) => name.endsWith('.tmp')).length;
    let within = 0;
    for (let kill = 0; kill < kills; kill++) {
      const child = spawn(process.execPath, [program, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env,
      });
      let said = '';
      child.stdout.on('data', (data) => {
        said += data;
      });
      await once(child.stdout, 'data');
      await setTimeout(60 * next());
      // Every second one waits for a save, of which few are met by chance where they are fast.
      while (kill % 2 && unfinishedSaves() === 0) await setImmediate();
      child.kill('SIGKILL');
      const [, signal] = await once(child, 'close');
      expect(signal, 'how the program ended').toBe('SIGKILL');
      within += unfinishedSaves();
      using left = smallTraining(device);
      expect(resumeTraining(folder, left.training, { identity })).toBe(true);
      const last = Number(said.trimEnd().split('\n').at(-1));
      expect(left.training.step).toBeGreaterThanOrEqual(last);
      await runTo(whole.training, left.training.step);
      expect(left.training.losses).toEqual(whole.training.losses);
      expect(await valuesOfState(left.training)).toEqual(await valuesOfState(whole.training));
    }
    expect(within, 'kills that came within a save').toBeGreaterThan(kills / 8);
  }, 600_000);
});

describe('a checkpoint', () => {
  test('that is not there is none', () => {
    using one = smallTraining(device);
    expect(resumeTraining(folder, one.training, { identity })).toBe(false);
    mkdirSync(join(folder, 'x.tmp'), { recursive: true });
    expect(resumeTraining(folder, one.training, { identity })).toBe(false);
  });

  test('takes what an interrupted save left away', async () => {
    using one = smallTraining(device);
    mkdirSync(join(folder, 'x.tmp'), { recursive: true });
    writeFileSync(join(folder, 'x.tmp', 'training.json'), '{');
    await runTo(one.training, 1);
    await saveTraining(folder, one.training, { identity });
    expect(readdirSync(folder)).toEqual(['step-000000001']);
  });

  describe('is refused when', () => {
    const saved = async () => {
      using one = smallTraining(device);
      await runTo(one.training, 2);
      return await saveTraining(folder, one.training, { identity });
    };
    const resume = (options = { identity }) => {
      using one = smallTraining(device);
      resumeTraining(folder, one.training, options);
    };

    test('it is of another training', async () => {
      const path = await saved();
      expectRefusal(
        () => resume({ identity: 'other' }),
        'ERR_INPUT',
        `${path}: expected its identity to be "small", as it was begun with, got "other". Go on ` +
          'with that training, or train in another folder.',
      );
    });

    test.each([
      ['{', 'expected the file to be JSON, got '],
      ['[]', 'expected it to be that of a training, got []'],
      [
        '{"format":"stylear-training","version":1,"identity":"small","step":3,"losses":[1]}',
        'expected losses to be those of 3 steps, got 1',
      ],
      [
        '{"format":"stylear-training","version":2,"identity":"small","step":0,"losses":[]}',
        'expected version to be that of a training, got 2',
      ],
    ])('its JSON is %s', async (text, message) => {
      const file = join(await saved(), 'training.json');
      expect(existsSync(file)).toBe(true);
      writeFileSync(file, text);
      expect(() => resume()).toThrow(`${file}: ${message}`);
    });

    test('it has a tensor too many or too few', async () => {
      const path = await saved();
      const file = join(path, 'training.safetensors');
      using one = smallTraining(device);
      const { state } = one.training;
      const but = { state: state.slice(1), losses: [] };
      expect(() => resumeTraining(folder, but, { identity })).toThrow(
        `${file}: expected it to have no tensors but the model's, got ${state[0]![0]} [3, 5]`,
      );
      const more = { state: [...state, ['more', state[0]![1]] as const], losses: [] };
      expect(() => resumeTraining(folder, more, { identity })).toThrow(
        `${file}: expected tensor more to be [3, 5], got no such tensor`,
      );
      const other = state.map(([name], i) => [name, state[i === 0 ? 2 : i]![1]] as const);
      expect(() => resumeTraining(folder, { state: other, losses: [] }, { identity })).toThrow(
        `${file}: expected tensor parameters.weight to be f32, got bf16`,
      );
    });

    test('its tensors are cut short', async () => {
      const file = join(await saved(), 'training.safetensors');
      writeFileSync(file, readFileSync(file).subarray(0, -1));
      expect(() => resume()).toThrow(file);
    });
  });

  test('that cannot be written leaves the ones before', async () => {
    using one = smallTraining(device);
    await runTo(one.training, 1);
    writeFileSync(folder, 'a file');
    await expect(saveTraining(folder, one.training, { identity })).rejects.toMatchObject({
      code: 'ERR_WEIGHTS',
      message: expect.stringContaining(`${folder}: expected the folder to be writable, got `),
    });
  });

  test.runIf(process.platform === 'linux')('that has no place says so, at once', async () => {
    using one = smallTraining(device);
    await runTo(one.training, 1);
    await expect(saveTraining('/proc/stylear', one.training, { identity })).rejects.toMatchObject({
      code: 'ERR_WEIGHTS',
      message: expect.stringContaining('/proc/stylear: expected the folder to be writable, got '),
    });
  });
});
