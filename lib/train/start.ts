import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { weightsOfFolder } from '../weights/weight_folder.ts';
import type { StageConfig } from './config.ts';

/**
 * The weights from which a network is trained, as `Weights.open` takes them: those told, else those in
 * its folder; undefined for fresh ones, where the folder has none.
 *
 * Throws `ERR_WEIGHTS` where the folder has weights that are not read; see `weightsOfFolder`.
 */
export function startOf(config: StageConfig<'vqgan' | 'clip' | 'language'>): string | undefined {
  switch (config.stage) {
    case 'vqgan': {
      const file = join(config.network, 'vqgan.ckpt');
      return config.start ?? (existsSync(file) ? file : undefined);
    }
    case 'clip':
      return config.start ?? folderWithWeights(config.network);
    case 'language':
      return config.start ?? folderWithWeights(config.transformer);
  }
}

/** The folder and not its file, whose links are the user's; see `OpenShardsOptions`. */
const folderWithWeights = (folder: string): string | undefined =>
  weightsOfFolder(folder) === undefined ? undefined : folder;
