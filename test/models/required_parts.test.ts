import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { quantiseRows } from '../../lib/index.ts';
import type { ChameleonConfig } from '../../lib/models/config/chameleon.ts';
import {
  requireImageLogits,
  requireImageRows,
  vqganFiles,
} from '../../lib/models/required_parts.ts';
import { onEveryDevice } from '../support/on_every_device.ts';

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

onEveryDevice('requireImageRows', (device) => {
  test('refuses a head whose image rows are zeros, in 8 bits too', async () => {
    using head = device.from(
      Float32Array.from({ length: 6 * 4 }, (_, i) => (i < 8 ? 1 : 0)),
      [6, 4],
    );
    const rows = quantiseRows(head);
    for (const one of [head, rows]) {
      await requireImageRows('lm', one, [0, 1, 2]);
      await expect(requireImageRows('lm', one, [2, 3, 4, 5])).rejects.toThrow(
        'lm: expected the rows of lm_head.weight for image tokens to be trained, got zeros. Take',
      );
    }
    rows.weight.dispose();
    rows.scale.dispose();
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
