/** A value in a message: a text quoted and cut, what has a class by its name, no elements as `none`. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(cut(value, 80));
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    return String(value);
  }
  if (Array.isArray(value) && value.length === 0) return 'none';
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  if (typeof name !== 'string' || name === '' || name === 'Object') return 'an object';
  return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

/** A text of at most so many characters, and dots where there were more. */
export const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most)}...` : text;
