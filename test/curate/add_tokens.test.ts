import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CurateConfigOf, readCurateConfig } from '../../lib/curate/config.ts';
import { curate } from '../../lib/curate/curate.ts';
import { takeLock } from '../../lib/file_lock.ts';
import { vqganPixels } from '../../lib/image/vqgan_pixels.ts';
import { openVqgan } from '../../lib/index.ts';
import { Shards } from '../../lib/shards/shards.ts';
import { tarEnd, tarEntry } from '../../lib/shards/tar.ts';
import { decodeSample, encodeSample } from '../../lib/shards/training_sample.ts';
import { writeSampleShards } from '../../lib/shards/write_shards.ts';
import { codeOf, gridUnitsOf } from '../../lib/text/vocabulary.ts';
import { vocabulary } from '../text/chameleon.ts';
import { trainingDevice } from '../train/trained.ts';
import { smallTokenizerConfig, speckled, writePictures, writeSmallVqgan } from './small_vqgan.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-tokens-'));
afterAll(() => rmSync(root, { recursive: true }));
const device = await trainingDevice();
// Two sizes, so that batches end where a size does.
const pictures = [0, 1, 2, 3, 4, 5, 6].map((i) => speckled(i, i === 3 ? 12 : 8));
const common = { kind: 'tokens', shards: ['pictures.index.json'], ...smallTokenizerConfig };

const configOf = (output: string, change: object = {}): CurateConfigOf<'tokens'> => {
  const file = join(root, `${output}.json`);
  writeFileSync(file, JSON.stringify({ ...common, partSize: 3, output, ...change }));
  return readCurateConfig(file) as CurateConfigOf<'tokens'>;
};
const samplesOf = (output: string) => {
  using shards = Shards.open([join(root, `${output}.index.json`)]);
  return Array.from({ length: shards.length }, (_, i) => shards.at(i));
};
const filesOf = (output: string) => readdirSync(root).filter((name) => name.startsWith(output));
const bytesOf = (output: string, end: string) => readFileSync(join(root, output + end));

beforeAll(async () => {
  await writeSmallVqgan(root, device);
  await writePictures(join(root, 'pictures'), pictures);
});

