// What must be there for images to come out, and what a user can do where it is not. Models are read
// without these: a checkpoint may be trained further, compared, or asked for text.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { weightsError } from '../weights/byte_source.ts';
import type { Weights } from '../weights/weights.ts';
import type { ChameleonConfig } from './config/chameleon.ts';

/**
 * Throws `ERR_WEIGHTS` for base Chameleon, whose config masks the logits of image tokens.
 *
 * @param folder  of the checkpoint, for the error
 */
export function requireImageLogits(folder: string, config: ChameleonConfig): void {
  if (!config.maskImageLogits) return;
  const got = 'true, or nothing, which says the same';
  throw weightsError(join(folder, 'config.json'), 'mask_image_logits', 'false', got, {
    advice:
      'Take a checkpoint that was trained to write images, such as Lumina-mGPT-7B-768: ' +
      'base Chameleon reads them only.',
  });
}

/**
 * Throws `ERR_WEIGHTS` where the weights of CLIP have the names of open_clip instead of transformers'.
 *
 * @param w     the root
 * @param path  of its file or folder, for the error
 */
export function requireTransformersClip(w: Weights, path: string): void {
  if (w.has('vision_model') || !(w.has('visual') || w.has('transformer.resblocks'))) return;
  const got = 'those of open_clip, such as "visual.conv1.weight"';
  throw weightsError(path, 'the tensors', 'those that transformers has, "vision_model..."', got, {
    advice: 'Take the model.safetensors or pytorch_model.bin of the same model for transformers.',
  });
}

/** The files of an image tokenizer. */
export interface VqganFiles {
  readonly checkpoint: string;
  readonly config: string;
}

/**
 * Where `vqgan.ckpt` and `vqgan.yaml` are: in the folder, or in the `tokenizer` of it, as Chameleon is
 * downloaded. A checkpoint of the language model does not hold them, whatever its config says.
 *
 * Throws `ERR_WEIGHTS` when there are none.
 */
export function vqganFiles(folder: string): VqganFiles {
  const [{ place, names }] = [lacking(folder), lacking(join(folder, 'tokenizer'))].sort(
    (a, b) => a.names.length - b.names.length,
  ) as [Place, Place];
  if (names.length === 0) {
    return { checkpoint: join(place, 'vqgan.ckpt'), config: join(place, 'vqgan.yaml') };
  }
  const got = names.length === 1 ? `no ${names[0]}` : 'neither';
  throw weightsError(place, 'the image tokenizer', 'vqgan.ckpt beside vqgan.yaml', got, {
    advice:
      'Download both from the tokenizer folder of Chameleon: pictures cannot be read or written ' +
      'without them, and checkpoints of Lumina-mGPT and StyleAR do not hold them.',
  });
}

interface Place {
  readonly place: string;
  /** What it lacks. */
  readonly names: readonly string[];
}

function lacking(place: string): Place {
  const names = ['vqgan.ckpt', 'vqgan.yaml'].filter((name) => !existsSync(join(place, name)));
  return { place, names };
}
