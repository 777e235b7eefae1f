import { existsSync, readFileSync } from 'node:fs';
import { StylearError } from '../error.ts';
import { replaceFile } from '../replace_file.ts';
import { appendToFile } from '../write_file.ts';
import type { TrainingStep } from './loop.ts';

/** The steps of a training as lines of JSON, for people and programs that watch it. */
export class StepLog {
  /** What it holds, the oldest first. */
  readonly steps: TrainingStep[];
  private readonly path: string;

  private constructor(path: string, steps: TrainingStep[]) {
    this.path = path;
    this.steps = steps;
  }

  /**
   * Opens a log, or begins one.
   *
   * Rejects with `ERR_INPUT` when a whole line of it is not a step.
   *
   * @param step  how many steps the training has made: what stands there of later ones, and half a
   *              line, is taken away, since these are made again
   */
  static async open(path: string, step: number): Promise<StepLog> {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    const steps = lines.map((line, i) => stepOf(line, `${path}: expected line ${i + 1}`));
    const kept = steps.filter((one) => one.step <= step);
    if (existsSync(path))
      await replaceFile(path, 'ERR_INPUT', (write) =>
        write(Buffer.from(kept.map(lineOf).join(''))),
      );
    return new StepLog(path, kept);
  }

  append(step: TrainingStep): void {
    this.steps.push(step);
    appendToFile(this.path, lineOf(step));
  }
}

/** All that was measured of a step, by name. */
export const figuresOf = ({
  loss,
  metrics,
  gradientNorm,
  rate,
  seconds,
}: TrainingStep): Readonly<Record<string, number>> => ({
  loss,
  ...metrics,
  gradientNorm,
  rate,
  seconds,
});

function stepOf(line: string, expected: string): TrainingStep {
  try {
    return JSON.parse(line) as TrainingStep;
  } catch (cause) {
    const got = (cause as Error).message;
    const message = `${expected} to be the JSON of a step, got ${got}. Take the line away.`;
    throw new StylearError('ERR_INPUT', message, { cause });
  }
}

const lineOf = (step: TrainingStep): string => `${JSON.stringify(step)}\n`;