describe('curate of tokens', () => {
  test('writes the samples again, with the tokens of their pictures', async () => {
    const report = await curate(configOf('whole'), device);
    expect(report.samples).toBe(7);
    const [before, after] = [samplesOf('pictures'), samplesOf('whole')];
    after.forEach(({ key, files }, i) => {
      expect(key).toBe(before[i]!.key);
      for (const [extension, bytes] of before[i]!.files)
        expect(files.get(extension)).toEqual(bytes);
      expect(files.size).toBe(before[i]!.files.size + 1);
    });
    using opened = openVqgan(join(root, common.vqgan), device, {
      config: join(root, common.vqganConfig),
    });
    for (const [i, picture] of pictures.entries()) {
      const { width, height } = picture;
      const pixels = device.from(vqganPixels(picture), [1, height, width, 3]);
      const codes = opened.vqgan.encode(pixels);
      const tokens = [...decodeSample(after[i]!).tokens!];
      const [start, tall, wide] = tokens as [number, number, number];
      expect([start, tokens.at(-1)]).toEqual([vocabulary.imageStart, vocabulary.imageEnd]);
      expect([tall, wide].map((id) => gridUnitsOf(vocabulary, id))).toEqual([2, width / 4]);
      const rows = tokens.slice(3, -1);
      const columns = width / 2;
      expect(rows.filter((_, at) => at % (columns + 1) === columns)).toEqual(
        Array(4).fill(vocabulary.newLine),
      );
      const found = rows.flatMap((id) => codeOf(vocabulary, id) ?? []);
      expect(found).toEqual([...(await codes.read())]);
      expect(new Set(found).size).toBeGreaterThan(1);
      for (const tensor of [pixels, codes]) tensor.dispose();
    }
  });

  test('numbers samples through where two have one key, which their JSON keeps', async () => {
    await writePictures(
      join(root, 'first'),
      [0, 1].map((i) => speckled(i)),
    );
    await writePictures(
      join(root, 'second'),
      [2, 3].map((i) => speckled(i)),
      { style: undefined },
    );
    const shards = ['first.index.json', 'second.index.json'];
    await curate(configOf('both', { shards }), device);
    const samples = samplesOf('both').map(decodeSample);
    expect(samples.map(({ key }) => key)).toEqual(['0000000', '0000001', '0000002', '0000003']);
    const captions = ['number 0', 'number 1', 'number 0', 'number 1'];
    expect(samples.map(({ caption }) => caption)).toEqual(captions);
    const styles = [{ i: 0 }, { i: 1 }, { key: '0' }, { key: '1' }];
    expect(samples.map(({ style }) => style)).toEqual(styles);
    expect(samples.every(({ tokens }) => tokens)).toBe(true);
  });

  test('takes shards of others whose keys it would not write, and tells of extensions', async () => {
    const sample = samplesOf('pictures')[0]!;
    const write = (name: string, key: string, extension = 'txt') => {
      const [png, text] = [sample.files.get('png')!, Buffer.from('a cat')];
      const entries = [tarEntry(`${key}.png`, png), tarEntry(`${key}.${extension}`, text), tarEnd];
      writeFileSync(join(root, name), Buffer.concat(entries));
    };
    write('foreign.tar', 'a/café');
    await curate(configOf('foreign', { shards: ['foreign.tar'] }), device);
    const made = decodeSample(samplesOf('foreign')[0]!);
    expect(made).toMatchObject({ key: '0000000', caption: 'a cat', style: { key: 'a/café' } });
    write('odd.tar', 'a', 'txt é');
    await expect(curate(configOf('odd', { shards: ['odd.tar'] }), device)).rejects.toThrow(
      `${join(root, 'odd.tar')}: expected the files of a to have extensions of letters, digits, - ` +
        'and _, got "txt é"',
    );
  });

  test('gives the same tokens for every size of batches and parts', async () => {
    await curate(configOf('single', { batchSize: 1, partSize: 100 }), device);
    expect(bytesOf('single', '-00000.tar').equals(bytesOf('whole', '-00000.tar'))).toBe(true);
  });

  test('leaves the bytes of one run when it was stopped and made again', async () => {
    const config = configOf('parts');
    for (const stopAt of [3, 6]) {
      const controller = new AbortController();
      const { signal } = controller;
      const stopped = curate(config, device, {
        signal,
        onProgress: (_, done) => done === stopAt && controller.abort(),
      });
      await expect(stopped).rejects.toThrow('This operation was aborted');
      expect(existsSync(join(root, 'parts.index.json'))).toBe(false);
    }
    const stages: unknown[] = [];
    await curate(config, device, { onProgress: (...stage) => stages.push(stage) });
    expect(stages.at(-1)).toEqual(['tokens', 7, 7]);
    for (const end of ['-00000.tar'])
      expect(bytesOf('parts', end).equals(bytesOf('whole', end))).toBe(true);
    expect(filesOf('parts').sort()).toEqual([
      ...['parts-00000.tar', 'parts.index.json', 'parts.json', 'parts.report.json'],
    ]);
  });

  test('has nothing left to do when it is made again', async () => {
    const stages: unknown[] = [];
    const onProgress = (...stage: unknown[]) => stages.push(stage);
    const report = await curate(configOf('whole'), device, { onProgress });
    expect([report.samples, stages]).toEqual([7, []]);
  });

  test('does not write over shards of another config, nor over its own input', async () => {
    await expect(curate(configOf('whole', { batchSize: 2 }), device)).rejects.toThrow(
      `${join(root, 'whole.index.json')}: expected batchSize to be 32, as it was begun with, got ` +
        '2. Remove it, or write to another output.',
    );
    await expect(curate(configOf('pictures'), device)).rejects.toThrow(
      'expected what is there to be of this curation, got no report of it. Remove it, or write ' +
        'to another output.',
    );
  });

  test('is refused while another run makes the same output', async () => {
    const config = configOf('busy');
    const lock = takeLock(`${config.output}.lock`, 'it');
    await expect(curate(config, device)).rejects.toThrow(
      `${config.output}.lock: expected no other run to hold the output, got process `,
    );
    lock.release();
    await curate(config, device);
    expect(existsSync(`${config.output}.lock`)).toBe(false);
  });

  test('goes on wherever its files were moved to', async () => {
    const [from, to] = [join(root, 'from'), join(root, 'to')] as const;
    mkdirSync(from);
    for (const name of ['vqgan', ...filesOf('pictures')])
      cpSync(join(root, name), join(from, name), { recursive: true });
    const movedConfig = (folder: string) => {
      const file = join(folder, 'config.json');
      writeFileSync(file, JSON.stringify({ ...common, partSize: 3, output: 'made' }));
      return readCurateConfig(file) as CurateConfigOf<'tokens'>;
    };
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = () => controller.abort();
    const stopped = curate(movedConfig(from), device, { signal, onProgress });
    await expect(stopped).rejects.toThrow('This operation was aborted');
    cpSync(from, to, { recursive: true });
    await curate(movedConfig(to), device);
    expect(readFileSync(join(to, 'made-00000.tar'))).toEqual(bytesOf('whole', '-00000.tar'));
  });

  test('does not take shards of other content for the ones that it was made of', async () => {
    await writePictures(join(root, 'same'), [speckled(1)]);
    await curate(configOf('of-same', { shards: ['same.index.json'] }), device);
    const archive = join(root, 'same-00000.tar');
    const before = readFileSync(archive);
    // The index stays: as many bytes, another caption.
    const at = before.indexOf('number 0');
    writeFileSync(archive, Buffer.concat([before]).fill('9', at + 7, at + 8));
    await expect(
      curate(configOf('of-same', { shards: ['same.index.json'] }), device),
    ).rejects.toThrow('expected shards.content to be "');
  });

  test.each([
    [{ shards: ['nowhere'] }, 'nowhere: expected the file to be readable, got ENOENT'],
    [{ shards: ['no.index.json'] }, 'no.index.json: expected the index to be JSON, got ENOENT'],
    [{ vqgan: 'nowhere' }, 'nowhere: expected the file to be readable, got ENOENT'],
    [{ tokenizer: 'nowhere' }, 'nowhere: expected the file to be readable, got ENOENT'],
    [
      { output: 'vqgan/vqgan.yaml/x' },
      'vqgan.yaml: expected the folder to be writable, got EEXIST',
    ],
  ])('refuses %j', async (change, message) => {
    await expect(curate(configOf('wrong', change), device)).rejects.toMatchObject({
      code: 'ERR_INPUT',
      message: expect.stringContaining(message),
    });
  });

  test('refuses a layout that is not that of the VQGAN', async () => {
    const layout = { ...common.layout, codes: 32, unitPixels: 8 };
    await expect(curate(configOf('other', { layout }), device)).rejects.toThrow(
      `${join(root, common.vqgan)}: expected the VQGAN to be one of 32 codes of 4 pixels, as the ` +
        'layout says, got 16 of 2',
    );
  });

  test('refuses samples without a picture, and pictures of no whole grid units', async () => {
    await writeSampleShards(join(root, 'bare'), [encodeSample({ key: 'a', caption: 'x' })]);
    await expect(curate(configOf('b', { shards: ['bare.index.json'] }), device)).rejects.toThrow(
      'a: expected it to be a sample with a picture, got none',
    );
    await writePictures(join(root, 'odd'), [speckled(1, 6)]);
    await expect(curate(configOf('o', { shards: ['odd.index.json'] }), device)).rejects.toThrow(
      'gridOfPixels: expected width to be a multiple of 4 up to 32 pixels, got 6',
    );
  });
});
