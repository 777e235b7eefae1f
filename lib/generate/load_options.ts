import * as z from 'zod';
import type { EstimateOptions } from '../models/estimate.ts';
import { Device } from '../tensor/device.ts';
import { requireParsed, whole } from './checked.ts';

/** What `StyleAR.estimate` assumes. */
export interface EstimateMemoryOptions extends Omit<EstimateOptions, 'cacheTokens' | 'dtype'> {
  /** As `load` takes it: that of the transformer's weights unless told. */
  readonly dtype?: 'f32' | 'bf16' | undefined;
  /** As `load` takes it. */
  readonly cacheBytes?: number | undefined;
}

/** How `StyleAR.load` opens a model. */
export interface LoadOptions {
  /** A device, or the name of one that is opened and closed with the model; the best there is. */
  readonly device?: Device | string | undefined;
  /** Of a device that is opened by name. */
  readonly threads?: number | undefined;
  /** Of the transformer's activations and cache; that of its weights unless told. */
  readonly dtype?: 'f32' | 'bf16' | undefined;
  /**
   * For keys and values of all pictures that are drawn at once; unless told, room for 4 of the
   * largest or what of these fits into 4 GiB, and for one in any case.
   */
  readonly cacheBytes?: number | undefined;
  /** Record steps and replay them, within what `StyleAR.estimate` says of it; true unless told. */
  readonly recorded?: boolean | undefined;
}

const side = whole(1, 2 ** 14);
const memory = {
  dtype: z.enum(['f32', 'bf16'], { error: 'f32 or bf16' }).optional(),
  cacheBytes: whole(1, Number.MAX_SAFE_INTEGER, 'a whole number of bytes from 1').optional(),
  recorded: z.boolean({ error: 'true or false' }).optional(),
};
const deviceWords = 'a device or the name of one';
const loadSchema = z.object(
  {
    ...memory,
    device: z.union([z.string(), z.instanceof(Device)], { error: deviceWords }).optional(),
    threads: whole(1, 1024).optional(),
  },
  { error: 'an object' },
);
const estimateSchema = z.object(
  {
    ...memory,
    rows: whole(1, 2 ** 20).optional(),
    size: z.object({ width: side, height: side }, { error: 'a width and a height' }).optional(),
  },
  { error: 'an object' },
);

/** Throws `ERR_INPUT` naming the option that is out of its range. */
export function checkLoadOptions(options: LoadOptions): void {
  requireParsed(loadSchema, options, 'load', 'options');
}

/** The same for those of an estimate. */
export function checkEstimateOptions(options: EstimateMemoryOptions): void {
  requireParsed(estimateSchema, options, 'estimate', 'options');
}
