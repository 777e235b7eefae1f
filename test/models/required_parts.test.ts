import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { ChameleonConfig } from '../../lib/models/config/chameleon.ts';
import {
  requireImageLogits,
  requireTransformersClip,
  vqganFiles,
} from '../../lib/models/required_parts.ts';
import type { Weights } from '../../lib/weights/weights.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylear-parts-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('requireImageLogits', () => {
  test('refuses base Chameleon', () => {
    requireImageLogits('lm', { maskImageLogits: false } as ChameleonConfig);
    expect(() => requireImageLogits('lm', { maskImageLogits: true } as ChameleonConfig)).toThrow(
      'lm/config.json: expected mask_image_logits to be false, got true, or nothing, which says the ' +
        'same. Take a checkpoint that was trained to write images, such as Lumina-mGPT-7B-768: base ' +
        'Chameleon reads them only.',
    );
  });
});

describe('requireTransformersClip', () => {
  /** Of a tree only what is asked: whether it has something below a name. */
  const tree = (...names: string[]) => ({ has: (name: string) => names.includes(name) }) as Weights;

  test('refuses the names of open_clip', () => {
    requireTransformersClip(tree('vision_model'), 'clip');
    requireTransformersClip(tree(), 'clip');
    for (const name of ['visual', 'transformer.resblocks'])
      expect(() => requireTransformersClip(tree(name), 'clip')).toThrow(
        'clip: expected the tensors to be those that transformers has, "vision_model...", got those ' +
          'of open_clip, such as "visual.conv1.weight". Take the model.safetensors or ' +
          'pytorch_model.bin of the same model for transformers.',
      );
  });
});

describe('vqganFiles', () => {
  const put = (...names: string[]) => {
    const place = mkdtempSync(join(folder, 'v'));
    for (const name of names) {
      mkdirSync(join(place, name, '..'), { recursive: true });
      writeFileSync(join(place, name), '');
    }
    return place;
  };

  test('finds them in the folder, and in its tokenizer', () => {
    const flat = put('vqgan.ckpt', 'vqgan.yaml');
    expect(vqganFiles(flat)).toEqual({
      checkpoint: join(flat, 'vqgan.ckpt'),
      config: join(flat, 'vqgan.yaml'),
    });
    const deep = put('tokenizer/vqgan.ckpt', 'tokenizer/vqgan.yaml');
    expect(vqganFiles(deep).checkpoint).toBe(join(deep, 'tokenizer/vqgan.ckpt'));
  });

  test('says what is missing and where it is to be had', () => {
    const none = put();
    expect(() => vqganFiles(none)).toThrow(
      `${none}: expected the image tokenizer to be vqgan.ckpt beside vqgan.yaml, got neither. ` +
        'Download both from the tokenizer folder of Chameleon',
    );
    const half = put('tokenizer/vqgan.yaml');
    expect(() => vqganFiles(half)).toThrow(`${join(half, 'tokenizer')}: expected the image`);
    expect(() => vqganFiles(half)).toThrow('got no vqgan.ckpt. ');
  });
});
