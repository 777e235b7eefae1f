import type { NamedTensors } from './trainer.ts';

/**
 * Names of the matrices of numbered layers. Norms for each head are none, and neither are adapters, whose
 * names do not end in `weight`.
 */
export function layerMatrices(parameters: NamedTensors): Set<string> {
  const matrix = /(^|\.)layers\.\d+\..*(?<!norm)\.weight$/;
  const matrices = parameters.filter(
    ([name, { shape }]) => shape.length === 2 && matrix.test(name),
  );
  return new Set(matrices.map(([name]) => name));
}
