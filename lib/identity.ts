// What something on the disk was made of, so that no run goes on with what another one left.
import { StylearError } from './error.ts';
import { shownValue } from './schema_fault.ts';

/** Keys that a message names. */
const mostNamed = 3;

/**
 * Requires that a run which goes on with something has the settings that it was begun with.
 *
 * Throws `ERR_INPUT` that names the first keys which differ.
 *
 * @param path    of what was begun
 * @param begun   what it was made of: JSON, or any other text
 * @param asked   the same of the run
 * @param advice  a sentence that begins with a verb
 */
export function requireIdentity(path: string, begun: string, asked: string, advice: string): void {
  const [before, now] = [leavesOf(begun), leavesOf(asked)];
  const keys = [...new Set([...before.keys(), ...now.keys()])].filter(
    (key) => JSON.stringify(before.get(key)) !== JSON.stringify(now.get(key)),
  );
  if (keys.length === 0) return;
  const named = keys.slice(0, mostNamed).map((key, i) => {
    const since = i === 0 ? ', as it was begun with' : '';
    return `${key} to be ${shownValue(before.get(key))}${since}, got ${shownValue(now.get(key))}`;
  });
  const others = keys.length - named.length;
  if (others > 0) named.push(`and ${others} more ${others === 1 ? 'key' : 'keys'}`);
  throw new StylearError('ERR_INPUT', `${path}: expected ${named.join('; ')}. ${advice}`);
}

/** The values of nested objects and lists by the keys that lead to them. */
function leavesOf(identity: string): ReadonlyMap<string, unknown> {
  const leaves = new Map<string, unknown>();
  const add = (keys: readonly string[], value: unknown): void => {
    const inner = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    for (const [key, one] of inner) add([...keys, key], one);
    if (inner.length === 0) leaves.set(keys.join('.') || 'its identity', value);
  };
  add([], parsed(identity));
  return leaves;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
