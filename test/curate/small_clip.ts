// A CLIP of pictures of 8 x 8 that nobody trained.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Clip, type Device, Weights } from '../../lib/index.ts';
import { readClipConfig } from '../../lib/models/config/clip.ts';
import { byteLevel, clipSplit, smallTokenizer } from '../text/small_tokenizer.ts';

/** Puts it into a new folder. */
export async function writeSmallClip(folder: string, device: Device): Promise<void> {
  const tokenizer = smallTokenizer({
    preTokenizers: [clipSplit, byteLevel(true)],
    endOfWord: '</w>',
    addedTokens: [{ content: '<|startoftext|>' }, { content: '<|endoftext|>' }],
  });
  const end = tokenizer.added_tokens[1]!.id;
  const tower = { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 };
  const common = { ...tower, num_attention_heads: 2, hidden_act: 'gelu', projection_dim: 8 };
  const files = {
    'tokenizer.json': tokenizer,
    'config.json': {
      model_type: 'clip',
      projection_dim: 8,
      text_config: { ...common, vocab_size: end + 1, eos_token_id: end },
      vision_config: { ...common, patch_size: 4, image_size: 8 },
    },
    'preprocessor_config.json': {
      ...{ do_resize: true, size: { shortest_edge: 8 }, resample: 3, do_center_crop: true },
      ...{ crop_size: { height: 8, width: 8 }, do_rescale: true, rescale_factor: 1 / 255 },
      ...{ do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
      ...{ do_convert_rgb: true, image_processor_type: 'CLIPImageProcessor' },
    },
  };
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), JSON.stringify(content));
  using weights = Weights.fresh(device, { seed: 2 });
  new Clip(weights, readClipConfig(folder));
  await weights.save(join(folder, 'model.safetensors'));
}
