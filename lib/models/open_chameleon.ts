import type { Device } from '../tensor/device.ts';
import { Weights, type WeightsOptions } from '../weights/weights.ts';
import { Chameleon } from './chameleon.ts';
import { type ChameleonConfig, readChameleonConfig } from './config/chameleon.ts';

/** A transformer and where its weights are from; disposing of it frees these. */
export interface OpenedChameleon extends Disposable {
  readonly model: Chameleon;
  readonly config: ChameleonConfig;
  readonly weights: Weights;
}

/**
 * The transformer of a checkpoint folder.
 *
 * Throws `ERR_WEIGHTS` when the folder does not hold the network that its config describes.
 *
 * @param folder  has `config.json` and weights; see `weightsOfFolder`
 */
export function openChameleon(
  folder: string,
  device: Device,
  options: WeightsOptions = {},
): OpenedChameleon {
  const config = readChameleonConfig(folder);
  const weights = Weights.open(folder, device, options);
  try {
    const model = new Chameleon(weights, { ...config, maskedIds: maskedIds(config) });
    weights.requireAllRead(isUnused);
    const dispose = () => {
      model.head.dispose();
      weights.dispose();
    };
    return { model, config, weights, [Symbol.dispose]: dispose };
  } catch (error) {
    weights.dispose();
    throw error;
  }
}

/** The image encoder that some files carry inside the transformer is not what anybody reads. */
const isUnused = (name: string): boolean =>
  name.startsWith('model.vqmodel.') || name.endsWith('.rotary_emb.inv_freq');

function maskedIds({ maskImageLogits, vocabularyMap }: ChameleonConfig): number[] {
  if (!maskImageLogits) return [];
  return [...vocabularyMap].flatMap(([name, id]) => (name.startsWith('IMGIMG') ? [id] : []));
}
