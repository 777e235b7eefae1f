// A training on the disk: a folder per checkpoint, `step-000001200`, with the tensors and a JSON of
// where it stands. A folder is made whole under another name and then renamed.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { StylearError } from '../error.ts';
import { requireIdentity } from '../identity.ts';
import { makeFolderTree } from '../make_folder.ts';
import { copyIn } from '../ops/copy_slice.ts';
import { flushFolder, replaceFile } from '../replace_file.ts';
import { schemaFault } from '../schema_fault.ts';
import type { Device } from '../tensor/device.ts';
import { scope } from '../tensor/scope.ts';
import { weightsError } from '../weights/byte_source.ts';
import { denseToWrite, Weights } from '../weights/weights.ts';
import { writeSafetensors } from '../weights/write_safetensors.ts';
import type { NamedTensors } from './trainer.ts';

/** What a checkpoint holds of a training; see `Training`. */
export interface Resumable {
  /** Everything on the device that a step changes. */
  readonly state: NamedTensors;
  /** The loss of every step that was made; filled in when it is resumed. */
  readonly losses: number[];
}

/** Whose checkpoints they are, and how many stay. */
export interface SaveTrainingOptions {
  /** What was trained how, such as the JSON of a config: another one is not resumed. */
  readonly identity: string;
  /** Checkpoints that stay, at least 1; the last 2 unless told. */
  readonly kept?: number | undefined;
}

const schema = z.strictObject({
  format: z.literal('stylear-training'),
  version: z.literal(1),
  identity: z.string(),
  step: z.int().min(0),
  losses: z.array(z.number()),
});
const tensorsFile = 'training.safetensors';
const placeFile = 'training.json';

/**
 * Saves a training. Whatever interrupts it, the folder has every checkpoint that was finished before,
 * up to the ones that are kept, and nothing that looks like one and is not.
 *
 * Throws `ERR_WEIGHTS` when the file system refuses.
 *
 * @param folder  of this training alone; it is made where there is none
 * @returns       the path of the checkpoint
 */
export async function saveTraining(
  folder: string,
  training: Resumable,
  { identity, kept = 2 }: SaveTrainingOptions,
): Promise<string> {
  const step = training.losses.length;
  const path = join(folder, `step-${`${step}`.padStart(9, '0')}`);
  if (existsSync(path)) return path;
  const temporary = join(folder, `${randomUUID()}.tmp`);
  await attempt(folder, async () => {
    makeFolderTree(folder);
    removeParts(folder);
    mkdirSync(temporary);
    const tensors = training.state.map(([name, tensor]) => [name, denseToWrite(tensor)] as const);
    await writeSafetensors(join(temporary, tensorsFile), new Map(tensors));
    const place = {
      format: 'stylear-training',
      version: 1,
      identity,
      step,
      losses: training.losses,
    } satisfies z.input<typeof schema>;
    await replaceFile(join(temporary, placeFile), 'ERR_WEIGHTS', (write) =>
      write(Buffer.from(JSON.stringify(place))),
    );
    renameSync(temporary, path);
    flushFolder(folder);
    for (const old of checkpointsOf(folder).slice(0, -kept)) remove(folder, old);
  });
  return path;
}

/**
 * Puts a training where its last checkpoint left it, bit for bit.
 *
 * Throws `ERR_WEIGHTS` when that checkpoint is damaged or of other tensors, and `ERR_INPUT` when it is
 * of a training of another identity.
 *
 * @param training  a new one, of no steps
 * @returns         whether there was a checkpoint
 */
export function resumeTraining(
  folder: string,
  training: Resumable,
  { identity }: Pick<SaveTrainingOptions, 'identity'>,
): boolean {
  const last = checkpointsOf(folder).at(-1);
  if (last === undefined) return false;
  const path = join(folder, last);
  const place = readPlace(join(path, placeFile));
  const advice = 'Go on with that training, or train in another folder.';
  requireIdentity(path, place.identity, identity, advice);
  loadInto(training.state, join(path, tensorsFile));
  // One by one: a call takes no more than some hundred thousand arguments.
  training.losses.length = 0;
  for (const loss of place.losses) training.losses.push(loss);
  return true;
}

/** The names of the checkpoints in a folder, the oldest first; none where there is no folder. */
export function checkpointsOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^step-\d{9,}$/.test(name))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

function readPlace(file: string): z.output<typeof schema> {
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw weightsError(file, 'the file', 'JSON', (cause as Error).message, { cause });
  }
  const result = schema.safeParse(read);
  if (!result.success) {
    const { where, got } = schemaFault(result.error, read);
    throw weightsError(file, where || 'it', 'that of a training', got);
  }
  const { step, losses } = result.data;
  if (losses.length !== step)
    throw weightsError(file, 'losses', `those of ${step} steps`, `${losses.length}`);
  return result.data;
}

function loadInto(state: NamedTensors, file: string): void {
  const [first] = state;
  if (!first) return;
  const device: Device = first[1].device;
  using saved = Weights.open(file, device);
  for (const [name, tensor] of state) {
    const values = saved.tensor(name, tensor.shape);
    if (values.dtype !== tensor.dtype)
      throw weightsError(file, `tensor ${name}`, tensor.dtype, values.dtype);
  }
  saved.requireAllRead();
  scope(() => {
    for (const [name, tensor] of state) copyIn(tensor, saved.tensor(name, tensor.shape), 0);
  });
}

/** Takes a checkpoint away: its name first, so that no half of it is found under it. */
function remove(folder: string, name: string): void {
  const temporary = join(folder, `${randomUUID()}.tmp`);
  renameSync(join(folder, name), temporary);
  rmSync(temporary, { recursive: true });
}

/** What saves that were interrupted left. */
function removeParts(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.endsWith('.tmp')) rmSync(join(folder, name), { recursive: true });
}

async function attempt(folder: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (cause) {
    if (cause instanceof StylearError) throw cause;
    const got = (cause as Error).message;
    throw weightsError(folder, 'the folder', 'writable', got, { cause });
  }
}
