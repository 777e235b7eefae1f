// What the commands that draw have in common.
import { totalmem } from 'node:os';
import type { Command } from 'commander';
import { Option } from 'commander';
import { StylearError } from '../error.ts';
import type { AnswerStatistics } from '../generate/answer.ts';
import { whole } from '../generate/checked.ts';
import { StyleAR } from '../generate/stylear.ts';
import { listDevices } from '../tensor/open_device.ts';
import { numberOf } from './number_option.ts';

/** The model of a command line, and where it runs. */
export interface ModelOptions {
  readonly model?: string | undefined;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly dtype?: 'f32' | 'bf16' | undefined;
  readonly cacheGb?: number | undefined;
}

/** How a command line draws pictures. */
export interface DrawingOptions extends ModelOptions {
  readonly batch?: number | undefined;
  readonly window?: number | 'auto' | undefined;
  readonly metadata?: boolean | undefined;
}

/** A command with the options of every command that uses a model. */
export function withModel(command: Command): Command {
  return command
    .option(
      '--model <folder>',
      'with a stylear.json; STYLEAR_MODEL or the embedded model unless told',
    )
    .option('--device <name>', 'such as cpu or cuda; the best there is unless told')
    .option('--threads <count>', 'of the CPU', numberOf())
    .addOption(new Option('--dtype <dtype>', 'of activations').choices(['f32', 'bf16']));
}

/** A command with the options of every command that draws. */
export function withDrawing(command: Command): Command {
  return withModel(command)
    .option('--batch <n>', 'pictures that are drawn at once', numberOf(whole(1, 4096)))
    .option('--window <n>', 'tokens that are tried at once for a picture', windowOf, 'auto')
    .option('--cache-gb <gigabytes>', 'for keys and values', numberOf())
    .option('--no-metadata', 'leave out how pictures were made');
}

const numberOfWindow = numberOf(whole(1, 64, 'a whole number from 1 to 64 or auto'));
const windowOf = (text: string) => (text === 'auto' ? text : numberOfWindow(text));

/** The folder of the model that is named, if any; an empty word names none. */
export const namedModel = ({ model }: ModelOptions): string | undefined =>
  model ?? (process.env.STYLEAR_MODEL || undefined);

/** The model on the device that a command line names. */
export function openModel(options: ModelOptions): Promise<StyleAR> {
  const { device, threads, dtype, cacheGb } = options;
  if (cacheGb !== undefined) requireRoom(cacheGb, device);
  const cacheBytes = cacheGb === undefined ? undefined : Math.floor(cacheGb * 1e9);
  return StyleAR.load(namedModel(options), { device, threads, dtype, cacheBytes });
}

/** The kernel gives out more memory than there is, and ends the process that uses it. */
function requireRoom(cacheGb: number, device = listDevices()[0]?.name): void {
  const there = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 1e9;
  const onHost = !device?.startsWith('cuda');
  if (cacheGb > 0 && (cacheGb <= there || !onHost)) return;
  const expected = onHost ? `above 0, at most the ${there.toFixed(1)} of this machine` : 'above 0';
  throw new StylearError('ERR_INPUT', `expected --cache-gb to be ${expected}, got ${cacheGb}`);
}

/** What steps were good for, over many pictures. */
export class StepTally {
  private readonly sum = { pictures: 0, steps: 0, drawn: 0, drafted: 0, accepted: 0 };
  private readonly windows = new Map<number, number>();

  add({ windows, ...counts }: AnswerStatistics): void {
    this.sum.pictures++;
    for (const key of ['steps', 'drawn', 'drafted', 'accepted'] as const)
      this.sum[key] += counts[key];
    for (const [window, steps] of Object.entries(windows))
      this.windows.set(Number(window), (this.windows.get(Number(window)) ?? 0) + steps);
  }

  /** Such as `41.5 steps a picture for 64 drawn tokens, 38 % of drafts right, windows 1: 3, 8: 39`. */
  toString(): string {
    const { pictures, steps, drawn, drafted, accepted } = this.sum;
    const each = (sum: number) => Number((sum / Math.max(pictures, 1)).toFixed(1));
    const right =
      drafted > 0 ? `, ${Math.round((100 * accepted) / drafted)} % of drafts right` : '';
    const windows = [...this.windows].sort(([a], [b]) => a - b);
    const list = windows.map(([window, count]) => `${window}: ${count}`).join(', ');
    return `${each(steps)} steps a picture for ${each(drawn)} drawn tokens${right}, windows ${list}`;
  }
}
