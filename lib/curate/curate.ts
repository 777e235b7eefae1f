import type { Device } from '../tensor/device.ts';
import { addTokens } from './add_tokens.ts';
import type { CurateConfigOf } from './config.ts';
import type { CurationOptions } from './curation_options.ts';
import { type CurationReport, lockOutput } from './output.ts';
import { curatePictures } from './pictures.ts';

/**
 * Makes the shards that a config asks for, and goes on where an earlier run of the same config stopped.
 * What comes out has the same bytes as that of a run without a break.
 *
 * Throws `ERR_INPUT` where the output is that of another config or other inputs or another run is at it,
 * and with the reason of the signal.
 */
export async function curate(
  config: CurateConfigOf<'tokens' | 'pictures'>,
  device: Device,
  options: CurationOptions = {},
): Promise<CurationReport> {
  using _lock = lockOutput(config.output);
  switch (config.kind) {
    case 'tokens':
      return await addTokens(config, device, options);
    case 'pictures':
      return await curatePictures(config, device, options);
  }
}
