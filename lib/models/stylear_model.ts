import type { Device } from '../tensor/device.ts';
import { Weights } from '../weights/weights.ts';
import type { Chameleon } from './chameleon.ts';
import type { ChameleonConfig } from './config/chameleon.ts';
import { readResamplerConfig, releasedResampler } from './config/resampler.ts';
import type { StyleARConfig } from './config/stylear.ts';
import { readVqganConfig } from './config/vqgan.ts';
import { applyLora, LoraAdapter } from './lora.ts';
import { openChameleon } from './open_chameleon.ts';
import { openStyleEncoder } from './open_style_encoder.ts';
import { requireImageLogits } from './required_parts.ts';
import type { StyleEncoder } from './style_encoder.ts';
import { Vqgan } from './vqgan.ts';

/** Every network of a StyleAR on one device; disposing of it frees their weights. */
export interface StyleARModel extends Disposable {
  readonly device: Device;
  readonly chameleon: Chameleon;
  readonly chameleonConfig: ChameleonConfig;
  /** StyleAR's own adapter, which is set when the model is opened; undefined where there is none. */
  readonly adapter: LoraAdapter | undefined;
  readonly encoder: StyleEncoder;
  readonly vqgan: Vqgan;
}

/**
 * Opens every part of a StyleAR. The transformer stays in the dtype of its files, all else is in f32;
 * what has the dtype of its file stays in it, on the CPU.
 *
 * Throws `ERR_WEIGHTS` when a part is not what its config says, or draws no pictures.
 */
export function openStyleARModel({ files }: StyleARConfig, device: Device): StyleARModel {
  const owned: Disposable[] = [];
  const own = <T extends Disposable>(part: T): T => {
    owned.push(part);
    return part;
  };
  const dispose = () => {
    for (const part of owned) part[Symbol.dispose]();
  };
  try {
    const { model: chameleon, config } = own(openChameleon(files.transformer, device));
    requireImageLogits(files.transformer, config);
    const adapter =
      files.adapter === undefined
        ? undefined
        : LoraAdapter.of(own(Weights.open(files.adapter, device)), chameleon);
    applyLora(chameleon, adapter);
    const { encoder } = own(
      openStyleEncoder(
        {
          clip: files.clip,
          resampler: files.resampler,
          resamplerConfig: files.resamplerConfig
            ? readResamplerConfig(files.resamplerConfig)
            : releasedResampler,
        },
        device,
      ),
    );
    const vqganWeights = own(Weights.open(files.vqgan, device, { dtype: 'f32' }));
    const vqgan = new Vqgan(vqganWeights, readVqganConfig(files.vqganConfig));
    return {
      device,
      chameleon,
      chameleonConfig: config,
      adapter,
      encoder,
      vqgan,
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
