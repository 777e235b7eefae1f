// Text and pictures for HTML pages that need nothing beside them.

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** A text as it is written into HTML, also between double quotes. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (letter) => entities[letter]!);

/**
 * An image that holds its bytes.
 *
 * @param alt  what it shows, not yet escaped
 */
export const pngImage = (png: Uint8Array, alt: string): string =>
  `<img alt="${escapeHtml(alt)}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}">`;
