import type { ByteSource } from './byte_source.ts';
import { readSafetensors, type Safetensors } from './safetensors.ts';
import { readTorchFile } from './torch_file.ts';

/**
 * Where the tensors of a file are: one of `torch.save` by its name (`.pth`, `.pt`, `.ckpt`, `.bin`),
 * safetensors by any other.
 *
 * Throws `ERR_WEIGHTS` for whatever `readTorchFile` or `readSafetensors` refuses.
 *
 * @param name  the file's path unless told: what it is called, where that is a link to another name
 */
export function readTensors(source: ByteSource, name: string = source.path): Safetensors {
  if (!/\.(?:pth|pt|ckpt|bin)$/.test(name)) return readSafetensors(source);
  return { ...readTorchFile(source), metadata: new Map() };
}
