/**
 * SVG as text: an element is its name, its attributes and what is inside. Numbers are written with two decimals, which is finer than
 * a screen, so that the same plot is the same file.
 */

export type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, content: readonly string[] = []): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(shown(value))}"`);
  const open = `<${name}${written.join('')}`;
  return content.length === 0 ? `${open}/>` : `${open}>${content.join('')}</${name}>`;
}

export function text(words: string, attributes: Attributes): string {
  return element('text', attributes, [escaped(words)]);
}

/** A line through points in pixels. */
export function polyline(points: readonly (readonly [number, number])[], attributes: Attributes): string {
  const written = points.map(([x, y]) => `${shown(x)},${shown(y)}`).join(' ');
  return element('polyline', { points: written, fill: 'none', ...attributes });
}

/** A whole drawing on white, so that it can be read on any page. The title is what a screen reader says, and what hovers over it. */
export function document(
  { title, width, height }: { readonly title: string; readonly width: number; readonly height: number },
  content: readonly string[],
): string {
  const root = {
    xmlns: 'http://www.w3.org/2000/svg',
    role: 'img',
    'aria-label': title,
    viewBox: `0 0 ${shown(width)} ${shown(height)}`,
    width,
    height,
    'font-family': 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif',
    'font-size': 12,
    fill: '#1f2328',
  };
  const page = element('rect', { width, height, fill: '#ffffff' });
  return `${element('svg', root, ['\n', [element('title', {}, [escaped(title)]), page, ...content].join('\n'), '\n'])}\n`;
}

function shown(value: string | number): string {
  return typeof value === 'string' ? value : String(Math.round(value * 100) / 100);
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}
